/* reports/rows.c -- see rows.h. */
#include "reports/rows.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- queries ---- */

static rt_status fail_db(struct store *store, struct rt_err *err)
{
    return rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store),
                   sqlite3_errmsg(store_handle(store)));
}

rt_status report__freeze(struct store *store, struct rt_err *err)
{
    return sqlite3_exec(store_handle(store), "savepoint report", NULL, NULL, NULL)
               ? fail_db(store, err)
               : RT_OK;
}

void report__unfreeze(struct store *store)
{
    (void)sqlite3_exec(store_handle(store), "release report", NULL, NULL, NULL);
}

rt_status report__ask(struct store *store, const char *sql, sqlite3_stmt **query,
                      struct rt_err *err)
{
    return sqlite3_prepare_v2(store_handle(store), sql, -1, query, NULL) ? fail_db(store, err)
                                                                         : RT_OK;
}

bool report__next(sqlite3_stmt *query)
{
    return sqlite3_step(query) == SQLITE_ROW;
}

rt_status report__end(struct store *store, sqlite3_stmt *query, struct rt_err *err)
{
    return sqlite3_finalize(query) ? fail_db(store, err) : RT_OK;
}

const char *report__column(sqlite3_stmt *query, int column)
{
    const char *text = (const char *)sqlite3_column_text(query, column);
    return text ? text : "";
}

double report__number(sqlite3_stmt *query, int column)
{
    return sqlite3_column_type(query, column) == SQLITE_NULL ? NAN
                                                             : sqlite3_column_double(query, column);
}

rt_status report__one_text(struct store *store, const char *sql, char **text, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, sql, &q, err));
    char *got = strdup(report__next(q) ? report__column(q, 0) : "");
    rt_status rc = report__end(store, q, err);
    if (rc == RT_OK && !got)
        rc = rt_fail(err, RT_ENOMEM, "no memory to read '%s'", store_path(store));
    if (rc != RT_OK)
        free(got);
    else
        *text = got;
    return rc;
}

rt_status report__one_number(struct store *store, const char *sql, double *value,
                             struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, sql, &q, err));
    const double got = report__next(q) ? report__number(q, 0) : NAN;
    RT_TRY(report__end(store, q, err));
    *value = got;
    return RT_OK;
}

/* ---- trials ---- */

static rt_status load_objectives(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, "select name from objective order by position", &q, err));
    while (rows->objective_count < STORE_MAX_OBJECTIVES && report__next(q))
        (void)snprintf(rows->objective[rows->objective_count++], STORE_NAME, "%s",
                       report__column(q, 0));
    return report__end(store, q, err);
}

static rt_status load_study(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    rows->ensemble_error = rows->ensemble_se = rows->ensemble_params = NAN;
    RT_TRY(report__ask(store,
                       "select (select count(*) from trial where state = 'committed'"
                       " and rung = 0), p.failed, m.value, m.stderr, nullif(e.params, 0)"
                       " from progress p left join teacher e on e.kind = 'ensemble'"
                       " left join teacher_metric m on m.teacher = e.number and m.name = 'error'",
                       &q, err));
    if (report__next(q)) {
        rows->committed = sqlite3_column_int64(q, 0);
        rows->failed = sqlite3_column_int64(q, 1);
        rows->ensemble_error = report__number(q, 2);
        rows->ensemble_se = report__number(q, 3);
        rows->ensemble_params = report__number(q, 4);
    }
    return report__end(store, q, err);
}

static rt_status add_row(sqlite3_stmt *q, struct report__rows *rows, struct rt_err *err)
{
    if (rows->count == rows->room) {
        const int room = rows->room ? 2 * rows->room : 64;
        void *more = realloc(rows->row, (size_t)room * sizeof *rows->row);
        if (!more)
            return rt_fail(err, RT_ENOMEM, "no memory for %d trials", room);
        rows->row = more;
        rows->room = room;
    }
    struct report__row *r = &rows->row[rows->count];
    *r = (struct report__row){.trial = sqlite3_column_int64(q, 0),
                              .candidate = sqlite3_column_int64(q, 1),
                              .params = sqlite3_column_int64(q, 2),
                              .bytes = sqlite3_column_int64(q, 3),
                              .macs = sqlite3_column_int64(q, 4),
                              .memory = sqlite3_column_int64(q, 5),
                              .error = report__number(q, 6),
                              .error_se = report__number(q, 7),
                              .kl = report__number(q, 8),
                              .agreement = report__number(q, 9),
                              .latency = report__number(q, 10),
                              .int8_error = report__number(q, 11),
                              .int8_kl = report__number(q, 12),
                              .int8_bytes = report__number(q, 13),
                              .on_front = sqlite3_column_int(q, 14) != 0,
                              .arch = strdup(report__column(q, 15))};
    if (!r->arch)
        return rt_fail(err, RT_ENOMEM, "no memory for %d trials", rows->count);
    rows->count++;
    rows->front_count += r->on_front;
    return RT_OK;
}

