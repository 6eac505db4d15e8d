/* tests/test_train.c -- training runs, trials and latency on a toy task. */
#include "toy_task.h"

#include <unistd.h>

#include "trainer/measure/evaluate.h"
#include "trainer/measure/trial.h"
#include "trainer/measure/tune.h"

struct bed { /* a task, a student and its weights */
    struct tr_task *task;
    struct tr_data data;
    struct space_arch arch;
    struct space_shape shape;
    const struct tr_kernels *kernels;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights;
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
    tr_student_init_params(&bed->student, 7, bed->weights.params);
}

static void bed_release(struct bed *bed)
{
    rt_arena_release(&bed->model);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
}

static struct tr_training bed_training(const struct bed *bed, const struct tr_recipe *recipe)
{
    return (struct tr_training){.student = &bed->student,
                                .data = &bed->data,
                                .recipe = recipe,
                                .seed = 3,
                                .lanes = 1,
                                .threads = 1};
}

static void training_learns_the_toy_task(void **state)
{
    struct bed bed;
    struct rt_err err;
    struct tr_recipe recipe = toy_recipe(120);
    struct tr_train_summary summary;
    struct tr_metrics before = {0}, after = {0};
    (void)state;
    bed_init(&bed);
    const struct tr_training training = bed_training(&bed, &recipe);
    tr_weights_pack(&bed.student, &bed.weights);
    assert_ok(tr_evaluate_validation(&bed.student, &bed.weights, &bed.data, 1, &before, &err));

    assert_ok(tr_train(&training, &bed.weights, &summary, &err));

    assert_ok(tr_evaluate_validation(&bed.student, &bed.weights, &bed.data, 2, &after, &err));
    assert_true(tr_metrics_value(&before, "error") > .4);
    assert_true(tr_metrics_value(&after, "error") < .05); /* the patterns are far apart */
    assert_int_equal(summary.skipped, 0);
    bed_release(&bed);
}

static void the_thread_count_changes_no_bit(void **state)
{
    float *first = NULL;
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct bed bed;
        struct rt_err err;
        struct tr_recipe recipe = toy_recipe(10);
        struct tr_train_summary summary;
        bed_init(&bed);
        struct tr_training training = bed_training(&bed, &recipe);
        training.lanes = TR_LANES;
        training.threads = threads;

        assert_ok(tr_train(&training, &bed.weights, &summary, &err));

        const size_t bytes = bed.student.param_count * sizeof(float);
        if (!first) {
            first = malloc(bytes);
            assert_non_null(first);
            memcpy(first, bed.weights.params, bytes);
        }
        assert_memory_equal(first, bed.weights.params, bytes);
        bed_release(&bed);
    }
    free(first);
}

static void the_micro_batch_changes_only_rounding(void **state)
{
    float first[8192];
    (void)state;
    for (int micro = 24; micro >= 1; micro = micro * 2 / 5) {
        struct bed bed;
        struct rt_err err;
        struct tr_recipe recipe = toy_recipe(1);
        struct tr_train_summary summary;
        bed_init(&bed);
        recipe.micro_batch = micro;
        recipe.warmup = 0;
        struct tr_training training = bed_training(&bed, &recipe);

        assert_true(bed.student.param_count <= 8192);
        assert_ok(tr_train(&training, &bed.weights, &summary, &err));

        if (micro == 24)
            memcpy(first, bed.weights.params, bed.student.param_count * sizeof(float));
        /* Adam's first step is lr * sign(g). The keys' biases have no gradient (softmax does not
         * see a shift), so their sign is rounding: those alone may differ. */
        int apart = 0;
        for (size_t i = 0; i < bed.student.param_count; i++)
            apart += !(fabsf(bed.weights.params[i] - first[i]) <= 1e-4F);
        assert_in_range(apart, 0, bed.arch.depth * bed.arch.head_dim * bed.arch.heads[0]);
        bed_release(&bed);
    }
}

static void a_stop_ends_training_at_once(void **state)
{
    struct bed bed;
    struct rt_err err;
    struct tr_recipe recipe = toy_recipe(1000000);
    struct tr_train_summary summary;
    atomic_int stop = 1;
    (void)state;
    bed_init(&bed);
    struct tr_training training = bed_training(&bed, &recipe);
    training.stop = &stop;
    assert_int_equal(tr_train(&training, &bed.weights, &summary, &err), RT_ESTOP);
    bed_release(&bed);
}

static void a_run_that_diverges_is_nonfinite_not_endless(void **state)
{
    struct bed bed;
    struct rt_err err;
    struct tr_recipe recipe = toy_recipe(100);
    struct tr_train_summary summary;
    (void)state;
    bed_init(&bed);
    recipe.learning_rate = 1e38;
    recipe.warmup = 0;
    const struct tr_training training = bed_training(&bed, &recipe);
    assert_int_equal(tr_train(&training, &bed.weights, &summary, &err), RT_ENAN);
    assert_non_null(strstr(err.text, "learning_rate"));
    bed_release(&bed);
}

static void count_points(void *context, int step, const char *name, double value)
{
    int *counts = context;
    assert_true(isfinite(value));
    if (strcmp(name, "loss") == 0) {
        counts[0]++;
        counts[1] = step;
    }
}

