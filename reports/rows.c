/* reports/rows.c -- see rows.h. */
#include "reports/rows.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rt_status fail_db(struct store *store, struct rt_err *err)
{
    return rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store),
                   sqlite3_errmsg(store_handle(store)));
}

static double real(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q, column);
}

static void read_row(sqlite3_stmt *q, struct report_row *r)
{
    *r = (struct report_row){.trial = sqlite3_column_int64(q, 0),
                             .candidate = sqlite3_column_int64(q, 1),
                             .params = sqlite3_column_int64(q, 2),
                             .bytes = sqlite3_column_int64(q, 3),
                             .macs = sqlite3_column_int64(q, 4),
                             .memory = sqlite3_column_int64(q, 5),
                             .error = real(q, 6),
                             .error_se = real(q, 7),
                             .kl = real(q, 8),
                             .agreement = real(q, 9),
                             .latency = real(q, 10),
                             .on_front = sqlite3_column_int(q, 11)};
    (void)snprintf(r->arch, sizeof r->arch, "%s", (const char *)sqlite3_column_text(q, 12));
}

static rt_status load_objectives(struct store *store, struct report_rows *rows, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(store_handle(store), "select name from objective order by position",
                                -1, &q, NULL);

    while (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
           rows->objective_count < STORE_MAX_OBJECTIVES)
        (void)snprintf(rows->objective[rows->objective_count++], STORE_NAME, "%s",
                       (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return rc == SQLITE_OK ? RT_OK : fail_db(store, err);
}

static rt_status load_rows(struct store *store, const char *sql, struct report_rows *rows,
                           struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int room = 0, step = SQLITE_DONE;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        return fail_db(store, err);
    while (rc == RT_OK && (step = sqlite3_step(q)) == SQLITE_ROW) {
        if (rows->count == room) {
            room = room ? 2 * room : 64;
            void *more = realloc(rows->row, (size_t)room * sizeof *rows->row);
            if (!more) {
                rc = rt_fail(err, RT_ENOMEM, "no memory for the trials of '%s'", store_path(store));
                break;
            }
            rows->row = more;
        }
        read_row(q, &rows->row[rows->count++]);
    }
    if (rc == RT_OK && step != SQLITE_DONE)
        rc = fail_db(store, err);
    sqlite3_finalize(q);
    return rc;
}

#define COLUMNS                                                                                    \
    "select trial, candidate, params, bytes, macs, memory, error, error_stderr, kl, agreement, "   \
    "latency, "

rt_status report_rows_load(struct store *store, bool front_only, struct report_rows *rows,
                           struct rt_err *err)
{
    const char *sql = front_only ? COLUMNS "1, arch from pareto"
                                 : COLUMNS "on_front, arch from leaderboard order by error, trial";
    rt_status rc;

    *rows = (struct report_rows){0};
    if ((rc = load_objectives(store, rows, err)) || (rc = load_rows(store, sql, rows, err)))
        report_rows_release(rows);
    return rc;
}

void report_rows_release(struct report_rows *rows)
{
    free(rows->row);
    *rows = (struct report_rows){0};
}

double report_row_value(const struct report_row *row, const char *objective)
{
    const struct {
        const char *name;
        double value;
    } values[] = {{"error", row->error},           {"kl", row->kl},
                  {"latency", row->latency},       {"params", (double)row->params},
                  {"bytes", (double)row->bytes},   {"macs", (double)row->macs},
                  {"memory", (double)row->memory}, {"agreement", row->agreement}};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i].name, objective) == 0)
            return values[i].value;
    return NAN;
}

bool report_is_log(const char *objective)
{
    return strcmp(objective, "error") != 0 && strcmp(objective, "kl") != 0;
}

static double scaled(const struct report_row *row, const char *objective)
{
    const double value = report_row_value(row, objective);
    return report_is_log(objective) ? log(value > 0 ? value : 1e-12) : value;
}

int report_knee(const struct report_rows *rows)
{
    double low[STORE_MAX_OBJECTIVES], high[STORE_MAX_OBJECTIVES], best = INFINITY;
    int knee = rows->count ? 0 : -1;

    for (int o = 0; o < rows->objective_count; o++) {
        low[o] = INFINITY;
        high[o] = -INFINITY;
        for (int i = 0; i < rows->count; i++) {
            low[o] = fmin(low[o], scaled(&rows->row[i], rows->objective[o]));
            high[o] = fmax(high[o], scaled(&rows->row[i], rows->objective[o]));
        }
    }
    for (int i = 0; i < rows->count; i++) {
        double distance = 0;
        for (int o = 0; o < rows->objective_count; o++)
            if (high[o] > low[o])
                distance += pow(
                    (scaled(&rows->row[i], rows->objective[o]) - low[o]) / (high[o] - low[o]), 2);
        if (distance < best) {
            best = distance;
            knee = i;
        }
    }
    return knee;
}

const char *report_number(double value, char text[16])
{
    static const char units[] = " kMGT";
    int unit = 0;

    while (value >= 999.5 && unit < 4) {
        value /= 1000;
        unit++;
    }
    if (unit)
        (void)snprintf(text, 16, "%.3g%c", value, units[unit]);
    else
        (void)snprintf(text, 16, "%.0f", value);
    return text;
}

rt_status report_text(struct store *store, const char *sql, char **text, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    const char *got = "";

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        return fail_db(store, err);
    if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_text(q, 0))
        got = (const char *)sqlite3_column_text(q, 0);
    *text = strdup(got);
    sqlite3_finalize(q);
    return *text ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to read '%s'", store_path(store));
}

rt_status report_double(struct store *store, const char *sql, double *value, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL))
        return fail_db(store, err);
    *value = sqlite3_step(q) == SQLITE_ROW ? real(q, 0) : NAN;
    sqlite3_finalize(q);
    return RT_OK;
}
