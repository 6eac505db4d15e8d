/* tests/resume_sample.h -- a training run that is stopped or killed and gone on with, and what it leaves:
 * weights, ranges, counts, curve.
 */
#ifndef TESTS_RESUME_SAMPLE_H
#define TESTS_RESUME_SAMPLE_H
#include "support.h"

#include <unistd.h>

#include "trainer/learn/curve.h"
#include "trainer/learn/resume.h"
#include "trainer/learn/train.h"
#include "trainer/measure/trial.h"

enum { students = 2 }; /* of a cohort */

struct resuming {
    const struct tr_student *student;
    struct tr_weights *weights; /* [students], or of one */
    struct tr_data data;
    struct tr_recipe recipe;
    struct tr_online online; /* cohort 0: one student */
    struct tr_resume resume;
    atomic_int stop;
    int stop_at;      /* behind that step; -1: nobody stops it, */
    const char *harm; /* and what is written into then instead; NULL: nothing */
};

struct outcome {
    float *params[students];
    struct tr_ranges ranges[students];
    struct tr_train_summary summary[students];
    struct tr_curve curve;
};

static inline void resuming_open(struct resuming *r)
{
    r->stop_at = -1;
    snprintf(r->resume.path, sizeof r->resume.path, "/tmp/retort-resume-%ld/state", (long)getpid());
    snprintf(r->resume.made_of, sizeof r->resume.made_of, "one");
    tr_resume_forget(&r->resume);
}

static inline int resuming_count(const struct resuming *r)
{
    return r->online.cohort ? students : 1;
}

static inline void resuming_look(void *context, int step, int of)
{
    struct resuming *r = context;

    (void)of;
    if (step == r->stop_at && r->harm)
        flip(r->harm, -1);
    else if (step == r->stop_at)
        atomic_store(&r->stop, 1);
}

/* From the first weights on, unless there is a state. */
static inline rt_status train(struct resuming *r, bool resumes, struct outcome *out,
                              struct rt_err *err)
{
    const struct tr_training training = {.student = r->student,
                                         .data = &r->data,
                                         .recipe = &r->recipe,
                                         .seed = 3,
                                         .lanes = 2,
                                         .threads = 1,
                                         .ranges = out->ranges,
                                         .stop = &r->stop,
                                         .resume = resumes ? &r->resume : NULL,
                                         .curve = tr_curve_add,
                                         .curve_context = &out->curve,
                                         .progress = resuming_look,
                                         .progress_context = r};

    atomic_store(&r->stop, 0);
    tr_curve_release(&out->curve);
    for (int k = 0; k < resuming_count(r); k++)
        tr_student_init_params(r->student, 7 + (uint64_t)k, r->weights[k].params);
    const rt_status rc = r->online.cohort
                             ? tr_train_cohort(&training, &r->online, r->weights, out->summary, err)
                             : tr_train(&training, r->weights, out->summary, err);
    for (int k = 0; k < resuming_count(r); k++) {
        free(out->params[k]);
        out->params[k] = malloc(r->student->param_count * sizeof(float));
        assert_non_null(out->params[k]);
        memcpy(out->params[k], r->weights[k].params, r->student->param_count * sizeof(float));
    }
    return rc;
}

/* Trains to its end, or until it is stopped. */
static inline void train_whole(struct resuming *r, bool resumes, struct outcome *out)
{
    struct rt_err err;

    r->stop_at = -1;
    assert_ok(train(r, resumes, out, &err));
}

static inline void train_until(struct resuming *r, int stop_at, struct outcome *out)
{
    struct rt_err err;

    r->stop_at = stop_at;
    assert_int_equal(train(r, true, out, &err), RT_ESTOP);
}

static inline void outcome_release(struct outcome *out)
{
    for (int k = 0; k < students; k++)
        free(out->params[k]);
    tr_curve_release(&out->curve);
}

static inline void assert_same(const struct resuming *r, const struct outcome *a,
                               const struct outcome *b)
{
    for (int k = 0; k < resuming_count(r); k++) {
        assert_memory_equal(a->params[k], b->params[k], r->student->param_count * sizeof(float));
        if (r->recipe.quantise == TR_QUANTISE_QAT)
            assert_memory_equal(&a->ranges[k], &b->ranges[k], sizeof a->ranges[k]);
        assert_int_equal(a->summary[k].clipped, b->summary[k].clipped);
    }
    assert_int_equal(a->curve.count, b->curve.count);
    for (int i = 0; i < a->curve.count; i++) {
        assert_int_equal(a->curve.points[i].step, b->curve.points[i].step);
        assert_string_equal(a->curve.points[i].name, b->curve.points[i].name);
        assert_memory_equal(&a->curve.points[i].value, &b->curve.points[i].value, sizeof(double));
    }
}
#endif
