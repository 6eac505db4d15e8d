/* trainer/distill/online.h -- students that teach each other while they train.
 *
 *   mutual   L_i = CE_i + 1/(K-1) sum_{j != i} KL(q_j || q_i), the peers held constant (T = 1)
 *            dL_i/dz_i = (q_i - onehot) + 1/(K-1) sum_{j != i} (q_i - q_j)
 *   best     the peers' target is the one with the least CE
 *   minimum  its logits are min_k (z_k - z_k[y]), class by class
 *   gate     its logits are sum_k g_k z_k with g = softmax(gate)
 *
 * Constant peers matter: with their gradients a student also learns to be easy to imitate.
 * Shapes   z (K,C) logits of one example; K at least 2 for mutual.
 * Source   mutual Zhang et al. 2018, arXiv:1706.00384; best and minimum ("naive", "MinLogit") Guo
 * et al. 2020, KDCL; gate Lan et al. 2018, "ONE", arXiv:1806.04606; the ramp Chen et al. 2020,
 *          "OKDDip", arXiv:1912.00350.
 */
#ifndef TRAINER_DISTILL_ONLINE_H
#define TRAINER_DISTILL_ONLINE_H
#include <stddef.h>

/* loss (K) and grad (K,C) of every student; work holds 2 K C doubles. label < 0: no CE. */
void tr_mutual_loss(const double *z, int students, int classes, int label, double *work,
                    double *loss, double *grad);

/* The student with the least CE on `label`. */
int tr_online_best(const double *z, int students, int classes, int label);
void tr_online_minimum(const double *z, int students, int classes, int label, double *out);
/* out (C); share (K) = softmax(gate). */
void tr_online_gate(const double *z, const double *gate, int students, int classes, double *share,
                    double *out);
/* dz (K,C) and dgate (K) from dout (C), overwritten. */
void tr_online_gate_backward(const double *z, const double *share, int students, int classes,
                             const double *dout, double *dz, double *dgate);

/* exp(-5 (1 - x)^2), x = progress / length clamped to 1: the weight of the peers at a start, when
 * they know nothing. length 0: always 1. */
double tr_online_ramp(double progress, double length);
#endif
