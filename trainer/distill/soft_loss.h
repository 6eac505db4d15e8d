/* trainer/distill/soft_loss.h -- losses between a student's logits and a target, one example each.
 *
 *   q = softmax(z/T), p the target at the same T, ln p given as log-probabilities
 *   fkl   sum p (ln p - ln q)                        dL/dz_i = (q_i - p_i) / T
 *   rkl   sum q (ln q - ln p)                        q_i (ln(q_i/p_i) - rkl) / T
 *   js    (KL(p||m) + KL(q||m)) / 2, m = (p+q)/2     q_i (ln(q_i/m_i) - sum_j q_j ln(q_j/m_j)) / 2T
 *   sym   (fkl + rkl) / 2
 *   mse   mean over classes of (z - v)^2, v the mean teacher logits
 *   dkd   alpha KL([p_t,1-p_t] || [q_t,1-q_t]) + beta KL(p^ || q^), t the label, ^ without it
 *   ce    -ln softmax(z)_y                           softmax(z)_i - [i = y]
 *
 * No T^2 here: tr_distill_loss() applies it. Terms with p = 0 count nothing. Everything runs
 * through log-softmax with the maximum taken off, so logits of any size are safe. Shapes   vectors
 * of n classes; grad is overwritten. `work` holds 2n doubles. Source   Hinton et al. 2015,
 * arXiv:1503.02531; DKD: Zhao et al. 2022, arXiv:2203.08679.
 */
#ifndef TRAINER_DISTILL_SOFT_LOSS_H
#define TRAINER_DISTILL_SOFT_LOSS_H
#include "trainer/distill/distill.h"

/* ln softmax(z / t). */
void tr_log_softmax(const double *z, int n, double t, double *out);
/* softmax(z / t) into out, and its logarithm into log_out. */
void tr_softmax(const double *z, int n, double t, double *out, double *log_out);

double tr_loss_fkl(const double *z, const double *log_p, int n, double t, double *work,
                   double *grad);
double tr_loss_rkl(const double *z, const double *log_p, int n, double t, double *work,
                   double *grad);
double tr_loss_js(const double *z, const double *log_p, int n, double t, double *work,
                  double *grad);
double tr_loss_mse(const double *z, const double *v, int n, double *grad);
double tr_loss_dkd(const double *z, const double *log_p, int n, double t, int target, double alpha,
                   double beta, double *work, double *grad);
double tr_loss_ce(const double *z, int n, int label, double *work, double *grad);
#endif
