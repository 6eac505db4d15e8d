/* trainer/nn/kernels_internal.h -- the table behind trainer/nn/kernels.h: one contract, three sets.
 *
 * Rows     activations are row-major; a struct tr_view names the first element and the distance
 *          `ld` in floats between rows, so a strided choice of rows (the class tokens) is a view
 *          as well. Buffers that the sets read as vectors must go on for TR_SLACK floats behind
 *          the last row; what lies there and between a row's end and the next row is never used
 *          for a result, and never written.
 * Linear   y = x W^T + bias (+ residual), W (out,in). `pack` lays W^T (forward) and W (backward)
 *          out as the set likes; sets that need no packing say 0 floats.
 * Attention is for one head of one example: q (queries,dim), k and v (keys,dim), context =
 *          softmax(scale q k^T) v; causal: query i sees keys 0 .. i alone, exactly, with as many
 *          queries as keys, or one query that sees all. What the backward needs of the softmax is
 *          kept in `probs`, whose layout is the set's own.
 * Norm     y = (x - mean) rstd gamma + beta over each row, rstd = 1/sqrt(variance + eps); stats
 *          holds mean, rstd per row.
 * OpenBLAS is what the plain set multiplies with. Beside v3 and v4 stand variants whose linear layers
 *          are OpenBLAS's and all else their own, for shapes and machines where it is faster.
 * GELU     exact: u Phi(u); the derivative Phi(u) + u phi(u) is written in the same pass. Other
 *          activations likewise: u s(2z) with z = sqrt(2/pi) (u + .044715 u^3) (s the logistic
 *          function; the GELU of GPT-2), max(u,0), tanh(u).
 * Tables   (queries,keys) of one head, for losses between layers; row-major with rows padded to
 *          TR_PAD. A loss is in place: the student's values become the gradient by them.
 * Int8     formulas in quantise.h, for signed activations, half to even, the same bits in
 *          all sets. `pass` has a bit a value, the lowest first, rows padded to TR_PAD bits.
 * Threads  pure functions of their arguments; scratch is the caller's.
 */
#ifndef TRAINER_NN_KERNELS_INTERNAL_H
#define TRAINER_NN_KERNELS_INTERNAL_H
#include <stdbool.h>
#include <stddef.h>

#include "trainer/nn/kernels.h"

#define TR_PAD 16   /* floats that rows of activations are padded to: one cache line */
#define TR_SLACK 32 /* floats that may be read behind a buffer: two of the widest vectors */

struct tr_view {
    const float *at;
    ptrdiff_t ld;
};

struct tr_out {
    float *at;
    ptrdiff_t ld;
};

static inline struct tr_view tr_seen(struct tr_out m)
{
    return (struct tr_view){m.at, m.ld};
}

struct tr_linear {
    int in, out;
    const float *weight, *bias;      /* (out,in) and (out) in the flat vector */
    const float *forward, *backward; /* packed; NULL for sets that do not pack */
    const float *weight_scale;       /* (out), of an int8 network; else NULL */
    float input_scale;               /* likewise */
};

struct tr_head {
    int queries, keys, dim;
    float scale; /* of the scores: 1/sqrt(dim) */
    bool causal;
};

enum tr_activate { TR_ACTIVATE_GELU_TANH, TR_ACTIVATE_RELU, TR_ACTIVATE_TANH };

struct tr_adamw_rates {
    float beta1, beta2, eps;
    float scale;  /* of the gradients */
    float rate;   /* lr / (1 - beta1^t) */
    float second; /* 1 / (1 - beta2^t) */
    float shrink; /* 1 - lr * decay, or 1 */
};

/* Formulas in distill/layer_loss.h: sums over rows for COSINE and KL, over cells for the others. */
enum tr_pair_loss { TR_PAIR_MSE, TR_PAIR_COSINE, TR_PAIR_PROBS, TR_PAIR_KL };

struct tr_kernels {
    const char *name;
    size_t (*packed_floats)(int rows, int cols); /* of a matrix (rows,cols) as right operand */
    /* forward and backward as in struct tr_linear; backward may be NULL. */
    void (*pack)(const float *weight, int out, int in, float *forward, float *backward);

    /* residual.at may be NULL, and may be y. */
    void (*linear)(const struct tr_linear *layer, int rows, struct tr_view x,
                   struct tr_view residual, struct tr_out y);
    /* dx (=, or += when add) dy W; then, when factor.at is not NULL, times factor elementwise. */
    void (*linear_dx)(const struct tr_linear *layer, int rows, struct tr_view dy,
                      struct tr_view factor, bool add, struct tr_out dx);
    /* dweight += dy^T x, dbias += column sums of dy. */
    void (*linear_dw)(const struct tr_linear *layer, int rows, struct tr_view dy, struct tr_view x,
                      float *dweight, float *dbias);

