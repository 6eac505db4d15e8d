/* tests/test_distill_loss.c -- soft losses and the regulariser, with gradients. */
#include "distill_support.h"

#include "trainer/distill/distill.h"
#include "trainer/distill/regulariser.h"
#include "trainer/distill/soft_loss.h"
#include "trainer/distill/softmax.h"

/* One loss between two rows at temperature T, as T^2 L and its gradient by z. */
struct pair {
    enum tr_soft_loss loss;
    double t;
    const double *teacher;
    int label;
    double alpha, beta; /* of dkd */
};

static double pair_loss(void *context, const double *z, double *grad)
{
    const struct pair *pair = context;
    double q[4], logq[4], p[4], logp[4], loss = 0;
    const struct tr_soft_row row = {4, q, logq, p, logp};

    tr_softmax(z, 4, 1 / pair->t, q, logq);
    tr_softmax(pair->teacher, 4, 1 / pair->t, p, logp);
    switch (pair->loss) {
    case TR_LOSS_FKL: loss = tr_loss_fkl(&row, grad); break;
    case TR_LOSS_RKL: loss = tr_loss_rkl(&row, grad); break;
    case TR_LOSS_JS: loss = tr_loss_js(&row, grad); break;
    case TR_LOSS_SYM: loss = tr_loss_sym(&row, grad); break;
    case TR_LOSS_DKD: loss = tr_loss_dkd(&row, pair->label, pair->alpha, pair->beta, grad); break;
    case TR_LOSS_HARD: return tr_loss_hard(&row, pair->label, grad);
    case TR_LOSS_MSE: return tr_loss_mse(z, pair->teacher, 4, grad);
    case TR_LOSS_DIST: fail_msg("test_distill_correlation.c does these");
    }
    for (int c = 0; c < 4; c++)
        grad[c] *= pair->t;
    return loss * pair->t * pair->t;
}

/* Mean loss and gradient over the two examples. */
static double batch_loss(enum tr_soft_loss loss, double t, double alpha, double beta, double *grad)
{
    double sum = 0;

    for (ptrdiff_t b = 0; b < 2; b++) {
        struct pair pair = {loss, t, zt[b], ys[b], alpha, beta};
        sum += pair_loss(&pair, zs[b], grad + 4 * b);
        for (int c = 0; c < 4; c++)
            grad[4 * b + c] /= 2;
    }
    return sum / 2;
}

static const struct {
    enum tr_soft_loss loss;
    double t, alpha, beta, value, grad[8];
} printed[] = {
    {TR_LOSS_FKL,
     1,
     0,
     0,
     .300819651,
     {-.210967504, .185878688, .019673113, .005415703, .056503422, -.021349017, -.103944958,
      .068790554}},
    {TR_LOSS_FKL,
     2,
     0,
     0,
     .365757768,
     {-.197981014, .154511426, .026731246, .016738342, .071599088, -.062748397, -.130978256,
      .122127566}},
    {TR_LOSS_FKL,
     4,
     0,
     0,
     .382466058,
     {-.179762380, .127807724, .026352214, .025602442, .068940100, -.094565966, -.123830132,
      .149455998}},
    {TR_LOSS_HARD,
     1,
     0,
     0,
     1.008333997,
     {-.387896091, .304730019, .067994458, .015171614, .089400118, .032888465, -.203181155,
      .080892572}},
    {TR_LOSS_RKL,
     2,
     0,
     0,
     .380105480,
     {-.171452896, .151721663, .010109472, .009621760, .063139267, -.065564960, -.155365989,
      .157791682}},
    {TR_LOSS_JS,
     2,
     0,
     0,
     .091942912,
     {-.045129404, .037407607, .004489147, .003232650, .017010864, -.015631077, -.034889344,
      .033509557}},
    {TR_LOSS_MSE, 1, 0, 0, .7975, {-.25, .25, .1, .125, .075, -.3, -.25, .3}},
    {TR_LOSS_DKD,
     1,
     1,
     8,
     2.099439619,
     {-.210967504, .621133705, -.354306416, -.055859785, .479748214, -1.521901435, -.103944958,
      1.146098180}},
    {TR_LOSS_DKD,
     4,
     1,
     8,
     2.301926724,
     {-.179762380, .635987091, -.325446702, -.130778010, .359858441, -1.666741125, -.123830132,
      1.430712816}},
};

static void each_loss_reproduces_its_printed_values(void **state)
{
    double grad[8];
    (void)state;
    for (size_t i = 0; i < sizeof printed / sizeof *printed; i++) {
        assert_near(
            batch_loss(printed[i].loss, printed[i].t, printed[i].alpha, printed[i].beta, grad),
            printed[i].value, PRINTED);
        assert_row(grad, printed[i].grad, 8, PRINTED);
    }
}

static void symmetric_kl_is_the_mean_of_both_directions(void **state)
{
    double forward[8], reverse[8], both[8];
    (void)state;
    const double f = batch_loss(TR_LOSS_FKL, 2, 0, 0, forward);
    const double r = batch_loss(TR_LOSS_RKL, 2, 0, 0, reverse);
    assert_near(batch_loss(TR_LOSS_SYM, 2, 0, 0, both), (f + r) / 2, 1e-15);
    for (int i = 0; i < 8; i++)
        assert_near(both[i], (forward[i] + reverse[i]) / 2, 1e-15);
}

