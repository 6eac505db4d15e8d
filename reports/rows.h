/* reports/rows.h -- the trials of a study as rows in memory, for all reports of this folder.
 *
 * Read     `quantity`: which values there are, in which order, and how people are shown them; so
 *          no name of a metric or cost is known in this folder. `objective`: which of them are
 *          minimised. `study`: name, noun (what a candidate is called), method. `front`, `trial`,
 *          `candidate`, and the view `quantity_values`: the rows. `teacher`, `teacher_metric`: the
 *          ensemble beside them.
 * Lead     quantity 0 is what candidates are ranked by: rows are in its order, it stands with its
 *          standard error, and goes up in plots.
 * Threads  rows are read-only once loaded.
 */
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

/* ---- quantities ---- */

struct report__quantity { /* as struct store_quantity has it */
    char name[STORE_NAME], title[STORE_NAME], label[96], unit[16];
    double factor;
    int digits;
    bool logarithmic, exact, objective;
    enum store_detail detail;
};

struct report__quantities {
    int count;
    struct report__quantity list[STORE_MAX_QUANTITIES];
    int objective_count;
    int objective[STORE_MAX_OBJECTIVES]; /* places in the list, in the study's order */
};

rt_status report__quantities_load(struct store *store, struct report__quantities *quantities,
                                  struct rt_err *err);
/* Its place in the list; -1: there is none of that name. */
int report__quantity_called(const struct report__quantities *quantities, const char *name);
/* "error, params and latency" */
void report__objectives_text(const struct report__quantities *quantities, char *text, size_t size);

/* ---- trials ---- */

struct report__value {   /* NaN: not measured */
    double value, error; /* standard error */
    bool estimated;      /* a latency that is not clear: shown with a "~" before it */
};

/* Runs a query for (position, value, stderr, estimated or nothing) of quantities, whose ?1 is `id`: value[count]. */
rt_status report__values_read(struct store *store, struct sqlite3_stmt *query, int64_t id,
                              int count, struct report__value *value, struct rt_err *err);

struct report__row {
    int64_t trial, candidate;
    double params; /* of the candidate; NaN: unknown */
    bool on_front;
    int seeds;          /* that its values are means of */
    double probability; /* of a member of the front: that nobody dominates it; NaN: unknown */
    char *arch;
    int values;
    struct report__value *value; /* of each quantity */
};

struct report__rows {
    struct report__row
        *row; /* owned; in order of the quantities, the lowest first, then by trial */
    int count, front_count, room;
    int64_t total; /* trials that they stand for */
    int64_t every; /* of those beside the front one in so many is here, evenly; 1: all */
    struct report__quantities quantities;
    char noun[STORE_NAME], nouns[STORE_NAME + 1]; /* "student", "students" */
    int teachers;                                 /* without the ensemble */
    struct report__value ensemble;                /* its lead */
    const char *doubt;      /* "", or what goes behind that when teachers may have seen the rows */
    double ensemble_params; /* of all teachers together, NaN when one is unknown */
    int64_t committed, failed; /* candidates, whatever their longest run; failed trials */
};

/* The front; all committed trials of the last rung with results; or, of more than REPORT__MOST of them,
 * the front, about so many others, and those that led when they came (sample.h). */
enum report__which { REPORT__FRONT, REPORT__ALL, REPORT__SAMPLE };
#define REPORT__MOST 20000

rt_status report__rows_load(struct store *store, enum report__which which,
                            struct report__rows *rows, struct rt_err *err);
void report__rows_release(struct report__rows *rows);
/* Does it stand where quantities of `detail` do? Objectives do everywhere. */
bool report__is_of(const struct report__quantity *quantity, enum store_detail detail);
/* The same for a table, where what no row has is left out. */
bool report__shows(const struct report__rows *rows, int q, enum store_detail detail);
/* What stands where there is little room: the lead, the objectives in the study's order, and then
 * what is always shown; how many. */
int report__narrow(const struct report__rows *rows, int order[STORE_MAX_QUANTITIES]);
/* On a logarithmic scale? Not if a value is not positive. */
bool report__is_log(const struct report__rows *rows, int q);
/* Which of two objectives goes on which axis: costs across, the lead up. */
void report__pair(const struct report__rows *rows, int a, int b, int *x, int *y);
/* Has any row several seeds? */
bool report__repeated(const struct report__rows *rows);
const char *report__nouns(const struct report__rows *rows, int64_t count);
#endif
