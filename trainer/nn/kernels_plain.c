/* trainer/nn/kernels_plain.c -- the kernel set of any machine, and the reference of the others.
 *
 * Matrix products go to OpenBLAS, on one thread (openblas.c sees to it); everything else
 * is the formula as plain loops. Scores are (queries,keys) here, one row a query.
 */
#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "trainer/nn/kernels_internal.h"
#include "trainer/nn/quantise.h"

size_t tr__openblas_packed_floats(int rows, int cols)
{
    (void)rows, (void)cols;
    return 0;
}

void tr__openblas_pack(const float *weight, int out, int in, float *forward, float *backward)
{
    (void)weight, (void)out, (void)in, (void)forward, (void)backward;
}

/* x (rows,in), W (out,in), bias (out), residual, y (rows,out) */
void tr__openblas_linear(const struct tr_linear *layer, int rows, struct tr_view x,
                         struct tr_view residual, struct tr_out y)
{
    assert(rows > 0 && x.ld >= layer->in && y.ld >= layer->out);
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int o = 0; o < layer->out; o++)
            y.at[r * y.ld + o] =
                layer->bias[o] + (residual.at ? residual.at[r * residual.ld + o] : 0.0F);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, layer->out, layer->in, 1.0F, x.at,
                (int)x.ld, layer->weight, layer->in, 1.0F, y.at, (int)y.ld);
}

/* dy (rows,out), W (out,in), factor, dx (rows,in) */
void tr__openblas_linear_dx(const struct tr_linear *layer, int rows, struct tr_view dy,
                            struct tr_view factor, bool add, struct tr_out dx)
{
    assert(rows > 0 && dy.ld >= layer->out && dx.ld >= layer->in);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, layer->in, layer->out, 1.0F, dy.at,
                (int)dy.ld, layer->weight, layer->in, add ? 1.0F : 0.0F, dx.at, (int)dx.ld);
    if (factor.at)
        for (ptrdiff_t r = 0; r < rows; r++)
            for (int i = 0; i < layer->in; i++)
                dx.at[r * dx.ld + i] *= factor.at[r * factor.ld + i];
}

static void add_column_sums(int rows, int cols, struct tr_view x, float *sums)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            sums[c] += x.at[r * x.ld + c];
}

static void add_rows(int rows, int cols, struct tr_view x, struct tr_out y)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            y.at[r * y.ld + c] += x.at[r * x.ld + c];
}

/* dy (rows,out), x (rows,in), dweight (out,in), dbias (out) */
void tr__openblas_linear_dw(const struct tr_linear *layer, int rows, struct tr_view dy,
                            struct tr_view x, float *dweight, float *dbias)
{
    assert(rows > 0 && dy.ld >= layer->out && x.ld >= layer->in);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, layer->out, layer->in, rows, 1.0F, dy.at,
                (int)dy.ld, x.at, (int)x.ld, 1.0F, dweight, layer->in);
    add_column_sums(rows, layer->out, dy, dbias);
}

/* --- attention --- */

static size_t scores_floats(const struct tr_head *head)
{
    return (size_t)head->queries * head->keys;
}

static float top_of(const float *s, int n)
{
    float top = s[0];
    for (int j = 1; j < n; j++)
        top = fmaxf(top, s[j]);
    return top;
}

static void softmax_row(float *s, int n)
{
    const float top = top_of(s, n);
    float sum = 0;
    for (int j = 0; j < n; j++)
        sum += s[j] = expf(s[j] - top);
    for (int j = 0; j < n; j++)
        s[j] /= sum;
}

static double softmax(int n, float scale, const float *x, float *p)
{
    const float top = top_of(x, n);
    double sum = 0;

    assert(n >= 1 && scale > 0);
    for (int c = 0; c < n; c++)
        sum += (double)(p[c] = expf((x[c] - top) * scale));
    const float inverse = (float)(1 / sum);
    for (int c = 0; c < n; c++)
        p[c] *= inverse;
    return (double)top * scale + log(sum);
}

/* q (nq,dim), k, v (nk,dim), probs (nq,nk), context (nq,dim) */
static void attention(const struct tr_head *head, struct tr_view q, struct tr_view k,
                      struct tr_view v, float *probs, struct tr_out context, float *scratch)
{
    const int nq = head->queries, nk = head->keys, dim = head->dim;
    (void)scratch;

