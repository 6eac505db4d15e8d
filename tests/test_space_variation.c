/* tests/test_space_variation.c -- samples, mutants and children: members, and reproducible. */
#include "space/view.h"
#include "space_sample.h"

static void assert_member(const struct space *space, const struct space_arch *arch)
{
    char text[SPACE_ARCH_TEXT];
    struct rt_err err;

    assert_ok(space_arch_check(arch, &space->shape, &err));
    space_arch_print(arch, text);
    if (!space_contains(space, arch))
        fail_msg("%s is not in the space", text);
}

static void samples_mutants_and_children_are_members(void **state)
{
    const struct space spaces[] = {small_space(SPACE_TIE_UNIFORM), small_space(SPACE_TIE_STAGE),
                                   small_space(SPACE_TIE_LAYER), large_space()};
    (void)state;
    for (size_t s = 0; s < 4; s++) {
        struct rt_rng rng;
        rt_rng_init(&rng, s, RT_STREAM_TEST, 0);
        for (int i = 0; i < 3000; i++) {
            struct space_arch a, b, mutant, child;
            space_sample(&spaces[s], &rng, &a);
            space_sample(&spaces[s], &rng, &b);
            space_mutate(&spaces[s], &rng, &a, &mutant);
            space_crossover(&spaces[s], &rng, &a, &b, &child);

            assert_member(&spaces[s], &a);
            assert_member(&spaces[s], &mutant);
            assert_member(&spaces[s], &child);
            assert_false(space_arch_equal(&a, &mutant));
        }
    }
}

static void draws_are_a_function_of_the_generator(void **state)
{
    const struct space space = large_space();
    struct space_arch first, second;
    struct rt_rng rng, same;
    (void)state;
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 5);
    same = rng;

    space_sample(&space, &rng, &first);
    space_mutate(&space, &rng, &first, &first); /* in place, too */
    space_sample(&space, &same, &second);
    space_mutate(&space, &same, &second, &second);

    assert_true(space_arch_equal(&first, &second));
    assert_int_equal(rng.state, same.state);
}

static void sampling_gives_every_choice_its_share(void **state)
{
    const struct space space = small_space(SPACE_TIE_LAYER);
    int depth[4] = {0}, patch[8] = {0};
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < 6000; i++) {
        struct space_arch arch;
        space_sample(&space, &rng, &arch);
        depth[arch.depth]++;
        patch[arch.patch]++;
    }
    for (int d = 1; d <= 3; d++)
        assert_near(depth[d], 2000, 200); /* sd 37 */
    assert_near(patch[4], 3000, 200);     /* sd 39 */
}

static void mutation_reaches_every_member_of_a_small_space(void **state)
{
    const struct space space = small_space(SPACE_TIE_UNIFORM);
    const int64_t size = space_size(&space);
    struct space_arch arch, *all = calloc((size_t)size, sizeof *all);
    bool *seen = calloc((size_t)size, sizeof *seen);
    int64_t reached = 0;
    struct rt_rng rng;
    (void)state;
    assert_non_null(all);
    assert_non_null(seen);
    for (int64_t i = 0; i < size; i++)
        space_nth(&space, i, &all[i]);
    qsort(all, (size_t)size, sizeof *all, compare_archs);
    rt_rng_init(&rng, 4, RT_STREAM_TEST, 0);
    space_smallest(&space, &arch);

    for (int i = 0; i < 100 * size; i++) {
        space_mutate(&space, &rng, &arch, &arch);
        const struct space_arch *found =
            bsearch(&arch, all, (size_t)size, sizeof *all, compare_archs);
        assert_non_null(found);
        reached += !seen[found - all];
        seen[found - all] = true;
    }

    assert_int_equal(reached, size);
    free(seen);
    free(all);
}

static void a_mutant_differs_even_when_few_moves_have_an_effect(void **state)
{
    struct space space = single_space();
    struct space_arch arch, child;
    struct rt_err err;
    struct rt_rng rng;
    (void)state;
    space.width.value[0] = 8; /* of 64 ratios only the largest rounds to 16, the others to 8 */
    space.ffn.count = 0;
    space.ratio_count = 64;
    for (int i = 0; i < 63; i++)
        space.ffn_ratio[i] = .5 + .01 * i;
    space.ffn_ratio[63] = 2;
    assert_ok(space_init(&space, &err));
    rt_rng_init(&rng, 5, RT_STREAM_TEST, 0);
    space_smallest(&space, &arch);

    space_mutate(&space, &rng, &arch, &child);

    assert_false(space_arch_equal(&arch, &child));
    assert_member(&space, &child);
}

static void a_space_of_one_member_mutates_to_itself(void **state)
{
    const struct space space = single_space();
    struct space_arch arch, child;
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 6, RT_STREAM_TEST, 0);
    space_nth(&space, 0, &arch);
    assert_int_equal(space_size(&space), 1);

    space_mutate(&space, &rng, &arch, &child);

    assert_true(space_arch_equal(&arch, &child));
    assert_near(space_distance(&space, &arch, &child), 0, 0);
}

