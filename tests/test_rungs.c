/* tests/test_rungs.c -- who goes on to the next rung: the best 1/eta of the front's order, whoever
 * comes when, and the searches that this makes. */
#include "crowding.h"
#include "search_sample.h"

/* ---- the rule ---- */

enum { MOST = 90 };

struct table { /* results of one rung, in order of arrival */
    struct search__rungs rungs;
    struct search__place place[MOST];
    double points[MOST * 3];
    size_t count;
    int m;
};

static void table_init(struct table *t, int m, double eta)
{
    const struct search_options options = {.rung_count = 2, .eta = eta};
    *t = (struct table){.m = m};
    search__rungs_init(&t->rungs, &options);
}

static void table_add(struct table *t, const double *point)
{
    size_t highest;
    struct rt_err err;
    memcpy(t->points + t->count * (size_t)t->m, point, (size_t)t->m * sizeof *point);
    assert_ok(search__rungs_add(&t->rungs, t->points, t->m, t->count, 0, &highest, &err));
    t->count++;
}

static size_t table_promote(struct table *t)
{
    size_t trial;
    struct rt_err err;
    assert_ok(search__rungs_promote(&t->rungs, t->points, t->m, t->place, &trial, &err));
    if (trial != SEARCH_NONE) {
        assert_true(trial < t->count && !t->place[trial].promoted);
        t->place[trial].promoted = true;
        t->rungs.promoted[0]++;
    }
    return trial;
}

/* Records and newcomer for which another system's rule stops the newcomer. */
static void a_newcomer_that_dominates_all_goes_on(void **state)
{
    static const double points[][2] = {{2, 2}, {3, 3}, {4, 4}, {1, 1}};
    struct table t;
    (void)state;
    table_init(&t, 2, 3);

    table_add(&t, points[0]);
    table_add(&t, points[1]);
    assert_true(table_promote(&t) == SEARCH_NONE); /* a third of two is nobody */
    table_add(&t, points[2]);
    assert_int_equal(table_promote(&t), 0);
    assert_true(table_promote(&t) == SEARCH_NONE);
    table_add(&t, points[3]);

    assert_int_equal(table_promote(&t), 3);
    assert_true(table_promote(&t) == SEARCH_NONE);
    search__rungs_release(&t.rungs);
}

/* By definition: how many come before point i by rank, then crowding, then age. */
static size_t place_of(const struct table *t, size_t i, int *rank_of)
{
    double crowding[MOST];
    int rank[MOST];
    size_t before = 0;
    struct rt_err err;
    assert_ok(search_ranks(t->points, t->count, t->m, rank, &err));
    crowding_of(t->points, t->count, t->m, rank, crowding);
    for (size_t j = 0; j < t->count; j++)
        before += rank[j] != rank[i]           ? rank[j] < rank[i]
                  : crowding[j] != crowding[i] ? crowding[j] > crowding[i]
                                               : j < i;
    *rank_of = rank[i];
    return before;
}

/* So a newcomer of the front is not stopped while it is among the best 1/eta. */
static void the_best_go_on_the_front_at_once_and_others_while_there_is_room(void **state)
{
    struct table t;
    int of_the_front = 0;
    (void)state;
    for (uint64_t set = 0; set < 60; set++) {
        const double eta = set % 3 == 0 ? 3 : set % 3 == 1 ? 2 : 4.5;
        struct rt_rng rng;
        rt_rng_init(&rng, 3, RT_STREAM_TEST, set);
        table_init(&t, 1 + (int)(set % 3), eta);
        for (size_t n = 1; n <= MOST / 2; n++) {
            const size_t best = (size_t)((double)n / eta);
            double point[3];
            size_t trial;
            int rank;
            for (int k = 0; k < t.m; k++)
                point[k] = set % 2 ? rt_rng_uniform(&rng) : (double)rt_rng_below(&rng, 6);
            table_add(&t, point);
            while ((trial = table_promote(&t)) != SEARCH_NONE) {
                assert_true(place_of(&t, trial, &rank) < best);
                assert_true(rank == 0 || t.rungs.promoted[0] <= best);
                of_the_front += rank == 0 && t.rungs.promoted[0] > best;
            }
            for (size_t i = 0; i < n; i++)
                assert_true(t.place[i].promoted || place_of(&t, i, &rank) >= best ||
                            (rank > 0 && t.rungs.promoted[0] >= best));
        }
        search__rungs_release(&t.rungs);
    }
    assert_true(of_the_front > 20);
}

