/* trainer/teachers/assess.c -- how the teachers do on rows they have not seen, and what weights
 * they get for it; see teachers.h.
 */
#include <stdlib.h>
#include <string.h>

#include "trainer/distill/softmax.h"
#include "trainer/teachers/teachers.h"

void tr_ensemble_rows(const struct tr_ensemble *ensemble, const struct tr_knowledge *knowledge,
                      const int *rows, int n, double *out)
{
    const int k = knowledge->key.teachers, c = knowledge->key.classes;

    for (int i = 0; i < n; i++)
        tr_ensemble_target(ensemble, knowledge->logits + (ptrdiff_t)rows[i] * k * c, k, c, 1.0,
                           out + (ptrdiff_t)i * c);
}

rt_status tr_teachers_weigh(const struct tr_ensemble_spec *spec, const struct tr_task *task,
                            const struct tr_knowledge *knowledge, struct tr_ensemble *ensemble,
                            struct rt_err *err)
{
    const struct tr_split *split = &task->split;
    const struct tr_knowledge_key *key = &knowledge->key;
    struct tr_ensemble_report report;
    rt_status rc;

    tr_ensemble_weights(spec, ensemble);
    if (spec->weights == TR_RULE_UNIFORM)
        for (int k = 0; k < spec->count; k++)
            ensemble->weight[k] = 1.0 / spec->count;
    if (!spec->calibrate && !tr_rule_needs_rows(spec->weights))
        return RT_OK;
    int *labels = malloc((size_t)split->held_out_count * sizeof *labels);
    if (!labels)
        return rt_fail(err, RT_ENOMEM, "no memory to weigh the teachers");
    for (int i = 0; i < split->held_out_count; i++)
        labels[i] = task->label[split->held_out[i]];
    const struct tr_held_out rows = {knowledge->logits,     split->held_out, labels,
                                     split->held_out_count, key->teachers,   key->classes};
    rc = tr_ensemble_fit(&rows, spec->weights, spec->calibrate, ensemble, &report, err);
    free(labels);
    return rc;
}

rt_status tr_teacher_fidelity(const struct tr_task *task, const struct tr_knowledge *knowledge,
                              const struct tr_ensemble *ensemble, int k,
                              struct tr_fidelity *fidelity, struct rt_err *err)
{
    const struct tr_split *split = &task->split;
    const int n = split->validation_count, c = knowledge->key.classes, kk = knowledge->key.teachers;
    float *logits = malloc((size_t)n * c * sizeof *logits);
    double *target = malloc((size_t)n * c * sizeof *target);
    int *labels = malloc((size_t)n * sizeof *labels);
    rt_status rc = RT_OK;

    if (!logits || !target || !labels) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to evaluate the teachers");
        goto done;
    }
    tr_ensemble_rows(ensemble, knowledge, split->validation, n, target);
    for (ptrdiff_t i = 0; i < n; i++) {
        const int row = split->validation[i];
        labels[i] = task->label[row];
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

rt_status tr_teachers_agreement(const struct tr_task *task, const struct tr_knowledge *knowledge,
                                const struct tr_ensemble *ensemble, double *agreement,
                                struct rt_err *err)
{
    const struct tr_split *split = &task->split;
    const int n = split->validation_count, c = knowledge->key.classes;
    const int kk = knowledge->key.teachers, all = kk + 1;
    double *target = malloc((size_t)n * c * sizeof *target);
    int same[TR_MAX_TEACHERS + 1][TR_MAX_TEACHERS + 1] = {{0}}, best[TR_MAX_TEACHERS + 1];

    if (!target)
        return rt_fail(err, RT_ENOMEM, "no memory to compare the teachers");
    tr_ensemble_rows(ensemble, knowledge, split->validation, n, target);
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *said = knowledge->logits + (ptrdiff_t)split->validation[i] * kk * c;
        for (int k = 0; k < kk; k++)
            best[k] = tr_argmax_float(said + (ptrdiff_t)k * c, c);
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
