#include "space/stem.h"
#include "support.h"

/* Where the stem finds float f of token t in an example. */
static int stem_place(const struct space_stem *s, int t, int f)
{
    const int y = t / s->across, x = t % s->across, l = f / s->run, r = f % s->run;

    return y * s->lines * s->line + x * s->run + l * s->line + r;
}

/* Tokens go over the image patch by patch, features over a patch pixel by pixel. */
static void assert_stem_cuts_patches(const struct space_shape *shape, int patch)
{
    const struct space_arch arch = {.depth = 1, .patch = patch};
    struct space_stem stem;
    int t = 0;

    space_stem_of(&arch, shape, &stem);
    for (int top = 0; top < shape->height; top += patch)
        for (int left = 0; left < shape->width; left += patch, t++)
            for (int y = 0, f = 0; y < patch; y++)
                for (int x = 0; x < patch; x++)
                    for (int c = 0; c < shape->channels; c++, f++)
                        assert_int_equal(stem_place(&stem, t, f),
                                         ((top + y) * shape->width + left + x) * shape->channels +
                                             c);
    assert_int_equal(stem.tokens, t);
    assert_int_equal(stem.features, patch * patch * shape->channels);
    assert_int_equal(stem.numbers, shape->height * shape->width * shape->channels);
}

static void a_stem_cuts_images_as_a_plain_loop_over_patches_does(void **state)
{
    static const struct {
        struct space_shape shape;
        int patch;
    } cases[] = {
        {{.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS}, 7},
        {{.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_MEAN}, 1},
        {{.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS}, 28},
        {{.height = 32, .width = 32, .channels = 3, .classes = 10, .pool = SPACE_POOL_CLASS}, 4},
        {{.height = 12, .width = 30, .channels = 2, .classes = 5, .pool = SPACE_POOL_MEAN}, 6},
        {{.height = 30, .width = 12, .channels = 5, .classes = 5, .pool = SPACE_POOL_CLASS}, 3},
        {{.height = 1, .width = 9, .channels = 4, .classes = 2, .pool = SPACE_POOL_CLASS}, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_stem_cuts_patches(&cases[i].shape, cases[i].patch);
}

static void the_class_row_is_not_the_stems(void **state)
{
    const struct space_shape shape = {
        .height = 8, .width = 8, .channels = 3, .classes = 10, .pool = SPACE_POOL_CLASS};
    const struct space_arch arch = {.depth = 1, .patch = 4};
    struct space_stem stem;
    (void)state;

    space_stem_of(&arch, &shape, &stem);

    assert_int_equal(stem.tokens, 4);
    assert_int_equal(space_tokens(&arch, &shape), 5);
}

static void a_history_is_its_states_one_behind_the_other(void **state)
{
    const struct space_shape shape = {
        .features = 3, .classes = 16, .parts = 2, .pool = SPACE_POOL_LAST};
    struct space_arch arch;
    struct space_stem stem;
    struct rt_err err;
    (void)state;

    assert_ok(space_arch_parse("L1-d16-k8-h2-f32-c4", &arch, &err));
    assert_ok(space_arch_check(&arch, &shape, &err));
    space_stem_of(&arch, &shape, &stem);
    for (int t = 0; t < 4; t++)
        for (int f = 0; f < 3; f++)
            assert_int_equal(stem_place(&stem, t, f), 3 * t + f);
    assert_int_equal(stem.tokens, 4);
    assert_int_equal(stem.numbers, 12);
    arch.patch = 4;
    assert_int_equal(space_arch_check(&arch, &shape, &err), RT_ESHAPE);
    arch.patch = arch.history = 0;
    assert_int_equal(space_arch_check(&arch, &shape, &err), RT_ESHAPE);
    assert_non_null(strstr(err.text, "history"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stem_cuts_images_as_a_plain_loop_over_patches_does),
        cmocka_unit_test(the_class_row_is_not_the_stems),
        cmocka_unit_test(a_history_is_its_states_one_behind_the_other),
    };
    return cmocka_run_group_tests_name("space/stem", tests, NULL, NULL);
}
