/* reports/growth.c -- growth.h. */
#include "reports/growth.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "reports/rows.h"

static rt_status no_memory(struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory to compare studies");
}

/* ---- when ---- */

struct stretch { /* of work on a trial; seconds */
    double from, to;
    int64_t trial;
    size_t place; /* in the file */
    bool result;
};

struct stretches {
    struct stretch *list;
    size_t count, room;
};

static int by_start(const void *a, const void *b)
{
    const struct stretch *p = a, *q = b;

    if (p->from != q->from)
        return p->from < q->from ? -1 : 1;
    return (p->place > q->place) - (p->place < q->place);
}

static rt_status add_stretch(struct stretches *s, const struct stretch *one, struct rt_err *err)
{
    if (s->count == s->room) {
        const size_t room = s->room ? 2 * s->room : 256;
        void *more = realloc(s->list, room * sizeof *s->list);
        if (!more)
            return no_memory(err);
        s->list = more;
        s->room = room;
    }
    s->list[s->count] = *one;
    s->list[s->count].place = s->count;
    s->count++;
    return RT_OK;
}

/* In order of their beginning, which is that of the file unless a clock was set. */
static rt_status load_stretches(struct store *store, struct stretches *s, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK, ended;
    bool sorted = true;

    RT_TRY(report__ask(store,
                       "select trial, outcome in ('done', 'failed'), started, finished"
                       " from execution where finished is not null order by id",
                       &q, err));
    while (rc == RT_OK && report__next(q)) {
        const struct stretch one = {.trial = sqlite3_column_int64(q, 0),
                                    .result = sqlite3_column_int(q, 1) != 0,
                                    .from = rt_utc_seconds(report__column(q, 2)),
                                    .to = rt_utc_seconds(report__column(q, 3))};
        if (!isfinite(one.from) || !isfinite(one.to))
            continue;
        sorted &= !s->count || one.from >= s->list[s->count - 1].from;
        rc = add_stretch(s, &one, err);
    }
    if ((ended = report__end(store, q, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    if (rc == RT_OK && !sorted)
        qsort(s->list, s->count, sizeof *s->list, by_start);
    return rc;
}

/* A trial is committed when it and all before it have finished; a pause is how long nothing had run
 * when a stretch began. */
static void put_moments(const struct stretches *s, struct report__growth *growth)
{
    double pauses = 0, last = -INFINITY;

    for (size_t n = 0; n < growth->count; n++)
        growth->seconds[n] = NAN;
    for (size_t i = 0; i < s->count; i++) {
        const struct stretch *one = &s->list[i];
        if (i)
            pauses += fmax(0, one->from - last);
        last = fmax(last, one->to);
        if (one->result && one->trial >= 0 && one->trial < (int64_t)growth->count)
            growth->seconds[one->trial] =
                fmax(growth->seconds[one->trial], one->to - pauses - s->list[0].from);
    }
    for (size_t n = 1; n < growth->count; n++)
        growth->seconds[n] = fmax(growth->seconds[n - 1], growth->seconds[n]);
}

rt_status report__finished_load(struct store *store, size_t count, double *finished,
                                struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    memset(finished, 0, count * sizeof *finished);
    RT_TRY(report__ask(store,
                       "select trial, julianday(finished) from execution"
                       " where outcome in ('done', 'failed')",
                       &q, err));
    while (report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        if (trial >= 0 && trial < (int64_t)count)
            finished[trial] = fmax(finished[trial], sqlite3_column_double(q, 1));
    }
    return report__end(store, q, err);
}

/* ---- what ---- */

/* Those whose results count. */
static rt_status load_counted(struct store *store, bool *counted, size_t count, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store,
                       "select number from trial not indexed" /* which are most of all */
                       " where state = 'committed' and replicate = 0"
                       " and error_kind is null"
                       " and rung = (select max(rung) from trial where state = 'committed')",
                       &q, err));
    while (report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        if (trial >= 0 && trial < (int64_t)count)
            counted[trial] = true;
    }
    return report__end(store, q, err);
}

/* Rows of (trial, value) into a column of the points; ?1 is the objective. */
static rt_status put_values(struct store *store, const char *sql, const char *objective,
                            const bool *counted, int m, int k, struct report__growth *growth,
                            struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, sql, &q, err));
    (void)sqlite3_bind_text(q, 1, objective, -1, SQLITE_STATIC);
    while (report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        if (trial >= 0 && trial < (int64_t)growth->count && counted[trial])
            growth->points[(size_t)trial * (size_t)m + (size_t)k] = report__number(q, 1);
    }
    return report__end(store, q, err);
}

