/* tests/test_distill_layers.c -- losses between inner layers, and students that teach each other.
 */
#include "distill_support.h"
#include "layer_reference.h"
#include "trainer/distill/layers.h"
#include "trainer/distill/online.h"
#include "trainer/distill/softmax.h"

/* Two rows of width two, projected to width three. */
static const double hs[4] = {1, -.5, .25, 2}, ht[6] = {1.2, .3, -.4, -.7, .9, 1.1};
static const double w[6] = {.5, -1, 1.5, .2, -.3, .8}, bias[3] = {.1, 0, -.2};

static double projected(const double *hidden, const double *weight, const double *b,
                        const unsigned char *valid, int cosine, double *dh, double *dw, double *db)
{
    double y[6], dy[6];

    memset(dw, 0, 6 * sizeof *dw);
    memset(db, 0, 3 * sizeof *db);
    project(hidden, weight, b, 2, 2, 3, y);
    const double loss =
        cosine ? hidden_cosine(y, ht, valid, 2, 3, dy) : hidden_mse(y, ht, valid, 2, 3, dy);
    project_backward(hidden, weight, dy, 2, 2, 3, dh, dw, db);
    return loss;
}

static void hidden_mse_reproduces_its_printed_values(void **state)
{
    static const double y[6] = {1.1, 1.4, -.9, -1.775, .775, 1.325};
    static const double want_dh[4] = {.583333333, -.026666667, -.264166667, .41};
    static const double want_dw[6] = {-.122916667, -.7,         .35625,
                                      -.266666667, -.147916667, .233333333};
    static const double want_db[3] = {-.391666667, .325, -.091666667};
    static const double want_masked[4] = {1.166666667, -.053333333, 0, 0};
    static const unsigned char valid[2] = {1, 0};
    double got[6], dh[4], dw[6], db[3];
    (void)state;
    project(hs, w, bias, 2, 2, 3, got);
    assert_row(got, y, 6, 1e-12);
    assert_near(projected(hs, w, bias, NULL, 0, dh, dw, db), .448645833, PRINTED);
    assert_row(dh, want_dh, 4, PRINTED);
    assert_row(dw, want_dw, 6, PRINTED);
    assert_row(db, want_db, 3, PRINTED);
    assert_near(projected(hs, w, bias, valid, 0, dh, dw, db), .49, PRINTED);
    assert_row(dh, want_masked, 4, PRINTED);
}

/* Parameters of the projection and hidden states side by side: 4 + 6 + 3. */
static double all_projected(void *context, const double *x, double *grad)
{
    const int *cosine = context;
    return projected(x, x + 4, x + 10, NULL, *cosine, grad, grad + 4, grad + 10);
}

static void hidden_gradients_agree_with_central_differences(void **state)
{
    double at[13];
    (void)state;
    memcpy(at, hs, sizeof hs);
    memcpy(at + 4, w, sizeof w);
    memcpy(at + 10, bias, sizeof bias);
    for (int cosine = 0; cosine < 2; cosine++)
        assert_gradient(all_projected, &cosine, at, 13);
}

static void cosine_ignores_length_and_padding(void **state)
{
    static const double y[6] = {2.4, .6, -.8, 9, 9, 9};
    static const unsigned char valid[2] = {1, 0}, none[2] = {0, 0};
    static const double zero[6] = {0};
    double dy[6];
    (void)state;
    assert_near(hidden_cosine(y, ht, valid, 2, 3, dy), 0, 1e-12);
    assert_row(dy, zero, 6, 1e-12);
    assert_near(hidden_cosine(zero, ht, NULL, 2, 3, dy), 1, 0);
    assert_row(dy, zero, 6, 0);
    assert_near(hidden_mse(y, ht, none, 2, 3, dy), 0, 0);
    assert_row(dy, zero, 6, 0);
}

static const double as[9] = {.2, 1, -.3, .7, -.2, .1, 0, .5, .4};
static const double at[9] = {1, .4, 0, -.5, .6, .2, .3, .3, -.9};

