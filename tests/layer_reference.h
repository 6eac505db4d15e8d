/* tests/layer_reference.h -- losses between inner layers as formulas, in double: what the kernels of
 * trainer/nn/ that train on them are tested against.
 *
 *   hidden     Y = H_s W^T + b        mse:    mean over valid rows and widths of (Y - H_t)^2
 *                                     cosine: mean over valid rows of 1 - cos(Y, H_t)
 *   attention  logits: mean over valid pairs of (A_s - A_t)^2
 *              probs:  the same of the row-wise softmax
 *              kl:     mean over valid rows of KL(softmax A_t || softmax A_s)
 *   relation   heads joined, split anew into R: X_r X_r^T / sqrt(d_r), then the kl above, mean over
 *              R and rows; student and teacher may differ in heads and in width
 *
 * A pair is valid when its query and its key are: padding is left out of sums and denominators
 * alike, and is no part of a softmax. Gradients are overwritten, but those of W and b.
 * Shapes   N rows (tokens of one sequence), ds and dt widths; attention (N,N) scores before the
 *          softmax; valid (N), non-zero for valid, or NULL for all. relations divides both widths.
 */
#ifndef TESTS_LAYER_REFERENCE_H
#define TESTS_LAYER_REFERENCE_H
#include <math.h>

#include "trainer/distill/layer_loss.h"

static inline int is_valid(const unsigned char *valid, int i)
{
    return !valid || valid[i];
}

static inline int count_valid(const unsigned char *valid, int rows)
{
    int count = 0;

    for (int i = 0; i < rows; i++)
        count += is_valid(valid, i);
    return count;
}

static inline void project(const double *hidden, const double *weight, const double *bias, int rows,
                           int ds, int dt, double *out)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < dt; j++) {
            double sum = bias[j];
            for (int k = 0; k < ds; k++)
                sum += hidden[i * ds + k] * weight[j * ds + k];
            out[i * dt + j] = sum;
        }
}

static inline void project_backward(const double *hidden, const double *weight, const double *dout,
                                    int rows, int ds, int dt, double *dhidden, double *dweight,
                                    double *dbias)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (int k = 0; k < ds; k++)
            dhidden[i * ds + k] = 0;
        for (ptrdiff_t j = 0; j < dt; j++) {
            const double e = dout[i * dt + j];
            dbias[j] += e;
            for (int k = 0; k < ds; k++) {
                dhidden[i * ds + k] += e * weight[j * ds + k];
                dweight[j * ds + k] += e * hidden[i * ds + k];
            }
        }
    }
}

static inline double hidden_mse(const double *y, const double *teacher, const unsigned char *valid,
                                int rows, int width, double *dy)
{
    const double n = (double)count_valid(valid, rows) * width;
    double loss = 0;

    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t at = i * width; at < (i + 1) * width; at++) {
            const double gap = !valid || valid[i] ? y[at] - teacher[at] : 0;
            dy[at] = n > 0 ? 2 * gap / n : 0;
            loss += n > 0 ? gap * gap / n : 0;
        }
    return loss;
}

/* 1 - cos(a, b) of one row, gradient by a times scale; a row of zeros has cosine 0. */
static inline double cosine_row(const double *a, const double *b, int width, double scale,
                                double *da)
{
    double aa = 0, bb = 0, ab = 0;

    for (int k = 0; k < width; k++) {
        aa += a[k] * a[k];
        bb += b[k] * b[k];
        ab += a[k] * b[k];
    }
    const double norms = sqrt(aa * bb), cosine = norms > 0 ? ab / norms : 0;
    for (int k = 0; k < width; k++)
        da[k] = norms > 0 ? scale * (cosine * a[k] / aa - b[k] / norms) : 0;
    return 1 - cosine;
}

static inline double hidden_cosine(const double *y, const double *teacher,
                                   const unsigned char *valid, int rows, int width, double *dy)
{
    const int n = count_valid(valid, rows);
    double loss = 0;

    for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t at = i * width;
        if (!valid || valid[i])
            loss += cosine_row(y + at, teacher + at, width, 1.0 / n, dy + at) / n;
        else
            for (int k = 0; k < width; k++)
                dy[at + k] = 0;
    }
    return loss;
}

/* Softmax over the valid keys of one row; 0 and log 0 as 0 elsewhere. */
static inline void masked_softmax(const double *a, const unsigned char *valid, int n, double *p,
                                  double *logp)
{
    double max = -INFINITY, sum = 0;

    for (int j = 0; j < n; j++)
        if (is_valid(valid, j) && a[j] > max)
            max = a[j];
    for (int j = 0; j < n; j++) {
        logp[j] = is_valid(valid, j) ? a[j] - max : 0;
        p[j] = is_valid(valid, j) ? exp(logp[j]) : 0;
        sum += p[j];
    }
    const double log_sum = log(sum);
    for (int j = 0; j < n; j++) {
        p[j] /= sum;
        logp[j] -= is_valid(valid, j) ? log_sum : 0;
    }
}

