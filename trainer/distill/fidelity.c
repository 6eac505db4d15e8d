/* trainer/distill/fidelity.c -- see fidelity.h.
 *
 * Sums over examples, divided once: averages of batch averages are wrong for a ragged last batch.
 */
#include "trainer/distill/fidelity.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "trainer/distill/softmax.h"

struct series { /* a running mean and variance (Welford) */
    double count, mean, sq;
};

struct tally {
    struct series nll, brier, kl, reverse_kl, tv, js;
    double wrong, agree, teacher_right, both_right;
    struct tr_ece of_labels, of_teacher;
};

static void series_add(struct series *s, double value)
{
    const double gap = value - s->mean;
    s->count++;
    s->mean += gap / s->count;
    s->sq += gap * (value - s->mean);
}

static double series_se(const struct series *s)
{
    return s->count > 1 ? sqrt(s->sq / (s->count - 1) / s->count) : (double)NAN;
}

void tr_ece_init(struct tr_ece *ece, int bins)
{
    assert(bins >= 1 && bins <= TR_ECE_MAX_BINS);
    *ece = (struct tr_ece){.bins = bins};
}

void tr_ece_add(struct tr_ece *ece, double confidence, int right)
{
    int bin = 0;

    assert(right == 0 || right == 1);
    if (confidence > 0) /* a NaN stays in bin 0 */
        bin = (int)ceil(confidence * ece->bins) - 1;
    bin = bin >= ece->bins ? ece->bins - 1 : bin;
    ece->total++;
    ece->count[bin]++;
    ece->right[bin] += right;
    ece->confidence[bin] += confidence;
    ece->sq += (right - confidence) * (right - confidence);
}

double tr_ece_value(const struct tr_ece *ece)
{
    double sum = 0;

    for (int b = 0; b < ece->bins; b++)
        sum += fabs(ece->right[b] - ece->confidence[b]);
    return ece->total ? sum / ece->total : (double)NAN;
}

double tr_ece_se(const struct tr_ece *ece)
{
    const double n = ece->total, mean = tr_ece_value(ece);

    return n > 1 ? sqrt(fmax(0, ece->sq - n * mean * mean) / (n - 1) / n) : (double)NAN;
}

static void add_label(struct tally *t, const double *q, const double *logq, int classes, int label)
{
    const int best = tr_argmax(q, classes);
    double brier = 0;

    for (int c = 0; c < classes; c++) {
        const double r = q[c] - (c == label);
        brier += r * r;
    }
    series_add(&t->brier, brier);
    t->wrong += best != label;
    series_add(&t->nll, -logq[label]);
    tr_ece_add(&t->of_labels, q[best], best == label);
}

static void add_target(struct tally *t, const double *q, const double *logq, const double *p,
                       int classes)
{
    const int best = tr_argmax(q, classes), teacher = tr_argmax(p, classes);
    double kl = 0, reverse = 0, tv = 0, js = 0;

    for (int c = 0; c < classes; c++) {
        const double logp = log(p[c] > DBL_MIN ? p[c] : DBL_MIN);
        const double m = .5 * (p[c] + q[c]), logm = log(m > DBL_MIN ? m : DBL_MIN);
        kl += p[c] > 0 ? p[c] * (logp - logq[c]) : 0;
        reverse += q[c] > 0 ? q[c] * (logq[c] - logp) : 0;
        tv += fabs(p[c] - q[c]);
        js += p[c] > 0 ? p[c] * (logp - logm) : 0;
        js += q[c] > 0 ? q[c] * (logq[c] - logm) : 0;
    }
    series_add(&t->kl, kl);
    series_add(&t->reverse_kl, reverse);
    series_add(&t->tv, .5 * tv);
    series_add(&t->js, .5 * js);
    t->agree += best == teacher;
    tr_ece_add(&t->of_teacher, q[best], best == teacher);
}

static void add_both(struct tally *t, const double *q, const double *p, int classes, int label)
{
    const bool right = tr_argmax(p, classes) == label;

    t->teacher_right += right;
    t->both_right += right && tr_argmax(q, classes) == label;
}

