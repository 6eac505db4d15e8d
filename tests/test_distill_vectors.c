/* tests/test_distill_vectors.c -- printed values to their last digit where the product reads float
 * logits: a plain reference in double reproduces them, and the product equals the reference on the
 * very floats it is given. Also sums whose parts other tests check.
 */
#include "distill_support.h"

#include "trainer/distill/ensemble.h"
#include "trainer/distill/fidelity.h"
#include "trainer/distill/regulariser.h"
#include "trainer/distill/soft_loss.h"
#include "trainer/distill/softmax.h"

enum { C = 4, K = 3 };
#define SAME 1e-12 /* two ways in double */

/* ---- the reference: as one writes it on paper ---- */

static void plain_softmax(const double *z, double t, double *p)
{
    double sum = 0;

    for (int c = 0; c < C; c++)
        sum += p[c] = exp(z[c] / t);
    for (int c = 0; c < C; c++)
        p[c] /= sum;
}

static double plain_kl(const double *p, const double *q)
{
    double sum = 0;

    for (int c = 0; c < C; c++)
        sum += p[c] * log(p[c] / q[c]);
    return sum;
}

static double plain_entropy(const double *p)
{
    double sum = 0;

    for (int c = 0; c < C; c++)
        sum -= p[c] * log(p[c]);
    return sum;
}

static void plain_prob(double v[K][C], const double *w, double t, double *p)
{
    double one[C];

    memset(p, 0, C * sizeof *p);
    for (int k = 0; k < K; k++) {
        plain_softmax(v[k], t, one);
        for (int c = 0; c < C; c++)
            p[c] += w[k] * one[c];
    }
}

static void plain_logit(double v[K][C], const double *w, double t, double *p)
{
    double mean[C] = {0};

    for (int k = 0; k < K; k++)
        for (int c = 0; c < C; c++)
            mean[c] += w[k] * v[k][c];
    plain_softmax(mean, t, p);
}

static void round_to_float(double *v, int n)
{
    for (int i = 0; i < n; i++)
        v[i] = (double)(float)v[i];
}

/* ---- one teacher ---- */

static void losses_of_each_example_are_as_printed(void **state)
{
    static const double ts[3] = {1, 2, 4};
    static const double want[3][2] = {
        {.418474367, .183164934}, {.095469900, .087408984}, {.021078593, .026729664}};
    static const double soft_ce[3] = {1.107686283, 5.145681874, 21.747111049};
    double q[C], logq[C], p[C], logp[C], grad[C];
    const struct tr_soft_row row = {C, q, logq, p, logp};
    (void)state;
    for (int t = 0; t < 3; t++) {
        double mean = 0;
        for (int b = 0; b < 2; b++) {
            tr_softmax(zs[b], C, 1 / ts[t], q, logq);
            tr_softmax(zt[b], C, 1 / ts[t], p, logp);
            const double loss = tr_loss_fkl(&row, grad);
            assert_near(loss, want[t][b], PRINTED);
            /* cross-entropy with the target is this and a constant: one gradient for both */
            mean += ts[t] * ts[t] * (loss + plain_entropy(p)) / 2;
        }
        assert_near(mean, soft_ce[t], PRINTED);
    }
}

static void q_values_reproduce_their_printed_loss(void **state)
{
    static const double z[C] = {1, 2, .5, -1}, values[C] = {1.02, 1, .95, .9};
    static const double want[C] = {-.655877627, .490353425, .135186382, .030337821};
    double q[C], logq[C], p[C], logp[C], grad[C];
    const struct tr_soft_row row = {C, q, logq, p, logp};
    (void)state;
    tr_softmax(z, C, 1, q, logq);
    tr_softmax(values, C, 1 / .01, p, logp);
    assert_near(tr_loss_fkl(&row, grad), 1.004855234, PRINTED);
    assert_row(grad, want, C, PRINTED);
}

/* a CE + (1 - a) T^2 KL + w Reg of the two examples, from the parts; sum and gradient of the mean.
 */
static double plain_objective(double z[2][C], double v[2][C], double a, double t, double w,
                              double *grad)
{
    double total = 0;

    for (int b = 0; b < 2; b++) {
        double q[C], p[C], q1[C], p1[C], n = 1e-12, along = 0;
        plain_softmax(z[b], t, q);
        plain_softmax(v[b], t, p);
        plain_softmax(z[b], 1, q1);
        plain_softmax(v[b], 1, p1);
        for (int c = 0; c < C; c++) {
            n += (q1[c] - p1[c]) * (q1[c] - p1[c]);
            along += q1[c] * (q1[c] - p1[c]);
        }
        n = sqrt(n);
        total += -a * log(q1[ys[b]]) + (1 - a) * t * t * plain_kl(p, q) + w * n;
        for (int c = 0; c < C; c++)
            grad[b * C + c] = (a * (q1[c] - (c == ys[b])) + (1 - a) * t * (q[c] - p[c]) +
                               w * q1[c] * (q1[c] - p1[c] - along) / n) /
                              2;
    }
    return total;
}

