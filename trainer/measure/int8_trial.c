/* trainer/measure/int8_trial.c -- see int8_trial.h. */
#include "trainer/measure/int8_trial.h"

#include <stdlib.h>

#include "trainer/learn/importance.h"

rt_status tr_int8_ranges(const struct tr_student *student, const struct tr_weights *weights,
                         const struct tr_data *data, const struct tr_recipe *recipe, uint64_t seed,
                         struct tr_ranges *ranges, struct rt_err *err)
{
    int *rows, n;

    if (recipe->quantise == TR_QUANTISE_QAT)
        return RT_OK;
    RT_TRY(tr_calibration_rows(&data->task->split, seed, recipe->ptq_rows, &rows, &n, err));
    const rt_status rc = tr_int8_calibrate(student, weights, data->task, rows, n, ranges, err);
    free(rows);
    return rc;
}

rt_status tr_int8_evaluate(const struct tr_student *student, const struct tr_weights *weights,
                           const struct tr_ranges *ranges, const struct tr_data *data, int threads,
                           struct tr_fidelity *fidelity, struct rt_err *err)
{
    struct rt_arena arena;
    struct tr_twin twin;
    rt_status rc;

    RT_TRY(rt_arena_init(&arena, tr_twin_bytes(student, false), err));
    if ((rc = tr_twin_init(&twin, student, ranges, false, &arena, err)) == RT_OK) {
        tr_twin_update(&twin, student, weights->params);
        rc = tr_evaluate_validation(student, &twin.weights, data, threads, fidelity, err);
    }
    rt_arena_release(&arena);
    return rc;
}

size_t tr_int8_trial_bytes(const struct tr_student *student, const struct tr_data *data,
                           const struct tr_recipe *recipe, int threads)
{
    const size_t rows = (size_t)data->task->split.train_count * sizeof(int);
    const size_t ranges =
        recipe->quantise == TR_QUANTISE_PTQ ? rows + tr_int8_calibrate_bytes(student) : 0;
    const size_t twin = tr_twin_bytes(student, false) + tr_validation_bytes(student, data, threads);

    return ranges > twin ? ranges : twin;
}
