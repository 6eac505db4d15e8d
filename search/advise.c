/* search/advise.c -- of many children, the one that is expected to add most to the front.
 *
 * A Gaussian process for each objective that costs a trial; the others are known exactly. Children
 * come from the same variation as without it; then the best few vary further, round by round, so
 * that the whole is a small search on the expected improvement. Trials whose results are not to be
 * seen yet are believed to come out as predicted, or all trials of a window would look alike.
 *
 * Scales are fitted when so many results are seen, and in between results are added as they come;
 * both are functions of the results seen and of their number, so a resumed search predicts the
 * same. Of many trials the best ones by rank are taken: there the front will grow.
 *
 * The model learns most near the best, and is too sure of what it knows from afar. So later, when
 * what it is sure of has been tried, one trial in four is bold: chosen as if deviations were thrice
 * as large. What is recorded is what is believed.
 *
 * Measured in docs/architecture.md.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/improvement.h"
#include "search/search_internal.h"
#include "space/view.h"

enum {
    LEAST_POINTS = 8,  /* below, the model steps aside */
    MOST_POINTS = 160, /* of one fit */
    LEAST_STEP = 4,    /* results between two fits, and an eighth of all between these */
    MOST_STEP = 32,
    MOST_PENDING = 64, /* the latest ones */
    CHILDREN = 140,
    ROUNDS = 6,
    KEPT = 8,        /* of each round */
    EACH = 10,       /* children of each that is kept */
    BOLD_FROM = 128, /* the trial with which it begins: before, boldness costs more than it finds */
    BOLD_EVERY = 4,
    BOLD = 3, /* factor of deviations */
    POOL = CHILDREN > KEPT *(EACH + 1) ? CHILDREN : KEPT *(EACH + 1)
};

struct search__child {
    struct search__proposal proposal;
    double gain;
    int number; /* decides between equals, so that every qsort() agrees */
};

/* ---- lifecycle ---- */

/* Features that share a scale: a gene, the positions of a list, its summaries each. */
static int group_features(const struct space *space, int features, int *group)
{
    int f = 0, groups = 0;

    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view gene;
        space_gene_of(space, g, &gene);
        if (gene.choices < 2)
            continue;
        const int each = gene.ordered ? 1 : gene.choices;
        for (int i = 0; i < gene.positions * each; i++)
            group[f++] = groups;
        groups++;
        for (int i = 0; gene.positions > 1 && i < (gene.ordered ? 2 : each); i++)
            group[f++] = gene.ordered ? groups++ : groups;
        groups += gene.positions > 1 && !gene.ordered;
    }
    while (f < features)
        group[f++] = groups++;
    if (groups <= SEARCH_MODEL_GROUPS)
        return groups;
    for (f = 0; f < features; f++) /* neighbours share theirs */
        group[f] = group[f] * SEARCH_MODEL_GROUPS / groups;
    return SEARCH_MODEL_GROUPS;
}

static rt_status open_models(struct search__advisor *a, const struct space *space,
                             const struct search_options *options, struct rt_err *err)
{
    int *group = calloc((size_t)a->features + 1, sizeof *group);
    struct space_arch any;
    rt_status rc = RT_OK;

    if (!group)
        return rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    const int groups = group_features(space, a->features, group);
    space_smallest(space, &any);
    for (int k = 0; k < options->objective_count && groups > 0 && rc == RT_OK; k++)
        if (isnan(space_exact(space, &any, options->objectives[k])))
            rc = search_model_open(a->features, group, groups,
                                   MOST_POINTS + MOST_STEP + MOST_PENDING, &a->model[k], err);
    if (options->constraint_count && groups > 0 && rc == RT_OK)
        rc = search_model_open(a->features, group, groups, MOST_POINTS + MOST_STEP, &a->violation,
                               err);
    free(group);
    return rc;
}

