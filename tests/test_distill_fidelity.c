/* tests/test_distill_fidelity.c -- metrics of a student, rank correlation, schedules, clipping. */
#include "distill_support.h"

#include "trainer/distill/clip.h"
#include "trainer/distill/fidelity.h"
#include "trainer/distill/schedule.h"
#include "trainer/distill/softmax.h"

static const float students[16] = {1, 2, .5F, -1, .3F, -.7F, 1.5F, .2F,
                                   3, 0, 0,   0,  .2F, .1F,  0,    .3F};
static const double teachers[16] = {2, 1, .1, -1.5, 0, .5, 2.5, -1, 2, 0, 1, 0, 0, 0, .1, .4};
static const int labels[4] = {0, 2, 0, 1};

static void ensemble_probabilities(double target[16])
{
    double logp[4];
    for (ptrdiff_t i = 0; i < 4; i++)
        tr_softmax(teachers + 4 * i, 4, 1, target + 4 * i, logp);
}

static void metrics_reproduce_their_printed_values(void **state)
{
    struct tr_fidelity f;
    struct rt_err err;
    double target[16];
    (void)state;
    ensemble_probabilities(target);

    assert_ok(tr_fidelity_measure(students, target, labels, 4, 4, &f, &err));

    assert_int_equal(f.examples, 4);
    assert_near(f.agreement, .75, 0);
    assert_near(f.accuracy, .5, 0);
    assert_near(f.error, .5, 0);
    assert_near(f.error_se, .25, 1e-15);
    assert_near(f.agreement_se, sqrt(.75 * .25 / 4), 1e-15);
    /* the printed values are from double logits: .3 and .7 as floats are off by 1e-8 */
    assert_near(f.kl, .217404833, 3e-8);
    assert_near(f.nll, .899602460, 3e-8);
    assert_near(f.brier, .505821044, 3e-8);
    assert_near(f.js, .050914316, 3e-8);
    assert_near(f.tv, (.421935007 + .250587951 + .259752821 + .062443612) / 4, 3e-8);
    assert_true(f.reverse_kl > 0);
}

/* Student and teacher as doubles through the same formulas, to the printed digit. */
static void reverse_divergence_and_errors_match_direct_sums(void **state)
{
    struct tr_fidelity f;
    struct rt_err err;
    double target[16], reverse = 0, kl[4], mean = 0, sq = 0;
    (void)state;
    ensemble_probabilities(target);
    for (ptrdiff_t i = 0; i < 4; i++) {
        double z[4], q[4], logq[4];
        for (int c = 0; c < 4; c++)
            z[c] = (double)students[4 * i + c];
        tr_softmax(z, 4, 1, q, logq);
        kl[i] = 0;
        for (int c = 0; c < 4; c++) {
            reverse += q[c] * log(q[c] / target[4 * i + c]);
            kl[i] += target[4 * i + c] * log(target[4 * i + c] / q[c]);
        }
        mean += kl[i] / 4;
    }
    for (ptrdiff_t i = 0; i < 4; i++)
        sq += (kl[i] - mean) * (kl[i] - mean);

    assert_ok(tr_fidelity_measure(students, target, labels, 4, 4, &f, &err));

    assert_near(f.reverse_kl, reverse / 4, 1e-12);
    assert_near(f.kl, mean, 1e-12);
    assert_near(f.kl_se, sqrt(sq / 3 / 4), 1e-12);
}

/* Each from its own per-example values, straight from the definition. */
static void every_mean_has_the_standard_error_of_its_examples(void **state)
{
    struct tr_fidelity f;
    struct rt_err err;
    double target[16], brier[4], tv[4], sum[2] = {0}, sq[2] = {0};
    (void)state;
    ensemble_probabilities(target);
    for (ptrdiff_t i = 0; i < 4; i++) {
        double z[4], q[4], logq[4];
        for (int c = 0; c < 4; c++)
            z[c] = (double)students[4 * i + c];
        tr_softmax(z, 4, 1, q, logq);
        brier[i] = tv[i] = 0;
        for (int c = 0; c < 4; c++) {
            brier[i] += (q[c] - (c == labels[i])) * (q[c] - (c == labels[i]));
            tv[i] += .5 * fabs(q[c] - target[4 * i + c]);
        }
        sum[0] += brier[i];
        sum[1] += tv[i];
    }
    for (int i = 0; i < 4; i++) {
        sq[0] += (brier[i] - sum[0] / 4) * (brier[i] - sum[0] / 4);
        sq[1] += (tv[i] - sum[1] / 4) * (tv[i] - sum[1] / 4);
    }

    assert_ok(tr_fidelity_measure(students, target, labels, 4, 4, &f, &err));

    assert_near(f.brier_se, sqrt(sq[0] / 3 / 4), 1e-12);
    assert_near(f.tv_se, sqrt(sq[1] / 3 / 4), 1e-12);
    assert_true(f.js_se > 0 && f.reverse_kl_se > 0 && f.ece_se > 0 && f.ece_teacher_se > 0);
}

