/* trainer/measure/latency.c -- see latency.h.
 *
 * Each thread owns an inference plan and its part of the batch, so a call touches nothing shared
 * but the weights. With one thread no OpenMP region is entered: its start costs as much as a small
 * net.
 */
#include "trainer/measure/latency.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"

struct part { /* one thread's share of the batch */
    struct tr_infer *infer;
    const float *images;
    float *logits;
    int count;
};

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
    const double place = q * (n - 1);
    const int low = (int)place, high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

static void summarise(double *ns, int n, struct tr_latency *latency)
{
    qsort(ns, (size_t)n, sizeof *ns, compare_doubles);
    latency->median = quantile(ns, n, .5);
    latency->p10 = quantile(ns, n, .1);
    latency->p90 = quantile(ns, n, .9);
    for (int i = 0; i < n; i++)
        ns[i] = fabs(ns[i] - latency->median);
    qsort(ns, (size_t)n, sizeof *ns, compare_doubles);
    latency->mad = quantile(ns, n, .5);
}

static void call(const struct tr_student *student, const struct tr_weights *weights,
                 const struct part *parts, int threads)
{
    if (threads == 1) {
        tr_infer_run(parts->infer, student, weights, parts->images, parts->count, parts->logits);
        return;
    }
#pragma omp parallel for default(none) shared(student, weights, parts, threads)                    \
    num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        tr_infer_run(parts[t].infer, student, weights, parts[t].images, parts[t].count,
                     parts[t].logits);
}

static rt_status make_parts(const struct tr_student *student,
                            const struct tr_latency_options *options, struct rt_arena *arena,
                            struct part *parts, struct rt_err *err)
{
    const struct space_shape *shape = &student->shape;
    const size_t pixels = (size_t)shape->height * shape->width * shape->channels;
    const size_t classes = (size_t)shape->classes;
    float *images = rt_arena_alloc(arena, options->batch * pixels, sizeof *images);
    float *logits = rt_arena_alloc(arena, options->batch * classes, sizeof *logits);
    struct rt_rng rng;
    int first = 0;

    RT_TRY(rt_arena_check(arena, "a latency measurement", err));
    rt_rng_init(&rng, 0, RT_STREAM_LATENCY, 0);
    for (size_t i = 0; i < options->batch * pixels; i++)
        images[i] = (float)rt_rng_normal(&rng);
    for (int t = 0; t < options->threads; t++) {
        const int count =
            options->batch / options->threads + (t < options->batch % options->threads);
        RT_TRY(tr_infer_init(&parts[t].infer, student, count, arena, err));
        parts[t].images = images + first * pixels;
        parts[t].logits = logits + first * classes;
        parts[t].count = count;
        first += count;
    }
    return rt_arena_check(arena, "a latency measurement", err);
}

size_t tr_latency_bytes(const struct tr_student *student, const struct tr_latency_options *options)
{
    const struct space_shape *shape = &student->shape;
    const size_t floats = (size_t)options->batch *
                          ((size_t)shape->height * shape->width * shape->channels + shape->classes);
    const int largest = options->batch / options->threads + 1;

    return floats * sizeof(float) + 4096 +
           options->threads * (tr_infer_bytes(student, largest) + 4096);
}

rt_status tr_latency_measure(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_latency_options *options, struct tr_latency *latency,
                             struct rt_err *err)
{
    struct rt_arena arena = {0};
    struct part *parts = calloc((size_t)options->threads, sizeof *parts);
    double *ns = malloc((size_t)options->samples * sizeof *ns);
    rt_status rc = RT_OK;

    if (!parts || !ns) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to measure latency");
        goto done;
    }
    if ((rc = rt_arena_init(&arena, tr_latency_bytes(student, options), err)) ||
        (rc = make_parts(student, options, &arena, parts, err)))
        goto done;
    for (int i = 0; i < options->warmup; i++)
        call(student, weights, parts, options->threads);
    for (int i = 0; i < options->samples; i++) {
        const int64_t start = rt_now_ns();
        call(student, weights, parts, options->threads);
        ns[i] = (double)(rt_now_ns() - start);
    }
    summarise(ns, options->samples, latency);
done:
    rt_arena_release(&arena);
    free(parts);
    free(ns);
    return rc;
}
