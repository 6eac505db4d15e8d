/* tests/test_study_external.c -- studies with an evaluator of their own: what they say, and what is
 * refused. */
#include "cli/study.h"
#include "support.h"

#include <string.h>

#define EVALUATOR "evaluator: {command: [python3, train.py, -v], workers: 3, timeout: 9.5}\n"
#define GENES                                                                                      \
    "space:\n  genes:\n"                                                                           \
    "    - {name: act, choices: [relu, gelu]}\n"                                                   \
    "    - {name: n, choices: [1, 2, 3]}\n"                                                        \
    "    - {name: ops, choices: [1, 2], ordered: false, length: n, tie: layer}\n"                  \
    "    - {name: mask, choices: [0, 1], length: 4}\n"
#define GOALS                                                                                      \
    "search: {objectives: [loss, -accuracy], constraints: [\"seconds <= 2.5\", acc>=-1e-1]}\n"
#define STUDENTS                                                                                   \
    "space: {depth: [1], width: [16], head_dim: [8], heads: [1, 2], ffn: [32], patch: [7],\n"      \
    "  images: {height: 28, width: 28, channels: 1, classes: 10}}\n"

static struct study parsed(const char *yaml)
{
    struct study study;
    struct rt_err err;

    assert_ok(study_parse("dir/s.yaml", yaml, strlen(yaml), &study, &err));
    return study;
}

static void a_command_genes_and_goals_are_read(void **state)
{
    struct study s = parsed(EVALUATOR GENES GOALS);
    (void)state;

    assert_non_null(s.own);
    assert_string_equal(s.external.argv[0], "python3");
    assert_string_equal(s.external.argv[2], "-v");
    assert_null(s.external.argv[3]);
    assert_string_equal(s.external.folder, "dir/.");
    assert_true(s.external.timeout == 9.5);
    assert_int_equal(s.external.retries, 0);
    assert_int_equal(s.search.workers, 3);
    assert_int_equal(s.space.gene_count, 4);
    assert_false(s.space.gene[0].ordered);
    assert_true(s.space.gene[1].ordered);
    assert_false(s.space.gene[2].ordered);
    assert_int_equal(s.space.gene[2].length_gene, 1);
    assert_int_equal(s.space.gene[2].positions, 3);
    assert_int_equal(s.space.gene[3].positions, 4); /* free, unless it is said */
    assert_string_equal(s.search.objectives[1], "-accuracy");
    assert_string_equal(s.search.constraint[0].metric, "seconds");
    assert_true(s.search.constraint[0].bound == 2.5 && !s.search.constraint[0].at_least);
    assert_true(s.search.constraint[1].bound == -.1 && s.search.constraint[1].at_least);
    study_release(&s);
}

static void students_may_be_trained_outside_too(void **state)
{
    struct study s = parsed(EVALUATOR STUDENTS "limits: {params: 5000}\n" GOALS);
    (void)state;

    assert_non_null(s.own);
    assert_int_equal(s.space.gene_count, 0);
    assert_int_equal(s.space.shape.height, 28);
    assert_int_equal(space_size(&s.space), 2);
    study_release(&s);
}

static void what_does_not_go_together_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {EVALUATOR GENES, "'dir/s.yaml':1:1: the key 'search' is missing; add it"},
        {EVALUATOR GENES "search: {trials: 3}\n",
         "'dir/s.yaml':8:9: search: the key 'objectives' is missing; add it"},
        {EVALUATOR GENES GOALS "distill: {steps: 3}\n", "'dir/s.yaml':9:10: distill: the evalu"},
        {EVALUATOR GENES "  depth: [1]\n" GOALS, "'dir/s.yaml':8:10: space.depth: space.genes say"},
        {EVALUATOR GENES "limits: {params: 3}\n" GOALS, "'dir/s.yaml':8:9: limits: space.genes s"},
        {EVALUATOR "space: {depth: [1]}\n" GOALS,
         "'dir/s.yaml':2:8: space: the key 'width' is missing; add it"},
        {EVALUATOR GENES "search: {objectives: [a b]}\n",
         "'dir/s.yaml':8:23: search.objectives[0]: 'a b' is no metric's name"},
        {EVALUATOR GENES "search: {objectives: [a, a]}\n",
         "'dir/s.yaml':8:26: search.objectives[1]: 'a' is given twice"},
        {EVALUATOR GENES "search: {objectives: [a], constraints: [a < 2]}\n",
         "'dir/s.yaml':8:41: search.constraints[0]: 'a < 2' is no constraint"},
        {EVALUATOR "space: {genes: [{name: x, choices: [2, 1]}]}\n" GOALS,
         "'dir/s.yaml':2:40: space.genes[0].choices[1]: '1' comes after '2'"},
        {EVALUATOR "space: {genes: [{name: x, choices: [2], tie: layer}]}\n" GOALS,
         "'dir/s.yaml':2:46: space.genes[0].tie: tie is for a list"},
        {"evaluator: {command: [a], workers: 1}\n" GENES "search: {objectives: [a], workers: 2}\n",
         "'dir/s.yaml':8:36: search.workers: evaluator.workers says it"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct study study;
        struct rt_err err;
        assert_int_equal(study_parse("dir/s.yaml", bad[i][0], strlen(bad[i][0]), &study, &err),
                         RT_EARG);
        if (strncmp(err.text, bad[i][1], strlen(bad[i][1])) != 0)
            fail_msg("want %s\n got %s", bad[i][1], err.text);
    }
}

static void the_hash_changes_with_the_command_the_genes_and_the_goals(void **state)
{
    static const char *const other[] = {
        "evaluator: {command: [python3, other.py, -v], workers: 3, timeout: 9.5}\n" GENES GOALS,
        EVALUATOR GENES "    - {name: more, choices: [1]}\n" GOALS,
        EVALUATOR GENES "search: {objectives: [loss, -accuracy], constraints: [\"seconds <= 2\", "
                        "acc>=-1e-1]}\n",
        EVALUATOR GENES "search: {objectives: [loss]}\n",
    };
    static const char same[] =
        "evaluator: {command: [python3, train.py, -v], workers: 1, retries: 2}\n" GENES GOALS;
    struct study study = parsed(EVALUATOR GENES GOALS);
    char want[RT_HASH_TEXT], got[RT_HASH_TEXT];
    (void)state;

    study_hash(&study, want);
    study_release(&study);
    study = parsed(same);
    study_hash(&study, got);
    assert_string_equal(got, want);
    study_release(&study);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        study = parsed(other[i]);
        study_hash(&study, got);
        assert_string_not_equal(got, want);
        study_release(&study);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_genes_and_goals_are_read),
        cmocka_unit_test(students_may_be_trained_outside_too),
        cmocka_unit_test(what_does_not_go_together_is_refused),
        cmocka_unit_test(the_hash_changes_with_the_command_the_genes_and_the_goals),
    };
    return cmocka_run_group_tests_name("cli/study_external", tests, NULL, NULL);
}