static void retention_is_a_ratio_of_paired_scores(void **state)
{
    static const double right_q[4] = {0, 1, 1, 0}, right_p[4] = {1, 1, 1, 0};
    static const float never_logits[4] = {1, 0, 0, 1};
    static const double never_right[4] = {0, 1, 1, 0};
    static const int never_labels[2] = {0, 1};
    struct tr_fidelity f;
    struct rt_err err;
    double target[16], sq = 0;
    (void)state;
    ensemble_probabilities(target);

    assert_ok(tr_fidelity_measure(students, target, labels, 4, 4, &f, &err));

    assert_near(f.retention, 2. / 3, 1e-15);
    for (int i = 0; i < 4; i++) {
        const double d = (right_q[i] - 2. / 3 * right_p[i]) / .75;
        sq += d * d / 4;
    }
    assert_near(f.retention_se, sqrt(sq / 4), 1e-12);
    /* nothing is retained of a teacher that is never right, and no gate passes by it */
    assert_ok(tr_fidelity_measure(never_logits, never_right, never_labels, 2, 2, &f, &err));
    assert_near(f.accuracy, 1, 0);
    assert_true(isnan(f.retention) && isnan(f.retention_se));
}

static void calibration_error_has_the_standard_error_of_its_signed_gaps(void **state)
{
    struct tr_ece ece;
    (void)state;
    tr_ece_init(&ece, 2);
    tr_ece_add(&ece, .4, 1); /* bin 0 is too modest: +.6, +.8, -.3 */
    assert_true(isnan(tr_ece_se(&ece)));
    tr_ece_add(&ece, .2, 1);
    tr_ece_add(&ece, .3, 0);
    tr_ece_add(&ece, .9, 0); /* bin 1 too sure: -.9 */
    assert_near(tr_ece_value(&ece), (.6 + .8 - .3 + .9) / 4, 1e-15);
    const double mean = .5, d[4] = {.6, .8, -.3, .9};
    double sq = 0;
    for (int i = 0; i < 4; i++)
        sq += (d[i] - mean) * (d[i] - mean);
    assert_near(tr_ece_se(&ece), sqrt(sq / 3 / 4), 1e-15);
}

static void calibration_error_over_ten_bins_is_as_printed(void **state)
{
    struct tr_ece ece;
    (void)state;
    tr_ece_init(&ece, 10);
    assert_true(isnan(tr_ece_value(&ece)));
    for (ptrdiff_t i = 0; i < 4; i++) {
        static const double exact[16] = {1, 2, .5, -1, .3, -.7, 1.5, .2, 3, 0, 0, 0, .2, .1, 0, .3};
        double q[4], logq[4];
        tr_softmax(exact + 4 * i, 4, 1, q, logq);
        const int best = tr_argmax(q, 4);
        tr_ece_add(&ece, q[best], best == labels[i]);
    }
    assert_near(tr_ece_value(&ece), .358606312, PRINTED);
}

static void a_bin_owns_its_upper_edge(void **state)
{
    struct tr_ece ece;
    (void)state;
    tr_ece_init(&ece, 4);
    tr_ece_add(&ece, .25, 1);
    tr_ece_add(&ece, .5, 1);
    tr_ece_add(&ece, 1, 1);
    tr_ece_add(&ece, 0, 0);
    assert_near(ece.count[0], 2, 0);
    assert_near(ece.count[1], 1, 0);
    assert_near(ece.count[2], 0, 0);
    assert_near(ece.count[3], 1, 0);
}

static void what_is_not_known_is_nan(void **state)
{
    struct tr_fidelity f;
    struct rt_err err;
    double target[16];
    (void)state;
    ensemble_probabilities(target);
    assert_ok(tr_fidelity_measure(students, NULL, labels, 4, 4, &f, &err));
    assert_true(isnan(f.kl) && isnan(f.agreement) && isnan(f.ece_teacher) && isnan(f.kl_se));
    assert_near(f.error, .5, 0);
    assert_ok(tr_fidelity_measure(students, target, NULL, 4, 4, &f, &err));
    assert_true(isnan(f.error) && isnan(f.nll) && isnan(f.ece) && isnan(f.brier));
    assert_near(f.agreement, .75, 0);
    assert_ok(tr_fidelity_measure(students, target, labels, 1, 4, &f, &err));
    assert_true(isnan(f.kl_se) && isfinite(f.kl));
}

