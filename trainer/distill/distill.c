/* trainer/distill/distill.c -- see distill.h. */
#include "trainer/distill/distill.h"

#include <math.h>
#include <string.h>

#include "trainer/distill/ensemble.h"
#include "trainer/distill/regulariser.h"
#include "trainer/distill/schedule.h"
#include "trainer/distill/soft_loss.h"

void tr_distill_defaults(struct tr_distill *distill)
{
    *distill = (struct tr_distill){
        .loss = TR_LOSS_FKL,
        .t0 = 4,
        .t1 = 1,
        .t_schedule = TR_SCHEDULE_LINEAR,
        .t2_scale = true,
        .mix = TR_MIX_LINEAR,
        .ce0 = .9,
        .ce1 = .1,
        .stage_split = .3,
        .reg = TR_REG_L2,
        .reg_weight = .1,
        .dkd_alpha = 1,
        .dkd_beta = 8,
        .clip_high = 1,
        .clip_low = .1,
        .floor_until = .1,
        .combine = TR_COMBINE_PROB,
    };
}

rt_status tr_distill_check(const struct tr_distill *d, int teachers, int classes, bool has_labels,
                           struct rt_err *err)
{
    if (teachers < 0 || teachers > TR_DISTILL_MAX_TEACHERS)
        return rt_fail(err, RT_EARG, "there are %d teachers, want at most %d", teachers,
                       TR_DISTILL_MAX_TEACHERS);
    if (classes < 2)
        return rt_fail(err, RT_EARG, "there are %d classes, want at least 2", classes);
    if (!teachers && !has_labels)
        return rt_fail(err, RT_EARG, "there are neither teachers nor labels to learn from");
    if (!(d->t0 > 0) || !(d->t1 > 0))
        return rt_fail(err, RT_EARG, "temperatures are %g and %g, want more than 0", d->t0, d->t1);
    if (!(d->ce0 >= 0 && d->ce0 <= 1 && d->ce1 >= 0 && d->ce1 <= 1))
        return rt_fail(err, RT_EARG, "weights of CE are %g and %g, want 0 to 1", d->ce0, d->ce1);
    return RT_OK;
}

size_t tr_distill_scratch(int classes, int teachers)
{
    (void)teachers;
    return 6 * (size_t)classes;
}

/* One example: what it is compared with, and room to work in. */
struct example {
    const struct tr_distill *d;
    int classes, teachers, label;
    const float *logits; /* of the teachers (K,C) */
    double t, *z, *target, *grad, *work;
};

static int target_class(const struct example *e)
{
    int best = 0;

    tr_ensemble_target(e->d, e->logits, e->teachers, e->classes, 1, e->target);
    for (int i = 1; i < e->classes; i++)
        best = e->target[i] > e->target[best] ? i : best;
    return best;
}

/* (fkl + rkl) / 2; the forward pass leaves q and ln q in the work space. */
static double symmetric(const struct example *e)
{
    const int n = e->classes;
    const double *q = e->work, *log_q = e->work + n;
    const double forward = tr_loss_fkl(e->z, e->target, n, e->t, e->work, e->grad);
    double reverse = 0;

    for (int i = 0; i < n; i++)
        reverse += q[i] > 0 ? q[i] * (log_q[i] - e->target[i]) : 0;
    for (int i = 0; i < n; i++) {
        const double back = q[i] > 0 ? q[i] * (log_q[i] - e->target[i] - reverse) / e->t : 0;
        e->grad[i] = (e->grad[i] + back) / 2;
    }
    return (forward + reverse) / 2;
}

