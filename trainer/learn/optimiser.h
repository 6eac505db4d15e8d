/* trainer/learn/optimiser.h -- AdamW with decoupled weight decay and global-norm gradient control.
 *
 *   m = b1 m + (1-b1) g     v = b2 v + (1-b2) g^2
 *   w = w - lr (mhat / (sqrt(vhat) + eps) + decay * w)      decay of TR_ROLE_WEIGHT alone
 *
 * The norm and the scale come from trainer/distill/clip.h; a step whose norm is not finite is
 * skipped by the caller. One pass computes the norm, one updates and zeroes the gradients.
 * A table of token ids whose `touched` rows are listed moves by these alone, and only they have a
 * gradient: learn/lookup.h.
 * Source   Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
 */
#ifndef TRAINER_LEARN_OPTIMISER_H
#define TRAINER_LEARN_OPTIMISER_H
#include "trainer/net/student.h"

struct tr_adamw {
    float beta1, beta2, eps, decay; /* .9, .999, 1e-8, .01 after init */
    float *m, *v;                   /* param_count each, zeroed by init */
    int64_t step;                   /* taken so far */
    const int *touched;             /* rows of the table, ascending; NULL: all */
    int touched_count;
};

rt_status tr_adamw_init(struct tr_adamw *adamw, const struct tr_student *student,
                        struct rt_arena *model, struct rt_err *err);
/* Global L2 norm of n values, accumulated in double in a fixed order. */
double tr_gradient_norm(const struct tr_kernels *kernels, const float *grads, size_t n);
/* w and the moments from grads * scale at learning rate lr; grads are zero afterwards. */
void tr_adamw_step(struct tr_adamw *adamw, const struct tr_student *student, float *params,
                   float *grads, float scale, float lr);
/* The norm of a student's gradient, and grads = 0: of a table's touched rows where they are listed. */
double tr_adamw_norm(const struct tr_adamw *adamw, const struct tr_student *student,
                     const float *grads);
void tr_adamw_skip(const struct tr_adamw *adamw, const struct tr_student *student, float *grads);
#endif
