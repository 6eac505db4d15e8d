/* trainer/task/policy/gather.c -- the rows that all runs share: episodes that the teachers drive, what
 * they say in them, statistics of what is seen; and how well teachers and random actions do.
 *
 * All of it is a function of the options and the teachers, so it is made anew whenever a study is
 * opened rather than kept; the hash of the rows tells whether it is what it was.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "trainer/task/policy/policy_internal.h"

/* Numbers of episodes that score no run's training: behind all rounds. */
static const uint64_t validation_first = (uint64_t)UINT32_MAX << 32;

static int validation_episodes(const struct tr_policy *p)
{
    return (p->options.rollouts.base + 3) / 4;
}

/* ---- rows ---- */

static rt_status check_expert(const struct tr_policy *p, int k, struct rt_err *err)
{
    const struct tr_expert *e = &p->expert[k];
    const int want = tr_label_size(&p->actions, e->says);

    if (e->observation != p->info->observation)
        return rt_fail(err, RT_EARG, "teacher %d reads observations of %d numbers, and '%s' has %d",
                       k + 1, e->observation, p->info->name, p->info->observation);
    if (e->numbers != want)
        return rt_fail(err, RT_EARG,
                       "teacher %d says %d numbers of a state, and the actions of '%s' take %d",
                       k + 1, e->numbers, p->info->name, want);
    return RT_OK;
}

static size_t rows_of(const struct tr__outcome *out, int count)
{
    size_t rows = 0;

    for (int e = 0; e < count; e++)
        rows += (size_t)out->length[e];
    return rows;
}

/* The episodes of an outcome one behind the other, from row *row on. */
static void append(struct tr_policy *p, const struct tr__outcome *out, int count, int *row)
{
    for (ptrdiff_t e = 0; e < count; e++)
        for (ptrdiff_t t = 0; t < out->length[e]; t++)
            tr__policy_copy(p, &out->states, e * p->info->horizon + t, &p->base, (*row)++);
}

static rt_status carve_rows(struct tr_policy *p, size_t rows, struct rt_arena *arena,
                            struct rt_err *err)
{
    p->base = (struct tr__states){
        .room = (int)rows,
        .seen = rt_arena_alloc(arena, rows * (size_t)p->features, sizeof(float)),
        .frame = p->frame ? rt_arena_alloc(arena, rows, (size_t)p->frame) : NULL,
        .step = rt_arena_alloc(arena, rows, sizeof(int)),
        .said = rt_arena_alloc(arena, rows * (size_t)tr__said_floats(p), sizeof(float))};
    return rt_arena_check(arena, "the rows of a policy", err);
}

/* The first `train` rows are trained on, the others validate. */
static rt_status divide(struct tr_policy *p, int rows, int train, struct rt_err *err)
{
    struct tr_split *split = &p->task.split;

    assert(train > 0 && rows > train);
    split->train = malloc((size_t)train * sizeof(int));
    split->validation = malloc((size_t)(rows - train) * sizeof(int));
    if (!split->train || !split->validation)
        return rt_fail(err, RT_ENOMEM, "no memory to split %d states", rows);
    for (int i = 0; i < train; i++)
        split->train[i] = i;
    for (int i = train; i < rows; i++)
        split->validation[i - train] = i;
    split->train_count = train;
    split->validation_count = rows - train;
    return RT_OK;
}

/* Mean and deviation of what is observed; a component that never moves is only shifted. */
static void normalise(struct tr_policy *p, int train)
{
    struct tr_pixel_sums sums = {0};

    if (p->frame) {
        tr_pixel_sums_add(&sums, p->base.frame, (size_t)train * (size_t)p->frame);
        p->pixels = tr_pixel_scale_of(&sums);
        tr_pixel_values(&p->pixels, p->value);
    }
    for (int i = 0; i < p->observed.count; i++) {
        double sum = 0, squares = 0;
        for (ptrdiff_t r = 0; r < train; r++)
            sum += (double)p->base.seen[r * p->features + i];
        const double mean = sum / train;
        for (ptrdiff_t r = 0; r < train; r++) {
            const double d = (double)p->base.seen[r * p->features + i] - mean;
            squares += d * d;
        }
        const double sd = sqrt(squares / train);
        p->mean[i] = (float)mean;
        p->scale[i] = sd > 1e-8 ? (float)(1 / sd) : 1;
    }
}

