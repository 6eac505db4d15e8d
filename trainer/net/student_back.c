/* trainer/net/student_back.c -- training: the backward of a pass; see student.h.
 *
 * Gradients of activations have one set of buffers for all blocks. `dx` is the gradient of the
 * residual stream, walked backwards in place; a pruned last block has its own, `dtail`, of one row
 * an example, and so have pooled rows that are gathered, out of examples of unequal length. The
 * activation's slope was stored by the forward, so its backward is a factor in the product that
 * makes dhidden.
 */
#include <assert.h>
#include <string.h>

#include "trainer/net/student_internal.h"

/* Everything that the steps of one backward share. */
struct back {
    struct tr_pass *pass;
    const struct tr_student *student;
    const struct tr_kernels *k;
    const struct tr_weights *weights;
    const struct tr_taps *taps; /* may be NULL */
    float *grads;
    ptrdiff_t ld; /* of rows of width d */
};

static void dw(const struct back *s, const struct tr_plan_linear *layer, int rows,
               struct tr_view dy, struct tr_view x)
{
    const struct tr_linear linear = tr__linear(layer, s->weights);
    s->k->linear_dw(&linear, rows, dy, x, s->grads + layer->weight, s->grads + layer->bias);
}

static void dx(const struct back *s, const struct tr_plan_linear *layer, int rows,
               struct tr_view dy, struct tr_out out)
{
    const struct tr_linear linear = tr__linear(layer, s->weights);
    s->k->linear_dx(&linear, rows, dy, (struct tr_view){0}, false, out);
}

static void input_back(const struct back *s, const struct tr_plan_linear *layer, int rows,
                       struct tr_out out)
{
    tr__input_back(s->student, s->weights, s->pass->observer, layer, rows, out);
}

/* dnormed -> out, which it is added to */
static void norm_back(const struct back *s, const struct tr_plan_norm *norm, int rows,
                      struct tr_view x, const float *stats, struct tr_out out)
{
    s->k->norm_back(rows, s->student->arch.width, x, stats,
                    (struct tr_view){s->pass->dnormed, s->ld}, s->weights->params + norm->gamma,
                    s->grads + norm->gamma, s->grads + norm->beta, out);
}

/* For example m of n rows and each head: dcontext as q -> dq (n,k), or (1,k); dk, dv (n,k). */
static void attend_back(const struct back *s, const struct tr_plan_block *b,
                        const struct tr_block_acts *acts)
{
    const struct tr_batch *batch = s->pass->batch;
    const ptrdiff_t ldq = tr__padded(b->query.out), ldc = tr__padded(b->inner);
    const ptrdiff_t ldm = b->pruned ? tr__padded(b->memory.out) : ldq;
    const float *memory = b->pruned ? acts->memory : acts->query + b->inner;
    float *dmemory = b->pruned ? s->pass->dmemory : s->pass->dquery + b->inner;
    const float *probs = acts->probs;

    for (ptrdiff_t m = 0; m < batch->examples; m++) {
        const ptrdiff_t key = batch->start[m], asks = b->pruned ? m : key;
        const int rows = batch->start[m + 1] - batch->start[m];
        const struct tr_head head = tr__head(s->student, rows, b->pruned);
        for (ptrdiff_t at = 0; at < b->inner; at += head.dim, probs += acts->probs_stride) {
            const ptrdiff_t q = asks * ldq + at, kv = key * ldm + at;
            const struct tr_view qkv[3] = {
                {acts->query + q, ldq}, {memory + kv, ldm}, {memory + kv + b->inner, ldm}};
            const struct tr_out dqkv[3] = {
                {s->pass->dquery + q, ldq}, {dmemory + kv, ldm}, {dmemory + kv + b->inner, ldm}};
            s->k->attention_back(&head, qkv, probs,
                                 (struct tr_view){s->pass->dcontext + asks * ldc + at, ldc}, dqkv,
                                 s->pass->scratch);
        }
    }
}

