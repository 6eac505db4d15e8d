/* tests/test_resume_policy.c -- runs whose student acts, stopped or killed in any step, go on with the same
 * bits: rounds that were gathered, the window of a ring, priorities, curve.
 */
#include "forged.h"
#include "resume_policy_sample.h"

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
    number[0] = INT64_MAX; /* more than so many rounds bring */
    assert_false(kind->walk(&feed, number, &count));
    rt_arena_release(&arena);
    outcome_release(&out);
    bed_close(&bed);
}

/* Rows that no run has: of what would be read or drawn there is nothing in these places. */
static void forged_rows_are_left_alone(void **state)
{
    enum { numbers = state_parts + 4 + 4 + 8, rows = numbers + 8 * TR_FEED_NUMBERS, features = 3 };
    struct tr_policy_options options = sample_options();
    struct outcome out = {0};
    struct bed bed;
    struct resuming *run = &bed.run;
    int64_t count;
    (void)state;

    options.rollouts.replay = TR_REPLAY_PER;
    options.rollouts.perturb_mode = TR_PERTURB_LABEL;
    bed_open(&bed, &options);
    train_until(run, 9, &out);
    FILE *file = fopen(run->resume.path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, numbers, SEEK_SET), 0);
    assert_int_equal(fread(&count, sizeof count, 1, file), 1);
    fclose(file);
    const long n = (long)count - bed.task->split.train_count, bins = sample_bins;
    const long step = rows + n * features * 4, said = step + n * 4, label = said + n * bins * 4;
    const long leaf = label + n * 4;
    const float nan = NAN;
    const double below = -1;
    const int64_t many = INT64_MAX, rounds = 1;
    const int back = -1000, beyond = sample_horizon, none = sample_bins;
    const struct {
        long at;
        const void *value;
        size_t bytes;
    } forged[] = {{numbers, &many, 8},      {numbers + 8, &many, 8},  {numbers + 8, &rounds, 8},
                  {numbers + 16, &many, 8}, {numbers + 24, &many, 8}, {rows, &nan, 4},
                  {step, &back, 4},         {step, &beyond, 4},       {said, &nan, 4},
                  {label, &none, 4},        {leaf, &below, 8}};
    assert_true(n > 0);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        unlink(run->resume.path);
        train_until(run, 9, &out);
        forge(run->resume.path, forged[i].at, forged[i].value, forged[i].bytes);
        train_whole(run, true, &out);
        assert_int_equal(out.summary->resumed, 0);
    }
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
        cmocka_unit_test(forged_rows_are_left_alone),
    };
    return cmocka_run_group_tests_name("trainer/learn/resume of policies", tests, NULL, NULL);
}
