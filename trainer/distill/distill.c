/* trainer/distill/distill.c -- see distill.h.
 *
 * One example at a time: its student's and target's soft-max are computed once for T and once for
 * T = 1 (not twice when T is 1), then every part adds its gradient to one row in double.
 */
#include "trainer/distill/distill.h"

#include <assert.h>

#include "trainer/distill/correlation.h"
#include "trainer/distill/ensemble.h"
#include "trainer/distill/regulariser.h"
#include "trainer/distill/schedule.h"
#include "trainer/distill/soft_loss.h"
#include "trainer/distill/softmax.h"

enum { work_rows = 11, scratch_rows = work_rows + TR_COLUMN_ROWS };

/* What holds for all examples of a call, and rows of C doubles to work in. */
struct work {
    const struct tr_distill *distill;
    const struct tr_ensemble *ensemble;
    int classes, teachers;
    double ce_weight, t, teacher_t; /* weight of CE; temperatures of student and target */
    double soft_scale;              /* T^2, or 1 */
    double weight, soft;            /* of the example at hand, and its soft loss */
    double *z, *q1, *logq1, *p1;    /* logits; at T = 1 */
    double *q, *logq, *p, *logp;    /* at t */
    double *part, *sum, *exps;      /* gradient of one part and of all */
    struct tr_columns columns;      /* of dist */
};

void tr_distill_defaults(struct tr_distill *distill)
{
    *distill = (struct tr_distill){.loss = TR_LOSS_FKL,
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
                                   .reg_target = TR_REG_TEACHER,
                                   .reg_decay = .99,
                                   .dkd_alpha = 1,
                                   .dkd_beta = 8,
                                   .dist_beta = 1,
                                   .dist_gamma = 1,
                                   .clip_high = 1,
                                   .clip_low = .1,
                                   .floor_until = .1};
}

static rt_status in_range(const char *name, double value, double low, double high,
                          struct rt_err *err)
{
    if (value >= low && value <= high)
        return RT_OK;
    return rt_fail(err, RT_EARG, "distillation: %s is %g, must be from %g to %g", name, value, low,
                   high);
}

static rt_status check_numbers(const struct tr_distill *d, struct rt_err *err)
{
    const double most = 1e6, least = 1e-6;

    RT_TRY(in_range("the first temperature", d->t0, least, most, err));
    RT_TRY(in_range("the last temperature", d->t1, least, most, err));
    RT_TRY(in_range("the first weight of cross-entropy", d->ce0, 0, 1, err));
    RT_TRY(in_range("the last weight of cross-entropy", d->ce1, 0, 1, err));
    RT_TRY(in_range("the end of the first stage", d->stage_split, 0, 1, err));
    RT_TRY(in_range("the regulariser's weight", d->reg_weight, 0, most, err));
    RT_TRY(in_range("alpha of dkd", d->dkd_alpha, 0, most, err));
    RT_TRY(in_range("beta of dkd", d->dkd_beta, 0, most, err));
    RT_TRY(in_range("beta of dist", d->dist_beta, 0, most, err));
    RT_TRY(in_range("gamma of dist", d->dist_gamma, 0, most, err));
    RT_TRY(in_range("the running mean's decay", d->reg_decay, 0, 1, err));
    RT_TRY(in_range("the gradient's ceiling", d->clip_high, 0, most, err));
    RT_TRY(in_range("the gradient's floor", d->clip_low, 0, most, err));
    RT_TRY(in_range("the end of the gradient's floor", d->floor_until, 0, 1, err));
    if (d->clip_high > 0 && d->clip_low > d->clip_high)
        return rt_fail(err, RT_EARG,
                       "distillation: the gradient's floor %g is above its ceiling %g", d->clip_low,
                       d->clip_high);
    if (d->tau_teacher == 0)
        return RT_OK;
    return in_range("the teachers' temperature", d->tau_teacher, least, most, err);
}

rt_status tr_distill_check(const struct tr_distill *distill, const struct tr_ensemble *ensemble,
                           int teachers, int classes, bool has_labels, struct rt_err *err)
{
    RT_TRY(check_numbers(distill, err));
    RT_TRY(tr_ensemble_check(ensemble, teachers, has_labels, err));
    if (classes < 2)
        return rt_fail(err, RT_EARG, "distillation: %d classes, at least 2 are needed", classes);
    if (teachers == 0 && !has_labels)
        return rt_fail(err, RT_EARG, "distillation: neither teachers nor labels to learn from");
    return RT_OK;
}

size_t tr_distill_scratch(int classes)
{
    return (size_t)scratch_rows * (size_t)classes;
}

