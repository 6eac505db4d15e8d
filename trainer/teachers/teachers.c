/* trainer/teachers/teachers.c -- see teachers.h.
 *
 * Two hashes guard a cache. The *recipe* hash (architecture, recipe, data, split, seed) is stored
 * in each teacher's weights file and says whether they must be trained anew; the *content* hash of
 * the weights or logits goes into the knowledge and says whether it was made from these very
 * teachers.
 */
#include "trainer/teachers/teachers.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/export/safetensors.h"
#include "trainer/net/network.h"
#include "trainer/net/predict.h"
#include "trainer/task/npy.h"
#include "trainer/teachers/teachers_internal.h"

static rt_status weights_path(const struct tr_teaching *teaching,
                              const struct tr_teacher_spec *spec, char path[RT_PATH_MAX],
                              struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s.safetensors", teaching->spec->folder, spec->name) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
}

static rt_status knowledge_path(const struct tr_ensemble_spec *spec, char path[RT_PATH_MAX],
                                struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/knowledge.rtk", spec->folder) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
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
        "%s pool=%d epochs=%.17g batch=%d lr=%.17g warmup=%.17g wd=%.17g seed=%llu data=%s", arch,
        (int)teaching->shape->pool, spec->epochs, spec->batch, spec->learning_rate, spec->warmup,
        spec->weight_decay, (unsigned long long)spec->seed, teaching->task->hash);
    rt_hash_add(hash, line, (size_t)n);
    rt_hash_add(hash, split->train, (size_t)split->train_count * sizeof *split->train);
    rt_hash_close(hash, text);
    return RT_OK;
}

rt_status tr__teacher_load(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           const struct tr_student *student, float *params, struct rt_err *err)
{
    char path[RT_PATH_MAX], want[RT_HASH_TEXT], *have = NULL;
    bool same;

    RT_TRY(weights_path(teaching, spec, path, err));
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

/* Nothing else than "there is no such file" lets a teacher be trained without being asked. */
static rt_status is_missing(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                            bool *missing, struct rt_err *err)
{
    char path[RT_PATH_MAX];

    RT_TRY(weights_path(teaching, spec, path, err));
    *missing = access(path, F_OK) != 0 && errno == ENOENT;
    return RT_OK;
}

/* Says how to get rid of weights that cannot be read, where the reason does not. */
static rt_status cannot_use(const struct tr_teacher_spec *spec, rt_status rc, struct rt_err *err)
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
    RT_TRY(weights_path(teaching, spec, path, err));
    return tr_safetensors_write(path, &net->student, net->weights.params, metadata, err);
}

static rt_status train_teacher(const struct tr_teaching *teaching,
                               const struct tr_teacher_spec *spec, struct tr_network *net,
                               struct rt_err *err)
{
    assert(teaching->train);
    RT_TRY(teaching->train(teaching, spec, net, err));
    return write_weights(teaching, spec, net, err);
}

/* Copy (n, C) logits of teacher k into (n, K, C). */
static void interleave(const float *logits, int n, int classes, int k, int teachers, float *out)
{
    for (ptrdiff_t i = 0; i < n; i++)
        memcpy(out + (i * teachers + k) * classes, logits + i * classes,
               (size_t)classes * sizeof *out);
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
        interleave(logits, n, classes, k, teaching->spec->count, out);
done:
    free(logits);
    free(rows);
    return rc;
}

static rt_status check_recorded(const struct tr_matrix *matrix, const char *path, size_t rows,
                                size_t classes, struct rt_err *err)
{
    if (matrix->rows != rows)
        return rt_fail(err, RT_ESHAPE,
                       "'%s' has logits for %zu examples but the data has %zu; record one row per "
                       "example, in the order of the data file",
                       path, matrix->rows, rows);
    if (matrix->columns != classes)
        return rt_fail(err, RT_ESHAPE, "'%s' has %zu classes but the data has %zu", path,
                       matrix->columns, classes);
    for (size_t i = 0; i < rows * classes; i++)
        if (!isfinite(matrix->values[i]))
            return rt_fail(err, RT_ENAN,
                           "'%s' has a logit that is not finite at example %zu, class %zu; record "
                           "it again",
                           path, i / classes, i % classes);
    return RT_OK;
}

/* Recorded logits, checked against the data, into column k of out (NULL: only hash them). */
static rt_status read_recorded(const struct tr_teaching *teaching, const char *path, int rows,
                               int k, float *out, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    const size_t classes = (size_t)teaching->shape->classes;
    struct tr_matrix matrix;
    rt_status rc;

    RT_TRY(tr_npy_read(path, &matrix, err));
    rc = check_recorded(&matrix, path, (size_t)rows, classes, err);
    if (rc == RT_OK) {
        rt_hash_bytes(matrix.values, matrix.rows * matrix.columns * sizeof(float), hash);
        if (out)
            interleave(matrix.values, rows, (int)classes, k, teaching->spec->count, out);
    }
    tr_matrix_release(&matrix);
    return rc;
}

static void content_hash(const struct tr_network *net, char hash[RT_HASH_TEXT])
{
    rt_hash_bytes(net->weights.params, net->student.param_count * sizeof(float), hash);
}

/* Teacher k's content hash into the key and, when out is given, its logits for the training file.
 */
