/* tests/test_pareto.c -- dominance, ranks, crowding and hypervolume against numbers worked by hand
 * and against the definitions written as plain loops. */
#include "crowding.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

/* Coarse values, so that equal points and equal coordinates are common; now and then a NaN. */
static void fill_points(double *points, size_t n, int m, int values, bool nans, uint64_t seed)
{
    struct rt_rng rng;
    rt_rng_init(&rng, seed, RT_STREAM_TEST, 1);
    for (size_t i = 0; i < n * (size_t)m; i++) {
        points[i] = (double)rt_rng_below(&rng, (uint64_t)values) / values;
        if (nans && rt_rng_below(&rng, 40) == 0)
            points[i] = NAN;
    }
}

/* ---- dominance ---- */

static void dominance_needs_one_better_and_none_worse(void **state)
{
    static const struct {
        double a[3], b[3];
        bool dominates;
    } cases[] = {{{1, 1, 1}, {1, 1, 2}, true},       {{1, 1, 1}, {1, 1, 1}, false},
                 {{0, 0, 2}, {1, 1, 1}, false},      {{NAN, 0, 0}, {1, 1, 1}, false},
                 {{9, 9, 9}, {NAN, 0, 0}, true},     {{NAN, 0, 0}, {1, NAN, 1}, false},
                 {{0, 0, 0}, {0, 0, INFINITY}, true}};
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(search_dominates(cases[i].a, cases[i].b, 3), cases[i].dominates);
}

/* ---- ranks ---- */

static void ranks_by_hand(void **state)
{
    /* a staircase of three, one behind it, a twin of the first, one behind the one behind, a failed
     * trial */
    static const double points[] = {1, 4, 2, 2, 4, 1, 3, 3, 1, 4, 4, 4, NAN, 0};
    static const int want[] = {0, 0, 0, 1, 0, 2, 3};
    struct rt_err err;
    int rank[7];
    (void)state;

    assert_ok(search_ranks(points, 7, 2, rank, &err));

    for (size_t i = 0; i < 7; i++)
        assert_int_equal(rank[i], want[i]);
}

/* Peel off front after front. */
static void ranks_ref(const double *points, size_t n, int m, int *rank)
{
    size_t left = n;
    for (size_t i = 0; i < n; i++)
        rank[i] = -1;
    for (int r = 0; left > 0; r++) {
        bool front[256] = {false};
        for (size_t i = 0; i < n; i++) {
            front[i] = rank[i] < 0;
            for (size_t j = 0; j < n && front[i]; j++)
                front[i] = !(rank[j] < 0 &&
                             search_dominates(points + j * (size_t)m, points + i * (size_t)m, m));
        }
        for (size_t i = 0; i < n; i++) {
            if (front[i]) {
                rank[i] = r;
                left--;
            }
        }
    }
}

static void ranks_are_those_of_peeling_fronts(void **state)
{
    static const int values[] = {3, 8, 1000};
    double points[150 * 4];
    int got[150], want[150];
    struct rt_err err;
    (void)state;
    for (int m = 1; m <= 4; m++)
        for (size_t v = 0; v < LENGTH(values); v++)
            for (size_t n = 0; n <= 150; n += 50) {
                fill_points(points, n, m, values[v], true, v + (size_t)m);
                assert_ok(search_ranks(points, n, m, got, &err));
                ranks_ref(points, n, m, want);
                for (size_t i = 0; i < n; i++)
                    assert_int_equal(got[i], want[i]);
            }
}

static void growing_levels_are_the_ranks_after_every_point(void **state)
{
    static const int values[] = {3, 12, 1000};
    double points[120 * 4];
    int want[120];
    struct rt_err err;
    (void)state;
    for (int m = 1; m <= 4; m++)
        for (size_t v = 0; v < LENGTH(values); v++) {
            struct search__levels levels = {.count = 0};
            int before[120] = {0};
            fill_points(points, 120, m, values[v], false, 77 + v);
            for (size_t n = 1; n <= 120; n++) {
                size_t highest, seen = 0;
                assert_ok(search__levels_add(&levels, points, m, n - 1, &highest, &err));
                assert_ok(search_ranks(points, n, m, want, &err));
                for (size_t l = 0; l < levels.count; l++)
                    for (size_t i = 0; i < levels.level[l].count; i++, seen++)
                        assert_int_equal(want[levels.level[l].member[i]], l);
                assert_int_equal(seen, n);
                for (size_t i = 0; i + 1 < n; i++) /* nothing changed before level `highest` */
                    assert_true(want[i] == before[i] || before[i] >= (int)highest);
                memcpy(before, want, sizeof before);
            }
            search__levels_release(&levels);
        }
}

/* ---- crowding ---- */

