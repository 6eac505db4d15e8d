/* cli/lab.c -- see lab.h. */
#include "cli/lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static rt_status load_study(struct lab *lab, const char *path, const char *yaml, struct rt_err *err)
{
    if (yaml)
        return study_parse(path, yaml, strlen(yaml), &lab->study, err);
    return study_load(path, &lab->study, err);
}

rt_status lab_open_task(const struct study *study, struct tr_task **task, struct rt_err *err)
{
    const struct study_data *data = &study->data;
    const struct tr_split_sizes sizes = {.validation = data->validation,
                                         .held_out = data->held_out,
                                         .train_limit = data->train_limit,
                                         .seed = data->seed};

    return study_task_of(study)->open(study->block, study->space.shape.pool, &sizes, task, err);
}

rt_status lab_open_test(const struct study *study, const struct tr_task *task,
                        struct tr_task **test, struct rt_err *err)
{
    const struct study_task *kind = study_task_of(study);

    if (!kind->has_test(study->block))
        return rt_fail(err, RT_EARG, "'%.200s' names no test file; give %s", study->path,
                       kind->tests);
    return kind->open_test(study->block, task, test, err);
}

static rt_status load_data(struct lab *lab, struct rt_err *err)
{
    RT_TRY(tr_kernels_choose(&lab->kernels, err));
    RT_TRY(lab_open_task(&lab->study, &lab->task, err));
    RT_TRY(study_bind_shape(&lab->study, &lab->task->shape, err));
    lab->shape = lab->study.space.shape;
    lab->data = (struct tr_data){.task = lab->task};
    return RT_OK;
}

rt_status lab_load(struct lab *lab, const char *path, const char *yaml, struct rt_err *err)
{
    *lab = (struct lab){0};
    return load_study(lab, path, yaml, err);
}

rt_status lab_prepare(struct lab *lab, struct rt_err *err)
{
    if (lab->study.own)
        return rt_fail(err, RT_EARG,
                       "'%.200s' has an evaluator of its own, which trains and measures: there is "
                       "nothing for this command to do",
                       lab->study.path);
    return load_data(lab, err);
}

rt_status lab_open(struct lab *lab, const char *path, const char *yaml, struct rt_err *err)
{
    rt_status rc;

    RT_TRY(lab_load(lab, path, yaml, err));
    if ((rc = lab_prepare(lab, err)))
        lab_close(lab);
    return rc;
}

void lab_close(struct lab *lab)
{
    tr_ancestor_close(&lab->ancestor);
    tr_network_close(&lab->live);
    tr_knowledge_close(&lab->knowledge);
    tr_task_close(lab->task);
    study_release(&lab->study);
}

struct tr_teaching lab_teaching(const struct lab *lab, const atomic_int *stop)
{
    return (struct tr_teaching){.spec = &lab->study.teachers,
                                .shape = &lab->shape,
                                .task = lab->task,
                                .kernels = lab->kernels,
                                .threads = lab->study.search.workers,
                                .stop = stop};
}

rt_status lab_teachers_open(struct lab *lab, struct rt_err *err)
{
    const struct tr_teaching teaching = lab_teaching(lab, NULL);

    RT_TRY(tr_teachers_open(&teaching, &lab->knowledge, err));
    lab->data.knowledge = &lab->knowledge;
    if (lab->study.recipe.init != TR_INIT_PRUNE && lab->study.full.init != TR_INIT_PRUNE)
        return RT_OK;
    RT_TRY(tr_ancestor_open(&lab->ancestor, &teaching, &lab->study.prune, &lab->data,
                            lab->study.seed, err));
    lab->data.ancestor = &lab->ancestor;
    return RT_OK;
}

rt_status lab_live_open(struct lab *lab, const struct tr_recipe *recipe, struct rt_err *err)
{
    const struct tr_teaching teaching = lab_teaching(lab, NULL);

    if (!tr_layers_on(&recipe->layers))
        return RT_OK;
    RT_TRY(tr_live_open(&lab->live, &teaching, recipe->layers.teacher, err));
    lab->data.live = &lab->live;
    return RT_OK;
}

void lab_meter_step(void *context, int step, int steps)
{
    struct lab_meter *meter = context;
    const double now = (double)rt_now_ns() * 1e-9;
    const bool terminal = isatty(STDERR_FILENO), done = step == steps;
    const int tenth = (int)(10LL * step / steps);

    if (step <= 1) {
        meter->start = now;
        meter->tenth = 0;
    }
    if (terminal ? !done && now - meter->last < .2 : tenth == meter->tenth)
        return;
    meter->last = now;
    meter->tenth = tenth;
    (void)fprintf(stderr, "%s%s: step %d of %d, %.0f s left%s", terminal ? "\r" : "", meter->name,
                  step, steps, step ? (now - meter->start) * (steps - step) / step : 0.0,
                  terminal ? "\033[K" : "\n");
    if (terminal && done)
        (void)fputs("\n", stderr);
}

void lab_meter_teacher(void *context, const char *name, int step, int steps)
{
    struct lab_meter *meter = context;
    char text[TR_TEACHER_NAME + 16];

    (void)snprintf(text, sizeof text, "teacher '%s'", name);
    meter->name = text;
    lab_meter_step(meter, step, steps);
}

rt_status lab_teach(struct lab *lab, const atomic_int *stop, struct rt_err *err)
{
    struct lab_meter meter = {0};
    struct tr_teaching teaching = lab_teaching(lab, stop);

    teaching.progress = lab_meter_teacher;
    teaching.progress_context = &meter;
    RT_TRY(tr_teachers_teach(&teaching, err));
    return lab_teachers_open(lab, err);
}