rt_status search__advisor_init(struct search__advisor *a, const struct space *space,
                               const struct search_options *options, struct rt_err *err)
{
    const size_t m = (size_t)options->objective_count;

    *a = (struct search__advisor){.features = 0};
    if (options->surrogate == SEARCH_SURROGATE_NONE)
        return RT_OK;
    a->features = space_feature_count(space);
    a->x = calloc((size_t)(a->features + 1) * MOST_POINTS, sizeof *a->x);
    a->y = calloc(MOST_POINTS, sizeof *a->y);
    a->trial = calloc(MOST_POINTS, sizeof *a->trial);
    a->front = calloc(search_improvement_most((int)m) * m, sizeof *a->front);
    a->pool = calloc(POOL, sizeof *a->pool);
    if (!a->x || !a->y || !a->trial || !a->front || !a->pool)
        return rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    return open_models(a, space, options, err);
}

void search__advisor_release(struct search__advisor *a)
{
    for (int k = 0; k < STORE_MAX_OBJECTIVES; k++)
        search_model_close(a->model[k]);
    search_model_close(a->violation);
    free(a->x);
    free(a->y);
    free(a->trial);
    free(a->front);
    free(a->pool);
    *a = (struct search__advisor){.features = 0};
}

/* ---- learning ---- */

size_t search__advisor_due(const struct search_options *options, size_t seen)
{
    size_t at = 0, next = options->initial > LEAST_POINTS ? (size_t)options->initial : LEAST_POINTS;

    while (options->surrogate != SEARCH_SURROGATE_NONE && next <= seen) {
        const size_t step = next / 8;
        at = next;
        next += step < LEAST_STEP ? LEAST_STEP : step > MOST_STEP ? MOST_STEP : step;
    }
    return at;
}

static int compare_trials(const void *va, const void *vb)
{
    const size_t a = *(const size_t *)va, b = *(const size_t *)vb;
    return a < b ? -1 : a > b;
}

/* The best levels, in order of number. */
static size_t choose_points(struct search__advisor *a, const struct search__levels *levels)
{
    size_t n = 0;

    for (size_t l = 0; l < levels->count; l++)
        for (size_t i = levels->level[l].count; i-- > 0 && n < MOST_POINTS;) /* latest first */
            a->trial[n++] = levels->level[l].member[i];
    qsort(a->trial, n, sizeof *a->trial, compare_trials);
    return n;
}

/* What is known exactly is gained by the factor: fronts span orders of magnitude of size, and half
 * of a small student is worth as much as half of a large one. The logarithm, but of any number; of
 * violations too, which may be of any size and near 0 stay as they are. */
static double length_of(double size)
{
    return asinh(size);
}

static void fit(struct search__advisor *a, const struct search__proposer *p)
{
    const size_t m = (size_t)p->options->objective_count;
    double sorted[MOST_POINTS];

    a->rung = search__rungs_parents(&p->rungs, (size_t)p->options->population);
    const size_t n = choose_points(a, &p->rungs.levels[a->rung]);
    a->ready = n >= LEAST_POINTS;
    for (size_t i = 0; i < n; i++)
        space_features(p->space, &p->archs[a->trial[i]], a->x + i * (size_t)a->features);
    for (size_t k = 0; k < m && a->ready; k++) {
        if (!a->model[k])
            continue;
        for (size_t i = 0; i < n; i++)
            a->y[i] = p->points[a->trial[i] * m + k];
        memcpy(sorted, a->y, n * sizeof *sorted);
        a->ceiling[k] = search_ceiling(sorted, n, 10);
        for (size_t i = 0; i < n; i++)
            a->y[i] = fmin(a->y[i], a->ceiling[k]);
        search_model_fit(a->model[k], a->x, a->y, n);
    }
    if (!a->violation || !a->ready)
        return;
    for (size_t i = 0; i < n; i++)
        a->y[i] = length_of(search__violation(p, a->trial[i]));
    search_model_fit(a->violation, a->x, a->y, n);
}

