/* cli/evaluator.c -- one job: a recipe and kernels of the student's width, a trial, and its
 * numbers by the names under which the store keeps them.
 */
#include "cli/evaluator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "trainer/learn/inherit.h"

int evaluator_values(const struct tr_metrics *metrics, struct store_value values[STORE_MAX_METRICS])
{
    _Static_assert(STORE_MAX_METRICS > TR_MAX_METRICS, "a trial's metrics and latency have room");
    _Static_assert(STORE_NAME >= TR_METRIC_NAME, "and their names");
    for (int i = 0; i < metrics->count; i++) {
        const struct tr_metric *m = &metrics->list[i];
        values[i] = (struct store_value){.value = m->value, .stderr_ = m->error};
        memcpy(values[i].name, m->name, sizeof m->name);
    }
    return metrics->count;
}

_Static_assert(sizeof(((struct rt_curve_point *)0)->name) == STORE_NAME, "series names fit");

static void take_curve(struct tr_curve *curve, struct store_result *result)
{
    result->curve = curve->points;
    result->curve_count = curve->count;
    *curve = (struct tr_curve){0};
}

static void take_latency(const struct evaluator *evaluator, const struct tr_latency *latency,
                         struct store_result *result)
{
    const double mad_to_se = 1.2533 * 1.4826; /* of a median, from the MAD of normal samples */
    const struct tr_latency_options *o = evaluator->latency;

    result->has_latency = true;
    result->latency = (struct store_latency){.batch = o->batch,
                                             .threads = o->threads,
                                             .warmup = o->warmup,
                                             .samples = o->samples,
                                             .median = latency->median,
                                             .mad = latency->mad,
                                             .p10 = latency->p10,
                                             .p90 = latency->p90,
                                             .began_ns = latency->began_ns,
                                             .ended_ns = latency->ended_ns};
    memcpy(result->latency.measured_at, latency->measured_at, sizeof latency->measured_at);
    result->values[result->value_count++] =
        (struct store_value){.name = "latency",
                             .value = latency->median * 1e-6,
                             .stderr_ = mad_to_se * latency->mad * 1e-6 / sqrt(o->samples)};
}

/* ---- weights of parents ---- */

/* A trial whose weights are kept, and that may start from those of another. */
static rt_status run_in_line(const struct evaluator *evaluator, const struct search_job *job,
                             struct tr_trial trial, struct tr_trial_result *got,
                             struct store_result *result, struct rt_err *err)
{
    struct tr_recipe recipe = *trial.recipe;
    struct tr_data data = *trial.data;
    struct tr_donor parent = {0};
    char path[RT_PATH_MAX], save[RT_PATH_MAX];
    rt_status rc = RT_OK;

    RT_TRY(checkpoints_path(evaluator->checkpoints, job->number, save, err));
    trial.save = save;
    if (job->inherits >= 0) {
        RT_TRY(checkpoints_path(evaluator->checkpoints, job->inherits, path, err));
        RT_TRY(tr_donor_load(&parent, path, trial.shape, trial.kernels, trial.data, trial.seed,
                             trial.memory_limit, err));
        data.donor = &parent;
        trial.held = tr_donor_bytes(&parent);
        recipe.init = TR_INIT_PRUNE;
        trial.data = &data;
        trial.recipe = &recipe;
    }
    rc = tr_trial_run(&trial, got, err);
    tr_donor_close(&parent);
    if (rc == RT_OK)
        rc = checkpoints_note(save, &result->checkpoint, err);
    result->has_checkpoint = rc == RT_OK;
    return rc;
}

void evaluator_run(void *context, const struct search_job *job, struct store_result *result)
{
    const struct evaluator *evaluator = context;
    const struct settings *settings = evaluator->settings;
    const int width = job->arch->width;
    struct tr_recipe recipe = settings_recipe(settings, evaluator->recipe, width);
    const struct tr_trial trial = {.arch = job->arch,
                                   .shape = evaluator->shape,
                                   .kernels = settings_kernels(settings, evaluator->kernels, width),
                                   .data = evaluator->data,
                                   .recipe = &recipe,
                                   .latency = evaluator->latency,
                                   .seed = job->seed,
                                   .memory_limit = evaluator->memory_limit,
                                   .stop = job->stop};
    struct tr_trial_result got = {0};
    struct rt_err err = {0};

    if (job->budget)
        recipe.steps = (int)job->budget;
    memset(result, 0, sizeof *result);
    result->status = evaluator->checkpoints ? run_in_line(evaluator, job, trial, &got, result, &err)
                                            : tr_trial_run(&trial, &got, &err);
    if (result->status != RT_OK) {
        snprintf(result->error, sizeof result->error, "%s", err.text);
    } else {
        result->value_count = evaluator_values(&got.metrics, result->values);
        take_latency(evaluator, &got.latency, result);
        take_curve(&got.curve, result);
    }
    tr_curve_release(&got.curve);
}
