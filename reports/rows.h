/* reports/rows.h -- the trials of a study as rows in memory, for all reports of this folder. */
#ifndef REPORTS_ROWS_H
#define REPORTS_ROWS_H
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct sqlite3_stmt;

/* ---- queries ---- */

/* One state of the study for all that is read until report__unfreeze(), while a search goes on. */
rt_status report__freeze(struct store *store, struct rt_err *err);
void report__unfreeze(struct store *store);
/* Prepare; then step with report__next() until it says false, and report__end() tells whether that
 * was the last row or an error. */
rt_status report__ask(struct store *store, const char *sql, struct sqlite3_stmt **query,
                      struct rt_err *err);
bool report__next(struct sqlite3_stmt *query);
rt_status report__end(struct store *store, struct sqlite3_stmt *query, struct rt_err *err);
const char *report__column(struct sqlite3_stmt *query, int column); /* "" for null */
double report__number(struct sqlite3_stmt *query, int column);      /* NaN for null */
/* The first value of a query: "" and NaN when there is none. The caller frees *text. */
rt_status report__one_text(struct store *store, const char *sql, char **text, struct rt_err *err);
rt_status report__one_number(struct store *store, const char *sql, double *value,
                             struct rt_err *err);

/* ---- trials ---- */

struct report__row { /* NaN: not measured */
    int64_t trial, candidate, params, bytes, macs, memory;
    double error, error_se, kl, agreement, latency; /* latency in ms */
    double int8_error, int8_kl, int8_bytes;
    bool on_front;
    char *arch;
    const char (*name)[STORE_NAME]; /* in a study of the user's own metrics: the objectives', ... */
    double value[STORE_MAX_OBJECTIVES]; /* ... and theirs; else NULL */
};

struct report__rows {
    struct report__row *row; /* owned; lowest error (or first objective) first, then by trial */
    int count, front_count, room;
    int objective_count;
    char objective[STORE_MAX_OBJECTIVES][STORE_NAME];
    bool own; /* an evaluator of the user's own: its objectives are all there is to show */
    char (*name)[STORE_NAME]; /* owned: the objectives' again, for the rows of such a study */
    double ensemble_error, ensemble_se; /* NaN without an ensemble */
    double ensemble_params;             /* of all teachers together, NaN when one is unknown */
    int64_t committed, failed;          /* students, whatever their longest run; failed trials */
};

enum report__which { REPORT__FRONT, REPORT__ALL };

/* The front, or all committed trials of the last rung with results. */
rt_status report__rows_load(struct store *store, enum report__which which,
                            struct report__rows *rows, struct rt_err *err);
void report__rows_release(struct report__rows *rows);
/* The value of an objective; NaN for a name that no row has. */
double report__row_value(const struct report__row *row, const char *objective);
/* "loss 0.0203, work 88", of a study of the user's own metrics. */
void report__own_text(const struct report__row *row, int objectives, char *text, size_t size);
bool report__has(const struct report__rows *rows, const char *objective);
/* error and kl, in int8 too, say how good a student is, the other objectives what it costs. Costs
 * are looked at on a logarithmic scale. */
bool report__is_cost(const char *objective);
/* Unless a study's own metric of such a name is not positive there. */
bool report__is_log(const struct report__rows *rows, const char *objective);
/* Which of two objectives goes on which axis: costs across, error up. */
void report__pair(const char *a, const char *b, const char **x, const char **y);

/* The knee: the front's row nearest to the best of every objective at once, each scaled to 0..1
 * over the front, costs by their logarithm. Index into rows, -1 without a front. */
int report__knee(const struct report__rows *rows);
/* What the knee is, for this study's objectives: goes after "it is". */
void report__knee_text(const struct report__rows *rows, char *text, size_t size);
#endif
