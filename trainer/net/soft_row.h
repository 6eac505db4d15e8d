/* trainer/net/soft_row.h -- rows of many classes, as a next token has them: softmax and sums in floats.
 *
 * What distill/softmax.h does in double for some dozens of classes. A row is one answer's logits.
 */
#ifndef TRAINER_NET_SOFT_ROW_H
#define TRAINER_NET_SOFT_ROW_H
#include "trainer/net/student.h"

/* p (n) = softmax(scale z), by the student's kernels; p may be z. Returns ln sum exp(scale z). */
double tr_soft_row(const struct tr_student *student, int n, double scale, const float *z, float *p);
/* Sum of a b, and of (a - b)^2, in 16 sums that are added up in double. */
double tr_row_dot(int n, const float *a, const float *b);
double tr_row_distance(int n, const float *a, const float *b);
#endif
