/* search/resume.c -- taking a study up again: what the store knows, into the history in memory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/run_internal.h"

static rt_status take_up(struct run *run, const struct store_trial *t, struct rt_err *err)
{
    const bool committed = strcmp(t->state, "committed") == 0 || strcmp(t->state, "failed") == 0;
    struct slot *slot;

    if (t->objective_count != run->options->objective_count ||
        t->seed != rt_replicate_seed(run->options->seed, t->replicate))
        return rt_fail(err, RT_EMISMATCH,
                       "'%s' holds another study: its trials have another seed or objectives",
                       store_path(run->store));
    if (committed && run->committed != t->number)
        return rt_fail(err, RT_EDB,
                       "'%s' is damaged: trial %" PRId64 " is committed before trial %" PRId64,
                       store_path(run->store), t->number, run->committed);
    RT_TRY(search__add_slot(run, &t->arch, t->inherits,
                            t->replicate ? (size_t)t->first : SEARCH_NONE, err));
    if (t->rung != run->proposer.place[t->number].rung || t->rung >= run->proposer.rungs.count ||
        t->replicate != run->proposer.place[t->number].replicate)
        return rt_fail(err, RT_EDB, "'%s' is damaged: trial %" PRId64 " cannot be of rung %d",
                       store_path(run->store), t->number, t->rung);
    slot = &run->slots[t->number];
    memcpy(slot->objectives, t->objective, sizeof slot->objectives);
    slot->violation = run->options->constraint_count ? t->violation : 0;
    slot->failed = t->error_kind[0] != '\0';
    slot->fault = search_is_fault(t->error_kind);
    if (committed)
        return search__commit_next(run, true, err);
    if (strcmp(t->state, "done") == 0)
        slot->state = DONE;
    return RT_OK;
}

rt_status search__reopen_faults(struct run *run, struct rt_err *err)
{
    for (int64_t n = run->committed; n < search__count(run); n++) {
        struct slot *slot = &run->slots[n];
        if (slot->state != DONE || !slot->fault)
            continue;
        TRY_WITH_ROOM(run, store_trial_reopen(run->store, n, err));
        *slot = (struct slot){.state = PROPOSED};
        search__log_trial(run, "retry", n, NULL, -1, NULL);
    }
    return RT_OK;
}

rt_status search__resume(struct run *run, struct rt_err *err)
{
    struct store_trial *trials = NULL;
    int64_t count = 0;
    char text[128];
    rt_status rc;

    TRY_WITH_ROOM(run,
                  search__trials_load(run->options, run->space, run->store, &trials, &count, err));
    rc = RT_OK;
    for (int64_t i = 0; i < count && rc == RT_OK; i++)
        rc = take_up(run, &trials[i], err);
    free(trials);
    if (rc != RT_OK)
        return rc;
    RT_TRY(store_run_begin(run->store,
                           &(struct store_run){.host = run->options->host,
                                               .workers = run->options->workers,
                                               .trials = run->options->trials,
                                               .hours = run->options->hours,
                                               .patience = run->options->patience},
                           err));
    run->committed_before = run->committed;
    snprintf(text, sizeof text,
             "%s with %d workers: %" PRId64 " trials known, %" PRId64 " committed",
             count > 0 ? "resumed" : "started", run->options->workers, count, run->committed);
    RT_TRY(search__note(run, text, err));
    RT_TRY(search__set_front(run->store, &run->front, err));
    run->faults = 0; /* they say nothing of the evaluator that there is now */
    RT_TRY(search__reopen_faults(run, err));
    return search__commit_due(run, false, err);
}
