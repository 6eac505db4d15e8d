/* cli/evaluator.c -- one job: a recipe and kernels of the student's width, a trial, and its
 * numbers by the names under which the store keeps them.
 */
#include "cli/evaluator.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "trainer/learn/inherit.h"

int evaluator_values(const struct tr_metrics *metrics, struct store_value values[STORE_MAX_METRICS])
{
    _Static_assert(STORE_MAX_METRICS >= TR_MAX_METRICS + STORE_MAX_LATENCIES,
                   "a trial's metrics and latencies have room");
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

/* One setting: blocks into the record and the result, and what all of the record comes to. */
static rt_status take_latency(const struct evaluator *evaluator, const char *arch, int setting,
                              const struct tr_latency *measured, struct store_result *result,
                              struct rt_err *err)
{
    const struct tr_latency_options *o = &evaluator->latency[setting];
    struct store_value *value = &result->values[result->value_count];
    struct tr_latency_figure figure = {.value = NAN};
    struct store_latency *row = &result->latency[setting];

    assert(result->value_count < STORE_MAX_METRICS);
    RT_TRY(latencies_add(evaluator->latencies, arch, setting, measured, err));
    (void)latencies_figure(evaluator->latencies, arch, setting, &figure);
    for (int i = 0; i < measured->count; i++)
        result->block[result->block_count++] = latencies_block(o, measured, i);
    *row = latencies_row(o, setting == 0, &figure);
    *value = (struct store_value){.value = figure.value * 1e-6,
                                  .stderr_ = (figure.high - figure.low) / (2 * 1.96) * 1e-6};
    memcpy(value->name, row->metric, sizeof value->name);
    result->value_count++;
    result->latency_count++;
    return RT_OK;
}

static rt_status take_latencies(const struct evaluator *evaluator, const struct space_arch *arch,
                                const struct tr_latency *measured, struct store_result *result,
                                struct rt_err *err)
{
    const size_t most = (size_t)evaluator->latency_count * TR_LATENCY_BLOCKS;
    char text[SPACE_ARCH_TEXT];

    _Static_assert(TR_MAX_LATENCIES == STORE_MAX_LATENCIES, "all of a trial are kept");
    result->block = calloc(most, sizeof *result->block);
    if (!result->block)
        return rt_fail(err, RT_ENOMEM, "no memory for latencies");
    space_arch_print(arch, text);
    for (int i = 0; i < evaluator->latency_count; i++)
        RT_TRY(take_latency(evaluator, text, i, &measured[i], result, err));
    return RT_OK;
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
                                   .latencies = evaluator->latency_count,
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
    if (result->status == RT_OK) {
        result->value_count = evaluator_values(&got.metrics, result->values);
        result->status = take_latencies(evaluator, job->arch, got.latency, result, &err);
        take_curve(&got.curve, result);
    }
    if (result->status != RT_OK)
        snprintf(result->error, sizeof result->error, "%s", err.text);
    tr_curve_release(&got.curve);
}
