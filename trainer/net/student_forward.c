/* trainer/net/student_forward.c -- the steps that training and inference share: stem, block, end.
 *
 * What differs between the two is only where activations lie (struct tr_block_acts), so that the
 * network is written once and what latency measures is what was trained.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/net/student_int8.h"
#include "trainer/net/student_internal.h"

float *tr__rows(struct rt_arena *arena, int rows, int cols)
{
    return rt_arena_zalloc(arena, (size_t)rows * tr__padded(cols) + TR_SLACK, sizeof(float));
}

struct tr_head tr__head(const struct tr_student *student, int rows, bool pruned)
{
    const int dim = student->arch.head_dim;

    assert(rows >= 1 && rows <= student->tokens);
    return (struct tr_head){.queries = pruned ? 1 : rows,
                            .keys = rows,
                            .dim = dim,
                            .scale = 1.0F / sqrtf((float)dim),
                            .causal = student->shape.variant.causal};
}

bool tr__fits(const struct tr_student *student, const struct tr_batch *batch, int room)
{
    const struct space_stem *stem = &student->stem;
    const int tokens = student->tokens;
    bool fits = batch->numbers == stem->numbers && batch->vocabulary <= stem->vocabulary &&
                !batch->vocabulary == !stem->vocabulary && batch->examples >= 1 &&
                batch->examples <= room;

    for (int m = 0; fits && m < batch->examples; m++) {
        const int rows = batch->start[m + 1] - batch->start[m];
        fits = rows >= 1 && rows <= tokens && (!batch->length || rows == batch->length);
    }
    return fits;
}

struct tr_linear tr__linear(const struct tr_plan_linear *layer, const struct tr_weights *weights)
{
    const struct tr_int8 *int8 = weights->int8;

    assert(weights->params && (!int8 || int8->ranges));
    return (struct tr_linear){.in = layer->in,
                              .out = layer->out,
                              .weight = weights->params + layer->weight,
                              .bias = weights->params + layer->bias,
                              .forward = weights->packed ? weights->packed + layer->forward : NULL,
                              .backward =
                                  weights->packed ? weights->packed + layer->backward : NULL,
                              .weight_scale = int8 ? int8->scale + layer->scale : NULL,
                              .input_scale = int8 ? tr_int8_input(int8, layer->quantiser) : 0};
}

static void run_norm(const struct tr_student *student, const struct tr_weights *weights,
                     const struct tr_plan_norm *norm, int rows, struct tr_out x, struct tr_out y,
                     float *stats)
{
    const float *w = weights->params;

    student->kernels->norm(rows, student->arch.width, student->plan->eps, tr_seen(x),
                           w + norm->gamma, w + norm->beta, y, stats);
}

/* A few floats: a call of memcpy would cost more than it copies. */
static void copy_run(float *to, const float *from, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        memcpy(to + i, from + i, 4 * sizeof *to);
    for (; i < n; i++)
        to[i] = from[i];
}

/* example (numbers) -> x (tokens,F): the first tokens of its stem */
static void cut_example(const struct space_stem *s, const float *example, int tokens, float *x,
                        ptrdiff_t ld)
{
    const size_t run = (size_t)s->run;

    for (ptrdiff_t y = 0; tokens > 0; y++)
        for (ptrdiff_t c = 0; c < s->across && tokens > 0; c++, tokens--, x += ld)
            for (ptrdiff_t l = 0; l < s->lines; l++)
                copy_run(x + l * s->run, example + (y * s->lines + l) * s->line + c * s->run, run);
}

/* table (V,cols), ids (R), x (R,cols) */
static void look_up(const struct tr_student *student, const struct tr_weights *weights,
                    const struct tr_batch *batch, float *x, ptrdiff_t ld)
{
    const int cols = student->stem.features, rows = tr_batch_rows(batch);
    const float *table = weights->params + student->plan->table;

    for (ptrdiff_t r = 0; r < rows; r++) {
        assert(batch->ids[r] >= 0 && batch->ids[r] < student->stem.vocabulary);
        memcpy(x + r * ld, table + (ptrdiff_t)batch->ids[r] * cols, (size_t)cols * sizeof *x);
    }
}