static void attention_losses_reproduce_their_printed_values(void **state)
{
    static const struct {
        enum tr_attention_loss kind;
        double value, grad[9];
    } cases[] = {
        {TR_ATTENTION_LOGITS,
         .555555556,
         {-.177777778, .133333333, -.066666667, .266666667, -.177777778, -.022222222, -.066666667,
          .044444444, .288888889}},
        {TR_ATTENTION_PROBS,
         .050443531,
         {-.020783441, .025400799, -.004617358, .027773943, -.018118447, -.009655496, -.011517268,
          -.005125113, .016642381}},
        {TR_ATTENTION_KL,
         .221979947,
         {-.086925676, .098144732, -.011219056, .115079601, -.097093340, -.017986260, -.064347644,
          -.012122545, .076470190}},
    };
    double scratch[12], grad[9];
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_near(attention_loss(cases[i].kind, as, at, NULL, 3, scratch, grad), cases[i].value,
                    PRINTED);
        assert_row(grad, cases[i].grad, 9, PRINTED);
    }
}

static void padding_counts_in_no_attention_loss(void **state)
{
    static const unsigned char valid[3] = {1, 1, 0};
    static const double want[9] = {-.4, .3, 0, .6, -.4, 0, 0, 0, 0};
    double scratch[12], grad[9], few[4], few_s[4], few_t[4];
    (void)state;
    assert_near(attention_loss(TR_ATTENTION_LOGITS, as, at, valid, 3, scratch, grad), .77, PRINTED);
    assert_row(grad, want, 9, PRINTED);
    for (int i = 0; i < 4; i++) {
        few_s[i] = as[i < 2 ? i : i + 1];
        few_t[i] = at[i < 2 ? i : i + 1];
    }
    for (int kind = TR_ATTENTION_PROBS; kind <= TR_ATTENTION_KL; kind++) {
        const enum tr_attention_loss k = (enum tr_attention_loss)kind;
        const double whole = attention_loss(k, as, at, valid, 3, scratch, grad);
        assert_near(attention_loss(k, few_s, few_t, NULL, 2, scratch, few), whole, 1e-15);
        assert_near(grad[3], few[2], 1e-15);
        assert_near(grad[2], 0, 0);
        assert_near(grad[7], 0, 0);
    }
}

struct attention {
    enum tr_attention_loss kind;
    const unsigned char *valid;
};

static double attention(void *context, const double *x, double *grad)
{
    const struct attention *a = context;
    double scratch[12];
    return attention_loss(a->kind, x, at, a->valid, 3, scratch, grad);
}

static void attention_gradients_agree_with_central_differences(void **state)
{
    static const unsigned char valid[3] = {1, 0, 1};
    (void)state;
    for (int kind = TR_ATTENTION_LOGITS; kind <= TR_ATTENTION_KL; kind++) {
        struct attention a = {(enum tr_attention_loss)kind, NULL};
        assert_gradient(attention, &a, as, 9);
        a.valid = valid;
        assert_gradient(attention, &a, as, 9);
    }
}

static const double v_s[12] = {.1, -.2, .3, .4, .5, 0, -.6, .2, -.3, .7, .1, -.1};
static const double v_t[18] = {.2, .1, -.4, .3, .6,  -.2, -.5, .4, .2,
                               .1, 0,  .3,  .3, -.3, .5,  -.6, .2, .1};

static double relation(void *context, const double *x, double *grad)
{
    double scratch[64];
    assert_true(relation_scratch(3) <= 64);
    return relation_loss(x, 4, v_t, 6, 2, context, 3, scratch, grad);
}

static void relation_losses_reproduce_their_printed_values(void **state)
{
    static const double want[12] = {.004712502,  -.001023829, .001645933,  -.003851858,
                                    -.002273796, -.003598701, -.010523984, .001499277,
                                    -.004750029, .007885959,  .002220211,  .003866790};
    static unsigned char valid[3] = {1, 1, 0};
    double grad[12];
    (void)state;
    assert_near(relation(NULL, v_s, grad), .004609441, PRINTED);
    assert_row(grad, want, 12, PRINTED);
    assert_gradient(relation, NULL, v_s, 12);
    assert_gradient(relation, valid, v_s, 12);
}

