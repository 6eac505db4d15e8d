/* tests/test_store_rungs.c -- trials of several budgets: what is kept, and what the views say. */
#include "store_sample.h"

static void one_architecture_may_run_at_other_rungs(void **state)
{
    struct store *s = sample_rungs_create("twice.db");
    struct rt_err err;
    (void)state;

    assert_ok(sample_rungs_propose(s, 0, 0, 0, &err));
    assert_ok(sample_rungs_propose(s, 1, 0, 1, &err));
    assert_int_equal(sample_rungs_propose(s, 2, 0, 1, &err), RT_EDB);

    assert_says("trial 1 has the same architecture, rung and seed");
    assert_rows(s, "select count(*), origin from candidate", "1|fill\n");
    assert_rows(s, "select printf('%u', seed) from trial where number = 1",
                "18446744073709551615\n");
    store_close(s);
}

static void a_rung_that_the_study_has_not_is_refused(void **state)
{
    struct store *s = sample_rungs_create("beyond.db");
    struct rt_err err;
    (void)state;

    assert_int_equal(sample_rungs_propose(s, 0, 0, 3, &err), RT_EDB);

    assert_rows(s, "select count(*) from candidate", "0\n");
    store_close(s);
}

static void a_study_without_rungs_has_one(void **state)
{
    struct store *s = sample_create(sample_path("none.db"));
    (void)state;

    assert_rows(s, "select rung, budget, committed, failed, open, pairs, tau_b from rungs",
                "0|null|0|0|0|null|null\n");
    store_close(s);
}

/* Errors .1 .2 .3 .3 of four candidates become .05 .10 .08 .20: of six pairs four agree, one is
 * the other way and one was equal, so tau-b is (4 - 1) / sqrt(5 * 6). Of the best third, which is
 * two of four, one is kept. */
static void rungs_tell_how_well_each_foretells_the_next(void **state)
{
    static const double low[] = {.1, .2, .3, .3, .4}, high[] = {.05, .10, .08, .20};
    struct store *s = sample_rungs_create("tau.db");
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 5; i++)
        sample_rungs_run(s, i, i, 0, low[i]);
    for (int i = 0; i < 4; i++)
        sample_rungs_run(s, 5 + i, i, 1, high[i]);
    assert_ok(sample_rungs_propose(s, 9, 5, 0, &err));

    assert_rows(s,
                "select rung, budget, committed, failed, open, pairs, round(tau_b, 6),"
                " best_third_kept from rungs",
                "0|60|5|0|1|4|0.547723|0.5\n"
                "1|180|4|0|0|null|null|null\n"
                "2|540|0|0|0|null|null|null\n");
    assert_rows(s, "select candidate, trial, next_trial, by, value, next_value from rung_pairs",
                "1|0|5|error|0.1|0.05\n2|1|6|error|0.2|0.1\n"
                "3|2|7|error|0.3|0.08\n4|3|8|error|0.3|0.2\n");
    store_close(s);
}

static void the_leaderboard_is_of_the_highest_rung_reached(void **state)
{
    struct store *s = sample_rungs_create("board.db");
    (void)state;

    sample_rungs_run(s, 0, 0, 0, .3);
    sample_rungs_run(s, 1, 1, 0, .2);
    assert_rows(s, "select trial, rung from leaderboard", "1|0\n0|0\n");
    sample_rungs_run(s, 2, 0, 1, .4);
    assert_rows(s, "select trial, rung from leaderboard", "2|1\n");
    sample_rungs_run(s, 3, 0, 2, .5);
    assert_rows(s, "select trial, rung, on_front from leaderboard", "3|2|1\n");
    assert_rows(s, "select trial, rung from pareto", "3|2\n");
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_architecture_may_run_at_other_rungs),
        cmocka_unit_test(a_rung_that_the_study_has_not_is_refused),
        cmocka_unit_test(a_study_without_rungs_has_one),
        cmocka_unit_test(rungs_tell_how_well_each_foretells_the_next),
        cmocka_unit_test(the_leaderboard_is_of_the_highest_rung_reached),
    };
    return cmocka_run_group_tests_name("store/rungs", tests, sample_setup, sample_teardown);
}
