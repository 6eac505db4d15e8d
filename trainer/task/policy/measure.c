/* trainer/task/policy/measure.c -- how well a student acts: its returns on the starts that teachers and
 * random actions had, and what it answers in the states that it comes to.
 *
 * S, T, R returns of student, ensemble and random actions on start e, means over the starts:
 *   gap               (T - S) / (T - R): 0 as good as the ensemble, 1 as bad as chance; of teachers
 *                     that are no better than chance there is none (NaN)
 *   return_retention  1 - gap; a ratio of returns would mean nothing where they are negative
 *   success           share of episodes whose return is at least success_at
 *   success_retention that share over the ensemble's
 *   visited_kl, visited_agreement  against the ensemble, over the states that the student visits
 * Standard errors are of paired differences: of T_e - S_e - gap (T_e - R_e), over (T - R) sqrt(n); of
 * s_e - r t_e, over t sqrt(n); states of one episode count as one cluster.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/distill/ensemble.h"
#include "trainer/distill/softmax.h"
#include "trainer/task/policy/policy_internal.h"

const struct space_objective tr_policy_measures[] = {
    {"gap", "gap", "return that is missing, as a share", "%", 100, 2, false, false, NAN, false},
    {"return", "return", "mean return of an episode", "", 1, 1, false, false, NAN, true},
    {"return_retention", "retention", "share of the ensemble's return above chance", "%", 100, 1,
     false, false, NAN, true},
    {"success", "success", "episodes that succeed", "%", 100, 1, false, false, NAN, true},
    {"success_retention", "succ. kept", "share of the ensemble's successes", "%", 100, 1, false,
     false, NAN, true},
    {"visited_kl", "KL visited", "KL to the ensemble in states that the student visits", "", 1, 4,
     false, false, 0, false},
    {"visited_agreement", "agr. visit",
     "agreement with the ensemble in states that the student visits", "%", 100, 1, false, false,
     NAN, true},
    {.name = NULL}};

/* ---- numbers ---- */

struct spread {
    double mean, se; /* NaN for n of 1 */
};

static struct spread spread_of(const double *x, int n)
{
    double sum = 0, squares = 0;

    for (int i = 0; i < n; i++)
        sum += x[i];
    const double mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return (struct spread){mean, n > 1 ? sqrt(squares / (n - 1) / n) : (double)NAN};
}

/* sum a / sum b of clusters, and its standard error. */
static struct spread ratio_of(const double *a, const double *b, int n)
{
    double top = 0, bottom = 0, squares = 0;

    for (int i = 0; i < n; i++) {
        top += a[i];
        bottom += b[i];
    }
    const double ratio = top / bottom;
    for (int i = 0; i < n; i++)
        squares += (a[i] - ratio * b[i]) * (a[i] - ratio * b[i]);
    return (struct spread){ratio, n > 1 ? sqrt(squares * n / (n - 1)) / fabs(bottom) : (double)NAN};
}

static void add(struct tr_metrics *metrics, const char *name, struct spread s)
{
    tr_metrics_add(metrics, name, s.mean, s.se);
}

/* work: 2 n. */
static void add_returns(const struct tr_policy_scores *scores, const double *total, double *work,
                        struct tr_metrics *metrics)
{
    const int n = scores->episodes;
    double *missing = work, *range = work + n;

    for (int e = 0; e < n; e++) {
        missing[e] = scores->teacher[e] - total[e];
        range[e] = scores->teacher[e] - scores->random[e];
    }
    struct spread gap = ratio_of(missing, range, n);
    if (!(spread_of(range, n).mean > 0)) /* upside down: the better a student, the larger */
        gap = (struct spread){(double)NAN, (double)NAN};
    add(metrics, "gap", gap);
    add(metrics, "return", spread_of(total, n));
    tr_metrics_add(metrics, "return_retention", 1 - gap.mean, gap.se);
    for (int e = 0; e < n; e++) {
        missing[e] = total[e] >= scores->success_at;
        range[e] = scores->teacher[e] >= scores->success_at;
    }
    add(metrics, "success", spread_of(missing, n));
    add(metrics, "success_retention", ratio_of(missing, range, n));
}

/* ---- the student ---- */

struct comparison { /* sums over the answers of each episode */
    const struct tr_ensemble *ensemble;
    int parts, classes, teachers;
    double *kl, *same, *count;       /* [episodes] */
    double *p, *logp, *z, *q, *logq; /* [classes] */
};

static void compare(void *context, int episode, const float *said, const float *logits)
{
    const struct comparison *c = context;
    const int classes = c->classes;

    for (int a = 0; a < c->parts; a++) {
        double kl = 0;
        struct tr_target target;
        tr_target_init(&target, c->ensemble, said + (ptrdiff_t)a * c->teachers * classes,
                       c->teachers, classes, -1);
        tr_target_at(&target, 1, NULL, c->p, c->logp);
        for (int b = 0; b < classes; b++)
            c->z[b] = (double)logits[(ptrdiff_t)a * classes + b];
        tr_softmax(c->z, classes, 1, c->q, c->logq);
        for (int b = 0; b < classes; b++)
            kl += c->p[b] * (c->logp[b] - c->logq[b]);
        c->kl[episode] += kl;
        c->same[episode] += tr_argmax(c->p, classes) == tr_argmax(c->q, classes);
        c->count[episode] += 1;
    }
}

