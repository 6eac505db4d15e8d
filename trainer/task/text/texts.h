/* trainer/task/text/texts.h -- texts with labels in memory, in the order of their files.
 *
 * Label    numbers of `labels`; without a label column all are 0, and `labels` is empty.
 * Fold     of WordNet, whose split is that of every user: training texts are folds 0 to 8, of which
 *          the 8th validates, the test is the 9th.
 * Threads  read-only after loading.
 */
#ifndef TRAINER_TASK_TEXT_TEXTS_H
#define TRAINER_TASK_TEXT_TEXTS_H
#include "base/hash.h"
#include "trainer/task/text/labels.h"
#include "trainer/task/text/table.h"
#include "trainer/task/text/tokeniser.h"

struct tr_texts_spec {
    bool wordnet; /* `path` is its folder; only column[TR_COLUMN_LABEL] is asked for */
    struct tr_table_spec table; /* else */
    int labels;                 /* those that the study lists; 0: none */
    const char *const *label;
};

struct tr_texts {
    int count;
    bool pairs; /* two texts each */
    struct tr_table table;
    int *label;      /* owned: [count] */
    int *validation; /* owned: rows that validate, ascending, where the data say; else NULL */
    int validation_count;
    struct tr_labels labels;
    char hash[RT_HASH_TEXT]; /* of texts and labels */
};

/* The training file, or, with its labels in `known`, the test file. RT_EFORMAT also when all texts
 * are empty. */
rt_status tr_texts_load(struct tr_texts *texts, const char *path, const struct tr_texts_spec *spec,
                        const struct tr_labels *known, struct rt_err *err);
void tr_texts_release(struct tr_texts *texts);

/* Text 0 or 1 of a row; without a second one, .text is NULL. */
struct tr_span tr_texts_get(const struct tr_texts *texts, int row, int which);
#endif