/* dtail (P,d) into the pooled rows of dx (R,d); its other rows are zero. */
static void spread_tail(const struct back *s)
{
    struct tr_pass *p = s->pass;
    const int rows = tr_batch_rows(p->batch);

    memset(p->dx, 0, (size_t)(rows * s->ld) * sizeof *p->dx);
    for (ptrdiff_t i = 0; i < tr__pooled_count(s->student, p->batch); i++)
        memcpy(p->dx + tr__pooled_row(s->student, p->batch, i) * s->ld, p->dtail + i * s->ld,
               (size_t)s->ld * sizeof *p->dx);
}

/* dquery (M,a), dmemory (R,2a) of a pruned block -> dnormed1 (R,d) */
static void pruned_inputs_back(const struct back *s, const struct tr_plan_block *b,
                               const struct tr_block_acts *acts)
{
    struct tr_pass *p = s->pass;
    const struct tr_linear query = tr__linear(&b->query, s->weights);
    const int all = tr_batch_rows(p->batch), examples = p->batch->examples;
    const int d = s->student->arch.width;
    const struct tr_out normed = {acts->normed1, s->ld}, dnormed = {p->dnormed, s->ld};
    const struct tr_view dmemory = {p->dmemory, tr__padded(b->memory.out)};
    const struct tr_view dquery = {p->dquery, tr__padded(b->query.out)};

    dw(s, &b->memory, all, dmemory, tr_seen(normed));
    dx(s, &b->memory, all, dmemory, dnormed);
    dw(s, &b->query, examples, dquery,
       tr_seen(tr__pooled_rows(s->student, p->batch, normed, d, p->end.room)));
    const struct tr_out dasking = tr__pooled_rows(s->student, p->batch, dnormed, d, p->end.room);
    s->k->linear_dx(&query, examples, dquery, (struct tr_view){0}, true, dasking);
    tr__pooled_rows_back(s->student, p->batch, dasking, d, dnormed);
}

/* Post-norm: dout, the gradient behind a norm, becomes that in front of it; x (rows,d). */
static void post_norm_back(const struct back *s, const struct tr_plan_norm *norm, int rows,
                           const float *x, const float *stats, struct tr_out dout)
{
    const size_t bytes = (size_t)(rows * s->ld) * sizeof(float);

    memcpy(s->pass->dnormed, dout.at, bytes);
    memset(dout.at, 0, bytes);
    norm_back(s, norm, rows, (struct tr_view){x, s->ld}, stats, dout);
}

static void add_rows(const struct back *s, int rows, const float *from, struct tr_out to)
{
    s->k->add_rows(rows, s->student->arch.width, (struct tr_view){from, s->ld}, to);
}

/* The way back through ffn_half(): dout (rows,d) becomes the gradient of mid. With dhidden (rows,f),
 * dnormed (rows,d). */
static void ffn_back(const struct back *s, const struct tr_plan_block *b,
                     const struct tr_block_acts *acts, int rows, struct tr_out dout)
{
    struct tr_pass *p = s->pass;
    const bool post = s->student->shape.variant.post_norm;
    const struct tr_linear down = tr__linear(&b->down, s->weights);
    const ptrdiff_t ldf = tr__padded(b->ffn);
    const struct tr_out dhidden = {p->dhidden, ldf}, dnormed = {p->dnormed, s->ld};

    if (post)
        post_norm_back(s, &b->norm2, rows, acts->sum2, acts->stats2, dout);
    dw(s, &b->down, rows, tr_seen(dout), (struct tr_view){acts->hidden, ldf});
    s->k->linear_dx(&down, rows, tr_seen(dout), (struct tr_view){acts->slope, ldf}, false, dhidden);
    input_back(s, &b->down, rows, dhidden);
    dw(s, &b->up, rows, tr_seen(dhidden), (struct tr_view){acts->normed2, s->ld});
    dx(s, &b->up, rows, tr_seen(dhidden), dnormed);
    input_back(s, &b->up, rows, dnormed);
    if (post)
        add_rows(s, rows, p->dnormed, dout);
    else
        norm_back(s, &b->norm2, rows, (struct tr_view){acts->mid, s->ld}, acts->stats2, dout);
}

