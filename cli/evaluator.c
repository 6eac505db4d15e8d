/* cli/evaluator.c -- one job: a recipe and kernels of the student's width, a trial, and its
 * numbers by the names under which the store keeps them.
 */
#include "cli/evaluator.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

/* ---- latency ---- */

static const struct tr_kernels *kernels_of(const struct evaluator *evaluator, int width)
{
    return settings_kernels(evaluator->settings, evaluator->kernels, width);
}

/* One setting: blocks into the record and the result, and what all of the record comes to. */
static rt_status take_blocks(const struct evaluator *evaluator, const char *arch, int setting,
                             const struct tr_latency *measured, bool gated,
                             struct store_result *result, struct rt_err *err)
{
    const struct tr_latency_options *o = &evaluator->latency[setting];
    struct tr_latency_figure figure = {.value = NAN};

    RT_TRY(latencies_add(evaluator->latencies, arch, setting, measured, err));
    (void)latencies_figure(evaluator->latencies, arch, setting, &figure);
    for (int i = 0; i < measured->count; i++) {
        result->block[result->block_count] = latencies_block(o, measured, i);
        result->block[result->block_count++].gated = gated;
    }
    result->latency[result->latency_count++] = latencies_row(o, setting == 0, &figure);
    return RT_OK;
}

static rt_status ask_device(const struct evaluator *evaluator, const struct space_arch *arch,
                            int setting, struct tr_latency *measured, struct rt_err *err)
{
    const struct latency_request request = {.arch = *arch,
                                            .shape = *evaluator->shape,
                                            .setting = evaluator->latency[setting],
                                            .blocks = TR_TRIAL_BLOCKS,
                                            .seconds = TR_TRIAL_SECONDS};
    struct latency_answer answer;

    RT_TRY(device_ask(evaluator->device, &request, &answer, err));
    *measured = answer.measured;
    return RT_OK;
}

static rt_status take_here(const struct evaluator *evaluator, const struct space_arch *arch,
                           int setting, struct tr_latency *measured, struct rt_err *err)
{
    return tr_latency_take(arch, evaluator->shape, kernels_of(evaluator, arch->width),
                           &evaluator->latency[setting], TR_TRIAL_BLOCKS, TR_TRIAL_SECONDS,
                           measured, err);
}

/* In silence where that is worth what it costs the other workers; another machine needs none. */
static rt_status measure(struct evaluator *evaluator, const struct space_arch *arch, int setting,
                         struct store_result *result, struct rt_err *err)
{
    const bool gated = !evaluator->device &&
                       latencies_may_gate(evaluator->latencies, &evaluator->latency[setting]);
    struct tr_latency measured;
    char text[SPACE_ARCH_TEXT];
    rt_status rc;

    if (gated)
        rt_gate_close(latencies_gate(evaluator->latencies));
    const int64_t began = rt_now_ns();
    rc = evaluator->device ? ask_device(evaluator, arch, setting, &measured, err)
                           : take_here(evaluator, arch, setting, &measured, err);
    latencies_spent(evaluator->latencies, rt_now_ns() - began);
    if (gated)
        rt_gate_open(latencies_gate(evaluator->latencies));
    RT_TRY(rc);
    space_arch_print(arch, text);
    return take_blocks(evaluator, text, setting, &measured, gated, result, err);
}

static rt_status make_room(const struct evaluator *evaluator, struct store_result *result,
                           struct rt_err *err)
{
    const size_t most = (size_t)evaluator->latency_count * TR_LATENCY_BLOCKS;

    result->latency_host = evaluator->host;
    result->block = calloc(most + 1, sizeof *result->block);
    return result->block ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for latencies");
}

/* What timing takes here, beside what training does. */
static rt_status bytes_apart(const struct evaluator *evaluator, const struct space_arch *arch,
                             size_t *most, struct rt_err *err)
{
    *most = 0;
    for (int i = 0; i < evaluator->latency_count && !evaluator->device; i++) {
        size_t bytes;
        RT_TRY(tr_latency_bytes(arch, evaluator->shape, kernels_of(evaluator, arch->width),
                                &evaluator->latency[i], &bytes, err));
        *most = bytes > *most ? bytes : *most;
    }
    return RT_OK;
}

