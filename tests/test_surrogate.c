/* tests/test_surrogate.c -- the model of what was not tried: it interpolates, knows where it does
 * not know, and is the same to the last bit however its points came. */
#include "support.h"

#include <math.h>

#include "base/random.h"
#include "search/surrogate.h"

enum { FEATURES = 5, N = 60 };

static const int position_of[FEATURES] = {0, 1, 2, 3, 4}, gene_of[FEATURES] = {0, 1, 1, 1, 2};

struct sample {
    double x[N * FEATURES], y[N];
};

/* Smooth in the first and in the sum of the middle three; the last means nothing. */
static double truth(const double *x)
{
    return 3 + 2 * sin(3 * x[0]) + (x[1] + x[2] + x[3]) * (1 + x[0]);
}

static void draw(struct rt_rng *rng, double *x)
{
    for (int f = 0; f < FEATURES; f++)
        x[f] = rt_rng_uniform(rng);
}

static void fill(struct sample *s, double noise)
{
    struct rt_rng rng;
    rt_rng_init(&rng, 7, RT_STREAM_TEST, 0);
    for (int i = 0; i < N; i++) {
        draw(&rng, s->x + (ptrdiff_t)i * FEATURES);
        s->y[i] = truth(s->x + (ptrdiff_t)i * FEATURES) + noise * rt_rng_normal(&rng);
    }
}

/* A model of the first n of a sample, with room for all. */
struct known {
    struct search_points *points;
    struct search_model *model;
};

static void open_known(struct known *known, size_t fitted)
{
    struct rt_err err;
    assert_ok(search_points_open(FEATURES, position_of, gene_of, N, fitted, &known->points, &err));
    assert_ok(search_model_open(known->points, &known->model, &err));
}

static void close_known(struct known *known)
{
    search_model_close(known->model);
    search_points_close(known->points);
}

static void keep(struct known *known, size_t n)
{
    search_points_keep(known->points, n);
    search_model_keep(known->model, n);
}

static const double *row(const struct sample *s, int i)
{
    return s->x + (ptrdiff_t)i * FEATURES;
}

static void fit(struct known *known, const struct sample *s, int n)
{
    keep(known, 0);
    for (int i = 0; i < n; i++) {
        search_points_look(known->points, 0, row(s, i));
        assert_true(search_points_add(known->points));
    }
    search_model_fit(known->model, s->y);
}

static void add(struct known *known, const double *x, double y)
{
    search_points_look(known->points, 0, x);
    assert_true(search_points_add(known->points));
    search_model_add(known->model, y);
}

static void believe(struct known *known, const double *x)
{
    search_points_look(known->points, 0, x);
    assert_true(search_points_add(known->points));
    search_model_believe(known->model);
}

/* Mean, and deviation without noise. */
static void predict(struct known *known, const double *x, double *out)
{
    static const int seat = 0;

    search_points_look(known->points, seat, x);
    out[0] = search_model_mean(known->model);
    search_model_deviations(known->model, &seat, 1, N, &out[1]);
}

static void predictions_are_near_the_truth_and_their_deviations_are_right(void **state)
{
    static const double noises[] = {0, .3};
    (void)state;
    for (int c = 0; c < 2; c++) {
        struct known known;
        struct sample s;
        struct rt_rng rng;
        int within = 0;
        double squares = 0;
        open_known(&known, N);
        fill(&s, noises[c]);
        fit(&known, &s, N);
        rt_rng_init(&rng, 8, RT_STREAM_TEST, 0);
        for (int i = 0; i < 400; i++) {
            double x[FEATURES], got[2];
            draw(&rng, x);
            predict(&known, x, got);
            const double off = truth(x) + noises[c] * rt_rng_normal(&rng) - got[0];
            squares += off * off;
            within += fabs(off) < 2 * hypot(got[1], search_model_noise(known.model));
        }
        print_message("  noise %g, found %.4f: off by %.3f, %d of 400 within 2 sd\n", noises[c],
                      search_model_noise(known.model), sqrt(squares / 400), within);
        assert_true(sqrt(squares / 400) < (c ? .45 : .1)); /* the values' deviation is 1.3 */
        assert_in_range(within, 340, 400);
        close_known(&known);
    }
}

