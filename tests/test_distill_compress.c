/* tests/test_distill_compress.c -- int8 as deployed, importance scores and slicing. */
#include "distill_support.h"

#include "trainer/distill/prune.h"
#include "trainer/nn/quantise.h"

/* ---- what the kernels do to whole matrices, as formulas ---- */

/* The scale of each row. */
static void quant_weight_scales(const float *w, int rows, int cols, float *scale)
{
    for (ptrdiff_t r = 0; r < rows; r++) {
        float amax = 0;
        for (int c = 0; c < cols; c++)
            amax = fmaxf(amax, fabsf(w[r * cols + c]));
        scale[r] = tr_quant_scale(amax, TR_QUANT_WEIGHT);
    }
}

static void fake_quant_weights(const float *w, int rows, int cols, const float *scale, float *out)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        tr_fake_quant(w + r * cols, (size_t)cols, scale[r], TR_QUANT_WEIGHT, out + r * cols, NULL);
}

/* dx = dy where the gradient passes, else 0. */
static void fake_quant_backward(const float *dy, const unsigned char *pass, size_t n, float *dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = pass[i] ? dy[i] : 0;
}

static const float weights[6] = {.5F, -1.27F, .333F, .01F, .02F, -.0254F};

static void quantise_rows(const float *scale, int8_t *q)
{
    for (ptrdiff_t r = 0; r < 2; r++)
        tr_quantise(weights + r * 3, 3, scale[r], TR_QUANT_WEIGHT, q + r * 3);
}

static void weights_are_quantised_row_by_row(void **state)
{
    static const float scales[2] = {.01F, .0002F};
    static const float back[6] = {.5F, -1.27F, .33F, .01F, .02F, -.0254F};
    static const int codes[6] = {50, -127, 33, 50, 100, -127};
    float scale[2], out[6];
    int8_t q[6];
    (void)state;
    quant_weight_scales(weights, 2, 3, scale);
    assert_close(scale, scales, 2, 0, 1e-6);
    quantise_rows(scale, q);
    for (int i = 0; i < 6; i++)
        assert_int_equal(q[i], codes[i]);
    fake_quant_weights(weights, 2, 3, scale, out);
    assert_close(out, back, 6, 1e-7, 0);
    for (ptrdiff_t i = 0; i < 6; i++)
        assert_true(out[i] == (float)q[i] * scale[i < 3 ? 0 : 1]); /* as the exported model gives */
}

static void a_row_of_zeros_has_scale_one(void **state)
{
    static const float w[2] = {0, 0};
    float scale, out[2];
    (void)state;
    quant_weight_scales(w, 1, 2, &scale);
    assert_true(scale == 1);
    fake_quant_weights(w, 1, 2, &scale, out);
    assert_true(out[0] == 0 && out[1] == 0);
}

