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
    int *label;         /* [rows] */
    const float **said; /* [rows] -> (K,C), inside the knowledge; NULL without teachers */
    float *own;         /* (rows,C) of the student's mean weights, when wanted */
    float *logits, *dlogits;
    double *scratch;
};

/* label and said are those of `batch`, or, of a whole batch (NULL), the lesson's own. */
void tr__lesson_init(struct tr_lesson *lesson, const struct tr_training *job, int rows,
                     const struct tr_batch *batch, struct rt_arena *arena);
/* These rows of the task, and what the teachers say about them, into a batch. */
void tr__lesson_fill(const struct tr_training *job, const int *rows, int count,
                     struct tr_batch *batch);
/* From the student's answers about the first `count` rows to dlogits; adds to stats. */
void tr__lesson_learn(struct tr_lesson *lesson, const struct tr_training *job, int count,
                      double progress, struct tr_distill_stats *stats);
#endif
