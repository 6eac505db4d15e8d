/* store/confirmation.h -- full runs that tell what short ones were worth: `retort confirm`.
 *
 * Plan     which candidates are trained fully, with which seeds, is decided at once and kept; then
 *          runs are done in any order and by any number of workers, each in one transaction. So the
 *          rows (confirmation, confirmation_metric, confirmation_curve) are equal after any crash;
 *          when and where is in confirmation_run.
 * Recipe   runs of another full recipe are others: each is known by the hash of it.
 * Errors   as in store.h. All but the first want STORE_WRITE.
 */
#ifndef STORE_CONFIRMATION_H
#define STORE_CONFIRMATION_H
#include "store/store.h"

/* A candidate that may be confirmed: it has a committed result at the last rung that breaks no
 * constraint. */
struct store_confirmable {
    int64_t candidate;
    double cost; /* multiply-accumulates, else parameters; NaN: unknown */
    bool on_front;
};
/* In order of candidate; caller frees *list. */
rt_status store_confirmables(struct store *store, struct store_confirmable **list, int *count,
                             struct rt_err *err);

struct store_confirmation {
    int64_t number, candidate; /* the number is given by the store, in the order of planning */
    int stratum;               /* of a control: its part of the range of costs; -1: of the front */
    uint64_t seed;
    int steps, batch;
    char arch[SPACE_ARCH_TEXT]; /* when loaded */
};
/* Add those that are not there yet (candidate, seed, recipe); *added: how many. */
rt_status store_confirm_plan(struct store *store, const char *recipe,
                             const struct store_confirmation *plan, int count, int *added,
                             struct rt_err *err);
/* All of a recipe that are still to be done, by number; caller frees *open. */
rt_status store_confirm_open(struct store *store, const char *recipe,
                             struct store_confirmation **open, int *count, struct rt_err *err);

struct store_confirmed {
    int64_t number, host;
    int worker;
    double seconds;
    rt_status status; /* RT_OK, or why it failed; then `error` says it and the rest is empty */
    char error[384];
    int validation_count, test_count;
    struct store_value validation[STORE_MAX_METRICS], test[STORE_MAX_METRICS];
    const struct rt_curve_point *curve;
    int curve_count;
};
/* planned -> done | failed. */
rt_status store_confirm_done(struct store *store, const struct store_confirmed *confirmed,
                             struct rt_err *err);
#endif
