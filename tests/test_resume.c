/* tests/test_resume.c -- a training run that is stopped or killed in the middle goes on with the same
 * bits: weights, ranges, counts and curve.
 */
#include "toy_task.h"

#include <unistd.h>

#include "base/state.h"
#include "trainer/learn/resume.h"
#include "trainer/measure/trial.h"
#include "trainer/net/network.h"

enum { examples = 120, steps = 24, teachers = 2, students = 2 };

struct bed {
    struct tr_task *task;
    struct tr_network resident;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct tr_data data;
    struct tr_recipe recipe;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights[students];
    struct tr_online online; /* cohort 0: one student */
    struct tr_resume resume;
    atomic_int stop;
    int stop_at; /* -1: nobody stops it */
    float logits[examples][teachers][toy_classes];
};

/* What a run leaves. */
struct outcome {
    float *params[students];
    struct tr_ranges ranges[students];
    struct tr_train_summary summary[students];
    struct tr_curve curve;
};

/* ---- a run ---- */

static int bed_open(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    const struct space_arch arch = toy_arch();
    const struct space_shape shape = toy_shape();
    const struct tr_kernels *kernels;
    struct space_arch large;
    struct rt_rng rng;
    struct rt_err err;

    assert_non_null(bed);
    bed->task = toy_task(examples, 30);
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(space_arch_parse("L3-d24-k8-h3-f24-p4", &large, &err));
    assert_ok(tr_network_open(&bed->resident, &large, &shape, kernels, TR_NETWORK_TRACE, &err));
    tr_network_start(&bed->resident, 5);
    tr_weights_pack(&bed->resident.student, &bed->resident.weights);
    rt_rng_init(&rng, 9, RT_STREAM_TEST, 2);
    for (size_t i = 0; i < sizeof bed->logits / sizeof(float); i++)
        (&bed->logits[0][0][0])[i] = (float)rt_rng_normal(&rng);
    bed->knowledge.key.teachers = teachers;
    bed->knowledge.key.classes = toy_classes;
    bed->knowledge.key.rows = examples;
    bed->knowledge.logits = &bed->logits[0][0][0];
    tr_ensemble_defaults(&bed->ensemble);
    for (int k = 0; k < teachers; k++)
        bed->ensemble.weight[k] = 1.0 / teachers;
    bed->data = (struct tr_data){.task = bed->task,
                                 .knowledge = &bed->knowledge,
                                 .ensemble = &bed->ensemble,
                                 .resident = &bed->resident};
    assert_ok(tr_student_init(&bed->student, &arch, &shape, kernels, &err));
    assert_ok(rt_arena_init(&bed->model, students * tr_weights_bytes(&bed->student, true), &err));
    for (int k = 0; k < students; k++)
        assert_ok(tr_weights_init(&bed->weights[k], &bed->student, true, &bed->model, &err));
    bed->recipe = toy_recipe(steps);
    bed->stop_at = -1;
    snprintf(bed->resume.path, sizeof bed->resume.path, "/tmp/retort-resume-%ld", (long)getpid());
    snprintf(bed->resume.made_of, sizeof bed->resume.made_of, "one");
    *state = bed;
    return 0;
}

static int bed_close(void **state)
{
    struct bed *bed = *state;

    unlink(bed->resume.path);
    tr_network_close(&bed->resident);
    rt_arena_release(&bed->model);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
    free(bed);
    return 0;
}

static void look(void *context, int step, int of)
{
    struct bed *bed = context;

    (void)of;
    if (step == bed->stop_at)
        atomic_store(&bed->stop, 1);
}

