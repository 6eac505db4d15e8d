/* trainer/nn/simd_pairs.h -- tables of one head, and losses between pairs of rows.
 *
 * Lanes run along a row. Those behind its end hold zeros, which add nothing to squares and
 * products, or, under a softmax, scores so low that they get no weight.
 */
#ifndef TRAINER_NN_SIMD_PAIRS_H
#define TRAINER_NN_SIMD_PAIRS_H
#include <math.h>

#include "trainer/nn/simd_attention.h"

/* q (queries,dim), k (keys,dim), table (queries,keys); scratch: scale k^T (dim,lanes) */
static void scores(const struct tr_head *head, struct tr_view q, struct tr_view k,
                   struct tr_out table, float *scratch)
{
    const int lanes = (head->keys + VL - 1) / VL * VL;
    const struct tr_view across = {scratch, lanes};

    transpose_matrix(k, head->keys, head->dim, scratch, lanes);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)head->dim * lanes; i += VL)
        STORE(scratch + i, LOAD(scratch + i) * SET1(head->scale));
    multiply_rows(q, 1, across, table, (int[]){head->queries, lanes, head->dim});
}

/* c (m,n) += a (m,k) b (k,n), as multiply_rows(). */
static void add_product(struct tr_view a, ptrdiff_t a_col, struct tr_view b, struct tr_out c,
                        const int size[3])
{
    const struct product p = {.a = a.at,
                              .a_row = a.ld,
                              .a_col = a_col,
                              .b = b.at,
                              .b_row = b.ld,
                              .panel = 2 * VL,
                              .c = c.at,
                              .ldc = c.ld,
                              .m = size[0],
                              .n = size[1],
                              .k = size[2],
                              .add = c.at,
                              .ld_add = c.ld};
    multiply(&p);
}

/* dtable (nq,nk), q, dq (nq,dim), k, dk (nk,dim) */
static void scores_back(const struct tr_head *head, struct tr_view dtable, struct tr_view q,
                        struct tr_view k, struct tr_out dq, struct tr_out dk)
{
    const int nq = head->queries, nk = head->keys, dim = head->dim;

    add_product(dtable, 1, k, dq, (int[]){nq, dim, nk});
    add_product((struct tr_view){dtable.at, 1}, dtable.ld, q, dk, (int[]){nk, dim, nq});
}

static double mse_row(int cols, float *s, const float *t, float scale)
{
    vf loss = SET1(0.0F);

    for (int j = 0; j < cols; j += VL) {
        const vf gap = load_some(s + j, cols - j) - load_some(t + j, cols - j);
        loss += gap * gap;
        STORE(s + j, gap * SET1(2 * scale));
    }
    return lanes_sum(loss);
}

static double cosine_row(int cols, float *s, const float *t, float scale)
{
    vf vss = SET1(0.0F), vtt = SET1(0.0F), vst = SET1(0.0F);

    for (int j = 0; j < cols; j += VL) {
        const vf a = load_some(s + j, cols - j), b = load_some(t + j, cols - j);
        vss += a * a;
        vtt += b * b;
        vst += a * b;
    }
    const double ss = lanes_sum(vss), norms = sqrt(ss * lanes_sum(vtt));
    const double cosine = norms > 0 ? lanes_sum(vst) / norms : 0;
    const vf of_s = SET1(norms > 0 ? (float)(scale * cosine / ss) : 0);
    const vf of_t = SET1(norms > 0 ? (float)(scale / norms) : 0);
    for (int j = 0; j < cols; j += VL)
        STORE(s + j, load_some(s + j, cols - j) * of_s - load_some(t + j, cols - j) * of_t);
    return 1 - cosine;
}

/* A vector of scores; `low` is what lanes behind the end of the last one get. */
INLINE vf load_scores(const float *s, int n, vf low)
{
    if (n >= VL)
        return LOAD(s);
    return load_first(s, n) + low;
}

