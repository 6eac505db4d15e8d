/* trainer/task/text/text.c -- see text.h. */
#include "trainer/task/text/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/distill/softmax.h"
#include "trainer/task/text/text_internal.h"
#include "trainer/task/text/tokeniser_train.h"

static const struct text *text_of(const struct tr_task *task)
{
    assert(task->kind == &tr_task_text || task->kind == &tr_task_next_token);
    return (const struct text *)task;
}

const struct tr_texts *tr_text_texts(const struct tr_task *task)
{
    return &text_of(task)->texts;
}

const struct tr_tokeniser *tr_text_tokeniser(const struct tr_task *task)
{
    return text_of(task)->tokeniser;
}

const struct tr_labels *tr_text_labels(const struct tr_task *task)
{
    return text_of(task)->labels;
}

bool tr_text_has_vocabulary(const struct tr_task *task, int vocabulary)
{
    const struct text *self = text_of(task);

    for (int i = 0; i < self->cuts; i++)
        if (self->cut[i].vocabulary == vocabulary)
            return true;
    return false;
}

/* ---- the kind ---- */

const struct cut *text__cut_of(const struct text *self, int vocabulary)
{
    int i = 0;

    while (i + 1 < self->cuts && self->cut[i].vocabulary != vocabulary)
        i++;
    assert(self->cut[i].vocabulary == vocabulary);
    return &self->cut[i];
}

/* Segment 0 up to and with the first [SEP], 1 behind it. */
static void fill_segments(const struct text *self, const int *ids, int n, int *segment)
{
    int second = 0;

    for (int i = 0; i < n; i++) {
        segment[i] = second;
        second |= ids[i] == self->tokeniser->control[TR_SEP];
    }
}

/* ids (rows) of examples one behind the other, as many as the batch was resized for. */
void text__fill_ids(const struct text *self, const int *rows, int n, struct tr_batch *batch)
{
    const struct cut *cut = text__cut_of(self, batch->vocabulary);

    for (int m = 0; m < n; m++) {
        assert(rows[m] >= 0 && rows[m] < self->task.rows);
        batch->label[m] = text__length_of(cut, rows[m]); /* room for n: labels come later */
    }
    tr_batch_resize(batch, n, batch->label);
    for (int m = 0; m < n; m++) {
        const int length = text__length_of(cut, rows[m]), first = batch->start[m];
        memcpy(batch->ids + first, cut->ids + cut->start[rows[m]],
               (size_t)length * sizeof *batch->ids);
        if (batch->segment)
            fill_segments(self, batch->ids + first, length, batch->segment + first);
    }
}

static void fill(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch)
{
    text__fill_ids(text_of(task), rows, n, batch);
    for (int m = 0; m < n; m++)
        batch->label[m] = task->label[rows[m]];
}

static const struct space_objective measures[] = {
    {"macro_f1", "macro-F1", "macro-averaged F1", "%", 100, 2, false, false, 0, true},
    {.name = NULL}};

/* (C, {tp, labels, answers}) of the labels and the likeliest answers. */
enum { right_of, labels_of, answers_of, counts };

/* What a text of label y, answered b, adds to the sum of F1: the change of each F = 2 tp / (labels +
 * answers) by its counts, which sum to 0 over all texts. */
static double added(const int *tally, int y, int b)
{
    double sum = 0;

    for (int side = 0; side < 2; side++) {
        const int *c = tally + counts * (ptrdiff_t)(side ? b : y);
        const double all = c[labels_of] + c[answers_of], f = 2.0 * c[right_of] / all;
        sum += ((y == b) - f) / all;
    }
    return sum;
}

