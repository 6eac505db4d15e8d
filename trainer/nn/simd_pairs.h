/* trainer/nn/simd_pairs.h -- tables of one head, and losses between pairs of rows.
 *
 * Lanes run along a row, whose padding is first set to what takes no part: zeros, or scores so far
 * below the largest that their softmax is lost in a sum's rounding, yet far from denormal.
 */
#ifndef TRAINER_NN_SIMD_PAIRS_H
#define TRAINER_NN_SIMD_PAIRS_H
#include <math.h>

#include "trainer/nn/simd_attention.h"

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

/* c += a b, as multiply_rows(). */
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

static void scores_back(const struct tr_head *head, struct tr_view dtable, struct tr_view q,
                        struct tr_view k, struct tr_out dq, struct tr_out dk)
{
    const int nq = head->queries, nk = head->keys, dim = head->dim;

    add_product(dtable, 1, k, dq, (int[]){nq, dim, nk});
    add_product((struct tr_view){dtable.at, 1}, dtable.ld, q, dk, (int[]){nk, dim, nq});
}

static void fill(float *row, int cols, int lanes, float value)
{
    for (int c = cols; c < lanes; c++)
        row[c] = value;
}

static double mse_row(int lanes, float *s, const float *t, float scale)
{
    vf loss = SET1(0.0F);

    for (int j = 0; j < lanes; j += VL) {
        const vf gap = LOAD(s + j) - LOAD(t + j);
        loss += gap * gap;
        STORE(s + j, gap * SET1(2 * scale));
    }
    return lanes_sum(loss);
}

static double cosine_row(int lanes, float *s, const float *t, float scale)
{
    vf vss = SET1(0.0F), vtt = SET1(0.0F), vst = SET1(0.0F);

    for (int j = 0; j < lanes; j += VL) {
        const vf a = LOAD(s + j), b = LOAD(t + j);
        vss += a * a;
        vtt += b * b;
        vst += a * b;
    }
    const double ss = lanes_sum(vss), norms = sqrt(ss * lanes_sum(vtt));
    const double cosine = norms > 0 ? lanes_sum(vst) / norms : 0;
    const vf of_s = SET1(norms > 0 ? (float)(scale * cosine / ss) : 0);
    const vf of_t = SET1(norms > 0 ? (float)(scale / norms) : 0);
    for (int j = 0; j < lanes; j += VL)
        STORE(s + j, LOAD(s + j) * of_s - LOAD(t + j) * of_t);
    return 1 - cosine;
}

/* The largest of a row of scores, whose padding is then set. */
INLINE float row_top(float *s, int cols, int lanes)
{
    vf all = SET1(s[0]);

    fill(s, cols, lanes, s[0]);
    for (int j = lanes - VL; j >= 0; j -= VL)
        all = VMAX(all, LOAD(s + j));
    const float top = lanes_max(all);
    fill(s, cols, lanes, top - 40);
    return top;
}

static double probs_row(int cols, int lanes, float *s, float *t, float scale)
{
    const vf c = SET1(1.44269504F), tops = SET1(row_top(s, cols, lanes)) * c;
    const vf topt = SET1(row_top(t, cols, lanes)) * c;
    vf sums = SET1(0.0F), sumt = SET1(0.0F), loss = SET1(0.0F), along = SET1(0.0F);

    for (int j = 0; j < lanes; j += VL) {
        const vf es = exp2_lanes(LOAD(s + j) * c - tops), et = exp2_lanes(LOAD(t + j) * c - topt);
        sums += es;
        sumt += et;
        STORE(s + j, es);
        STORE(t + j, et);
    }
    sums = SET1(1.0F / lanes_sum(sums));
    sumt = SET1(1.0F / lanes_sum(sumt));
    for (int j = 0; j < lanes; j += VL) {
        const vf q = LOAD(s + j) * sums, gap = q - LOAD(t + j) * sumt;
        loss += gap * gap;
        along += gap * q;
        STORE(s + j, q);
        STORE(t + j, gap);
    }
    along = SET1(lanes_sum(along));
    for (int j = 0; j < lanes; j += VL)
        STORE(s + j, SET1(2 * scale) * LOAD(s + j) * (LOAD(t + j) - along));
    return lanes_sum(loss);
}

/* KL(softmax t || softmax s) = sum of p (t - s) + log of both sums. */
static double kl_row(int cols, int lanes, float *s, float *t, float scale)
{
    const float tops = row_top(s, cols, lanes), topt = row_top(t, cols, lanes);
    const vf c = SET1(1.44269504F);
    vf sums = SET1(0.0F), sumt = SET1(0.0F), along = SET1(0.0F);

    for (int j = 0; j < lanes; j += VL) {
        const vf a = LOAD(s + j), b = LOAD(t + j);
        const vf es = exp2_lanes((a - SET1(tops)) * c), et = exp2_lanes((b - SET1(topt)) * c);
        sums += es;
        sumt += et;
        along += et * (b - a);
        STORE(s + j, es);
        STORE(t + j, et);
    }
    const float of_s = lanes_sum(sums), of_t = lanes_sum(sumt);
    const vf weight_s = SET1(scale / of_s), weight_t = SET1(scale / of_t);
    for (int j = 0; j < lanes; j += VL)
        STORE(s + j, LOAD(s + j) * weight_s - LOAD(t + j) * weight_t);
    return (double)lanes_sum(along) / of_t + ((double)tops - topt) + (double)logf(of_s) -
           (double)logf(of_t);
}

static double pair_loss(enum tr_pair_loss kind, int rows, int cols, struct tr_out student,
                        struct tr_out teacher, float scale)
{
    const int lanes = (cols + VL - 1) / VL * VL;
    double loss = 0;

    for (ptrdiff_t r = 0; r < rows; r++) {
        float *s = student.at + r * student.ld, *t = teacher.at + r * teacher.ld;
        if (kind == TR_PAIR_MSE || kind == TR_PAIR_COSINE) {
            fill(s, cols, lanes, 0);
            fill(t, cols, lanes, 0);
        }
        switch (kind) {
        case TR_PAIR_MSE: loss += mse_row(lanes, s, t, scale); break;
        case TR_PAIR_COSINE: loss += cosine_row(lanes, s, t, scale); break;
        case TR_PAIR_PROBS: loss += probs_row(cols, lanes, s, t, scale); break;
        case TR_PAIR_KL: loss += kl_row(cols, lanes, s, t, scale); break;
        }
    }
    return loss;
}
#endif