/* As the view objective_values has them: a mean over seeds before the trial's own, and what is known of
 * the candidate before both. */
static rt_status put_objective(struct store *store, const char *objective, const bool *counted,
                               int m, int k, struct report__growth *growth, struct rt_err *err)
{
    char cost[160];
    double rate;

    (void)sqlite3_snprintf(sizeof cost, cost,
                           "select count(*) from quantity where name = %Q and unit = 'Hz'",
                           objective);
    RT_TRY(report__one_number(store, cost, &rate, err));
    if (rate > 0) /* it has no values of its own */
        return put_values(store, "select trial, value from objective_values where name = ?1",
                          objective, counted, m, k, growth, err);
    RT_TRY(put_values(store, "select trial, value from metric where name = ?1", objective, counted,
                      m, k, growth, err));
    RT_TRY(put_values(store,
                      "select trial, value from repeated where name = ?1 and value is not null",
                      objective, counted, m, k, growth, err));
    if (!store_is_cost(objective))
        return RT_OK;
    (void)sqlite3_snprintf(sizeof cost, cost,
                           "select t.number, c.\"%w\" from trial t cross join candidate c"
                           " on c.id = t.candidate where c.\"%w\" is not null",
                           objective, objective);
    return put_values(store, cost, objective, counted, m, k, growth, err);
}

/* What breaks the study's constraints is infinite. */
static rt_status put_broken(struct store *store, const bool *counted, int m,
                            struct report__growth *growth, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, "select trial from metric where name = 'violation' and value > 0", &q,
                       err));
    while (report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        for (int k = 0; k < m && trial >= 0 && trial < (int64_t)growth->count && counted[trial];
             k++)
            growth->points[(size_t)trial * (size_t)m + (size_t)k] = INFINITY;
    }
    return report__end(store, q, err);
}

static rt_status make_points(struct report__growth *growth, size_t count, int m, struct rt_err *err)
{
    const size_t cells = (count + 1) * (size_t)(m > 0 ? m : 1);

    growth->points = calloc(cells, sizeof *growth->points);
    if (!growth->points)
        return no_memory(err);
    for (size_t i = 0; i < cells; i++)
        growth->points[i] = NAN;
    return RT_OK;
}

rt_status report__growth_load(struct store *store, const struct report__comparison *comparison,
                              struct report__growth *growth, struct rt_err *err)
{
    const int m = comparison->objective_count;
    struct stretches stretches = {NULL, 0, 0};
    double count;

    RT_TRY(report__one_number(
        store, "select count(*) from trial where state in ('committed', 'failed')", &count, err));
    growth->count = (size_t)count;
    growth->seconds = calloc(growth->count + 1, sizeof *growth->seconds);
    growth->volume = calloc(growth->count + 1, sizeof *growth->volume);
    bool *counted = calloc(growth->count + 1, sizeof *counted);
    rt_status rc = growth->seconds && growth->volume && counted ? RT_OK : no_memory(err);
    if (rc == RT_OK)
        rc = make_points(growth, growth->count, m, err);
    if (rc == RT_OK)
        rc = load_stretches(store, &stretches, err);
    if (rc == RT_OK)
        put_moments(&stretches, growth);
    free(stretches.list);
    if (rc == RT_OK)
        rc = load_counted(store, counted, growth->count, err);
    for (int k = 0; k < m && rc == RT_OK; k++)
        rc = put_objective(store, comparison->objective[k], counted, m, k, growth, err);
    if (rc == RT_OK)
        rc = put_broken(store, counted, m, growth, err);
    free(counted);
    return rc;
}

rt_status report__growth_sample(struct store *store, const struct report__comparison *comparison,
                                const int64_t *trial, size_t count, struct report__growth *growth,
                                struct rt_err *err)
{
    const int m = comparison->objective_count;
    sqlite3_stmt *q = NULL;

    RT_TRY(make_points(growth, count, m, err));
    growth->count = count;
    RT_TRY(report__ask(store,
                       "select v.name, iif(x.value > 0, 9e999, v.value) from objective_values v"
                       " left join metric x on x.trial = v.trial and x.name = 'violation'"
                       " where v.trial = ?1",
                       &q, err));
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(q, 1, trial[i]);
        while (report__next(q))
            for (int k = 0; k < m; k++)
                if (strcmp(comparison->objective[k], report__column(q, 0)) == 0)
                    growth->points[i * (size_t)m + (size_t)k] = report__number(q, 1);
        if (sqlite3_reset(q))
            break; /* and report__end() tells why */
    }
    return report__end(store, q, err);
}
