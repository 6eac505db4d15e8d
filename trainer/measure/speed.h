/* trainer/measure/speed.h -- how fast this machine trains and infers a student, for `retort bench`.
 *
 * Training is tr_train() itself, so all that a trial does is in the figure. Times are CPU time of
 * the thread, so that waiting for a core is not in them; but a busy neighbour (another thread of
 * the same core, another guest of the same host) still slows each instruction. Therefore the
 * processor's peak, multiply-adds on registers alone, is taken every few milliseconds between the
 * steps, and the share of the peak is the median of what both were at the same moment.
 *
 * FLOPs count what is done: twice the MACs of forward and of both backward products, the pruned
 * last block as pruned, less the stem's input gradient, which nobody needs.
 * Threads  one; the caller keeps the machine quiet.
 */
#ifndef TRAINER_MEASURE_SPEED_H
#define TRAINER_MEASURE_SPEED_H
#include "trainer/learn/train.h"
#include "trainer/measure/latency.h"

struct tr_speed {
    double step_seconds;        /* median */
    double examples_per_second; /* batch / step_seconds */
    double flops_per_second;    /* of training */
    double peak;                /* FLOPs per second of multiply-adds, median */
    double share;               /* of the peak that training reached, median */
    size_t bytes;               /* reserved while training, weights included */
};

/* Train from scratch by the recipe, whose micro-batch is chosen, for about `seconds`, at least five
 * steps. Weights are left trained and packed. */
rt_status tr_speed_train(const struct tr_student *student, const struct tr_data *data,
                         const struct tr_recipe *recipe, double seconds, struct tr_weights *weights,
                         struct tr_speed *speed, struct rt_err *err);

/* FLOPs per second of the four linear layers of a block of each student, forward and both backward
 * products, on `rows` rows; the best of five turns that the students take. */
rt_status tr_speed_products(const struct tr_student *const students[], int count, int rows,
                            double seconds, double flops_per_second[], struct rt_err *err);
#endif
