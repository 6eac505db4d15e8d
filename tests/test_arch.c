#include "space/arch.h"
#include "support.h"

static const struct space_shape fashion = {
    .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};

static void a_text_is_read_and_printed_again(void **state)
{
    static const char *const texts[] = {
        "L4-d96-k16-h4-f192", "L1-d1-k1-h1-f1-p1", "L4-d96-k16-h4.4.2.2-f192.192.96.96-p7",
        "L3-d33-k5-h1.2.1-f64-p4", "L64-d4096-k4096-h1-f16384-p4096"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct space_arch arch;
        struct rt_err err;
        char text[SPACE_ARCH_TEXT];

        assert_ok(space_arch_parse(texts[i], &arch, &err));
        space_arch_print(&arch, text);

        assert_string_equal(text, texts[i]);
    }
}

static void equal_lists_are_written_once_however_they_were_read(void **state)
{
    struct space_arch once, each;
    struct rt_err err;
    char text[SPACE_ARCH_TEXT];
    (void)state;
    assert_ok(space_arch_parse("L3-d32-k8-h2-f64-p7", &once, &err));
    assert_ok(space_arch_parse("L3-d32-k8-h2.2.2-f64.64.64-p7", &each, &err));

    space_arch_print(&each, text);

    assert_true(space_arch_equal(&once, &each));
    assert_string_equal(text, "L3-d32-k8-h2-f64-p7");
}

static void the_longest_architecture_fits_its_text(void **state)
{
    struct space_arch arch = {
        .depth = SPACE_MAX_DEPTH, .width = 4096, .head_dim = 1, .patch = 4096};
    struct space_arch again;
    struct rt_err err;
    char text[SPACE_ARCH_TEXT];
    (void)state;
    for (int l = 0; l < SPACE_MAX_DEPTH; l++) {
        arch.heads[l] = 4095 + l % 2;
        arch.ffn[l] = 16383 + l % 2;
    }

    space_arch_print(&arch, text);

    assert_ok(space_arch_parse(text, &again, &err));
    assert_true(space_arch_equal(&arch, &again));
}

static void wrong_texts_are_refused_and_leave_the_architecture_alone(void **state)
{
    static const char *const texts[] = {"",
                                        "L",
                                        "L4",
                                        "l4-d96-k16-h4-f192-p7",
                                        "L4-d96-k16-h4-f192-p7 ",
                                        " L4-d96-k16-h4-f192-p7",
                                        "L4-d96-k16-h4-f192-p7-x",
                                        "L4-d96-k16-h4.4-f192-p7",
                                        "L2-d96-k16-h4.4.4-f192-p7",
                                        "L2-d96-k16-h4.-f192-p7",
                                        "L2-d96-k16-h4..4-f192-p7",
                                        "L0-d96-k16-h4-f192-p7",
                                        "L65-d96-k16-h4-f192-p7",
                                        "L04-d96-k16-h4-f192-p7",
                                        "L4-d-96-k16-h4-f192-p7",
                                        "L4-d96-k16-h0-f192-p7",
                                        "L4-d99999999999999999999-k16-h4-f192-p7",
                                        "L4-d4097-k16-h4-f192-p7",
                                        "L4-d96-k1024-h5-f192-p7",
                                        "L4-d96-k16-h4-f16385-p7"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct space_arch arch = {.depth = 7};
        struct rt_err err;

        if (space_arch_parse(texts[i], &arch, &err) != RT_EFORMAT)
            fail_msg("'%s' was accepted", texts[i]);
        assert_int_equal(arch.depth, 7);
        assert_int_equal(err.code, RT_EFORMAT);
    }
}

static void check_refuses_a_patch_that_does_not_divide_the_image(void **state)
{
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L1-d16-k8-h1-f32-p5", &arch, &err));

    assert_int_equal(space_arch_check(&arch, &fashion, &err), RT_ESHAPE);

    assert_string_equal(err.text, "patch 5 does not divide images of 28x28 pixels");
}

static void check_refuses_images_without_a_patch(void **state)
{
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L1-d16-k8-h1-f32", &arch, &err));

    assert_int_equal(space_arch_check(&arch, &fashion, &err), RT_ESHAPE);

    assert_string_equal(err.text, "the patch of this architecture is out of range");
}