double tr_text_f1(const int *label, const float *logits, int n, int classes, double *f1,
                  double *error)
{
    double sum = 0, squares = 0;
    int occurring = 0;
    int *const tally = calloc((size_t)classes * counts + (size_t)n, sizeof *tally);
    int *const best = tally ? tally + (ptrdiff_t)classes * counts : NULL; /* [n] */

    assert(n >= 1 && classes >= 1);
    if (!tally)
        return (double)NAN;
    for (int i = 0; i < n; i++) {
        best[i] = tr_argmax_float(logits + (ptrdiff_t)i * classes, classes);
        tally[counts * (ptrdiff_t)label[i] + right_of] += best[i] == label[i];
        tally[counts * (ptrdiff_t)label[i] + labels_of]++;
        tally[counts * (ptrdiff_t)best[i] + answers_of]++;
    }
    for (int c = 0; c < classes; c++) {
        const int *of = tally + counts * (ptrdiff_t)c;
        const int all = of[labels_of] + of[answers_of];
        const double value = all ? 2.0 * of[right_of] / all : -1;
        occurring += all > 0;
        sum += all ? value : 0;
        if (f1)
            f1[c] = value;
    }
    for (int i = 0; i < n; i++) {
        const double a = added(tally, label[i], best[i]);
        squares += a * a;
    }
    if (error)
        *error = n > 1 ? sqrt(squares * n / (n - 1)) / occurring : (double)NAN;
    free(tally);
    return sum / occurring;
}

static rt_status measure(const struct tr_task *task, const int *rows, int n, const float *logits,
                         struct tr_metrics *metrics, struct rt_err *err)
{
    int *label = malloc((size_t)n * sizeof *label);

    if (!label)
        return rt_fail(err, RT_ENOMEM, "no memory to measure %d texts", n);
    for (int i = 0; i < n; i++)
        label[i] = task->label[rows[i]];
    double error = (double)NAN;
    const double f1 = tr_text_f1(label, logits, n, task->shape.classes, NULL, &error);
    tr_metrics_add(metrics, "macro_f1", f1, error);
    free(label);
    return RT_OK;
}

void text__close(struct tr_task *task)
{
    struct text *self = (struct text *)task;

    tr_split_release(&task->split);
    tr_texts_release(&self->texts);
    tr_tokeniser_release(&self->own);
    for (int i = 0; i < self->cuts; i++) {
        free(self->cut[i].start);
        free(self->cut[i].ids);
    }
    free(self);
}

const struct tr_task_kind tr_task_text = {
    .name = "text",
    .fill = fill,
    .describe = text__describe,
    .measures = measures,
    .measure = measure,
    .recall = text__recall,
    .written = ".jsonl",
    .write = text__write,
    .reread = text__reread,
    .adapt = text__adapt,
    .tokens = text__tokens,
    .close = text__close,
};

/* ---- opening ---- */

struct train_texts { /* the train rows' texts, one after the other */
    const struct text *of;
    int next;
};

static bool next_text(void *from, struct tr_span *text)
{
    struct train_texts *t = from;
    const struct tr_split *split = &t->of->task.split;
    const int each = 1 + t->of->texts.pairs, at = t->next++;

    if (at >= split->train_count * each)
        return false;
    *text = tr_texts_get(&t->of->texts, split->train[at / each], at % each);
    return true;
}

static rt_status open_tokens(struct text *self, const struct tr_text_spec *spec, struct rt_err *err)
{
    struct train_texts from = {.of = self};
    const struct tr_text_source source = {next_text, &from};
    struct tr_tokeniser whole;
    int *number;

    self->tokeniser = &self->own;
    if (!spec->tokens)
        return tr_tokeniser_train(&self->own, spec->kind, spec->size, &spec->rules, &source, err);
    RT_TRY(tr_tokeniser_open(&whole, spec->tokens, err));
    const rt_status rc =
        whole.kind == TR_PAIRS
            ? rt_fail(
                  err, RT_EFORMAT,
                  "'%.200s' is byte-level BPE, of which no smaller vocabulary can be made; leave "
                  "data.tokeniser out, and tokens are learnt",
                  spec->tokens)
            : tr_tokeniser_rank(&self->own, &whole, &source, &number, err);
    tr_tokeniser_release(&whole);
    if (!rc)
        free(number);
    return rc;
}

