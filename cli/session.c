/* cli/session.c -- the order in which a session is made ready: study, task, kernels, teachers.
 *
 * Each step needs those before it, and session_close() takes back what there is of them.
 */
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/meter.h"
#include "trainer/learn/teach.h"
#include "trainer/task/npy.h"
#include "trainer/task/policy/policy.h"

static rt_status load_study(struct session *session, const char *path, const char *yaml,
                            struct rt_err *err)
{
    if (yaml)
        return study_parse(path, yaml, strlen(yaml), &session->study, err);
    return study_load(path, &session->study, err);
}

rt_status session_open_task(const struct study *study, struct tr_task **task, struct rt_err *err)
{
    const struct study_data *data = &study->data;
    struct tr_split_sizes sizes = {.validation = data->validation,
                                   .held_out = data->held_out,
                                   .train_limit = data->train_limit,
                                   .seed = data->seed};
    int *rows = NULL;

    if (data->validation_rows[0])
        RT_TRY(tr_npy_read_rows(data->validation_rows, &rows, &sizes.validation, err));
    sizes.validation_rows = rows;
    const rt_status rc = study_task_of(study)->open(study, &sizes, task, err);
    free(rows);
    return rc;
}

rt_status session_open_test(const struct study *study, const struct tr_task *task,
                            struct tr_task **test, struct rt_err *err)
{
    const struct study_task *kind = study_task_of(study);

    if (!kind->has_test(study->block))
        return rt_fail(err, RT_EARG, "'%.200s' names no test file; give %s", study->path,
                       kind->tests);
    return kind->open_test(study->block, task, test, err);
}

static rt_status load_data(struct session *session, struct rt_err *err)
{
    RT_TRY(tr_kernels_choose(&session->kernels, err));
    RT_TRY(session_open_task(&session->study, &session->task, err));
    RT_TRY(study_bind_shape(&session->study, &session->task->shape, err));
    session->shape = session->study.space.shape;
    session->data = (struct tr_data){.task = session->task};
    return RT_OK;
}

rt_status session_load(struct session *session, const char *path, const char *yaml,
                       struct rt_err *err)
{
    *session = (struct session){0};
    return load_study(session, path, yaml, err);
}

rt_status session_prepare(struct session *session, struct rt_err *err)
{
    if (session->study.own)
        return rt_fail(err, RT_EARG,
                       "'%.200s' has an evaluator of its own, which trains and measures: there is "
                       "nothing for this command to do",
                       session->study.path);
    return load_data(session, err);
}

rt_status session_open(struct session *session, const char *path, const char *yaml,
                       struct rt_err *err)
{
    rt_status rc;

    RT_TRY(session_load(session, path, yaml, err));
    if ((rc = session_prepare(session, err)))
        session_close(session);
    return rc;
}

void session_close(struct session *session)
{
    tr_donor_close(&session->donor);
    tr_kept_layers_close(&session->kept);
    tr_network_close(&session->resident);
    tr_knowledge_close(&session->knowledge);
    tr_task_close(session->task);
    study_release(&session->study);
}

struct tr_teaching session_teaching(const struct session *session, const atomic_int *stop)
{
    return (struct tr_teaching){.spec = &session->study.teachers,
                                .shape = &session->shape,
                                .task = session->task,
                                .kernels = session->kernels,
                                .threads = study_cores(&session->study),
                                .stop = stop};
}

/* Rows of a task whose students act; then the sizes of the teachers that act are known, too. */
static rt_status gather(struct session *session, const struct tr_teaching *teaching, bool may_train,
                        struct rt_err *err)
{
    struct tr_ensemble_spec *spec = &session->study.teachers;

    RT_TRY(tr_teachers_gather(teaching, session->task, may_train, err));
    for (int k = 0; k < spec->count && session->task->kind->act; k++)
        spec->teacher[k].params = tr_policy_expert(session->task, k)->params;
    return RT_OK;
}

rt_status session_teachers_open(struct session *session, struct rt_err *err)
{
    const struct tr_teaching teaching = session_teaching(session, NULL);

    RT_TRY(gather(session, &teaching, false, err));
    RT_TRY(tr_teachers_open(&teaching, &session->knowledge, err));
    session->data.knowledge = &session->knowledge;
    session->data.ensemble = &session->study.ensemble;
    return RT_OK;
}

rt_status session_donor_open(struct session *session, struct rt_err *err)
{
    const struct tr_teaching teaching = session_teaching(session, NULL);

    if (session->study.recipe.init != TR_INIT_PRUNE && session->study.full.init != TR_INIT_PRUNE)
        return RT_OK;
    RT_TRY(tr_donor_open(&session->donor, &teaching, &session->study.prune, &session->data,
                         session->study.seed, err));
    session->data.donor = &session->donor;
    return RT_OK;
}

/* A teacher's own words, such as its progress, as they come. */
static void hear(void *context, const char *text, size_t bytes)
{
    (void)context;
    (void)fwrite(text, 1, bytes, stderr);
}

rt_status session_teach(struct session *session, const bool retrain[TR_MAX_TEACHERS],
                        const atomic_int *stop, struct rt_err *err)
{
    struct meter meter = {0};
    struct tr_teaching teaching = session_teaching(session, stop);

    if (retrain)
        memcpy(teaching.retrain, retrain, sizeof teaching.retrain);
    teaching.train = tr_train_teacher;
    teaching.progress = meter_teacher;
    teaching.progress_context = &meter;
    teaching.hear = hear;
    RT_TRY(gather(session, &teaching, true, err));
    RT_TRY(tr_teachers_teach(&teaching, err));
    return session_teachers_open(session, err);
}