/* The way back through attention_half(): dout (rows,d), the gradient of mid, becomes that of x, in dx
 * (R,d). With dcontext (rows,a), dnormed (R,d). */
static void attention_half_back(const struct back *s, int layer, int rows, struct tr_out dout)
{
    struct tr_pass *p = s->pass;
    const struct tr_plan_block *b = &s->student->plan->block[layer];
    const struct tr_block_acts *acts = &p->block[layer];
    const bool post = s->student->shape.variant.post_norm;
    const int all = tr_batch_rows(p->batch);
    const ptrdiff_t lda = tr__padded(b->inner);
    const struct tr_out dcontext = {p->dcontext, lda}, dnormed = {p->dnormed, s->ld};
    const struct tr_out dquery = {p->dquery, tr__padded(b->query.out)}, stream = {p->dx, s->ld};

    if (post)
        post_norm_back(s, &b->norm1, rows, acts->sum1, acts->stats1, dout);
    dw(s, &b->proj, rows, tr_seen(dout), (struct tr_view){acts->context, lda});
    dx(s, &b->proj, rows, tr_seen(dout), dcontext);
    input_back(s, &b->proj, rows, dcontext);
    attend_back(s, b, acts);
    if (b->pruned) {
        pruned_inputs_back(s, b, acts);
        spread_tail(s);
    } else {
        if (s->taps)
            s->taps->qkv(s->taps->context, layer + 1, dquery);
        dw(s, &b->query, rows, tr_seen(dquery), (struct tr_view){acts->normed1, s->ld});
        dx(s, &b->query, rows, tr_seen(dquery), dnormed);
    }
    input_back(s, &b->query, all, dnormed);
    if (post)
        add_rows(s, all, p->dnormed, stream);
    else
        norm_back(s, &b->norm1, all, (struct tr_view){acts->x, s->ld}, acts->stats1, stream);
}

/* The gradient of a block's out, in dtail (M,d) where pruned, else in dx (R,d), becomes that of its x,
 * in dx. */
static void block_back(const struct back *s, int layer)
{
    const struct tr_plan_block *b = &s->student->plan->block[layer];
    struct tr_pass *p = s->pass;
    const int rows = b->pruned ? p->batch->examples : tr_batch_rows(p->batch);
    const struct tr_out dout = {b->pruned ? p->dtail : p->dx, s->ld};

    ffn_back(s, b, &p->block[layer], rows, dout);
    attention_half_back(s, layer, rows, dout);
}

/* dnormed: of the M means (M,d), to the rows that they are of (R,d), in place: from the last row
 * down, since row m is a source. */
static void spread_means(const struct back *s)
{
    const struct tr_batch *batch = s->pass->batch;
    const int d = s->student->arch.width;
    float *dnormed = s->pass->dnormed;

    for (ptrdiff_t m = batch->examples - 1; m >= 0; m--) {
        const float share = 1.0F / (float)(batch->start[m + 1] - batch->start[m]);
        for (ptrdiff_t r = batch->start[m + 1] - 1; r >= batch->start[m]; r--)
            for (int c = 0; c < d; c++)
                dnormed[r * s->ld + c] = dnormed[m * s->ld + c] * share;
    }
}

/* dpooled (M,2d) -> dnormed (R,d) */
static void spread_pairs(const struct back *s)
{
    const struct tr_batch *batch = s->pass->batch;
    const ptrdiff_t d = s->student->arch.width, ld = tr__padded(2 * (int)d);
    float *dnormed = s->pass->dnormed;

    memset(dnormed, 0, (size_t)(tr_batch_rows(batch) * s->ld) * sizeof *dnormed);
    for (ptrdiff_t m = 0; m < batch->examples; m++)
        for (ptrdiff_t i = 0; i < 2; i++)
            memcpy(dnormed + (batch->start[m] + i) * s->ld, s->pass->dpooled + m * ld + i * d,
                   (size_t)d * sizeof *dnormed);
}

