/* search/rungs.c -- multi-objective successive halving, asynchronous: who is trained again, longer.
 *
 * Of the n results that are seen at a rung the best floor(n / eta) may go on to the next, by
 * non-dominated rank and, within a rank, crowding; sizes are exact at every rung, so only what is
 * measured may rank otherwise later. Those of the front go on at once, whoever came before. Those
 * behind it go on while no more than floor(n / eta) have: in a search that gets better most
 * newcomers are among the best third of all before them, and half of everything would be trained
 * again. Nobody is turned away for good, as room grows with n. The highest rung is served first,
 * because what waits there has cost the most. When nothing new is left to try, propose(n) waits for
 * all results before n.
 *
 * Scores of different rungs are never compared. Who goes on is decided by propose(n) from the results
 * that it may see, so a study with rungs gives the same trials for any number of workers, too.
 *
 * Source   Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (ASHA),
 *          algorithm 2; several objectives as in Schmucker et al. 2021 (arXiv:2106.12639), with
 *          crowding for the epsilon net.
 */
#include <assert.h>

#include "search/search_internal.h"

void search__rungs_init(struct search__rungs *rungs, const struct search_options *options)
{
    *rungs = (struct search__rungs){.count = options->rung_count > 1 ? options->rung_count : 1,
                                    .eta = options->eta};
}

void search__rungs_release(struct search__rungs *rungs)
{
    for (int r = 0; r < rungs->count; r++)
        search__levels_release(&rungs->levels[r]);
    search__order_release(&rungs->order);
}

rt_status search__rungs_add(struct search__rungs *rungs, const double *points, int m, size_t trial,
                            int rung, size_t *highest, struct rt_err *err)
{
    assert(rung >= 0 && rung < rungs->count);
    rungs->results[rung]++;
    return search__levels_add(&rungs->levels[rung], points, m, trial, highest, err);
}

static bool any_waits(const struct search__level *level, const struct search__place *place)
{
    for (size_t i = 0; i < level->count; i++)
        if (!place[level->member[i]].promoted)
            return true;
    return false;
}

/* Of the best results/eta of one rung the first that waits. */
static rt_status first_waiting(struct search__rungs *rungs, int rung, const double *points, int m,
                               const struct search__place *place, size_t *trial, struct rt_err *err)
{
    const struct search__levels *levels = &rungs->levels[rung];
    const size_t room = (size_t)((double)rungs->results[rung] / rungs->eta);
    const bool full = rungs->promoted[rung] >= room;
    size_t left = room;

    assert(rungs->eta > 1 && room <= rungs->results[rung]);
    for (size_t l = 0; l < (full ? 1 : levels->count) && left > 0; l++) {
        const struct search__level *level = &levels->level[l];
        const size_t best = level->count < left ? level->count : left;
        left -= best;
        if (!any_waits(level, place))
            continue;
        RT_TRY(search__order_level(&rungs->order, points, m, level, l, err));
        for (size_t i = 0; i < best; i++)
            if (!place[rungs->order.item[i].trial].promoted) {
                *trial = rungs->order.item[i].trial;
                return RT_OK;
            }
    }
    return RT_OK;
}

rt_status search__rungs_promote(struct search__rungs *rungs, const double *points, int m,
                                const struct search__place *place, size_t *trial,
                                struct rt_err *err)
{
    *trial = SEARCH_NONE;
    for (int r = rungs->count - 2; r >= 0 && *trial == SEARCH_NONE; r--)
        RT_TRY(first_waiting(rungs, r, points, m, place, trial, err));
    return RT_OK;
}

int search__rungs_parents(const struct search__rungs *rungs, size_t enough)
{
    int rung = rungs->count - 1;

    while (rung > 0 && rungs->results[rung] < enough)
        rung--;
    return rung;
}
