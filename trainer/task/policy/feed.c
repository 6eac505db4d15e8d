/* trainer/task/policy/feed.c -- the rows of one run: those that all share, and those of episodes in which
 * its own student acted (DAgger).
 *
 * Rows     0 .. base - 1 are the task's train rows, from there on places in a ring of the run's own, the
 *          last that were gathered.
 * Window   what is drawn from: the last `keep` of all rows, or all.
 * Draws    a step's rows are functions of (seed, RT_STREAM_REPLAY, step) and the rows there are:
 *          uniform, or by priority from one stratum each (env/replay.h).
 */
#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "trainer/env/replay.h"
#include "trainer/task/policy/policy_internal.h"

struct feed {
    const struct tr_policy *policy;
    const float *said; /* of the task's rows */
    int base;          /* rows of the task that are trained on */
    int64_t count;     /* rows so far, the task's included */
    int64_t keep;      /* rows that may be drawn */
    struct tr__states ring;
    int rounds;    /* gathered so far */
    int64_t drawn; /* rows handed out since the last one */
    struct tr__stage *stage;
    struct tr__outcome out;
    struct tr_replay replay; /* of rows */
    double *offset;          /* [batch] */
    double beta;             /* of weights, in this step */
};

static bool prioritised(const struct feed *f)
{
    return f->policy->options.rollouts.replay == TR_REPLAY_PER;
}

/* ---- rows ---- */

/* Where a row lies: in the task's, or in the ring. */
static const struct tr__states *place(const struct feed *f, int row, int *at)
{
    *at = row < f->base ? row : row - f->base;
    assert(row < f->base + f->ring.room);
    return row < f->base ? &f->policy->base : &f->ring;
}

/* The row that was number n of all that came. */
static int row_of(const struct feed *f, int64_t n)
{
    return (int)(n < f->base ? n : f->base + (n - f->base) % f->ring.room);
}

/* The first that may be drawn. */
static int64_t oldest(const struct feed *f)
{
    return f->count > f->keep ? f->count - f->keep : 0;
}

/* ---- memory ---- */

/* Rows of its own that a run may have at once. */
static int64_t ring_room(const struct tr_policy *p, int history)
{
    const struct tr_rollouts *r = &p->options.rollouts;
    const int64_t round = (int64_t)r->episodes * p->info->horizon;
    const int64_t all = round * (r->rounds - 1);
    const int64_t kept = (int64_t)r->keep + history + round;

    if (r->regenerate)
        return kept;
    return r->keep && kept < all ? kept : all;
}

static int at_once(const struct tr_task *task)
{
    return tr__policy_of(task)->copies;
}

/* What a teacher will say takes as many floats as it does then, when it is not known yet. */
static size_t said_floats(const struct tr_policy *p, int teachers)
{
    return (size_t)p->actions.parts * (size_t)teachers * (size_t)p->actions.bins;
}

static rt_status carve_ring(struct feed *f, int64_t room, int teachers, struct rt_arena *arena)
{
    const struct tr_policy *p = f->policy;
    const size_t n = (size_t)room;
    const bool flips = p->options.rollouts.perturb_mode == TR_PERTURB_LABEL;

    f->ring = (struct tr__states){
        .room = (int)room,
        .seen = rt_arena_alloc(arena, n * (size_t)p->features, sizeof(float)),
        .frame = p->frame ? rt_arena_alloc(arena, n, (size_t)p->frame) : NULL,
        .step = rt_arena_alloc(arena, n, sizeof(int)),
        .said = rt_arena_alloc(arena, n * said_floats(p, teachers), sizeof(float)),
        .label = flips ? rt_arena_alloc(arena, n * (size_t)p->actions.parts, sizeof(int)) : NULL};
    return RT_OK;
}

