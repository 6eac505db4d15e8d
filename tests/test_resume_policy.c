/* tests/test_resume_policy.c -- runs whose student acts, stopped or killed in any step, go on with the same
 * bits: rounds that were gathered, the window of a ring, priorities, curve.
 */
#include "policy_sample.h"

#include <unistd.h>

#include "trainer/distill/ensemble.h"
#include "trainer/learn/curve.h"
#include "trainer/learn/resume.h"
#include "trainer/learn/train.h"
#include "trainer/measure/trial.h"
#include "trainer/net/network.h"

enum { steps = 12, batch = 16 };

struct bed {
    struct tr_task *task;
    struct tr_network net;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
    struct tr_data data;
    struct tr_recipe recipe;
    struct tr_resume resume;
    atomic_int stop;
    int stop_at; /* -1: nobody stops it */
};

struct outcome {
    float *params;
    struct tr_curve curve;
    struct tr_train_summary summary;
};

static void bed_open(struct bed *bed, const struct tr_policy_options *options)
{
    const struct space_arch arch = options->pixels ? sample_watcher() : sample_policy();
    const struct tr_kernels *kernels;
    struct rt_err err;

    *bed = (struct bed){.task = gathered(options, 1), .stop_at = -1};
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(
        tr_network_open(&bed->net, &arch, &bed->task->shape, kernels, TR_NETWORK_TRAIN, &err));
    bed->knowledge.key.teachers = 1;
    bed->knowledge.key.classes = sample_bins;
    bed->knowledge.key.rows = bed->task->rows;
    bed->knowledge.logits = tr_policy_said(bed->task, 0, 0);
    tr_ensemble_defaults(&bed->ensemble);
    bed->ensemble.weight[0] = 1;
    bed->data = (struct tr_data){
        .task = bed->task, .knowledge = &bed->knowledge, .ensemble = &bed->ensemble};
    bed->recipe = (struct tr_recipe){.steps = steps,
                                     .batch = batch,
                                     .micro_batch = 4,
                                     .learning_rate = 3e-3,
                                     .warmup = .1,
                                     .weight_decay = .01,
                                     .curve_points = 6};
    tr_distill_defaults(&bed->recipe.distill);
    (void)snprintf(bed->resume.path, sizeof bed->resume.path, "/tmp/retort-resume-policy-%ld",
                   (long)getpid());
    (void)snprintf(bed->resume.made_of, sizeof bed->resume.made_of, "one");
    unlink(bed->resume.path);
}

static void bed_close(struct bed *bed)
{
    unlink(bed->resume.path);
    tr_network_close(&bed->net);
    tr_task_close(bed->task);
}

static void look(void *context, int step, int of)
{
    struct bed *bed = context;

    (void)of;
    if (step == bed->stop_at)
        atomic_store(&bed->stop, 1);
}

static rt_status train(struct bed *bed, bool resumes, struct outcome *out)
{
    const struct tr_student *student = &bed->net.student;
    const struct tr_training training = {.student = student,
                                         .data = &bed->data,
                                         .recipe = &bed->recipe,
                                         .seed = 3,
                                         .lanes = 2,
                                         .threads = 1,
                                         .stop = &bed->stop,
                                         .resume = resumes ? &bed->resume : NULL,
                                         .curve = tr_curve_add,
                                         .curve_context = &out->curve,
                                         .progress = look,
                                         .progress_context = bed};
    struct rt_err err;

    atomic_store(&bed->stop, 0);
    tr_curve_release(&out->curve);
    tr_student_init_params(student, 7, bed->net.weights.params);
    const rt_status rc = tr_train(&training, &bed->net.weights, &out->summary, &err);
    if (rc != RT_OK && rc != RT_ESTOP)
        print_error("%s\n", err.text);
    free(out->params);
    out->params = malloc(student->param_count * sizeof(float));
    assert_non_null(out->params);
    memcpy(out->params, bed->net.weights.params, student->param_count * sizeof(float));
    return rc;
}

static void outcome_release(struct outcome *out)
{
    free(out->params);
    tr_curve_release(&out->curve);
}

static void assert_same(const struct bed *bed, const struct outcome *a, const struct outcome *b)
{
    assert_memory_equal(a->params, b->params, bed->net.student.param_count * sizeof(float));
    assert_int_equal(a->curve.count, b->curve.count);
    for (int i = 0; i < a->curve.count; i++) {
        assert_int_equal(a->curve.points[i].step, b->curve.points[i].step);
        assert_string_equal(a->curve.points[i].name, b->curve.points[i].name);
        assert_memory_equal(&a->curve.points[i].value, &b->curve.points[i].value, sizeof(double));
    }
}