/* From the first weights on, unless there is a state. */
static rt_status train(struct bed *bed, bool resumes, struct outcome *out)
{
    const int count = bed->online.cohort ? students : 1;
    const struct tr_training training = {.student = &bed->student,
                                         .data = &bed->data,
                                         .recipe = &bed->recipe,
                                         .seed = 3,
                                         .lanes = 2,
                                         .threads = 1,
                                         .ranges = out->ranges,
                                         .stop = &bed->stop,
                                         .resume = resumes ? &bed->resume : NULL,
                                         .curve = tr_curve_add,
                                         .curve_context = &out->curve,
                                         .progress = look,
                                         .progress_context = bed};
    struct rt_err err;

    atomic_store(&bed->stop, 0);
    tr_curve_release(&out->curve);
    for (uint64_t k = 0; k < students; k++)
        tr_student_init_params(&bed->student, 7 + k, bed->weights[k].params);
    const rt_status rc = bed->online.cohort ? tr_train_cohort(&training, &bed->online, bed->weights,
                                                              out->summary, &err)
                                            : tr_train(&training, bed->weights, out->summary, &err);
    for (int k = 0; k < count && rc == RT_OK; k++) {
        out->params[k] = malloc(bed->student.param_count * sizeof(float));
        assert_non_null(out->params[k]);
        memcpy(out->params[k], bed->weights[k].params, bed->student.param_count * sizeof(float));
    }
    return rc;
}

static void outcome_release(struct outcome *out)
{
    for (int k = 0; k < students; k++)
        free(out->params[k]);
    tr_curve_release(&out->curve);
}

