/* tests/test_train_losses.c -- losses that need more of a step than one micro-batch's answers: of a
 * whole batch, and of the student's mean weights.
 */
#include "toy_task.h"

#include "trainer/measure/evaluate.h"

enum { teachers = 2, classes = 3, count = 300 };

struct bed { /* a task, two teachers who know it roughly, and a student */
    struct tr_task *task;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct tr_data data;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights;
    struct tr_recipe recipe;
    struct tr_training training;
    float logits[count][teachers][classes];
    double first_norm, first_loss, last_reg, sum_reg; /* from the learning curve */
};

static void note(void *context, int step, const char *name, double value)
{
    struct bed *bed = context;

    assert_true(isfinite(value));
    if (step == 0 && strcmp(name, "grad_norm") == 0)
        bed->first_norm = value;
    if (step == 0 && strcmp(name, "loss") == 0)
        bed->first_loss = value;
    if (strcmp(name, "regulariser") == 0) {
        bed->last_reg = value;
        bed->sum_reg += value;
    }
}

static int bed_open(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    const struct space_arch arch = toy_arch();
    const struct space_shape shape = toy_shape();
    const struct tr_kernels *kernels;
    struct rt_err err;

    assert_non_null(bed);
    bed->task = toy_task(count, 60);
    assert_int_equal(bed->task->shape.classes, classes);

    fill_uniform(&bed->logits[0][0][0], (size_t)count * teachers * classes, 9);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < teachers; k++)
            bed->logits[i][k][bed->task->label[i]] += 2;
    bed->knowledge.key.teachers = teachers;
    bed->knowledge.key.classes = classes;
    bed->knowledge.key.rows = count;
    bed->knowledge.logits = &bed->logits[0][0][0];
    bed->data = (struct tr_data){
        .task = bed->task, .knowledge = &bed->knowledge, .ensemble = &bed->ensemble};
    tr_ensemble_defaults(&bed->ensemble);
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(tr_student_init(&bed->student, &arch, &shape, kernels, &err));
    assert_ok(rt_arena_init(&bed->model, tr_weights_bytes(&bed->student, true), &err));
    assert_ok(tr_weights_init(&bed->weights, &bed->student, true, &bed->model, &err));
    bed->recipe = toy_recipe(8);
    bed->recipe.curve_points = 8;
    bed->ensemble.weight[0] = bed->ensemble.weight[1] = .5;
    bed->training = (struct tr_training){.student = &bed->student,
                                         .data = &bed->data,
                                         .recipe = &bed->recipe,
                                         .seed = 3,
                                         .lanes = 1,
                                         .threads = 1,
                                         .curve = note,
                                         .curve_context = bed};
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

static void train(struct bed *bed)
{
    struct tr_train_summary summary;
    struct rt_err err;

    bed->sum_reg = 0;
    tr_student_init_params(&bed->student, 7, bed->weights.params);
    assert_ok(tr_train(&bed->training, &bed->weights, &summary, &err));
    assert_int_equal(summary.skipped, 0);
}

static void assert_same_for_all_threads(struct bed *bed)
{
    const size_t bytes = bed->student.param_count * sizeof(float);
    float *first = malloc(bytes);

    assert_non_null(first);
    bed->training.lanes = TR_LANES;
    for (bed->training.threads = 1; bed->training.threads <= 3; bed->training.threads++) {
        train(bed);
        if (bed->training.threads == 1)
            memcpy(first, bed->weights.params, bytes);
        assert_memory_equal(first, bed->weights.params, bytes);
    }
    free(first);
}

static void a_loss_of_the_batch_does_not_see_micro_batches(void **state)
{
    static const int micros[] = {24, 9, 5, 1};
    struct bed *bed = *state;
    double norm = 0, loss = 0;

    bed->recipe.distill.loss = TR_LOSS_DIST;
    bed->recipe.distill.dist_gamma = 2;
    bed->recipe.steps = 1;
    for (int i = 0; i < 4; i++) {
        bed->recipe.micro_batch = micros[i];
        train(bed);
        if (i == 0) {
            norm = bed->first_norm;
            loss = bed->first_loss;
        }
        assert_near(bed->first_loss, loss, 1e-6 * loss);
        assert_near(bed->first_norm, norm, 1e-5 * norm);
    }
}

static void a_loss_of_the_batch_repeats_for_any_number_of_threads(void **state)
{
    struct bed *bed = *state;

    bed->recipe.micro_batch = 3;
    bed->recipe.distill.loss = TR_LOSS_DIST;
    bed->recipe.distill.reg_target = TR_REG_EMA; /* both of a step's extra passes at once */
    assert_same_for_all_threads(bed);
}

static void students_learn_by_correlation_alone(void **state)
{
    struct bed *bed = *state;
    struct tr_metrics after = {0};
    struct rt_err err;

    bed->recipe = toy_recipe(120);
    bed->recipe.distill.loss = TR_LOSS_DIST;
    bed->recipe.distill.ce0 = bed->recipe.distill.ce1 = 0;
    bed->recipe.distill.reg = TR_REG_NONE;
    train(bed);
    assert_ok(tr_evaluate_validation(&bed->student, &bed->weights, &bed->data, 1, &after, &err));
    assert_true(tr_metrics_value(&after, "error") < .05);
}

static void the_mean_weights_follow_the_student(void **state)
{
    struct bed *bed = *state;

    bed->recipe.distill.reg = TR_REG_L2SQ;
    bed->recipe.distill.reg_target = TR_REG_EMA;
    bed->recipe.distill.reg_weight = 1;
    bed->recipe.distill.reg_decay = 0; /* no memory: the mean is the student */
    train(bed);
    assert_near(bed->sum_reg, 0, 1e-10);
    bed->recipe.distill.reg_decay = .9;
    train(bed);
    assert_true(bed->last_reg > 1e-8); /* behind by a few steps */
    const double behind = bed->sum_reg;
    bed->recipe.distill.reg_target = TR_REG_TEACHER;
    train(bed);
    assert_true(bed->sum_reg > behind); /* the teachers are further away than that */
}

static void the_mean_weights_repeat_for_any_number_of_threads(void **state)
{
    struct bed *bed = *state;

    bed->recipe.distill.reg_target = TR_REG_EMA;
    assert_same_for_all_threads(bed);
}

#define in_bed(test) cmocka_unit_test_setup_teardown(test, bed_open, bed_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_bed(a_loss_of_the_batch_does_not_see_micro_batches),
        in_bed(a_loss_of_the_batch_repeats_for_any_number_of_threads),
        in_bed(students_learn_by_correlation_alone),
        in_bed(the_mean_weights_follow_the_student),
        in_bed(the_mean_weights_repeat_for_any_number_of_threads),
    };
    return cmocka_run_group_tests_name("trainer/losses of a step", tests, NULL, NULL);
}
