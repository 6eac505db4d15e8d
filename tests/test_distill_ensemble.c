/* tests/test_distill_ensemble.c -- targets of several teachers, their weights and calibration. */
#include "distill_support.h"

#include "trainer/distill/ensemble.h"
#include "trainer/distill/ensemble_fit.h"
#include "trainer/distill/soft_loss.h"
#include "trainer/distill/softmax.h"

/* Three teachers of four classes. 2.5, 1.5 and .5 are exact floats; the others are not, so values
 * from floats are compared at 2e-8. */
static const float vs[12] = {2, 1, .1F, -1.5F, .5F, 2.5F, 0, -1, 1.5F, .2F, -.3F, 0};
#define FROM_FLOAT 2e-8

static struct tr_ensemble thirds(enum tr_combine combine)
{
    struct tr_ensemble ensemble = ensemble_of(3, (const double[]){1. / 3, 1. / 3, 1. / 3});
    ensemble.combine = combine;
    return ensemble;
}

static void targets_reproduce_their_printed_values(void **state)
{
    static const struct {
        enum tr_combine combine;
        double t, want[4];
    } cases[] = {
        {TR_COMBINE_PROB, 1, {.452226315, .401103691, .087318707, .059351287}},
        {TR_COMBINE_PROB, 2, {.359727850, .348105667, .168172370, .123994113}},
        {TR_COMBINE_LOGIT, 1, {.441307586, .399311616, .108825111, .050555687}},
        {TR_COMBINE_LOGIT, 2, {.358901455, .341397624, .178225188, .121475733}},
    };
    double p[4], again[4], logp[4], exps[4];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tr_ensemble ensemble = thirds(cases[i].combine);
        struct tr_target e;
        tr_ensemble_target(&ensemble, vs, 3, 4, cases[i].t, p);
        assert_row(p, cases[i].want, 4, FROM_FLOAT);

        tr_target_init(&e, &ensemble, vs, 3, 4, -1);
        tr_target_at(&e, cases[i].t, exps, again, logp);
        assert_memory_equal(p, again, sizeof p); /* scratch changes no bit */
        for (int c = 0; c < 4; c++)
            assert_near(exp(logp[c]), p[c], 1e-15);
    }
}

static void unequal_weights_reproduce_their_printed_values(void **state)
{
    static const double prob[4] = {.374396990, .347529744, .170114588, .107958678};
    static const double logit[4] = {.371535874, .342970838, .179046478, .106446810};
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    double p[4];
    (void)state;
    ensemble.weight[0] = .5;
    ensemble.weight[1] = .3;
    ensemble.weight[2] = .2;
    tr_ensemble_target(&ensemble, vs, 3, 4, 2, p);
    assert_row(p, prob, 4, FROM_FLOAT);
    ensemble.combine = TR_COMBINE_LOGIT;
    tr_ensemble_target(&ensemble, vs, 3, 4, 2, p);
    assert_row(p, logit, 4, FROM_FLOAT);
}

static void the_mean_of_losses_has_the_gradient_of_the_mean_probability(void **state)
{
    static const double want[4] = {-.192502226, .172588065, .074047037, -.054132877};
    double q[4], logq[4], p[4], logp[4], grad[4], mean_grad[4] = {0}, mean = 0;
    const struct tr_soft_row row = {4, q, logq, p, logp};
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    struct tr_target e;
    (void)state;
    tr_softmax(zs[0], 4, .5, q, logq);
    for (int k = 0; k < 3; k++) {
        double v[4];
        for (int c = 0; c < 4; c++)
            v[c] = (double)vs[4 * k + c];
        tr_softmax(v, 4, .5, p, logp);
        mean += 4 * tr_loss_fkl(&row, grad) / 3;
        for (int c = 0; c < 4; c++)
            mean_grad[c] += 2 * grad[c] / 3;
    }
    assert_near(mean, .360265118, FROM_FLOAT);
    assert_row(mean_grad, want, 4, FROM_FLOAT);
    tr_target_init(&e, &ensemble, vs, 3, 4, -1);
    tr_target_at(&e, 2, NULL, p, logp);
    assert_near(4 * tr_loss_fkl(&row, grad), .127982402, FROM_FLOAT);
    for (int c = 0; c < 4; c++)
        assert_near(2 * grad[c], mean_grad[c], 1e-14);
    ensemble.combine = TR_COMBINE_LOGIT;
    tr_target_init(&e, &ensemble, vs, 3, 4, -1);
    tr_target_at(&e, 2, NULL, p, logp);
    assert_near(4 * tr_loss_fkl(&row, grad), .123959070, FROM_FLOAT);
}