static void work_init(struct work *w, const struct tr_distill *distill, double progress,
                      int teachers, int classes, double *scratch)
{
    double **const rows[work_rows] = {&w->z, &w->q1,   &w->logq1, &w->p1,  &w->q,   &w->logq,
                                      &w->p, &w->logp, &w->part,  &w->sum, &w->exps};
    const bool fixed = distill->tau_teacher > 0;
    const bool plain = distill->loss == TR_LOSS_MSE || distill->loss == TR_LOSS_HARD;

    for (int r = 0; r < work_rows; r++)
        *rows[r] = scratch + (ptrdiff_t)r * classes;
    tr_columns_init(&w->columns, classes, scratch + (ptrdiff_t)work_rows * classes);
    w->distill = distill;
    w->classes = classes;
    w->teachers = teachers;
    w->ce_weight = teachers ? tr_ce_weight(distill, progress) : 1;
    w->t = fixed ? 1 : tr_temperature(distill, progress);
    w->teacher_t = fixed ? distill->tau_teacher : w->t;
    w->soft_scale = fixed || plain || !distill->t2_scale ? 1 : w->t * w->t;
}

/* sum += weight * part; the squared norm of what was added. */
static double add_part(struct work *w, double weight)
{
    double sq = 0;

    for (int c = 0; c < w->classes; c++) {
        const double g = weight * w->part[c];
        w->sum[c] += g;
        sq += g * g;
    }
    return sq;
}

/* The loss between rows at the loss's temperature; part = dL/d(z/T). */
static double divergence(const struct work *w, const struct tr_soft_row *row, int label)
{
    switch (w->distill->loss) {
    case TR_LOSS_RKL: return tr_loss_rkl(row, w->part);
    case TR_LOSS_JS: return tr_loss_js(row, w->part);
    case TR_LOSS_SYM: return tr_loss_sym(row, w->part);
    case TR_LOSS_DKD:
        return tr_loss_dkd(row, label, w->distill->dkd_alpha, w->distill->dkd_beta, w->part);
    default: break;
    }
    return tr_loss_fkl(row, w->part);
}

/* q and p at the loss's temperatures, in w->q or, where they are the same, w->q1. */
static struct tr_soft_row rows_at_t(struct work *w, struct tr_target *target)
{
    const bool standardise = w->distill->standardise;
    const bool same = !standardise && w->t == 1;

    if (standardise)
        tr_target_standardise(target, w->exps);
    tr_target_at(target, w->teacher_t, w->exps, w->p, w->logp);
    if (!same)
        tr_softmax(w->z, w->classes, (standardise ? tr_standard_scale(w->z, w->classes) : 1) / w->t,
                   w->q, w->logq);
    return (struct tr_soft_row){w->classes, same ? w->q1 : w->q, same ? w->logq1 : w->logq, w->p,
                                w->logp};
}

/* dist of one example; part = dL/d(z/T) = q (g - sum q g) with g = dL/dq. */
static double correlation(const struct work *w, const struct tr_soft_row *row)
{
    const struct tr_distill *d = w->distill;
    double along = 0;

    for (int c = 0; c < w->classes; c++)
        w->part[c] = 0;
    const double loss =
        d->dist_beta * tr_correlation_row(row->q, row->p, w->classes, d->dist_beta, w->part) +
        d->dist_gamma * tr_columns_loss(&w->columns, row->q, row->p, d->dist_gamma, w->part);
    for (int c = 0; c < w->classes; c++)
        along += row->q[c] * w->part[c];
    for (int c = 0; c < w->classes; c++)
        w->part[c] = row->q[c] * (w->part[c] - along);
    return loss;
}

/* The soft loss of one example; part = d/dz. `best` is the teachers' argmax. */
static double soft_part(struct work *w, struct tr_target *target, int label, int best)
{
    if (w->distill->loss == TR_LOSS_HARD) {
        const struct tr_soft_row row = {w->classes, w->q1, w->logq1, NULL, NULL};
        return tr_loss_hard(&row, best, w->part);
    }
    if (w->distill->loss == TR_LOSS_MSE) {
        tr_target_logits(target, w->p);
        return tr_loss_mse(w->z, w->p, w->classes, w->part);
    }
    const struct tr_soft_row row = rows_at_t(w, target);
    const double loss = w->distill->loss == TR_LOSS_DIST
                            ? correlation(w, &row)
                            : divergence(w, &row, label < 0 ? best : label);
    const double factor = w->soft_scale / w->t;
    for (int c = 0; c < w->classes; c++)
        w->part[c] *= factor;
    if (w->distill->standardise)
        tr_standard_backward(w->z, w->classes, w->part);
    return w->soft_scale * loss;
}

static bool regularises(const struct tr_distill *distill) /* towards the ensemble */
{
    return distill->reg != TR_REG_NONE && distill->reg_target == TR_REG_TEACHER;
}

/* Does anything read the target at T = 1? Its argmax is also that of the label-free losses. */
static bool needs_plain_target(const struct tr_distill *distill, int label)
{
    return regularises(distill) || distill->loss == TR_LOSS_HARD || label < 0;
}

/* Add the penalty between w->q1 and w->p1. */
static void regularise(struct work *w, double scale, struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = w->distill;
    const double reg = tr_regularise(distill->reg, w->q1, w->p1, w->classes, w->part);

    add_part(w, scale * w->weight * distill->reg_weight);
    stats->reg += w->weight * reg;
    stats->total += w->weight * distill->reg_weight * reg;
}