void tr__cut(const struct tr_student *student, const struct tr_weights *weights,
             const struct tr_batch *batch, float *x)
{
    const struct space_stem *stem = &student->stem;
    const ptrdiff_t ld = tr__padded(stem->features);
    const int first = stem->class_rows;

    if (stem->vocabulary) {
        if (stem->projected)
            look_up(student, weights, batch, x, ld);
        return;
    }
    for (int m = 0; m < batch->examples; m++) {
        float *row = x + batch->start[m] * ld;
        memset(row, 0, (size_t)(first * ld) * sizeof *row);
        cut_example(stem, batch->values + (ptrdiff_t)m * stem->numbers,
                    batch->start[m + 1] - batch->start[m] - first, row + first * ld, ld);
    }
}

/* ids (R), table (V,d), position (T,d), x (R,d): e = d */
static void stem_of_rows(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_batch *batch, struct tr_out x)
{
    const int d = student->arch.width;
    const struct tr_view position = {weights->params + student->plan->position, d};

    look_up(student, weights, batch, x.at, x.ld);
    for (int m = 0; m < batch->examples; m++)
        student->kernels->add_rows(batch->start[m + 1] - batch->start[m], d, position,
                                   (struct tr_out){x.at + batch->start[m] * x.ld, x.ld});
}

/* segment (2,d), x (R,d) */
static void add_segments(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_batch *batch, struct tr_out x)
{
    const int d = student->arch.width, rows = tr_batch_rows(batch);
    const float *segment = weights->params + student->plan->segment;

    for (ptrdiff_t r = 0; r < rows; r++) {
        assert(batch->segment[r] >= 0 && batch->segment[r] < student->shape.segments);
        student->kernels->add_rows(1, d,
                                   (struct tr_view){segment + (ptrdiff_t)batch->segment[r] * d, d},
                                   (struct tr_out){x.at + r * x.ld, x.ld});
    }
}

/* features (R,F), W (d,F), position (T,d), class token (d), x (R,d) */
static void stem_of_features(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_batch *batch, const float *features, float *x)
{
    const struct tr_plan *plan = student->plan;
    const struct tr_linear stem = tr__linear(&plan->stem, weights);
    const int d = student->arch.width, first = student->stem.class_rows;
    const ptrdiff_t ld = tr__padded(d), ldf = tr__padded(student->stem.features);
    const float *position = weights->params + plan->position;
    const float *token = weights->params + plan->class_token;

    for (int m = 0; m < batch->examples; m++) {
        const ptrdiff_t row = batch->start[m] + first;
        const int tokens = (int)(batch->start[m + 1] - row);
        if (tokens > 0)
            student->kernels->linear(&stem, tokens, (struct tr_view){features + row * ldf, ldf},
                                     (struct tr_view){position + (ptrdiff_t)first * d, d},
                                     (struct tr_out){x + row * ld, ld});
        for (ptrdiff_t r = 0; r < first; r++)
            for (int c = 0; c < d; c++)
                x[(row - first + r) * ld + c] = token[r * d + c] + position[r * d + c];
    }
}

void tr__stem(const struct tr_student *student, const struct tr_weights *weights,
              const struct tr_batch *batch, const float *features, float *raw, float *stats,
              float *x)
{
    const ptrdiff_t ld = tr__padded(student->arch.width);
    const bool normed = student->shape.variant.stem_norm;
    const struct tr_out out = {normed ? raw : x, ld};

    if (student->stem.projected)
        stem_of_features(student, weights, batch, features, out.at);
    else
        stem_of_rows(student, weights, batch, out);
    if (student->shape.segments)
        add_segments(student, weights, batch, out);
    if (normed)
        run_norm(student, weights, &student->plan->stem_norm, tr_batch_rows(batch), out,
                 (struct tr_out){x, ld}, stats);
}