#define METRIC(name)                                                                               \
    "(select value from metric m where m.trial = r.trial and m.name = '" name "'), "
#define COLUMNS                                                                                    \
    "select trial, candidate, params, bytes, macs, memory, error, error_stderr, kl, agreement, "   \
    "latency, " METRIC("int8_error") METRIC("int8_kl") METRIC("int8_bytes")

static rt_status load_rows(struct store *store, enum report__which which, struct report__rows *rows,
                           struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK, ended;

    RT_TRY(report__ask(store,
                       which == REPORT__FRONT ? COLUMNS "1, arch from pareto r"
                                              : COLUMNS
                           "on_front, arch from leaderboard r"
                           " where rung = (select max(number) from rung)"
                           " order by error is null, error, kl, params, trial",
                       &q, err));
    while (rc == RT_OK && report__next(q))
        rc = add_row(q, rows, err);
    if ((ended = report__end(store, q, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    return rc;
}

/* ---- studies of the user's own metrics ---- */

static int by_trial(const void *va, const void *vb)
{
    const struct report__row *a = va, *b = vb;
    return (a->trial > b->trial) - (a->trial < b->trial);
}

static int by_first_objective(const void *va, const void *vb)
{
    const struct report__row *a = va, *b = vb;

    if (a->value[0] != b->value[0])
        return a->value[0] < b->value[0] ? -1 : 1;
    return by_trial(va, vb);
}

static rt_status load_values(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    int at = 0;

    RT_TRY(report__ask(store, "select trial, position, value from objective_values order by trial",
                       &q, err));
    while (report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        const int position = sqlite3_column_int(q, 1);
        while (at < rows->count && rows->row[at].trial < trial)
            at++;
        if (at < rows->count && rows->row[at].trial == trial && position < rows->objective_count)
            rows->row[at].value[position] = report__number(q, 2);
    }
    return report__end(store, q, err);
}

static rt_status load_own(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    double own;

    RT_TRY(report__one_number(
        store, "select json_extract(settings, '$.kernels') = 'none' from study", &own, err));
    rows->own = own == 1;
    if (!rows->own)
        return RT_OK;
    rows->name = malloc(sizeof rows->objective);
    if (!rows->name)
        return rt_fail(err, RT_ENOMEM, "no memory for %d trials", rows->count);
    memcpy(rows->name, rows->objective, sizeof rows->objective);
    if (rows->count)
        qsort(rows->row, (size_t)rows->count, sizeof *rows->row, by_trial);
    for (int i = 0; i < rows->count; i++) {
        rows->row[i].name = (const char(*)[STORE_NAME])rows->name;
        for (int o = 0; o < STORE_MAX_OBJECTIVES; o++)
            rows->row[i].value[o] = NAN;
    }
    RT_TRY(load_values(store, rows, err));
    qsort(rows->row, (size_t)rows->count, sizeof *rows->row, by_first_objective);
    return RT_OK;
}

void report__own_text(const struct report__row *row, int objectives, char *text, size_t size)
{
    size_t used = 0;

    for (int o = 0; o < objectives && used < size; o++)
        used += (size_t)snprintf(text + used, size - used, "%s%s %.4g", o ? ", " : "", row->name[o],
                                 row->value[o]);
}

rt_status report__rows_load(struct store *store, enum report__which which,
                            struct report__rows *rows, struct rt_err *err)
{
    rt_status rc;

    *rows = (struct report__rows){0};
    if ((rc = load_objectives(store, rows, err)) || (rc = load_study(store, rows, err)) ||
        (rc = load_rows(store, which, rows, err)) || (rc = load_own(store, rows, err)))
        report__rows_release(rows);
    return rc;
}

void report__rows_release(struct report__rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        free(rows->row[i].arch);
    free(rows->row);
    free(rows->name);
    *rows = (struct report__rows){0};
}

double report__row_value(const struct report__row *row, const char *objective)
{
    for (int o = 0; row->name && o < STORE_MAX_OBJECTIVES; o++)
        if (strcmp(row->name[o], objective) == 0)
            return row->value[o];
    const struct {
        const char *name;
        double value;
    } values[] = {{"error", row->error},           {"kl", row->kl},
                  {"latency", row->latency},       {"params", (double)row->params},
                  {"bytes", (double)row->bytes},   {"macs", (double)row->macs},
                  {"memory", (double)row->memory}, {"int8_error", row->int8_error},
                  {"int8_kl", row->int8_kl},       {"int8_bytes", row->int8_bytes}};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i].name, objective) == 0)
            return values[i].value;
    return NAN;
}

