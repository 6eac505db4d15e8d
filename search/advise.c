/* search/advise.c -- of many children, the one that is expected to add most to the front.
 *
 * A Gaussian process for each objective that costs a trial; the others are known exactly. Children
 * come from the same variation as without it and from all of the front; then the best few vary
 * further, round by round, so that the whole is a small search on the expected improvement. Trials
 * whose results are not to be seen yet are believed to come out as predicted, or all trials of a
 * window would look alike.
 *
 * Scales are fitted when so many results are seen, and in between results are added as they come;
 * both are functions of the results seen and of their number, so a resumed search predicts the
 * same. Of very many trials the best by rank are taken, where the front will grow, and the latest,
 * whose mistakes would be made again.
 *
 * Gains are of the function, not of a measurement: what is exact, or has been measured often enough
 * nearby, promises nothing by its noise. What is recorded as expected is the measurement.
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
    MOST_POINTS = 512, /* known at a fit, of which the best, */
    LATEST = 128,      /* these, where there are more, */
    FITTED = 160,      /* and these, the best, choose the scales */
    LEAST_STEP = 4,    /* results between two fits, and an eighth of all between these */
    MOST_STEP = 32,
    MOST_PENDING = 64, /* the latest ones */
    CHILDREN = 140,
    OF_FRONT = 70,   /* the first of them from any member of the front */
    ROUNDS = 60,     /* in each, the best so far have a child each */
    FIRST_LOOK = 64, /* points that tell the most a child may gain; then twice as many, .. */
    POOL = CHILDREN + SEARCH_KEPT
};

struct search__child {
    struct search__proposal proposal;
    double gain;
    int number; /* decides between equals, so that every qsort() agrees */
};

/* ---- lifecycle ---- */

/* The position of each feature and the gene of each position, as the model scales them: the summaries
 * of a list, and the costs, count as genes of their own. */
static void number_features(const struct space *space, int features, int *position, int *gene)
{
    int f = 0, positions = 0, genes = 0;

    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view view;
        space_gene_of(space, g, &view);
        if (view.choices < 2)
            continue;
        const int each = view.ordered ? 1 : view.choices;
        for (int i = 0; i < view.positions; i++, gene[positions++] = genes)
            for (int j = 0; j < each; j++)
                position[f++] = positions;
        genes++;
        if (view.positions > 1 && view.ordered)
            for (int i = 0; i < 2; i++, gene[positions++] = genes++)
                position[f++] = positions;
        else if (view.positions > 1) {
            for (int i = 0; i < each; i++)
                position[f++] = positions;
            gene[positions++] = genes++;
        }
    }
    for (; f < features; gene[positions++] = genes++)
        position[f++] = positions;
}

static rt_status open_models(struct search__advisor *a, const struct space *space,
                             const struct search_options *options, struct rt_err *err)
{
    int *position = calloc((size_t)a->features, sizeof *position);
    int *gene = calloc((size_t)a->features, sizeof *gene);
    struct space_arch any;
    rt_status rc = RT_OK;

    if (position && gene) {
        number_features(space, a->features, position, gene);
        rc = search_points_open(a->features, position, gene, MOST_POINTS + MOST_STEP + MOST_PENDING,
                                FITTED, &a->points, err);
    } else
        rc = rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    space_smallest(space, &any);
    for (int k = 0; k < options->objective_count && rc == RT_OK; k++)
        if (isnan(space_exact(space, &any, options->objectives[k])))
            rc = search_model_open(a->points, &a->model[k], err);
    if (options->constraint_count && rc == RT_OK)
        rc = search_model_open(a->points, &a->violation, err);
    free(position);
    free(gene);
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
    a->x = calloc((size_t)a->features + 1, sizeof *a->x);
    a->y = calloc(MOST_POINTS, sizeof *a->y);
    a->trial = calloc(MOST_POINTS, sizeof *a->trial);
    a->front = calloc(search_improvement_most((int)m) * m, sizeof *a->front);
    a->pool = calloc(POOL, sizeof *a->pool);
    if (!a->x || !a->y || !a->trial || !a->front || !a->pool)
        return rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    return a->features > 0 ? open_models(a, space, options, err) : RT_OK;
}

