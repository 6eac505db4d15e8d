/* trainer/task/text/text_next.c -- the next token: what is asked of a text, and how it is measured. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "trainer/task/text/text_internal.h"

static const struct text *text_of(const struct tr_task *task)
{
    assert(task->kind == &tr_task_next_token);
    return (const struct text *)task;
}

void text__ask_next(struct space_shape *shape)
{
    shape->pool = SPACE_POOL_NONE;
    shape->variant.causal = true;
    shape->variant.head = SPACE_HEAD_TIED;
}

/* All rows but the last of each example are asked: what follows them. */
static void fill(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch)
{
    int answers = 0;

    text__fill_ids(text_of(task), rows, n, batch);
    int *const asked = batch->asking;
    for (int m = 0; m < n; m++)
        for (int row = batch->start[m]; row + 1 < batch->start[m + 1]; row++)
            asked[answers++] = row;
    tr_batch_ask(batch, answers, asked);
    for (int i = 0; i < answers; i++)
        batch->label[i] = batch->ids[batch->asked[i] + 1];
}

static int answers(const struct tr_task *task, int row)
{
    return text__length_of(&text_of(task)->cut[0], row) - 1;
}

/* ---- measures ---- */

static const struct space_objective measures[] = {
    {"bits_per_character", "bits/char", "bits per character", "", 1, 4, false, false, 0, false},
    {"perplexity", "perplexity", "perplexity of the next token", "", 1, 2, true, false, 1, false},
    {.name = NULL}};

static int code_points(const char *text, size_t bytes)
{
    int count = 0;

    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* Characters that a row's tokens stand for, and one for its end: of a text that is cut, those of its
 * longest beginning that has no more tokens. */
static int characters(const struct text *self, int row)
{
    const struct tr_span text = tr_texts_get(&self->texts, row, 0);
    const int vocabulary = self->cut[0].vocabulary, room = self->task.shape.length - 2;
    size_t fits = 0, most = text.bytes;

    if (tr_tokenise(self->tokeniser, vocabulary, text.text, most, NULL, 0) <= room)
        return code_points(text.text, most) + 1;
    while (most - fits > 1) {
        const size_t half = fits + (most - fits) / 2;
        if (tr_tokenise(self->tokeniser, vocabulary, text.text, half, NULL, 0) <= room)
            fits = half;
        else
            most = half;
    }
    return code_points(text.text, fits) + 1;
}

static rt_status measure(const struct tr_task *task, const int *rows,
                         const struct tr_row_sums *sums, struct tr_metrics *metrics,
                         struct rt_err *err)
{
    const struct tr_metric *nll = tr_metrics_find(metrics, "nll");
    const int n = sums->rows;
    double *const bits = malloc((size_t)n * 2 * sizeof *bits);

    assert(nll && n >= 1);
    if (!bits)
        return rt_fail(err, RT_ENOMEM, "no memory to measure %d texts", n);
    double *const chars = bits + n;
    for (int i = 0; i < n; i++) {
        bits[i] = sums->of[TR_SUM_NLL][i] * 1.4426950408889634; /* 1 / ln 2 */
        chars[i] = characters(text_of(task), rows[i]);
    }
    tr_metrics_add_ratio(metrics, "bits_per_character", bits, chars, n);
    tr_metrics_add(metrics, "perplexity", exp(nll->value), exp(nll->value) * nll->error);
    free(bits);
    return RT_OK;
}

const struct tr_task_kind tr_task_next_token = {
    .name = "text",
    .fill = fill,
    .answers = answers,
    .describe = text__describe,
    .measures = measures,
    .measure_rows = measure,
    .recall = text__recall,
    .written = ".jsonl",
    .write = text__write,
    .close = text__close,
};