static void a_deeper_mutant_copies_layers_and_a_shallower_one_drops_them(void **state)
{
    struct space space = small_space(SPACE_TIE_LAYER);
    struct space_arch parent, child;
    struct rt_err err;
    struct rt_rng rng;
    (void)state;
    /* one choice everywhere but depth: heads 1.3 must survive as a sequence with copies */
    space.width = (struct space_choices){1, {32}};
    space.head_dim = (struct space_choices){1, {8}};
    space.patch = (struct space_choices){1, {7}};
    assert_ok(space_arch_parse("L2-d32-k8-h1.3-f32.64-p7", &parent, &err));
    rt_rng_init(&rng, 7, RT_STREAM_TEST, 0);
    int deeper = 0, shallower = 0;

    for (int i = 0; i < 2000; i++) {
        space_mutate(&space, &rng, &parent, &child);
        char text[SPACE_ARCH_TEXT];
        space_arch_print(&child, text);
        deeper += !strcmp(text, "L3-d32-k8-h1.1.3-f32.32.64-p7") ||
                  !strcmp(text, "L3-d32-k8-h1.3.3-f32.64.64-p7");
        shallower += !strcmp(text, "L1-d32-k8-h1-f32-p7") || !strcmp(text, "L1-d32-k8-h3-f64-p7");
    }

    assert_in_range(deeper, 50, 2000); /* moves of depth alone, half of them each way */
    assert_in_range(shallower, 50, 2000);
}

static void children_take_every_gene_from_a_parent(void **state)
{
    const struct space space = large_space();
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 8, RT_STREAM_TEST, 0);
    for (int i = 0; i < 2000; i++) {
        struct space_arch a, b, child;
        space_sample(&space, &rng, &a);
        space_sample(&space, &rng, &b);
        space_crossover(&space, &rng, &a, &b, &child);

        assert_true(child.depth == a.depth || child.depth == b.depth);
        assert_true(child.width == a.width || child.width == b.width);
        assert_true(child.head_dim == a.head_dim || child.head_dim == b.head_dim);
        assert_true(child.patch == a.patch || child.patch == b.patch);
        for (int l = 0; l < child.depth; l++) {
            const int la = l * a.depth / child.depth, lb = l * b.depth / child.depth;
            const bool from_a =
                child.heads[l] == a.heads[la] && child.ffn[l] * a.width == a.ffn[la] * child.width;
            const bool from_b =
                child.heads[l] == b.heads[lb] && child.ffn[l] * b.width == b.ffn[lb] * child.width;
            assert_true(from_a || from_b); /* pairs stay together; ratios follow the width */
        }
    }
}

/* As a task without images will have it. */
static void a_space_without_patches_draws_and_writes_none(void **state)
{
    struct space with = small_space(SPACE_TIE_LAYER), space = with;
    struct space_gene_view view;
    struct rt_rng rng;
    (void)state;

    space.patch.count = 0;

    assert_int_equal(2 * space_size(&space), space_size(&with));
    assert_int_equal(space_cheapest_count(&space), 1);
    assert_int_equal(space_genes(&space), 5);
    space_gene_of(&space, 3, &view);
    assert_string_equal(view.name, "heads");
    assert_int_equal(view.first, 3);
    assert_int_equal(space_positions(&space), space_positions(&with) - 1);
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < 300; i++) {
        struct space_arch a, b, child;
        struct rt_err err;
        int choice[SPACE_MAX_POSITIONS];
        char text[SPACE_ARCH_TEXT];
        space_sample(&space, &rng, &a);
        space_nth(&space, (int64_t)rt_rng_below(&rng, (uint64_t)space_size(&space)), &b);
        space_crossover(&space, &rng, &a, &b, &child);
        space_mutate(&space, &rng, &child, &child);
        assert_true(space_contains(&space, &child));
        assert_int_equal(child.patch, 0);
        space_print(&space, &child, text);
        assert_null(strchr(text, 'p'));
        assert_ok(space_parse(&space, text, &a, &err));
        assert_true(space_arch_equal(&a, &child));
        space_choices_of(&space, &child, choice);
        space_arch_of(&space, choice, &b);
        assert_true(space_arch_equal(&b, &child));
        assert_true(space_distance(&space, &a, &b) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_mutants_and_children_are_members),
        cmocka_unit_test(draws_are_a_function_of_the_generator),
        cmocka_unit_test(sampling_gives_every_choice_its_share),
        cmocka_unit_test(mutation_reaches_every_member_of_a_small_space),
        cmocka_unit_test(a_mutant_differs_even_when_few_moves_have_an_effect),
        cmocka_unit_test(a_space_of_one_member_mutates_to_itself),
        cmocka_unit_test(a_deeper_mutant_copies_layers_and_a_shallower_one_drops_them),
        cmocka_unit_test(children_take_every_gene_from_a_parent),
        cmocka_unit_test(a_space_without_patches_draws_and_writes_none),
    };
    return cmocka_run_group_tests_name("space/variation", tests, NULL, NULL);
}
