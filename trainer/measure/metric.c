/* trainer/measure/metric.c -- see metric.h. */
#include "trainer/measure/metric.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void tr_metrics_add(struct tr_metrics *metrics, const char *name, double value, double error)
{
    struct tr_metric *m = &metrics->list[metrics->count];

    assert(strlen(name) < TR_METRIC_NAME && !tr_metrics_find(metrics, name));
    assert(metrics->count < TR_MAX_METRICS);
    *m = (struct tr_metric){.value = value, .error = error};
    memcpy(m->name, name, strlen(name));
    metrics->count++;
}

const struct tr_metric *tr_metrics_find(const struct tr_metrics *metrics, const char *name)
{
    for (int i = 0; i < metrics->count; i++)
        if (!strcmp(metrics->list[i].name, name))
            return &metrics->list[i];
    return NULL;
}

void tr_metrics_add_fidelity(struct tr_metrics *metrics, const struct tr_fidelity *f)
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
