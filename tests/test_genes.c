/* tests/test_genes.c -- spaces of the user's own genes: texts, variation, numbers, the view. */
#include "genes_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SOME "act=gelu,lr=0.01,depth=4,op=relu.gelu.gelu.swish,heads=1.1.2.2,ffn=4,mask=0.1.1"

static void a_text_names_one_architecture(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    char text[SPACE_ARCH_TEXT];
    struct space_arch arch, again;
    struct rt_err err;
    (void)state;

    assert_ok(space_parse(&space, SOME, &arch, &err));
    space_print(&space, &arch, text);
    assert_string_equal(text, SOME);
    assert_true(space_contains(&space, &arch));

    assert_ok(space_parse(&space, "act=relu,lr=0.1,depth=2,op=gelu.gelu,heads=2,ffn=3,mask=1.1.1",
                          &arch, &err));
    space_print(&space, &arch, text);
    assert_string_equal(text, "act=relu,lr=0.1,depth=2,op=gelu,heads=2,ffn=3,mask=1");
    assert_ok(space_parse(&space, text, &again, &err));
    assert_true(space_arch_equal(&arch, &again));
}

static void values_are_there_for_every_layer(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    static const char *const heads[] = {"1", "1", "2", "2"};
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    assert_ok(space_parse(&space, SOME, &arch, &err));

    assert_int_equal(space_gene_length(&space, &arch, 1), 1);
    assert_string_equal(value_text(&space, &arch, 1, 0), "0.01");
    assert_int_equal(space_gene_length(&space, &arch, 4), 4);
    for (int l = 0; l < 4; l++) {
        assert_string_equal(value_text(&space, &arch, 4, l), heads[l]);
        assert_string_equal(value_text(&space, &arch, 5, l), "4");
    }
}

static void other_texts_are_refused_with_the_reason(void **state)
{
    static const char *const bad[][2] = {
        {"", "expected 'act=' at ''"},
        {"act=tanh,lr=0.1", "gene 'act' has no choice 'tanh'"},
        {"act=relu", "gene 'lr' is missing"},
        {"act=relu,depth=2", "expected 'lr=' at 'depth=2'"},
        {"act=relu,lr=0.1,depth=2,op=gelu.gelu.gelu", "gene 'op' has more than 2 members"},
        {"act=relu,lr=0.1,depth=4,op=gelu.gelu", "gene 'op' has 2 members; give 1 or 4"},
        {"act=relu,lr=0.1,depth=4,op=gelu,heads=1.2.2.2",
         "member 1 of gene 'heads' is tied to the one before it"},
        {SOME "x", "gene 'mask' has no choice '1x'"},
        {SOME ",y=1", "',y=1' is left over"},
    };
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(space_parse(&space, bad[i][0], &arch, &err), RT_EFORMAT);
        if (!strstr(err.text, bad[i][1]))
            fail_msg("'%s' gave: %s", bad[i][0], err.text);
    }
}

static void assert_member(const struct space *space, const struct space_arch *arch)
{
    char text[SPACE_ARCH_TEXT];
    struct space_arch again;
    struct rt_err err;

    assert_true(space_contains(space, arch));
    space_print(space, arch, text);
    assert_ok(space_parse(space, text, &again, &err));
    assert_true(space_arch_equal(arch, &again));
}

static void samples_mutants_and_children_are_members(void **state)
{
    struct space_gene gene[GENES_SAMPLE], row[1];
    const struct space spaces[] = {genes_space(gene), genes_row(row, 300)};
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct rt_rng rng;
        rt_rng_init(&rng, s, RT_STREAM_TEST, 0);
        for (int i = 0; i < 2000; i++) {
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

static int compare_archs(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct space_arch));
}

static void numbers_visit_each_member_once(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    struct space space = genes_space(gene);
    char *text = space_size_text(&space);
    struct space_arch *all;
    (void)state;

    assert_int_equal(space_size(&space), 471744);
    assert_string_equal(text, "471744");
    free(text);
    gene[0].choice_count = 1; /* a smaller one, to be gone through */
    gene[1].choice_count = 1;
    const int64_t size = space_size(&space);
    assert_int_equal(size, 471744 / 9);
    all = calloc((size_t)size, sizeof *all);
    assert_non_null(all);
    for (int64_t i = 0; i < size; i++) {
        space_nth(&space, i, &all[i]);
        if (i % 97 == 0)
            assert_member(&space, &all[i]);
    }
    qsort(all, (size_t)size, sizeof *all, compare_archs);
    for (int64_t i = 1; i < size; i++)
        assert_false(space_arch_equal(&all[i - 1], &all[i]));
    free(all);
}

