/* trainer/distill/fidelity.h -- how good a student is, and how true to its teachers. T = 1.
 *
 * Standard errors are those of a mean over examples: error and agreement binomial, kl and nll from
 * the sample variance. Sums first, then one division: no mean of batch means.
 * Source   Stanton et al. 2021, arXiv:2106.05945 (fidelity); Guo et al. 2017, arXiv:1706.04599
 * (ECE, here with 15 bins ((b-1)/15, b/15]).
 */
#ifndef TRAINER_DISTILL_FIDELITY_H
#define TRAINER_DISTILL_FIDELITY_H
#include "base/status.h"

struct tr_fidelity {
    int examples;
    double error, error_se; /* share of wrong classes against the labels */
    double nll, nll_se;     /* mean -ln q_y */
    double brier, ece;      /* mean sum (q - onehot)^2; expected calibration error */
    /* against the teachers; NaN without them: */
    double kl, kl_se;               /* KL(teacher || student) */
    double reverse_kl;              /* KL(student || teacher) */
    double agreement, agreement_se; /* share of equal classes */
    double total_variation, js;     /* means */
};

/* logits (n,C), target (n,C) probabilities of the ensemble or NULL, labels (n). RT_ENAN when a
 * logit is not finite. */
rt_status tr_fidelity_measure(const float *logits, const double *target, const int *labels, int n,
                              int classes, struct tr_fidelity *fidelity, struct rt_err *err);

/* Kendall's tau-b of two lists of n: 1 the same order, -1 the reverse; NaN when one has no order.
 */
double tr_kendall_tau(const double *a, const double *b, int n);
#endif