static void the_curve_has_the_points_that_were_asked_for(void **state)
{
    (void)state;
    for (int points = 1; points <= 12; points += 11) {
        struct bed bed;
        struct rt_err err;
        struct tr_recipe recipe = toy_recipe(30);
        struct tr_train_summary summary;
        int counts[2] = {0};
        bed_init(&bed);
        recipe.curve_points = points;
        struct tr_training training = bed_training(&bed, &recipe);
        training.curve = count_points;
        training.curve_context = counts;
        assert_ok(tr_train(&training, &bed.weights, &summary, &err));
        assert_int_equal(counts[0], points);
        assert_int_equal(counts[1], 29);
        bed_release(&bed);
    }
}

static struct tr_trial bed_trial(const struct bed *bed, const struct tr_recipe *recipe)
{
    return (struct tr_trial){.arch = &bed->arch,
                             .shape = &bed->shape,
                             .kernels = bed->kernels,
                             .data = &bed->data,
                             .recipe = recipe,
                             .seed = 5};
}

static void a_trial_repeats_bit_for_bit(void **state)
{
    struct bed bed;
    struct rt_err err;
    struct tr_recipe recipe = toy_recipe(20);
    struct tr_trial_result a, b;
    (void)state;
    bed_init(&bed);
    const struct tr_trial trial = bed_trial(&bed, &recipe);
    assert_ok(tr_trial_run(&trial, &a, &err));
    assert_ok(tr_trial_run(&trial, &b, &err));
    assert_int_equal(a.metrics.count, b.metrics.count);
    for (int i = 0; i < a.metrics.count; i++)
        assert_true(a.metrics.list[i].value == b.metrics.list[i].value ||
                    isnan(a.metrics.list[i].value));
    assert_int_equal(a.curve.count, b.curve.count);
    for (int i = 0; i < a.curve.count; i++)
        assert_true(a.curve.points[i].value == b.curve.points[i].value);
    tr_curve_release(&a.curve);
    tr_curve_release(&b.curve);
    bed_release(&bed);
}

static void a_trial_beyond_the_memory_limit_is_refused_before_training(void **state)
{
    struct bed bed;
    struct rt_err err;
    struct tr_recipe recipe = toy_recipe(1000000);
    struct tr_trial_result result;
    size_t bytes;
    (void)state;
    bed_init(&bed);
    struct tr_trial trial = bed_trial(&bed, &recipe);
    assert_ok(tr_trial_bytes(&trial, &bytes, &err));
    trial.memory_limit = bytes - 1;
    assert_int_equal(tr_trial_run(&trial, &result, &err), RT_ENOMEM);
    assert_non_null(strstr(err.text, "search.worker_memory"));
    bed_release(&bed);
}

static size_t bytes_of(const struct tr_trial *trial)
{
    struct rt_err err;
    size_t bytes = 0;
    assert_ok(tr_trial_bytes(trial, &bytes, &err));
    return bytes;
}

static void a_trials_memory_is_that_of_its_hungriest_part(void **state)
{
    struct bed bed;
    struct tr_recipe recipe = toy_recipe(10), quantised;
    (void)state;
    bed_init(&bed);
    recipe.micro_batch = 1;
    quantised = recipe;
    quantised.quantise = TR_QUANTISE_PTQ;
    struct tr_trial trial = bed_trial(&bed, &recipe), ptq = bed_trial(&bed, &quantised);
    const size_t weights = tr_weights_bytes(&bed.student, true), plain = bytes_of(&trial);

    assert_true(plain >= weights + tr_validation_bytes(&bed.student, &bed.data, 1));
    assert_true(bytes_of(&ptq) >=
                weights + tr_int8_trial_bytes(&bed.student, &bed.data, &quantised, 1));
    assert_true(bytes_of(&ptq) > plain);
    trial.held = 12345;
    assert_int_equal(bytes_of(&trial), plain + 12345);
    bed_release(&bed);
}

static void the_tuned_micro_batch_fits_the_batch(void **state)
{
    struct bed bed;
    struct rt_err err;
    struct tr_tuning tuning = {0};
    (void)state;
    bed_init(&bed);
    assert_ok(tr_tune(&bed.student, 6, &tuning, &err));
    assert_true(tuning.micro_batch >= 1 && tuning.micro_batch <= 6);
    bed_release(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_learns_the_toy_task),
        cmocka_unit_test(the_thread_count_changes_no_bit),
        cmocka_unit_test(the_micro_batch_changes_only_rounding),
        cmocka_unit_test(a_stop_ends_training_at_once),
        cmocka_unit_test(a_run_that_diverges_is_nonfinite_not_endless),
        cmocka_unit_test(the_curve_has_the_points_that_were_asked_for),
        cmocka_unit_test(a_trial_repeats_bit_for_bit),
        cmocka_unit_test(a_trial_beyond_the_memory_limit_is_refused_before_training),
        cmocka_unit_test(a_trials_memory_is_that_of_its_hungriest_part),
        cmocka_unit_test(the_tuned_micro_batch_fits_the_batch),
    };
    return cmocka_run_group_tests_name("trainer/learn/train", tests, NULL, NULL);
}
