/* trainer/measure/trial.h -- one trial: build a student, distil it, evaluate it. One thread.
 *
 * Order    tr_train() with one lane, then validation. How long the student takes needs no training
 *          and is measured apart (latency.h).
 * Exact    weights start from (seed, RT_STREAM_INIT) and the data's donor, when the recipe says
 *          so: hence one seed gives one result, bit for bit, per kernel set and micro-batch.
 * Errors   RT_ENOMEM before training when the trial's memory exceeds `memory_limit`; RT_ENAN when
 *          training or the trained student is not finite; RT_ESTOP when asked to stop.
 */
#ifndef TRAINER_MEASURE_TRIAL_H
#define TRAINER_MEASURE_TRIAL_H
#include "base/curve.h"
#include "trainer/learn/train.h"
#include "trainer/measure/evaluate.h"

struct tr_curve { /* grows as training logs; owned */
    int count, room;
    struct rt_curve_point *points;
    bool failed; /* out of memory: points are missing */
};
/* For struct tr_training.curve with a struct tr_curve as context. */
void tr_curve_add(void *curve, int step, const char *name, double value);
void tr_curve_release(struct tr_curve *curve);

struct tr_trial {
    const struct space_arch *arch;
    const struct space_shape *shape;
    const struct tr_kernels *kernels;
    const struct tr_data *data;
    const struct tr_recipe *recipe; /* micro_batch chosen */
    uint64_t seed;
    size_t held;         /* bytes that the caller holds for this trial alone, such as a parent's */
    size_t apart;        /* bytes that are needed for it at another time, such as to time it */
    size_t memory_limit; /* bytes; 0: none */
    const char *save;    /* file for the trained weights; NULL: not kept */
    const struct tr_resume *resume; /* NULL: begins anew */
    const atomic_int *stop;
};

struct tr_trial_result {
    /* Of the validation rows: those of teachers/assess.h; inherited, the share of the parameters that were cut out
     * of a donor, when the recipe says so; int8_bytes, what the student would store in int8; int8_error and
     * int8_kl, when the recipe quantises. */
    struct tr_metrics metrics;
    struct tr_train_summary summary;
    struct tr_curve curve; /* released by the caller, also after a failure */
};

/* What a trial takes at its peak, weights and what is held for it included: known before it starts.
 */
rt_status tr_trial_bytes(const struct tr_trial *trial, size_t *bytes, struct rt_err *err);
/* RT_ENOMEM when that is more than the limit. */
rt_status tr_trial_check(const struct tr_trial *trial, struct rt_err *err);
rt_status tr_trial_run(const struct tr_trial *trial, struct tr_trial_result *result,
                       struct rt_err *err);
#endif
