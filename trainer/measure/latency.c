/* trainer/measure/latency.c -- see latency.h.
 *
 * Each thread owns an inference plan of either network and its part of the batch, so a call touches
 * nothing shared but the weights. The threads are not OpenMP's: a measurement is taken inside a
 * search's parallel region, where a nested one would run on a single thread or start its threads
 * for every call. They live as long as the measurement, serve both networks, since those of a
 * second crew would be in the way, and wait for the next call spinning, since waking a sleeping
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

#include "base/machine.h"
#include "base/random.h"
#include "trainer/net/network.h"

enum { most_calls = 20000 }; /* that a block times */

/* The reference: long beside a tick of the clock, short beside a block. */
#define REFERENCE "L2-d48-k16-h3-f96-p7"
static const struct space_shape reference_shape = {
    .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};

enum which { STUDENT, REFERENCE_NET, NETWORKS };

struct crew;

struct part { /* one thread's share of the batch, of either network */
    struct {
        struct tr_infer *infer;
        struct tr_batch batch;
        float *logits;
    } plan[NETWORKS];
    struct crew *crew;
    int number;
    pthread_t thread; /* of parts 1 and up; part 0 is the caller's */
};

struct crew {
    const struct tr_student *student[NETWORKS];
    const struct tr_weights *weights[NETWORKS];
    enum which turn; /* whose calls these are; changed between calls */
    struct part *part;
    int threads, started;   /* parts; threads beside the caller's that run */
    atomic_int calls, done; /* calls begun; parts finished beside the caller's */
    atomic_bool ended;
};

/* ---- the threads ---- */

