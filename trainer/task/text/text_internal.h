/* trainer/task/text/text_internal.h -- a task of texts, and what its files share. */
#ifndef TRAINER_TASK_TEXT_TEXT_INTERNAL_H
#define TRAINER_TASK_TEXT_TEXT_INTERNAL_H
#include "trainer/task/text/text.h"

struct cut { /* all rows, cut by the first `vocabulary` tokens */
    int vocabulary;
    size_t *start; /* owned: [rows + 1] */
    int *ids;      /* owned: row i has ids[start[i]] .. ids[start[i+1] - 1] */
};

struct text {
    struct tr_task task; /* first, so that one points to the other */
    struct tr_texts texts;
    struct tr_tokeniser own;              /* of the training file; else empty */
    const struct tr_tokeniser *tokeniser; /* own, or that of the task that this one is like */
    const struct tr_labels *labels;       /* likewise */
    int cuts;
    struct cut cut[TR_TEXT_MAX_VOCABULARIES];
};

const struct cut *text__cut_of(const struct text *self, int vocabulary);
static inline int text__length_of(const struct cut *cut, int row)
{
    return (int)(cut->start[row + 1] - cut->start[row]);
}
void text__fill_ids(const struct text *self, const int *rows, int n, struct tr_batch *batch);
void text__close(struct tr_task *task);
/* Of the next token: an answer a row that sees those before it, by a head tied to the table. */
void text__ask_next(struct space_shape *shape);

/* By another network's tokeniser. */
int text__tokens(const struct tr_task *task);
rt_status text__adapt(const struct tr_task *task, const struct tr_reading *how,
                      const struct tr_stem_tensors *stem, struct rt_err *err);
rt_status text__reread(const struct tr_task *task, const struct tr_reading *how,
                       struct tr_task **view, struct rt_err *err);
/* {"text": .., "text_b": ..} a line. */
rt_status text__write(const struct tr_task *task, const char *path, struct rt_err *err);
/* Of texts, labels and tokens into task.hash. */
rt_status text__hash(struct text *self, struct rt_err *err);
void text__describe(const struct tr_task *task, void *to,
                    void (*note)(void *to, const char *key, const char *value));
rt_status text__recall(const struct tr_notes *notes, const struct space_arch *arch,
                       struct space_shape *shape, struct tr_input *input, struct rt_err *err);
#endif
