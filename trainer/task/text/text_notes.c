/* trainer/task/text/text_notes.c -- what a task of texts is told by: its hash, and the notes that go
 * with exported weights. Lists are lines. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/text_internal.h"

rt_status text__hash(struct text *self, struct rt_err *err)
{
    const struct tr_tokeniser *t = self->tokeniser;
    const int numbers[] = {self->task.kind == &tr_task_next_token,
                           self->task.shape.length,
                           (int)t->kind,
                           t->rules.clean,
                           t->rules.han,
                           t->rules.accents,
                           t->rules.lower,
                           t->most_chars,
                           self->labels->count};
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash the texts");
    rt_hash_add(hash, self->texts.hash, sizeof self->texts.hash);
    rt_hash_add(hash, numbers, sizeof numbers);
    for (int i = 0; i < self->labels->count; i++)
        rt_hash_add(hash, self->labels->name[i], strlen(self->labels->name[i]) + 1);
    rt_hash_add(hash, t->continuation, strlen(t->continuation) + 1);
    rt_hash_add(hash, t->vocabulary.bytes, t->vocabulary.used);
    rt_hash_close(hash, self->task.hash);
    return RT_OK;
}

/* ---- notes ---- */

static const char *const kinds[] = {"wordpiece", "words", "bytes"};

/* `name(of, i)` of i = 0 .. count - 1 as lines, which the caller frees. */
static char *lines(const char *(*name)(const void *of, int i), const void *of, int count)
{
    size_t bytes = 1, used = 0;
    char *text;

    for (int i = 0; i < count; i++)
        bytes += strlen(name(of, i)) + 1;
    text = malloc(bytes);
    for (int i = 0; text && i < count; i++) {
        const size_t n = strlen(name(of, i));
        memcpy(text + used, name(of, i), n);
        used += n;
        text[used++] = '\n';
    }
    if (text)
        text[used] = '\0';
    return text;
}

static const char *label_name(const void *of, int i)
{
    return ((const struct tr_labels *)of)->name[i];
}

static const char *token_name(const void *of, int i)
{
    return tr_vocabulary_token(of, i);
}

void text__describe(const struct tr_task *task, void *to,
                    void (*note)(void *to, const char *key, const char *value))
{
    const struct text *self = (const struct text *)task;
    const struct tr_tokeniser *t = self->tokeniser;
    char *tokens = lines(token_name, &t->vocabulary, t->vocabulary.count);
    char *labels = lines(label_name, self->labels, self->labels->count);
    char text[64];

    note(to, "target", task->kind == &tr_task_next_token ? "next" : "label");
    (void)snprintf(text, sizeof text, "%d", task->shape.length);
    note(to, "length", text);
    note(to, "texts", self->texts.pairs ? "2" : "1");
    assert(t->kind != TR_PAIRS); /* teachers read by them, students do not */
    note(to, "tokens", kinds[t->kind]);
    (void)snprintf(text, sizeof text, "%s%s%s%s", t->rules.clean ? "clean " : "",
                   t->rules.han ? "han " : "", t->rules.accents ? "accents " : "",
                   t->rules.lower ? "lower " : "");
    note(to, "token_rules", text);
    note(to, "continuation", t->continuation);
    (void)snprintf(text, sizeof text, "%d", t->most_chars);
    note(to, "word_characters", text);
    note(to, "vocabulary", tokens ? tokens : "");
    if (self->labels->count)
        note(to, "labels", labels ? labels : "");
    free(tokens);
    free(labels);
}

/* ---- and back ---- */

static rt_status number(const struct tr_notes *notes, const char *key, long least, long most,
                        int *value, struct rt_err *err)
{
    const char *text = notes->note(notes->from, key);
    char *end = NULL;

    const long number = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end || number < least || number > most)
        return rt_fail(err, RT_EFORMAT, "'%s' %s '%s' among its metadata", notes->file,
                       text ? "has no sound number" : "lacks the number", key);
    *value = (int)number;
    return RT_OK;
}

