/* tests/test_split.c -- which rows are for what, and batches normalised by those to train on. */
#include "support.h"

#include "trainer/task/image/images.h"

/* 100 images of 2x2 pixels; classes of 50, 30, 15 and 5. */
static struct tr_images uneven_images(void)
{
    struct tr_images images = {.count = 100, .height = 2, .width = 2, .channels = 1, .classes = 4};
    struct rt_rng rng;

    images.pixels = malloc(400);
    images.labels = malloc(100 * sizeof(int));
    assert_non_null(images.pixels);
    assert_non_null(images.labels);
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < 400; i++)
        images.pixels[i] = (uint8_t)rt_rng_below(&rng, 256);
    for (int i = 0; i < 100; i++)
        images.labels[i] = i < 50 ? 0 : i < 80 ? 1 : i < 95 ? 2 : 3;
    rt_rng_shuffle(&rng, images.labels, 100);
    return images;
}

static void count_classes(const struct tr_images *images, const int *rows, int n, int count[4])
{
    memset(count, 0, 4 * sizeof *count);
    for (int i = 0; i < n; i++) {
        assert_true(rows[i] >= 0 && rows[i] < images->count);
        assert_true(i == 0 || rows[i] > rows[i - 1]); /* ascending, hence no row twice */
        count[images->labels[rows[i]]]++;
    }
}

static void split_parts_are_disjoint_and_cover_the_file(void **state)
{
    struct tr_images images = uneven_images();
    int seen[100] = {0};
    struct tr_split split;
    struct rt_err err;
    (void)state;

    assert_ok(tr_split_init(&split, &images, 37, 0, 1, &err));

    assert_int_equal(split.validation_count, 37);
    assert_int_equal(split.train_count, 63);
    for (int i = 0; i < 37; i++)
        seen[split.validation[i]]++;
    for (int i = 0; i < 63; i++)
        seen[split.train[i]]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    tr_split_release(&split);
    tr_images_release(&images);
}

static void split_keeps_the_proportions_of_the_classes(void **state)
{
    struct tr_images images = uneven_images();
    struct tr_split split;
    struct rt_err err;
    int count[4];
    (void)state;

    assert_ok(tr_split_init(&split, &images, 30, 20, 1, &err));

    count_classes(&images, split.validation, split.validation_count, count);
    assert_int_equal(count[0], 15); /* of 15, 9, 4.5, 1.5: the remainders tie, the first wins */
    assert_int_equal(count[1], 9);
    assert_int_equal(count[2], 5);
    assert_int_equal(count[3], 1);
    assert_int_equal(split.train_count, 20);
    count_classes(&images, split.train, split.train_count, count);
    assert_int_equal(count[0], 10); /* 20/70 of 35, 21, 10, 4: 10, 6, 2.86, 1.14 */
    assert_int_equal(count[1], 6);
    assert_int_equal(count[2], 3);
    assert_int_equal(count[3], 1);
    tr_split_release(&split);
    tr_images_release(&images);
}

static void split_gives_exactly_what_is_asked_at_every_size(void **state)
{
    struct tr_images images = uneven_images();
    struct rt_err err;
    int count[4];
    (void)state;

    for (int validation = 1; validation < 100; validation++)
        for (int limit = 0; limit <= 110; limit += 10) {
            const int rest = 100 - validation, want = limit && limit < rest ? limit : rest;
            struct tr_split split;
            assert_ok(tr_split_init(&split, &images, validation, limit, 5, &err));
            assert_int_equal(split.validation_count, validation);
            assert_int_equal(split.train_count, want);
            count_classes(&images, split.train, split.train_count, count);
            count_classes(&images, split.validation, split.validation_count, count);
            assert_true(abs(count[0] - validation / 2) <= 1);
            tr_split_release(&split);
        }
    tr_images_release(&images);
}

static void split_depends_on_the_seed_alone(void **state)
{
    struct tr_images images = uneven_images();
    struct tr_split a, b, other, limited;
    struct rt_err err;
    (void)state;

    assert_ok(tr_split_init(&a, &images, 40, 0, 7, &err));
    assert_ok(tr_split_init(&b, &images, 40, 0, 7, &err));
    assert_ok(tr_split_init(&other, &images, 40, 0, 8, &err));
    assert_ok(tr_split_init(&limited, &images, 40, 20, 7, &err));

    assert_memory_equal(a.validation, b.validation, 40 * sizeof(int));
    assert_memory_equal(a.train, b.train, 60 * sizeof(int));
    assert_true(memcmp(a.validation, other.validation, 40 * sizeof(int)) != 0);
    assert_memory_equal(a.validation, limited.validation, 40 * sizeof(int)); /* less to train on */
    tr_split_release(&a);
    tr_split_release(&b);
    tr_split_release(&other);
    tr_split_release(&limited);
    tr_images_release(&images);
}

