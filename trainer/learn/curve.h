/* trainer/learn/curve.h -- the learning curve of a run: which steps are logged, and what of them.
 * Internal to training.
 */
#ifndef TRAINER_LEARN_CURVE_H
#define TRAINER_LEARN_CURVE_H
#include "trainer/distill/clip.h"
#include "trainer/learn/train.h"

struct tr_step_outcome {
    double norm, rate; /* of the gradient; the learning rate */
    enum tr_clip_event event;
};

/* `curve_points` steps spread evenly, the first and the last included. */
bool tr__is_curve_step(const struct tr_recipe *recipe, int step);
/* To job->curve: `sum` over so many answers, what became of the step, and counts so far. */
void tr__log_step(const struct tr_training *job, int step, int answers,
                  const struct tr_distill_stats *sum, const struct tr_step_outcome *out,
                  const struct tr_train_summary *summary);
#endif
