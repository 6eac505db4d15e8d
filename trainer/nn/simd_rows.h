/* trainer/nn/simd_rows.h -- what is done row by row or element by element, in vectors. */
#ifndef TRAINER_NN_SIMD_ROWS_H
#define TRAINER_NN_SIMD_ROWS_H
#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/nn/kernels_internal.h"
#include "trainer/nn/simd_vector.h"

/* --- layer norm --- */

/* Rows are taken four at a time, so that their sums across the lanes and their roots are shared;
 * the last row stands in for those that are missing. */
struct four {
    const float *at[4];
};

INLINE struct four four_rows(struct tr_view x, ptrdiff_t first, ptrdiff_t last)
{
    struct four f;
    UNROLL for (ptrdiff_t i = 0; i < 4; i++) f.at[i] =
        x.at + (first + i < last ? first + i : last) * x.ld;
    return f;
}

/* Lanes behind n become zero, also where the load gave zero and the mean was taken off. */
INLINE vf gap_from(const float *x, float mean, int n)
{
    if (n >= VL)
        return LOAD(x) - SET1(mean);
    float gap[VL];
    STORE(gap, load_first(x, n) - SET1(mean));
    return load_first(gap, n);
}

/* means and reciprocal deviations of four rows. */
INLINE void norm_stats(const struct four *x, int cols, float eps, float mean[4], float rstd[4])
{
    const __m128 share = _mm_set1_ps(1.0F / (float)cols);
    vf sum[4] = {SET1(0.0F), SET1(0.0F), SET1(0.0F), SET1(0.0F)};

    for (int c = 0; c < cols; c += VL)
        UNROLL for (int i = 0; i < 4; i++) sum[i] += load_some(x->at[i] + c, cols - c);
    _mm_storeu_ps(mean, lanes_sums(sum[0], sum[1], sum[2], sum[3]) * share);
    UNROLL for (int i = 0; i < 4; i++) sum[i] = SET1(0.0F);
    for (int c = 0; c < cols; c += VL)
        UNROLL for (int i = 0; i < 4; i++)
        {
            const vf gap = gap_from(x->at[i] + c, mean[i], cols - c);
            sum[i] += gap * gap;
        }
    const __m128 variance = lanes_sums(sum[0], sum[1], sum[2], sum[3]) * share;
    _mm_storeu_ps(rstd, _mm_set1_ps(1.0F) / _mm_sqrt_ps(variance + _mm_set1_ps(eps)));
}

/* x, y (rows,cols), gamma, beta (cols), stats (rows,2) or NULL */
static void norm(int rows, int cols, float eps, struct tr_view x, const float *gamma,
                 const float *beta, struct tr_out y, float *stats)
{
    assert(rows > 0 && cols > 0 && x.ld >= cols && y.ld >= cols);
    for (ptrdiff_t r = 0; r < rows; r += 4) {
        const struct four in = four_rows(x, r, rows - 1);
        const struct four out = four_rows(tr_seen(y), r, rows - 1);
        float mean[4], rstd[4];
        norm_stats(&in, cols, eps, mean, rstd);
        for (int c = 0; c < cols; c += VL) {
            const int n = cols - c;
            const vf scale = load_some(gamma + c, n), shift = load_some(beta + c, n);
            UNROLL for (int i = 0; i < 4; i++)
            {
                const vf unit = (load_some(in.at[i] + c, n) - SET1(mean[i])) * SET1(rstd[i]);
                store_some((float *)out.at[i] + c, unit * scale + shift, n);
            }
        }
        for (ptrdiff_t i = 0; stats && i < 4 && r + i < rows; i++) {
            stats[2 * (r + i)] = mean[i];
            stats[2 * (r + i) + 1] = rstd[i];
        }
    }
}

enum { norm_block = 32 }; /* rows whose two means are held at a time */

