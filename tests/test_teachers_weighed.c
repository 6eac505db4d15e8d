/* tests/test_teachers_weighed.c -- the ensemble as it is weighed, and how well it does. */
#include "teachers_sample.h"

#include "trainer/distill/softmax.h"

static void ensemble_weights_are_normalised(void **state)
{
    struct bed *bed = *state;
    struct tr_ensemble ensemble;

    tr_ensemble_defaults(&ensemble);
    bed->spec.teacher[0].weight = 3;
    bed->spec.teacher[1].weight = .75;
    tr_ensemble_weights(&bed->spec, &ensemble);

    assert_near(ensemble.weight[0], .8, 1e-15);
    assert_near(ensemble.weight[1], .2, 1e-15);
}

static void fidelity_is_that_of_each_teacher_and_of_the_ensemble(void **state)
{
    struct bed *bed = *state;
    struct tr_metrics ann = {0}, bob = {0}, both = {0};
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct rt_err err;

    tr_ensemble_defaults(&ensemble);
    bed->spec.teacher[0].weight = 1;
    bed->spec.teacher[1].weight = 1e-12;
    tr_ensemble_weights(&bed->spec, &ensemble);
    teach(bed);
    assert_ok(tr_teachers_open(&bed->teaching, &knowledge, &err));
    assert_ok(tr_teacher_measure(bed->task, &knowledge, &ensemble, 0, &ann, &err));
    assert_ok(tr_teacher_measure(bed->task, &knowledge, &ensemble, 1, &bob, &err));
    assert_ok(tr_teacher_measure(bed->task, &knowledge, &ensemble, 2, &both, &err));

    /* the ensemble against itself, through float logits */
    assert_near(tr_metrics_value(&both, "kl"), 0, 1e-6);
    assert_near(tr_metrics_value(&ann, "kl"), 0, 1e-6); /* and ann is as good as all of it */
    assert_near(tr_metrics_value(&ann, "error"), tr_metrics_value(&both, "error"), 0);
    assert_true(tr_metrics_value(&bob, "kl") > 1e-4);
    assert_true(isfinite(tr_metrics_value(&bob, "nll")));
    tr_knowledge_close(&knowledge);
}

/* Temperatures as `fitted` has them, then EM, for two teachers. */
static void weigh_by_hand(const struct bed *bed, const struct tr_knowledge *knowledge,
                          const struct tr_ensemble *fitted, double weight[2])
{
    enum { n = 30 };
    const int *held_out = bed->task->split.held_out, classes = bed->task->shape.classes;
    int labels[n];
    const struct tr_held_out rows = {knowledge->logits, held_out, labels, n, 2, classes};
    double p[2 * n];

    assert_int_equal(bed->task->split.held_out_count, n);
    for (int i = 0; i < n; i++)
        labels[i] = bed->task->label[held_out[i]];
    for (int k = 0; k < 2; k++) {
        assert_near(fitted->calibration[k], tr_calibrate(&rows, k), 0);
        for (ptrdiff_t i = 0; i < n; i++) {
            const float *v = knowledge->logits + ((ptrdiff_t)held_out[i] * 2 + k) * classes;
            double sum = 0;
            for (int c = 0; c < classes; c++)
                sum += exp((double)v[c] / fitted->calibration[k]);
            p[2 * i + k] = exp((double)v[labels[i]] / fitted->calibration[k]) / sum;
        }
    }
    weight[0] = weight[1] = .5;
    tr_weigh_by_em(p, n, 2, 200, weight);
}

static void teachers_are_weighed_on_rows_that_nobody_trains_on(void **state)
{
    struct bed *bed = *state;
    struct tr_knowledge knowledge;
    struct tr_ensemble given, fitted, again, alone;
    double weight[2];
    struct rt_err err;

    tr_task_close(bed->task);
    bed->task = toy_task_split(
        examples, (struct tr_split_sizes){.validation = 24, .held_out = 30, .seed = 1});
    bed->teaching.task = bed->task;
    bed->spec.teacher[0].weight = 3;
    teach(bed);
    assert_ok(tr_teachers_open(&bed->teaching, &knowledge, &err));
    tr_ensemble_defaults(&given);
    fitted = again = alone = given;

    assert_ok(tr_teachers_weigh(&bed->spec, bed->task, &knowledge, &given, &err));
    assert_near(given.weight[0], .75, 0);
    assert_near(given.calibration[0], 1, 0);

    bed->spec.weights = TR_RULE_EM;
    bed->spec.calibrate = true;
    assert_ok(tr_teachers_weigh(&bed->spec, bed->task, &knowledge, &fitted, &err));
    assert_ok(tr_teachers_weigh(&bed->spec, bed->task, &knowledge, &again, &err));
    assert_memory_equal(&fitted, &again, sizeof fitted);
    assert_near(fitted.weight[0] + fitted.weight[1], 1, 1e-12);

    weigh_by_hand(bed, &knowledge, &fitted, weight);
    assert_near(fitted.weight[0], .05 + .9 * weight[0], 1e-9); /* its floor */

    bed->spec.weights = TR_RULE_ENTROPY; /* multiplies what is given, so only T is fitted */
    assert_ok(tr_teachers_weigh(&bed->spec, bed->task, &knowledge, &alone, &err));
    assert_near(alone.weight[0], .75, 0);
    assert_near(alone.calibration[1], fitted.calibration[1], 0);
    bed->spec.weights = TR_RULE_UNIFORM;
    assert_ok(tr_teachers_weigh(&bed->spec, bed->task, &knowledge, &alone, &err));
    assert_near(alone.weight[0], .5, 0);
    tr_knowledge_close(&knowledge);
}

