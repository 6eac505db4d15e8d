/* cli/evaluator.h -- the built-in evaluator: joins the search's jobs to the trainer's trials.
 *
 * Neither room knows the other; this adapter turns a struct search_job into a struct tr_trial and a
 * struct tr_trial_result into a struct store_result.
 * Threads  evaluate() runs in several workers at once; the context is read-only, but for the record
 *          of latencies, which has a lock.
 */
#ifndef CLI_EVALUATOR_H
#define CLI_EVALUATOR_H
#include "cli/device.h"
#include "cli/isolation.h"
#include "cli/latencies.h"
#include "cli/room.h"
#include "cli/settings.h"
#include "cli/trial_states.h"
#include "search/search.h"
#include "trainer/measure/trial.h"

struct evaluator {
    const struct space_shape *shape;
    const struct tr_kernels *kernels;
    const struct tr_data *data;
    const struct tr_recipe *recipe;
    const struct tr_latency_options *latency; /* [latency_count] */
    int latency_count;
    struct latencies *latencies; /* of them all */
    struct device *device;       /* that measures them; NULL: this machine does */
    int64_t host;                /* of it in the store */
    const struct settings *settings;
    size_t memory_limit;     /* of one trial; 0: none */
    struct room *room;       /* of all trials at once; NULL: not counted */
    const char *checkpoints; /* folder beside the store for trained weights; NULL: not kept */
    bool read_only;          /* take weights from there, and leave none */
    const struct trial_states *states; /* of trials that go on; NULL: all begin anew */
    struct isolation *isolation;       /* trials run in other processes; NULL: in this one */
};

/* For struct search_evaluator.evaluate, with a struct evaluator as context. */
void evaluator_run(void *context, const struct search_job *job, struct store_result *result);

/* What belongs to the result of a trial that ran on another machine: latencies, measured here, and its
 * weights, which are in their place. */
void evaluator_finish(struct evaluator *evaluator, const struct search_job *job,
                      struct store_result *result);

/* What the trial of a job's student takes at its peak, timing included; a parent's weights apart. */
rt_status evaluator_bytes(const struct evaluator *evaluator, const struct space_arch *arch,
                          size_t *bytes, struct rt_err *err);

/* How long students take, measured again; with the same context. */
extern const struct search_timing evaluator_timing;

/* Metrics as the store has them; returns how many. */
int evaluator_values(const struct tr_metrics *metrics,
                     struct store_value values[STORE_MAX_METRICS]);
#endif
