/* tests/test_split.c -- which rows are for what. */
#include "support.h"

#include "trainer/task/split.h"

enum { rows = 100, classes = 4 };

static int label[rows]; /* classes of 50, 30, 15 and 5 */

static int make_labels(void **state)
{
    struct rt_rng rng;

    (void)state;
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < rows; i++)
        label[i] = i < 50 ? 0 : i < 80 ? 1 : i < 95 ? 2 : 3;
    rt_rng_shuffle(&rng, label, rows);
    return 0;
}

static rt_status init(struct tr_split *split, struct tr_split_sizes sizes, struct rt_err *err)
{
    return tr_split_init(split, label, rows, classes, &sizes, err);
}

static void count_classes(const int *row, int n, int count[4])
{
    memset(count, 0, 4 * sizeof *count);
    for (int i = 0; i < n; i++) {
        assert_true(row[i] >= 0 && row[i] < rows);
        assert_true(i == 0 || row[i] > row[i - 1]); /* ascending, hence no row twice */
        count[label[row[i]]]++;
    }
}

static void split_parts_are_disjoint_and_cover_the_file(void **state)
{
    int seen[100] = {0};
    struct tr_split split;
    struct rt_err err;
    (void)state;

    assert_ok(init(&split, (struct tr_split_sizes){.validation = 37, .seed = 1}, &err));

    assert_int_equal(split.validation_count, 37);
    assert_int_equal(split.train_count, 63);
    for (int i = 0; i < 37; i++)
        seen[split.validation[i]]++;
    for (int i = 0; i < 63; i++)
        seen[split.train[i]]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    tr_split_release(&split);
}

static void split_keeps_the_proportions_of_the_classes(void **state)
{
    struct tr_split split;
    struct rt_err err;
    int count[4];
    (void)state;

    assert_ok(init(&split, (struct tr_split_sizes){.validation = 30, .train_limit = 20, .seed = 1},
                   &err));

    count_classes(split.validation, split.validation_count, count);
    assert_int_equal(count[0], 15); /* of 15, 9, 4.5, 1.5: the remainders tie, the first wins */
    assert_int_equal(count[1], 9);
    assert_int_equal(count[2], 5);
    assert_int_equal(count[3], 1);
    assert_int_equal(split.train_count, 20);
    count_classes(split.train, split.train_count, count);
    assert_int_equal(count[0], 10); /* 20/70 of 35, 21, 10, 4: 10, 6, 2.86, 1.14 */
    assert_int_equal(count[1], 6);
    assert_int_equal(count[2], 3);
    assert_int_equal(count[3], 1);
    tr_split_release(&split);
}

static void split_gives_exactly_what_is_asked_at_every_size(void **state)
{
    struct rt_err err;
    int count[4];
    (void)state;

    for (int validation = 1; validation < 100; validation++)
        for (int limit = 0; limit <= 110; limit += 10) {
            const int rest = 100 - validation, want = limit && limit < rest ? limit : rest;
            struct tr_split split;
            assert_ok(init(
                &split,
                (struct tr_split_sizes){.validation = validation, .train_limit = limit, .seed = 5},
                &err));
            assert_int_equal(split.validation_count, validation);
            assert_int_equal(split.train_count, want);
            count_classes(split.train, split.train_count, count);
            count_classes(split.validation, split.validation_count, count);
            assert_true(abs(count[0] - validation / 2) <= 1);
            tr_split_release(&split);
        }
}

static void split_depends_on_the_seed_alone(void **state)
{
    struct tr_split a, b, other, limited;
    struct rt_err err;
    (void)state;

    assert_ok(init(&a, (struct tr_split_sizes){.validation = 40, .seed = 7}, &err));
    assert_ok(init(&b, (struct tr_split_sizes){.validation = 40, .seed = 7}, &err));
    assert_ok(init(&other, (struct tr_split_sizes){.validation = 40, .seed = 8}, &err));
    assert_ok(init(&limited,
                   (struct tr_split_sizes){.validation = 40, .train_limit = 20, .seed = 7}, &err));

    assert_memory_equal(a.validation, b.validation, 40 * sizeof(int));
    assert_memory_equal(a.train, b.train, 60 * sizeof(int));
    assert_true(memcmp(a.validation, other.validation, 40 * sizeof(int)) != 0);
    assert_memory_equal(a.validation, limited.validation, 40 * sizeof(int)); /* less to train on */
    tr_split_release(&a);
    tr_split_release(&b);
    tr_split_release(&other);
    tr_split_release(&limited);
}

