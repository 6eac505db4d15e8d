/* trainer/net/student_pass.c -- training: forward that keeps activations, and backward; see student.h.
 *
 * Gradients of activations have one set of buffers for all blocks. `dx` is the gradient of the
 * residual stream, walked backwards in place; a pruned last block has its own, `dtail`, of one row
 * an example, and so have pooled rows that are gathered, out of examples of unequal length. The
 * gelu's slope was stored by the forward, so its backward is a factor in the product that makes
 * dhidden.
 */
#include <assert.h>
#include <string.h>

#include "trainer/net/student_internal.h"

struct tr_pass {
    int room;                     /* examples */
    const struct tr_batch *batch; /* of the last forward */
    struct tr_watch *watch;
    struct tr_block_acts block[SPACE_MAX_DEPTH];
    float *features, *final_stats, *normed, *pooled, *scratch;
    float *tail;    /* (P,d): pooled rows, where they are gathered */
    float *dlookup; /* (R,e), of a text */
    ptrdiff_t dlookup_ld;
    float *dx, *dtail, *dnormed, *dquery, *dmemory, *dcontext, *dhidden;
};

static void plan_block(const struct tr_student *student, int layer, int max_batch,
                       struct rt_arena *arena, struct tr_block_acts *acts)
{
    const struct tr_plan_block *b = &student->plan->block[layer];
    const int d = student->arch.width, all = max_batch * student->tokens;
    const int rows = b->pruned ? max_batch : all;
    const struct tr_head head = tr__head(student, student->tokens, b->pruned);

    acts->stats1 = rt_arena_zalloc(arena, (size_t)2 * all, sizeof(float));
    acts->stats2 = rt_arena_zalloc(arena, (size_t)2 * rows, sizeof(float));
    acts->normed1 = tr__rows(arena, all, d);
    acts->query = tr__rows(arena, rows, b->query.out);
    acts->memory = b->pruned ? tr__rows(arena, all, b->memory.out) : NULL;
    acts->probs_stride = student->kernels->probs_floats(&head);
    acts->probs =
        rt_arena_zalloc(arena, (size_t)max_batch * b->heads * acts->probs_stride, sizeof(float));
    acts->context = tr__rows(arena, rows, b->inner);
    acts->mid = tr__rows(arena, rows, d);
    acts->normed2 = tr__rows(arena, rows, d);
    acts->hidden = tr__rows(arena, rows, b->ffn);
    acts->slope = tr__rows(arena, rows, b->ffn);
    acts->out = tr__rows(arena, rows, d);
}

static void plan_gradients(const struct tr_student *student, int max_batch, struct rt_arena *arena,
                           struct tr_pass *p)
{
    const struct tr_plan *plan = student->plan;
    const struct tr_head head = tr__head(student, student->tokens, false);
    const int rows = max_batch * student->tokens, d = student->arch.width;

    p->dx = tr__rows(arena, rows, d);
    p->dtail = tr__rows(arena, tr__pooled_room(student, max_batch), d);
    p->dnormed = tr__rows(arena, rows, d);
    p->dquery = tr__rows(arena, rows, 3 * plan->max_inner);
    p->dmemory = tr__rows(arena, tr__pools_row(student) ? rows : 0, 2 * plan->max_inner);
    p->dcontext = tr__rows(arena, rows, plan->max_inner);
    p->dhidden = tr__rows(arena, rows, plan->max_ffn);
    p->scratch = rt_arena_zalloc(arena, student->kernels->scratch_floats(&head), sizeof(float));
}

rt_status tr_pass_init(struct tr_pass **pass, const struct tr_student *student, int max_batch,
                       struct rt_arena *step, struct rt_err *err)
{
    const int rows = max_batch * student->tokens, d = student->arch.width;
    const bool means = student->shape.pool == SPACE_POOL_MEAN;

    assert(max_batch >= 1);
    struct tr_pass *self = rt_arena_alloc(step, 1, sizeof *self);
    struct tr_pass p = {.room = max_batch};
    float *x = tr__rows(step, rows, d);

