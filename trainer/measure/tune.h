/* trainer/measure/tune.h -- which micro-batch and whose matrix product are fastest for a student on this
 * machine.
 */
#ifndef TRAINER_MEASURE_TUNE_H
#define TRAINER_MEASURE_TUNE_H
#include "trainer/net/student.h"

/* What is fastest on this machine for a student of this shape; results depend on it by rounding. */
struct tr_tuning {
    int micro_batch; /* among 1, 2, 4, .. 32, at most batch */
    bool openblas;   /* linear layers by OpenBLAS are clearly faster than the kernel set's own */
};
/* Times passes over about two thousand made-up examples: 0.1 s for a small student, seconds for
 * one of millions of parameters. The student's kernels must be a set, not a variant of one. */
rt_status tr_tune(const struct tr_student *student, int batch, struct tr_tuning *tuning,
                  struct rt_err *err);
#endif
