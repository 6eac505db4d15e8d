/* trainer/learn/importance.c -- see importance.h.
 *
 * By gradient nothing of the network is opened: a part's activations are read by one matrix alone,
 * and sum w dL/dw over that matrix's columns is sum a dL/da, so the gradient of one example by the
 * weights says it all. Hence micro-batches of one.
 */
#include "trainer/learn/importance.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/distill/prune.h"
#include "trainer/net/student_internal.h"

enum { pass_rows = 16 };

/* --- life --- */

rt_status tr_importance_init(struct tr_importance *scores, const struct space_arch *arch,
                             struct rt_err *err)
{
    size_t room = (size_t)arch->width;
    double *at;

    for (int l = 0; l < arch->depth; l++)
        room += (size_t)arch->heads[l] * (1 + (size_t)arch->head_dim) + (size_t)arch->ffn[l];
    *scores = (struct tr_importance){.arch = *arch, .channel = calloc(room, sizeof(double))};
    if (!scores->channel)
        return rt_fail(err, RT_ENOMEM, "no memory for the importance of a network's parts");
    at = scores->channel + arch->width;
    for (int l = 0; l < arch->depth; l++) {
        scores->head[l] = at;
        scores->context[l] = at += arch->heads[l];
        scores->neuron[l] = at += (ptrdiff_t)arch->heads[l] * arch->head_dim;
        at += arch->ffn[l];
    }
    return RT_OK;
}

void tr_importance_release(struct tr_importance *scores)
{
    free(scores->channel);
    *scores = (struct tr_importance){0};
}