static void weights_of_an_example_reproduce_their_printed_values(void **state)
{
    static const double confidence[3] = {.437732148, .129094827, .433173025};
    static const double entropy[3] = {.321605707, .408418644, .269975649};
    static const double kl[3] = {.337257495, .103616283, .599086260}; /* T = 4, times 16 */
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    struct tr_target e;
    double q[4], logq[4], p[4], logp[4], grad[4], sum = 0;
    const struct tr_soft_row row = {4, q, logq, p, logp};
    (void)state;
    ensemble.weighting = TR_WEIGHTING_ENTROPY;
    tr_target_init(&e, &ensemble, vs, 3, 4, -1);
    assert_row(e.weight, entropy, 3, FROM_FLOAT);
    ensemble.weighting = TR_WEIGHTING_CONFIDENCE;
    tr_target_init(&e, &ensemble, vs, 3, 4, 0);
    assert_row(e.weight, confidence, 3, FROM_FLOAT);

    tr_softmax(zs[0], 4, .25, q, logq);
    for (int k = 0; k < 3; k++) {
        double v[4];
        for (int c = 0; c < 4; c++)
            v[c] = (double)vs[4 * k + c];
        tr_softmax(v, 4, .25, p, logp);
        const double loss = 16 * tr_loss_fkl(&row, grad);
        assert_near(loss, kl[k], FROM_FLOAT);
        sum += e.weight[k] * loss;
    }
    assert_near(sum, .420512781, FROM_FLOAT);
}

static void fixed_weights_multiply_those_of_the_example(void **state)
{
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    struct tr_target even, e;
    (void)state;
    ensemble.weighting = TR_WEIGHTING_ENTROPY;
    tr_target_init(&even, &ensemble, vs, 3, 4, -1);
    ensemble.weight[0] = 0;
    ensemble.weight[1] = .25;
    ensemble.weight[2] = .75;
    tr_target_init(&e, &ensemble, vs, 3, 4, -1);
    const double sum = .25 * even.weight[1] + .75 * even.weight[2];
    assert_near(e.weight[0], 0, 0);
    assert_near(e.weight[1], .25 * even.weight[1] / sum, 1e-15);
    assert_near(e.weight[2], .75 * even.weight[2] / sum, 1e-15);
}

static void without_a_label_confidence_keeps_the_fixed_weights(void **state)
{
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    struct tr_target e;
    (void)state;
    ensemble.weighting = TR_WEIGHTING_CONFIDENCE;
    tr_target_init(&e, &ensemble, vs, 3, 4, -1);
    for (int k = 0; k < 3; k++)
        assert_near(e.weight[k], 1. / 3, 0);
    ensemble.weight[0] = 1;
    tr_target_init(&e, &ensemble, vs, 1, 4, 0); /* a single teacher has nobody to yield to */
    assert_near(e.weight[0], 1, 0);
}

