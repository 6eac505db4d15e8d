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

static const struct space space = {.shape = SHAPE,
                                   .tie = SPACE_TIE_LAYER,
                                   .depth = {4, {1, 2, 4, 6}},
                                   .width = {5, {16, 32, 48, 64, 96}},
                                   .head_dim = {2, {8, 16}},
                                   .patch = {2, {4, 7}},
                                   .heads = {4, {1, 2, 4, 6}},
                                   .ffn = {4, {32, 64, 128, 256}}};

static double term[all * TR_LATENCY_TERMS], ns[all];

/* A machine that takes so long for each term, give or take a share. */
static void made_machine(double noise)
{
    static const double weight[TR_LATENCY_TERMS] = {300, 400, .03, .02, .05, .018, .6, .2, .5, 90};
    struct rt_rng rng;

    rt_rng_init(&rng, 3, RT_STREAM_LATENCY, 0);
    for (int i = 0; i < all; i++) {
        struct space_arch arch;
        space_sample(&space, &rng, &arch);
        tr_latency_terms(&arch, &shape, term + i * TR_LATENCY_TERMS);
        ns[i] = 0;
        for (int t = 0; t < TR_LATENCY_TERMS; t++)
            ns[i] += weight[t] * term[i * TR_LATENCY_TERMS + t];
        ns[i] *= 1 + noise * (2 * rt_rng_uniform(&rng) - 1);
    }
}

/* The mean relative error on those it was not fitted to. */
static double held_out_error(const struct tr_latency_model *model)
{
    double sum = 0;

    for (int i = known; i < all; i++)
        sum += fabs(tr_latency_predict(model, term + i * TR_LATENCY_TERMS) / ns[i] - 1);
    return sum / held_out;
}

static void terms_are_the_exact_costs(void **state)
{
    struct space_arch arch;
    struct space_cost cost;
    double t[TR_LATENCY_TERMS];
    struct rt_err err;
    (void)state;

    assert_ok(space_arch_parse("L2-d48-k16-h3-f96-p7", &arch, &err));
    space_cost_of(&arch, &shape, &cost);
    tr_latency_terms(&arch, &shape, t);
    assert_near(t[2] + t[3] + t[4] + t[5], (double)cost.macs, 0);
    assert_near(t[2], 16 * 49 * 48 + 48 * 10, 0); /* stem and head */
    assert_near(t[0], 1, 0);
    assert_near(t[1], 2, 0);
    assert_near(t[9], 6, 0);
}

static void a_machine_without_noise_is_learned(void **state)
{
    struct tr_latency_model model;
    (void)state;

    made_machine(0);
    tr_latency_fit(term, ns, known, &model);
    assert_int_equal(model.count, known);
    assert_true(model.error < .01);
    assert_true(held_out_error(&model) < .01);
}

static void noise_is_averaged_and_no_weight_is_negative(void **state)
{
    struct tr_latency_model model;
    (void)state;

    made_machine(.06);
    tr_latency_fit(term, ns, known, &model);
    assert_true(held_out_error(&model) < .05);
    for (int i = 0; i < TR_LATENCY_TERMS; i++)
        assert_true(model.weight[i] >= 0);
}

static void few_make_no_model(void **state)
{
    struct tr_latency_model model;
    (void)state;

    made_machine(0);
    tr_latency_fit(term, ns, TR_LATENCY_LEAST - 1, &model);
    assert_int_equal(model.count, 0);
    assert_true(isnan(tr_latency_predict(&model, term)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_the_exact_costs),
        cmocka_unit_test(a_machine_without_noise_is_learned),
        cmocka_unit_test(noise_is_averaged_and_no_weight_is_negative),
        cmocka_unit_test(few_make_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
