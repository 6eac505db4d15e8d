/* tests/test_task.c -- tasks of images: their batches, and the order in which a run sees rows. */
#include "toy_task.h"

enum { count = 90, validation = 30, train = count - validation, numbers = toy_side * toy_side };

static void batches_of_all_train_rows_have_mean_0_and_deviation_1(void **state)
{
    struct tr_task *task = toy_task(count, validation);
    float *values = malloc((size_t)train * numbers * sizeof *values);
    double sum = 0, squares = 0;
    (void)state;

    assert_non_null(values);
    assert_int_equal(task->split.train_count, train);
    toy_values(task, task->split.train, train, values);
    for (int i = 0; i < train * numbers; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    assert_near(sum / (train * numbers), 0, 1e-6);
    assert_near(squares / (train * numbers), 1, 1e-5);
    free(values);
    tr_task_close(task);
}

static void a_batch_has_its_rows_one_behind_the_other(void **state)
{
    static const int rows[] = {7, 3, 88};
    struct tr_task *task = toy_task(count, validation);
    const struct space_arch arch = toy_arch();
    struct rt_arena arena;
    struct tr_batch batch;
    struct rt_err err;
    (void)state;

    assert_ok(rt_arena_init(&arena, 1 << 16, &err));
    assert_ok(tr_batch_init(&batch, &arch, &task->shape, 4, &arena, &err));
    task->kind->fill(task, rows, 3, &batch);
    assert_int_equal(batch.numbers, numbers);
    assert_int_equal(batch.examples, 3);
    for (int m = 0; m <= 3; m++)
        assert_int_equal(batch.start[m], m * 5); /* 4 patches and the class token */
    for (int m = 0; m < 3; m++) {
        float alone[numbers];
        assert_int_equal(batch.label[m], rows[m] % toy_classes);
        toy_values(task, &rows[m], 1, alone);
        assert_memory_equal(batch.values + m * numbers, alone, sizeof alone);
    }
    rt_arena_release(&arena);
    tr_task_close(task);
}

static void a_flat_image_is_finite(void **state)
{
    const struct tr_split_sizes sizes = {.validation = 10, .seed = 1};
    struct tr_images images;
    struct tr_task *task;
    struct rt_err err;
    float values[numbers];
    (void)state;

    toy_images(&images, 20, 1);
    memset(images.pixels, 7, 20 * numbers);
    assert_ok(tr_image_task(&task, &images, SPACE_POOL_CLASS, &sizes, &err));
    toy_values(task, (const int[]){0}, 1, values);
    for (int i = 0; i < numbers; i++)
        assert_near(values[i], 0, 1e-7);
    tr_task_close(task);
}

static void another_file_is_read_as_the_first_one_is(void **state)
{
    struct tr_task *task = toy_task(count, validation), *test;
    struct tr_images images, wide;
    float a[numbers], b[numbers];
    struct rt_err err;
    (void)state;

    toy_images(&images, count, 1); /* the same pixels, which have another mean than train rows */
    assert_ok(tr_image_task_like(&test, task, &images, &err));
    assert_int_equal(test->rows, count);
    assert_int_equal(test->split.train_count + test->split.validation_count, 0);
    toy_values(task, (const int[]){5}, 1, a);
    toy_values(test, (const int[]){5}, 1, b);
    assert_memory_equal(a, b, sizeof a);
    toy_images(&wide, count, 1);
    wide.width--;
    assert_int_equal(tr_image_task_like(&test, task, &wide, &err), RT_ESHAPE);
    assert_null(wide.pixels); /* taken all the same */
    tr_task_close(test);
    tr_task_close(task);
}

static void an_epoch_is_every_train_row_once_and_depends_on_the_seed(void **state)
{
    struct tr_task *task = toy_task(count, validation);
    int seen[count] = {0}, rows[2 * train], again[2 * train], other[2 * train];
    struct tr_feed feed;
    struct rt_arena arena;
    struct rt_err err;
    (void)state;

    assert_ok(rt_arena_init(&arena, 1 << 16, &err));
    struct tr_feeding of = {.task = task, .seed = 3};
    assert_ok(tr_feed_init(&feed, &of, &arena, &err));
    assert_ok(tr_feed_next(&feed, NULL, 0, 2 * train, rows, &err));
    assert_int_equal(tr_feed_epoch(&feed), 2);
    for (int i = 0; i < 2 * train; i++)
        seen[rows[i]]++;
    for (int i = 0; i < train; i++)
        assert_int_equal(seen[task->split.train[i]], 2);
    assert_true(memcmp(rows, rows + train, train * sizeof *rows) != 0);
    assert_ok(tr_feed_init(&feed, &of, &arena, &err));
    for (int i = 0; i < 2 * train; i += 8) /* batches across the end of an epoch */
        assert_ok(tr_feed_next(&feed, NULL, 0, 8, again + i, &err));
    assert_memory_equal(rows, again, sizeof rows);
    of.seed = 4;
    assert_ok(tr_feed_init(&feed, &of, &arena, &err));
    assert_ok(tr_feed_next(&feed, NULL, 0, 2 * train, other, &err));
    assert_true(memcmp(rows, other, sizeof rows) != 0);
    rt_arena_release(&arena);
    tr_task_close(task);
}

struct notes {
    int count;
    char text[8][64];
};

static void note(void *to, const char *key, const char *value)
{
    struct notes *notes = to;

    assert_true(notes->count < 8);
    (void)snprintf(notes->text[notes->count++], sizeof notes->text[0], "%s=%s", key, value);
}

static void exported_weights_are_told_sizes_and_scale(void **state)
{
    struct tr_images images;
    struct tr_task *task;
    struct notes notes = {0};
    struct rt_err err;
    (void)state;

    toy_images(&images, 20, 1);
    memset(images.pixels, 51, 20 * numbers);
    assert_ok(tr_image_task(&task, &images, SPACE_POOL_CLASS,
                            &(struct tr_split_sizes){.validation = 10, .seed = 1}, &err));
    task->kind->describe(task, &notes, note);
    assert_int_equal(notes.count, 5);
    assert_string_equal(notes.text[0], "pixel_mean=0.200000003");
    assert_string_equal(notes.text[1], "pixel_sd=1");
    assert_string_equal(notes.text[2], "height=8");
    tr_task_close(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_of_all_train_rows_have_mean_0_and_deviation_1),
        cmocka_unit_test(a_batch_has_its_rows_one_behind_the_other),
        cmocka_unit_test(a_flat_image_is_finite),
        cmocka_unit_test(another_file_is_read_as_the_first_one_is),
        cmocka_unit_test(an_epoch_is_every_train_row_once_and_depends_on_the_seed),
        cmocka_unit_test(exported_weights_are_told_sizes_and_scale),
    };
    return cmocka_run_group_tests_name("trainer/task", tests, NULL, NULL);
}
