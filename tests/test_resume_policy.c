/* tests/test_resume_policy.c -- runs whose student acts, stopped or killed in any step, go on with the same
 * bits: rounds that were gathered, the window of a ring, priorities, curve.
 */
#include "policy_sample.h"
#include "resume_sample.h"

#include "trainer/distill/ensemble.h"
#include "trainer/net/network.h"

enum { steps = 12, batch = 16 };

struct bed {
    struct resuming run;
    struct tr_task *task;
    struct tr_network net;
    struct tr_knowledge knowledge;
    struct tr_ensemble ensemble;
};

static void bed_open(struct bed *bed, const struct tr_policy_options *options)
{
    const struct space_arch arch = options->pixels ? sample_watcher() : sample_policy();
    const struct tr_kernels *kernels;
    struct rt_err err;

    *bed = (struct bed){.task = gathered(options, 1)};
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(
        tr_network_open(&bed->net, &arch, &bed->task->shape, kernels, TR_NETWORK_TRAIN, &err));
    bed->knowledge.key.teachers = 1;
    bed->knowledge.key.classes = sample_bins;
    bed->knowledge.key.rows = bed->task->rows;
    bed->knowledge.logits = tr_policy_said(bed->task, 0, 0);
    tr_ensemble_defaults(&bed->ensemble);
    bed->ensemble.weight[0] = 1;
    bed->run = (struct resuming){
        .student = &bed->net.student,
        .weights = &bed->net.weights,
        .data = {.task = bed->task, .knowledge = &bed->knowledge, .ensemble = &bed->ensemble},
        .recipe = {.steps = steps,
                   .batch = batch,
                   .micro_batch = 4,
                   .learning_rate = 3e-3,
                   .warmup = .1,
                   .weight_decay = .01,
                   .curve_points = 6}};
    tr_distill_defaults(&bed->run.recipe.distill);
    resuming_open(&bed->run);
}

static void bed_close(struct bed *bed)
{
    tr_resume_forget(&bed->run.resume);
    tr_network_close(&bed->net);
    tr_task_close(bed->task);
}

/* Stopped at each step in turn; and killed behind any state. */
static void check(const struct tr_policy_options *options)
{
    struct outcome whole = {0}, parts = {0};
    struct bed bed;
    struct resuming *run = &bed.run;

    bed_open(&bed, options);
    train_whole(run, false, &whole);
    for (int at = 1; at < steps; at++) {
        train_until(run, at, &parts);
        assert_int_equal(parts.summary->resumed, at - 1);
    }
    train_whole(run, true, &parts);
    assert_int_equal(parts.summary->resumed, steps - 1);
    assert_same(run, &whole, &parts);
    for (run->resume.every = 2; run->resume.every < steps; run->resume.every += 3) {
        const int last = (steps - 1) / run->resume.every * run->resume.every;
        unlink(run->resume.path);
        train_whole(run, true, &parts);
        train_whole(run, true, &parts);
        assert_int_equal(parts.summary->resumed, last);
        assert_same(run, &whole, &parts);
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
    train_until(&bed.run, 8, &out);
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