static void add(struct search__advisor *a, const struct search__proposer *p, size_t trial)
{
    const size_t m = (size_t)p->options->objective_count;
    const double *point = p->points + trial * m;

    if (!a->ready || isnan(point[0]) || p->place[trial].rung != a->rung)
        return;
    space_features(p->space, &p->archs[trial], a->x);
    for (size_t k = 0; k < m; k++)
        if (a->model[k])
            search_model_add(a->model[k], a->x, fmin(point[k], a->ceiling[k]));
    if (a->violation)
        search_model_add(a->violation, a->x, length_of(search__violation(p, trial)));
}

void search__advisor_learn(struct search__proposer *p, size_t due)
{
    if (due > 0 && p->visible == due)
        fit(&p->advisor, p);
    else if (p->visible > due)
        add(&p->advisor, p, p->visible - 1);
}

/* ---- advising ---- */

/* Leaves the features in a->x; exact objectives by length_of(). */
static void predict(const struct search__advisor *a, const struct search__proposer *p,
                    const struct space_arch *arch, double *mean, double *sd)
{
    space_features(p->space, arch, a->x);
    for (int k = 0; k < p->options->objective_count; k++)
        if (a->model[k]) {
            search_model_predict(a->model[k], a->x, &mean[k], &sd[k]);
        } else {
            mean[k] = length_of(space_exact(p->space, arch, p->options->objectives[k]));
            sd[k] = 0;
        }
}

/* Trials on their way join the models, and the front behind its n members; how many members it has
 * then. */
static size_t believe_pending(struct search__advisor *a, const struct search__proposer *p, size_t n)
{
    const size_t m = (size_t)p->options->objective_count;
    double mean[STORE_MAX_OBJECTIVES], sd[STORE_MAX_OBJECTIVES];
    size_t t = p->visible;

    if (p->count - t > MOST_PENDING)
        t = p->count - MOST_PENDING;
    for (; t < p->count; t++) {
        if (p->place[t].rung > 0) /* a candidate that is known from the rung below */
            continue;
        predict(a, p, &p->archs[t], mean, sd);
        for (size_t k = 0; k < m; k++)
            if (a->model[k])
                search_model_believe(a->model[k], a->x);
        if (n < search_improvement_most((int)m))
            memcpy(a->front + n++ * m, mean, m * sizeof *mean);
    }
    return n;
}

/* The worst of all that is seen and keeps the constraints: members as costly as the largest may yet
 * join the front, however poor the first of them came out. */
static void find_worst(struct search__advisor *a, const struct search__proposer *p)
{
    const size_t m = (size_t)p->options->objective_count;

    for (size_t t = 0; t < p->visible; t++) {
        const double *point = p->points + t * m;
        if (isnan(point[0]) || p->place[t].rung != a->rung || search__violation(p, t) > 0)
            continue;
        for (size_t k = 0; k < m; k++)
            a->worst[k] = fmax(a->worst[k],
                               a->model[k] ? fmin(point[k], a->ceiling[k]) : length_of(point[k]));
    }
}

/* The front of what is seen and expected, cut into boxes. Where it has too many members for that,
 * the less crowded. */
static rt_status open_boxes(struct search__advisor *a, struct search__proposer *p,
                            struct search_boxes **boxes, struct rt_err *err)
{
    const size_t m = (size_t)p->options->objective_count, most = search_improvement_most((int)m);
    const struct search__level *level = &p->rungs.levels[a->rung].level[0];
    double best[STORE_MAX_OBJECTIVES] = {0}, *worst = a->worst;
    const size_t room =
        most - (p->count - p->visible < most / 4 ? p->count - p->visible : most / 4);
    size_t n = level->count < room ? level->count : room;

    RT_TRY(search__order_level(&p->order, p->points, (int)m, level, 0, err));
    for (size_t i = 0; i < level->count; i++) {
        double point[STORE_MAX_OBJECTIVES];
        memcpy(point, p->points + p->order.item[i].trial * m, m * sizeof *point);
        for (size_t k = 0; k < m; k++) {
            point[k] = a->model[k] ? fmin(point[k], a->ceiling[k]) : length_of(point[k]);
            best[k] = i ? fmin(best[k], point[k]) : point[k];
            worst[k] = i ? fmax(worst[k], point[k]) : point[k];
        }
        if (i < n)
            memcpy(a->front + i * m, point, m * sizeof *point);
    }
    n = believe_pending(a, p, n);
    find_worst(a, p);
    for (size_t k = 0; k < m; k++) /* beyond the ends there is something to gain too */
        worst[k] += worst[k] > best[k] ? .1 * (worst[k] - best[k]) : fabs(worst[k]);
    return search_boxes_open(a->front, n, (int)m, worst, boxes, err);
}

