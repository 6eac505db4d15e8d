/* trainer/distill/ensemble.c -- see ensemble.h.
 *
 * This is the inner loop of the loss: one exponential a teacher and class for each temperature.
 */
#include "trainer/distill/ensemble.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stddef.h>

#include "trainer/distill/softmax.h"

void tr_ensemble_defaults(struct tr_ensemble *ensemble)
{
    *ensemble = (struct tr_ensemble){.combine = TR_COMBINE_PROB, .weighting = TR_WEIGHTING_FIXED};
    for (int k = 0; k < TR_DISTILL_MAX_TEACHERS; k++)
        ensemble->calibration[k] = 1;
}

rt_status tr_ensemble_check(const struct tr_ensemble *ensemble, int teachers, bool has_labels,
                            struct rt_err *err)
{
    const double *c = ensemble->calibration;
    double sum = 0;

    if (teachers > TR_DISTILL_MAX_TEACHERS)
        return rt_fail(err, RT_EARG, "distillation: %d teachers, at most %d are possible", teachers,
                       TR_DISTILL_MAX_TEACHERS);
    for (int k = 0; k < teachers; k++) {
        if (!(ensemble->weight[k] >= 0))
            return rt_fail(err, RT_EARG, "distillation: the weight of teacher %d is %g, below 0", k,
                           ensemble->weight[k]);
        if (!(c[k] >= 1e-6 && c[k] <= 1e6))
            return rt_fail(err, RT_EARG,
                           "distillation: a teacher's calibration is %g, must be from 1e-06 to "
                           "1e+06",
                           c[k]);
        sum += ensemble->weight[k];
    }
    if (teachers > 0 && !(fabs(sum - 1) <= 1e-6))
        return rt_fail(err, RT_EARG, "distillation: the teachers' weights sum to %g, not to 1",
                       sum);
    if (ensemble->weighting == TR_WEIGHTING_CONFIDENCE && !has_labels)
        return rt_fail(err, RT_EARG,
                       "distillation: weighting teachers by confidence needs labels; use entropy");
    return RT_OK;
}

static const float *row_of(const struct tr_target *e, int teacher)
{
    return e->logits + (ptrdiff_t)teacher * e->classes;
}

static double max_of(const float *v, int n)
{
    float max = v[0];

    for (int c = 1; c < n; c++)
        max = v[c] > max ? v[c] : max;
    return (double)max;
}

/* w_k exp(-H_k), H = log S - sum e x / S with x shifted by its maximum and S = sum e. */
static double entropy_factor(const float *v, int classes, double inverse)
{
    const double max = max_of(v, classes);
    double sum = 0, along = 0;

    for (int c = 0; c < classes; c++) {
        const double x = ((double)v[c] - max) * inverse, e = exp(x);
        sum += e;
        along += e * x;
    }
    return exp(along / sum) / sum;
}

static double cross_entropy(const float *v, int classes, double inverse, int label)
{
    const double max = max_of(v, classes);
    double sum = 0;

    for (int c = 0; c < classes; c++)
        sum += exp(((double)v[c] - max) * inverse);
    return log(sum) - ((double)v[label] - max) * inverse;
}

/* 1 - softmax_k(CE_k), over K - 1 so that the factors sum to 1; K at least 2. */
static void confidence_factors(const struct tr_target *e, int label, double *factor)
{
    double max = 0, sum = 0;

    for (int k = 0; k < e->teachers; k++) {
        factor[k] = cross_entropy(row_of(e, k), e->classes, e->inverse[k], label);
        max = factor[k] > max ? factor[k] : max;
    }
    for (int k = 0; k < e->teachers; k++)
        sum += factor[k] = exp(factor[k] - max);
    for (int k = 0; k < e->teachers; k++)
        factor[k] = (1 - factor[k] / sum) / (e->teachers - 1);
}

static void weigh_example(struct tr_target *e, enum tr_weighting weighting, int label)
{
    double factor[TR_DISTILL_MAX_TEACHERS], sum = 0;

    if (weighting == TR_WEIGHTING_CONFIDENCE)
        confidence_factors(e, label, factor);
    else
        for (int k = 0; k < e->teachers; k++)
            factor[k] = entropy_factor(row_of(e, k), e->classes, e->inverse[k]);
    for (int k = 0; k < e->teachers; k++)
        sum += e->weight[k] * factor[k];
    if (!(sum > 0)) /* the only teachers with weight are sure and wrong: keep the fixed weights */
        return;
    for (int k = 0; k < e->teachers; k++)
        e->weight[k] *= factor[k] / sum;
}

