/* reports/sample.c -- sample.h. */
#include "reports/sample.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static rt_status add(struct report__sample *sample, int64_t trial, struct rt_err *err)
{
    if (sample->count == sample->room) {
        const size_t room = sample->room ? 2 * sample->room : 256;
        void *more = realloc(sample->trial, room * sizeof *sample->trial);
        if (!more)
            return rt_fail(err, RT_ENOMEM, "no memory for a sample of %zu trials", room);
        sample->trial = more;
        sample->room = room;
    }
    sample->trial[sample->count++] = trial;
    return RT_OK;
}

static rt_status ask(struct store *store, const char *what, const char *rung, sqlite3_stmt **q,
                     struct rt_err *err)
{
    char sql[256];

    const int size = snprintf(sql, sizeof sql,
                              "select %s from trial where state = 'committed' and rung = (%s)%s",
                              what, rung, *what == 'n' ? " order by number" : "");
    assert(size < (int)sizeof sql);
    (void)size;
    return report__ask(store, sql, q, err);
}

rt_status report__sample_load(struct store *store, const char *rung, int64_t most,
                              struct report__sample *sample, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK, ended;

    assert(most > 0);
    *sample = (struct report__sample){.every = 1};
    RT_TRY(ask(store, "count(*)", rung, &q, err));
    if (report__next(q))
        sample->of = sqlite3_column_int64(q, 0);
    RT_TRY(report__end(store, q, err));
    if (sample->of > most)
        sample->every = (sample->of + most - 1) / most;
    RT_TRY(ask(store, "number", rung, &q, err));
    for (int64_t i = 0; rc == RT_OK && report__next(q); i++)
        if (i % sample->every == 0)
            rc = add(sample, sqlite3_column_int64(q, 0), err);
    if ((ended = report__end(store, q, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    if (rc != RT_OK)
        report__sample_release(sample);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

/* Ascending, each once. */
static void settle(struct report__sample *sample)
{
    size_t kept = 0;

    if (!sample->count)
        return;
    qsort(sample->trial, sample->count, sizeof *sample->trial, by_number);
    for (size_t i = 0; i < sample->count; i++)
        if (!kept || sample->trial[i] != sample->trial[kept - 1])
            sample->trial[kept++] = sample->trial[i];
    sample->count = kept;
}

/* The index gives the lowest values first. Of these a trial leads if it is earlier than all so far,
 * until the first of all is met. */
rt_status report__sample_add_lowest(struct store *store, const char *metric,
                                    struct report__sample *sample, struct rt_err *err)
{
    sqlite3_stmt *q = NULL, *counts = NULL;
    int64_t first = INT64_MAX;
    const int64_t earliest = sample->count ? sample->trial[0] : 0;
    rt_status rc, ended;

    RT_TRY(report__ask(store,
                       "select trial from metric where name = ?1 and value is not null"
                       " order by value, trial",
                       &q, err));
    (void)sqlite3_bind_text(q, 1, metric, -1, SQLITE_STATIC);
    rc = report__ask(store,
                     "select 1 from trial where number = ?1 and state = 'committed'"
                     " and replicate = 0 and rung = (select max(number) from rung)",
                     &counts, err);
    while (rc == RT_OK && first > earliest && report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        if (trial >= first)
            continue;
        (void)sqlite3_bind_int64(counts, 1, trial);
        if (report__next(counts)) {
            first = trial;
            rc = add(sample, trial, err);
        }
        (void)sqlite3_reset(counts);
    }
    (void)sqlite3_finalize(counts);
    if ((ended = report__end(store, q, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    settle(sample);
    return rc;
}

void report__sample_release(struct report__sample *sample)
{
    free(sample->trial);
    *sample = (struct report__sample){.trial = NULL};
}
