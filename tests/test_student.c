/* tests/test_student.c -- the whole network against PyTorch, and what it promises beside numbers.
 */
#include "student_support.h"

#include "base/arena.h"
#include "trainer/net/student.h"
#include "trainer/net/student_internal.h"
#include "trainer/nn/kernels_internal.h"

static const char *const sets[] = {"plain", "v3", "v4", "v3-openblas", "v4-openblas"};
enum { set_count = sizeof sets / sizeof *sets };

/* A student with everything to run it once; zero it before net_init(). */
struct net {
    struct tr_student student;
    struct tr_weights weights;
    struct tr_pass *pass;
    struct tr_infer *infer;
    struct rt_arena model, step, feed;
    struct tr_batch batch;
    float *images, *logits, *dlogits, *grads; /* images: the values of the batch */
};

static void net_init(struct net *n, const struct space_arch *arch, const struct space_shape *shape,
                     const struct tr_kernels *kernels, bool prune, int batch)
{
    const size_t pixels = (size_t)shape->height * shape->width * shape->channels;
    const size_t own = (size_t)batch * (pixels + 64) * sizeof(float) + 4096;
    struct rt_err err;

    assert_ok(tr__student_init(&n->student, arch, shape, kernels, prune, &err));
    assert_ok(rt_arena_init(&n->model, tr_weights_bytes(&n->student, true), &err));
    assert_ok(tr_weights_init(&n->weights, &n->student, true, &n->model, &err));
    assert_ok(rt_arena_init(
        &n->step, tr_pass_bytes(&n->student, batch) + infer_bytes(&n->student, batch), &err));
    assert_ok(rt_arena_init(&n->feed, own, &err));
    assert_ok(tr_pass_init(&n->pass, &n->student, batch, &n->step, &err));
    assert_ok(tr_infer_init(&n->infer, &n->student, batch, &n->step, &err));
    assert_ok(tr_batch_init(&n->batch, arch, shape, batch, &n->feed, &err));
    tr_batch_resize(&n->batch, batch, NULL);
    n->images = n->batch.values;
    n->logits = calloc((size_t)batch * (size_t)shape->classes, sizeof(float));
    n->dlogits = calloc((size_t)batch * (size_t)shape->classes, sizeof(float));
    n->grads = calloc(n->student.param_count, sizeof(float));
    fill_uniform(n->images, (size_t)batch * pixels, 11);
    fill_uniform(n->dlogits, (size_t)batch * (size_t)shape->classes, 12);
    fill_uniform(n->weights.params, n->student.param_count, 13);
    for (size_t i = 0; i < n->student.param_count; i++)
        n->weights.params[i] *= 0.5F;
    tr_weights_pack(&n->student, &n->weights);
}

static void net_run(struct net *n)
{
    memset(n->grads, 0, n->student.param_count * sizeof(float));
    tr_pass_forward(n->pass, &n->student, &n->weights, &n->batch, n->logits);
    tr_pass_backward(n->pass, &n->student, &n->weights, n->dlogits, n->grads);
}

static void net_release(struct net *n)
{
    rt_arena_release(&n->step);
    rt_arena_release(&n->feed);
    rt_arena_release(&n->model);
    tr_student_release(&n->student);
    free(n->logits);
    free(n->dlogits);
    free(n->grads);
}

/* Largest difference relative to the largest wanted value. */
static double gap(const float *got, const float *want, size_t n)
{
    double worst = 0, top = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - (double)want[i]);
        worst = d <= worst ? worst : d; /* NaN is taken */
        top = fmax(top, fabs((double)want[i]));
    }
    return top > 0 ? worst / top : worst;
}

/* --- against PyTorch --- */

struct golden {
    struct space_arch arch;
    struct space_shape shape;
    int batch;
    size_t params;
    float *values; /* params, images, dlogits, logits, grads */
};

static int32_t next_int(FILE *f)
{
    int32_t v = 0;
    assert_int_equal(fread(&v, sizeof v, 1, f), 1);
    return v;
}