/* A linear function: what is sure of it has next to no deviation, and its noise is next to none. */
static void what_is_exact_promises_nothing(void **state)
{
    struct known known;
    struct sample s;
    struct rt_rng rng;
    double most = 0;
    (void)state;
    fill(&s, 0);
    for (int i = 0; i < N; i++)
        s.y[i] = 2 * row(&s, i)[0] + row(&s, i)[1] + row(&s, i)[2] + row(&s, i)[3];
    open_known(&known, N);
    fit(&known, &s, N);
    assert_true(search_model_noise(known.model) < 1e-3);
    rt_rng_init(&rng, 8, RT_STREAM_TEST, 1);
    for (int i = 0; i < 100; i++) {
        double x[FEATURES], got[2];
        draw(&rng, x);
        predict(&known, x, got);
        most = fmax(most, got[1]);
    }
    print_message("  deviation at most %.4f\n", most);
    assert_true(most < .05);
    close_known(&known);
}

static void it_is_sure_at_its_points_and_unsure_far_from_them(void **state)
{
    const double far[FEATURES] = {9, 9, 9, 9, 9};
    double near[2], beyond[2];
    struct known known;
    struct sample s;
    (void)state;
    fill(&s, 0);
    open_known(&known, N);
    fit(&known, &s, N);
    predict(&known, s.x, near);
    assert_true(fabs(near[0] - s.y[0]) < .05);
    predict(&known, far, beyond);
    assert_true(beyond[1] > 10 * near[1]);
    close_known(&known);
}

static void some_points_tell_the_most_that_a_deviation_may_be(void **state)
{
    static const int seat = 0;
    struct known known;
    struct sample s;
    (void)state;
    fill(&s, .1);
    open_known(&known, 20);
    fit(&known, &s, 50);
    for (int i = 45; i < N; i++) {
        double got[2], before = INFINITY;
        predict(&known, row(&s, i), got);
        search_points_look(known.points, 0, row(&s, i));
        search_model_mean(known.model);
        for (size_t n = 0; n <= 50; n += 10) {
            double sd;
            search_model_deviations(known.model, &seat, 1, n, &sd);
            assert_true(sd <= before);
            before = sd;
        }
        assert_memory_equal(&before, &got[1], sizeof before);
    }
    close_known(&known);
}

static void places_side_by_side_are_predicted_as_each_alone(void **state)
{
    static const int seats[] = {2, 15, 0, 7}, last[] = {15, 7};
    struct known known;
    struct sample s;
    double mean[4], sd[4], both[2];
    (void)state;
    fill(&s, .1);
    open_known(&known, 20);
    fit(&known, &s, 50);
    for (int j = 0; j < 4; j++) {
        search_points_look(known.points, seats[j], row(&s, 50 + j));
        mean[j] = search_model_mean(known.model);
    }
    search_model_deviations(known.model, seats, 4, 10, sd);
    search_model_deviations(known.model, last, 2, N, both); /* two of them are followed further */
    for (int j = 0; j < 4; j++) {
        double alone[2];
        predict(&known, row(&s, 50 + j), alone);
        assert_memory_equal(&mean[j], &alone[0], sizeof *mean);
        assert_true(sd[j] >= alone[1]);
        if (j % 2)
            assert_memory_equal(&both[j / 2], &alone[1], sizeof *both);
    }
    close_known(&known);
}

