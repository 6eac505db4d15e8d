/* trainer/teachers/linear_probe.h -- a linear classifier on features that somebody else computed.
 *
 *   logits = W (x - m) / s + b      m, s: mean and deviation of each feature over the train rows
 *
 * W and b start at 0 and minimise cross-entropy by AdamW, rows shuffled anew each epoch by (seed,
 * RT_STREAM_ORDER, epoch), the rate rising over `warmup` of the steps and falling to 0. One thread, plain
 * loops: the same bits on every machine.
 * Source   Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes",
 *          arXiv:1610.01644.
 */
#ifndef TRAINER_TEACHERS_LINEAR_PROBE_H
#define TRAINER_TEACHERS_LINEAR_PROBE_H
#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"

struct tr_probe_recipe {
    double epochs;
    int batch;
    double learning_rate, warmup, weight_decay;
    uint64_t seed;
};

struct tr_linear_probe {
    int features, classes;
    float *weight; /* owned: (C,features), m and s in it */
    float *bias;   /* owned: [C] */
};

/* x (all rows, features) and their labels; n `rows` of them are trained on. RT_ESTOP when *stop, which
 * may be NULL, turns non-zero. */
rt_status tr_linear_probe_train(struct tr_linear_probe *probe, int features, int classes,
                                const float *x, const int *label, const int *rows, int n,
                                const struct tr_probe_recipe *recipe, const atomic_int *stop,
                                struct rt_err *err);
/* logits (n,C) of x (n,features). */
void tr_linear_probe_answer(const struct tr_linear_probe *probe, const float *x, int n,
                            float *logits);
void tr_linear_probe_release(struct tr_linear_probe *probe);
#endif
