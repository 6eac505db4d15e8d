/* bench/search/run.c -- through search_run() and a real store, so that what is measured is what
 * users get; the store lies in a folder of its own that is removed again. */
#include "bench/search/run.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/study.h"

void bench_run_defaults(const struct bench_problem *problem, struct search_options *options)
{
    struct study study;

    study_defaults(&study);
    *options = study.search;
    options->trials = 1000;
    options->hours = 0;
    options->workers = 1;
    options->window = 1;
    options->objective_count = problem->objective_count;
    memcpy(options->objectives, problem->objectives, sizeof options->objectives);
}

struct run {
    const struct bench_problem *problem;
    struct bench_score score;
    int64_t trials;  /* of the last budget's length */
    int64_t spent;   /* of all budgets, in steps; or in trials where a trial has no steps */
    atomic_int stop; /* all is spent */
    double *volumes;
    rt_status rc;
    struct rt_err err;
};

/* Trials count by what they cost: a short one is a part of a trial of full length. */
static void note(struct run *run, const struct search_job *job)
{
    const struct bench_problem *p = run->problem;
    double objectives[STORE_MAX_OBJECTIVES];
    const bool rungs = job->budget > 0;
    const int64_t whole = rungs ? p->budget[p->budget_count - 1] : 1;

    bench_evaluate(p, job->arch, -1, objectives);
    run->spent += rungs ? job->budget : 1;
    if ((!rungs || job->budget == whole) && run->rc == RT_OK && !job->replicate)
        run->rc = bench_score_add(&run->score, job->arch, objectives, &run->err);
    for (int64_t n = (run->spent + whole - 1) / whole; n <= run->trials; n++)
        run->volumes[n - 1] = run->score.volume;
    if (run->spent >= run->trials * whole)
        atomic_store(&run->stop, 1);
}

static void evaluate(void *context, const struct search_job *job, struct store_result *result)
{
    struct run *run = context;
    const struct bench_problem *p = run->problem;
    double objectives[STORE_MAX_OBJECTIVES];

    bench_measure_again(p, job->arch, job->budget > 0 ? job->rung : -1, job->replicate, objectives);
    for (int i = 0; i < p->objective_count; i++) {
        struct store_value *value = &result->values[result->value_count++];
        snprintf(value->name, sizeof value->name, "%s", p->objectives[i]);
        value->value = objectives[i];
        value->stderr_ = NAN;
    }
#pragma omp critical(bench_run)
    note(run, job);
}

void bench_store_remove(const char *folder, struct store *store)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char path[256];

    store_close(store);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s/study.db%s", folder, ends[i]);
        unlink(path);
    }
    rmdir(folder);
}

rt_status bench_store_make(const char *path, const struct space *space,
                           const struct search_options *options, struct store **store,
                           struct rt_err *err)
{
    struct store_study study = {.name = "bench",
                                .space = space,
                                .yaml = "",
                                .hash = "00000000000000000000000000000000",
                                .settings = "{}",
                                .seed = options->seed,
                                .objective_count = options->objective_count,
                                .rung_count = options->rung_count};

    for (int i = 0; i < options->objective_count; i++)
        study.objectives[i] = options->objectives[i];
    memcpy(study.rung_budget, options->rung_budget, sizeof study.rung_budget);
    return store_create(path, &study, store, err);
}

rt_status bench_store_open(char *folder, const struct space *space,
                           const struct search_options *options, struct store **store,
                           struct rt_err *err)
{
    char path[256];

    if (!mkdtemp(folder))
        return rt_fail(err, RT_EIO, "cannot make a folder in '/tmp'");
    snprintf(path, sizeof path, "%s/study.db", folder);
    const rt_status rc = bench_store_make(path, space, options, store, err);
    if (rc != RT_OK)
        bench_store_remove(folder, NULL);
    return rc;
}

/* ---- the front that is reported ---- */

static bool any_dominates(const struct bench_score *score, const double *point)
{
    const size_t m = (size_t)score->problem->objective_count;

    for (size_t i = 0; i < score->front_count; i++)
        if (search_dominates(score->front + i * m, point, (int)m))
            return true;
    return false;
}

static rt_status add_member(const struct bench_score *all, struct bench_score *front,
                            const char *text, double measured, struct bench_reported *r,
                            struct rt_err *err)
{
    const struct bench_problem *p = all->problem;
    double objectives[STORE_MAX_OBJECTIVES];
    struct space_arch arch;

    RT_TRY(space_parse(&p->space, text, &arch, err));
    bench_evaluate(p, &arch, -1, objectives);
    r->members++;
    r->dominated += any_dominates(all, objectives);
    r->optimism += (objectives[0] - measured) / (p->reference[0] - p->ideal[0]) * 1.1;
    return bench_score_add(front, &arch, objectives, err);
}

static rt_status report(const struct bench_score *all, struct store *store,
                        struct bench_reported *r, struct rt_err *err)
{
    static const char sql[] = "select c.arch, v.value from front f join trial t on t.number ="
                              " f.trial join candidate c on c.id = t.candidate join"
                              " objective_values v on v.trial = f.trial and v.position = 0";
    struct bench_score front;
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    *r = (struct bench_reported){0};
    bench_score_open(&front, all->problem);
    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        rc = rt_fail(err, RT_EDB, "%s", sqlite3_errmsg(store_handle(store)));
    while (rc == RT_OK && sqlite3_step(q) == SQLITE_ROW)
        rc = add_member(all, &front, (const char *)sqlite3_column_text(q, 0),
                        sqlite3_column_double(q, 1), r, err);
    sqlite3_finalize(q);
    r->volume = front.volume;
    r->dominated /= r->members ? r->members : 1;
    r->optimism /= r->members ? r->members : 1;
    bench_score_close(&front);
    return rc;
}

/* `reported` NULL: not asked for. */
static rt_status run_all(const struct bench_problem *problem, struct search_options options,
                         double *volumes, struct bench_reported *reported, struct rt_err *err)
{
    static const struct rt_machine machine = {.host = "bench", .cpu = "any", .cores = 1};
    struct run run = {.problem = problem, .trials = options.trials, .volumes = volumes};
    const struct search_evaluator evaluator = {evaluate, &run, NULL};
    char folder[] = "/tmp/retort-bench-XXXXXX";
    struct store *store = NULL;
    enum search_end end;
    rt_status rc;

    options.trials = 0; /* ended by what is spent */
    RT_TRY(bench_store_open(folder, &problem->space, &options, &store, err));
    bench_score_open(&run.score, problem);
    rc = store_host(store, &machine, "none", &options.host, err);
    if (rc == RT_OK)
        rc = search_run(&problem->space, &options, &evaluator, store, &run.stop, NULL, NULL, &end,
                        err);
    if (rc == RT_OK && run.rc != RT_OK)
        rc = rt_fail(err, run.rc, "%s", run.err.text);
    if (rc == RT_OK && reported)
        rc = report(&run.score, store, reported, err);
    bench_score_close(&run.score);
    bench_store_remove(folder, store);
    return rc;
}

rt_status bench_run(const struct bench_problem *problem, struct search_options options,
                    double *volumes, struct rt_err *err)
{
    return run_all(problem, options, volumes, NULL, err);
}

rt_status bench_run_reported(const struct bench_problem *problem, struct search_options options,
                             struct bench_reported *reported, struct rt_err *err)
{
    double *volumes = calloc((size_t)options.trials, sizeof *volumes);

    if (!volumes)
        return rt_fail(err, RT_ENOMEM, "no memory for so many trials");
    const rt_status rc = run_all(problem, options, volumes, reported, err);
    free(volumes);
    return rc;
}