static void agreement_counts_rows_of_one_most_likely_class(void **state)
{
    struct bed *bed = *state;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct tr_metrics bob = {0};
    double agreement[9];
    struct rt_err err;

    tr_ensemble_defaults(&ensemble);
    bed->spec.teacher[1].weight = 1e-12;
    tr_ensemble_weights(&bed->spec, &ensemble);
    teach(bed);
    assert_ok(tr_teachers_open(&bed->teaching, &knowledge, &err));

    assert_ok(tr_teachers_agreement(bed->task, &knowledge, &ensemble, agreement, &err));

    assert_ok(tr_teacher_measure(bed->task, &knowledge, &ensemble, 1, &bob, &err));
    for (ptrdiff_t k = 0; k < 3; k++)
        assert_near(agreement[4 * k], 1, 0);
    assert_near(agreement[2], 1, 0); /* the ensemble is ann */
    assert_near(agreement[1], tr_metrics_value(&bob, "agreement"), 1e-15);
    assert_near(agreement[3], tr_metrics_value(&bob, "agreement"), 1e-15);
    assert_near(agreement[5], tr_metrics_value(&bob, "agreement"), 1e-15);
    tr_knowledge_close(&knowledge);
}

static const struct space_objective own[] = {
    {"zeros", "zeros", "share that is said to be of class 0", "%", 100, 2, false, false, NAN, true},
    {NULL, NULL, NULL, NULL, 0, 0, false, false, 0, false},
};

static rt_status measure_zeros(const struct tr_task *task, const int *rows, int n,
                               const float *logits, struct tr_metrics *metrics, struct rt_err *err)
{
    int zeros = 0;
    (void)rows, (void)err;

    for (ptrdiff_t i = 0; i < n; i++)
        zeros += tr_argmax_float(logits + i * task->shape.classes, task->shape.classes) == 0;
    tr_metrics_add(metrics, own->name, (double)zeros / n, NAN);
    return RT_OK;
}

static void what_a_task_measures_of_its_own_comes_after_the_rest(void **state)
{
    static const int rows[] = {5, 3, 0};
    static const float logits[9] = {2, 1, 0, 1, 2, 0, 3, 0, 0};
    struct bed *bed = *state;
    struct tr_task task = *bed->task;
    struct tr_task_kind kind = *task.kind;
    struct tr_metrics plain = {0}, more = {0};
    struct rt_err err;

    kind.measures = own;
    kind.measure = measure_zeros;
    assert_ok(tr_answers_measure(&task, rows, 3, logits, NULL, &plain, &err));
    task.kind = &kind;
    assert_ok(tr_answers_measure(&task, rows, 3, logits, NULL, &more, &err));

    assert_near(tr_metrics_value(&plain, "error"), 2. / 3, 1e-15); /* classes 2, 0, 0 */
    assert_true(isnan(tr_metrics_value(&plain, "kl")));            /* without teachers */
    assert_true(isnan(tr_metrics_value(&plain, "zeros")));
    assert_int_equal(more.count, plain.count + 1);
    assert_string_equal(more.list[plain.count].name, "zeros");
    assert_near(tr_metrics_value(&more, "zeros"), 2. / 3, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_bed(ensemble_weights_are_normalised),
        in_bed(fidelity_is_that_of_each_teacher_and_of_the_ensemble),
        in_bed(teachers_are_weighed_on_rows_that_nobody_trains_on),
        in_bed(what_a_task_measures_of_its_own_comes_after_the_rest),
        in_bed(agreement_counts_rows_of_one_most_likely_class),
    };
    return cmocka_run_group_tests_name("trainer/teachers: weighed", tests, NULL, NULL);
}