static void anchors_are_the_ends_and_the_middle(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    char text[SPACE_ARCH_TEXT];
    struct space_arch low, mid, high;
    (void)state;

    space_smallest(&space, &low);
    space_middle(&space, &mid);
    space_largest(&space, &high);

    space_print(&space, &low, text);
    assert_string_equal(text, "act=relu,lr=0.001,depth=2,op=relu,heads=1,ffn=3,mask=0");
    space_print(&space, &high, text);
    assert_string_equal(text, "act=swish,lr=0.1,depth=6,op=swish,heads=2,ffn=4,mask=1");
    assert_true(fabs(space_distance(&space, &low, &high) - 1) < 1e-12);
    assert_true(space_distance(&space, &mid, &mid) == 0);
}

static void categories_are_drawn_and_ordered_choices_step(void **state)
{
    struct space_gene row[1];
    struct space space = genes_row(row, 1);
    struct space_arch first, child;
    struct rt_rng rng;
    int far = 0;
    (void)state;

    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    space_smallest(&space, &first);
    for (int i = 0; i < 100; i++) {
        space_mutate(&space, &rng, &first, &child);
        assert_in_range(child.choice[0], 1, 2);
    }
    row->ordered = false;
    for (int i = 0; i < 100; i++) {
        space_mutate(&space, &rng, &first, &child);
        far += child.choice[0] == 3;
    }
    assert_in_range(far, 15, 60);
}

static void a_layer_that_is_dropped_is_dropped_from_all_lists(void **state)
{
    static const char *const lengths[] = {"3", "4"};
    struct space_gene gene[] = {
        {.name = "n", .choice = lengths, .choice_count = 2, .ordered = true},
        {.name = "a",
         .choice = space_numbers,
         .choice_count = 4,
         .list = true,
         .length_name = "n",
         .tie = SPACE_TIE_LAYER},
        {.name = "b",
         .choice = space_numbers,
         .choice_count = 4,
         .list = true,
         .length_name = "n",
         .tie = SPACE_TIE_LAYER}};
    struct space space = {.gene_count = 3, .gene = gene};
    struct space_arch arch, child;
    struct rt_rng rng;
    struct rt_err err;
    int shorter = 0, same = 0;
    (void)state;

    assert_ok(space_init(&space, &err));
    assert_ok(space_parse(&space, "n=4,a=0.1.2.3,b=0.1.2.3", &arch, &err));
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < 300; i++) {
        space_mutate(&space, &rng, &arch, &child);
        if (child.choice[0] == 1)
            continue;
        shorter++;
        same += memcmp(child.choice + 1, child.choice + 5, 4) == 0;
    }
    assert_true(shorter > 100);
    assert_true(6 * same > shorter); /* 4 of 15 where no list is mutated besides; alone, 1 of 15 */
}

