/* bench/search/record.c -- the book-keeping of trials alone, in a real store: simulate.h. */
#include "bench/search/run.h"
#include "bench/search/simulate.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_internal.h"

enum {
    METRICS = 10, /* as many as a trial of an image study leaves */
    SERIES = 3,
    UNSURE = 100, /* trials before the first expectation */
    GOOD = 99     /* of a hundred */
};

static rt_status fill_result(const struct bench_problem *problem, const double *objectives,
                             int points, struct store_result *result, struct rt_err *err)
{
    const int m = problem->objective_count;

    *result = (struct store_result){.curve = calloc((size_t)points + 1, sizeof *result->curve)};
    if (!result->curve)
        return rt_fail(err, RT_ENOMEM, "no memory for a curve");
    if (!objectives) {
        result->status = RT_ENAN;
        snprintf(result->error, sizeof result->error, "the loss is not finite");
        return RT_OK;
    }
    for (int i = 0; i < METRICS; i++) {
        struct store_value *value = &result->values[result->value_count++];
        value->value = i < m ? objectives[i] : i;
        value->stderr_ = NAN;
        if (i < m)
            snprintf(value->name, sizeof value->name, "%s", problem->objectives[i]);
        else
            snprintf(value->name, sizeof value->name, "metric%d", i);
    }
    for (int i = 0; i < points; i++) {
        struct rt_curve_point *point = &result->curve[result->curve_count++];
        point->step = 50 * (i / SERIES);
        point->value = 1. / (1 + i);
        snprintf(point->name, sizeof point->name, "curve%d", i % SERIES);
    }
    return RT_OK;
}

/* Right within a tenth, and knowing it. */
static void expect(const struct bench_problem *problem, const struct space_arch *arch,
                   const double *objectives, struct store_proposal *proposal)
{
    for (int k = 0; k < problem->objective_count; k++) {
        if (!isnan(space_exact(&problem->space, arch, problem->objectives[k])))
            continue;
        struct store_prediction *p = &proposal->prediction[proposal->prediction_count++];
        const double off = .2 * bench_uneven(problem, 9, (uint64_t)proposal->number * 8 + k) - .1;
        snprintf(p->name, sizeof p->name, "%s", problem->objectives[k]);
        p->mean = objectives[k] * (1 + off);
        p->sd = .058 * fabs(objectives[k]);
    }
}

static rt_status play(struct store *store, int64_t host, struct search__front *front,
                      const struct store_proposal *proposal, const struct store_result *result,
                      const double *objectives, struct rt_err *err)
{
    const int64_t number = proposal->number;
    struct store_commit commit;

    RT_TRY(store_trial_propose(store, proposal, err));
    RT_TRY(store_trial_start(store, number, host, (int)(number % 16), err));
    RT_TRY(store_trial_done(store, number, result, err));
    RT_TRY(search__front_add(front, number, objectives, &commit, err));
    return store_trial_commit(store, &commit, err);
}

static rt_status record(struct store *store, const struct bench_problem *problem, int points,
                        int64_t host, struct search__front *front, const struct space_arch *arch,
                        int64_t number, struct rt_err *err)
{
    struct space_cost cost;
    const bool student = space_has_costs(&problem->space), good = number % (GOOD + 1) != GOOD;
    struct store_proposal proposal = {.number = number,
                                      .space = &problem->space,
                                      .arch = arch,
                                      .cost = student ? &cost : NULL,
                                      .origin = "random",
                                      .parent_a = -1,
                                      .parent_b = -1,
                                      .inherits = -1,
                                      .seed = 1};
    double objectives[STORE_MAX_OBJECTIVES];
    struct store_result result;

    if (student)
        space_cost_of(arch, &problem->space.shape, &cost);
    bench_measure(problem, arch, -1, objectives);
    if (number >= UNSURE)
        expect(problem, arch, objectives, &proposal);
    RT_TRY(fill_result(problem, good ? objectives : NULL, points, &result, err));
    const rt_status rc =
        play(store, host, front, &proposal, &result, good ? objectives : NULL, err);
    store_result_release(&result);
    return rc;
}

static rt_status record_all(struct store *store, const struct bench_problem *problem,
                            const struct search_options *options,
                            const struct bench_recording *recording,
                            struct bench_recorded *recorded, struct rt_err *err)
{
    const int64_t trials = recording->trials;
    static const struct rt_machine machine = {.host = "bench", .cpu = "any", .cores = 1};
    struct search__proposer seen; /* knows what was tried */
    struct search__front front;
    struct rt_rng rng;
    int64_t host, number = 0, misses = 0;

    RT_TRY(store_host(store, &machine, "none", &host, err));
    RT_TRY(search__proposer_init(&seen, &problem->space, options, err));
    search__front_init(&front, &problem->space, options);
    rt_rng_init(&rng, options->seed, RT_STREAM_TEST, 0);
    rt_status rc = RT_OK;
    while (number < trials && rc == RT_OK) {
        struct space_arch arch;
        space_sample(&problem->space, &rng, &arch);
        if (!space_feasible(&problem->space, &arch, NULL) || search__tried(&seen, &arch)) {
            if (++misses > 10000)
                rc = rt_fail(err, RT_EARG, "'%s' has not so many architectures", problem->name);
            continue;
        }
        misses = 0;
        const int64_t wall = rt_now_ns(), cpu = rt_thread_cpu_ns();
        rc = record(store, problem, recording->points, host, &front, &arch, number++, err);
        recorded->cpu += 1e-9 * (double)(rt_thread_cpu_ns() - cpu) / (double)trials;
        recorded->wall += 1e-9 * (double)(rt_now_ns() - wall) / (double)trials;
        if (rc == RT_OK)
            rc = search__proposer_add(&seen, &arch, -1, err);
    }
    search__front_release(&front);
    search__proposer_release(&seen);
    return rc;
}

rt_status bench_record(const struct bench_problem *problem, const struct bench_recording *recording,
                       struct bench_recorded *recorded, struct rt_err *err)
{
    char folder[] = "/tmp/retort-bench-XXXXXX";
    struct search_options options;
    struct store *store = NULL;

    bench_run_defaults(problem, &options);
    options.surrogate = SEARCH_SURROGATE_NONE;
    *recorded = (struct bench_recorded){.cpu = 0};
    RT_TRY(recording->path
               ? bench_store_make(recording->path, &problem->space, &options, &store, err)
               : bench_store_open(folder, &problem->space, &options, &store, err));
    rt_status rc = RT_OK;
    if (recording->durable &&
        sqlite3_exec(store_handle(store), "pragma synchronous = full", NULL, NULL, NULL))
        rc = rt_fail(err, RT_EDB, "cannot wait for the disk");
    if (rc == RT_OK)
        rc = record_all(store, problem, &options, recording, recorded, err);
    if (recording->path)
        store_close(store);
    else
        bench_store_remove(folder, store);
    return rc;
}
