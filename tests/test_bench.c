/* tests/test_bench.c -- the search problems of bench/search: their fronts are what they claim. */
#include "support.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/cluster.h"
#include "bench/search/landscapes.h"
#include "bench/search/run.h"
#include "bench/search/simulate.h"

/* An open problem with fewer choices, so that all of it can be looked at. */
static struct bench_problem small(const char *name, int depth)
{
    struct bench_problem p;
    struct rt_err err;

    assert_ok(bench_open(name, &p, &err));
    bench_close(&p);
    p.space.depth = (struct space_choices){2, {1, depth}};
    p.space.width.count = 2;
    p.space.heads.count = 3;
    if (p.space.ffn.count)
        p.space.ffn.count = 3;
    else
        p.space.ratio_count = 3;
    assert_ok(bench_solve(&p, &err));
    return p;
}

/* The front of all feasible members, the longest way round. */
static double volume_of_all(const struct bench_problem *p, size_t *count)
{
    const int64_t size = space_size(&p->space);
    struct bench_score score;
    struct rt_err err;
    double volume;

    bench_score_open(&score, p);
    score.room = size;
    score.archs = calloc((size_t)size, sizeof *score.archs);
    assert_non_null(score.archs);
    for (int64_t i = 0; i < size; i++) {
        struct space_arch arch;
        double objectives[STORE_MAX_OBJECTIVES];
        space_nth(&p->space, i, &arch);
        if (bench_violation(p, &arch) > 0)
            continue;
        bench_evaluate(p, &arch, -1, objectives);
        score.trained = 0; /* all differ: nothing to compare with */
        assert_ok(bench_score_add(&score, &arch, objectives, &err));
    }
    volume = score.volume;
    *count = score.front_count;
    bench_score_close(&score);
    return volume;
}

static void fronts_of_small_landscapes_are_those_of_all_members(void **state)
{
    static const char *const names[] = {"layers", "trap", "narrow"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bench_problem p = small(names[i], 3);
        size_t count;

        const double volume = volume_of_all(&p, &count);

        assert_true(fabs(volume - 1) < 1e-12);
        assert_true(count >= p.front_count); /* equal points stand in it more than once */
        bench_close(&p);
    }
}

static void limits_cut_the_front_of_a_small_landscape(void **state)
{
    struct bench_problem p = small("narrow", 3), open = p;
    struct rt_err err;
    size_t count;
    (void)state;

    p.space.limits = (struct space_limits){.macs = 2000000, .memory = 30000};
    bench_close(&open);
    open.space.limits = (struct space_limits){0};
    p.front = NULL;
    assert_ok(bench_solve(&p, &err));
    assert_ok(bench_solve(&open, &err));

    assert_true(fabs(volume_of_all(&p, &count) - 1) < 1e-12);
    assert_true(p.front_count < open.front_count);
    bench_close(&p);
    bench_close(&open);
}

