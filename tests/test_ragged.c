/* tests/test_ragged.c -- examples of unequal length in one batch: each is as if it were alone.
 *
 * For the kernel sets that multiply themselves, bit by bit:
 *   rows        logits, also of the int8 quantised, and the gradients of every row of the residual stream and of q, k and v;
 *   parameters  their gradients when the loss is of one example alone, so that all others add zeros:
 *               of the stem, positions, class token, norms, head, and of a pruned block.
 * By rounding: gradients of the linear layers that run on all rows, since the kernels add rows up in
 * groups (8 for a bias, a chunk for a weight) that begin with the batch, not with the example; sums
 * over several examples; and everything where OpenBLAS multiplies.
 */
#include "support.h"

#include "trainer/net/student_int8.h"
#include "trainer/net/student_internal.h"
#include "trainer/net/student_trace.h"

enum { most = 65, depth = 3, classes = 5, most_width = 48 };

/* 65 tokens, and the class row in front. */
static const struct space_shape shapes[] = {
    {.height = 10, .width = 26, .channels = 3, .classes = classes, .pool = SPACE_POOL_CLASS},
    {.height = 10, .width = 26, .channels = 3, .classes = classes, .pool = SPACE_POOL_MEAN},
};
static const struct space_arch archs[] = {
    {.depth = depth,
     .width = 20,
     .head_dim = 5,
     .patch = 2,
     .heads = {3, 1, 2},
     .ffn = {24, 16, 28}},
    {.depth = depth,
     .width = 48,
     .head_dim = 16,
     .patch = 2,
     .heads = {2, 3, 1},
     .ffn = {96, 48, 64}},
};

static struct tr_ranges ranges; /* of the quantised copies */

/* A network, and room for a batch of `room` examples on their way through it. */
struct net {
    struct tr_student student;
    struct tr_weights weights;
    struct tr_quantised quantised;
    struct tr_pass *pass;
    struct tr_infer *infer;
    struct tr_batch batch;
    struct rt_arena arena;
    float *logits, *inferred, *in_int8, *dlogits, *grads;
    float *stream[depth + 1], *qkv[depth + 1]; /* the gradients that a backward left */
};

static void net_open(struct net *n, const struct space_arch *arch, const struct space_shape *shape,
                     const struct tr_kernels *kernels, bool prune, int room)
{
    struct rt_err err;

    assert_ok(tr__student_init(&n->student, arch, shape, kernels, prune, &err));
    assert_ok(rt_arena_init(&n->arena, ((size_t)room + 2) << 21, &err));
    assert_ok(tr_weights_init(&n->weights, &n->student, true, &n->arena, &err));
    assert_ok(tr_pass_init(&n->pass, &n->student, room, &n->arena, &err));
    assert_ok(tr_infer_init(&n->infer, &n->student, room, &n->arena, &err));
    assert_ok(tr_batch_init(&n->batch, arch, shape, room, &n->arena, &err));
    n->logits = rt_arena_zalloc(&n->arena, (size_t)room * classes, sizeof(float));
    n->inferred = rt_arena_zalloc(&n->arena, (size_t)room * classes, sizeof(float));
    n->in_int8 = rt_arena_zalloc(&n->arena, (size_t)room * classes, sizeof(float));
    n->dlogits = rt_arena_zalloc(&n->arena, (size_t)room * classes, sizeof(float));
    n->grads = rt_arena_zalloc(&n->arena, n->student.param_count, sizeof(float));
    for (int l = 0; l <= depth; l++) {
        n->stream[l] = tr__rows(&n->arena, room * n->student.tokens, most_width);
        n->qkv[l] = tr__rows(&n->arena, room * n->student.tokens, 3 * most_width);
    }
    assert_ok(rt_arena_check(&n->arena, "the test", &err));
    fill_uniform(n->weights.params, n->student.param_count, 13);
    for (size_t i = 0; i < n->student.param_count; i++)
        n->weights.params[i] *= .5F;
    tr_weights_pack(&n->student, &n->weights);
    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        ranges.amax[i] = 3;
    assert_ok(tr_quantised_init(&n->quantised, &n->student, &ranges, false, &n->arena, &err));
    tr_quantised_update(&n->quantised, &n->student, n->weights.params);
}

