/* trainer/task/split.h -- which rows are trained on, which score students, which are held out.
 *
 * All are drawn by seed with the classes in the file's proportions (largest remainder), and ascend.
 * Validation rows may be given instead: those that teachers from elsewhere were not trained on.
 */
#ifndef TRAINER_TASK_SPLIT_H
#define TRAINER_TASK_SPLIT_H
#include <stdint.h>

#include "base/status.h"

struct tr_split { /* row numbers; owned */
    int *train, *validation, *held_out;
    int train_count, validation_count, held_out_count;
};

struct tr_split_sizes {
    int validation;
    int held_out; /* rows that neither teachers nor students train on, and that score no student */
    int train_limit; /* 0: all others */
    uint64_t seed;
    const int *validation_rows; /* these `validation`, ascending; NULL: they are drawn */
};

/* label [rows], each 0 .. classes - 1. RT_EARG names the key of a study. */
rt_status tr_split_init(struct tr_split *split, const int *label, int rows, int classes,
                        const struct tr_split_sizes *sizes, struct rt_err *err);
void tr_split_release(struct tr_split *split);
#endif
