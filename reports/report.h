/* reports/report.h -- what people see of a study: tables, data, figures, one page.
 *
 * Everything is read from the store, opened with STORE_READ; a number in a report is a row there.
 * Output goes to a FILE that the caller owns, or to files written beside and renamed.
 */
#ifndef REPORTS_REPORT_H
#define REPORTS_REPORT_H
#include <stdio.h>

#include "store/store.h"

enum report_format { REPORT_TABLE, REPORT_CSV, REPORT_JSON };

/* The Pareto front, best first. The table fits 80 columns where the objectives allow it. */
rt_status report_front(struct store *store, enum report_format format, FILE *out,
                       struct rt_err *err);

/* Progress, rate, front, failures, time left: a dozen lines. Of a search that was killed it says so,
 * and how to go on. */
rt_status report_status(struct store *store, FILE *out, struct rt_err *err);

/* Is the file whole? Prints a line for each finding: pages, references, results of committed trials,
 * and the front, which is computed again. */
rt_status report_check(struct store *store, FILE *out, int64_t *findings, struct rt_err *err);

#define REPORT_MAX_LIMITS 16

struct report_wish {
    int count;
    struct report_limit {
        const char *option;   /* as it was given: "--max-params" */
        const char *quantity; /* its name in the study */
        bool objective;       /* it must be one: "--max NAME=VALUE" */
        double most;
    } limit[REPORT_MAX_LIMITS];
    enum report_pick {                   /* of what is left: */
                       REPORT_LOWEST,    /* the lowest by the first quantity, the lead */
                       REPORT_SUGGESTED, /* the least costly within one standard error of that */
                       REPORT_WITHIN, /* the least costly that loses at most `loss` of the lead */
                       REPORT_KNEE    /* the nearest to the best of every objective at once */
    } pick;
    double loss; /* of REPORT_WITHIN, a share of 1 where the lead is one */
};
/* One member of the front that fits the wish, why it was chosen, and its neighbours. RT_EEND when
 * none fits, naming the limit that excludes the most or, when only all limits together do, the
 * member that comes nearest; RT_EARG for an objective that it has not. */
rt_status report_best(struct store *store, const struct report_wish *wish,
                      enum report_format format, FILE *out, struct rt_err *err);

/* The architectures of the front, best first, or of the suggested member alone. RT_EEND: there is no front. */
struct report_members {
    int count;
    char (*arch)[SPACE_ARCH_TEXT]; /* owned: [count] */
};
rt_status report_members(struct store *store, bool suggested, struct report_members *members,
                         struct rt_err *err);
void report_members_release(struct report_members *members);

/* A database of Optuna's: its trials, parameters, values, curves; a snapshot. What is at `path` is replaced. */
rt_status report_optuna(struct store *store, const char *path, struct rt_err *err);

/* Which genes matter to reach the front; RT_EEND with too few trials to tell. */
rt_status report_importance(struct store *store, enum report_format format, FILE *out,
                            struct rt_err *err);

/* Full runs beside the short ones, and whether the ranking of these is to be believed; RT_EEND when
 * `retort confirm` has planned none. */
rt_status report_confirm(struct store *store, enum report_format format, FILE *out,
                         struct rt_err *err);

struct report_study {
    const char *name;
    struct store *store;
};
/* How the fronts of several studies grew, over trials and over time, on one scale: a table, a row a
 * trial as csv, or both as json. RT_EMISMATCH when they minimise different objectives. */
rt_status report_compare(const struct report_study *studies, int count, enum report_format format,
                         FILE *out, struct rt_err *err);
/* The same as a page with plots. */
rt_status report_compare_page(const struct report_study *studies, int count, const char *path,
                              struct rt_err *err);

/* One self-contained HTML page: no network, no server. */
rt_status report_page(struct store *store, const char *path, struct rt_err *err);
/* front-*.{svg,png,pdf}, hypervolume.*, curves.* through gnuplot, and the .csv and .gp they are
 * made of, into folder. */
rt_status report_figures(struct store *store, const char *folder, struct rt_err *err);
#endif
