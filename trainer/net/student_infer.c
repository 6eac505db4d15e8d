/* trainer/net/student_infer.c -- inference, see student.h: the blocks share one set of buffers. */
#include <assert.h>

#include "trainer/net/student_internal.h"

struct tr_infer {
    int room; /* examples */
    float *x, *features, *pooled, *scratch;
    struct tr_block_acts acts;
};

rt_status tr_infer_init(struct tr_infer **infer, const struct tr_student *student, int max_batch,
                        struct rt_arena *step, struct rt_err *err)
{
    const struct tr_plan *plan = student->plan;
    const struct tr_head head = tr__head(student, student->tokens, false);
    const int rows = max_batch * student->tokens, d = student->arch.width;
    assert(max_batch >= 1);
    struct tr_infer *self = rt_arena_alloc(step, 1, sizeof *self);
    struct tr_infer in = {.room = max_batch};

    in.x = tr__rows(step, rows, d);
    in.features = tr__rows(step, student->stem.projected ? rows : 0, student->stem.features);
    in.acts.normed1 = in.acts.normed2 = tr__rows(step, rows, d);
    in.acts.query = tr__rows(step, rows, 3 * plan->max_inner);
    in.acts.memory = tr__rows(step, rows, 2 * plan->max_inner);
    in.acts.context = tr__rows(step, rows, plan->max_inner);
    in.acts.hidden = tr__rows(step, rows, plan->max_ffn);
    in.acts.probs = rt_arena_zalloc(step, student->kernels->probs_floats(&head), sizeof(float));
    in.scratch = rt_arena_zalloc(step, student->kernels->scratch_floats(&head), sizeof(float));
    in.acts.out = tr__rows(step, tr__pooled_room(student, max_batch), d); /* or the pooled rows */
    in.pooled = tr__rows(step, max_batch, d);
    RT_TRY(rt_arena_check(step, "the inference of a student", err));
    if (self)
        *self = in;
    *infer = self;
    return RT_OK;
}

/* features (R,F), x (R,d) -> the last block's output (N,d) -> pooled (P,d) -> logits (A,C) */
void tr_infer_run(struct tr_infer *infer, const struct tr_student *student,
                  const struct tr_weights *weights, const struct tr_batch *batch, float *logits)
{
    const struct tr_kernels *k = student->kernels;
    const struct tr_plan *plan = student->plan;
    const int d = student->arch.width, m = tr__pooled_count(student, batch);
    const bool means = student->shape.pool == SPACE_POOL_MEAN;
    const struct tr_linear head = tr__linear(&plan->head, weights);
    const struct tr_out normed = {infer->acts.normed1, tr__padded(d)};
    const struct tr_out pooled = {means ? infer->pooled : normed.at, normed.ld};
    float *x = infer->x;
    struct tr_out rows;

    assert(tr__fits(student, batch, infer->room));
    tr__cut(student, weights, batch, infer->features);
    if (student->stem.projected)
        tr__input(student, weights, NULL, &plan->stem, tr_batch_rows(batch),
                  (struct tr_out){infer->features, tr__padded(student->stem.features)});
    tr__stem(student, weights, batch, infer->features, x);
    for (int l = 0; l < student->arch.depth; l++) {
        struct tr_block_acts acts = infer->acts;
        acts.x = x;
        acts.mid = acts.out = plan->block[l].pruned ? infer->acts.out : x;
        x = acts.out;
        tr__block(student, weights, l, batch, &acts, infer->scratch);
    }
    const int count = tr__final_rows(student, batch, x, infer->acts.out, &rows);
    k->norm(count, d, tr_seen(rows), weights->params + plan->norm.gamma,
            weights->params + plan->norm.beta, normed, NULL);
    tr__pool(student, batch, normed.at, infer->pooled);
    tr__input(student, weights, NULL, &plan->head, m, pooled);
    k->linear(&head, m, tr_seen(pooled), (struct tr_view){0},
              (struct tr_out){logits, plan->head.out});
}