static void golden_read(struct golden *g, const char *name)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/golden/student_%s.bin", RT_TEST_DATA, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    *g = (struct golden){0};
    assert_int_equal(next_int(f), 0x52544731);
    g->arch.depth = next_int(f);
    g->arch.width = next_int(f);
    g->arch.head_dim = next_int(f);
    g->arch.patch = next_int(f);
    for (int l = 0; l < g->arch.depth; l++)
        g->arch.heads[l] = next_int(f);
    for (int l = 0; l < g->arch.depth; l++)
        g->arch.ffn[l] = next_int(f);
    g->shape.height = next_int(f);
    g->shape.width = next_int(f);
    g->shape.channels = next_int(f);
    g->shape.classes = next_int(f);
    g->shape.pool = next_int(f) ? SPACE_POOL_MEAN : SPACE_POOL_CLASS;
    g->batch = next_int(f);
    g->params = (size_t)next_int(f);
    const size_t pixels = (size_t)g->shape.height * g->shape.width * g->shape.channels;
    const size_t n = 2 * g->params + (size_t)g->batch * (pixels + 2 * (size_t)g->shape.classes);
    g->values = malloc(n * sizeof(float));
    assert_int_equal(fread(g->values, sizeof(float), n, f), n);
    fclose(f);
}

/* Logits, every gradient, and inference, for one file, one kernel set, pruned or not. */
static void check_golden(const char *name, const struct tr_kernels *kernels, bool prune)
{
    struct golden g;
    struct net n = {0};

    golden_read(&g, name);
    const size_t outs = (size_t)g.batch * g.shape.classes;
    const size_t pixels = (size_t)g.batch * g.shape.height * g.shape.width * g.shape.channels;
    const float *images = g.values + g.params, *dlogits = images + pixels;
    const float *logits = dlogits + outs, *grads = logits + outs;
    net_init(&n, &g.arch, &g.shape, kernels, prune, g.batch);
    assert_int_equal(n.student.param_count, g.params);
    memcpy(n.weights.params, g.values, g.params * sizeof(float));
    memcpy(n.images, images, pixels * sizeof(float));
    memcpy(n.dlogits, dlogits, outs * sizeof(float));
    tr_weights_pack(&n.student, &n.weights);

    net_run(&n);

    assert_near(gap(n.logits, logits, outs), 0, 1e-4);
    for (int t = 0; t < n.student.tensor_count; t++) {
        const struct tr_tensor *tensor = &n.student.tensors[t];
        const double worst = gap(n.grads + tensor->offset, grads + tensor->offset, tensor->count);
        if (!(worst < 1e-4)) {
            print_error("%s, %s, pruned %d, %s: %.3g\n", name, tr_kernels_name(kernels), prune,
                        tensor->name, worst);
            fail();
        }
    }
    tr_infer_run(n.infer, &n.student, &n.weights, &n.batch, n.logits);
    assert_near(gap(n.logits, logits, outs), 0, 1e-4);
    net_release(&n);
    free(g.values);
}

static void logits_and_gradients_match_pytorch(void **state)
{
    static const char *const names[] = {
        "plain",      "one_head_odd_widths", "mean_pool",     "fifty_tokens_one_block",
        "wide_heads", "mean_one_token",      "patch_of_seven"};
    (void)state;
    for (int s = 0; s < set_count; s++) {
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        for (size_t i = 0; kernels && i < sizeof names / sizeof *names; i++) {
            check_golden(names[i], kernels, true);
            check_golden(names[i], kernels, false);
        }
    }
}

/* --- what it promises beside numbers --- */

static const struct space_shape small_shape = {
    .height = 16, .width = 16, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};

static struct space_arch small_arch(void)
{
    return (struct space_arch){
        .depth = 2, .width = 24, .head_dim = 8, .patch = 4, .heads = {2, 3}, .ffn = {32, 40}};
}

static void repeated_runs_give_the_same_bits(void **state)
{
    const struct space_arch arch = small_arch();
    (void)state;
    for (int s = 0; s < set_count; s++) {
        struct net a = {0}, b = {0};
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        if (!kernels)
            continue;
        net_init(&a, &arch, &small_shape, kernels, true, 4);
        net_init(&b, &arch, &small_shape, kernels, true, 4);
        net_run(&a);
        fill_uniform(b.images, 256, 99); /* what an earlier pass leaves behind is not seen */
        net_run(&b);
        memcpy(b.images, a.images, 256 * sizeof(float));
        net_run(&b);
        assert_memory_equal(a.logits, b.logits, 40 * sizeof(float));
        assert_memory_equal(a.grads, b.grads, a.student.param_count * sizeof(float));
        net_release(&a);
        net_release(&b);
    }
}

