/* tests/test_resume.c -- a training run that is stopped or killed in the middle goes on with the same
 * bits: weights, ranges, counts and curve.
 */
#include "forged.h"
#include "resume_sample.h"
#include "toy_task.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/state.h"
#include "trainer/net/network.h"

enum { examples = 120, steps = 24, teachers = 2 };

struct bed {
    struct resuming run;
    struct tr_task *task;
    struct tr_network resident;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights[students];
    float logits[examples][teachers][toy_classes];
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
    assert_ok(tr_student_init(&bed->student, &arch, &shape, kernels, &err));
    assert_ok(rt_arena_init(&bed->model, students * tr_weights_bytes(&bed->student, true), &err));
    for (int k = 0; k < students; k++)
        assert_ok(tr_weights_init(&bed->weights[k], &bed->student, true, &bed->model, &err));
    bed->run = (struct resuming){.student = &bed->student,
                                 .weights = bed->weights,
                                 .data = {.task = bed->task,
                                          .knowledge = &bed->knowledge,
                                          .ensemble = &bed->ensemble,
                                          .resident = &bed->resident},
                                 .recipe = toy_recipe(steps)};
    resuming_open(&bed->run);
    *state = bed;
    return 0;
}

static int bed_close(void **state)
{
    struct bed *bed = *state;

    tr_resume_forget(&bed->run.resume);
    tr_network_close(&bed->resident);
    rt_arena_release(&bed->model);
    tr_student_release(&bed->student);
    tr_task_close(bed->task);
    free(bed);
    return 0;
}

static int resumed(struct bed *bed)
{
    struct outcome out = {0};

    train_whole(&bed->run, true, &out);
    const int from = out.summary->resumed;
    outcome_release(&out);
    return from;
}

static void leave_a_state(struct bed *bed)
{
    struct outcome out = {0};

    train_until(&bed->run, 10, &out);
    outcome_release(&out);
}

/* Whole; stopped and gone on with at several places; killed some steps behind its last state. */
static void check(struct bed *bed)
{
    struct resuming *run = &bed->run;
    struct outcome whole = {0}, parts = {0};
    char folder[sizeof run->resume.path];

    train_whole(run, false, &whole);
    for (int at = 5; at < steps; at += 7) {
        train_until(run, at, &parts);
        if (at > 5)
            assert_int_equal(parts.summary->resumed, at - 7);
    }
    train_whole(run, true, &parts);
    assert_int_equal(parts.summary->resumed, 19);
    assert_same(run, &whole, &parts);

    /* what the last state was written behind is all that there is of a killed run */
    unlink(run->resume.path);
    run->resume.every = 8;
    train_whole(run, true, &parts); /* the last one: behind step 16 */
    train_whole(run, true, &parts);
    assert_int_equal(parts.summary->resumed, 16);
    assert_same(run, &whole, &parts);
    outcome_release(&parts);
    outcome_release(&whole);
    tr_resume_forget(&run->resume);
    memcpy(folder, run->resume.path, sizeof folder);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(access(folder, F_OK), -1); /* nor is that there */
}

/* ---- cases ---- */

static void a_plain_run_goes_on(void **state)
{
    check(*state);
}

static void mean_weights_go_on(void **state)
{
    struct bed *bed = *state;

    bed->run.recipe.distill.reg = TR_REG_L2;
    bed->run.recipe.distill.reg_weight = .1;
    bed->run.recipe.distill.reg_target = TR_REG_EMA;
    bed->run.recipe.distill.reg_decay = .9;
    check(bed);
}

static void ranges_of_int8_go_on(void **state)
{
    struct bed *bed = *state;

    bed->run.recipe.quantise = TR_QUANTISE_QAT;
    bed->run.recipe.ptq_rows = 50;
    bed->run.recipe.qat = (struct tr_qat){.start = .4, .freeze = .8, .ema = .9};
    check(bed);
}

static void projections_of_layers_go_on(void **state)
{
    struct bed *bed = *state;

    tr_layers_defaults(&bed->run.recipe.layers);
    bed->run.recipe.layers.weight[TR_LAYER_HIDDEN] = 1;
    bed->run.recipe.layers.balance = true;
    bed->run.recipe.layers.map = TR_LAYERS_RANDOM;
    check(bed);
}

static void a_cohort_goes_on(void **state)
{
    struct bed *bed = *state;

    tr_online_defaults(&bed->run.online);
    bed->run.online.mode = TR_ONLINE_DML;
    bed->run.online.cohort = students;
    check(bed);
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
                             .data = &bed->run.data,
                             .recipe = &bed->run.recipe,
                             .seed = 5,
                             .stop = &bed->run.stop};
    struct rt_err err;

    assert_ok(tr_trial_run(&trial, &whole, &err));
    bed->run.resume.every = 7;
    trial.resume = &bed->run.resume;
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
    unlink(bed->run.resume.path);
    bed->run.resume.every = 0;
    bed->run.resume.least = 30;
    leave_a_state(bed);
    assert_int_equal(access(bed->run.resume.path, F_OK), -1);
}

