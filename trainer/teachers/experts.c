/* trainer/teachers/experts.c -- teachers of policies, which say what to do in a state.
 *
 * What they say about the task's rows was asked when these were gathered, so the knowledge is a copy of
 * what the task has; a kind is how one is opened.
 *   table   the pendulum by value iteration
 *   policy  a network from a safetensors file
 *   labels  what a command's environment says beside its observations
 */
#include <assert.h>
#include <string.h>

#include "trainer/experts/network.h"
#include "trainer/experts/value_table.h"
#include "trainer/task/policy/policy.h"
#include "trainer/teachers/teachers_internal.h"

static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         char hash[RT_HASH_TEXT], float *out, struct rt_err *err)
{
    const struct tr_task *task = teaching->task;
    const int parts = space_parts(&task->shape), classes = task->shape.classes;
    const int teachers = teaching->spec->count;

    (void)may_train;
    (void)err;
    assert(tr_policy_gathered(task));
    memcpy(hash, tr_policy_expert(task, k)->hash, RT_HASH_TEXT);
    for (ptrdiff_t row = 0; out && row < task->rows; row++) {
        const float *said = tr_policy_said(task, (int)row, k);
        for (ptrdiff_t a = 0; a < parts; a++)
            memcpy(out + ((row * parts + a) * teachers + k) * classes,
                   said + a * teachers * classes, (size_t)classes * sizeof *out);
    }
    return RT_OK;
}

static rt_status predict(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                         float *out, struct rt_err *err)
{
    (void)test;
    (void)out;
    return rt_fail(err, RT_EARG, "teacher '%s' acts; there is no test file for it to answer",
                   teaching->spec->teacher[k].name);
}

static void describe(const struct tr_teacher_spec *spec, const struct space_shape *shape,
                     char arch[SPACE_ARCH_TEXT], int64_t *params)
{
    (void)shape;
    arch[0] = '\0';
    *params = spec->params;
}

/* ---- value iteration ---- */

static rt_status open_table(const struct tr_teaching *teaching, int k, bool may_train,
                            struct tr_expert *expert, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    struct tr_actions actions = *tr_policy_actions(teaching->task);

    (void)may_train; /* it takes half a second */
    actions.tau = spec->tau;
    RT_TRY(tr_expert_value_table(expert, tr_env_info(tr_policy_environment(teaching->task)),
                                 &actions, spec->gamma, err));
    expert->tau = spec->tau;
    return RT_OK;
}

const struct tr_teacher_kind tr_teacher_table = {.name = "table",
                                                 .gives =
                                                     TR_ACTS | TR_ROWS_KNOWN | TR_COUNTS_PARAMS,
                                                 .describe = describe,
                                                 .consult = consult,
                                                 .predict = predict,
                                                 .expert = open_table};

/* ---- networks from files ---- */

static rt_status open_network(const struct tr_teaching *teaching, int k, bool may_train,
                              struct tr_expert *expert, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];

    (void)may_train;
    RT_TRY(tr_expert_network(expert, spec->file, tr_env_info(tr_policy_environment(teaching->task)),
                             teaching->kernels, err));
    expert->tau = spec->tau;
    return RT_OK;
}

const struct tr_teacher_kind tr_teacher_policy = {.name = "policy",
                                                  .gives =
                                                      TR_ACTS | TR_ROWS_KNOWN | TR_COUNTS_PARAMS,
                                                  .describe = describe,
                                                  .consult = consult,
                                                  .predict = predict,
                                                  .expert = open_network};

/* ---- the environment's own ---- */

static rt_status open_labels(const struct tr_teaching *teaching, int k, bool may_train,
                             struct tr_expert *expert, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    const struct tr_env_info *info = tr_env_info(tr_policy_environment(teaching->task));

    (void)may_train;
    if (info->labels == TR_LABELS_NONE)
        return rt_fail(err, RT_EARG, "teacher '%s': the environment '%s' says no labels",
                       spec->name, info->name);
    *expert = (struct tr_expert){.says = info->labels,
                                 .observation = info->observation,
                                 .numbers = info->label,
                                 .tau = spec->tau,
                                 .params = spec->params};
    memcpy(expert->hash, info->hash, sizeof expert->hash);
    return RT_OK;
}

const struct tr_teacher_kind tr_teacher_labels = {.name = "command",
                                                  .gives = TR_ACTS | TR_ROWS_KNOWN,
                                                  .describe = describe,
                                                  .consult = consult,
                                                  .predict = predict,
                                                  .expert = open_labels};

/* ---- all of them ---- */

static rt_status open_experts(const struct tr_teaching *teaching, bool may_train,
                              struct tr_expert *experts, struct rt_err *err)
{
    for (int k = 0; k < teaching->spec->count; k++) {
        const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
        assert(spec->kind->expert);
        RT_TRY(spec->kind->expert(teaching, k, may_train, &experts[k], err));
        experts[k].weight = teaching->spec->weights == TR_RULE_UNIFORM ? 1 : spec->weight;
    }
    return RT_OK;
}

rt_status tr_teachers_gather(const struct tr_teaching *teaching, struct tr_task *task,
                             bool may_train, struct rt_err *err)
{
    struct tr_expert experts[TR_MAX_TEACHERS] = {0};
    rt_status rc;

    if (task->kind != &tr_task_policy || tr_policy_gathered(task))
        return RT_OK;
    rc = open_experts(teaching, may_train, experts, err);
    if (rc == RT_OK)
        rc = tr_policy_gather(task, experts, teaching->spec->count, teaching->threads,
                              teaching->stop, err);
    for (int k = 0; k < TR_MAX_TEACHERS; k++)
        tr_expert_release(&experts[k]);
    return rc;
}