static void bad_genes_are_refused_with_their_key(void **state)
{
    static const char *const twice[] = {"a", "a"}, *const down[] = {"2", "1"},
                             *const dotted[] = {"1.5", "2.5"}, *const spaced[] = {"a b"};
    const struct {
        struct space_gene gene[2];
        const char *text;
    } bad[] = {
        {{{.name = "1x", .choice = space_numbers, .choice_count = 2}}, "space.genes[0].name: '1x'"},
        {{{.name = "x", .choice = space_numbers, .choice_count = 2},
          {.name = "x", .choice = space_numbers, .choice_count = 2}},
         "space.genes[1].name: 'x' is there twice"},
        {{{.name = "x", .choice = twice, .choice_count = 2}}, "space.genes[0].choices[1]: 'a'"},
        {{{.name = "x", .choice = down, .choice_count = 2, .ordered = true}},
         "space.genes[0].choices[1]: '1' comes after '2'"},
        {{{.name = "x", .choice = spaced, .choice_count = 1}}, "space.genes[0].choices[0]: 'a b'"},
        {{{.name = "x", .choice = dotted, .choice_count = 2, .list = true, .length = 2}},
         "space.genes[0].choices[0]: '1.5'"},
        {{{.name = "x", .choice = space_numbers, .choice_count = 2},
          {.name = "y",
           .choice = space_numbers,
           .choice_count = 2,
           .list = true,
           .length_name = "x"}},
         "space.genes[1].length: 'x' can be '0'"},
        {{{.name = "x",
           .choice = space_numbers,
           .choice_count = 2,
           .list = true,
           .length_name = "z"}},
         "space.genes[0].length: 'z' is neither"},
        {{{.name = "x",
           .choice = space_numbers,
           .choice_count = 2,
           .list = true,
           .length = SPACE_MAX_POSITIONS,
           .tie = SPACE_TIE_LAYER},
          {.name = "y", .choice = space_numbers, .choice_count = 2}},
         "space.genes[1]: more than 528 positions"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct space_gene gene[2] = {bad[i].gene[0], bad[i].gene[1]};
        struct space space = {.gene_count = gene[1].name ? 2 : 1, .gene = gene};
        struct rt_err err;
        assert_int_equal(space_init(&space, &err), RT_EARG);
        if (strncmp(err.text, bad[i].text, strlen(bad[i].text)) != 0)
            fail_msg("%zu: %s", i, err.text);
    }
}

static bool even(const struct space *space, const struct space_arch *arch, char why[128])
{
    (void)space;
    if (why)
        snprintf(why, 128, "odd");
    return arch->choice[0] % 2 == 0;
}

static double first_choice(const struct space *space, const struct space_arch *arch,
                           const char *name)
{
    (void)space;
    return strcmp(name, "size") == 0 ? arch->choice[0] : (double)NAN;
}

static void c_code_may_know_costs_and_limits(void **state)
{
    const struct space_known known = {.feasible = even, .exact = first_choice};
    struct space_gene row[1];
    struct space space = genes_row(row, 2);
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    space.known = &known;
    assert_ok(space_parse(&space, "x=3.1", &arch, &err));
    assert_false(space_feasible(&space, &arch, NULL));
    assert_true(space_exact(&space, &arch, "size") == 3);
    assert_true(isnan(space_exact(&space, &arch, "error")));
    assert_ok(space_parse(&space, "x=2.1", &arch, &err));
    assert_true(space_feasible(&space, &arch, NULL));
}

static void the_view_shows_own_genes_too(void **state)
{
    static const int want[] = {1, 1, 1, 0, 1, 1, 2, -1, -1, 0, 1, 1, 0, 1, 1};
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    int choice[SPACE_MAX_POSITIONS];
    struct space_gene_view view;
    struct space_arch arch, again;
    struct rt_err err;
    (void)state;

    assert_ok(space_parse(&space, SOME, &arch, &err));
    assert_int_equal(space_genes(&space), GENES_SAMPLE);
    assert_int_equal(space_positions(&space), 15);
    space_choices_of(&space, &arch, choice);
    assert_memory_equal(choice, want, sizeof want);
    space_gene_of(&space, 3, &view);
    assert_string_equal(view.name, "op");
    assert_int_equal(view.first, 3);
    assert_int_equal(view.positions, 6);
    space_gene_of(&space, 5, &view);
    assert_string_equal(view.name, "ffn");
    assert_int_equal(view.first, 11);
    space_arch_of(&space, choice, &again);
    assert_true(space_arch_equal(&arch, &again));
}

static void features_of_categories_are_zeros_and_ones(void **state)
{
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    const int count = space_feature_count(&space);
    double feature[100];
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    assert_ok(space_parse(&space, SOME, &arch, &err));
    assert_int_equal(count, 3 + 1 + 1 + 3 * 7 + 4 + 1 + 5);
    space_features(&space, &arch, feature);

    for (int i = 0; i < 3; i++)
        assert_true(feature[i] == (i == 1));           /* act */
    assert_true(feature[3] == .5 && feature[4] == .5); /* lr, depth */
    assert_true(feature[5] == 1 && feature[6] == 0);   /* op.0 */
    assert_true(feature[5 + 18] == .25 && feature[5 + 19] == .5 && feature[5 + 20] == .25);
    assert_true(feature[26] == .5 && feature[27] == 1); /* heads */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_names_one_architecture),
        cmocka_unit_test(values_are_there_for_every_layer),
        cmocka_unit_test(other_texts_are_refused_with_the_reason),
        cmocka_unit_test(samples_mutants_and_children_are_members),
        cmocka_unit_test(numbers_visit_each_member_once),
        cmocka_unit_test(anchors_are_the_ends_and_the_middle),
        cmocka_unit_test(categories_are_drawn_and_ordered_choices_step),
        cmocka_unit_test(a_layer_that_is_dropped_is_dropped_from_all_lists),
        cmocka_unit_test(bad_genes_are_refused_with_their_key),
        cmocka_unit_test(c_code_may_know_costs_and_limits),
        cmocka_unit_test(the_view_shows_own_genes_too),
        cmocka_unit_test(features_of_categories_are_zeros_and_ones),
    };
    return cmocka_run_group_tests_name("space/genes", tests, NULL, NULL);
}
