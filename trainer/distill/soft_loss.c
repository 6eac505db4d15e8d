/* trainer/distill/soft_loss.c -- see soft_loss.h. */
#include "trainer/distill/soft_loss.h"

#include <assert.h>
#include <math.h>

double tr_loss_fkl(const struct tr_soft_row *row, double *grad)
{
    double loss = 0;

    for (int c = 0; c < row->classes; c++) {
        loss += row->p[c] * (row->logp[c] - row->logq[c]);
        grad[c] = row->q[c] - row->p[c];
    }
    return loss;
}

double tr_loss_rkl(const struct tr_soft_row *row, double *grad)
{
    double loss = 0;

    for (int c = 0; c < row->classes; c++) {
        grad[c] = row->logq[c] - row->logp[c];
        loss += row->q[c] * grad[c];
    }
    for (int c = 0; c < row->classes; c++)
        grad[c] = row->q[c] * (grad[c] - loss);
    return loss;
}

double tr_loss_js(const struct tr_soft_row *row, double *grad)
{
    double of_p = 0, of_q = 0;

    for (int c = 0; c < row->classes; c++) {
        const double m = .5 * (row->p[c] + row->q[c]), logm = m > 0 ? log(m) : 0;
        grad[c] = row->q[c] > 0 ? row->logq[c] - logm : 0;
        of_q += row->q[c] * grad[c];
        of_p += row->p[c] > 0 ? row->p[c] * (row->logp[c] - logm) : 0;
    }
    for (int c = 0; c < row->classes; c++)
        grad[c] = .5 * row->q[c] * (grad[c] - of_q);
    return .5 * (of_p + of_q);
}

double tr_loss_sym(const struct tr_soft_row *row, double *grad)
{
    const double reverse = tr_loss_rkl(row, grad);
    double forward = 0;

    for (int c = 0; c < row->classes; c++) {
        forward += row->p[c] * (row->logp[c] - row->logq[c]);
        grad[c] = .5 * (grad[c] + row->q[c] - row->p[c]);
    }
    return .5 * (forward + reverse);
}

/* ln(1 - p_t) from the other classes, so that nothing cancels when p_t is near 1. */
static double log_rest(const double *logp, int classes, int target)
{
    const int first = target == 0;
    double max = logp[first], sum = 0;

    for (int c = 0; c < classes; c++)
        if (c != target && logp[c] > max)
            max = logp[c];
    for (int c = 0; c < classes; c++)
        if (c != target)
            sum += exp(logp[c] - max);
    return max + log(sum);
}

double tr_loss_dkd(const struct tr_soft_row *row, int target, double alpha, double beta,
                   double *grad)
{
    assert(row->classes >= 2 && target >= 0 && target < row->classes);
    const double rest_p = log_rest(row->logp, row->classes, target);
    const double rest_q = log_rest(row->logq, row->classes, target);
    const double pt = row->p[target], gap = row->q[target] - pt;
    const double tckd =
        pt * (row->logp[target] - row->logq[target]) + exp(rest_p) * (rest_p - rest_q);
    double nckd = 0;

    for (int c = 0; c < row->classes; c++) {
        if (c == target)
            continue;
        const double log_hat_p = row->logp[c] - rest_p, log_hat_q = row->logq[c] - rest_q;
        const double hat_p = exp(log_hat_p), hat_q = exp(log_hat_q);
        nckd += hat_p * (log_hat_p - log_hat_q);
        grad[c] = -alpha * gap * hat_q + beta * (hat_q - hat_p);
    }
    grad[target] = alpha * gap;
    return alpha * tckd + beta * nckd;
}

double tr_loss_hard(const struct tr_soft_row *row, int label, double *grad)
{
    assert(label >= 0 && label < row->classes);
    for (int c = 0; c < row->classes; c++)
        grad[c] = row->q[c];
    grad[label] -= 1;
    return -row->logq[label];
}

double tr_loss_mse(const double *z, const double *v, int classes, double *grad)
{
    double loss = 0;

    for (int c = 0; c < classes; c++) {
        grad[c] = 2 * (z[c] - v[c]) / classes;
        loss += (z[c] - v[c]) * (z[c] - v[c]);
    }
    return loss / classes;
}
