#include "space_sample.h"

static const enum space_tie ties[] = {SPACE_TIE_UNIFORM, SPACE_TIE_STAGE, SPACE_TIE_LAYER};
enum { tie_count = 3 };

/* ---- choices ---- */

static void init_sorts_choices_and_drops_repeats(void **state)
{
    struct space space = small_space(SPACE_TIE_UNIFORM);
    struct rt_err err;
    (void)state;
    space.heads = (struct space_choices){4, {3, 1, 3, 2}};

    assert_ok(space_init(&space, &err));

    assert_int_equal(space.heads.count, 3);
    assert_int_equal(space.heads.value[0], 1);
    assert_int_equal(space.heads.value[2], 3);
    assert_int_equal(space.depth.value[0], 1);
    assert_near(space.ffn_ratio[0], 1, 0);
    assert_near(space.ffn_ratio[2], 2, 0);
}

static void assert_refused(struct space space, const char *text)
{
    struct rt_err err;

    assert_int_equal(space_init(&space, &err), RT_EARG);
    assert_string_equal(err.text, text);
}

static void init_refuses_wrong_choices_by_the_key_of_the_study_file(void **state)
{
    const struct space good = small_space(SPACE_TIE_STAGE);
    struct space bad = good;
    (void)state;
    bad.width.count = 0;
    assert_refused(bad, "space.width: there is nothing to choose from; give 1 to 64 choices, like "
                        "[1, 2, 4]");
    bad = good;
    bad.depth.value[1] = 65;
    assert_refused(bad, "space.depth: 65 is out of range; give 1 to 64");
    bad = good;
    bad.heads.value[0] = 0;
    assert_refused(bad, "space.heads: 0 is out of range; give 1 to 4096");
    bad = good;
    bad.patch.value[0] = 5;
    assert_refused(bad, "space.patch: 5 does not divide images of 28x28 pixels; give a divisor of "
                        "both");
    bad = good;
    bad.shape = (struct space_shape){
        .height = 1 << 16, .width = 1 << 15, .channels = 1, .classes = 10, .pool = SPACE_POOL_MEAN};
    assert_refused(bad, "space: images of 65536x32768x1 are too large");
    bad = good;
    bad.ffn = (struct space_choices){1, {64}};
    assert_refused(bad, "space.ffn: both ffn and ffn_ratio are given; leave one out");
    bad = good;
    bad.ratio_count = 0;
    assert_refused(bad, "space.ffn_ratio: there is nothing to choose from; give 1 to 64 choices of "
                        "ffn or ffn_ratio");
    bad = good;
    bad.ffn_ratio[1] = NAN;
    assert_refused(bad, "space.ffn_ratio: nan is out of range; give ratios above 0 that make at "
                        "most 16384 of the largest width 48");
    bad = good;
    bad.stages = 0;
    assert_refused(bad, "space.stages: 0 is out of range; give 1 to 64");
    bad = good;
    bad.heads.value[1] = 300;
    assert_refused(bad, "space.heads: the most heads times the largest head_dim make 4800; give at "
                        "most 4096");
    bad = good;
    bad.limits.macs = -1;
    assert_refused(bad, "limits: a limit below 0; give 0 for no limit");
}

/* ---- size and enumeration ---- */

/* Count by nested loops over all members' values and some others, asking space_contains(). */
static int64_t brute_size(const struct space *space)
{
    static const int ffn[] = {8, 16, 24, 32, 40, 48, 64, 96};
    enum { ffns = sizeof ffn / sizeof *ffn, each = 3 * ffns }; /* with 1, 2 or 3 heads */
    int64_t count = 0;

    for (int depth = 1; depth <= 3; depth++)
        for (int width = 16; width <= 48; width += 8)
            for (int head_dim = 8; head_dim <= 24; head_dim += 8)
                for (int patch = 4; patch <= 7; patch += 3) {
                    const int combinations = depth == 1   ? each
                                             : depth == 2 ? each * each
                                                          : each * each * each;
                    for (int c = 0; c < combinations; c++) {
                        struct space_arch arch = {
                            .depth = depth, .width = width, .head_dim = head_dim, .patch = patch};
                        for (int l = 0, rest = c; l < depth; l++, rest /= each) {
                            arch.heads[l] = 1 + rest % 3;
                            arch.ffn[l] = ffn[rest % each / 3];
                        }
                        count += space_contains(space, &arch);
                    }
                }
    return count;
}