static void a_perfect_student_has_no_divergence(void **state)
{
    struct tr_fidelity f;
    struct rt_err err;
    double target[16], z[4], logp[4];
    (void)state;
    for (ptrdiff_t i = 0; i < 4; i++) {
        for (int c = 0; c < 4; c++)
            z[c] = (double)students[4 * i + c];
        tr_softmax(z, 4, 1, target + 4 * i, logp);
    }
    assert_ok(tr_fidelity_measure(students, target, labels, 4, 4, &f, &err));
    assert_near(f.kl, 0, 1e-15);
    assert_near(f.tv, 0, 1e-15);
    assert_near(f.js, 0, 1e-15);
    assert_near(f.agreement, 1, 0);
}

static void targets_that_underflow_keep_every_metric_finite(void **state)
{
    static const float z[3] = {0, 2000, 0};
    static const double p[3] = {1, 0, 0};
    static const int label[1] = {0};
    struct tr_fidelity f;
    struct rt_err err;
    (void)state;
    assert_ok(tr_fidelity_measure(z, p, label, 1, 3, &f, &err));
    assert_near(f.kl, 2000, 1e-9);
    assert_near(f.js, log(2), 1e-12);
    assert_near(f.tv, 1, 1e-15);
    assert_true(isfinite(f.reverse_kl) && f.reverse_kl > 700);
}

static void bad_input_is_refused(void **state)
{
    static const int beyond[4] = {0, 2, 4, 1};
    float logits[16];
    struct tr_fidelity f;
    struct rt_err err;
    (void)state;
    assert_int_equal(tr_fidelity_measure(students, NULL, beyond, 4, 4, &f, &err), RT_EARG);
    assert_string_equal(err.text, "example 2 has label 4, classes are 0 to 3");
    assert_int_equal(tr_fidelity_measure(students, NULL, labels, 0, 4, &f, &err), RT_EARG);
    memcpy(logits, students, sizeof logits);
    logits[9] = NAN;
    assert_int_equal(tr_fidelity_measure(logits, NULL, labels, 4, 4, &f, &err), RT_ENAN);
    assert_string_equal(err.text, "the logits of example 2 are not finite");
}

static void schedules_reproduce_their_printed_values(void **state)
{
    static const int steps[6] = {0, 1, 4, 5, 9, 12};
    static const double ce[6] = {.9, .811111111, .544444444, .455555556, .1, .1};
    static const double t[6] = {8, 7.222222222, 4.888888889, 4.111111111, 1, 1};
    struct tr_distill distill;
    (void)state;
    tr_distill_defaults(&distill);
    distill.t0 = 8;
    for (int i = 0; i < 6; i++) {
        const double u = tr_progress(steps[i], 10);
        assert_near(tr_ce_weight(&distill, u), ce[i], PRINTED);
        assert_near(tr_temperature(&distill, u), t[i], PRINTED);
    }
}

static void cosine_and_constant_schedules_meet_their_ends(void **state)
{
    struct tr_distill distill;
    (void)state;
    tr_distill_defaults(&distill);
    distill.mix = TR_MIX_COSINE;
    distill.t_schedule = TR_SCHEDULE_COSINE;
    assert_near(tr_temperature(&distill, -1), 4, 1e-15);
    assert_near(tr_temperature(&distill, .5), 2.5, 1e-15);
    assert_near(tr_temperature(&distill, 2), 1, 1e-15);
    assert_near(tr_ce_weight(&distill, 0), .9, 1e-15);
    assert_near(tr_ce_weight(&distill, .25), .1 + .8 * .5 * (1 + sqrt(.5)), 1e-15);
    assert_near(tr_ce_weight(&distill, 1), .1, 1e-15);
    distill.mix = TR_MIX_CONSTANT;
    distill.t_schedule = TR_SCHEDULE_CONSTANT;
    assert_near(tr_temperature(&distill, .7), 4, 0);
    assert_near(tr_ce_weight(&distill, .7), .9, 0);
}

static void two_stages_switch_at_the_split(void **state)
{
    struct tr_distill distill;
    (void)state;
    tr_distill_defaults(&distill);
    distill.mix = TR_MIX_TWO_STAGE;
    for (int step = 0; step < 10; step++)
        assert_near(tr_ce_weight(&distill, tr_progress(step, 10)), step < 3, 0);
}