static void crowding_by_hand(void **state)
{
    /* front 0: (0,10) (2,6) (2,6) (5,5) (10,0); front 1: (6,6) alone; failed: NaN */
    static const double points[] = {0, 10, 2, 6, 2, 6, 5, 5, 10, 0, 6, 6, NAN, NAN};
    static const int rank[] = {0, 0, 0, 0, 0, 1, 2};
    double crowding[7];
    (void)state;

    crowding_of(points, 7, 2, rank, crowding);

    assert_true(isinf(crowding[0]) && isinf(crowding[4]));
    assert_near(crowding[1], 0.5 + 0.5, 1e-15); /* (5-0)/10 + (10-5)/10 */
    assert_near(crowding[2], 0.5 + 0.5, 1e-15);
    assert_near(crowding[3], 0.8 + 0.6, 1e-15); /* (10-2)/10 + (6-0)/10 */
    assert_near(crowding[5], 0, 0);
    assert_near(crowding[6], 0, 0);
}

static void crowding_ignores_an_objective_without_spread(void **state)
{
    static const double points[] = {0, 7, 1, 7, 4, 7}, infinite[] = {0, 1, INFINITY};
    static const int rank[] = {0, 0, 0};
    double crowding[3];
    (void)state;

    crowding_of(points, 3, 2, rank, crowding);
    assert_near(crowding[1], 1, 0);
    assert_true(isinf(crowding[0]) && isinf(crowding[2]));

    crowding_of(infinite, 3, 1, rank, crowding);
    assert_near(crowding[1], 0, 0);
}

/* ---- hypervolume ---- */

static const double zeros[7], ones[7] = {1, 1, 1, 1, 1, 1, 1};

static double volume(const double *points, size_t n, int m, const double *ideal,
                     const double *reference)
{
    struct rt_err err;
    double v = NAN;
    assert_ok(search_hypervolume(points, n, m, ideal, reference, &v, &err));
    return v;
}

static void hypervolume_by_hand(void **state)
{
    static const double two[] = {0.25, 0.5, 0.5, 0.25}, ideal[] = {0, 100}, reference[] = {10, 200};
    static const double scaled[] = {2.5, 150, 5, 125, 10, 100, 0, 250, NAN, 100};
    static const double three[] = {0.5, 0.5, 0, 0.5, 0, 0.5, 0, 0.5, 0.5};
    static const double beyond[] = {-5, -5};
    (void)state;

    assert_near(volume(two, 1, 1, zeros, ones), 0.75, 1e-15);
    assert_near(volume(two, 4, 1, zeros, ones), 0.75, 1e-15);
    /* 0.75 * 0.5 + 0.5 * 0.75 - 0.5 * 0.5 */
    assert_near(volume(two, 2, 2, zeros, ones), 0.5, 1e-15);
    assert_near(volume(scaled, 5, 2, ideal, reference), 0.5, 1e-15);
    /* boxes .5x.5x1, .5x1x.5, 1x.5x.5: 3/4 less 3 pairs of 1/8 plus the common 1/8 */
    assert_near(volume(three, 3, 3, zeros, ones), 0.5, 1e-15);
    assert_near(volume(beyond, 1, 2, zeros, ones), 1, 0);
    assert_near(volume(zeros, 0, 2, zeros, ones), 0, 0);
    assert_near(volume(zeros, 1, 2, ones, zeros), 0, 0);
    assert_int_equal(search_hypervolume(zeros, 1, 0, zeros, ones, &(double){0}, NULL), RT_EARG);
}

/* Points on a grid of g^m cells: count the cells that any of them covers. */
static double volume_ref(const double *points, size_t n, int m, int g)
{
    size_t cells = 1, covered = 0;
    for (int k = 0; k < m; k++)
        cells *= (size_t)g;
    for (size_t c = 0; c < cells; c++) {
        bool any = false;
        for (size_t i = 0; i < n && !any; i++) {
            size_t rest = c;
            any = true;
            for (int k = 0; k < m && any; k++, rest /= (size_t)g)
                any = points[i * (size_t)m + (size_t)k] * g <= (double)(rest % (size_t)g) + 1e-9;
        }
        covered += any;
    }
    return (double)covered / (double)cells;
}

static void hypervolume_counts_the_covered_cells_of_a_grid(void **state)
{
    double points[40 * 6];
    (void)state;
    for (int m = 1; m <= 6; m++)
        for (int g = 3; g <= (m < 5 ? 9 : 5); g += 2)
            for (size_t n = 1; n <= 40; n += 13) {
                fill_points(points, n, m, g, m < 6, 10 * (uint64_t)m + (uint64_t)g);
                /* sums of at most 9^4 products of fractions: far above rounding, below a cell */
                assert_near(volume(points, n, m, zeros, ones), volume_ref(points, n, m, g), 1e-12);
            }
}

static void hypervolume_does_not_depend_on_the_order_of_points(void **state)
{
    double points[60 * 5], turned[60 * 5];
    (void)state;
    for (int m = 2; m <= 5; m++) {
        const size_t row = (size_t)m;
        fill_points(points, 60, m, 1000, false, (uint64_t)m);
        for (size_t i = 0; i < 60; i++)
            memcpy(turned + i * row, points + (59 - i) * row, row * sizeof *points);
        assert_near(volume(points, 60, m, zeros, ones), volume(turned, 60, m, zeros, ones), 1e-13);
    }
}

