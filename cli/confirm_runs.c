/* cli/confirm_runs.c -- see confirm_runs.h. */
#include "cli/confirm_runs.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/evaluator.h"
#include "cli/full_run.h"
#include "cli/testing.h"
#include "trainer/measure/evaluate.h"

struct pool {
    const struct confirm_runs *runs;
    pthread_mutex_t lock;         /* guards all below, the store, and the answers */
    struct test_answers *answers; /* NULL: there is no test file */
    int next, done;
    bool stopped;
    rt_status rc; /* the first error; ends it all */
    struct rt_err err;
};

/* ---- what a student is worth ---- */

/* Metrics of int8 go by the names that trials have for them. */
static void add_int8(struct tr_metrics *metrics, const struct tr_metrics *int8)
{
    static const char *const names[] = {"error", "kl"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct tr_metric *m = tr_metrics_find(int8, names[i]);
        char name[TR_METRIC_NAME];
        (void)snprintf(name, sizeof name, "int8_%s", names[i]);
        if (m)
            tr_metrics_add(metrics, name, m->value, m->error);
    }
}

static rt_status validate(const struct full_run *run, struct store_confirmed *to,
                          struct rt_err *err)
{
    const struct tr_network *net = full_run_kept(run);
    const struct tr_data *data = &run->session->data;
    struct tr_metrics metrics = {0}, int8 = {0};

    RT_TRY(tr_evaluate_validation(&net->student, &net->weights, data, 1, &metrics, err));
    RT_TRY(tr_evaluate_acting(&net->student, &net->weights, data, false, &metrics, err));
    if (full_run_in_int8(run)) {
        RT_TRY(tr_int8_evaluate(&net->student, &net->weights, &run->ranges, data, 1, &int8, err));
        add_int8(&metrics, &int8);
    }
    to->validation_count = evaluator_values(&metrics, to->validation);
    return RT_OK;
}

/* The lock is held. */
static rt_status test(const struct pool *pool, const struct full_run *run,
                      struct store_confirmed *to, struct rt_err *err)
{
    const struct tr_network *net = full_run_kept(run);
    struct test_result result = {0};

    RT_TRY(test_student(run->session, pool->answers, &net->student, &net->weights,
                        full_run_in_int8(run) ? &run->ranges : NULL, &result, err));
    if (result.has_int8)
        add_int8(&result.student, &result.int8);
    to->test_count = evaluator_values(&result.student, to->test);
    return RT_OK;
}

/* ---- one run ---- */

static rt_status prepare(const struct pool *pool, const struct store_confirmation *plan,
                         struct full_run *run, struct rt_err *err)
{
    const struct confirm_runs *r = pool->runs;

    *run = (struct full_run){
        .session = r->session, .seed = plan->seed, .threads = 1, .stop = r->stop, .curved = true};
    RT_TRY(space_arch_parse(plan->arch, &run->arch, err));
    run->recipe = settings_recipe(r->settings, r->recipe, run->arch.width);
    run->kernels = settings_kernels(r->settings, r->session->kernels, run->arch.width);
    return RT_OK;
}

static void tell(const struct pool *pool, const struct store_confirmation *plan, double seconds,
                 const struct store_confirmed *confirmed)
{
    (void)fprintf(stderr, "confirm: %d of %d, full run %" PRId64 " of %s, %.0f s%s%s\n", pool->done,
                  pool->runs->count, plan->number, plan->arch, seconds,
                  confirmed->status == RT_OK ? "" : ", failed: ", confirmed->error);
}

/* Records what came of the run, unless it was stopped; a failure of the student is a result, what
 * the machine refuses is none. The lock is held. */
static rt_status record(struct pool *pool, const struct store_confirmation *plan,
                        struct full_run *run, rt_status status, struct store_confirmed *confirmed,
                        struct rt_err *err)
{
    if (status == RT_OK && pool->answers)
        status = test(pool, run, confirmed, err);
    if (status == RT_ESTOP) {
        pool->stopped = true;
        return RT_OK;
    }
    if (status != RT_OK && status != RT_ENAN)
        return status;
    confirmed->status = status;
    if (status != RT_OK)
        (void)snprintf(confirmed->error, sizeof confirmed->error, "%s", err->text);
    confirmed->seconds = run->summary.seconds;
    confirmed->curve = run->curve.points;
    confirmed->curve_count = run->curve.count;
    RT_TRY(store_confirm_done(pool->runs->store, confirmed, err));
    pool->done++;
    tell(pool, plan, run->summary.seconds, confirmed);
    return RT_OK;
}

static rt_status run_one(struct pool *pool, const struct store_confirmation *plan, int worker,
                         struct rt_err *err)
{
    struct store_confirmed confirmed = {
        .number = plan->number, .host = pool->runs->host, .worker = worker};
    struct tr_resume resume;
    struct full_run run;
    rt_status rc = prepare(pool, plan, &run, err);

    if (rc == RT_OK)
        rc = full_run_resume(&run, store_path(pool->runs->store), &resume, err);
    run.resume = &resume;
    if (rc == RT_OK && (rc = full_run_train(&run, err)) == RT_OK)
        rc = validate(&run, &confirmed, err);
    if (rc == RT_OK && run.curve.failed)
        rc = rt_fail(err, RT_ENOMEM, "no memory for the learning curve");
    const bool whole = rc == RT_OK || rc == RT_ENAN;
    pthread_mutex_lock(&pool->lock);
    rc = record(pool, plan, &run, rc, &confirmed, err);
    pthread_mutex_unlock(&pool->lock);
    if (rc == RT_OK && whole)
        tr_resume_forget(&resume);
    full_run_close(&run);
    return rc;
}

/* ---- all of them ---- */

/* The next of the plan; NULL: none, or it is over. */
static const struct store_confirmation *take(struct pool *pool)
{
    const struct confirm_runs *r = pool->runs;
    const struct store_confirmation *plan = NULL;

    pthread_mutex_lock(&pool->lock);
    if (r->stop && atomic_load(r->stop))
        pool->stopped = pool->stopped || pool->next < r->count;
    if (pool->rc == RT_OK && !pool->stopped && pool->next < r->count)
        plan = &r->run[pool->next++];
    pthread_mutex_unlock(&pool->lock);
    return plan;
}

static void work(struct pool *pool, int worker)
{
    const struct store_confirmation *plan;
    struct rt_err err;

    while ((plan = take(pool))) {
        const rt_status rc = run_one(pool, plan, worker, &err);
        if (rc == RT_OK)
            continue;
        pthread_mutex_lock(&pool->lock);
        if (pool->rc == RT_OK) {
            pool->rc = rc;
            pool->err = err;
        }
        pthread_mutex_unlock(&pool->lock);
    }
}

rt_status confirm_runs(const struct confirm_runs *runs, bool *stopped, struct rt_err *err)
{
    const struct session *session = runs->session;
    struct pool pool = {.runs = runs, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct test_answers answers;

    assert(runs->workers >= 1 && runs->count >= 0);
    if (study_task_of(&session->study)->has_test(session->study.block)) {
        RT_TRY(test_open(session, &answers, err));
        pool.answers = &answers;
    }
#pragma omp parallel num_threads(runs->workers) default(none) shared(pool)
    work(&pool, omp_get_thread_num());
    if (pool.answers)
        test_close(&answers);
    pthread_mutex_destroy(&pool.lock);
    *stopped = pool.stopped;
    return pool.rc == RT_OK ? RT_OK : rt_fail(err, pool.rc, "%s", pool.err.text);
}