/* The same by the product. */
static double product_objective(double z[2][C], double v[2][C], double a, double t, double reg,
                                float grad[2 * C])
{
    float logits[2 * C], teacher[2 * C];
    struct tr_distill_stats stats = {0};
    struct tr_distill d;

    for (int j = 0; j < 2 * C; j++) {
        logits[j] = (float)z[j / C][j % C];
        teacher[j] = (float)v[j / C][j % C];
    }
    tr_distill_defaults(&d);
    const struct tr_ensemble ensemble = ensemble_of(1, alone);
    d.mix = TR_MIX_CONSTANT;
    d.ce0 = a;
    d.t_schedule = TR_SCHEDULE_CONSTANT;
    d.t0 = t;
    d.reg = reg > 0 ? TR_REG_L2 : TR_REG_NONE;
    d.reg_weight = reg;
    const struct tr_answers answers = {
        .count = 2, .classes = C, .teachers = 1, .logits = logits, .label = ys};
    loss_of_rows(&d, &ensemble, .3, answers, teacher, .5, grad, &stats);
    return stats.total;
}

static const struct {
    double a, t, reg, value, grad[2 * C];
} objectives[] = {
    {.9,
     2,
     0,
     .944076374,
     {-.368904583, .289708160, .063868137, .015328287, .087620015, .023324779, -.195960865,
      .085016071}},
    {.1,
     2,
     0,
     .430015391,
     {-.216972522, .169533285, .030857567, .016581669, .073379191, -.053184711, -.138198546,
      .118004067}},
    {.5,
     3,
     0,
     .693672926,
     {-.287352963, .221054372, .047455889, .018842702, .080053980, -.025280838, -.165578645,
      .110805503}},
    {.5,
     3,
     .1,
     .735715187,
     {-.298479049, .233707193, .046270401, .018501455, .086403898, -.024793394, -.178879242,
      .117268738}},
};

static void the_objective_is_as_printed_and_as_the_product_has_it(void **state)
{
    double z[2][C], v[2][C], want[2 * C];
    (void)state;
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++) {
        float grad[2 * C];
        memcpy(z, zs, sizeof z);
        memcpy(v, zt, sizeof v);
        assert_near(
            plain_objective(z, v, objectives[i].a, objectives[i].t, objectives[i].reg, want) / 2,
            objectives[i].value, PRINTED);
        assert_row(want, objectives[i].grad, 2 * C, PRINTED);

        round_to_float(z[0], 2 * C);
        round_to_float(v[0], 2 * C);
        const double total =
            product_objective(z, v, objectives[i].a, objectives[i].t, objectives[i].reg, grad);
        assert_near(
            total, plain_objective(z, v, objectives[i].a, objectives[i].t, objectives[i].reg, want),
            SAME);
        for (int j = 0; j < 2 * C; j++)
            assert_near((double)grad[j], want[j], 1e-7 * fabs(want[j]));
    }
}

static void the_students_mean_takes_the_teachers_place_in_the_regulariser(void **state)
{
    static const double want[2 * C] = {-.111260858, .126528211, -.011854883, -.003412470,
                                       .063499185,  .004874440, -.133005973, .064632349};
    float logits[2 * C], ema[2 * C], grad[2 * C] = {0};
    struct tr_distill_stats stats = {0};
    struct tr_distill d;
    double scratch[128];
    (void)state;
    for (int j = 0; j < 2 * C; j++) {
        logits[j] = (float)zs[j / C][j % C];
        ema[j] = (float)zt[j / C][j % C];
    }
    tr_distill_defaults(&d);
    d.reg_target = TR_REG_EMA;
    d.reg_weight = 1;
    assert_true(tr_distill_needs_ema(&d, 1));
    assert_false(tr_distill_needs_ema(&d, 0));
    const struct tr_answers answers = {.count = 2, .classes = C, .logits = logits, .ema = ema};
    tr_distill_ema_loss(&d, &answers, .5, scratch, grad, &stats);
    assert_near(stats.reg / 2, .420422614, 3e-8);
    assert_near(stats.total, stats.reg, 0);
    for (int j = 0; j < 2 * C; j++)
        assert_near((double)grad[j], want[j], 2e-7);
}

