/* tests/test_optimiser.c -- AdamW by hand-worked numbers and on every kernel set. */
#include "support.h"

#include "trainer/learn/optimiser.h"

static const struct space_arch arch = {
    .depth = 1, .width = 12, .head_dim = 4, .patch = 4, .heads = {2}, .ffn = {10}};
static const struct space_shape shape = {
    .height = 8, .width = 8, .channels = 1, .classes = 3, .pool = SPACE_POOL_CLASS};

/* The formula of optimiser.h for one weight over some steps, in double. */
static double adamw_formula(double w, const double *g, int steps, double lr, double decay)
{
    double m = 0, v = 0;
    for (int t = 1; t <= steps; t++) {
        m = 0.9 * m + 0.1 * g[t - 1];
        v = 0.999 * v + 0.001 * g[t - 1] * g[t - 1];
        w -= lr * (m / (1 - pow(0.9, t)) / (sqrt(v / (1 - pow(0.999, t))) + 1e-8) + decay * w);
    }
    return w;
}

static void each_weight_follows_the_formula(void **state)
{
    static const char *const sets[] = {"plain", "v3", "v4"};
    const double g[3] = {0.5, -0.25, 2.0};
    (void)state;
    for (int s = 0; s < 3; s++) {
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        struct tr_student student;
        struct tr_adamw adamw;
        struct rt_arena arena;
        struct rt_err err;
        if (!kernels)
            continue;
        assert_ok(tr_student_init(&student, &arch, &shape, kernels, &err));
        const size_t n = student.param_count;
        assert_ok(rt_arena_init(&arena, 4 * (n + 16) * sizeof(float), &err));
        assert_ok(tr_adamw_init(&adamw, &student, &arena, &err));
        float *w = rt_arena_alloc(&arena, n, sizeof(float));
        float *grads = rt_arena_alloc(&arena, n, sizeof(float));
        fill_uniform(w, n, 1);
        float *first = malloc(n * sizeof(float));
        memcpy(first, w, n * sizeof(float));
        adamw.decay = 0.1F;

        for (int t = 0; t < 3; t++) {
            for (size_t i = 0; i < n; i++)
                grads[i] = (float)(4 * g[t]);
            tr_adamw_step(&adamw, &student, w, grads, 0.25F, 0.01F);
            for (size_t i = 0; i < n; i++)
                assert_true(grads[i] == 0.0F);
        }

        assert_int_equal(adamw.step, 3);
        for (int t = 0; t < student.tensor_count; t++) {
            const struct tr_tensor *tensor = &student.tensors[t];
            for (size_t i = tensor->offset; i < tensor->offset + tensor->count; i++)
                assert_near(
                    w[i],
                    adamw_formula(first[i], g, 3, 0.01, tensor->role == TR_ROLE_WEIGHT ? 0.1 : 0),
                    1e-6);
        }
        free(first);
        rt_arena_release(&arena);
        tr_student_release(&student);
    }
}

static void the_norm_is_accumulated_in_double(void **state)
{
    static const char *const sets[] = {"plain", "v3", "v4"};
    enum { n = 100003 };
    float *g = malloc(n * sizeof(float));
    double sum = 0;
    (void)state;
    fill_uniform(g, n, 5);
    g[0] = 1e4F; /* in float, what follows would be lost beside its square */
    for (int i = 0; i < n; i++)
        sum += (double)g[i] * (double)g[i];
    for (int s = 0; s < 3; s++) {
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        if (kernels)
            assert_near(tr_gradient_norm(kernels, g, n), sqrt(sum), 1e-9 * sqrt(sum));
    }
    g[17] = INFINITY;
    assert_true(isinf(tr_gradient_norm(tr_kernels_by_name("plain"), g, n)));
    free(g);
}

static void bytes_are_those_of_two_moments(void **state)
{
    struct tr_student student;
    struct tr_adamw adamw;
    struct rt_arena arena;
    struct rt_err err;
    (void)state;
    assert_ok(tr_student_init(&student, &arch, &shape, tr_kernels_by_name("plain"), &err));
    assert_ok(rt_arena_init(&arena, 64, &err));
    while (rt_arena_alloc(&arena, 1, 64)) /* sanitized arenas are roomier */
        continue;
    assert_int_equal(tr_adamw_init(&adamw, &student, &arena, &err), RT_ENOMEM);
    rt_arena_release(&arena);
    tr_student_release(&student);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_weight_follows_the_formula),
        cmocka_unit_test(the_norm_is_accumulated_in_double),
        cmocka_unit_test(bytes_are_those_of_two_moments),
    };
    return cmocka_run_group_tests_name("trainer/learn/optimiser", tests, NULL, NULL);
}
