/* trainer/distill/fidelity.c -- see fidelity.h. */
#include "trainer/distill/fidelity.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "trainer/distill/soft_loss.h"

enum { bins = 15 };

struct sums {
    double wrong, nll, nll_sq, brier, kl, kl_sq, reverse, agree, variation, js;
    double hits[bins], confidence[bins];
};

static int largest(const double *v, int n)
{
    int at = 0;

    for (int i = 1; i < n; i++)
        at = v[i] > v[at] ? i : at;
    return at;
}

static void add_teacher(struct sums *s, const double *q, const double *log_q, const double *p,
                        int n)
{
    double kl = 0, reverse = 0, variation = 0, js = 0;

    for (int i = 0; i < n; i++) {
        const double log_p = log(p[i] > 0 ? p[i] : 0x1p-1022), m = (p[i] + q[i]) / 2;
        if (p[i] > 0)
            kl += p[i] * (log_p - log_q[i]);
        if (q[i] > 0)
            reverse += q[i] * (log_q[i] - log_p);
        variation += fabs(p[i] - q[i]) / 2;
        if (m > 0) {
            js += p[i] > 0 ? p[i] * (log_p - log(m)) / 2 : 0;
            js += q[i] > 0 ? q[i] * (log_q[i] - log(m)) / 2 : 0;
        }
    }
    s->kl += kl;
    s->kl_sq += kl * kl;
    s->reverse += reverse;
    s->variation += variation;
    s->js += js;
    s->agree += largest(p, n) == largest(q, n);
}

static void add_labels(struct sums *s, const double *q, const double *log_q, int label, int n)
{
    const int said = largest(q, n);
    int bin = (int)ceil(q[said] * bins) - 1;

    bin = bin < 0 ? 0 : bin >= bins ? bins - 1 : bin;
    s->hits[bin] += said == label;
    s->confidence[bin] += q[said];
    s->wrong += said != label;
    s->nll -= log_q[label];
    s->nll_sq += log_q[label] * log_q[label];
    for (int i = 0; i < n; i++)
        s->brier += (q[i] - (i == label)) * (q[i] - (i == label));
}

/* Standard error of a mean from the sum and the sum of squares. */
static double mean_se(double sum, double squares, double n)
{
    const double variance = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
    return sqrt((variance > 0 ? variance : 0) / n);
}

static void finish(const struct sums *s, int n, bool has_teachers, struct tr_fidelity *f)
{
    const double m = n;

    *f = (struct tr_fidelity){.examples = n, .error = s->wrong / m, .nll = s->nll / m};
    f->error_se = sqrt(f->error * (1 - f->error) / m);
    f->nll_se = mean_se(s->nll, s->nll_sq, m);
    f->brier = s->brier / m;
    for (int b = 0; b < bins; b++)
        f->ece += fabs(s->hits[b] - s->confidence[b]) / m;
    f->kl = has_teachers ? s->kl / m : NAN;
    f->kl_se = has_teachers ? mean_se(s->kl, s->kl_sq, m) : NAN;
    f->reverse_kl = has_teachers ? s->reverse / m : NAN;
    f->agreement = has_teachers ? s->agree / m : NAN;
    f->agreement_se = has_teachers ? sqrt(f->agreement * (1 - f->agreement) / m) : NAN;
    f->total_variation = has_teachers ? s->variation / m : NAN;
    f->js = has_teachers ? s->js / m : NAN;
}

rt_status tr_fidelity_measure(const float *logits, const double *target, const int *labels, int n,
                              int classes, struct tr_fidelity *fidelity, struct rt_err *err)
{
    double *work = malloc(3 * (size_t)classes * sizeof *work);
    double *z = work, *q = work + classes, *log_q = q + classes;
    struct sums sums = {0};
    rt_status rc = RT_OK;

    if (!work)
        return rt_fail(err, RT_ENOMEM, "no memory to compare a student with its teachers");
    for (ptrdiff_t i = 0; i < n && rc == RT_OK; i++) {
        for (int j = 0; j < classes; j++) {
            z[j] = (double)logits[i * classes + j];
            if (!isfinite(z[j]))
                rc = rt_fail(err, RT_ENAN, "the logits of example %td are not finite", i);
        }
        tr_softmax(z, classes, 1, q, log_q);
        add_labels(&sums, q, log_q, labels[i], classes);
        if (target)
            add_teacher(&sums, q, log_q, target + i * classes, classes);
    }
    if (rc == RT_OK)
        finish(&sums, n, target != NULL, fidelity);
    free(work);
    return rc;
}

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

double tr_kendall_tau(const double *a, const double *b, int n)
{
    double score = 0, pairs_a = 0, pairs_b = 0; /* pairs that are not tied in a, in b */

    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            const int sa = sign(a[i] - a[j]), sb = sign(b[i] - b[j]);
            score += sa * sb;
            pairs_a += sa != 0;
            pairs_b += sb != 0;
        }
    return score / sqrt(pairs_a * pairs_b);
}
