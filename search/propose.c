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
    EQUAL_FIRST = 32,      /* trials of equal layers, where layers are free but may be equal */
    FILL_CANDIDATES = 64,  /* feasible samples to choose the most distant from */
    FILL_DRAWS = 4096,     /* samples to find them among */
    BREED_DRAWS = 512,     /* children to draw before looking elsewhere */
    LOOK_AT_ALL = 1 << 20, /* the largest space that is looked through for what is left */
    LAST_DRAWS = 200000    /* draws in a larger one before it counts as exhausted */
};

/* Beyond any objective, so that whatever keeps the constraints dominates; larger ones count as the
 * largest that is allowed. */
#define FORBIDDEN 1e300
#define LARGEST 1e299

/* ---- which architectures were tried ---- */

static uint64_t hash_of(const struct space_arch *arch)
{
    uint64_t words[sizeof(struct space_arch) / 8], h = UINT64_C(0x9e3779b97f4a7c15);

    memcpy(words, arch, sizeof words); /* of either kind, as space_arch_equal() compares them */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        h = ((h ^ h >> 29) + words[i]) * UINT64_C(0x94d049bb133111eb);
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

bool search__acceptable(const struct search__proposer *p, const struct space_arch *arch)
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
    double *ranked = realloc(p->ranked, room * row);
    if (ranked)
        p->ranked = ranked;
    struct search__place *place = realloc(p->place, room * sizeof *place);
    if (place)
        p->place = place;
    size_t *slots = calloc(4 * room, sizeof *slots); /* a power of two, at most a quarter full */
    if (!archs || !points || !ranked || !place || !slots) {
        free(slots);
        return no_memory(err);
    }
    free(p->slots);
    p->slots = slots;
    p->slot_count = 4 * room;
    p->room = room;
    for (size_t i = 0; i < p->count; i++)
        if (!p->place[i].replicate)
            *slot_of(p, &p->archs[i]) = i + 1;
    return RT_OK;
}

rt_status search__proposer_init(struct search__proposer *p, const struct space *space,
                                const struct search_options *options, struct rt_err *err)
{
    *p = (struct search__proposer){
        .space = space, .options = options, .stale = true, .nothing_new_at = SEARCH_NONE};
    search__rungs_init(&p->rungs, options);
    search__front_init(&p->seen, space, options);
    p->size = space_size(space);
    p->survivors = calloc((size_t)options->population, sizeof *p->survivors);
    if (!p->survivors)
        return no_memory(err);
    if (grow(p, err) != RT_OK || search__advisor_init(&p->advisor, space, options, err) != RT_OK) {
        search__proposer_release(p);
        return RT_ENOMEM;
    }
    return RT_OK;
}

void search__proposer_release(struct search__proposer *p)
{
    search__rungs_release(&p->rungs);
    search__front_release(&p->seen);
    search__order_release(&p->order);
    search__advisor_release(&p->advisor);
    free(p->archs);
    free(p->points);
    free(p->ranked);
    free(p->place);
    free(p->slots);
    free(p->survivors);
    *p = (struct search__proposer){.count = 0};
}

rt_status search__proposer_add(struct search__proposer *p, const struct space_arch *arch,
                               int64_t inherits, struct rt_err *err)
{
    if (p->count == p->room)
        RT_TRY(grow(p, err));
    size_t *slot = slot_of(p, arch);
    p->place[p->count] = (struct search__place){.inherits = inherits, .seeds = 1};
    if (*slot) {
        struct search__place *before = &p->place[*slot - 1];
        before->promoted = true;
        p->rungs.promoted[before->rung]++;
        p->place[p->count].rung = before->rung + 1;
    } else
        p->candidates++;
    p->archs[p->count] = *arch;
    *slot = ++p->count;
    return RT_OK;
}

rt_status search__proposer_repeat(struct search__proposer *p, size_t first, struct rt_err *err)
{
    assert(first < p->count && !p->place[first].replicate);
    if (p->count == p->room)
        RT_TRY(grow(p, err));
    struct search__place *of = &p->place[first];
    p->place[p->count] = (struct search__place){
        .rung = of->rung, .inherits = of->inherits, .replicate = of->seeds++, .first = first};
    p->archs[p->count++] = p->archs[first];
    p->repeats++;
    return RT_OK;
}

void search__proposer_result(struct search__proposer *p, const double *objectives, double violation)
{
    const size_t m = (size_t)p->options->objective_count;

    assert(p->results < p->count);
    for (size_t i = p->results * m, k = 0; k < m; i++, k++) {
        p->points[i] = objectives ? objectives[k] : NAN;
        p->ranked[i] = !objectives     ? (double)NAN
                       : violation > 0 ? FORBIDDEN * (1 + fmin(violation, 1e8))
                                       : fmin(objectives[k], LARGEST);
    }
    p->results++;
}

double search__violation(const struct search__proposer *p, size_t trial)
{
    const double ranked = p->ranked[trial * (size_t)p->options->objective_count];

    return ranked >= FORBIDDEN ? ranked / FORBIDDEN - 1 : 0;
}