    assert(nq > 0 && nk > 0 && probs && (!head->causal || nq == 1 || nq == nk));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, nq, nk, dim, head->scale, q.at, (int)q.ld,
                k.at, (int)k.ld, 0.0F, probs, nk);
    for (int i = 0; i < nq; i++) {
        const int seen = head->causal && nq > 1 ? i + 1 : nk;
        softmax_row(probs + (ptrdiff_t)i * nk, seen);
        for (int j = seen; j < nk; j++)
            probs[(ptrdiff_t)i * nk + j] = 0;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, nq, dim, nk, 1.0F, probs, nk, v.at,
                (int)v.ld, 0.0F, context.at, (int)context.ld);
}

/* q, dq, dcontext (nq,dim), k, v, dk, dv (nk,dim), probs, ds (nq,nk) */
static void attention_back(const struct tr_head *head, const struct tr_view qkv[3],
                           const float *probs, struct tr_view dcontext, const struct tr_out dqkv[3],
                           float *scratch)
{
    const int nq = head->queries, nk = head->keys, dim = head->dim;
    const float scale = head->scale;
    float *ds = scratch;

    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, nq, nk, dim, 1.0F, dcontext.at,
                (int)dcontext.ld, qkv[2].at, (int)qkv[2].ld, 0.0F, ds, nk);
    for (int i = 0; i < nq; i++) {
        const float *p = probs + (ptrdiff_t)i * nk;
        float *row = ds + (ptrdiff_t)i * nk, sum = 0;
        for (int j = 0; j < nk; j++)
            sum += p[j] * row[j];
        for (int j = 0; j < nk; j++)
            row[j] = p[j] * (row[j] - sum);
    }
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, nk, dim, nq, 1.0F, probs, nk, dcontext.at,
                (int)dcontext.ld, 0.0F, dqkv[2].at, (int)dqkv[2].ld);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, nq, dim, nk, scale, ds, nk, qkv[1].at,
                (int)qkv[1].ld, 0.0F, dqkv[0].at, (int)dqkv[0].ld);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, nk, dim, nq, scale, ds, nk, qkv[0].at,
                (int)qkv[0].ld, 0.0F, dqkv[1].at, (int)dqkv[1].ld);
}

/* --- tables and the losses on them --- */

/* q (queries,dim), k (keys,dim), table (queries,keys) */
static void scores(const struct tr_head *head, struct tr_view q, struct tr_view k,
                   struct tr_out table, float *scratch)
{
    (void)scratch;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, head->queries, head->keys, head->dim,
                head->scale, q.at, (int)q.ld, k.at, (int)k.ld, 0.0F, table.at, (int)table.ld);
}

/* dtable (queries,keys), q, dq (queries,dim), k, dk (keys,dim) */
static void scores_back(const struct tr_head *head, struct tr_view dtable, struct tr_view q,
                        struct tr_view k, struct tr_out dq, struct tr_out dk)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, head->queries, head->dim, head->keys,
                1.0F, dtable.at, (int)dtable.ld, k.at, (int)k.ld, 1.0F, dq.at, (int)dq.ld);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, head->keys, head->dim, head->queries, 1.0F,
                dtable.at, (int)dtable.ld, q.at, (int)q.ld, 1.0F, dk.at, (int)dk.ld);
}

static double mse_row(int n, float *s, const float *t, float scale)
{
    double loss = 0;
    for (int j = 0; j < n; j++) {
        const float gap = s[j] - t[j];
        loss += (double)gap * gap;
        s[j] = 2 * scale * gap;
    }
    return loss;
}

static double cosine_row(int n, float *s, const float *t, float scale)
{
    double ss = 0, tt = 0, st = 0;
    for (int j = 0; j < n; j++) {
        ss += (double)s[j] * s[j];
        tt += (double)t[j] * t[j];
        st += (double)s[j] * t[j];
    }
    const double norms = sqrt(ss * tt), cosine = norms > 0 ? st / norms : 0;
    for (int j = 0; j < n; j++)
        s[j] = norms > 0 ? scale * (float)(cosine * s[j] / ss - t[j] / norms) : 0;
    return 1 - cosine;
}

static double probs_row(int n, float *s, float *t, float scale)
{
    double loss = 0, along = 0;
    softmax_row(s, n);
    softmax_row(t, n);
    for (int j = 0; j < n; j++) {
        const double gap = (double)s[j] - t[j];
        loss += gap * gap;
        along += 2 * gap * s[j];
    }
    for (int j = 0; j < n; j++)
        s[j] = scale * s[j] * (float)(2 * ((double)s[j] - t[j]) - along);
    return loss;
}

