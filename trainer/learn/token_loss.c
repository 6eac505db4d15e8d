/* trainer/learn/token_loss.c -- see token_loss.h. */
#include "trainer/learn/token_loss.h"

#include <assert.h>
#include <math.h>

#include "trainer/distill/schedule.h"
#include "trainer/net/soft_row.h"
#include "trainer/teachers/live.h"

/* What holds for all answers of a call, and rows of C floats. */
struct work {
    const struct tr_training *job;
    int classes;
    double ce_weight, t, soft_scale, scale;
    float *q1, *q, *p, *p1, *spare; /* student at 1 and T, ensemble at T and 1 */
};

enum { rows = 5 };

bool tr__token_loss_knows(const struct tr_distill *distill, const struct tr_data *data)
{
    if (!data->knowledge)
        return true;
    return data->knowledge->live && distill->loss == TR_LOSS_FKL && !distill->standardise &&
           !(distill->tau_teacher > 0) &&
           (distill->reg == TR_REG_NONE || distill->reg_target == TR_REG_TEACHER);
}

size_t tr__token_loss_floats(int classes)
{
    return (size_t)rows * (size_t)classes;
}

/* grad += factor (q - p); the squared norm of what was added. */
static double add_difference(int classes, double factor, const float *q, const float *p,
                             float *grad)
{
    const float f = (float)factor;

    for (int c = 0; c < classes; c++)
        grad[c] += f * (q[c] - p[c]);
    return factor * factor * tr_row_distance(classes, q, p);
}

/* Reg of distill/regulariser.h between q1 and p1, times weight; added to the gradient. */
static double regularise(const struct work *w, double weight, float *grad)
{
    const bool rooted = w->job->recipe->distill.reg == TR_REG_L2;
    const double sq = tr_row_distance(w->classes, w->q1, w->p1);
    const double along =
        tr_row_dot(w->classes, w->q1, w->q1) - tr_row_dot(w->classes, w->q1, w->p1);
    const double norm = rooted ? sqrt(sq + 1e-12) : sq;
    const float factor = (float)(weight * (rooted ? 1 / norm : 2)), mean = (float)along;

    for (int c = 0; c < w->classes; c++)
        grad[c] += factor * w->q1[c] * (w->q1[c] - w->p1[c] - mean);
    return norm;
}

/* What the teachers add to an answer of that weight: logits z, `sum` their ln sum exp; said (K,C). */
static void teach(const struct work *w, const float *z, double sum, const float *said,
                  double weight, float *grad, struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = &w->job->recipe->distill;
    const struct tr_knowledge *knowledge = w->job->data->knowledge;
    const struct tr_ensemble *ensemble = w->job->data->ensemble;
    const double soft_weight = 1 - w->ce_weight;
    const bool same = w->t == 1;
    double at_t = sum;

    if (!same)
        at_t = tr_soft_row(w->job->student, w->classes, 1 / w->t, z, w->q);
    const double p_ln_p = tr_live_target(knowledge, ensemble, said, w->t, w->p, w->spare);
    const double kl = p_ln_p - tr_row_dot(w->classes, w->p, z) / w->t + at_t;
    const double soft = weight * w->soft_scale * kl;
    stats->grad_soft_sq +=
        add_difference(w->classes, w->scale * weight * soft_weight * w->soft_scale / w->t,
                       same ? w->q1 : w->q, w->p, grad);
    stats->soft += soft;
    stats->total += soft_weight * soft;
    if (distill->reg == TR_REG_NONE)
        return;
    struct work at_1 = *w;
    if (same)
        at_1.p1 = w->p;
    else
        (void)tr_live_target(knowledge, ensemble, said, 1, w->p1, w->spare);
    const double reg = weight * regularise(&at_1, w->scale * weight * distill->reg_weight, grad);
    stats->reg += reg;
    stats->total += distill->reg_weight * reg;
}

/* Logits z -> grad (C), overwritten. */
static void take(const struct work *w, const float *z, const float *said, int label, double weight,
                 float *grad, struct tr_distill_stats *stats)
{
    assert(label >= 0 && label < w->classes);
    const double sum = tr_soft_row(w->job->student, w->classes, 1, z, w->q1);
    const double factor = w->scale * weight * w->ce_weight, q = (double)w->q1[label];
    const double ce = weight * (sum - (double)z[label]);

    for (int c = 0; c < w->classes; c++)
        grad[c] = (float)factor * w->q1[c];
    grad[label] -= (float)factor;
    stats->ce += ce;
    stats->total += w->ce_weight * ce;
    stats->grad_ce_sq += factor * factor * (tr_row_dot(w->classes, w->q1, w->q1) - 2 * q + 1);
    if (said)
        teach(w, z, sum, said, weight, grad, stats);
}

void tr__token_loss(const struct tr_training *job, double progress,
                    const struct tr_answers *answers, double scale, float *row, float *grad,
                    struct tr_distill_stats *stats)
{
    const struct tr_distill *distill = &job->recipe->distill;
    const ptrdiff_t c = answers->classes;
    struct work w = {.job = job, .classes = answers->classes, .scale = scale};
    float **const each[rows] = {&w.q1, &w.q, &w.p, &w.p1, &w.spare};

    assert(answers->label && answers->weight && tr__token_loss_knows(distill, job->data));
    for (int r = 0; r < rows; r++)
        *each[r] = row + r * c;
    w.ce_weight = answers->teachers ? tr_ce_weight(distill, progress) : 1;
    stats->t = w.t = tr_temperature(distill, progress);
    w.soft_scale = distill->t2_scale ? w.t * w.t : 1;
    stats->ce_weight = w.ce_weight;
    for (ptrdiff_t i = 0; i < answers->count; i++)
        take(&w, answers->logits + i * c, answers->teachers ? answers->said[i] : NULL,
             answers->label[i], (double)answers->weight[i], grad + i * c, stats);
}
