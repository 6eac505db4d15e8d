/* tests/test_lookup.c -- the gradient of a table of token ids: the same bits however a step is cut up,
 * and rows that move alone when they were read.
 */
#include "support.h"

#include "trainer/learn/lookup.h"
#include "trainer/learn/train.h"
#include "trainer/net/network.h"
#include "trainer/nn/kernels_internal.h"

enum { rows = 40, length = 7, batch = 12 };

/* Texts of ids: the label is whether there are more even ids than odd ones. */
static int text[rows][length], lengths[rows], label[rows], numbers[rows];

static void fill(const struct tr_task *task, const int *row, int n, struct tr_batch *b)
{
    int length_of[64] = {0};

    for (int m = 0; m < n; m++)
        length_of[m] = lengths[row[m]];
    tr_batch_resize(b, n, length_of);
    for (int m = 0; m < n; m++) {
        for (int r = 0; r < length_of[m]; r++)
            b->ids[b->start[m] + r] = text[row[m]][r] % b->vocabulary;
        b->label[m] = task->label[row[m]];
    }
}

static const struct tr_task_kind toy = {.name = "text", .fill = fill};
static struct tr_task task = {
    .kind = &toy,
    .shape = {.length = length, .classes = 2, .pool = SPACE_POOL_MEAN},
    .rows = rows,
    .label = label,
    .split = {.train = numbers, .train_count = rows},
};

static int make_texts(void **state)
{
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < rows; i++) {
        int even = 0;
        numbers[i] = i;
        lengths[i] = 1 + (int)rt_rng_below(&rng, length);
        for (int r = 0; r < lengths[i]; r++) {
            text[i][r] = (int)rt_rng_below(&rng, 60);
            even += text[i][r] % 2 == 0;
        }
        label[i] = 2 * even > lengths[i];
    }
    return 0;
}

static struct space_arch arch_of(const char *name)
{
    struct space_arch arch;
    struct rt_err err;
    assert_ok(space_arch_parse(name, &arch, &err));
    return arch;
}

/* ---- gathering ---- */

/* The table's gradient of one step of `batch` examples, `micro` a pass. */
static void gather(const struct tr_network *net, int micro, float *grads)
{
    const struct tr_student *s = &net->student;
    struct tr_lookup lookup;
    struct tr_adamw adamw = {0};
    struct tr_pass *pass;
    struct tr_batch b;
    struct rt_arena arena;
    struct rt_err err;
    float logits[batch * 2], dlogits[batch * 2];

    fill_uniform(dlogits, batch * 2, 8);
    assert_ok(rt_arena_init(&arena, 4 << 20, &err));
    assert_ok(tr__lookup_init(&lookup, s, batch, &arena, &err));
    assert_ok(tr_pass_init(&pass, s, micro, &arena, &err));
    assert_ok(tr_batch_init(&b, &s->arch, &s->shape, micro, &arena, &err));
    float *dense = rt_arena_zalloc(&arena, s->param_count, sizeof *dense);
    for (int first = 0; first < batch; first += micro) {
        const int n = batch - first < micro ? batch - first : micro;
        fill(&task, numbers + first, n, &b);
        tr_pass_forward(pass, s, &net->weights, &b, logits);
        tr_pass_backward(pass, s, &net->weights, dlogits + 2 * (size_t)first, dense);
        tr__lookup_take(&lookup, pass, &b, first);
    }
    memset(grads, 0, s->param_count * sizeof *grads);
    tr__lookup_gather(&lookup, grads, &adamw);
    rt_arena_release(&arena);
}

