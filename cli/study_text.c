/* cli/study_text.c -- the task `text`: what a study says of texts, and how they are opened.
 *
 * All that the command line knows of words and files of texts is here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study.h"
#include "trainer/task/text/text.h"

enum text_format { FORMAT_TSV, FORMAT_CSV, FORMAT_JSONL, FORMAT_WORDNET, FORMAT_LINES };
enum text_target { TARGET_LABEL, TARGET_NEXT };
enum { COLUMN_NAME = 128 };

struct text_block {
    int format, header, length;
    char train[RT_PATH_MAX], test[RT_PATH_MAX]; /* test "": none */
    char text[COLUMN_NAME], text_b[COLUMN_NAME], label[COLUMN_NAME];
    int labels;
    char names[TR_LABELS_MAX][TR_LABEL_NAME];
    char tokeniser[RT_PATH_MAX]; /* "": tokens are learnt, of this kind */
    int kind, letters;
    int target;
};
_Static_assert(sizeof(struct text_block) <= STUDY_BLOCK_BYTES, "a study has room for it");

#define IN(member) STUDY_AT(struct text_block, member)
#define SHAPE(member) STUDY_AT(struct space, shape.member)

static const char *const formats[] = {
    [FORMAT_TSV] = "tsv",         [FORMAT_CSV] = "csv",     [FORMAT_JSONL] = "jsonl",
    [FORMAT_WORDNET] = "wordnet", [FORMAT_LINES] = "lines", NULL};
static const char *const headers[] = {"true", "false", NULL};
static const char *const kinds[] = {
    [TR_WORDPIECE] = "wordpiece", [TR_WORDS] = "words", [TR_BYTES] = "bytes", NULL};
static const char *const targets[] = {[TARGET_LABEL] = "label", [TARGET_NEXT] = "next", NULL};
static const char *const letters[] = {"fold", "keep", NULL};

static const struct study_key data_keys[] = {
    {"format", STUDY_WORD, IN(format), .words = formats, .required = true},
    {"train", STUDY_PATH, IN(train), .required = true},
    {"test", STUDY_PATH, IN(test), .unhashed = true},
    {"text", STUDY_TEXT, IN(text)},
    {"text_b", STUDY_TEXT, IN(text_b)},
    {"label", STUDY_TEXT, IN(label)},
    {"labels", STUDY_TEXT, STUDY_LIST(struct text_block, names, labels)},
    {"header", STUDY_WORD, IN(header), .words = headers},
    {"length", STUDY_INT, IN(length), 4, TR_TEXT_MAX_LENGTH, .required = true},
    {"tokens", STUDY_WORD, IN(kind), .words = kinds},
    {"letters", STUDY_WORD, IN(letters), .words = letters},
    {"tokeniser", STUDY_PATH, IN(tokeniser)},
    {"target", STUDY_WORD, IN(target), .words = targets, .newer = true},
    {.key = NULL}};

static const struct study_key shape_keys[] = {
    {"length", STUDY_INT, SHAPE(length), 4, TR_TEXT_MAX_LENGTH, .required = true},
    {"classes", STUDY_INT, SHAPE(classes), 1, 1e6, .required = true},
    {.key = NULL}};

static const struct study_key space_keys[] = {
    {"vocabulary", STUDY_INT, STUDY_LIST(struct space, vocabulary.value, vocabulary.count),
     .least = 6, .most = SPACE_MAX_VOCABULARY},
    {"embedding", STUDY_INT, STUDY_LIST(struct space, embedding.value, embedding.count), .least = 1,
     .most = SPACE_MAX_WIDTH, .optional = true},
    {"post_norm", STUDY_BOOL, STUDY_AT(struct space, shape.variant.post_norm), .optional = true},
    {"texts", STUDY_BLOCK, .keys = shape_keys, .unhashed = true},
    {.key = NULL}};

/* ---- what contradicts itself ---- */

static rt_status refuse(const char **key, const char *what, const char *why, struct rt_err *err)
{
    *key = what;
    return rt_fail(err, RT_EARG, "%s", why);
}

