/* tests/test_propose.c -- what is proposed: anchors, purity, parents, and better fronts than
 * chance.
 *
 * A study is played without store or threads: results come straight from the known landscape.
 */
#include "crowding.h"
#include "search_sample.h"

struct study {
    struct space space;
    struct search_options options;
    struct search__proposer proposer;
    struct search__proposal *proposals;
    double unit; /* of errors; 0: 1 */
};

static void study_init(struct study *s, int64_t room)
{
    struct rt_err err;
    assert_ok(search__proposer_init(&s->proposer, &s->space, &s->options, &err));
    s->proposals = calloc((size_t)room, sizeof *s->proposals);
    assert_non_null(s->proposals);
}

static void study_release(struct study *s)
{
    search__proposer_release(&s->proposer);
    free(s->proposals);
}

static void objectives_of(const struct study *s, const struct space_arch *arch, double *objectives)
{
    struct space_cost cost;
    space_cost_of(arch, &s->space.shape, &cost);
    objectives[0] = sample_error(arch, &s->space.shape) * (s->unit > 0 ? s->unit : 1);
    objectives[1] = (double)cost.macs;
}

/* Results of trials below `until` become known; every `fail`-th failed (0: none). */
static void learn(struct study *s, size_t until, size_t fail)
{
    while (s->proposer.results < until) {
        const size_t n = s->proposer.results;
        double objectives[2];
        objectives_of(s, &s->proposer.archs[n], objectives);
        search__proposer_result(&s->proposer, fail && n % fail == 0 ? NULL : objectives, 0);
    }
}

/* Propose up to `trials`, results known as late as the window allows, or at once. */
static void play(struct study *s, size_t trials, bool late, size_t fail)
{
    struct rt_err err;
    while (s->proposer.count < trials) {
        const size_t n = s->proposer.count, w = (size_t)s->options.window;
        learn(s, !late ? n : n >= w ? n - w + 1 : 0, fail);
        assert_ok(search__propose(&s->proposer, &s->proposals[n], &err));
        assert_ok(search__proposer_add(&s->proposer, &s->proposals[n].arch, -1, &err));
    }
}

/* ---- the first trials ---- */

static void the_first_three_are_the_corners_of_the_space(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    struct space_arch want;
    (void)state;
    study_init(&s, 12);
    play(&s, 12, true, 0);
    space_largest(&s.space, &want);
    assert_true(space_arch_equal(&s.proposals[0].arch, &want));
    space_smallest(&s.space, &want);
    assert_true(space_arch_equal(&s.proposals[1].arch, &want));
    space_middle(&s.space, &want);
    assert_true(space_arch_equal(&s.proposals[2].arch, &want));
    assert_string_equal(s.proposals[0].origin, "largest");
    assert_string_equal(s.proposals[2].origin, "middle");
    for (int i = 3; i < s.options.initial; i++)
        assert_string_equal(s.proposals[i].origin, "fill");
    assert_string_not_equal(s.proposals[s.options.initial].origin, "fill");
    study_release(&s);
}

static void a_corner_beyond_the_limits_becomes_the_nearest_within(void **state)
{
    static const enum space_tie ties[] = {SPACE_TIE_UNIFORM, SPACE_TIE_LAYER};
    (void)state;
    for (int t = 0; t < 2; t++)
        for (int64_t limit = 100000; limit <= 12800000; limit *= 4) {
            struct study s = {.space = sample_space(ties[t]), .options = sample_options(0, 1)};
            struct space_arch target;
            s.space.limits.macs = limit;
            study_init(&s, 3);
            play(&s, 3, true, 0);
            space_largest(&s.space, &target);
            const double got = space_distance(&s.space, &s.proposals[0].arch, &target);
            const int64_t size = space_size(&s.space);
            double best = 2; /* of all, or in the larger space of some */
            struct rt_rng rng;
            rt_rng_init(&rng, 5, RT_STREAM_TEST, 0);
            for (int64_t i = 0; i < 10000; i++) {
                struct space_arch arch;
                if (t == 0 && i >= size)
                    break;
                if (t == 0)
                    space_nth(&s.space, i, &arch);
                else
                    space_nth(&s.space, (int64_t)rt_rng_below(&rng, (uint64_t)size), &arch);
                if (space_feasible(&s.space, &arch, NULL))
                    best = fmin(best, space_distance(&s.space, &arch, &target));
            }
            assert_true(space_feasible(&s.space, &s.proposals[0].arch, NULL));
            assert_true(got <= best + 1e-12);
            study_release(&s);
        }
}