static rt_status init(struct tr_feed *feed, struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_policy *p = tr__policy_of(feed->of.task);
    const struct tr_rollouts *r = &p->options.rollouts;
    const int base = p->task.split.train_count;
    const int64_t room = ring_room(p, feed->of.history);
    struct feed *self = rt_arena_alloc(arena, 1, sizeof *self);
    struct feed f = {.policy = p, .said = feed->of.said, .base = base, .count = base};

    if (room > INT_MAX - base)
        return rt_fail(err, RT_EARG,
                       "rollouts: %lld states are too many for a run; give fewer rounds or "
                       "episodes, or keep",
                       (long long)room);
    f.keep = r->keep ? r->keep : INT64_MAX;
    f.rounds = 1;
    RT_TRY(tr__stage_init(&f.stage, p, arena, err));
    if (room > 0) {
        RT_TRY(carve_ring(&f, room, feed->of.teachers, arena));
        RT_TRY(tr__outcome_init(&f.out, p, r->episodes, TR__KEEP_ALL, arena, err));
    }
    if (r->replay == TR_REPLAY_PER) {
        tr_replay_init(&f.replay, base + (int)room, r->alpha, arena);
        f.offset = rt_arena_alloc(arena, (size_t)feed->of.batch, sizeof *f.offset);
        for (int64_t i = oldest(&f); f.offset && i < base; i++)
            tr_replay_add(&f.replay, (int)i);
    }
    RT_TRY(rt_arena_check(arena, "the states of a run", err));
    if (self)
        *self = f;
    feed->acting = self;
    return RT_OK;
}

/* ---- batches ---- */

/* A ring cuts an episode where it begins anew: histories read row by row. */
static void example_of(const struct feed *f, int row, int numbers, float *out)
{
    const struct tr_policy *p = f->policy;
    const int history = p->frame ? 1 : numbers / p->features;
    int at;
    const struct tr__states *states = place(f, row, &at);

    if (states == &p->base || at >= history - 1) {
        tr__policy_example(p, states, at, numbers, out);
        return;
    }
    const int past = states->step[at];
    for (int k = 0; k < history; k++) {
        const int back = history - 1 - k < past ? history - 1 - k : past;
        const int there = (at - back + f->ring.room) % f->ring.room;
        const struct tr__states one = {.seen = states->seen + (ptrdiff_t)there * p->features,
                                       .step = &(int){0}};
        tr__policy_history(p, &one, 0, 1, out + (ptrdiff_t)k * p->features);
    }
}

static void fill(const struct tr_feed *feed, const int *rows, int n, struct tr_batch *batch)
{
    const struct feed *f = feed->acting;
    const int parts = f->policy->actions.parts, teachers = feed->of.teachers;
    const ptrdiff_t one = (ptrdiff_t)teachers * f->policy->actions.bins;

    tr_batch_resize(batch, n, NULL);
    for (int i = 0; i < n; i++) {
        int at;
        const struct tr__states *states = place(f, rows[i], &at);
        const float *said = states == &f->ring ? f->ring.said : f->said;
        example_of(f, rows[i], batch->numbers, batch->values + (ptrdiff_t)i * batch->numbers);
        for (int a = 0; a < parts; a++) {
            const ptrdiff_t answer = (ptrdiff_t)i * parts + a;
            batch->label[answer] = states->label ? states->label[(ptrdiff_t)at * parts + a] : -1;
            batch->said[answer] = said ? said + ((ptrdiff_t)at * parts + a) * one : NULL;
            if (prioritised(f))
                batch->weight[answer] = (float)tr_replay_weight(&f->replay, rows[i], f->beta);
        }
    }
}

/* ---- rounds ---- */

/* The labels of a row that is learned with another class now and then (mode label): the teachers' most
 * likely class, or another one. */
static void flip_labels(const struct feed *f, const float *said, struct rt_rng *rng, int *label)
{
    const struct tr_actions *actions = &f->policy->actions;
    const int bins = actions->bins;
    const double chance = tr_perturb_chance(f->policy->options.rollouts.perturb, actions->parts);

    for (int a = 0; a < actions->parts; a++) {
        const float *row = said + (ptrdiff_t)a * f->policy->experts * bins;
        int best = 0;
        for (int b = 1; b < bins; b++)
            best = row[b] > row[best] ? b : best;
        const double coin = rt_rng_uniform(rng), draw = rt_rng_uniform(rng);
        label[a] = coin < chance ? tr_bin_other(best, bins, draw) : -1;
    }
}

