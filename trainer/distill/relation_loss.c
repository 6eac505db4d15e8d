/* trainer/distill/relation_loss.c -- attention, relations and similarity: see layer_loss.h.
 *
 * All three compare (N,N) tables between rows. The tables' gradient is formed whole, because
 * x_i x_j^T sends it to both rows.
 */
#include <math.h>

#include "trainer/distill/layer_loss.h"

static int is_valid(const unsigned char *valid, int i)
{
    return !valid || valid[i];
}

static int count_valid(const unsigned char *valid, int rows)
{
    int count = 0;

    for (int i = 0; i < rows; i++)
        count += is_valid(valid, i);
    return count;
}

/* Softmax over the valid keys of one row; 0 and log 0 as 0 elsewhere. */
static void masked_softmax(const double *a, const unsigned char *valid, int n, double *p,
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

static double logits_row(const double *s, const double *t, const unsigned char *valid, int n,
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
static double probs_row(int n, double scale, const double *work, double *ds)
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

static double kl_row(int n, double scale, const double *work, double *ds)
{
    const double *q = work, *logq = q + n, *p = logq + n, *logp = p + n;
    double loss = 0;

    for (int j = 0; j < n; j++) {
        loss += scale * p[j] * (logp[j] - logq[j]);
        ds[j] = scale * (q[j] - p[j]);
    }
    return loss;
}

static double attention_row(enum tr_attention_loss kind, const double *s, const double *t,
                            const unsigned char *valid, int n, int count, double *work, double *ds)
{
    const double of_pairs = 1.0 / count / count;

    if (kind == TR_ATTENTION_LOGITS)
        return logits_row(s, t, valid, n, of_pairs, ds);
    masked_softmax(s, valid, n, work, work + n);
    masked_softmax(t, valid, n, work + 2 * (ptrdiff_t)n, work + 3 * (ptrdiff_t)n);
    return kind == TR_ATTENTION_PROBS ? probs_row(n, of_pairs, work, ds)
                                      : kl_row(n, 1.0 / count, work, ds);
}

double tr_attention_loss(enum tr_attention_loss kind, const double *student, const double *teacher,
                         const unsigned char *valid, int rows, double *scratch, double *dstudent)
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

size_t tr_relation_scratch(int rows)
{
    return 3 * (size_t)rows * (size_t)rows + 4 * (size_t)rows;
}

/* table (N,N) = x x^T * scale over columns first..first+width-1 of rows of `stride`. */
static void products(const double *x, int rows, int stride, int first, int width, double scale,
                     double *table)
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
static void products_backward(const double *x, int rows, int stride, int first, int width,
                              double scale, const double *g, double *dx)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < rows; j++) {
            const double both = scale * (g[i * rows + j] + g[j * rows + i]);
            for (int k = first; k < first + width; k++)
                dx[i * stride + k] += both * x[j * stride + k];
        }
}

double tr_relation_loss(const double *student, int ds, const double *teacher, int dt, int relations,
                        const unsigned char *valid, int rows, double *scratch, double *dstudent)
{
    const ptrdiff_t cells = (ptrdiff_t)rows * rows;
    const int ws = ds / relations, wt = dt / relations;
    double *of_s = scratch, *of_t = of_s + cells, *g = of_t + cells, *work = g + cells, loss = 0;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * ds; i++)
        dstudent[i] = 0;
    for (int r = 0; r < relations; r++) {
        products(student, rows, ds, r * ws, ws, 1 / sqrt(ws), of_s);
        products(teacher, rows, dt, r * wt, wt, 1 / sqrt(wt), of_t);
        loss += tr_attention_loss(TR_ATTENTION_KL, of_s, of_t, valid, rows, work, g) / relations;
        products_backward(student, rows, ds, r * ws, ws, 1 / sqrt(ws) / relations, g, dstudent);
    }
    return loss;
}

/* table (N,N) = cosines of all pairs of rows; norm (N). */
static void cosines(const double *x, int rows, int width, double *norm, double *table)
{
    products(x, rows, width, 0, width, 1, table);
    for (ptrdiff_t i = 0; i < rows; i++)
        norm[i] = sqrt(table[i * rows + i]);
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < rows; j++)
            table[i * rows + j] =
                norm[i] > 0 && norm[j] > 0 ? table[i * rows + j] / (norm[i] * norm[j]) : 0;
}

double tr_similarity_loss(const double *student, int ds, const double *teacher, int dt, int rows,
                          double *scratch, double *dstudent)
{
    const ptrdiff_t cells = (ptrdiff_t)rows * rows;
    double *of_s = scratch, *of_t = of_s + cells, *norm = of_t + 2 * cells, loss = 0;

    cosines(teacher, rows, dt, norm, of_t);
    cosines(student, rows, ds, norm, of_s);
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (int k = 0; k < ds; k++)
            dstudent[i * ds + k] = 0;
        for (ptrdiff_t j = 0; j < rows; j++) { /* each pair counts twice: as (i,j) and (j,i) */
            const double cosine = of_s[i * rows + j], gap = cosine - of_t[i * rows + j];
            loss += gap * gap / (double)cells;
            if (i == j || !(norm[i] > 0 && norm[j] > 0))
                continue;
            const double g = 4 * gap / (double)cells / norm[i];
            for (int k = 0; k < ds; k++)
                dstudent[i * ds + k] +=
                    g * (student[j * ds + k] / norm[j] - cosine * student[i * ds + k] / norm[i]);
        }
    }
    return loss;
}