/* dlogits (A,C) -> [dinner ->] dpooled (P,g) */
static void head_back(const struct back *s, const float *dlogits)
{
    struct tr_pass *p = s->pass;
    const struct tr_plan *plan = s->student->plan;
    const int count = tr__pooled_count(s->student, p->batch);
    const struct tr_view dy = {dlogits, plan->head.out};
    const ptrdiff_t ldg = tr__padded(tr__pooled_width(s->student));
    const struct tr_view pooled = {p->end.pooled, ldg};
    const struct tr_out dpooled = {p->dpooled, ldg};
    const struct tr_linear head = tr__linear(&plan->head, s->weights);

    if (!plan->pooled_twice) {
        dw(s, &plan->head, count, dy, pooled);
        dx(s, &plan->head, count, dy, dpooled);
        input_back(s, &plan->head, count, dpooled);
        return;
    }
    const ptrdiff_t ldi = tr__padded(plan->pooler.out);
    const bool tied = s->student->shape.variant.head == SPACE_HEAD_TIED;
    const struct tr_out dinner = {p->dinner, ldi};
    dw(s, &plan->head, count, dy, (struct tr_view){p->end.inner, ldi});
    s->k->linear_dx(&head, count, dy, (struct tr_view){tied ? NULL : p->end.slope, ldi}, false,
                    dinner);
    input_back(s, &plan->head, count, dinner);
    dw(s, &plan->pooler, count, tr_seen(dinner), pooled);
    dx(s, &plan->pooler, count, tr_seen(dinner), dpooled);
    input_back(s, &plan->pooler, count, dpooled);
}

/* dpooled (P,g) -> the gradient of the residual stream behind the last block: dtail (M,d) where it is
 * pruned, else dx (R,d). */
static void pool_back(const struct back *s)
{
    struct tr_pass *p = s->pass;
    const struct tr_student *student = s->student;
    const int last = student->arch.depth - 1;
    const bool apart = tr__pools_apart(student), pruned = student->plan->block[last].pruned;
    const bool tail = pruned || (!apart && !tr__pooled_in_place(student, p->batch));
    float *stream = tail ? p->dtail : p->dx;
    struct tr_out x;

    if (student->shape.pool == SPACE_POOL_MEAN)
        spread_means(s);
    else if (student->shape.pool == SPACE_POOL_PAIR)
        spread_pairs(s);
    const int rows = tr__final_rows(student, p->batch, p->block[last].out, p->end.room, &x);
    const int zeros = tail ? rows : tr_batch_rows(p->batch);
    memset(stream, 0, (size_t)(zeros * s->ld) * sizeof *stream);
    const struct tr_out dstream = {stream + (tail ? 0 : x.at - p->block[last].out),
                                   tail ? s->ld : x.ld};
    if (student->shape.variant.no_final_norm)
        add_rows(s, rows, p->dnormed, dstream);
    else
        norm_back(s, &student->plan->norm, rows, tr_seen(x), p->end.stats, dstream);
    if (tail && !pruned)
        spread_tail(s);
}

/* dx (R,d), segment (2,d) */
static void segments_back(const struct back *s)
{
    const struct tr_batch *batch = s->pass->batch;
    const int d = s->student->arch.width, rows = tr_batch_rows(batch);
    float *segment = s->grads + s->student->plan->segment;

    for (ptrdiff_t r = 0; r < rows; r++)
        s->k->add_rows(1, d, (struct tr_view){s->pass->dx + r * s->ld, s->ld},
                       (struct tr_out){segment + (ptrdiff_t)batch->segment[r] * d, d});
}

