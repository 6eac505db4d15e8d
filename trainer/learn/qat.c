/* trainer/learn/qat.c -- see qat.h. */
#include "trainer/learn/qat.h"

#include <assert.h>
#include <math.h>

/* The first step whose progress is at least u. */
static int step_at(double u, int steps)
{
    return (int)ceil(u * (steps - 1) - 1e-9);
}

rt_status tr_qat_init(struct tr_qat_run *qat, const struct tr_training *job, struct rt_arena *arena,
                      struct rt_err *err)
{
    const struct tr_recipe *recipe = job->recipe;

    qat->job = job;
    qat->begin = step_at(recipe->qat.start, recipe->steps);
    qat->freeze = step_at(recipe->qat.freeze, recipe->steps);
    return tr_quantised_init(&qat->quantised, job->student, &qat->ranges, true, arena, err);
}

const struct tr_weights *tr_qat_step(struct tr_qat_run *qat, int step,
                                     const struct tr_weights *weights)
{
    assert(step >= 0 && weights->params);
    if (step == qat->begin)
        tr_ranges_clear(&qat->ranges);
    if (step <= qat->begin)
        return weights;
    tr_quantised_update(&qat->quantised, qat->job->student, weights->params);
    return &qat->quantised.weights;
}

void tr_qat_join(struct tr_observer *first, struct tr_observer *other)
{
    assert(first != other); /* it is cleared */
    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        first->seen.amax[i] = fmaxf(first->seen.amax[i], other->seen.amax[i]);
    tr_ranges_clear(&other->seen);
}

void tr_qat_follow(struct tr_qat_run *qat, int step, struct tr_observer *first)
{
    float *amax = qat->ranges.amax;

    for (int i = 0; i < TR_MAX_QUANTISERS && step >= qat->begin; i++)
        if (first->seen.amax[i] >= 0 && (amax[i] < 0 || step < qat->freeze))
            amax[i] =
                tr_quant_track(amax[i], first->seen.amax[i], (float)qat->job->recipe->qat.ema);
    tr_ranges_clear(&first->seen);
}