static void held_out_rows_are_taken_from_those_to_train_on(void **state)
{
    const struct tr_split_sizes sizes = {.validation = 30, .held_out = 20, .seed = 1};
    struct tr_split plain, split, again;
    struct rt_err err;
    int count[4], seen[100] = {0};
    (void)state;

    assert_ok(init(&plain, (struct tr_split_sizes){.validation = 30, .seed = 1}, &err));
    assert_int_equal(plain.train_count, 70);
    assert_null(plain.held_out);
    assert_ok(init(&split, sizes, &err));
    assert_ok(init(&again, sizes, &err));
    assert_memory_equal(split.validation, plain.validation, 30 * sizeof(int));
    assert_int_equal(split.train_count, 50);
    assert_int_equal(split.held_out_count, 20);
    count_classes(split.held_out, 20, count);
    assert_int_equal(count[0], 10); /* 20/70 of 35, 21, 10, 4: 10, 6, 2.86, 1.14 */
    assert_int_equal(count[1], 6);
    assert_int_equal(count[2], 3);
    assert_int_equal(count[3], 1);
    count_classes(split.train, 50, count);
    for (int i = 0; i < 30; i++)
        seen[split.validation[i]]++;
    for (int i = 0; i < 50; i++)
        seen[split.train[i]]++;
    for (int i = 0; i < 20; i++)
        seen[split.held_out[i]]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_memory_equal(split.held_out, again.held_out, 20 * sizeof(int));
    tr_split_release(&split);
    tr_split_release(&again);
    tr_split_release(&plain);
}

static void a_train_limit_counts_the_rows_behind_those_held_out(void **state)
{
    struct tr_split split;
    struct rt_err err;
    (void)state;

    assert_ok(init(
        &split,
        (struct tr_split_sizes){.validation = 30, .held_out = 20, .train_limit = 10, .seed = 1},
        &err));
    assert_int_equal(split.train_count, 10);
    assert_int_equal(split.held_out_count, 20);
    tr_split_release(&split);
}

static void split_refuses_what_leaves_a_part_empty(void **state)
{
    static const int validations[] = {-1, 0, 100, 101};
    struct tr_split split;
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            init(&split, (struct tr_split_sizes){.validation = validations[i], .seed = 1}, &err),
            RT_EARG);
        assert_non_null(strstr(err.text, "want 1 to 99"));
    }
    assert_int_equal(
        init(&split, (struct tr_split_sizes){.validation = 10, .train_limit = -1, .seed = 1}, &err),
        RT_EARG);
    assert_int_equal(
        init(&split, (struct tr_split_sizes){.validation = 30, .held_out = 70, .seed = 1}, &err),
        RT_EARG);
    assert_string_equal(err.text,
                        "data.held_out is 70, want 0 to 69: 70 rows are left to train on");
}

static void split_takes_the_validation_rows_that_are_given(void **state)
{
    static const int given[4] = {3, 50, 51, 99};
    const struct tr_split_sizes sizes = {
        .validation = 4, .held_out = 9, .seed = 1, .validation_rows = given};
    int seen[rows] = {0};
    struct tr_split split;
    struct rt_err err;
    (void)state;

    assert_ok(init(&split, sizes, &err));

    assert_int_equal(split.validation_count, 4);
    assert_memory_equal(split.validation, given, sizeof given);
    assert_int_equal(split.held_out_count, 9);
    assert_int_equal(split.train_count, rows - 13);
    for (int i = 0; i < 4; i++)
        seen[given[i]]++;
    for (int i = 0; i < 9; i++)
        seen[split.held_out[i]]++;
    for (int i = 0; i < split.train_count; i++)
        seen[split.train[i]]++;
    for (int i = 0; i < rows; i++)
        assert_int_equal(seen[i], 1);
    tr_split_release(&split);
}

/* So that a study names the rows that `retort teach --rows` wrote, and is as before. */
static void drawn_rows_given_back_change_nothing(void **state)
{
    struct tr_split_sizes sizes = {.validation = 37, .held_out = 5, .train_limit = 30, .seed = 4};
    struct tr_split drawn, given;
    struct rt_err err;
    (void)state;
    assert_ok(init(&drawn, sizes, &err));
    sizes.validation_rows = drawn.validation;

    assert_ok(init(&given, sizes, &err));

    assert_int_equal(given.train_count, drawn.train_count);
    assert_memory_equal(given.train, drawn.train, (size_t)drawn.train_count * sizeof(int));
    assert_memory_equal(given.held_out, drawn.held_out, 5 * sizeof(int));
    tr_split_release(&drawn);
    tr_split_release(&given);
}

static void split_refuses_rows_beyond_the_file(void **state)
{
    static const int given[2] = {3, rows};
    struct tr_split split;
    struct rt_err err;
    (void)state;

    assert_int_equal(
        init(&split, (struct tr_split_sizes){.validation = 2, .validation_rows = given}, &err),
        RT_EARG);

    assert_string_equal(err.text, "data.validation_rows has row 100, but the training file has "
                                  "rows 0 to 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_parts_are_disjoint_and_cover_the_file),
        cmocka_unit_test(split_keeps_the_proportions_of_the_classes),
        cmocka_unit_test(split_gives_exactly_what_is_asked_at_every_size),
        cmocka_unit_test(split_depends_on_the_seed_alone),
        cmocka_unit_test(held_out_rows_are_taken_from_those_to_train_on),
        cmocka_unit_test(a_train_limit_counts_the_rows_behind_those_held_out),
        cmocka_unit_test(split_refuses_what_leaves_a_part_empty),
        cmocka_unit_test(split_takes_the_validation_rows_that_are_given),
        cmocka_unit_test(drawn_rows_given_back_change_nothing),
        cmocka_unit_test(split_refuses_rows_beyond_the_file),
    };
    return cmocka_run_group_tests_name("trainer/task/split", tests, make_labels, NULL);
}
