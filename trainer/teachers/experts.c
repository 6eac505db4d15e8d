/* trainer/teachers/experts.c -- teachers of policies, which say what to do in a state.
 *
 * What they say about the task's rows was asked when these were gathered, so the knowledge is a copy of
 * what the task has; a kind is how one is opened.
 *   table   the pendulum by value iteration
 *   policy  a network from a safetensors file
 *   ppo     one that is trained here, into FOLDER/NAME.safetensors, where the hash of its recipe and of
 *           the environment says whether it is the one that the study asks for
 *   labels  what a command's environment says beside its observations
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/experts/network.h"
#include "trainer/experts/value_table.h"
#include "trainer/export/safetensors.h"
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

/* ---- networks trained here ---- */

static rt_status hash_recipe(const struct tr_teaching *teaching, const struct tr_ppo_recipe *r,
                             char text[RT_HASH_TEXT], struct rt_err *err)
{
    const struct tr_env_info *info = tr_env_info(tr_policy_environment(teaching->task));
    struct rt_hash *hash = rt_hash_open();
    char line[512];
    int n;

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash a recipe of ppo");
    n = snprintf(line, sizeof line,
                 "%s steps=%lld layers=%d act=%d copies=%d each=%d epochs=%d batch=%d rate=%.17g "
                 "gamma=%.17g lambda=%.17g clip=%.17g value=%.17g norm=%.17g seed=%llu",
                 info->hash, (long long)r->steps, r->layers, (int)r->activation, r->copies,
                 r->steps_each, r->epochs, r->batch, r->rate, r->gamma, r->lambda, r->clip,
                 r->value_weight, r->norm, (unsigned long long)r->seed);
    rt_hash_add(hash, line, (size_t)n);
    rt_hash_add(hash, r->width, (size_t)r->layers * sizeof *r->width);
    rt_hash_close(hash, text);
    return RT_OK;
}

struct telling { /* who is told of progress, and about whom */
    const struct tr_teaching *teaching;
    const struct tr_teacher_spec *spec;
};

static void tell(void *to, int64_t steps, double mean_return, int episodes)
{
    const struct telling *t = to;
    const int64_t most = t->spec->ppo.steps; /* which the last update may go beyond */

    (void)mean_return;
    (void)episodes;
    if (t->teaching->progress)
        t->teaching->progress(t->teaching->progress_context, t->spec->name,
                              (int)(steps < most ? steps : most), (int)most);
}

/* Weights that are there but of another recipe are refused. */
static rt_status check_recipe(const struct tr_teacher_spec *spec, const char *path,
                              const char *want, struct rt_err *err)
{
    char *have = NULL;
    bool same;

    RT_TRY(tr_safetensors_metadata(path, "made_of", &have, err));
    same = have && strcmp(have, want) == 0;
    free(have);
    return same ? RT_OK
                : rt_fail(err, RT_EMISMATCH,
                          "teacher '%s' in '%.200s' was trained by another recipe or in another "
                          "environment; 'retort teach --retrain %s' trains it anew",
                          spec->name, path, spec->name);
}

static rt_status open_ppo(const struct tr_teaching *teaching, int k, bool may_train,
                          struct tr_expert *expert, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    const struct tr_env *env = tr_policy_environment(teaching->task);
    struct telling telling = {teaching, spec};
    char path[RT_PATH_MAX], state[RT_PATH_MAX], hash[RT_HASH_TEXT];
    bool missing;
    rt_status rc;

    RT_TRY(tr__weights_path(teaching, spec, path, err));
    RT_TRY(hash_recipe(teaching, &spec->ppo, hash, err));
    RT_TRY(tr__is_missing(teaching, spec, &missing, err));
    if (missing && !may_train)
        return rt_fail(err, RT_EIO, "teacher '%s' is not trained yet; 'retort teach' does it",
                       spec->name);
    if (may_train && (missing || teaching->retrain[k])) {
        RT_TRY(rt_folder_make_for(path, err));
        tell(&telling, 0, (double)NAN, 0); /* its time begins */
        RT_TRY(tr_teacher_state(teaching, spec, state, err));
        RT_TRY(tr_ppo_train(&(struct tr_ppo_run){.env = env,
                                                 .recipe = &spec->ppo,
                                                 .kernels = teaching->kernels,
                                                 .threads = teaching->threads,
                                                 .stop = teaching->stop,
                                                 .progress = tell,
                                                 .to = &telling,
                                                 .path = path,
                                                 .hash = hash,
                                                 .state = state},
                            err));
        tr__forget_state(teaching, spec);
    }
    rc = check_recipe(spec, path, hash, err);
    if (rc == RT_OK)
        rc = tr_expert_network(expert, path, tr_env_info(env), teaching->kernels, err);
    return rc == RT_OK ? rc : tr__cannot_use(spec, rc, err);
}

const struct tr_teacher_kind tr_teacher_ppo = {.name = "ppo",
                                               .gives = TR_ACTS | TR_ROWS_KNOWN | TR_TRAINED_HERE |
                                                        TR_COUNTS_PARAMS,
                                               .describe = describe,
                                               .consult = consult,
                                               .predict = predict,
                                               .expert = open_ppo};

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
