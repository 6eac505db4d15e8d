/* tests/test_improvement.c -- expected gains of hypervolume against the definition: volumes of the
 * front with and without the point, and their mean over draws. */
#include "support.h"

#include <math.h>

#include "base/random.h"
#include "search/improvement.h"
#include "search/pareto.h"

enum { N = 9, MOST = 4 };

static const double ideal[MOST] = {-9, -9, -9, -9}, reference[MOST] = {1, 1, 1, 1};

static void draw_front(struct rt_rng *rng, int m, double *front)
{
    for (int i = 0; i < N * m; i++) /* some equal coordinates, some beyond the reference */
        front[i] = (double)rt_rng_below(rng, 12) / 10;
}

/* The gain of a point that is known, by two whole volumes. */
static double gain_of(const double *front, int m, const double *point)
{
    double all[(N + 1) * MOST], before, after, box = 1;
    struct rt_err err;
    memcpy(all, front, sizeof *front * (size_t)(N * m));
    memcpy(all + (ptrdiff_t)N * m, point, sizeof *point * (size_t)m);
    assert_ok(search_hypervolume(all, N, m, ideal, reference, &before, &err));
    assert_ok(search_hypervolume(all, N + 1, m, ideal, reference, &after, &err));
    for (int k = 0; k < m; k++)
        box *= reference[k] - ideal[k];
    return (after - before) * box;
}

static void a_known_point_gains_the_difference_of_two_volumes(void **state)
{
    const double sd[MOST] = {0};
    (void)state;
    for (int m = 1; m <= MOST; m++)
        for (uint64_t c = 0; c < 40; c++) {
            double front[N * MOST], point[MOST];
            struct search_boxes *boxes;
            struct rt_err err;
            struct rt_rng rng;
            rt_rng_init(&rng, 3, RT_STREAM_TEST, c);
            draw_front(&rng, m, front);
            for (int k = 0; k < m; k++)
                point[k] = rt_rng_uniform(&rng) * 1.2 - .1;
            assert_ok(search_boxes_open(front, N, m, reference, &boxes, &err));
            const double got = search_improvement(boxes, point, sd);
            assert_true(fabs(got - gain_of(front, m, point)) < 1e-9);
            search_boxes_close(boxes);
        }
}

static void an_unsure_point_gains_the_mean_over_its_draws(void **state)
{
    (void)state;
    for (int m = 1; m <= 3; m++)
        for (uint64_t c = 0; c < 4; c++) {
            double front[N * MOST], mean[MOST], sd[MOST], sum = 0, squares = 0;
            struct search_boxes *boxes;
            struct rt_err err;
            struct rt_rng rng;
            enum { DRAWS = 4000 };
            rt_rng_init(&rng, 4, RT_STREAM_TEST, c);
            draw_front(&rng, m, front);
            for (int k = 0; k < m; k++) {
                mean[k] = rt_rng_uniform(&rng);
                sd[k] = k == 1 ? 0 : .3 * rt_rng_uniform(&rng);
            }
            for (int i = 0; i < DRAWS; i++) {
                double point[MOST];
                for (int k = 0; k < m; k++)
                    point[k] = mean[k] + sd[k] * rt_rng_normal(&rng);
                const double gain = gain_of(front, m, point);
                sum += gain;
                squares += gain * gain;
            }
            const double want = sum / DRAWS;
            const double error = sqrt(fmax(0, squares / DRAWS - want * want) / DRAWS);
            assert_ok(search_boxes_open(front, N, m, reference, &boxes, &err));
            assert_true(fabs(search_improvement(boxes, mean, sd) - want) < 4 * error + 1e-9);
            search_boxes_close(boxes);
        }
}

static void an_empty_front_leaves_the_whole_box(void **state)
{
    const double mean[] = {.25, .5}, sd[] = {0, 0};
    struct search_boxes *boxes;
    struct rt_err err;
    (void)state;
    assert_ok(search_boxes_open(NULL, 0, 2, reference, &boxes, &err));
    assert_true(fabs(search_improvement(boxes, mean, sd) - .375) < 1e-12);
    search_boxes_close(boxes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_point_gains_the_difference_of_two_volumes),
        cmocka_unit_test(an_unsure_point_gains_the_mean_over_its_draws),
        cmocka_unit_test(an_empty_front_leaves_the_whole_box),
    };
    return cmocka_run_group_tests_name("search/improvement", tests, NULL, NULL);
}