static rt_status check(const void *data, const char **key, struct rt_err *err)
{
    const struct text_block *block = data;
    const bool columns = block->text[0] || block->text_b[0] || block->label[0];
    const bool next = block->target == TARGET_NEXT;

    if (next && (block->text_b[0] || block->label[0] || block->labels))
        return refuse(key,
                      block->text_b[0]  ? "text_b"
                      : block->label[0] ? "label"
                                        : "labels",
                      "of the next token texts are read alone; leave this out", err);
    if (block->format == FORMAT_LINES && (!next || columns || block->header))
        return refuse(key, "format",
                      next ? "of lines each is a text; leave columns and header out"
                           : "lines have no labels; give target: next, or tsv",
                      err);
    if (block->tokeniser[0] && (block->kind || block->letters))
        return refuse(key, "tokeniser",
                      "its file says what tokens are; leave tokens and letters out", err);
    if (block->format == FORMAT_WORDNET) {
        if (columns || block->labels)
            return refuse(key, block->labels ? "labels" : "format",
                          "wordnet has its own texts and labels; leave columns and labels out",
                          err);
        if (block->test[0])
            return refuse(key, "test", "wordnet brings its own test; leave this out", err);
        return RT_OK;
    }
    if (block->text_b[0] && !block->text[0])
        return refuse(key, "text_b", "a second text needs a first; give data.text too", err);
    if (block->header && block->format == FORMAT_JSONL)
        return refuse(key, "header", "jsonl has no line of names; leave this out", err);
    if (block->labels == 1)
        return refuse(key, "labels", "a single label leaves nothing to learn; give at least two",
                      err);
    return RT_OK;
}

static bool has_test(const void *data)
{
    const struct text_block *block = data;

    return block->format == FORMAT_WORDNET || block->test[0];
}

/* ---- opening ---- */

static enum tr_table_format table_format(int format)
{
    return format == FORMAT_CSV     ? TR_TABLE_CSV
           : format == FORMAT_JSONL ? TR_TABLE_JSONL
           : format == FORMAT_LINES ? TR_TABLE_LINES
                                    : TR_TABLE_TSV;
}

static const char *column(const char *said, const char *unsaid)
{
    return said[0] ? said : unsaid;
}

static rt_status load(const struct text_block *block, const char *path,
                      const struct tr_labels *known, struct tr_texts *texts, struct rt_err *err)
{
    const char *names[TR_LABELS_MAX];
    const bool next = block->target == TARGET_NEXT;
    const struct tr_texts_spec spec = {
        .wordnet = block->format == FORMAT_WORDNET,
        .table = {.format = table_format(block->format),
                  .column = {column(block->text, "text"), column(block->text_b, NULL),
                             next ? NULL : column(block->label, "label")},
                  .header = !block->header && block->format != FORMAT_LINES},
        .labels = block->labels,
        .label = names};

    for (int i = 0; i < block->labels; i++)
        names[i] = block->names[i];
    return tr_texts_load(texts, path, &spec, known, err);
}

static void add_vocabulary(struct tr_text_spec *spec, int vocabulary)
{
    for (int i = 0; i < spec->vocabularies; i++)
        if (spec->vocabulary[i] == vocabulary)
            return;
    spec->vocabulary[spec->vocabularies++] = vocabulary;
    spec->size = vocabulary > spec->size ? vocabulary : spec->size;
}

/* Of the students and of the teachers that are trained on the same tokens. */
static rt_status find_vocabularies(const struct study *study, struct tr_text_spec *spec,
                                   struct rt_err *err)
{
    const struct space_choices *choices = &study->space.vocabulary;
    int teachers = 0;

