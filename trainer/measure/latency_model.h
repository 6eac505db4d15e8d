/* trainer/measure/latency_model.h -- latency from exact costs: a linear model of one host and setting.
 *
 * Terms    what an architecture makes a machine do, each a number that is known exactly: calls,
 *          layers, multiply-accumulates of the stem and head, of attention's linear layers, of its
 *          scores, of the FFN; elements of softmax, of norms, of GELU; attention calls.
 * Fit      weights that are not negative, so that no more work is ever less time, by least squares of
 *          relative errors (coordinate descent on the normal equations).
 * Use      a prediction of what was not measured, and a doubt about a measurement that is far off.
 *          It never stands in for a measurement: students of few tokens spend their time between
 *          the multiplications (HAT's encoders: rank correlation 0.5 by costs alone).
 */
#ifndef TRAINER_MEASURE_LATENCY_MODEL_H
#define TRAINER_MEASURE_LATENCY_MODEL_H
#include <stdbool.h>

#include "space/arch.h"

enum { TR_LATENCY_TERMS = 10, TR_LATENCY_LEAST = 12 /* architectures to fit from */ };

struct tr_latency_model {
    double weight[TR_LATENCY_TERMS]; /* nanoseconds a unit */
    double error;                    /* mean relative error of what it was fitted to */
    int count;                       /* architectures that it was fitted to; 0: there is no model */
};

void tr_latency_terms(const struct space_arch *arch, const struct space_shape *shape,
                      double term[TR_LATENCY_TERMS]);
/* term (n,TERMS), ns[n] > 0. From fewer than TR_LATENCY_LEAST there is none. */
void tr_latency_fit(const double *term, const double *ns, int n, struct tr_latency_model *model);
/* Nanoseconds; NaN without a model. */
double tr_latency_predict(const struct tr_latency_model *model,
                          const double term[TR_LATENCY_TERMS]);
#endif