bool report__has(const struct report__rows *rows, const char *objective)
{
    for (int i = 0; i < rows->objective_count; i++)
        if (strcmp(rows->objective[i], objective) == 0)
            return true;
    return false;
}

bool report__is_cost(const char *objective)
{
    static const char *const costs[] = {"params", "bytes",   "macs",
                                        "memory", "latency", "int8_bytes"};

    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (strcmp(costs[i], objective) == 0)
            return true;
    return false;
}

bool report__is_log(const struct report__rows *rows, const char *objective)
{
    for (int i = 0; i < rows->count; i++)
        if (report__row_value(&rows->row[i], objective) <= 0)
            return false;
    return report__is_cost(objective);
}

void report__pair(const char *a, const char *b, const char **x, const char **y)
{
    const bool swap =
        !report__is_cost(a) && (report__is_cost(b) || strcmp(a, "error") == 0); /* over kl */
    *x = swap ? b : a;
    *y = swap ? a : b;
}

/* ---- the knee ---- */

static double scaled(const struct report__row *row, const char *objective, bool log_scale)
{
    const double value = report__row_value(row, objective);
    return log_scale ? log(value) : value;
}

/* The square of the distance to the best of every objective, each scaled to 0..1. */
static double far_from_best(const struct report__rows *rows, const bool *log_scale,
                            const double *low, const double *high, int i)
{
    double distance = 0;

    for (int o = 0; o < rows->objective_count; o++)
        if (high[o] > low[o])
            distance += pow((scaled(&rows->row[i], rows->objective[o], log_scale[o]) - low[o]) /
                                (high[o] - low[o]),
                            2);
    return distance;
}

int report__knee(const struct report__rows *rows)
{
    double low[STORE_MAX_OBJECTIVES], high[STORE_MAX_OBJECTIVES], best = INFINITY;
    bool log_scale[STORE_MAX_OBJECTIVES];
    int knee = -1;

    for (int o = 0; o < rows->objective_count; o++) {
        log_scale[o] = report__is_log(rows, rows->objective[o]);
        low[o] = INFINITY;
        high[o] = -INFINITY;
        for (int i = 0; i < rows->count; i++)
            if (rows->row[i].on_front) { /* fmin() and fmax() pass over what was not measured */
                const double value = scaled(&rows->row[i], rows->objective[o], log_scale[o]);
                low[o] = fmin(low[o], value);
                high[o] = fmax(high[o], value);
            }
    }
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].on_front) {
            const double distance = far_from_best(rows, log_scale, low, high, i);
            if (knee < 0 || distance < best - 1e-12) {
                best = isfinite(distance) ? distance : INFINITY;
                knee = i;
            }
        }
    return knee;
}

void report__knee_text(const struct report__rows *rows, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "nearest to the best of ");
    bool costs = false;

    for (int o = 0; o < rows->objective_count && used < size; o++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 !o                               ? ""
                                 : o + 1 == rows->objective_count ? " and "
                                                                  : ", ",
                                 rows->objective[o]);
        costs |= report__is_log(rows, rows->objective[o]);
    }
    if (used < size)
        (void)snprintf(text + used, size - used, " at once, each scaled over the front%s",
                       costs ? " (costs by their logarithm)" : "");
}
