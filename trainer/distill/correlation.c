/* trainer/distill/correlation.c -- see correlation.h. */
#include "trainer/distill/correlation.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static const double no_spread = 1e-6;

/* r, and what it takes for its gradient: dr/dx = along y - back x. */
static double pearson(double xx, double yy, double xy, double *along, double *back)
{
    const double x = sqrt(xx), y = sqrt(yy);

    *along = *back = 0;
    if (x <= no_spread || y <= no_spread)
        return 0;
    *along = 1 / (x * y);
    *back = xy * *along / xx;
    return xy * *along;
}

double tr_correlation_row(const double *q, const double *p, int classes, double weight,
                          double *grad)
{
    const double mean = 1.0 / classes; /* of both: probabilities sum to 1 */
    double qq = 0, pp = 0, qp = 0, along, back;

    for (int c = 0; c < classes; c++) {
        qq += (q[c] - mean) * (q[c] - mean);
        pp += (p[c] - mean) * (p[c] - mean);
        qp += (q[c] - mean) * (p[c] - mean);
    }
    const double r = pearson(qq, pp, qp, &along, &back);
    for (int c = 0; c < classes; c++)
        grad[c] -= weight * (along * (p[c] - mean) - back * (q[c] - mean));
    return 1 - r;
}

void tr_columns_init(struct tr_columns *columns, int classes, double *space)
{
    double **const rows[TR_COLUMN_ROWS] = {&columns->mean_q, &columns->mean_p, &columns->qq,
                                           &columns->pp, &columns->qp};

    assert(classes >= 1 && space);
    columns->classes = classes;
    columns->rows = 0;
    for (ptrdiff_t r = 0; r < TR_COLUMN_ROWS; r++)
        *rows[r] = space + r * classes;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)TR_COLUMN_ROWS * classes; i++)
        space[i] = 0;
}

/* The running mean of Welford, which needs no second division at the end. */
void tr_columns_mean(struct tr_columns *columns, const double *q, const double *p)
{
    columns->rows++;
    for (int c = 0; c < columns->classes; c++) {
        columns->mean_q[c] += (q[c] - columns->mean_q[c]) / columns->rows;
        columns->mean_p[c] += (p[c] - columns->mean_p[c]) / columns->rows;
    }
}

void tr_columns_product(struct tr_columns *columns, const double *q, const double *p)
{
    for (int c = 0; c < columns->classes; c++) {
        const double x = q[c] - columns->mean_q[c], y = p[c] - columns->mean_p[c];
        columns->qq[c] += x * x;
        columns->pp[c] += y * y;
        columns->qp[c] += x * y;
    }
}

double tr_columns_loss(const struct tr_columns *columns, const double *q, const double *p,
                       double weight, double *grad)
{
    const double factor = weight * columns->rows / columns->classes;

    assert(columns->rows >= 1); /* its means were taken */
    double sum = 0, along, back;

    for (int c = 0; c < columns->classes; c++) {
        sum += pearson(columns->qq[c], columns->pp[c], columns->qp[c], &along, &back);
        grad[c] -=
            factor * (along * (p[c] - columns->mean_p[c]) - back * (q[c] - columns->mean_q[c]));
    }
    return 1 - sum / columns->classes;
}