static void the_higher_rung_is_served_first(void **state)
{
    const struct search_options options = {.rung_count = 3, .eta = 2};
    const struct search__place place[] = {
        {.promoted = true}, {.promoted = true}, {.rung = 1}, {.rung = 0}, {.rung = 1}};
    const double points[] = {5, 4, 3, 1, 2};
    struct search__rungs rungs;
    size_t trial, highest;
    struct rt_err err;
    (void)state;
    search__rungs_init(&rungs, &options);
    for (size_t i = 0; i < 5; i++)
        assert_ok(search__rungs_add(&rungs, points, 1, i, place[i].rung, &highest, &err));

    assert_ok(search__rungs_promote(&rungs, points, 1, place, &trial, &err));

    assert_int_equal(trial, 4);
    search__rungs_release(&rungs);
}

/* ---- whole searches ---- */

enum { TRIALS = 120 };

static char *rows_of(const struct space *space, struct search_options options, int delay_us)
{
    struct sample_context context = {.delay_us = delay_us, .fail_every = 7};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    char *rows;

    sample_create(&s, &options);
    assert_ok(sample_run(&s, space, options, &context, &end, &err));
    assert_int_equal(end, options.trials ? SEARCH_END_TRIALS : SEARCH_END_EXHAUSTED);
    rows = sample_rows(s.store);
    sample_remove(&s);
    return rows;
}

static void rows_are_the_same_for_any_number_of_workers(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    char *one = rows_of(&space, sample_rungs(TRIALS, 1), 0);
    (void)state;
    for (int workers = 2; workers <= 8; workers *= 2) {
        char *many = rows_of(&space, sample_rungs(TRIALS, workers), 2000);
        assert_rows_equal(many, one);
        free(many);
    }
    free(one);
}

/* Up to the end of the space, where promotions see all results and not those of a window. */
static void a_stop_after_every_kth_trial_changes_nothing(void **state)
{
    static const int steps[] = {1, 5, 17};
    struct space space = sample_space(SPACE_TIE_UNIFORM);
    struct search_options options = sample_rungs(0, 1);
    char *want;
    (void)state;
    space.limits.macs = 150000;
    options.inherit = SEARCH_INHERIT_PARENT;
    want = rows_of(&space, options, 0);
    for (int i = 0; i < 3; i++)
        for (int workers = 1; workers <= 2; workers++) {
            struct sample_study s;
            enum search_end end;
            struct rt_err err;
            options.workers = workers;
            sample_create(&s, &options);
            do {
                struct sample_context context = {
                    .delay_us = 200, .fail_every = 7, .stop_after = steps[i]};
                assert_ok(sample_run(&s, &space, options, &context, &end, &err));
            } while (end == SEARCH_END_STOPPED);
            assert_int_equal(end, SEARCH_END_EXHAUSTED);
            char *got = sample_rows(s.store);
            assert_rows_equal(got, want);
            free(got);
            sample_remove(&s);
        }
    free(want);
}

static void assert_none(struct store *store, const char *sql)
{
    const int64_t count = sample_integer(store, sql);
    if (count)
        fail_msg("%lld rows: %s", (long long)count, sql);
}