static void micro_batches_add_up_to_the_batch(void **state)
{
    const struct space_arch arch = small_arch();
    (void)state;
    for (int s = 0; s < set_count; s++) {
        struct net n = {0};
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        if (!kernels)
            continue;
        net_init(&n, &arch, &small_shape, kernels, true, 5);
        net_run(&n);
        float *sum = calloc(n.student.param_count, sizeof(float));
        for (int m = 0; m < 5; m += 2) {
            const int count = m == 4 ? 1 : 2;
            float logits[20];
            struct tr_batch part = n.batch;
            part.values += (ptrdiff_t)m * 256;
            tr_batch_resize(&part, count, NULL);
            tr_pass_forward(n.pass, &n.student, &n.weights, &part, logits);
            assert_close(logits, n.logits + (ptrdiff_t)m * 10, (size_t)count * 10, 1e-5, 1e-5);
            tr_pass_backward(n.pass, &n.student, &n.weights, n.dlogits + (ptrdiff_t)m * 10, sum);
        }
        assert_near(gap(sum, n.grads, n.student.param_count), 0, 1e-5);
        free(sum);
        net_release(&n);
    }
}

static void a_smaller_batch_may_follow_a_larger_one_in_inference(void **state)
{
    const struct space_arch arch = small_arch();
    float one[10];
    (void)state;
    for (int s = 0; s < set_count; s++) {
        struct net n = {0};
        const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
        if (!kernels)
            continue;
        net_init(&n, &arch, &small_shape, kernels, true, 3);
        tr_infer_run(n.infer, &n.student, &n.weights, &n.batch, n.logits);
        n.batch.values += 256;
        tr_batch_resize(&n.batch, 1, NULL);
        tr_infer_run(n.infer, &n.student, &n.weights, &n.batch, one);
        assert_close(one, n.logits + 10, 10, 1e-5, 1e-5);
        net_release(&n);
    }
}

static void the_stated_bytes_are_exactly_what_is_taken(void **state)
{
    const struct space_arch arch = small_arch();
    struct net n = {0};
    (void)state;
    net_init(&n, &arch, &small_shape, tr_kernels_by_name("plain"), true, 2);
    assert_false(n.step.failed);
    assert_false(n.model.failed);
#ifndef __SANITIZE_ADDRESS__ /* there, pieces are followed by red zones */
    assert_int_equal(n.step.used, tr_pass_bytes(&n.student, 2) + infer_bytes(&n.student, 2));
    assert_int_equal(n.model.used, tr_weights_bytes(&n.student, true));
#endif
    net_release(&n);
}

static void a_pass_that_does_not_fit_is_refused(void **state)
{
    const struct space_arch arch = small_arch();
    struct tr_student student;
    struct rt_arena arena;
    struct tr_pass *pass = NULL;
    struct rt_err err;
    (void)state;
    assert_ok(tr_student_init(&student, &arch, &small_shape, tr_kernels_by_name("plain"), &err));
    assert_ok(rt_arena_init(&arena, 1000, &err));
    while (rt_arena_alloc(&arena, 1, 64)) /* sanitized arenas are roomier */
        continue;
    assert_int_equal(tr_pass_init(&pass, &student, 64, &arena, &err), RT_ENOMEM);
    assert_null(pass);
    rt_arena_release(&arena);
    tr_student_release(&student);
}

static void the_built_network_costs_what_space_says(void **state)
{
    static const struct space_arch archs[] = {
        {.depth = 1, .width = 8, .head_dim = 4, .patch = 4, .heads = {1}, .ffn = {8}},
        {.depth = 2, .width = 24, .head_dim = 8, .patch = 4, .heads = {2, 3}, .ffn = {32, 40}},
        {.depth = 3,
         .width = 17,
         .head_dim = 5,
         .patch = 8,
         .heads = {1, 4, 2},
         .ffn = {9, 300, 1}}};
    (void)state;
    for (int pool = 0; pool < 2; pool++)
        for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
            struct space_shape shape = {.height = 24,
                                        .width = 16,
                                        .channels = 3,
                                        .classes = 7,
                                        .pool = pool ? SPACE_POOL_MEAN : SPACE_POOL_CLASS};
            struct space_cost built, said;
            struct tr_student student;
            struct rt_err err;
            assert_ok(
                tr_student_init(&student, &archs[i], &shape, tr_kernels_by_name("plain"), &err));
            tr_student_cost(&student, &built);
            space_cost_of(&archs[i], &shape, &said);
            assert_int_equal(built.params, student.param_count);
            assert_int_equal(built.params, said.params);
            assert_int_equal(built.bytes, said.bytes);
            assert_int_equal(built.macs, said.macs);
            assert_int_equal(built.memory, said.memory);
            tr_student_release(&student);
        }
}

