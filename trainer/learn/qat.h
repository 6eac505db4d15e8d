/* trainer/learn/qat.h -- quantisation-aware training inside a training run: what train.c calls.
 *
 * From u = start on, a step's passes read the weights' quantised copy (student_int8.h): weights rounded
 * anew at each step, inputs by the ranges known before the step, gradients straight through to the
 * float weights, which AdamW moves. A range is the running mean of the largest value of each step
 * (decay `ema`), and is frozen from u = freeze on. The first of these steps only observes.
 *
 * Exact    a largest value does not depend on the order in which it is found: so results do not on
 *          threads, and on the micro-batch by rounding.
 * Memory   a second set of weights, and a bit for each activation that is rounded, carved from the
 *          run's arena.
 */
#ifndef TRAINER_LEARN_QAT_H
#define TRAINER_LEARN_QAT_H
#include "trainer/learn/recipe.h"
#include "trainer/net/student_int8.h"

struct tr_qat_run {
    const struct tr_training *job;
    struct tr_ranges ranges;
    struct tr_quantised quantised;
    int begin, freeze; /* steps */
};

/* The run stays where it is. */
rt_status tr_qat_init(struct tr_qat_run *qat, const struct tr_training *job, struct rt_arena *arena,
                      struct rt_err *err);
/* Before a step: the weights that its passes read. */
const struct tr_weights *tr_qat_step(struct tr_qat_run *qat, int step,
                                     const struct tr_weights *weights);
/* Behind a step, for each thread's observer: what it saw is joined to the first's, and cleared. */
void tr_qat_join(struct tr_observer *first, struct tr_observer *other);
/* Then: the ranges follow it. */
void tr_qat_follow(struct tr_qat_run *qat, int step, struct tr_observer *first);
#endif
