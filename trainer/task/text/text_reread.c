/* trainer/task/text/text_reread.c -- texts as a network from elsewhere reads them: the same texts, cut
 * by its own tokeniser, whole; and that network's table in the order of the students' tokens.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "trainer/task/text/text_internal.h"

struct view {
    struct tr_task task; /* first, so that one points to the other */
    struct tr_tokeniser tokeniser;
    size_t *start; /* owned: [rows + 1] */
    int *ids;      /* owned: row i has ids[start[i]] .. ids[start[i+1] - 1] */
};

/* Segment 0 up to and with the first [SEP], 1 behind it. */
static void fill(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch)
{
    const struct view *self = (const struct view *)task;

    for (int m = 0; m < n; m++) /* room for n: labels come later */
        batch->label[m] = (int)(self->start[rows[m] + 1] - self->start[rows[m]]);
    tr_batch_resize(batch, n, batch->label);
    for (int m = 0; m < n; m++) {
        const int first = batch->start[m], length = batch->start[m + 1] - first;
        const int *ids = self->ids + self->start[rows[m]];
        int second = 0;
        memcpy(batch->ids + first, ids, (size_t)length * sizeof *ids);
        for (int i = 0; batch->segment && i < length; i++) {
            batch->segment[first + i] = second;
            second |= ids[i] == self->tokeniser.control[TR_SEP];
        }
        batch->label[m] = task->label[rows[m]];
    }
}

static void close_view(struct tr_task *task)
{
    struct view *self = (struct view *)task;

    tr_tokeniser_release(&self->tokeniser);
    free(self->start);
    free(self->ids);
    free(self);
}

static const struct tr_task_kind kind = {.name = "text", .fill = fill, .close = close_view};

static rt_status cut_rows(struct view *self, const struct tr_texts *texts, int length,
                          struct rt_err *err)
{
    const int limit = self->tokeniser.vocabulary.count;
    const size_t most = (size_t)texts->count * length;

    self->start = calloc((size_t)texts->count + 1, sizeof *self->start);
    self->ids = malloc(most * sizeof *self->ids);
    if (!self->start || !self->ids)
        return rt_fail(err, RT_ENOMEM, "no memory for %zu tokens; make data.length smaller", most);
    for (int i = 0; i < texts->count; i++)
        self->start[i + 1] =
            self->start[i] + (size_t)tr_encode(&self->tokeniser, limit, tr_texts_get(texts, i, 0),
                                               tr_texts_get(texts, i, 1), length,
                                               self->ids + self->start[i], NULL);
    return RT_OK;
}

/* Does it call class i as the data do? "LABEL_0" and the data's plain numbers say nothing. */
static rt_status check_labels(const struct tr_labels *labels, const struct tr_reading *how,
                              struct rt_err *err)
{
    char number[16];

    for (int i = 0; i < how->labels && i < labels->count; i++) {
        const char *theirs = how->label[i], *ours = labels->name[i];
        (void)snprintf(number, sizeof number, "%d", i);
        if (strncasecmp(theirs, "LABEL_", 6) == 0 || strcmp(ours, number) == 0)
            continue;
        if (strcasecmp(theirs, ours) != 0)
            return rt_fail(
                err, RT_EMISMATCH,
                "class %d is '%.40s' to '%.120s' and '%s' in the data; give data.labels in "
                "the teacher's order",
                i, theirs, how->folder, ours);
    }
    return RT_OK;
}

static rt_status open_view(struct view *self, const struct tr_task *task,
                           const struct tr_reading *how, struct rt_err *err)
{
    RT_TRY(check_labels(tr_text_labels(task), how, err));
    RT_TRY(tr_tokeniser_open(&self->tokeniser, how->folder, err));
    if (self->tokeniser.vocabulary.count > how->vocabulary)
        return rt_fail(err, RT_EFORMAT,
                       "the tokeniser of '%s' has %d tokens, its network reads %d; they are of two "
                       "models",
                       how->folder, self->tokeniser.vocabulary.count, how->vocabulary);
    return cut_rows(self, tr_text_texts(task), how->shape->length, err);
}

int text__tokens(const struct tr_task *task)
{
    const struct text *self = (const struct text *)task;
    int most = 0;

    assert(task->kind == &tr_task_text || task->kind == &tr_task_next_token);
    for (int i = 0; i < self->cuts; i++)
        most = self->cut[i].vocabulary > most ? self->cut[i].vocabulary : most;
    return most;
}

rt_status text__reread(const struct tr_task *task, const struct tr_reading *how,
                       struct tr_task **view, struct rt_err *err)
{
    struct view *self = calloc(1, sizeof *self);

    if (!self)
        return rt_fail(err, RT_ENOMEM, "no memory to read texts another way");
    assert(how->folder && how->shape->length > 0);
    self->task = (struct tr_task){
        .kind = &kind, .shape = *how->shape, .rows = task->rows, .label = task->label};
    memcpy(self->task.hash, task->hash, sizeof task->hash);
    const rt_status rc = open_view(self, task, how, err);
    if (rc) {
        close_view(&self->task);
        return rc;
    }
    *view = &self->task;
    return RT_OK;
}

rt_status text__adapt(const struct tr_task *task, const struct tr_reading *how,
                      const struct tr_stem_tensors *stem, struct rt_err *err)
{
    const struct tr_tokeniser *mine = tr_text_tokeniser(task);
    const size_t d = (size_t)stem->width;
    struct tr_tokeniser its;
    rt_status rc = RT_OK;

    assert(stem->own && stem->table && stem->vocabulary <= mine->vocabulary.count);
    RT_TRY(tr_tokeniser_open(&its, how->folder, err));
    for (int id = 0; id < stem->vocabulary && rc == RT_OK; id++) {
        const char *token = tr_vocabulary_token(&mine->vocabulary, id);
        const int found = tr_vocabulary_find(&its.vocabulary, token, strlen(token));
        if (found < 0 || found >= how->vocabulary)
            rc = rt_fail(err, RT_EARG,
                         "the students' token '%.60s' is none of '%s', so its layers and its table "
                         "say nothing about it; write data.tokeniser: with that folder",
                         token, how->folder);
        else
            memcpy(stem->table + (size_t)id * d, stem->own + (size_t)found * d,
                   d * sizeof *stem->table);
    }
    tr_tokeniser_release(&its);
    return rc;
}
