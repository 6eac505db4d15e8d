/* tests/test_latency.c -- a measurement runs on as many threads as it says, wherever it is called.
 *
 * The student's kernels are a copy of a set whose GELU notes the thread that it runs on.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "trainer/measure/latency.h"
#include "trainer/nn/kernels_internal.h"

enum { most_threads = 64, depth = 2, warmup = 2, blocks = 2 };

static struct {
    pthread_mutex_t lock;
    pthread_t thread[most_threads];
    int threads, calls;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void (*set_gelu)(size_t n, float *u, float *slope);

static void noting_gelu(size_t n, float *u, float *slope)
{
    const pthread_t self = pthread_self();
    int i = 0;

    pthread_mutex_lock(&seen.lock);
    while (i < seen.threads && !pthread_equal(seen.thread[i], self))
        i++;
    if (i == seen.threads && seen.threads < most_threads)
        seen.thread[seen.threads++] = self;
    seen.calls++;
    pthread_mutex_unlock(&seen.lock);
    set_gelu(n, u, slope);
}

/* How many threads took part, how many parts of a batch they went through, the reference's too, and
 * how many calls of blocks there were. */
static void measure(int batch, int threads, int *took_part, int *parts, int *calls)
{
    static const struct space_shape shape = {
        .height = 8, .width = 8, .channels = 1, .classes = 3, .pool = SPACE_POOL_CLASS};
    static const struct space_arch arch = {
        .depth = depth, .width = 8, .head_dim = 4, .patch = 4, .heads = {2, 2}, .ffn = {16, 16}};
    const struct tr_latency_options options = {batch, threads, warmup, 0};
    const struct tr_kernels *set;
    struct tr_kernels noting;
    struct tr_latency latency;
    struct rt_err err;

    assert_ok(tr_kernels_choose(&set, &err));
    noting = *set;
    set_gelu = set->gelu;
    noting.gelu = noting_gelu;
    seen.threads = seen.calls = 0;
    assert_ok(tr_latency_take(&arch, &shape, &noting, &options, blocks, 1e9, &latency, &err));
    assert_int_equal(latency.count, blocks);
    for (int i = 0; i < blocks; i++) {
        const struct tr_block *b = &latency.block[i];
        assert_true(b->p10 > 0 && b->p10 <= b->median && b->median <= b->p90);
        assert_true(b->before > 0 && b->after > 0);
        assert_true(latency.notes[i].calls >= TR_LATENCY_CALLS);
        *calls += latency.notes[i].calls;
    }
    *took_part = seen.threads;
    *parts = seen.calls / depth;
}

static void expect_threads(int batch, int threads)
{
    int took_part = 0, parts = 0, calls = 0;

    measure(batch, threads, &took_part, &parts, &calls);
    assert_int_equal(took_part, threads);
    assert_int_equal(parts % threads, 0);
    assert_true(parts / threads >= blocks * warmup + calls + 2 * blocks * TR_LATENCY_CALLS);
}

static void a_batch_is_spread_over_the_threads(void **state)
{
    (void)state;
    expect_threads(1, 1);
    expect_threads(5, 2);
    expect_threads(3, 3);
}

/* As a search measures: a worker among others, each a thread of an OpenMP region. */
static void workers_of_a_search_get_their_threads_too(void **state)
{
    int took_part = 0, parts = 0, calls = 0;

    (void)state;
#pragma omp parallel default(none) shared(took_part, parts, calls) num_threads(2)
    {
#pragma omp single
        measure(5, 2, &took_part, &parts, &calls);
    }
    assert_int_equal(took_part, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_spread_over_the_threads),
        cmocka_unit_test(workers_of_a_search_get_their_threads_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