void search__advisor_release(struct search__advisor *a)
{
    for (int k = 0; k < STORE_MAX_OBJECTIVES; k++)
        search_model_close(a->model[k]);
    search_model_close(a->violation);
    search_points_close(a->points);
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

/* The best levels, but for some places that the latest get, so that what came out poor is not tried
 * again. Best first. */
static size_t choose_points(struct search__advisor *a, const struct search__levels *levels)
{
    size_t all = 0, newest = 0, n = 0;

    for (size_t l = 0; l < levels->count; l++)
        for (size_t i = 0; i < levels->level[l].count; i++, all++)
            newest = levels->level[l].member[i] > newest ? levels->level[l].member[i] : newest;
    const size_t places = all > MOST_POINTS ? MOST_POINTS - LATEST : MOST_POINTS;
    for (size_t l = 0; l < levels->count; l++)
        for (size_t i = levels->level[l].count; i-- > 0;) { /* latest first */
            const size_t trial = levels->level[l].member[i];
            if (n < places || (trial + LATEST > newest && n < MOST_POINTS))
                a->trial[n++] = trial;
        }
    return n;
}

/* What is known exactly is gained by the factor: fronts span orders of magnitude of size, and half
 * of a small student is worth as much as half of a large one. The logarithm, but of any number; of
 * violations too, which may be of any size and near 0 stay as they are. */
static double length_of(double size)
{
    return asinh(size);
}

/* What is learned of a value: no more than the ceiling, and nothing whose sums are no numbers. */
static double learned(const struct search__advisor *a, size_t k, double value)
{
    return fmax(-1e300, fmin(value, fmin(a->ceiling[k], 1e300)));
}

static void look(struct search__advisor *a, const struct search__proposer *p, int seat,
                 const struct space_arch *arch)
{
    space_features(p->space, arch, a->x);
    search_points_look(a->points, seat, a->x);
}

/* All points but the first n. */
static void forget(struct search__advisor *a, size_t n)
{
    search_points_keep(a->points, n);
    for (int k = 0; k < STORE_MAX_OBJECTIVES; k++)
        if (a->model[k])
            search_model_keep(a->model[k], n);
    if (a->violation)
        search_model_keep(a->violation, n);
}

static void fit(struct search__advisor *a, const struct search__proposer *p)
{
    const size_t m = (size_t)p->options->objective_count;
    double spare[MOST_POINTS];

    a->rung = search__rungs_parents(&p->rungs, (size_t)p->options->population);
    const size_t n = choose_points(a, &p->rungs.levels[a->rung]);
    a->ready = a->points && n >= LEAST_POINTS;
    if (!a->ready)
        return;
    forget(a, 0);
    for (size_t i = 0; i < n; i++) {
        look(a, p, 0, &p->archs[a->trial[i]]);
        search_points_add(a->points);
        search_points_repeated(a->points, search__seeds_of(p, a->trial[i]));
    }
    for (size_t k = 0; k < m; k++) {
        if (!a->model[k])
            continue;
        for (size_t i = 0; i < n; i++)
            a->y[i] = p->points[a->trial[i] * m + k];
        memcpy(spare, a->y, n * sizeof *spare);
        a->ceiling[k] = search_ceiling(spare, n, 10);
        for (size_t i = 0; i < n; i++)
            a->y[i] = learned(a, k, a->y[i]);
        search_model_fit(a->model[k], a->y);
    }
    if (!a->violation)
        return;
    for (size_t i = 0; i < n; i++)
        a->y[i] = length_of(search__violation(p, a->trial[i]));
    search_model_fit(a->violation, a->y);
}

static void add(struct search__advisor *a, const struct search__proposer *p, size_t trial)
{
    const size_t m = (size_t)p->options->objective_count;
    const double *point = p->points + trial * m;

    if (!a->ready || isnan(point[0]) || p->place[trial].rung != a->rung ||
        p->place[trial].replicate) /* means count when the model is fitted next */
        return;
    look(a, p, 0, &p->archs[trial]);
    if (!search_points_add(a->points))
        return;
    for (size_t k = 0; k < m; k++)
        if (a->model[k])
            search_model_add(a->model[k], learned(a, k, point[k]));
    if (a->violation)
        search_model_add(a->violation, length_of(search__violation(p, trial)));
}

void search__advisor_learn(struct search__proposer *p, size_t due)
{
    if (due > 0 && p->visible == due)
        fit(&p->advisor, p);
    else if (p->visible > due)
        add(&p->advisor, p, p->visible - 1);
}

/* ---- advising ---- */

/* An objective of a result as the model has it: exact ones by length_of(). */
static double value_of(const struct search__advisor *a, size_t k, double value)
{
    return a->model[k] ? learned(a, k, value) : length_of(value);
}

/* Looks at an architecture: what it is expected to come to; exact objectives by length_of(). */
static void expect(struct search__advisor *a, const struct search__proposer *p, int seat,
                   const struct space_arch *arch, double *mean)
{
    look(a, p, seat, arch);
    for (int k = 0; k < p->options->objective_count; k++)
        mean[k] = a->model[k] ? search_model_mean(a->model[k])
                              : length_of(space_exact(p->space, arch, p->options->objectives[k]));
}

/* Trials on their way join the models, and the front behind its n members; how many members it has
 * then. */
static size_t believe_pending(struct search__advisor *a, const struct search__proposer *p, size_t n)
{
    const size_t m = (size_t)p->options->objective_count;
    double mean[STORE_MAX_OBJECTIVES];
    size_t t = p->visible;

    if (p->count - t > MOST_PENDING)
        t = p->count - MOST_PENDING;
    for (; t < p->count; t++) {
        if (p->place[t].rung > 0 || p->place[t].replicate) /* a candidate that is known */
            continue;
        expect(a, p, 0, &p->archs[t], mean);
        if (search_points_add(a->points)) {
            for (size_t k = 0; k < m; k++)
                if (a->model[k])
                    search_model_believe(a->model[k]);
            if (a->violation)
                search_model_believe(a->violation);
        }
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
        if (isnan(point[0]) || p->place[t].rung != a->rung || p->place[t].replicate ||
            search__violation(p, t) > 0)
            continue;
        for (size_t k = 0; k < m; k++)
            a->worst[k] = fmax(a->worst[k], value_of(a, k, point[k]));
    }
}

/* The ends of what gains, `best` of the front to `worst`: a->base and a->unit. */
static void find_ends(struct search__advisor *a, const struct search__proposer *p,
                      const struct search__level *level)
{
    const size_t m = (size_t)p->options->objective_count;

    for (size_t k = 0; k < m; k++) {
        a->worst[k] = -INFINITY;
        a->base[k] = INFINITY;
        for (size_t i = 0; i < level->count; i++) {
            const double value = value_of(a, k, p->points[level->member[i] * m + k]);
            a->base[k] = fmin(a->base[k], value);
            a->worst[k] = fmax(a->worst[k], value);
        }
    }
    find_worst(a, p);
    for (size_t k = 0; k < m; k++) { /* beyond the ends there is something to gain too */
        double *worst = &a->worst[k];
        *worst += *worst > a->base[k] ? .1 * (*worst - a->base[k]) : fabs(*worst);
        a->unit[k] = *worst > a->base[k] ? *worst - a->base[k] : 1;
    }
}

/* The front of what is seen and expected, in parts of what gains, cut into boxes. */
static rt_status open_boxes(struct search__advisor *a, struct search__proposer *p,
                            struct search_boxes **boxes, struct rt_err *err)
{
    const size_t m = (size_t)p->options->objective_count, most = search_improvement_most((int)m);
    const struct search__level *level = &p->rungs.levels[a->rung].level[0];
    double reference[STORE_MAX_OBJECTIVES];
    const size_t pending = p->count - p->visible;
    const size_t room = most - (pending < most / 4 ? pending : most / 4);
    size_t n = level->count < room ? level->count : room;

    RT_TRY(search__order_level(&p->order, p->points, (int)m, level, 0, err));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            a->front[i * m + k] = value_of(a, k, p->points[p->order.item[i].trial * m + k]);
    n = believe_pending(a, p, n);
    find_ends(a, p, level);
    for (size_t i = 0; i < n * m; i++)
        a->front[i] = (a->front[i] - a->base[i % m]) / a->unit[i % m];
    for (size_t k = 0; k < m; k++)
        reference[k] = (a->worst[k] - a->base[k]) / a->unit[k];
    return search_boxes_open(a->front, n, (int)m, reference, boxes, err);
}

/* Proposals that are weighed side by side, each in its seat. */
struct weighed {
    double gain[SEARCH_SEATS];    /* or a bound of it that is too low */
    double missed[SEARCH_SEATS];  /* what constraints are expected to be missed by */
    int seat[SEARCH_SEATS], left; /* those that may still gain enough */
};

/* How likely what is looked at in a seat keeps the constraints, or breaks them by next to nothing. */
static double allowed(const struct search__advisor *a, const struct weighed *w, int seat)
{
    double sd;

    if (!a->violation)
        return 1;
    search_model_deviations(a->violation, &seat, 1, SIZE_MAX, &sd);
    return .5 *
           erfc((w->missed[seat] - .01) / hypot(sd, search_model_noise(a->violation)) / sqrt(2));
}

/* Gains by deviations as the first `known` points leave them; only those above `least` are left. */
static void weigh(struct search__advisor *a, int m, struct search_boxes *boxes,
                  struct search__proposal *proposal, size_t known, double least, struct weighed *w)
{
    double deviation[STORE_MAX_OBJECTIVES][SEARCH_SEATS] = {{0}};
    double mean[STORE_MAX_OBJECTIVES], sd[STORE_MAX_OBJECTIVES];
    int left = 0;

    for (int k = 0; k < m; k++)
        if (a->model[k])
            search_model_deviations(a->model[k], w->seat, w->left, known, deviation[k]);
    for (int j = 0; j < w->left; j++) {
        struct search__proposal *of = &proposal[w->seat[j]];
        for (int k = 0; k < m; k++) {
            mean[k] = (of->mean[k] - a->base[k]) / a->unit[k];
            sd[k] = deviation[k][j] / a->unit[k];
            of->sd[k] = a->model[k] ? hypot(deviation[k][j], search_model_noise(a->model[k])) : 0;
        }
        const double gain = search_improvement(boxes, mean, sd);
        w->gain[w->seat[j]] = gain;
        if (gain > least)
            w->seat[left++] = w->seat[j];
    }
    w->left = left;
}

static void keep(struct search__advisor *a, const struct search__proposal *proposal, double gain)
{
    double *least = &a->best[SEARCH_KEPT - 1];

    if (!(gain > *least))
        return;
    for (int i = 0; i < a->children; i++)
        if (a->pool[i].gain == gain && space_arch_equal(&a->pool[i].proposal.arch, &proposal->arch))
            return;
    a->pool[a->children++] = (struct search__child){*proposal, gain, a->number++};
    *least = gain;
    for (int i = SEARCH_KEPT - 1; i > 0 && a->best[i] > a->best[i - 1]; i--) {
        const double better = a->best[i];
        a->best[i] = a->best[i - 1];
        a->best[i - 1] = better;
    }
}

/* Those of the proposals that gain more than the least of the best so far join the pool. Deviations grow gains,
 * and a few points tell what they are at most. */
static void consider(struct search__advisor *a, const struct search__proposer *p,
                     struct search_boxes *boxes, struct search__proposal *proposal, int count)
{
    const size_t all = search_points_count(a->points);
    const double least = a->best[SEARCH_KEPT - 1];
    struct weighed w = {.left = 0};

    for (int i = 0; i < count; i++) {
        if (!search__acceptable(p, &proposal[i].arch))
            continue;
        expect(a, p, i, &proposal[i].arch, proposal[i].mean);
        if (a->violation)
            w.missed[i] = search_model_mean(a->violation);
        w.seat[w.left++] = i;
    }
    for (size_t known = FIRST_LOOK, before = 0; before < all && w.left > 0;
         before = known, known *= 2)
        weigh(a, p->options->objective_count, boxes, proposal, known, least, &w);
    for (int j = 0; j < w.left; j++)
        keep(a, &proposal[w.seat[j]], w.gain[w.seat[j]] * allowed(a, &w, w.seat[j]));
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

/* One position moves, by two places at most where they are ordered. */
static void nudge(const struct space *space, struct rt_rng *rng, struct space_arch *arch)
{
    const struct space_arch from = *arch;
    int choice[SPACE_MAX_POSITIONS];

    for (int attempt = 0; attempt < 32 && space_arch_equal(arch, &from); attempt++) {
        const int at = (int)rt_rng_below(rng, (uint64_t)space_positions(space));
        struct space_gene_view gene = {.positions = 0};
        space_choices_of(space, &from, choice);
        for (int g = 0; at >= gene.first + gene.positions; g++)
            space_gene_of(space, g, &gene);
        const int reach = gene.ordered ? 2 : gene.choices;
        const int to = choice[at] - reach + (int)rt_rng_below(rng, 2 * (uint64_t)reach + 1);
        if (choice[at] < 0 || to < 0 || to >= gene.choices)
            continue;
        choice[at] = to;
        space_arch_of(space, choice, arch);
    }
}

/* A child of one of the best: crossed with another, one in four, or moved. */
static void vary_further(const struct search__proposer *p, struct rt_rng *rng,
                         const struct space_arch *other, struct space_arch *arch)
{
    const bool cross = rt_rng_below(rng, 4) == 0;

    if (cross)
        space_crossover(p->space, rng, arch, other, arch);
    if (search__equal_alone(p))
        space_mutate_tied(p->space, rng, SPACE_TIE_UNIFORM, arch, arch);
    else if (!cross && rt_rng_below(rng, 4) > 0)
        nudge(p->space, rng, arch);
    else if (!cross)
        space_mutate(p->space, rng, arch, arch);
}

/* The best so far have a child each; so the next ones may be children of these. */
static void refine(struct search__advisor *a, const struct search__proposer *p, struct rt_rng *rng,
                   struct search_boxes *boxes)
{
    struct search__proposal child[SEARCH_SEATS];

    sort_children(a);
    a->children = a->children < SEARCH_KEPT ? a->children : SEARCH_KEPT;
    for (int best = 0; best < a->children; best++) {
        const uint64_t other = rt_rng_below(rng, (uint64_t)a->children);
        child[best] = a->pool[best].proposal;
        vary_further(p, rng, &a->pool[other].proposal.arch, &child[best].arch);
    }
    consider(a, p, boxes, child, a->children);
}

/* A member of the front moved; of all, not of the survivors alone. */
static void vary_front(const struct search__proposer *p, struct rt_rng *rng,
                       struct search__proposal *out)
{
    const struct search__level *front = &p->rungs.levels[p->advisor.rung].level[0];
    const size_t trial = front->member[rt_rng_below(rng, front->count)];

    out->origin = "mutation";
    out->parent_a = (int64_t)trial;
    space_mutate(p->space, rng, &p->archs[trial], &out->arch);
}

rt_status search__advise(struct search__proposer *p, struct rt_rng *rng, bool *found,
                         struct search__proposal *out, struct rt_err *err)
{
    struct search__advisor *a = &p->advisor;
    struct search__proposal child[SEARCH_SEATS];
    struct search_boxes *boxes = NULL;
    const size_t seen = search_points_count(a->points);
    rt_status rc;

    for (int i = 0; i < SEARCH_KEPT; i++)
        a->best[i] = -1;
    a->children = 0;
    a->number = 0;
    rc = open_boxes(a, p, &boxes, err);
    for (int i = 0; i < CHILDREN && rc == RT_OK; i++) {
        child[i % SEARCH_SEATS] = (struct search__proposal){.parent_a = -1, .parent_b = -1};
        if (i < OF_FRONT && !search__equal_alone(p))
            vary_front(p, rng, &child[i % SEARCH_SEATS]);
        else
            search__vary(p, rng, &child[i % SEARCH_SEATS]);
        if ((i + 1) % SEARCH_SEATS == 0 || i + 1 == CHILDREN)
            consider(a, p, boxes, child, i % SEARCH_SEATS + 1);
    }
    for (int r = 0; r < ROUNDS && a->children > 0; r++)
        refine(a, p, rng, boxes);
    forget(a, seen);
    search_boxes_close(boxes);
    sort_children(a);
    *found = a->children > 0 && a->pool[0].gain > 0;
    if (*found) {
        *out = a->pool[0].proposal;
        out->predicted = a->rung == out->rung;
    }
    return rc;
}