/* All rows' ids by the first V tokens. */
static rt_status cut_rows(struct text *self, int vocabulary, struct cut *cut, struct rt_err *err)
{
    const int rows = self->texts.count, length = self->task.shape.length;
    const size_t most = (size_t)rows * length;

    *cut = (struct cut){.vocabulary = vocabulary};
    cut->start = malloc(((size_t)rows + 1) * sizeof *cut->start);
    cut->ids = malloc(most * sizeof *cut->ids);
    if (!cut->start || !cut->ids)
        return rt_fail(err, RT_ENOMEM, "no memory for %zu tokens; make data.length smaller", most);
    cut->start[0] = 0;
    for (int i = 0; i < rows; i++) {
        int *ids = cut->ids + cut->start[i];
        const int n = tr_encode(self->tokeniser, vocabulary, tr_texts_get(&self->texts, i, 0),
                                tr_texts_get(&self->texts, i, 1), length, ids, NULL);
        cut->start[i + 1] = cut->start[i] + (size_t)n;
    }
    int *fitting = realloc(cut->ids, cut->start[rows] * sizeof *fitting);
    cut->ids = fitting ? fitting : cut->ids;
    return RT_OK;
}

static rt_status cut_all(struct text *self, const int *vocabulary, int count, struct rt_err *err)
{
    const int there = self->tokeniser->vocabulary.count;

    for (int i = 0; i < count; i++) {
        if (vocabulary[i] > there)
            return rt_fail(err, RT_EARG,
                           "a vocabulary of %d tokens is asked for, but the train rows have %d; "
                           "write at most that in space.vocabulary",
                           vocabulary[i], there);
        if (vocabulary[i] <= TR_CONTROLS ||
            (self->tokeniser->kind == TR_BYTES && vocabulary[i] != there))
            return rt_fail(err, RT_EARG, "a vocabulary of %d tokens is asked for, want %s%d",
                           vocabulary[i], self->tokeniser->kind == TR_BYTES ? "" : "6 to ", there);
        RT_TRY(cut_rows(self, vocabulary[i], &self->cut[self->cuts++], err));
    }
    return RT_OK;
}

/* Takes the texts. */
static rt_status make(struct text **text, struct tr_texts *texts, bool next, int length,
                      struct rt_err *err)
{
    struct text *self = calloc(1, sizeof *self);

    if (!self) {
        tr_texts_release(texts);
        return rt_fail(err, RT_ENOMEM, "no memory for a task of texts");
    }
    self->texts = *texts;
    *texts = (struct tr_texts){0};
    self->task = (struct tr_task){
        .kind = next ? &tr_task_next_token : &tr_task_text,
        .shape = {.length = length, .segments = self->texts.pairs ? 2 : 0},
        .rows = self->texts.count,
        .label = next ? NULL : self->texts.label,
    };
    *text = self;
    return RT_OK;
}

/* Of rows that validate by the data's own word so many, the classes in proportion. */
static rt_status thin_validation(struct text *self, const struct tr_split_sizes *sizes,
                                 struct rt_err *err)
{
    struct tr_split *split = &self->task.split, chosen;
    struct tr_split_sizes some = {.validation = sizes->validation, .seed = sizes->seed};
    int *label;

    if (sizes->validation >= split->validation_count)
        return RT_OK;
    label = malloc((size_t)split->validation_count * sizeof *label);
    if (!label)
        return rt_fail(err, RT_ENOMEM, "no memory to choose rows");
    for (int i = 0; i < split->validation_count; i++)
        label[i] = self->texts.label[split->validation[i]];
    const int classes = self->labels->count ? self->labels->count : 1;
    const rt_status rc =
        tr_split_init(&chosen, label, split->validation_count, classes, &some, err);
    free(label);
    if (rc)
        return rc;
    for (int i = 0; i < chosen.validation_count; i++)
        split->validation[i] = split->validation[chosen.validation[i]];
    split->validation_count = chosen.validation_count;
    tr_split_release(&chosen);
    return RT_OK;
}

