/* trainer/teachers/trained.c -- a teacher that is trained here, on labels; its weights are a file.
 *
 * The *recipe* hash (architecture, recipe, data, split, seed) stands in that file and says whether it
 * is the teacher that the study asks for.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/export/safetensors.h"
#include "trainer/net/predict.h"
#include "trainer/teachers/teachers_internal.h"

rt_status tr__weights_path(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           char path[RT_PATH_MAX], struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s.safetensors", teaching->spec->folder, spec->name) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
}

rt_status tr_teacher_state(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           char path[RT_PATH_MAX], struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s.state", teaching->spec->folder, spec->name) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
}

void tr__forget_state(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec)
{
    char path[RT_PATH_MAX];

    if (tr_teacher_state(teaching, spec, path, NULL) == RT_OK)
        (void)unlink(path);
}

static rt_status recipe_hash(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                             char text[RT_HASH_TEXT], struct rt_err *err)
{
    char arch[SPACE_ARCH_TEXT], line[SPACE_ARCH_TEXT + 512];
    const struct tr_split *split = &teaching->task->split;
    struct rt_hash *hash = rt_hash_open();
    int n;

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash the recipe of teacher '%s'", spec->name);
    space_arch_print(&spec->arch, arch);
    n = snprintf(
        line, sizeof line,
        "%s%s pool=%d epochs=%.17g batch=%d lr=%.17g warmup=%.17g wd=%.17g seed=%llu data=%s", arch,
        teaching->shape->variant.post_norm ? " norm=post" : "", (int)teaching->shape->pool,
        spec->epochs, spec->batch, spec->learning_rate, spec->warmup, spec->weight_decay,
        (unsigned long long)spec->seed, teaching->task->hash);
    rt_hash_add(hash, line, (size_t)n);
    rt_hash_add(hash, split->train, (size_t)split->train_count * sizeof *split->train);
    rt_hash_close(hash, text);
    return RT_OK;
}

/* Stale weights are RT_EMISMATCH, none RT_EIO. */
static rt_status load(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                      const struct tr_student *student, float *params, struct rt_err *err)
{
    char path[RT_PATH_MAX], want[RT_HASH_TEXT], *have = NULL;
    bool same;

    RT_TRY(tr__weights_path(teaching, spec, path, err));
    RT_TRY(recipe_hash(teaching, spec, want, err));
    RT_TRY(tr_safetensors_metadata(path, "recipe", &have, err));
    same = have && strcmp(have, want) == 0;
    free(have);
    if (!same)
        return rt_fail(err, RT_EMISMATCH,
                       "teacher '%s' in '%.200s' was trained by another recipe or on other data; "
                       "'retort teach --retrain %s' trains it anew",
                       spec->name, path, spec->name);
    return tr_safetensors_read(path, student, params, err);
}

rt_status tr__is_missing(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                         bool *missing, struct rt_err *err)
{
    char path[RT_PATH_MAX];

    RT_TRY(tr__weights_path(teaching, spec, path, err));
    *missing = access(path, F_OK) != 0 && errno == ENOENT;
    return RT_OK;
}

bool tr_teachers_untrained(const struct tr_teaching *teaching)
{
    bool missing = false;

    for (int k = 0; k < teaching->spec->count && !missing; k++) {
        const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
        if (spec->kind->gives & TR_TRAINED_HERE)
            (void)tr__is_missing(teaching, spec, &missing, NULL);
    }
    return missing;
}

rt_status tr__cannot_use(const struct tr_teacher_spec *spec, rt_status rc, struct rt_err *err)
{
    struct rt_err why;

    if (rc == RT_EMISMATCH || rc == RT_ENOMEM || !err)
        return rc;
    why = *err;
    return rt_fail(err, rc, "%.250s; 'retort teach --retrain %s' trains this teacher anew",
                   why.text, spec->name);
}

static rt_status write_weights(const struct tr_teaching *teaching,
                               const struct tr_teacher_spec *spec, const struct tr_network *net,
                               struct rt_err *err)
{
    char path[RT_PATH_MAX], hash[RT_HASH_TEXT], arch[SPACE_ARCH_TEXT], lanes[16];
    const struct tr_metadata metadata[] = {
        {"arch", arch}, {"recipe", hash}, {"lanes", lanes}, {NULL, NULL}};