static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         struct tr_knowledge_key *key, float *out, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    struct tr_network net;
    bool train = may_train && teaching->retrain[k];
    rt_status rc;

    snprintf(key->name[k], TR_TEACHER_NAME, "%s", spec->name);
    if (spec->recorded)
        return read_recorded(teaching, spec->train_logits, teaching->task->rows, k, out,
                             key->teacher[k], err);
    RT_TRY(tr_network_open(&net, &spec->arch, teaching->shape, teaching->kernels,
                           may_train ? TR_NETWORK_TRAIN : TR_NETWORK_INFER, err));
    rc = may_train && !train ? is_missing(teaching, spec, &train, err) : RT_OK;
    if (rc == RT_OK && train)
        rc = train_teacher(teaching, spec, &net, err);
    else if (rc == RT_OK &&
             (rc = tr__teacher_load(teaching, spec, &net.student, net.weights.params, err)))
        rc = cannot_use(spec, rc, err);
    if (rc == RT_OK)
        content_hash(&net, key->teacher[k]);
    if (rc == RT_OK && out)
        rc = predict_all(teaching, &net, teaching->task, k, out, err);
    tr_network_close(&net);
    return rc;
}

static struct tr_knowledge_key empty_key(const struct tr_teaching *teaching)
{
    struct tr_knowledge_key key = {
        .teachers = teaching->spec->count,
        .classes = teaching->shape->classes,
        .rows = teaching->task->rows,
    };
    memcpy(key.data, teaching->task->hash, RT_HASH_TEXT);
    return key;
}

rt_status tr_teachers_teach(const struct tr_teaching *teaching, struct rt_err *err)
{
    struct tr_knowledge_key key = empty_key(teaching);
    const size_t values = (size_t)key.rows * key.teachers * key.classes;
    char path[RT_PATH_MAX];
    float *logits = NULL;
    rt_status rc;

    RT_TRY(knowledge_path(teaching->spec, path, err));
    RT_TRY(rt_folder_make(teaching->spec->folder, err));
    logits = malloc(values * sizeof *logits);
    if (!logits)
        return rt_fail(err, RT_ENOMEM, "no memory for the teachers' logits");
    for (int k = 0; k < key.teachers; k++)
        if ((rc = consult(teaching, k, true, &key, logits, err)))
            goto done;
    rc = tr_knowledge_write(path, &key, logits, err);
done:
    free(logits);
    return rc;
}

bool tr_teachers_cached(const struct tr_ensemble_spec *spec)
{
    char path[RT_PATH_MAX];
    return knowledge_path(spec, path, NULL) == RT_OK && access(path, F_OK) == 0;
}

rt_status tr_teachers_open(const struct tr_teaching *teaching, struct tr_knowledge *knowledge,
                           struct rt_err *err)
{
    struct tr_knowledge_key key = empty_key(teaching);
    char path[RT_PATH_MAX];

    RT_TRY(knowledge_path(teaching->spec, path, err));
    for (int k = 0; k < key.teachers; k++)
        RT_TRY(consult(teaching, k, false, &key, NULL, err));
    return tr_knowledge_open(knowledge, path, &key, err);
}

rt_status tr_teachers_predict(const struct tr_teaching *teaching, const struct tr_task *test,
                              float *logits, struct rt_err *err)
{
    for (int k = 0; k < teaching->spec->count; k++) {
        const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
        char hash[RT_HASH_TEXT];
        struct tr_network net;
        rt_status rc;

        if (spec->recorded) {
            if (!spec->test_logits[0])
                return rt_fail(err, RT_EARG,
                               "teacher '%s' has no logits for the test file; give logits.test",
                               spec->name);
            RT_TRY(read_recorded(teaching, spec->test_logits, test->rows, k, logits, hash, err));
            continue;
        }
        RT_TRY(tr_network_open(&net, &spec->arch, teaching->shape, teaching->kernels,
                               TR_NETWORK_INFER, err));
        if ((rc = tr__teacher_load(teaching, spec, &net.student, net.weights.params, err)) == RT_OK)
            rc = predict_all(teaching, &net, test, k, logits, err);
        tr_network_close(&net);
        RT_TRY(rc);
    }
    return RT_OK;
}

rt_status tr_teacher_check(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                           struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    char hash[RT_HASH_TEXT];

    assert(k >= 0 && k < teaching->spec->count && spec->recorded);
    RT_TRY(read_recorded(teaching, spec->train_logits, teaching->task->rows, k, NULL, hash, err));
    if (!test || !spec->test_logits[0])
        return RT_OK;
    return read_recorded(teaching, spec->test_logits, test->rows, k, NULL, hash, err);
}

rt_status tr_resident_open(struct tr_network *resident, const struct tr_teaching *teaching, int k,
                           struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    rt_status rc;

    if (spec->recorded)
        return rt_fail(err, RT_EARG, "teacher '%s' is recorded logits and has no layers",
                       spec->name);
    RT_TRY(tr_network_open(resident, &spec->arch, teaching->shape, teaching->kernels,
                           TR_NETWORK_TRACE, err));
    if ((rc =
             tr__teacher_load(teaching, spec, &resident->student, resident->weights.params, err))) {
        tr_network_close(resident);
        return rc;
    }
    tr_weights_pack(&resident->student, &resident->weights);
    return RT_OK;
}

void tr_ensemble_weights(const struct tr_ensemble_spec *spec, struct tr_ensemble *ensemble)
{
    double sum = 0;

    for (int k = 0; k < spec->count; k++)
        sum += spec->teacher[k].weight;
    for (int k = 0; k < spec->count; k++)
        ensemble->weight[k] = spec->teacher[k].weight / sum;
    ensemble->weighting = spec->weights == TR_RULE_ENTROPY      ? TR_WEIGHTING_ENTROPY
                          : spec->weights == TR_RULE_CONFIDENCE ? TR_WEIGHTING_CONFIDENCE
                                                                : TR_WEIGHTING_FIXED;
}

int64_t tr_teacher_params(const struct tr_teacher_spec *spec, const struct space_shape *shape)
{
    struct space_cost cost;

    if (spec->recorded)
        return spec->params;
    space_cost_of(&spec->arch, shape, &cost);
    return cost.params;
}