static void assert_same(const struct bed *bed, const struct outcome *a, const struct outcome *b)
{
    const int count = bed->online.cohort ? students : 1;

    for (int k = 0; k < count; k++) {
        assert_memory_equal(a->params[k], b->params[k], bed->student.param_count * sizeof(float));
        if (bed->recipe.quantise == TR_QUANTISE_QAT)
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

/* Whole; stopped and gone on with at several places; killed some steps behind its last state. */
static void check(struct bed *bed)
{
    struct outcome whole = {0}, parts = {0};

    assert_int_equal(train(bed, false, &whole), RT_OK);
    for (bed->stop_at = 5; bed->stop_at < steps; bed->stop_at += 7) {
        assert_int_equal(train(bed, true, &parts), RT_ESTOP);
        if (bed->stop_at > 5)
            assert_int_equal(parts.summary->resumed, bed->stop_at - 7);
    }
    bed->stop_at = -1;
    assert_int_equal(train(bed, true, &parts), RT_OK);
    assert_int_equal(parts.summary->resumed, 19);
    assert_same(bed, &whole, &parts);
    outcome_release(&parts);

    /* what the last state was written behind is all that there is of a killed run */
    unlink(bed->resume.path);
    bed->resume.every = 8;
    parts = (struct outcome){0};
    assert_int_equal(train(bed, true, &parts), RT_OK); /* the last one: behind step 16 */
    outcome_release(&parts);
    parts = (struct outcome){0};
    assert_int_equal(train(bed, true, &parts), RT_OK);
    assert_int_equal(parts.summary->resumed, 16);
    assert_same(bed, &whole, &parts);
    outcome_release(&parts);
    outcome_release(&whole);
    tr_resume_forget(&bed->resume);
    assert_int_equal(access(bed->resume.path, F_OK), -1);
}

/* ---- cases ---- */

static void a_plain_run_goes_on(void **state)
{
    check(*state);
}

static void mean_weights_go_on(void **state)
{
    struct bed *bed = *state;

    bed->recipe.distill.reg = TR_REG_L2;
    bed->recipe.distill.reg_weight = .1;
    bed->recipe.distill.reg_target = TR_REG_EMA;
    bed->recipe.distill.reg_decay = .9;
    check(bed);
}

static void ranges_of_int8_go_on(void **state)
{
    struct bed *bed = *state;

    bed->recipe.quantise = TR_QUANTISE_QAT;
    bed->recipe.ptq_rows = 50;
    bed->recipe.qat = (struct tr_qat){.start = .4, .freeze = .8, .ema = .9};
    check(bed);
}

static void projections_of_layers_go_on(void **state)
{
    struct bed *bed = *state;

    tr_layers_defaults(&bed->recipe.layers);
    bed->recipe.layers.weight[TR_LAYER_HIDDEN] = 1;
    bed->recipe.layers.balance = true;
    bed->recipe.layers.map = TR_LAYERS_RANDOM;
    check(bed);
}

static void a_cohort_goes_on(void **state)
{
    struct bed *bed = *state;

    tr_online_defaults(&bed->online);
    bed->online.mode = TR_ONLINE_DML;
    bed->online.cohort = students;
    check(bed);
}

static void leave_nothing(struct bed *bed)
{
    struct outcome out = {0};

    bed->stop_at = 10;
    assert_int_equal(train(bed, true, &out), RT_ESTOP);
    assert_int_equal(access(bed->resume.path, F_OK), -1);
    outcome_release(&out);
}

/* Killed behind its last state, which is all that there is of it; and asked to stop too early to be worth
 * one. */
static void a_trial_goes_on(void **state)
{
    struct bed *bed = *state;
    const struct space_arch arch = toy_arch();
    const struct space_shape shape = toy_shape();
    struct tr_trial_result whole, again;
    struct tr_trial trial = {.arch = &arch,
                             .shape = &shape,
                             .kernels = bed->student.kernels,
                             .data = &bed->data,
                             .recipe = &bed->recipe,
                             .seed = 5,
                             .stop = &bed->stop};
    struct rt_err err;

    assert_ok(tr_trial_run(&trial, &whole, &err));
    bed->resume.every = 7;
    trial.resume = &bed->resume;
    for (int i = 0; i < 2; i++) {
        assert_ok(tr_trial_run(&trial, &again, &err));
        assert_int_equal(again.summary.resumed, i * 21);
        assert_int_equal(whole.metrics.count, again.metrics.count);
        for (int m = 0; m < whole.metrics.count; m++)
            assert_memory_equal(&whole.metrics.list[m].value, &again.metrics.list[m].value,
                                sizeof(double));
        assert_int_equal(whole.curve.count, again.curve.count);
        tr_curve_release(&again.curve);
    }
    tr_curve_release(&whole.curve);
    unlink(bed->resume.path);
    bed->resume.every = 0;
    bed->resume.least = 30;
    leave_nothing(bed);
}

/* ---- what is left alone ---- */

static void leave_a_state(struct bed *bed)
{
    struct outcome out = {0};

    bed->stop_at = 10;
    assert_int_equal(train(bed, true, &out), RT_ESTOP);
    bed->stop_at = -1;
    outcome_release(&out);
}

static int resumed(struct bed *bed)
{
    struct outcome out = {0};

    assert_int_equal(train(bed, true, &out), RT_OK);
    const int from = out.summary->resumed;
    outcome_release(&out);
    return from;
}

static void a_state_of_another_run_is_left_alone(void **state)
{
    struct bed *bed = *state;

    leave_a_state(bed);
    snprintf(bed->resume.made_of, sizeof bed->resume.made_of, "other");
    assert_int_equal(resumed(bed), 0);
    snprintf(bed->resume.made_of, sizeof bed->resume.made_of, "one");
    bed->recipe.batch = 20;
    assert_int_equal(resumed(bed), 0);
    bed->recipe.batch = 24;
    assert_int_equal(resumed(bed), 10);
}

static void a_state_that_is_not_whole_is_left_alone(void **state)
{
    struct bed *bed = *state;
    struct rt_err err;
    char *bytes;
    size_t count;

    leave_a_state(bed);
    assert_ok(rt_file_read(bed->resume.path, 1 << 24, &bytes, &count, &err));
    assert_true(rt_state_is_whole((unsigned char *)bytes, count));
    for (size_t cut = 0; cut < count; cut += count / 7 + 1)
        assert_false(rt_state_is_whole((unsigned char *)bytes, cut));
    bytes[count / 2] ^= 1;
    assert_false(rt_state_is_whole((unsigned char *)bytes, count));
    FILE *file = fopen(bed->resume.path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    assert_int_equal(resumed(bed), 0);
}

static void a_place_that_cannot_be_written_costs_nothing(void **state)
{
    struct bed *bed = *state;

    snprintf(bed->resume.path, sizeof bed->resume.path, "/dev/null/state");
    bed->resume.every = 1;
    assert_int_equal(resumed(bed), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_plain_run_goes_on),
        CASE(mean_weights_go_on),
        CASE(ranges_of_int8_go_on),
        CASE(projections_of_layers_go_on),
        CASE(a_cohort_goes_on),
        CASE(a_trial_goes_on),
        CASE(a_state_of_another_run_is_left_alone),
        CASE(a_state_that_is_not_whole_is_left_alone),
        CASE(a_place_that_cannot_be_written_costs_nothing),
    };
    return cmocka_run_group_tests_name("trainer/learn/resume", tests, NULL, NULL);
}
