/* trainer/task/policy/rollout.c -- episodes: many copies of an environment step by step, by whoever acts.
 *
 * Copies run side by side so that teachers and student are asked about many states at once. Each
 * episode draws from generators of its own, in a fixed order: a coin for who acts, what that one
 * draws, then what disturbs it. So nothing depends on which episodes run together.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/policy/policy_internal.h"

struct tr__stage {
    bool *live;                       /* [copies] */
    uint64_t *seed;                   /* [copies] */
    struct rt_rng *rng;               /* [copies] */
    int *index;                       /* [copies] the live ones */
    double *observation;              /* (copies, o) of the live ones */
    double *says[TR_POLICY_TEACHERS]; /* (copies, numbers) of the live ones */
    float *said;                      /* of one state, when nobody keeps it */
    float *logits;                    /* (parts, C) of one teacher */
    double *action, *other;           /* (copies, actions); [actions] */
};

static int live_copies(const struct tr__stage *stage, int count)
{
    int live = 0;

    for (int i = 0; i < count; i++)
        if (stage->live[i])
            stage->index[live++] = i;
    return live;
}

rt_status tr__stage_init(struct tr__stage **stage, const struct tr_policy *policy,
                         struct rt_arena *arena, struct rt_err *err)
{
    const size_t n = (size_t)policy->copies, parts = (size_t)policy->actions.parts;
    const size_t said = (size_t)tr__said_floats(policy);
    struct tr__stage *self = rt_arena_alloc(arena, 1, sizeof *self);
    struct tr__stage s = {0};

    s.live = rt_arena_zalloc(arena, n, sizeof *s.live);
    s.seed = rt_arena_zalloc(arena, n, sizeof *s.seed);
    s.rng = rt_arena_zalloc(arena, n, sizeof *s.rng);
    s.index = rt_arena_zalloc(arena, n, sizeof *s.index);
    s.observation = rt_arena_zalloc(arena, n * (size_t)policy->info->observation, sizeof(double));
    for (int k = 0; k < policy->experts; k++)
        s.says[k] = rt_arena_zalloc(arena, n * (size_t)policy->expert[k].numbers, sizeof(double));
    s.said = rt_arena_zalloc(arena, said + 1, sizeof *s.said);
    s.logits = rt_arena_zalloc(arena, parts * (size_t)policy->actions.bins, sizeof *s.logits);
    s.action = rt_arena_zalloc(arena, n * (size_t)policy->info->actions, sizeof *s.action);
    s.other = rt_arena_zalloc(arena, (size_t)policy->info->actions, sizeof *s.other);
    RT_TRY(rt_arena_check(arena, "the episodes of a policy", err));
    if (self)
        *self = s;
    *stage = self;
    return RT_OK;
}

rt_status tr__outcome_init(struct tr__outcome *out, const struct tr_policy *policy, int count,
                           enum tr__keep keep, struct rt_arena *arena, struct rt_err *err)
{
    const size_t rows = (size_t)count * (size_t)policy->info->horizon;
    struct tr__states *s = &out->states;

    *out = (struct tr__outcome){.states.room = (int)rows};
    s->seen = rt_arena_alloc(arena, rows * (size_t)policy->features, sizeof *s->seen);
    s->step = rt_arena_alloc(arena, rows, sizeof *s->step);
    if (keep >= TR__KEEP_ALL && policy->frame)
        s->frame = rt_arena_alloc(arena, rows, (size_t)policy->frame);
    if (keep >= TR__KEEP_SAID)
        s->said = rt_arena_alloc(arena, rows * (size_t)tr__said_floats(policy), sizeof *s->said);
    out->length = rt_arena_zalloc(arena, (size_t)count, sizeof *out->length);
    out->total = rt_arena_zalloc(arena, (size_t)count, sizeof *out->total);
    out->flags = rt_arena_zalloc(arena, (size_t)count, sizeof *out->flags);
    return rt_arena_check(arena, "the rows of a round", err);
}

/* ---- one step ---- */

/* All that a chunk of a round needs: episodes from .. from + count - 1 of it in copies 0 .. */
struct chunk {
    const struct tr__round *round;
    struct tr__stage *stage;
    struct tr_env_batch *batch;
    struct tr_actor *actor;
    struct tr__outcome *out;
    int from, count;
};

