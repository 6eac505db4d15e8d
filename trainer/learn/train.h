/* trainer/learn/train.h -- one training run: batches, loss, backward, AdamW, schedules, learning curve.
 *
 * Serves trials (one lane, one thread), `teach` and `distill` (several lanes over threads) alike.
 * A *lane* is a gradient buffer: micro-batch i of a step belongs to lane i mod lanes, each lane
 * adds its micro-batches in order, and lanes are added in order. So the result depends on lanes and
 * micro-batch, never on the number of threads that the lanes are spread over.
 *
 * Order    the train rows of the split, shuffled anew each epoch by (seed, RT_STREAM_ORDER, epoch);
 *          all candidates of a study see the same order (common random numbers).
 * Schedule warm-up then linear decay to zero over this run's own `steps`; u, T and the CE weight
 *          likewise (Li et al. 2020, "Budgeted Training", arXiv:1905.04753).
 * Memory   tr_train_bytes() before it starts; nothing is allocated between steps.
 * Layers   while recipe.layers are in force, micro-batches go through trainer/learn/layerwise.h.
 * Errors   RT_ENOMEM at the start; RT_EARG when the recipe has layer-wise losses and the data no
 *          teacher that can give them; RT_ESTOP when *stop turns non-zero; RT_ENAN when ten steps
 *          running have no finite gradient.
 */
#ifndef TRAINER_LEARN_TRAIN_H
#define TRAINER_LEARN_TRAIN_H
#include "trainer/distill/online.h"
#include "trainer/learn/recipe.h"

struct tr_train_summary {
    int clipped, floored, skipped; /* steps whose gradient was scaled down, up, or left out */
    int resumed;                   /* the step that it went on from; 0: begun here */
    double seconds;                /* with those before that */
};

/* Bytes that tr_train() reserves, weights not included. */
size_t tr_train_bytes(const struct tr_training *training);
/* Train weights->params in place; packed weights are current afterwards. */
rt_status tr_train(const struct tr_training *training, struct tr_weights *weights,
                   struct tr_train_summary *summary, struct rt_err *err);

/* Train a cohort of one architecture, online->cohort students that start from their own weights and
 * teach each other besides (distill/online.h). All see the same batches; summary (cohort).
 * It costs each a second forward pass. The curve is the first one's. */
rt_status tr_train_cohort(const struct tr_training *training, const struct tr_online *online,
                          struct tr_weights *weights, struct tr_train_summary *summary,
                          struct rt_err *err);

#endif