/* ---- pooled rows ---- */

int tr__pooled_count(const struct tr_student *student, const struct tr_batch *batch)
{
    return student->shape.pool == SPACE_POOL_NONE ? batch->answers : batch->examples;
}

int tr__pooled_room(const struct tr_student *student, int examples)
{
    return student->shape.pool == SPACE_POOL_NONE ? examples * student->tokens : examples;
}

ptrdiff_t tr__pooled_row(const struct tr_student *student, const struct tr_batch *batch,
                         ptrdiff_t i)
{
    switch (student->shape.pool) {
    case SPACE_POOL_CLASS: return batch->start[i];
    case SPACE_POOL_LAST: return batch->start[i + 1] - 1;
    case SPACE_POOL_NONE: return batch->asked ? batch->asked[i] : i;
    case SPACE_POOL_MEAN:
    case SPACE_POOL_PAIR: break;
    }
    assert(false && "what is pooled apart is of no row");
    return 0;
}

bool tr__pooled_in_place(const struct tr_student *student, const struct tr_batch *batch)
{
    return student->shape.pool == SPACE_POOL_NONE ? !batch->asked : batch->length > 0;
}

struct tr_out tr__pooled_rows(const struct tr_student *student, const struct tr_batch *batch,
                              struct tr_out x, int cols, float *room)
{
    const int count = tr__pooled_count(student, batch);

    if (tr__pooled_in_place(student, batch))
        return (struct tr_out){x.at + tr__pooled_row(student, batch, 0) * x.ld,
                               (student->shape.pool == SPACE_POOL_NONE ? 1 : batch->length) * x.ld};
    for (ptrdiff_t i = 0; i < count; i++) /* ascending, since room may be x */
        memmove(room + i * x.ld, x.at + tr__pooled_row(student, batch, i) * x.ld,
                (size_t)cols * sizeof *room);
    return (struct tr_out){room, x.ld};
}

void tr__pooled_rows_back(const struct tr_student *student, const struct tr_batch *batch,
                          struct tr_out rows, int cols, struct tr_out x)
{
    const int count = tr__pooled_count(student, batch);

    if (tr__pooled_in_place(student, batch))
        return;
    for (ptrdiff_t i = 0; i < count; i++)
        memcpy(x.at + tr__pooled_row(student, batch, i) * x.ld, rows.at + i * rows.ld,
               (size_t)cols * sizeof *rows.at);
}

/* ---- blocks ---- */

/* For example m of n rows and each head: q (n,k), or (1,k) of a pruned block; k, v (n,k); context as
 * q. acts->query (R,3a) holds q, k, v side by side; of a pruned block query (M,a) and memory
 * (R,2a). */
static void attend(const struct tr_student *student, const struct tr_plan_block *b,
                   const struct tr_batch *batch, const struct tr_block_acts *acts, float *scratch)
{
    const ptrdiff_t ldq = tr__padded(b->query.out), ldc = tr__padded(b->inner);
    const ptrdiff_t ldm = b->pruned ? tr__padded(b->memory.out) : ldq;
    const float *memory = b->pruned ? acts->memory : acts->query + b->inner;
    float *probs = acts->probs;

    for (ptrdiff_t m = 0; m < batch->examples; m++) {
        const ptrdiff_t key = batch->start[m], asks = b->pruned ? m : key;
        const int rows = batch->start[m + 1] - batch->start[m];
        const struct tr_head head = tr__head(student, rows, b->pruned);
        const float *query = acts->query + asks * ldq;
        const float *keys = memory + key * ldm, *values = keys + b->inner;
        float *context = acts->context + asks * ldc;
        for (ptrdiff_t at = 0; at < b->inner; at += head.dim, probs += acts->probs_stride)
            student->kernels->attention(&head, (struct tr_view){query + at, ldq},
                                        (struct tr_view){keys + at, ldm},
                                        (struct tr_view){values + at, ldm}, probs,
                                        (struct tr_out){context + at, ldc}, scratch);
    }
}

