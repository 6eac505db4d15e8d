/* trainer/task/metric.h -- what measuring comes to: a list of names with two numbers each.
 *
 * Names are those of the store; whoever keeps or draws a metric finds it by its name. Which there are
 * of answers is said by teachers/assess.h, and by each kind of task of its own.
 */
#ifndef TRAINER_TASK_METRIC_H
#define TRAINER_TASK_METRIC_H

enum { TR_METRIC_NAME = 32, TR_MAX_METRICS = 32 };

struct tr_metric {
    char name[TR_METRIC_NAME];
    double value, error; /* and its standard error; NaN: unknown */
};

struct tr_metrics {
    int count;
    struct tr_metric list[TR_MAX_METRICS];
};

void tr_metrics_add(struct tr_metrics *metrics, const char *name, double value, double error);
/* sum a / sum b over n >= 1 independent rows, with the standard error of a ratio (Cochran 1977, 2.11):
 * of answers of which a row has many, the rows are what is drawn. */
void tr_metrics_add_ratio(struct tr_metrics *metrics, const char *name, const double *a,
                          const double *b, int n);
/* NULL when it is not in the list. */
const struct tr_metric *tr_metrics_find(const struct tr_metrics *metrics, const char *name);
/* NaN when it is not in the list. */
double tr_metrics_value(const struct tr_metrics *metrics, const char *name);
#endif
