/* store/confirm.c -- see confirmation.h. */
#include "store/confirmation.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store_internal.h"

static rt_status no_memory(const struct store *store, struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory for the full runs of '%s'", store->path);
}

static rt_status finish(struct store *store, sqlite3_stmt *q, int code, struct rt_err *err)
{
    const rt_status rc = code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);

    sqlite3_reset(q);
    return rc;
}

/* ---- who may be confirmed ---- */

static rt_status load(struct store *store, struct store_confirmable **list, int *count,
                      struct rt_err *err)
{
    static const char total[] = "select count(*) from candidate where id >= 0";
    static const char sql[] =
        "select c.id, coalesce(c.macs, c.params), max(t.number in (select trial from front))"
        " from trial t join candidate c on c.id = t.candidate"
        "  left join metric v on v.trial = t.number and v.name = 'violation'"
        " where t.state = 'committed' and t.rung = (select max(number) from rung)"
        "  and coalesce(v.value, 0.0) <= 0.0 group by c.id order by c.id";
    struct store_confirmable *all;
    sqlite3_stmt *q;
    int64_t room;
    int n = 0, code;

    RT_TRY(store__integer(store, total, NULL, 0, 0, &room, err));
    all = calloc((size_t)room + 1, sizeof *all);
    if (!all)
        return no_memory(store, err);
    rt_status rc = store__bind(store, sql, NULL, 0, &q, err);
    if (rc == RT_OK) {
        for (; (code = sqlite3_step(q)) == SQLITE_ROW && n < room; n++) {
            all[n].candidate = sqlite3_column_int64(q, 0);
            all[n].cost = sqlite3_column_type(q, 1) == SQLITE_NULL ? (double)NAN
                                                                   : sqlite3_column_double(q, 1);
            all[n].on_front = sqlite3_column_int(q, 2) != 0;
        }
        rc = finish(store, q, code, err);
    }
    if (rc != RT_OK) {
        free(all);
        return rc;
    }
    *list = all;
    *count = n;
    return RT_OK;
}

rt_status store_confirmables(struct store *store, struct store_confirmable **list, int *count,
                             struct rt_err *err)
{
    store__doing(store, "choose what to confirm");
    store_read_anew(store);
    return load(store, list, count, err);
}

/* ---- the plan ---- */

static rt_status plan_all(struct store *store, const char *recipe,
                          const struct store_confirmation *plan, int count, int *added,
                          struct rt_err *err)
{
    static const char insert[] =
        "insert into confirmation (number, candidate, role, stratum, seed, steps, batch, recipe,"
        " state) values ((select coalesce(max(number) + 1, 0) from confirmation), ?1, ?2, ?3, ?4,"
        " ?5, ?6, ?7, 'planned') on conflict (candidate, seed, recipe) do nothing";

    *added = 0;
    for (int i = 0; i < count; i++) {
        const struct store_confirmation *p = &plan[i];
        RT_TRY(store__run(store, insert,
                          STORE_BINDS(STORE_INT(p->candidate),
                                      STORE_TXT(p->stratum < 0 ? "front" : "control"),
                                      STORE_ID(p->stratum), STORE_INT(p->seed), STORE_INT(p->steps),
                                      STORE_INT(p->batch), STORE_TXT(recipe)),
                          err));
        *added += sqlite3_changes(store->db);
    }
    return RT_OK;
}

rt_status store_confirm_plan(struct store *store, const char *recipe,
                             const struct store_confirmation *plan, int count, int *added,
                             struct rt_err *err)
{
    assert(store->mode == STORE_WRITE && recipe[0] && added);
    RT_TRY(store__begin(store, err, "plan the full runs"));
    return store__end(store, plan_all(store, recipe, plan, count, added, err), err);
}

rt_status store_confirm_open(struct store *store, const char *recipe,
                             struct store_confirmation **open, int *count, struct rt_err *err)
{
    static const char total[] =
        "select count(*) from confirmation where recipe = ?1 and state = 'planned'";
    static const char sql[] =
        "select r.number, r.candidate, coalesce(r.stratum, -1), r.seed, r.steps, r.batch, c.arch"
        " from confirmation r join candidate c on c.id = r.candidate"
        " where r.recipe = ?1 and r.state = 'planned' order by r.number";
    struct store_confirmation *all;
    sqlite3_stmt *q;
    int64_t room;
    int n = 0, code;