/* Everything that the teachers add to one example; returns the label in force. */
static int teach(struct work *w, const float *logits, int label, double scale,
                 struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = w->distill;
    const double soft_weight = 1 - w->ce_weight;
    struct tr_target target;
    int best = label;

    tr_target_init(&target, w->ensemble, logits, w->teachers, w->classes, label);
    if (needs_plain_target(distill, label)) {
        tr_target_at(&target, distill->tau_teacher > 0 ? distill->tau_teacher : 1, w->exps, w->p1,
                     NULL);
        best = tr_argmax(w->p1, w->classes);
    }
    if (regularises(distill))
        regularise(w, scale, stats);
    w->soft = soft_part(w, &target, label, best);
    const double soft = w->weight * w->soft;
    stats->grad_soft_sq += add_part(w, scale * w->weight * soft_weight);
    stats->soft += soft;
    stats->total += soft_weight * soft;
    return label < 0 ? best : label;
}

bool tr_distill_needs_batch(const struct tr_distill *distill)
{
    return distill->loss == TR_LOSS_DIST && distill->dist_gamma > 0;
}

bool tr_distill_needs_ema(const struct tr_distill *distill, int teachers)
{
    return teachers && distill->reg != TR_REG_NONE && distill->reg_target == TR_REG_EMA;
}

/* Example i's logits, and at T = 1; no gradient yet. */
static void take_example(struct work *w, const float *logits, ptrdiff_t i)
{
    for (int c = 0; c < w->classes; c++) {
        w->z[c] = (double)logits[i * w->classes + c];
        w->sum[c] = 0;
    }
    tr_softmax(w->z, w->classes, 1, w->q1, w->logq1);
}

/* Example i's label, -1 when it is unknown. */
static int label_of(const struct tr_answers *answers, ptrdiff_t i)
{
    return answers->label ? answers->label[i] : -1;
}

static double weight_of(const struct tr_answers *answers, ptrdiff_t i)
{
    return answers->weight ? (double)answers->weight[i] : 1;
}

/* The columns of all examples: their means, then their products. */
static void sum_columns(struct work *w, const struct tr_answers *answers)
{
    struct tr_target target;

    for (int pass = 0; pass < 2; pass++)
        for (ptrdiff_t i = 0; i < answers->count; i++) {
            take_example(w, answers->logits, i);
            tr_target_init(&target, w->ensemble, answers->said[i], w->teachers, w->classes,
                           label_of(answers, i));
            const struct tr_soft_row at_t = rows_at_t(w, &target);
            (pass ? tr_columns_product : tr_columns_mean)(&w->columns, at_t.q, at_t.p);
        }
}

void tr_distill_loss(const struct tr_distill *distill, const struct tr_ensemble *ensemble,
                     double progress, const struct tr_answers *answers, double scale,
                     double *scratch, float *grad, struct tr_distill_stats *stats)
{
    const int classes = answers->classes, teachers = answers->teachers;
    struct work w;

    assert(classes >= 2 && teachers >= 0 && teachers <= TR_DISTILL_MAX_TEACHERS);
    assert(!teachers || (ensemble && answers->said));
    work_init(&w, distill, progress, teachers, classes, scratch);
    w.ensemble = ensemble;
    stats->t = w.t;
    stats->ce_weight = w.ce_weight;
    if (teachers && tr_distill_needs_batch(distill))
        sum_columns(&w, answers);
    for (ptrdiff_t i = 0; i < answers->count; i++) {
        int label = label_of(answers, i);
        assert(label < classes && (label >= 0 || teachers));
        take_example(&w, answers->logits, i);
        w.weight = weight_of(answers, i);
        if (teachers)
            label = teach(&w, answers->said[i], label, scale, stats);
        if (answers->each)
            answers->each[i] = (float)w.soft;
        const struct tr_soft_row row = {classes, w.q1, w.logq1, NULL, NULL};
        const double ce = w.weight * tr_loss_hard(&row, label, w.part);
        stats->grad_ce_sq += add_part(&w, scale * w.weight * w.ce_weight);
        stats->ce += ce;
        stats->total += w.ce_weight * ce;
        for (int c = 0; c < classes; c++)
            grad[i * classes + c] = (float)w.sum[c];
    }
}

void tr_distill_ema_loss(const struct tr_distill *distill, const struct tr_answers *answers,
                         double scale, double *scratch, float *grad, struct tr_distill_stats *stats)
{
    const int classes = answers->classes;
    struct work w;

    assert(answers->ema && distill->reg_target == TR_REG_EMA);
    work_init(&w, distill, 0, 0, classes, scratch);
    for (ptrdiff_t i = 0; i < answers->count; i++) {
        for (int c = 0; c < classes; c++)
            w.z[c] = (double)answers->ema[i * classes + c];
        tr_softmax(w.z, classes, 1, w.p1, w.logp);
        take_example(&w, answers->logits, i);
        w.weight = weight_of(answers, i);
        regularise(&w, scale, stats);
        for (int c = 0; c < classes; c++)
            grad[i * classes + c] += (float)w.sum[c];
    }
}
