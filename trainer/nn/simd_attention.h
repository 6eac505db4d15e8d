/* trainer/nn/simd_attention.h -- attention of one head, with the queries in the lanes.
 *
 * The scores are kept transposed, S^T (keys, lanes): then the softmax runs down the columns without
 * a horizontal sum, and four of the six products read their operands in place. Only Q, and in the
 * backward dO, are transposed beforehand, in registers. Lanes behind the last query hold zeros in
 * Q^T and dO^T, so they stay finite and no product reads them.
 *
 * One query alone, which is what the class token of a pruned block asks, would leave all lanes but
 * one idle: there the keys are in the lanes instead, and the scores are one row.
 */
#ifndef TRAINER_NN_SIMD_ATTENTION_H
#define TRAINER_NN_SIMD_ATTENTION_H
#include <assert.h>

#include "trainer/nn/kernels_internal.h"
#include "trainer/nn/simd_product.h"

static int lanes_of(const struct tr_head *head)
{
    return (head->queries + VL - 1) / VL * VL;
}

static size_t probs_floats(const struct tr_head *head)
{
    if (head->queries == 1)
        return (size_t)(head->keys + VL - 1) / VL * VL;
    return (size_t)head->keys * lanes_of(head);
}

/* Backward: dO^T, the gradient of the scores. Forward: Q^T. */
static size_t scratch_floats(const struct tr_head *head)
{
    return (size_t)(head->dim + head->keys) * lanes_of(head) + TR_SLACK;
}

/* y (cols, ldy) = x (rows, cols)^T for at most VL rows; lanes behind `rows` become zero. */
INLINE void transpose_rows(struct tr_view x, int rows, int cols, float *y, ptrdiff_t ldy)
{
    for (int c = 0; c < cols; c += VL) {
        const int n = cols - c < VL ? cols - c : VL;
        vf r[VL];
        UNROLL for (int i = 0; i < VL; i++) r[i] =
            i < rows ? load_some(x.at + i * x.ld + c, n) : SET1(0.0F);
        transpose(r);
        if (n == VL) {
            UNROLL for (int i = 0; i < VL; i++) STORE(y + (c + i) * ldy, r[i]);
        } else {
            for (int i = 0; i < n; i++)
                STORE(y + (c + i) * ldy, r[i]);
        }
    }
}

static void transpose_matrix(struct tr_view x, int rows, int cols, float *y, ptrdiff_t ldy)
{
    for (int r = 0; r < rows; r += VL, x.at += VL * x.ld)
        transpose_rows(x, rows - r, cols, y + r, ldy);
}

/* Columns are taken four vectors at a time where there are so many: a single one would wait for
 * each addition of its sums. */
INLINE void softmax_some(float *s, int keys, ptrdiff_t lanes, float c, const int width)
{
    vf top[4], sum[4];

    UNROLL for (int v = 0; v < width; v++)
    {
        top[v] = LOAD(s + v * VL);
        sum[v] = SET1(0.0F);
    }
    for (int j = 1; j < keys; j++)
        UNROLL for (int v = 0; v < width; v++) top[v] = VMAX(top[v], LOAD(s + j * lanes + v * VL));
    UNROLL for (int v = 0; v < width; v++) top[v] *= SET1(c);
    for (int j = 0; j < keys; j++)
        UNROLL for (int v = 0; v < width; v++)
        {
            float *at = s + j * lanes + v * VL;
            const vf e = exp2_lanes(LOAD(at) * SET1(c) - top[v]);
            sum[v] += e;
            STORE(at, e);
        }
    UNROLL for (int v = 0; v < width; v++) sum[v] = SET1(1.0F) / sum[v];
    for (int j = 0; j < keys; j++)
        UNROLL for (int v = 0; v < width; v++)
        {
            float *at = s + j * lanes + v * VL;
            STORE(at, LOAD(at) * sum[v]);
        }
}

/* Down each column: s = 2^(c (s - max)) / sum. */
static void softmax_columns(float *s, int keys, ptrdiff_t lanes, float c)
{
    ptrdiff_t l = 0;
    for (; l + 4 * VL <= lanes; l += 4 * VL)
        softmax_some(s + l, keys, lanes, c, 4);
    for (; l < lanes; l += VL)
        softmax_some(s + l, keys, lanes, c, 1);
}

