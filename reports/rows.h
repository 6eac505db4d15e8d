/* reports/rows.h -- the trials of a study as rows in memory, for all reports of this folder. */
#ifndef REPORTS_ROWS_H
#define REPORTS_ROWS_H
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct report_row { /* NaN: not measured */
    int64_t trial, candidate, params, bytes, macs, memory;
    double error, error_se, kl, agreement, latency; /* latency in ms */
    bool on_front;
    char arch[SPACE_ARCH_TEXT];
};

struct report_rows {
    struct report_row *row; /* owned; lowest error first */
    int count;
    int objective_count;
    char objective[STORE_MAX_OBJECTIVES][STORE_NAME];
};

/* All committed trials, or the front alone. */
rt_status report_rows_load(struct store *store, bool front_only, struct report_rows *rows,
                           struct rt_err *err);
void report_rows_release(struct report_rows *rows);
/* The value of an objective; NaN for a name that no row has. */
double report_row_value(const struct report_row *row, const char *objective);
/* Sizes are looked at on a logarithmic scale, shares and divergences as they are. */
bool report_is_log(const char *objective);
/* The knee: the row nearest to the best of every objective at once, each scaled to 0..1 over the
 * list. -1 for an empty list. */
int report_knee(const struct report_rows *rows);

/* 12345 as "12.3k", 1234567 as "1.23M". */
const char *report_number(double value, char text[16]);

/* One value of a query of one row and column; "" and NaN when there is none. */
rt_status report_text(struct store *store, const char *sql, char **text, struct rt_err *err);
rt_status report_double(struct store *store, const char *sql, double *value, struct rt_err *err);
#endif
