/* trainer/distill/ensemble_fit.c -- see ensemble_fit.h. */
#include "trainer/distill/ensemble_fit.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "trainer/distill/softmax.h"

static const double least_inverse = 1. / 20, most_inverse = 20; /* of a calibration temperature */
static const double accuracy_tau = .1, far_below = .05, em_gain = .01, em_floor = .05;
enum { newton_steps = 60, em_steps = 200 };

bool tr_rule_needs_rows(enum tr_ensemble_rule rule)
{
    return rule == TR_RULE_ACCURACY || rule == TR_RULE_EM || rule == TR_RULE_AUTO;
}

bool tr_rule_keeps_weights(enum tr_ensemble_rule rule)
{
    return rule == TR_RULE_GIVEN || rule == TR_RULE_ENTROPY || rule == TR_RULE_CONFIDENCE;
}

static const float *row_of(const struct tr_held_out *h, int i, int teacher)
{
    const ptrdiff_t row = h->rows ? h->rows[i] : i;
    return h->logits + (row * h->teachers + teacher) * h->classes;
}

/* softmax(v * inverse): log p of the label; mean and variance of v under it. */
static double label_moments(const float *v, int classes, int label, double inverse, double *mean,
                            double *variance)
{
    double max = (double)v[0], sum = 0, first = 0, second = 0;

    for (int c = 1; c < classes; c++)
        max = (double)v[c] > max ? (double)v[c] : max;
    for (int c = 0; c < classes; c++) {
        const double x = (double)v[c] - max, e = exp(x * inverse);
        sum += e;
        first += e * x;
        second += e * x * x;
    }
    *mean = first / sum + max;
    *variance = second / sum - first / sum * (first / sum);
    return ((double)v[label] - max) * inverse - log(sum);
}

/* First and second derivative of the mean NLL by 1/T. */
static void nll_slope(const struct tr_held_out *h, int teacher, double inverse, double *slope,
                      double *bend)
{
    *slope = *bend = 0;
    for (int i = 0; i < h->n; i++) {
        const float *v = row_of(h, i, teacher);
        double mean, variance;
        label_moments(v, h->classes, h->labels[i], inverse, &mean, &variance);
        *slope += (mean - (double)v[h->labels[i]]) / h->n;
        *bend += variance / h->n;
    }
}

double tr_calibrate(const struct tr_held_out *held_out, int teacher)
{
    double low = least_inverse, high = most_inverse, at = 1, slope, bend;

    assert(held_out->n >= 1 && teacher >= 0 && teacher < held_out->teachers);
    for (int step = 0; step < newton_steps; step++) {
        nll_slope(held_out, teacher, at, &slope, &bend);
        if (slope > 0)
            high = at;
        else
            low = at;
        double next = bend > 0 ? at - slope / bend : low;
        if (!(next > low && next < high)) /* bisect towards a bound that is never reached */
            next = sqrt(low * high);
        if (fabs(next - at) <= 1e-12 * at || high / low <= 1 + 1e-12)
            break;
        at = next;
    }
    return 1 / at;
}

void tr_weigh_by_score(const double *score, int teachers, double tau, double *weight)
{
    double max = score[0], sum = 0;

    for (int k = 1; k < teachers; k++)
        max = score[k] > max ? score[k] : max;
    for (int k = 0; k < teachers; k++)
        sum += weight[k] = exp((score[k] - max) / tau);
    for (int k = 0; k < teachers; k++)
        weight[k] /= sum;
}

/* NLL of the mixture, and unless NULL the mean responsibility of each teacher. */
static double mixture_nll(const double *p, int n, int teachers, const double *weight, double *share)
{
    double nll = 0;

    for (int k = 0; share && k < teachers; k++)
        share[k] = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < teachers; k++)
            sum += weight[k] * p[i * teachers + k];
        sum = sum > DBL_MIN ? sum : DBL_MIN;
        nll -= log(sum) / n;
        for (int k = 0; share && k < teachers; k++)
            share[k] += weight[k] * p[i * teachers + k] / sum / n;
    }
    return nll;
}

double tr_weigh_by_em(const double *p, int n, int teachers, int iterations, double *weight)
{
    double share[TR_DISTILL_MAX_TEACHERS];

    for (int step = 0; step < iterations; step++) {
        double sum = 0;
        mixture_nll(p, n, teachers, weight, share);
        for (int k = 0; k < teachers; k++)
            sum += share[k];
        if (!(sum > 0)) /* no teacher gives any label a probability: nothing to learn from */
            break;
        for (int k = 0; k < teachers; k++)
            weight[k] = share[k] / sum;
    }
    return mixture_nll(p, n, teachers, weight, NULL);
}

