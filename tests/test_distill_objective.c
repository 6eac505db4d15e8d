/* tests/test_distill_objective.c -- the whole objective of a micro-batch, and its checks. */
#include "distill_support.h"

#include "trainer/distill/distill.h"
#include "trainer/distill/regulariser.h"
#include "trainer/distill/soft_loss.h"
#include "trainer/distill/softmax.h"

/* The whole objective on the shared rows with one teacher, in float as the trainer calls it. */
static double objective(const struct tr_distill *distill, double progress, const int *labels,
                        float *grad, struct tr_distill_stats *stats)
{
    const struct tr_ensemble ensemble = ensemble_of(1, alone);
    float logits[8], teacher[8];

    for (int i = 0; i < 8; i++) {
        logits[i] = (float)zs[i / 4][i % 4];
        teacher[i] = (float)zt[i / 4][i % 4];
    }
    *stats = (struct tr_distill_stats){0};
    loss_of_rows(distill, &ensemble, progress,
                 (struct tr_answers){
                     .count = 2, .classes = 4, .teachers = 1, .logits = logits, .label = labels},
                 teacher, .5, grad, stats);
    return stats->total / 2;
}

static struct tr_distill constant_recipe(double ce, double t, double reg)
{
    struct tr_distill distill;

    tr_distill_defaults(&distill);
    distill.mix = TR_MIX_CONSTANT;
    distill.ce0 = ce;
    distill.t_schedule = TR_SCHEDULE_CONSTANT;
    distill.t0 = t;
    distill.reg = reg > 0 ? TR_REG_L2 : TR_REG_NONE;
    distill.reg_weight = reg;
    return distill;
}

