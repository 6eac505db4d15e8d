/* trainer/distill/online.h -- students that teach each other while they train.
 *
 *   dml            1/(K-1) sum_{j != i} T^2 KL_T(q_j || q_i)
 *   kdcl_naive     T^2 KL_T(p || q_i), p the student with the least CE on the label
 *   kdcl_minlogit  the same, its logits min_k (z_k - z_k[y]), class by class
 *
 * All but z_i is held constant: with the peers' gradients a student also learns to be easy to
 * imitate. d/dz_i of T^2 KL_T(p || q_i) is T (q_i - p).
 * Shapes   z (K,C) logits of one example; K at least 2.
 * Source   dml Zhang et al. 2018, arXiv:1706.00384, there T = 1; kdcl Guo et al. 2020, "Online
 *          Knowledge Distillation via Collaborative Learning", of whose four targets two are here:
 *          the linear one is an optimisation for each example that "minlogit" was made to replace,
 *          and the general one tunes its weights on held-out rows while it trains; the ramp Chen et al. 2020, "OKDDip", arXiv:1912.00350.
 */
#ifndef TRAINER_DISTILL_ONLINE_H
#define TRAINER_DISTILL_ONLINE_H
#include <stddef.h>

#define TR_ONLINE_MAX_COHORT 16

enum tr_online_mode { TR_ONLINE_OFF, TR_ONLINE_DML, TR_ONLINE_KDCL_NAIVE, TR_ONLINE_KDCL_MINLOGIT };

struct tr_online {            /* plain values; defaults from tr_online_defaults() */
    enum tr_online_mode mode; /* off */
    int cohort;               /* students: 2 */
    double weight;            /* 1 */
    double temperature;       /* 1 */
    double rampup;            /* share of the run in which the weight rises: .25 */
};
void tr_online_defaults(struct tr_online *online);

/* What student `self` of the cohort loses by its peers on one example, without weight and ramp;
 * `scale` times the gradient in its own logits is added to grad (C). work: 5 C doubles. */
double tr_online_loss(const struct tr_online *online, const double *z, int self, int classes,
                      int label, double scale, double *work, double *grad);
/* The weighted sum over a batch, said[k] (batch,C) being what student k says; `scale` times its
 * gradient is added to grad (batch,C). work: tr_online_scratch() doubles. */
size_t tr_online_scratch(int students, int classes);
double tr_online_batch(const struct tr_online *online, double progress, const float *const *said,
                       int self, int batch, int classes, const int *labels, double scale,
                       double *work, float *grad);

/* The student with the least CE on `label`. */
int tr_online_best(const double *z, int students, int classes, int label);
void tr_online_minimum(const double *z, int students, int classes, int label, double *out);

/* exp(-5 (1 - x)^2), x = progress / length clamped to 1: the weight of the peers at a start, when
 * they know nothing. length 0: always 1. */
double tr_online_ramp(double progress, double length);
#endif