/* ---- survivors ---- */

static rt_status choose_survivors(struct search__proposer *p, struct rt_err *err)
{
    const struct search__levels *levels = &p->rungs.levels[p->survivor_rung];
    const size_t wanted = (size_t)p->options->population;
    size_t rank, count = 0;

    for (rank = 0; rank < levels->count && count < wanted; rank++) {
        const struct search__level *level = &levels->level[rank];
        size_t take = level->count < wanted - count ? level->count : wanted - count;
        RT_TRY(search__order_level(&p->order, p->points, p->options->objective_count, level, rank,
                                   err));
        memcpy(p->survivors + count, p->order.item, take * sizeof *p->order.item);
        count += take;
    }
    p->survivor_count = count;
    p->survivor_levels = rank;
    p->stale = false;
    return RT_OK;
}

static rt_status see(struct search__proposer *p, size_t trial, struct rt_err *err)
{
    const int m = p->options->objective_count, rung = p->place[trial].rung;
    const bool last = rung == p->rungs.count - 1;
    struct store_commit ignored;
    size_t highest;

    if (p->place[trial].replicate)
        return search__see_repeat(p, trial, err);
    if (p->options->replicates > 1 && last && !isnan(p->ranked[trial * (size_t)m]) &&
        search__violation(p, trial) == 0)
        RT_TRY(search__front_add(&p->seen, (int64_t)trial, p->points + trial * (size_t)m, &ignored,
                                 err));
    if (isnan(p->ranked[trial * (size_t)m]))
        return RT_OK;
    RT_TRY(search__rungs_add(&p->rungs, p->ranked, m, trial, rung, &highest, err));
    if (rung == p->survivor_rung &&
        (highest < p->survivor_levels || p->survivor_count < (size_t)p->options->population))
        p->stale = true;
    return RT_OK;
}

/* Let proposals see the results up to trial `count - W`. */
static rt_status look(struct search__proposer *p, struct rt_err *err)
{
    const size_t window = (size_t)p->options->window;
    const size_t due = p->count >= window ? p->count - window + 1 : 0;
    const size_t fit = search__advisor_due(p->options, due);

    assert(due <= p->results);
    while (p->visible < due) {
        RT_TRY(see(p, p->visible++, err));
        search__advisor_learn(p, fit);
    }
    const int parents = search__rungs_parents(&p->rungs, (size_t)p->options->population / 2);
    p->stale |= parents != p->survivor_rung;
    p->survivor_rung = parents;
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

    if (p->candidates >= sizeof anchors / sizeof *anchors)
        return false;
    out->origin = anchors[p->candidates].origin;
    anchors[p->candidates].make(p->space, &target);
    return search__nearest(p->space, rng, &target, &out->arch) && search__acceptable(p, &out->arch);
}

