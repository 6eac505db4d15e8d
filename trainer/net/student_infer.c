/* trainer/net/student_infer.c -- inference, see student.h: the blocks share one set of buffers. */
#include <assert.h>

#include "trainer/net/student_internal.h"

struct tr_infer {
    int room; /* examples */
    float *x, *features, *scratch;
    struct tr_block_acts acts;
    struct tr_end end;
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
    if (student->shape.variant.post_norm)
        in.acts.sum1 = in.acts.sum2 = tr__rows(step, rows, d);
    in.acts.query = tr__rows(step, rows, 3 * plan->max_inner);
    in.acts.memory = tr__rows(step, rows, 2 * plan->max_inner);
    in.acts.context = tr__rows(step, rows, plan->max_inner);
    in.acts.hidden = tr__rows(step, rows, plan->max_ffn);
    in.acts.probs = rt_arena_zalloc(step, student->kernels->probs_floats(&head), sizeof(float));
    in.scratch = rt_arena_zalloc(step, student->kernels->scratch_floats(&head), sizeof(float));
    in.acts.out = tr__rows(step, max_batch, d); /* of a pruned block */
    RT_TRY(tr__end_init(&in.end, student, max_batch, false, in.acts.normed1, step, err));
    RT_TRY(rt_arena_check(step, "the inference of a student", err));
    if (self)
        *self = in;
    *infer = self;
    return RT_OK;
}

/* features (R,F), x (R,d) -> the last block's output (N,d) -> logits (A,C) */
void tr_infer_run(struct tr_infer *infer, const struct tr_student *student,
                  const struct tr_weights *weights, const struct tr_batch *batch, float *logits)
{
    const struct tr_plan *plan = student->plan;
    float *x = infer->x;

    assert(tr__fits(student, batch, infer->room));
    tr__cut(student, weights, batch, infer->features);
    if (student->stem.projected)
        tr__input(student, weights, NULL, &plan->stem, tr_batch_rows(batch),
                  (struct tr_out){infer->features, tr__padded(student->stem.features)});
    tr__stem(student, weights, batch, infer->features, infer->acts.normed1, NULL, x);
    for (int l = 0; l < student->arch.depth; l++) {
        struct tr_block_acts acts = infer->acts;
        acts.x = x;
        acts.mid = acts.out = plan->block[l].pruned ? infer->acts.out : x;
        x = acts.out;
        tr__block(student, weights, l, batch, &acts, infer->scratch);
    }
    tr__end(student, weights, batch, x, &infer->end, logits);
}
