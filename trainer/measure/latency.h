/* trainer/measure/latency.h -- how long one inference call takes: blocks of calls beside a reference.
 *
 * Block    calls of one network on random values: at least BLOCK_NS and `samples` of them. Each call
 *          is timed (CLOCK_MONOTONIC), or as many at once as take SAMPLE_NS, of which a tick of the
 *          clock is a thousandth. Each block of the student stands between two of the reference, a
 *          small student that is always the same, on the same threads: what slows the machine down
 *          slows both. What blocks come to is estimate.h.
 * Memory   each block has networks and buffers of its own. Where they lie slows calls by up to 5 %,
 *          all of those in one place alike, so blocks in one place agree on a figure that is none.
 * Warm-up  the reference, spinning for WARM_NS, then `warmup` calls of the student.
 * Setting  a batch > 1 may be split over threads (contiguous parts, joined at the end of each call),
 *          which are then kept on a CPU each.
 * Weights  training is not needed: latency does not depend on their values.
 * Threads  those of a measurement are its own and end with it, so that it runs on as many as it
 *          says wherever it is called, inside an OpenMP region too.
 */
#ifndef TRAINER_MEASURE_LATENCY_H
#define TRAINER_MEASURE_LATENCY_H
#include "base/clock.h"
#include "trainer/measure/estimate.h"
#include "trainer/net/student.h"

enum {
    TR_LATENCY_BLOCK_NS = 5000000,
    TR_LATENCY_WARM_NS = 3000000,
    TR_LATENCY_SAMPLE_NS = 10000,
    TR_LATENCY_CALLS = 30,  /* of a block, at least */
    TR_LATENCY_BLOCKS = 16, /* of a measurement, at most */
    TR_TRIAL_BLOCKS = 3     /* where a trial is to go on */
};
#define TR_TRIAL_SECONDS .1 /* for them, unless one takes longer */

struct tr_latency_options {
    int batch;   /* examples a call, at least 1 */
    int threads; /* at most batch */
    int warmup;  /* calls before the first block */
    int samples; /* calls of a block, at least; below TR_LATENCY_CALLS these are */
};

/* What is known of a block beside its times. */
struct tr_block_notes {
    int calls;
    double steal;                  /* ms that the hypervisor gave to others; NaN: unknown */
    int64_t switches;              /* times that the calling thread was made to wait; -1: unknown */
    int64_t began_ns, ended_ns;    /* rt_now_ns() around the three blocks */
    char measured_at[RT_UTC_TEXT]; /* when the last call had ended */
};

struct tr_latency {
    int count; /* of blocks */
    struct tr_block block[TR_LATENCY_BLOCKS];
    struct tr_block_notes notes[TR_LATENCY_BLOCKS];
};

/* Up to `blocks` of them, fewer when the next would not fit into `seconds`; one at least. The
 * reference runs on the student's kernel set, but without OpenBLAS: one is the same for all. */
rt_status tr_latency_take(const struct space_arch *arch, const struct space_shape *shape,
                          const struct tr_kernels *kernels,
                          const struct tr_latency_options *options, int blocks, double seconds,
                          struct tr_latency *latency, struct rt_err *err);
/* Bytes that this reserves: those of the student, its weights, and the reference. */
rt_status tr_latency_bytes(const struct space_arch *arch, const struct space_shape *shape,
                           const struct tr_kernels *kernels,
                           const struct tr_latency_options *options, size_t *bytes,
                           struct rt_err *err);
#endif