/* dx (R,d) -> dlookup (R,e) */
static void lookup_back(const struct back *s)
{
    struct tr_pass *p = s->pass;
    const struct tr_plan_linear *stem = &s->student->plan->stem;
    const int rows = tr_batch_rows(p->batch);
    const struct tr_out out = {p->dlookup, tr__padded(s->student->stem.features)};

    if (s->student->stem.projected) {
        dx(s, stem, rows, (struct tr_view){p->dx, s->ld}, out);
        input_back(s, stem, rows, out);
    } else {
        memcpy(out.at, p->dx, (size_t)(rows * s->ld) * sizeof *out.at);
    }
}

/* dx (R,d), features (R,F): the gradients of positions (T,d), class token (d) and stem (d,F) */
static void stem_back(const struct back *s)
{
    const struct tr_plan *plan = s->student->plan;
    const struct tr_batch *batch = s->pass->batch;
    const int d = s->student->arch.width, first = s->student->stem.class_rows;
    const ptrdiff_t ldf = tr__padded(s->student->stem.features);
    float *position = s->grads + plan->position, *token = s->grads + plan->class_token;

    for (int m = 0; m < batch->examples; m++) {
        const ptrdiff_t row = batch->start[m];
        const int rows = (int)(batch->start[m + 1] - row);
        const float *g = s->pass->dx + row * s->ld;
        s->k->add_rows(rows, d, (struct tr_view){g, s->ld}, (struct tr_out){position, d});
        s->k->add_rows(first, d, (struct tr_view){g, s->ld}, (struct tr_out){token, d});
        if (rows > first && s->student->stem.projected)
            dw(s, &plan->stem, rows - first, (struct tr_view){g + first * s->ld, s->ld},
               (struct tr_view){s->pass->features + (row + first) * ldf, ldf});
    }
    if (s->student->shape.segments)
        segments_back(s);
    if (s->student->stem.vocabulary)
        lookup_back(s);
}

const float *tr_pass_dlookup(const struct tr_pass *pass, ptrdiff_t *ld)
{
    assert(pass->dlookup && pass->batch);
    *ld = pass->dlookup_ld;
    return pass->dlookup;
}

void tr_lookup_back(const struct tr_student *student, int rows, const int *ids,
                    const float *dlookup, ptrdiff_t ld, float *grads)
{
    const int e = student->stem.features;
    float *table = grads + student->plan->table;

    assert(student->stem.vocabulary);
    for (ptrdiff_t r = 0; r < rows; r++)
        student->kernels->add_rows(1, e, (struct tr_view){dlookup + r * ld, ld},
                                   (struct tr_out){table + (ptrdiff_t)ids[r] * e, e});
}

void tr__pass_backward(struct tr_pass *pass, const struct tr_student *student,
                       const struct tr_weights *weights, const float *dlogits,
                       const struct tr_taps *taps, float *grads)
{
    const int depth = student->arch.depth;
    const bool pruned = student->plan->block[depth - 1].pruned;
    const struct back s = {.pass = pass,
                           .student = student,
                           .k = student->kernels,
                           .weights = weights,
                           .taps = taps,
                           .grads = grads,
                           .ld = tr__padded(student->arch.width)};

    assert(pass->batch && weights->for_training);
    head_back(&s, dlogits);
    pool_back(&s);
    for (int l = depth; l > 0; l--) {
        if (taps && !(l == depth && pruned))
            taps->stream(taps->context, l, (struct tr_out){pass->dx, s.ld});
        block_back(&s, l - 1);
    }
    if (taps)
        taps->stream(taps->context, 0, (struct tr_out){pass->dx, s.ld});
    if (student->shape.variant.stem_norm)
        post_norm_back(&s, &student->plan->stem_norm, tr_batch_rows(pass->batch), pass->raw,
                       pass->raw_stats, (struct tr_out){pass->dx, s.ld});
    stem_back(&s);
}

void tr_pass_backward(struct tr_pass *pass, const struct tr_student *student,
                      const struct tr_weights *weights, const float *dlogits, float *grads)
{
    tr__pass_backward(pass, student, weights, dlogits, NULL, grads);
}
