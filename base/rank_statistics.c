/* base/rank_statistics.c -- see rank_statistics.h. */
#include "base/rank_statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"

#define RESAMPLES 1000

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

double rt_tau_b(const double *a, const double *b, const int *band, size_t n)
{
    double agree = 0, of_a = 0, of_b = 0; /* pairs: in order less out of order; not level */

    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            if (band && band[i] != band[j])
                continue;
            const int x = sign(a[i] - a[j]), y = sign(b[i] - b[j]);
            agree += x * y;
            of_a += x != 0;
            of_b += y != 0;
        }
    return of_a > 0 && of_b > 0 ? agree / sqrt(of_a * of_b) : (double)NAN;
}

/* The place of x[i] among x[n], from 0, equal values sharing the mean of theirs. */
static double place_of(const double *x, size_t n, size_t i)
{
    double below = 0, level = 0;

    for (size_t j = 0; j < n; j++) {
        below += x[j] < x[i];
        level += x[j] == x[i];
    }
    return below + (level - 1) / 2;
}

double rt_spearman(const double *a, const double *b, size_t n)
{
    const double middle = ((double)n - 1) / 2; /* the mean place, with ties too */
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        const double x = place_of(a, n, i) - middle, y = place_of(b, n, i) - middle;
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

/* Is thing i among the k best by x[n]? */
static int is_top(const double *x, size_t n, size_t i, size_t k)
{
    size_t better = 0;

    for (size_t j = 0; j < n; j++)
        better += x[j] < x[i] || (x[j] == x[i] && j < i);
    return better < k;
}

double rt_top_overlap(const double *a, const double *b, size_t n, size_t k)
{
    double both = 0;

    if (n == 0 || k == 0)
        return (double)NAN;
    k = k < n ? k : n;
    for (size_t i = 0; i < n; i++)
        both += is_top(a, n, i, k) && is_top(b, n, i, k);
    return both / (double)k;
}

double rt_regret(const double *score, const double *truth, size_t n, size_t k)
{
    double best = INFINITY, chosen = INFINITY;

    if (n == 0 || k == 0)
        return (double)NAN;
    for (size_t i = 0; i < n; i++) {
        best = fmin(best, truth[i]);
        if (is_top(score, n, i, k))
            chosen = fmin(chosen, truth[i]);
    }
    return chosen - best;
}

struct rt_told_apart rt_told_apart(const double *score, const double *truth, const double *error,
                                   size_t n, double z)
{
    struct rt_told_apart told = {0};

    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const double gap = truth[i] - truth[j];
            if (!(fabs(gap) > z * hypot(error[i], error[j])))
                continue;
            told.pairs++;
            told.right += (1 + sign(gap) * sign(score[i] - score[j])) / 2.;
        }
    return told;
}

static int compare_doubles(const void *va, const void *vb)
{
    const double a = *(const double *)va, b = *(const double *)vb;
    return (a > b) - (a < b);
}

rt_status rt_tau_b_interval(const double *a, const double *b, size_t n, uint64_t seed, double *low,
                            double *high, struct rt_err *err)
{
    double *x = calloc(2 * n + RESAMPLES + 1, sizeof *x), *y = x + n, *tau = y + n;
    size_t count = 0;
    struct rt_rng rng;

    if (!x)
        return rt_fail(err, RT_ENOMEM, "no memory for an interval over %zu things", n);
    rt_rng_init(&rng, seed, RT_STREAM_BOOTSTRAP, n);
    for (int r = 0; r < RESAMPLES && n > 0; r++) {
        for (size_t i = 0; i < n; i++) {
            const uint64_t drawn = rt_rng_below(&rng, n);
            x[i] = a[drawn];
            y[i] = b[drawn];
        }
        const double value = rt_tau_b(x, y, NULL, n);
        if (!isnan(value))
            tau[count++] = value;
    }
    qsort(tau, count, sizeof *tau, compare_doubles);
    *low = count ? tau[count / 40] : (double)NAN; /* 2.5 % */
    *high = count ? tau[count - 1 - count / 40] : (double)NAN;
    free(x);
    return RT_OK;
}

double rt_mean(const double *x, size_t n, double *error)
{
    double sum = 0, squares = 0;

    assert(n > 0);
    for (size_t i = 0; i < n; i++) /* of differences, so that equal values have just that mean */
        sum += x[i] - x[0];
    const double mean = x[0] + sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    *error = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : (double)NAN;
    return mean;
}
