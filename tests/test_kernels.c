/* tests/test_kernels.c -- the kernel sets: the wide ones against plain at every vector tail, plain
 * against the formulas in double. */
#include "kernel_sample.h"

/* Sizes around one and two vectors of 8 and of 16 lanes, and around the blocks of rows. */
static const int tails[] = {1, 2, 7, 8, 9, 13, 15, 16, 17, 24, 27, 31, 32, 33, 48, 50, 65};
enum { tail_count = sizeof tails / sizeof *tails };

/* Same values, and nothing written outside. */
static void assert_matrix(const struct matrix *got, const struct matrix *want, double tolerance)
{
    for (int r = 0; r < got->rows; r++) {
        const ptrdiff_t row = r * got->ld;
        assert_close(got->at + row, want->at + row, (size_t)got->cols, tolerance, tolerance);
        assert_memory_equal(got->at + row + got->cols, got->before + row + got->cols,
                            (size_t)(got->ld - got->cols) * sizeof(float));
    }
    assert_memory_equal(got->at + got->rows * got->ld, got->before + got->rows * got->ld,
                        TR_SLACK * sizeof(float));
}

/* --- linear --- */

static void check_linear(const struct tr_kernels *k, int rows, int outs, int ins)
{
    struct layer l = layer_new(k, outs, ins), ref = layer_new(plain, outs, ins);
    struct matrix x = matrix_new(rows, ins, 1), add = matrix_new(rows, outs, 2);
    struct matrix got = matrix_new(rows, outs, 3), want = matrix_new(rows, outs, 3);

    k->linear(&l.linear, rows, view(&x), (struct tr_view){0}, out(&got));
    plain->linear(&ref.linear, rows, view(&x), (struct tr_view){0}, out(&want));
    assert_matrix(&got, &want, 2e-5);
    k->linear(&l.linear, rows, view(&x), view(&add), out(&got));
    plain->linear(&ref.linear, rows, view(&x), view(&add), out(&want));
    assert_matrix(&got, &want, 2e-5);
    k->linear(&l.linear, rows, view(&x), view(&got), out(&got)); /* in place */
    plain->linear(&ref.linear, rows, view(&x), view(&want), out(&want));
    assert_matrix(&got, &want, 2e-5);
    matrix_free(&x), matrix_free(&add), matrix_free(&got), matrix_free(&want);
    layer_free(&l), layer_free(&ref);
}

static void linear_matches_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int a = 0; a < tail_count; a++)
            for (int b = 0; b < tail_count; b++)
                check_linear(wide[s], tails[(a + 3 * b) % tail_count], tails[a], tails[b]);
}

static void check_linear_back(const struct tr_kernels *k, int rows, int outs, int ins)
{
    struct layer l = layer_new(k, outs, ins), ref = layer_new(plain, outs, ins);
    struct matrix x = matrix_new(rows, ins, 1), dy = matrix_new(rows, outs, 2);
    struct matrix factor = matrix_new(rows, ins, 4);
    struct matrix got = matrix_new(rows, ins, 3), want = matrix_new(rows, ins, 3);
    float *dw[2], *db[2];

    k->linear_dx(&l.linear, rows, view(&dy), (struct tr_view){0}, true, out(&got));
    plain->linear_dx(&ref.linear, rows, view(&dy), (struct tr_view){0}, true, out(&want));
    assert_matrix(&got, &want, 2e-5);
    k->linear_dx(&l.linear, rows, view(&dy), view(&factor), false, out(&got));
    plain->linear_dx(&ref.linear, rows, view(&dy), view(&factor), false, out(&want));
    assert_matrix(&got, &want, 2e-5);
    for (int i = 0; i < 2; i++) {
        dw[i] = malloc((size_t)outs * ins * sizeof(float));
        db[i] = malloc((size_t)outs * sizeof(float));
        fill_uniform(dw[i], (size_t)outs * ins, 7); /* what is there is added to */
        fill_uniform(db[i], (size_t)outs, 8);
    }
    k->linear_dw(&l.linear, rows, view(&dy), view(&x), dw[0], db[0]);
    plain->linear_dw(&ref.linear, rows, view(&dy), view(&x), dw[1], db[1]);
    assert_close(dw[0], dw[1], (size_t)outs * ins, 5e-5, 5e-5);
    assert_close(db[0], db[1], (size_t)outs, 5e-5, 5e-5);
    for (int i = 0; i < 2; i++)
        free(dw[i]), free(db[i]);
    matrix_free(&x), matrix_free(&dy), matrix_free(&factor), matrix_free(&got), matrix_free(&want);
    layer_free(&l), layer_free(&ref);
}