static void filling_spreads_wider_than_sampling(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    double filled = 2, sampled = 2;
    struct space_arch archs[24];
    struct rt_rng rng;
    (void)state;
    s.options.initial = 24;
    study_init(&s, 24);
    play(&s, 24, true, 0);
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < 24; i++) {
        space_sample(&s.space, &rng, &archs[i]);
        for (int j = 0; j < i; j++) {
            const struct space_arch *a = &s.proposals[i].arch, *b = &s.proposals[j].arch;
            filled = fmin(filled, space_distance(&s.space, a, b));
            sampled = fmin(sampled, space_distance(&s.space, &archs[i], &archs[j]));
        }
    }
    assert_true(filled > 1.5 * sampled);
    study_release(&s);
}

static void given_architectures_come_after_the_corners(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    struct space_arch start[4];
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 9, RT_STREAM_TEST, 0);
    space_largest(&s.space, &start[0]); /* tried already */
    space_sample(&s.space, &rng, &start[1]);
    start[2] = start[1]; /* twice */
    space_sample(&s.space, &rng, &start[3]);
    study_init(&s, 10);
    s.proposer.start = start;
    s.proposer.start_count = 4;
    play(&s, 10, true, 0);
    assert_true(space_arch_equal(&s.proposals[3].arch, &start[1]));
    assert_true(space_arch_equal(&s.proposals[4].arch, &start[3]));
    assert_string_equal(s.proposals[4].origin, "start");
    assert_string_equal(s.proposals[5].origin, "fill");
    study_release(&s);
}

/* ---- purity ---- */

static void proposals_do_not_depend_on_results_within_the_window(void **state)
{
    struct study late = {.space = sample_space(SPACE_TIE_AUTO), .options = sample_options(0, 1)};
    bool differ = false;
    late.options.surrogate = *state ? SEARCH_SURROGATE_GP : SEARCH_SURROGATE_NONE;
    struct study soon = late;
    study_init(&late, 120);
    study_init(&soon, 120);
    play(&late, 120, true, 9);
    play(&soon, 120, false, 9);
    for (int i = 0; i < 120; i++) {
        assert_memory_equal(&late.proposals[i].arch, &soon.proposals[i].arch,
                            sizeof(struct space_arch));
        assert_string_equal(late.proposals[i].origin, soon.proposals[i].origin);
        assert_int_equal(late.proposals[i].parent_a, soon.proposals[i].parent_a);
        assert_int_equal(late.proposals[i].parent_b, soon.proposals[i].parent_b);
    }
    study_release(&soon);

    soon.options.seed++; /* but they do depend on the seed */
    study_init(&soon, 120);
    play(&soon, 120, true, 9);
    for (int i = 3; i < 120; i++)
        differ |= !space_arch_equal(&late.proposals[i].arch, &soon.proposals[i].arch);
    assert_true(differ);
    study_release(&soon);
    study_release(&late);
}

static void a_resumed_proposer_goes_on_as_the_first_would(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_STAGE), .options = sample_options(0, 1)};
    s.options.surrogate = *state ? SEARCH_SURROGATE_GP : SEARCH_SURROGATE_NONE;
    struct study again = s;
    struct rt_err err;
    study_init(&s, 90);
    play(&s, 90, true, 9);
    for (size_t cut = 1; cut < 90; cut += *state ? 29 : 8) {
        study_init(&again, 90);
        for (size_t i = 0; i < cut; i++)
            assert_ok(search__proposer_add(&again.proposer, &s.proposals[i].arch, -1, &err));
        play(&again, 90, true, 9);
        for (size_t i = cut; i < 90; i++) {
            assert_true(space_arch_equal(&s.proposals[i].arch, &again.proposals[i].arch));
            assert_memory_equal(s.proposals[i].mean, again.proposals[i].mean,
                                sizeof again.proposals[i].mean);
        }
        study_release(&again);
    }
    study_release(&s);
}

static void parents_are_known_and_did_not_fail(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    int mutations = 0, crossovers = 0, randoms = 0;
    (void)state;
    study_init(&s, 200);
    play(&s, 200, false, 5);
    for (int64_t i = s.options.initial; i < 200; i++) {
        const struct search__proposal *p = &s.proposals[i];
        const int64_t parents[] = {p->parent_a, p->parent_b};
        mutations += strcmp(p->origin, "mutation") == 0;
        crossovers += strcmp(p->origin, "crossover") == 0;
        randoms += strcmp(p->origin, "random") == 0;
        assert_int_equal(parents[0] >= 0, strcmp(p->origin, "random") != 0);
        assert_int_equal(parents[1] >= 0, strcmp(p->origin, "crossover") == 0);
        for (int k = 0; k < 2; k++)
            if (parents[k] >= 0) {
                assert_true(parents[k] <= i - s.options.window);
                assert_true(parents[k] % 5 != 0);
            }
    }
    assert_int_equal(mutations + crossovers + randoms, 192);
    assert_in_range(crossovers, 90, 150); /* 0.9 * 0.7 of 192 are 121 */
    assert_in_range(randoms, 8, 40);      /* 0.1 of 192 are 19 */
    study_release(&s);
}

