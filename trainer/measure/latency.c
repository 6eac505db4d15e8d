/* trainer/measure/latency.c -- see latency.h.
 *
 * Each thread owns an inference plan and its part of the batch, so a call touches nothing shared
 * but the weights. The threads are not OpenMP's: a measurement is taken inside a search's parallel
 * region, where a nested one would run on a single thread or start its threads for every call.
 * They resident as long as the measurement and wait for the next call spinning, since waking a sleeping
 * thread takes longer than a small student.
 */
#include "trainer/measure/latency.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

struct crew;

struct part { /* one thread's share of the batch */
    struct tr_infer *infer;
    struct tr_batch batch;
    float *logits;
    struct crew *crew;
    pthread_t thread; /* of parts 1 and up; part 0 is the caller's */
};

struct crew {
    const struct tr_student *student;
    const struct tr_weights *weights;
    struct part *part;
    int threads, started;   /* parts; threads beside the caller's that run */
    atomic_int calls, done; /* calls begun; parts finished beside the caller's */
    atomic_bool ended;
};

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
    assert(n > 0 && q >= 0 && q <= 1);
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

/* ---- the threads ---- */

static void run_part(const struct part *part)
{
    tr_infer_run(part->infer, part->crew->student, part->crew->weights, &part->batch, part->logits);
}

/* Until *count reaches `value`. Spins; gives way now and then, in case there are fewer cores. */
static void await(atomic_int *count, int value)
{
    enum { patience = 1000 };

    for (int spins = 1; atomic_load_explicit(count, memory_order_acquire) < value; spins++)
        if (spins % patience == 0)
            (void)sched_yield();
}

static void *work(void *arg)
{
    const struct part *part = arg;
    struct crew *crew = part->crew;

    for (int call = 1;; call++) {
        await(&crew->calls, call);
        if (atomic_load_explicit(&crew->ended, memory_order_relaxed))
            return NULL;
        run_part(part);
        (void)atomic_fetch_add_explicit(&crew->done, 1, memory_order_release);
    }
}

static rt_status crew_start(struct crew *crew, struct rt_err *err)
{
    for (int t = 1; t < crew->threads; t++, crew->started++) {
        const int why = pthread_create(&crew->part[t].thread, NULL, work, &crew->part[t]);
        if (why)
            return rt_fail(err, RT_ENOMEM,
                           "cannot start thread %d of %d to measure latency: %s; lower "
                           "latency.threads",
                           t + 1, crew->threads, strerror(why));
    }
    return RT_OK;
}

static void crew_end(struct crew *crew)
{
    atomic_store_explicit(&crew->ended, true, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&crew->calls, 1, memory_order_release);
    for (int t = 1; t <= crew->started; t++)
        (void)pthread_join(crew->part[t].thread, NULL);
}

/* One call: the whole batch, from the first thread's start to the last one's end. */
static void call(struct crew *crew)
{
    const int calls = 1 + atomic_fetch_add_explicit(&crew->calls, 1, memory_order_release);

    run_part(&crew->part[0]);
    await(&crew->done, calls * (crew->threads - 1));
}

/* ---- the measurement ---- */

/* A counting arena only measures. */
static rt_status part_init(struct part *part, const struct tr_student *student, int examples,
                           struct rt_arena *arena, struct rt_err *err)
{
    const size_t answers = (size_t)tr_batch_most_answers(&student->arch, &student->shape, examples);
    const size_t logits = answers * student->shape.classes;

    part->logits = rt_arena_alloc(arena, logits, sizeof *part->logits);
    RT_TRY(tr_batch_init(&part->batch, &student->arch, &student->shape, examples, arena, err));
    return tr_infer_init(&part->infer, student, examples, arena, err);
}

static int examples_of(const struct tr_latency_options *options, int part)
{
    return options->batch / options->threads + (part < options->batch % options->threads);
}

static rt_status make_parts(struct crew *crew, const struct tr_latency_options *options,
                            struct rt_arena *arena, struct rt_err *err)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 0, RT_STREAM_LATENCY, 0);
    for (int t = 0; t < crew->threads; t++) {
        struct part *part = &crew->part[t];
        struct tr_batch *batch = &part->batch;
        const int examples = examples_of(options, t);
        part->crew = crew;
        RT_TRY(part_init(part, crew->student, examples, arena, err));
        tr_batch_resize(batch, examples, NULL);
        tr_batch_noise(batch, &rng);
    }
    return RT_OK;
}

size_t tr_latency_bytes(const struct tr_student *student, const struct tr_latency_options *options)
{
    struct rt_arena arena;
    struct part part;

    rt_arena_init_counting(&arena);
    for (int t = 0; t < options->threads; t++)
        (void)part_init(&part, student, examples_of(options, t), &arena, NULL); /* cannot fail */
    return arena.used;
}

static void time_calls(struct crew *crew, const struct tr_latency_options *options, double *ns)
{
    for (int i = 0; i < options->warmup; i++)
        call(crew);
    for (int i = 0; i < options->samples; i++) {
        const int64_t start = rt_now_ns();
        call(crew);
        ns[i] = (double)(rt_now_ns() - start);
    }
}

rt_status tr_latency_measure(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_latency_options *options, struct tr_latency *latency,
                             struct rt_err *err)
{
    const size_t threads = (size_t)options->threads;
    struct crew crew = {.student = student, .weights = weights, .threads = options->threads};
    struct rt_arena arena = {0};
    double *ns = malloc((size_t)options->samples * sizeof *ns);
    rt_status rc = RT_OK;

    assert(options->threads >= 1 && options->batch >= options->threads && options->samples >= 3);
    crew.part = calloc(threads, sizeof *crew.part);
    if (!crew.part || !ns)
        rc = rt_fail(err, RT_ENOMEM, "no memory to measure latency");
    if (rc == RT_OK)
        rc = rt_arena_init(&arena, tr_latency_bytes(student, options), err);
    if (rc == RT_OK)
        rc = make_parts(&crew, options, &arena, err);
    if (rc == RT_OK)
        rc = crew_start(&crew, err);
    if (rc == RT_OK) {
        latency->began_ns = rt_now_ns();
        time_calls(&crew, options, ns);
        latency->ended_ns = rt_now_ns();
        rt_utc_text(latency->measured_at);
        summarise(ns, options->samples, latency);
    }
    crew_end(&crew);
    rt_arena_release(&arena);
    free(crew.part);
    free(ns);
    return rc;
}