/* What attention reads: normed1 (R,d) -> query (R,3a); or, pruned, the pooled rows of normed1 ->
 * query (M,a) and normed1 -> memory (R,2a). What it adds to, the block's input of the rows that ask,
 * is returned: (R,d), or (M,d). */
static struct tr_view ask(const struct tr_student *student, const struct tr_weights *weights,
                          const struct tr_plan_block *b, const struct tr_batch *batch,
                          const struct tr_block_acts *acts)
{
    const struct tr_kernels *k = student->kernels;
    const struct tr_linear query = tr__linear(&b->query, weights);
    const int d = student->arch.width, all = tr_batch_rows(batch);
    const struct tr_out x = {acts->x, tr__padded(d)}, normed = {acts->normed1, tr__padded(d)};
    const struct tr_out out = {acts->query, tr__padded(query.out)};

    if (!b->pruned) {
        k->linear(&query, all, tr_seen(normed), (struct tr_view){0}, out);
        return tr_seen(x);
    }
    const struct tr_linear memory = tr__linear(&b->memory, weights);
    k->linear(&memory, all, tr_seen(normed), (struct tr_view){0},
              (struct tr_out){acts->memory, tr__padded(memory.out)});
    const struct tr_out asking = tr__pooled_rows(student, batch, normed, d, acts->normed2);
    k->linear(&query, batch->examples, tr_seen(asking), (struct tr_view){0}, out);
    return tr_seen(tr__pooled_rows(student, batch, x, d, acts->mid));
}

static void copy_rows(int rows, struct tr_out x, struct tr_out y)
{
    assert(x.ld == y.ld);
    memcpy(y.at, x.at, (size_t)(rows * x.ld) * sizeof *y.at);
}

void tr__activate(const struct tr_student *student, size_t n, float *u, float *slope)
{
    switch (student->shape.variant.activation) {
    case SPACE_GELU: student->kernels->gelu(n, u, slope); break;
    case SPACE_GELU_TANH: student->kernels->activate(TR_ACTIVATE_GELU_TANH, n, u, slope); break;
    case SPACE_RELU: student->kernels->activate(TR_ACTIVATE_RELU, n, u, slope); break;
    }
}

/* x, normed1 (R,d); query, memory as in ask(); with N = R, or M where pruned: context (N,a), mid
 * (N,d). Weights: qkv (3a,d), proj (d,a).
 *   mid = x + proj(attention(norm1(x)))      or, post-norm, norm1(x + proj(attention(x))) */
static void attention_half(const struct tr_student *student, const struct tr_weights *weights,
                           int layer, const struct tr_batch *batch,
                           const struct tr_block_acts *acts, float *scratch)
{
    const struct tr_plan_block *b = &student->plan->block[layer];
    const struct tr_linear proj = tr__linear(&b->proj, weights);
    const bool post = student->shape.variant.post_norm;
    const int all = tr_batch_rows(batch), rows = b->pruned ? batch->examples : all;
    const ptrdiff_t ld = tr__padded(student->arch.width);
    const struct tr_out x = {acts->x, ld}, normed = {acts->normed1, ld}, mid = {acts->mid, ld};
    const struct tr_out sum = {post ? acts->sum1 : acts->mid, ld};
    const struct tr_out context = {acts->context, tr__padded(b->inner)};

    if (post)
        copy_rows(all, x, normed);
    else
        run_norm(student, weights, &b->norm1, all, x, normed, acts->stats1);
    tr__input(student, weights, acts->observer, &b->query, all, normed);
    const struct tr_view residual = ask(student, weights, b, batch, acts);
    attend(student, b, batch, acts, scratch);
    tr__input(student, weights, acts->observer, &b->proj, rows, context);
    student->kernels->linear(&proj, rows, tr_seen(context), residual, sum);
    if (post)
        run_norm(student, weights, &b->norm1, rows, sum, mid, acts->stats1);
}

