/* trainer/distill/ensemble.h -- what K teachers say about one example, as one distribution.
 *
 *   prob    p = sum_k w_k softmax(v_k / (c_k T))       same gradient as the mean of the K losses
 *   logit   p = softmax(sum_k w_k v_k / (c_k T))       sharper, a geometric mean
 *
 * c_k is the teacher's own calibration temperature. The weights are the fixed ones, or, per example
 * and renormalised,
 *   entropy     w_k exp(-H_k)                          H_k entropy of teacher k at T = 1
 *   confidence  w_k (1 - softmax_k(CE_k(y)))/(K-1)     CE_k cross-entropy of teacher k at T = 1
 *
 * The probability mean at T is not a softmax of anything cached at T = 1: it needs all K logit
 * vectors, which is why the knowledge keeps them.
 * Shapes   teacher (K,C) float logits of one example.
 * Source   confidence Zhang et al. 2022, "CA-MKD", arXiv:2201.00007, without the second division
 *          by K of its code; entropy after Kwon et al. 2020.
 */
#ifndef TRAINER_DISTILL_ENSEMBLE_H
#define TRAINER_DISTILL_ENSEMBLE_H
#include <stdbool.h>

#include "base/status.h"

#define TR_DISTILL_MAX_TEACHERS 16

enum tr_combine { TR_COMBINE_PROB, TR_COMBINE_LOGIT };
/* Fixed weights, or fixed weights times an example's own. Confidence needs labels. */
enum tr_weighting { TR_WEIGHTING_FIXED, TR_WEIGHTING_ENTROPY, TR_WEIGHTING_CONFIDENCE };

struct tr_ensemble { /* fixed for a study; plain values, defaults from tr_ensemble_defaults() */
    enum tr_combine combine;                     /* prob */
    enum tr_weighting weighting;                 /* fixed */
    double weight[TR_DISTILL_MAX_TEACHERS];      /* sum 1; the caller's to fill in */
    double calibration[TR_DISTILL_MAX_TEACHERS]; /* temperature of each teacher by itself: 1 */
};
void tr_ensemble_defaults(struct tr_ensemble *ensemble);
/* RT_EARG for weights that are no shares, calibrations out of range, too many teachers, or a
 * weighting that needs labels where there are none. */
rt_status tr_ensemble_check(const struct tr_ensemble *ensemble, int teachers, bool has_labels,
                            struct rt_err *err);

/* One example's target, ready to be asked for at any temperature. */
struct tr_target {
    int teachers, classes;
    enum tr_combine combine;
    const float *logits;                     /* (K,C) */
    double weight[TR_DISTILL_MAX_TEACHERS];  /* in force for this example */
    double inverse[TR_DISTILL_MAX_TEACHERS]; /* what logits are multiplied by at T = 1: 1 / c_k */
};

/* label < 0: unknown, then confidence falls back to the fixed weights. */
void tr_target_init(struct tr_target *target, const struct tr_ensemble *ensemble,
                    const float *logits, int teachers, int classes, int label);
/* Multiply teacher k's logits by 1 / sd of its row (softmax.h). row: C doubles of scratch. */
void tr_target_standardise(struct tr_target *target, double *row);
/* p (C) and, unless NULL, log p (C), finite even where p is 0. exps: C doubles, or NULL: slower. */
void tr_target_at(const struct tr_target *target, double temperature, double *exps, double *p,
                  double *logp);
/* Weighted mean of the calibrated logits (C). */
void tr_target_logits(const struct tr_target *target, double *mean);

/* All in one, without a label: out (C) at temperature T. */
void tr_ensemble_target(const struct tr_ensemble *ensemble, const float *logits, int teachers,
                        int classes, double temperature, double *out);
#endif