static void linear_backward_matches_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int a = 0; a < tail_count; a++)
            for (int b = 0; b < tail_count; b++)
                check_linear_back(wide[s], tails[(a + 3 * b) % tail_count], tails[a], tails[b]);
}

static void linear_backward_adds_up_over_many_rows(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int rows = 127; rows <= 400; rows += 65) /* the wide sets sum over chunks of rows */
            check_linear_back(wide[s], rows, 37, 45);
}

static void linear_is_the_formula(void **state)
{
    struct layer l = layer_new(plain, 5, 7);
    struct matrix x = matrix_new(3, 7, 1), y = matrix_new(3, 5, 2), r = matrix_new(3, 5, 3);
    (void)state;
    plain->linear(&l.linear, 3, view(&x), view(&r), out(&y));
    for (int i = 0; i < 3; i++)
        for (int o = 0; o < 5; o++) {
            double sum = (double)l.bias[o] + r.at[i * r.ld + o];
            for (int c = 0; c < 7; c++)
                sum += (double)x.at[i * x.ld + c] * l.weight[o * 7 + c];
            assert_near(y.at[i * y.ld + o], sum, 1e-6);
        }
    matrix_free(&x), matrix_free(&y), matrix_free(&r);
    layer_free(&l);
}

/* --- attention --- */

static void attention_matches_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int t = 0; t < tail_count; t++)
            for (int d = 0; d < tail_count; d++)
                for (int one = 0; one < 2; one++) {
                    const struct tr_head head = head_of(one ? 1 : tails[t], tails[t], tails[d]);
                    struct attention_run got = attention_run(wide[s], &head, 1.5F);
                    struct attention_run want = attention_run(plain, &head, 1.5F);
                    assert_matrix(&got.context, &want.context, 1e-5);
                    for (int i = 0; i < 3; i++)
                        assert_matrix(&got.dqkv[i], &want.dqkv[i], 2e-5);
                    attention_free(&got), attention_free(&want);
                }
}

/* softmax(scale q k^T) v of one query in double. */
static void attention_formula(const struct tr_head *head, const struct attention_run *a, int i,
                              double *context)
{
    double score[128], top = -INFINITY, sum = 0;
    for (int j = 0; j < head->keys; j++) {
        score[j] = 0;
        for (int c = 0; c < head->dim; c++)
            score[j] += (double)a->qkv[0].at[i * a->qkv[0].ld + c] *
                        a->qkv[1].at[j * a->qkv[1].ld + c] * (double)head->scale;
        top = fmax(top, score[j]);
    }
    for (int j = 0; j < head->keys; j++)
        sum += score[j] = exp(score[j] - top);
    for (int c = 0; c < head->dim; c++) {
        context[c] = 0;
        for (int j = 0; j < head->keys; j++)
            context[c] += score[j] / sum * (double)a->qkv[2].at[j * a->qkv[2].ld + c];
    }
}

static void attention_is_the_formula_for_scores_of_any_size(void **state)
{
    static const float sizes[] = {0.0F, 1.0F, 30.0F, 1000.0F};
    const struct tr_head head = head_of(11, 19, 12);
    (void)state;
    for (int s = -1; s < wide_count; s++)
        for (int z = 0; z < 4; z++) {
            struct attention_run a = attention_run(s < 0 ? plain : wide[s], &head, sizes[z]);
            for (int i = 0; i < head.queries; i++) {
                double want[12];
                attention_formula(&head, &a, i, want);
                for (int c = 0; c < head.dim; c++) /* scores of 1e6 have an ulp of .06 */
                    assert_near(a.context.at[i * a.context.ld + c], want[c],
                                sizes[z] > 100 ? 0.2
                                : sizes[z] > 2 ? 1e-3
                                               : 1e-6);
            }
            attention_free(&a);
        }
}

