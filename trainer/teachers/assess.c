/* trainer/teachers/assess.c -- how the teachers do on rows they have not seen, and what weights
 * they get for it; see teachers.h.
 */
#include <stdlib.h>
#include <string.h>

#include "trainer/distill/softmax.h"
#include "trainer/teachers/teachers.h"

rt_status tr_teachers_weigh(const struct tr_ensemble_spec *spec, const struct tr_data *data,
                            struct tr_distill *distill, struct rt_err *err)
{
    const struct tr_split *split = &data->task->split;
    const struct tr_knowledge_key *key = &data->knowledge->key;
    struct tr_ensemble_report report;
    rt_status rc;

    tr_ensemble_weights(spec, distill);
    if (spec->weights == TR_RULE_UNIFORM)
        for (int k = 0; k < spec->count; k++)
            distill->weight[k] = 1.0 / spec->count;
    if (!spec->calibrate && !tr_rule_needs_rows(spec->weights))
        return RT_OK;
    int *labels = malloc((size_t)split->held_out_count * sizeof *labels);
    if (!labels)
        return rt_fail(err, RT_ENOMEM, "no memory to weigh the teachers");
    for (int i = 0; i < split->held_out_count; i++)
        labels[i] = data->task->label[split->held_out[i]];
    const struct tr_held_out rows = {data->knowledge->logits, split->held_out, labels,
                                     split->held_out_count,   key->teachers,   key->classes};
    rc = tr_ensemble_fit(&rows, spec->weights, spec->calibrate, distill, &report, err);
    free(labels);
    return rc;
}

rt_status tr_teacher_fidelity(const struct tr_data *data, const struct tr_distill *distill, int k,
                              struct tr_fidelity *fidelity, struct rt_err *err)
{
    const struct tr_split *split = &data->task->split;
    const struct tr_knowledge *knowledge = data->knowledge;
    const int n = split->validation_count, c = knowledge->key.classes, kk = knowledge->key.teachers;
    float *logits = malloc((size_t)n * c * sizeof *logits);
    double *target = malloc((size_t)n * c * sizeof *target);
    int *labels = malloc((size_t)n * sizeof *labels);
    rt_status rc = RT_OK;

    if (!logits || !target || !labels) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to evaluate the teachers");
        goto done;
    }
    tr_ensemble_rows(distill, knowledge, split->validation, n, target);
    for (ptrdiff_t i = 0; i < n; i++) {
        const int row = split->validation[i];
        labels[i] = data->task->label[row];
        if (k < kk)
            memcpy(logits + i * c, knowledge->logits + ((ptrdiff_t)row * kk + k) * c,
                   (size_t)c * sizeof *logits);
        else
            tr_log_of(target + i * c, (size_t)c, logits + i * c);
    }
    rc = tr_fidelity_measure(logits, target, labels, n, c, fidelity, err);
done:
    free(logits);
    free(target);
    free(labels);
    return rc;
}

static int best_of(const float *v, int classes)
{
    int best = 0;

    for (int c = 1; c < classes; c++)
        best = v[c] > v[best] ? c : best;
    return best;
}

rt_status tr_teachers_agreement(const struct tr_data *data, const struct tr_distill *distill,
                                double *agreement, struct rt_err *err)
{
    const struct tr_split *split = &data->task->split;
    const int n = split->validation_count, c = data->knowledge->key.classes;
    const int kk = data->knowledge->key.teachers, all = kk + 1;
    double *target = malloc((size_t)n * c * sizeof *target);
    int same[TR_MAX_TEACHERS + 1][TR_MAX_TEACHERS + 1] = {{0}}, best[TR_MAX_TEACHERS + 1];

    if (!target)
        return rt_fail(err, RT_ENOMEM, "no memory to compare the teachers");
    tr_ensemble_rows(distill, data->knowledge, split->validation, n, target);
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *said = data->knowledge->logits + (ptrdiff_t)split->validation[i] * kk * c;
        for (int k = 0; k < kk; k++)
            best[k] = best_of(said + (ptrdiff_t)k * c, c);
        best[kk] = tr_argmax(target + i * c, c);
        for (int a = 0; a < all; a++)
            for (int b = 0; b < all; b++)
                same[a][b] += best[a] == best[b];
    }
    for (int a = 0; a < all; a++)
        for (int b = 0; b < all; b++)
            agreement[a * all + b] = (double)same[a][b] / n;
    free(target);
    return RT_OK;
}