INLINE void softmax_some_back(const float *p, float *ds, int keys, ptrdiff_t lanes, float scale,
                              const int width)
{
    vf sum[4];

    UNROLL for (int v = 0; v < width; v++) sum[v] = SET1(0.0F);
    for (int j = 0; j < keys; j++)
        UNROLL for (int v = 0; v < width; v++) sum[v] +=
            LOAD(p + j * lanes + v * VL) * LOAD(ds + j * lanes + v * VL);
    UNROLL for (int v = 0; v < width; v++) sum[v] *= SET1(scale);
    for (int j = 0; j < keys; j++)
        UNROLL for (int v = 0; v < width; v++)
        {
            float *at = ds + j * lanes + v * VL;
            STORE(at, LOAD(p + j * lanes + v * VL) * (LOAD(at) * SET1(scale) - sum[v]));
        }
}

/* dS = scale P (dP - sum over keys of P dP), in place of dP. */
static void softmax_columns_back(const float *p, float *ds, int keys, ptrdiff_t lanes, float scale)
{
    ptrdiff_t l = 0;
    for (; l + 4 * VL <= lanes; l += 4 * VL)
        softmax_some_back(p + l, ds + l, keys, lanes, scale, 4);
    for (; l < lanes; l += VL)
        softmax_some_back(p + l, ds + l, keys, lanes, scale, 1);
}

/* c (m,n) = a (m,k) b (k,n), with a's strides given and b's rows in place; size m, n, k. */
static void multiply_rows(struct tr_view a, ptrdiff_t a_col, struct tr_view b, struct tr_out c,
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
                              .k = size[2]};
    multiply(&p);
}

/* --- one query --- */

/* s[j] = row j of x . q. Rows are multiplied a vector's number at a time and summed after a
 * transpose; the last rows stand in for those that are missing. */
static void dot_rows(struct tr_view x, int rows, int dim, const float *q, float *s)
{
    for (int j = 0; j < rows; j += VL) {
        const float *at[VL];
        vf r[VL];
        UNROLL for (int i = 0; i < VL; i++)
        {
            at[i] = x.at + (j + i < rows ? j + i : rows - 1) * x.ld;
            r[i] = SET1(0.0F);
        }
        int c = 0;
        for (; c + VL <= dim; c += VL)
            UNROLL for (int i = 0; i < VL; i++) r[i] += LOAD(at[i] + c) * LOAD(q + c);
        if (c < dim)
            UNROLL for (int i = 0; i < VL; i++) r[i] +=
                load_first(at[i] + c, dim - c) * load_first(q + c, dim - c);
        transpose(r);
        for (int step = 1; step < VL; step *= 2)
            UNROLL for (int i = 0; i + step < VL; i += 2 * step) r[i] += r[i + step];
        store_some(s + j, r[0], rows - j);
    }
}

/* y = sum over j of w[j] x row j */
static void weigh_rows(const float *w, struct tr_view x, int rows, int cols, float *y)
{
    for (int c = 0; c < cols; c += VL) {
        const int n = cols - c;
        const float *at = x.at + c;
        vf sum[4] = {SET1(0.0F), SET1(0.0F), SET1(0.0F), SET1(0.0F)};
        int j = 0;
        for (; j + 4 <= rows; j += 4, at += 4 * x.ld)
            UNROLL for (int i = 0; i < 4; i++) sum[i] += SET1(w[j + i]) * LOAD(at + i * x.ld);
        for (; j < rows; j++, at += x.ld)
            sum[0] += SET1(w[j]) * LOAD(at);
        store_some(y + c, sum[0] + sum[1] + (sum[2] + sum[3]), n);
    }
}

/* y row j = w[j] x */
static void outer_rows(const float *w, const float *x, int rows, int cols, struct tr_out y)
{
    for (int c = 0; c < cols; c += VL) {
        const int n = cols - c;
        const vf v = load_some(x + c, n);
        for (int j = 0; j < rows; j++)
            store_some(y.at + j * y.ld + c, SET1(w[j]) * v, n);
    }
}

/* q, context (dim), k, v (keys,dim), probs (keys) and lanes behind them */
static void attention_one(const struct tr_head *head, const float *q, struct tr_view k,
                          struct tr_view v, float *probs, float *context)
{
    const int keys = head->keys, lanes = (keys + VL - 1) / VL * VL;
    const vf c = SET1(head->scale * 1.44269504F);
    vf top, sum = SET1(0.0F);

    STORE(probs + lanes - VL, SET1(-1e38F)); /* behind the last key: no weight */
    dot_rows(k, keys, head->dim, q, probs);
    top = LOAD(probs);
    for (int j = VL; j < lanes; j += VL)
        top = VMAX(top, LOAD(probs + j));
    top = SET1(lanes_max(top)) * c;
    for (int j = 0; j < lanes; j += VL) {
        const vf e = exp2_lanes(LOAD(probs + j) * c - top);
        sum += e;
        STORE(probs + j, e);
    }
    sum = SET1(1.0F / lanes_sum(sum));
    for (int j = 0; j < lanes; j += VL)
        STORE(probs + j, LOAD(probs + j) * sum);
    weigh_rows(probs, v, keys, head->dim, context);
}