static void size_equals_a_count_by_brute_force(void **state)
{
    (void)state;
    for (int t = 0; t < tie_count; t++) {
        const struct space space = small_space(ties[t]);
        char *text = space_size_text(&space), want[32];

        const int64_t count = brute_size(&space);
        snprintf(want, sizeof want, "%lld", (long long)count);

        assert_int_equal(space_size(&space), count);
        assert_string_equal(text, want);
        free(text);
    }
}

static void nth_visits_distinct_members_only(void **state)
{
    (void)state;
    for (int t = 0; t < tie_count; t++) {
        const struct space space = small_space(ties[t]);
        const int64_t size = space_size(&space);
        struct space_arch *all = calloc((size_t)size, sizeof *all);
        struct rt_err err;
        assert_non_null(all);

        for (int64_t i = 0; i < size; i++) {
            space_nth(&space, i, &all[i]);
            assert_true(space_contains(&space, &all[i]));
            assert_ok(space_arch_check(&all[i], &space.shape, &err));
        }

        qsort(all, (size_t)size, sizeof *all, compare_archs);
        for (int64_t i = 1; i < size; i++)
            assert_false(space_arch_equal(&all[i - 1], &all[i]));
        free(all);
    }
}

static void size_is_exact_when_astronomical(void **state)
{
    struct space space = large_space();
    char *text;
    (void)state;
    /* 4 widths, but at width 16 the ratios .5, 1, 2, 4 give 8, 16, 32, 64: 24 pairs everywhere;
     * one depth of 64 layers: 4 * 3 * 3 * 24^64 */
    space.depth = (struct space_choices){1, {64}};

    text = space_size_text(&space);

    assert_string_equal(text, "775928976016582721064824842683176402258"
                              "818894213922295806418925784468018560737097795239936");
    assert_int_equal(space_size(&space), -1);
    free(text);
}

static void size_counts_up_to_two_to_the_62(void **state)
{
    struct space space = single_space();
    struct space_arch arch;
    (void)state;
    space.heads = (struct space_choices){2, {1, 2}};
    space.depth.value[0] = 62; /* 2^62 members */
    assert_int_equal(space_size(&space), INT64_C(1) << 62);
    space_nth(&space, (INT64_C(1) << 62) - 1, &arch);
    assert_true(space_contains(&space, &arch));

    space.depth.value[0] = 63;
    assert_int_equal(space_size(&space), -1);
}

/* ---- membership ---- */

static void contains_refuses_what_the_ties_do_not_allow(void **state)
{
    const struct space uniform = small_space(SPACE_TIE_UNIFORM);
    const struct space stage = small_space(SPACE_TIE_STAGE);
    const struct space layer = small_space(SPACE_TIE_LAYER);
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    /* layers 0, 1 are stage 0, layer 2 is stage 1: l*2/3 */
    assert_ok(space_arch_parse("L3-d32-k8-h1.1.3-f32.32.64-p7", &arch, &err));
    assert_false(space_contains(&uniform, &arch));
    assert_true(space_contains(&stage, &arch));
    assert_true(space_contains(&layer, &arch));

    assert_ok(space_arch_parse("L3-d32-k8-h1.3.3-f32-p7", &arch, &err));
    assert_false(space_contains(&stage, &arch));
    assert_true(space_contains(&layer, &arch));
}