/* What a measure of n episodes works with. */
struct workspace {
    struct tr__stage *stage;
    struct tr__outcome out;
    struct comparison comparison;
    double *work; /* [2 n] */
};

static rt_status carve(struct workspace *w, const struct tr_policy *p, int n,
                       struct rt_arena *arena, struct rt_err *err)
{
    const size_t classes = (size_t)p->actions.bins, episodes = (size_t)n;
    struct comparison *c = &w->comparison;
    double **const rows[] = {&c->p, &c->logp, &c->z, &c->q, &c->logq};
    double **const sums[] = {&c->kl, &c->same, &c->count};

    RT_TRY(tr__stage_init(&w->stage, p, arena, err));
    RT_TRY(tr__outcome_init(&w->out, p, n, TR__KEEP_SAID, arena, err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i] = rt_arena_zalloc(arena, classes, sizeof(double));
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        *sums[i] = rt_arena_zalloc(arena, episodes, sizeof(double));
    w->work = rt_arena_zalloc(arena, 2 * episodes, sizeof(double));
    return rt_arena_check(arena, "the evaluation of a policy", err);
}

static rt_status workspace_open(struct workspace *w, const struct tr_policy *p, int n,
                                struct rt_arena *arena, struct rt_err *err)
{
    rt_arena_init_counting(arena);
    (void)carve(w, p, n, arena, NULL); /* cannot fail */
    RT_TRY(rt_arena_init(arena, arena->used, err));
    return carve(w, p, n, arena, err);
}

size_t tr__policy_beside(const struct tr_task *task)
{
    const struct tr_policy *p = tr__policy_of(task);
    struct workspace w;
    struct rt_arena arena;

    rt_arena_init_counting(&arena);
    (void)carve(&w, p, p->options.episodes, &arena, NULL); /* cannot fail */
    return arena.used + tr_env_batch_bytes(p->env, p->copies);
}

/* Teachers and chance on the test's starts, asked once. */
static rt_status scores_of(const struct tr_policy *p, bool test,
                           const struct tr_policy_scores **scores, struct rt_err *err)
{
    struct tr_policy *self = (struct tr_policy *)p; /* what the lock is for */
    rt_status rc = RT_OK;

    *scores = test ? &p->test : &p->scores;
    if (!test)
        return RT_OK;
    (void)pthread_mutex_lock(&self->ask);
    if (!p->test.episodes && (rc = tr__scores_take(p, true, p->threads, &self->test, err)))
        tr__scores_release(&self->test);
    (void)pthread_mutex_unlock(&self->ask);
    return rc;
}

rt_status tr__policy_act(const struct tr_task *task, struct tr_actor *actor,
                         const struct tr_ensemble *ensemble, bool test, struct tr_metrics *metrics,
                         struct rt_err *err)
{
    const struct tr_policy *p = tr__policy_of(task);
    const struct tr_policy_scores *scores;
    struct rt_arena arena;
    struct workspace w;
    rt_status rc;

    assert(tr_policy_gathered(task) && actor && ensemble);
    RT_TRY(scores_of(p, test, &scores, err));
    const struct tr__round round = {.policy = p,
                                    .stream = RT_STREAM_EVALUATE,
                                    .first = test ? TR__TEST_FIRST : 0,
                                    .count = scores->episodes,
                                    .member = -1,
                                    .ask = true};
    if ((rc = workspace_open(&w, p, scores->episodes, &arena, err)) == RT_OK) {
        struct comparison *c = &w.comparison;
        c->ensemble = ensemble;
        c->parts = p->actions.parts;
        c->classes = p->actions.bins;
        c->teachers = p->experts;
        w.out.compare = compare;
        w.out.context = c;
        rc = tr__play(&round, w.stage, actor, &w.out, err);
    }
    if (rc == RT_OK) {
        add_returns(scores, w.out.total, w.work, metrics);
        add(metrics, "visited_kl", ratio_of(w.comparison.kl, w.comparison.count, scores->episodes));
        add(metrics, "visited_agreement",
            ratio_of(w.comparison.same, w.comparison.count, scores->episodes));
    }
    rt_arena_release(&arena);
    return rc;
}

/* ---- teachers ---- */

rt_status tr__policy_act_as(const struct tr_task *task, int k, bool test,
                            struct tr_metrics *metrics, struct rt_err *err)
{
    const struct tr_policy *p = tr__policy_of(task);
    const struct tr_policy_scores *scores;

    assert(k >= 0 && k <= p->experts);
    RT_TRY(scores_of(p, test, &scores, err));
    double *work = calloc(2 * (size_t)scores->episodes, sizeof *work);
    if (!work)
        return rt_fail(err, RT_ENOMEM, "no memory for the returns of a teacher");
    add_returns(scores,
                k < p->experts ? scores->member + (ptrdiff_t)k * scores->episodes : scores->teacher,
                work, metrics);
    const bool itself = k == p->experts; /* the ensemble beside itself; members are not compared */
    tr_metrics_add(metrics, "visited_kl", itself ? 0 : (double)NAN, (double)NAN);
    tr_metrics_add(metrics, "visited_agreement", itself ? 1 : (double)NAN, (double)NAN);
    free(work);
    return RT_OK;
}
