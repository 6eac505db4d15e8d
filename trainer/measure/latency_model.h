/* trainer/measure/latency_model.h -- latency from exact costs: a linear model of one host and setting.
 *
 * Terms    what an architecture makes a machine do, each a number that is known exactly: calls, rows
 *          that pass through layers, multiply-accumulates of the stem and head, of attention's linear
 *          layers, of its scores, of the FFN; elements of softmax and of GELU; attention calls; and the
 *          sums' lengths where one row is multiplied, which wait for each addition in turn. What is
 *          multiplied is counted as vectors do it: columns filled up to whole vectors of `lanes`
 *          floats, rows to pairs.
 * Fit      weights that are not negative, so that no more work is ever less time, by least squares of
 *          relative errors (coordinate descent on the normal equations); for vectors of each usual
 *          length, of which the one that errs least is kept.
 * Use      a prediction of what was not measured, and a doubt about a measurement that is far off.
 *          It never stands in for a measurement: students of few tokens spend their time between
 *          the multiplications (HAT's encoders: rank correlation 0.5 by costs alone).
 * Threads  plain values; all functions are pure.
 */
#ifndef TRAINER_MEASURE_LATENCY_MODEL_H
#define TRAINER_MEASURE_LATENCY_MODEL_H
#include <stdbool.h>

#include "space/arch.h"

enum { TR_LATENCY_TERMS = 10, TR_LATENCY_LEAST = 12 /* architectures to fit from */ };

struct tr_latency_model {
    int lanes;                       /* floats of a vector */
    double weight[TR_LATENCY_TERMS]; /* nanoseconds a unit */
    double error;                    /* mean relative error of what it was fitted to */
    int count;                       /* architectures that it was fitted to; 0: there is no model */
};

/* lanes >= 1. */
void tr_latency_terms(const struct space_arch *arch, const struct space_shape *shape, int lanes,
                      double term[TR_LATENCY_TERMS]);
/* arch[n] that take ns[n] > 0; a NaN leaves one out. From fewer than TR_LATENCY_LEAST there is none. */
void tr_latency_fit(const struct space_arch *arch, const struct space_shape *shape,
                    const double *ns, int n, struct tr_latency_model *model);
/* Nanoseconds; NaN without a model. */
double tr_latency_predict(const struct tr_latency_model *model, const struct space_arch *arch,
                          const struct space_shape *shape);
#endif