static void the_objective_reproduces_its_printed_values(void **state)
{
    static const struct {
        double ce, t, reg, value;
        float grad[8];
    } cases[] = {
        {.9,
         2,
         0,
         .944076374,
         {-.368904583F, .289708160F, .063868137F, .015328287F, .087620015F, .023324779F,
          -.195960865F, .085016071F}},
        {.1,
         2,
         0,
         .430015391,
         {-.216972522F, .169533285F, .030857567F, .016581669F, .073379191F, -.053184711F,
          -.138198546F, .118004067F}},
        {.5,
         3,
         0,
         .693672926,
         {-.287352963F, .221054372F, .047455889F, .018842702F, .080053980F, -.025280838F,
          -.165578645F, .110805503F}},
        {.5,
         3,
         .1,
         .735715187,
         {-.298479049F, .233707193F, .046270401F, .018501455F, .086403898F, -.024793394F,
          -.178879242F, .117268738F}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tr_distill distill = constant_recipe(cases[i].ce, cases[i].t, cases[i].reg);
        struct tr_distill_stats stats;
        float grad[8];
        assert_near(objective(&distill, .3, ys, grad, &stats), cases[i].value, 2e-6);
        assert_close(grad, cases[i].grad, 8, 2e-6, 0);
        assert_near(stats.t, cases[i].t, 0);
        assert_near(stats.ce_weight, cases[i].ce, 0);
        assert_near(stats.ce / 2, 1.008333997, 2e-6);
    }
}

static void the_stats_measure_each_part_of_the_gradient(void **state)
{
    static const double ce[8] = {-.387896091, .304730019, .067994458,  .015171614,
                                 .089400118,  .032888465, -.203181155, .080892572};
    const struct tr_distill distill = constant_recipe(.9, 1, 0);
    struct tr_distill_stats stats;
    float grad[8];
    double sq = 0;
    (void)state;
    for (int i = 0; i < 8; i++)
        sq += .81 * ce[i] * ce[i];
    objective(&distill, 0, ys, grad, &stats);
    assert_near(stats.grad_ce_sq, sq, 1e-7);
    assert_near(stats.soft / 2, .300819651, 2e-6);
    assert_near(stats.total, .9 * stats.ce + .1 * stats.soft, 1e-12);
}

static void without_t2_the_soft_part_shrinks_by_its_square(void **state)
{
    struct tr_distill distill = constant_recipe(0, 4, 0);
    struct tr_distill_stats with, without;
    float grad[8];
    (void)state;
    objective(&distill, 0, ys, grad, &with);
    distill.t2_scale = false;
    objective(&distill, 0, ys, grad, &without);
    assert_near(without.total * 16, with.total, 1e-12);
    assert_near(without.grad_soft_sq * 256, with.grad_soft_sq, 1e-12);
}

/* Differences of the reported total, which is a double, against the reported gradient. Only steps
 * that floats represent are taken, so the error is that of the differences and of the gradient's
 * last rounding to float. */
static void check_objective_gradient(const struct tr_distill *distill, struct tr_ensemble ensemble,
                                     const int *labels)
{
    enum { b = 3, k = 3, c = 5 };
    float logits[b * c], teacher[b * k * c], grad[b * c], other[b * c];
    double largest = 1e-3;
    const float h = 0x1p-12F;

    fill_uniform(logits, sizeof logits / sizeof *logits, 3);
    fill_uniform(teacher, sizeof teacher / sizeof *teacher, 4);
    for (int i = 0; i < b * c; i++)
        logits[i] = roundf(logits[i] * 2048) / 1024;
    struct tr_distill_stats stats = {0};
    loss_of_rows(distill, &ensemble, .4,
                 (struct tr_answers){
                     .count = b, .classes = c, .teachers = k, .logits = logits, .label = labels},
                 teacher, 1, grad, &stats);
    for (int i = 0; i < b * c; i++)
        largest = fmax(largest, fabs((double)grad[i]));
    for (int i = 0; i < b * c; i++) {
        struct tr_distill_stats up = {0}, down = {0};
        const float at = logits[i];
        logits[i] = at + h;
        loss_of_rows(
            distill, &ensemble, .4,
            (struct tr_answers){
                .count = b, .classes = c, .teachers = k, .logits = logits, .label = labels},
            teacher, 1, other, &up);
        logits[i] = at - h;
        loss_of_rows(
            distill, &ensemble, .4,
            (struct tr_answers){
                .count = b, .classes = c, .teachers = k, .logits = logits, .label = labels},
            teacher, 1, other, &down);
        logits[i] = at;
        assert_near((up.total - down.total) / (2 * (double)h), (double)grad[i], 1e-6 * largest);
    }
}

static void the_objectives_gradient_agrees_with_differences_for_every_option(void **state)
{
    static const int labels[3] = {3, 0, 2};
    (void)state;
    for (int loss = TR_LOSS_FKL; loss <= TR_LOSS_DIST; loss++)
        for (int option = 0; option < 16; option++) {
            struct tr_distill distill;
            struct rt_err err;
            tr_distill_defaults(&distill);
            struct tr_ensemble ensemble = ensemble_of(3, (const double[]){.5, .3, .2});
            ensemble.calibration[1] = 1.5;
            distill.loss = (enum tr_soft_loss)loss;
            ensemble.combine = option & 1 ? TR_COMBINE_LOGIT : TR_COMBINE_PROB;
            distill.standardise = option & 2;
            distill.tau_teacher = option & 4 ? .5 : 0;
            distill.reg = option & 8 ? TR_REG_L2SQ : TR_REG_L2;
            ensemble.weighting = (enum tr_weighting)(option % 3);
            assert_ok(tr_distill_check(&distill, &ensemble, 3, 5, true, &err));
            check_objective_gradient(&distill, ensemble, labels);
            if (ensemble.weighting != TR_WEIGHTING_CONFIDENCE)
                check_objective_gradient(&distill, ensemble, NULL);
        }
}

static void q_values_are_sharpened_for_the_student_at_one(void **state)
{
    static const float q_values[4] = {1.02F, 1, .95F, .9F}, z[4] = {1, 2, .5F, -1};
    static const float want[4] = {-.655877627F, .490353425F, .135186382F, .030337821F};
    struct tr_distill distill = constant_recipe(0, 4, 0);
    struct tr_distill_stats stats = {0};
    const struct tr_ensemble ensemble = ensemble_of(1, alone);
    double p[4], logp[4];
    static const double exact[4] = {1.02, 1, .95, .9};
    static const double target[4] = {.880085445, .119106613, .000802534, .000005407};
    float grad[4];
    (void)state;
    tr_softmax(exact, 4, 1 / .01, p, logp);
    assert_row(p, target, 4, PRINTED);
    distill.tau_teacher = .01;
    loss_of_rows(
        &distill, &ensemble, 0,
        (struct tr_answers){.count = 1, .classes = 4, .teachers = 1, .logits = z, .label = NULL},
        q_values, 1, grad, &stats);
    /* at tau = .01 the float rounding of 1.02 is a hundred times larger */
    assert_near(stats.total, 1.004855234, 1e-5);
    assert_close(grad, want, 4, 2e-6, 0);
    assert_near(stats.t, 1, 0);
}

struct standard_pair {
    double t;
    const double *teacher;
};

static double standard_loss(void *context, const double *z, double *grad)
{
    const struct standard_pair *pair = context;
    double q[4], logq[4], p[4], logp[4];
    const struct tr_soft_row row = {4, q, logq, p, logp};

    tr_softmax(z, 4, tr_standard_scale(z, 4) / pair->t, q, logq);
    tr_softmax(pair->teacher, 4, tr_standard_scale(pair->teacher, 4) / pair->t, p, logp);
    const double loss = tr_loss_fkl(&row, grad);
    for (int c = 0; c < 4; c++)
        grad[c] *= pair->t;
    tr_standard_backward(z, 4, grad);
    return loss * pair->t * pair->t;
}

static void standardised_logits_reproduce_their_printed_value(void **state)
{
    struct tr_distill distill = constant_recipe(0, 2, 0);
    struct tr_distill_stats stats;
    double grad[4], sum = 0;
    float dlogits[8];
    (void)state;
    for (int b = 0; b < 2; b++) {
        struct standard_pair pair = {2, zt[b]};
        sum += standard_loss(&pair, zs[b], grad);
        assert_gradient(standard_loss, &pair, zs[b], 4);
    }
    assert_near(sum / 2, .187851292, PRINTED);
    distill.standardise = true;
    assert_near(objective(&distill, 0, ys, dlogits, &stats), .187851292, 2e-6);
}

static void a_sequence_is_the_mean_over_its_valid_tokens(void **state)
{
    static const float z[3][2] = {{1, 2}, {0, .5F}, {.3F, -.3F}};
    static const float v[3][2] = {{2, 1}, {1, 0}, {0, 0}};
    static const float want[6] = {-.154039052F, .154039052F, -.117839303F,
                                  .117839303F,  .048552102F, -.048552102F};
    const struct tr_distill distill = constant_recipe(0, 1, 0);
    const struct tr_ensemble ensemble = ensemble_of(1, alone);
    struct tr_distill_stats stats = {0};
    float grad[6];
    (void)state;
    loss_of_rows(
        &distill, &ensemble, 0,
        (struct tr_answers){.count = 3, .classes = 2, .teachers = 1, .logits = z[0], .label = NULL},
        v[0], 1. / 3, grad, &stats);
    assert_near(stats.total / 3, .254620364, 2e-6);
    assert_close(grad, want, 6, 2e-6, 0);
}

static void without_teachers_only_labels_count(void **state)
{
    struct tr_distill distill;
    struct tr_distill_stats stats = {0};
    const struct tr_ensemble ensemble = ensemble_of(0, alone);
    float logits[8], grad[8];
    static const float want[8] = {-.387896091F, .304730019F, .067994458F,  .015171614F,
                                  .089400118F,  .032888465F, -.203181155F, .080892572F};
    (void)state;
    for (int i = 0; i < 8; i++)
        logits[i] = (float)zs[i / 4][i % 4];
    tr_distill_defaults(&distill);
    loss_of_rows(
        &distill, &ensemble, .5,
        (struct tr_answers){.count = 2, .classes = 4, .teachers = 0, .logits = logits, .label = ys},
        NULL, .5, grad, &stats);
    assert_near(stats.total / 2, 1.008333997, 2e-6);
    assert_close(grad, want, 8, 2e-6, 0);
    assert_near(stats.soft, 0, 0);
}

static void without_labels_the_teachers_choice_takes_their_place(void **state)
{
    static const int choice[2] = {0, 2}; /* argmax of zt */
    struct tr_distill distill = constant_recipe(.5, 2, .1);
    struct tr_distill_stats with, without;
    float grad[2][8];
    (void)state;
    for (int loss = TR_LOSS_FKL; loss <= TR_LOSS_DIST; loss++) {
        distill.loss = (enum tr_soft_loss)loss;
        objective(&distill, 0, choice, grad[0], &with);
        objective(&distill, 0, NULL, grad[1], &without);
        assert_memory_equal(grad[0], grad[1], sizeof grad[0]);
        assert_true(with.total == without.total);
    }
}

static void micro_batches_add_up_to_the_batch(void **state)
{
    enum { b = 6, k = 2, c = 3 };
    struct tr_distill distill;
    struct tr_distill_stats whole = {0}, parts = {0};
    float logits[b * c], teacher[b * k * c], grad[b * c], pieces[b * c];
    static const int labels[b] = {0, 1, 2, 2, 1, 0};
    const struct tr_ensemble ensemble = ensemble_of(2, (const double[]){.5, .5});
    (void)state;
    tr_distill_defaults(&distill);
    fill_uniform(logits, sizeof logits / sizeof *logits, 1);
    fill_uniform(teacher, sizeof teacher / sizeof *teacher, 2);
    loss_of_rows(&distill, &ensemble, .5,
                 (struct tr_answers){
                     .count = b, .classes = c, .teachers = k, .logits = logits, .label = labels},
                 teacher, 1. / b, grad, &whole);
    for (ptrdiff_t i = 0; i < b; i += 2)
        loss_of_rows(&distill, &ensemble, .5,
                     (struct tr_answers){.count = 2,
                                         .classes = c,
                                         .teachers = k,
                                         .logits = logits + i * c,
                                         .label = labels + i},
                     teacher + i * k * c, 1. / b, pieces + i * c, &parts);
    assert_memory_equal(grad, pieces, sizeof grad);
    assert_true(whole.total == parts.total);
    assert_true(whole.grad_soft_sq == parts.grad_soft_sq);
}

static void check_names_what_is_out_of_range(void **state)
{
    struct tr_ensemble ensemble = ensemble_of(1, alone);
    struct tr_distill distill;
    struct rt_err err;
    (void)state;
    tr_distill_defaults(&distill);
    assert_ok(tr_distill_check(&distill, &ensemble, 1, 10, true, &err));
    assert_ok(tr_distill_check(&distill, &ensemble, 0, 10, true, &err));
    assert_int_equal(tr_distill_check(&distill, &ensemble, 0, 10, false, &err), RT_EARG);
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 1, true, &err), RT_EARG);
    assert_int_equal(tr_distill_check(&distill, &ensemble, 17, 10, true, &err), RT_EARG);
    ensemble.weight[0] = .9;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, true, &err), RT_EARG);
    assert_string_equal(err.text, "distillation: the teachers' weights sum to 0.9, not to 1");
    ensemble.weight[0] = NAN;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, true, &err), RT_EARG);
    ensemble.weight[0] = 1;
    ensemble.calibration[0] = 0;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, true, &err), RT_EARG);
    ensemble.calibration[0] = 1;
    distill.t0 = 0;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, true, &err), RT_EARG);
    assert_non_null(strstr(err.text, "the first temperature is 0"));
    distill.t0 = 4;
    distill.ce1 = NAN;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, true, &err), RT_EARG);
    distill.ce1 = .1;
    distill.clip_low = 2;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, true, &err), RT_EARG);
    distill.clip_low = .1;
    ensemble.weighting = TR_WEIGHTING_CONFIDENCE;
    assert_int_equal(tr_distill_check(&distill, &ensemble, 1, 10, false, &err), RT_EARG);
    assert_non_null(strstr(err.text, "needs labels"));
}