static rt_status hash_rows(struct tr_policy *p, int rows, struct rt_err *err)
{
    struct rt_hash *hash = rt_hash_open();
    char line[160];
    int n;

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash the states of a policy");
    n = snprintf(line, sizeof line, "%s bins=%d grid=%d features=%d rows=%d", p->info->hash,
                 p->actions.bins, (int)p->actions.grid, p->features, rows);
    rt_hash_add(hash, line, (size_t)n);
    rt_hash_add(hash, p->base.seen, (size_t)rows * (size_t)p->features * sizeof(float));
    if (p->frame)
        rt_hash_add(hash, p->base.frame, (size_t)rows * (size_t)p->frame);
    rt_hash_add(hash, p->base.said, (size_t)rows * (size_t)tr__said_floats(p) * sizeof(float));
    rt_hash_close(hash, p->task.hash);
    return RT_OK;
}

/* Of two outcomes, the base's and the validation's. */
static rt_status keep_rows(struct tr_policy *p, const struct tr__outcome out[2], const int count[2],
                           struct rt_err *err)
{
    const size_t train = rows_of(&out[0], count[0]), all = train + rows_of(&out[1], count[1]);
    int row = 0;

    if (all * (size_t)p->actions.parts > INT32_MAX)
        return rt_fail(err, RT_EARG, "rollouts.base: %zu states are too many; give less", all);
    rt_arena_init_counting(&p->kept);
    (void)carve_rows(p, all, &p->kept, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&p->kept, p->kept.used, err));
    RT_TRY(carve_rows(p, all, &p->kept, err));
    append(p, &out[0], count[0], &row);
    append(p, &out[1], count[1], &row);
    RT_TRY(divide(p, (int)all, (int)train, err));
    normalise(p, (int)train);
    RT_TRY(hash_rows(p, (int)all, err));
    p->task.rows = (int)all;
    return RT_OK;
}

static rt_status carve_rounds(const struct tr_policy *p, const int count[2],
                              struct tr__outcome out[2], struct rt_arena *arena, struct rt_err *err)
{
    RT_TRY(tr__outcome_init(&out[0], p, count[0], TR__KEEP_ALL, arena, err));
    return tr__outcome_init(&out[1], p, count[1], TR__KEEP_ALL, arena, err);
}

static rt_status gather_rows(struct tr_policy *p, int threads, struct rt_err *err)
{
    const struct tr_rollouts *r = &p->options.rollouts;
    const int count[2] = {r->base, validation_episodes(p)};
    struct tr__round round = {.policy = p,
                              .stream = RT_STREAM_ROLLOUT,
                              .count = count[0],
                              .teacher = 1,
                              .sampled = true,
                              .member = -1,
                              .perturb = r->perturb_mode == TR_PERTURB_EXEC ? r->perturb : 0,
                              .ask = true};
    struct tr__outcome out[2];
    struct rt_arena arena;
    rt_status rc;

    rt_arena_init_counting(&arena);
    (void)carve_rounds(p, count, out, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = carve_rounds(p, count, out, &arena, err)) == RT_OK &&
        (rc = tr__play_on(&round, threads, &out[0], err)) == RT_OK) {
        round.first = validation_first;
        round.count = count[1];
        round.perturb = 0;
        rc = tr__play_on(&round, threads, &out[1], err);
    }
    if (rc == RT_OK)
        rc = keep_rows(p, out, count, err);
    rt_arena_release(&arena);
    return rc;
}

/* ---- scores ---- */

void tr__scores_release(struct tr_policy_scores *scores)
{
    free(scores->teacher);
    free(scores->random);
    free(scores->member);
    *scores = (struct tr_policy_scores){0};
}

