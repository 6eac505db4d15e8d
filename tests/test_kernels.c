/* tests/test_kernels.c -- the kernel sets: the wide ones against plain at every vector tail, plain
 * against the formulas in double and against central differences. */
#include "support.h"

#include "trainer/nn/kernels_internal.h"
#include "trainer/student.h"

/* Sizes around one and two vectors of 8 and of 16 lanes, and around the blocks of rows. */
static const int tails[] = {1, 2, 7, 8, 9, 13, 15, 16, 17, 24, 27, 31, 32, 33, 48, 50, 65};
enum { tail_count = sizeof tails / sizeof *tails };

static const struct tr_kernels *plain, *wide[2];
static int wide_count;

static int find_sets(void **state)
{
    (void)state;
    plain = tr_kernels_by_name("plain");
    for (int i = 3; i <= 4; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(i == 3 ? "v3" : "v4");
        if (k)
            wide[wide_count++] = k;
    }
    return plain ? 0 : -1;
}

/* A matrix whose rows are wider than what is used; what is not used must stay as it was. */
struct matrix {
    int rows, cols;
    ptrdiff_t ld;
    float *at, *before;
};

static struct matrix matrix_new(int rows, int cols, uint64_t seed)
{
    struct matrix m = {rows, cols, cols + 3, NULL, NULL};
    const size_t n = (size_t)(rows * m.ld) + TR_SLACK;
    m.at = malloc(n * sizeof(float));
    m.before = malloc(n * sizeof(float));
    fill_uniform(m.at, n, seed);
    memcpy(m.before, m.at, n * sizeof(float));
    return m;
}

static void matrix_free(struct matrix *m)
{
    free(m->at);
    free(m->before);
}

static struct tr_view view(const struct matrix *m)
{
    return (struct tr_view){m->at, m->ld};
}

static struct tr_out out(const struct matrix *m)
{
    return (struct tr_out){m->at, m->ld};
}

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

struct layer {
    struct tr_linear linear;
    float *weight, *bias, *packed;
};

static struct layer layer_new(const struct tr_kernels *k, int out_count, int in)
{
    struct layer l;
    const size_t forward = k->packed_floats(in, out_count);
    const size_t n = (size_t)out_count * in;
    l.weight = malloc(n * sizeof(float));
    l.bias = malloc((size_t)out_count * sizeof(float));
    l.packed = malloc((forward + k->packed_floats(out_count, in) + 1) * sizeof(float));
    fill_uniform(l.weight, n, 21);
    fill_uniform(l.bias, (size_t)out_count, 22);
    k->pack(l.weight, out_count, in, l.packed, l.packed + forward);
    l.linear = (struct tr_linear){in, out_count, l.weight, l.bias, l.packed, l.packed + forward};
    return l;
}

static void layer_free(struct layer *l)
{
    free(l->weight);
    free(l->bias);
    free(l->packed);
}

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

static struct tr_head head_of(int queries, int keys, int dim)
{
    return (struct tr_head){queries, keys, dim, 1.0F / sqrtf((float)dim)};
}

struct attention_run {
    struct matrix qkv[3], context, dcontext, dqkv[3];
    float *probs, *scratch;
};

static struct attention_run attention_run(const struct tr_kernels *k, const struct tr_head *head,
                                          float size)
{
    struct attention_run a;
    for (unsigned i = 0; i < 3; i++) {
        a.qkv[i] = matrix_new(i ? head->keys : head->queries, head->dim, 30 + i);
        for (ptrdiff_t j = 0; j < a.qkv[i].rows * a.qkv[i].ld; j++)
            a.qkv[i].at[j] *= i < 2 ? size : 1.0F;
        a.dqkv[i] = matrix_new(a.qkv[i].rows, head->dim, 40 + i);
    }
    a.context = matrix_new(head->queries, head->dim, 50);
    a.dcontext = matrix_new(head->queries, head->dim, 51);
    a.probs = malloc((k->probs_floats(head) + 1) * sizeof(float));
    a.scratch = malloc((k->scratch_floats(head) + 1) * sizeof(float));
    k->attention(head, view(&a.qkv[0]), view(&a.qkv[1]), view(&a.qkv[2]), a.probs, out(&a.context),
                 a.scratch);
    const struct tr_view in[3] = {view(&a.qkv[0]), view(&a.qkv[1]), view(&a.qkv[2])};
    const struct tr_out to[3] = {out(&a.dqkv[0]), out(&a.dqkv[1]), out(&a.dqkv[2])};
    k->attention_back(head, in, a.probs, view(&a.dcontext), to, a.scratch);
    return a;
}

