/* trainer/learn/lesson.h -- some rows of a step: what the teachers and the label say, what the student
 * answers, and the loss between them. Internal to training.
 *
 * Most losses add up over examples, and a lesson is a micro-batch. A loss that compares the
 * examples of a batch (tr_distill_needs_batch()), or peers that learn from each other, have one
 * lesson of the whole batch: training first asks the student about all micro-batches, then takes
 * the loss, then goes through them again, now with the gradient of each; so the result depends on
 * the micro-batch by rounding alone. It costs a second forward pass.
 */
#ifndef TRAINER_LEARN_LESSON_H
#define TRAINER_LEARN_LESSON_H
#include "trainer/learn/train.h"

struct tr_lesson {
    float *teacher, *own; /* (rows,K,C); (rows,C) of the student's mean weights, when wanted */
    float *logits, *dlogits;
    double *scratch;
    int *labels;
};

void tr__lesson_init(struct tr_lesson *lesson, const struct tr_training *job, int rows,
                     struct rt_arena *arena);
/* From the student's answers about these rows to dlogits; adds to stats. */
void tr__lesson_learn(struct tr_lesson *lesson, const struct tr_training *job, const int *rows,
                      int count, double progress, struct tr_distill_stats *stats);
#endif
