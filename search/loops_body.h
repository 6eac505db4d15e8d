/* search/loops_body.h -- the loops of loops.h, for one width of vectors.
 *
 * Included by loops_SET.c, each compiled for a width of its own. SET: the struct search_loops to
 * define; ROWS: how many rows have room in the registers, a divisor of LANES.
 *
 * Sums of doubles run in LANES lanes, that of element i being i % LANES, and what is left beyond the
 * last whole LANES in the first of them; ROWS rows at a time share what is read of the vector and hide
 * how long a sum takes. exp() is written out, so that it is the same
 * everywhere and several times as fast.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "search/loops_internal.h"

enum { LANES = 8, POSITIONS = 4, SIDES = 4 };

/* LANES numbers each, wherever they lie. */
typedef double lanes
    __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef float floats
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define LANES_AT(x, i) (*(const lanes *)((x) + (i)))

/* ---- sums ---- */

/* Of all lanes, the first being as it is given. */
static inline double fold(const lanes *s, double first)
{
    return ((first + (*s)[4]) + ((*s)[1] + (*s)[5])) + (((*s)[2] + (*s)[6]) + ((*s)[3] + (*s)[7]));
}

/* Of all lanes, the first with what is left: a[rest] . b[rest]. */
static inline double finish(const lanes *s, const double *a, const double *b, size_t rest)
{
    double first = (*s)[0];

    for (size_t i = 0; i < rest; i++)
        first += a[i] * b[i];
    return fold(s, first);
}

static double dot(const double *a, const double *b, size_t n)
{
    const size_t whole = n - n % LANES;
    lanes s = {0};

    for (size_t i = 0; i < whole; i += LANES)
        s += LANES_AT(a, i) * LANES_AT(b, i);
    return finish(&s, a + whole, b + whole, n - whole);
}

/* s[r] = lanes of row r times x[whole] */
static inline void rows_times(const double *rows, size_t stride, const double *x, size_t whole,
                              lanes s[ROWS])
{
    for (int r = 0; r < ROWS; r++)
        s[r] = (lanes){0};
    for (size_t c = 0; c < whole; c += LANES)
        for (int r = 0; r < ROWS; r++)
            s[r] += LANES_AT(rows + (size_t)r * stride, c) * LANES_AT(x, c);
}

static void dots(const double *rows, size_t stride, size_t count, const double *x, size_t n,
                 double *out, size_t out_stride)
{
    const size_t whole = n - n % LANES;
    lanes s[ROWS];
    size_t at = 0;

    for (; at + ROWS <= count; at += ROWS) {
        rows_times(rows + at * stride, stride, x, whole, s);
        for (size_t r = 0; r < ROWS; r++)
            out[(at + r) * out_stride] =
                finish(&s[r], rows + (at + r) * stride + whole, x + whole, n - whole);
    }
    for (; at < count; at++)
        out[at * out_stride] = dot(rows + at * stride, x, n);
}

/* Rows i..i+ROWS-1, all of the same whole lanes, of `sides` right sides at[]. What is left of each row
 * grows as soon as a number before it is known, in all sides in turn, so that few sums wait for each
 * other. */
static inline __attribute__((always_inline)) void solve_rows(const double *l, size_t stride,
                                                             const double *inverse, const double *k,
                                                             double *v, size_t apart, const int *at,
                                                             int sides, size_t i)
{
    const size_t whole = ROWS == LANES ? i : i - i % LANES;
    const double *rows = l + i * stride;
    double first[SIDES][ROWS];
    lanes s[SIDES][ROWS];

    for (int j = 0; j < sides; j++) {
        const double *x = v + (size_t)at[j] * apart;
        rows_times(rows, stride, x, whole, s[j]);
        for (size_t r = 0; r < ROWS; r++)
            first[j][r] = s[j][r][0];
        for (size_t c = whole; c < i; c++)
            for (size_t r = 0; r < ROWS; r++)
                first[j][r] += rows[r * stride + c] * x[c];
    }
    for (size_t c = 0; c < ROWS; c++)
        for (int j = 0; j < sides; j++) {
            const size_t here = (size_t)at[j] * apart + i + c;
            const double x = v[here] = (k[here] - fold(&s[j][c], first[j][c])) * inverse[i + c];
            for (size_t r = c + 1; r < ROWS; r++)
                first[j][r] += rows[r * stride + i + c] * x;
        }
}