static void attention_free(struct attention_run *a)
{
    for (int i = 0; i < 3; i++)
        matrix_free(&a->qkv[i]), matrix_free(&a->dqkv[i]);
    matrix_free(&a->context), matrix_free(&a->dcontext);
    free(a->probs);
    free(a->scratch);
}

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

/* --- norm --- */

struct norm_run {
    struct matrix x, y, dy, dx;
    float gamma[80], beta[80], dgamma[80], dbeta[80], stats[2 * 80];
};

static struct norm_run norm_run(const struct tr_kernels *k, int rows, int cols)
{
    struct norm_run n = {.x = matrix_new(rows, cols, 60),
                         .y = matrix_new(rows, cols, 61),
                         .dy = matrix_new(rows, cols, 62),
                         .dx = matrix_new(rows, cols, 63)};
    for (ptrdiff_t i = 0; i < rows * n.x.ld; i++)
        n.x.at[i] = 3.0F * n.x.at[i] + 5.0F; /* a mean that is not small against the deviation */
    fill_uniform(n.gamma, 80, 64);
    fill_uniform(n.beta, 80, 65);
    fill_uniform(n.dgamma, 80, 66);
    fill_uniform(n.dbeta, 80, 67);
    k->norm(rows, cols, view(&n.x), n.gamma, n.beta, out(&n.y), n.stats);
    k->norm_back(rows, cols, view(&n.x), n.stats, view(&n.dy), n.gamma, n.dgamma, n.dbeta,
                 out(&n.dx));
    return n;
}

static void norm_free(struct norm_run *n)
{
    matrix_free(&n->x), matrix_free(&n->y), matrix_free(&n->dy), matrix_free(&n->dx);
}

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
        k->norm(2, 20, view(&n.x), n.gamma, n.beta, out(&n.y), NULL);
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

/* --- plain backward against central differences --- */

/* sum of weights * values in double: a loss whose gradient by the values is `weights`. */
static double loss(const struct matrix *weights, const struct matrix *values)
{
    double sum = 0;
    for (int r = 0; r < values->rows; r++)
        for (int c = 0; c < values->cols; c++)
            sum += (double)weights->at[r * weights->ld + c] * values->at[r * values->ld + c];
    return sum;
}

/* Steps of 2^-6 keep the float rounding of the values, about 1e-7, below 1e-5 of a slope. */
static const float h = 0.015625F;

static void attention_backward_is_the_slope_of_the_forward(void **state)
{
    const struct tr_head head = head_of(4, 6, 5);
    struct attention_run a = attention_run(plain, &head, 1.0F);
    (void)state;
    for (int i = 0; i < 3; i++)
        for (int r = 0; r < a.qkv[i].rows; r++)
            for (int c = 0; c < head.dim; c++) {
                float *x = a.qkv[i].at + r * a.qkv[i].ld + c;
                const float was = *x;
                double side[2];
                for (int sign = 0; sign < 2; sign++) {
                    *x = was + (sign ? h : -h);
                    plain->attention(&head, view(&a.qkv[0]), view(&a.qkv[1]), view(&a.qkv[2]),
                                     a.probs, out(&a.context), a.scratch);
                    side[sign] = loss(&a.dcontext, &a.context);
                }
                *x = was;
                assert_near(a.dqkv[i].at[r * a.dqkv[i].ld + c],
                            (side[1] - side[0]) / (2 * (double)h), 2e-4);
            }
    attention_free(&a);
}

