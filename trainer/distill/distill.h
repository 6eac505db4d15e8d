/* trainer/distill/distill.h -- the distillation objective of one micro-batch: loss and gradient.
 *
 *   L = a(u) CE + (1 - a(u)) T(u)^2 KL_T + reg_weight * Reg      u = step / (steps - 1), per step
 *
 * CE is the label (or teacher-argmax) cross-entropy, KL_T any of the soft losses (soft_loss.h)
 * against the ensemble's target at temperature T (ensemble.h), Reg the consistency regulariser
 * (regulariser.h). Schedules are in schedule.h, gradient control in clip.h. All arithmetic is in
 * double through log-softmax: C is small, so it costs under 3 % of a step and is stable for logits
 * of any size.
 *
 * Scale    T^2 (t2_scale) multiplies fkl, rkl, js, sym, dkd and dist; mse and hard know no
 *          temperature.
 * Batch    dist compares columns of the batch: its examples must come in one call, which
 *          tr_distill_needs_batch() tells. All others add up over micro-batches.
 * Reg      towards the ensemble (reg_target teacher), or towards a running mean of the student's
 *          own weights over the run (ema; Tarvainen & Valpola 2017, arXiv:1703.01780), which
 *          tr_distill_ema_loss() adds since it takes that mean's answers.
 * Teacher  tau_teacher > 0, for Q-values: the target is softmax(v / tau_teacher), the student stays
 *          at T = 1, there is no T^2, and Reg uses the same target (Rusu et al. 2015,
 *          arXiv:1511.06295).
 * Standard standardise: student and teachers at (z - mean) / sd of their own row before T, in the
 *          soft loss alone (Sun et al. 2024, "Logit standardization", arXiv:2403.01427).
 * Shapes   B examples of C classes, K teachers: struct tr_answers. Without a label the ensemble's
 *          argmax takes its place in CE and DKD.
 * Errors   tr_distill_check() alone can fail; the rest trusts a checked configuration. Logits that
 *          are not finite give a loss and gradient that are not; clip.h skips such a step.
 * Threads  pure functions of their arguments.
 * Source   Hinton et al. 2015, arXiv:1503.02531; the others are named where they are defined.
 */
#ifndef TRAINER_DISTILL_DISTILL_H
#define TRAINER_DISTILL_DISTILL_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "trainer/distill/ensemble.h"

enum tr_soft_loss { /* study: distill.loss */
                    TR_LOSS_FKL,
                    TR_LOSS_RKL,
                    TR_LOSS_JS,
                    TR_LOSS_SYM,
                    TR_LOSS_MSE,
                    TR_LOSS_DKD,
                    TR_LOSS_HARD,
                    TR_LOSS_DIST
};
enum tr_mix { TR_MIX_LINEAR, TR_MIX_COSINE, TR_MIX_CONSTANT, TR_MIX_TWO_STAGE };
enum tr_schedule { TR_SCHEDULE_LINEAR, TR_SCHEDULE_COSINE, TR_SCHEDULE_CONSTANT };
enum tr_regulariser { TR_REG_NONE, TR_REG_L2, TR_REG_L2SQ };
enum tr_reg_target { TR_REG_TEACHER, TR_REG_EMA };

struct tr_distill {                          /* plain values; defaults from tr_distill_defaults() */
    enum tr_soft_loss loss;                  /* fkl */
    double t0, t1;                           /* 4, 1 */
    enum tr_schedule t_schedule;             /* linear */
    bool t2_scale;                           /* on */
    enum tr_mix mix;                         /* linear */
    double ce0, ce1;                         /* weight of CE: .9, .1 */
    double stage_split;                      /* two_stage: CE while u < .3 */
    enum tr_regulariser reg;                 /* l2 */
    double reg_weight;                       /* .1 */
    enum tr_reg_target reg_target;           /* teacher */
    double reg_decay;                        /* of the ema's weights, a step: .99 */
    double dkd_alpha, dkd_beta;              /* 1, 8 */
    double dist_beta, dist_gamma;            /* inter, intra: 1, 1 */
    double clip_high, clip_low, floor_until; /* 1, .1, .1; 0: off */
    double tau_teacher;                      /* 0: off */
    bool standardise;                        /* off */
};

void tr_distill_defaults(struct tr_distill *distill);
/* And the ensemble's; teachers 0: only that numbers are in range. */
rt_status tr_distill_check(const struct tr_distill *distill, const struct tr_ensemble *ensemble,
                           int teachers, int classes, bool has_labels, struct rt_err *err);

/* Sums over the micro-batch, in double; divide by the examples to get means. */
struct tr_distill_stats {
    double total, ce, soft, reg;     /* total = a ce + (1-a) soft + reg_weight reg; soft with T^2 */
    double grad_ce_sq, grad_soft_sq; /* squared L2 norms of the weighted parts of dL/dlogits */
    double t, ce_weight;             /* in force */
};

/* Must all examples of a step come in one call? */
bool tr_distill_needs_batch(const struct tr_distill *distill);
/* Does tr_distill_ema_loss() have anything to add? */
bool tr_distill_needs_ema(const struct tr_distill *distill, int teachers);

/* What was answered about some examples, and what should have been. */
struct tr_answers {
    int count, classes, teachers;
    const float *logits;      /* (count,C) of the student */
    const float *ema;         /* (count,C) of its mean weights, for reg_target ema */
    const int *label;         /* [count], -1: unknown; NULL: all are */
    const float *weight;      /* [count] of each one's loss; NULL: all 1 */
    const float *const *said; /* [count] the teachers' logits (K,C); not read without teachers */
    float *each;              /* [count] where the soft loss of each goes, unweighted; or NULL */
};

/* grad (count,C) = scale * d(sum of per-example losses)/dlogits, overwritten; stats are added to.
 * scale is 1/B of the whole batch, so that micro-batches add up. Without teachers: CE alone, and
 * the ensemble may be NULL. scratch holds tr_distill_scratch(C) doubles. */
size_t tr_distill_scratch(int classes);
void tr_distill_loss(const struct tr_distill *distill, const struct tr_ensemble *ensemble,
                     double progress, const struct tr_answers *answers, double scale,
                     double *scratch, float *grad, struct tr_distill_stats *stats);
/* Then, for reg_target ema, add the regulariser towards answers->ema to grad and stats. */
void tr_distill_ema_loss(const struct tr_distill *distill, const struct tr_answers *answers,
                         double scale, double *scratch, float *grad,
                         struct tr_distill_stats *stats);
#endif
