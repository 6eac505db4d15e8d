/* search/advise.c -- of many children, the one that is expected to add most to the front.
 *
 * Children come from the same variation as without a model and from all of the front; then the best few
 * vary further, round by round, so that the whole is a small search on the expected improvement. Trials
 * whose results are not to be seen yet are believed to come out as predicted, or all trials of a
 * window would look alike.
 *
 * Gains are of the function, not of a measurement: what is exact, or has been measured often enough
 * nearby, promises nothing by its noise. What is recorded as expected is the measurement.
 *
 * Measured in docs/architecture.md.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/improvement.h"
#include "search/search_internal.h"
#include "space/view.h"

enum {
    CHILDREN = 140,
    OF_FRONT = 70,  /* the first of them from any member of the front */
    ROUNDS = 60,    /* in each, the best so far have a child each */
    FIRST_LOOK = 64 /* points that tell the most a child may gain; then twice as many, .. */
};

static_assert((int)SEARCH_KEPT <= (int)SEARCH_SEATS, "the best have their children side by side");

/* ---- the front that is to grow ---- */

/* Trials on their way join the models, and the front behind its n members; how many members it has
 * then. */
static size_t believe_pending(struct search__advisor *a, const struct search__proposer *p, size_t n)
{
    const size_t m = (size_t)p->options->objective_count;
    double mean[STORE_MAX_OBJECTIVES];
    size_t t = p->visible;

    if (p->count - t > SEARCH_PENDING)
        t = p->count - SEARCH_PENDING;
    for (; t < p->count; t++) {
        if (p->place[t].rung > 0 || p->place[t].replicate) /* a candidate that is known */
            continue;
        search__expect(a, p, 0, &p->archs[t], mean);
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
            a->worst[k] = fmax(a->worst[k], search__value_of(a, k, point[k]));
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
            const double value = search__value_of(a, k, p->points[level->member[i] * m + k]);
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
            a->front[i * m + k] = search__value_of(a, k, p->points[p->order.item[i].trial * m + k]);
    n = believe_pending(a, p, n);
    find_ends(a, p, level);
    for (size_t i = 0; i < n * m; i++)
        a->front[i] = (a->front[i] - a->base[i % m]) / a->unit[i % m];
    for (size_t k = 0; k < m; k++)
        reference[k] = (a->worst[k] - a->base[k]) / a->unit[k];
    return search_boxes_open(a->front, n, (int)m, reference, boxes, err);
}

/* ---- a climb ---- */

/* Proposals that are weighed side by side, each in its seat. */
struct weighed {
    double gain[SEARCH_SEATS];    /* at most, by the points looked at so far */
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

static void join(struct search__advisor *a, const struct search__proposal *proposal, double gain)
{
    for (int i = 0; i < a->children; i++)
        if (a->pool[i].gain == gain && space_arch_equal(&a->pool[i].proposal.arch, &proposal->arch))
            return;
    a->pool[a->children++] = (struct search__child){*proposal, gain, a->number++};
}

void search__climb_begin(struct search__advisor *a)
{
    a->children = 0;
    a->number = 0;
}

static int compare_children(const void *va, const void *vb)
{
    const struct search__child *a = va, *b = vb;
    if (a->gain != b->gain)
        return a->gain > b->gain ? -1 : 1;
    return a->number - b->number;
}

/* Deviations grow gains, and a few points tell what they are at most. */
void search__climb_join(struct search__proposer *p, struct search_boxes *boxes,
                        struct search__proposal *proposal, int count)
{
    struct search__advisor *a = &p->advisor;
    const size_t all = search_points_count(a->points);
    const double least = a->children < SEARCH_KEPT ? -1 : a->pool[SEARCH_KEPT - 1].gain;
    struct weighed w = {.left = 0};

    assert(count <= SEARCH_SEATS);
    for (int i = 0; i < count; i++) {
        if (!search__acceptable(p, &proposal[i].arch))
            continue;
        search__expect(a, p, i, &proposal[i].arch, proposal[i].mean);
        if (a->violation)
            w.missed[i] = search_model_mean(a->violation);
        w.seat[w.left++] = i;
    }
    for (size_t known = 0; known < all && w.left > 0;) {
        known = known ? 2 * known : FIRST_LOOK;
        weigh(a, p->options->objective_count, boxes, proposal, known, least, &w);
    }
    for (int j = 0; j < w.left; j++) {
        const double gain = w.gain[w.seat[j]] * allowed(a, &w, w.seat[j]);
        if (gain > least)
            join(a, &proposal[w.seat[j]], gain);
    }
    qsort(a->pool, (size_t)a->children, sizeof *a->pool, compare_children);
    a->children = a->children < SEARCH_KEPT ? a->children : SEARCH_KEPT;
}

const struct search__proposal *search__climbed(struct search__advisor *a, double *gain)
{
    *gain = a->children > 0 ? a->pool[0].gain : 0;
    return *gain > 0 ? &a->pool[0].proposal : NULL;
}

void search__settle(const struct space *space, const struct search__niche *niche,
                    struct space_arch *arch)
{
    int choice[SPACE_MAX_POSITIONS];

    space_choices_of(space, arch, choice);
    if (choice[niche->position] == niche->choice)
        return;
    choice[niche->position] = niche->choice;
    space_arch_of(space, choice, arch);
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

void search__climb(struct search__proposer *p, struct rt_rng *rng, struct search_boxes *boxes,
                   const struct search__niche *niche, int rounds)
{
    struct search__advisor *a = &p->advisor;
    struct search__proposal child[SEARCH_SEATS];

    for (int r = 0; r < rounds && a->children > 0; r++) {
        for (int i = 0; i < a->children; i++) {
            const uint64_t other = rt_rng_below(rng, (uint64_t)a->children);
            child[i] = a->pool[i].proposal;
            vary_further(p, rng, &a->pool[other].proposal.arch, &child[i].arch);
            if (niche)
                search__settle(p->space, niche, &child[i].arch);
        }
        search__climb_join(p, boxes, child, a->children);
    }
}

/* ---- advising ---- */

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

static void begin(struct search__proposer *p, struct rt_rng *rng, struct search_boxes *boxes)
{
    struct search__proposal child[SEARCH_SEATS];
    int count = 0;

    search__climb_begin(&p->advisor);
    for (int i = 0; i < CHILDREN; i++) {
        struct search__proposal *next = &child[count++];
        *next = (struct search__proposal){.parent_a = -1, .parent_b = -1};
        if (i < OF_FRONT && !search__equal_alone(p))
            vary_front(p, rng, next);
        else
            search__vary(p, rng, next);
        if (count == SEARCH_SEATS || i + 1 == CHILDREN) {
            search__climb_join(p, boxes, child, count);
            count = 0;
        }
    }
}

rt_status search__advise(struct search__proposer *p, struct rt_rng *rng, bool *found,
                         struct search__proposal *out, struct rt_err *err)
{
    struct search__advisor *a = &p->advisor;
    const size_t seen = search_points_count(a->points);
    const struct search__proposal *best;
    struct search_boxes *boxes = NULL;
    double gain;

    *found = false;
    const rt_status rc = open_boxes(a, p, &boxes, err);
    if (rc == RT_OK) {
        begin(p, rng, boxes);
        search__climb(p, rng, boxes, NULL, ROUNDS);
        best = search__climbed(a, &gain);
        *found = best != NULL;
        if (best) {
            *out = *best;
            out->predicted = a->rung == out->rung;
            if (!search__equal_alone(p) && !search__explore_niches(p, rng, boxes, gain, out))
                search__explore_layers(p, rng, gain, out);
        }
    }
    search__forget_points(a, seen);
    search_boxes_close(boxes);
    return rc;
}
