/* trainer/net/student_trace.c -- see student_trace.h: tr__block() with buffers that outlive it. */
#include "trainer/net/student_trace.h"

#include <assert.h>

rt_status tr__trace_init(struct tr_trace *trace, const struct tr_student *network, int max_batch,
                         struct rt_arena *step, struct rt_err *err)
{
    const struct tr_plan *plan = network->plan;
    const struct tr_head head = tr__head(network, network->tokens, false);
    const int rows = max_batch * network->tokens, d = network->arch.width;
    struct tr_trace t = {
        .room = max_batch,
        .features = tr__rows(step, network->stem.projected ? rows : 0, network->stem.features),
        .stream[0] = tr__rows(step, rows, d)};

    for (int l = 0; l < network->arch.depth; l++) {
        t.stream[l + 1] = tr__rows(step, rows, d);
        t.qkv[l] = tr__rows(step, rows, plan->block[l].query.out);
    }
    t.shared.normed1 = t.shared.normed2 = tr__rows(step, rows, d);
    if (network->shape.variant.post_norm)
        t.shared.sum1 = t.shared.sum2 = tr__rows(step, rows, d);
    t.shared.context = tr__rows(step, rows, plan->max_inner);
    t.shared.hidden = tr__rows(step, rows, plan->max_ffn);
    t.shared.probs = rt_arena_zalloc(step, network->kernels->probs_floats(&head), sizeof(float));
    t.scratch = rt_arena_zalloc(step, network->kernels->scratch_floats(&head), sizeof(float));
    RT_TRY(rt_arena_check(step, "a teacher's inner layers", err));
    *trace = t;
    return RT_OK;
}

void tr__trace_run(struct tr_trace *trace, const struct tr_student *network,
                   const struct tr_weights *weights, const struct tr_batch *batch, int depth)
{
    assert(tr__fits(network, batch, trace->room) && depth <= network->arch.depth);
    tr__cut(network, weights, batch, trace->features);
    tr__stem(network, weights, batch, trace->features, trace->shared.normed1, NULL,
             trace->stream[0]);
    for (int l = 0; l < depth; l++) {
        struct tr_block_acts acts = trace->shared;
        assert(!network->plan->block[l].pruned);
        acts.x = trace->stream[l];
        acts.query = trace->qkv[l];
        acts.mid = acts.out = trace->stream[l + 1];
        tr__block(network, weights, l, batch, &acts, trace->scratch);
    }
}
