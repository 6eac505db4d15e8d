/* trainer/learn/table_basis.c -- see table_basis.h. */
#include "trainer/learn/table_basis.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/net/student_internal.h"

void tr_table_row(const struct tr_student *source, const float *params, int id, float *row)
{
    const int d = source->arch.width, e = source->stem.features;
    const struct tr_plan *plan = source->plan;
    const float *from = params + plan->table + (ptrdiff_t)id * e;

    assert(id >= 0 && id < source->stem.vocabulary);
    if (!source->stem.projected) {
        memcpy(row, from, (size_t)d * sizeof *row);
        return;
    }
    for (ptrdiff_t i = 0; i < d; i++) {
        const float *w = params + plan->stem.weight + i * e;
        float sum = params[plan->stem.bias + (size_t)i];
        for (int j = 0; j < e; j++)
            sum += w[j] * from[j];
        row[i] = sum;
    }
}

/* Mean and upper half of C (d,d); row (d) is room. */
static void covariance(struct tr_table_basis *b, const struct tr_student *source,
                       const float *params, float *row)
{
    const ptrdiff_t d = b->width, rows = source->stem.vocabulary;

    for (int id = 0; id < rows; id++) {
        tr_table_row(source, params, id, row);
        for (ptrdiff_t i = 0; i < d; i++)
            b->mean[i] += (double)row[i] / (double)rows;
    }
    for (int id = 0; id < rows; id++) {
        tr_table_row(source, params, id, row);
        for (ptrdiff_t i = 0; i < d; i++) {
            const double a = ((double)row[i] - b->mean[i]) / (double)rows;
            for (ptrdiff_t j = i; j < d; j++)
                b->vectors[i * d + j] += a * ((double)row[j] - b->mean[j]);
        }
    }
}

/* Largest first, and the largest component of each positive. */
static void order(struct tr_table_basis *b)
{
    const ptrdiff_t d = b->width;

    for (ptrdiff_t i = 0; i < d / 2; i++) {
        double *one = b->vectors + i * d, *other = b->vectors + (d - 1 - i) * d;
        const double value = b->values[i];
        b->values[i] = b->values[d - 1 - i];
        b->values[d - 1 - i] = value;
        for (ptrdiff_t j = 0; j < d; j++) {
            const double kept = one[j];
            one[j] = other[j];
            other[j] = kept;
        }
    }
    for (ptrdiff_t i = 0; i < d; i++) {
        double *v = b->vectors + i * d, top = 0;
        for (ptrdiff_t j = 0; j < d; j++)
            top = fabs(v[j]) > fabs(top) ? v[j] : top;
        for (ptrdiff_t j = 0; top < 0 && j < d; j++)
            v[j] = -v[j];
        b->values[i] = b->values[i] > 0 ? b->values[i] : 0; /* by rounding */
    }
}

rt_status tr_table_basis_init(struct tr_table_basis *basis, const struct tr_student *source,
                              const float *params, struct rt_err *err)
{
    const size_t d = (size_t)source->arch.width;
    struct tr_table_basis b = {.width = source->arch.width};
    float *row;
    rt_status rc;

    *basis = (struct tr_table_basis){0};
    if (!source->stem.vocabulary)
        return RT_OK;
    b.mean = calloc(d, sizeof *b.mean);
    b.vectors = calloc(d * d, sizeof *b.vectors);
    b.values = calloc(d, sizeof *b.values);
    row = calloc(d, sizeof *row);
    if (!b.mean || !b.vectors || !b.values || !row) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for the components of a table");
    } else {
        covariance(&b, source, params, row);
        rc = tr__symmetric_eigen((int)d, b.vectors, b.values, err);
    }
    free(row);
    if (rc) {
        tr_table_basis_release(&b);
        return rc;
    }
    order(&b);
    *basis = b;
    return RT_OK;
}

void tr_table_basis_release(struct tr_table_basis *basis)
{
    free(basis->mean);
    free(basis->vectors);
    free(basis->values);
    *basis = (struct tr_table_basis){0};
}

static double sum_values(const struct tr_table_basis *basis, int e)
{
    double sum = 0;

    for (int i = 0; i < e && i < basis->width; i++)
        sum += basis->values[i];
    return sum;
}

double tr_table_basis_kept(const struct tr_table_basis *basis, int e)
{
    const double all = sum_values(basis, basis->width);
    return all > 0 ? sum_values(basis, e) / all : 0;
}

double tr_table_basis_scale(const struct tr_table_basis *basis, int e)
{
    const int n = e < basis->width ? e : basis->width;
    const double mean = sum_values(basis, n) / n;
    return mean > 0 ? .02 / sqrt(mean) : 1;
}

void tr_table_basis_project(const struct tr_table_basis *basis, const float *x, bool centred,
                            double scale, int e, float *out)
{
    const ptrdiff_t d = basis->width;

    for (ptrdiff_t i = 0; i < e && i < d; i++) {
        double sum = 0;
        for (ptrdiff_t j = 0; j < d; j++)
            sum += ((double)x[j] - (centred ? basis->mean[j] : 0)) * basis->vectors[i * d + j];
        out[i] = (float)(scale * sum);
    }
}