static void norm_backward_is_the_slope_of_the_forward(void **state)
{
    struct norm_run n = norm_run(plain, 3, 11);
    double side[2];
    (void)state;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 11; c++) {
            float *x = n.x.at + r * n.x.ld + c;
            const float was = *x;
            for (int sign = 0; sign < 2; sign++) {
                *x = was + (sign ? h : -h);
                plain->norm(3, 11, view(&n.x), n.gamma, n.beta, out(&n.y), NULL);
                side[sign] = loss(&n.dy, &n.y);
            }
            *x = was;
            assert_near(n.dx.at[r * n.dx.ld + c] - n.dx.before[r * n.dx.ld + c],
                        (side[1] - side[0]) / (2 * (double)h), 3e-4);
        }
    for (int c = 0; c < 11; c++) {
        float first[2][80], *both[2] = {n.gamma, n.beta};
        fill_uniform(first[0], 80, 66);
        fill_uniform(first[1], 80, 67);
        for (int i = 0; i < 2; i++) {
            const float was = both[i][c];
            for (int sign = 0; sign < 2; sign++) {
                both[i][c] = was + (sign ? h : -h);
                plain->norm(3, 11, view(&n.x), n.gamma, n.beta, out(&n.y), NULL);
                side[sign] = loss(&n.dy, &n.y);
            }
            both[i][c] = was;
            assert_near((i ? n.dbeta : n.dgamma)[c] - first[i][c],
                        (side[1] - side[0]) / (2 * (double)h), 1e-4);
        }
    }
    norm_free(&n);
}

static void linear_backward_is_the_slope_of_the_forward(void **state)
{
    struct layer l = layer_new(plain, 4, 6);
    struct matrix x = matrix_new(3, 6, 1), dy = matrix_new(3, 4, 2), y = matrix_new(3, 4, 3);
    struct matrix dx = matrix_new(3, 6, 4);
    float dw[24] = {0}, db[4] = {0};
    double side[2];
    (void)state;
    plain->linear_dx(&l.linear, 3, view(&dy), (struct tr_view){0}, false, out(&dx));
    plain->linear_dw(&l.linear, 3, view(&dy), view(&x), dw, db);
    for (int i = 0; i < 18 + 24 + 4; i++) {
        float *at = i < 18   ? x.at + i / 6 * x.ld + i % 6
                    : i < 42 ? l.weight + i - 18
                             : l.bias + i - 42;
        const float was = *at;
        const float got = i < 18 ? dx.at[i / 6 * dx.ld + i % 6] : i < 42 ? dw[i - 18] : db[i - 42];
        for (int sign = 0; sign < 2; sign++) {
            *at = was + (sign ? h : -h);
            plain->linear(&l.linear, 3, view(&x), (struct tr_view){0}, out(&y));
            side[sign] = loss(&dy, &y);
        }
        *at = was;
        assert_near(got, (side[1] - side[0]) / (2 * (double)h), 1e-4);
    }
    matrix_free(&x), matrix_free(&dy), matrix_free(&y), matrix_free(&dx);
    layer_free(&l);
}

/* --- the choice --- */

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
        cmocka_unit_test(norm_matches_plain_at_every_tail),
        cmocka_unit_test(norm_is_the_formula),
        cmocka_unit_test(gelu_and_its_slope_are_exact_to_one_part_in_five_million),
        cmocka_unit_test(gelu_of_extremes_is_their_limit),
        cmocka_unit_test(nan_is_never_swallowed),
        cmocka_unit_test(elementwise_kernels_match_plain_at_every_tail),
        cmocka_unit_test(sums_of_rows_and_columns_match_plain_at_every_tail),
        cmocka_unit_test(adamw_matches_plain_at_every_tail),
        cmocka_unit_test(attention_backward_is_the_slope_of_the_forward),
        cmocka_unit_test(norm_backward_is_the_slope_of_the_forward),
        cmocka_unit_test(linear_backward_is_the_slope_of_the_forward),
        cmocka_unit_test(the_environment_overrides_the_choice),
    };
    return cmocka_run_group_tests_name("trainer/nn", tests, find_sets, NULL);
}