static rt_status split_rows(struct text *self, const struct tr_split_sizes *sizes,
                            struct rt_err *err)
{
    const int classes = self->labels->count ? self->labels->count : 1;
    const bool given = self->texts.validation && !sizes->validation_rows;
    struct tr_split_sizes as = *sizes;

    if (given) {
        as.validation = self->texts.validation_count;
        as.validation_rows = self->texts.validation;
    }
    RT_TRY(
        tr_split_init(&self->task.split, self->texts.label, self->texts.count, classes, &as, err));
    return given ? thin_validation(self, sizes, err) : RT_OK;
}

static rt_status open_text(struct text *self, const struct tr_text_spec *spec, enum space_pool pool,
                           const struct tr_split_sizes *sizes, struct rt_err *err)
{
    self->labels = &self->texts.labels;
    self->task.shape.pool = pool;
    if (spec->next)
        text__ask_next(&self->task.shape);
    RT_TRY(split_rows(self, sizes, err));
    RT_TRY(open_tokens(self, spec, err));
    RT_TRY(cut_all(self, spec->vocabulary, spec->vocabularies, err));
    self->task.shape.classes = spec->next ? spec->vocabulary[0] : self->labels->count;
    return text__hash(self, err);
}

rt_status tr_text_task(struct tr_task **task, struct tr_texts *texts,
                       const struct tr_text_spec *spec, enum space_pool pool,
                       const struct tr_split_sizes *sizes, struct rt_err *err)
{
    struct text *self;

    assert(spec->vocabularies >= 1 && spec->vocabularies <= TR_TEXT_MAX_VOCABULARIES);
    assert(spec->length >= 4 && spec->length <= TR_TEXT_MAX_LENGTH);
    assert(!spec->next || (spec->vocabularies == 1 && !texts->pairs));
    RT_TRY(make(&self, texts, spec->next, spec->length, err));
    const rt_status rc = open_text(self, spec, pool, sizes, err);
    if (rc)
        text__close(&self->task);
    else
        *task = &self->task;
    return rc;
}

rt_status tr_text_task_like(struct tr_task **task, const struct tr_task *like,
                            struct tr_texts *texts, struct rt_err *err)
{
    const struct text *as = text_of(like);
    int vocabulary[TR_TEXT_MAX_VOCABULARIES];
    struct text *self;

    assert(texts->pairs == as->texts.pairs);
    RT_TRY(make(&self, texts, like->kind == &tr_task_next_token, like->shape.length, err));
    self->task.shape = like->shape;
    self->tokeniser = as->tokeniser;
    self->labels = as->labels;
    for (int i = 0; i < as->cuts; i++)
        vocabulary[i] = as->cut[i].vocabulary;
    rt_status rc = cut_all(self, vocabulary, as->cuts, err);
    if (!rc)
        rc = text__hash(self, err);
    if (rc)
        text__close(&self->task);
    else
        *task = &self->task;
    return rc;
}

rt_status tr_text_task_noted(struct tr_task **task, const struct tr_notes *notes,
                             const struct space_shape *shape, int vocabulary,
                             struct tr_texts *texts, struct rt_err *err)
{
    struct text *self;

    RT_TRY(make(&self, texts, false, shape->length, err));
    self->task.shape = *shape;
    self->task.label = self->texts.label;
    self->tokeniser = &self->own;
    self->labels = &self->texts.labels;
    rt_status rc = tr_text_recall_tokens(notes, vocabulary, &self->own, err);
    if (!rc)
        rc = cut_all(self, &vocabulary, 1, err);
    if (rc)
        text__close(&self->task);
    else
        *task = &self->task;
    return rc;
}