void tr_target_init(struct tr_target *target, const struct tr_ensemble *ensemble,
                    const float *logits, int teachers, int classes, int label)
{
    assert(teachers >= 1 && teachers <= TR_DISTILL_MAX_TEACHERS && logits && label < classes);
    target->teachers = teachers;
    target->classes = classes;
    target->combine = ensemble->combine;
    target->logits = logits;
    for (int k = 0; k < teachers; k++) {
        target->weight[k] = ensemble->weight[k];
        target->inverse[k] = 1 / ensemble->calibration[k];
    }
    if (teachers > 1 && ensemble->weighting != TR_WEIGHTING_FIXED &&
        (ensemble->weighting != TR_WEIGHTING_CONFIDENCE || label >= 0))
        weigh_example(target, ensemble->weighting, label);
}

void tr_target_standardise(struct tr_target *target, double *row)
{
    for (int k = 0; k < target->teachers; k++) {
        const float *v = row_of(target, k);
        for (int c = 0; c < target->classes; c++)
            row[c] = (double)v[c];
        target->inverse[k] = tr_standard_scale(row, target->classes);
    }
}

void tr_target_logits(const struct tr_target *target, double *mean)
{
    for (int c = 0; c < target->classes; c++)
        mean[c] = 0;
    for (int k = 0; k < target->teachers; k++) {
        const float *v = row_of(target, k);
        const double factor = target->weight[k] * target->inverse[k];
        for (int c = 0; c < target->classes; c++)
            mean[c] += factor * (double)v[c];
    }
}

/* Add w softmax(v * inverse) to p; returns log sum exp(v * inverse). */
static double add_softmax(const float *v, int classes, double inverse, double weight, double *exps,
                          double *p)
{
    const double max = max_of(v, classes);
    double sum = 0;

    for (int c = 0; c < classes; c++) {
        const double e = exp(((double)v[c] - max) * inverse);
        if (exps)
            exps[c] = e;
        sum += e;
    }
    const double factor = weight / sum;
    for (int c = 0; c < classes; c++)
        p[c] += factor * (exps ? exps[c] : exp(((double)v[c] - max) * inverse));
    return max * inverse + log(sum);
}

/* log p of a class whose p has underflowed: log sum_k exp(log w_k + log softmax_k). */
static double log_of_class(const struct tr_target *e, double temperature, const double *log_sum,
                           int c)
{
    double max = -INFINITY, sum = 0;

    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < e->teachers; k++) {
            if (!(e->weight[k] > 0))
                continue;
            const double x = log(e->weight[k]) +
                             (double)row_of(e, k)[c] * e->inverse[k] / temperature - log_sum[k];
            if (pass == 0)
                max = x > max ? x : max;
            else
                sum += exp(x - max);
        }
    return max + log(sum);
}

static void mean_of_probabilities(const struct tr_target *e, double temperature, double *exps,
                                  double *p, double *logp)
{
    double log_sum[TR_DISTILL_MAX_TEACHERS];

    for (int c = 0; c < e->classes; c++)
        p[c] = 0;
    for (int k = 0; k < e->teachers; k++)
        log_sum[k] = add_softmax(row_of(e, k), e->classes, e->inverse[k] / temperature,
                                 e->weight[k], exps, p);
    if (!logp)
        return;
    for (int c = 0; c < e->classes; c++)
        logp[c] = p[c] >= DBL_MIN ? log(p[c]) : log_of_class(e, temperature, log_sum, c);
}

static void softmax_of_mean(const struct tr_target *e, double temperature, double *p, double *logp)
{
    double max = -INFINITY, sum = 0;

    tr_target_logits(e, p);
    for (int c = 0; c < e->classes; c++)
        max = p[c] > max ? p[c] : max;
    for (int c = 0; c < e->classes; c++) {
        const double x = (p[c] - max) / temperature;
        if (logp)
            logp[c] = x;
        p[c] = exp(x);
        sum += p[c];
    }
    const double log_sum = log(sum);
    for (int c = 0; c < e->classes; c++) {
        p[c] /= sum;
        if (logp)
            logp[c] -= log_sum;
    }
}

void tr_target_at(const struct tr_target *target, double temperature, double *exps, double *p,
                  double *logp)
{
    if (target->combine == TR_COMBINE_LOGIT)
        softmax_of_mean(target, temperature, p, logp);
    else
        mean_of_probabilities(target, temperature, exps, p, logp);
}

void tr_ensemble_target(const struct tr_ensemble *ensemble, const float *logits, int teachers,
                        int classes, double temperature, double *out)
{
    struct tr_target target;

    tr_target_init(&target, ensemble, logits, teachers, classes, -1);
    tr_target_at(&target, temperature, NULL, out, NULL);
}
