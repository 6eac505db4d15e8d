/* tests/test_actions.c -- bins of actions: printed values, limits, draws. */
#include "support.h"
#include "trainer/env/actions.h"

static const double minus_one[6] = {-1, -1, -1, -1, -1, -1}, one[6] = {1, 1, 1, 1, 1, 1};

static struct tr_actions bins_of(int parts, int bins, enum tr_grid grid)
{
    return (struct tr_actions){parts, bins, false, grid, .05, minus_one, one};
}

static double mean_of(const struct tr_actions *a, const double *mass)
{
    double mean = 0;

    for (int k = 0; k < a->bins; k++)
        mean += mass[k] * tr_bin_centre(a, 0, k);
    return mean;
}

struct masses {
    double mu, sigma;
    bool squashed;
    enum tr_grid grid;
    int bin[6];
    double want[6]; /* 0: no more */
    double mean, tolerance;
};

static const struct masses printed[] = {
    {.3,
     .5,
     false,
     TR_GRID_INNER,
     {0, 10, 15},
     {.009386706, .09944553, .125071936},
     .27728754,
     1e-8},
    {.3,
     .5,
     false,
     TR_GRID_ENDS,
     {0, 7, 8, 9, 10, 15},
     {.006818862, .081190781, .095188222, .103982196, .105836174, .102637252},
     .282599358,
     1e-8},
    {1.4, .07, false, TR_GRID_INNER, {15}, {1}, .9375, 1e-9},
    {1.4, .07, false, TR_GRID_ENDS, {15}, {1}, 1, 1e-9},
    {-.2, .07, false, TR_GRID_INNER, {6}, {.620486352}, -.199952071, 1e-8},
    {-.2, .07, false, TR_GRID_ENDS, {6}, {.659096184}, -.2, 1e-8},
    {.3,
     .5,
     true,
     TR_GRID_ENDS,
     {0, 9, 15},
     {3.634636972e-05, .108639875, .002826172},
     .243486071,
     1e-8},
};

static void masses_are_those_printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof printed / sizeof *printed; i++) {
        const struct masses *m = &printed[i];
        const struct tr_actions a = bins_of(1, 16, m->grid);
        double mass[16], sum = 0;
        tr_bin_masses(&a, 0, m->mu, m->sigma, m->squashed, mass);
        for (int k = 0; k < 16; k++)
            sum += mass[k];
        assert_near(sum, 1, 1e-14);
        for (int j = 0; j < 6 && m->want[j] != 0; j++)
            assert_near(mass[m->bin[j]], m->want[j], m->tolerance);
        assert_near(mean_of(&a, mass), m->mean, m->tolerance);
    }
}

static void centres_and_nearest_bins_are_those_printed(void **state)
{
    const struct tr_actions ends = bins_of(1, 16, TR_GRID_ENDS),
                            inner = bins_of(1, 16, TR_GRID_INNER);
    (void)state;

    assert_near(tr_bin_centre(&ends, 0, 0), -1, 0);
    assert_near(tr_bin_centre(&ends, 0, 1), -.866666667, 1e-9);
    assert_near(tr_bin_centre(&ends, 0, 7), -.066666667, 1e-9);
    assert_near(tr_bin_centre(&ends, 0, 15), 1, 1e-15);
    assert_near(tr_bin_centre(&inner, 0, 0), -.9375, 0);
    assert_int_equal(tr_bin_nearest(&ends, 0, 0), 7); /* between 7 and 8: the lower */
    assert_int_equal(tr_bin_nearest(&inner, 0, 0), 7);
    assert_int_equal(tr_bin_nearest(&ends, 0, -5), 0);
    assert_int_equal(tr_bin_nearest(&ends, 0, 5), 15);
    for (int k = 0; k < 16; k++) {
        assert_int_equal(tr_bin_nearest(&ends, 0, tr_bin_centre(&ends, 0, k)), k);
        assert_int_equal(tr_bin_nearest(&inner, 0, tr_bin_centre(&inner, 0, k)), k);
    }
}