/* The soft loss of one example with its T^2, gradient in e->grad. */
static double soft_loss(const struct example *e)
{
    const struct tr_distill *d = e->d;
    const int n = e->classes;
    double loss = 0, factor = d->t2_scale ? e->t * e->t : 1;

    if (d->loss == TR_LOSS_MSE) {
        tr_ensemble_mean_logits(d, e->logits, e->teachers, n, e->target);
        return tr_loss_mse(e->z, e->target, n, e->grad);
    }
    if (d->loss == TR_LOSS_HARD)
        return tr_loss_ce(e->z, n, target_class(e), e->work, e->grad);
    const int label = e->label >= 0 || d->loss != TR_LOSS_DKD ? e->label : target_class(e);
    tr_ensemble_log_target(d, e->logits, e->teachers, n, e->t, e->target);
    switch (d->loss) {
    case TR_LOSS_RKL: loss = tr_loss_rkl(e->z, e->target, n, e->t, e->work, e->grad); break;
    case TR_LOSS_JS: loss = tr_loss_js(e->z, e->target, n, e->t, e->work, e->grad); break;
    case TR_LOSS_SYM: loss = symmetric(e); break;
    case TR_LOSS_DKD:
        loss = tr_loss_dkd(e->z, e->target, n, e->t, label, d->dkd_alpha, d->dkd_beta, e->work,
                           e->grad);
        break;
    default: loss = tr_loss_fkl(e->z, e->target, n, e->t, e->work, e->grad); break;
    }
    for (int i = 0; i < n; i++)
        e->grad[i] *= factor;
    return factor * loss;
}

/* Add weight * e->grad to sum; returns the squared norm of what was added. */
static double blend(const struct example *e, double weight, double *sum)
{
    double squares = 0;

    for (int i = 0; i < e->classes; i++) {
        const double g = weight * e->grad[i];
        sum[i] += g;
        squares += g * g;
    }
    return squares;
}

static void one_example(const struct example *e, double ce_weight, double *sum, double scale,
                        struct tr_distill_stats *stats)
{
    const struct tr_distill *d = e->d;
    const double soft_weight = e->teachers ? 1 - ce_weight : 0;
    double total = 0;

    memset(sum, 0, (size_t)e->classes * sizeof *sum);
    if (ce_weight > 0 || !e->teachers) {
        const double weight = e->teachers ? ce_weight : 1;
        const int label = e->label >= 0 ? e->label : target_class(e);
        const double ce = tr_loss_ce(e->z, e->classes, label, e->work, e->grad);
        stats->ce += ce;
        stats->grad_ce_sq += scale * scale * blend(e, weight, sum);
        total += weight * ce;
    }
    if (soft_weight > 0) {
        const double soft = soft_loss(e);
        stats->soft += soft;
        stats->grad_soft_sq += scale * scale * blend(e, soft_weight, sum);
        total += soft_weight * soft;
    }
    if (e->teachers && d->reg != TR_REG_NONE && d->reg_weight > 0) {
        tr_ensemble_target(d, e->logits, e->teachers, e->classes, 1, e->target);
        const double reg = tr_regularise(d->reg, e->z, e->target, e->classes, e->work, e->grad);
        stats->reg += reg;
        blend(e, d->reg_weight, sum);
        total += d->reg_weight * reg;
    }
    stats->total += total;
}

void tr_distill_loss(const struct tr_distill *distill, double progress, const float *logits,
                     const float *teacher, int teachers, const int *labels, int batch, int classes,
                     double scale, double *scratch, float *grad, struct tr_distill_stats *stats)
{
    const double ce_weight = tr_ce_weight(distill, progress);
    struct example e = {.d = distill,
                        .classes = classes,
                        .teachers = teachers,
                        .t = tr_temperature(distill, progress),
                        .z = scratch,
                        .target = scratch + classes,
                        .grad = scratch + 2 * classes,
                        .work = scratch + 3 * classes};
    double *sum = scratch + 5 * classes;

    stats->t = e.t;
    stats->ce_weight = ce_weight;
    for (ptrdiff_t b = 0; b < batch; b++) {
        e.label = labels ? labels[b] : -1;
        e.logits = teachers ? teacher + b * teachers * classes : NULL;
        for (int i = 0; i < classes; i++)
            e.z[i] = (double)logits[b * classes + i];
        one_example(&e, ce_weight, sum, scale, stats);
        for (int i = 0; i < classes; i++)
            grad[b * classes + i] = (float)(scale * sum[i]);
    }
}