static void points_added_or_forgotten_leave_the_bits_of_a_fit_of_the_rest(void **state)
{
    struct known once, twice, whole;
    double a[2], b[2], c[2];
    struct sample s;
    (void)state;
    fill(&s, .1);
    open_known(&once, 40);
    open_known(&twice, 40);
    open_known(&whole, 40); /* its scales are of as many, too */
    fit(&once, &s, 40);
    fit(&twice, &s, 40);
    fit(&whole, &s, 50);
    for (int i = 40; i < 50; i++) {
        add(&once, row(&s, i), s.y[i]);
        add(&twice, row(&s, i), s.y[i]);
        believe(&twice, row(&s, i + 10));
        keep(&twice, (size_t)i + 1);
    }
    for (int i = 0; i < N; i++) {
        predict(&once, row(&s, i), a);
        predict(&twice, row(&s, i), b);
        predict(&whole, row(&s, i), c);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_equal(a, c, sizeof a);
    }
    close_known(&once);
    close_known(&twice);
    close_known(&whole);
}

static void believing_makes_surer_and_shifts_nothing(void **state)
{
    double before[2], after[2];
    struct known known;
    struct sample s;
    (void)state;
    fill(&s, .1);
    open_known(&known, N);
    fit(&known, &s, 30);
    const double *at = row(&s, 50);
    predict(&known, at, before);
    believe(&known, at);
    predict(&known, at, after);
    assert_true(fabs(after[0] - before[0]) < 1e-9);
    assert_true(after[1] < before[1]);
    for (int i = 31; i < 50; i++) {
        keep(&known, 30);
        predict(&known, row(&s, i), before);
        believe(&known, at);
        predict(&known, row(&s, i), after);
        assert_true(fabs(after[0] - before[0]) < 1e-9);
        assert_true(after[1] <= before[1] + 1e-12);
    }
    close_known(&known);
}

static void equal_values_and_equal_points_do_no_harm(void **state)
{
    struct known known;
    double got[2];
    struct sample s;
    (void)state;
    fill(&s, 0);
    for (int i = 0; i < N; i++)
        s.y[i] = 4;
    open_known(&known, N);
    fit(&known, &s, N);
    predict(&known, s.x, got);
    assert_true(fabs(got[0] - 4) < 1e-6 && got[1] > 0);

    for (int i = 0; i < N; i++) {
        memcpy(s.x + (ptrdiff_t)i * FEATURES, s.x, sizeof(double) * FEATURES);
        s.y[i] = i % 2;
    }
    fit(&known, &s, N);
    predict(&known, s.x, got);
    const double sd = hypot(got[1], search_model_noise(known.model));
    assert_true(fabs(got[0] - .5) < .1 && sd > .3 && sd < 1);
    close_known(&known);
}

/* Their squares are beyond all numbers; a power of two changes no other bit. */
static void values_of_any_size_are_learned(void **state)
{
    double a[2], b[2];
    struct known small, large;
    struct sample s, scaled;
    (void)state;
    fill(&s, .1);
    scaled = s;
    for (int i = 0; i < N; i++)
        scaled.y[i] *= 0x1p520;
    open_known(&small, N);
    open_known(&large, N);
    fit(&small, &s, 40);
    fit(&large, &scaled, 40);
    for (int i = 40; i < N; i++) {
        predict(&small, row(&s, i), a);
        predict(&large, row(&s, i), b);
        assert_true(b[0] == a[0] * 0x1p520 && b[1] == a[1] * 0x1p520);
    }
    close_known(&small);
    close_known(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_near_the_truth_and_their_deviations_are_right),
        cmocka_unit_test(what_is_exact_promises_nothing),
        cmocka_unit_test(it_is_sure_at_its_points_and_unsure_far_from_them),
        cmocka_unit_test(some_points_tell_the_most_that_a_deviation_may_be),
        cmocka_unit_test(places_side_by_side_are_predicted_as_each_alone),
        cmocka_unit_test(points_added_or_forgotten_leave_the_bits_of_a_fit_of_the_rest),
        cmocka_unit_test(believing_makes_surer_and_shifts_nothing),
        cmocka_unit_test(equal_values_and_equal_points_do_no_harm),
        cmocka_unit_test(values_of_any_size_are_learned),
    };
    return cmocka_run_group_tests_name("search/surrogate", tests, NULL, NULL);
}