static void contains_refuses_values_that_are_no_choice(void **state)
{
    static const char *const texts[] = {"L4-d32-k8-h1-f32-p7", "L3-d24-k8-h1-f32-p7",
                                        "L3-d32-k4-h1-f32-p7", "L3-d32-k8-h2-f32-p7",
                                        "L3-d32-k8-h1-f48-p7", "L3-d32-k8-h1-f32-p14"};
    const struct space space = small_space(SPACE_TIE_LAYER);
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct space_arch arch;
        struct rt_err err;
        assert_ok(space_arch_parse(texts[i], &arch, &err));
        assert_false(space_contains(&space, &arch));
    }
}

/* ---- anchors and distance ---- */

static void anchors_are_the_ends_and_the_middle(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    char largest[SPACE_ARCH_TEXT], smallest[SPACE_ARCH_TEXT], middle[SPACE_ARCH_TEXT];
    struct space_arch arch;
    (void)state;
    space_largest(&space, &arch);
    space_arch_print(&arch, largest);
    space_smallest(&space, &arch);
    space_arch_print(&arch, smallest);
    space_middle(&space, &arch);
    space_arch_print(&arch, middle);

    assert_string_equal(largest, "L3-d48-k16-h3-f96-p4");
    assert_string_equal(smallest, "L1-d16-k8-h1-f16-p7");
    assert_string_equal(middle, "L2-d32-k16-h3-f40-p7");
}

static void distance_is_a_metric_between_0_and_1(void **state)
{
    const struct space space = large_space();
    struct space_arch a, b, c, low, high;
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 9, RT_STREAM_TEST, 0);
    for (int i = 0; i < 2000; i++) {
        space_sample(&space, &rng, &a);
        space_sample(&space, &rng, &b);
        space_mutate(&space, &rng, &a, &c);
        const double ab = space_distance(&space, &a, &b);

        assert_near(space_distance(&space, &a, &a), 0, 0);
        assert_near(space_distance(&space, &b, &a), ab, 1e-15);
        assert_true(ab >= 0 && ab <= 1);
        assert_true(space_distance(&space, &a, &c) > 0);
    }
    space_largest(&space, &high);
    space_smallest(&space, &low);
    high.patch = low.patch;
    assert_near(space_distance(&space, &low, &high), 5. / 6, 1e-15);
}

/* ---- limits ---- */

static void feasible_says_which_limit_and_by_how_much(void **state)
{
    struct space space = small_space(SPACE_TIE_UNIFORM);
    struct space_arch arch;
    struct space_cost cost;
    char why[128], want[128];
    (void)state;
    space_middle(&space, &arch);
    space_cost_of(&arch, &space.shape, &cost);
    space.limits =
        (struct space_limits){cost.params, cost.bytes, cost.macs, cost.memory, cost.int8_bytes};
    assert_true(space_feasible(&space, &arch, why));
    space.limits.macs -= 3;

    assert_false(space_feasible(&space, &arch, why));

    snprintf(want, sizeof want, "macs %lld exceeds the limit %lld by 3", (long long)cost.macs,
             (long long)cost.macs - 3);
    assert_string_equal(why, want);
    assert_false(space_feasible(&space, &arch, NULL));
}

/* Draw limits at random around the costs of members, and compare with a walk over the space. */
static void check_feasible_agrees_with_a_walk_over_the_space(void **state)
{
    struct rt_rng rng;
    int fits = 0;
    (void)state;
    rt_rng_init(&rng, 10, RT_STREAM_TEST, 0);
    for (int round = 0; round < 300; round++) {
        struct space space = small_space(ties[round % tie_count]);
        const int64_t size = space_size(&space);
        struct space_cost low, high;
        struct space_arch arch;
        bool any = false;

        space_smallest(&space, &arch);
        space_cost_of(&arch, &space.shape, &low);
        arch.patch = 4;
        space_cost_of(&arch, &space.shape, &high);
        const double u = .6 + .8 * rt_rng_uniform(&rng), v = .6 + 1.2 * rt_rng_uniform(&rng);
        space.limits.params = (int64_t)(u * (double)low.params);
        space.limits.memory = (int64_t)(v * (double)low.memory);
        if (round % 2)
            space.limits.macs = (int64_t)(u * (double)high.macs);
        for (int64_t i = 0; i < size && !any; i++) {
            space_nth(&space, i, &arch);
            any = space_feasible(&space, &arch, NULL);
        }

        assert_int_equal(space_check_feasible(&space, NULL), any ? RT_OK : RT_EARG);
        fits += any;
    }
    assert_in_range(fits, 50, 250); /* both answers were tried */
}