/* mid, normed2, out (rows,d), hidden (rows,f). Weights: up (f,d), down (d,f).
 *   out = mid + down(gelu(up(norm2(mid))))   or, post-norm, norm2(mid + down(gelu(up(mid)))) */
static void ffn_half(const struct tr_student *student, const struct tr_weights *weights, int layer,
                     int rows, const struct tr_block_acts *acts)
{
    const struct tr_kernels *k = student->kernels;
    const struct tr_plan_block *b = &student->plan->block[layer];
    const struct tr_linear up = tr__linear(&b->up, weights);
    const struct tr_linear down = tr__linear(&b->down, weights);
    const bool post = student->shape.variant.post_norm;
    const ptrdiff_t ld = tr__padded(student->arch.width), ldf = tr__padded(b->ffn);
    const struct tr_out mid = {acts->mid, ld}, normed = {acts->normed2, ld};
    const struct tr_out hidden = {acts->hidden, ldf}, out = {acts->out, ld};
    const struct tr_out sum = {post ? acts->sum2 : acts->out, ld};

    if (post)
        copy_rows(rows, mid, normed);
    else
        run_norm(student, weights, &b->norm2, rows, mid, normed, acts->stats2);
    tr__input(student, weights, acts->observer, &b->up, rows, normed);
    k->linear(&up, rows, tr_seen(normed), (struct tr_view){0}, hidden);
    tr__activate(student, (size_t)(rows * ldf), acts->hidden, acts->slope);
    tr__input(student, weights, acts->observer, &b->down, rows, hidden);
    k->linear(&down, rows, tr_seen(hidden), tr_seen(mid), sum);
    if (post)
        run_norm(student, weights, &b->norm2, rows, sum, out, acts->stats2);
}

void tr__block(const struct tr_student *student, const struct tr_weights *weights, int layer,
               const struct tr_batch *batch, const struct tr_block_acts *acts, float *scratch)
{
    const bool pruned = student->plan->block[layer].pruned;

    attention_half(student, weights, layer, batch, acts, scratch);
    ffn_half(student, weights, layer, pruned ? batch->examples : tr_batch_rows(batch), acts);
}

/* ---- behind the last block ---- */

int tr__final_rows(const struct tr_student *student, const struct tr_batch *batch, float *x,
                   float *room, struct tr_out *rows)
{
    const int d = student->arch.width;
    const struct tr_out all = {x, tr__padded(d)};
    const bool pruned = student->plan->block[student->arch.depth - 1].pruned;

    *rows = all;
    if (tr__pools_apart(student))
        return tr_batch_rows(batch);
    if (!pruned)
        *rows = tr__pooled_rows(student, batch, all, d, room);
    return tr__pooled_count(student, batch);
}

/* normed (R,d) -> pooled (M,2d) */
static void pair_rows(const struct tr_batch *batch, int d, struct tr_view normed,
                      struct tr_out pooled)
{
    for (ptrdiff_t m = 0; m < batch->examples; m++)
        for (ptrdiff_t i = 0; i < 2; i++)
            memcpy(pooled.at + m * pooled.ld + i * d, normed.at + (batch->start[m] + i) * normed.ld,
                   (size_t)d * sizeof *pooled.at);
}

/* normed (R,d) -> pooled (M,d) */
static void mean_rows(const struct tr_batch *batch, int d, struct tr_view normed,
                      struct tr_out pooled)
{
    for (int m = 0; m < batch->examples; m++) {
        const int rows = batch->start[m + 1] - batch->start[m];
        const float *row = normed.at + batch->start[m] * normed.ld;
        float *sum = pooled.at + m * pooled.ld;
        memset(sum, 0, (size_t)d * sizeof *sum);
        for (int r = 0; r < rows; r++, row += normed.ld)
            for (int c = 0; c < d; c++)
                sum[c] += row[c];
        for (int c = 0; c < d; c++)
            sum[c] /= (float)rows;
    }
}

