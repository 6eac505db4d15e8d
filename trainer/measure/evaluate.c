/* trainer/measure/evaluate.c -- see evaluate.h. */
#include "trainer/measure/evaluate.h"

#include <assert.h>
#include <stdlib.h>

#include "trainer/learn/importance.h"
#include "trainer/net/acting.h"
#include "trainer/net/predict.h"
#include "trainer/teachers/teachers.h"

rt_status tr_evaluate_validation(const struct tr_student *student, const struct tr_weights *weights,
                                 const struct tr_data *data, int threads,
                                 struct tr_metrics *metrics, struct rt_err *err)
{
    const int *rows = data->task->split.validation;
    const int n = data->task->split.validation_count;
    const int parts = space_parts(&student->shape);
    const size_t values = (size_t)n * space_outputs(&student->shape);

    assert(n > 0 && threads >= 1);
    if (student->shape.pool == SPACE_POOL_NONE)
        return tr_rows_measure(data->task, rows, n, student, weights, data->knowledge,
                               data->ensemble, threads, metrics, err);
    assert(!data->knowledge ||
           (data->ensemble && data->knowledge->key.classes == student->shape.classes));
    float *logits = malloc(values * sizeof *logits);
    double *target = malloc(values * sizeof *target);
    rt_status rc;

    if (!logits || !target) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to evaluate %d rows", n);
        goto done;
    }
    if ((rc = tr_predict(student, weights, data->task, rows, n, threads, logits, err)))
        goto done;
    if (data->knowledge)
        tr_ensemble_rows(data->ensemble, data->knowledge, rows, n, parts, target);
    rc = tr_answers_measure(data->task, rows, n, logits, data->knowledge ? target : NULL, metrics,
                            err);
    if (rc == RT_OK)
        rc = tr_data_look(data, err);
done:
    free(logits);
    free(target);
    return rc;
}

/* Asked about at once, where students act. */
static int at_once(const struct tr_task *task)
{
    return task->kind->feed->at_once(task);
}

static size_t acting_bytes(const struct tr_student *student, const struct tr_task *task)
{
    struct tr_acting acting;
    struct rt_arena arena;

    rt_arena_init_counting(&arena);
    (void)tr_acting_init(&acting, student, at_once(task), &arena, NULL); /* cannot fail */
    return arena.used;
}

rt_status tr_evaluate_acting(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_data *data, bool test, struct tr_metrics *metrics,
                             struct rt_err *err)
{
    const struct tr_task *task = data->task;
    struct tr_acting acting;
    struct rt_arena arena;
    rt_status rc;

    if (!task->kind->act)
        return RT_OK;
    RT_TRY(rt_arena_init(&arena, acting_bytes(student, task), err));
    if ((rc = tr_acting_init(&acting, student, at_once(task), &arena, err)) == RT_OK) {
        acting.weights = weights;
        rc = task->kind->act(task, &acting.actor, data->ensemble, test, metrics, err);
    }
    rt_arena_release(&arena);
    return rc;
}

size_t tr_validation_bytes(const struct tr_student *student, const struct tr_data *data,
                           int threads)
{
    const size_t acting = data->task->kind->act ? acting_bytes(student, data->task) : 0;
    const size_t row = (size_t)space_outputs(&student->shape) * (sizeof(float) + sizeof(double));

    if (student->shape.pool == SPACE_POOL_NONE)
        return tr_rows_measure_bytes(student, data->knowledge, data->task->split.validation_count,
                                     threads);
    const size_t rows = tr_predict_bytes(student, threads) +
                        (size_t)data->task->split.validation_count * (row + sizeof(int));

    return rows > acting ? rows : acting;
}

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
                           struct tr_metrics *metrics, struct rt_err *err)
{
    struct rt_arena arena;
    struct tr_quantised quantised;
    rt_status rc;

    RT_TRY(rt_arena_init(&arena, tr_quantised_bytes(student, false), err));
    if ((rc = tr_quantised_init(&quantised, student, ranges, false, &arena, err)) == RT_OK) {
        tr_quantised_update(&quantised, student, weights->params);
        rc = tr_evaluate_validation(student, &quantised.weights, data, threads, metrics, err);
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
    const size_t quantised =
        tr_quantised_bytes(student, false) + tr_validation_bytes(student, data, threads);

    return ranges > quantised ? ranges : quantised;
}
