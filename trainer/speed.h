/* trainer/speed.h -- how fast this machine trains and infers a student, for `retort bench`.
 *
 * Training is tr_train() itself on made-up images with one made-up teacher, so all that a trial
 * does is in the figure. FLOPs count what is done: twice the MACs of forward and of both backward
 * products, the pruned last block as pruned, less the stem's input gradient, which nobody needs.
 * Threads  one; the caller keeps the machine quiet.
 */
#ifndef TRAINER_SPEED_H
#define TRAINER_SPEED_H
#include "trainer/latency.h"
#include "trainer/student.h"

struct tr_speed {
    int micro_batch;            /* the one chosen */
    double step_seconds;        /* median */
    double examples_per_second; /* batch / step_seconds */
    double flops_per_second;    /* of training */
    size_t bytes;               /* reserved while training */
    struct tr_latency latency;  /* batch 1 */
};

/* FLOPs of training on one example, as counted above. */
double tr_train_flops(const struct tr_student *student);

/* Train on batches of `batch` for about `seconds`, then infer. micro_batch 0: choose it. */
rt_status tr_speed_measure(const struct tr_student *student, int batch, int micro_batch,
                           double seconds, struct tr_speed *speed, struct rt_err *err);
#endif
