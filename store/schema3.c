/* store/schema3.c -- from schema 3 to 4: latencies were one measurement each, without a reference.
 *
 * Each becomes a block, and the last of a candidate what its blocks come to, in the state `single`.
 * Of runs nobody knows what measuring took.
 */
#include "store/store_internal.h"

#include <string.h>

#define BLOCKS(old)                                                                                \
    "insert into latency_block (id, candidate, trial, host, threads, batch, calls, p10, median,"   \
    "  p90, gated, concurrent, measured_at) select id, candidate, trial, host, threads, batch,"    \
    "  samples, p10, median, p90, 0, concurrent, measured_at from " old                            \
    " where host is not null order by id;"                                                         \
    "insert into latency (candidate, host, threads, batch, state, value, median, p90, blocks,"     \
    "  clear, measured_at) select candidate, host, threads, batch, 'single', median, median, p90," \
    "  n, 0, measured_at from (select *, max(id) as last, count(*) as n from " old                 \
    "  where host is not null group by candidate, host, threads, batch);"

rt_status store__from_schema3(struct store *store, const char *where, struct rt_err *err)
{
    static const char old[] = "select count(*) from main.sqlite_schema where type = 'table'"
                              " and name = 'run'";
    int64_t runs;

    if (strcmp(where, "main") == 0) {
        RT_TRY(store__execute(store, BLOCKS("latency3") "drop table latency3", err));
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
    RT_TRY(store__integer(store, old, NULL, 0, 0, &runs, err));
    return runs ? store__execute(store,
                                 "create temp view run as select *, null as timing,"
                                 " null as standing from main.run",
                                 err)
                : RT_OK;
}
