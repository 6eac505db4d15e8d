/* tests/test_bench_stack.c -- the search problems of own genes: fronts, evaluations, noise. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "bench/search/run.h"
#include "bench/search/stack.h"

/* An open problem of the given depths, over genes that the caller owns: 5 of them. */
static struct bench_problem small(const char *name, const char *const depths[2],
                                  struct space_gene genes[5])
{
    struct bench_problem p;
    struct rt_err err;

    assert_ok(bench_open(name, &p, &err));
    bench_close(&p);
    assert_int_equal(p.space.gene_count, 5);
    memcpy(genes, p.space.gene, 5 * sizeof *genes);
    genes[1].choice = depths;
    genes[1].choice_count = 2;
    p.space.gene = genes;
    assert_ok(bench_solve(&p, &err));
    return p;
}

/* Asserts that no member beats the front, that each point of it is a member's, and that none of
 * them beats another: the longest way round. */
static void assert_front_is_of_all_members(const struct bench_problem *p)
{
    const size_t m = (size_t)p->objective_count;
    const int64_t size = space_size(&p->space);
    bool *found = calloc(p->front_count, sizeof *found);
    assert_non_null(found);

    for (int64_t i = 0; i < size; i++) {
        struct space_arch arch;
        double objectives[STORE_MAX_OBJECTIVES];
        bool covered = false;
        space_nth(&p->space, i, &arch);
        bench_evaluate(p, &arch, -1, objectives);
        for (size_t f = 0; f < p->front_count; f++) {
            const double *point = p->front + f * m;
            const bool same = memcmp(point, objectives, m * sizeof *point) == 0;
            assert_false(search_dominates(objectives, point, (int)m));
            covered = covered || same || search_dominates(point, objectives, (int)m);
            found[f] = found[f] || same;
        }
        assert_true(covered);
    }
    for (size_t f = 0; f < p->front_count; f++)
        assert_true(found[f]);
    free(found);
}

static void fronts_of_small_models_are_those_of_all_members(void **state)
{
    static const char *const names[] = {"lm27", "lm75", "lm27-latency", "lm75-latency"};
    static const char *const depths[] = {"1", "3"};
    struct space_gene genes[5];
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bench_problem p = small(names[i], depths, genes);
        assert_true(p.front_count > 10);
        assert_front_is_of_all_members(&p);
        bench_close(&p);
    }
}

static void front_of_few_blocks_is_that_of_all_members(void **state)
{
    struct bench_problem p;
    struct space_gene genes[3];
    struct rt_err err;
    (void)state;
    assert_ok(bench_open("gaps", &p, &err));
    bench_close(&p);
    memcpy(genes, p.space.gene, sizeof genes);
    genes[0].choice_count = 3;
    genes[1].length = genes[2].length = 3;
    p.space.gene = genes;
    assert_ok(bench_solve(&p, &err));

    assert_true(p.front_count > 10);
    assert_front_is_of_all_members(&p);
    bench_close(&p);
}

static void fronts_of_the_problems_are_as_they_were(void **state)
{
    static const struct {
        const char *name;
        int genes;
        size_t front;
        double volume;
    } want[] = {
        {"lm27", 27, 145, 0.7833966003431},         {"lm51", 51, 197, 0.7685998402875},
        {"lm75", 75, 218, 0.7579434809042},         {"lm27-latency", 27, 430, 0.6502888811775},
        {"lm51-latency", 51, 1185, 0.659241639793}, {"lm75-latency", 75, 1449, 0.629839234035},
        {"gaps", 73, 2136, 0.836256956643},
    };
    struct bench_gene genes[BENCH_MAX_GENES];
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct bench_problem p;
        assert_ok(bench_open(want[i].name, &p, &err));
        assert_int_equal(bench_genes(&p, genes), want[i].genes);
        assert_int_equal(p.front_count, want[i].front);
        assert_true(fabs(p.volume - want[i].volume) < 1e-9);
        bench_close(&p);
    }
}

static void indices_are_positions_and_those_beyond_the_depth_are_passed_over(void **state)
{
    struct bench_problem p;
    struct bench_gene genes[BENCH_MAX_GENES];
    int index[BENCH_MAX_GENES] = {2, 0, 1};
    struct space_arch arch, same;
    struct rt_err err;
    (void)state;
    assert_ok(bench_open("lm27", &p, &err));
    assert_int_equal(bench_genes(&p, genes), 27);
    assert_string_equal(genes[0].name, "width");
    assert_string_equal(genes[3 + 11].name, "heads.11");

    assert_true(bench_decode(&p, index, &arch));
    index[3 + 11] = 2; /* the twelfth of ten layers */
    assert_true(bench_decode(&p, index, &same));

    assert_true(space_contains(&p.space, &arch));
    assert_true(space_arch_equal(&arch, &same));
    assert_int_equal(bench_stack_layers(&p, &arch), 10);
    assert_int_equal(bench_stack_value(&p, &arch, 0, 0), 768);
    assert_true(bench_violation(&p, &arch) == 0);
    index[3 + 11] = 3;
    assert_false(bench_decode(&p, index, &same));
    bench_close(&p);
}

static void noise_is_of_the_error_alone_and_the_same_each_time(void **state)
{
    enum { DRAWS = 2000 };
    struct bench_problem p;
    struct rt_rng rng;
    struct rt_err err;
    double squares = 0, sum = 0;
    (void)state;
    assert_ok(bench_open("lm27-noisy", &p, &err));
    const double sd = p.noise * (p.reference[0] - p.ideal[0]) / 1.1;
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);

    for (int i = 0; i < DRAWS; i++) {
        struct space_arch arch;
        double exact[STORE_MAX_OBJECTIVES], once[STORE_MAX_OBJECTIVES], again[STORE_MAX_OBJECTIVES];
        space_sample(&p.space, &rng, &arch);
        bench_evaluate(&p, &arch, -1, exact);
        bench_measure(&p, &arch, -1, once);
        bench_measure(&p, &arch, -1, again);
        assert_true(once[0] == again[0] && once[1] == exact[1]);
        sum += (once[0] - exact[0]) / sd;
        squares += pow((once[0] - exact[0]) / sd, 2);
    }

    assert_true(fabs(sum / DRAWS) < .1); /* more than four standard errors */
    assert_true(fabs(squares / DRAWS - 1) < .15);
    bench_close(&p);
}

static void retorts_search_comes_near_the_front_of_a_small_model(void **state)
{
    static const char *const depths[] = {"2", "4"};
    struct space_gene genes[5];
    struct bench_problem p = small("lm27-noisy", depths, genes);
    struct search_options options;
    struct rt_err err;
    double volumes[150];
    (void)state;
    bench_run_defaults(&p, &options);
    options.trials = 150;
    options.seed = 5;

    assert_ok(bench_run(&p, options, volumes, &err));

    for (int i = 1; i < 150; i++)
        assert_true(volumes[i] >= volumes[i - 1]);
    assert_true(volumes[149] > .95 && volumes[149] <= 1 + 1e-12);
    bench_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_of_small_models_are_those_of_all_members),
        cmocka_unit_test(front_of_few_blocks_is_that_of_all_members),
        cmocka_unit_test(fronts_of_the_problems_are_as_they_were),
        cmocka_unit_test(indices_are_positions_and_those_beyond_the_depth_are_passed_over),
        cmocka_unit_test(noise_is_of_the_error_alone_and_the_same_each_time),
        cmocka_unit_test(retorts_search_comes_near_the_front_of_a_small_model),
    };
    return cmocka_run_group_tests_name("bench/search, own genes", tests, NULL, NULL);
}
