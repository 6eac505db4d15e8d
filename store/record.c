/* store/record.c -- one trial as it is kept, for whoever trains it again. */
#include "store/store_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void take_text(char *to, size_t room, sqlite3_stmt *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q, column);

    snprintf(to, room, "%s", text ? (const char *)text : "");
}

static int64_t integer_or(sqlite3_stmt *q, int column, int64_t otherwise)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? otherwise
                                                         : sqlite3_column_int64(q, column);
}

static double number_at(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(q, column);
}

static void take_trial(sqlite3_stmt *q, struct store_record *r)
{
    take_text(r->arch, sizeof r->arch, q, 0);
    take_text(r->state, sizeof r->state, q, 1);
    r->rung = sqlite3_column_int(q, 2);
    r->budget = integer_or(q, 3, 0);
    r->inherits = integer_or(q, 4, -1);
    r->seed = (uint64_t)sqlite3_column_int64(q, 5);
    take_text(r->result.kind, sizeof r->result.kind, q, 6);
    take_text(r->result.error, sizeof r->result.error, q, 7);
    r->replicate = sqlite3_column_int(q, 8);
    r->result.status = r->result.kind[0] ? RT_ENAN : RT_OK; /* some failure; the kind says which */
}

/* The one row of a query about a trial; *found false without one. */
static rt_status one_row(struct store *store, const char *sql, int64_t number,
                         void take(sqlite3_stmt *, struct store_record *),
                         struct store_record *record, bool *found, struct rt_err *err)
{
    sqlite3_stmt *q;

    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(number)), &q, err));
    const int code = sqlite3_step(q);
    *found = code == SQLITE_ROW;
    if (*found)
        take(q, record);
    const rt_status rc =
        code == SQLITE_ROW || code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static void take_program(sqlite3_stmt *q, struct store_record *r)
{
    take_text(r->host, sizeof r->host, q, 0);
    take_text(r->program.version, sizeof r->program.version, q, 1);
    take_text(r->program.build, sizeof r->program.build, q, 2);
    take_text(r->program.kernels, sizeof r->program.kernels, q, 3);
    take_text(r->program.blas, sizeof r->program.blas, q, 4);
    take_text(r->program.libc, sizeof r->program.libc, q, 5);
}

static rt_status read_values(struct store *store, int64_t number, struct store_result *result,
                             struct rt_err *err)
{
    static const char sql[] = "select name, value, stderr from metric where trial = ?1";
    sqlite3_stmt *q;
    int code;

    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(number)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW && result->value_count < STORE_MAX_METRICS) {
        struct store_value *v = &result->values[result->value_count++];
        take_text(v->name, sizeof v->name, q, 0);
        v->value = number_at(q, 1);
        v->stderr_ = number_at(q, 2);
    }
    const rt_status rc =
        code == SQLITE_ROW || code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static rt_status read_curve(struct store *store, int64_t number, struct store_result *result,
                            struct rt_err *err)
{
    static const char total[] = "select count(*) from curve where trial = ?1";
    static const char sql[] = "select name, step, value from curve where trial = ?1";
    sqlite3_stmt *q;
    int64_t room;
    int code;

    RT_TRY(store__integer(store, total, STORE_BINDS(STORE_INT(number)), 0, &room, err));
    result->curve = calloc((size_t)room + 1, sizeof *result->curve);
    if (!result->curve)
        return rt_fail(err, RT_ENOMEM, "no memory for a curve of %" PRId64 " points", room);
    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(number)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW && result->curve_count < room) {
        struct rt_curve_point *p = &result->curve[result->curve_count++];
        take_text(p->name, sizeof p->name, q, 0);
        p->step = sqlite3_column_int(q, 1);
        p->value = number_at(q, 2);
    }
    const rt_status rc =
        code == SQLITE_ROW || code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static rt_status load(struct store *store, int64_t number, struct store_record *record,
                      struct rt_err *err)
{
    static const char trial[] =
        "select c.arch, t.state, t.rung, r.budget, t.inherits, t.seed, t.error_kind, t.error,"
        " t.replicate"
        " from trial t join candidate c on c.id = t.candidate join rung r on r.number = t.rung"
        " where t.number = ?1";
    static const char made[] = "select h.host, p.version, p.build, p.kernels, p.blas, p.libc"
                               " from execution x join host h on h.id = x.host"
                               " left join program p on p.id = x.program"
                               " where x.trial = ?1 and x.outcome in ('done', 'failed')"
                               " order by x.id desc limit 1";
    static const char rungs[] = "select count(*) from rung not indexed";
    int64_t count;
    bool found;

    RT_TRY(one_row(store, trial, number, take_trial, record, &found, err));
    if (!found)
        return rt_fail(err, RT_EARG, "no trial %" PRId64 " in '%s'", number, store->path);
    RT_TRY(store__integer(store, rungs, NULL, 0, 1, &count, err));
    record->budget = count > 1 ? record->budget : 0; /* one rung is the study's own budget */
    RT_TRY(one_row(store, made, number, take_program, record, &found, err));
    RT_TRY(read_values(store, number, &record->result, err));
    return read_curve(store, number, &record->result, err);
}

rt_status store_record_load(struct store *store, int64_t number, struct store_record *record,
                            struct rt_err *err)
{
    assert(record);
    memset(record, 0, sizeof *record);
    store__doing(store, "read trial %" PRId64, number);
    const rt_status rc = load(store, number, record, err);
    if (rc != RT_OK)
        store_result_release(&record->result);
    return rc;
}