static void causal_attention_matches_plain_and_hides_what_is_later(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int t = 0; t < tail_count; t++) {
            struct tr_head head = head_of(tails[t], tails[t], 12);
            head.causal = true;
            struct attention_run got = attention_run(wide[s], &head, 30.0F);
            struct attention_run want = attention_run(plain, &head, 30.0F);
            assert_matrix(&got.context, &want.context, 1e-4);
            for (int i = 0; i < 3; i++)
                assert_matrix(&got.dqkv[i], &want.dqkv[i], 2e-4);
            /* the first query sees its own value alone */
            assert_memory_equal(got.context.at, got.qkv[2].at, 12 * sizeof(float));
            attention_free(&got), attention_free(&want);
        }
}

/* --- norm --- */

static void norm_matches_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int r = 0; r < tail_count; r++)
            for (int c = 0; c < tail_count; c++) {
                struct norm_run got = norm_run(wide[s], tails[r], tails[c]);
                struct norm_run want = norm_run(plain, tails[r], tails[c]);
                /* a row of one or two nearly equal values divides by almost nothing */
                const double tolerance = tails[c] < 7 ? 2e-3 : 3e-5;
                assert_matrix(&got.y, &want.y, tolerance);
                assert_matrix(&got.dx, &want.dx, tolerance);
                assert_close(got.dgamma, want.dgamma, 80, 5 * tolerance, tolerance);
                assert_close(got.dbeta, want.dbeta, 80, 3e-5, 3e-5);
                norm_free(&got), norm_free(&want);
            }
}

static void norm_is_the_formula(void **state)
{
    (void)state;
    for (int s = -1; s < wide_count; s++) {
        struct norm_run n = norm_run(s < 0 ? plain : wide[s], 5, 37);
        for (int r = 0; r < 5; r++) {
            const float *x = n.x.at + r * n.x.ld;
            double mean = 0, variance = 0;
            for (int c = 0; c < 37; c++)
                mean += (double)x[c] / 37;
            for (int c = 0; c < 37; c++)
                variance += ((double)x[c] - mean) * ((double)x[c] - mean) / 37;
            for (int c = 0; c < 37; c++)
                assert_near(n.y.at[r * n.y.ld + c],
                            ((double)x[c] - mean) / sqrt(variance + (double)TR_NORM_EPS) *
                                    (double)n.gamma[c] +
                                (double)n.beta[c],
                            3e-6);
        }
        norm_free(&n);
    }
}

/* --- elementwise --- */

static void gelu_and_its_slope_are_exact_to_one_part_in_five_million(void **state)
{
    enum { n = 24001 };
    float *u = malloc(n * sizeof(float)), *x = malloc(n * sizeof(float));
    float *slope = malloc(n * sizeof(float));
    (void)state;
    for (int s = -1; s < wide_count; s++) {
        for (int i = 0; i < n; i++)
            u[i] = x[i] = (float)(i - 12000) * 1e-3F;
        (s < 0 ? plain : wide[s])->gelu(n, u, slope);
        for (int i = 0; i < n; i++) {
            const double phi = 0.5 * erfc(-(double)x[i] / sqrt(2));
            const double value = x[i] * phi;
            const double density = exp(-0.5 * x[i] * (double)x[i]) / sqrt(2 * 3.14159265358979);
            assert_near(u[i], value, 2e-7 * fmax(1, fabs(value)));
            assert_near(slope[i], phi + x[i] * density, 2e-7);
        }
    }
    free(u);
    free(x);
    free(slope);
}

static double activation_formula(enum tr_activate kind, double u, double *slope)
{
    if (kind == TR_ACTIVATE_RELU) {
        *slope = u > 0;
        return u > 0 ? u : 0;
    }
    if (kind == TR_ACTIVATE_TANH) {
        *slope = 1 - tanh(u) * tanh(u);
        return tanh(u);
    }
    const double c = sqrt(2 / 3.14159265358979324), t = tanh(c * (u + .044715 * u * u * u));
    *slope = (1 + t) / 2 + u / 2 * (1 - t * t) * c * (1 + 3 * .044715 * u * u);
    return u / 2 * (1 + t);
}