/* Stopped at each step in turn; and killed behind any state. */
static void check(const struct tr_policy_options *options)
{
    struct outcome whole = {0}, parts = {0};
    struct bed bed;

    bed_open(&bed, options);
    assert_int_equal(train(&bed, false, &whole), RT_OK);
    for (bed.stop_at = 1; bed.stop_at < steps; bed.stop_at++) {
        assert_int_equal(train(&bed, true, &parts), RT_ESTOP);
        assert_int_equal(parts.summary.resumed, bed.stop_at - 1);
    }
    bed.stop_at = -1;
    assert_int_equal(train(&bed, true, &parts), RT_OK);
    assert_int_equal(parts.summary.resumed, steps - 1);
    assert_same(&bed, &whole, &parts);
    for (bed.resume.every = 2; bed.resume.every < steps; bed.resume.every += 3) {
        const int last = (steps - 1) / bed.resume.every * bed.resume.every;
        unlink(bed.resume.path);
        assert_int_equal(train(&bed, true, &parts), RT_OK);
        assert_int_equal(train(&bed, true, &parts), RT_OK);
        assert_int_equal(parts.summary.resumed, last);
        assert_same(&bed, &whole, &parts);
    }
    outcome_release(&parts);
    outcome_release(&whole);
    bed_close(&bed);
}

static void rounds_of_a_student_go_on(void **state)
{
    const struct tr_policy_options options = sample_options();
    (void)state;

    check(&options);
}

static void priorities_go_on(void **state)
{
    struct tr_policy_options options = sample_options();
    (void)state;

    options.rollouts.replay = TR_REPLAY_PER;
    check(&options);
}

/* A ring that was gone round, whose oldest rows have left. */
static void a_window_goes_on(void **state)
{
    struct tr_policy_options options = sample_options();
    (void)state;

    options.rollouts.rounds = 6;
    options.rollouts.keep = 250;
    options.rollouts.replay = TR_REPLAY_PER;
    check(&options);
    options.rollouts.replay = TR_REPLAY_UNIFORM;
    check(&options);
}

static void rounds_by_epochs_go_on(void **state)
{
    struct tr_policy_options options = sample_options();
    (void)state;

    options.rollouts.regenerate = 1;
    options.rollouts.keep = 40;
    options.rollouts.base = 2;
    check(&options);
}

static void labels_that_were_flipped_go_on(void **state)
{
    struct tr_policy_options options = sample_options();
    (void)state;

    options.rollouts.perturb_mode = TR_PERTURB_LABEL;
    check(&options);
}

static void frames_go_on(void **state)
{
    struct tr_policy_options options = sample_pixels();
    (void)state;

    options.rollouts.episodes = 2;
    check(&options);
}

static void states_with_senseless_numbers_are_left_alone(void **state)
{
    const struct tr_policy_options options = sample_options();
    struct outcome out = {0};
    struct bed bed;
    (void)state;

    bed_open(&bed, &options);
    bed.stop_at = 8;
    assert_int_equal(train(&bed, true, &out), RT_ESTOP);
    bed.stop_at = -1;
    const struct tr_feed_kind *kind = bed.task->kind->feed;
    struct tr_feed feed;
    struct rt_arena arena;
    struct rt_state count = {0};
    struct rt_err err;
    assert_ok(rt_arena_init(&arena, 1 << 24, &err));
    assert_ok(tr_feed_init(&feed,
                           &(struct tr_feeding){.task = bed.task,
                                                .said = bed.knowledge.logits,
                                                .teachers = 1,
                                                .steps = steps,
                                                .batch = batch,
                                                .history = 4},
                           &arena, &err));
    int64_t number[TR_FEED_NUMBERS];
    kind->numbers(&feed, number);
    assert_true(kind->walk(&feed, number, &count));
    assert_int_equal(count.bytes, 0);
    number[0]--; /* fewer rows than the task's */
    assert_false(kind->walk(&feed, number, &count));
    number[0] = INT64_MAX; /* a ring has no more than its room */
    assert_true(kind->walk(&feed, number, &count));
    assert_true(count.bytes < 1 << 22);
    rt_arena_release(&arena);
    outcome_release(&out);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_of_a_student_go_on),
        cmocka_unit_test(priorities_go_on),
        cmocka_unit_test(a_window_goes_on),
        cmocka_unit_test(rounds_by_epochs_go_on),
        cmocka_unit_test(labels_that_were_flipped_go_on),
        cmocka_unit_test(frames_go_on),
        cmocka_unit_test(states_with_senseless_numbers_are_left_alone),
    };
    return cmocka_run_group_tests_name("trainer/learn/resume of policies", tests, NULL, NULL);
}
