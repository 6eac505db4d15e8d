/* How sure it is that a point is of the front. */
#include "support.h"

#include "search/membership.h"

static void exact_points_are_sure(void **state)
{
    const double points[] = {1, 3, 2, 2, 3, 1, 3, 3, NAN, NAN}, error[10] = {0};
    const size_t all[] = {0, 1, 2, 3};
    double p[4];
    struct rt_err err;

    (void)state;
    assert_int_equal(search_membership(points, error, 5, 2, all, 4, p, &err), RT_OK);
    assert_true(p[0] == 1 && p[1] == 1 && p[2] == 1 && p[3] == 0);
}

/* Two of the same cost: the better one by chance is the better one with probability
 * Phi(gap / sqrt(s1^2 + s2^2)). */
static void two_of_one_cost(void **state)
{
    const double points[] = {.10, 5, .11, 5}, error[] = {.01, 0, .01, 0};
    const size_t both[] = {0, 1};
    double p[2];
    struct rt_err err;

    (void)state;
    assert_int_equal(search_membership(points, error, 2, 2, both, 2, p, &err), RT_OK);
    const double want = .5 * erfc(-.01 / hypot(.01, .01) / sqrt(2));
    assert_near(p[0], want, .04);
    assert_near(p[1], 1 - want, .04);
    assert_near(p[0] + p[1], 1, 1e-12); /* the same draws */
}

/* A larger one may be better by noise alone, but never dominates a smaller one. */
static void cost_that_is_exact_protects(void **state)
{
    const double points[] = {.10, 5, .05, 6}, error[] = {.05, 0, .05, 0};
    const size_t both[] = {0, 1};
    double p[2];
    struct rt_err err;

    (void)state;
    assert_int_equal(search_membership(points, error, 2, 2, both, 2, p, &err), RT_OK);
    assert_true(p[0] == 1);
    assert_near(p[1], .5 * erfc(-1 / sqrt(2) / sqrt(2)), .04);
}

static void more_seeds_make_it_surer(void **state)
{
    double points[] = {.10, 5, .11, 5}, error[] = {.02, 0, .02, 0}, p[2], before;
    const size_t one[] = {0};
    struct rt_err err;

    (void)state;
    assert_int_equal(search_membership(points, error, 2, 2, one, 1, p, &err), RT_OK);
    before = p[0];
    error[0] = error[2] = .02 / sqrt(5);
    assert_int_equal(search_membership(points, error, 2, 2, one, 1, p, &err), RT_OK);
    assert_true(p[0] > before + .05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_points_are_sure),
        cmocka_unit_test(two_of_one_cost),
        cmocka_unit_test(cost_that_is_exact_protects),
        cmocka_unit_test(more_seeds_make_it_surer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