static void a_teacher_is_calibrated_before_it_is_combined(void **state)
{
    float scaled[12];
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    double want[4], p[4];
    (void)state;
    tr_ensemble_target(&ensemble, vs, 3, 4, 2, want);
    memcpy(scaled, vs, sizeof scaled);
    for (int c = 4; c < 8; c++)
        scaled[c] *= 4;
    ensemble.calibration[1] = 4;
    tr_ensemble_target(&ensemble, scaled, 3, 4, 2, p);
    assert_row(p, want, 4, 1e-15);
    struct tr_target e;
    double mean[4];
    tr_target_init(&e, &ensemble, scaled, 3, 4, -1);
    tr_target_logits(&e, mean);
    for (int c = 0; c < 4; c++)
        assert_near(mean[c], ((double)vs[c] + (double)vs[4 + c] + (double)vs[8 + c]) / 3, 1e-12);
}

static void log_probabilities_survive_underflow(void **state)
{
    static const float far[6] = {0, 4000, 0, 0, 3000, 0};
    struct tr_ensemble ensemble;
    struct tr_target e;
    double p[3], logp[3];
    (void)state;
    tr_ensemble_defaults(&ensemble);
    ensemble.weight[0] = ensemble.weight[1] = .5;
    for (int combine = TR_COMBINE_PROB; combine <= TR_COMBINE_LOGIT; combine++) {
        ensemble.combine = (enum tr_combine)combine;
        tr_target_init(&e, &ensemble, far, 2, 3, -1);
        tr_target_at(&e, 1, NULL, p, logp);
        assert_near(p[0], 0, 0);
        assert_near(p[1], 1, 1e-15);
        assert_near(logp[0], combine == TR_COMBINE_PROB ? -3000 - log(2) : -3500, 1e-9);
        assert_near(logp[1], 0, 1e-15);
    }
}

static void standardised_teachers_lose_their_scale(void **state)
{
    float scaled[12];
    struct tr_ensemble ensemble = thirds(TR_COMBINE_PROB);
    struct tr_target e;
    double row[4], want[4], p[4];
    (void)state;
    for (int i = 0; i < 12; i++)
        scaled[i] = vs[i] * (i < 4 ? 2.F : i < 8 ? 3.F : 4.F) + 8;
    tr_target_init(&e, &ensemble, vs, 3, 4, -1);
    tr_target_standardise(&e, row);
    tr_target_at(&e, 2, NULL, want, NULL);
    tr_target_init(&e, &ensemble, scaled, 3, 4, -1);
    tr_target_standardise(&e, row);
    tr_target_at(&e, 2, NULL, p, NULL);
    assert_row(p, want, 4, 1e-6);
}

static void weights_by_score_and_em_reproduce_their_printed_values(void **state)
{
    static const double accuracy[3] = {.9, .86, .8};
    static const double by_accuracy[3] = {.490629110, .328878527, .180492363};
    static const double p[6] = {.7, .2, .5, .1, .6, .3};
    static const double first[3] = {.3, .371428571, .328571429};
    static const double third[3] = {.260433616, .420859053, .318707331};
    double weight[3];
    (void)state;
    tr_weigh_by_score(accuracy, 3, .1, weight);
    assert_row(weight, by_accuracy, 3, PRINTED);
    weight[0] = weight[1] = weight[2] = 1. / 3;
    assert_near(tr_weigh_by_em(p, 2, 3, 1, weight), .923718074, PRINTED);
    assert_row(weight, first, 3, PRINTED);
    assert_near(tr_weigh_by_em(p, 2, 3, 2, weight), .918379895, PRINTED);
    assert_row(weight, third, 3, PRINTED);
}

static void em_never_raises_the_nll(void **state)
{
    double p[60], weight[3] = {.2, .5, .3}, last = INFINITY;
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    for (int i = 0; i < 60; i++)
        p[i] = rt_rng_uniform(&rng);
    for (int step = 0; step < 30; step++) {
        const double nll = tr_weigh_by_em(p, 20, 3, 1, weight);
        assert_true(nll <= last + 1e-12);
        assert_near(weight[0] + weight[1] + weight[2], 1, 1e-12);
        last = nll;
    }
}

enum { held = 10 };

