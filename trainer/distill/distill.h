/* trainer/distill/distill.h -- the distillation objective of one micro-batch: loss and gradient.
 *
 *   L = a(u) CE + (1 - a(u)) T(u)^2 KL_T + reg_weight * Reg      u = step / (steps - 1), per step
 *
 * CE is the label (or teacher-argmax) cross-entropy, KL_T any of the soft losses (soft_loss.h)
 * against the ensemble's target at temperature T (ensemble.h), Reg the consistency regulariser.
 * Schedules are in schedule.h, gradient control in clip.h. All arithmetic is in double through
 * log-softmax: C is small, so it costs under 3 % of a step and is stable for logits of any size.
 *
 * Shapes   logits, grad (B,C); teacher (B,K,C) logits; labels (B) or NULL (label-free use).
 * Errors   tr_distill_check() alone can fail; the rest trusts a checked configuration.
 * Threads  pure functions of their arguments.
 * Source   Hinton et al. 2015, arXiv:1503.02531; the others are named where they are defined.
 */
#ifndef TRAINER_DISTILL_DISTILL_H
#define TRAINER_DISTILL_DISTILL_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum tr_soft_loss { /* study: distill.loss */
                    TR_LOSS_FKL,
                    TR_LOSS_RKL,
                    TR_LOSS_JS,
                    TR_LOSS_SYM,
                    TR_LOSS_MSE,
                    TR_LOSS_DKD,
                    TR_LOSS_HARD
};
enum tr_mix { TR_MIX_LINEAR, TR_MIX_COSINE, TR_MIX_CONSTANT, TR_MIX_TWO_STAGE };
enum tr_schedule { TR_SCHEDULE_LINEAR, TR_SCHEDULE_COSINE, TR_SCHEDULE_CONSTANT };
enum tr_regulariser { TR_REG_NONE, TR_REG_L2, TR_REG_L2SQ };
enum tr_combine { TR_COMBINE_PROB, TR_COMBINE_LOGIT };

#define TR_DISTILL_MAX_TEACHERS 16

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
    double dkd_alpha, dkd_beta;              /* 1, 8 */
    double clip_high, clip_low, floor_until; /* 1, .1, .1 */
    enum tr_combine combine;                 /* prob */
    double weight[TR_DISTILL_MAX_TEACHERS];  /* of the teachers, sum 1 */
};

void tr_distill_defaults(struct tr_distill *distill);
rt_status tr_distill_check(const struct tr_distill *distill, int teachers, int classes,
                           bool has_labels, struct rt_err *err);

/* Sums over the micro-batch, in double; divide by the examples to get means. */
struct tr_distill_stats {
    double total, ce, soft, reg;     /* losses, unweighted but for total */
    double grad_ce_sq, grad_soft_sq; /* squared L2 norms of the weighted parts of dL/dlogits */
    double t, ce_weight;             /* in force */
};

/* grad = scale * d(sum of per-example losses)/dlogits, overwritten; stats are added to.
 * scale is 1/B of the whole batch, so that micro-batches add up. teachers 0: CE alone.
 * scratch holds tr_distill_scratch(classes, teachers) doubles. */
size_t tr_distill_scratch(int classes, int teachers);
void tr_distill_loss(const struct tr_distill *distill, double progress, const float *logits,
                     const float *teacher, int teachers, const int *labels, int batch, int classes,
                     double scale, double *scratch, float *grad, struct tr_distill_stats *stats);
#endif