    store__doing(store, "read the plan of full runs");
    RT_TRY(store__integer(store, total, STORE_BINDS(STORE_TXT(recipe)), 0, &room, err));
    all = calloc((size_t)room + 1, sizeof *all);
    if (!all)
        return no_memory(store, err);
    rt_status rc = store__bind(store, sql, STORE_BINDS(STORE_TXT(recipe)), &q, err);
    if (rc == RT_OK) {
        for (; (code = sqlite3_step(q)) == SQLITE_ROW && n < room; n++) {
            all[n] = (struct store_confirmation){sqlite3_column_int64(q, 0),
                                                 sqlite3_column_int64(q, 1),
                                                 sqlite3_column_int(q, 2),
                                                 (uint64_t)sqlite3_column_int64(q, 3),
                                                 sqlite3_column_int(q, 4),
                                                 sqlite3_column_int(q, 5),
                                                 ""};
            snprintf(all[n].arch, sizeof all[n].arch, "%s", sqlite3_column_text(q, 6));
        }
        rc = finish(store, q, code, err);
    }
    if (rc != RT_OK) {
        free(all);
        return rc;
    }
    *open = all;
    *count = n;
    return RT_OK;
}

/* ---- what came of a run ---- */

static rt_status insert_values(struct store *store, int64_t number, const char *split,
                               const struct store_value *values, int count, struct rt_err *err)
{
    static const char sql[] =
        "insert into confirmation_metric (confirmation, split, name, value, stderr)"
        " values (?1, ?2, ?3, ?4, ?5)";

    for (int i = 0; i < count; i++)
        RT_TRY(
            store__run(store, sql,
                       STORE_BINDS(STORE_INT(number), STORE_TXT(split), STORE_TXT(values[i].name),
                                   STORE_NUM(values[i].value), STORE_NUM(values[i].stderr_)),
                       err));
    return RT_OK;
}

static rt_status insert_curve(struct store *store, const struct store_confirmed *c,
                              struct rt_err *err)
{
    static const char sql[] = "insert or replace into confirmation_curve (confirmation, name, step,"
                              " value) values (?1, ?2, ?3, ?4)";

    for (int i = 0; i < c->curve_count; i++)
        RT_TRY(store__run(store, sql,
                          STORE_BINDS(STORE_INT(c->number), STORE_TXT(c->curve[i].name),
                                      STORE_INT(c->curve[i].step), STORE_NUM(c->curve[i].value)),
                          err));
    return RT_OK;
}

static rt_status done(struct store *store, const struct store_confirmed *c, struct rt_err *err)
{
    static const char state[] =
        "update confirmation set state = ?2, error = ?3 where number = ?1 and state = 'planned'";
    static const char run[] =
        "insert into confirmation_run (confirmation, host, program, worker, finished, seconds)"
        " values (?1, ?2, ?3, ?4, ?5, ?6)";
    const bool good = c->status == RT_OK;
    char now[RT_UTC_TEXT];

    RT_TRY(store__run(store, state,
                      STORE_BINDS(STORE_INT(c->number), STORE_TXT(good ? "done" : "failed"),
                                  good ? STORE_NUM(NAN) : STORE_TXT(c->error)),
                      err));
    if (sqlite3_changes(store->db) != 1)
        return store__fail(store, err, "it is not planned");
    rt_utc_text(now);
    RT_TRY(store__run(store, run,
                      STORE_BINDS(STORE_INT(c->number), STORE_INT(c->host),
                                  STORE_ID(store->program ? store->program : -1),
                                  STORE_INT(c->worker), STORE_TXT(now), STORE_NUM(c->seconds)),
                      err));
    if (!good)
        return RT_OK;
    RT_TRY(insert_values(store, c->number, "validation", c->validation, c->validation_count, err));
    RT_TRY(insert_values(store, c->number, "test", c->test, c->test_count, err));
    return insert_curve(store, c, err);
}

rt_status store_confirm_done(struct store *store, const struct store_confirmed *confirmed,
                             struct rt_err *err)
{
    assert(store->mode == STORE_WRITE && confirmed->status != RT_ESTOP);
    assert(confirmed->curve || !confirmed->curve_count);
    RT_TRY(store__begin(store, err, "record full run %" PRId64, confirmed->number));
    return store__end(store, done(store, confirmed, err), err);
}