static void labels_become_logits_whose_softmax_they_are(void **state)
{
    const struct tr_actions a = bins_of(2, 16, TR_GRID_ENDS);
    const double label[4] = {.3, 1.4, log(.5), log(.07)};
    float logits[32];
    double sum = 0;
    (void)state;

    assert_int_equal(tr_label_size(&a, TR_LABELS_GAUSSIAN), 4);
    tr_label_logits(&a, TR_LABELS_GAUSSIAN, label, logits);
    assert_near(exp((double)logits[10]), .105836174, 1e-7);
    assert_near((double)logits[31], 0, 1e-7);
    assert_near((double)logits[16], log(1e-30), 1e-4); /* 34 sd away: finite all the same */
    for (int k = 0; k < 16; k++)
        sum += exp((double)logits[k]);
    assert_near(sum, 1, 1e-6);
}

static void values_are_divided_by_tau_and_logits_are_not(void **state)
{
    const struct tr_actions a = {1, 3, true, TR_GRID_ENDS, .05, NULL, NULL};
    const double q[3] = {1, 1.05, .5};
    float logits[3];
    double action;
    (void)state;

    assert_int_equal(tr_label_size(&a, TR_LABELS_Q), 3);
    tr_label_logits(&a, TR_LABELS_Q, q, logits);
    assert_near((double)(logits[1] - logits[0]), 1, 1e-5);
    tr_label_logits(&a, TR_LABELS_LOGITS, q, logits);
    assert_near((double)(logits[1] - logits[0]), .05, 1e-6);
    tr_label_act(&a, TR_LABELS_Q, q, NULL, &action);
    assert_near(action, 1, 0);
}

static void teachers_act_by_their_own_distribution(void **state)
{
    const struct tr_actions a = bins_of(1, 16, TR_GRID_ENDS);
    const double label[2] = {.3, log(.2)}, far[2] = {1.4, log(.07)};
    struct rt_rng rng;
    double action, sum = 0, squares = 0;
    enum { draws = 20000 };
    (void)state;

    tr_label_act(&a, TR_LABELS_GAUSSIAN, label, NULL, &action);
    assert_near(action, .3, 0);
    tr_label_act(&a, TR_LABELS_TANH, label, NULL, &action);
    assert_near(action, tanh(.3), 1e-15);
    tr_label_act(&a, TR_LABELS_GAUSSIAN, far, NULL, &action);
    assert_near(action, 1, 0);
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < draws; i++) {
        tr_label_act(&a, TR_LABELS_GAUSSIAN, label, &rng, &action);
        sum += action;
        squares += action * action;
    }
    assert_near(sum / draws, .3, 5 * .2 / sqrt(draws));
    assert_near(sqrt(squares / draws - .09), .2, .005);
}

static void students_act_by_mean_mode_or_sample(void **state)
{
    const struct tr_actions a = bins_of(1, 3, TR_GRID_ENDS);
    const float z[3] = {logf(.2F), logf(.5F), logf(.3F)};
    struct rt_rng rng;
    double action, count[3] = {0};
    (void)state;

    tr_logits_act(&a, z, TR_READ_MEAN, NULL, &action);
    assert_near(action, .1, 1e-7);
    tr_logits_act(&a, z, TR_READ_MODE, NULL, &action);
    assert_near(action, 0, 0);
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < 10000; i++) {
        tr_logits_act(&a, z, TR_READ_SAMPLE, &rng, &action);
        count[tr_bin_nearest(&a, 0, action)]++;
    }
    assert_near(count[0], 2000, 200);
    assert_near(count[1], 5000, 250);
    assert_near(count[2], 3000, 230);
}