/* q, dq, dcontext (dim), k, v, dk, dv (keys,dim), probs, ds (keys) */
static void attention_one_back(const struct tr_head *head, const struct tr_view qkv[3],
                               const float *probs, const float *dcontext,
                               const struct tr_out dqkv[3], float *ds)
{
    const int keys = head->keys;
    vf sum = SET1(0.0F);

    dot_rows(qkv[2], keys, head->dim, dcontext, ds);
    for (int j = 0; j < keys; j += VL)
        sum += load_some(probs + j, keys - j) * load_some(ds + j, keys - j);
    sum = SET1(lanes_sum(sum));
    for (int j = 0; j < keys; j += VL) {
        const vf gap = load_some(ds + j, keys - j) - sum;
        store_some(ds + j, load_some(probs + j, keys - j) * SET1(head->scale) * gap, keys - j);
    }
    outer_rows(probs, dcontext, keys, head->dim, dqkv[2]);
    outer_rows(ds, qkv[0].at, keys, head->dim, dqkv[1]);
    weigh_rows(ds, qkv[1], keys, head->dim, dqkv[0].at);
}

/* --- all queries --- */

/* s^T (nk,lanes) of as many queries as keys: where the key comes later than the query. */
static void fill_future(float *s, int keys, ptrdiff_t lanes, float value)
{
    for (ptrdiff_t j = 1; j < keys; j++)
        for (ptrdiff_t i = 0; i < j; i++)
            s[j * lanes + i] = value;
}

/* q, context (nq,dim), k, v (nk,dim); scratch: q^T (dim,lanes); probs^T (nk,lanes) */
static void attention(const struct tr_head *head, struct tr_view q, struct tr_view k,
                      struct tr_view v, float *probs, struct tr_out context, float *scratch)
{
    const int lanes = lanes_of(head), nq = head->queries, nk = head->keys, dim = head->dim;
    const struct tr_out scores = {probs, lanes};

    assert(nq > 0 && nk > 0 && q.ld >= dim && k.ld >= dim && v.ld >= dim && context.ld >= dim);
    assert(!head->causal || nq == 1 || nq == nk);
    if (nq == 1) {
        attention_one(head, q.at, k, v, probs, context.at);
        return;
    }
    transpose_matrix(q, nq, dim, scratch, lanes);
    multiply_rows(k, 1, (struct tr_view){scratch, lanes}, scores, (int[]){nk, lanes, dim});
    if (head->causal)
        fill_future(probs, nk, lanes, -1e38F);
    softmax_columns(probs, nk, lanes, head->scale * 1.44269504F);
    if (head->causal)
        fill_future(probs, nk, lanes, 0);
    multiply_rows((struct tr_view){probs, 1}, lanes, v, context, (int[]){nq, dim, nk});
}

/* q, dq, dcontext (nq,dim), k, v, dk, dv (nk,dim); probs^T, ds^T (nk,lanes); scratch: dcontext^T
 * (dim,lanes), then ds^T */
static void attention_back(const struct tr_head *head, const struct tr_view qkv[3],
                           const float *probs, struct tr_view dcontext, const struct tr_out dqkv[3],
                           float *scratch)
{
    const int lanes = lanes_of(head), nq = head->queries, nk = head->keys, dim = head->dim;
    const struct tr_out ds = {scratch + (ptrdiff_t)dim * lanes, lanes};

    if (nq == 1) {
        attention_one_back(head, qkv, probs, dcontext.at, dqkv, scratch);
        return;
    }
    transpose_matrix(dcontext, nq, dim, scratch, lanes);
    multiply_rows(qkv[2], 1, (struct tr_view){scratch, lanes}, ds, (int[]){nk, lanes, dim});
    softmax_columns_back(probs, ds.at, nk, lanes, head->scale);
    multiply_rows((struct tr_view){probs, lanes}, 1, dcontext, dqkv[2], (int[]){nk, dim, nq});
    multiply_rows((struct tr_view){ds.at, 1}, lanes, qkv[1], dqkv[0], (int[]){nq, dim, nk});
    multiply_rows(tr_seen(ds), 1, qkv[0], dqkv[1], (int[]){nk, dim, nq});
}
#endif
