/* trainer/distill/softmax.h -- soft-max and log-soft-max of one row, in double.
 *
 *   log q_c = s_c - max s - log sum_j exp(s_j - max s)          s = scale * z
 *
 * Stable for logits of any size: log q is finite whenever z is, even where q underflows to 0.
 */
#ifndef TRAINER_DISTILL_SOFTMAX_H
#define TRAINER_DISTILL_SOFTMAX_H
#include <stddef.h>

/* q (C) and log q (C) of softmax(scale * z); neither may be z. Returns log sum exp(scale * z). */
double tr_softmax(const double *z, int classes, double scale, double *q, double *logq);

/* The first index of the largest value. */
int tr_argmax(const double *v, int n);
int tr_argmax_float(const float *v, int n);

/* 1 / (sd + 1e-7) with the unbiased sd of the row: softmax((z - mean) * that) is softmax(z * that),
 * since a common shift changes nothing. 1e7 for a constant row. C at least 2. */
double tr_standard_scale(const double *z, int classes);
/* In place: from d/d(z standardised), which sums to 0, to d/dz. */
void tr_standard_backward(const double *z, int classes, double *grad);
/* ln of n probabilities as logits; 0 becomes about -690. */
void tr_log_of(const double *probabilities, size_t n, float *out);
#endif