static void the_learning_rate_warms_up_then_falls_to_zero(void **state)
{
    (void)state;
    assert_near(tr_learning_rate(0, 10, .2), 1. / 3, 1e-15);
    assert_near(tr_learning_rate(1, 10, .2), 2. / 3, 1e-15);
    assert_near(tr_learning_rate(2, 10, .2), 1, 1e-15);
    assert_near(tr_learning_rate(9, 10, .2), 1. / 8, 1e-15);
    assert_near(tr_learning_rate(10, 10, .2), 0, 0);
    assert_near(tr_learning_rate(0, 1, 0), 1, 0);
    assert_near(tr_learning_rate(9, 10, 1), 10. / 11, 1e-15); /* nothing but warm-up */
    for (int step = 0; step < 1000; step++) {
        const double rate = tr_learning_rate(step, 1000, .1);
        assert_true(rate > 0 && rate <= 1);
    }
    assert_near(tr_progress(0, 1), 1, 0);
}

static void assert_clipped(double a, double b, double progress, double want_a, double want_b,
                           enum tr_clip_event want)
{
    struct tr_distill distill;
    enum tr_clip_event event;

    tr_distill_defaults(&distill);
    const double scale = tr_clip_scale(&distill, sqrt(a * a + b * b), progress, 1, &event);
    assert_near(a * scale, want_a, 1e-15);
    assert_near(b * scale, want_b, 1e-15);
    assert_int_equal(event, want);
}

static void clipping_reproduces_its_printed_values(void **state)
{
    (void)state;
    assert_clipped(.3, -.4, 0, .3, -.4, TR_CLIP_NONE);
    assert_clipped(.006, -.008, 0, .06, -.08, TR_CLIP_FLOOR);
    assert_clipped(3, 4, 0, .6, .8, TR_CLIP_CEILING);
    assert_clipped(3, 4, 1, .6, .8, TR_CLIP_CEILING);
    assert_clipped(0, 0, 0, 0, 0, TR_CLIP_NONE);
    assert_clipped(.1, 0, 0, .1, 0, TR_CLIP_NONE);
    assert_clipped(.006, -.008, .1, .006, -.008, TR_CLIP_NONE); /* the floor is for the start */
}

static void what_is_not_finite_skips_the_step(void **state)
{
    struct tr_distill distill;
    enum tr_clip_event event;
    (void)state;
    tr_distill_defaults(&distill);
    assert_near(tr_clip_scale(&distill, NAN, 0, 1, &event), 0, 0);
    assert_int_equal(event, TR_CLIP_SKIP);
    assert_near(tr_clip_scale(&distill, INFINITY, 0, 1, &event), 0, 0);
    assert_int_equal(event, TR_CLIP_SKIP);
    assert_near(tr_clip_scale(&distill, 1, 0, NAN, &event), 0, 0);
    assert_int_equal(event, TR_CLIP_SKIP);
}

static void limits_of_zero_and_solved_tasks_are_left_alone(void **state)
{
    struct tr_distill distill;
    enum tr_clip_event event;
    (void)state;
    tr_distill_defaults(&distill);
    assert_near(tr_clip_scale(&distill, .01, 0, 1e-7, &event), 1, 0);
    distill.clip_high = distill.clip_low = 0;
    assert_near(tr_clip_scale(&distill, 50, 0, 1, &event), 1, 0);
    assert_near(tr_clip_scale(&distill, .01, 0, 1, &event), 1, 0);
    assert_int_equal(event, TR_CLIP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_reproduce_their_printed_values),
        cmocka_unit_test(reverse_divergence_and_errors_match_direct_sums),
        cmocka_unit_test(every_mean_has_the_standard_error_of_its_examples),
        cmocka_unit_test(retention_is_a_ratio_of_paired_scores),
        cmocka_unit_test(calibration_error_has_the_standard_error_of_its_signed_gaps),
        cmocka_unit_test(calibration_error_over_ten_bins_is_as_printed),
        cmocka_unit_test(a_bin_owns_its_upper_edge),
        cmocka_unit_test(what_is_not_known_is_nan),
        cmocka_unit_test(a_perfect_student_has_no_divergence),
        cmocka_unit_test(targets_that_underflow_keep_every_metric_finite),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(schedules_reproduce_their_printed_values),
        cmocka_unit_test(cosine_and_constant_schedules_meet_their_ends),
        cmocka_unit_test(two_stages_switch_at_the_split),
        cmocka_unit_test(the_learning_rate_warms_up_then_falls_to_zero),
        cmocka_unit_test(clipping_reproduces_its_printed_values),
        cmocka_unit_test(what_is_not_finite_skips_the_step),
        cmocka_unit_test(limits_of_zero_and_solved_tasks_are_left_alone),
    };
    return cmocka_run_group_tests_name("trainer/distill: fidelity", tests, NULL, NULL);
}
