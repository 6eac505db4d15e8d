/* tests/test_layer_kernels.c -- tables, and losses between rows: every kernel set against the
 * formulas in double, whose own numbers are those of test_distill_layers.c.
 */
#include "support.h"

#include "layer_reference.h"
#include "trainer/net/student_internal.h"
#include "trainer/nn/kernels_internal.h"

static const char *const sets[] = {"plain", "v3", "v4"};
enum { most = 40, cells = most * 48, slack = TR_SLACK };

static ptrdiff_t padded(int n)
{
    return tr__padded(n);
}

/* Rows of width n with padding that no result may depend on. */
static void rows_of(float *x, int rows, int n, float size, uint64_t seed)
{
    fill_uniform(x, (size_t)rows * padded(n), seed);
    for (ptrdiff_t i = 0; i < rows * padded(n); i++)
        x[i] *= i % padded(n) < n ? size : 1e6F;
}

static void to_doubles(const float *x, int rows, int n, double *out)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < n; c++)
            out[r * n + c] = (double)x[r * padded(n) + c];
}

static void assert_rows(const float *got, const double *want, int rows, int n, double factor,
                        double tolerance)
{
    double top = 1e-12;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * n; i++)
        top = fmax(top, fabs(want[i] * factor));
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int c = 0; c < n; c++)
            assert_near((double)got[r * padded(n) + c], want[r * n + c] * factor,
                        tolerance * top + 1e-7);
}

/* The mean that the formula in double gives, and its gradient. */
static double wanted(enum tr_pair_loss kind, const double *s, const double *t, int rows, int n,
                     double *grad, double *count)
{
    static const enum tr_attention_loss of[] = {
        [TR_PAIR_PROBS] = TR_ATTENTION_PROBS, [TR_PAIR_KL] = TR_ATTENTION_KL};
    double scratch[4 * most];

    *count = kind == TR_PAIR_MSE || kind == TR_PAIR_PROBS ? (double)rows * n : rows;
    if (kind == TR_PAIR_MSE)
        return hidden_mse(s, t, NULL, rows, n, grad);
    if (kind == TR_PAIR_COSINE)
        return hidden_cosine(s, t, NULL, rows, n, grad);
    return attention_loss(of[kind], s, t, NULL, rows, scratch, grad);
}

static void check_pair(const struct tr_kernels *k, enum tr_pair_loss kind, int rows, int n)
{
    float s[cells + slack], t[cells + slack];
    double ds[cells], dt[cells], grad[cells], count;

    rows_of(s, rows, n, 3, 1);
    rows_of(t, rows, n, 2, 2);
    to_doubles(s, rows, n, ds);
    to_doubles(t, rows, n, dt);
    const double loss = wanted(kind, ds, dt, rows, n, grad, &count);

    const double got = k->pair_loss(kind, rows, n, (struct tr_out){s, padded(n)},
                                    (struct tr_out){t, padded(n)}, .25F);

    assert_near(got / count, loss, 2e-6 * (1 + loss));
    assert_rows(s, grad, rows, n, .25 * count, 2e-6);
}

static void losses_agree_with_the_formulas_in_double(void **state)
{
    static const int widths[] = {1, 2, 7, 8, 9, 16, 17, 31, 33, 40};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(sets[i]);
        for (size_t w = 0; k && w < sizeof widths / sizeof *widths; w++) {
            check_pair(k, TR_PAIR_MSE, 3, widths[w]);
            check_pair(k, TR_PAIR_COSINE, 3, widths[w]);
            check_pair(k, TR_PAIR_PROBS, widths[w], widths[w]); /* tables are square */
            check_pair(k, TR_PAIR_KL, widths[w], widths[w]);
        }
    }
}

static void scores_so_large_that_exp_overflows_have_finite_losses(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(sets[i]);
        for (int kind = TR_PAIR_PROBS; k && kind <= TR_PAIR_KL; kind++) {
            float s[2 * 16 + slack] = {500, -500, 3}, t[2 * 16 + slack] = {-500, 500, -3};
            const double loss = k->pair_loss((enum tr_pair_loss)kind, 1, 3, (struct tr_out){s, 16},
                                             (struct tr_out){t, 16}, 1);
            assert_near(loss, kind == TR_PAIR_KL ? 1000 : 2, 1e-3);
            for (int c = 0; c < 3; c++)
                assert_true(isfinite(s[c]));
        }
    }
}