static void activations_and_their_slopes_are_the_formulas(void **state)
{
    enum { n = 2005 };
    static float u[n], slope[n];
    (void)state;
    for (int s = -1; s < wide_count; s++)
        for (int kind = TR_ACTIVATE_GELU_TANH; kind <= TR_ACTIVATE_TANH; kind++) {
            for (int i = 0; i < n; i++)
                u[i] = (float)(i - 1002) / 100;
            u[n - 1] = 1e6F;
            u[n - 2] = -1e6F;
            (s < 0 ? plain : wide[s])->activate((enum tr_activate)kind, n, u, slope);
            for (int i = 0; i < n; i++) {
                double d, x = i == n - 1   ? 1e6
                              : i == n - 2 ? -1e6
                                           : (double)((float)(i - 1002) / 100);
                const double want = activation_formula((enum tr_activate)kind, x, &d);
                assert_near(u[i], want, 4e-7 * fmax(1, fabs(want)));
                assert_near(slope[i], d, 2e-6);
            }
        }
}

static void gelu_of_extremes_is_their_limit(void **state)
{
    (void)state;
    for (int s = -1; s < wide_count; s++) {
        float u[5] = {-1e30F, 1e30F, 0.0F, -60.0F, 60.0F}, slope[5];
        (s < 0 ? plain : wide[s])->gelu(5, u, slope);
        assert_near(u[0], 0, 1e-6);
        assert_near(u[1] / 1e30F, 1, 1e-6);
        assert_near(u[2], 0, 0);
        assert_near(u[3], 0, 1e-6);
        assert_near(u[4], 60, 1e-5);
        assert_near(slope[0], 0, 1e-6);
        assert_near(slope[1], 1, 1e-6);
        assert_near(slope[2], 0.5, 1e-7);
    }
}

static void nan_is_never_swallowed(void **state)
{
    (void)state;
    for (int s = -1; s < wide_count; s++) {
        const struct tr_kernels *k = s < 0 ? plain : wide[s];
        const struct tr_head head = head_of(3, 5, 4);
        struct attention_run a = attention_run(k, &head, 1.0F);
        struct norm_run n = norm_run(k, 2, 20);
        float u[20] = {0};
        u[3] = NAN;
        k->gelu(20, u, NULL);
        assert_true(isnan(u[3]));
        assert_true(isnan(k->sum_squares(20, u)));
        a.qkv[1].at[2] = NAN; /* one key: every query sees it */
        k->attention(&head, view(&a.qkv[0]), view(&a.qkv[1]), view(&a.qkv[2]), a.probs,
                     out(&a.context), a.scratch);
        for (int i = 0; i < 3; i++)
            assert_true(isnan(a.context.at[i * a.context.ld]));
        n.x.at[19] = NAN;
        k->norm(2, 20, TR_NORM_EPS, view(&n.x), n.gamma, n.beta, out(&n.y), NULL);
        assert_true(isnan(n.y.at[0]));
        assert_false(isnan(n.y.at[n.y.ld]));
        attention_free(&a);
        norm_free(&n);
    }
}

static void elementwise_kernels_match_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int t = 0; t < tail_count; t++) {
            const size_t n = (size_t)tails[t];
            float u[2][80], slope[2][80];
            for (int i = 0; i < 2; i++) {
                fill_uniform(u[i], 80, 1);
                fill_uniform(slope[i], 80, 2);
                (i ? plain : wide[s])->gelu(n, u[i], slope[i]);
            }
            assert_close(u[0], u[1], 80, 2e-7, 0); /* 80: nothing behind n is written */
            assert_close(slope[0], slope[1], 80, 2e-7, 0);
            assert_near(wide[s]->sum_squares(n, u[0]), plain->sum_squares(n, u[0]), 1e-12);
        }
}