static void held_out_rows_are_taken_from_those_to_train_on(void **state)
{
    struct tr_images images = uneven_images();
    struct tr_split plain, split, again;
    struct rt_err err;
    int count[4], seen[100] = {0};
    (void)state;

    assert_ok(tr_split_init(&plain, &images, 30, 0, 1, &err));
    assert_ok(tr_split_init(&split, &images, 30, 0, 1, &err));
    assert_ok(tr_split_init(&again, &images, 30, 0, 1, &err));
    assert_ok(tr_split_hold_out(&split, &images, 0, 1, &err));
    assert_int_equal(split.train_count, 70);
    assert_true(split.mean == plain.mean && split.held_out == NULL);

    assert_ok(tr_split_hold_out(&split, &images, 20, 1, &err));
    assert_ok(tr_split_hold_out(&again, &images, 20, 1, &err));
    assert_memory_equal(split.validation, plain.validation, 30 * sizeof(int));
    assert_int_equal(split.train_count, 50);
    assert_int_equal(split.held_out_count, 20);
    count_classes(&images, split.held_out, 20, count);
    assert_int_equal(count[0], 10); /* 20/70 of 35, 21, 10, 4: 10, 6, 2.86, 1.14 */
    assert_int_equal(count[1], 6);
    assert_int_equal(count[2], 3);
    assert_int_equal(count[3], 1);
    for (int i = 0; i < 30; i++)
        seen[split.validation[i]]++;
    for (int i = 0; i < 50; i++)
        seen[split.train[i]]++;
    for (int i = 0; i < 20; i++)
        seen[split.held_out[i]]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    for (int i = 1; i < 50; i++)
        assert_true(split.train[i - 1] < split.train[i]);
    for (int i = 1; i < 20; i++)
        assert_true(split.held_out[i - 1] < split.held_out[i]);
    assert_memory_equal(split.held_out, again.held_out, 20 * sizeof(int));
    tr_split_release(&split);
    tr_split_release(&again);
    assert_int_equal(tr_split_hold_out(&plain, &images, 70, 1, &err), RT_EARG);
    assert_string_equal(err.text,
                        "data.held_out is 70, want 0 to 69: 70 rows are left to train on");
    tr_split_release(&plain);
    tr_images_release(&images);
}

static void split_refuses_what_leaves_a_part_empty(void **state)
{
    static const int validations[] = {-1, 0, 100, 101};
    struct tr_images images = uneven_images();
    struct tr_split split;
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 4; i++) {
        assert_int_equal(tr_split_init(&split, &images, validations[i], 0, 1, &err), RT_EARG);
        assert_non_null(strstr(err.text, "want 1 to 99"));
    }
    assert_int_equal(tr_split_init(&split, &images, 10, -1, 1, &err), RT_EARG);
    images.classes = 257;
    assert_int_equal(tr_split_init(&split, &images, 10, 0, 1, &err), RT_EARG);
    tr_images_release(&images);
}

static void gather_normalises_the_train_rows(void **state)
{
    struct tr_images images = uneven_images();
    double sum = 0, squares = 0;
    struct tr_split split;
    float out[60 * 4], one[4];
    struct rt_err err;
    (void)state;

    assert_ok(tr_split_init(&split, &images, 40, 0, 1, &err));
    tr_images_gather(&images, &split, split.train, 60, out);
    tr_images_gather(&images, &split, (const int[]){9}, 1, one);

    for (int i = 0; i < 240; i++) {
        sum += (double)out[i];
        squares += (double)out[i] * (double)out[i];
    }
    assert_near(sum / 240, 0, 1e-6); /* 240 floats of size 1 */
    assert_near(squares / 240, 1, 1e-5);
    for (int i = 0; i < 4; i++)
        assert_near(one[i], (images.pixels[36 + i] / 255. - (double)split.mean) / (double)split.sd,
                    1e-6);
    tr_split_release(&split);
    tr_images_release(&images);
}

static void gather_of_a_flat_image_is_finite(void **state)
{
    struct tr_images images = uneven_images();
    struct tr_split split;
    struct rt_err err;
    float out[4];
    (void)state;

    memset(images.pixels, 7, 400);
    assert_ok(tr_split_init(&split, &images, 40, 0, 1, &err));
    tr_images_gather(&images, &split, split.train, 1, out);

    assert_near(split.sd, 1, 0);
    for (int i = 0; i < 4; i++)
        assert_near(out[i], 0, 1e-7);
    tr_split_release(&split);
    tr_images_release(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_parts_are_disjoint_and_cover_the_file),
        cmocka_unit_test(split_keeps_the_proportions_of_the_classes),
        cmocka_unit_test(split_gives_exactly_what_is_asked_at_every_size),
        cmocka_unit_test(split_depends_on_the_seed_alone),
        cmocka_unit_test(held_out_rows_are_taken_from_those_to_train_on),
        cmocka_unit_test(split_refuses_what_leaves_a_part_empty),
        cmocka_unit_test(gather_normalises_the_train_rows),
        cmocka_unit_test(gather_of_a_flat_image_is_finite),
    };
    return cmocka_run_group_tests_name("trainer/task/image/images, split", tests, NULL, NULL);
}