    size_t (*probs_floats)(const struct tr_head *head);
    size_t (*scratch_floats)(const struct tr_head *head);
    void (*attention)(const struct tr_head *head, struct tr_view q, struct tr_view k,
                      struct tr_view v, float *probs, struct tr_out context, float *scratch);
    /* dq, dk and dv are overwritten. */
    void (*attention_back)(const struct tr_head *head, const struct tr_view qkv[3],
                           const float *probs, struct tr_view dcontext, const struct tr_out dqkv[3],
                           float *scratch);

    /* table = scale q k^T; scratch: scratch_floats of the head. */
    void (*scores)(const struct tr_head *head, struct tr_view q, struct tr_view k,
                   struct tr_out table, float *scratch);
    /* dq += dtable k, dk += dtable^T q, of a table that was not scaled; dq and dk may be one, and q
     * and k. */
    void (*scores_back)(const struct tr_head *head, struct tr_view dtable, struct tr_view q,
                        struct tr_view k, struct tr_out dq, struct tr_out dk);
    /* student becomes scale * the gradient by it, and the teacher's rows are used up by PROBS and
     * KL, which take the softmax of both. Rows are padded to TR_PAD; the padding is overwritten. */
    double (*pair_loss)(enum tr_pair_loss kind, int rows, int cols, struct tr_out student,
                        struct tr_out teacher, float scale);

    /* stats may be NULL. */
    void (*norm)(int rows, int cols, float eps, struct tr_view x, const float *gamma,
                 const float *beta, struct tr_out y, float *stats);
    /* dx += the gradient by x; dgamma and dbeta are added to; params are gamma, dgamma, dbeta. */
    void (*norm_back)(int rows, int cols, struct tr_view x, const float *stats, struct tr_view dy,
                      const float *gamma, float *dgamma, float *dbeta, struct tr_out dx);
    /* u becomes gelu(u), in place; slope may be NULL. */
    void (*gelu)(size_t n, float *u, float *slope);
    void (*activate)(enum tr_activate kind, size_t n, float *u, float *slope);
    /* p = softmax(scale x) of a row, scale > 0; p may be x. Returns ln of the sum of exp(scale x). */
    double (*softmax)(int n, float scale, const float *x, float *p);
    void (*add_column_sums)(int rows, int cols, struct tr_view x, float *sums);
    void (*add_rows)(int rows, int cols, struct tr_view x, struct tr_out y); /* y += x */

    float (*largest)(int rows, int cols, struct tr_view x); /* |x|; NaN when one is not finite */
    /* x becomes x^; pass may be NULL. */
    void (*fake_quant)(int rows, int cols, float scale, struct tr_out x, unsigned char *pass);
    /* dx becomes 0 where pass is. */
    void (*fake_quant_back)(int rows, int cols, const unsigned char *pass, struct tr_out dx);

    void (*adamw)(size_t n, const struct tr_adamw_rates *rates, float *w, float *g, float *m,
                  float *v);
    double (*sum_squares)(size_t n, const float *x);
    /* Multiply-adds on registers alone, for about 0.2 ms: how many FLOPs it did. The time it takes
     * is this processor's limit for the set's vectors. */
    double (*multiply_add)(void);
};

extern const struct tr_kernels tr__kernels_plain;
/* plain, but int8 networks' linear layers run on their codes: int8 products, int32 sums. Inference
 * alone. The other sets compute the same in float, exactly up to the rounding of float sums. */
extern const struct tr_kernels tr__kernels_integer;
#ifdef __x86_64__
extern const struct tr_kernels tr__kernels_v3, tr__kernels_v4;
extern const struct tr_kernels tr__kernels_v3_openblas, tr__kernels_v4_openblas;
#endif

/* By LAPACK's dsyev: the eigenvalues of a symmetric matrix (n,n), of which the upper half is read,
 * ascending, and its eigenvectors in the rows of a. */
rt_status tr__symmetric_eigen(int n, double *a, double *values, struct rt_err *err);

/* Linear layers by OpenBLAS, as in the table. */
/* openblas.c: RT_EIO when there is none. */
rt_status tr__openblas_load(struct rt_err *err);
/* RT_ENOMEM when addresses are limited (ulimit -v) to fewer than its buffers need. */
rt_status tr__openblas_check_room(int threads_at_once, struct rt_err *err);
size_t tr__openblas_packed_floats(int rows, int cols);
void tr__openblas_pack(const float *weight, int out, int in, float *forward, float *backward);
void tr__openblas_linear(const struct tr_linear *layer, int rows, struct tr_view x,
                         struct tr_view residual, struct tr_out y);
/* That of tr__kernels_integer. */
void tr__integer_linear(const struct tr_linear *layer, int rows, struct tr_view x,
                        struct tr_view residual, struct tr_out y);
void tr__openblas_linear_dx(const struct tr_linear *layer, int rows, struct tr_view dy,
                            struct tr_view factor, bool add, struct tr_out dx);
void tr__openblas_linear_dw(const struct tr_linear *layer, int rows, struct tr_view dy,
                            struct tr_view x, float *dweight, float *dbias);
#endif
