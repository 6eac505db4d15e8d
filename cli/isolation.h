/* cli/isolation.h -- trials in processes of their own, so that what ends one ends no search.
 *
 * Each worker of the search has a child, `retort worker` (cmd_worker.c), which is started when it is
 * first needed and lives from trial to trial. One that dies in a trial, be it by a fault in the
 * trial's own work or for lack of memory, is started anew and gets that trial again; when a fresh one
 * dies of it too, the trial fails as a `crash`. So results are those of a search in one process, to
 * the bit. Latency is measured by the search itself: while it closes the gate, children are stopped.
 * Threads  isolation_run() by several workers at once.
 */
#ifndef CLI_ISOLATION_H
#define CLI_ISOLATION_H
#include "base/gate.h"
#include "search/search.h"

struct isolation;

/* Of the study file `study` (NULL: as `db` has it), whose search writes `db`; workers stand in
 * `gate`. All that is handed over must stay. The first worker's child is started: RT_EIO when that
 * cannot be. */
rt_status isolation_open(struct isolation **isolation, const char *study, const char *db,
                         const struct space *space, int workers, struct rt_gate *gate,
                         struct rt_err *err);
/* The rest of a trial whose latencies, if any, are in *result. By a thread inside the gate. */
void isolation_run(struct isolation *isolation, const struct search_job *job,
                   struct store_result *result);
void isolation_close(struct isolation *isolation);
#endif
