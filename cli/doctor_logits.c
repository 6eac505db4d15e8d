/* cli/doctor_logits.c -- the part of `retort doctor` that looks at what teachers from elsewhere said.
 */
#include <math.h>
#include <stdlib.h>

#include "cli/doctor.h"
#include "trainer/teachers/suspect.h"

/* logits (answers, K, C), of which column k is looked at. */
static rt_status look(struct doctor *doctor, const struct tr_teaching *teaching, int k,
                      const struct tr_task *task, const float *logits, const char *what,
                      struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = teaching->spec;
    const int classes = teaching->shape->classes,
              answers = task->rows * space_parts(teaching->shape);
    struct tr_suspect found;
    char text[240];

    RT_TRY(tr_logits_suspect(logits + (ptrdiff_t)k * classes, (ptrdiff_t)spec->count * classes,
                             answers, classes, task->label, &found, err));
    tr_suspect_text(&found, text);
    if (text[0])
        doctor_say(doctor, VERDICT_WARN, "logits", "of teacher '%s' for the %s file: %s",
                   spec->teacher[k].name, what, text);
    else if (isfinite(found.right))
        doctor_say(doctor, VERDICT_OK, "logits",
                   "of teacher '%s' for the %s file: a row for each example, %.1f %% right",
                   spec->teacher[k].name, what, 100 * found.right);
    else
        doctor_say(doctor, VERDICT_OK, "logits",
                   "of teacher '%s' for the %s file: a row for each example", spec->teacher[k].name,
                   what);
    return RT_OK;
}

/* Room for all members' columns, of which one is filled. */
static float *room_for(const struct tr_teaching *teaching, const struct tr_task *task)
{
    return calloc((size_t)task->rows * (size_t)space_parts(teaching->shape) *
                      (size_t)teaching->spec->count * (size_t)teaching->shape->classes,
                  sizeof(float));
}

static rt_status look_at_train(struct doctor *doctor, const struct tr_teaching *teaching, int k,
                               struct rt_err *err)
{
    float *logits = room_for(teaching, teaching->task);
    char hash[RT_HASH_TEXT];
    rt_status rc = logits ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for the teachers' logits");

    if (rc == RT_OK)
        rc = teaching->spec->teacher[k].kind->consult(teaching, k, false, hash, logits, err);
    if (rc == RT_OK)
        rc = look(doctor, teaching, k, teaching->task, logits, "training", err);
    free(logits);
    return rc;
}

static rt_status look_at_test(struct doctor *doctor, const struct tr_teaching *teaching, int k,
                              const struct tr_task *test, struct rt_err *err)
{
    float *logits = room_for(teaching, test);
    rt_status rc = logits ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for the teachers' logits");

    if (rc == RT_OK)
        rc = teaching->spec->teacher[k].kind->predict(teaching, k, test, logits, err);
    if (rc == RT_OK)
        rc = look(doctor, teaching, k, test, logits, "test", err);
    free(logits);
    return rc;
}

void doctor_logits(struct doctor *doctor, const struct tr_teaching *teaching, int k,
                   const struct tr_task *test)
{
    const struct tr_teacher_spec *teacher = &teaching->spec->teacher[k];
    struct rt_err err;
    rt_status rc = look_at_train(doctor, teaching, k, &err);

    if (rc == RT_OK && test && teacher->test_logits[0])
        rc = look_at_test(doctor, teaching, k, test, &err);
    else if (rc == RT_OK && test && teacher->train_logits[0])
        doctor_say(doctor, VERDICT_WARN, "logits",
                   "of teacher '%s' for the training file alone: without logits.test 'retort "
                   "distill' compares nothing with the ensemble on the test file",
                   teacher->name);
    if (rc != RT_OK)
        doctor_say(doctor, VERDICT_FAIL, "logits", "of teacher '%s': %s", teacher->name, err.text);
}