static rt_status score(const struct tr_policy *p, struct tr__round *round, int threads,
                       double *total, struct rt_err *err)
{
    struct tr__outcome out;
    struct rt_arena arena;
    rt_status rc;

    rt_arena_init_counting(&arena);
    (void)tr__outcome_init(&out, p, round->count, TR__KEEP_SEEN, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = tr__outcome_init(&out, p, round->count, TR__KEEP_SEEN, &arena, err)) == RT_OK &&
        (rc = tr__play_on(round, threads, &out, err)) == RT_OK)
        memcpy(total, out.total, (size_t)round->count * sizeof *total);
    rt_arena_release(&arena);
    return rc;
}

static double mean_of(const double *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

static rt_status play_scores(const struct tr_policy *p, bool test, int threads,
                             struct tr_policy_scores *s, struct rt_err *err)
{
    struct tr__round round = {.policy = p,
                              .stream = RT_STREAM_EVALUATE,
                              .first = test ? TR__TEST_FIRST : 0,
                              .count = s->episodes,
                              .teacher = 1,
                              .member = -1};

    for (int k = 0; k < p->experts; k++) {
        round.member = k;
        RT_TRY(score(p, &round, threads, s->member + (ptrdiff_t)k * s->episodes, err));
    }
    round.member = -1;
    if (p->experts == 1)
        memcpy(s->teacher, s->member, (size_t)s->episodes * sizeof(double));
    else
        RT_TRY(score(p, &round, threads, s->teacher, err));
    round.random = true;
    return score(p, &round, threads, s->random, err);
}

rt_status tr__scores_take(const struct tr_policy *p, bool test, int threads,
                          struct tr_policy_scores *s, struct rt_err *err)
{
    const int n = test ? p->options.test_episodes : p->options.episodes;

    *s = (struct tr_policy_scores){.episodes = n,
                                   .teacher = calloc((size_t)n, sizeof(double)),
                                   .random = calloc((size_t)n, sizeof(double)),
                                   .member = calloc((size_t)n * p->experts, sizeof(double))};
    if (!s->teacher || !s->random || !s->member)
        return rt_fail(err, RT_ENOMEM, "no memory for the returns of %d episodes", n);
    RT_TRY(play_scores(p, test, threads, s, err));
    const double teacher = mean_of(s->teacher, n), random = mean_of(s->random, n);
    s->success_at = isfinite(p->options.success_return)
                        ? p->options.success_return
                        : random + p->options.success * (teacher - random);
    return RT_OK;
}

/* ---- all of it ---- */

static rt_status gather(struct tr_policy *p, int threads, const atomic_int *stop,
                        struct rt_err *err)
{
    double sum = 0;

    for (int k = 0; k < p->experts; k++) {
        RT_TRY(check_expert(p, k, err));
        sum += p->expert[k].weight;
    }
    for (int k = 0; k < p->experts; k++)
        p->weight[k] = p->expert[k].weight / sum;
    p->threads = threads;
    if (stop && atomic_load(stop))
        return rt_fail(err, RT_ESTOP, "gathering the states of a policy was asked to stop");
    RT_TRY(gather_rows(p, threads, err));
    return tr__scores_take(p, false, threads, &p->scores, err);
}

rt_status tr_policy_gather(struct tr_task *task, struct tr_expert *experts, int count, int threads,
                           const atomic_int *stop, struct rt_err *err)
{
    struct tr_policy *p = (struct tr_policy *)task;

    assert(task->kind == &tr_task_policy && !tr_policy_gathered(task));
    assert(count >= 1 && count <= TR_POLICY_TEACHERS && threads >= 1);
    memcpy(p->expert, experts, (size_t)count * sizeof *experts);
    memset(experts, 0, (size_t)count * sizeof *experts);
    p->experts = count;
    return gather(p, threads, stop, err);
}

/* ---- an episode to look at ---- */

static rt_status carve_play(const struct tr_policy *p, int count, struct tr__stage **stage,
                            struct tr__outcome *out, struct rt_arena *arena, struct rt_err *err)
{
    RT_TRY(tr__stage_init(stage, p, arena, err));
    return tr__outcome_init(out, p, count, TR__KEEP_SEEN, arena, err);
}

/* Episodes of the evaluation from number `first` on, who acts as in tr_policy_play(). */
static rt_status play_some(const struct tr_policy *p, struct tr_actor *actor, int first, int count,
                           const struct tr_policy_show *show, double *total, struct rt_err *err)
{
    const struct tr__round round = {.policy = p,
                                    .stream = RT_STREAM_EVALUATE,
                                    .first = (uint64_t)first,
                                    .count = count,
                                    .teacher = actor ? 0 : 1,
                                    .member = -1};
    struct tr__outcome out;
    struct tr__stage *stage;
    struct rt_arena arena;
    rt_status rc;

    rt_arena_init_counting(&arena);
    (void)carve_play(p, count, &stage, &out, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    if ((rc = carve_play(p, count, &stage, &out, &arena, err)) == RT_OK) {
        out.show = show;
        rc = tr__play(&round, stage, actor, &out, err);
        memcpy(total, out.total, (size_t)count * sizeof *total);
    }
    rt_arena_release(&arena);
    return rc;
}

rt_status tr_policy_play(const struct tr_task *task, struct tr_actor *actor, int episode,
                         const struct tr_policy_show *show, double *total, struct rt_err *err)
{
    assert(tr_policy_gathered(task) && episode >= 0);
    return play_some(tr__policy_of(task), actor, episode, 1, show, total, err);
}

rt_status tr_policy_returns(const struct tr_task *task, struct tr_actor *actor, double *returns,
                            struct rt_err *err)
{
    const struct tr_policy *p = tr__policy_of(task);

    assert(tr_policy_gathered(task) && actor);
    return play_some(p, actor, 0, p->scores.episodes, NULL, returns, err);
}

/* ---- are episodes what their seeds say? ---- */

static bool same_outcome(const struct tr_policy *p, const struct tr__outcome out[2], int count)
{
    const size_t row = (size_t)p->features * sizeof(float), frame = (size_t)p->frame;
    bool same = memcmp(out[0].total, out[1].total, (size_t)count * sizeof(double)) == 0 &&
                memcmp(out[0].length, out[1].length, (size_t)count * sizeof(int)) == 0 &&
                memcmp(out[0].flags, out[1].flags, (size_t)count * sizeof(unsigned)) == 0;

    for (ptrdiff_t e = 0; same && e < count; e++) {
        const ptrdiff_t at = e * p->info->horizon;
        const size_t rows = (size_t)out[0].length[e];
        same = memcmp(out[0].states.seen + at * p->features, out[1].states.seen + at * p->features,
                      rows * row) == 0 &&
               (!frame || memcmp(out[0].states.frame + at * p->frame,
                                 out[1].states.frame + at * p->frame, rows * frame) == 0);
    }
    return same;
}

static rt_status carve_twice(const struct tr_policy *p, int count, struct tr__outcome out[2],
                             struct rt_arena *arena, struct rt_err *err)
{
    RT_TRY(tr__outcome_init(&out[0], p, count, TR__KEEP_ALL, arena, err));
    return tr__outcome_init(&out[1], p, count, TR__KEEP_ALL, arena, err);
}

rt_status tr_policy_repeats(const struct tr_task *task, bool *same, double *seconds_a_step,
                            struct rt_err *err)
{
    const struct tr_policy *p = tr__policy_of(task);
    const struct tr__round round = {.policy = p,
                                    .stream = RT_STREAM_EVALUATE,
                                    .count = p->frame        ? 1
                                             : p->copies < 4 ? p->copies
                                                             : 4,
                                    .random = true,
                                    .member = -1};
    struct tr__outcome out[2];
    struct rt_arena arena;
    rt_status rc;

    rt_arena_init_counting(&arena);
    (void)carve_twice(p, round.count, out, &arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    rc = carve_twice(p, round.count, out, &arena, err);
    int64_t (*const now)(void) = p->info->child ? rt_now_ns : rt_thread_cpu_ns;
    const int64_t start = now();
    for (int i = 0; i < 2 && rc == RT_OK; i++)
        rc = tr__play_on(&round, 1, &out[i], err);
    if (rc == RT_OK) {
        const double steps =
            (double)(rows_of(&out[0], round.count) + rows_of(&out[1], round.count));
        *seconds_a_step = (double)(now() - start) * 1e-9 / steps;
        *same = same_outcome(p, out, round.count);
    }
    rt_arena_release(&arena);
    return rc;
}
