/* tests/test_policy_feed.c -- the rows of a run whose student acts, and how it is measured. */
#include "policy_sample.h"
#include "trainer/distill/ensemble.h"
#include "trainer/net/acting.h"
#include "trainer/net/network.h"

enum { batch = 16, steps = 9, most = 4096 };

/* A student of first values, its feed, and what they lie in. */
struct bed {
    struct tr_task *task;
    struct tr_network net;
    struct tr_acting acting;
    struct tr_feed feed;
    struct tr_batch batch;
    struct rt_arena arena;
};

static void bed_open(struct bed *bed, const struct tr_policy_options *options, int copies)
{
    const struct space_arch arch = options->pixels ? sample_watcher() : sample_policy();
    const struct tr_kernels *kernels;
    struct rt_err err;

    *bed = (struct bed){.task = gathered(options, 1)};
    assert_ok(tr_kernels_choose(&kernels, &err));
    assert_ok(
        tr_network_open(&bed->net, &arch, &bed->task->shape, kernels, TR_NETWORK_INFER, &err));
    tr_network_start(&bed->net, 3);
    assert_ok(rt_arena_init(&bed->arena, 1 << 24, &err));
    assert_ok(tr_acting_init(&bed->acting, &bed->net.student, copies, &bed->arena, &err));
    bed->acting.weights = &bed->net.weights;
    assert_ok(tr_batch_init(&bed->batch, &arch, &bed->task->shape, batch, &bed->arena, &err));
    const struct tr_feeding of = {.task = bed->task,
                                  .said = tr_policy_said(bed->task, 0, 0),
                                  .teachers = 1,
                                  .seed = 5,
                                  .steps = steps,
                                  .batch = batch,
                                  .history = arch.history};
    assert_ok(tr_feed_init(&bed->feed, &of, &bed->arena, &err));
}

static void bed_close(struct bed *bed)
{
    tr_feed_close(&bed->feed);
    rt_arena_release(&bed->arena);
    tr_network_close(&bed->net);
    tr_task_close(bed->task);
}

/* A run's batches: values, what was said, weights; [step] of each one behind the other. */
struct record {
    int rows[steps][batch];
    float values[steps][batch * 12], said[steps][batch * sample_bins], weight[steps][batch];
};

static void go_through(struct bed *bed, struct record *record)
{
    float loss[batch];
    struct rt_err err;

    for (int s = 0; s < steps; s++) {
        assert_ok(tr_feed_next(&bed->feed, &bed->acting.actor, s, batch, record->rows[s], &err));
        tr_feed_fill(&bed->feed, record->rows[s], batch, &bed->batch);
        memcpy(record->values[s], bed->batch.values, sizeof record->values[s]);
        memcpy(record->weight[s], bed->batch.weight, sizeof record->weight[s]);
        for (int i = 0; i < batch; i++) {
            memcpy(record->said[s] + (ptrdiff_t)i * sample_bins, bed->batch.said[i],
                   sample_bins * sizeof(float));
            loss[i] = (float)(i % 5);
        }
        bed->task->kind->feed->learn(&bed->feed, record->rows[s], loss, batch);
    }
}

static void assert_same_twice(const struct tr_policy_options *options, struct record *first)
{
    static struct record again;
    struct bed bed;

    bed_open(&bed, options, 64);
    go_through(&bed, first);
    bed_close(&bed);
    bed_open(&bed, options, 64);
    go_through(&bed, &again);
    bed_close(&bed);
    assert_memory_equal(first, &again, sizeof again);
}

static bool has_own_rows(const int *rows, int base)
{
    for (int i = 0; i < batch; i++)
        if (rows[i] >= base)
            return true;
    return false;
}

static void rounds_come_when_they_are_due(void **state)
{
    const struct tr_policy_options options = sample_options();
    static struct record record;
    const int base = options.rollouts.base * sample_horizon;
    (void)state;

    assert_same_twice(&options, &record);
    for (int s = 0; s < steps; s++) { /* 3 rounds over 9 steps: before 3 and 6 */
        int largest = 0;
        for (int i = 0; i < batch; i++)
            largest = record.rows[s][i] > largest ? record.rows[s][i] : largest;
        assert_true(largest < base + s / 3 * options.rollouts.episodes * sample_horizon);
        if (s < 3)
            assert_false(has_own_rows(record.rows[s], base));
        for (int i = 0; i < batch; i++)
            assert_true(record.weight[s][i] == 1);
    }
    assert_true(has_own_rows(record.rows[6], base));
}

/* Two rounds of two episodes of the student's own. */
static void rounds_of_pixels_are_kept_frame_by_frame(void **state)
{
    struct tr_policy_options options = sample_pixels();
    float first[sample_frame];
    struct bed bed;
    struct rt_err err;
    int rows[batch], next[2];
    (void)state;

    options.rollouts.episodes = 2;
    bed_open(&bed, &options, 64);
    for (int s = 0; s < steps; s++)
        assert_ok(tr_feed_next(&bed.feed, &bed.acting.actor, s, batch, rows, &err));
    const int base = bed.task->split.train_count;
    for (int at = 0; at < 4 * sample_horizon; at += 7) {
        if (at % sample_horizon == sample_horizon - 1)
            continue; /* the next one is of another episode */
        next[0] = base + at;
        next[1] = base + at + 1;
        tr_feed_fill(&bed.feed, next, 2, &bed.batch);
        memcpy(first, bed.batch.values, sizeof first);
        assert_next_frame(first, bed.batch.values + sample_frame);
    }
    bed_close(&bed);
}