static double share_se(double share, int n)
{
    return sqrt(share * (1 - share) / n);
}

/* A mean and its standard error; NaN when there is nothing that it is a mean of. */
static void put_mean(const struct series *s, int known, double *mean, double *se)
{
    *mean = known ? s->mean : (double)NAN;
    *se = known ? series_se(s) : (double)NAN;
}

static void put_ece(const struct tr_ece *ece, double *value, double *se)
{
    *value = tr_ece_value(ece);
    *se = tr_ece_se(ece);
}

static void put_retention(const struct tally *t, int n, struct tr_fidelity *f)
{
    const double teacher = t->teacher_right / n, r = f->accuracy / teacher;
    const double variance = f->accuracy + r * r * teacher - 2 * r * t->both_right / n;

    f->retention = r;
    f->retention_se = sqrt(fmax(0, variance) / n) / teacher;
}

static void tally_means(const struct tally *t, int n, int labels, int target, struct tr_fidelity *f)
{
    const double nan = (double)NAN;

    f->examples = n;
    f->error = labels ? t->wrong / n : nan;
    f->error_se = share_se(f->error, n);
    f->accuracy = 1 - f->error;
    put_mean(&t->nll, labels, &f->nll, &f->nll_se);
    put_mean(&t->brier, labels, &f->brier, &f->brier_se);
    put_ece(&t->of_labels, &f->ece, &f->ece_se);
    f->agreement = target ? t->agree / n : nan;
    f->agreement_se = share_se(f->agreement, n);
    put_mean(&t->kl, target, &f->kl, &f->kl_se);
    put_mean(&t->reverse_kl, target, &f->reverse_kl, &f->reverse_kl_se);
    put_mean(&t->tv, target, &f->tv, &f->tv_se);
    put_mean(&t->js, target, &f->js, &f->js_se);
    put_ece(&t->of_teacher, &f->ece_teacher, &f->ece_teacher_se);
    f->retention = f->retention_se = nan;
    if (labels && target && t->teacher_right > 0)
        put_retention(t, n, f);
}

static rt_status check_input(const float *logits, const int *labels, int n, int classes,
                             struct rt_err *err)
{
    if (n < 1 || classes < 1)
        return rt_fail(err, RT_EARG, "nothing to evaluate: %d examples of %d classes", n, classes);
    for (int i = 0; labels && i < n; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return rt_fail(err, RT_EARG, "example %d has label %d, classes are 0 to %d", i,
                           labels[i], classes - 1);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n * classes; i++)
        if (!isfinite(logits[i]))
            return rt_fail(err, RT_ENAN, "the logits of example %td are not finite", i / classes);
    return RT_OK;
}

rt_status tr_fidelity_measure(const float *logits, const double *target, const int *labels, int n,
                              int classes, struct tr_fidelity *fidelity, struct rt_err *err)
{
    struct tally tally = {0};

    RT_TRY(check_input(logits, labels, n, classes, err));
    double *rows = calloc((size_t)classes * 3, sizeof *rows);
    if (!rows)
        return rt_fail(err, RT_ENOMEM, "no memory to evaluate %d classes", classes);
    double *z = rows, *q = rows + classes, *logq = rows + 2 * (ptrdiff_t)classes;
    tr_ece_init(&tally.of_labels, TR_FIDELITY_BINS);
    tr_ece_init(&tally.of_teacher, TR_FIDELITY_BINS);
    for (ptrdiff_t i = 0; i < n; i++) {
        for (int c = 0; c < classes; c++)
            z[c] = (double)logits[i * classes + c];
        tr_softmax(z, classes, 1, q, logq);
        if (labels)
            add_label(&tally, q, logq, classes, labels[i]);
        if (target)
            add_target(&tally, q, logq, target + i * classes, classes);
        if (labels && target)
            add_both(&tally, q, target + i * classes, classes, labels[i]);
    }
    free(rows);
    tally_means(&tally, n, labels != NULL, target != NULL, fidelity);
    return RT_OK;
}
