/* trainer/distill/soft_loss.h -- losses between a student's and a target's row of probabilities.
 *
 * q = softmax(s), p the target, s = z / T. Each function returns the loss of one example, without
 * T^2, and writes dL/ds: multiply by T for the gradient of T^2 L by z, by 1/T for that of L.
 *
 *   fkl   sum p ln(p/q)                        g = q - p
 *   rkl   sum q ln(q/p)                        g_i = q_i (ln(q_i/p_i) - rkl)
 *   js    (KL(p||m) + KL(q||m)) / 2            g_i = q_i/2 (ln(q_i/m_i) - sum q ln(q/m))
 *         with m = (p+q)/2
 *   sym   (fkl + rkl) / 2
 *   dkd   alpha TCKD + beta NCKD               TCKD = KL([p_t,1-p_t] || [q_t,1-q_t])
 *         g_t = alpha (q_t - p_t)              NCKD = KL(p^ || q^) over the classes but t
 *         g_j = -alpha (q_t - p_t) q^_j + beta (q^_j - p^_j)
 *   hard  -ln q_y                              g = q - onehot(y)       also the label loss
 *   mse   sum (z - v)^2 / C                    g = 2 (z - v) / C       by z itself
 *
 * Shapes   rows of C doubles from tr_softmax(), or from the ensemble; C at least 2. Terms whose
 *          probability is 0 contribute 0, provided that their logarithm is finite. grad may not
 *          overlap the inputs.
 * Source   fkl Hinton et al. 2015, arXiv:1503.02531; dkd Zhao et al. 2022, arXiv:2203.08679, with
 *          masked log-softmax in place of its -1000 mask; js after Lin 1991.
 */
#ifndef TRAINER_DISTILL_SOFT_LOSS_H
#define TRAINER_DISTILL_SOFT_LOSS_H

struct tr_soft_row {
    int classes;
    const double *q, *logq; /* student */
    const double *p, *logp; /* target; hard needs neither */
};

double tr_loss_fkl(const struct tr_soft_row *row, double *grad);
double tr_loss_rkl(const struct tr_soft_row *row, double *grad);
double tr_loss_js(const struct tr_soft_row *row, double *grad);
double tr_loss_sym(const struct tr_soft_row *row, double *grad);
double tr_loss_dkd(const struct tr_soft_row *row, int target, double alpha, double beta,
                   double *grad);
double tr_loss_hard(const struct tr_soft_row *row, int label, double *grad);
double tr_loss_mse(const double *z, const double *v, int classes, double *grad);
#endif
