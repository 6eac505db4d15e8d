/* cli/confirm_plan.h -- which candidates are trained fully to tell what short runs are worth.
 *
 * The whole front, since one of it will be shipped, and controls: of the other candidates in order of
 * their cost, cut into as many parts of equal number as controls are wanted, one of each part is
 * drawn. So controls are of all sizes, and the front alone would say little, as its members are more
 * alike than all.
 */
#ifndef CLI_CONFIRM_PLAN_H
#define CLI_CONFIRM_PLAN_H
#include "store/confirmation.h"

struct confirm_pick {
    int64_t candidate;
    int stratum; /* of a control; -1: of the front */
};

/* A function of the list and the seed; members of the front and controls take turns, the cheapest
 * first. Caller frees *picks. */
rt_status confirm_plan(const struct store_confirmable *list, int count, int controls, uint64_t seed,
                       struct confirm_pick **picks, int *picked, struct rt_err *err);
#endif
