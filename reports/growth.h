/* reports/growth.h -- all trials of a study: when each was committed, and what it came to.
 *
 * A million of them are read in seconds: by one pass over the executions and one over the index of each
 * objective, in place of a look-up a trial.
 */
#ifndef REPORTS_GROWTH_H
#define REPORTS_GROWTH_H
#include "reports/compare.h"

/* When the execution that gave trial 0..count-1 its result ended, as julianday(); 0: none did. */
rt_status report__finished_load(struct store *store, size_t count, double *finished,
                                struct rt_err *err);
/* Fills `count`, `seconds` and `points`, whose columns are the comparison's objectives. The caller
 * releases what it has, also after an error. */
rt_status report__growth_load(struct store *store, const struct report__comparison *comparison,
                              struct report__growth *growth, struct rt_err *err);
/* The points alone, and of these trials instead. */
rt_status report__growth_sample(struct store *store, const struct report__comparison *comparison,
                                const int64_t *trial, size_t count, struct report__growth *growth,
                                struct rt_err *err);
#endif