static void check_names_the_gene_that_is_out_of_range(void **state)
{
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L2-d16-k8-h1-f32-p7", &arch, &err));
    assert_ok(space_arch_check(&arch, &fashion, &err));
    arch.heads[1] = 0;

    assert_int_equal(space_arch_check(&arch, &fashion, &err), RT_ESHAPE);

    assert_string_equal(err.text, "the heads of this architecture is out of range");
}

static void tokens_count_the_class_token_only_when_it_pools(void **state)
{
    struct space_shape mean = fashion;
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L1-d16-k8-h1-f32-p7", &arch, &err));
    mean.pool = SPACE_POOL_MEAN;

    assert_int_equal(space_tokens(&arch, &fashion), 17);
    assert_int_equal(space_tokens(&arch, &mean), 16);
}

/* Worked by hand: 2x1 pixels, one channel, patch 1; d = 2, a = 1, f = 3, 3 classes, class token. */
static void costs_equal_numbers_worked_by_hand(void **state)
{
    const struct space_shape shape = {
        .height = 2, .width = 1, .channels = 1, .classes = 3, .pool = SPACE_POOL_CLASS};
    struct space_arch arch;
    struct space_cost cost;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L2-d2-k1-h1-f3-p1", &arch, &err));

    space_cost_of(&arch, &shape, &cost);

    /* stem 2*1 + 2, class 2, position 3*2; block: norms 8, qkv 6 + 3, proj 2 + 2, up 6 + 3,
     * down 6 + 2; final norm 4, head 6 + 3 */
    assert_int_equal(cost.params, 4 + 2 + 6 + 2 * (8 + 9 + 4 + 9 + 8) + 4 + 9);
    assert_int_equal(cost.bytes, 4 * cost.params);
    /* stem 2 patches * 2; block 1, 3 tokens: qkv 18, scores and context 9 + 9, proj 6, up and down
     * 18 + 18; block 2, class token: q 2, k and v 12, scores and context 3 + 3, proj 2, ffn 6 + 6;
     * head 6 */
    assert_int_equal(cost.macs, 4 + (18 + 18 + 6 + 36) + (2 + 12 + 6 + 2 + 12) + 6);
    /* x 6; attention: norm 6, qkv 9, scores 9, context 3 (ffn: norm 6, hidden 9; stem 3) */
    assert_int_equal(cost.memory, 4 * (6 + 6 + 9 + 9 + 3));
}

static void mean_pooling_computes_the_last_block_for_all_tokens(void **state)
{
    const struct space_shape shape = {
        .height = 2, .width = 1, .channels = 1, .classes = 3, .pool = SPACE_POOL_MEAN};
    struct space_arch arch;
    struct space_cost cost;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L1-d2-k1-h1-f9-p1", &arch, &err));

    space_cost_of(&arch, &shape, &cost);

    assert_int_equal(cost.params, 4 + 4 + (8 + 9 + 4 + 27 + 20) + 4 + 9);
    /* 2 tokens: qkv 12, scores and context 4 + 4, proj 4, ffn 36 + 36 */
    assert_int_equal(cost.macs, 4 + (12 + 8 + 4 + 72) + 6);
    assert_int_equal(cost.memory, 4 * (4 + 4 + 18)); /* the hidden layer outgrows attention */
}

static void large_patches_can_make_the_stem_the_peak_of_memory(void **state)
{
    struct space_arch arch;
    struct space_cost cost;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L1-d4-k1-h1-f8-p14", &arch, &err));

    space_cost_of(&arch, &fashion, &cost);

    assert_int_equal(cost.memory, 4 * (5 * 4 + 5 * 196));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_and_printed_again),
        cmocka_unit_test(equal_lists_are_written_once_however_they_were_read),
        cmocka_unit_test(the_longest_architecture_fits_its_text),
        cmocka_unit_test(wrong_texts_are_refused_and_leave_the_architecture_alone),
        cmocka_unit_test(check_refuses_a_patch_that_does_not_divide_the_image),
        cmocka_unit_test(check_refuses_images_without_a_patch),
        cmocka_unit_test(check_names_the_gene_that_is_out_of_range),
        cmocka_unit_test(tokens_count_the_class_token_only_when_it_pools),
        cmocka_unit_test(costs_equal_numbers_worked_by_hand),
        cmocka_unit_test(mean_pooling_computes_the_last_block_for_all_tokens),
        cmocka_unit_test(large_patches_can_make_the_stem_the_peak_of_memory),
    };
    return cmocka_run_group_tests_name("space/arch", tests, NULL, NULL);
}
