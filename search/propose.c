/* search/propose.c -- what to try next: anchors, space-filling, then steady-state NSGA-II.
 *
 * Everything random comes from the stream (seed, RT_STREAM_PROPOSE, n), and results are seen in
 * order and exactly up to trial n - W, however many more are known by then; so a proposal never
 * depends on who was quick.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"

enum {
    FILL_CANDIDATES = 64,  /* feasible samples to choose the most distant from */
    FILL_DRAWS = 4096,     /* samples to find them among */
    BREED_DRAWS = 512,     /* children to draw before looking elsewhere */
    LOOK_AT_ALL = 1 << 20, /* the largest space that is looked through for what is left */
    LAST_DRAWS = 200000    /* draws in a larger one before it counts as exhausted */
};

/* ---- which architectures were tried ---- */

static uint64_t hash_of(const struct space_arch *a)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    const int genes[] = {a->depth, a->width, a->head_dim, a->patch};

    for (size_t i = 0; i < 4; i++)
        h = (h ^ (uint64_t)genes[i]) * UINT64_C(0xbf58476d1ce4e5b9);
    for (int l = 0; l < a->depth; l++) {
        const uint64_t layer = (uint64_t)a->heads[l] << 32 | (uint64_t)a->ffn[l];
        h = ((h ^ h >> 29) + layer) * UINT64_C(0x94d049bb133111eb);
    }
    return h ^ h >> 32;
}

/* The slot that holds an equal architecture, or the empty one where it belongs. */
static size_t *slot_of(const struct search__proposer *p, const struct space_arch *arch)
{
    size_t i = (size_t)hash_of(arch) & (p->slot_count - 1);

    while (p->slots[i] && !space_arch_equal(&p->archs[p->slots[i] - 1], arch))
        i = (i + 1) & (p->slot_count - 1);
    return &p->slots[i];
}

bool search__tried(const struct search__proposer *p, const struct space_arch *arch)
{
    return *slot_of(p, arch) != 0;
}

static bool acceptable(const struct search__proposer *p, const struct space_arch *arch)
{
    return !search__tried(p, arch) && space_feasible(p->space, arch, NULL);
}

/* ---- lifecycle ---- */

static rt_status no_memory(struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory for the history of the search");
}

static rt_status grow(struct search__proposer *p, struct rt_err *err)
{
    const size_t room = p->room ? 2 * p->room : 256;
    const size_t row = (size_t)p->options->objective_count * sizeof *p->points;
    struct space_arch *archs = realloc(p->archs, room * sizeof *archs);
    if (archs)
        p->archs = archs;
    double *points = realloc(p->points, room * row);
    if (points)
        p->points = points;
    size_t *slots = calloc(4 * room, sizeof *slots); /* a power of two, at most a quarter full */
    if (!archs || !points || !slots) {
        free(slots);
        return no_memory(err);
    }
    free(p->slots);
    p->slots = slots;
    p->slot_count = 4 * room;
    p->room = room;
    for (size_t i = 0; i < p->count; i++)
        *slot_of(p, &p->archs[i]) = i + 1;
    return RT_OK;
}

rt_status search__proposer_init(struct search__proposer *p, const struct space *space,
                                const struct search_options *options, struct rt_err *err)
{
    *p = (struct search__proposer){.space = space, .options = options, .stale = true};
    p->size = space_size(space);
    p->survivors = calloc((size_t)options->population, sizeof *p->survivors);
    if (!p->survivors)
        return no_memory(err);
    if (grow(p, err) != RT_OK) {
        search__proposer_release(p);
        return RT_ENOMEM;
    }
    return RT_OK;
}

void search__proposer_release(struct search__proposer *p)
{
    search__levels_release(&p->levels);
    free(p->archs);
    free(p->points);
    free(p->slots);
    free(p->survivors);
    free(p->crowding);
    free(p->pool);
    *p = (struct search__proposer){.count = 0};
}

rt_status search__proposer_add(struct search__proposer *p, const struct space_arch *arch,
                               struct rt_err *err)
{
    if (p->count == p->room)
        RT_TRY(grow(p, err));
    p->archs[p->count] = *arch;
    *slot_of(p, arch) = p->count + 1;
    p->count++;
    return RT_OK;
}

void search__proposer_result(struct search__proposer *p, const double *objectives)
{
    const size_t m = (size_t)p->options->objective_count;

    assert(p->results < p->count);
    for (size_t k = 0; k < m; k++)
        p->points[p->results * m + k] = objectives ? objectives[k] : NAN;
    p->results++;
}

