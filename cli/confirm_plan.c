/* cli/confirm_plan.c -- see confirm_plan.h. */
#include "cli/confirm_plan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"

/* The front first, then the others, each by cost; whose cost nobody knows come last. */
static int by_cost(const void *va, const void *vb)
{
    const struct store_confirmable *a = va, *b = vb;

    if (a->on_front != b->on_front)
        return a->on_front ? -1 : 1;
    if (isnan(a->cost) != isnan(b->cost))
        return isnan(a->cost) ? 1 : -1;
    if (a->cost != b->cost && !isnan(a->cost))
        return a->cost < b->cost ? -1 : 1;
    return (a->candidate > b->candidate) - (a->candidate < b->candidate);
}

/* Part i of the others, of n parts. */
static struct confirm_pick draw(const struct store_confirmable *others, int count, int i, int n,
                                uint64_t seed)
{
    const int64_t low = (int64_t)i * count / n, high = (int64_t)(i + 1) * count / n;
    struct rt_rng rng;

    assert(low < high && high <= count);
    rt_rng_init(&rng, seed, RT_STREAM_CONTROL, (uint64_t)i);
    const int64_t at = low + (int64_t)rt_rng_below(&rng, (uint64_t)(high - low));
    return (struct confirm_pick){others[at].candidate, i};
}

rt_status confirm_plan(const struct store_confirmable *list, int count, int controls, uint64_t seed,
                       struct confirm_pick **picks, int *picked, struct rt_err *err)
{
    struct store_confirmable *sorted = calloc((size_t)count + 1, sizeof *sorted);
    struct confirm_pick *pick = calloc((size_t)count + 1, sizeof *pick);
    int members = 0, n = 0;

    assert(count >= 0 && controls >= 0);
    if (!sorted || !pick) {
        free(sorted);
        free(pick);
        return rt_fail(err, RT_ENOMEM, "no memory to choose among %d candidates", count);
    }
    for (int i = 0; i < count; i++) {
        sorted[i] = list[i];
        members += list[i].on_front;
    }
    qsort(sorted, (size_t)count, sizeof *sorted, by_cost);
    if (controls > count - members)
        controls = count - members;
    for (int i = 0; i < members || i < controls; i++) {
        if (i < members)
            pick[n++] = (struct confirm_pick){sorted[i].candidate, -1};
        if (i < controls)
            pick[n++] = draw(sorted + members, count - members, i, controls, seed);
    }
    free(sorted);
    *picks = pick;
    *picked = n;
    return RT_OK;
}