static void activations_saturate_and_pass_gradients_inside(void **state)
{
    static const float x[9] = {-7, -6.41F, -6.39F, -.024F, .026F, 1, 6.34F, 6.36F, 6.40F};
    static const float want[9] = {-6.4F, -6.4F, -6.4F, 0, .05F, 1, 6.35F, 6.35F, 6.35F};
    static const unsigned char passes[9] = {0, 1, 1, 1, 1, 1, 1, 1, 0};
    static const float dy[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const float dx_want[9] = {0, 2, 3, 4, 5, 6, 7, 8, 0};
    float out[9], dx[9];
    unsigned char pass[9];
    (void)state;
    tr_fake_quant(x, 9, .05F, TR_QUANT_SIGNED, out, pass);
    assert_close(out, want, 9, 1e-6, 0);
    assert_memory_equal(pass, passes, sizeof pass);
    fake_quant_backward(dy, pass, 9, dx);
    assert_memory_equal(dx, dx_want, sizeof dx);
}

static void ties_round_to_even(void **state)
{
    static const float x[5] = {.025F, .075F, .125F, -.025F, -.075F};
    static const float want[5] = {0, .1F, .1F, 0, -.1F};
    float out[5];
    (void)state;
    tr_fake_quant(x, 5, .05F, TR_QUANT_SIGNED, out, NULL);
    assert_close(out, want, 5, 1e-7, 0);
}

static void unsigned_activations_use_the_whole_byte(void **state)
{
    static const float x[4] = {-1, 0, 2.55F, 3};
    static const float want[4] = {0, 0, 2.55F, 2.55F};
    float out[4];
    unsigned char pass[4];
    (void)state;
    tr_fake_quant(x, 4, tr_quant_scale(2.55F, TR_QUANT_UNSIGNED), TR_QUANT_UNSIGNED, out, pass);
    assert_close(out, want, 4, 1e-6, 0);
    assert_true(!pass[0] && pass[1] && pass[2] && !pass[3]);
}

static void the_running_maximum_reproduces_its_printed_values(void **state)
{
    float amax = -1;
    (void)state;
    amax = tr_quant_track(amax, 2, .99F);
    assert_near((double)amax, 2, 0);
    amax = tr_quant_track(amax, 3, .99F);
    assert_near((double)amax, 2.01, 1e-6);
    amax = tr_quant_track(amax, 1, .99F);
    assert_near((double)amax, 1.9999, 1e-6);
}

static void the_integer_product_reproduces_its_printed_values(void **state)
{
    static const float x[3] = {.31F, -1.2F, .77F};
    static const double want[2] = {1.932472412, -.040321889};
    float scale[2], sx;
    int8_t qw[6], qx[3];
    int32_t acc[2];
    (void)state;
    quant_weight_scales(weights, 2, 3, scale);
    quantise_rows(scale, qw);
    sx = tr_quant_scale(1.2F, TR_QUANT_SIGNED);
    tr_quantise(x, 3, sx, TR_QUANT_SIGNED, qx);
    assert_int_equal(qx[0], 33);
    assert_int_equal(qx[1], -127);
    assert_int_equal(qx[2], 81);
    tr_quant_product(qw, qx, 2, 3, acc);
    assert_int_equal(acc[0], 20452);
    assert_int_equal(acc[1], -21337);
    for (int r = 0; r < 2; r++)
        assert_near(acc[r] * (double)sx * (double)scale[r], want[r], 5e-7);
}

static const float ffn[12] = {1, -2, .5F, 0, 1, .5F, 2, .1F, -.5F, 1, -.1F, .5F};
static const float ctx[16] = {1, 0, .5F, .5F, 0, 2, -.5F, .5F, 1, 1, 0, .2F, -1, 1, .4F, 0};

static void activation_scores_reproduce_their_printed_values(void **state)
{
    static const double neurons[3] = {1.58113883, 1.503329638, .707106781};
    static const double heads[2] = {1.802775638, .741619849};
    double sum[4] = {0}, score[2];
    (void)state;
    tr_importance_add(ffn, 1, 2, 3, sum);
    tr_importance_add(ffn + 6, 1, 2, 3, sum); /* batch by batch, or all at once */
    tr_importance_scores(sum, 3);
    assert_row(sum, neurons, 3, 2e-8); /* .1 as a float */
    memset(sum, 0, sizeof sum);
    tr_importance_add(ctx, 2, 2, 4, sum);
    tr_importance_scores(sum, 4);
    tr_head_scores(sum, 2, 2, score);
    assert_row(score, heads, 2, 2e-8);
}

static void gradient_scores_reproduce_their_printed_values(void **state)
{
    static const float grad[16] = {.1F,  -.2F, .3F, 0,   .2F, .1F, -.1F, .4F,
                                   -.3F, .2F,  .1F, .1F, .1F, .1F, .2F,  -.2F};
    static const double want[2] = {.2, .25};
    double sum[2] = {0};
    (void)state;
    tr_head_gradient_add(ctx, grad, 2, 2, 2, 2, sum);
    for (int h = 0; h < 2; h++)
        assert_near(sum[h] / 2, want[h], 2e-8);
}

static void first_order_scores_reproduce_their_printed_values(void **state)
{
    static const float w1[4] = {.5F, -1, 2, .3F}, g1[4] = {.1F, .2F, -.3F, .4F};
    static const float b1[2] = {.1F, -.2F}, gb[2] = {.5F, .1F};
    static const float w2[4] = {1, -1, .5F, 2}, g2[4] = {.2F, .1F, -.4F, .3F};
    static const double want[2] = {.1, 1};
    const struct tr_neurons n = {w1, g1, b1, gb, w2, g2, 2, 2};
    double score[2] = {0};
    (void)state;
    tr_neuron_first_order_add(&n, score);
    assert_row(score, want, 2, 5e-8);
}

static void influence_of_a_layer_reproduces_its_printed_value(void **state)
{
    static const float in[6] = {1, 0, 1, 0, 1, 1}, out[6] = {1, .2F, 1, .5F, 1, 0};
    (void)state;
    assert_near(tr_layer_influence(in, out, 2, 3), .188698462, 2e-8);
    assert_near(tr_layer_influence(in, in, 2, 3), 0, 1e-15);
}

static void the_best_are_kept_in_their_own_order(void **state)
{
    static const double score[5] = {.2, .9, .2, .5, .9};
    static const int want[3] = {1, 3, 4}, four[4] = {0, 1, 3, 4};
    const double odd[5] = {NAN, .2, NAN, .5, NAN};
    int kept[5];
    (void)state;
    tr_keep_best(score, 5, 3, kept);
    assert_memory_equal(kept, want, sizeof want);
    tr_keep_best(score, 5, 4, kept);
    assert_memory_equal(kept, four, sizeof four);
    kept[2] = 77; /* what is not a number is the worst, and no more than asked for are kept */
    tr_keep_best(odd, 5, 2, kept);
    assert_int_equal(kept[0], 1);
    assert_int_equal(kept[1], 3);
    assert_int_equal(kept[2], 77);
}

static void slices_take_the_named_rows_and_columns(void **state)
{
    static const int some_rows[2] = {2, 0}, some_cols[2] = {1, 3};
    static const float want[4] = {9, 11, 1, 3}, row[4] = {8, 9, 10, 11};
    float w[12], out[12];
    (void)state;
    for (int i = 0; i < 12; i++)
        w[i] = (float)i;
    tr_slice(w, 4, some_rows, 2, some_cols, 2, out);
    assert_memory_equal(out, want, sizeof want);
    tr_slice(w, 4, some_rows, 1, NULL, 4, out);
    assert_memory_equal(out, row, sizeof row);
    tr_slice(w, 4, NULL, 3, NULL, 4, out);
    assert_memory_equal(out, w, sizeof w);
}

static void dropped_heads_leave_their_difference(void **state)
{
    float head[4] = {1, 2, 5, 11}; /* four heads of one value; keep three: 5 += 5 - 11 */
    static const float three[4] = {1, 2, -1, 11}, two[4] = {1 + 1 - 11, 2 + 2 - 5, 5, 11};
    (void)state;
    tr_merge_heads(head, 4, 3, 1);
    assert_memory_equal(head, three, sizeof head);
    head[2] = 5;
    tr_merge_heads(head, 4, 2, 1);
    assert_memory_equal(head, two, sizeof head);
    tr_merge_heads(head, 4, 4, 1);
    assert_memory_equal(head, two, sizeof head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_quantised_row_by_row),
        cmocka_unit_test(a_row_of_zeros_has_scale_one),
        cmocka_unit_test(activations_saturate_and_pass_gradients_inside),
        cmocka_unit_test(ties_round_to_even),
        cmocka_unit_test(unsigned_activations_use_the_whole_byte),
        cmocka_unit_test(the_running_maximum_reproduces_its_printed_values),
        cmocka_unit_test(the_integer_product_reproduces_its_printed_values),
        cmocka_unit_test(activation_scores_reproduce_their_printed_values),
        cmocka_unit_test(gradient_scores_reproduce_their_printed_values),
        cmocka_unit_test(first_order_scores_reproduce_their_printed_values),
        cmocka_unit_test(influence_of_a_layer_reproduces_its_printed_value),
        cmocka_unit_test(the_best_are_kept_in_their_own_order),
        cmocka_unit_test(slices_take_the_named_rows_and_columns),
        cmocka_unit_test(dropped_heads_leave_their_difference),
    };
    return cmocka_run_group_tests_name("trainer/distill: compression", tests, NULL, NULL);
}
