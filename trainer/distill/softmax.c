/* trainer/distill/softmax.c -- see softmax.h. */
#include "trainer/distill/softmax.h"

#include <assert.h>
#include <math.h>

static const double standard_eps = 1e-7;

double tr_softmax(const double *z, int classes, double scale, double *q, double *logq)
{
    double max = scale * z[0], sum = 0;

    assert(classes >= 1);
    for (int c = 0; c < classes; c++) {
        logq[c] = scale * z[c];
        max = logq[c] > max ? logq[c] : max;
    }
    for (int c = 0; c < classes; c++) {
        logq[c] -= max;
        q[c] = exp(logq[c]);
        sum += q[c];
    }
    const double log_sum = log(sum), inverse = 1 / sum;
    for (int c = 0; c < classes; c++) {
        logq[c] -= log_sum;
        q[c] *= inverse;
    }
    return max + log_sum;
}

int tr_argmax(const double *v, int n)
{
    int best = 0;

    assert(n >= 1);
    for (int i = 1; i < n; i++)
        if (v[i] > v[best])
            best = i;
    return best;
}

/* Mean in *mean, unbiased standard deviation returned. */
static double row_sd(const double *z, int classes, double *mean)
{
    double sum = 0, sq = 0;

    for (int c = 0; c < classes; c++)
        sum += z[c];
    *mean = sum / classes;
    for (int c = 0; c < classes; c++)
        sq += (z[c] - *mean) * (z[c] - *mean);
    return sqrt(sq / (classes - 1));
}

int tr_argmax_float(const float *v, int n)
{
    int best = 0;

    assert(n >= 1);
    for (int c = 1; c < n; c++)
        best = v[c] > v[best] ? c : best;
    return best;
}

double tr_standard_scale(const double *z, int classes)
{
    double mean;
    return 1 / (row_sd(z, classes, &mean) + standard_eps);
}

void tr_standard_backward(const double *z, int classes, double *grad)
{
    double mean, along = 0, total = 0;
    const double sd = row_sd(z, classes, &mean), scale = 1 / (sd + standard_eps);

    for (int c = 0; c < classes; c++) {
        along += grad[c] * (z[c] - mean);
        total += grad[c];
    }
    const double bend = sd > 0 ? along * scale * scale / (sd * (classes - 1)) : 0;
    for (int c = 0; c < classes; c++)
        grad[c] = (grad[c] - total / classes) * scale - (z[c] - mean) * bend;
}

void tr_log_of(const double *probabilities, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)log(probabilities[i] + 1e-300);
}
