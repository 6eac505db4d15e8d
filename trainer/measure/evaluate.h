/* trainer/measure/evaluate.h -- what a network says about given rows, and how true it is to its teachers.
 *
 * Metrics are taken at T = 1 in inference mode, so they compare between budgets and recipes.
 */
#ifndef TRAINER_MEASURE_EVALUATE_H
#define TRAINER_MEASURE_EVALUATE_H
#include "trainer/distill/fidelity.h"
#include "trainer/learn/recipe.h"

/* Predict the validation rows and compare with labels and, when there is knowledge, the ensemble.
 */
rt_status tr_evaluate_validation(const struct tr_student *student, const struct tr_weights *weights,
                                 const struct tr_data *data, int threads,
                                 struct tr_fidelity *fidelity, struct rt_err *err);
/* Bytes that this takes, weights not included. */
size_t tr_validation_bytes(const struct tr_student *student, const struct tr_data *data,
                           int threads);
#endif
