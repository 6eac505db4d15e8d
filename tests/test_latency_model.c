/* tests/test_latency_model.c -- latency from exact costs, on made machines. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "space/space.h"
#include "trainer/measure/latency_model.h"

enum { known = 40, held_out = 60, all = known + held_out };

#define SHAPE {.height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS}
static const struct space_shape shape = SHAPE;
/* Of an even number of rows, all of which go on. */
static const struct space_shape even = {
    .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_MEAN};

static const struct space space = {.shape = SHAPE,
                                   .tie = SPACE_TIE_LAYER,
                                   .depth = {4, {1, 2, 4, 6}},
                                   .width = {5, {16, 32, 48, 64, 96}},
                                   .head_dim = {2, {8, 16}},
                                   .patch = {2, {4, 7}},
                                   .heads = {4, {1, 2, 4, 6}},
                                   .ffn = {4, {32, 64, 128, 256}}};

static struct space_arch arch[all];
static double ns[all];

/* A machine of vectors of `lanes` floats that takes so long for each term, give or take a share. */
static void made_machine(int lanes, double noise)
{
    static const double weight[TR_LATENCY_TERMS] = {300, 9, .03, .02, .05, .018, .6, .9, .5, 90};
    struct rt_rng rng;

    rt_rng_init(&rng, 3, RT_STREAM_LATENCY, 0);
    for (int i = 0; i < all; i++) {
        double term[TR_LATENCY_TERMS];
        space_sample(&space, &rng, &arch[i]);
        tr_latency_terms(&arch[i], &shape, lanes, term);
        ns[i] = 0;
        for (int t = 0; t < TR_LATENCY_TERMS; t++)
            ns[i] += weight[t] * term[t];
        ns[i] *= 1 + noise * (2 * rt_rng_uniform(&rng) - 1);
    }
}

/* The mean relative error on those it was not fitted to. */
static double held_out_error(const struct tr_latency_model *model)
{
    double sum = 0;

    for (int i = known; i < all; i++)
        sum += fabs(tr_latency_predict(model, &arch[i], &shape) / ns[i] - 1);
    return sum / held_out;
}

/* Vectors of one float and an even number of rows: nothing is filled up. */
static void terms_are_the_exact_costs(void **state)
{
    struct space_arch a;
    struct space_cost cost;
    double t[TR_LATENCY_TERMS];
    struct rt_err err;
    (void)state;

    assert_ok(space_arch_parse("L2-d48-k16-h3-f96-p2", &a, &err)); /* 196 tokens */
    space_cost_of(&a, &even, &cost);
    tr_latency_terms(&a, &even, 1, t);
    assert_near(t[2] + t[3] + t[4] + t[5], (double)cost.macs, 0);
    assert_near(t[2], 196 * 4 * 48 + 48 * 10, 0); /* stem and head */
    assert_near(t[0], 1, 0);
    assert_near(t[1], 4 * 196, 0);
    assert_near(t[7], 0, 0);
    assert_near(t[9], 6, 0);
}

/* 17 rows come, 1 goes on. */
static void columns_fill_vectors_and_rows_pairs(void **state)
{
    struct space_arch a;
    double t[TR_LATENCY_TERMS];
    struct rt_err err;
    (void)state;

    assert_ok(space_arch_parse("L1-d8-k8-h1-f24-p7", &a, &err));
    tr_latency_terms(&a, &shape, 16, t);
    assert_near(t[1], 17 + 1, 0);
    assert_near(t[2], 18 * 16 * 49 + 8 * 16, 0);
    assert_near(t[3], (2 * 18 + 1) * 16 * 8 + 8 * 16, 0);
    assert_near(t[4], 32 * 8 + 17 * 16, 0);
    assert_near(t[5], 8 * 32 + 24 * 16, 0);
    assert_near(t[6], 32, 0);
    assert_near(t[7], 2 * 8 + 8 + 24, 0);
    assert_near(t[8], 32, 0);
}

static void a_machine_without_noise_is_learned(void **state)
{
    struct tr_latency_model model;
    (void)state;

    for (int lanes = 1; lanes <= 16; lanes = lanes == 1 ? 4 : 2 * lanes) {
        made_machine(lanes, 0);
        tr_latency_fit(arch, &shape, ns, known, &model);
        assert_int_equal(model.count, known);
        assert_int_equal(model.lanes, lanes);
        assert_true(model.error < .01);
        assert_true(held_out_error(&model) < .01);
    }
}

static void noise_is_averaged_and_no_weight_is_negative(void **state)
{
    struct tr_latency_model model;
    (void)state;

    made_machine(16, .06);
    tr_latency_fit(arch, &shape, ns, known, &model);
    assert_true(held_out_error(&model) < .05);
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        assert_true(model.weight[i] >= 0);
}

static void few_make_no_model(void **state)
{
    struct tr_latency_model model;
    (void)state;

    made_machine(16, 0);
    for (int i = TR_LATENCY_LEAST; i < known; i++)
        ns[i] = NAN;
    tr_latency_fit(arch, &shape, ns, known, &model);
    assert_int_equal(model.count, TR_LATENCY_LEAST);
    ns[0] = NAN;
    tr_latency_fit(arch, &shape, ns, known, &model);
    assert_int_equal(model.count, 0);
    assert_true(isnan(tr_latency_predict(&model, &arch[0], &shape)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_the_exact_costs),
        cmocka_unit_test(columns_fill_vectors_and_rows_pairs),
        cmocka_unit_test(a_machine_without_noise_is_learned),
        cmocka_unit_test(noise_is_averaged_and_no_weight_is_negative),
        cmocka_unit_test(few_make_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