/* Tokens, a line each, and the ids of those that control. */
static rt_status read_vocabulary(const struct tr_notes *notes, const char *lines, int vocabulary,
                                 struct tr_tokeniser *t, struct rt_err *err)
{
    static const char *const control[TR_CONTROLS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    struct rt_err why;

    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1)
        if (tr_vocabulary_add(&t->vocabulary, lines, (size_t)(end - lines), &why))
            return rt_fail(err, RT_EFORMAT, "'%.160s' notes a wrong vocabulary: %s", notes->file,
                           why.text);
    for (int i = 0; i < TR_CONTROLS; i++) {
        t->control[i] = tr_vocabulary_find(&t->vocabulary, control[i], strlen(control[i]));
        if (t->control[i] < 0 && i != TR_PAD && i != TR_MASK)
            return rt_fail(err, RT_EFORMAT, "'%.200s' notes a vocabulary without %s", notes->file,
                           control[i]);
        if (t->control[i] >= vocabulary && i != TR_PAD && i != TR_MASK)
            return rt_fail(err, RT_EFORMAT,
                           "'%.200s' notes %s as token %d, and its table has %d; write it anew "
                           "with 'retort distill'",
                           notes->file, control[i], t->control[i], vocabulary);
    }
    if (t->vocabulary.count < vocabulary)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' notes %d tokens, and its table has %d; write it anew with 'retort "
                       "distill'",
                       notes->file, t->vocabulary.count, vocabulary);
    if (t->kind == TR_BYTES &&
        (t->vocabulary.count != TR_CONTROLS + 256 || vocabulary != t->vocabulary.count))
        return rt_fail(err, RT_EFORMAT, "'%.200s' notes %d tokens of bytes for a table of %d",
                       notes->file, t->vocabulary.count, vocabulary);
    return RT_OK;
}

rt_status tr_text_recall_tokens(const struct tr_notes *notes, int vocabulary,
                                struct tr_tokeniser *tokeniser, struct rt_err *err)
{
    const char *kind = notes->note(notes->from, "tokens");
    const char *rules = notes->note(notes->from, "token_rules");
    const char *mark = notes->note(notes->from, "continuation");
    const char *tokens = notes->note(notes->from, "vocabulary");
    struct tr_tokeniser t = {0};
    int which = 0, most;

    while (kind && which < 3 && strcmp(kinds[which], kind) != 0)
        which++;
    if (!kind || which == 3 || !rules || !mark || strlen(mark) >= TR_CONTINUATION || !tokens)
        return rt_fail(err, RT_EFORMAT, "'%s' lacks its tokeniser among its metadata", notes->file);
    RT_TRY(number(notes, "word_characters", 1, TR_WORD_CHARS, &most, err));
    t.kind = (enum tr_tokeniser_kind)which;
    t.rules = (struct tr_word_rules){strstr(rules, "clean"), strstr(rules, "han"),
                                     strstr(rules, "accents"), strstr(rules, "lower")};
    t.most_chars = most;
    memcpy(t.continuation, mark, strlen(mark) + 1);
    const rt_status rc = read_vocabulary(notes, tokens, vocabulary, &t, err);
    if (rc)
        tr_tokeniser_release(&t);
    else
        *tokeniser = t;
    return rc;
}

rt_status text__recall(const struct tr_notes *notes, const struct space_arch *arch,
                       struct space_shape *shape, struct tr_input *input, struct rt_err *err)
{
    int texts;

    RT_TRY(number(notes, "length", 4, TR_TEXT_MAX_LENGTH, &shape->length, err));
    RT_TRY(number(notes, "texts", 1, 2, &texts, err));
    shape->segments = texts == 2 ? 2 : 0;
    const char *target = notes->note(notes->from, "target");
    if ((target && strcmp(target, "next") == 0) != (shape->pool == SPACE_POOL_NONE))
        return rt_fail(err, RT_EFORMAT, "'%s' notes a target and a pool that do not go together",
                       notes->file);
    if (shape->pool == SPACE_POOL_NONE)
        text__ask_next(shape);
    RT_TRY(space_arch_check(arch, shape, err));
    if (notes->tokens != shape->length)
        return rt_fail(err, RT_EFORMAT,
                       "texts of %d tokens, as '%s' notes them, do not fit its tensors",
                       shape->length, notes->file);
    *input = (struct tr_input){.name = "ids", .dims = 1, .shape = {shape->length}};
    return RT_OK;
}
