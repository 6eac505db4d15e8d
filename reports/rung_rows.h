/* reports/rung_rows.h -- the training budgets of a study, and how well each foretells the next. */
#ifndef REPORTS_RUNG_ROWS_H
#define REPORTS_RUNG_ROWS_H
#include <stdio.h>

#include "store/store.h"

struct report__rung { /* as in the view `rungs`; NaN: nothing to tell */
    double budget, committed, failed, seconds, pairs, tau, kept;
};

struct report__rungs {
    int count; /* 1: the study has none */
    struct report__rung rung[STORE_MAX_RUNGS];
};

rt_status report__rungs_load(struct store *store, struct report__rungs *rungs, struct rt_err *err);
/* How well it foretells the next: "next rung: tau-b 0.77, best third 83 % kept"; "" when nobody
 * has results at both. */
void report__rung_text(const struct report__rung *rung, char *text, size_t size);
#endif
