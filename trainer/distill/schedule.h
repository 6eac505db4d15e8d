/* trainer/distill/schedule.h -- temperature, weight of CE and learning rate over a run's progress.
 *
 *   u = step / (steps - 1), clamped to 0..1; every run goes from 0 to 1 over its own budget
 *   linear   from + (to - from) u
 *   cosine   to + (from - to) (1 + cos(pi u)) / 2
 *   two_stage (weight of CE alone): 1 while u < stage_split, then 0
 *   learning rate: (step + 1) / (W + 1) in the W = floor(warmup * steps) steps of warm-up, then
 *   (steps - step) / (steps - W): 1 at the first step behind it, 0 just beyond the last
 *
 * Source   Li et al. 2020, "Budgeted Training", arXiv:1905.04753.
 */
#ifndef TRAINER_DISTILL_SCHEDULE_H
#define TRAINER_DISTILL_SCHEDULE_H
#include "trainer/distill/distill.h"

/* u of a step; 1 for a run of one step. */
double tr_progress(int step, int steps);
/* T of the schedule; tau_teacher has no part in it. */
double tr_temperature(const struct tr_distill *distill, double progress);
double tr_ce_weight(const struct tr_distill *distill, double progress);
/* Fraction of the peak rate, for step 0..steps-1 and warmup 0..1. */
double tr_learning_rate(int step, int steps, double warmup);
#endif