static void run_part(struct part *part)
{
    const struct crew *crew = part->crew;
    const enum which w = crew->turn;

    tr_infer_run(part->plan[w].infer, crew->student[w], crew->weights[w], &part->plan[w].batch,
                 part->plan[w].logits);
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
    struct part *part = arg;
    struct crew *crew = part->crew;

    (void)rt_thread_pin(part->number, NULL); /* where it may */
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

/* ---- what they work on ---- */

static int examples_of(const struct tr_latency_options *options, int part)
{
    return options->batch / options->threads + (part < options->batch % options->threads);
}

/* A counting arena only measures. */
static rt_status plan_init(struct part *part, enum which w, const struct tr_student *student,
                           int examples, struct rt_arena *arena, struct rt_err *err)
{
    const size_t answers = (size_t)tr_batch_most_answers(&student->arch, &student->shape, examples);
    const size_t logits = answers * student->shape.classes;
    struct tr_batch *batch = &part->plan[w].batch;

    part->plan[w].logits = rt_arena_alloc(arena, logits, sizeof(float));
    RT_TRY(tr_batch_init(batch, &student->arch, &student->shape, examples, arena, err));
    return tr_infer_init(&part->plan[w].infer, student, examples, arena, err);
}

static rt_status make_parts(struct crew *crew, const struct tr_latency_options *options,
                            struct rt_arena *arena, struct rt_err *err)
{
    struct rt_rng rng;

    rt_rng_init(&rng, 0, RT_STREAM_LATENCY, 0);
    for (int i = 0; i < crew->threads * NETWORKS; i++) {
        struct part *part = &crew->part[i / NETWORKS];
        const enum which w = i % NETWORKS;
        struct tr_batch *batch = &part->plan[w].batch;
        const int examples = examples_of(options, i / NETWORKS);
        part->crew = crew;
        part->number = i / NETWORKS;
        RT_TRY(plan_init(part, w, crew->student[w], examples, arena, err));
        tr_batch_resize(batch, examples, NULL);
        tr_batch_noise(batch, &rng);
    }
    return RT_OK;
}

static size_t parts_bytes(const struct tr_student *student,
                          const struct tr_latency_options *options)
{
    struct rt_arena arena;
    struct part part;

    rt_arena_init_counting(&arena);
    for (int t = 0; t < options->threads; t++) /* cannot fail */
        (void)plan_init(&part, STUDENT, student, examples_of(options, t), &arena, NULL);
    return arena.used;
}

static void reference_arch(struct space_arch *arch)
{
    const rt_status rc = space_arch_parse(REFERENCE, arch, NULL);

    assert(rc == RT_OK);
    (void)rc;
}

/* ---- blocks ---- */

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

/* One block of calls into ns, sorted; how many. */
static int run_block(struct crew *crew, enum which w, int least, double *ns)
{
    const int64_t began = rt_now_ns();
    int64_t now = began;
    int n = 0;

    crew->turn = w;
    while (n < least || (n < most_calls && now - began < TR_LATENCY_BLOCK_NS)) {
        const int64_t start = rt_now_ns();
        call(crew);
        now = rt_now_ns();
        ns[n++] = (double)(now - start);
    }
    qsort(ns, (size_t)n, sizeof *ns, compare_doubles);
    return n;
}

static double reference_block(struct crew *crew, double *ns)
{
    return quantile(ns, run_block(crew, REFERENCE_NET, TR_LATENCY_CALLS, ns), .1);
}

static void warm_up(struct crew *crew, int calls)
{
    const int64_t began = rt_now_ns();

    crew->turn = REFERENCE_NET;
    while (rt_now_ns() - began < TR_LATENCY_WARM_NS)
        call(crew);
    crew->turn = STUDENT;
    for (int i = 0; i < calls; i++)
        call(crew);
}

/* The student's block number latency->count, of which before is known. */
static void student_block(struct crew *crew, int least, double before, double *ns,
                          struct tr_latency *latency)
{
    struct tr_block *b = &latency->block[latency->count];
    struct tr_block_notes *notes = &latency->notes[latency->count++];
    const int64_t waits = rt_thread_waits();
    const double steal = rt_steal_ms();

    notes->began_ns = rt_now_ns();
    notes->calls = run_block(crew, STUDENT, least, ns);
    *b = (struct tr_block){.p10 = quantile(ns, notes->calls, .1),
                           .median = quantile(ns, notes->calls, .5),
                           .p90 = quantile(ns, notes->calls, .9),
                           .before = before};
    notes->switches = waits < 0 ? -1 : rt_thread_waits() - waits;
    b->after = reference_block(crew, ns);
    notes->ended_ns = rt_now_ns();
    notes->steal = rt_steal_ms() - steal;
    rt_utc_text(notes->measured_at);
}

static void take_blocks(struct crew *crew, const struct tr_latency_options *options, int blocks,
                        double seconds, double *ns, struct tr_latency *latency)
{
    const int least = options->samples > TR_LATENCY_CALLS ? options->samples : TR_LATENCY_CALLS;
    const int64_t began = rt_now_ns();
    double before;

    warm_up(crew, options->warmup);
    before = reference_block(crew, ns);
    for (int i = 0; i < blocks; i++) {
        student_block(crew, least, before, ns, latency);
        before = latency->block[i].after;
        const double spent = (double)(rt_now_ns() - began) * 1e-9;
        if (spent + spent / (i + 1) > seconds)
            break;
    }
}

/* ---- the whole ---- */

static rt_status measure(struct crew *crew, const struct tr_latency_options *options, int blocks,
                         double seconds, struct rt_arena *arena, struct tr_latency *latency,
                         struct rt_err *err)
{
    const int room = options->samples > most_calls ? options->samples : most_calls;
    double *ns = malloc((size_t)room * sizeof *ns);
    struct rt_cpus home;
    rt_status rc = ns ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to measure latency");

    if (rc == RT_OK)
        rc = make_parts(crew, options, arena, err);
    if (rc == RT_OK)
        rc = crew_start(crew, err);
    if (rc == RT_OK) {
        const bool pinned = crew->threads > 1 && rt_thread_pin(0, &home);
        take_blocks(crew, options, blocks, seconds, ns, latency);
        if (pinned)
            rt_thread_unpin(&home);
    }
    crew_end(crew);
    free(ns);
    return rc;
}

rt_status tr_latency_measure(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_latency_options *options, int blocks, double seconds,
                             struct tr_latency *latency, struct rt_err *err)
{
    struct space_arch arch;
    struct tr_network reference;
    struct crew crew = {.threads = options->threads};
    struct rt_arena arena = {0};
    rt_status rc = RT_OK;

    assert(options->threads >= 1 && options->batch >= options->threads);
    assert(blocks >= 1 && blocks <= TR_LATENCY_BLOCKS);
    latency->count = 0;
    reference_arch(&arch);
    RT_TRY(tr_network_open(&reference, &arch, &reference_shape,
                           tr_kernels_without_openblas(student->kernels), TR_NETWORK_INFER, err));
    tr_network_start(&reference, 1);
    crew.student[STUDENT] = student;
    crew.weights[STUDENT] = weights;
    crew.student[REFERENCE_NET] = &reference.student;
    crew.weights[REFERENCE_NET] = &reference.weights;
    crew.part = calloc((size_t)options->threads, sizeof *crew.part);
    if (!crew.part)
        rc = rt_fail(err, RT_ENOMEM, "no memory to measure latency");
    if (rc == RT_OK)
        rc = rt_arena_init(
            &arena, parts_bytes(student, options) + parts_bytes(&reference.student, options), err);
    if (rc == RT_OK)
        rc = measure(&crew, options, blocks, seconds, &arena, latency, err);
    rt_arena_release(&arena);
    free(crew.part);
    tr_network_close(&reference);
    return rc;
}

rt_status tr_latency_take(const struct space_arch *arch, const struct space_shape *shape,
                          const struct tr_kernels *kernels,
                          const struct tr_latency_options *options, int blocks, double seconds,
                          struct tr_latency *latency, struct rt_err *err)
{
    struct tr_network net;

    RT_TRY(tr_network_open(&net, arch, shape, kernels, TR_NETWORK_INFER, err));
    tr_network_start(&net, 1);
    const rt_status rc =
        tr_latency_measure(&net.student, &net.weights, options, blocks, seconds, latency, err);
    tr_network_close(&net);
    return rc;
}

static rt_status add_bytes(const struct space_arch *arch, const struct space_shape *shape,
                           const struct tr_kernels *kernels,
                           const struct tr_latency_options *options, size_t *bytes,
                           struct rt_err *err)
{
    struct tr_student student;

    RT_TRY(tr_student_init(&student, arch, shape, kernels, err));
    *bytes += tr_weights_bytes(&student, false) + parts_bytes(&student, options);
    tr_student_release(&student);
    return RT_OK;
}

rt_status tr_latency_bytes(const struct space_arch *arch, const struct space_shape *shape,
                           const struct tr_kernels *kernels,
                           const struct tr_latency_options *options, size_t *bytes,
                           struct rt_err *err)
{
    struct space_arch reference;

    *bytes = 0;
    reference_arch(&reference);
    RT_TRY(add_bytes(&reference, &reference_shape, kernels, options, bytes, err));
    return add_bytes(arch, shape, kernels, options, bytes, err);
}
