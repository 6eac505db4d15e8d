/* store/distillation.c -- what `retort distill` leaves behind: a run, its measurements, its gates.
 *
 * Its tables are no one else's, so it is recorded in one transaction while a search writes. That of
 * details is no part of the schema: the first run that has any makes it, and files without it are as
 * good.
 */
#include <assert.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "store/store_internal.h"

static rt_status insert_run(struct store *store, const struct store_distillation *d, int64_t *id,
                            struct rt_err *err)
{
    static const char find[] = "select id from candidate where arch = ?1";
    static const char insert[] =
        "insert into distillation (candidate, host, steps, batch, seed, seconds, weights, finished)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    static const char name[] = "update distillation set program = ?2 where id = ?1";
    char arch[SPACE_ARCH_TEXT], now[RT_UTC_TEXT];
    int64_t candidate;

    space_arch_print(d->arch, arch);
    RT_TRY(store__integer(store, find, STORE_BINDS(STORE_TXT(arch)), -1, &candidate, err));
    if (candidate < 0)
        return store__fail(store, err, "'%.160s' is no candidate of this study", arch);
    rt_utc_text(now);
    RT_TRY(store__run(store, insert,
                      STORE_BINDS(STORE_INT(candidate), STORE_INT(d->host), STORE_INT(d->steps),
                                  STORE_INT(d->batch), STORE_INT(d->seed), STORE_NUM(d->seconds),
                                  STORE_TXT(d->weights), STORE_TXT(now)),
                      err));
    *id = sqlite3_last_insert_rowid(store->db);
    if (!store->program || !store__has_column(store, "distillation", "program"))
        return RT_OK; /* of a file of an older schema, which is left as it is */
    return store__run(store, name, STORE_BINDS(STORE_INT(*id), STORE_INT(store->program)), err);
}

static const char detail_table[] =
    "create table if not exists detail ( -- what the numbers do not tell of a test, as tables\n"
    "  distillation integer not null references distillation (id) on delete cascade,\n"
    "  part  text not null,             -- the table's title\n"
    "  row   integer not null,          -- from 0\n"
    "  place integer not null,          -- of the column, from 0\n"
    "  name  text not null,             -- its head\n"
    "  value text not null,\n"
    "  primary key (distillation, part, row, place)\n"
    ") strict, without rowid";

static rt_status insert_details(struct store *store, const struct store_distillation *d, int64_t id,
                                struct rt_err *err)
{
    static const char insert[] = "insert into detail (distillation, part, row, place, name, value)"
                                 " values (?1, ?2, ?3, ?4, ?5, ?6)";

    if (d->detail_count)
        RT_TRY(store__execute(store, detail_table, err));
    for (int i = 0; i < d->detail_count; i++)
        RT_TRY(store__run(store, insert,
                          STORE_BINDS(STORE_INT(id), STORE_TXT(d->detail[i].part),
                                      STORE_INT(d->detail[i].row), STORE_INT(d->detail[i].place),
                                      STORE_TXT(d->detail[i].name), STORE_TXT(d->detail[i].value)),
                          err));
    return RT_OK;
}

static rt_status insert_all(struct store *store, const struct store_distillation *d,
                            struct rt_err *err)
{
    static const char metric[] =
        "insert into distillation_metric (distillation, name, value, stderr)"
        " values (?1, ?2, ?3, ?4)";
    static const char gate[] = "insert into gate (distillation, name, wanted, value, passed)"
                               " values (?1, ?2, ?3, ?4, ?5)";
    int64_t id = 0;

    RT_TRY(insert_run(store, d, &id, err));
    for (int i = 0; i < d->value_count; i++)
        RT_TRY(
            store__run(store, metric,
                       STORE_BINDS(STORE_INT(id), STORE_TXT(d->values[i].name),
                                   STORE_NUM(d->values[i].value), STORE_NUM(d->values[i].stderr_)),
                       err));
    for (int i = 0; i < d->gate_count; i++)
        RT_TRY(store__run(store, gate,
                          STORE_BINDS(STORE_INT(id), STORE_TXT(d->gates[i].name),
                                      STORE_NUM(d->gates[i].wanted), STORE_NUM(d->gates[i].value),
                                      STORE_INT(d->gates[i].passed)),
                          err));
    return insert_details(store, d, id, err);
}

rt_status store_distillation(struct store *store, const struct store_distillation *distillation,
                             struct rt_err *err)
{
    assert(distillation->arch && distillation->weights);
    assert(distillation->value_count <= STORE_MAX_METRICS);
    assert(distillation->gate_count <= STORE_MAX_GATES);
    RT_TRY(store__begin(store, err, "record the distillation"));
    return store__end(store, insert_all(store, distillation, err), err);
}
