/* search/loops.h -- the dense loops of Gaussian processes, as wide as the processor computes.
 *
 * Every sum is taken in one order, which neither the width of vectors nor how many rows are worked
 * on at a time changes, and no product is fused with a sum: the same bits by every set.
 *
 * Matrices are rows of `stride` numbers. Threads: pure functions.
 */
#ifndef SEARCH_LOOPS_H
#define SEARCH_LOOPS_H
#include <stddef.h>

struct search_loops {
    /* a[n] . b[n] */
    double (*dot)(const double *a, const double *b, size_t n);
    /* out[r * out_stride] = row r of (count, n) . x[n]; `out` may lie in rows behind the one of
     * which it is made. */
    void (*dots)(const double *rows, size_t stride, size_t count, const double *x, size_t n,
                 double *out, size_t out_stride);
    /* v[i] = (k[i] - row i of l . v[0..i)) * inverse[i] for i in from..to-1: v = L^-1 k, for each of
     * the rows at[count] of k and v, whose rows lie `apart`; l, which is long, is read once. */
    void (*solve)(const double *l, size_t stride, const double *inverse, const double *k, double *v,
                  size_t apart, const int *at, int count, size_t from, size_t to);
    /* w[n] = L^-T w, inverse[n] of the diagonal */
    void (*solve_back)(const double *l, size_t stride, const double *inverse, double *w, size_t n);
    /* gap[n] = sum over rows f of x (features, n) of share[f] * (x_f - at[f])^2 */
    void (*gaps)(const float *x, size_t stride, int features, const float *share, const float *at,
                 float *gap, size_t n);
    /* r2[n] = sum over rows p of gaps (positions, n) of scale[p] * gaps_p */
    void (*weigh)(const float *gaps, size_t stride, int positions, const float *scale, float *r2,
                  size_t n);
    /* k[n] of r2[n]: Matern 5/2 with signal 1; slope[n]: its derivative by r2. */
    void (*matern)(const float *r2, double *k, size_t n);
    void (*matern_slope)(const float *r2, double *slope, size_t n);
    /* slope[n] . gap[n] */
    double (*sum_gaps)(const double *slope, const float *gap, size_t n);
};

/* Set number i that this processor has, 0 the widest; NULL beyond. */
const struct search_loops *search_loops_of(int i);
#endif
