/* trainer/teachers/assess.h -- how good answers are: a student's, a teacher's, the ensemble's.
 *
 * Metrics  of any task: error, nll, brier, ece against the labels; kl, reverse_kl, agreement,
 *          total_variation, js, ece_ensemble, accuracy_retention against the ensemble
 *          (distill/fidelity.h); then those of the task's kind. What is unknown is NaN.
 * Errors   RT_ENAN when a logit is not finite.
 */
#ifndef TRAINER_TEACHERS_ASSESS_H
#define TRAINER_TEACHERS_ASSESS_H
#include "trainer/distill/ensemble.h"
#include "trainer/task/task.h"
#include "trainer/teachers/knowledge.h"

/* The ensemble's probabilities at T = 1 for the given rows of so many parts: out (n,parts,C). */
void tr_ensemble_rows(const struct tr_ensemble *ensemble, const struct tr_knowledge *knowledge,
                      const int *rows, int n, int parts, double *out);
/* Of logits (n,parts,C) about these rows; target, as large, are the ensemble's probabilities, NULL:
 * none. Where a task has no labels, error is 1 - agreement. Appends to metrics. */
rt_status tr_answers_measure(const struct tr_task *task, const int *rows, int n,
                             const float *logits, const double *target, struct tr_metrics *metrics,
                             struct rt_err *err);
/* Of pool = none, whose answers are too many to be held at once: the metrics that do not need them
 * again (error, nll, ece, kl, agreement, accuracy_retention) and those of the task's kind, of what a
 * student, or the ensemble (NULL), answers to these rows; standard errors are over rows. Knowledge is
 * of live teachers, or NULL. The same bits for any number of threads. Appends to metrics. */
rt_status tr_rows_measure(const struct tr_task *task, const int *rows, int n,
                          const struct tr_student *student, const struct tr_weights *weights,
                          const struct tr_knowledge *knowledge, const struct tr_ensemble *ensemble,
                          int threads, struct tr_metrics *metrics, struct rt_err *err);
/* Bytes that this takes for n rows. */
size_t tr_rows_measure_bytes(const struct tr_student *student, const struct tr_knowledge *knowledge,
                             int n, int threads);
/* How teacher k (or, with k = K, the ensemble) does on the validation rows. */
rt_status tr_teacher_measure(const struct tr_task *task, const struct tr_knowledge *knowledge,
                             const struct tr_ensemble *ensemble, int k, struct tr_metrics *metrics,
                             struct rt_err *err);
/* Share of validation rows whose most likely class is the same: agreement (K+1, K+1), the ensemble
 * last. */
rt_status tr_teachers_agreement(const struct tr_task *task, const struct tr_knowledge *knowledge,
                                const struct tr_ensemble *ensemble, double *agreement,
                                struct rt_err *err);
#endif
