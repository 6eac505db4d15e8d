/* search/timing.c -- latency measured again of the front's members, and the front by what that tells.
 *
 * While trials run, new blocks go into the store but change no trial's metric, so that what the
 * search has in memory stays what the store has; all metrics are set at the end, and the front with
 * them. Killed between the two, the next run sets the front when it resumes.
 */
#include "search/run_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SHARE .01 /* of the search's time that its end may take, ... */
#define LEAST .25 /* ... but so many seconds at least, ... */
#define MOST 60.0 /* ... and at most */

/* The next member of the front that is unsure, beginning behind the last; false: none is. */
static bool next_unsure(struct run *run, struct space_arch *arch)
{
    const struct search_timing *timing = run->evaluator->timing;

    for (size_t i = 0; timing && i < run->front.count; i++) {
        const int64_t number = run->front.number[run->timed++ % run->front.count];
        *arch = run->proposer.archs[number];
        if (timing->unsure(run->evaluator->context, arch))
            return true;
    }
    return false;
}

/* What was measured apart changes no metric yet. */
static rt_status keep(struct run *run, const struct space_arch *arch, struct store_result *result,
                      struct rt_err *err)
{
    char text[SPACE_ARCH_TEXT];

    if (result->status != RT_OK)
        return RT_OK; /* another time */
    space_print(run->space, arch, text);
    for (int i = 0; i < result->latency_count; i++)
        result->latency[i].metric[0] = '\0';
    return store_latency_add(
        run->store, result->latency_host ? result->latency_host : run->options->host, text,
        result->block, result->block_count, result->latency, result->latency_count, err);
}

static void measure(struct run *run, const struct space_arch *arch, bool alone)
{
    struct store_result result = {.status = RT_OK};

    pthread_mutex_unlock(&run->lock);
    run->evaluator->timing->measure(run->evaluator->context, arch, &result);
    pthread_mutex_lock(&run->lock);
    for (int i = 0; i < result.block_count; i++)
        result.block[i].concurrent = !alone;
    if (run->rc == RT_OK)
        run->rc = keep(run, arch, &result, &run->err);
    store_result_release(&result);
}

bool search__time_again(struct run *run)
{
    struct space_arch arch;

    if (!next_unsure(run, &arch))
        return false;
    measure(run, &arch, false);
    return true;
}

/* ---- the end ---- */

/* *front is the caller's to release when it succeeds. */
static rt_status front_of(const struct space *space, const struct search_options *options,
                          struct store *store, struct search__front *front, struct rt_err *err)
{
    struct store_trial *trials = NULL;
    int64_t known = 0, n = 0;
    rt_status rc;

    RT_TRY(search__trials_load(options, space, store, &trials, &known, err));
    while (n < known &&
           (!strcmp(trials[n].state, "committed") || !strcmp(trials[n].state, "failed")))
        n++;
    search__front_init(front, space, options);
    rc = search__front_before(options, trials, n, front, err);
    if (rc == RT_OK)
        rc = search__set_front(store, front, err);
    if (rc != RT_OK)
        search__front_release(front);
    free(trials);
    return rc;
}

rt_status search_front_again(const struct space *space, const struct search_options *options,
                             struct store *store, struct rt_err *err)
{
    struct search__front front;

    RT_TRY(front_of(space, options, store, &front, err));
    search__front_release(&front);
    return RT_OK;
}

static rt_status settle(struct run *run, struct rt_err *err)
{
    struct search__front front;

    RT_TRY(run->evaluator->timing->settle(run->evaluator->context, run->store, err));
    TRY_WITH_ROOM(run, front_of(run->space, run->options, run->store, &front, err));
    search__front_release(&run->front);
    run->front = front;
    return RT_OK;
}

static double seconds_since(int64_t ns)
{
    return (double)(rt_now_ns() - ns) * 1e-9;
}

/* What is measured again may change who is on the front, and then those are unsure. */
static rt_status measure_front(struct run *run, struct rt_err *err)
{
    const double most = fmin(MOST, fmax(LEAST, SHARE * seconds_since(run->started_ns)));
    const int64_t began = rt_now_ns();
    struct space_arch arch;

    for (;;) {
        int taken = 0;
        while (!atomic_load(run->stop) && seconds_since(began) < most && run->rc == RT_OK &&
               next_unsure(run, &arch)) {
            measure(run, &arch, true);
            taken++;
        }
        if (run->rc != RT_OK)
            return rt_fail(err, run->rc, "%s", run->err.text);
        RT_TRY(settle(run, err));
        if (!taken || seconds_since(began) >= most || atomic_load(run->stop))
            return RT_OK;
    }
}

rt_status search__finish_timing(struct run *run, struct rt_err *err)
{
    if (run->evaluator->timing)
        RT_TRY(measure_front(run, err));
    return search__note_timing(run, err);
}

rt_status search__note_timing(struct run *run, struct rt_err *err)
{
    const struct search_timing *timing = run->evaluator->timing;
    double spent, standing;

    if (!timing)
        return RT_OK;
    timing->cost(run->evaluator->context, &spent, &standing);
    return store_run_timing(run->store, spent, standing, err);
}