static void hypervolumes_are_those_of_every_beginning(void **state)
{
    double points[40 * 3], volumes[40];
    size_t front;
    int rank[40];
    struct rt_err err;
    (void)state;
    fill_points(points, 40, 3, 20, false, 9);
    points[3 * 7 + 1] = NAN;

    assert_ok(search_hypervolumes(points, 40, 3, zeros, ones, volumes, &front, &err));

    for (size_t n = 1; n <= 40; n++)
        assert_near(volumes[n - 1], volume(points, n, 3, zeros, ones), 1e-13);
    assert_ok(search_ranks(points, 40, 3, rank, &err));
    for (int i = 0; i < 40; i++)
        front -= rank[i] == 0;
    assert_int_equal(front, 0);
}

/* ---- values far from all others ---- */

static void one_diverged_run_is_not_the_scale_of_the_hypervolume(void **state)
{
    const struct search_options options = {
        .objective_count = 2, .objectives = {"loss", "-gain"}, .window = 8};
    const char *const choice[] = {"1", "2"};
    struct space_gene gene = {.name = "x", .choice = choice, .choice_count = 2};
    const struct space space = {.gene_count = 1, .gene = &gene};
    struct store_commit commit;
    struct search__front front;
    struct rt_err err;
    (void)state;

    search__front_init(&front, &space, &options);
    for (int i = 0; i < 8; i++) {
        const double point[] = {i == 3 ? 1e300 : 1 + i, -i};
        assert_ok(search__front_add(&front, i, point, &commit, &err));
    }

    assert_true(front.reference[0] == 8);
    assert_true(front.reference[1] == 0);
    assert_true(commit.hypervolume > .3 && commit.hypervolume < .7);
    search__front_release(&front);
}

static int by_value(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static void a_ceiling_is_far_above_the_quartiles(void **state)
{
    double spread[] = {5, 1, 2, 1e9, 3, 4, 0, 6}, equal[] = {7, 7, 7, 1e9}, one[] = {-3};
    (void)state;

    assert_near(search_ceiling(spread, 8, 10), 6 + 10 * 4, 1e-12);
    assert_near(search_ceiling(equal, 4, 10), 1e9 + 10 * (1e9 - 7), 1);
    assert_near(search_ceiling(equal, 3, 10), 77, 1e-12);
    assert_near(search_ceiling(one, 1, 10), 27, 1e-12);
    enum { many = 4001 };
    static double values[many];
    for (int step = 1; step < many; step += 7) { /* any order of 0, 1, ..., with some equal ones */
        for (int i = 0; i < many; i++)
            values[i] = (double)((int64_t)i * step % many) - (i % 2 ? 0 : many / 8);
        double *sorted = malloc(sizeof values);
        assert_non_null(sorted);
        memcpy(sorted, values, sizeof values);
        qsort(sorted, many, sizeof *sorted, by_value);
        const double low = sorted[many / 4], high = sorted[3 * many / 4];
        assert_near(search_ceiling(values, many, 10), high + 10 * (high - low), 1e-9);
        qsort(values, many, sizeof *values, by_value);
        assert_memory_equal(values, sorted, sizeof values); /* none is lost */
        free(sorted);
    }
}

static void what_is_not_finite_is_of_no_front(void **state)
{
    const double points[] = {INFINITY, INFINITY, .5, .5, NAN, .1};
    double volumes[3];
    size_t front;
    struct rt_err err;
    (void)state;

    assert_ok(search_hypervolumes(points, 1, 2, zeros, ones, volumes, &front, &err));
    assert_int_equal(front, 0);
    assert_ok(search_hypervolumes(points, 3, 2, zeros, ones, volumes, &front, &err));
    assert_int_equal(front, 1);
    assert_near(volumes[2], .25, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dominance_needs_one_better_and_none_worse),
        cmocka_unit_test(ranks_by_hand),
        cmocka_unit_test(ranks_are_those_of_peeling_fronts),
        cmocka_unit_test(growing_levels_are_the_ranks_after_every_point),
        cmocka_unit_test(crowding_by_hand),
        cmocka_unit_test(crowding_ignores_an_objective_without_spread),
        cmocka_unit_test(hypervolume_by_hand),
        cmocka_unit_test(hypervolume_counts_the_covered_cells_of_a_grid),
        cmocka_unit_test(hypervolume_does_not_depend_on_the_order_of_points),
        cmocka_unit_test(hypervolumes_are_those_of_every_beginning),
        cmocka_unit_test(one_diverged_run_is_not_the_scale_of_the_hypervolume),
        cmocka_unit_test(a_ceiling_is_far_above_the_quartiles),
        cmocka_unit_test(what_is_not_finite_is_of_no_front),
    };
    return cmocka_run_group_tests_name("search/pareto", tests, NULL, NULL);
}