/* One row into the ring; the row that leaves the window is no longer drawn. */
static void append(struct feed *f, const struct tr__states *from, ptrdiff_t at, struct rt_rng *rng)
{
    const struct tr_policy *p = f->policy;
    const ptrdiff_t said = tr__said_floats(p), slot = (f->count - f->base) % f->ring.room;

    tr__policy_copy(p, from, at, &f->ring, slot);
    if (f->ring.label)
        flip_labels(f, from->said + at * said, rng, f->ring.label + slot * p->actions.parts);
    f->count++;
    if (!prioritised(f))
        return;
    tr_replay_add(&f->replay, row_of(f, f->count - 1));
    if (f->count > f->keep)
        tr_replay_remove(&f->replay, row_of(f, f->count - f->keep - 1));
}

static double teacher_share(const struct tr_rollouts *r, int round)
{
    switch (r->drive) {
    case TR_DRIVE_TEACHER: return 1;
    case TR_DRIVE_STUDENT: return 0;
    case TR_DRIVE_MIX: break;
    }
    return pow(r->beta, round);
}

static rt_status gather(struct feed *f, struct tr_actor *actor, double *mean, struct rt_err *err)
{
    const struct tr_policy *p = f->policy;
    const struct tr_rollouts *r = &p->options.rollouts;
    const struct tr__round round = {.policy = p,
                                    .stream = RT_STREAM_ROLLOUT,
                                    .first = (uint64_t)f->rounds << 32,
                                    .count = r->episodes,
                                    .teacher = teacher_share(r, f->rounds),
                                    .sampled = true,
                                    .member = -1,
                                    .perturb = r->perturb_mode == TR_PERTURB_EXEC ? r->perturb : 0,
                                    .ask = true};
    struct rt_rng rng;

    RT_TRY(tr__play(&round, f->stage, actor, &f->out, err));
    rt_rng_init(&rng, p->options.seed, RT_STREAM_REPLAY, ((uint64_t)f->rounds << 32) | UINT32_MAX);
    for (ptrdiff_t e = 0; e < r->episodes; e++)
        for (ptrdiff_t t = 0; t < f->out.length[e]; t++)
            append(f, &f->out.states, e * p->info->horizon + t, &rng);
    *mean = 0;
    for (int e = 0; e < r->episodes; e++)
        *mean += f->out.total[e] / r->episodes;
    f->rounds++;
    f->drawn = 0;
    return RT_OK;
}

/* Is another round due before this step? */
static bool due(const struct feed *f, int step, int steps)
{
    const struct tr_rollouts *r = &f->policy->options.rollouts;
    const int64_t window = f->count < f->keep ? f->count : f->keep;

    if (f->ring.room == 0)
        return false;
    if (r->regenerate)
        return f->drawn >= window * r->regenerate;
    return f->rounds < r->rounds && step >= (int64_t)f->rounds * steps / r->rounds;
}

static rt_status next(struct tr_feed *feed, struct tr_actor *actor, int step, int n, int *rows,
                      struct rt_err *err)
{
    struct feed *f = feed->acting;
    struct rt_rng rng;

    assert(f && f->base > 0);
    while (due(f, step, feed->of.steps)) {
        RT_TRY(gather(f, actor, &feed->value, err));
        feed->series = "round_return";
    }
    rt_rng_init(&rng, feed->of.seed, RT_STREAM_REPLAY, (uint64_t)step);
    if (prioritised(f)) {
        for (int i = 0; i < n; i++)
            f->offset[i] = rt_rng_uniform(&rng);
        tr_replay_draw(&f->replay, n, f->offset, rows);
        f->beta = tr_replay_beta(f->policy->options.rollouts.importance, step, feed->of.steps);
    } else {
        const int64_t first = oldest(f);
        for (int i = 0; i < n; i++)
            rows[i] = row_of(f, first + (int64_t)rt_rng_below(&rng, (uint64_t)(f->count - first)));
    }
    f->drawn += n;
    feed->next += n;
    return RT_OK;
}

static void learn(struct tr_feed *feed, const int *rows, const float *loss, int n)
{
    struct feed *f = feed->acting;
    const int parts = f->policy->actions.parts;

    if (!prioritised(f))
        return;
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int a = 0; a < parts; a++)
            sum += (double)loss[i * parts + a];
        if (isfinite(sum))
            tr_replay_set(&f->replay, rows[i], sum > 0 ? sum : 0);
    }
}