/* Eight of ten right at a fixed margin: the best T is margin / ln(.8/.2). */
static void calibration_finds_the_temperature_of_its_accuracy(void **state)
{
    float logits[held * 2];
    int labels[held];
    const struct tr_held_out h = {logits, NULL, labels, held, 1, 2};
    (void)state;
    for (int m = 1; m <= 16; m *= 4) {
        for (ptrdiff_t i = 0; i < held; i++) {
            logits[2 * i] = (float)m;
            logits[2 * i + 1] = 0;
            labels[i] = i < 8 ? 0 : 1;
        }
        assert_near(tr_calibrate(&h, 0), m / log(4), 1e-9);
    }
}

static void calibration_stays_in_bounds_when_nothing_holds_it(void **state)
{
    static const float right[4] = {3, 0, 0, 3}, wrong[4] = {0, 3, 3, 0}, flat[4] = {1, 1, 1, 1};
    static const int y[2] = {0, 1};
    struct tr_held_out h = {right, NULL, y, 2, 1, 2};
    (void)state;
    assert_near(tr_calibrate(&h, 0), 1. / 20, 1e-6);
    h.logits = wrong;
    assert_near(tr_calibrate(&h, 0), 20, 1e-4);
    h.logits = flat;
    assert_true(isfinite(tr_calibrate(&h, 0)));
}

/* n rows of three teachers on two classes: one right in 9 of 10 rows, one in 17 of 20, one
 * guessing.
 */
enum { rows = 200 };

static void three_teachers(float *logits, int *y)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 5, RT_STREAM_TEST, 0);
    for (int i = 0; i < rows; i++) {
        y[i] = (int)rt_rng_below(&rng, 2);
        const int right[3] = {i % 10 != 0, i % 20 != 1 && i % 20 != 5 && i % 20 != 6,
                              (int)rt_rng_below(&rng, 2)};
        for (int k = 0; k < 3; k++) {
            logits[(i * 3 + k) * 2 + y[i]] = right[k] ? 6 : 0;
            logits[(i * 3 + k) * 2 + 1 - y[i]] = right[k] ? 0 : 6;
        }
    }
}

static void auto_drops_the_teacher_that_guesses(void **state)
{
    float logits[rows * 6];
    int y[rows];
    const struct tr_held_out h = {logits, NULL, y, rows, 3, 2};
    struct tr_ensemble ensemble;
    struct tr_ensemble_report report;
    struct rt_err err;
    (void)state;
    three_teachers(logits, y);
    tr_ensemble_defaults(&ensemble);

    assert_ok(tr_ensemble_fit(&h, TR_RULE_AUTO, true, &ensemble, &report, &err));

    assert_near(report.accuracy[0], .9, 1e-9);
    assert_near(report.accuracy[1], .85, 1e-9);
    assert_near(ensemble.weight[2], 0, 0);
    assert_near(ensemble.weight[0] + ensemble.weight[1], 1, 1e-12);
    assert_near(report.temperature[0], 6 / log(9), 1e-6);
    assert_near(ensemble.calibration[0], report.temperature[0], 0);
    assert_true(report.nll_chosen < report.nll_uniform);
    assert_ok(tr_ensemble_check(&ensemble, 3, true, &err));
}

static void em_keeps_every_teacher_above_its_floor(void **state)
{
    float logits[rows * 6];
    int y[rows];
    const struct tr_held_out h = {logits, NULL, y, rows, 3, 2};
    struct tr_ensemble ensemble;
    struct tr_ensemble_report report;
    struct rt_err err;
    (void)state;
    three_teachers(logits, y);
    tr_ensemble_defaults(&ensemble);

    assert_ok(tr_ensemble_fit(&h, TR_RULE_EM, false, &ensemble, &report, &err));

    assert_true(report.em);
    for (int k = 0; k < 3; k++) {
        assert_true(ensemble.weight[k] >= .05);
        assert_near(ensemble.calibration[k], 1, 0);
    }
    assert_true(ensemble.weight[0] > ensemble.weight[2]);
    assert_ok(tr_ensemble_fit(&h, TR_RULE_ACCURACY, false, &ensemble, &report, &err));
    assert_true(ensemble.weight[0] > ensemble.weight[1] && ensemble.weight[1] > ensemble.weight[2]);
    assert_false(report.em);
    assert_ok(tr_ensemble_fit(&h, TR_RULE_UNIFORM, false, &ensemble, &report, &err));
    assert_near(ensemble.weight[2], 1. / 3, 0);
    assert_near(report.nll_chosen, report.nll_uniform, 1e-15);
}

