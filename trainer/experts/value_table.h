/* trainer/experts/value_table.h -- the pendulum solved: values of its states on a grid, by value
 * iteration.
 *
 * Grid     240 angles -pi + 2 pi i/240, periodic, by 241 angular velocities -8 .. 8; bilinear between.
 * Values   V(s) = max_a r(s,a) + gamma V(s'), swept in place until no value moves by 1e-4; the actions
 *          are the centres of the bins.
 * Says     Q(s,a) = r(s,a) + gamma V(s') at the exact s': TR_LABELS_Q.
 * Source   Sutton and Barto, Reinforcement Learning, 2nd edition, section 4.4.
 */
#ifndef TRAINER_EXPERTS_VALUE_TABLE_H
#define TRAINER_EXPERTS_VALUE_TABLE_H
#include "trainer/env/actions.h"
#include "trainer/env/expert.h"

/* gamma in (0, 1); some half a second. RT_EARG when `info` is not the pendulum's. The limits of
 * `actions` need not outlive the call. */
rt_status tr_expert_value_table(struct tr_expert *expert, const struct tr_env_info *info,
                                const struct tr_actions *actions, double gamma, struct rt_err *err);
/* Of a state (a, w): for tests. */
double tr_value_table_value(const struct tr_expert *expert, double a, double w);
#endif
