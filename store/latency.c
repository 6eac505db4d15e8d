/* store/latency.c -- blocks of calls, and what they come to.
 *
 * `latency` has one row a candidate, host and setting, which each measurement replaces; blocks are
 * only ever added. Where the measurement is what a study minimises, the metric of the candidate's
 * trials is replaced with it, so that whoever reads sees one figure.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* trial -1: none. */
static rt_status insert_block(struct store *store, int64_t candidate, int64_t trial, int64_t host,
                              const struct store_block *b, struct rt_err *err)
{
    static const char sql[] =
        "insert into latency_block (candidate, trial, host, threads, batch, calls, p10, median,"
        " p90, before, after, steal, switches, gated, concurrent, measured_at)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    char now[RT_UTC_TEXT];

    assert(b->threads >= 1 && b->batch >= b->threads && b->calls >= 1);
    rt_utc_text(now);
    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(candidate), STORE_ID(trial), STORE_INT(host),
                                  STORE_INT(b->threads), STORE_INT(b->batch), STORE_INT(b->calls),
                                  STORE_NUM(b->p10), STORE_NUM(b->median), STORE_NUM(b->p90),
                                  STORE_NUM(b->before), STORE_NUM(b->after), STORE_NUM(b->steal),
                                  STORE_ID(b->switches), STORE_INT(b->gated),
                                  STORE_INT(b->concurrent),
                                  STORE_TXT(b->measured_at[0] ? b->measured_at : now)),
                      err);
}

static rt_status put_latency(struct store *store, int64_t candidate, int64_t host,
                             const struct store_latency *l, struct rt_err *err)
{
    static const char sql[] =
        "insert or replace into latency (candidate, host, threads, batch, state, value, low, high,"
        " median, p90, blocks, clear, weather, predicted, metric, measured_at)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, coalesce(?16, "
        "(select metric from"
        " latency where candidate = ?1 and host = ?2 and threads = ?3 and batch = ?4)),"
        " coalesce((select"
        " max(measured_at) from latency_block where candidate = ?1 and host = ?2 and threads = ?3"
        " and batch = ?4), ?15))";
    char now[RT_UTC_TEXT];

    assert(l->state && l->clear <= l->blocks);
    rt_utc_text(now);
    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(candidate), STORE_INT(host), STORE_INT(l->threads),
                                  STORE_INT(l->batch), STORE_TXT(l->state), STORE_NUM(l->value),
                                  STORE_NUM(l->low), STORE_NUM(l->high), STORE_NUM(l->median),
                                  STORE_NUM(l->p90), STORE_INT(l->blocks), STORE_INT(l->clear),
                                  STORE_NUM(l->weather), STORE_NUM(l->predicted), STORE_TXT(now),
                                  STORE_TXT(l->metric[0] ? l->metric : NULL)),
                      err);
}

rt_status store__latency(struct store *store, int64_t number, int64_t host,
                         const struct store_result *result, struct rt_err *err)
{
    static const char sql[] = "select candidate from trial where number = ?1";
    int64_t candidate;

    assert(result->block || !result->block_count);
    RT_TRY(store__integer(store, sql, STORE_BINDS(STORE_INT(number)), -1, &candidate, err));
    host = result->latency_host ? result->latency_host : host;
    for (int i = 0; i < result->block_count; i++)
        RT_TRY(insert_block(store, candidate, number, host, &result->block[i], err));
    for (int i = 0; i < result->latency_count; i++)
        RT_TRY(put_latency(store, candidate, host, &result->latency[i], err));
    return RT_OK;
}

/* ---- apart from trials ---- */

/* Half the interval is 1.96 standard errors. */
static rt_status set_metric(struct store *store, int64_t candidate, const struct store_latency *l,
                            struct rt_err *err)
{
    static const char sql[] = "update metric set value = ?3, stderr = ?4 where name = ?2 and trial"
                              " in (select number from trial where candidate = ?1)";

    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(candidate), STORE_TXT(l->metric),
                                  STORE_NUM(l->value * 1e-6),
                                  STORE_NUM((l->high - l->low) / (2 * 1.96) * 1e-6)),
                      err);
}

/* A metric is of one host: the one that first had it of the candidate. */
static rt_status is_of_another(struct store *store, int64_t candidate, int64_t host,
                               const char *metric, bool *another, struct rt_err *err)
{
    static const char sql[] = "select count(*) from latency where candidate = ?1 and host <> ?2"
                              " and metric = ?3";
    int64_t count;

    RT_TRY(store__integer(store, sql,
                          STORE_BINDS(STORE_INT(candidate), STORE_INT(host), STORE_TXT(metric)), 0,
                          &count, err));
    *another = count > 0;
    return RT_OK;
}

static rt_status add(struct store *store, int64_t host, const char *arch,
                     const struct store_block *blocks, int block_count,
                     const struct store_latency *latencies, int latency_count, struct rt_err *err)
{
    static const char sql[] = "select id from candidate where arch = ?1";
    int64_t candidate;

    RT_TRY(store__integer(store, sql, STORE_BINDS(STORE_TXT(arch)), -1, &candidate, err));
    if (candidate < 0)
        return store__fail(store, err, "there is no candidate '%.80s'", arch);
    for (int i = 0; i < block_count; i++)
        RT_TRY(insert_block(store, candidate, -1, host, &blocks[i], err));
    for (int i = 0; i < latency_count; i++) {
        struct store_latency row = latencies[i];
        bool another = false;
        if (row.metric[0])
            RT_TRY(is_of_another(store, candidate, host, row.metric, &another, err));
        if (another)
            row.metric[0] = '\0';
        RT_TRY(put_latency(store, candidate, host, &row, err));
        if (row.metric[0])
            RT_TRY(set_metric(store, candidate, &row, err));
    }
    return RT_OK;
}

rt_status store_latency_add(struct store *store, int64_t host, const char *arch,
                            const struct store_block *blocks, int block_count,
                            const struct store_latency *latencies, int latency_count,
                            struct rt_err *err)
{
    RT_TRY(store__begin(store, err, "record latencies"));
    return store__end(
        store, add(store, host, arch, blocks, block_count, latencies, latency_count, err), err);
}

/* ---- what follows from settled metrics ---- */

rt_status store_metric_load(struct store *store, const char *name, double *value, int64_t count,
                            struct rt_err *err)
{
    static const char sql[] = "select trial, value from metric where name = ?1";
    sqlite3_stmt *q;
    int code;

    for (int64_t n = 0; n < count; n++)
        value[n] = NAN;
    store__doing(store, "read the metrics");
    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_TXT(name)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        if (trial >= 0 && trial < count && sqlite3_column_type(q, 1) != SQLITE_NULL)
            value[trial] = sqlite3_column_double(q, 1);
    }
    const rt_status rc = code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

rt_status store_violations_set(struct store *store, const double *violation, int64_t count,
                               struct rt_err *err)
{
    static const char sql[] =
        "update metric set value = ?2 where trial = ?1 and name = 'violation'";

    rt_status rc = RT_OK;

    RT_TRY(store__begin(store, err, "record what constraints are missed by"));
    for (int64_t n = 0; n < count && rc == RT_OK; n++) {
        assert(!(violation[n] < 0));
        if (!isnan(violation[n]))
            rc = store__run(store, sql, STORE_BINDS(STORE_INT(n), STORE_NUM(violation[n])), err);
    }
    return store__end(store, rc, err);
}
