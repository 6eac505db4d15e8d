/* reports/check.c -- report_check() of report.h: what store_open() has no time to look at. */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reports/report.h"
#include "reports/rows.h"
#include "search/pareto.h"

/* One row a finding. */
static const char *const questions[] = {
    "select * from pragma_integrity_check where integrity_check <> 'ok' limit 100",
    "select 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" || ' names a row of ' || parent"
    " || ' that is not there' from pragma_foreign_key_check limit 100",
    "select 'trial ' || number || ' is missing' from (select number + 1 as number from trial"
    " where number + 1 not in (select number from trial)"
    " and number < (select max(number) from trial) limit 100)",
    "select 'trial ' || t.number || ' has no ' || o.name from trial t cross join objective o"
    " where t.state = 'committed' and o.name not in ('params', 'bytes', 'macs', 'memory')"
    " and not exists (select 1 from metric m where m.trial = t.number and m.name = o.name)"
    " limit 100",
    "select 'trial ' || t.number || ' has no candidate' from trial t where not exists"
    " (select 1 from candidate c where c.id = t.candidate and c.arch <> '') limit 100",
    "select 'trial ' || f.trial || ' is on the front and ' || coalesce(t.state, 'missing')"
    " from front f left join trial t on t.number = f.trial where t.state is not 'committed'",
};

static rt_status ask(struct store *store, const char *sql, FILE *out, int64_t *findings,
                     struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, sql, &q, err));
    while (report__next(q)) {
        char text[384];
        (void)snprintf(text, sizeof text, "%s", report__column(q, 0));
        rt_text_plain(text);
        (void)fprintf(out, "%s\n", text);
        ++*findings;
    }
    return report__end(store, q, err);
}

/* ---- the front ---- */

/* Can it be on the front: it has all objectives, and breaks no constraint? */
static bool can_be(const struct report__rows *rows, int i, sqlite3_stmt *broken, double *point)
{
    const struct report__quantities *quantities = &rows->quantities;

    for (int o = 0; o < quantities->objective_count; o++) {
        point[o] = rows->row[i].value[quantities->objective[o]].value;
        if (!isfinite(point[o]))
            return false;
    }
    (void)sqlite3_reset(broken);
    (void)sqlite3_bind_int64(broken, 1, rows->row[i].trial);
    return !report__next(broken);
}

/* Members of the front so far: row and point, of m doubles. */
struct members {
    int m, count;
    int *row;
    double *point;
};

static void add(struct members *f, int row, const double *point)
{
    const size_t m = (size_t)f->m;
    int left = 0;

    for (int i = 0; i < f->count; i++)
        if (search_dominates(f->point + (size_t)i * m, point, f->m))
            return;
    for (int i = 0; i < f->count; i++) {
        if (search_dominates(point, f->point + (size_t)i * m, f->m))
            continue;
        memmove(f->point + (size_t)left * m, f->point + (size_t)i * m, m * sizeof *point);
        f->row[left++] = f->row[i];
    }
    memcpy(f->point + (size_t)left * m, point, m * sizeof *point);
    f->row[left] = row;
    f->count = left + 1;
}

static void compare(const struct report__rows *rows, const struct members *front, bool *expected,
                    FILE *out, int64_t *findings)
{
    for (int i = 0; i < front->count; i++)
        expected[front->row[i]] = true;
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].on_front != expected[i]) {
            (void)fprintf(out, "trial %lld %s\n", (long long)rows->row[i].trial,
                          expected[i] ? "belongs to the front and is not on it"
                                      : "is on the front and does not belong to it");
            ++*findings;
        }
}

static rt_status check_front(struct store *store, const struct report__rows *rows, FILE *out,
                             int64_t *findings, struct rt_err *err)
{
    const size_t n = (size_t)rows->count + 1;
    struct members front = {.m = rows->quantities.objective_count};
    bool *expected = calloc(n, sizeof *expected);
    double point[STORE_MAX_OBJECTIVES];
    sqlite3_stmt *broken = NULL;
    rt_status rc;

    front.row = calloc(n, sizeof *front.row);
    front.point = calloc(n * STORE_MAX_OBJECTIVES, sizeof *front.point);
    if (!expected || !front.row || !front.point)
        rc = rt_fail(err, RT_ENOMEM, "no memory for %d trials", rows->count);
    else
        rc = report__ask(store,
                         "select 1 from metric where trial = ?1 and name = 'violation'"
                         " and value > 0",
                         &broken, err);
    if (rc == RT_OK) {
        for (int i = 0; i < rows->count; i++)
            if (can_be(rows, i, broken, point))
                add(&front, i, point);
        compare(rows, &front, expected, out, findings);
        (void)sqlite3_reset(broken);
        rc = report__end(store, broken, err);
    }
    free(expected);
    free(front.row);
    free(front.point);
    return rc;
}

rt_status report_check(struct store *store, FILE *out, int64_t *findings, struct rt_err *err)
{
    struct report__rows rows = {0};
    rt_status rc = RT_OK;

    *findings = 0;
    /* the integrity check evaluates our own check of json */
    sqlite3_db_config(store_handle(store), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, NULL);
    RT_TRY(report__freeze(store, err));
    for (size_t i = 0; i < sizeof questions / sizeof *questions && rc == RT_OK; i++)
        rc = ask(store, questions[i], out, findings, err);
    if (rc == RT_OK)
        rc = report__rows_load(store, REPORT__ALL, &rows, err);
    if (rc == RT_OK)
        rc = check_front(store, &rows, out, findings, err);
    report__unfreeze(store);
    report__rows_release(&rows);
    return rc;
}
