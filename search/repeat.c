/* search/repeat.c -- members of the front are tried again with further seeds, most where it is in
 * doubt whether they are of the front at all.
 *
 * A member's mean over r seeds is known r times as well as one value, and the front is of means; so
 * what got there by luck leaves it, and what it had driven out comes back. Who is next is decided by
 * propose(n) from the results that it may see: the member with the largest (p (1 - p) + FLOOR) / r, p
 * being how likely it is that nobody dominates it. One trial in EVERY is one of these.
 * Seeds     are the same for all candidates (rt_replicate_seed), so that first weights and the order
 *           of rows are common random numbers of what is compared.
 */
#include <assert.h>
#include <math.h>

#include "search/search_internal.h"

#define EVERY 4
#define FLOOR .01 /* what is sure is repeated too, but last */

static bool due(const struct search__proposer *p)
{
    const size_t initial = (size_t)p->options->initial;

    return p->count > initial && (p->repeats + 1) * EVERY <= p->count - initial;
}

rt_status search__repeat(struct search__proposer *p, bool any, size_t *first, struct rt_err *err)
{
    struct search__front *seen = &p->seen;
    double most = 0;

    *first = SEARCH_NONE;
    if (p->options->replicates <= 1 || seen->count == 0 || !(any || due(p)))
        return RT_OK;
    RT_TRY(search__front_membership(seen, err));
    for (size_t i = 0; i < seen->count; i++) {
        const size_t trial = (size_t)seen->number[i];
        const int seeds = p->place[trial].seeds;
        const double p_front = isnan(seen->probability[i]) ? 1 : seen->probability[i];
        const double doubt = (p_front * (1 - p_front) + FLOOR) / seeds;
        if (seeds < p->options->replicates && doubt > most) {
            most = doubt;
            *first = trial;
        }
    }
    return RT_OK;
}

/* Ranks of a rung when a point of it has moved. */
static rt_status rank_again(struct search__proposer *p, int rung, struct rt_err *err)
{
    struct search__levels *levels = &p->rungs.levels[rung];
    const int m = p->options->objective_count;
    size_t highest;

    search__levels_release(levels);
    for (size_t t = 0; t < p->visible; t++)
        if (p->place[t].rung == rung && !p->place[t].replicate && !isnan(p->ranked[t * (size_t)m]))
            RT_TRY(search__levels_add(levels, p->ranked, m, t, &highest, err));
    p->stale = true;
    return RT_OK;
}

rt_status search__see_repeat(struct search__proposer *p, size_t trial, struct rt_err *err)
{
    const size_t m = (size_t)p->options->objective_count, first = p->place[trial].first;
    const double *own = p->points + trial * m;
    struct store_commit ignored;

    assert(p->place[trial].replicate > 0 && first < trial);
    RT_TRY(search__front_repeat(&p->seen, (int64_t)trial, (int64_t)first,
                                isnan(own[0]) ? NULL : own, &ignored, err));
    const size_t at = search__seeds_find(&p->seen.seeds, (int64_t)first);
    if (isnan(own[0]) || at == SEARCH_NONE)
        return RT_OK;
    for (size_t k = 0; k < m; k++) {
        p->points[first * m + k] = p->seen.seeds.mean[at * m + k];
        p->ranked[first * m + k] = p->points[first * m + k];
    }
    return rank_again(p, p->place[first].rung, err);
}

int search__seeds_of(const struct search__proposer *p, size_t trial)
{
    const size_t at = search__seeds_find(&p->seen.seeds, (int64_t)trial);

    return at == SEARCH_NONE ? 1 : p->seen.seeds.seeds[at];
}
