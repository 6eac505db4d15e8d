/* tests/test_policy.c -- the task of policies: its rows, its batches, and what is refused. */
#include "policy_sample.h"

static void rows_are_those_of_the_episodes_whatever_plays_them(void **state)
{
    const struct tr_policy_options options = sample_options();
    struct tr_policy_options other = options;
    struct tr_task *one = gathered(&options, 1), *two = gathered(&options, 2);
    (void)state;

    assert_int_equal(one->split.train_count, 6 * sample_horizon);
    assert_int_equal(one->split.validation_count, 2 * sample_horizon);
    assert_string_equal(one->hash, two->hash);
    for (int e = 0; e < options.episodes; e++) {
        assert_true(tr_policy_scores(one)->teacher[e] == tr_policy_scores(two)->teacher[e]);
        assert_true(tr_policy_scores(one)->random[e] == tr_policy_scores(two)->random[e]);
    }
    tr_task_close(two);
    other.rollouts.base = 7; /* more episodes change none of those before them */
    two = gathered(&other, 1);
    assert_string_not_equal(one->hash, two->hash);
    for (int row = 0; row < 6 * sample_horizon; row++)
        assert_memory_equal(tr_policy_said(one, row, 0), tr_policy_said(two, row, 0),
                            sample_bins * sizeof(float));
    tr_task_close(two);
    tr_task_close(one);
}

static void another_seed_has_other_rows(void **state)
{
    struct tr_policy_options options = sample_options();
    struct tr_task *one = gathered(&options, 1), *two;
    (void)state;

    options.seed++;
    two = gathered(&options, 1);
    assert_string_not_equal(one->hash, two->hash);
    tr_task_close(two);
    tr_task_close(one);
}

/* Values (rows, K, F) of a batch of these rows, for a history of K. */
static void values_of(const struct tr_task *task, const int *rows, int n, int history, float *out)
{
    struct space_arch arch = sample_policy();
    struct rt_arena arena;
    struct tr_batch batch;
    struct rt_err err;

    arch.history = history;
    assert_ok(rt_arena_init(&arena, 1 << 20, &err));
    assert_ok(tr_batch_init(&batch, &arch, &task->shape, n, &arena, &err));
    task->kind->fill(task, rows, n, &batch);
    assert_int_equal(batch.numbers, history * task->shape.features);
    for (int i = 0; i < batch.answers; i++)
        assert_int_equal(batch.label[i], -1);
    memcpy(out, batch.values, (size_t)n * batch.numbers * sizeof *out);
    rt_arena_release(&arena);
}

static void a_history_ends_at_its_row_and_begins_with_its_episode(void **state)
{
    enum { k = 4, f = 3 };
    const struct tr_policy_options options = sample_options();
    struct tr_task *task = gathered(&options, 1);
    const int first = 2 * sample_horizon, rows[] = {first, first + 2, first + 9};
    float long_ones[3][k][f], one[f];
    (void)state;

    values_of(task, rows, 3, k, &long_ones[0][0][0]);
    for (int i = 0; i < 3; i++)
        for (int t = 0; t < k; t++) {
            const int past = rows[i] - (k - 1 - t), row = past < first ? first : past;
            values_of(task, &row, 1, 1, one);
            assert_memory_equal(long_ones[i][t], one, sizeof one);
        }
    assert_true(long_ones[0][k - 1][2] == 0); /* no action before the first */
    assert_true(long_ones[2][k - 1][2] != 0);
    tr_task_close(task);
}

static void what_is_observed_has_mean_0_and_deviation_1_over_train_rows(void **state)
{
    const struct tr_policy_options options = sample_options();
    struct tr_task *task = gathered(&options, 1);
    const int n = task->split.train_count;
    float *values = malloc((size_t)n * 3 * sizeof *values);
    (void)state;

    assert_non_null(values);
    values_of(task, task->split.train, n, 1, values);
    for (int c = 0; c < 2; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < n; i++) {
            sum += (double)values[3 * i + c];
            squares += (double)values[3 * i + c] * (double)values[3 * i + c];
        }
        assert_near(sum / n, 0, 1e-5);
        assert_near(squares / n, 1, 1e-4);
    }
    for (int i = 0; i < n; i++) /* an action is not normalised */
        assert_true(fabsf(values[3 * i + 2]) <= 1);
    free(values);
    tr_task_close(task);
}