    if (choices->count + study->teachers.count > TR_TEXT_MAX_VOCABULARIES)
        return rt_fail(err, RT_EARG,
                       "space.vocabulary and the teachers have %d sizes; want at most %d in all",
                       choices->count + study->teachers.count, TR_TEXT_MAX_VOCABULARIES);
    for (int i = 0; i < choices->count; i++)
        add_vocabulary(spec, choices->value[i]);
    for (; teachers < study->teachers.count; teachers++)
        if (study->teachers.teacher[teachers].kind == &tr_teacher_trained)
            add_vocabulary(spec, study->teachers.teacher[teachers].arch.vocabulary);
    return RT_OK;
}

static rt_status open_train(const struct study *study, const struct tr_split_sizes *sizes,
                            struct tr_task **task, struct rt_err *err)
{
    const struct text_block *block = (const struct text_block *)study->block;
    const bool fold = block->letters == 0;
    struct tr_text_spec spec = {.next = block->target == TARGET_NEXT,
                                .length = block->length,
                                .tokens = block->tokeniser[0] ? block->tokeniser : NULL,
                                .kind = (enum tr_tokeniser_kind)block->kind,
                                .rules = {true, true, fold, fold}};
    struct tr_texts texts;

    RT_TRY(find_vocabularies(study, &spec, err));
    RT_TRY(load(block, block->train, NULL, &texts, err));
    return tr_text_task(task, &texts, &spec, study->space.shape.pool, sizes, err);
}

static rt_status open_test(const void *data, const struct tr_task *train, struct tr_task **test,
                           struct rt_err *err)
{
    const struct text_block *block = data;
    const char *path = block->format == FORMAT_WORDNET ? block->train : block->test;
    struct tr_texts texts;

    RT_TRY(load(block, path, tr_text_labels(train), &texts, err));
    return tr_text_task_like(test, train, &texts, err);
}

static const char *note_of(const void *from, const char *key)
{
    for (const struct tr_metadata *note = from; note->key; note++)
        if (strcmp(note->key, key) == 0)
            return note->value;
    return NULL;
}

static bool ends_with(const char *path, const char *ending)
{
    const size_t length = strlen(path), end = strlen(ending);

    return length > end && strcmp(path + length - end, ending) == 0;
}

/* A text a line or, of pairs, two with a tab between; or what teachers that are commands are given. */
static rt_status examples_spec(const char *path, bool pairs, struct tr_texts_spec *spec,
                               struct rt_err *err)
{
    const bool json = ends_with(path, ".jsonl") || ends_with(path, ".jsonl.gz");

    if (ends_with(path, ".csv") || ends_with(path, ".csv.gz") ||
        (!pairs && (ends_with(path, ".tsv") || ends_with(path, ".tsv.gz"))))
        return rt_fail(err, RT_EARG,
                       "'%.200s' is a table, and texts are read a line each, or from a .jsonl file "
                       "by the key%s text%s",
                       path, pairs ? "s" : "", pairs ? " and text_b" : "");
    *spec = json ? (struct tr_texts_spec){.table = {.format = TR_TABLE_JSONL,
                                                    .column = {"text", pairs ? "text_b" : NULL}}}
                 : (struct tr_texts_spec){.table = {.format = pairs ? TR_TABLE_TSV : TR_TABLE_LINES,
                                                    .column = {"1", pairs ? "2" : NULL}}};
    return RT_OK;
}

static rt_status open_examples(const char *path, const struct tr_model *model,
                               struct tr_task **task, struct rt_err *err)
{
    const struct tr_student *student = model->student;
    const struct tr_notes notes = {.note = note_of, .from = model->metadata, .file = "the weights"};
    struct tr_texts_spec spec;
    struct tr_texts texts;

    if (student->shape.pool == SPACE_POOL_NONE)
        return rt_fail(err, RT_EARG,
                       "this student says what comes next, after each token; 'retort sample' asks "
                       "it");
    RT_TRY(examples_spec(path, student->shape.segments, &spec, err));
    RT_TRY(tr_texts_load(&texts, path, &spec, NULL, err));
    return tr_text_task_noted(task, &notes, &student->shape, student->arch.vocabulary, &texts, err);
}

/* ---- what a person should know ---- */