static void layer_maps_are_as_listed(void **state)
{
    static const struct {
        enum tr_layer_map kind;
        int student, teacher, want[5];
    } cases[] = {
        {TR_LAYERS_UNIFORM, 4, 12, {3, 6, 9, 12}}, {TR_LAYERS_UNIFORM, 5, 12, {2, 5, 7, 10, 12}},
        {TR_LAYERS_UNIFORM, 4, 6, {2, 3, 5, 6}},   {TR_LAYERS_KEPT, 4, 12, {1, 4, 7, 10}},
        {TR_LAYERS_KEPT, 5, 12, {1, 3, 5, 8, 10}}, {TR_LAYERS_LAST, 4, 12, {9, 10, 11, 12}},
        {TR_LAYERS_FIRST, 4, 12, {1, 2, 3, 4}},
    };
    int map[5];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_layer_map(cases[i].kind, cases[i].student, cases[i].teacher, NULL, map);
        for (int m = 0; m < cases[i].student; m++)
            assert_int_equal(map[m], cases[i].want[m]);
    }
}

static void a_random_map_takes_one_layer_of_each_slice(void **state)
{
    int map[5], again[5], moved = 0;
    (void)state;
    for (uint64_t epoch = 0; epoch < 50; epoch++) {
        struct rt_rng rng;
        rt_rng_init(&rng, 9, RT_STREAM_LAYER_MAP, epoch);
        tr_layer_map(TR_LAYERS_RANDOM, 5, 12, &rng, map);
        rt_rng_init(&rng, 9, RT_STREAM_LAYER_MAP, epoch);
        tr_layer_map(TR_LAYERS_RANDOM, 5, 12, &rng, again);
        assert_memory_equal(map, again, sizeof map);
        for (int m = 0; m < 5; m++) {
            assert_true(map[m] > m * 12 / 5 && map[m] <= (m + 1) * 12 / 5);
            moved += map[m] != m * 12 / 5 + 1;
        }
    }
    assert_true(moved > 50);
}

static void balance_makes_a_layer_as_loud_as_the_logits(void **state)
{
    (void)state;
    assert_near(tr_layer_balance(.6, 3), .2, 1e-15);
    assert_near(tr_layer_balance(.6, 0), 1, 0);
}

static const double pair[8] = {1, 2, .5, -1, 2, 1, .1, -1.5};
static const double trio[12] = {2, 1, .1, -1.5, .5, 2.5, 0, -1, 1.5, .2, -.3, 0};

/* CE and what the peers say, as the paper has it: the whole loss of student `self`. */
static double whole_loss(const struct tr_online *online, const double *z, int self, int label,
                         double *grad)
{
    double work[20], q[4], logq[4];

    tr_softmax(z + (ptrdiff_t)4 * self, 4, 1, q, logq);
    for (int c = 0; c < 4; c++)
        grad[c] = q[c] - (c == label);
    return tr_online_loss(online, z, self, 4, label, 1, work, grad) - logq[label];
}

static void mutual_losses_reproduce_their_printed_values(void **state)
{
    static const double loss[2] = {1.913656265, .833106917};
    static const double want[8] = {-1.197727189, .981217414,  .175335141, .041174634,
                                   .068077833,   -.134054714, .057296465, .008680417};
    struct tr_online online;
    double got[2], grad[8];
    (void)state;
    tr_online_defaults(&online);
    online.mode = TR_ONLINE_DML;
    for (int i = 0; i < 2; i++)
        got[i] = whole_loss(&online, pair, i, 0, grad + 4 * (ptrdiff_t)i);
    assert_row(got, loss, 2, PRINTED);
    assert_row(grad, want, 8, PRINTED);
}

struct moving { /* student 1 of three alone moves; what it learns from stays */
    struct tr_online online;
    int label;
};

/* Its peers' target is what it was: that of KDCL depends on the student itself. */
static double one_of_three(void *context, const double *x, double *grad)
{
    const struct moving *m = context;
    struct tr_online online = m->online;
    double z[12], work[20], target[4];

    memcpy(z, trio, sizeof z);
    if (online.mode != TR_ONLINE_DML) { /* DML of two whose peer is that target */
        if (online.mode == TR_ONLINE_KDCL_NAIVE)
            memcpy(target, trio + 4 * (ptrdiff_t)tr_online_best(trio, 3, 4, m->label),
                   sizeof target);
        else
            tr_online_minimum(trio, 3, 4, m->label, target);
        memcpy(z, target, sizeof target);
        online.mode = TR_ONLINE_DML;
        online.cohort = 2;
    }
    memcpy(z + 4, x, 4 * sizeof *z);
    memset(grad, 0, 4 * sizeof *grad);
    return tr_online_loss(&online, z, 1, 4, m->label, 1, work, grad);
}