static void fronts_of_the_problems_are_as_they_were(void **state)
{
    static const struct {
        const char *name;
        int genes;
        size_t front;
        double volume;
    } want[] = {
        {"layers", 26, 463, 0.944153568620}, {"deep", 74, 1899, 0.943613148858},
        {"trap", 17, 74, 0.880524532102},    {"narrow", 27, 133, 0.775033563332},
        {"table", 5, 34, 0.936193546693},
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

static void limits_of_the_narrow_problem_forbid_95_percent(void **state)
{
    struct bench_problem p;
    struct bench_gene genes[BENCH_MAX_GENES];
    struct rt_rng rng;
    struct rt_err err;
    int forbidden = 0;
    (void)state;
    assert_ok(bench_open("narrow", &p, &err));
    const int count = bench_genes(&p, genes);
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);

    for (int i = 0; i < 4000; i++) {
        int index[BENCH_MAX_GENES];
        struct space_arch arch;
        for (int g = 0; g < count; g++)
            index[g] = (int)rt_rng_below(&rng, (uint64_t)genes[g].choices);
        assert_true(bench_decode(&p, index, &arch));
        assert_int_equal(bench_violation(&p, &arch) > 0, !space_feasible(&p.space, &arch, NULL));
        forbidden += bench_violation(&p, &arch) > 0;
    }

    assert_in_range(forbidden, 3760, 3840); /* three standard errors are 41 */
    bench_close(&p);
}

static void indices_name_every_choice_and_nothing_else(void **state)
{
    struct bench_problem p;
    struct bench_gene genes[BENCH_MAX_GENES];
    int index[BENCH_MAX_GENES] = {0};
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(bench_open("layers", &p, &err));
    const int count = bench_genes(&p, genes);

    assert_true(bench_decode(&p, index, &arch));
    assert_int_equal(arch.depth, 8);
    for (int i = 0; i < count; i++)
        index[i] = genes[i].choices - 1;
    assert_true(bench_decode(&p, index, &arch));
    assert_true(space_contains(&p.space, &arch));
    assert_int_equal(arch.depth, 12);
    assert_int_equal(arch.ffn[11], 4 * 144);
    index[0] = genes[0].choices;
    assert_false(bench_decode(&p, index, &arch));
    bench_close(&p);
}

static void scores_count_each_architecture_once(void **state)
{
    struct bench_problem p = small("trap", 2);
    struct bench_score score;
    struct space_arch arch;
    struct rt_err err;
    double objectives[STORE_MAX_OBJECTIVES];
    (void)state;
    space_smallest(&p.space, &arch);
    bench_evaluate(&p, &arch, -1, objectives);
    bench_score_open(&score, &p);

    assert_ok(bench_score_add(&score, &arch, objectives, &err));
    const double volume = score.volume;

    assert_int_equal(bench_score_add(&score, &arch, objectives, &err), RT_EEND);
    assert_int_equal(score.trained, 1);
    assert_true(volume > 0 && volume < 1 && score.volume == volume);
    bench_score_close(&score);
    bench_close(&p);
}

static void retorts_search_comes_near_the_front_of_a_small_problem(void **state)
{
    struct bench_problem p = small("layers", 3);
    struct search_options options;
    struct rt_err err;
    double volumes[300];
    (void)state;
    bench_run_defaults(&p, &options);
    options.trials = 300;
    options.seed = 5;

    assert_ok(bench_run(&p, options, volumes, &err));

    for (int i = 1; i < 300; i++)
        assert_true(volumes[i] >= volumes[i - 1]);
    assert_true(volumes[299] > .95 && volumes[299] <= 1 + 1e-12);
    bench_close(&p);
}

static void tables_front_is_that_of_all_members(void **state)
{
    struct bench_problem p;
    struct rt_err err;
    size_t count;
    (void)state;
    assert_ok(bench_open("table", &p, &err));

    assert_true(fabs(volume_of_all(&p, &count) - 1) < 1e-12);

    assert_int_equal(count, p.front_count);
    for (int b = 1; b < p.budget_count; b++)
        assert_true(p.budget[b] > p.budget[b - 1]);
    bench_close(&p);
}

static void short_trials_count_by_their_share_of_a_whole_one(void **state)
{
    struct bench_problem p;
    struct search_options options;
    struct rt_err err;
    double volumes[30];
    (void)state;
    assert_ok(bench_open("table", &p, &err));
    bench_run_defaults(&p, &options);
    options.trials = 30;
    options.rung_count = p.budget_count;
    memcpy(options.rung_budget, p.budget, sizeof p.budget);

    assert_ok(bench_run(&p, options, volumes, &err));

    assert_true(volumes[0] == 0); /* nine or more short ones, and no whole one */
    assert_true(volumes[29] > .5);
    bench_close(&p);
}

/* Of workers and trials alone: no network, no losses, a coordinator that takes no time. */
static struct bench_load load_of(struct bench_cluster cluster)
{
    struct bench_load load;
    struct rt_err err;

    cluster.seconds = 1;
    cluster.slowness = cluster.slowness > 0 ? cluster.slowness : 1;
    cluster.attempts = 3;
    cluster.seed = 1;
    assert_ok(bench_cluster_run(&cluster, &load, &err));
    return load;
}

static struct bench_load load_by_window(int workers, int window, int64_t trials, double spread)
{
    return load_of((struct bench_cluster){
        .workers = workers, .window = window, .trials = trials, .spread = spread});
}

static void workers_wait_only_for_the_window(void **state)
{
    (void)state;

    assert_true(fabs(load_by_window(1, 1, 50, 10).busy - 1) < 1e-12); /* alone, nobody waits */
    assert_true(fabs(load_by_window(8, 1, 500, 10).busy - 1. / 8) < 1e-12); /* one at a time */
    assert_true(fabs(load_by_window(8, 500, 500, 10).busy - 1) < 1e-12);
    assert_true(fabs(load_by_window(8, 8, 500, 1).busy - 1) < 1e-12); /* equal trials */
    const struct bench_load narrow = load_by_window(8, 8, 2000, 10);
    const struct bench_load wide = load_by_window(8, 16, 2000, 10);
    assert_true(narrow.busy < wide.busy && wide.busy < 1);
    assert_true(narrow.held <= 8 && wide.held > narrow.held && wide.held <= 16);
    assert_true(narrow.lost == 0 && narrow.failed == 0 && isnan(narrow.volume));
}

/* Trials of one second each by 8 workers. */
static void coordinator_and_network_are_the_limits_that_they_are(void **state)
{
    struct bench_cluster cluster = {.workers = 8, .window = 100, .trials = 4000, .spread = 1};
    struct bench_load load;
    (void)state;

    cluster.propose = 0.25; /* four a second is all that there can be */
    load = load_of(cluster);
    assert_true(fabs(load.rate - 4) < 0.01 && load.proposing > 0.999 && load.proposing < 1.001);
    assert_true(fabs(load.busy - 0.5) < 0.01);
    cluster.propose = 0;
    cluster.record = 0.5; /* and two of these */
    load = load_of(cluster);
    assert_true(fabs(load.rate - 2) < 0.01 && load.recording > 0.999 && load.recording < 1.01);
    cluster.record = 0;
    cluster.delay = 0.5; /* one second there and back beside each of work */
    load = load_of(cluster);
    assert_true(fabs(load.rate - 4) < 0.02 && fabs(load.busy - 0.5) < 0.01);
}

static void lost_trials_are_given_out_again(void **state)
{
    struct bench_cluster cluster = {.workers = 8, .window = 100, .trials = 4000, .spread = 1};
    (void)state;

    cluster.lost_every = 10; /* seconds: one trial in ten is lost, after half of it */
    cluster.lease = 1;
    const struct bench_load load = load_of(cluster);
    const double share = load.lost / (load.busy + load.lost);
    assert_true(share > 0.03 && share < 0.07);
    assert_true(load.failed >= 1 && load.failed <= 12); /* one in a thousand, thrice */
    cluster.absent = 10;                                /* as long away as at work */
    assert_true(fabs(load_of(cluster).busy - 0.5) < 0.05);
    cluster.lost_every = 0;
    cluster.slow = 0.5; /* of the workers; a half of 8 a second and a half of a quarter of it */
    cluster.slowness = 4;
    assert_true(fabs(load_of(cluster).rate - 5) < 0.05);
    cluster = (struct bench_cluster){.workers = 100, .window = 300, .trials = 5000, .spread = 10};
    cluster.slow = 0.01; /* one of them holds the window shut, ... */
    cluster.slowness = 3;
    const struct bench_load once = load_of(cluster);
    cluster.twice = true; /* but for who waits */
    const struct bench_load twice = load_of(cluster);
    assert_true(once.busy < 0.8 && twice.rate > 1.05 * once.rate);
}

static void a_cluster_may_ask_the_search_itself(void **state)
{
    struct bench_problem p = small("layers", 3);
    struct search_options options;
    double volumes[40];
    struct rt_err err;
    (void)state;
    bench_run_defaults(&p, &options);
    options.trials = 40;
    options.window = 4;
    assert_ok(bench_run(&p, options, volumes, &err));

    const struct bench_load load =
        load_of((struct bench_cluster){.workers = 4,
                                       .window = 4,
                                       .trials = 44, /* of which 40 are committed when it ends */
                                       .spread = 1,
                                       .problem = &p,
                                       .options = &options});

    assert_true(load.volume == volumes[39]); /* the same trials */
    assert_true(load.proposing > 0);
    bench_close(&p);
}

static int number(struct store *store, const char *sql)
{
    sqlite3_stmt *q = NULL;

    assert_int_equal(sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    const int value = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return value;
}

static void book_keeping_of_trials_is_timed_and_kept_if_wanted(void **state)
{
    struct bench_problem p = small("layers", 3);
    struct bench_recorded recorded;
    struct bench_recording recording = {.trials = 20, .points = 6};
    struct rt_err err;
    char folder[] = "/tmp/retort-bench-XXXXXX", path[64];
    struct store *store = NULL;
    (void)state;

    assert_ok(bench_record(&p, &recording, &recorded, &err));

    assert_true(recorded.cpu > 0 && recorded.wall > 0);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/study.db", folder);
    recording = (struct bench_recording){.trials = 120, .path = path, .durable = true};
    assert_ok(bench_record(&p, &recording, &recorded, &err));
    assert_ok(store_open(path, STORE_READ, NULL, &store, &err));
    assert_int_equal(number(store, "select committed from progress"), 119);
    assert_int_equal(number(store, "select failed from progress"), 1);
    assert_int_equal(number(store, "select count(*) from prediction"), 20);
    bench_store_remove(folder, store);
    bench_close(&p);
}

static void proposals_are_timed_one_by_one(void **state)
{
    struct bench_problem p = small("layers", 3);
    struct search_options options;
    struct rt_err err;
    int64_t ns[40] = {0};
    (void)state;
    bench_run_defaults(&p, &options);
    options.window = 4;

    assert_ok(bench_propose(&p, &options, 100, 40, ns, &err));

    for (int i = 0; i < 40; i++)
        assert_true(ns[i] > 0);
    bench_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_of_small_landscapes_are_those_of_all_members),
        cmocka_unit_test(limits_cut_the_front_of_a_small_landscape),
        cmocka_unit_test(fronts_of_the_problems_are_as_they_were),
        cmocka_unit_test(limits_of_the_narrow_problem_forbid_95_percent),
        cmocka_unit_test(indices_name_every_choice_and_nothing_else),
        cmocka_unit_test(scores_count_each_architecture_once),
        cmocka_unit_test(retorts_search_comes_near_the_front_of_a_small_problem),
        cmocka_unit_test(tables_front_is_that_of_all_members),
        cmocka_unit_test(short_trials_count_by_their_share_of_a_whole_one),
        cmocka_unit_test(workers_wait_only_for_the_window),
        cmocka_unit_test(coordinator_and_network_are_the_limits_that_they_are),
        cmocka_unit_test(lost_trials_are_given_out_again),
        cmocka_unit_test(a_cluster_may_ask_the_search_itself),
        cmocka_unit_test(book_keeping_of_trials_is_timed_and_kept_if_wanted),
        cmocka_unit_test(proposals_are_timed_one_by_one),
    };
    return cmocka_run_group_tests_name("bench/search", tests, NULL, NULL);
}
