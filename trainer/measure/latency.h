/* trainer/measure/latency.h -- how long one inference call takes, on the real inference path.
 *
 * Warm-up calls, then `samples` timed calls on random values; batch > 1 may be split over threads
 * (contiguous parts, joined at the end of each call). Times are CLOCK_MONOTONIC nanoseconds.
 * Training is not needed: latency does not depend on the weights' values.
 * Threads  those of a measurement are its own and end with it, so that it runs on as many as it
 *          says wherever it is called, inside an OpenMP region too.
 */
#ifndef TRAINER_MEASURE_LATENCY_H
#define TRAINER_MEASURE_LATENCY_H
#include <stdbool.h>

#include "base/clock.h"
#include "trainer/net/student.h"

struct tr_latency_options {
    int batch;   /* examples a call, at least 1 */
    int threads; /* at most batch */
    int warmup;  /* calls before the timed ones */
    int samples; /* timed calls, at least 3 */
};

struct tr_latency { /* nanoseconds a call */
    double median, mad, p10, p90;
    int64_t began_ns, ended_ns;    /* rt_now_ns() around all calls, those of the warm-up too */
    char measured_at[RT_UTC_TEXT]; /* when the last call had ended */
};

/* Bytes that a measurement reserves. */
size_t tr_latency_bytes(const struct tr_student *student, const struct tr_latency_options *options);
rt_status tr_latency_measure(const struct tr_student *student, const struct tr_weights *weights,
                             const struct tr_latency_options *options, struct tr_latency *latency,
                             struct rt_err *err);
#endif