static void net_close(struct net *n)
{
    rt_arena_release(&n->arena);
    tr_student_release(&n->student);
}

static void keep_stream(void *context, int layer, struct tr_out dx)
{
    struct net *n = context;
    memcpy(n->stream[layer], dx.at, (size_t)(tr_batch_rows(&n->batch) * dx.ld) * sizeof *dx.at);
}

static void keep_qkv(void *context, int layer, struct tr_out dqkv)
{
    struct net *n = context;
    memcpy(n->qkv[layer], dqkv.at, (size_t)(tr_batch_rows(&n->batch) * dqkv.ld) * sizeof *dqkv.at);
}

static void forward(struct net *n)
{
    tr_pass_forward(n->pass, &n->student, &n->weights, &n->batch, n->logits);
    tr_infer_run(n->infer, &n->student, &n->weights, &n->batch, n->inferred);
    tr_infer_run(n->infer, &n->student, &n->quantised.weights, &n->batch, n->in_int8);
}

static void backward(struct net *n)
{
    const struct tr_taps taps = {n, keep_stream, keep_qkv};

    memset(n->grads, 0, n->student.param_count * sizeof *n->grads);
    tr__pass_backward(n->pass, &n->student, &n->weights, n->dlogits, &taps, n->grads);
}

/* Bits, or by rounding. */
static void same(bool exact, const float *got, const float *want, size_t n, const char *what,
                 int length)
{
    double worst = 0, top = 1e-3;

    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
        top = fmax(top, fabs((double)want[i]));
    }
    if (exact ? memcmp(got, want, n * sizeof *got) != 0 : !(worst <= 1e-4 * top)) {
        print_error("%s of %d rows: off by %.3g of %.3g\n", what, length, worst, top);
        fail();
    }
}

/* Example m of all, alone in one. */
static void take_example(const struct net *all, int m, struct net *one)
{
    const int length = all->batch.start[m + 1] - all->batch.start[m];
    const size_t numbers = (size_t)all->batch.numbers;

    memcpy(one->batch.values, all->batch.values + m * numbers, numbers * sizeof(float));
    memcpy(one->dlogits, all->dlogits + (ptrdiff_t)m * classes, classes * sizeof(float));
    tr_batch_resize(&one->batch, 1, &length);
}

static void compare_rows(bool exact, const struct net *all, int m, const struct net *one)
{
    const struct tr_student *s = &all->student;
    const int row = all->batch.start[m], rows = all->batch.start[m + 1] - row;
    const ptrdiff_t ld = tr__padded(s->arch.width);

    for (int l = 0; l <= depth; l++) {
        const bool pruned = l > 0 && s->plan->block[l - 1].pruned;
        const ptrdiff_t ldq = l > 0 ? tr__padded(s->plan->block[l - 1].query.out) : 0;
        if (pruned)
            continue;
        for (int r = 0; r < rows; r++) {
            same(exact, all->stream[l] + (row + r) * ld, one->stream[l] + r * ld,
                 (size_t)s->arch.width, "gradient of the stream", rows);
            if (l > 0)
                same(exact, all->qkv[l] + (row + r) * ldq, one->qkv[l] + r * ldq,
                     (size_t)s->plan->block[l - 1].query.out, "gradient of q, k, v", rows);
        }
    }
}

/* Is the gradient of this tensor a sum of examples, not of groups of rows? */
static bool by_example(const struct tr_student *s, const struct tr_tensor *tensor)
{
    const int last = s->arch.depth - 1;
    char block[24];

    (void)snprintf(block, sizeof block, "block.%d.", last);
    if (strncmp(tensor->name, "block.", 6) != 0 || strstr(tensor->name, ".ln"))
        return true;
    return s->plan->block[last].pruned && !strncmp(tensor->name, block, strlen(block)) &&
           !strstr(tensor->name, "qkv"); /* keys and values are of all rows */
}

static void compare_gradients(bool exact, const struct net *all, const struct net *one, int length)
{
    for (int t = 0; t < all->student.tensor_count; t++) {
        const struct tr_tensor *tensor = &all->student.tensors[t];
        same(exact && by_example(&all->student, tensor), all->grads + tensor->offset,
             one->grads + tensor->offset, tensor->count, tensor->name, length);
    }
}