static void decoupled_kd_splits_the_full_divergence(void **state)
{
    static const double tckd[2] = {.252283875, .223496714}, nckd[2] = {.230894468, .259803751};
    static const double ts[2] = {1, 4};
    double grad[8];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_near(batch_loss(TR_LOSS_DKD, ts[i], 1, 0, grad), tckd[i], PRINTED);
        assert_near(batch_loss(TR_LOSS_DKD, ts[i], 0, 1, grad), nckd[i], PRINTED);
        for (int b = 0; b < 2; b++) {
            double p[4], logp[4];
            struct pair pair = {TR_LOSS_FKL, ts[i], zt[b], ys[b], 0, 0};
            const double full = pair_loss(&pair, zs[b], grad);
            tr_softmax(zt[b], 4, 1 / ts[i], p, logp);
            pair.loss = TR_LOSS_DKD;
            pair.alpha = 1;
            pair.beta = 1 - p[ys[b]];
            assert_near(pair_loss(&pair, zs[b], grad), full, 1e-14);
        }
    }
}

static void each_gradient_agrees_with_central_differences(void **state)
{
    static const double ts[] = {.5, 1, 4};
    (void)state;
    for (int loss = TR_LOSS_FKL; loss <= TR_LOSS_HARD; loss++)
        for (int t = 0; t < 3; t++)
            for (int b = 0; b < 2; b++) {
                struct pair pair = {(enum tr_soft_loss)loss, ts[t], zt[b], ys[b], 1, 8};
                if (loss == TR_LOSS_HARD)
                    pair.t = 1;
                assert_gradient(pair_loss, &pair, zs[b], 4);
            }
}

static void far_apart_logits_stay_finite(void **state)
{
    static const double z[2] = {0, 120}, v[2] = {1, 0};
    double q[2], logq[2], p[2], logp[2], grad[2];
    const struct tr_soft_row row = {2, q, logq, p, logp};
    (void)state;
    tr_softmax(z, 2, 1, q, logq);
    tr_softmax(v, 2, 1, p, logp);
    const double entropy = -p[0] * log(p[0]) - p[1] * log(p[1]);
    assert_near(tr_loss_fkl(&row, grad), 120 * p[0] - entropy, 1e-12);
    assert_near(tr_loss_fkl(&row, grad), 87.144836, 1e-5); /* printed from float: two ulps */
    assert_near(grad[0], -.731059, 5e-7);
    assert_near(grad[1], .731059, 5e-7);
}

static void underflowed_probabilities_give_finite_losses(void **state)
{
    static const double z[3] = {0, 5000, -5000}, v[3] = {9000, 0, 10};
    double q[3], logq[3], p[3], logp[3], grad[3];
    const struct tr_soft_row row = {3, q, logq, p, logp};
    (void)state;
    tr_softmax(z, 3, 1, q, logq);
    tr_softmax(v, 3, 1, p, logp);
    assert_near(tr_loss_fkl(&row, grad), 5000, 1e-9);
    assert_near(tr_loss_rkl(&row, grad), 9000, 1e-9);
    assert_near(tr_loss_sym(&row, grad), 7000, 1e-9);
    assert_near(tr_loss_js(&row, grad), log(2), 1e-12);
    for (int t = 0; t < 3; t++) {
        assert_true(isfinite(tr_loss_dkd(&row, t, 1, 8, grad)));
        for (int c = 0; c < 3; c++)
            assert_true(isfinite(grad[c]));
    }
}

struct penalty {
    enum tr_regulariser kind;
    const double *p;
};

static double penalty(void *context, const double *z, double *grad)
{
    const struct penalty *penalty = context;
    double q[4], logq[4];

    tr_softmax(z, 4, 1, q, logq);
    return tr_regularise(penalty->kind, q, penalty->p, 4, grad);
}

static void the_regulariser_reproduces_its_printed_values(void **state)
{
    static const double norms[2] = {.563824567, .277020662};
    static const double plain[8] = {-.111260858, .126528211, -.011854883, -.003412470,
                                    .063499185,  .004874440, -.133005973, .064632349};
    static const double squared[8] = {-.125463210, .142679427, -.013368149, -.003848069,
                                      .035181172,  .002700641, -.073690805, .035808992};
    double p[4], logp[4], grad[8], sum = 0;
    (void)state;
    for (int b = 0; b < 2; b++) {
        struct penalty context = {TR_REG_L2, p};
        tr_softmax(zt[b], 4, 1, p, logp);
        assert_near(penalty(&context, zs[b], grad), norms[b], PRINTED);
        for (int c = 0; c < 4; c++)
            assert_near(grad[c] / 2, plain[4 * b + c], PRINTED);
        assert_gradient(penalty, &context, zs[b], 4);

        context.kind = TR_REG_L2SQ;
        sum += penalty(&context, zs[b], grad);
        for (int c = 0; c < 4; c++)
            assert_near(grad[c] / 2, squared[4 * b + c], PRINTED);
        assert_gradient(penalty, &context, zs[b], 4);
    }
    assert_near(sum / 2, .197319295, PRINTED);
}

static void the_regulariser_has_no_gradient_where_both_agree(void **state)
{
    double q[4], logq[4], grad[4];
    (void)state;
    tr_softmax(zs[0], 4, 1, q, logq);
    assert_near(tr_regularise(TR_REG_L2, q, q, 4, grad), 1e-6, 1e-15);
    for (int c = 0; c < 4; c++)
        assert_near(grad[c], 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_loss_reproduces_its_printed_values),
        cmocka_unit_test(symmetric_kl_is_the_mean_of_both_directions),
        cmocka_unit_test(decoupled_kd_splits_the_full_divergence),
        cmocka_unit_test(each_gradient_agrees_with_central_differences),
        cmocka_unit_test(far_apart_logits_stay_finite),
        cmocka_unit_test(underflowed_probabilities_give_finite_losses),
        cmocka_unit_test(the_regulariser_reproduces_its_printed_values),
        cmocka_unit_test(the_regulariser_has_no_gradient_where_both_agree),
    };
    return cmocka_run_group_tests_name("trainer/distill: losses", tests, NULL, NULL);
}
