/* trainer/distill/schedule.h -- what changes while training: T, the weight of CE, the learning
 * rate.
 *
 * progress u = step / (steps - 1) of the run's own budget, clamped to 0..1.
 */
#ifndef TRAINER_DISTILL_SCHEDULE_H
#define TRAINER_DISTILL_SCHEDULE_H
#include "trainer/distill/distill.h"

/* from + (to - from) u; or half a cosine; or `from` throughout. */
double tr_schedule_at(enum tr_schedule schedule, double from, double to, double progress);
double tr_temperature(const struct tr_distill *distill, double progress);
/* Weight of CE: two_stage is 1 while u < stage_split, then 0. */
double tr_ce_weight(const struct tr_distill *distill, double progress);

/* Factor of the peak learning rate at step 0..steps-1: linear warm-up over `warmup` of the steps
 * (step 0 is not 0), then linear to zero (the last step is not 0, the one after would be). */
double tr_learning_rate(int step, int steps, double warmup);
#endif