static void a_gradient_by_peers_is_that_of_its_own_student(void **state)
{
    struct moving m = {.label = 0};
    (void)state;
    tr_online_defaults(&m.online);
    m.online.cohort = 3;
    m.online.temperature = 2;
    for (m.online.mode = TR_ONLINE_DML; m.online.mode <= TR_ONLINE_KDCL_MINLOGIT; m.online.mode++)
        for (m.label = 0; m.label < 4; m.label++)
            assert_gradient(one_of_three, &m, trio + 4, 4);
}

/* The two above agree on the same numbers through the modes themselves. */
static void collaborative_losses_learn_from_their_target(void **state)
{
    struct moving m = {.label = 1};
    (void)state;
    tr_online_defaults(&m.online);
    m.online.cohort = 3;
    for (m.online.mode = TR_ONLINE_KDCL_NAIVE; m.online.mode <= TR_ONLINE_KDCL_MINLOGIT;
         m.online.mode++) {
        double work[20], got[4] = {0}, want[4];
        const double loss = tr_online_loss(&m.online, trio, 1, 4, m.label, 1, work, got);
        assert_near(loss, one_of_three(&m, trio + 4, want), 1e-15);
        assert_row(got, want, 4, 1e-15);
    }
    m.online.mode = TR_ONLINE_KDCL_NAIVE; /* the best of the three on class 1 is student 1 */
    double work[20], grad[4] = {0};
    assert_near(tr_online_loss(&m.online, trio, 1, 4, 1, 1, work, grad), 0, 1e-15);
}

static void targets_of_peers_reproduce_their_printed_values(void **state)
{
    static const double minimum[4] = {0, -1.3, -1.9, -3.5};
    static const double probs[4] = {.480178071, .250674934, .185704559, .083442437};
    double out[4], q[4], logq[4];
    (void)state;
    tr_online_minimum(trio, 3, 4, 0, out);
    assert_row(out, minimum, 4, 1e-12);
    tr_softmax(out, 4, .5, q, logq);
    assert_row(q, probs, 4, PRINTED);
    assert_int_equal(tr_online_best(trio, 3, 4, 0), 0);
    assert_int_equal(tr_online_best(trio, 3, 4, 1), 1);
}

static void the_ramp_reproduces_its_printed_values(void **state)
{
    static const double epoch[6] = {0, 10, 20, 40, 80, 200};
    static const double want[6] = {.006737947, .021750359, .060054668, .286504797, 1, 1};
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_near(tr_online_ramp(epoch[i], 80), want[i], PRINTED);
    assert_near(tr_online_ramp(.5, 0), 1, 0);
}

static void relation_heads_divide_both_widths(void **state)
{
    (void)state;
    assert_int_equal(tr_relation_heads(48, 128), 4); /* not 6, which leaves a rest of 128 */
    assert_int_equal(tr_relation_heads(64, 128), 8);
    assert_int_equal(tr_relation_heads(96, 96), 12);
    assert_int_equal(tr_relation_heads(7, 128), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_mse_reproduces_its_printed_values),
        cmocka_unit_test(hidden_gradients_agree_with_central_differences),
        cmocka_unit_test(cosine_ignores_length_and_padding),
        cmocka_unit_test(attention_losses_reproduce_their_printed_values),
        cmocka_unit_test(padding_counts_in_no_attention_loss),
        cmocka_unit_test(attention_gradients_agree_with_central_differences),
        cmocka_unit_test(relation_losses_reproduce_their_printed_values),
        cmocka_unit_test(relation_heads_divide_both_widths),
        cmocka_unit_test(layer_maps_are_as_listed),
        cmocka_unit_test(a_random_map_takes_one_layer_of_each_slice),
        cmocka_unit_test(balance_makes_a_layer_as_loud_as_the_logits),
        cmocka_unit_test(mutual_losses_reproduce_their_printed_values),
        cmocka_unit_test(a_gradient_by_peers_is_that_of_its_own_student),
        cmocka_unit_test(collaborative_losses_learn_from_their_target),
        cmocka_unit_test(targets_of_peers_reproduce_their_printed_values),
        cmocka_unit_test(the_ramp_reproduces_its_printed_values),
    };
    return cmocka_run_group_tests_name("trainer/distill: layers", tests, NULL, NULL);
}
