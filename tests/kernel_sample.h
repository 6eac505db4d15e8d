/* tests/kernel_sample.h -- the kernel sets of this machine, and matrices with padded rows. */
#ifndef TESTS_KERNEL_SAMPLE_H
#define TESTS_KERNEL_SAMPLE_H
#include "support.h"

#include "trainer/net/student.h"
#include "trainer/nn/kernels_internal.h"

static const struct tr_kernels *plain, *wide[2];
static int wide_count;

static inline int find_sets(void **state)
{
    (void)state;
    plain = tr_kernels_by_name("plain");
    for (int i = 3; i <= 4; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(i == 3 ? "v3" : "v4");
        if (k)
            wide[wide_count++] = k;
    }
    return plain ? 0 : -1;
}

/* A matrix whose rows are wider than what is used; what is not used must stay as it was. */
struct matrix {
    int rows, cols;
    ptrdiff_t ld;
    float *at, *before;
};

static inline struct matrix matrix_new(int rows, int cols, uint64_t seed)
{
    struct matrix m = {rows, cols, cols + 3, NULL, NULL};
    const size_t n = (size_t)(rows * m.ld) + TR_SLACK;
    m.at = malloc(n * sizeof(float));
    m.before = malloc(n * sizeof(float));
    fill_uniform(m.at, n, seed);
    memcpy(m.before, m.at, n * sizeof(float));
    return m;
}

static inline void matrix_free(struct matrix *m)
{
    free(m->at);
    free(m->before);
}

static inline struct tr_view view(const struct matrix *m)
{
    return (struct tr_view){m->at, m->ld};
}

static inline struct tr_out out(const struct matrix *m)
{
    return (struct tr_out){m->at, m->ld};
}

struct layer {
    struct tr_linear linear;
    float *weight, *bias, *packed;
};

static inline struct layer layer_new(const struct tr_kernels *k, int out_count, int in)
{
    struct layer l;
    const size_t forward = k->packed_floats(in, out_count);
    const size_t n = (size_t)out_count * in;
    l.weight = malloc(n * sizeof(float));
    l.bias = malloc((size_t)out_count * sizeof(float));
    l.packed = malloc((forward + k->packed_floats(out_count, in) + 1) * sizeof(float));
    fill_uniform(l.weight, n, 21);
    fill_uniform(l.bias, (size_t)out_count, 22);
    k->pack(l.weight, out_count, in, l.packed, l.packed + forward);
    l.linear = (struct tr_linear){.in = in,
                                  .out = out_count,
                                  .weight = l.weight,
                                  .bias = l.bias,
                                  .forward = l.packed,
                                  .backward = l.packed + forward};
    return l;
}

static inline void layer_free(struct layer *l)
{
    free(l->weight);
    free(l->bias);
    free(l->packed);
}

static inline struct tr_head head_of(int queries, int keys, int dim)
{
    return (struct tr_head){
        .queries = queries, .keys = keys, .dim = dim, .scale = 1.0F / sqrtf((float)dim)};
}

struct attention_run {
    struct matrix qkv[3], context, dcontext, dqkv[3];
    float *probs, *scratch;
};

static inline struct attention_run attention_run(const struct tr_kernels *k,
                                                 const struct tr_head *head, float size)
{
    struct attention_run a;
    for (unsigned i = 0; i < 3; i++) {
        a.qkv[i] = matrix_new(i ? head->keys : head->queries, head->dim, 30 + i);
        for (ptrdiff_t j = 0; j < a.qkv[i].rows * a.qkv[i].ld; j++)
            a.qkv[i].at[j] *= i < 2 ? size : 1.0F;
        a.dqkv[i] = matrix_new(a.qkv[i].rows, head->dim, 40 + i);
    }
    a.context = matrix_new(head->queries, head->dim, 50);
    a.dcontext = matrix_new(head->queries, head->dim, 51);
    a.probs = malloc((k->probs_floats(head) + 1) * sizeof(float));
    a.scratch = malloc((k->scratch_floats(head) + 1) * sizeof(float));
    k->attention(head, view(&a.qkv[0]), view(&a.qkv[1]), view(&a.qkv[2]), a.probs, out(&a.context),
                 a.scratch);
    const struct tr_view in[3] = {view(&a.qkv[0]), view(&a.qkv[1]), view(&a.qkv[2])};
    const struct tr_out to[3] = {out(&a.dqkv[0]), out(&a.dqkv[1]), out(&a.dqkv[2])};
    k->attention_back(head, in, a.probs, view(&a.dcontext), to, a.scratch);
    return a;
}

static inline void attention_free(struct attention_run *a)
{
    for (int i = 0; i < 3; i++)
        matrix_free(&a->qkv[i]), matrix_free(&a->dqkv[i]);
    matrix_free(&a->context), matrix_free(&a->dcontext);
    free(a->probs);
    free(a->scratch);
}

struct norm_run {
    struct matrix x, y, dy, dx;
    float gamma[80], beta[80], dgamma[80], dbeta[80], stats[2 * 80];
};

static inline struct norm_run norm_run(const struct tr_kernels *k, int rows, int cols)
{
    struct norm_run n = {.x = matrix_new(rows, cols, 60),
                         .y = matrix_new(rows, cols, 61),
                         .dy = matrix_new(rows, cols, 62),
                         .dx = matrix_new(rows, cols, 63)};
    for (ptrdiff_t i = 0; i < rows * n.x.ld; i++)
        n.x.at[i] = 3.0F * n.x.at[i] + 5.0F; /* a mean that is not small against the deviation */
    fill_uniform(n.gamma, 80, 64);
    fill_uniform(n.beta, 80, 65);
    fill_uniform(n.dgamma, 80, 66);
    fill_uniform(n.dbeta, 80, 67);
    k->norm(rows, cols, TR_NORM_EPS, view(&n.x), n.gamma, n.beta, out(&n.y), n.stats);
    k->norm_back(rows, cols, view(&n.x), n.stats, view(&n.dy), n.gamma, n.dgamma, n.dbeta,
                 out(&n.dx));
    return n;
}

static inline void norm_free(struct norm_run *n)
{
    matrix_free(&n->x), matrix_free(&n->y), matrix_free(&n->dy), matrix_free(&n->dx);
}
#endif
