/* bench/search/simulate.c -- see simulate.h. */
#include "bench/search/simulate.h"

#include "base/clock.h"
#include "search/search_internal.h"

static rt_status add(struct search__proposer *p, const struct bench_problem *problem,
                     const struct space_arch *arch, struct rt_err *err)
{
    double objectives[STORE_MAX_OBJECTIVES];

    RT_TRY(search__proposer_add(p, arch, -1, err));
    while (p->results + (size_t)p->options->window <= p->count) { /* the window is always full */
        bench_measure(problem, &p->archs[p->results], -1, objectives);
        search__proposer_result(p, objectives, 0);
    }
    return RT_OK;
}

static rt_status fill(struct search__proposer *p, const struct bench_problem *problem,
                      int64_t committed, struct rt_err *err)
{
    struct rt_rng rng;
    rt_status rc = RT_OK;

    rt_rng_init(&rng, p->options->seed, RT_STREAM_TEST, 0);
    while ((int64_t)p->count < committed && rc == RT_OK) {
        struct space_arch arch;
        space_sample(&problem->space, &rng, &arch);
        if (space_feasible(&problem->space, &arch, NULL) && !search__tried(p, &arch))
            rc = add(p, problem, &arch, err);
    }
    return rc;
}

static rt_status next_trial(struct search__proposer *p, const struct bench_problem *problem,
                            int64_t *ns, struct rt_err *err)
{
    struct search__proposal proposal;
    const int64_t began = rt_thread_cpu_ns();

    RT_TRY(search__propose(p, &proposal, err));
    *ns = rt_thread_cpu_ns() - began;
    return add(p, problem, &proposal.arch, err);
}

rt_status bench_propose(const struct bench_problem *problem, const struct search_options *options,
                        int64_t committed, int64_t count, int64_t *ns, struct rt_err *err)
{
    struct search__proposer proposer;
    rt_status rc = search__proposer_init(&proposer, &problem->space, options, err);

    if (rc != RT_OK)
        return rc;
    rc = fill(&proposer, problem, committed, err);
    for (int64_t n = 0; n < count && rc == RT_OK; n++)
        rc = next_trial(&proposer, problem, &ns[n], err);
    search__proposer_release(&proposer);
    return rc;
}