static int ascending(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

rt_status tr_calibration_rows(const struct tr_split *split, uint64_t seed, int count, int **rows,
                              int *n, struct rt_err *err)
{
    const size_t all = (size_t)split->train_count;
    int *drawn = malloc(all * sizeof *drawn);
    struct rt_rng rng;

    if (!drawn)
        return rt_fail(err, RT_ENOMEM, "no memory to draw %d calibration rows", count);
    memcpy(drawn, split->train, all * sizeof *drawn);
    rt_rng_init(&rng, seed, RT_STREAM_CALIBRATION, 0);
    rt_rng_shuffle(&rng, drawn, all);
    *n = count < split->train_count ? count : split->train_count;
    qsort(drawn, (size_t)*n, sizeof *drawn, ascending);
    *rows = drawn;
    return RT_OK;
}

/* --- what one scoring run holds --- */

struct workspace {
    const struct tr_student *network;
    const struct tr_weights *weights;
    const struct tr_data *data;
    struct tr_importance *scores;
    struct tr_pass *pass;
    struct tr_batch batch;
    float *logits, *dlogits, *grads, *rows;
    double *scratch;
    struct tr_distill answer; /* cross-entropy with the ensemble's answer */
};

static int teachers_of(const struct workspace *b)
{
    return b->data->knowledge ? b->data->knowledge->key.teachers : 0;
}

/* Carve everything; a counting arena only measures. */
static rt_status workspace_init(struct workspace *b, int batch, struct rt_arena *arena,
                                struct rt_err *err)
{
    const struct tr_student *n = b->network;
    const struct space_shape *s = &n->shape;
    const int d = n->arch.width, inner = n->plan->max_inner, ffn = n->plan->max_ffn;
    const int widest = inner > ffn ? inner : ffn;
    const size_t c = (size_t)s->classes;

    RT_TRY(tr_batch_init(&b->batch, &b->network->arch, s, batch, arena, err));
    b->logits = rt_arena_alloc(arena, (size_t)batch * c, sizeof *b->logits);
    b->dlogits = rt_arena_alloc(arena, c, sizeof *b->dlogits);
    b->grads = rt_arena_zalloc(arena, n->param_count, sizeof *b->grads);
    b->rows = rt_arena_alloc(arena, (size_t)n->tokens * (widest > d ? widest : d), sizeof *b->rows);
    b->scratch = rt_arena_alloc(arena, tr_distill_scratch((int)c), sizeof *b->scratch);
    return tr_pass_init(&b->pass, n, batch, arena, err);
}

/* --- by activation --- */

/* Rows (rows,cols) of one example, without padding, in b->rows. */
static const float *compact(const struct workspace *b, const float *padded, int rows, int cols)
{
    const ptrdiff_t ld = tr__padded(cols);

    for (ptrdiff_t r = 0; r < rows; r++)
        memcpy(b->rows + r * cols, padded + r * ld, (size_t)cols * sizeof *b->rows);
    return b->rows;
}

/* Of activations (R,cols) or, when `one` row an example was computed, (M,cols). */
static void add_rows(const struct workspace *b, const float *padded, bool one, int cols,
                     double *sum)
{
    const int *start = b->batch.start;

    for (int m = 0; m < b->batch.examples; m++) {
        const ptrdiff_t row = one ? m : start[m];
        const int rows = one ? 1 : start[m + 1] - start[m];
        tr_importance_add(compact(b, padded + row * tr__padded(cols), rows, cols), 1, rows, cols,
                          sum);
    }
}

/* Of x (R,d) and out (R,d) or, pruned, the pooled rows of x and out (M,d). */
static void add_influence(const struct workspace *b, int layer, bool pruned)
{
    const struct tr_block_acts *acts = tr__pass_block(b->pass, layer);
    const int *start = b->batch.start, d = b->network->arch.width;
    const ptrdiff_t ld = tr__padded(d);

    for (int m = 0; m < b->batch.examples; m++) {
        const int rows = pruned ? 1 : start[m + 1] - start[m];
        const ptrdiff_t row = pruned ? tr__pooled_row(b->network, &b->batch, m) : start[m];
        const float *x = acts->x + row * ld, *out = acts->out + (pruned ? m : start[m]) * ld;
        for (int r = 0; r < rows; r++)
            b->scores->layer[layer] += tr_layer_influence(x + r * ld, out + r * ld, 1, d) / rows;
    }
}

static void add_activations(const struct workspace *b)
{
    const struct tr_plan *plan = b->network->plan;
    struct tr_importance *s = b->scores;
    const int d = s->arch.width;

    for (int l = 0; l < s->arch.depth; l++) {
        const struct tr_block_acts *acts = tr__pass_block(b->pass, l);
        const bool pruned = plan->block[l].pruned;
        add_rows(b, acts->normed1, false, d, s->channel);
        add_rows(b, acts->normed2, pruned, d, s->channel);
        add_rows(b, acts->context, pruned, plan->block[l].inner, s->context[l]);
        add_rows(b, acts->hidden, pruned, plan->block[l].ffn, s->neuron[l]);
        add_influence(b, l, pruned);
    }
    add_rows(b, tr__pass_normed(b->pass), b->network->shape.pool != SPACE_POOL_MEAN, d, s->channel);
}

static void finish_activations(struct tr_importance *s)
{
    tr_importance_scores(s->channel, s->arch.width);
    for (int l = 0; l < s->arch.depth; l++) {
        tr_importance_scores(s->context[l], s->arch.heads[l] * s->arch.head_dim);
        tr_head_scores(s->context[l], s->arch.heads[l], s->arch.head_dim, s->head[l]);
        tr_importance_scores(s->neuron[l], s->arch.ffn[l]);
    }
}

/* --- by gradient --- */

/* |sum w dw| over a tensor as (rows, parts * each): for each part. */
static void add_products(const struct workspace *b, size_t at, int rows, int parts, int each,
                         double *sum)
{
    tr_head_gradient_add(b->weights->params + at, b->grads + at, 1, rows, parts, each, sum);
}

/* Gamma and beta are two rows: they are neighbours in the table. */
static void add_norm(const struct workspace *b, const struct tr_plan_norm *norm)
{
    add_products(b, norm->gamma, 2, b->scores->arch.width, 1, b->scores->channel);
}

static void add_block(const struct workspace *b, int l)
{
    const struct tr_plan_block *block = &b->network->plan->block[l];
    const float *w = b->weights->params, *g = b->grads;
    struct tr_importance *s = b->scores;
    const int d = s->arch.width, k = s->arch.head_dim;
    const struct tr_plan_linear *up = &block->up, *down = &block->down;
    const struct tr_neurons neurons = {
        .in = w + up->weight,
        .din = g + up->weight,
        .bias = w + up->bias,
        .dbias = g + up->bias,
        .out = w + down->weight,
        .dout = g + down->weight,
        .neurons = block->ffn,
        .width = d,
    };

    add_products(b, block->proj.weight, d, block->heads, k, s->head[l]);
    add_products(b, block->proj.weight, d, block->inner, 1, s->context[l]);
    tr_neuron_first_order_add(&neurons, s->neuron[l]);
    add_norm(b, &block->norm1);
    add_norm(b, &block->norm2);
    add_products(b, block->proj.weight, 1, 1, d * block->inner + d, &s->layer[l]);
    add_products(b, down->weight, 1, 1, d * block->ffn + d, &s->layer[l]);
}

static void add_gradients(const struct workspace *b, int row)
{
    const struct tr_knowledge *knowledge = b->data->knowledge;
    const float *said = knowledge ? tr_knowledge_row(knowledge, row) : NULL;
    const struct tr_answers answers = {.count = 1,
                                       .classes = b->network->shape.classes,
                                       .teachers = teachers_of(b),
                                       .logits = b->logits,
                                       .label = &b->data->task->label[row],
                                       .said = &said};
    struct tr_distill_stats stats = {0};

    tr_distill_loss(&b->answer, b->data->ensemble, 1, &answers, 1, b->scratch, b->dlogits, &stats);
    memset(b->grads, 0, b->network->param_count * sizeof *b->grads);
    tr_pass_backward(b->pass, b->network, b->weights, b->dlogits, b->grads);
    for (int l = 0; l < b->scores->arch.depth; l++)
        add_block(b, l);
    add_norm(b, &b->network->plan->norm);
}

/* --- the run --- */

static int batch_of(enum tr_importance_kind kind)
{
    return kind == TR_IMPORTANCE_GRADIENT ? 1 : pass_rows;
}

static void score(struct workspace *b, enum tr_importance_kind kind, const int *rows, int n)
{
    const int batch = batch_of(kind);

    for (int first = 0; first < n; first += batch) {
        const int count = n - first < batch ? n - first : batch;
        b->data->task->kind->fill(b->data->task, rows + first, count, &b->batch);
        tr_pass_forward(b->pass, b->network, b->weights, &b->batch, b->logits);
        if (kind == TR_IMPORTANCE_GRADIENT)
            add_gradients(b, rows[first]);
        else
            add_activations(b);
    }
    if (kind == TR_IMPORTANCE_ACTIVATION)
        finish_activations(b->scores);
}

size_t tr_importance_bytes(enum tr_importance_kind kind, const struct tr_student *network,
                           const struct tr_data *data)
{
    struct workspace b = {.network = network, .data = data};
    struct rt_arena arena;

    rt_arena_init_counting(&arena);
    (void)workspace_init(&b, batch_of(kind), &arena, NULL); /* cannot fail */
    return arena.used;
}

rt_status tr_importance_measure(struct tr_importance *scores, enum tr_importance_kind kind,
                                const struct tr_student *network, const struct tr_weights *weights,
                                const struct tr_data *data, const int *rows, int n,
                                struct rt_err *err)
{
    struct workspace b = {.network = network, .weights = weights, .data = data, .scores = scores};
    struct rt_arena arena;
    rt_status rc;

    tr_distill_defaults(&b.answer);
    b.answer.loss = TR_LOSS_HARD;
    b.answer.ce0 = b.answer.ce1 = 0;
    b.answer.reg = TR_REG_NONE;
    assert(!data->knowledge || data->ensemble);
    RT_TRY(tr_importance_init(scores, &network->arch, err));
    if ((rc = rt_arena_init(&arena, tr_importance_bytes(kind, network, data), err)) == RT_OK &&
        (rc = workspace_init(&b, batch_of(kind), &arena, err)) == RT_OK)
        score(&b, kind, rows, n);
    rt_arena_release(&arena);
    if (rc)
        tr_importance_release(scores);
    return rc;
}