static void solve(const double *l, size_t stride, const double *inverse, const double *k, double *v,
                  size_t apart, const int *at, int count, size_t from, size_t to)
{
    for (size_t i = from, step; i < to; i += step) {
        int j = 0;
        step = i % ROWS || i + ROWS > to ? 1 : ROWS;
        for (; step == ROWS && j + SIDES <= count; j += SIDES)
            solve_rows(l, stride, inverse, k, v, apart, at + j, SIDES, i);
        for (; step == ROWS && j < count; j++)
            solve_rows(l, stride, inverse, k, v, apart, at + j, 1, i);
        for (; j < count; j++) {
            const double *side = k + (size_t)at[j] * apart;
            double *x = v + (size_t)at[j] * apart;
            x[i] = (side[i] - dot(l + i * stride, x, i)) * inverse[i];
        }
    }
}

/* From the last row up, each taken from those before it. */
static void solve_back(const double *l, size_t stride, const double *inverse, double *restrict w,
                       size_t n)
{
    for (size_t i = n; i-- > 0;) {
        const double *restrict row = l + i * stride;
        const double at = w[i] *= inverse[i];
        for (size_t j = 0; j < i; j++)
            w[j] -= row[j] * at;
    }
}

static double sum_gaps(const double *slope, const float *gap, size_t n)
{
    const size_t whole = n - n % LANES;
    lanes s = {0};

    for (size_t i = 0; i < whole; i += LANES) {
        const floats g = *(const floats *)(gap + i);
        s += LANES_AT(slope, i) * __builtin_convertvector(g, lanes);
    }
    for (size_t i = whole; i < n; i++)
        s[0] += slope[i] * (double)gap[i];
    return finish(&s, NULL, NULL, 0);
}

/* ---- distances ---- */

static void gaps(const float *x, size_t stride, int features, const float *share, const float *at,
                 float *restrict gap, size_t n)
{
    for (int f = 0; f < features; f++) {
        const float part = share[f], here = at[f], *restrict row = x + (size_t)f * stride;
        for (size_t i = 0; i < n; i++) {
            const float off = row[i] - here;
            gap[i] = (f ? gap[i] : 0) + part * (off * off);
        }
    }
}

static void weigh(const float *g, size_t stride, int positions, const float *scale,
                  float *restrict r2, size_t n)
{
    int p = 0;

    memset(r2, 0, n * sizeof *r2);
    for (; p + POSITIONS <= positions; p += POSITIONS) { /* as if one at a time */
        const float *restrict a = g + (size_t)p * stride, *restrict b = a + stride,
                              *restrict c = b + stride, *restrict d = c + stride;
        const float sa = scale[p], sb = scale[p + 1], sc = scale[p + 2], sd = scale[p + 3];
        for (size_t i = 0; i < n; i++)
            r2[i] = (((r2[i] + sa * a[i]) + sb * b[i]) + sc * c[i]) + sd * d[i];
    }
    for (; p < positions; p++) {
        const float *restrict a = g + (size_t)p * stride, sa = scale[p];
        for (size_t i = 0; i < n; i++)
            r2[i] += sa * a[i];
    }
}

/* ---- the kernel ---- */

/* exp(-a) for a in 0..700, by 2^whole of what is left, whose powers are summed up. */
static inline double exp_of_minus(double a)
{
    const double magic = 0x1.8p52, t = a * -1.4426950408889634074;
    const double shifted = t + magic; /* its last bits are the whole number next to t */
    const double x = (t - (shifted - magic)) * .69314718055994530942;
    double p = 1. / 39916800, scale;
    uint64_t bits;

    p = p * x + 1. / 3628800;
    p = p * x + 1. / 362880;
    p = p * x + 1. / 40320;
    p = p * x + 1. / 5040;
    p = p * x + 1. / 720;
    p = p * x + 1. / 120;
    p = p * x + 1. / 24;
    p = p * x + 1. / 6;
    p = p * x + .5;
    p = p * x + 1;
    p = p * x + 1;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline double limited(double x)
{
    return x < 4e5 ? x : 4e5;
}

static void matern(const float *restrict r2, double *restrict k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(limited(5. * (double)r2[i]));
        k[i] = (1 + a + a * a * (1. / 3)) * exp_of_minus(a);
    }
}

static void matern_slope(const float *restrict r2, double *restrict slope, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(limited(5. * (double)r2[i]));
        slope[i] = -5. / 6 * (1 + a) * exp_of_minus(a);
    }
}

const struct search_loops SET = {dot,   dots,   solve,        solve_back, gaps,
                                 weigh, matern, matern_slope, sum_gaps};
