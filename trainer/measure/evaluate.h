/* trainer/measure/evaluate.h -- what a network says about given rows, and how true it is to its teachers.
 *
 * Metrics are taken at T = 1 in inference mode, so they compare between budgets and recipes.
 */
#ifndef TRAINER_MEASURE_EVALUATE_H
#define TRAINER_MEASURE_EVALUATE_H
#include "trainer/learn/recipe.h"
#include "trainer/net/student_int8.h"
#include "trainer/teachers/assess.h"

/* Predict the validation rows and compare with labels and, when there is knowledge, the ensemble:
 * the metrics of teachers/assess.h, appended. */
rt_status tr_evaluate_validation(const struct tr_student *student, const struct tr_weights *weights,
                                 const struct tr_data *data, int threads,
                                 struct tr_metrics *metrics, struct rt_err *err);
/* What a student does when it acts, of tasks that let it; of others nothing. `test`: on the starts of
 * the test. Appends to metrics. */
rt_status tr_evaluate_acting(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_data *data, bool test, struct tr_metrics *metrics,
                             struct rt_err *err);
/* Bytes that the larger of these takes, weights and a task's own not included. */
size_t tr_validation_bytes(const struct tr_student *student, const struct tr_data *data,
                           int threads);

/* What a trained student is worth in int8. */

/* The ranges of a run that is over: those that QAT left, or else calibrated on recipe->ptq_rows of
 * the train rows, drawn by seed. `weights` are packed. */
rt_status tr_int8_ranges(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_data *data, const struct tr_recipe *recipe, uint64_t seed,
                         struct tr_ranges *ranges, struct rt_err *err);
/* As tr_evaluate_validation(), of the int8 quantised. */
rt_status tr_int8_evaluate(const struct tr_student *student, const struct tr_weights *weights,
                           const struct tr_ranges *ranges, const struct tr_data *data, int threads,
                           struct tr_metrics *metrics, struct rt_err *err);
/* Bytes that both take at most, the weights that they are given not included. */
size_t tr_int8_trial_bytes(const struct tr_student *student, const struct tr_data *data,
                           const struct tr_recipe *recipe, int threads);
#endif