static int row_of(const struct chunk *c, int copy)
{
    return (c->from + copy) * c->round->policy->info->horizon + c->batch->steps[copy];
}

static void see(const struct chunk *c, int live)
{
    const struct tr_policy *p = c->round->policy;
    struct tr__states *states = &c->out->states;

    for (int l = 0; l < live; l++) {
        const int i = c->stage->index[l], row = row_of(c, i);
        const double *previous =
            c->batch->steps[i] ? c->batch->action + (ptrdiff_t)i * p->info->actions : NULL;
        if (states->frame)
            memcpy(states->frame + (ptrdiff_t)row * p->frame,
                   c->batch->pixels + (ptrdiff_t)i * p->frame, (size_t)p->frame);
        tr_observed_take(&p->observed, p->info,
                         c->batch->observation + (ptrdiff_t)i * p->info->observation, previous,
                         states->seen + (ptrdiff_t)row * p->features);
        states->step[row] = c->batch->steps[i];
    }
}

/* What teacher k says of the live copies into its table. */
static void hear(const struct chunk *c, int k, int live)
{
    const struct tr_policy *p = c->round->policy;
    const struct tr_expert *expert = &p->expert[k];

    if (expert->answer) {
        expert->answer(expert->self, c->stage->observation, live, c->stage->says[k]);
        return;
    }
    for (int l = 0; l < live; l++)
        memcpy(c->stage->says[k] + (ptrdiff_t)l * expert->numbers,
               c->batch->label + (ptrdiff_t)c->stage->index[l] * expert->numbers,
               (size_t)expert->numbers * sizeof(double));
}

/* What all teachers say of live copy l, as logits (parts, K, C). */
static void take_down(const struct chunk *c, int l, float *said)
{
    const struct tr_policy *p = c->round->policy;
    const int bins = p->actions.bins, parts = p->actions.parts;

    for (int k = 0; k < p->experts; k++) {
        const double *label = c->stage->says[k] + (ptrdiff_t)l * p->expert[k].numbers;
        struct tr_actions actions = p->actions;
        actions.tau = p->expert[k].tau;
        tr_label_logits(&actions, p->expert[k].says, label, c->stage->logits);
        for (int a = 0; a < parts; a++)
            memcpy(said + ((ptrdiff_t)a * p->experts + k) * bins,
                   c->stage->logits + (ptrdiff_t)a * bins, (size_t)bins * sizeof *said);
    }
}

static void ask_teachers(const struct chunk *c, int live)
{
    const struct tr_policy *p = c->round->policy;
    const int o = p->info->observation;

    for (int l = 0; l < live; l++)
        memcpy(c->stage->observation + (ptrdiff_t)l * o,
               c->batch->observation + (ptrdiff_t)c->stage->index[l] * o,
               (size_t)o * sizeof(double));
    for (int k = 0; k < p->experts; k++)
        hear(c, k, live);
    for (int l = 0; l < live && c->out->states.said; l++)
        take_down(c, l,
                  c->out->states.said +
                      (ptrdiff_t)row_of(c, c->stage->index[l]) * tr__said_floats(p));
}

/* Of frames the present one is enough, kept or not. */
static void ask_student(const struct chunk *c, int live)
{
    const struct tr_policy *p = c->round->policy;
    struct tr_batch *batch = c->actor->batch;

    assert(live <= batch->room && (!p->frame || batch->numbers == p->frame));
    tr_batch_resize(batch, live, NULL);
    for (int l = 0; l < live; l++) {
        const int i = c->stage->index[l];
        float *values = batch->values + (ptrdiff_t)l * batch->numbers;
        if (p->frame)
            tr__policy_pixels(p, c->batch->pixels + (ptrdiff_t)i * p->frame, values);
        else
            tr__policy_history(p, &c->out->states, row_of(c, i), batch->numbers / p->features,
                               values);
    }
    c->actor->answer(c->actor);
}

/* The ensemble's own action where nothing is drawn: the weighted mean of the members', or of choices
 * that with the most weight behind it. */