static void pixels_are_read_as_images(void **state)
{
    const struct tr_policy_options options = sample_pixels();
    const struct space_arch arch = sample_watcher();
    struct tr_task *task = gathered(&options, 1), *other = gathered(&options, 2);
    const int rows[] = {3, 4, 5, sample_horizon - 1, sample_horizon};
    struct rt_arena arena;
    struct tr_batch batch;
    double sum = 0, squares = 0;
    struct rt_err err;
    (void)state;

    assert_string_equal(task->hash, other->hash);
    assert_int_equal(task->shape.features, 0);
    assert_ok(rt_arena_init(&arena, 8 << 20, &err));
    assert_ok(tr_batch_init(&batch, &arch, &task->shape, 40, &arena, &err));
    assert_int_equal(batch.numbers, sample_frame);
    task->kind->fill(task, rows, 5, &batch);
    assert_next_frame(batch.values, batch.values + sample_frame);
    assert_next_frame(batch.values + sample_frame, batch.values + 2 * sample_frame);
    assert_memory_not_equal(batch.values, batch.values + sample_frame, sample_frame * 4);
    for (int i = 0; i < sample_frame; i += 2) /* a start has not moved yet */
        assert_true(batch.values[4 * sample_frame + i] == batch.values[4 * sample_frame + i + 1]);
    for (int from = 0; from < task->split.train_count; from += 40) {
        task->kind->fill(task, task->split.train + from, 40, &batch);
        for (int i = 0; i < 40 * sample_frame; i++) {
            sum += (double)batch.values[i];
            squares += (double)batch.values[i] * (double)batch.values[i];
        }
    }
    assert_near(sum / (6. * sample_horizon * sample_frame), 0, 1e-5);
    assert_near(squares / (6. * sample_horizon * sample_frame), 1, 1e-4);
    rt_arena_release(&arena);
    tr_task_close(task);
    tr_task_close(other);
}

static void a_teacher_of_other_sizes_is_refused(void **state)
{
    const struct tr_policy_options options = sample_options();
    struct tr_expert expert = pusher();
    struct tr_task *task = ungathered(&options);
    struct rt_err err;
    (void)state;

    expert.observation = 4;
    assert_int_equal(tr_policy_gather(task, &expert, 1, 1, NULL, &err), RT_EARG);
    assert_string_equal(err.text,
                        "teacher 1 reads observations of 4 numbers, and 'pendulum' has 3");
    tr_task_close(task);
    task = ungathered(&options);
    expert = pusher();
    expert.numbers = 6;
    assert_int_equal(tr_policy_gather(task, &expert, 1, 1, NULL, &err), RT_EARG);
    assert_string_equal(
        err.text, "teacher 1 says 6 numbers of a state, and the actions of 'pendulum' take 2");
    tr_task_close(task);
}

static void what_does_not_fit_the_environment_is_refused(void **state)
{
    struct tr_policy_options options = sample_options();
    struct tr_task *task;
    struct rt_err err;
    (void)state;

    options.observe[1] = 3;
    assert_int_equal(tr_policy_task(&task, &options, SPACE_POOL_LAST, &err), RT_EARG);
    assert_string_equal(err.text, "environment.observe: 'pendulum' has components 0 to 2, not 3");
    options.observe[1] = 0;
    assert_int_equal(tr_policy_task(&task, &options, SPACE_POOL_LAST, &err), RT_EARG);
    assert_non_null(strstr(err.text, "in rising order"));
    options = sample_options();
    options.pixels = true;
    assert_int_equal(tr_policy_task(&task, &options, SPACE_POOL_LAST, &err), RT_EARG);
    assert_string_equal(err.text,
                        "space.patch: 'pendulum' shows no pixels; give history in place of patch");
    options.environment.name = "pendulum_pixels";
    assert_int_equal(tr_policy_task(&task, &options, SPACE_POOL_LAST, &err), RT_EARG);
    assert_non_null(strstr(err.text, "environment.observe: students with patches see pixels"));
    options = sample_options();
    options.environment.name = "moon";
    assert_int_equal(tr_policy_task(&task, &options, SPACE_POOL_LAST, &err), RT_EARG);
    assert_non_null(strstr(err.text, "moon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_the_episodes_whatever_plays_them),
        cmocka_unit_test(another_seed_has_other_rows),
        cmocka_unit_test(a_history_ends_at_its_row_and_begins_with_its_episode),
        cmocka_unit_test(what_is_observed_has_mean_0_and_deviation_1_over_train_rows),
        cmocka_unit_test(pixels_are_read_as_images),
        cmocka_unit_test(a_teacher_of_other_sizes_is_refused),
        cmocka_unit_test(what_does_not_fit_the_environment_is_refused),
    };
    return cmocka_run_group_tests_name("trainer/task/policy", tests, NULL, NULL);
}