/* ---- survivors ---- */

static rt_status pool_level(struct search__proposer *p, const struct search__level *level,
                            size_t rank, struct rt_err *err)
{
    if (level->count > p->pool_room) {
        const size_t room = 2 * level->count;
        struct search__survivor *pool = realloc(p->pool, room * sizeof *pool);
        if (pool)
            p->pool = pool;
        double *crowding = realloc(p->crowding, room * sizeof *crowding);
        if (crowding)
            p->crowding = crowding;
        if (!pool || !crowding)
            return no_memory(err);
        p->pool_room = room;
    }
    RT_TRY(search__crowd(p->points, level->member, level->count, p->options->objective_count,
                         p->crowding, err));
    for (size_t i = 0; i < level->count; i++)
        p->pool[i] = (struct search__survivor){level->member[i], rank, p->crowding[i]};
    return RT_OK;
}

/* Less crowded first; the older trial decides. */
static int compare_survivors(const void *va, const void *vb)
{
    const struct search__survivor *a = va, *b = vb;

    if (a->crowding != b->crowding)
        return a->crowding > b->crowding ? -1 : 1;
    return a->trial < b->trial ? -1 : a->trial > b->trial;
}

static rt_status choose_survivors(struct search__proposer *p, struct rt_err *err)
{
    const size_t wanted = (size_t)p->options->population;
    size_t rank, count = 0;

    for (rank = 0; rank < p->levels.count && count < wanted; rank++) {
        const struct search__level *level = &p->levels.level[rank];
        size_t take = level->count < wanted - count ? level->count : wanted - count;
        RT_TRY(pool_level(p, level, rank, err));
        qsort(p->pool, level->count, sizeof *p->pool, compare_survivors);
        memcpy(p->survivors + count, p->pool, take * sizeof *p->pool);
        count += take;
    }
    p->survivor_count = count;
    p->survivor_levels = rank;
    p->stale = false;
    return RT_OK;
}

/* Let proposals see the results up to trial `count - W`. */
static rt_status look(struct search__proposer *p, struct rt_err *err)
{
    const size_t window = (size_t)p->options->window;
    const size_t due = p->count >= window ? p->count - window + 1 : 0;
    const int m = p->options->objective_count;

    assert(due <= p->results);
    for (; p->visible < due; p->visible++) {
        size_t highest;
        if (isnan(p->points[p->visible * (size_t)m]))
            continue;
        RT_TRY(search__levels_add(&p->levels, p->points, m, p->visible, &highest, err));
        if (highest < p->survivor_levels || p->survivor_count < (size_t)p->options->population)
            p->stale = true;
    }
    return p->stale ? choose_survivors(p, err) : RT_OK;
}

/* ---- ways to draw an architecture; each is true when it found an acceptable one ---- */

static bool anchor(const struct search__proposer *p, struct rt_rng *rng,
                   struct search__proposal *out)
{
    static const struct {
        const char *origin;
        void (*make)(const struct space *, struct space_arch *);
    } anchors[] = {
        {"largest", space_largest}, {"smallest", space_smallest}, {"middle", space_middle}};
    struct space_arch target;

    if (p->count >= sizeof anchors / sizeof *anchors)
        return false;
    out->origin = anchors[p->count].origin;
    anchors[p->count].make(p->space, &target);
    return search__nearest(p->space, rng, &target, &out->arch) && acceptable(p, &out->arch);
}

/* How far from the nearest of all trials; stops looking below `enough`. */
static double distance_to_all(const struct search__proposer *p, const struct space_arch *arch,
                              double enough)
{
    double nearest = INFINITY;

    for (size_t i = 0; i < p->count && nearest > enough; i++)
        nearest = fmin(nearest, space_distance(p->space, arch, &p->archs[i]));
    return nearest;
}

static bool fill(const struct search__proposer *p, struct rt_rng *rng, struct search__proposal *out)
{
    double best = -1;
    int candidates = 0;

    for (int draw = 0; draw < FILL_DRAWS && candidates < FILL_CANDIDATES; draw++) {
        struct space_arch arch;
        space_sample(p->space, rng, &arch);
        if (!acceptable(p, &arch))
            continue;
        candidates++;
        const double distance = distance_to_all(p, &arch, best);
        if (distance > best) {
            best = distance;
            out->arch = arch;
        }
    }
    out->origin = "fill";
    return candidates > 0;
}

