/* cli/isolation.c -- the search's own program as its evaluator (search/external.h). */
#include "cli/isolation.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "search/external.h"

/* The file that runs now, also when another one, of a later build, has taken its place. */
static const char itself[] = "/proc/self/exe";

struct isolation {
    struct rt_gate *gate;
    struct search_external_options how;
    struct search_options options; /* nothing is wanted of answers: the search judges them */
    struct search_external *external;
};

/* While somebody measures, a child at work must be as silent as a thread that stands. */
static void stand(void *context, pid_t group)
{
    struct isolation *isolation = context;

    if (!rt_gate_is_closed(isolation->gate))
        return;
    (void)kill(-group, SIGSTOP);
    rt_gate_pass();
    (void)kill(-group, SIGCONT);
}

rt_status isolation_open(struct isolation **isolation, const struct isolation_wishes *wishes,
                         const struct space *space, struct rt_err *err)
{
    const char *study = wishes->study, *db = wishes->db;
    struct isolation *x = calloc(1, sizeof *x);
    rt_status rc;

    if (!x)
        return rt_fail(err, RT_ENOMEM, "no memory for %d workers", wishes->workers);
    x->gate = wishes->gate;
    x->options.workers = wishes->workers;
    x->how = (struct search_external_options){.argv = {itself, "worker", "--", db},
                                              .folder = ".",
                                              .retries = 1,
                                              .stall = wishes->stall,
                                              .believed = true,
                                              .idle = stand,
                                              .context = x};
    if (study)
        memcpy(x->how.argv + 2, (const char *[]){"--study", study, "--", db}, 4 * sizeof db);
    rc = search_external_open(&x->how, space, &x->options, &x->external, err);
    if (rc != RT_OK)
        free(x);
    else
        *isolation = x;
    return rc;
}

void isolation_run(struct isolation *isolation, const struct search_job *job,
                   struct store_result *result)
{
    search_external_evaluate(isolation->external, job, result);
    if (result->status == RT_OK)
        result->retries = 0; /* what happened to a process is an event, and not in the rows */
}

void isolation_close(struct isolation *isolation)
{
    if (isolation)
        search_external_close(isolation->external);
    free(isolation);
}