static void tensors_have_the_names_and_order_of_the_architecture(void **state)
{
    static const char *const names[] = {
        "stem.weight",         "stem.bias",         "class_token",         "position",
        "block.0.ln1.weight",  "block.0.ln1.bias",  "block.0.qkv.weight",  "block.0.qkv.bias",
        "block.0.proj.weight", "block.0.proj.bias", "block.0.ln2.weight",  "block.0.ln2.bias",
        "block.0.up.weight",   "block.0.up.bias",   "block.0.down.weight", "block.0.down.bias"};
    const struct space_arch arch = small_arch();
    struct tr_student s;
    struct rt_err err;
    size_t at = 0;
    (void)state;
    assert_ok(tr_student_init(&s, &arch, &small_shape, tr_kernels_by_name("plain"), &err));
    for (size_t t = 0; t < sizeof names / sizeof *names; t++)
        assert_string_equal(s.tensors[t].name, names[t]);
    for (int t = 0; t < s.tensor_count; t++) {
        assert_int_equal(s.tensors[t].offset, at);
        at += s.tensors[t].count;
    }
    assert_int_equal(at, s.param_count);
    const struct tr_tensor *qkv = student_tensor(&s, "block.1.qkv.weight");
    assert_non_null(qkv);
    assert_int_equal(qkv->shape[0], 3 * 3 * 8);
    assert_int_equal(qkv->shape[1], 24);
    assert_int_equal(qkv->role, TR_ROLE_WEIGHT);
    assert_int_equal(student_tensor(&s, "position")->role, TR_ROLE_POSITION);
    assert_int_equal(student_tensor(&s, "block.1.ln2.weight")->role, TR_ROLE_GAIN);
    assert_null(student_tensor(&s, "block.2.qkv.weight"));
    tr_student_release(&s);
}

static void first_values_are_drawn_by_tensor_and_cut_at_two_deviations(void **state)
{
    struct space_arch arch = small_arch();
    struct tr_student s;
    struct rt_err err;
    double squares = 0;
    (void)state;
    arch.width = 64;
    assert_ok(tr_student_init(&s, &arch, &small_shape, tr_kernels_by_name("plain"), &err));
    float *a = calloc(s.param_count, sizeof(float)), *b = calloc(s.param_count, sizeof(float));
    tr_student_init_params(&s, 1, a);
    tr_student_init_params(&s, 1, b);
    assert_memory_equal(a, b, s.param_count * sizeof(float));
    tr_student_init_params(&s, 2, b);
    const struct tr_tensor *qkv = student_tensor(&s, "block.0.qkv.weight");
    assert_memory_not_equal(a + qkv->offset, b + qkv->offset, qkv->count * sizeof(float));
    for (size_t i = 0; i < qkv->count; i++) {
        assert_true(fabsf(a[qkv->offset + i]) <= 0.04F);
        squares += (double)a[qkv->offset + i] * a[qkv->offset + i];
    }
    /* a normal cut at two deviations keeps a variance of .774; 3072 draws */
    assert_near(sqrt(squares / (double)qkv->count), 0.02 * sqrt(0.774), 0.001);
    assert_true(a[student_tensor(&s, "ln.weight")->offset] == 1.0F);
    assert_true(a[student_tensor(&s, "ln.bias")->offset] == 0.0F);
    assert_true(a[student_tensor(&s, "class_token")->offset] != 0.0F);
    free(a);
    free(b);
    tr_student_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_gradients_match_pytorch),
        cmocka_unit_test(repeated_runs_give_the_same_bits),
        cmocka_unit_test(micro_batches_add_up_to_the_batch),
        cmocka_unit_test(a_smaller_batch_may_follow_a_larger_one_in_inference),
        cmocka_unit_test(the_stated_bytes_are_exactly_what_is_taken),
        cmocka_unit_test(a_pass_that_does_not_fit_is_refused),
        cmocka_unit_test(the_built_network_costs_what_space_says),
        cmocka_unit_test(tensors_have_the_names_and_order_of_the_architecture),
        cmocka_unit_test(first_values_are_drawn_by_tensor_and_cut_at_two_deviations),
    };
    return cmocka_run_group_tests_name("trainer/net/student", tests, NULL, NULL);
}
