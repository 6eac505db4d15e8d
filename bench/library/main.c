/* bench/library/main.c -- what a call of libretort takes beside the call that `retort bench` times.
 *
 *   bench_library [ROUNDS [ARCH...]]
 *
 * Of students of 28x28 grey images with first weights, one example a call, on one thread. In each round stand a
 * block of calls as `retort bench` takes it (trainer/measure/latency.h) and one of retort_run(), in turns which
 * comes first, and each with memory of its own, since where that lies moves figures by some percent. A call of the
 * library does one thing more: it makes numbers of the image's bytes, which is timed by itself between the two.
 * Prints CSV: student, rounds, median microseconds of a call of bench, of the bytes and of a call of the library,
 * and the median and the quartiles of a round's ratio: the library's call to the sum of the two others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library/retort.h"
#include "trainer/export/safetensors.h"
#include "trainer/measure/latency.h"
#include "trainer/net/network.h"
#include "trainer/task/pixels.h"

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

/* A block of calls as `retort bench` takes it: its median, nanoseconds a call. */
static double block(void (*call)(void *), void *context)
{
    static double sample[most_samples];
    int count = 0, calls = 1;

    const int64_t warm = rt_now_ns();
    while (rt_now_ns() - warm < TR_LATENCY_WARM_NS)
        call(context);
    for (int64_t first = rt_now_ns(), before = first, now = first;
         count < most_samples && (now - first < block_ns || count < TR_LATENCY_CALLS);
         before = now) {
        for (int c = 0; c < calls; c++)
            call(context);
        now = rt_now_ns();
        if (now - before < TR_LATENCY_SAMPLE_NS && count == 0)
            calls *= 2; /* until they are long beside a tick of the clock */
        else
            sample[count++] = (double)(now - before) / calls;
    }
    qsort(sample, (size_t)count, sizeof *sample, rising);
    return quantile(sample, count, .5);
}

struct image {
    struct retort_student *student;
    uint8_t pixels[side * side];
    float value[256], numbers[side * side], logits[classes];
};

static void run_library(void *context)
{
    struct image *image = context;
    retort_run(image->student, image->pixels, 1, image->logits);
}

static void run_bytes(void *context)
{
    struct image *image = context;
    tr_pixels_enter(image->value, sizeof image->pixels, image->pixels, image->numbers);
}

/* Nanoseconds of a call and, of that, of its bytes; false when the file cannot be opened. */
static bool library_block(const char *path, double *ns, double *bytes_ns)
{
    struct image image;

    if (retort_open(path, &image.student, NULL) != RETORT_OK)
        return false;
    for (int i = 0; i < side * side; i++)
        image.pixels[i] = (uint8_t)(i * i * 31 % 251);
    tr_pixel_values(&(struct tr_pixel_scale){0, .5F}, image.value);
    *ns = block(run_library, &image);
    *bytes_ns = block(run_bytes, &image);
    retort_close(image.student);
    return true;
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
    static double bench[most_rounds], bytes[most_rounds], library[most_rounds], ratio[most_rounds];
    struct space_arch arch;
    bool opened = true;

    RT_TRY(write_student(path, text, &arch, kernels, err));
    for (int r = 0; r < rounds; r++) {
        if (r % 2)
            opened = library_block(path, &library[r], &bytes[r]);
        RT_TRY(bench_block(&arch, kernels, &bench[r], err));
        if (r % 2 == 0)
            opened = library_block(path, &library[r], &bytes[r]);
        if (!opened)
            return rt_fail(err, RT_EIO, "libretort cannot open '%s'", path);
        ratio[r] = library[r] / (bench[r] + bytes[r]);
    }
    qsort(bench, (size_t)rounds, sizeof *bench, rising);
    qsort(bytes, (size_t)rounds, sizeof *bytes, rising);
    qsort(library, (size_t)rounds, sizeof *library, rising);
    qsort(ratio, (size_t)rounds, sizeof *ratio, rising);
    (void)printf("%s,%d,%.3f,%.3f,%.3f,%.4f,%.4f,%.4f\n", text, rounds,
                 quantile(bench, rounds, .5) * 1e-3, quantile(bytes, rounds, .5) * 1e-3,
                 quantile(library, rounds, .5) * 1e-3, quantile(ratio, rounds, .5),
                 quantile(ratio, rounds, .25), quantile(ratio, rounds, .75));
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
    (void)puts("student,rounds,bench_us,bytes_us,library_us,ratio,quartile_1,quartile_3");
    for (; rc == RT_OK && *arch; arch++)
        rc = compare(path, *arch, rounds, kernels, &err);
    (void)unlink(path);
    if (rc != RT_OK)
        (void)fprintf(stderr, "bench_library: %s\n", err.text);
    return rc != RT_OK;
}
