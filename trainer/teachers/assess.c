/* trainer/teachers/assess.c -- how good answers are, and what weights teachers get for theirs; see
 * assess.h and teachers.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/distill/fidelity.h"
#include "trainer/distill/softmax.h"
#include "trainer/teachers/teachers_internal.h"

void tr_ensemble_rows(const struct tr_ensemble *ensemble, const struct tr_knowledge *knowledge,
                      const int *rows, int n, int parts, double *out)
{
    const int k = knowledge->key.teachers, c = knowledge->key.classes;

    for (int i = 0; i < n; i++)
        for (int a = 0; a < parts; a++, out += c)
            tr_ensemble_target(ensemble, tr_knowledge_row(knowledge, rows[i] * parts + a), k, c,
                               1.0, out);
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

/* In the order of the store. */
static void add_fidelity(struct tr_metrics *metrics, const struct tr_fidelity *f)
{
    tr_metrics_add(metrics, "error", f->error, f->error_se);
    tr_metrics_add(metrics, "nll", f->nll, f->nll_se);
    tr_metrics_add(metrics, "brier", f->brier, f->brier_se);
    tr_metrics_add(metrics, "ece", f->ece, f->ece_se);
    tr_metrics_add(metrics, "kl", f->kl, f->kl_se);
    tr_metrics_add(metrics, "reverse_kl", f->reverse_kl, f->reverse_kl_se);
    tr_metrics_add(metrics, "agreement", f->agreement, f->agreement_se);
    tr_metrics_add(metrics, "total_variation", f->tv, f->tv_se);
    tr_metrics_add(metrics, "js", f->js, f->js_se);
    tr_metrics_add(metrics, "ece_ensemble", f->ece_teacher, f->ece_teacher_se);
    tr_metrics_add(metrics, "accuracy_retention", f->retention, f->retention_se);
}

rt_status tr_answers_measure(const struct tr_task *task, const int *rows, int n,
                             const float *logits, const double *target, struct tr_metrics *metrics,
                             struct rt_err *err)
{
    struct tr_fidelity fidelity;

    assert(n > 0 && rows && logits);
    int *labels = task->label ? malloc((size_t)n * sizeof *labels) : NULL;
    if (task->label && !labels)
        return rt_fail(err, RT_ENOMEM, "no memory to evaluate %d rows", n);
    for (int i = 0; labels && i < n; i++)
        labels[i] = task->label[rows[i]];
    const rt_status rc = tr_fidelity_measure(logits, target, labels, n * space_parts(&task->shape),
                                             task->shape.classes, &fidelity, err);
    free(labels);
    RT_TRY(rc);
    if (!task->label) {
        fidelity.error = 1 - fidelity.agreement;
        fidelity.error_se = fidelity.agreement_se;
    }
    add_fidelity(metrics, &fidelity);
    return task->kind->measure ? task->kind->measure(task, rows, n, logits, metrics, err) : RT_OK;
}

rt_status tr_teacher_measure(const struct tr_task *task, const struct tr_knowledge *knowledge,
                             const struct tr_ensemble *ensemble, int k, struct tr_metrics *metrics,
                             struct rt_err *err)
{
    const int *rows = task->split.validation;
    const int n = task->split.validation_count, c = knowledge->key.classes;
    const int kk = knowledge->key.teachers, parts = space_parts(&task->shape);
    const ptrdiff_t answers = (ptrdiff_t)n * parts;

    assert(k >= 0 && k <= kk);
    if (knowledge->live)
        return tr_rows_measure(task, rows, n, k < kk ? &knowledge->live[k].student : NULL,
                               k < kk ? &knowledge->live[k].weights : NULL, knowledge, ensemble, 1,
                               metrics, err);
    float *logits = malloc((size_t)(answers * c) * sizeof *logits);
    double *target = malloc((size_t)(answers * c) * sizeof *target);
    rt_status rc = RT_ENOMEM;

    if (logits && target) {
        tr_ensemble_rows(ensemble, knowledge, rows, n, parts, target);
        for (ptrdiff_t i = 0; i < answers; i++)
            if (k < kk)
                memcpy(logits + i * c,
                       tr_knowledge_row(knowledge,
                                        (int)((ptrdiff_t)rows[i / parts] * parts + i % parts)) +
                           (ptrdiff_t)k * c,
                       (size_t)c * sizeof *logits);
            else
                tr_log_of(target + i * c, (size_t)c, logits + i * c);
        rc = tr_answers_measure(task, rows, n, logits, target, metrics, err);
        if (rc == RT_OK && task->kind->act_as)
            rc = task->kind->act_as(task, k, false, metrics, err);
    } else {
        rc = rt_fail(err, rc, "no memory to evaluate the teachers");
    }
    free(logits);
    free(target);
    return rc;
}

rt_status tr_teachers_agreement(const struct tr_task *task, const struct tr_knowledge *knowledge,
                                const struct tr_ensemble *ensemble, double *agreement,
                                struct rt_err *err)
{
    const struct tr_split *split = &task->split;
    const int c = knowledge->key.classes, parts = space_parts(&task->shape);
    const int kk = knowledge->key.teachers, all = kk + 1;
    const ptrdiff_t n = (ptrdiff_t)split->validation_count * parts;

    if (knowledge->live)
        return tr__rows_agreement(task, knowledge, ensemble, agreement, err);
    double *target = malloc((size_t)(n * c) * sizeof *target);
    int same[TR_MAX_TEACHERS + 1][TR_MAX_TEACHERS + 1] = {{0}}, best[TR_MAX_TEACHERS + 1];

    if (!target)
        return rt_fail(err, RT_ENOMEM, "no memory to compare the teachers");
    tr_ensemble_rows(ensemble, knowledge, split->validation, split->validation_count, parts,
                     target);
    for (ptrdiff_t i = 0; i < n; i++) {
        const int row = (int)((ptrdiff_t)split->validation[i / parts] * parts + i % parts);
        const float *said = tr_knowledge_row(knowledge, row);
        for (int k = 0; k < kk; k++)
            best[k] = tr_argmax_float(said + (ptrdiff_t)k * c, c);
        best[kk] = tr_argmax(target + i * c, c);
        for (int a = 0; a < all; a++)
            for (int b = 0; b < all; b++)
                same[a][b] += best[a] == best[b];
    }
    for (int a = 0; a < all; a++)
        for (int b = 0; b < all; b++)
            agreement[a * all + b] = (double)same[a][b] / (double)n;
    free(target);
    return RT_OK;
}
