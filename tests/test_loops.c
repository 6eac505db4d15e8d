/* tests/test_loops.c -- the loops of the surrogate: what they say they compute, and the same bits by
 * every set that this processor has, for sizes that fit no vector. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "search/loops.h"

enum { MOST = 45, STRIDE = 47, FEATURES = 7, SIDES = 6 };

static const int rows[] = {5, 0, 3, 4, 1}; /* of l, that are solved for side by side */

struct data {
    double l[MOST * STRIDE], inverse[MOST], a[MOST], b[MOST];
    float x[FEATURES * STRIDE], share[FEATURES], at[FEATURES], gap[MOST];
};

/* What all loops make of the data. */
struct made {
    double dot, dots[MOST], sides[SIDES][STRIDE], v[MOST], w[MOST], k[MOST], slope[MOST], sum;
    float gap[MOST], r2[MOST];
};

static void draw(struct data *d)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < MOST * STRIDE; i++)
        d->l[i] = rt_rng_normal(&rng);
    for (int i = 0; i < MOST; i++) {
        d->inverse[i] = .1 + rt_rng_uniform(&rng);
        d->a[i] = rt_rng_normal(&rng);
        d->b[i] = rt_rng_normal(&rng);
        d->gap[i] = (float)rt_rng_uniform(&rng);
    }
    for (int i = 0; i < FEATURES * STRIDE; i++)
        d->x[i] = (float)rt_rng_uniform(&rng);
    for (int f = 0; f < FEATURES; f++) {
        d->share[f] = (float)rt_rng_uniform(&rng);
        d->at[f] = (float)rt_rng_uniform(&rng);
    }
}

static void make(const struct search_loops *loops, const struct data *d, size_t n, size_t from,
                 struct made *m)
{
    static const int alone = 0;

    *m = (struct made){0};
    m->dot = loops->dot(d->a, d->b, n);
    loops->dots(d->l, STRIDE, n, d->a, n, m->dots, 1);
    loops->solve(d->l, STRIDE, d->inverse, d->a, m->v, 0, &alone, 1, 0, from);
    loops->solve(d->l, STRIDE, d->inverse, d->a, m->v, 0, &alone, 1, from, n);
    loops->solve(d->l, STRIDE, d->inverse, d->l, m->sides[0], STRIDE, rows, 5, 0, from);
    loops->solve(d->l, STRIDE, d->inverse, d->l, m->sides[0], STRIDE, rows, 5, from, n);
    memcpy(m->w, d->b, n * sizeof *m->w);
    loops->solve_back(d->l, STRIDE, d->inverse, m->w, n);
    loops->gaps(d->x, STRIDE, FEATURES, d->share, d->at, m->gap, n);
    loops->weigh(d->x, STRIDE, FEATURES, d->share, m->r2, n);
    loops->matern(m->r2, m->k, n);
    loops->matern_slope(m->r2, m->slope, n);
    m->sum = loops->sum_gaps(d->a, d->gap, n);
}

static void the_same_bits(void **state)
{
    struct data *d = calloc(1, sizeof *d);
    struct made first, other;

    (void)state;
    assert_non_null(d);
    draw(d);
    for (size_t n = 0; n <= MOST; n++)
        for (size_t from = 0; from <= n; from += 3) {
            make(search_loops_of(0), d, n, n, &first);
            for (int s = 0; search_loops_of(s); s++) {
                make(search_loops_of(s), d, n, from, &other);
                assert_memory_equal(&first, &other, sizeof first);
            }
        }
    free(d);
}

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-9 * (1 + fabs(b)))
#define NEAR_FLOAT(a, b) assert_true(fabs((double)(a) - (b)) <= 1e-5 * (1 + fabs(b)))

static void check_rows(const struct data *d, size_t n, const struct made *m)
{
    double w[MOST], sum = 0, gaps = 0;

    memcpy(w, d->b, sizeof w);
    for (size_t i = n; i-- > 0;) {
        w[i] *= d->inverse[i];
        for (size_t j = 0; j < i; j++)
            w[j] -= d->l[i * STRIDE + j] * w[i];
    }
    for (size_t i = 0; i < n; i++) {
        double product = 0, left = d->a[i];
        for (size_t j = 0; j < n; j++)
            product += d->l[i * STRIDE + j] * d->a[j];
        for (size_t j = 0; j < i; j++)
            left -= d->l[i * STRIDE + j] * m->v[j];
        NEAR(m->dots[i], product);
        NEAR(m->v[i], left * d->inverse[i]);
        NEAR(m->w[i], w[i]);
        sum += d->a[i] * d->b[i];
        gaps += d->a[i] * (double)d->gap[i];
    }
    NEAR(m->dot, sum);
    NEAR(m->sum, gaps);
}

static void check_kernel(const struct data *d, size_t n, const struct made *m)
{
    for (size_t i = 0; i < n; i++) {
        double gap = 0, r2 = 0;
        for (size_t f = 0; f < FEATURES; f++) {
            const double x = (double)d->x[f * STRIDE + i], share = (double)d->share[f];
            gap += share * (x - (double)d->at[f]) * (x - (double)d->at[f]);
            r2 += share * x;
        }
        const double a = sqrt(5 * (double)m->r2[i]);
        NEAR_FLOAT(m->gap[i], gap);
        NEAR_FLOAT(m->r2[i], r2);
        NEAR(m->k[i], (1 + a + a * a / 3) * exp(-a));
        NEAR(m->slope[i], -5. / 6 * (1 + a) * exp(-a));
    }
}

static void sides_are_solved_as_each_alone(void **state)
{
    struct data *d = calloc(1, sizeof *d);
    const struct search_loops *loops = search_loops_of(0);
    static const int alone = 0;
    struct made m;

    (void)state;
    assert_non_null(d);
    draw(d);
    make(loops, d, MOST, 13, &m);
    for (int j = 0; j < SIDES; j++) {
        double v[STRIDE] = {0};
        if (j != 2)
            loops->solve(d->l, STRIDE, d->inverse, d->l + (ptrdiff_t)j * STRIDE, v, 0, &alone, 1, 0,
                         MOST);
        assert_memory_equal(v, m.sides[j], sizeof v);
    }
    free(d);
}

static void what_they_say(void **state)
{
    struct data *d = calloc(1, sizeof *d);
    struct made m;

    (void)state;
    assert_non_null(d);
    draw(d);
    for (size_t n = 0; n <= MOST; n++) {
        make(search_loops_of(0), d, n, n / 2, &m);
        check_rows(d, n, &m);
        check_kernel(d, n, &m);
    }
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_bits),
                                       cmocka_unit_test(sides_are_solved_as_each_alone),
                                       cmocka_unit_test(what_they_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
