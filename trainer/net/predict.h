/* trainer/net/predict.h -- what a network answers to given rows of a task, in inference mode. */
#ifndef TRAINER_NET_PREDICT_H
#define TRAINER_NET_PREDICT_H
#include "trainer/net/student.h"
#include "trainer/task/task.h"

/* Logits (n, outputs) of the given rows of the task, C of each part; weights must be packed; not of
 * pool = none, whose answers are too many to be kept. The rows are spread
 * over threads in fixed pieces: same bits for any number. */
rt_status tr_predict(const struct tr_student *student, const struct tr_weights *weights,
                     const struct tr_task *task, const int *rows, int n, int threads, float *logits,
                     struct rt_err *err);
/* Bytes that this takes, weights not included. */
size_t tr_predict_bytes(const struct tr_student *student, int threads);
#endif
