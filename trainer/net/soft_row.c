/* trainer/net/soft_row.c -- see soft_row.h. */
#include "trainer/net/soft_row.h"

#include <assert.h>

#include "trainer/nn/kernels_internal.h"

enum { lanes = 16 }; /* a fixed number: the same bits on every machine */

double tr_soft_row(const struct tr_student *student, int n, double scale, const float *z, float *p)
{
    assert(n >= 1 && scale > 0);
    return student->kernels->softmax(n, (float)scale, z, p);
}

static double add_up(const float sum[lanes])
{
    double total = 0;

    for (int l = 0; l < lanes; l++)
        total += (double)sum[l];
    return total;
}

double tr_row_dot(int n, const float *a, const float *b)
{
    float sum[lanes] = {0};
    int c = 0;

    for (; c + lanes <= n; c += lanes)
        for (int l = 0; l < lanes; l++)
            sum[l] += a[c + l] * b[c + l];
    double total = add_up(sum);
    for (; c < n; c++)
        total += (double)a[c] * (double)b[c];
    return total;
}

double tr_row_distance(int n, const float *a, const float *b)
{
    float sum[lanes] = {0};
    int c = 0;

    for (; c + lanes <= n; c += lanes)
        for (int l = 0; l < lanes; l++)
            sum[l] += (a[c + l] - b[c + l]) * (a[c + l] - b[c + l]);
    double total = add_up(sum);
    for (; c < n; c++)
        total += (double)(a[c] - b[c]) * (double)(a[c] - b[c]);
    return total;
}
