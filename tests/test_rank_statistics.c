/* Statistics of ranks against values worked out by hand or published. */
#include "support.h"

#include "base/rank_statistics.h"

static const double one[] = {1, 2, 3, 4, 5};

static void tau_b_counts_ties(void **state)
{
    const double b[] = {1, 3, 2, 4, 5}, tied_a[] = {1, 2, 2, 4, 5}, tied_b[] = {1, 3, 2, 4, 4};
    const double falling[] = {5, 4, 3, 2, 1}, level[] = {7, 7, 7, 7, 7};

    (void)state;
    assert_near(rt_tau_b(one, b, NULL, 5), .8, 1e-12);
    assert_near(rt_tau_b(tied_a, tied_b, NULL, 5), 8 / 9., 1e-12);
    assert_near(rt_tau_b(one, falling, NULL, 5), -1, 1e-12);
    assert_true(isnan(rt_tau_b(one, level, NULL, 5)));
    assert_true(isnan(rt_tau_b(one, one, NULL, 1)));
}

/* Between the bands all is in order, within them all is the wrong way round. */
static void tau_b_within_bands(void **state)
{
    const double b[] = {2, 1, 4, 3};
    const int band[] = {0, 0, 1, 1};

    (void)state;
    assert_near(rt_tau_b(one, b, NULL, 4), (4 - 2) / 6., 1e-12);
    assert_near(rt_tau_b(one, b, band, 4), -1, 1e-12);
}

static void spearman_shares_places(void **state)
{
    /* 1 - 6 sum d^2 / (n (n^2 - 1)) without ties; with ties the correlation of mean places */
    const double b[] = {1, 3, 2, 4, 5}, tied[] = {1, 2, 2, 4, 5};

    (void)state;
    assert_near(rt_spearman(one, b, 5), 1 - 6. * 2 / (5 * 24), 1e-12);
    assert_near(rt_spearman(one, tied, 5), 9.5 / sqrt(10 * 9.5), 1e-12);
    assert_true(isnan(rt_spearman(one, one, 1)));
}

static void the_best_and_what_is_lost(void **state)
{
    const double score[] = {.3, .1, .2, .4}, truth[] = {10, 13, 12, 11};

    (void)state;
    assert_near(rt_top_overlap(score, truth, 4, 2), 0, 0); /* 1, 2 against 0, 3 */
    assert_near(rt_top_overlap(score, truth, 4, 3), 2 / 3., 1e-12);
    assert_near(rt_top_overlap(score, truth, 4, 9), 1, 0);
    assert_near(rt_regret(score, truth, 4, 1), 3, 0);
    assert_near(rt_regret(score, truth, 4, 2), 2, 0);
    assert_near(rt_regret(score, truth, 4, 3), 0, 0);
    assert_true(isnan(rt_regret(score, truth, 0, 1)));
}

static void pairs_that_differ_for_sure(void **state)
{
    const double score[] = {1, 2, 2, 0}, truth[] = {1, 2, 5, 6}, error[] = {1, 1, 1, 1};

    (void)state; /* by over 2 sqrt 2: 0-2 right, 0-3 wrong, 1-2 level, 1-3 wrong */
    const struct rt_told_apart told = rt_told_apart(score, truth, error, 4, 2);
    assert_near(told.pairs, 4, 0);
    assert_near(told.right, 1.5, 0);
}

static void intervals_hold_the_value_and_repeat(void **state)
{
    double a[40], b[40], low, high, again[2];
    struct rt_rng rng;
    struct rt_err err;

    (void)state;
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < 40; i++) {
        a[i] = rt_rng_normal(&rng);
        b[i] = a[i] + .5 * rt_rng_normal(&rng);
    }
    const double tau = rt_tau_b(a, b, NULL, 40);
    assert_int_equal(rt_tau_b_interval(a, b, 40, 3, &low, &high, &err), RT_OK);
    assert_true(low < tau && tau < high && high - low > .1 && high - low < .6);
    assert_int_equal(rt_tau_b_interval(a, b, 40, 3, &again[0], &again[1], &err), RT_OK);
    assert_true(again[0] == low && again[1] == high);
    assert_int_equal(rt_tau_b_interval(a, b, 0, 3, &low, &high, &err), RT_OK);
    assert_true(isnan(low) && isnan(high));
}

static void means_and_their_errors(void **state)
{
    const double x[] = {2, 4, 6};
    double error;

    (void)state;
    assert_near(rt_mean(x, 3, &error), 4, 0);
    assert_near(error, 2 / sqrt(3), 1e-12);
    assert_near(rt_mean(x, 1, &error), 2, 0);
    assert_true(isnan(error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tau_b_counts_ties),
        cmocka_unit_test(tau_b_within_bands),
        cmocka_unit_test(spearman_shares_places),
        cmocka_unit_test(the_best_and_what_is_lost),
        cmocka_unit_test(pairs_that_differ_for_sure),
        cmocka_unit_test(intervals_hold_the_value_and_repeat),
        cmocka_unit_test(means_and_their_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
