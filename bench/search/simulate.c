/* bench/search/simulate.c -- see simulate.h. */
#include "bench/search/simulate.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "search/search_internal.h"

/* ---- workers ---- */

struct run { /* a trial under way */
    double end;
    int number;
};

/* A heap: the earliest end first. */
static void push(struct run *heap, int *count, struct run run)
{
    int at = (*count)++;

    for (; at > 0 && heap[(at - 1) / 2].end > run.end; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = run;
}

static struct run pop(struct run *heap, int *count)
{
    const struct run first = heap[0], last = heap[--*count];
    int at = 0, child;

    while ((child = 2 * at + 1) < *count) {
        if (child + 1 < *count && heap[child + 1].end < heap[child].end)
            child++;
        if (heap[child].end >= last.end)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

rt_status bench_busy(int workers, int window, int trials, double spread, uint64_t seed,
                     double *busy, struct rt_err *err)
{
    struct run *heap = calloc((size_t)workers, sizeof *heap);
    double *end = calloc((size_t)trials, sizeof *end); /* 0: not finished */
    double now = 0, spent = 0, last_start = 0;
    int running = 0, committed = 0;
    struct rt_rng rng;

    if (!heap || !end) {
        free(heap);
        free(end);
        return rt_fail(err, RT_ENOMEM, "no memory for so many trials");
    }
    rt_rng_init(&rng, seed, RT_STREAM_TEST, 0);
    for (int n = 0; n < trials; n++) {
        while (running == workers || n >= committed + window) {
            const struct run done = pop(heap, &running);
            now = done.end;
            end[done.number] = done.end;
            while (committed < n && end[committed] > 0)
                committed++;
        }
        const double duration = pow(spread, rt_rng_uniform(&rng));
        push(heap, &running, (struct run){now + duration, n});
        spent += duration;
        last_start = now;
    }
    for (int i = 0; i < running; i++) /* what is done after the last start does not count */
        spent -= heap[i].end - last_start;
    *busy = last_start > 0 ? spent / (workers * last_start) : 1;
    free(heap);
    free(end);
    return RT_OK;
}

/* ---- proposals ---- */

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