/* Before training, for what it does not need. */
static rt_status measure_all(struct evaluator *evaluator, struct tr_trial *trial,
                             struct store_result *result, struct rt_err *err)
{
    RT_TRY(bytes_apart(evaluator, trial->arch, &trial->apart, err));
    RT_TRY(tr_trial_check(trial, err));
    RT_TRY(make_room(evaluator, result, err));
    for (int i = 0; i < evaluator->latency_count; i++)
        RT_TRY(measure(evaluator, trial->arch, i, result, err));
    return RT_OK;
}

static void add_values(struct store_result *result)
{
    for (int i = 0; i < result->latency_count; i++) {
        const struct store_latency *l = &result->latency[i];
        struct store_value *value = &result->values[result->value_count++];
        assert(result->value_count <= STORE_MAX_METRICS);
        *value = (struct store_value){.value = l->value * 1e-6,
                                      .stderr_ = (l->high - l->low) / (2 * 1.96) * 1e-6};
        memcpy(value->name, l->metric, sizeof value->name);
    }
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
    trial.save = evaluator->read_only ? NULL : save;
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
    if (rc == RT_OK && trial.save)
        rc = checkpoints_note(save, &result->checkpoint, err);
    result->has_checkpoint = rc == RT_OK && trial.save;
    return rc;
}

/* Weights that are where this process would have kept them. */
static rt_status note_weights(const struct evaluator *evaluator, const struct search_job *job,
                              struct store_result *result, struct rt_err *err)
{
    char save[RT_PATH_MAX];

    if (!evaluator->checkpoints)
        return RT_OK;
    RT_TRY(checkpoints_path(evaluator->checkpoints, job->number, save, err));
    RT_TRY(checkpoints_note(save, &result->checkpoint, err));
    result->has_checkpoint = true;
    return RT_OK;
}

static rt_status run_isolated(const struct evaluator *evaluator, const struct search_job *job,
                              struct store_result *result, struct rt_err *err)
{
    isolation_run(evaluator->isolation, job, result);
    if (result->status != RT_OK) {
        RT_TRY(tr_data_look(evaluator->data, err)); /* which may be what ended the process */
        return rt_fail(err, result->status, "%s", result->error);
    }
    RT_TRY(note_weights(evaluator, job, result, err));
    add_values(result);
    return RT_OK;
}

static rt_status run(struct evaluator *evaluator, const struct search_job *job,
                     struct tr_trial *trial, struct store_result *result, struct rt_err *err)
{
    struct tr_trial_result got = {0};
    rt_status rc = measure_all(evaluator, trial, result, err);

    if (rc == RT_OK)
        rc = tr_data_look(evaluator->data, err);
    if (rc == RT_OK && evaluator->isolation)
        return run_isolated(evaluator, job, result, err);
    if (rc == RT_OK)
        rc = evaluator->checkpoints ? run_in_line(evaluator, job, *trial, &got, result, err)
                                    : tr_trial_run(trial, &got, err);
    if (rc == RT_OK) {
        result->value_count = evaluator_values(&got.metrics, result->values);
        add_values(result);
        take_curve(&got.curve, result);
        result->resumed = got.summary.resumed;
    }
    tr_curve_release(&got.curve);
    return rc;
}

/* A trial of that student, with the recipe that it points to. */
static struct tr_trial trial_of(const struct evaluator *evaluator, const struct space_arch *arch,
                                struct tr_recipe *recipe)
{
    *recipe = settings_recipe(evaluator->settings, evaluator->recipe, arch->width);
    return (struct tr_trial){.arch = arch,
                             .shape = evaluator->shape,
                             .kernels = kernels_of(evaluator, arch->width),
                             .data = evaluator->data,
                             .recipe = recipe,
                             .memory_limit = evaluator->memory_limit};
}

rt_status evaluator_bytes(const struct evaluator *evaluator, const struct space_arch *arch,
                          size_t *bytes, struct rt_err *err)
{
    struct tr_recipe recipe;
    struct tr_trial trial = trial_of(evaluator, arch, &recipe);

    RT_TRY(bytes_apart(evaluator, arch, &trial.apart, err));
    return tr_trial_bytes(&trial, bytes, err);
}

