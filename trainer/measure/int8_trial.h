/* trainer/measure/int8_trial.h -- what a trained student is worth in int8, on the validation rows. */
#ifndef TRAINER_MEASURE_INT8_TRIAL_H
#define TRAINER_MEASURE_INT8_TRIAL_H
#include "trainer/measure/evaluate.h"
#include "trainer/net/student_int8.h"

/* The ranges of a run that is over: those that QAT left, or else calibrated on recipe->ptq_rows of
 * the train rows, drawn by seed. `weights` are packed. */
rt_status tr_int8_ranges(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_data *data, const struct tr_recipe *recipe, uint64_t seed,
                         struct tr_ranges *ranges, struct rt_err *err);
/* As tr_evaluate_validation(), of the int8 twin. */
rt_status tr_int8_evaluate(const struct tr_student *student, const struct tr_weights *weights,
                           const struct tr_ranges *ranges, const struct tr_data *data, int threads,
                           struct tr_fidelity *fidelity, struct rt_err *err);
/* Bytes that both take at most, the weights that they are given not included. */
size_t tr_int8_trial_bytes(const struct tr_student *student, const struct tr_data *data,
                           const struct tr_recipe *recipe, int threads);
#endif
