/* trainer/distill/online.c -- see online.h. */
#include "trainer/distill/online.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/distill/softmax.h"

void tr_online_defaults(struct tr_online *online)
{
    *online = (struct tr_online){.cohort = 2, .weight = 1, .temperature = 1, .rampup = .25};
}

struct learner { /* at the temperature of the loss */
    const double *q, *logq;
    double *p, *logp; /* of the peer in turn */
    double inverse;   /* 1 / T */
    int classes;
};

/* T^2 KL_T of a peer's logits against the learner. */
static double learn_from(const struct learner *me, const double *peer, double scale, double *grad)
{
    const double t = 1 / me->inverse;
    double kl = 0;

    tr_softmax(peer, me->classes, me->inverse, me->p, me->logp);
    for (int c = 0; c < me->classes; c++) {
        kl += me->p[c] * (me->logp[c] - me->logq[c]);
        grad[c] += scale * t * (me->q[c] - me->p[c]);
    }
    return t * t * kl;
}

double tr_online_loss(const struct tr_online *online, const double *z, int self, int classes,
                      int label, double scale, double *work, double *grad)
{
    const ptrdiff_t n = classes;
    const int students = online->cohort, peers = students - 1;
    const struct learner me = {
        work, work + n, work + 2 * n, work + 3 * n, 1 / online->temperature, classes};
    double *target = work + 4 * n, loss = 0;

    assert(self >= 0 && self < students && students >= 2 && online->temperature > 0);
    tr_softmax(z + self * n, classes, me.inverse, work, work + n);
    switch (online->mode) {
    case TR_ONLINE_KDCL_NAIVE:
        return learn_from(&me, z + n * tr_online_best(z, students, classes, label), scale, grad);
    case TR_ONLINE_KDCL_MINLOGIT:
        tr_online_minimum(z, students, classes, label, target);
        return learn_from(&me, target, scale, grad);
    case TR_ONLINE_DML:
        for (int j = 0; j < students; j++)
            if (j != self)
                loss += learn_from(&me, z + j * n, scale / peers, grad) / peers;
        return loss;
    case TR_ONLINE_OFF: break;
    }
    return 0;
}

size_t tr_online_scratch(int students, int classes)
{
    return (size_t)(students + 6) * classes;
}

double tr_online_batch(const struct tr_online *online, double progress, const float *const *said,
                       int self, int batch, int classes, const int *labels, double scale,
                       double *work, float *grad)
{
    const double weight = online->weight * tr_online_ramp(progress, online->rampup);
    double *z = work, *g = z + (ptrdiff_t)online->cohort * classes, *rest = g + classes;
    double loss = 0;

    assert(classes >= 2 && batch >= 1 && said && labels);
    for (ptrdiff_t i = 0; i < batch; i++) {
        for (int k = 0; k < online->cohort; k++)
            for (int c = 0; c < classes; c++)
                z[k * classes + c] = (double)said[k][i * classes + c];
        memset(g, 0, (size_t)classes * sizeof *g);
        loss +=
            weight * tr_online_loss(online, z, self, classes, labels[i], scale * weight, rest, g);
        for (int c = 0; c < classes; c++)
            grad[i * classes + c] += (float)g[c];
    }
    return loss;
}

static double cross_entropy(const double *z, int classes, int label)
{
    double max = z[0], sum = 0;

    for (int c = 1; c < classes; c++)
        max = z[c] > max ? z[c] : max;
    for (int c = 0; c < classes; c++)
        sum += exp(z[c] - max);
    return max + log(sum) - z[label];
}

int tr_online_best(const double *z, int students, int classes, int label)
{
    double least = INFINITY;
    int best = 0;

    for (int k = 0; k < students; k++) {
        const double ce = cross_entropy(z + (ptrdiff_t)k * classes, classes, label);
        if (ce < least) {
            least = ce;
            best = k;
        }
    }
    return best;
}

void tr_online_minimum(const double *z, int students, int classes, int label, double *out)
{
    for (int c = 0; c < classes; c++)
        out[c] = INFINITY;
    for (int k = 0; k < students; k++) {
        const double *row = z + (ptrdiff_t)k * classes;
        for (int c = 0; c < classes; c++)
            out[c] = fmin(out[c], row[c] - row[label]);
    }
}

double tr_online_ramp(double progress, double length)
{
    const double x = length > 0 && progress < length ? progress / length : 1;
    return exp(-5 * (1 - x) * (1 - x));
}
