/* tests/test_tie.c -- layers held equal in spaces that untie, of students and of own genes. */
#include "genes_sample.h"
#include "space_sample.h"

static struct space auto_students(void)
{
    struct space space = large_space();
    space.tie = SPACE_TIE_AUTO;
    return space;
}

static struct space auto_genes(struct space_gene *gene)
{
    struct space space = genes_space(gene);
    gene[3].tie = SPACE_TIE_AUTO; /* op; heads keep their two stages, mask its layers */
    return space;
}

static bool keeps_tie(const struct space *space, enum space_tie tie, const struct space_arch *arch)
{
    struct space_arch tied = *arch;

    space_tie_to(space, tie, &tied);
    return space_arch_equal(&tied, arch);
}

static void a_space_that_unties_has_the_members_of_layer(void **state)
{
    struct space space = small_space(SPACE_TIE_LAYER);
    (void)state;
    const int64_t size = space_size(&space);
    assert_false(space_unties(&space));
    space.tie = SPACE_TIE_AUTO;
    assert_true(space_unties(&space));
    assert_int_equal(space_size(&space), size);
}

static void tied_layers_are_equal_and_stay_so_when_tied_again(void **state)
{
    struct space space = auto_students();
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < 200; i++) {
        struct space_arch arch, even, stages;
        space_sample(&space, &rng, &arch);
        even = stages = arch;
        space_tie_to(&space, SPACE_TIE_STAGE, &stages);
        space_tie_to(&space, SPACE_TIE_UNIFORM, &even);
        for (int l = 0; l < arch.depth; l++) {
            assert_int_equal(even.heads[l], arch.heads[0]);
            assert_int_equal(even.ffn[l], arch.ffn[0]);
            if (l > 0 && arch.depth >= 4 && l * 4 / arch.depth == (l - 1) * 4 / arch.depth)
                assert_int_equal(stages.ffn[l], stages.ffn[l - 1]);
        }
        assert_true(space_contains(&space, &even) && space_contains(&space, &stages));
        assert_true(keeps_tie(&space, SPACE_TIE_UNIFORM, &even));
        assert_true(keeps_tie(&space, SPACE_TIE_STAGE, &stages));
        assert_true(keeps_tie(&space, SPACE_TIE_LAYER, &arch));
    }
}

static void tied_mutation_moves_whole_groups_and_always_something(void **state)
{
    struct space space = auto_students();
    struct rt_rng rng;
    int changed = 0;
    (void)state;
    rt_rng_init(&rng, 2, RT_STREAM_TEST, 0);
    for (int i = 0; i < 300; i++) {
        struct space_arch parent, child;
        space_sample(&space, &rng, &parent);
        space_tie_to(&space, SPACE_TIE_UNIFORM, &parent);
        space_mutate_tied(&space, &rng, SPACE_TIE_UNIFORM, &parent, &child);
        assert_true(keeps_tie(&space, SPACE_TIE_UNIFORM, &child));
        assert_false(space_arch_equal(&parent, &child));
        changed += child.depth == parent.depth && child.ffn[0] != parent.ffn[0];
    }
    assert_in_range(changed, 30, 200); /* the layers' genes move as often as others */
}

static void own_lists_that_do_not_untie_are_left_alone(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    struct space space = auto_genes(gene);
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < 200; i++) {
        struct space_arch arch, even;
        space_sample(&space, &rng, &arch);
        even = arch;
        space_tie_to(&space, SPACE_TIE_UNIFORM, &even);
        for (int l = 0; l < space_gene_length(&space, &even, 3); l++)
            assert_string_equal(value_text(&space, &even, 3, l), value_text(&space, &arch, 3, 0));
        for (int l = 0; l < 3; l++)
            assert_string_equal(value_text(&space, &even, 6, l), value_text(&space, &arch, 6, l));
        space_mutate_tied(&space, &rng, SPACE_TIE_UNIFORM, &even, &arch);
        assert_true(keeps_tie(&space, SPACE_TIE_UNIFORM, &arch));
        assert_true(space_contains(&space, &arch));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_space_that_unties_has_the_members_of_layer),
        cmocka_unit_test(tied_layers_are_equal_and_stay_so_when_tied_again),
        cmocka_unit_test(tied_mutation_moves_whole_groups_and_always_something),
        cmocka_unit_test(own_lists_that_do_not_untie_are_left_alone),
    };
    return cmocka_run_group_tests_name("space/tie", tests, NULL, NULL);
}
