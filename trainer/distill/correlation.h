/* trainer/distill/correlation.h -- `dist`: does the student rank as the target does, whatever the
 * size of its differences?
 *
 *   inter  1 - r(q_i, p_i)        over the classes of one example
 *   intra  1 - mean_c r(q_c, p_c) over the examples of the batch, class by class
 *
 * r is Pearson's correlation, sum x y / (|x| |y|) of centred x and y. With x of the student,
 * dr/dx = (y - r x |y| / |x|) / (|x| |y|). What hardly varies has no correlation: where |x| or |y|
 * is below 1e-6, r and its gradient are 0.
 *
 * intra needs the whole batch: its columns are summed up first, and each example's part of the
 * gradient follows from the sums. Two examples always correlate by 1 or -1, so three are wanted.
 * Source   Huang et al. 2022, "Knowledge distillation from a stronger teacher" (DIST),
 *          arXiv:2205.10536.
 */
#ifndef TRAINER_DISTILL_CORRELATION_H
#define TRAINER_DISTILL_CORRELATION_H

/* 1 - r of one row; grad (C) += weight d/dq. */
double tr_correlation_row(const double *q, const double *p, int classes, double weight,
                          double *grad);

/* Sums over the examples for each class, C doubles each: first the means, then centred products. */
struct tr_columns {
    int classes, rows;
    double *mean_q, *mean_p, *qq, *pp, *qp;
};
enum { TR_COLUMN_ROWS = 5 };
/* Take `space` (TR_COLUMN_ROWS * classes doubles) and clear it. */
void tr_columns_init(struct tr_columns *columns, int classes, double *space);
/* Twice for each example: all of them for the means, then all of them for the products. */
void tr_columns_mean(struct tr_columns *columns, const double *q, const double *p);
void tr_columns_product(struct tr_columns *columns, const double *q, const double *p);
/* intra; grad (C) += weight rows d/dq of one example: of the sum, not the mean, of its examples. */
double tr_columns_loss(const struct tr_columns *columns, const double *q, const double *p,
                       double weight, double *grad);
#endif
