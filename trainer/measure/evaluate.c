/* trainer/measure/evaluate.c -- see evaluate.h. */
#include "trainer/measure/evaluate.h"

#include <stdlib.h>

#include "trainer/net/predict.h"
#include "trainer/teachers/teachers.h"

rt_status tr_evaluate_validation(const struct tr_student *student, const struct tr_weights *weights,
                                 const struct tr_data *data, int threads,
                                 struct tr_fidelity *fidelity, struct rt_err *err)
{
    const struct tr_split *split = &data->task->split;
    const int n = split->validation_count, c = student->shape.classes;
    float *logits = malloc((size_t)n * c * sizeof *logits);
    double *target = malloc((size_t)n * c * sizeof *target);
    int *labels = malloc((size_t)n * sizeof *labels);
    rt_status rc;

    if (!logits || !target || !labels) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to evaluate %d rows", n);
        goto done;
    }
    if ((rc = tr_predict(student, weights, data->task, split->validation, n, threads, logits, err)))
        goto done;
    for (int i = 0; i < n; i++)
        labels[i] = data->task->label[split->validation[i]];
    if (data->knowledge)
        tr_ensemble_rows(data->ensemble, data->knowledge, split->validation, n, target);
    rc = tr_fidelity_measure(logits, data->knowledge ? target : NULL, labels, n, c, fidelity, err);
done:
    free(logits);
    free(target);
    free(labels);
    return rc;
}

size_t tr_validation_bytes(const struct tr_student *student, const struct tr_data *data,
                           int threads)
{
    const size_t row = (size_t)student->shape.classes * (sizeof(float) + sizeof(double));

    return tr_predict_bytes(student, threads) +
           (size_t)data->task->split.validation_count * (row + sizeof(int));
}