/* The first of those to start from that is still to be tried. */
static bool given(const struct search__proposer *p, struct search__proposal *out)
{
    for (int i = 0; i < p->start_count; i++)
        if (search__acceptable(p, &p->start[i])) {
            out->arch = p->start[i];
            out->origin = "start";
            return true;
        }
    return false;
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
        space_tie_to(p->space, (enum space_tie)(p->candidates % 3), &arch);
        if (!search__acceptable(p, &arch))
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

bool search__equal_alone(const struct search__proposer *p)
{
    return space_unties(p->space) && p->count < EQUAL_FIRST;
}

/* In a space that unties, how equal the layers of a child shall be: each tie as often, so that the
 * small space of equal layers is not lost in the large one, and results decide which children stay.
 */
static enum space_tie draw_tie(const struct search__proposer *p, struct rt_rng *rng)
{
    if (!space_unties(p->space))
        return SPACE_TIE_LAYER;
    if (search__equal_alone(p))
        return SPACE_TIE_UNIFORM;
    return (enum space_tie)rt_rng_below(rng, SPACE_TIE_LAYER + 1);
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
    space_mutate_tied(p->space, rng, draw_tie(p, rng), &crossed, &out->arch);
}

static void sample(const struct search__proposer *p, struct rt_rng *rng,
                   struct search__proposal *out)
{
    space_sample(p->space, rng, &out->arch);
    space_tie_to(p->space, draw_tie(p, rng), &out->arch);
    out->origin = "random";
    out->parent_a = -1;
    out->parent_b = -1;
}

void search__vary(const struct search__proposer *p, struct rt_rng *rng,
                  struct search__proposal *out)
{
    if (p->survivor_count == 0 || rt_rng_uniform(rng) < p->options->random)
        sample(p, rng, out);
    else
        breed(p, rng, out);
}

static bool evolve(const struct search__proposer *p, struct rt_rng *rng,
                   struct search__proposal *out)
{
    for (int draw = 0; draw < BREED_DRAWS; draw++) {
        search__vary(p, rng, out);
        if (search__acceptable(p, &out->arch))
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
        if (search__acceptable(p, &out->arch))
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
                space_cheapest(p->space, draw / 2 % space_cheapest_count(p->space), &from);
            out->arch = from;
            for (; steps > 0; steps--, from = out->arch)
                space_mutate(p->space, rng, &from, &out->arch);
            out->origin = "walk";
        }
        if (search__acceptable(p, &out->arch))
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

/* The model's choice, where there is one; else, or where it finds nothing that gains, a child. */
static rt_status propose_child(struct search__proposer *p, struct rt_rng *rng, bool *found,
                               struct search__proposal *out, struct rt_err *err)
{
    *found = false;
    if (p->advisor.ready)
        RT_TRY(search__advise(p, rng, found, out, err));
    *found = *found || evolve(p, rng, out);
    return RT_OK;
}

static rt_status propose_new(struct search__proposer *p, bool *found, struct search__proposal *out,
                             struct rt_err *err)
{
    struct rt_rng rng;

    *found = false;
    if (p->nothing_new_at == p->count)
        return RT_OK;
    rt_rng_init(&rng, p->options->seed, RT_STREAM_PROPOSE, p->count);
    const bool early = p->candidates < (size_t)p->options->initial;
    *found = (early && anchor(p, &rng, out)) || given(p, out) || (early && fill(p, &rng, out));
    if (!early && !*found)
        RT_TRY(propose_child(p, &rng, found, out, err));
    *found = *found || find_left(p, &rng, out);
    if (!*found)
        p->nothing_new_at = p->count;
    return RT_OK;
}

/* ---- longer runs of what was tried ---- */

static void promote(const struct search__proposer *p, size_t trial, struct search__proposal *out)
{
    *out = (struct search__proposal){.arch = p->archs[trial],
                                     .rung = p->place[trial].rung + 1,
                                     .inherits = p->place[trial].inherits,
                                     .origin = "promotion",
                                     .parent_a = -1,
                                     .parent_b = -1};
}

/* When nothing new is left: promotions by all results, seen in a copy, because what the next trials
 * see is still what their window allows. */
static rt_status promote_last(const struct search__proposer *p, size_t *trial, struct rt_err *err)
{
    const int m = p->options->objective_count;
    struct search__rungs rungs;
    rt_status rc = RT_OK;
    size_t highest;

    search__rungs_init(&rungs, p->options);
    memcpy(rungs.promoted, p->rungs.promoted, sizeof rungs.promoted);
    for (size_t i = 0; i < p->results && rc == RT_OK; i++)
        if (!isnan(p->ranked[i * (size_t)m]) && !p->place[i].replicate)
            rc = search__rungs_add(&rungs, p->ranked, m, i, p->place[i].rung, &highest, err);
    if (rc == RT_OK)
        rc = search__rungs_promote(&rungs, p->points, m, p->place, trial, err);
    search__rungs_release(&rungs);
    return rc;
}

static void repeat(const struct search__proposer *p, size_t first, struct search__proposal *out)
{
    *out = (struct search__proposal){.arch = p->archs[first],
                                     .rung = p->place[first].rung,
                                     .replicate = p->place[first].seeds,
                                     .first = first,
                                     .inherits = p->place[first].inherits,
                                     .origin = "repeat",
                                     .parent_a = -1,
                                     .parent_b = -1};
}

/* A candidate of the front with a further seed, in its turn or when nothing else is left. */
static rt_status propose_repeat(struct search__proposer *p, bool any, bool *found,
                                struct search__proposal *out, struct rt_err *err)
{
    size_t first;

    RT_TRY(search__repeat(p, any, &first, err));
    *found = first != SEARCH_NONE;
    if (*found)
        repeat(p, first, out);
    return RT_OK;
}

/* When nothing new is left: further seeds, whatever share they have, then promotions. */
static rt_status propose_last(struct search__proposer *p, struct search__proposal *proposal,
                              struct rt_err *err)
{
    size_t trial = SEARCH_NONE;
    bool found;

    RT_TRY(propose_repeat(p, true, &found, proposal, err));
    if (found)
        return RT_OK;
    if (p->results == p->count)
        RT_TRY(promote_last(p, &trial, err));
    if (trial == SEARCH_NONE)
        return rt_fail(err, RT_EEND, "every feasible architecture has been tried");
    promote(p, trial, proposal);
    return RT_OK;
}

rt_status search__propose(struct search__proposer *p, struct search__proposal *proposal,
                          struct rt_err *err)
{
    struct search__proposal out = {.parent_a = -1, .parent_b = -1};
    size_t trial;
    bool found;

    RT_TRY(look(p, err));
    RT_TRY(search__rungs_promote(&p->rungs, p->points, p->options->objective_count, p->place,
                                 &trial, err));
    if (trial != SEARCH_NONE) {
        promote(p, trial, proposal);
        return RT_OK;
    }
    RT_TRY(propose_repeat(p, false, &found, proposal, err));
    if (found)
        return RT_OK;
    RT_TRY(propose_new(p, &found, &out, err));
    if (!found)
        return propose_last(p, proposal, err);
    out.inherits = p->options->inherit == SEARCH_INHERIT_PARENT ? out.parent_a : -1;
    *proposal = out;
    return RT_OK;
}