    RT_TRY(recipe_hash(teaching, spec, hash, err));
    space_arch_print(&spec->arch, arch);
    (void)snprintf(lanes, sizeof lanes, "%d", teaching->spec->lanes);
    RT_TRY(tr__weights_path(teaching, spec, path, err));
    return tr_safetensors_write(path, &net->student, net->weights.params, metadata, err);
}

static rt_status train_teacher(const struct tr_teaching *teaching,
                               const struct tr_teacher_spec *spec, struct tr_network *net,
                               struct rt_err *err)
{
    assert(teaching->train);
    tr_student_init_params(&net->student, spec->seed, net->weights.params);
    RT_TRY(teaching->train(teaching, spec, net, err));
    RT_TRY(write_weights(teaching, spec, net, err));
    tr__forget_state(teaching, spec);
    return RT_OK;
}

/* Logits of a trained teacher for all rows of the task, into column k of out (n, K, C). */
static rt_status predict_all(const struct tr_teaching *teaching, struct tr_network *net,
                             const struct tr_task *task, int k, float *out, struct rt_err *err)
{
    const int n = task->rows, classes = teaching->shape->classes;
    float *logits = malloc((size_t)n * classes * sizeof *logits);
    int *rows = malloc((size_t)n * sizeof *rows);
    rt_status rc;

    if (!logits || !rows) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for the teachers' logits");
        goto done;
    }
    for (int i = 0; i < n; i++)
        rows[i] = i;
    tr_weights_pack(&net->student, &net->weights);
    rc = tr_predict(&net->student, &net->weights, task, rows, n, teaching->threads, logits, err);
    if (rc == RT_OK)
        tr__interleave(logits, n, classes, k, teaching->spec->count, out);
done:
    free(logits);
    free(rows);
    return rc;
}

static void describe(const struct tr_teacher_spec *spec, const struct space_shape *shape,
                     char arch[SPACE_ARCH_TEXT], int64_t *params)
{
    struct space_cost cost;

    space_arch_print(&spec->arch, arch);
    space_cost_of(&spec->arch, shape, &cost);
    *params = cost.params;
}

static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         char hash[RT_HASH_TEXT], float *out, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    struct tr_network net;
    bool train = may_train && teaching->retrain[k];
    rt_status rc;

    RT_TRY(tr_network_open(&net, &spec->arch, teaching->shape, teaching->kernels,
                           may_train ? TR_NETWORK_TRAIN : TR_NETWORK_INFER, err));
    rc = may_train && !train ? tr__is_missing(teaching, spec, &train, err) : RT_OK;
    if (rc == RT_OK && train)
        rc = train_teacher(teaching, spec, &net, err);
    else if (rc == RT_OK && (rc = load(teaching, spec, &net.student, net.weights.params, err)))
        rc = tr__cannot_use(spec, rc, err);
    if (rc == RT_OK)
        rt_hash_bytes(net.weights.params, net.student.param_count * sizeof(float), hash);
    if (rc == RT_OK && out)
        rc = predict_all(teaching, &net, teaching->task, k, out, err);
    tr_network_close(&net);
    return rc;
}

static rt_status predict(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                         float *out, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    struct tr_network net;
    rt_status rc;

    RT_TRY(tr_network_open(&net, &spec->arch, teaching->shape, teaching->kernels, TR_NETWORK_INFER,
                           err));
    if ((rc = load(teaching, spec, &net.student, net.weights.params, err)) == RT_OK)
        rc = predict_all(teaching, &net, test, k, out, err);
    tr_network_close(&net);
    return rc;
}

static rt_status open_network(struct tr_network *network, const struct tr_teaching *teaching, int k,
                              enum tr_network_use use, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    rt_status rc;

    RT_TRY(tr_network_open(network, &spec->arch, teaching->shape, teaching->kernels, use, err));
    if ((rc = load(teaching, spec, &network->student, network->weights.params, err))) {
        tr_network_close(network);
        return rc;
    }
    tr_weights_pack(&network->student, &network->weights);
    return RT_OK;
}

const struct tr_teacher_kind tr_teacher_trained = {
    .name = "trained",
    .gives = TR_GIVES_LAYERS | TR_GIVES_WEIGHTS | TR_TRAINED_HERE | TR_ROWS_KNOWN |
             TR_COUNTS_PARAMS | TR_ANSWERS_ANY,
    .describe = describe,
    .consult = consult,
    .predict = predict,
    .open = open_network,
};