/* KL(softmax t || softmax s) = sum of p (t - s) + log of both sums. */
static double kl_row(int n, float *s, float *t, float scale)
{
    const float tops = top_of(s, n), topt = top_of(t, n);
    double sums = 0, sumt = 0, along = 0;
    for (int j = 0; j < n; j++) {
        const double es = exp((double)s[j] - tops), et = exp((double)t[j] - topt);
        sums += es;
        sumt += et;
        along += et * ((double)t[j] - s[j]);
    }
    const double loss = along / sumt + tops + log(sums) - topt - log(sumt);
    softmax_row(s, n);
    softmax_row(t, n);
    for (int j = 0; j < n; j++)
        s[j] = scale * (s[j] - t[j]);
    return loss;
}

/* student, teacher (rows,cols) */
static double pair_loss(enum tr_pair_loss kind, int rows, int cols, struct tr_out student,
                        struct tr_out teacher, float scale)
{
    double loss = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
        float *s = student.at + r * student.ld, *t = teacher.at + r * teacher.ld;
        switch (kind) {
        case TR_PAIR_MSE: loss += mse_row(cols, s, t, scale); break;
        case TR_PAIR_COSINE: loss += cosine_row(cols, s, t, scale); break;
        case TR_PAIR_PROBS: loss += probs_row(cols, s, t, scale); break;
        case TR_PAIR_KL: loss += kl_row(cols, s, t, scale); break;
        }
    }
    return loss;
}

/* --- rows and elements --- */

/* x, y (rows,cols), gamma, beta (cols), stats (rows,2) */
static void norm(int rows, int cols, float eps, struct tr_view x, const float *gamma,
                 const float *beta, struct tr_out y, float *stats)
{
    assert(rows > 0 && cols > 0 && x.ld >= cols && y.ld >= cols);
    for (ptrdiff_t r = 0; r < rows; r++) {
        const float *in = x.at + r * x.ld;
        float mean = 0, variance = 0;
        for (int c = 0; c < cols; c++)
            mean += in[c];
        mean /= (float)cols;
        for (int c = 0; c < cols; c++)
            variance += (in[c] - mean) * (in[c] - mean);
        const float rstd = 1.0F / sqrtf(variance / (float)cols + eps);
        for (int c = 0; c < cols; c++)
            y.at[r * y.ld + c] = (in[c] - mean) * rstd * gamma[c] + beta[c];
        if (stats) {
            stats[2 * r] = mean;
            stats[2 * r + 1] = rstd;
        }
    }
}

/* x, dy, dx (rows,cols), stats (rows,2), gamma, dgamma, dbeta (cols) */
static void norm_back(int rows, int cols, struct tr_view x, const float *stats, struct tr_view dy,
                      const float *gamma, float *dgamma, float *dbeta, struct tr_out dx)
{
    assert(rows > 0 && stats && x.ld >= cols && dy.ld >= cols && dx.ld >= cols);
    for (ptrdiff_t r = 0; r < rows; r++) {
        const float *in = x.at + r * x.ld, *g = dy.at + r * dy.ld;
        const float mean = stats[2 * r], rstd = stats[2 * r + 1];
        float a = 0, b = 0; /* means of dy gamma, dy gamma xhat */
        for (int c = 0; c < cols; c++) {
            a += g[c] * gamma[c] / (float)cols;
            b += g[c] * gamma[c] * (in[c] - mean) * rstd / (float)cols;
        }
        for (int c = 0; c < cols; c++) {
            const float unit = (in[c] - mean) * rstd;
            dgamma[c] += g[c] * unit;
            dbeta[c] += g[c];
            dx.at[r * dx.ld + c] += (g[c] * gamma[c] - a - unit * b) * rstd;
        }
    }
}

static void gelu(size_t n, float *u, float *slope)
{
    for (size_t i = 0; i < n; i++) {
        const float x = u[i], phi = 0.5F * erfcf(-0.70710678F * x);
        u[i] = x * phi;
        if (slope)
            slope[i] = phi + x * 0.39894228F * expf(-0.5F * x * x);
    }
}

