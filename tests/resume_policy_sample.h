/* tests/resume_policy_sample.h -- a student of policies that learns from what it came to, to be stopped and gone
 * on with (resume_sample.h).
 */
#ifndef TESTS_RESUME_POLICY_SAMPLE_H
#define TESTS_RESUME_POLICY_SAMPLE_H
#include "policy_sample.h"
#include "resume_sample.h"

#include "trainer/distill/ensemble.h"
#include "trainer/net/network.h"

enum { steps = 12, batch = 16 };

struct bed {
    struct resuming run;
    struct tr_task *task;
    struct tr_network net;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
};

static inline void bed_open(struct bed *bed, const struct tr_policy_options *options)
{
    const struct space_arch arch = options->pixels ? sample_watcher() : sample_policy();
    const struct tr_kernels *kernels;
    struct rt_err err;

    *bed = (struct bed){.task = gathered(options, 1)};
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(
        tr_network_open(&bed->net, &arch, &bed->task->shape, kernels, TR_NETWORK_TRAIN, &err));
    bed->knowledge.key.teachers = 1;
    bed->knowledge.key.classes = sample_bins;
    bed->knowledge.key.rows = bed->task->rows;
    bed->knowledge.logits = tr_policy_said(bed->task, 0, 0);
    tr_ensemble_defaults(&bed->ensemble);
    bed->ensemble.weight[0] = 1;
    bed->run = (struct resuming){
        .student = &bed->net.student,
        .weights = &bed->net.weights,
        .data = {.task = bed->task, .knowledge = &bed->knowledge, .ensemble = &bed->ensemble},
        .recipe = {.steps = steps,
                   .batch = batch,
                   .micro_batch = 4,
                   .learning_rate = 3e-3,
                   .warmup = .1,
                   .weight_decay = .01,
                   .curve_points = 6}};
    tr_distill_defaults(&bed->run.recipe.distill);
    resuming_open(&bed->run);
}

static inline void bed_close(struct bed *bed)
{
    tr_resume_forget(&bed->run.resume);
    tr_network_close(&bed->net);
    tr_task_close(bed->task);
}
#endif
