/* store/schema3.c -- from schema 3 to 4.
 *
 * Latencies were one measurement each, without a reference: each becomes a block, and the last of a
 * candidate what its blocks come to, in the state `single`. Of runs nobody knows what measuring took,
 * nor of executions and distillations which program it was. Each candidate had one seed.
 */
#include "store/store_internal.h"

#include <string.h>

#define BLOCKS(old)                                                                                \
    "insert into latency_block (id, candidate, trial, host, threads, batch, calls, p10, median,"   \
    "  p90, gated, concurrent, measured_at) select id, candidate, trial, host, threads, batch,"    \
    "  samples, p10, median, p90, 0, concurrent, measured_at from " old                            \
    " where host is not null order by id;"                                                         \
    "insert into latency (candidate, host, threads, batch, state, value, median, p90, blocks,"     \
    "  clear, metric, measured_at) select candidate, host, threads, batch, 'single', median,"      \
    "  median, p90, n, 0, 'latency', measured_at from (select *, max(id) as last, count(*) as n "  \
    "from " old "  where host is not null group by candidate, host, threads, batch);"

static const char add[] =
    "alter table trial add column replicate integer not null default 0 check (replicate >= 0);"
    "alter table execution add column program integer references program (id);"
    "alter table distillation add column program integer references program (id);"
    "alter table front add column probability real";
static const char views[] =
    "create temp view trial as select *, 0 as replicate from main.trial;"
    "create temp view execution as select *, null as program from main.execution;"
    "create temp view front as select *, null as probability from main.front";

rt_status store__from_schema3(struct store *store, const char *where, struct rt_err *err)
{
    static const char old[] = "select count(*) from main.sqlite_schema where type = 'table'"
                              " and name = 'run'";
    int64_t runs;

    if (strcmp(where, "main") == 0) {
        RT_TRY(store__execute(store, BLOCKS("latency3") "drop table latency3", err));
        RT_TRY(store__execute(store, add, err));
        RT_TRY(store__integer(store,
                              "select count(*) from pragma_table_info('run') where name = 'timing'",
                              NULL, 0, 0, &runs, err));
        return runs ? RT_OK
                    : store__execute(store,
                                     "alter table run add column timing real;"
                                     "alter table run add column standing real",
                                     err);
    }
    RT_TRY(store__execute(store, BLOCKS("main.latency"), err));
    RT_TRY(store__execute(store, views, err));
    RT_TRY(store__integer(store, old, NULL, 0, 0, &runs, err));
    return runs ? store__execute(store,
                                 "create temp view run as select *, null as timing,"
                                 " null as standing from main.run",
                                 err)
                : RT_OK;
}