static void perturbed_bins_are_those_printed(void **state)
{
    int bin[4] = {3, 0, 15, 7}, again[4] = {3, 0, 15, 7};
    (void)state;

    assert_int_equal(
        tr_perturb_bins(bin, 4, 16, .2, (double[]){.1, .5, .19, .2}, (double[]){0, .9, .5, .99}),
        2);
    assert_memory_equal(bin, ((int[]){0, 0, 7, 7}), sizeof bin);
    assert_int_equal(
        tr_perturb_bins(again, 4, 16, .2, (double[]){.1, .05, .19, 0}, (double[]){0, 0, .999, .5}),
        4);
    assert_memory_equal(again, ((int[]){0, 1, 14, 8}), sizeof again);
    assert_near(tr_perturb_chance(.2, 1), .2, 1e-15);
    assert_near(tr_perturb_chance(.2, 3), .0717, 5e-5);
    assert_near(tr_perturb_chance(.2, 6), .0365, 5e-5);
    assert_int_equal(tr_bin_other(0, 1, .5), 0);
}

/* p of all actions are disturbed, none into its own bin, and all others alike (chi squared, 14
 * degrees of freedom: 36.1 is passed once in a thousand). */
static void perturbed_actions_are_as_many_as_asked_and_never_the_same(void **state)
{
    enum { draws = 30000, from = 5 };
    const struct tr_actions a = bins_of(1, 16, TR_GRID_ENDS), three = bins_of(3, 16, TR_GRID_ENDS);
    const double sd = sqrt(.2 * .8 / draws);
    double count[16] = {0}, chi = 0;
    int one_of = 0, any_of_three = 0;
    struct rt_rng rng;
    (void)state;

    rt_rng_init(&rng, 5, RT_STREAM_TEST, 0);
    for (int i = 0; i < draws; i++) {
        double action = tr_bin_centre(&a, 0, from), several[3] = {.11, -.22, .33};
        const bool moved = tr_perturb_action(&a, .2, &rng, &action);
        const int bin = tr_bin_nearest(&a, 0, action);
        assert_int_equal(moved, bin != from);
        one_of += moved;
        count[bin]++;
        any_of_three += tr_perturb_action(&three, .2, &rng, several);
        assert_true(several[0] == .11 || fabs(several[0] - .11) > .06);
    }
    assert_near(one_of / (double)draws, .2, 4 * sd);
    assert_near(any_of_three / (double)draws, .2, 4 * sd);
    for (int k = 0; k < 16; k++)
        if (k != from)
            chi += (count[k] - one_of / 15.0) * (count[k] - one_of / 15.0) / (one_of / 15.0);
    assert_true(chi < 36.1);
}

static void actions_without_limits_have_no_bins(void **state)
{
    const struct tr_env_info open = {.name = "open",
                                     .actions = 2,
                                     .low = (double[]){-1, -INFINITY},
                                     .high = (double[]){1, INFINITY}};
    const struct tr_env_info choice = {.name = "choice", .actions = 1, .choices = 6};
    struct tr_actions a;
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_actions_of(&a, &open, 16, TR_GRID_ENDS, .05, &err), RT_EARG);
    assert_non_null(strstr(err.text, "component 1"));
    assert_int_equal(tr_actions_of(&a, &open, 1, TR_GRID_ENDS, .05, &err), RT_EARG);
    assert_ok(tr_actions_of(&a, &choice, 16, TR_GRID_ENDS, .05, &err));
    assert_int_equal(a.bins, 6);
    assert_true(a.choice && a.parts == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masses_are_those_printed),
        cmocka_unit_test(centres_and_nearest_bins_are_those_printed),
        cmocka_unit_test(labels_become_logits_whose_softmax_they_are),
        cmocka_unit_test(values_are_divided_by_tau_and_logits_are_not),
        cmocka_unit_test(teachers_act_by_their_own_distribution),
        cmocka_unit_test(students_act_by_mean_mode_or_sample),
        cmocka_unit_test(perturbed_bins_are_those_printed),
        cmocka_unit_test(perturbed_actions_are_as_many_as_asked_and_never_the_same),
        cmocka_unit_test(actions_without_limits_have_no_bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
