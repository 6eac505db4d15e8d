/* trainer/task/text/labels.h -- what the labels of texts are called, and their numbers.
 *
 * Numbers  whole numbers from 0 stay what they are, when all are such and 0 is one of them.
 * Names    else every distinct text is a class, numbered in the order given or, when none is, of
 *          their bytes. Numbers with fractions are refused: a regression has no classes.
 */
#ifndef TRAINER_TASK_TEXT_LABELS_H
#define TRAINER_TASK_TEXT_LABELS_H
#include "trainer/task/text/table.h"

#define TR_LABELS_MAX 256
#define TR_LABEL_NAME 64 /* bytes, the NUL included */

struct tr_labels {
    int count;
    char (*name)[TR_LABEL_NAME]; /* owned: [count] */
};

/* Those of a column of the training file, or `given` (count 0: none); at least two. */
rt_status tr_labels_find(struct tr_labels *labels, const char *file, const struct tr_table *table,
                         int column, const char *const *given, int given_count, struct rt_err *err);
/* label [rows] of a column; one that is not among them is RT_EFORMAT with its file and line. */
rt_status tr_labels_read(const struct tr_labels *labels, const char *file,
                         const struct tr_table *table, int column, int *label, struct rt_err *err);
void tr_labels_release(struct tr_labels *labels);
#endif