/* Gradients of parameters are compared of the first `losses` examples. */
static void compare(struct net *all, struct net *one, const int *length, int n, int losses)
{
    const bool exact = strcmp(tr_kernels_name(all->student.kernels), "plain") != 0;
    const size_t params = all->student.param_count;
    float *sum = calloc(params, sizeof *sum), *dlogits = calloc((size_t)n * classes, sizeof *sum);

    assert_true(sum && dlogits);
    tr_batch_resize(&all->batch, n, length);
    fill_uniform(all->batch.values, (size_t)n * all->batch.numbers, 5);
    fill_uniform(all->dlogits, (size_t)n * classes, 6);
    forward(all);
    backward(all);
    same(exact, all->inferred, all->logits, (size_t)n * classes, "inferred logits", 0);
    for (int m = 0; m < n; m++) {
        take_example(all, m, one);
        forward(one);
        backward(one);
        same(exact, all->logits + (ptrdiff_t)m * classes, one->logits, classes, "logits",
             length[m]);
        if (exact) /* else a value may fall to the other side of a step */
            same(exact, all->in_int8 + (ptrdiff_t)m * classes, one->in_int8, classes,
                 "logits in int8", length[m]);
        compare_rows(exact, all, m, one);
        for (size_t i = 0; i < params; i++)
            sum[i] += one->grads[i];
    }
    same(false, all->grads, sum, params, "sum of gradients", 0);
    memcpy(dlogits, all->dlogits, (size_t)n * classes * sizeof *dlogits);
    for (int m = 0; m < losses; m++) {
        memset(all->dlogits, 0, (size_t)n * classes * sizeof *dlogits);
        memcpy(all->dlogits + (ptrdiff_t)m * classes, dlogits + (ptrdiff_t)m * classes,
               classes * sizeof *dlogits);
        backward(all);
        take_example(all, m, one);
        forward(one);
        backward(one);
        compare_gradients(exact, all, one, length[m]);
    }
    free(sum);
    free(dlogits);
}

/* Every length from 1 to 65 once, in an order that mixes long and short ones. */
static void every_length(int length[most])
{
    struct rt_rng rng;

    for (int m = 0; m < most; m++)
        length[m] = m + 1;
    rt_rng_init(&rng, 1, RT_STREAM_TEST, 1);
    rt_rng_shuffle(&rng, length, most);
}

static void check(const char *set, const struct space_arch *arch, const struct space_shape *shape,
                  bool prune)
{
    const struct tr_kernels *kernels = tr_kernels_by_name(set);
    static const int few[] = {3, 1, 1, 9, 2}, even[] = {7, 7, 7};
    struct net all = {0}, one = {0};
    int length[most];

    if (!kernels)
        return;
    every_length(length);
    net_open(&all, arch, shape, kernels, prune, most);
    net_open(&one, arch, shape, kernels, prune, 1);
    if (strcmp(set, "plain") != 0)
        compare(&all, &one, length, most, 2);
    compare(&all, &one, few, 5, 5);
    compare(&all, &one, even, 3, 3); /* shorter than all, and alike */
    compare(&all, &one, length + 20, 4, 4);
    net_close(&all);
    net_close(&one);
}

static void check_all(const char *set)
{
    for (int a = 0; a < 2; a++)
        for (int s = 0; s < 2; s++) {
            check(set, &archs[a], &shapes[s], true);
            check(set, &archs[a], &shapes[s], false);
        }
}

static void each_example_is_as_if_alone_by_avx2(void **state)
{
    (void)state;
    check_all("v3");
}

static void each_example_is_as_if_alone_by_avx512(void **state)
{
    (void)state;
    check_all("v4");
}

static void each_example_is_as_if_alone_by_openblas(void **state)
{
    (void)state;
    check_all("plain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_is_as_if_alone_by_avx2),
        cmocka_unit_test(each_example_is_as_if_alone_by_avx512),
        cmocka_unit_test(each_example_is_as_if_alone_by_openblas),
    };
    return cmocka_run_group_tests_name("ragged batches", tests, NULL, NULL);
}