static void a_candidate_climbs_rung_by_rung(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_rungs(TRIALS, 2);
    struct sample_context context = {.fail_every = 7};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    options.inherit = SEARCH_INHERIT_PARENT;
    sample_create(&s, &options);

    assert_ok(sample_run(&s, &space, options, &context, &end, &err));

    /* each was well before at the rung below, committed by the time it was proposed */
    assert_none(s.store, "select count(*) from trial t where rung > 0 and not exists (select 1 from"
                         " trial u where u.candidate = t.candidate and u.rung = t.rung - 1 and"
                         " u.state = 'committed' and u.number <= t.number - 6)");
    assert_int_equal(sample_integer(s.store, "select committed > 3 from rungs where rung = 2"), 1);
    assert_int_equal(sample_integer(s.store, "select group_concat(budget) = '10,30,90' from rungs"),
                     1);
    /* the front is of the last rung, and all of it that nothing there dominates */
    assert_none(s.store, "select count(*) from front join trial on number = trial where rung < 2");
    assert_none(s.store,
                "select count(*) from leaderboard a where not on_front and not exists (select 1"
                " from leaderboard b where b.error <= a.error and b.macs <= a.macs and"
                " (b.error < a.error or b.macs < a.macs))");
    /* children start from what was committed when they were proposed, and again when they go on */
    assert_none(s.store, "select count(*) from trial where inherits > number - 6");
    assert_none(s.store, "select count(*) from trial t join candidate c on c.id = t.candidate"
                         " where t.inherits is not c.parent_a");
    assert_int_equal(sample_integer(s.store, "select count(inherits) > 10 from trial"), 1);
    assert_none(s.store, "select count(*) from trial t where not exists"
                         " (select 1 from front_history h where h.trial = t.number)");
    sample_remove(&s);
}

static void at_the_end_of_a_small_space_all_of_the_best_have_gone_on(void **state)
{
    struct space space = sample_space(SPACE_TIE_UNIFORM);
    struct search_options options = sample_rungs(0, 4);
    struct sample_context context = {.delay_us = 50};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    space.limits.macs = 150000;
    sample_create(&s, &options);

    assert_ok(sample_run(&s, &space, options, &context, &end, &err));

    assert_int_equal(end, SEARCH_END_EXHAUSTED);
    assert_int_equal(sample_integer(s.store, "select committed from rungs where rung = 0"),
                     sample_integer(s.store, "select count(*) from candidate"));
    assert_none(s.store, "select count(*) from rungs r join rungs n on n.rung = r.rung + 1"
                         " where n.committed < r.committed / 3");
    const int calls = context.calls;
    assert_ok(sample_run(&s, &space, options, &context, &end, &err)); /* and it stays so */
    assert_int_equal(context.calls, calls);
    sample_remove(&s);
}

static void a_store_whose_trials_skip_a_rung_is_refused(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options options = sample_rungs(10, 1);
    struct sample_context context = {.delay_us = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    assert_int_equal(sqlite3_exec(store_handle(s.store),
                                  "update trial set rung = 2 where number = 4", NULL, NULL, NULL),
                     SQLITE_OK);

    assert_int_equal(sample_run(&s, &space, options, &context, &end, &err), RT_EDB);

    assert_non_null(strstr(err.text, "is damaged: trial 4 cannot be of rung 2"));
    sample_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newcomer_that_dominates_all_goes_on),
        cmocka_unit_test(the_best_go_on_the_front_at_once_and_others_while_there_is_room),
        cmocka_unit_test(the_higher_rung_is_served_first),
        cmocka_unit_test(rows_are_the_same_for_any_number_of_workers),
        cmocka_unit_test(a_stop_after_every_kth_trial_changes_nothing),
        cmocka_unit_test(a_candidate_climbs_rung_by_rung),
        cmocka_unit_test(at_the_end_of_a_small_space_all_of_the_best_have_gone_on),
        cmocka_unit_test(a_store_whose_trials_skip_a_rung_is_refused),
    };
    return cmocka_run_group_tests_name("search/rungs", tests, NULL, NULL);
}
