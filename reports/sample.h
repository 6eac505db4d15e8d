/* reports/sample.h -- which trials stand for all of a long study.
 *
 * Reports that look at each trial look at all of them as long as these are few, and else at a sample,
 * whose size they tell: so what a report takes does not grow with the study. It is every so-many-th in
 * order of number, the first included: no chance, so the same file gives the same report.
 */
#ifndef REPORTS_SAMPLE_H
#define REPORTS_SAMPLE_H
#include <stdint.h>

#include "reports/rows.h"

struct report__sample {
    int64_t *trial; /* owned: numbers, ascending */
    size_t count, room;
    int64_t of;    /* committed trials, those with other seeds included, of that rung */
    int64_t every; /* it has one in so many; 1: all */
};

/* At most `most` of the committed trials of a rung, which `rung` asks for: a SELECT of one number. */
rt_status report__sample_load(struct store *store, const char *rung, int64_t most,
                              struct report__sample *sample, struct rt_err *err);
/* Adds those whose `metric` was lower than that of all before them, in the metric's own values. They
 * are few: each new lowest makes the next less likely. */
rt_status report__sample_add_lowest(struct store *store, const char *metric,
                                    struct report__sample *sample, struct rt_err *err);
void report__sample_release(struct report__sample *sample);
#endif
