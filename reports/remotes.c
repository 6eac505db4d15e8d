/* reports/remotes.c -- who evaluates trials on other machines, a line a host, for report_status(). */
#include "reports/remotes.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/text.h"
#include "reports/rows.h"

#define HOSTS_MAX 200

static rt_status has_remotes(struct store *store, bool *has, struct rt_err *err)
{
    double count = 0;

    RT_TRY(report__one_number(store,
                              "select count(*) from main.sqlite_schema where type = 'table' and"
                              " name = 'remote' and rootpage > 0",
                              &count, err));
    *has = count > 0;
    return RT_OK;
}

/* "3 of 4 workers, 6 slots; 120 trials, 35 an hour; 2 lost, 1 given back; 40 mixed". */
static void host_text(sqlite3_stmt *q, bool alive, char *text, size_t bytes)
{
    const double rate = report__number(q, 6);
    char mixed[40] = "";
    int used = 0;

    if (sqlite3_column_int64(q, 8) > 0)
        (void)snprintf(mixed, sizeof mixed, "; %lld mixed", (long long)sqlite3_column_int64(q, 8));

    if (alive)
        used =
            snprintf(text, bytes, "%s: %d of %d workers, %d slots; ", report__column(q, 0),
                     sqlite3_column_int(q, 1), sqlite3_column_int(q, 7), sqlite3_column_int(q, 2));
    else
        used = snprintf(text, bytes, "%s: %d worker%s; ", report__column(q, 0),
                        sqlite3_column_int(q, 7), sqlite3_column_int(q, 7) == 1 ? "" : "s");
    if (used >= 0 && (size_t)used < bytes)
        (void)snprintf(text + used, bytes - (size_t)used,
                       "%lld trials, %.*f an hour; %lld lost, %lld given back%s",
                       (long long)sqlite3_column_int64(q, 3), rate < 10 ? 1 : 0, rate,
                       (long long)sqlite3_column_int64(q, 4), (long long)sqlite3_column_int64(q, 5),
                       mixed);
    rt_text_plain(text);
}

/* The rate is of the last hour, or since the host's first worker came when that is later. */
static const char hosts[] =
    "select h.host, sum(r.there), sum(r.there * r.slots), sum(r.trials), sum(r.lost),"
    " sum(r.returned), (select count(*) from main.execution x where x.worker >= 1024 and"
    " x.outcome in ('done', 'failed') and x.host in (select id from main.host o where o.host ="
    " h.host) and julianday(x.finished) > julianday('now') - 1.0 / 24)"
    " / (24 * max(1e-6, min(1.0 / 24, julianday('now') - julianday(min(r.joined))))), count(*),"
    " sum(r.trials * r.mixed)"
    " from main.remote r join main.host h on h.id = r.host group by h.host order by h.host";

rt_status report__remotes(struct store *store, bool alive, report__line *line, void *context,
                          struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char text[320];
    bool has;
    int count = 0, there = 0;

    RT_TRY(has_remotes(store, &has, err));
    if (!has)
        return RT_OK;
    RT_TRY(report__ask(store, hosts, &q, err));
    for (; report__next(q); count++) {
        there += sqlite3_column_int(q, 1);
        host_text(q, alive, text, sizeof text);
        if (count < HOSTS_MAX)
            line(context, count ? "" : "elsewhere", text);
    }
    if (count > HOSTS_MAX) {
        (void)snprintf(text, sizeof text, "and %d more hosts", count - HOSTS_MAX);
        line(context, "", text);
    }
    if (alive && there == 0)
        line(context, count ? "" : "elsewhere", "no worker is left");
    return report__end(store, q, err);
}