/* Binary tournament; survivors are in order, so the lower index is the better one. */
static const struct search__survivor *parent(const struct search__proposer *p, struct rt_rng *rng)
{
    const uint64_t a = rt_rng_below(rng, p->survivor_count);
    const uint64_t b = rt_rng_below(rng, p->survivor_count);

    return &p->survivors[a < b ? a : b];
}

static void breed(const struct search__proposer *p, struct rt_rng *rng,
                  struct search__proposal *out)
{
    const struct search__survivor *a = parent(p, rng), *b = parent(p, rng);
    struct space_arch crossed = p->archs[a->trial];

    for (int i = 0; i < 8 && a == b; i++)
        b = parent(p, rng);
    out->origin = "mutation";
    out->parent_a = (int64_t)a->trial;
    out->parent_b = -1;
    if (rt_rng_uniform(rng) < p->options->crossover && a != b) {
        space_crossover(p->space, rng, &p->archs[a->trial], &p->archs[b->trial], &crossed);
        out->origin = "crossover";
        out->parent_b = (int64_t)b->trial;
    }
    space_mutate(p->space, rng, &crossed, &out->arch);
}

static void sample(const struct search__proposer *p, struct rt_rng *rng,
                   struct search__proposal *out)
{
    space_sample(p->space, rng, &out->arch);
    out->origin = "random";
    out->parent_a = -1;
    out->parent_b = -1;
}

static bool evolve(const struct search__proposer *p, struct rt_rng *rng,
                   struct search__proposal *out)
{
    for (int draw = 0; draw < BREED_DRAWS; draw++) {
        if (p->survivor_count == 0 || rt_rng_uniform(rng) < p->options->random)
            sample(p, rng, out);
        else
            breed(p, rng, out);
        if (acceptable(p, &out->arch))
            return true;
    }
    return false;
}

/* ---- when drawing finds nothing new ---- */

static bool look_through(const struct search__proposer *p, struct rt_rng *rng,
                         struct search__proposal *out)
{
    const int64_t start = (int64_t)rt_rng_below(rng, (uint64_t)p->size);

    out->origin = "enumerated";
    for (int64_t i = 0; i < p->size; i++) {
        space_nth(p->space, (start + i) % p->size, &out->arch);
        if (acceptable(p, &out->arch))
            return true;
    }
    return false;
}

/* Half of the draws are short walks from architectures that were tried, which find what is left of
 * a feasible part too small to be hit by sampling. */
static bool draw_on(const struct search__proposer *p, struct rt_rng *rng,
                    struct search__proposal *out)
{
    for (int draw = 0; draw < LAST_DRAWS; draw++) {
        sample(p, rng, out);
        if (draw % 2) {
            uint64_t steps = 1 + rt_rng_below(rng, 4);
            struct space_arch from;
            if (p->count > 0)
                from = p->archs[rt_rng_below(rng, p->count)];
            else
                search__cheapest(p->space, draw / 2 % p->space->patch.count, &from);
            out->arch = from;
            for (; steps > 0; steps--, from = out->arch)
                space_mutate(p->space, rng, &from, &out->arch);
            out->origin = "walk";
        }
        if (acceptable(p, &out->arch))
            return true;
    }
    return false;
}

static bool find_left(const struct search__proposer *p, struct rt_rng *rng,
                      struct search__proposal *out)
{
    out->parent_a = -1;
    out->parent_b = -1;
    if (p->size >= 0 && p->size <= LOOK_AT_ALL)
        return look_through(p, rng, out);
    return draw_on(p, rng, out);
}

rt_status search__propose(struct search__proposer *p, struct search__proposal *proposal,
                          struct rt_err *err)
{
    struct search__proposal out = {.parent_a = -1, .parent_b = -1};
    struct rt_rng rng;
    bool found;

    RT_TRY(look(p, err));
    rt_rng_init(&rng, p->options->seed, RT_STREAM_PROPOSE, p->count);
    if (p->count < (size_t)p->options->initial)
        found = anchor(p, &rng, &out) || fill(p, &rng, &out);
    else
        found = evolve(p, &rng, &out);
    if (!found && !find_left(p, &rng, &out))
        return rt_fail(err, RT_EEND, "every feasible architecture has been tried");
    *proposal = out;
    return RT_OK;
}
