/* tests/test_qat.c -- training that feels int8, and trials that are measured in it. */
#include "toy_task.h"

#include "trainer/measure/evaluate.h"
#include "trainer/measure/trial.h"

struct bed { /* a task, a student and its weights */
    struct tr_task *task;
    struct tr_data data;
    struct space_arch arch;
    struct space_shape shape;
    const struct tr_kernels *kernels;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights;
    struct tr_ranges ranges;
};

static void bed_init(struct bed *bed)
{
    struct rt_err err;

    *bed = (struct bed){.arch = toy_arch(), .shape = toy_shape()};
    bed->task = toy_task(300, 60);

    bed->data = (struct tr_data){.task = bed->task};
    assert_ok(tr_kernels_choose(&bed->kernels, &err));
    assert_ok(tr_student_init(&bed->student, &bed->arch, &bed->shape, bed->kernels, &err));
    assert_ok(rt_arena_init(&bed->model, tr_weights_bytes(&bed->student, true), &err));
    assert_ok(tr_weights_init(&bed->weights, &bed->student, true, &bed->model, &err));
}

static void bed_release(struct bed *bed)
{
    rt_arena_release(&bed->model);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
}

static struct tr_recipe qat_recipe(int steps)
{
    struct tr_recipe recipe = toy_recipe(steps);

    recipe.quantise = TR_QUANTISE_QAT;
    recipe.ptq_rows = 50;
    recipe.qat = (struct tr_qat){.start = .5, .freeze = .8, .ema = .9};
    return recipe;
}

static void train(struct bed *bed, const struct tr_recipe *recipe, int lanes, int threads)
{
    const struct tr_training training = {.student = &bed->student,
                                         .data = &bed->data,
                                         .recipe = recipe,
                                         .seed = 3,
                                         .ranges = &bed->ranges,
                                         .lanes = lanes,
                                         .threads = threads};
    struct tr_train_summary summary;
    struct rt_err err;

    tr_student_init_params(&bed->student, 7, bed->weights.params);
    assert_ok(tr_train(&training, &bed->weights, &summary, &err));
    assert_int_equal(summary.skipped, 0);
}

static void training_that_feels_int8_learns_the_toy_task(void **state)
{
    struct bed bed;
    struct rt_err err;
    const struct tr_recipe recipe = qat_recipe(120);
    struct tr_metrics exact = {0}, int8 = {0};
    (void)state;
    bed_init(&bed);

    train(&bed, &recipe, 1, 1);

    assert_ok(tr_evaluate_validation(&bed.student, &bed.weights, &bed.data, 1, &exact, &err));
    assert_ok(tr_int8_evaluate(&bed.student, &bed.weights, &bed.ranges, &bed.data, 1, &int8, &err));
    assert_true(tr_metrics_value(&exact, "error") < .05);
    assert_true(tr_metrics_value(&int8, "error") < .05);
    assert_true(tr_metrics_value(&int8, "nll") != tr_metrics_value(&exact, "nll"));
    bed_release(&bed);
}

/* Until it starts, it is the run without; then it is not. */
static void rounding_begins_where_it_is_said_to(void **state)
{
    struct tr_recipe recipe = qat_recipe(12);
    float *late, *never;
    struct bed bed;
    (void)state;
    bed_init(&bed);
    const size_t bytes = bed.student.param_count * sizeof(float);
    late = malloc(bytes), never = malloc(bytes);

    recipe.qat.start = recipe.qat.freeze = 1; /* its only step observes */
    train(&bed, &recipe, 1, 1);
    memcpy(late, bed.weights.params, bytes);
    assert_true(bed.ranges.amax[9] > 0 && bed.ranges.amax[10] < 0); /* inputs of two layers */
    recipe.quantise = TR_QUANTISE_NONE;
    train(&bed, &recipe, 1, 1);
    memcpy(never, bed.weights.params, bytes);
    assert_memory_equal(late, never, bytes);

    recipe.quantise = TR_QUANTISE_QAT;
    recipe.qat.start = .5;
    train(&bed, &recipe, 1, 1);
    assert_memory_not_equal(bed.weights.params, never, bytes);
    free(late);
    free(never);
    bed_release(&bed);
}

static void ranges_follow_until_they_are_kept(void **state)
{
    struct tr_recipe recipe = qat_recipe(11);
    struct tr_ranges early;
    struct bed bed;
    (void)state;
    bed_init(&bed);

    recipe.qat.freeze = recipe.qat.start;
    train(&bed, &recipe, 1, 1);
    early = bed.ranges;
    recipe.qat.freeze = 1;
    train(&bed, &recipe, 1, 1);

    assert_true(early.amax[2] > 0);
    assert_true(early.amax[2] != bed.ranges.amax[2]); /* of what attention leaves */
    bed_release(&bed);
}

static void the_thread_count_changes_no_bit_of_int8_training(void **state)
{
    const struct tr_recipe recipe = qat_recipe(8);
    struct tr_ranges one;
    struct bed bed;
    float *first;
    (void)state;
    bed_init(&bed);
    const size_t bytes = bed.student.param_count * sizeof(float);
    first = malloc(bytes);

    train(&bed, &recipe, 4, 1);
    memcpy(first, bed.weights.params, bytes);
    one = bed.ranges;
    train(&bed, &recipe, 4, 3);

    assert_memory_equal(first, bed.weights.params, bytes);
    assert_memory_equal(&one, &bed.ranges, sizeof one);
    free(first);
    bed_release(&bed);
}

static void a_trial_is_measured_in_int8_when_its_recipe_says_so(void **state)
{
    struct bed bed;
    struct rt_err err;
    (void)state;
    bed_init(&bed);
    for (int q = TR_QUANTISE_NONE; q <= TR_QUANTISE_QAT; q++) {
        struct tr_recipe recipe = qat_recipe(60);
        struct tr_trial_result result;
        const struct tr_trial trial = {.arch = &bed.arch,
                                       .shape = &bed.shape,
                                       .kernels = bed.kernels,
                                       .data = &bed.data,
                                       .recipe = &recipe,
                                       .seed = 3};
        recipe.quantise = (enum tr_quantise)q;

        assert_ok(tr_trial_run(&trial, &result, &err));

        const struct tr_metric *exact = tr_metrics_find(&result.metrics, "error");
        const struct tr_metric *bytes = tr_metrics_find(&result.metrics, "int8_bytes");
        const struct tr_metric *int8 = tr_metrics_find(&result.metrics, "int8_error");
        assert_true(exact && bytes);
        assert_near(bytes->value, (double)tr_int8_bytes(&bed.student), 0);
        assert_int_equal(int8 != NULL, q != TR_QUANTISE_NONE);
        if (int8)
            assert_near(int8->value, exact->value, .1);
        tr_curve_release(&result.curve);
    }
    bed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_that_feels_int8_learns_the_toy_task),
        cmocka_unit_test(rounding_begins_where_it_is_said_to),
        cmocka_unit_test(ranges_follow_until_they_are_kept),
        cmocka_unit_test(the_thread_count_changes_no_bit_of_int8_training),
        cmocka_unit_test(a_trial_is_measured_in_int8_when_its_recipe_says_so),
    };
    return cmocka_run_group_tests_name("trainer/learn/qat", tests, NULL, NULL);
}