    p.features = tr__rows(step, student->stem.projected ? rows : 0, student->stem.features);
    p.tail = tr__rows(step, means ? 0 : tr__pooled_room(student, max_batch), d);
    if (student->stem.vocabulary)
        p.dlookup = tr__rows(step, rows, student->stem.features);
    p.dlookup_ld = tr__padded(student->stem.features);
    for (int l = 0; l < student->arch.depth; l++) {
        plan_block(student, l, max_batch, step, &p.block[l]);
        p.block[l].x = x;
        x = p.block[l].out;
    }
    p.final_stats = rt_arena_zalloc(step, (size_t)2 * rows, sizeof(float));
    p.normed = tr__rows(step, rows, d);
    p.pooled = means ? tr__rows(step, max_batch, d) : p.normed;
    plan_gradients(student, max_batch, step, &p);
    RT_TRY(rt_arena_check(step, "a micro-batch of a student", err));
    if (self)
        *self = p;
    *pass = self;
    return RT_OK;
}

size_t tr_pass_bytes(const struct tr_student *student, int max_batch)
{
    struct rt_arena arena;
    struct tr_pass *pass;

    rt_arena_init_counting(&arena);
    (void)tr_pass_init(&pass, student, max_batch, &arena, NULL); /* cannot fail */
    return arena.used;
}

void tr_pass_watch(struct tr_pass *pass, struct tr_watch *watch)
{
    pass->watch = watch;
    for (int l = 0; l < SPACE_MAX_DEPTH; l++)
        pass->block[l].watch = watch;
}

/* features (R,F) -> x (R,d) of the first block; out (N,d) of the last -> normed (P,d), or (R,d) ->
 * pooled (P,d) -> logits (A,C) */
void tr_pass_forward(struct tr_pass *pass, const struct tr_student *student,
                     const struct tr_weights *weights, const struct tr_batch *batch, float *logits)
{
    const struct tr_kernels *k = student->kernels;
    const struct tr_plan *plan = student->plan;
    const int d = student->arch.width, last = student->arch.depth - 1;
    const int m = tr__pooled_count(student, batch);
    const struct tr_linear head = tr__linear(&plan->head, weights);
    const struct tr_out pooled = {pass->pooled, tr__padded(d)};
    struct tr_out rows;

    assert(tr__fits(student, batch, pass->room));
    pass->batch = batch;
    tr__cut(student, weights, batch, pass->features);
    if (student->stem.projected)
        tr__input(student, weights, pass->watch, &plan->stem, tr_batch_rows(batch),
                  (struct tr_out){pass->features, tr__padded(student->stem.features)});
    tr__stem(student, weights, batch, pass->features, pass->block[0].x);
    for (int l = 0; l <= last; l++)
        tr__block(student, weights, l, batch, &pass->block[l], pass->scratch);
    const int count = tr__final_rows(student, batch, pass->block[last].out, pass->tail, &rows);
    k->norm(count, d, tr_seen(rows), weights->params + plan->norm.gamma,
            weights->params + plan->norm.beta, (struct tr_out){pass->normed, tr__padded(d)},
            pass->final_stats);
    tr__pool(student, batch, pass->normed, pass->pooled);
    tr__input(student, weights, pass->watch, &plan->head, m, pooled);
    k->linear(&head, m, tr_seen(pooled), (struct tr_view){0},
              (struct tr_out){logits, plan->head.out});
}

const struct tr_block_acts *tr__pass_block(const struct tr_pass *pass, int layer)
{
    assert(layer >= 0 && layer < SPACE_MAX_DEPTH);
    return &pass->block[layer];
}

const float *tr__pass_normed(const struct tr_pass *pass)
{
    return pass->normed;
}

/* --- backward --- */

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
    tr__input_back(s->student, s->weights, s->pass->watch, layer, rows, out);
}

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

/* dquery (M,a), dmemory (R,2a) of a pruned block -> dnormed1 (R,d); then dtail into dx. */
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
       tr_seen(tr__pooled_rows(s->student, p->batch, normed, d, p->tail)));
    const struct tr_out dasking = tr__pooled_rows(s->student, p->batch, dnormed, d, p->tail);
    s->k->linear_dx(&query, examples, dquery, (struct tr_view){0}, true, dasking);
    tr__pooled_rows_back(s->student, p->batch, dasking, d, dnormed);
    spread_tail(s);
}

/* The way back through tr__block(): the gradient of out, in dtail (M,d) where pruned, else in dx
 * (R,d), becomes that of x, in dx. With N as there: dhidden (N,f), dcontext (N,a), dnormed (N,d),
 * then (R,d). */
