/* cli/confirm_runs.h -- full runs of what was planned, side by side, each recorded when it ends.
 *
 * Workers  each trains one candidate on one core and takes the next of the plan. What comes of a run
 *          depends on the candidate and the seed alone, so the rows are the same for any number of
 *          workers and after any crash: what was in flight is still planned.
 * Test     the student answers the test file if the study names one; one at a time, as the answers
 *          share their room.
 */
#ifndef CLI_CONFIRM_RUNS_H
#define CLI_CONFIRM_RUNS_H
#include "cli/session.h"
#include "cli/settings.h"
#include "store/confirmation.h"

struct confirm_runs {
    const struct session *session; /* its teachers open */
    const struct settings *settings;
    struct store *store;
    int64_t host;
    int workers;
    const struct tr_recipe *recipe; /* full */
    const struct store_confirmation *run;
    int count;
    const atomic_int *stop;
};

/* *stopped: asked to stop before all were done. A line on stderr for each run. */
rt_status confirm_runs(const struct confirm_runs *runs, bool *stopped, struct rt_err *err);
#endif
