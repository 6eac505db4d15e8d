/* trainer/distill/soft_loss.c -- see soft_loss.h. */
#include "trainer/distill/soft_loss.h"

#include <math.h>

static double log_sum_exp(const double *z, int n, double t)
{
    double top = z[0], sum = 0;

    for (int i = 1; i < n; i++)
        top = z[i] > top ? z[i] : top;
    for (int i = 0; i < n; i++)
        sum += exp((z[i] - top) / t);
    return top / t + log(sum);
}

void tr_log_softmax(const double *z, int n, double t, double *out)
{
    const double total = log_sum_exp(z, n, t);

    for (int i = 0; i < n; i++)
        out[i] = z[i] / t - total;
}

void tr_softmax(const double *z, int n, double t, double *out, double *log_out)
{
    double top = z[0], sum = 0;

    for (int i = 1; i < n; i++)
        top = z[i] > top ? z[i] : top;
    for (int i = 0; i < n; i++) {
        log_out[i] = (z[i] - top) / t;
        sum += out[i] = exp(log_out[i]);
    }
    const double log_total = log(sum);
    for (int i = 0; i < n; i++) {
        out[i] /= sum;
        log_out[i] -= log_total;
    }
}

double tr_loss_fkl(const double *z, const double *log_p, int n, double t, double *work,
                   double *grad)
{
    double *q = work, *log_q = work + n, loss = 0;

    tr_softmax(z, n, t, q, log_q);
    for (int i = 0; i < n; i++) {
        const double p = exp(log_p[i]);
        if (p > 0)
            loss += p * (log_p[i] - log_q[i]);
        grad[i] = (q[i] - p) / t;
    }
    return loss;
}

double tr_loss_rkl(const double *z, const double *log_p, int n, double t, double *work,
                   double *grad)
{
    double *q = work, *log_q = work + n, loss = 0;

    tr_softmax(z, n, t, q, log_q);
    for (int i = 0; i < n; i++)
        if (q[i] > 0)
            loss += q[i] * (log_q[i] - log_p[i]);
    for (int i = 0; i < n; i++)
        grad[i] = q[i] > 0 ? q[i] * (log_q[i] - log_p[i] - loss) / t : 0;
    return loss;
}

double tr_loss_js(const double *z, const double *log_p, int n, double t, double *work, double *grad)
{
    double *q = work, *log_q = work + n, from_p = 0, from_q = 0;

    tr_softmax(z, n, t, q, log_q);
    for (int i = 0; i < n; i++) {
        const double p = exp(log_p[i]), log_m = log((p + q[i]) / 2);
        if (p > 0)
            from_p += p * (log_p[i] - log_m);
        grad[i] = q[i] > 0 ? log_q[i] - log_m : 0;
        from_q += q[i] * grad[i];
    }
    for (int i = 0; i < n; i++)
        grad[i] = q[i] * (grad[i] - from_q) / (2 * t);
    return (from_p + from_q) / 2;
}

double tr_loss_mse(const double *z, const double *v, int n, double *grad)
{
    double loss = 0;

    for (int i = 0; i < n; i++) {
        const double gap = z[i] - v[i];
        loss += gap * gap / n;
        grad[i] = 2 * gap / n;
    }
    return loss;
}

/* ln(1 - exp(x)) for x <= 0, accurate at both ends. */
static double log_rest(double x)
{
    return x > -0.6931471805599453 ? log(-expm1(x)) : log1p(-exp(x));
}

double tr_loss_dkd(const double *z, const double *log_p, int n, double t, int target, double alpha,
                   double beta, double *work, double *grad)
{
    double *q = work, *log_q = work + n, binary, others = 0;

    tr_softmax(z, n, t, q, log_q);
    const double pt = exp(log_p[target]), qt = q[target];
    const double log_rest_p = log_rest(log_p[target]), log_rest_q = log_rest(log_q[target]);
    binary = pt > 0 ? pt * (log_p[target] - log_q[target]) : 0;
    if (pt < 1)
        binary += (1 - pt) * (log_rest_p - log_rest_q);
    grad[target] = alpha * (qt - pt) / t;
    for (int i = 0; i < n; i++) {
        if (i == target)
            continue;
        const double log_ph = log_p[i] - log_rest_p, log_qh = log_q[i] - log_rest_q;
        const double ph = pt < 1 ? exp(log_ph) : 0, qh = exp(log_qh);
        if (ph > 0)
            others += ph * (log_ph - log_qh);
        grad[i] = (-alpha * (qt - pt) * qh + beta * (qh - ph)) / t;
    }
    return alpha * binary + beta * others;
}

double tr_loss_ce(const double *z, int n, int label, double *work, double *grad)
{
    double *log_q = work + n;

    tr_softmax(z, n, 1, grad, log_q);
    grad[label] -= 1;
    return -log_q[label];
}