/* u becomes its activation; the derivative is returned. */
static float activate_one(enum tr_activate kind, float *u)
{
    const float x = *u;

    if (kind == TR_ACTIVATE_RELU) {
        *u = x > 0 ? x : 0;
        return x > 0 ? 1.0F : 0.0F;
    }
    if (kind == TR_ACTIVATE_TANH) {
        *u = tanhf(x);
        return 1 - *u * *u;
    }
    const float z = 0.79788456F * (x + 0.044715F * x * x * x), s = 1 / (1 + expf(-2 * z));
    *u = x * s;
    return s + x * s * (1 - s) * 2 * 0.79788456F * (1 + 3 * 0.044715F * x * x);
}

static void activate(enum tr_activate kind, size_t n, float *u, float *slope)
{
    for (size_t i = 0; i < n; i++) {
        const float d = activate_one(kind, u + i);
        if (slope)
            slope[i] = d;
    }
}

static void adamw(size_t n, const struct tr_adamw_rates *rates, float *w, float *g, float *m,
                  float *v)
{
    for (size_t i = 0; i < n; i++) {
        const float grad = g[i] * rates->scale;
        m[i] = rates->beta1 * m[i] + (1 - rates->beta1) * grad;
        v[i] = rates->beta2 * v[i] + (1 - rates->beta2) * grad * grad;
        w[i] =
            rates->shrink * w[i] - rates->rate * m[i] / (sqrtf(v[i] * rates->second) + rates->eps);
        g[i] = 0;
    }
}

static double sum_squares(size_t n, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

/* --- int8 --- */

static float largest(int rows, int cols, struct tr_view x)
{
    float top = 0;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            const float v = fabsf(x.at[r * x.ld + c]);
            if (!isfinite(v))
                return NAN;
            top = fmaxf(top, v);
        }
    return top;
}

static void fake_quant(int rows, int cols, float scale, struct tr_out x, unsigned char *pass)
{
    const ptrdiff_t bytes = (cols + TR_PAD - 1) / TR_PAD * TR_PAD / 8;

    for (ptrdiff_t r = 0; r < rows; r++) {
        float *row = x.at + r * x.ld;
        if (pass)
            memset(pass + r * bytes, 0, (size_t)bytes);
        for (int c = 0; c < cols; c++) {
            unsigned char through;
            tr_fake_quant(row + c, 1, scale, TR_QUANT_SIGNED, row + c, &through);
            if (pass)
                pass[r * bytes + c / 8] |= (unsigned char)(through << c % 8);
        }
    }
}

static void fake_quant_back(int rows, int cols, const unsigned char *pass, struct tr_out dx)
{
    const ptrdiff_t bytes = (cols + TR_PAD - 1) / TR_PAD * TR_PAD / 8;

    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            if (!(pass[r * bytes + c / 8] >> c % 8 & 1))
                dx.at[r * dx.ld + c] = 0;
}

/* --- the limit --- */

/* Enough chains that none waits for its last result. */
static double multiply_add(void)
{
    typedef float four __attribute__((vector_size(16)));
    enum { rounds = 100000, chains = 12 };
    const four x = {.5F, .5F, .5F, .5F};
    four sum[chains] = {0};

    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < chains; i++)
            sum[i] = sum[i] * x + x;
    for (int i = 0; i < chains; i++)
        __asm__ volatile("" ::"m"(sum[i]));
    return 2.0 * rounds * chains * 4;
}

#define MEMBERS                                                                                    \
    .packed_floats = tr__openblas_packed_floats, .pack = tr__openblas_pack,                        \
    .linear_dx = tr__openblas_linear_dx, .linear_dw = tr__openblas_linear_dw,                      \
    .probs_floats = scores_floats, .scratch_floats = scores_floats, .attention = attention,        \
    .attention_back = attention_back, .scores = scores, .scores_back = scores_back,                \
    .pair_loss = pair_loss, .norm = norm, .norm_back = norm_back, .gelu = gelu,                    \
    .activate = activate, .softmax = softmax, .add_column_sums = add_column_sums,                  \
    .add_rows = add_rows, .largest = largest, .fake_quant = fake_quant,                            \
    .fake_quant_back = fake_quant_back, .adamw = adamw, .sum_squares = sum_squares,                \
    .multiply_add = multiply_add

const struct tr_kernels tr__kernels_plain = {
    .name = "plain", .linear = tr__openblas_linear, MEMBERS};
const struct tr_kernels tr__kernels_integer = {
    .name = "integer", .linear = tr__integer_linear, MEMBERS};
