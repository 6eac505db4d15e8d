/* cli/kept_evaluator.h -- the built-in evaluator of a database's study, for trials that run again or
 * in another process than its search.
 *
 * Teachers, their weights and the settings are those that the search began with. Latency is not
 * measured: whoever searches does that.
 */
#ifndef CLI_KEPT_EVALUATOR_H
#define CLI_KEPT_EVALUATOR_H
#include "cli/evaluator.h"
#include "cli/kept_study.h"

struct kept_evaluator {
    struct evaluator evaluator; /* the context of evaluator_run() */
    char checkpoints[RT_PATH_MAX];
    struct trial_states states;
};

/* Of a session and settings by kept_study_open(), which stay and are made ready for trials; the
 * teachers are trained where their cache is gone. `keeps`: trained weights are left for children of
 * the search, and long trials go on, else weights are only read, and checked first. */
rt_status kept_evaluator_open(struct kept_evaluator *kept, struct session *session,
                              const struct settings *settings, struct store *store, bool keeps,
                              const atomic_int *stop, struct rt_err *err);
void kept_evaluator_close(struct kept_evaluator *kept);
#endif
