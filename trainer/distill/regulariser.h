/* trainer/distill/regulariser.h -- the consistency regulariser between probabilities at T = 1.
 *
 *   r = q - p     l2: sqrt(sum r^2 + 1e-12), per example     l2sq: sum r^2
 *   gradients q_i (r_i - sum_j q_j r_j) / n, and 2 q_i (r_i - sum_j q_j r_j)
 */
#ifndef TRAINER_DISTILL_REGULARISER_H
#define TRAINER_DISTILL_REGULARISER_H
#include "trainer/distill/distill.h"

/* z: student logits, p: target probabilities; grad is overwritten; work holds 2n doubles. */
double tr_regularise(enum tr_regulariser kind, const double *z, const double *p, int n,
                     double *work, double *grad);
#endif