static void block_back(const struct back *s, int layer)
{
    struct tr_pass *p = s->pass;
    const struct tr_plan_block *b = &s->student->plan->block[layer];
    const struct tr_block_acts *acts = &p->block[layer];
    const struct tr_linear down = tr__linear(&b->down, s->weights);
    const int all = tr_batch_rows(p->batch), rows = b->pruned ? p->batch->examples : all;
    const ptrdiff_t ldf = tr__padded(b->ffn), lda = tr__padded(b->inner);
    const struct tr_out dout = {b->pruned ? p->dtail : p->dx, s->ld};
    const struct tr_out dhidden = {p->dhidden, ldf}, dnormed = {p->dnormed, s->ld};

    dw(s, &b->down, rows, tr_seen(dout), (struct tr_view){acts->hidden, ldf});
    s->k->linear_dx(&down, rows, tr_seen(dout), (struct tr_view){acts->slope, ldf}, false, dhidden);
    input_back(s, &b->down, rows, dhidden);
    dw(s, &b->up, rows, tr_seen(dhidden), (struct tr_view){acts->normed2, s->ld});
    dx(s, &b->up, rows, tr_seen(dhidden), dnormed);
    input_back(s, &b->up, rows, dnormed);
    norm_back(s, &b->norm2, rows, (struct tr_view){acts->mid, s->ld}, acts->stats2, dout);

    dw(s, &b->proj, rows, tr_seen(dout), (struct tr_view){acts->context, lda});
    dx(s, &b->proj, rows, tr_seen(dout), (struct tr_out){p->dcontext, lda});
    input_back(s, &b->proj, rows, (struct tr_out){p->dcontext, lda});
    attend_back(s, b, acts);
    if (b->pruned) {
        pruned_inputs_back(s, b, acts);
    } else {
        const struct tr_out dquery = {p->dquery, tr__padded(b->query.out)};
        if (s->taps)
            s->taps->qkv(s->taps->context, layer + 1, dquery);
        dw(s, &b->query, rows, tr_seen(dquery), (struct tr_view){acts->normed1, s->ld});
        dx(s, &b->query, rows, tr_seen(dquery), dnormed);
    }
    input_back(s, &b->query, all, dnormed);
    norm_back(s, &b->norm1, all, (struct tr_view){acts->x, s->ld}, acts->stats1,
              (struct tr_out){p->dx, s->ld});
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

/* dlogits (A,C) -> the gradient of the residual stream behind the last block: dtail (M,d) where it is
 * pruned, else dx (R,d). */
static void head_back(const struct back *s, const float *dlogits)
{
    struct tr_pass *p = s->pass;
    const struct tr_student *student = s->student;
    const struct tr_plan *plan = student->plan;
    const int last = student->arch.depth - 1, m = tr__pooled_count(student, p->batch);
    const bool means = student->shape.pool == SPACE_POOL_MEAN;
    const bool pruned = plan->block[last].pruned;
    const bool tail = pruned || (!means && !tr__pooled_in_place(student, p->batch));
    const struct tr_view dy = {dlogits, plan->head.out};
    const struct tr_out dpooled = {p->dnormed, s->ld};
    float *stream = tail ? p->dtail : p->dx;
    struct tr_out x, dstream;

    dw(s, &plan->head, m, dy, (struct tr_view){p->pooled, s->ld});
    dx(s, &plan->head, m, dy, dpooled);
    input_back(s, &plan->head, m, dpooled);
    if (means)
        spread_means(s);
    memset(stream, 0, (size_t)((tail ? m : tr_batch_rows(p->batch)) * s->ld) * sizeof *stream);
    const int rows = tr__final_rows(student, p->batch, p->block[last].out, p->tail, &x);
    dstream = (struct tr_out){stream + (tail ? 0 : x.at - p->block[last].out), tail ? s->ld : x.ld};
    norm_back(s, &plan->norm, rows, tr_seen(x), p->final_stats, dstream);
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
    for (int l = depth; l > 0; l--) {
        if (taps && !(l == depth && pruned))
            taps->stream(taps->context, l, (struct tr_out){pass->dx, s.ld});
        block_back(&s, l - 1);
    }
    if (taps)
        taps->stream(taps->context, 0, (struct tr_out){pass->dx, s.ld});
    stem_back(&s);
}

void tr_pass_backward(struct tr_pass *pass, const struct tr_student *student,
                      const struct tr_weights *weights, const float *dlogits, float *grads)
{
    tr__pass_backward(pass, student, weights, dlogits, NULL, grads);
}