static void ensemble_action(const struct chunk *c, int l, double *action)
{
    const struct tr_policy *p = c->round->policy;
    double votes[TR_BINS_MOST] = {0};

    for (int a = 0; a < p->info->actions; a++)
        action[a] = 0;
    for (int k = 0; k < p->experts; k++) {
        struct tr_actions actions = p->actions;
        actions.tau = p->expert[k].tau;
        tr_label_act(&actions, p->expert[k].says,
                     c->stage->says[k] + (ptrdiff_t)l * p->expert[k].numbers, NULL,
                     c->stage->other);
        for (int a = 0; a < p->info->actions && !p->actions.choice; a++)
            action[a] += p->weight[k] * c->stage->other[a];
        if (p->actions.choice)
            votes[(int)c->stage->other[0]] += p->weight[k];
    }
    for (int b = 1; p->actions.choice && b < p->actions.bins; b++)
        if (votes[b] > votes[(int)action[0]])
            action[0] = b;
}

/* A teacher, drawn by weight where actions are drawn. */
static void teacher_action(const struct chunk *c, int l, struct rt_rng *rng, double *action)
{
    const struct tr_policy *p = c->round->policy;
    int k = c->round->member;

    if (k < 0 && !c->round->sampled && p->experts > 1) {
        ensemble_action(c, l, action);
        return;
    }
    if (k < 0) {
        double at = p->experts > 1 ? rt_rng_uniform(rng) : 0;
        for (k = 0; k < p->experts - 1 && at >= p->weight[k]; k++)
            at -= p->weight[k];
    }
    struct tr_actions actions = p->actions;
    actions.tau = p->expert[k].tau;
    tr_label_act(&actions, p->expert[k].says,
                 c->stage->says[k] + (ptrdiff_t)l * p->expert[k].numbers,
                 c->round->sampled ? rng : NULL, action);
}

static void random_action(const struct tr_policy *p, struct rt_rng *rng, double *action)
{
    if (p->actions.choice) {
        action[0] = (double)rt_rng_below(rng, (uint64_t)p->info->choices);
        return;
    }
    for (int a = 0; a < p->info->actions; a++)
        action[a] = p->info->low[a] + rt_rng_uniform(rng) * (p->info->high[a] - p->info->low[a]);
}

static bool student_acts(const struct tr__round *round)
{
    return !round->random && round->teacher < 1;
}

static void decide(const struct chunk *c, int live)
{
    const struct tr__round *r = c->round;
    const struct tr_policy *p = r->policy;
    const ptrdiff_t outputs = (ptrdiff_t)p->actions.parts * p->actions.bins;

    for (int l = 0; l < live; l++) {
        const int i = c->stage->index[l];
        struct rt_rng *rng = &c->stage->rng[i];
        double *action = c->stage->action + (ptrdiff_t)i * p->info->actions;
        const bool mixed = r->teacher > 0 && r->teacher < 1;

        if (r->random)
            random_action(p, rng, action);
        else if (mixed ? rt_rng_uniform(rng) < r->teacher : r->teacher >= 1)
            teacher_action(c, l, rng, action);
        else
            tr_logits_act(&p->actions, c->actor->logits + l * outputs, p->options.read, rng,
                          action);
        if (r->perturb > 0)
            (void)tr_perturb_action(&p->actions, r->perturb, rng, action);
        if (c->out->compare && student_acts(r))
            c->out->compare(c->out->context, c->from + i,
                            c->out->states.said + (ptrdiff_t)row_of(c, i) * tr__said_floats(p),
                            c->actor->logits + l * outputs);
    }
}

/* ---- the episodes ---- */

static bool live_any(const struct chunk *c)
{
    for (int i = 0; i < c->count; i++)
        if (c->stage->live[i])
            return true;
    return false;
}

static void look(const struct chunk *c, int live, const double *action)
{
    const struct tr_policy_show *show = c->out->show;
    const int n = c->round->policy->info->actions;

    for (int l = 0; show && l < live; l++) {
        const int i = c->stage->index[l];
        show->seen(show->context, c->batch, i, action ? action + (ptrdiff_t)i * n : NULL);
    }
}