static void tell(const struct tr_task *task, char text[96])
{
    const int tokens = tr_text_tokeniser(task)->vocabulary.count;

    if (task->shape.pool == SPACE_POOL_NONE)
        (void)snprintf(text, 96, "%d texts, the next of %d tokens is asked", task->rows, tokens);
    else
        (void)snprintf(text, 96, "%d texts%s, %d classes, %d tokens", task->rows,
                       tr_text_texts(task)->pairs ? " in pairs" : "", task->shape.classes, tokens);
}

static rt_status say_lengths(const struct tr_task *task, study_say *say, void *to,
                             struct rt_err *err)
{
    struct tr_text_lengths lengths;
    char text[192];

    RT_TRY(tr_text_measure_lengths(task, &lengths, err));
    (void)snprintf(text, sizeof text,
                   "median %d tokens, 95 %% have at most %d, longest %d; %.1f %% are cut at %d",
                   lengths.median, lengths.p95, lengths.most, 100.0 * lengths.cut / task->rows,
                   task->shape.length);
    say(to, lengths.cut > task->rows / 4, "lengths", text);
    if (lengths.empty) {
        (void)snprintf(text, sizeof text, "%d of %d have no word", lengths.empty, task->rows);
        say(to, true, "empty texts", text);
    }
    return RT_OK;
}

static rt_status say_shared(const struct tr_task *a, const struct tr_task *b, const char *what,
                            study_say *say, void *to, struct rt_err *err)
{
    const struct tr_split *split = &b->split;
    const int count = a == b ? split->validation_count : a->rows;
    int *rows = malloc((size_t)count * sizeof *rows), shared;
    char text[128];

    if (!rows)
        return rt_fail(err, RT_ENOMEM, "no memory to compare %d texts", count);
    for (int i = 0; i < count; i++)
        rows[i] = a == b ? split->validation[i] : i;
    const rt_status rc =
        tr_text_count_shared(a, rows, count, b, split->train, split->train_count, &shared, err);
    free(rows);
    if (rc || !shared)
        return rc;
    (void)snprintf(text, sizeof text, "%d of %d %s texts are among those to train on", shared,
                   count, what);
    say(to, true, "duplicates", text);
    return RT_OK;
}

static rt_status look(const struct tr_task *task, const struct tr_task *test, study_say *say,
                      void *to, struct rt_err *err)
{
    RT_TRY(say_lengths(task, say, to, err));
    RT_TRY(say_shared(task, task, "validation", say, to, err));
    return test ? say_shared(test, task, "test", say, to, err) : RT_OK;
}

static const char method_next[] =
    "Error, KL, bits per character and perplexity are of the next token, at every token of the "
    "validation texts, at temperature 1 after a short distillation run; ± is one standard error "
    "over the texts. The test split was not looked at.";

static const struct study_task *as(const void *data)
{
    const struct text_block *block = data;

    return block->target == TARGET_NEXT ? &study_text_next : &study_text;
}

const struct study_task study_text_next = {.name = "text",
                                           .kind = &tr_task_next_token,
                                           .data = data_keys,
                                           .space = space_keys,
                                           .reads = "texts",
                                           .tests = "data.test",
                                           .check = check,
                                           .has_test = has_test,
                                           .open = open_train,
                                           .open_test = open_test,
                                           .open_examples = open_examples,
                                           .tell = tell,
                                           .look = look,
                                           .method = method_next,
                                           .target = "next",
                                           .init = study__text_next_init};

const struct study_task study_text = {.name = "text",
                                      .kind = &tr_task_text,
                                      .as = as,
                                      .data = data_keys,
                                      .space = space_keys,
                                      .reads = "texts",
                                      .tests = "data.test",
                                      .check = check,
                                      .has_test = has_test,
                                      .open = open_train,
                                      .open_test = open_test,
                                      .open_examples = open_examples,
                                      .explain = study__text_explain,
                                      .tell = tell,
                                      .look = look,
                                      .target = "label",
                                      .other = &study_text_next,
                                      .init = study__text_init};