static void who_drives_decides_the_rows(void **state)
{
    static struct record record[3];
    struct tr_policy_options options = sample_options();
    (void)state;

    for (int d = 0; d < 3; d++) {
        options.rollouts.drive = (enum tr_drive)d;
        assert_same_twice(&options, &record[d]);
    }
    assert_memory_equal(record[0].rows, record[1].rows, sizeof record[0].rows);
    assert_memory_not_equal(record[0].values, record[1].values, sizeof record[0].values);
    assert_memory_not_equal(record[1].values, record[2].values, sizeof record[0].values);
}

static void the_oldest_rows_leave_when_only_some_are_kept(void **state)
{
    struct tr_policy_options options = sample_options();
    static struct record record;
    const int base = options.rollouts.base * sample_horizon;
    (void)state;

    options.rollouts.keep = 100;
    for (int per = 0; per < 2; per++) {
        options.rollouts.replay = per ? TR_REPLAY_PER : TR_REPLAY_UNIFORM;
        assert_same_twice(&options, &record);
        for (int i = 0; i < batch; i++)
            assert_true(record.rows[0][i] >= base - 100 && record.rows[0][i] < base);
        for (int s = 3; s < steps; s++) /* a round has 200 */
            for (int i = 0; i < batch; i++)
                assert_true(record.rows[s][i] >= base);
    }
}

static void priorities_have_weights_that_make_up_for_them(void **state)
{
    struct tr_policy_options options = sample_options();
    static struct record record;
    bool less = false;
    (void)state;

    options.rollouts.replay = TR_REPLAY_PER;
    assert_same_twice(&options, &record);
    for (int s = 0; s < steps; s++)
        for (int i = 0; i < batch; i++) {
            assert_true(record.weight[s][i] > 0 && record.weight[s][i] <= 1);
            less = less || record.weight[s][i] < 1;
        }
    assert_true(less);
}

static void epochs_decide_when_rows_are_made_anew(void **state)
{
    struct tr_policy_options options = sample_options();
    static struct record record;
    const int base = options.rollouts.base * sample_horizon;
    (void)state;

    options.rollouts.regenerate = 1;
    options.rollouts.keep = 4 * batch;
    assert_same_twice(&options, &record);
    for (int s = 0; s < 4; s++)
        assert_false(has_own_rows(record.rows[s], base));
    for (int s = 4; s < steps; s++)
        assert_true(has_own_rows(record.rows[s], base));
}

static void measures_are_of_the_same_starts(void **state)
{
    const struct tr_policy_options options = sample_options();
    const struct tr_policy_scores *scores;
    struct tr_metrics student = {0}, teacher = {0};
    struct tr_ensemble ensemble;
    double t = 0, r = 0;
    struct rt_err err;
    struct bed bed;
    (void)state;

    tr_ensemble_defaults(&ensemble);
    ensemble.weight[0] = 1;
    bed_open(&bed, &options, 64);
    assert_ok(bed.task->kind->act(bed.task, &bed.acting.actor, &ensemble, false, &student, &err));
    assert_ok(bed.task->kind->act_as(bed.task, 1, false, &teacher, &err));
    scores = tr_policy_scores(bed.task);
    for (int e = 0; e < options.episodes; e++) {
        t += scores->teacher[e] / options.episodes;
        r += scores->random[e] / options.episodes;
    }
    assert_true(t > r);
    assert_near(tr_metrics_value(&teacher, "return"), t, 1e-9);
    assert_near(tr_metrics_value(&teacher, "gap"), 0, 1e-12);
    assert_near(tr_metrics_value(&student, "gap"),
                (t - tr_metrics_value(&student, "return")) / (t - r), 1e-9);
    assert_near(tr_metrics_value(&student, "return_retention"),
                1 - tr_metrics_value(&student, "gap"), 1e-12);
    assert_true(tr_metrics_value(&student, "visited_kl") > 0);
    for (int i = 0; tr_policy_measures[i].name; i++)
        assert_non_null(tr_metrics_find(&student, tr_policy_measures[i].name));
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_of_pixels_are_kept_frame_by_frame),
        cmocka_unit_test(rounds_come_when_they_are_due),
        cmocka_unit_test(who_drives_decides_the_rows),
        cmocka_unit_test(the_oldest_rows_leave_when_only_some_are_kept),
        cmocka_unit_test(priorities_have_weights_that_make_up_for_them),
        cmocka_unit_test(epochs_decide_when_rows_are_made_anew),
        cmocka_unit_test(measures_are_of_the_same_starts),
    };
    return cmocka_run_group_tests_name("trainer/task/policy/feed", tests, NULL, NULL);
}