static void survivors_are_the_best_by_rank_then_crowding(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    enum { N = 150 };
    int rank[N];
    double crowding[N];
    struct rt_err err;
    (void)state;
    s.options.window = 1;
    study_init(&s, N + 1);
    play(&s, N, false, 10);
    learn(&s, N, 10);
    assert_ok(search__propose(&s.proposer, &s.proposals[N], &err));

    assert_ok(search_ranks(s.proposer.points, N, 2, rank, &err));
    crowding_of(s.proposer.points, N, 2, rank, crowding);

    assert_int_equal(s.proposer.survivor_count, s.options.population);
    const struct search__survivor *last = &s.proposer.survivors[s.options.population - 1];
    for (size_t i = 0; i < N; i++) {
        bool survives = false;
        for (size_t j = 0; j < s.proposer.survivor_count; j++)
            survives |= s.proposer.survivors[j].trial == i;
        if (i % 10 == 0)
            assert_false(survives);
        else if (rank[i] != (int)last->rank)
            assert_int_equal(survives, rank[i] < (int)last->rank);
        else if (crowding[i] != last->crowding) /* ties may fall either way */
            assert_int_equal(survives, crowding[i] > last->crowding);
    }
    study_release(&s);
}

/* ---- the end of the space ---- */

static void a_needle_in_a_large_space_is_found_to_the_last(void **state)
{
    /* millions of members, of which a handful is feasible: sampling alone would hardly meet them */
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    struct space single = sample_space(SPACE_TIE_UNIFORM); /* has the same members of depth 1 */
    struct space_cost cost;
    struct space_arch arch;
    struct rt_err err;
    size_t feasible = 0;
    (void)state;
    space_cheapest(&s.space, s.space.patch.count - 1, &arch);
    arch.depth = 2; /* too large, and so is all that is deeper */
    arch.heads[1] = arch.heads[0];
    arch.ffn[1] = arch.ffn[0];
    space_cost_of(&arch, &s.space.shape, &cost);
    s.space.limits.macs = cost.macs - 1;
    for (int64_t i = 0; i < space_size(&single); i++) {
        space_nth(&single, i, &arch);
        feasible += arch.depth == 1 && space_feasible(&s.space, &arch, NULL);
    }
    assert_in_range(feasible, 3, 100);
    assert_true(space_size(&s.space) > 1 << 24);
    study_init(&s, (int64_t)feasible + 1);
    play(&s, feasible, true, 0);
    learn(&s, feasible, 0);
    assert_int_equal(search__propose(&s.proposer, &s.proposals[feasible], &err), RT_EEND);
    study_release(&s);
}

/* ---- is it any good ---- */

/* Hypervolume after `trials`, with a box that does not depend on the search. */
static double quality(uint64_t seed, double random, size_t trials, bool model)
{
    static const double ideal[] = {0, 4}, reference[] = {1, 8};
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    double volume = NAN, *points;
    struct rt_err err;
    s.options.seed = seed;
    s.options.random = random;
    s.options.population = 24;
    s.options.initial = 12;
    s.options.surrogate = model ? SEARCH_SURROGATE_GP : SEARCH_SURROGATE_NONE;
    study_init(&s, (int64_t)trials);
    play(&s, trials, true, 0);
    points = calloc(2 * trials, sizeof *points);
    assert_non_null(points);
    for (size_t i = 0; i < trials; i++) {
        objectives_of(&s, &s.proposals[i].arch, points + 2 * i);
        points[2 * i + 1] = log10(points[2 * i + 1]);
    }
    assert_ok(search_hypervolume(points, trials, 2, ideal, reference, &volume, &err));
    free(points);
    study_release(&s);
    return volume;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SEEDS = 5, MODEL_SEEDS = 5 };

/* The median over seeds; the least one goes into *least. */
static double median_quality(double random, size_t trials, bool model, double *least)
{
    double q[SEEDS];
    const int seeds = model ? MODEL_SEEDS : SEEDS; /* a model takes its time without optimisation */
    for (int i = 0; i < seeds; i++)
        q[i] = quality(100 + (uint64_t)i, random, trials, model);
    qsort(q, (size_t)seeds, sizeof *q, compare_doubles);
    print_message("  %zu trials, %.0f%% random%s: hypervolume %.4f (%.4f..%.4f)\n", trials,
                  100 * random, model ? ", with a model" : "", q[seeds / 2], q[0], q[seeds - 1]);
    *least = q[0];
    return q[seeds / 2];
}

static void evolution_needs_a_third_of_the_trials_of_chance(void **state)
{
    double evolved_least, chance_least;
    (void)state;
    const double evolved = median_quality(0.1, 150, false, &evolved_least);
    const double chance = median_quality(1, 150, false, &chance_least);
    const double chance_thrice = median_quality(1, 450, false, &chance_least);
    assert_true(evolved > chance_thrice);
    assert_true(evolved_least > chance); /* each seed beats the median of chance */
}

