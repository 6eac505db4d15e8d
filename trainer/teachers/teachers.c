/* trainer/teachers/teachers.c -- see teachers.h.
 *
 * Two hashes guard a cache: that of the recipe, in a trained teacher's file (trained.c), and that of
 * the contents, of weights or logits, in the knowledge, which says whether it was made from these
 * very teachers.
 */
#include "trainer/teachers/teachers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/teachers/teachers_internal.h"

static rt_status knowledge_path(const struct tr_ensemble_spec *spec, char path[RT_PATH_MAX],
                                struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/knowledge.rtk", spec->folder) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
}

void tr__interleave(const float *logits, int n, int classes, int k, int teachers, float *out)
{
    for (ptrdiff_t i = 0; i < n; i++)
        memcpy(out + (i * teachers + k) * classes, logits + i * classes,
               (size_t)classes * sizeof *out);
}

static const struct tr_teacher_kind *kind_of(const struct tr_teaching *teaching, int k)
{
    assert(k >= 0 && k < teaching->spec->count && teaching->spec->teacher[k].kind);
    return teaching->spec->teacher[k].kind;
}

/* Teacher k's name and content hash into the key and, when out is given, its logits for the training
 * file. */
static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         struct tr_knowledge_key *key, float *out, struct rt_err *err)
{
    (void)snprintf(key->name[k], TR_TEACHER_NAME, "%s", teaching->spec->teacher[k].name);
    return kind_of(teaching, k)->consult(teaching, k, may_train, key->teacher[k], out, err);
}

static struct tr_knowledge_key empty_key(const struct tr_teaching *teaching)
{
    struct tr_knowledge_key key = {
        .teachers = teaching->spec->count,
        .classes = teaching->shape->classes,
        .rows = teaching->task->rows * space_parts(teaching->shape),
    };
    memcpy(key.data, teaching->task->hash, RT_HASH_TEXT);
    return key;
}

/* Trains what is missing; nothing of what they say is kept. */
static rt_status teach_live(const struct tr_teaching *teaching, struct rt_err *err)
{
    struct tr_knowledge_key key = empty_key(teaching);

    RT_TRY(rt_folder_make(teaching->spec->folder, err));
    for (int k = 0; k < key.teachers; k++)
        RT_TRY(consult(teaching, k, true, &key, NULL, err));
    return RT_OK;
}

static rt_status open_live(const struct tr_teaching *teaching, struct tr_knowledge *knowledge,
                           struct rt_err *err)
{
    struct tr_knowledge k = {.key = empty_key(teaching)};
    rt_status rc = RT_OK;

    k.live = calloc((size_t)k.key.teachers, sizeof *k.live);
    if (!k.live)
        return rt_fail(err, RT_ENOMEM, "no memory for the teachers");
    for (int i = 0; i < k.key.teachers && rc == RT_OK; i++)
        if ((rc = consult(teaching, i, false, &k.key, NULL, err)) == RT_OK)
            rc = tr_teacher_open(&k.live[i], teaching, i, TR_NETWORK_INFER, err);
    if (rc)
        tr_knowledge_close(&k);
    else
        *knowledge = k;
    return rc;
}

rt_status tr_teachers_teach(const struct tr_teaching *teaching, struct rt_err *err)
{
    struct tr_knowledge_key key = empty_key(teaching);
    const size_t values = (size_t)key.rows * key.teachers * key.classes;
    char path[RT_PATH_MAX];
    float *logits = NULL;
    rt_status rc;

    if (teaching->spec->live)
        return teach_live(teaching, err);
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

/* Of live teachers: are there weights of the first? */
bool tr_teachers_cached(const struct tr_ensemble_spec *spec)
{
    const struct tr_teaching teaching = {.spec = spec};
    char path[RT_PATH_MAX];
    bool missing;

    if (spec->live)
        return tr__is_missing(&teaching, &spec->teacher[0], &missing, NULL) == RT_OK && !missing;
    return knowledge_path(spec, path, NULL) == RT_OK && access(path, F_OK) == 0;
}

rt_status tr_teachers_open(const struct tr_teaching *teaching, struct tr_knowledge *knowledge,
                           struct rt_err *err)
{
    struct tr_knowledge_key key = empty_key(teaching);
    char path[RT_PATH_MAX];

    if (teaching->spec->live)
        return open_live(teaching, knowledge, err);
    RT_TRY(knowledge_path(teaching->spec, path, err));
    for (int k = 0; k < key.teachers; k++)
        RT_TRY(consult(teaching, k, false, &key, NULL, err));
    return tr_knowledge_open(knowledge, path, &key, err);
}

int tr_teachers_silent(const struct tr_ensemble_spec *spec)
{
    for (int k = 0; k < spec->count; k++)
        if (spec->teacher[k].kind == &tr_teacher_recorded && !spec->teacher[k].test_logits[0])
            return k;
    return -1;
}

rt_status tr_teachers_predict(const struct tr_teaching *teaching, const struct tr_task *test,
                              float *logits, struct rt_err *err)
{
    for (int k = 0; k < teaching->spec->count; k++)
        RT_TRY(kind_of(teaching, k)->predict(teaching, k, test, logits, err));
    return RT_OK;
}

rt_status tr_teacher_check(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                           struct rt_err *err)
{
    const struct tr_teacher_kind *kind = kind_of(teaching, k);
    return kind->check ? kind->check(teaching, k, test, err) : RT_OK;
}

rt_status tr_teacher_open(struct tr_network *network, const struct tr_teaching *teaching, int k,
                          enum tr_network_use use, struct rt_err *err)
{
    const struct tr_teacher_kind *kind = kind_of(teaching, k);

    if (!kind->open)
        return rt_fail(err, RT_EARG, "teacher '%s' is %s and has no layers",
                       teaching->spec->teacher[k].name, kind->name);
    return kind->open(network, teaching, k, use, err);
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
    char arch[SPACE_ARCH_TEXT];
    int64_t params;

    spec->kind->describe(spec, shape, arch, &params);
    return params;
}
