/* trainer/task/metric.c -- see metric.h. */
#include "trainer/task/metric.h"

#include <assert.h>
#include <math.h>
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

double tr_metrics_value(const struct tr_metrics *metrics, const char *name)
{
    const struct tr_metric *m = tr_metrics_find(metrics, name);

    return m ? m->value : (double)NAN;
}
