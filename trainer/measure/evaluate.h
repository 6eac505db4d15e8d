/* trainer/measure/evaluate.h -- what a network says about given rows, and how true it is to its teachers.
 *
 * Metrics are taken at T = 1 in inference mode, so they compare between budgets and recipes.
 */
#ifndef TRAINER_MEASURE_EVALUATE_H
#define TRAINER_MEASURE_EVALUATE_H
#include "trainer/distill/fidelity.h"
#include "trainer/learn/train.h"

/* Logits (n, classes) of the given rows of the task; weights must be packed. The rows are spread
 * over threads in fixed pieces: same bits for any number. */
rt_status tr_predict(const struct tr_student *student, const struct tr_weights *weights,
                     const struct tr_task *task, const int *rows, int n, int threads, float *logits,
                     struct rt_err *err);

/* The ensemble's probabilities at T = 1 for the given rows: out (n, classes). */
void tr_ensemble_rows(const struct tr_distill *distill, const struct tr_knowledge *knowledge,
                      const int *rows, int n, double *out);

/* ln of n probabilities as logits; 0 becomes about -690. */
void tr_log_of(const double *probabilities, size_t n, float *out);

/* Predict the validation rows and compare with labels and, when there is knowledge, the ensemble.
 */
rt_status tr_evaluate_validation(const struct tr_student *student, const struct tr_weights *weights,
                                 const struct tr_data *data, const struct tr_distill *distill,
                                 int threads, struct tr_fidelity *fidelity, struct rt_err *err);
/* Bytes that this takes, weights not included. */
size_t tr_validation_bytes(const struct tr_student *student, const struct tr_data *data,
                           int threads);
#endif
