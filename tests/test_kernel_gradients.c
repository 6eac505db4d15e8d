/* tests/test_kernel_gradients.c -- the plain backward kernels against central differences. */
#include "kernel_sample.h"

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
                plain->norm(3, 11, TR_NORM_EPS, view(&n.x), n.gamma, n.beta, out(&n.y), NULL);
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
                plain->norm(3, 11, TR_NORM_EPS, view(&n.x), n.gamma, n.beta, out(&n.y), NULL);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_backward_is_the_slope_of_the_forward),
        cmocka_unit_test(norm_backward_is_the_slope_of_the_forward),
        cmocka_unit_test(linear_backward_is_the_slope_of_the_forward),
    };
    return cmocka_run_group_tests_name("trainer/kernel_gradients", tests, find_sets, NULL);
}