/* ---- what is left alone ---- */

static void a_state_of_another_run_is_left_alone(void **state)
{
    struct bed *bed = *state;

    leave_a_state(bed);
    snprintf(bed->run.resume.made_of, sizeof bed->run.resume.made_of, "other");
    assert_int_equal(resumed(bed), 0);
    snprintf(bed->run.resume.made_of, sizeof bed->run.resume.made_of, "one");
    bed->run.recipe.batch = 20;
    assert_int_equal(resumed(bed), 0);
    bed->run.recipe.batch = 24;
    assert_int_equal(resumed(bed), 10);
}

static void a_state_that_is_not_whole_is_left_alone(void **state)
{
    struct bed *bed = *state;
    struct rt_err err;
    char *bytes;
    size_t count;

    leave_a_state(bed);
    assert_ok(rt_file_read(bed->run.resume.path, 1 << 24, &bytes, &count, &err));
    assert_true(rt_state_is_whole((unsigned char *)bytes, count));
    for (size_t cut = 0; cut < count; cut += count / 7 + 1)
        assert_false(rt_state_is_whole((unsigned char *)bytes, cut));
    bytes[count / 2] ^= 1;
    assert_false(rt_state_is_whole((unsigned char *)bytes, count));
    FILE *file = fopen(bed->run.resume.path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    assert_int_equal(resumed(bed), 0);
}

static void a_state_with_senseless_numbers_is_left_alone(void **state)
{
    enum { weights = state_parts + 4 + 4 + 8, point = 4 + 32 + 8 };
    const double nan = NAN;
    const float infinite = INFINITY;
    const int32_t late = steps, many = INT32_MAX;
    const struct {
        long at;
        const void *value;
        size_t bytes;
    } forged[] = {{state_parts, &late, 4},     /* the next step */
                  {state_parts + 4, &many, 4}, /* points of the curve */
                  {state_parts + 8, &nan, 8},  /* seconds before */
                  {weights, &infinite, 4},     /* a weight */
                  {-point, &many, 4},          /* the step of a point, */
                  {-point + 4, "\033", 1}};    /* and its name */
    struct bed *bed = *state;

    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        unlink(bed->run.resume.path);
        leave_a_state(bed);
        forge(bed->run.resume.path, forged[i].at, forged[i].value, forged[i].bytes);
        assert_int_equal(resumed(bed), 0);
    }
    unlink(bed->run.resume.path);
    leave_a_state(bed);
    forge(bed->run.resume.path, weights, "", 1); /* a bit that may be */
    assert_int_equal(resumed(bed), 10);
}

/* Killed behind it, or not: there is no state but of what was learnt before others wrote into it. */
static void nothing_learnt_from_a_dirty_cache_is_kept(void **state)
{
    const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct bed *bed = *state;
    struct resuming *run = &bed->run;
    struct tr_knowledge_key key = bed->knowledge.key;
    struct outcome whole = {0}, parts = {0};
    char cache[64];
    struct rt_err err;

    snprintf(cache, sizeof cache, "/tmp/retort-resume-%ld.rtk", (long)getpid());
    assert_ok(tr_knowledge_write(cache, &key, &bed->logits[0][0][0], &err));
    assert_int_equal(utimensat(AT_FDCWD, cache, past, 0), 0); /* clocks of files are coarse */
    assert_ok(tr_knowledge_open(&bed->knowledge, cache, &key, &err));
    train_whole(run, false, &whole);
    run->harm = cache;
    run->resume.every = 4;
    for (int i = 0; i < 2; i++) {
        run->stop_at = i ? steps - 1 : 10; /* the other: behind the last state */
        assert_int_equal(train(run, true, &parts, &err), RT_EDIRTY);
        assert_non_null(strstr(err.text, cache));
        assert_int_equal(parts.summary->resumed, i * 8);
        flip(cache, -1);
    }
    train_whole(run, true, &parts);
    assert_int_equal(parts.summary->resumed, 20);
    assert_same(run, &whole, &parts);
    outcome_release(&parts);
    outcome_release(&whole);
    tr_knowledge_close(&bed->knowledge);
    unlink(cache);
}

static void a_place_that_cannot_be_written_costs_nothing(void **state)
{
    struct bed *bed = *state;

    snprintf(bed->run.resume.path, sizeof bed->run.resume.path, "/dev/null/state");
    bed->run.resume.every = 1;
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
        CASE(a_state_with_senseless_numbers_is_left_alone),
        CASE(nothing_learnt_from_a_dirty_cache_is_kept),
        CASE(a_place_that_cannot_be_written_costs_nothing),
    };
    return cmocka_run_group_tests_name("trainer/learn/resume", tests, NULL, NULL);
}
