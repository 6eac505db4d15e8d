/* bench/library/main.c -- what a call of libretort takes beside the call that `retort bench` times.
 *
 *   bench_library [ROUNDS [ARCH...]]
 *
 * Of students of 28x28 grey images with first weights, one example a call, on one thread. In each round stand a
 * block of calls as `retort bench` takes it (trainer/measure/latency.h) and one of retort_run(), in turns which
 * comes first, and each with memory of its own, since where that lies moves figures by some percent. A call of the
 * library does one thing more: it makes numbers of the image's bytes. Prints CSV: student, rounds, median
 * microseconds of either, and the median and the quartiles of the ratio of a round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library/retort.h"
#include "trainer/export/safetensors.h"
#include "trainer/measure/latency.h"
#include "trainer/net/network.h"

enum { side = 28, classes = 10, most_rounds = 1000, most_samples = 20000, block_ns = 5000000 };

static const struct space_shape shape = {
    .height = side, .width = side, .channels = 1, .classes = classes, .pool = SPACE_POOL_CLASS};

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values. */
static double quantile(const double *value, int count, double at)
{
    return value[(int)(at * (count - 1) + .5)];
}

static rt_status write_student(const char *path, const char *text, struct space_arch *arch,
                               const struct tr_kernels *kernels, struct rt_err *err)
{
    const struct tr_metadata notes[] = {{"task", "image"},   {"arch", text},      {"pool", "class"},
                                        {"height", "28"},    {"width", "28"},     {"channels", "1"},
                                        {"pixel_mean", "0"}, {"pixel_sd", "0.5"}, {NULL, NULL}};
    struct tr_network net;

    RT_TRY(space_arch_parse(text, arch, err));
    RT_TRY(space_arch_check(arch, &shape, err));
    RT_TRY(tr_network_open(&net, arch, &shape, kernels, TR_NETWORK_INFER, err));
    tr_network_start(&net, 1);
    const rt_status rc = tr_safetensors_write(path, &net.student, net.weights.params, notes, err);
    tr_network_close(&net);
    return rc;
}

/* A block of calls: its median, nanoseconds a call; below 0 when the file cannot be opened. */
static double library_block(const char *path)
{
    static double sample[most_samples];
    uint8_t image[side * side];
    float logits[classes];
    struct retort_student *student = NULL;
    int count = 0, calls = 1;

    if (retort_open(path, &student, NULL) != RETORT_OK)
        return -1;
    for (int i = 0; i < side * side; i++)
        image[i] = (uint8_t)(i * i * 31 % 251);
    const int64_t warm = rt_now_ns();
    while (rt_now_ns() - warm < TR_LATENCY_WARM_NS)
        retort_run(student, image, 1, logits);
    for (int64_t first = rt_now_ns(), before = first, now = first;
         count < most_samples && (now - first < block_ns || count < TR_LATENCY_CALLS);
         before = now) {
        for (int c = 0; c < calls; c++)
            retort_run(student, image, 1, logits);
        now = rt_now_ns();
        if (now - before < TR_LATENCY_SAMPLE_NS && count == 0)
            calls *= 2; /* until they are long beside a tick of the clock */
        else
            sample[count++] = (double)(now - before) / calls;
    }
    retort_close(student);
    qsort(sample, (size_t)count, sizeof *sample, rising);
    return quantile(sample, count, .5);
}

static rt_status bench_block(const struct space_arch *arch, const struct tr_kernels *kernels,
                             double *ns, struct rt_err *err)
{
    const struct tr_latency_options single = {.batch = 1, .threads = 1, .warmup = 50};
    struct tr_latency latency;

    RT_TRY(tr_latency_take(arch, &shape, kernels, &single, 1, 1, &latency, err));
    *ns = latency.block[0].median;
    return RT_OK;
}

static rt_status compare(const char *path, const char *text, int rounds,
                         const struct tr_kernels *kernels, struct rt_err *err)
{
    static double bench[most_rounds], library[most_rounds], ratio[most_rounds];
    struct space_arch arch;

    RT_TRY(write_student(path, text, &arch, kernels, err));
    for (int r = 0; r < rounds; r++) {
        if (r % 2)
            library[r] = library_block(path);
        RT_TRY(bench_block(&arch, kernels, &bench[r], err));
        if (r % 2 == 0)
            library[r] = library_block(path);
        if (library[r] < 0)
            return rt_fail(err, RT_EIO, "libretort cannot open '%s'", path);
        ratio[r] = library[r] / bench[r];
    }
    qsort(bench, (size_t)rounds, sizeof *bench, rising);
    qsort(library, (size_t)rounds, sizeof *library, rising);
    qsort(ratio, (size_t)rounds, sizeof *ratio, rising);
    (void)printf("%s,%d,%.3f,%.3f,%.4f,%.4f,%.4f\n", text, rounds,
                 quantile(bench, rounds, .5) * 1e-3, quantile(library, rounds, .5) * 1e-3,
                 quantile(ratio, rounds, .5), quantile(ratio, rounds, .25),
                 quantile(ratio, rounds, .75));
    (void)fflush(stdout);
    return RT_OK;
}

int main(int argc, char **argv)
{
    static const char *const standard[] = {"L1-d16-k8-h4-f16-p7",    "L2-d16-k8-h6-f16-p7",
                                           "L2-d32-k16-h2-f64-p4",   "L3-d64-k8-h6-f64-p7",
                                           "L4-d64-k16-h4-f128-p4",  "L6-d96-k24-h4-f288-p4",
                                           "L8-d192-k32-h6-f768-p4", NULL};
    const char *const *arch = argc > 2 ? (const char *const *)argv + 2 : standard;
    const int rounds = argc > 1 ? atoi(argv[1]) : 40;
    char path[] = "/tmp/bench-library-XXXXXX";
    const struct tr_kernels *kernels;
    struct rt_err err;
    const int made = mkstemp(path);

    if (made < 0 || rounds < 2 || rounds > most_rounds) {
        (void)fprintf(stderr, "usage: bench_library [ROUNDS (2 to 1000) [ARCH...]]\n");
        return 2;
    }
    (void)close(made);
    rt_status rc = tr_kernels_choose(&kernels, &err);
    (void)puts("student,rounds,bench_us,library_us,ratio,quartile_1,quartile_3");
    for (; rc == RT_OK && *arch; arch++)
        rc = compare(path, *arch, rounds, kernels, &err);
    (void)unlink(path);
    if (rc != RT_OK)
        (void)fprintf(stderr, "bench_library: %s\n", err.text);
    return rc != RT_OK;
}
