/* trainer/distill/ensemble.h -- the target distribution of several teachers for one example.
 *
 *   prob    p = sum_k w_k softmax(v_k / T)     must be formed anew at each T
 *   logit   p = softmax(sum_k w_k v_k / T)     sharper: a geometric mean
 *
 * Source   Hinton et al. 2015, section 5; both means are common, and differ.
 */
#ifndef TRAINER_DISTILL_ENSEMBLE_H
#define TRAINER_DISTILL_ENSEMBLE_H
#include "trainer/distill/distill.h"

/* logits (K,C) of one example; probabilities (C) at temperature t. */
void tr_ensemble_target(const struct tr_distill *distill, const float *logits, int teachers,
                        int classes, double t, double *out);
/* The same as log-probabilities. */
void tr_ensemble_log_target(const struct tr_distill *distill, const float *logits, int teachers,
                            int classes, double t, double *log_out);
/* Weighted mean of the logits. */
void tr_ensemble_mean_logits(const struct tr_distill *distill, const float *logits, int teachers,
                             int classes, double *out);
#endif