static void logits_that_are_not_finite_show_in_the_loss(void **state)
{
    static const float logits[3] = {1, NAN, 0}, teacher[3] = {1, 2, 3};
    static const int label[1] = {0};
    struct tr_distill distill;
    struct tr_distill_stats stats = {0};
    const struct tr_ensemble ensemble = ensemble_of(1, alone);
    float grad[3];
    (void)state;
    tr_distill_defaults(&distill);
    loss_of_rows(&distill, &ensemble, .5,
                 (struct tr_answers){
                     .count = 1, .classes = 3, .teachers = 1, .logits = logits, .label = label},
                 teacher, 1, grad, &stats);
    assert_false(isfinite(stats.total));
    assert_false(isfinite(grad[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_objective_reproduces_its_printed_values),
        cmocka_unit_test(the_stats_measure_each_part_of_the_gradient),
        cmocka_unit_test(without_t2_the_soft_part_shrinks_by_its_square),
        cmocka_unit_test(the_objectives_gradient_agrees_with_differences_for_every_option),
        cmocka_unit_test(q_values_are_sharpened_for_the_student_at_one),
        cmocka_unit_test(standardised_logits_reproduce_their_printed_value),
        cmocka_unit_test(a_sequence_is_the_mean_over_its_valid_tokens),
        cmocka_unit_test(without_teachers_only_labels_count),
        cmocka_unit_test(without_labels_the_teachers_choice_takes_their_place),
        cmocka_unit_test(micro_batches_add_up_to_the_batch),
        cmocka_unit_test(check_names_what_is_out_of_range),
        cmocka_unit_test(logits_that_are_not_finite_show_in_the_loss),
    };
    return cmocka_run_group_tests_name("distill/objective", tests, NULL, NULL);
}