static void held_out_rows_may_be_picked(void **state)
{
    float logits[rows * 6], few[20 * 6];
    int y[rows], picked[20], picked_y[20];
    struct tr_held_out h = {logits, picked, picked_y, 20, 3, 2};
    struct tr_ensemble a, b;
    struct tr_ensemble_report report;
    struct rt_err err;
    (void)state;
    three_teachers(logits, y);
    for (ptrdiff_t i = 0; i < 20; i++) {
        picked[i] = rows - 1 - 7 * (int)i;
        picked_y[i] = y[picked[i]];
        memcpy(few + 6 * i, logits + (ptrdiff_t)6 * picked[i], 6 * sizeof *few);
    }
    tr_ensemble_defaults(&a);
    b = a;
    assert_ok(tr_ensemble_fit(&h, TR_RULE_EM, true, &a, &report, &err));
    h.rows = NULL;
    h.logits = few;
    assert_ok(tr_ensemble_fit(&h, TR_RULE_EM, true, &b, &report, &err));
    for (int k = 0; k < 3; k++)
        assert_true(a.weight[k] == b.weight[k] && a.calibration[k] == b.calibration[k]);
}

static void fitting_refuses_what_it_cannot_weigh(void **state)
{
    static const float logits[4] = {1, 0, 0, 1};
    static const int y[2] = {0, 2};
    struct tr_held_out h = {logits, NULL, y, 2, 1, 2};
    struct tr_ensemble ensemble;
    struct tr_ensemble_report report;
    struct rt_err err;
    (void)state;
    tr_ensemble_defaults(&ensemble);
    assert_int_equal(tr_ensemble_fit(&h, TR_RULE_AUTO, true, &ensemble, &report, &err), RT_EARG);
    assert_string_equal(err.text, "held-out row 1 has label 2, classes are 0 to 1");
    h.n = 0;
    assert_int_equal(tr_ensemble_fit(&h, TR_RULE_AUTO, true, &ensemble, &report, &err), RT_EARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_reproduce_their_printed_values),
        cmocka_unit_test(unequal_weights_reproduce_their_printed_values),
        cmocka_unit_test(the_mean_of_losses_has_the_gradient_of_the_mean_probability),
        cmocka_unit_test(weights_of_an_example_reproduce_their_printed_values),
        cmocka_unit_test(fixed_weights_multiply_those_of_the_example),
        cmocka_unit_test(without_a_label_confidence_keeps_the_fixed_weights),
        cmocka_unit_test(a_teacher_is_calibrated_before_it_is_combined),
        cmocka_unit_test(log_probabilities_survive_underflow),
        cmocka_unit_test(standardised_teachers_lose_their_scale),
        cmocka_unit_test(weights_by_score_and_em_reproduce_their_printed_values),
        cmocka_unit_test(em_never_raises_the_nll),
        cmocka_unit_test(calibration_finds_the_temperature_of_its_accuracy),
        cmocka_unit_test(calibration_stays_in_bounds_when_nothing_holds_it),
        cmocka_unit_test(auto_drops_the_teacher_that_guesses),
        cmocka_unit_test(em_keeps_every_teacher_above_its_floor),
        cmocka_unit_test(held_out_rows_may_be_picked),
        cmocka_unit_test(fitting_refuses_what_it_cannot_weigh),
    };
    return cmocka_run_group_tests_name("trainer/distill: ensemble", tests, NULL, NULL);
}