/* ---- several teachers ---- */

static void ensembles_are_as_printed_and_as_the_product_has_them(void **state)
{
    static const double even[K] = {1. / 3, 1. / 3, 1. / 3}, uneven[K] = {.5, .3, .2};
    static const struct {
        enum tr_combine combine;
        const double *w;
        double t, want[C];
    } cases[] = {
        {TR_COMBINE_PROB, even, 1, {.452226315, .401103691, .087318707, .059351287}},
        {TR_COMBINE_PROB, even, 2, {.359727850, .348105667, .168172370, .123994113}},
        {TR_COMBINE_LOGIT, even, 1, {.441307586, .399311616, .108825111, .050555687}},
        {TR_COMBINE_LOGIT, even, 2, {.358901455, .341397624, .178225188, .121475733}},
        {TR_COMBINE_PROB, uneven, 2, {.374396990, .347529744, .170114588, .107958678}},
        {TR_COMBINE_LOGIT, uneven, 2, {.371535874, .342970838, .179046478, .106446810}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool prob = cases[i].combine == TR_COMBINE_PROB;
        double v[K][C] = {{2, 1, .1, -1.5}, {.5, 2.5, 0, -1}, {1.5, .2, -.3, 0}}, p[C], got[C];
        float logits[K * C];
        (prob ? plain_prob : plain_logit)(v, cases[i].w, cases[i].t, p);
        assert_row(p, cases[i].want, C, PRINTED);

        round_to_float(v[0], K * C);
        for (int j = 0; j < K * C; j++)
            logits[j] = (float)v[j / C][j % C];
        (prob ? plain_prob : plain_logit)(v, cases[i].w, cases[i].t, p);
        struct tr_ensemble d = ensemble_of(K, cases[i].w);
        d.combine = cases[i].combine;
        tr_ensemble_target(&d, logits, K, C, cases[i].t, got);
        assert_row(got, p, C, SAME);
    }
}

static const double three_teachers[K][C] = {{2, 1, .1, -1.5}, {.5, 2.5, 0, -1}, {1.5, .2, -.3, 0}};

/* Of an example of class 0: by confidence, then by entropy. */
static void plain_weights(double v[K][C], double w[2][K])
{
    double sums[2] = {0};

    for (int k = 0; k < K; k++) {
        double p[C];
        plain_softmax(v[k], 1, p);
        w[0][k] = exp(-log(p[0]));
        w[1][k] = exp(-plain_entropy(p));
        sums[0] += w[0][k];
        sums[1] += w[1][k];
    }
    for (int k = 0; k < K; k++) {
        w[0][k] = (1 - w[0][k] / sums[0]) / (K - 1);
        w[1][k] /= sums[1];
    }
}

static void weights_of_an_example_are_as_printed(void **state)
{
    static const double ce[K] = {.436734707, 2.221235865, .507396255};
    static const double entropy[K] = {.926349860, .687383405, 1.101344376};
    static const double confidence_weight[K] = {.437732148, .129094827, .433173025};
    static const double entropy_weight[K] = {.321605707, .408418644, .269975649};
    static const double kl[K] = {.337257495, .103616283, .599086260};
    double v[K][C], w[2][K], p[C], q[C], loss = 0;
    (void)state;
    memcpy(v, three_teachers, sizeof v);
    plain_softmax(zs[0], 4, q);
    plain_weights(v, w);
    for (int k = 0; k < K; k++) {
        plain_softmax(v[k], 1, p);
        assert_near(-log(p[0]), ce[k], PRINTED);
        assert_near(plain_entropy(p), entropy[k], PRINTED);
        plain_softmax(v[k], 4, p);
        assert_near(16 * plain_kl(p, q), kl[k], PRINTED);
        loss += w[0][k] * kl[k];
    }
    assert_row(w[0], confidence_weight, K, PRINTED);
    assert_row(w[1], entropy_weight, K, PRINTED);
    assert_near(loss, .420512781, PRINTED);
}

static void weights_of_an_example_are_as_the_product_has_them(void **state)
{
    double v[K][C], w[2][K];
    float logits[K * C];
    struct tr_target e;
    struct tr_ensemble d = ensemble_of(K, (const double[]){1. / 3, 1. / 3, 1. / 3});
    (void)state;
    memcpy(v, three_teachers, sizeof v);
    round_to_float(v[0], K * C);
    plain_weights(v, w);
    for (int j = 0; j < K * C; j++)
        logits[j] = (float)v[j / C][j % C];
    d.weighting = TR_WEIGHTING_CONFIDENCE;
    tr_target_init(&e, &d, logits, K, C, 0);
    assert_row(e.weight, w[0], K, SAME);
    d.weighting = TR_WEIGHTING_ENTROPY;
    tr_target_init(&e, &d, logits, K, C, 0);
    assert_row(e.weight, w[1], K, SAME);
}

static void losses_towards_ensembles_are_as_printed(void **state)
{
    static const double even[K] = {1. / 3, 1. / 3, 1. / 3};
    static const double want[C] = {-.192502226, .172588065, .074047037, -.054132877};
    double v[K][C] = {{2, 1, .1, -1.5}, {.5, 2.5, 0, -1}, {1.5, .2, -.3, 0}};
    double q[C], p[C], mean = 0, grad[C];
    (void)state;
    plain_softmax(zs[0], 2, q);
    for (int k = 0; k < K; k++) {
        plain_softmax(v[k], 2, p);
        mean += 4 * plain_kl(p, q) / K;
    }
    assert_near(mean, .360265118, PRINTED);
    plain_prob(v, even, 2, p);
    assert_near(4 * plain_kl(p, q), .127982402, PRINTED);
    for (int c = 0; c < C; c++)
        grad[c] = 2 * (q[c] - p[c]);
    assert_row(grad, want, C, PRINTED);
    plain_logit(v, even, 2, p);
    assert_near(4 * plain_kl(p, q), .123959070, PRINTED);
}

/* ---- metrics ---- */

static void metrics_are_as_printed_and_as_the_product_has_them(void **state)
{
    static const double tv[4] = {.421935007, .250587951, .259752821, .062443612};
    static const int y[4] = {0, 2, 0, 1};
    double z[4][C] = {{1, 2, .5, -1}, {.3, -.7, 1.5, .2}, {3, 0, 0, 0}, {.2, .1, 0, .3}};
    static double v[4][C] = {{2, 1, .1, -1.5}, {0, .5, 2.5, -1}, {2, 0, 1, 0}, {0, 0, .1, .4}};
    double target[4][C], sum[5];
    float logits[4 * C];
    struct tr_fidelity f;
    struct rt_err err;
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        memset(sum, 0, sizeof sum);
        for (int i = 0; i < 4; i++) {
            double q[C], m[C], distance = 0, brier = 0;
            plain_softmax(z[i], 1, q);
            plain_softmax(v[i], 1, target[i]);
            for (int c = 0; c < C; c++) {
                m[c] = (q[c] + target[i][c]) / 2;
                distance += fabs(q[c] - target[i][c]) / 2;
                brier += (q[c] - (c == y[i])) * (q[c] - (c == y[i]));
            }
            if (pass == 0)
                assert_near(distance, tv[i], PRINTED);
            sum[0] += plain_kl(target[i], q) / 4;
            sum[1] -= log(q[y[i]]) / 4;
            sum[2] += brier / 4;
            sum[3] += (plain_kl(target[i], m) + plain_kl(q, m)) / 8;
            sum[4] += distance / 4;
        }
        if (pass == 0) {
            static const double want[4] = {.217404833, .899602460, .505821044, .050914316};
            assert_row(sum, want, 4, PRINTED);
            round_to_float(z[0], 4 * C);
        }
    }
    for (int j = 0; j < 4 * C; j++)
        logits[j] = (float)z[j / C][j % C];
    assert_ok(tr_fidelity_measure(logits, target[0], y, 4, C, &f, &err));
    assert_near(f.kl, sum[0], SAME);
    assert_near(f.nll, sum[1], SAME);
    assert_near(f.brier, sum[2], SAME);
    assert_near(f.js, sum[3], SAME);
    assert_near(f.tv, sum[4], SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_of_each_example_are_as_printed),
        cmocka_unit_test(q_values_reproduce_their_printed_loss),
        cmocka_unit_test(the_objective_is_as_printed_and_as_the_product_has_it),
        cmocka_unit_test(the_students_mean_takes_the_teachers_place_in_the_regulariser),
        cmocka_unit_test(ensembles_are_as_printed_and_as_the_product_has_them),
        cmocka_unit_test(weights_of_an_example_are_as_printed),
        cmocka_unit_test(weights_of_an_example_are_as_the_product_has_them),
        cmocka_unit_test(losses_towards_ensembles_are_as_printed),
        cmocka_unit_test(metrics_are_as_printed_and_as_the_product_has_them),
    };
    return cmocka_run_group_tests_name("distill/printed values", tests, NULL, NULL);
}
