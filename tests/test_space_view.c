/* tests/test_space_view.c -- spaces as rows of positions, and the features made of them. */
#include <math.h>

#include "space/objectives.h"
#include "space/view.h"
#include "space_sample.h"

static void positions_of_a_student_lie_gene_after_gene(void **state)
{
    const struct space layered = small_space(SPACE_TIE_LAYER),
                       uniform = small_space(SPACE_TIE_UNIFORM);
    static const char *const names[] = {"depth", "width", "head_dim", "patch", "heads", "ffn"};
    static const int first[] = {0, 1, 2, 3, 4, 7};
    struct space_gene_view gene;
    (void)state;

    assert_int_equal(space_genes(&layered), 6);
    assert_int_equal(space_positions(&layered), 10);
    for (int g = 0; g < 6; g++) {
        space_gene_of(&layered, g, &gene);
        assert_string_equal(gene.name, names[g]);
        assert_int_equal(gene.first, first[g]);
        assert_int_equal(gene.positions, g < 4 ? 1 : 3);
        assert_int_equal(gene.length_gene, g < 4 ? -1 : 0);
    }
    assert_int_equal(space_positions(&uniform), 6);
}

static void values_of_a_student_are_those_of_its_layers(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    struct space_value value;
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    assert_ok(space_arch_parse("L2-d32-k8-h1.3-f32.64-p7", &arch, &err));

    assert_int_equal(space_gene_length(&space, &arch, 3), 1);
    space_value_of(&space, &arch, 3, 0, &value);
    assert_int_equal(value.is, SPACE_WHOLE);
    assert_int_equal(value.whole, 7);
    assert_int_equal(space_gene_length(&space, &arch, 5), 2);
    space_value_of(&space, &arch, 5, 1, &value);
    assert_int_equal(value.whole, 64);
    assert_null(value.text);
}

static void layers_beyond_the_depth_are_inactive(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    static const int want[] = {1, 1, 0, 1, 0, 1, -1, 0, 2, -1};
    struct space_arch arch;
    struct rt_err err;
    int choice[SPACE_MAX_POSITIONS];
    (void)state;

    assert_ok(space_arch_parse("L2-d32-k8-h1.3-f32.64-p7", &arch, &err));
    space_choices_of(&space, &arch, choice);

    assert_memory_equal(choice, want, sizeof want);
}

static void choices_and_architectures_go_both_ways(void **state)
{
    const struct space spaces[] = {small_space(SPACE_TIE_UNIFORM), small_space(SPACE_TIE_STAGE),
                                   small_space(SPACE_TIE_LAYER), large_space(), single_space()};
    (void)state;
    for (size_t s = 0; s < sizeof spaces / sizeof *spaces; s++) {
        struct rt_rng rng;
        rt_rng_init(&rng, s, RT_STREAM_TEST, 0);
        for (int i = 0; i < 500; i++) {
            struct space_arch arch, again;
            int choice[SPACE_MAX_POSITIONS];
            space_sample(&spaces[s], &rng, &arch);
            space_choices_of(&spaces[s], &arch, choice);
            space_arch_of(&spaces[s], choice, &again);
            assert_true(space_arch_equal(&arch, &again));
        }
    }
}

static void a_missing_choice_repeats_the_layer_before(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    static const int choice[] = {2, 1, 0, 1, 1, -1, 0, -1, 2, -1};
    char text[SPACE_ARCH_TEXT];
    struct space_arch arch;
    (void)state;

    space_arch_of(&space, choice, &arch);

    space_arch_print(&arch, text);
    assert_string_equal(text, "L3-d32-k8-h3.3.1-f32.64.64-p7");
}

static void features_of_a_student_are_ranks_summaries_and_costs(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    static const double want[] = {.5,     .5, 0, 1,               /* single genes */
                                  .5,     1,  0, .75,    .5,      /* heads, their mean and tilt */
                                  1 / 3., 1,  0, 2 / 3., 2 / 3.}; /* ffn, the same */
    double feature[17];
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    assert_int_equal(space_feature_count(&space), 17);
    assert_ok(space_arch_parse("L2-d32-k8-h1.3-f32.64-p7", &arch, &err));
    space_features(&space, &arch, feature);

    for (int i = 0; i < 14; i++)
        assert_true(fabs(feature[i] - want[i]) < 1e-12);
    for (int i = 14; i < 17; i++)
        assert_true(feature[i] > 0 && feature[i] < 1);
}

static void the_corners_have_costs_0_and_1(void **state)
{
    const struct space space = large_space();
    const int count = space_feature_count(&space);
    double feature[400];
    struct space_arch arch;
    (void)state;

    assert_in_range(count, 3, 400);
    space_smallest(&space, &arch);
    space_features(&space, &arch, feature);
    for (int i = count - 3; i < count; i++)
        assert_true(fabs(feature[i]) < 1e-12);
    space_largest(&space, &arch);
    space_features(&space, &arch, feature);
    for (int i = count - 3; i < count; i++)
        assert_true(fabs(feature[i] - 1) < 1e-12);
}

static void only_costs_are_known_exactly(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    struct space_cost cost;
    struct space_arch arch;
    (void)state;

    space_middle(&space, &arch);
    space_cost_of(&arch, &space.shape, &cost);

    assert_true(space_exact(&space, &arch, "params") == (double)cost.params);
    assert_true(space_exact(&space, &arch, "memory") == (double)cost.memory);
    assert_true(isnan(space_exact(&space, &arch, "error")));
}

static void exact_objectives_are_those_that_the_space_knows(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    struct space_arch arch;
    (void)state;

    space_smallest(&space, &arch);
    for (int i = 0; i < SPACE_OBJECTIVES; i++) {
        const struct space_objective *o = &space_objectives[i];
        assert_ptr_equal(space_objective_named(o->name), o);
        assert_int_equal(o->exact, !isnan(space_exact(&space, &arch, o->name)));
    }
    assert_null(space_objective_named("agreement"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_of_a_student_lie_gene_after_gene),
        cmocka_unit_test(values_of_a_student_are_those_of_its_layers),
        cmocka_unit_test(layers_beyond_the_depth_are_inactive),
        cmocka_unit_test(choices_and_architectures_go_both_ways),
        cmocka_unit_test(a_missing_choice_repeats_the_layer_before),
        cmocka_unit_test(features_of_a_student_are_ranks_summaries_and_costs),
        cmocka_unit_test(the_corners_have_costs_0_and_1),
        cmocka_unit_test(only_costs_are_known_exactly),
        cmocka_unit_test(exact_objectives_are_those_that_the_space_knows),
    };
    return cmocka_run_group_tests_name("space/view", tests, NULL, NULL);
}