static inline double logits_row(const double *s, const double *t, const unsigned char *valid, int n,
                                double scale, double *ds)
{
    double loss = 0;

    for (int j = 0; j < n; j++) {
        const double gap = is_valid(valid, j) ? s[j] - t[j] : 0;
        ds[j] = 2 * scale * gap;
        loss += scale * gap * gap;
    }
    return loss;
}

/* q and p at work, work + 2n; their logarithms behind each. */
static inline double probs_row(int n, double scale, const double *work, double *ds)
{
    const double *q = work, *p = work + 2 * (ptrdiff_t)n;
    double loss = 0, along = 0;

    for (int j = 0; j < n; j++) {
        const double gap = q[j] - p[j];
        ds[j] = 2 * scale * gap;
        loss += scale * gap * gap;
        along += ds[j] * q[j];
    }
    for (int j = 0; j < n; j++)
        ds[j] = q[j] * (ds[j] - along);
    return loss;
}

static inline double kl_row(int n, double scale, const double *work, double *ds)
{
    const double *q = work, *logq = q + n, *p = logq + n, *logp = p + n;
    double loss = 0;

    for (int j = 0; j < n; j++) {
        loss += scale * p[j] * (logp[j] - logq[j]);
        ds[j] = scale * (q[j] - p[j]);
    }
    return loss;
}

static inline double attention_row(enum tr_attention_loss kind, const double *s, const double *t,
                                   const unsigned char *valid, int n, int count, double *work,
                                   double *ds)
{
    const double of_pairs = 1.0 / count / count;

    if (kind == TR_ATTENTION_LOGITS)
        return logits_row(s, t, valid, n, of_pairs, ds);
    masked_softmax(s, valid, n, work, work + n);
    masked_softmax(t, valid, n, work + 2 * (ptrdiff_t)n, work + 3 * (ptrdiff_t)n);
    return kind == TR_ATTENTION_PROBS ? probs_row(n, of_pairs, work, ds)
                                      : kl_row(n, 1.0 / count, work, ds);
}

static inline double attention_loss(enum tr_attention_loss kind, const double *student,
                                    const double *teacher, const unsigned char *valid, int rows,
                                    double *scratch, double *dstudent)
{
    const int count = count_valid(valid, rows);
    double loss = 0;

    for (int i = 0; i < rows; i++) {
        const ptrdiff_t at = (ptrdiff_t)i * rows;
        if (is_valid(valid, i))
            loss += attention_row(kind, student + at, teacher + at, valid, rows, count, scratch,
                                  dstudent + at);
        else
            for (int j = 0; j < rows; j++)
                dstudent[at + j] = 0;
    }
    return loss;
}

static inline size_t relation_scratch(int rows)
{
    return 3 * (size_t)rows * (size_t)rows + 4 * (size_t)rows;
}

/* table (N,N) = x x^T * scale over columns first..first+width-1 of rows of `stride`. */
static inline void products(const double *x, int rows, int stride, int first, int width,
                            double scale, double *table)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < rows; j++) {
            double sum = 0;
            for (int k = first; k < first + width; k++)
                sum += x[i * stride + k] * x[j * stride + k];
            table[i * rows + j] = sum * scale;
        }
}

/* dx += (g + g^T) x * scale, over the same columns. */
static inline void products_backward(const double *x, int rows, int stride, int first, int width,
                                     double scale, const double *g, double *dx)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < rows; j++) {
            const double both = scale * (g[i * rows + j] + g[j * rows + i]);
            for (int k = first; k < first + width; k++)
                dx[i * stride + k] += both * x[j * stride + k];
        }
}

static inline double relation_loss(const double *student, int ds, const double *teacher, int dt,
                                   int relations, const unsigned char *valid, int rows,
                                   double *scratch, double *dstudent)
{
    const ptrdiff_t cells = (ptrdiff_t)rows * rows;
    const int ws = ds / relations, wt = dt / relations;
    double *of_s = scratch, *of_t = of_s + cells, *g = of_t + cells, *work = g + cells, loss = 0;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * ds; i++)
        dstudent[i] = 0;
    for (int r = 0; r < relations; r++) {
        products(student, rows, ds, r * ws, ws, 1 / sqrt(ws), of_s);
        products(teacher, rows, dt, r * wt, wt, 1 / sqrt(wt), of_t);
        loss += attention_loss(TR_ATTENTION_KL, of_s, of_t, valid, rows, work, g) / relations;
        products_backward(student, rows, ds, r * ws, ws, 1 / sqrt(ws) / relations, g, dstudent);
    }
    return loss;
}
#endif
