/* trainer/distill/online.c -- see online.h. */
#include "trainer/distill/online.h"

#include <math.h>

#include "trainer/distill/softmax.h"

/* Add what student i learns from peer j. */
static double learn_from(const double *q, const double *logq, const double *p, const double *logp,
                         int classes, double weight, double *grad)
{
    double kl = 0;

    for (int c = 0; c < classes; c++) {
        kl += p[c] * (logp[c] - logq[c]);
        grad[c] += weight * (q[c] - p[c]);
    }
    return weight * kl;
}

void tr_mutual_loss(const double *z, int students, int classes, int label, double *work,
                    double *loss, double *grad)
{
    const ptrdiff_t n = classes;
    double *q = work, *logq = work + students * n;

    for (int k = 0; k < students; k++)
        tr_softmax(z + k * n, classes, 1, q + k * n, logq + k * n);
    for (int i = 0; i < students; i++) {
        double *g = grad + i * n;
        for (int c = 0; c < classes; c++)
            g[c] = label < 0 ? 0 : q[i * n + c] - (c == label);
        loss[i] = label < 0 ? 0 : -logq[i * n + label];
        for (int j = 0; j < students; j++)
            if (j != i)
                loss[i] += learn_from(q + i * n, logq + i * n, q + j * n, logq + j * n, classes,
                                      1.0 / (students - 1), g);
    }
}

static double cross_entropy(const double *z, int classes, int label)
{
    double max = z[0], sum = 0;

    for (int c = 1; c < classes; c++)
        max = z[c] > max ? z[c] : max;
    for (int c = 0; c < classes; c++)
        sum += exp(z[c] - max);
    return max + log(sum) - z[label];
}

int tr_online_best(const double *z, int students, int classes, int label)
{
    double least = INFINITY;
    int best = 0;

    for (int k = 0; k < students; k++) {
        const double ce = cross_entropy(z + (ptrdiff_t)k * classes, classes, label);
        if (ce < least) {
            least = ce;
            best = k;
        }
    }
    return best;
}

void tr_online_minimum(const double *z, int students, int classes, int label, double *out)
{
    for (int c = 0; c < classes; c++)
        out[c] = INFINITY;
    for (int k = 0; k < students; k++) {
        const double *row = z + (ptrdiff_t)k * classes;
        for (int c = 0; c < classes; c++)
            out[c] = fmin(out[c], row[c] - row[label]);
    }
}

void tr_online_gate(const double *z, const double *gate, int students, int classes, double *share,
                    double *out)
{
    const double max = gate[tr_argmax(gate, students)];
    double sum = 0;

    for (int k = 0; k < students; k++)
        sum += share[k] = exp(gate[k] - max);
    for (int c = 0; c < classes; c++)
        out[c] = 0;
    for (int k = 0; k < students; k++) {
        share[k] /= sum;
        for (int c = 0; c < classes; c++)
            out[c] += share[k] * z[(ptrdiff_t)k * classes + c];
    }
}

void tr_online_gate_backward(const double *z, const double *share, int students, int classes,
                             const double *dout, double *dz, double *dgate)
{
    double along = 0;

    for (int k = 0; k < students; k++) {
        const ptrdiff_t row = (ptrdiff_t)k * classes;
        dgate[k] = 0;
        for (int c = 0; c < classes; c++) {
            dz[row + c] = share[k] * dout[c];
            dgate[k] += z[row + c] * dout[c];
        }
        along += share[k] * dgate[k];
    }
    for (int k = 0; k < students; k++)
        dgate[k] = share[k] * (dgate[k] - along);
}

double tr_online_ramp(double progress, double length)
{
    const double x = length > 0 && progress < length ? progress / length : 1;
    return exp(-5 * (1 - x) * (1 - x));
}