/* Once others have left room for it. Whoever waits there must not keep the machine from silence. */
static rt_status run_in_room(struct evaluator *evaluator, const struct search_job *job,
                             struct tr_trial *trial, struct store_result *result,
                             struct rt_err *err)
{
    size_t bytes = 0;

    if (evaluator->room) {
        RT_TRY(evaluator_bytes(evaluator, job->arch, &bytes, err));
        room_take(evaluator->room, bytes);
    }
    rt_gate_enter(latencies_gate(evaluator->latencies));
    const rt_status rc = run(evaluator, job, trial, result, err);
    rt_gate_leave(latencies_gate(evaluator->latencies));
    if (evaluator->room)
        room_give(evaluator->room, bytes);
    return rc;
}

/* From where it was, if it has been at work before. */
static rt_status run_from_state(struct evaluator *evaluator, const struct search_job *job,
                                struct tr_trial *trial, struct store_result *result,
                                struct rt_err *err)
{
    struct tr_resume resume;

    if (!evaluator->states || evaluator->isolation)
        return run_in_room(evaluator, job, trial, result, err);
    RT_TRY(trial_states_of(evaluator->states, job, &resume, err));
    trial->resume = &resume;
    const rt_status rc = run_in_room(evaluator, job, trial, result, err);
    trial->resume = NULL;
    if (rc != RT_ESTOP && rc != RT_EDIRTY) /* there is more to come */
        tr_resume_forget(&resume);
    return rc;
}

void evaluator_run(void *context, const struct search_job *job, struct store_result *result)
{
    struct evaluator *evaluator = context;
    struct tr_recipe recipe;
    struct tr_trial trial = trial_of(evaluator, job->arch, &recipe);
    struct rt_err err = {0};

    trial.seed = job->seed;
    trial.stop = job->stop;
    if (job->budget)
        recipe.steps = (int)job->budget;
    memset(result, 0, sizeof *result);
    result->status = run_from_state(evaluator, job, &trial, result, &err);
    if (result->status != RT_OK)
        snprintf(result->error, sizeof result->error, "%s", err.text);
}

static rt_status measure_here(struct evaluator *evaluator, const struct search_job *job,
                              struct store_result *result, struct rt_err *err)
{
    RT_TRY(note_weights(evaluator, job, result, err));
    if (evaluator->latency_count == 0)
        return RT_OK;
    RT_TRY(make_room(evaluator, result, err));
    for (int i = 0; i < evaluator->latency_count; i++)
        RT_TRY(measure(evaluator, job->arch, i, result, err));
    add_values(result);
    return RT_OK;
}

void evaluator_finish(struct evaluator *evaluator, const struct search_job *job,
                      struct store_result *result)
{
    struct rt_err err;

    result->status = measure_here(evaluator, job, result, &err);
    if (result->status != RT_OK)
        snprintf(result->error, sizeof result->error, "%s", err.text);
}

/* ---- again ---- */

static bool is_unsure(void *context, const struct space_arch *arch)
{
    const struct evaluator *evaluator = context;
    char text[SPACE_ARCH_TEXT];

    space_arch_print(arch, text);
    for (int i = 0; i < evaluator->latency_count; i++)
        if (latencies_unsure(evaluator->latencies, text, i))
            return true;
    return false;
}

static void measure_again(void *context, const struct space_arch *arch, struct store_result *result)
{
    struct evaluator *evaluator = context;
    char text[SPACE_ARCH_TEXT];
    struct rt_err err;

    memset(result, 0, sizeof *result);
    space_arch_print(arch, text);
    result->status = make_room(evaluator, result, &err);
    for (int i = 0; i < evaluator->latency_count && result->status == RT_OK; i++)
        if (latencies_unsure(evaluator->latencies, text, i))
            result->status = measure(evaluator, arch, i, result, &err);
}

static rt_status settle(void *context, struct store *store, struct rt_err *err)
{
    const struct evaluator *evaluator = context;

    return latencies_settle(evaluator->latencies, evaluator->shape, store, evaluator->host, err);
}

static void cost(void *context, double *timing, double *standing)
{
    const struct evaluator *evaluator = context;

    latencies_cost(evaluator->latencies, timing, standing);
}

const struct search_timing evaluator_timing = {is_unsure, measure_again, settle, cost};
