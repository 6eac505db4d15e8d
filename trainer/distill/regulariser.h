/* trainer/distill/regulariser.h -- keeps the student's probabilities near a target's at T = 1.
 *
 *   r = q - p      l2: n = sqrt(sum r^2 + eps^2), eps = 1e-6     l2sq: n = sum r^2
 *   dn/dz_i = q_i (r_i - sum_j q_j r_j) / n                      2 q_i (r_i - sum_j q_j r_j)
 *
 * The plain norm has no gradient at 0: eps rounds the tip off. The target is the ensemble's, or
 * what the running mean of the student's own weights says (distill.h).
 */
#ifndef TRAINER_DISTILL_REGULARISER_H
#define TRAINER_DISTILL_REGULARISER_H
#include "trainer/distill/distill.h"

/* The penalty of one example, unweighted; grad (C) = dn/dz. TR_REG_NONE gives zeros. */
double tr_regularise(enum tr_regulariser kind, const double *q, const double *p, int classes,
                     double *grad);
#endif
