/* trainer/teachers/recorded.c -- a teacher of which only answers are known: a row of logits for each
 * example, in the order of the data's file. Nobody knows which rows it was trained on.
 */
#include <math.h>

#include "trainer/teachers/teachers_internal.h"

static rt_status check_matrix(const struct tr_matrix *matrix, const char *path, size_t rows,
                              size_t classes, struct rt_err *err)
{
    if (matrix->rows == classes && matrix->columns == rows && rows != classes)
        return rt_fail(err, RT_ESHAPE,
                       "'%s' has %zu rows and %zu columns: it is transposed; save logits.T", path,
                       classes, rows);
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

rt_status tr__logits_read(const char *path, size_t rows, size_t classes, struct tr_matrix *matrix,
                          struct rt_err *err)
{
    RT_TRY(tr_npy_read(path, matrix, err));
    const rt_status rc = check_matrix(matrix, path, rows, classes, err);
    if (rc)
        tr_matrix_release(matrix);
    return rc;
}

/* Recorded logits, checked against the data, into column k of out (NULL: only hash them). */
static rt_status read_logits(const struct tr_teaching *teaching, const char *path, int rows, int k,
                             float *out, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    const size_t classes = (size_t)teaching->shape->classes;
    struct tr_matrix matrix;

    RT_TRY(tr__logits_read(path, (size_t)rows, classes, &matrix, err));
    rt_hash_bytes(matrix.values, matrix.rows * matrix.columns * sizeof(float), hash);
    if (out)
        tr__interleave(matrix.values, rows, (int)classes, k, teaching->spec->count, out);
    tr_matrix_release(&matrix);
    return RT_OK;
}

static void describe(const struct tr_teacher_spec *spec, const struct space_shape *shape,
                     char arch[SPACE_ARCH_TEXT], int64_t *params)
{
    (void)shape;
    arch[0] = '\0';
    *params = spec->params;
}

static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         char hash[RT_HASH_TEXT], float *out, struct rt_err *err)
{
    (void)may_train; /* nothing can be made */
    return read_logits(teaching, teaching->spec->teacher[k].train_logits, teaching->task->rows, k,
                       out, hash, err);
}

static rt_status predict(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                         float *out, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    char hash[RT_HASH_TEXT];

    if (!spec->test_logits[0])
        return rt_fail(err, RT_EARG,
                       "teacher '%s' has no logits for the test file; give logits.test",
                       spec->name);
    return read_logits(teaching, spec->test_logits, test->rows, k, out, hash, err);
}

static rt_status check(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                       struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    char hash[RT_HASH_TEXT];

    RT_TRY(read_logits(teaching, spec->train_logits, teaching->task->rows, k, NULL, hash, err));
    if (!test || !spec->test_logits[0])
        return RT_OK;
    return read_logits(teaching, spec->test_logits, test->rows, k, NULL, hash, err);
}

const struct tr_teacher_kind tr_teacher_recorded = {
    .name = "recorded",
    .describe = describe,
    .consult = consult,
    .predict = predict,
    .check = check,
};
