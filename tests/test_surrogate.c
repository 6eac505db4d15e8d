/* tests/test_surrogate.c -- the model of what was not tried: it interpolates, knows where it does
 * not know, and is the same to the last bit however its points came. */
#include "support.h"

#include <math.h>

#include "base/random.h"
#include "search/surrogate.h"

enum { FEATURES = 5, GROUPS = 3, N = 60 };

static const int groups_of[FEATURES] = {0, 1, 1, 1, 2};

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

static struct search_model *open_model(size_t room)
{
    struct search_model *model = NULL;
    struct rt_err err;
    assert_ok(search_model_open(FEATURES, groups_of, GROUPS, room, &model, &err));
    return model;
}

static void predictions_are_near_the_truth_and_their_deviations_are_right(void **state)
{
    static const double noises[] = {0, .3};
    (void)state;
    for (int c = 0; c < 2; c++) {
        struct search_model *model = open_model(N);
        struct sample s;
        struct rt_rng rng;
        int within = 0;
        double squares = 0;
        fill(&s, noises[c]);
        search_model_fit(model, s.x, s.y, N);
        rt_rng_init(&rng, 8, RT_STREAM_TEST, 0);
        for (int i = 0; i < 400; i++) {
            double x[FEATURES], mean, sd;
            draw(&rng, x);
            search_model_predict(model, x, &mean, &sd);
            const double off = truth(x) + noises[c] * rt_rng_normal(&rng) - mean;
            squares += off * off;
            within += fabs(off) < 2 * sd;
        }
        print_message("  noise %g: off by %.3f, %d of 400 within 2 sd\n", noises[c],
                      sqrt(squares / 400), within);
        assert_true(sqrt(squares / 400) < (c ? .45 : .1)); /* the values' deviation is 1.3 */
        assert_in_range(within, 340, 400);
        search_model_close(model);
    }
}

static void it_is_sure_at_its_points_and_unsure_far_from_them(void **state)
{
    struct search_model *model = open_model(N);
    const double far[FEATURES] = {9, 9, 9, 9, 9};
    double mean, near_sd, far_sd;
    struct sample s;
    (void)state;
    fill(&s, 0);
    search_model_fit(model, s.x, s.y, N);

    search_model_predict(model, s.x, &mean, &near_sd);
    assert_true(fabs(mean - s.y[0]) < .05);
    search_model_predict(model, far, &mean, &far_sd);
    assert_true(far_sd > 10 * near_sd);
    search_model_close(model);
}

static void points_added_or_forgotten_leave_the_bits_of_a_fit_of_the_rest(void **state)
{
    struct search_model *once = open_model(N), *twice = open_model(N);
    double a[2], b[2];
    struct sample s;
    (void)state;
    fill(&s, .1);
    search_model_fit(once, s.x, s.y, 40);
    search_model_fit(twice, s.x, s.y, 40);
    for (int i = 40; i < 50; i++)
        search_model_add(once, s.x + (ptrdiff_t)i * FEATURES, s.y[i]);
    for (int i = 40; i < 50; i++) {
        search_model_add(twice, s.x + (ptrdiff_t)i * FEATURES, s.y[i]);
        search_model_believe(twice, s.x + (ptrdiff_t)(i + 10) * FEATURES);
        search_model_keep(twice, (size_t)i + 1);
    }

    for (int i = 0; i < N; i++) {
        search_model_predict(once, s.x + (ptrdiff_t)i * FEATURES, &a[0], &a[1]);
        search_model_predict(twice, s.x + (ptrdiff_t)i * FEATURES, &b[0], &b[1]);
        assert_memory_equal(a, b, sizeof a);
    }
    search_model_close(once);
    search_model_close(twice);
}

static void believing_makes_surer_and_shifts_nothing(void **state)
{
    struct search_model *model = open_model(N);
    double before[2], after[2];
    struct sample s;
    (void)state;
    fill(&s, .1);
    search_model_fit(model, s.x, s.y, 30);
    const double *at = s.x + (ptrdiff_t)50 * FEATURES;
    search_model_predict(model, at, &before[0], &before[1]);

    search_model_believe(model, at);
    search_model_predict(model, at, &after[0], &after[1]);
    assert_true(fabs(after[0] - before[0]) < 1e-9);
    assert_true(after[1] < before[1]);
    for (int i = 31; i < 50; i++) {
        search_model_keep(model, 30);
        search_model_predict(model, s.x + (ptrdiff_t)i * FEATURES, &before[0], &before[1]);
        search_model_believe(model, at);
        search_model_predict(model, s.x + (ptrdiff_t)i * FEATURES, &after[0], &after[1]);
        assert_true(fabs(after[0] - before[0]) < 1e-9);
        assert_true(after[1] <= before[1] + 1e-12);
    }
    search_model_close(model);
}

static void equal_values_and_equal_points_do_no_harm(void **state)
{
    struct search_model *model = open_model(N);
    double mean, sd;
    struct sample s;
    (void)state;
    fill(&s, 0);
    for (int i = 0; i < N; i++)
        s.y[i] = 4;
    search_model_fit(model, s.x, s.y, N);
    search_model_predict(model, s.x, &mean, &sd);
    assert_true(fabs(mean - 4) < 1e-6 && sd > 0);

    for (int i = 0; i < N; i++) {
        memcpy(s.x + (ptrdiff_t)i * FEATURES, s.x, sizeof(double) * FEATURES);
        s.y[i] = i % 2;
    }
    search_model_fit(model, s.x, s.y, N);
    search_model_predict(model, s.x, &mean, &sd);
    assert_true(fabs(mean - .5) < .1 && sd > .3 && sd < 1);
    search_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_near_the_truth_and_their_deviations_are_right),
        cmocka_unit_test(it_is_sure_at_its_points_and_unsure_far_from_them),
        cmocka_unit_test(points_added_or_forgotten_leave_the_bits_of_a_fit_of_the_rest),
        cmocka_unit_test(believing_makes_surer_and_shifts_nothing),
        cmocka_unit_test(equal_values_and_equal_points_do_no_harm),
    };
    return cmocka_run_group_tests_name("search/surrogate", tests, NULL, NULL);
}