INLINE float row_top(const float *s, int cols, vf low)
{
    vf top = load_scores(s, cols, low);

    for (int j = VL; j < cols; j += VL)
        top = VMAX(top, load_scores(s + j, cols - j, low));
    return lanes_max(top);
}

static double probs_row(int cols, float *s, float *t, float scale, vf low)
{
    const vf c = SET1(1.44269504F);
    const vf tops = SET1(row_top(s, cols, low)), topt = SET1(row_top(t, cols, low));
    vf sums = SET1(0.0F), sumt = SET1(0.0F), loss = SET1(0.0F), along = SET1(0.0F);

    for (int j = 0; j < cols; j += VL) {
        const vf es = exp2_lanes((load_scores(s + j, cols - j, low) - tops) * c);
        const vf et = exp2_lanes((load_scores(t + j, cols - j, low) - topt) * c);
        sums += es;
        sumt += et;
        STORE(s + j, es);
        STORE(t + j, et);
    }
    sums = SET1(1.0F / lanes_sum(sums));
    sumt = SET1(1.0F / lanes_sum(sumt));
    for (int j = 0; j < cols; j += VL) {
        const vf q = load_some(s + j, cols - j) * sums;
        const vf gap = q - load_some(t + j, cols - j) * sumt;
        loss += gap * gap;
        along += gap * q;
        STORE(s + j, q);
        STORE(t + j, gap);
    }
    along = SET1(lanes_sum(along));
    for (int j = 0; j < cols; j += VL)
        STORE(s + j, SET1(2 * scale) * LOAD(s + j) * (LOAD(t + j) - along));
    return lanes_sum(loss);
}

/* KL(softmax t || softmax s) = sum of p (t - s) + log of both sums. */
static double kl_row(int cols, float *s, float *t, float scale, vf low)
{
    const float tops = row_top(s, cols, low), topt = row_top(t, cols, low);
    const vf c = SET1(1.44269504F);
    vf sums = SET1(0.0F), sumt = SET1(0.0F), along = SET1(0.0F);

    for (int j = 0; j < cols; j += VL) {
        const vf a = load_scores(s + j, cols - j, low), b = load_scores(t + j, cols - j, low);
        const vf es = exp2_lanes((a - SET1(tops)) * c), et = exp2_lanes((b - SET1(topt)) * c);
        sums += es;
        sumt += et;
        along += et * (b - a);
        STORE(s + j, es);
        STORE(t + j, et);
    }
    const float of_s = lanes_sum(sums), of_t = lanes_sum(sumt);
    const vf weight_s = SET1(scale / of_s), weight_t = SET1(scale / of_t);
    for (int j = 0; j < cols; j += VL)
        STORE(s + j, load_some(s + j, cols - j) * weight_s -
                         load_some(t + j, cols - j) * weight_t); /* zeros, not 2^-126, at the end */
    return (double)lanes_sum(along) / of_t + ((double)tops - topt) + (double)logf(of_s) -
           (double)logf(of_t);
}

/* student, teacher (rows,cols) */
static double pair_loss(enum tr_pair_loss kind, int rows, int cols, struct tr_out student,
                        struct tr_out teacher, float scale)
{
    float edge[VL];
    double loss = 0;

    for (int c = 0; c < VL; c++)
        edge[c] = c < cols % VL ? 0 : -1e30F;
    const vf low = LOAD(edge);
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *s = student.at + r * student.ld, *t = teacher.at + r * teacher.ld;
        switch (kind) {
        case TR_PAIR_MSE: loss += mse_row(cols, s, t, scale); break;
        case TR_PAIR_COSINE: loss += cosine_row(cols, s, t, scale); break;
        case TR_PAIR_PROBS: loss += probs_row(cols, s, t, scale, low); break;
        case TR_PAIR_KL: loss += kl_row(cols, s, t, scale, low); break;
        }
    }
    return loss;
}
#endif