static void softmax_matches_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int t = 0; t < tail_count; t++) {
            float x[80], p[2][80];
            double sum[2];
            fill_uniform(x, 80, 1);
            for (int i = 0; i < 80; i++)
                x[i] = 20 * x[i] - 30; /* all below 0, which lanes behind the row are not */
            for (int i = 0; i < 2; i++) {
                memcpy(p[i], x, sizeof x);
                sum[i] = (i ? plain : wide[s])->softmax(tails[t], .7F, p[i], p[i]);
            }
            assert_near(sum[0], sum[1], 1e-6);
            assert_close(p[0], p[1], 80, 1e-6, 1e-7); /* 80: nothing behind n is written */
        }
}

static void softmax_is_the_formula(void **state)
{
    const float x[3] = {1000, 1001, -1000};
    float p[3];
    (void)state;
    for (int s = -1; s < wide_count; s++) {
        assert_near((s < 0 ? plain : wide[s])->softmax(3, 2, x, p), 2002.126928011043, 1e-6);
        assert_near((double)p[0], 0.11920292, 1e-6);
        assert_near((double)p[1], 0.88079708, 1e-6);
        assert_true(p[2] >= 0 && p[2] < 1e-30F);
    }
}

static void sums_of_rows_and_columns_match_plain_at_every_tail(void **state)
{
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int r = 0; r < tail_count; r++)
            for (int c = 0; c < 2 * tail_count; c++) {
                const int cols = c < tail_count ? tails[c] : 64 + tails[c - tail_count];
                struct matrix x = matrix_new(tails[r], cols, 70);
                struct matrix got = matrix_new(tails[r], cols, 71);
                struct matrix want = matrix_new(tails[r], cols, 71);
                float sums[2][140];
                for (int i = 0; i < 2; i++) {
                    fill_uniform(sums[i], 140, 72);
                    (i ? plain : wide[s])->add_column_sums(tails[r], cols, view(&x), sums[i]);
                }
                assert_close(sums[0], sums[1], 140, 2e-5, 0);
                wide[s]->add_rows(tails[r], cols, view(&x), out(&got));
                plain->add_rows(tails[r], cols, view(&x), out(&want));
                assert_matrix(&got, &want, 1e-7);
                matrix_free(&x), matrix_free(&got), matrix_free(&want);
            }
}

static void adamw_matches_plain_at_every_tail(void **state)
{
    const struct tr_adamw_rates rates = {.9F, .999F, 1e-8F, .5F, 1e-2F, 7.0F, .99F};
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int t = 0; t < tail_count; t++) {
            float v[2][4][80];
            for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 4; j++)
                    fill_uniform(v[i][j], 80, (uint64_t)j);
                for (int j = 0; j < 80; j++)
                    v[i][3][j] = fabsf(v[i][3][j]);
                (i ? plain : wide[s])
                    ->adamw((size_t)tails[t], &rates, v[i][0], v[i][1], v[i][2], v[i][3]);
            }
            for (int j = 0; j < 4; j++)
                assert_close(v[0][j], v[1][j], 80, 1e-6, 1e-6);
            for (int j = 0; j < tails[t]; j++)
                assert_true(v[0][1][j] == 0.0F);
        }
}

/* --- the choice --- */

/* Values of all kinds: ties, ends of the range on either side, far beyond, and ordinary ones. */
static void spread(struct matrix *m, float scale)
{
    static const float codes[] = {-300, -129, -128.5F, -128.4F, -128,   -.5F, .5F,
                                  1.5F, 2.5F, 126.5F,  127.4F,  127.5F, 128,  1e9F};
    enum { count = sizeof codes / sizeof *codes };

    for (int r = 0; r < m->rows; r++)
        for (int c = 0; c < m->cols; c++) {
            const int i = (r * m->cols + c) % (2 * count);
            m->at[r * m->ld + c] = i < count ? codes[i] * scale : 40 * m->at[r * m->ld + c];
        }
}