/* How likely the architecture of a->x keeps the constraints, or breaks them by next to nothing. */
static double allowed(const struct search__advisor *a)
{
    double mean, sd;

    if (!a->violation)
        return 1;
    search_model_predict(a->violation, a->x, &mean, &sd);
    return .5 * erfc((mean - .01) / sd / sqrt(2));
}

static void consider(struct search__advisor *a, const struct search__proposer *p,
                     struct search_boxes *boxes, struct search__proposal *proposal)
{
    const bool bold = p->count >= BOLD_FROM && p->count % BOLD_EVERY == 0;
    double sd[STORE_MAX_OBJECTIVES];

    if (!search__acceptable(p, &proposal->arch))
        return;
    predict(a, p, &proposal->arch, proposal->mean, proposal->sd);
    for (int k = 0; k < p->options->objective_count; k++)
        sd[k] = proposal->sd[k] * (bold ? BOLD : 1);
    a->pool[a->children++] = (struct search__child){
        *proposal, search_improvement(boxes, proposal->mean, sd) * allowed(a), a->number++};
}

static int compare_children(const void *va, const void *vb)
{
    const struct search__child *a = va, *b = vb;
    if (a->gain != b->gain)
        return a->gain > b->gain ? -1 : 1;
    return a->number - b->number;
}

static void sort_children(struct search__advisor *a)
{
    qsort(a->pool, (size_t)a->children, sizeof *a->pool, compare_children);
}

/* The best go on to vary, by mutation and, one in four, by crossing with another of them. */
static void refine(struct search__advisor *a, const struct search__proposer *p, struct rt_rng *rng,
                   struct search_boxes *boxes)
{
    sort_children(a);
    a->children = a->children < KEPT ? a->children : KEPT;
    for (int best = 0, kept = a->children; best < kept; best++)
        for (int i = 0; i < EACH; i++) {
            struct search__proposal child = a->pool[best].proposal;
            const struct space_arch *other =
                &a->pool[rt_rng_below(rng, (uint64_t)kept)].proposal.arch;
            if (i % 4 == 3)
                space_crossover(p->space, rng, &child.arch, other, &child.arch);
            else
                space_mutate(p->space, rng, &child.arch, &child.arch);
            consider(a, p, boxes, &child);
        }
}

rt_status search__advise(struct search__proposer *p, struct rt_rng *rng, bool *found,
                         struct search__proposal *out, struct rt_err *err)
{
    struct search__advisor *a = &p->advisor;
    struct search_boxes *boxes = NULL;
    size_t seen[STORE_MAX_OBJECTIVES] = {0};
    rt_status rc;

    for (int k = 0; k < p->options->objective_count; k++)
        seen[k] = a->model[k] ? search_model_count(a->model[k]) : 0;
    a->children = 0;
    a->number = 0;
    rc = open_boxes(a, p, &boxes, err);
    for (int i = 0; i < CHILDREN && rc == RT_OK; i++) {
        struct search__proposal child = {.parent_a = -1, .parent_b = -1};
        search__vary(p, rng, &child);
        consider(a, p, boxes, &child);
    }
    for (int r = 0; r < ROUNDS && a->children > 0; r++)
        refine(a, p, rng, boxes);
    for (int k = 0; k < p->options->objective_count; k++)
        if (a->model[k])
            search_model_keep(a->model[k], seen[k]);
    search_boxes_close(boxes);
    sort_children(a);
    *found = a->children > 0 && a->pool[0].gain > 0;
    if (*found) {
        *out = a->pool[0].proposal;
        out->predicted = a->rung == out->rung;
    }
    return rc;
}