static void a_row_of_zeros_has_no_cosine_and_no_gradient(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(sets[i]);
        float s[16 + slack] = {0}, t[16 + slack] = {1, 2, 3};
        if (!k)
            continue;
        assert_near(
            k->pair_loss(TR_PAIR_COSINE, 1, 3, (struct tr_out){s, 16}, (struct tr_out){t, 16}, 1),
            1, 0);
        for (int c = 0; c < 3; c++)
            assert_near((double)s[c], 0, 0);
    }
}

/* Queries and keys of one head inside wider rows. */
static void check_scores(const struct tr_kernels *k, int n, int dim)
{
    const struct tr_head head = {n, n, dim, .3F, false};
    const ptrdiff_t ld = padded(2 * dim), ldt = padded(n);
    float *x = calloc((size_t)(n * ld) + slack, sizeof *x);
    float *dx = calloc((size_t)(n * ld) + slack, sizeof *dx);
    float *table = calloc((size_t)(n * ldt) + slack, sizeof *table);
    float *scratch = calloc(k->scratch_floats(&head) + slack, sizeof *scratch);
    const struct tr_view q = {x, ld}, keys = {x + dim, ld};

    fill_uniform(x, (size_t)(n * ld), 3);
    fill_uniform(dx, (size_t)(n * ld), 4);
    const float before = dx[dim];
    k->scores(&head, q, keys, (struct tr_out){table, ldt}, scratch);
    k->scores_back(&head, (struct tr_view){table, ldt}, q, keys, (struct tr_out){dx, ld},
                   (struct tr_out){dx + dim, ld});
    double first = (double)before;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double want = 0;
            for (int c = 0; c < dim; c++)
                want += (double)x[i * ld + c] * (double)x[j * ld + dim + c];
            assert_near((double)table[i * ldt + j], .3 * want, 1e-5);
            if (j == 0)
                first += .3 * want * (double)x[i * ld];
        }
    assert_near((double)dx[dim], first, 1e-4); /* of the first key's first column */
    free(x);
    free(dx);
    free(table);
    free(scratch);
}

static void tables_of_scores_go_forward_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(sets[i]);
        for (int n = 1; k && n <= 35; n += n < 4 ? 1 : 8)
            for (int dim = 1; dim <= 24; dim += dim < 3 ? 1 : 7)
                check_scores(k, n, dim);
    }
}

/* Relations: queries and keys are one, and so are their gradients. */
static void check_relation(const struct tr_kernels *k, int n, int ds, int dt)
{
    const struct tr_head hs = {n, n, ds, 1 / sqrtf((float)ds), false};
    const struct tr_head ht = {n, n, dt, 1 / sqrtf((float)dt), false};
    float s[cells + slack], t[cells + slack], ts[cells + slack], tt[cells + slack];
    float dx[cells + slack] = {0}, scratch[8192];
    double xs[cells], xt[cells], grad[cells], *work = calloc(relation_scratch(n), sizeof *work);

    rows_of(s, n, ds, 1, 5);
    rows_of(t, n, dt, 1, 6);
    to_doubles(s, n, ds, xs);
    to_doubles(t, n, dt, xt);
    const double loss = relation_loss(xs, ds, xt, dt, 1, NULL, n, work, grad);
    const struct tr_view vs = {s, padded(ds)}, vt = {t, padded(dt)};
    k->scores(&hs, vs, vs, (struct tr_out){ts, padded(n)}, scratch);
    k->scores(&ht, vt, vt, (struct tr_out){tt, padded(n)}, scratch);
    const double got = k->pair_loss(TR_PAIR_KL, n, n, (struct tr_out){ts, padded(n)},
                                    (struct tr_out){tt, padded(n)}, hs.scale / (float)n);
    k->scores_back(&hs, (struct tr_view){ts, padded(n)}, vs, vs, (struct tr_out){dx, padded(ds)},
                   (struct tr_out){dx, padded(ds)});
    assert_near(got / n, loss, 1e-6);
    assert_rows(dx, grad, n, ds, 1, 1e-5);
    free(work);
}

static void relations_agree_with_the_formula_in_double(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct tr_kernels *k = tr_kernels_by_name(sets[i]);
        if (!k)
            continue;
        check_relation(k, 3, 2, 5);
        check_relation(k, 17, 8, 16);
        check_relation(k, 35, 24, 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_agree_with_the_formulas_in_double),
        cmocka_unit_test(scores_so_large_that_exp_overflows_have_finite_losses),
        cmocka_unit_test(a_row_of_zeros_has_no_cosine_and_no_gradient),
        cmocka_unit_test(tables_of_scores_go_forward_and_back),
        cmocka_unit_test(relations_agree_with_the_formula_in_double),
    };
    return cmocka_run_group_tests_name("trainer/nn: layer losses", tests, NULL, NULL);
}