static void the_gradient_does_not_depend_on_the_micro_batch(void **state)
{
    static const char *const archs[] = {"L2-d12-k4-h2-f16-e5-v60", "L2-d12-k4-h2-f16-v60"};
    static const char *const sets[] = {"v3", "v4"};
    (void)state;
    for (int a = 0; a < 2; a++)
        for (int s = 0; s < 2; s++) {
            const struct tr_kernels *kernels = tr_kernels_by_name(sets[s]);
            const struct space_arch arch = arch_of(archs[a]);
            static float all[4096], some[4096];
            struct tr_network net;
            struct rt_err err;
            if (!kernels)
                continue;
            assert_ok(tr_network_open(&net, &arch, &task.shape, kernels, TR_NETWORK_TRAIN, &err));
            assert_true(net.student.param_count <= 4096);
            tr_network_start(&net, 1);
            gather(&net, batch, all);
            for (int micro = 1; micro < batch; micro += 3) {
                gather(&net, micro, some);
                assert_memory_equal(all, some, sizeof all);
            }
            const float *table = all + net.student.dense_count;
            double sum = 0;
            for (size_t i = 0; i < net.student.param_count - net.student.dense_count; i++)
                sum += fabs((double)table[i]);
            assert_true(sum > .01);
            tr_network_close(&net);
        }
}

/* ---- training ---- */

static const struct tr_kernels *best(void)
{
    const struct tr_kernels *k = tr_kernels_by_name("v4");
    k = k ? k : tr_kernels_by_name("v3");
    return k ? k : tr_kernels_by_name("plain");
}

static void train(struct tr_network *net, const char *arch_text, int steps, int lanes, int threads)
{
    const struct space_arch arch = arch_of(arch_text);
    const struct tr_data data = {.task = &task};
    struct tr_recipe recipe = {
        .steps = steps, .batch = batch, .micro_batch = 2, .learning_rate = .02, .weight_decay = .1};
    struct tr_train_summary summary;
    struct rt_err err;

    tr_distill_defaults(&recipe.distill);
    recipe.distill.clip_high = recipe.distill.clip_low = 0;
    assert_ok(tr_network_open(net, &arch, &task.shape, best(), TR_NETWORK_TRAIN, &err));
    tr_network_start(net, 1);
    const struct tr_training job = {.student = &net->student,
                                    .data = &data,
                                    .recipe = &recipe,
                                    .seed = 5,
                                    .lanes = lanes,
                                    .threads = threads};
    assert_ok(tr_train(&job, &net->weights, &summary, &err));
}

static void threads_change_no_bit(void **state)
{
    struct tr_network one, two;
    (void)state;
    train(&one, "L1-d8-k4-h2-f8-e4-v60", 20, 3, 1);
    train(&two, "L1-d8-k4-h2-f8-e4-v60", 20, 3, 3);
    assert_memory_equal(one.weights.params, two.weights.params,
                        one.student.param_count * sizeof(float));
    tr_network_close(&one);
    tr_network_close(&two);
}

/* After one step from no moments, a row that was not read moves in neither; with more steps the dense
 * one goes on by its momentum. The table of 70,000 rows of 16 is lazy, that of 60,000 is not. */
static void a_lazy_table_moves_by_the_rows_that_were_read(void **state)
{
    static const char *const lazy_text = "L1-d16-k4-h2-f8-v70000";
    static const char *const dense_text = "L1-d16-k4-h2-f8-v60000";
    const size_t read = 60 * 16 * sizeof(float);
    struct tr_network lazy, dense, fresh;
    (void)state;

    train(&fresh, lazy_text, 0, 1, 1);
    train(&lazy, lazy_text, 1, 1, 1);
    train(&dense, dense_text, 1, 1, 1);
    const float *a = lazy.weights.params + lazy.student.dense_count;
    const float *b = dense.weights.params + dense.student.dense_count;
    const float *was = fresh.weights.params + fresh.student.dense_count;
    assert_memory_equal(a, b, read);
    assert_memory_not_equal(a, was, read);
    assert_memory_equal(a + 60 * 16, was + 60 * 16, (size_t)(70000 - 60) * 16 * sizeof(float));
    tr_network_close(&lazy);
    train(&lazy, lazy_text, 5, 1, 1);
    a = lazy.weights.params + lazy.student.dense_count;
    assert_memory_equal(a + 60 * 16, was + 60 * 16, (size_t)(70000 - 60) * 16 * sizeof(float));
    tr_network_close(&lazy);
    tr_network_close(&dense);
    tr_network_close(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_does_not_depend_on_the_micro_batch),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_lazy_table_moves_by_the_rows_that_were_read),
    };
    return cmocka_run_group_tests_name("lookup", tests, make_texts, NULL);
}