/* ---- going on ---- */

static void numbers(const struct tr_feed *feed, int64_t number[TR_FEED_NUMBERS])
{
    const struct feed *f = feed->acting;

    number[0] = f->count;
    number[1] = f->rounds;
    number[2] = f->drawn;
    number[3] = feed->next;
}

/* Rows of the ring that there are, of so many in all. */
static size_t used_of(const struct feed *f, int64_t count)
{
    const int64_t own = count - f->base;

    return (size_t)(own < f->ring.room ? own : f->ring.room);
}

/* Could a run of that many steps have them? */
static bool possible(const struct tr_feed *feed, const int64_t number[TR_FEED_NUMBERS])
{
    const struct feed *f = feed->acting;
    const struct tr_rollouts *r = &f->policy->options.rollouts;
    const int64_t round = (int64_t)r->episodes * f->policy->info->horizon;
    const int64_t handed = (int64_t)feed->of.steps * feed->of.batch;
    const int64_t rounds = !f->ring.room   ? 1
                           : r->regenerate ? (int64_t)feed->of.steps + 1
                                           : r->rounds;

    return number[1] >= 1 && number[1] <= rounds && number[1] <= INT_MAX && number[0] >= f->base &&
           number[0] - f->base <= (number[1] - 1) * round && number[3] >= 0 &&
           number[3] <= handed && number[2] >= 0 && number[2] <= number[3];
}

/* So that there is one to draw. */
static bool any_above_zero(const unsigned char *leaves, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double leaf;
        memcpy(&leaf, leaves + i * sizeof leaf, sizeof leaf);
        if (leaf > 0)
            return true;
    }
    return false;
}

static void walk_replay(struct feed *f, size_t rows, struct rt_state *state)
{
    const double most =
        pow(TR_REPLAY_PRIORITY_MOST + TR_REPLAY_EPS, f->replay.alpha) * (1 + 1e-12); /* rounding */

    if (state->judges)
        state->bad |= !any_above_zero(state->from, rows);
    rt_state_doubles(state, tr_replay_leaves(&f->replay), rows, 0, most);
    rt_state_doubles(state, &f->replay.largest, 1, 0, TR_REPLAY_PRIORITY_MOST);
}

static bool walk(struct tr_feed *feed, const int64_t number[TR_FEED_NUMBERS],
                 struct rt_state *state)
{
    struct feed *f = feed->acting;
    const struct tr_policy *p = f->policy;
    struct tr__states *ring = &f->ring;

    if (!possible(feed, number))
        return false;
    const size_t n = used_of(f, number[0]), parts = (size_t)p->actions.parts;
    if (n > 0) {
        rt_state_floats(state, ring->seen, n * (size_t)p->features, -FLT_MAX, FLT_MAX);
        if (ring->frame)
            rt_state_part(state, ring->frame, n * (size_t)p->frame);
        rt_state_ints(state, ring->step, n, 0, p->info->horizon - 1);
        rt_state_floats(state, ring->said, n * said_floats(p, feed->of.teachers), -FLT_MAX,
                        FLT_MAX);
        if (ring->label)
            rt_state_ints(state, ring->label, n * parts, -1, p->actions.bins - 1);
    }
    if (prioritised(f))
        walk_replay(f, (size_t)f->base + n, state);
    return true;
}

static void settle(struct tr_feed *feed, const int64_t number[TR_FEED_NUMBERS])
{
    struct feed *f = feed->acting;

    f->count = number[0];
    f->rounds = (int)number[1];
    f->drawn = number[2];
    feed->next = number[3];
    if (prioritised(f))
        tr_replay_settle(&f->replay);
}

static void close_feed(struct tr_feed *feed)
{
    (void)feed; /* all of it is the arena's */
}

const struct tr_feed_kind tr__policy_feed = {.beside = tr__policy_beside,
                                             .at_once = at_once,
                                             .init = init,
                                             .next = next,
                                             .fill = fill,
                                             .learn = learn,
                                             .close = close_feed,
                                             .numbers = numbers,
                                             .walk = walk,
                                             .settle = settle};
