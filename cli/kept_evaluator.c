/* cli/kept_evaluator.c -- see kept_evaluator.h. */
#include "cli/kept_evaluator.h"

#include "cli/checkpoints.h"

rt_status kept_evaluator_open(struct kept_evaluator *kept, struct session *session,
                              const struct settings *settings, struct store *store, bool keeps,
                              const atomic_int *stop, struct rt_err *err)
{
    struct evaluator *evaluator = &kept->evaluator;

    *evaluator = (struct evaluator){.shape = &session->shape,
                                    .kernels = session->kernels,
                                    .data = &session->data,
                                    .recipe = &session->study.recipe,
                                    .settings = settings,
                                    .memory_limit = (size_t)session->study.worker_memory,
                                    .read_only = !keeps};
    RT_TRY(settings_check(settings, session, err));
    RT_TRY(tr_teachers_cached(&session->study.teachers) ? session_teachers_open(session, err)
                                                        : session_teach(session, NULL, stop, err));
    RT_TRY(session_donor_open(session, err));
    RT_TRY(session_resident_open(session, &session->study.recipe, stop, err));
    if (session->study.search.inherit != SEARCH_INHERIT_NONE) {
        RT_TRY(keeps ? checkpoints_folder(store, kept->checkpoints, err)
                     : checkpoints_open(store, kept->checkpoints, err));
        evaluator->checkpoints = kept->checkpoints;
    }
    if (keeps) {
        RT_TRY(trial_states_open(&kept->states, session, store_path(store), err));
        evaluator->states = &kept->states;
    }
    /* the record's gate alone: nothing is timed */
    return latencies_open(&evaluator->latencies, NULL, 0, 1, NULL, 0, err);
}

void kept_evaluator_close(struct kept_evaluator *kept)
{
    latencies_close(kept->evaluator.latencies);
}
