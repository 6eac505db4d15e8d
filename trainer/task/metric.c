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

void tr_metrics_add_ratio(struct tr_metrics *metrics, const char *name, const double *a,
                          const double *b, int n)
{
    double sum_a = 0, sum_b = 0, squares = 0;

    assert(n >= 1);
    for (int i = 0; i < n; i++) {
        sum_a += a[i];
        sum_b += b[i];
    }
    const double ratio = sum_a / sum_b;
    for (int i = 0; i < n; i++)
        squares += (a[i] - ratio * b[i]) * (a[i] - ratio * b[i]);
    tr_metrics_add(metrics, name, ratio, n > 1 ? sqrt(squares * n / (n - 1)) / sum_b : (double)NAN);
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
