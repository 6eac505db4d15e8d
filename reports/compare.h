/* reports/compare.h -- several studies on one scale: how their fronts grew.
 *
 * Volume   hypervolume of the results so far within [ideal, reference], as a share of that box:
 *          ideal the best and reference the worst value of each objective in all studies, but for
 *          measured values far beyond them all (search_ceiling()). Costs count by their logarithm,
 *          as everywhere in reports, unless one is not positive.
 * Results  those of the highest rung that a study has reached.
 * Time     seconds in which a trial ran, from the first start: pauses between two runs of a search
 *          do not count.
 */
#ifndef REPORTS_COMPARE_H
#define REPORTS_COMPARE_H
#include <stdbool.h>
#include <stddef.h>

#include "reports/report.h"

#define REPORT__NAME 160

struct report__growth {
    const char *name;
    size_t count;    /* trials committed, failed ones included */
    double *seconds; /* when each was */
    double *volume;  /* after each */
    double *points;  /* rows of objectives, NaN without a result of the highest rung,
                        infinite where the study's constraints are broken */
    size_t front;
};

struct report__comparison {
    int count, objective_count;
    char objective[STORE_MAX_OBJECTIVES][STORE_NAME]; /* by name */
    bool cost[STORE_MAX_OBJECTIVES];                  /* looked at on a logarithmic scale, ... */
    bool log[STORE_MAX_OBJECTIVES];                   /* ... and all are positive */
    bool times;                                       /* one is a time, that is, of a machine */
    double ideal[STORE_MAX_OBJECTIVES], reference[STORE_MAX_OBJECTIVES];
    bool machines; /* a time is an objective, and was measured on more than one machine */
    struct report__growth *growth;
};

/* RT_EMISMATCH when the studies minimise different objectives. */
rt_status report__comparison_load(const struct report_study *studies, int count,
                                  struct report__comparison *comparison, struct rt_err *err);
void report__comparison_release(struct report__comparison *comparison);

/* The results of some trials of one study, as they are measured in. */
struct report__cloud {
    int m;          /* objectives, by name */
    double *points; /* rows, owned; NaN and infinite as in a growth */
    double ideal[STORE_MAX_OBJECTIVES], reference[STORE_MAX_OBJECTIVES];
};
rt_status report__cloud_load(struct store *store, const int64_t *trial, size_t count,
                             struct report__cloud *cloud, struct rt_err *err);

/* The volume after so many trials, or so many seconds; NaN before the first and beyond the last. */
double report__after_trials(const struct report__growth *growth, double trials);
double report__after_seconds(const struct report__growth *growth, double seconds);
double report__end_volume(const struct report__growth *growth);
double report__end_seconds(const struct report__growth *growth);
/* The first trial (from 1) with at least this volume; 0: none. */
size_t report__reaches(const struct report__growth *growth, double volume);
/* "error and params (costs by their logarithm)". */
void report__compared_text(const struct report__comparison *comparison, char *text, size_t size);
/* Fits `name` into so many columns by leaving out its beginning. */
const char *report__short_name(const char *name, int columns, char text[REPORT__NAME]);
#endif
