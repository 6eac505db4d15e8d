/* bench/search/record.c -- the book-keeping of trials alone, in a real store: simulate.h. */
#include "bench/search/run.h"
#include "bench/search/simulate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_internal.h"

/* As many as a trial of an image study with 600 steps leaves. */
enum { METRICS = 10, POINTS = 36 };

static rt_status fill_result(const struct bench_problem *problem, const double *objectives,
                             struct store_result *result, struct rt_err *err)
{
    const int m = problem->objective_count;

    *result = (struct store_result){.curve = calloc(POINTS, sizeof *result->curve)};
    if (!result->curve)
        return rt_fail(err, RT_ENOMEM, "no memory for a curve");
    for (int i = 0; i < METRICS; i++) {
        struct store_value *value = &result->values[result->value_count++];
        value->value = i < m ? objectives[i] : i;
        value->stderr_ = NAN;
        if (i < m)
            snprintf(value->name, sizeof value->name, "%s", problem->objectives[i]);
        else
            snprintf(value->name, sizeof value->name, "metric%d", i);
    }
    for (int i = 0; i < POINTS; i++) {
        struct rt_curve_point *point = &result->curve[result->curve_count++];
        point->step = 50 * (i / 3);
        point->value = 1. / (1 + i);
        snprintf(point->name, sizeof point->name, "curve%d", i % 3);
    }
    return RT_OK;
}

static rt_status record(struct store *store, const struct bench_problem *problem, int64_t host,
                        struct search__front *front, const struct space_arch *arch, int64_t number,
                        struct rt_err *err)
{
    struct space_cost cost;
    const bool student = space_has_costs(&problem->space);
    const struct store_proposal proposal = {.number = number,
                                            .space = &problem->space,
                                            .arch = arch,
                                            .cost = student ? &cost : NULL,
                                            .origin = "random",
                                            .parent_a = -1,
                                            .parent_b = -1,
                                            .inherits = -1,
                                            .seed = 1};
    double objectives[STORE_MAX_OBJECTIVES];
    struct store_commit commit;
    struct store_result result;

    if (student)
        space_cost_of(arch, &problem->space.shape, &cost);
    bench_measure(problem, arch, -1, objectives);
    RT_TRY(fill_result(problem, objectives, &result, err));
    rt_status rc = store_trial_propose(store, &proposal, err);
    if (rc == RT_OK)
        rc = store_trial_start(store, number, host, 0, err);
    if (rc == RT_OK)
        rc = store_trial_done(store, number, &result, err);
    if (rc == RT_OK)
        rc = search__front_add(front, number, objectives, &commit, err);
    if (rc == RT_OK)
        rc = store_trial_commit(store, &commit, err);
    store_result_release(&result);
    return rc;
}

static rt_status record_all(struct store *store, const struct bench_problem *problem,
                            const struct search_options *options, int64_t trials,
                            struct bench_recorded *recorded, struct rt_err *err)
{
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
        rc = record(store, problem, host, &front, &arch, number++, err);
        recorded->cpu += 1e-9 * (double)(rt_thread_cpu_ns() - cpu) / (double)trials;
        recorded->wall += 1e-9 * (double)(rt_now_ns() - wall) / (double)trials;
        if (rc == RT_OK)
            rc = search__proposer_add(&seen, &arch, -1, err);
    }
    search__front_release(&front);
    search__proposer_release(&seen);
    return rc;
}

rt_status bench_record(const struct bench_problem *problem, int64_t trials,
                       struct bench_recorded *recorded, struct rt_err *err)
{
    char folder[] = "/tmp/retort-bench-XXXXXX";
    struct search_options options;
    struct store *store = NULL;

    bench_run_defaults(problem, &options);
    options.surrogate = SEARCH_SURROGATE_NONE;
    *recorded = (struct bench_recorded){.cpu = 0};
    RT_TRY(bench_store_open(folder, &problem->space, &options, &store, err));
    const rt_status rc = record_all(store, problem, &options, trials, recorded, err);
    bench_store_remove(folder, store);
    return rc;
}
