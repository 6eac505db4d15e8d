/* tests/test_cohort.c -- students that train side by side and learn from each other. */
#include "toy_task.h"

#include "trainer/distill/fidelity.h"
#include "trainer/measure/evaluate.h"
#include "trainer/net/predict.h"

enum { students = 3, examples = 300 };

struct bed {
    struct tr_task *task;
    struct tr_data data;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights[students];
    struct tr_train_summary summary[students];
    struct tr_recipe recipe;
    struct tr_online online;
    struct tr_training training;
};

static void begin_anew(struct bed *bed)
{
    for (uint64_t k = 0; k < students; k++)
        tr_student_init_params(&bed->student, 7 + k, bed->weights[k].params);
}

static int bed_open(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    const struct space_arch arch = toy_arch();
    const struct space_shape shape = toy_shape();
    const struct tr_kernels *kernels;
    struct rt_err err;

    assert_non_null(bed);
    bed->task = toy_task(examples, 60);

    bed->data = (struct tr_data){.task = bed->task};
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(tr_student_init(&bed->student, &arch, &shape, kernels, &err));
    assert_ok(rt_arena_init(&bed->model, students * tr_weights_bytes(&bed->student, true), &err));
    for (int k = 0; k < students; k++)
        assert_ok(tr_weights_init(&bed->weights[k], &bed->student, true, &bed->model, &err));
    bed->recipe = toy_recipe(12);
    tr_online_defaults(&bed->online);
    bed->online.mode = TR_ONLINE_DML;
    bed->online.cohort = students;
    bed->training = (struct tr_training){.student = &bed->student,
                                         .data = &bed->data,
                                         .recipe = &bed->recipe,
                                         .seed = 3,
                                         .lanes = 3,
                                         .threads = 1};
    begin_anew(bed);
    *state = bed;
    return 0;
}

static int bed_close(void **state)
{
    struct bed *bed = *state;
    rt_arena_release(&bed->model);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
    free(bed);
    return 0;
}

static void train_together(struct bed *bed)
{
    struct rt_err err;
    assert_ok(tr_train_cohort(&bed->training, &bed->online, bed->weights, bed->summary, &err));
}

static float *copy_of(const struct bed *bed, int k)
{
    const size_t bytes = bed->student.param_count * sizeof(float);
    float *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, bed->weights[k].params, bytes);
    return copy;
}

static bool same(const struct bed *bed, int k, const float *params)
{
    return memcmp(bed->weights[k].params, params, bed->student.param_count * sizeof(float)) == 0;
}

static void peers_that_have_no_weight_change_no_bit(void **state)
{
    struct bed *bed = *state;
    struct rt_err err;
    struct tr_train_summary alone;
    bed->online.weight = 0;
    train_together(bed);
    float *together = copy_of(bed, 1);
    begin_anew(bed);

    assert_ok(tr_train(&bed->training, &bed->weights[1], &alone, &err));

    assert_true(same(bed, 1, together));
    free(together);
}

static void threads_change_no_bit_of_any_student(void **state)
{
    struct bed *bed = *state;
    float *one[students];
    for (bed->online.mode = TR_ONLINE_DML; bed->online.mode <= TR_ONLINE_KDCL_MINLOGIT;
         bed->online.mode++) {
        begin_anew(bed);
        bed->training.threads = 1;
        train_together(bed);
        for (int k = 0; k < students; k++)
            one[k] = copy_of(bed, k);
        begin_anew(bed);
        bed->training.threads = 2;
        train_together(bed);
        for (int k = 0; k < students; k++) {
            assert_true(same(bed, k, one[k]));
            free(one[k]);
        }
    }
}

/* All speak before any learns. */
static void the_order_of_two_students_changes_nothing(void **state)
{
    struct bed *bed = *state;
    const struct tr_weights first = bed->weights[0];
    bed->online.cohort = 2;
    train_together(bed);
    float *zero = copy_of(bed, 0), *one = copy_of(bed, 1);
    begin_anew(bed);
    bed->weights[0] = bed->weights[1];
    bed->weights[1] = first;

    train_together(bed);

    assert_true(same(bed, 0, one));
    assert_true(same(bed, 1, zero));
    free(zero);
    free(one);
}

/* KL of what students 0 and 1 say about the validation rows. */
static double apart(struct bed *bed)
{
    const int n = bed->task->split.validation_count, c = toy_classes;
    float *logits = malloc((size_t)n * c * sizeof *logits);
    double *p = malloc((size_t)n * c * sizeof *p);
    struct tr_fidelity fidelity;
    struct rt_err err;

    assert_non_null(logits);
    assert_non_null(p);
    assert_ok(tr_predict(&bed->student, &bed->weights[1], bed->task, bed->task->split.validation, n,
                         1, logits, &err));
    for (ptrdiff_t i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < c; j++)
            sum += p[i * c + j] = exp((double)logits[i * c + j]);
        for (int j = 0; j < c; j++)
            p[i * c + j] /= sum;
    }
    assert_ok(tr_predict(&bed->student, &bed->weights[0], bed->task, bed->task->split.validation, n,
                         1, logits, &err));
    assert_ok(tr_fidelity_measure(logits, p, NULL, n, c, &fidelity, &err));
    free(logits);
    free(p);
    return fidelity.kl;
}

static void students_that_learn_from_each_other_come_closer(void **state)
{
    struct bed *bed = *state;
    double strangers;
    bed->recipe.steps = 60;
    bed->online.weight = 0;
    train_together(bed);
    strangers = apart(bed);
    for (bed->online.mode = TR_ONLINE_DML; bed->online.mode <= TR_ONLINE_KDCL_MINLOGIT;
         bed->online.mode++) {
        begin_anew(bed);
        bed->online.weight = 3;
        bed->online.rampup = 0;
        train_together(bed);
        assert_true(apart(bed) < .5 * strangers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(peers_that_have_no_weight_change_no_bit, bed_open,
                                        bed_close),
        cmocka_unit_test_setup_teardown(threads_change_no_bit_of_any_student, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(the_order_of_two_students_changes_nothing, bed_open,
                                        bed_close),
        cmocka_unit_test_setup_teardown(students_that_learn_from_each_other_come_closer, bed_open,
                                        bed_close),
    };
    return cmocka_run_group_tests_name("trainer/learn/train: cohorts", tests, NULL, NULL);
}