static void int8_matches_plain_to_the_bit_at_every_tail(void **state)
{
    enum { rows = 5, most = 80 };
    const float scale = .11F;
    (void)state;
    for (int s = 0; s < wide_count; s++)
        for (int t = 0; t < tail_count; t++) {
            const int cols = tails[t];
            const size_t bytes = rows * (size_t)((cols + 15) / 16 * 2);
            struct matrix got = matrix_new(rows, cols, 1), want = matrix_new(rows, cols, 1);
            unsigned char pass[2][rows * most / 8 + 1];
            spread(&got, scale);
            spread(&want, scale);
            assert_true(wide[s]->largest(rows, cols, view(&got)) ==
                        plain->largest(rows, cols, view(&want)));
            memset(pass, 0x5a, sizeof pass);

            wide[s]->fake_quant(rows, cols, scale, out(&got), pass[0]);
            plain->fake_quant(rows, cols, scale, out(&want), pass[1]);
            assert_matrix(&got, &want, 0);
            assert_memory_equal(pass[0], pass[1], bytes);
            assert_int_equal(pass[0][bytes], 0x5a);

            wide[s]->fake_quant_back(rows, cols, pass[0], out(&got));
            plain->fake_quant_back(rows, cols, pass[1], out(&want));
            assert_matrix(&got, &want, 0);
            matrix_free(&got), matrix_free(&want);
        }
}

static void int8_keeps_what_is_not_finite(void **state)
{
    (void)state;
    for (int s = -1; s < wide_count; s++) {
        const struct tr_kernels *k = s < 0 ? plain : wide[s];
        for (int at = 0; at < 21; at += 5) {
            float x[21] = {0};
            x[at] = NAN;
            assert_true(isnan(k->largest(1, 21, (struct tr_view){x, 21})));
            k->fake_quant(1, 21, .1F, (struct tr_out){x, 21}, NULL);
            assert_true(isnan(x[at]));
            x[at] = -INFINITY;
            assert_true(isnan(k->largest(1, 21, (struct tr_view){x, 21})));
        }
    }
}

static void the_environment_overrides_the_choice(void **state)
{
    const struct tr_kernels *k = NULL;
    struct rt_err err;
    (void)state;
    assert_int_equal(setenv("RETORT_KERNELS", "plain", 1), 0);
    assert_ok(tr_kernels_choose(&k, &err));
    assert_string_equal(tr_kernels_name(k), "plain");
    assert_int_equal(setenv("RETORT_KERNELS", "v9", 1), 0);
    assert_int_equal(tr_kernels_choose(&k, &err), RT_EARG);
    assert_non_null(strstr(err.text, "v9"));
    assert_int_equal(unsetenv("RETORT_KERNELS"), 0);
    assert_ok(tr_kernels_choose(&k, &err));
    assert_ptr_equal(k, wide_count ? wide[wide_count - 1] : plain);
    assert_null(tr_kernels_by_name("v9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_matches_plain_at_every_tail),
        cmocka_unit_test(linear_backward_matches_plain_at_every_tail),
        cmocka_unit_test(linear_backward_adds_up_over_many_rows),
        cmocka_unit_test(linear_is_the_formula),
        cmocka_unit_test(attention_matches_plain_at_every_tail),
        cmocka_unit_test(attention_is_the_formula_for_scores_of_any_size),
        cmocka_unit_test(causal_attention_matches_plain_and_hides_what_is_later),
        cmocka_unit_test(norm_matches_plain_at_every_tail),
        cmocka_unit_test(norm_is_the_formula),
        cmocka_unit_test(gelu_and_its_slope_are_exact_to_one_part_in_five_million),
        cmocka_unit_test(activations_and_their_slopes_are_the_formulas),
        cmocka_unit_test(gelu_of_extremes_is_their_limit),
        cmocka_unit_test(nan_is_never_swallowed),
        cmocka_unit_test(elementwise_kernels_match_plain_at_every_tail),
        cmocka_unit_test(softmax_matches_plain_at_every_tail),
        cmocka_unit_test(softmax_is_the_formula),
        cmocka_unit_test(sums_of_rows_and_columns_match_plain_at_every_tail),
        cmocka_unit_test(adamw_matches_plain_at_every_tail),
        cmocka_unit_test(int8_matches_plain_to_the_bit_at_every_tail),
        cmocka_unit_test(int8_keeps_what_is_not_finite),
        cmocka_unit_test(the_environment_overrides_the_choice),
    };
    return cmocka_run_group_tests_name("trainer/nn", tests, find_sets, NULL);
}
