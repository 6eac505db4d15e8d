/* search/options.c -- what a search may be asked for. */
#include "search/search_internal.h"

rt_status search__check_options(const struct search_options *o, struct rt_err *err)
{
    if (o->workers < (o->elsewhere ? 0 : 1) || o->window < 1 || o->population < 2)
        return rt_fail(err, RT_EARG,
                       "the search needs at least 1 worker, window 1 and population 2, not %d, %d "
                       "and %d",
                       o->workers, o->window, o->population);
    if (!(o->crossover >= 0 && o->crossover <= 1 && o->random >= 0 && o->random <= 1))
        return rt_fail(err, RT_EARG, "crossover %g and random %g must be within 0 and 1",
                       o->crossover, o->random);
    if (o->objective_count < 1 || o->objective_count > STORE_MAX_OBJECTIVES)
        return rt_fail(err, RT_EARG, "the search needs 1 to %d objectives, not %d",
                       STORE_MAX_OBJECTIVES, o->objective_count);
    if (o->rung_count < 0 || o->rung_count > STORE_MAX_RUNGS ||
        (o->rung_count > 1 && !(o->eta > 1)))
        return rt_fail(err, RT_EARG,
                       "the search needs 1 to %d rungs and eta above 1, not %d and %g",
                       STORE_MAX_RUNGS, o->rung_count, o->eta);
    if (o->trials < 0 || !(o->hours >= 0) || o->initial < 0 || o->patience < 0 || o->faults < 0)
        return rt_fail(err, RT_EARG,
                       "trials, hours, initial, patience and faults must not be negative");
    return RT_OK;
}