static rt_status step(const struct chunk *c, int live, struct rt_err *err)
{
    const struct tr__round *r = c->round;
    const bool asks = r->ask || (!r->random && r->teacher > 0);

    see(c, live);
    if (asks)
        ask_teachers(c, live);
    if (student_acts(r))
        ask_student(c, live);
    decide(c, live);
    look(c, live, c->stage->action);
    RT_TRY(tr_env_step(c->batch, c->stage->live, c->stage->action, asks, err));
    for (int l = 0; l < live; l++) {
        const int i = c->stage->index[l], e = c->from + i;
        c->out->total[e] += c->batch->reward[i];
        c->out->length[e] = c->batch->steps[i];
        c->out->flags[e] = c->batch->flags[i];
        c->stage->live[i] = c->batch->flags[i] == 0;
    }
    if (!live_any(c))
        look(c, live, NULL);
    return RT_OK;
}

static rt_status play_chunk(const struct chunk *c, struct rt_err *err)
{
    const struct tr__round *r = c->round;
    const uint64_t seed = r->policy->options.seed;
    int live;

    for (int i = 0; i < c->batch->count; i++) {
        const uint64_t index = r->first + (uint64_t)(c->from + i);
        c->stage->live[i] = i < c->count;
        c->stage->seed[i] = tr_episode_seed(seed, (int)r->stream, index);
        rt_rng_init(&c->stage->rng[i], c->stage->seed[i], RT_STREAM_DRIVE, index);
        if (i < c->count) {
            c->out->total[c->from + i] = 0;
            c->out->length[c->from + i] = 0;
        }
    }
    RT_TRY(tr_env_reset(c->batch, c->stage->live, c->stage->seed, err));
    while ((live = live_copies(c->stage, c->count)) > 0)
        RT_TRY(step(c, live, err));
    return RT_OK;
}

static rt_status play_chunks(struct chunk *c, int first, int stride, struct rt_err *err)
{
    const int copies = c->round->policy->copies;
    rt_status rc;

    RT_TRY(tr__policy_borrow(c->round->policy, &c->batch, err));
    rc = RT_OK;
    for (int from = first * copies; from < c->round->count && rc == RT_OK;
         from += stride * copies) {
        c->from = from;
        c->count = c->round->count - from < copies ? c->round->count - from : copies;
        rc = play_chunk(c, err);
    }
    tr__policy_return(c->round->policy, c->batch, rc != RT_OK);
    return rc;
}

rt_status tr__play(const struct tr__round *round, struct tr__stage *stage, struct tr_actor *actor,
                   struct tr__outcome *out, struct rt_err *err)
{
    struct chunk c = {.round = round, .stage = stage, .actor = actor, .out = out};

    assert(round->count >= 1 && (actor || !student_acts(round)));
    assert(!round->ask || out->states.said);
    return play_chunks(&c, 0, 1, err);
}

/* One thread's share. */
static rt_status play_share(const struct tr__round *round, int thread, int threads,
                            struct tr__outcome *out, struct rt_err *err)
{
    struct rt_arena arena;
    struct chunk c = {.round = round, .out = out};
    rt_status rc;

    rt_arena_init_counting(&arena);
    (void)tr__stage_init(&c.stage, round->policy, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = tr__stage_init(&c.stage, round->policy, &arena, err)) == RT_OK)
        rc = play_chunks(&c, thread, threads, err);
    rt_arena_release(&arena);
    return rc;
}

rt_status tr__play_on(const struct tr__round *round, int threads, struct tr__outcome *out,
                      struct rt_err *err)
{
    const int chunks = (round->count + round->policy->copies - 1) / round->policy->copies;
    const int used = threads < chunks ? threads : chunks;
    struct rt_err why[64];
    rt_status each[64] = {RT_OK};

    assert(!student_acts(round) && used >= 1 && used <= 64);
#pragma omp parallel for default(none) num_threads(used) schedule(static, 1) if (used > 1)         \
    shared(round, used, out, why, each)
    for (int t = 0; t < used; t++)
        each[t] = play_share(round, t, used, out, &why[t]);
    for (int t = 0; t < used; t++)
        if (each[t] != RT_OK)
            return rt_fail(err, each[t], "%s", why[t].text);
    return RT_OK;
}