/* The rows that the head reads, after the norm; where there is none they are copied. */
static void norm_and_pool(const struct tr_student *student, const struct tr_weights *weights,
                          const struct tr_batch *batch, float *x, const struct tr_end *end)
{
    const int d = student->arch.width;
    const struct tr_out normed = {end->normed, tr__padded(d)};
    const struct tr_out pooled = {end->pooled, tr__padded(tr__pooled_width(student))};
    struct tr_out rows;
    const int count = tr__final_rows(student, batch, x, end->room, &rows);

    if (!student->shape.variant.no_final_norm)
        run_norm(student, weights, &student->plan->norm, count, rows, normed, end->stats);
    else
        for (ptrdiff_t r = 0; r < count; r++)
            memcpy(normed.at + r * normed.ld, rows.at + r * rows.ld, (size_t)d * sizeof *rows.at);
    if (student->shape.pool == SPACE_POOL_MEAN)
        mean_rows(batch, d, tr_seen(normed), pooled);
    else if (student->shape.pool == SPACE_POOL_PAIR)
        pair_rows(batch, d, tr_seen(normed), pooled);
}

/* normed (P,d) or (R,d) -> pooled (P,g) -> inner (P,in of the head) -> logits (A,C) */
void tr__end(const struct tr_student *student, const struct tr_weights *weights,
             const struct tr_batch *batch, float *x, const struct tr_end *end, float *logits)
{
    const struct tr_plan *plan = student->plan;
    const struct tr_linear head = tr__linear(&plan->head, weights);
    const int count = tr__pooled_count(student, batch);
    struct tr_out in = {end->pooled, tr__padded(tr__pooled_width(student))};

    norm_and_pool(student, weights, batch, x, end);
    if (plan->pooled_twice) {
        const struct tr_linear pooler = tr__linear(&plan->pooler, weights);
        const struct tr_out inner = {end->inner, tr__padded(pooler.out)};
        const size_t floats = (size_t)(count * inner.ld);
        tr__input(student, weights, end->observer, &plan->pooler, count, in);
        student->kernels->linear(&pooler, count, tr_seen(in), (struct tr_view){0}, inner);
        if (student->shape.variant.head == SPACE_HEAD_TANH)
            student->kernels->activate(TR_ACTIVATE_TANH, floats, inner.at, end->slope);
        else if (student->shape.variant.head == SPACE_HEAD_RELU)
            student->kernels->activate(TR_ACTIVATE_RELU, floats, inner.at, end->slope);
        in = inner;
    }
    tr__input(student, weights, end->observer, &plan->head, count, in);
    student->kernels->linear(&head, count, tr_seen(in), (struct tr_view){0},
                             (struct tr_out){logits, plan->head.out});
}

rt_status tr__end_init(struct tr_end *end, const struct tr_student *student, int max_batch,
                       bool for_training, float *normed, struct rt_arena *step, struct rt_err *err)
{
    const int d = student->arch.width, all = max_batch * student->tokens;
    const bool apart = tr__pools_apart(student), twice = student->plan->pooled_twice;
    const int room = tr__pooled_room(student, max_batch), inner = student->plan->pooler.out;
    struct tr_end e = {0};

    e.room = tr__rows(step, student->shape.pool == SPACE_POOL_MEAN ? 0 : room, d);
    if (for_training)
        e.stats = rt_arena_zalloc(step, (size_t)2 * all, sizeof(float));
    e.normed = for_training ? tr__rows(step, all, d) : normed;
    e.pooled = apart ? tr__rows(step, room, tr__pooled_width(student)) : e.normed;
    if (twice)
        e.inner = tr__rows(step, room, inner);
    if (twice && for_training)
        e.slope = tr__rows(step, room, inner);
    *end = e;
    return rt_arena_check(step, "the end of a student", err);
}
