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

enum { most_samples = 20000 }; /* of a block */

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

/* Calls to time at once. The least of a few tells how long one takes. */
static int calls_of_sample(struct crew *crew)
{
    enum { tries = 5 };
    int64_t least = TR_LATENCY_SAMPLE_NS;

    for (int i = 0; i < tries; i++) {
        const int64_t start = rt_now_ns();
        call(crew);
        const int64_t took = rt_now_ns() - start;
        least = took < least ? took : least;
    }
    return least > 0 ? (int)((TR_LATENCY_SAMPLE_NS + least - 1) / least) : TR_LATENCY_SAMPLE_NS;
}

/* One block of at least `least` calls: ns a call of each sample into ns, sorted, and how many. */
static int run_block(struct crew *crew, enum which w, int least, double *ns, int *calls)
{
    crew->turn = w;
    const int each = calls_of_sample(crew);
    const int64_t began = rt_now_ns();
    int64_t now = began;
    int n = 0;

    while (n * each < least || (n < most_samples && now - began < TR_LATENCY_BLOCK_NS)) {
        const int64_t start = rt_now_ns();
        for (int i = 0; i < each; i++)
            call(crew);
        now = rt_now_ns();
        ns[n++] = (double)(now - start) / each;
    }
    qsort(ns, (size_t)n, sizeof *ns, compare_doubles);
    *calls = n * each;
    return n;
}

static double reference_block(struct crew *crew, double *ns)
{
    int calls;

    return quantile(ns, run_block(crew, REFERENCE_NET, TR_LATENCY_CALLS, ns, &calls), .1);
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

/* The student's block number latency->count. */
static void take_block(struct crew *crew, const struct tr_latency_options *options, double *ns,
                       struct tr_latency *latency)
{
    const int least = options->samples > TR_LATENCY_CALLS ? options->samples : TR_LATENCY_CALLS;
    struct tr_block *b = &latency->block[latency->count];
    struct tr_block_notes *notes = &latency->notes[latency->count++];

    warm_up(crew, options->warmup);
    notes->began_ns = rt_now_ns();
    b->before = reference_block(crew, ns);
    const int64_t waits = rt_thread_waits();
    const double steal = rt_steal_ms();
    const int n = run_block(crew, STUDENT, least, ns, &notes->calls);
    b->p10 = quantile(ns, n, .1);
    b->median = quantile(ns, n, .5);
    b->p90 = quantile(ns, n, .9);
    notes->switches = waits < 0 ? -1 : rt_thread_waits() - waits;
    b->after = reference_block(crew, ns);
    notes->ended_ns = rt_now_ns();
    notes->steal = rt_steal_ms() - steal;
    rt_utc_text(notes->measured_at);
}

/* ---- the whole ---- */

struct wanted {
    const struct space_arch *arch;
    const struct space_shape *shape;
    const struct tr_kernels *kernels;
    const struct tr_latency_options *options;
    int blocks;
    double seconds;
};

/* What one block of the student needs, in memory of its own. */
struct place {
    struct tr_network net;
    struct rt_arena arena; /* of both networks' plans */
};

static void place_release(struct place *place)
{
    rt_arena_release(&place->arena);
    tr_network_close(&place->net);
    *place = (struct place){0};
}

static rt_status block_at(struct place *place, struct crew *crew,
                          const struct tr_latency_options *options, double *ns,
                          struct tr_latency *latency, struct rt_err *err)
{
    struct rt_cpus home;
    const size_t bytes = parts_bytes(&place->net.student, options) +
                         parts_bytes(crew->student[REFERENCE_NET], options);

    tr_network_start(&place->net, 1);
    crew->student[STUDENT] = &place->net.student;
    crew->weights[STUDENT] = &place->net.weights;
    crew->started = 0;
    atomic_init(&crew->calls, 0);
    atomic_init(&crew->done, 0);
    atomic_init(&crew->ended, false);
    RT_TRY(rt_arena_init(&place->arena, bytes, err));
    RT_TRY(make_parts(crew, options, &place->arena, err));
    rt_status rc = crew_start(crew, err);
    if (rc == RT_OK) {
        const bool pinned = crew->threads > 1 && rt_thread_pin(0, &home);
        take_block(crew, options, ns, latency);
        if (pinned)
            rt_thread_unpin(&home);
    }
    crew_end(crew);
    return rc;
}

/* A place is left when the next one is taken, so that they are not the same. */
static rt_status take_blocks(struct crew *crew, const struct wanted *wanted,
                             struct tr_latency *latency, struct rt_err *err)
{
    const struct tr_latency_options *options = wanted->options;
    const int room = options->samples > most_samples ? options->samples : most_samples;
    double *ns = malloc((size_t)room * sizeof *ns);
    const int64_t began = rt_now_ns();
    struct place place[2] = {0};
    rt_status rc = ns ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to measure latency");

    for (int i = 0; i < wanted->blocks && rc == RT_OK; i++) {
        struct place *here = &place[i % 2];
        rc = tr_network_open(&here->net, wanted->arch, wanted->shape, wanted->kernels,
                             TR_NETWORK_INFER, err);
        place_release(&place[(i + 1) % 2]);
        if (rc == RT_OK)
            rc = block_at(here, crew, options, ns, latency, err);
        const double spent = (double)(rt_now_ns() - began) * 1e-9;
        if (spent + spent / (i + 1) > wanted->seconds)
            break;
    }
    place_release(&place[0]);
    place_release(&place[1]);
    free(ns);
    return rc;
}

rt_status tr_latency_take(const struct space_arch *arch, const struct space_shape *shape,
                          const struct tr_kernels *kernels,
                          const struct tr_latency_options *options, int blocks, double seconds,
                          struct tr_latency *latency, struct rt_err *err)
{
    const struct wanted wanted = {arch, shape, kernels, options, blocks, seconds};
    struct space_arch small;
    struct tr_network reference;
    struct crew crew = {.threads = options->threads};

    assert(options->threads >= 1 && options->batch >= options->threads);
    assert(blocks >= 1 && blocks <= TR_LATENCY_BLOCKS);
    latency->count = 0;
    reference_arch(&small);
    RT_TRY(tr_network_open(&reference, &small, &reference_shape,
                           tr_kernels_without_openblas(kernels), TR_NETWORK_INFER, err));
    tr_network_start(&reference, 1);
    crew.student[REFERENCE_NET] = &reference.student;
    crew.weights[REFERENCE_NET] = &reference.weights;
    crew.part = calloc((size_t)options->threads, sizeof *crew.part);
    const rt_status rc = crew.part ? take_blocks(&crew, &wanted, latency, err)
                                   : rt_fail(err, RT_ENOMEM, "no memory to measure latency");
    free(crew.part);
    tr_network_close(&reference);
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

/* Two places are held for a moment. */
rt_status tr_latency_bytes(const struct space_arch *arch, const struct space_shape *shape,
                           const struct tr_kernels *kernels,
                           const struct tr_latency_options *options, size_t *bytes,
                           struct rt_err *err)
{
    struct space_arch reference;

    *bytes = 0;
    reference_arch(&reference);
    RT_TRY(add_bytes(arch, shape, kernels, options, bytes, err));
    RT_TRY(add_bytes(&reference, &reference_shape, kernels, options, bytes, err));
    *bytes *= 2;
    return RT_OK;
}
