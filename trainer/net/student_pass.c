/* trainer/net/student_pass.c -- training: the memory of a pass, and its forward that keeps activations;
 * see student.h, and student_back.c for the way back.
 */
#include <assert.h>
#include <string.h>

#include "trainer/net/student_internal.h"

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
    if (student->shape.variant.post_norm) {
        acts->sum1 = tr__rows(arena, rows, d);
        acts->sum2 = tr__rows(arena, rows, d);
    }
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
    p->dpooled = student->shape.pool == SPACE_POOL_PAIR
                     ? tr__rows(arena, max_batch, tr__pooled_width(student))
                     : p->dnormed;
    if (plan->pooled_twice)
        p->dinner = tr__rows(arena, tr__pooled_room(student, max_batch), plan->pooler.out);
    p->scratch = rt_arena_zalloc(arena, student->kernels->scratch_floats(&head), sizeof(float));
}

rt_status tr_pass_init(struct tr_pass **pass, const struct tr_student *student, int max_batch,
                       struct rt_arena *step, struct rt_err *err)
{
    const int rows = max_batch * student->tokens, d = student->arch.width;

    assert(max_batch >= 1);
    struct tr_pass *self = rt_arena_alloc(step, 1, sizeof *self);
    struct tr_pass p = {.room = max_batch};
    float *x = tr__rows(step, rows, d);

    p.features = tr__rows(step, student->stem.projected ? rows : 0, student->stem.features);
    if (student->stem.vocabulary)
        p.dlookup = tr__rows(step, rows, student->stem.features);
    p.dlookup_ld = tr__padded(student->stem.features);
    if (student->shape.variant.stem_norm) {
        p.raw = tr__rows(step, rows, d);
        p.raw_stats = rt_arena_zalloc(step, (size_t)2 * rows, sizeof(float));
    }
    for (int l = 0; l < student->arch.depth; l++) {
        plan_block(student, l, max_batch, step, &p.block[l]);
        p.block[l].x = x;
        x = p.block[l].out;
    }
    RT_TRY(tr__end_init(&p.end, student, max_batch, true, NULL, step, err));
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

void tr_pass_observe(struct tr_pass *pass, struct tr_observer *observer)
{
    pass->observer = pass->end.observer = observer;
    for (int l = 0; l < SPACE_MAX_DEPTH; l++)
        pass->block[l].observer = observer;
}

/* features (R,F) -> x (R,d) of the first block; out (N,d) of the last -> logits (A,C) */
void tr_pass_forward(struct tr_pass *pass, const struct tr_student *student,
                     const struct tr_weights *weights, const struct tr_batch *batch, float *logits)
{
    const int last = student->arch.depth - 1;

    assert(tr__fits(student, batch, pass->room));
    pass->batch = batch;
    tr__cut(student, weights, batch, pass->features);
    if (student->stem.projected)
        tr__input(student, weights, pass->observer, &student->plan->stem, tr_batch_rows(batch),
                  (struct tr_out){pass->features, tr__padded(student->stem.features)});
    tr__stem(student, weights, batch, pass->features, pass->raw, pass->raw_stats, pass->block[0].x);
    for (int l = 0; l <= last; l++)
        tr__block(student, weights, l, batch, &pass->block[l], pass->scratch);
    tr__end(student, weights, batch, pass->block[last].out, &pass->end, logits);
}

const struct tr_block_acts *tr__pass_block(const struct tr_pass *pass, int layer)
{
    assert(layer >= 0 && layer < SPACE_MAX_DEPTH);
    return &pass->block[layer];
}

const float *tr__pass_normed(const struct tr_pass *pass)
{
    return pass->end.normed;
}