/* p_k(y_i) of calibrated teachers into p (n,K), and how each does alone. */
static void score_teachers(const struct tr_held_out *h, struct tr_ensemble_report *report,
                           double *p)
{
    for (int k = 0; k < h->teachers; k++) {
        report->accuracy[k] = report->nll[k] = 0;
        for (ptrdiff_t i = 0; i < h->n; i++) {
            const float *v = row_of(h, (int)i, k);
            double mean, variance;
            const double logp = label_moments(v, h->classes, h->labels[i],
                                              1 / report->temperature[k], &mean, &variance);
            p[i * h->teachers + k] = exp(logp);
            report->nll[k] -= logp / h->n;
            report->accuracy[k] += (double)(tr_argmax_float(v, h->classes) == h->labels[i]) / h->n;
        }
    }
}

/* 1/n for the teachers that are kept, 0 for the others. */
static void weigh_evenly(const bool *kept, int teachers, double *weight)
{
    int count = 0;

    for (int k = 0; k < teachers; k++)
        count += kept[k];
    for (int k = 0; k < teachers; k++)
        weight[k] = kept[k] ? 1.0 / count : 0;
}

/* EM over the kept teachers, then every weight raised to the floor at the others' cost. */
static double weigh_with_floor(const struct tr_held_out *h, const double *p, const bool *kept,
                               double *weight)
{
    int count = 0;

    weigh_evenly(kept, h->teachers, weight);
    tr_weigh_by_em(p, h->n, h->teachers, em_steps, weight);
    for (int k = 0; k < h->teachers; k++)
        count += kept[k];
    for (int k = 0; k < h->teachers; k++)
        if (kept[k])
            weight[k] = em_floor + (1 - count * em_floor) * weight[k];
    return mixture_nll(p, h->n, h->teachers, weight, NULL);
}

static void choose_weights(const struct tr_held_out *h, enum tr_ensemble_rule rule, const double *p,
                           struct tr_ensemble_report *report, double *weight)
{
    bool kept[TR_DISTILL_MAX_TEACHERS];
    double best = 0, em[TR_DISTILL_MAX_TEACHERS] = {0};

    for (int k = 0; k < h->teachers; k++)
        best = report->accuracy[k] > best ? report->accuracy[k] : best;
    for (int k = 0; k < h->teachers; k++)
        kept[k] = rule != TR_RULE_AUTO || report->accuracy[k] >= best - far_below;
    if (rule == TR_RULE_ACCURACY)
        tr_weigh_by_score(report->accuracy, h->teachers, accuracy_tau, weight);
    else if (!tr_rule_keeps_weights(rule))
        weigh_evenly(kept, h->teachers, weight);
    const double nll = mixture_nll(p, h->n, h->teachers, weight, NULL);
    report->nll_chosen = nll;
    report->em = false;
    if (rule != TR_RULE_EM && rule != TR_RULE_AUTO)
        return;
    const double nll_em = weigh_with_floor(h, p, kept, em);
    if (rule == TR_RULE_AUTO && !(nll_em < nll * (1 - em_gain)))
        return;
    for (int k = 0; k < h->teachers; k++)
        weight[k] = em[k];
    report->nll_chosen = nll_em;
    report->em = true;
}

static rt_status check_held_out(const struct tr_held_out *h, struct rt_err *err)
{
    if (h->n < 1 || h->classes < 2 || h->teachers < 1 || h->teachers > TR_DISTILL_MAX_TEACHERS)
        return rt_fail(err, RT_EARG, "cannot weigh %d teachers of %d classes on %d rows",
                       h->teachers, h->classes, h->n);
    for (int i = 0; i < h->n; i++)
        if (h->labels[i] < 0 || h->labels[i] >= h->classes)
            return rt_fail(err, RT_EARG, "held-out row %d has label %d, classes are 0 to %d", i,
                           h->labels[i], h->classes - 1);
    return RT_OK;
}

rt_status tr_ensemble_fit(const struct tr_held_out *held_out, enum tr_ensemble_rule rule,
                          bool calibrate, struct tr_ensemble *ensemble,
                          struct tr_ensemble_report *report, struct rt_err *err)
{
    double even[TR_DISTILL_MAX_TEACHERS] = {0};

    RT_TRY(check_held_out(held_out, err));
    double *p = calloc((size_t)held_out->n * (size_t)held_out->teachers, sizeof *p);
    if (!p)
        return rt_fail(err, RT_ENOMEM, "no memory to weigh teachers on %d rows", held_out->n);
    for (int k = 0; k < held_out->teachers; k++) {
        even[k] = 1.0 / held_out->teachers;
        report->temperature[k] = calibrate ? tr_calibrate(held_out, k) : 1;
        ensemble->calibration[k] = report->temperature[k];
    }
    score_teachers(held_out, report, p);
    report->nll_uniform = mixture_nll(p, held_out->n, held_out->teachers, even, NULL);
    choose_weights(held_out, rule, p, report, ensemble->weight);
    free(p);
    return RT_OK;
}