static void a_model_needs_two_thirds_of_the_trials(void **state)
{
    double with_least, without_least;
    (void)state;
    const double with = median_quality(0.1, 100, true, &with_least);
    const double without = median_quality(0.1, 150, false, &without_least);
    assert_true(with > without);
}

static void predictions_are_told_once_there_is_a_model(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    int predicted = 0, within = 0;
    (void)state;
    s.options.surrogate = SEARCH_SURROGATE_GP;
    study_init(&s, 100);
    play(&s, 100, true, 7);
    for (int i = 0; i < 100; i++) {
        const struct search__proposal *p = &s.proposals[i];
        double objectives[2];
        if (!p->predicted)
            continue;
        objectives_of(&s, &p->arch, objectives);
        predicted++;
        within += fabs(objectives[0] - p->mean[0]) < 2 * p->sd[0];
        assert_true(p->sd[0] > 0);
        assert_true(p->sd[1] == 0);
    }
    assert_false(s.proposals[s.options.initial].predicted); /* its window had too few results */
    assert_in_range(predicted, 75, 90);
    assert_true(within > predicted * 3 / 4);
    study_release(&s);
}

/* Errors in a unit so large that their squares are beyond all numbers; as a power of two it changes
 * no other bit. */
static void the_unit_of_a_metric_does_not_matter(void **state)
{
    static const double units[] = {0x1p-520, 0x1p520};
    struct study s = {.space = sample_space(SPACE_TIE_LAYER), .options = sample_options(0, 1)};
    (void)state;
    s.options.surrogate = SEARCH_SURROGATE_GP;
    struct study scaled = s;
    study_init(&s, 60);
    play(&s, 60, true, 0);
    for (int u = 0; u < 2; u++) {
        scaled.unit = units[u];
        study_init(&scaled, 60);
        play(&scaled, 60, true, 0);
        for (int i = 0; i < 60; i++)
            assert_true(space_arch_equal(&s.proposals[i].arch, &scaled.proposals[i].arch));
        study_release(&scaled);
    }
    study_release(&s);
}

/* Costs count by asinh() for the model. */
static void as_large_as_the_largest_may_gain_though_that_one_is_dominated(void **state)
{
    struct study s = {.space = sample_space(SPACE_TIE_UNIFORM), .options = sample_options(0, 1)};
    double objectives[2], largest = 0;
    struct rt_err err;
    (void)state;
    s.options.surrogate = SEARCH_SURROGATE_GP;
    s.options.window = 1;
    study_init(&s, 30);
    for (size_t n = 0; n < 30; n++) {
        assert_ok(search__propose(&s.proposer, &s.proposals[n], &err));
        objectives_of(&s, &s.proposals[n].arch, objectives);
        largest = n == 0 ? objectives[1] : largest;
        objectives[0] += objectives[1] > largest / 10 ? .3 : 0; /* the front ends there */
        assert_ok(search__proposer_add(&s.proposer, &s.proposals[n].arch, -1, &err));
        search__proposer_result(&s.proposer, objectives, 0);
    }
    assert_true(s.proposals[29].predicted);
    assert_true(s.proposer.advisor.worst[1] > asinh(largest));
    study_release(&s);
}

int main(void)
{
    static bool model = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_three_are_the_corners_of_the_space),
        cmocka_unit_test(a_corner_beyond_the_limits_becomes_the_nearest_within),
        cmocka_unit_test(filling_spreads_wider_than_sampling),
        cmocka_unit_test(given_architectures_come_after_the_corners),
        cmocka_unit_test(proposals_do_not_depend_on_results_within_the_window),
        {"... with a model", proposals_do_not_depend_on_results_within_the_window, NULL, NULL,
         &model},
        cmocka_unit_test(a_resumed_proposer_goes_on_as_the_first_would),
        {"... with a model", a_resumed_proposer_goes_on_as_the_first_would, NULL, NULL, &model},
        cmocka_unit_test(parents_are_known_and_did_not_fail),
        cmocka_unit_test(survivors_are_the_best_by_rank_then_crowding),
        cmocka_unit_test(a_needle_in_a_large_space_is_found_to_the_last),
        cmocka_unit_test(evolution_needs_a_third_of_the_trials_of_chance),
        cmocka_unit_test(a_model_needs_two_thirds_of_the_trials),
        cmocka_unit_test(predictions_are_told_once_there_is_a_model),
        cmocka_unit_test(the_unit_of_a_metric_does_not_matter),
        cmocka_unit_test(as_large_as_the_largest_may_gain_though_that_one_is_dominated),
    };
    return cmocka_run_group_tests_name("search/propose", tests, NULL, NULL);
}