/* means of dy gamma and of dy gamma xhat over each row, two floats a row. */
INLINE void norm_back_means(int rows, int cols, struct tr_view x, const float *stats,
                            struct tr_view dy, const float *gamma, float *means)
{
    for (ptrdiff_t r = 0; r < rows; r += 4) {
        const struct four in = four_rows(x, r, rows - 1), g = four_rows(dy, r, rows - 1);
        vf a[4], b[4];
        float sums[8], mean[4];
        UNROLL for (int i = 0; i < 4; i++)
        {
            a[i] = b[i] = SET1(0.0F);
            mean[i] = stats[2 * (r + i < rows ? r + i : rows - 1)];
        }
        for (int c = 0; c < cols; c += VL) {
            const int n = cols - c;
            const vf scale = load_some(gamma + c, n);
            UNROLL for (int i = 0; i < 4; i++)
            {
                const vf d = load_some(g.at[i] + c, n) * scale;
                a[i] += d;
                b[i] += d * (load_some(in.at[i] + c, n) - SET1(mean[i]));
            }
        }
        _mm_storeu_ps(sums, lanes_sums(a[0], a[1], a[2], a[3]));
        _mm_storeu_ps(sums + 4, lanes_sums(b[0], b[1], b[2], b[3]));
        for (ptrdiff_t i = 0; i < 4 && r + i < rows; i++) {
            means[2 * (r + i)] = sums[i] / (float)cols;
            means[2 * (r + i) + 1] = sums[4 + i] * stats[2 * (r + i) + 1] / (float)cols;
        }
    }
}

/* x, dy, dx (rows,cols), stats (rows,2), gamma, dgamma, dbeta (cols) */
static void norm_back(int rows, int cols, struct tr_view x, const float *stats, struct tr_view dy,
                      const float *gamma, float *dgamma, float *dbeta, struct tr_out dx)
{
    float means[2 * norm_block];

    for (int first = 0; first < rows; first += norm_block) {
        const int count = rows - first < norm_block ? rows - first : norm_block;
        const float *s = stats + (ptrdiff_t)2 * first;
        const struct tr_view xb = {x.at + first * x.ld, x.ld};
        const struct tr_view dyb = {dy.at + first * dy.ld, dy.ld};
        norm_back_means(count, cols, xb, s, dyb, gamma, means);
        for (int c = 0; c < cols; c += VL) {
            const int n = cols - c;
            const vf scale = load_some(gamma + c, n);
            vf sum_gamma = load_some(dgamma + c, n), sum_beta = load_some(dbeta + c, n);
            for (ptrdiff_t r = 0; r < count; r++) {
                float *out = dx.at + (first + r) * dx.ld + c;
                const vf rstd = SET1(s[2 * r + 1]);
                const vf unit = (load_some(xb.at + r * xb.ld + c, n) - SET1(s[2 * r])) * rstd;
                const vf g = load_some(dyb.at + r * dyb.ld + c, n);
                sum_gamma += g * unit;
                sum_beta += g;
                const vf d = g * scale - SET1(means[2 * r]) - unit * SET1(means[2 * r + 1]);
                store_some(out, load_some(out, n) + d * rstd, n);
            }
            store_some(dgamma + c, sum_gamma, n);
            store_some(dbeta + c, sum_beta, n);
        }
    }
}

/* --- elementwise --- */

static void gelu(size_t n, float *u, float *slope)
{
    for (size_t i = 0; i < n; i += VL) {
        const int some = n - i < VL ? (int)(n - i) : VL;
        vf value, d;
        gelu_lanes(load_some(u + i, some), &value, &d);
        store_some(u + i, value, some);
        if (slope)
            store_some(slope + i, d, some);
    }
}

/* kind is a constant where this is inlined. */
INLINE void activate_all(const enum tr_activate kind, size_t n, float *u, float *slope)
{
    for (size_t i = 0; i < n; i += VL) {
        const int some = n - i < VL ? (int)(n - i) : VL;
        const vf x = load_some(u + i, some);
        vf value, d;
        if (kind == TR_ACTIVATE_GELU_TANH)
            gelu_tanh_lanes(x, &value, &d);
        else if (kind == TR_ACTIVATE_RELU)
            relu_lanes(x, &value, &d);
        else
            tanh_lanes(x, &value, &d);
        store_some(u + i, value, some);
        if (slope)
            store_some(slope + i, d, some);
    }
}

static void activate(enum tr_activate kind, size_t n, float *u, float *slope)
{
    switch (kind) {
    case TR_ACTIVATE_GELU_TANH: activate_all(TR_ACTIVATE_GELU_TANH, n, u, slope); break;
    case TR_ACTIVATE_RELU: activate_all(TR_ACTIVATE_RELU, n, u, slope); break;
    case TR_ACTIVATE_TANH: activate_all(TR_ACTIVATE_TANH, n, u, slope); break;
    }
}

