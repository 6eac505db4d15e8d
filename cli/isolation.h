/* cli/isolation.h -- trials in processes of their own, so that what ends one ends no search.
 *
 * Each worker of the search has a child, `retort worker` (cmd_worker.c), which is started when it is
 * first needed and lives from trial to trial. One that dies in a trial, be it by a fault in the
 * trial's own work or for lack of memory, is started anew and gets that trial again; when a fresh one
 * dies of it too, the trial fails as a `crash`. One that hangs, which is to say that it uses no
 * processor time for ISOLATION_STALL seconds, unless other ones are asked for, is killed and counts
 * as one that died, by the name of `timeout`. So results are those of a search in one process, to
 * the bit. Latency is measured by the search itself: while it closes the gate, children are stopped.
 * Threads  isolation_run() by several workers at once.
 */
#ifndef CLI_ISOLATION_H
#define CLI_ISOLATION_H
#include "base/gate.h"
#include "search/search.h"

#define ISOLATION_STALL 300.

struct isolation;

struct isolation_wishes {
    const char *study; /* its file; NULL: as `db` has it */
    const char *db;    /* which the search writes */
    int workers;
    double stall;         /* seconds; 0: nobody is taken for hung */
    struct rt_gate *gate; /* in which workers stand */
};

/* All that is handed over, but for the wishes themselves, must stay. The first worker's child is
 * started: RT_EIO when that cannot be. */
rt_status isolation_open(struct isolation **isolation, const struct isolation_wishes *wishes,
                         const struct space *space, struct rt_err *err);
/* The rest of a trial whose latencies, if any, are in *result. By a thread inside the gate. */
void isolation_run(struct isolation *isolation, const struct search_job *job,
                   struct store_result *result);
void isolation_close(struct isolation *isolation);
#endif