static void check_feasible_names_the_limit_that_nothing_keeps(void **state)
{
    struct space space = small_space(SPACE_TIE_UNIFORM);
    struct rt_err err;
    (void)state;
    space.limits.params = 100;

    assert_int_equal(space_check_feasible(&space, &err), RT_EARG);

    assert_string_equal(err.text, "limits.params: nothing in the space fits 100; the smallest "
                                  "member needs 2450");
}

static void bytes_in_int8_are_limited_like_other_sizes(void **state)
{
    struct space space = small_space(SPACE_TIE_UNIFORM);
    struct space_cost cost;
    struct space_arch arch;
    char why[128];
    (void)state;
    space_middle(&space, &arch);
    space_cost_of(&arch, &space.shape, &cost);
    assert_true(cost.int8_bytes < cost.bytes && 4 * cost.int8_bytes > cost.bytes);

    space.limits.int8_bytes = cost.int8_bytes;
    assert_true(space_feasible(&space, &arch, why));
    space.limits.int8_bytes--;
    assert_false(space_feasible(&space, &arch, why));

    assert_non_null(strstr(why, "int8_bytes "));
    assert_non_null(strstr(why, " by 1"));
}

static void check_feasible_sees_limits_that_only_together_leave_nothing(void **state)
{
    struct space space = small_space(SPACE_TIE_UNIFORM);
    struct space_cost fine, coarse;
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    space.patch = (struct space_choices){2, {7, 14}}; /* 14: fewer tokens, a larger stem */
    assert_ok(space_init(&space, &err));
    space_smallest(&space, &arch);
    space_cost_of(&arch, &space.shape, &coarse);
    arch.patch = 7;
    space_cost_of(&arch, &space.shape, &fine);
    space.limits.params = fine.params;
    space.limits.macs = coarse.macs;

    assert_int_equal(space_check_feasible(&space, &err), RT_EARG);

    assert_non_null(strstr(err.text, "no patch size keeps them all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_sorts_choices_and_drops_repeats),
        cmocka_unit_test(init_refuses_wrong_choices_by_the_key_of_the_study_file),
        cmocka_unit_test(size_equals_a_count_by_brute_force),
        cmocka_unit_test(nth_visits_distinct_members_only),
        cmocka_unit_test(size_is_exact_when_astronomical),
        cmocka_unit_test(size_counts_up_to_two_to_the_62),
        cmocka_unit_test(contains_refuses_what_the_ties_do_not_allow),
        cmocka_unit_test(contains_refuses_values_that_are_no_choice),
        cmocka_unit_test(anchors_are_the_ends_and_the_middle),
        cmocka_unit_test(distance_is_a_metric_between_0_and_1),
        cmocka_unit_test(feasible_says_which_limit_and_by_how_much),
        cmocka_unit_test(check_feasible_agrees_with_a_walk_over_the_space),
        cmocka_unit_test(check_feasible_names_the_limit_that_nothing_keeps),
        cmocka_unit_test(bytes_in_int8_are_limited_like_other_sizes),
        cmocka_unit_test(check_feasible_sees_limits_that_only_together_leave_nothing),
    };
    return cmocka_run_group_tests_name("space/space", tests, NULL, NULL);
}