/* Two sums, since one would wait for each addition. */
static double softmax(int n, float scale, const float *x, float *p)
{
    const vf c = SET1(scale * 1.4426950F); /* log2(e) */
    const int whole = n - n % VL;
    vf tops = SET1(x[0]), sum[2] = {SET1(0.0F), SET1(0.0F)};
    float top;

    assert(n >= 1 && scale > 0);
    for (int i = 0; i < whole; i += VL)
        tops = VMAX(LOAD(x + i), tops);
    top = lanes_max(tops);
    for (int i = whole; i < n; i++)
        top = x[i] > top ? x[i] : top;
    tops = SET1(top);
    for (int i = 0; i < whole; i += VL) {
        const vf e = exp2_lanes((LOAD(x + i) - tops) * c);
        sum[i / VL % 2] += e;
        STORE(p + i, e);
    }
    if (whole < n)
        store_some(p + whole, exp2_lanes((load_some(x + whole, n - whole) - tops) * c), n - whole);
    double total = (double)lanes_sum(sum[0] + sum[1]);
    for (int i = whole; i < n; i++)
        total += (double)p[i];
    const vf inverse = SET1((float)(1 / total));
    for (int i = 0; i < n; i += VL)
        store_some(p + i, load_some(p + i, n - i) * inverse, n - i);
    return (double)top * scale + log(total);
}

/* sums[0..n) += the sums of `rows` rows, a constant of at most 8 where this is inlined. */
INLINE void add_sums(struct tr_view x, const int rows, int n, float *sums)
{
    vf s[8];

    UNROLL for (int i = 0; i < rows; i++) s[i] = load_some(x.at + i * x.ld, n);
    UNROLL for (int step = 1; step < rows; step *= 2)
        UNROLL for (int i = 0; i + step < rows; i += 2 * step) s[i] += s[i + step];
    store_some(sums, load_some(sums, n) + s[0], n);
}

/* Eight rows at a time, along them: memory is read in order. */
static void add_column_sums(int rows, int cols, struct tr_view x, float *sums)
{
    for (; rows >= 8; rows -= 8, x.at += 8 * x.ld) {
        struct tr_view at = x;
        int c = 0;
        for (; c + VL <= cols; c += VL, at.at += VL)
            add_sums(at, 8, VL, sums + c);
        if (c < cols)
            add_sums(at, 8, cols - c, sums + c);
    }
    for (; rows > 0; rows--, x.at += x.ld)
        for (int c = 0; c < cols; c += VL)
            add_sums((struct tr_view){x.at + c, 0}, 1, cols - c, sums + c);
}

static void add_rows(int rows, int cols, struct tr_view x, struct tr_out y)
{
    for (ptrdiff_t r = 0; r < rows; r++, x.at += x.ld, y.at += y.ld)
        for (int c = 0; c < cols; c += VL)
            store_some(y.at + c, load_some(y.at + c, cols - c) + load_some(x.at + c, cols - c),
                       cols - c);
}

/* --- the optimiser --- */

static void adamw(size_t n, const struct tr_adamw_rates *rates, float *w, float *g, float *m,
                  float *v)
{
    for (size_t i = 0; i < n; i += VL) {
        const int some = n - i < VL ? (int)(n - i) : VL;
        const vf grad = load_some(g + i, some) * SET1(rates->scale);
        const vf first =
            load_some(m + i, some) * SET1(rates->beta1) + grad * SET1(1 - rates->beta1);
        const vf second =
            load_some(v + i, some) * SET1(rates->beta2) + grad * grad * SET1(1 - rates->beta2);
        const vf root = VSQRT(second * SET1(rates->second)) + SET1(rates->eps);
        const vf kept = load_some(w + i, some) * SET1(rates->shrink);
        store_some(w + i, kept - first * SET1(rates->rate) / root, some);
        store_some(m + i, first, some);
        store_some(v + i, second, some);
        store_some(g + i, SET1(0.0F), some);
    }
}

static double sum_squares(size_t n, const float *x)
{
    vd low = {0}, high = {0};
    double sum = 0;
    for (size_t i = 0; i < n; i += VL) {
        const vf v = load_some(x + i, n - i < VL ? (int)(n - i) : VL);
        const vd a = low_doubles(v), b = high_doubles(v);
        low += a * a;
        high += b * b;
    }
    low += high;
    for (int l = 0; l < VL / 2; l++)
        sum += low[l];
    return sum;
}
#endif
