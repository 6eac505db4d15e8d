/* trainer/distill/fidelity.h -- how right a student is, and how true to its teachers, at T = 1.
 *
 * q student, p ensemble, y label, means over n examples:
 *   error      argmax q != y                nll    -ln q_y
 *   agreement  argmax q == argmax p         brier  sum_c (q_c - [c = y])^2
 *   kl         sum p ln(p/q)                ece    sum_b n_b/n |accuracy_b - confidence_b|
 *   reverse_kl sum q ln(q/p)                       over bins ((b-1)/M, b/M] of max q
 *   tv         sum |p - q| / 2              js     (KL(p||m) + KL(q||m)) / 2, m = (p+q)/2
 *   retention  share of argmax q == y, divided by the share of argmax p == y
 *
 * These alone compare runs: training losses change with T, the weight of CE and the budget.
 * Standard errors: sd / sqrt(n) with the unbiased sd; sqrt(e (1-e) / n) for error and agreement.
 *   ece        as the mean of s_b (right - confidence), the sign s_b of each bin's gap held fixed
 *   retention  r of paired examples: sd of (right_q - r right_p) / accuracy_p, over sqrt(n)
 * Source   Stanton et al. 2021, "Does knowledge distillation really work?", arXiv:2106.05945; ECE
 *          Guo et al. 2017, arXiv:1706.04599.
 */
#ifndef TRAINER_DISTILL_FIDELITY_H
#define TRAINER_DISTILL_FIDELITY_H
#include "base/status.h"

#define TR_ECE_MAX_BINS 64
#define TR_FIDELITY_BINS 15 /* of the two ECEs in struct tr_fidelity */

struct tr_fidelity { /* NaN: not known, for want of labels or of teachers, or of n > 1 */
    int examples;
    double error, error_se, accuracy;
    double nll, nll_se, brier, brier_se, ece, ece_se;
    double agreement, agreement_se;
    double kl, kl_se, reverse_kl, reverse_kl_se, tv, tv_se, js, js_se;
    double ece_teacher, ece_teacher_se; /* against the ensemble's argmax instead of the label */
    double retention, retention_se;     /* NaN when the ensemble is never right */
};

/* logits (n,C); target (n,C) probabilities or NULL; labels (n) or NULL. RT_ENAN when a logit is not
 * finite, RT_EARG for a label beyond the classes. */
rt_status tr_fidelity_measure(const float *logits, const double *target, const int *labels, int n,
                              int classes, struct tr_fidelity *fidelity, struct rt_err *err);

/* Expected calibration error, one prediction at a time. bins 1..TR_ECE_MAX_BINS. */
struct tr_ece {
    int bins, total;
    double count[TR_ECE_MAX_BINS], right[TR_ECE_MAX_BINS], confidence[TR_ECE_MAX_BINS];
    double sq; /* sum of (right - confidence)^2 */
};
void tr_ece_init(struct tr_ece *ece, int bins);
void tr_ece_add(struct tr_ece *ece, double confidence, int right);
double tr_ece_value(const struct tr_ece *ece); /* NaN when empty */
double tr_ece_se(const struct tr_ece *ece);    /* NaN for less than two */
#endif
