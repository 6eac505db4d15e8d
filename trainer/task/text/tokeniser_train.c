/* trainer/task/text/tokeniser_train.c -- see tokeniser_train.h. */
#include "trainer/task/text/tokeniser_train.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/merges.h"

enum { most_word_chars = 100, most_characters = 1000 };

static const char *const controls[TR_CONTROLS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

static rt_status add_controls(struct tr_tokeniser *t, struct rt_err *err)
{
    for (int i = 0; i < TR_CONTROLS; i++) {
        t->control[i] = i;
        RT_TRY(tr_vocabulary_add(&t->vocabulary, controls[i], strlen(controls[i]), err));
    }
    return RT_OK;
}

/* ---- counting ---- */

struct counts { /* how often each text of a vocabulary occurs */
    struct tr_vocabulary of;
    int64_t *count; /* owned: [of.count] */
    size_t room;
    rt_status rc;
    struct rt_err *err;
};

static void count_release(struct counts *c)
{
    tr_vocabulary_release(&c->of);
    free(c->count);
}

static rt_status count_text(struct counts *c, const char *text, size_t bytes, int64_t times)
{
    int id = tr_vocabulary_find(&c->of, text, bytes);

    if (id < 0) {
        if ((size_t)c->of.count == c->room) {
            const size_t room = 2 * c->room + 1024;
            int64_t *larger = realloc(c->count, room * sizeof *larger);
            if (!larger)
                return rt_fail(c->err, RT_ENOMEM, "no memory to count the words of texts");
            c->count = larger;
            c->room = room;
        }
        id = c->of.count;
        RT_TRY(tr_vocabulary_add(&c->of, text, bytes, c->err));
        c->count[id] = 0;
    }
    assert(c->count);
    c->count[id] += times;
    return RT_OK;
}

static void count_word(void *to, const char *word, size_t bytes, int chars)
{
    struct counts *c = to;

    if (!c->rc && chars <= most_word_chars)
        c->rc = count_text(c, word, bytes, 1);
}

static rt_status count_words(struct counts *c, const struct tr_word_rules *rules,
                             const struct tr_text_source *source)
{
    struct tr_span text;

    while (!c->rc && source->next(source->from, &text))
        tr_words_each(rules, text.text, text.bytes, count_word, c);
    return c->rc;
}

struct ranked {
    int64_t count;
    const char *text;
};

static int by_count(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* Those that occur so often, the most frequent first, until the vocabulary has `size`. */
static rt_status add_ranked(struct tr_vocabulary *v, const struct counts *c, int64_t least,
                            int size, struct rt_err *err)
{
    struct ranked *list = malloc(((size_t)c->of.count + 1) * sizeof *list);
    rt_status rc = RT_OK;

    if (!list)
        return rt_fail(err, RT_ENOMEM, "no memory to rank the words of texts");
    for (int i = 0; i < c->of.count; i++)
        list[i] = (struct ranked){c->count[i], tr_vocabulary_token(&c->of, i)};
    qsort(list, (size_t)c->of.count, sizeof *list, by_count);
    for (int i = 0; i < c->of.count && !rc && v->count < size && list[i].count >= least; i++)
        rc = tr_vocabulary_add(v, list[i].text, strlen(list[i].text), err);
    free(list);
    return rc;
}

/* ---- wordpiece ---- */

/* Bytes of the code point at `text`. */
static size_t character(const char *text)
{
    size_t bytes = 1;

    while (((unsigned char)text[bytes] & 0xC0) == 0x80)
        bytes++;
    return bytes;
}

/* Each character of a word, marked unless it is the first: what(to, token, bytes). */
static rt_status each_character(const char *word, const char *mark,
                                rt_status (*what)(void *to, const char *token, size_t bytes),
                                void *to)
{
    const size_t marks = strlen(mark);
    char token[TR_CONTINUATION + 8];

    for (const char *at = word; *at;) {
        const size_t bytes = character(at), front = at == word ? 0 : marks;
        memcpy(token, mark, front);
        memcpy(token + front, at, bytes);
        RT_TRY(what(to, token, front + bytes));
        at += bytes;
    }
    return RT_OK;
}

struct counting {
    struct counts *characters;
    int64_t times;
};

static rt_status count_character(void *to, const char *token, size_t bytes)
{
    const struct counting *c = to;

    return count_text(c->characters, token, bytes, c->times);
}

static rt_status add_characters(struct tr_tokeniser *t, const struct counts *words, int size,
                                struct rt_err *err)
{
    struct counts characters = {.err = err};
    const int most = t->vocabulary.count + most_characters;
    rt_status rc = RT_OK;

    for (int w = 0; w < words->of.count && !rc; w++)
        rc = each_character(tr_vocabulary_token(&words->of, w), t->continuation, count_character,
                            &(struct counting){&characters, words->count[w]});
    if (!rc)
        rc = add_ranked(&t->vocabulary, &characters, 1, size < most ? size : most, err);
    count_release(&characters);
    return rc;
}

struct spelling {
    const struct tr_vocabulary *vocabulary;
    int32_t *ids;
    size_t count;
};

static rt_status spell(void *to, const char *token, size_t bytes)
{
    struct spelling *s = to;
    const int id = tr_vocabulary_find(s->vocabulary, token, bytes);

    if (id < 0)
        return RT_EEND; /* a rare character: the word is [UNK] */
    s->ids[s->count++] = id;
    return RT_OK;
}

/* The words that can be spelt, as ids of their characters. */
static void spell_words(const struct tr_tokeniser *t, const struct counts *words,
                        struct tr_counted *to)
{
    struct spelling s = {.vocabulary = &t->vocabulary, .ids = to->ids};

    to->start[0] = 0;
    for (int w = 0; w < words->of.count; w++) {
        const size_t before = s.count;
        if (each_character(tr_vocabulary_token(&words->of, w), t->continuation, spell, &s)) {
            s.count = before;
            continue;
        }
        to->count[to->words++] = words->count[w];
        to->start[to->words] = s.count;
    }
}

static rt_status merge_words(struct tr_tokeniser *t, const struct counts *words, int size,
                             struct rt_err *err)
{
    const size_t count = (size_t)words->of.count + 1;
    struct tr_counted spelt = {.count = malloc(count * sizeof *spelt.count),
                               .start = malloc((count + 1) * sizeof *spelt.start),
                               .ids = malloc((words->of.used + 1) * sizeof *spelt.ids)};
    rt_status rc;

    if (spelt.count && spelt.start && spelt.ids) {
        spell_words(t, words, &spelt);
        rc = tr_merge_pairs(&t->vocabulary, size, t->continuation, &spelt, err);
    } else {
        rc = rt_fail(err, RT_ENOMEM, "no memory to spell the words of texts");
    }
    free(spelt.count);
    free(spelt.start);
    free(spelt.ids);
    return rc;
}

/* ---- all kinds ---- */

static rt_status add_bytes(struct tr_tokeniser *t, struct rt_err *err)
{
    char token[8];

    for (int byte = 0; byte < 256; byte++) {
        const int bytes = snprintf(token, sizeof token, "<0x%02X>", (unsigned)byte);
        RT_TRY(tr_vocabulary_add(&t->vocabulary, token, (size_t)bytes, err));
    }
    return RT_OK;
}

static rt_status learn(struct tr_tokeniser *t, int size, const struct counts *words,
                       struct rt_err *err)
{
    if (!words->of.count)
        return rt_fail(err, RT_EFORMAT, "there is no word in any of the texts");
    if (t->kind == TR_WORDS)
        return add_ranked(&t->vocabulary, words, 2, size, err);
    RT_TRY(add_characters(t, words, size, err));
    return merge_words(t, words, size, err);
}

rt_status tr_tokeniser_train(struct tr_tokeniser *tokeniser, enum tr_tokeniser_kind kind, int size,
                             const struct tr_word_rules *rules, const struct tr_text_source *source,
                             struct rt_err *err)
{
    struct tr_tokeniser t = {
        .kind = kind, .rules = *rules, .continuation = "##", .most_chars = most_word_chars};
    struct counts words = {.err = err};
    rt_status rc = add_controls(&t, err);

    assert(kind == TR_BYTES || size > TR_CONTROLS);
    if (!rc && kind == TR_BYTES)
        rc = add_bytes(&t, err);
    else if (!rc && !(rc = count_words(&words, rules, source)))
        rc = learn(&t, size, &words, err);
    count_release(&words);
    if (rc)
        tr_tokeniser_release(&t);
    else
        *tokeniser = t;
    return rc;
}

/* ---- a part of a vocabulary ---- */

struct used {
    int id;
    int64_t rank; /* larger comes first */
};

static int by_rank(const void *a, const void *b)
{
    const struct used *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* A token of one character, its mark aside. */
static bool is_character(const struct tr_tokeniser *t, int id)
{
    const char *token = tr_vocabulary_token(&t->vocabulary, id);
    const size_t mark = strlen(t->continuation);

    if (t->kind == TR_WORDPIECE && strncmp(token, t->continuation, mark) == 0 && token[mark])
        token += mark;
    return !token[character(token)];
}

/* used [vocabulary]: tokens in their new order, those that go last with rank 0. */
static rt_status rank(const struct tr_tokeniser *whole, const struct tr_text_source *source,
                      struct used *used, struct rt_err *err)
{
    const int count = whole->vocabulary.count;
    struct tr_span text;
    size_t room = 0;
    int *ids = NULL;

    for (int i = 0; i < count; i++)
        used[i] = (struct used){.id = i};
    while (source->next(source->from, &text)) {
        if (text.bytes + 1 > room) {
            free(ids);
            room = 2 * (text.bytes + 1);
            ids = malloc(room * sizeof *ids);
            if (!ids)
                return rt_fail(err, RT_ENOMEM, "no memory to count the tokens of texts");
        }
        assert(ids);
        const int n = tr_tokenise(whole, count, text.text, text.bytes, ids, (int)room);
        for (int i = 0; i < n; i++)
            used[ids[i]].rank++;
    }
    free(ids);
    for (int i = 0; i < count; i++)
        used[i].rank += used[i].rank && is_character(whole, i) ? INT64_MAX / 4 : 0;
    for (int i = 0; i < TR_CONTROLS; i++)
        if (whole->control[i] >= 0)
            used[whole->control[i]].rank = INT64_MAX - i;
    qsort(used, (size_t)count, sizeof *used, by_rank);
    return RT_OK;
}

static rt_status keep(struct tr_tokeniser *t, const struct tr_tokeniser *whole,
                      const struct used *used, int *from, struct rt_err *err)
{
    for (int i = 0; i < whole->vocabulary.count && used[i].rank; i++) {
        const char *token = tr_vocabulary_token(&whole->vocabulary, used[i].id);
        from[i] = used[i].id;
        for (int c = 0; c < TR_CONTROLS; c++)
            if (whole->control[c] == used[i].id)
                t->control[c] = i;
        RT_TRY(tr_vocabulary_add(&t->vocabulary, token, strlen(token), err));
    }
    return RT_OK;
}

rt_status tr_tokeniser_rank(struct tr_tokeniser *tokeniser, const struct tr_tokeniser *whole,
                            const struct tr_text_source *source, int **from, struct rt_err *err)
{
    struct tr_tokeniser t = *whole;
    const size_t count = (size_t)whole->vocabulary.count;
    struct used *used = calloc(count, sizeof *used);
    int *numbers = malloc(count * sizeof *numbers);
    rt_status rc;

    assert(whole->kind == TR_WORDPIECE || whole->kind == TR_WORDS);
    t.vocabulary = (struct tr_vocabulary){0};
    if (!used || !numbers)
        rc = rt_fail(err, RT_ENOMEM, "no memory to rank a vocabulary");
    else if (!(rc = rank(whole, source, used, err)))
        rc = keep(&t, whole, used, numbers, err);
    free(used);
    if (rc) {
        free(numbers);
        tr_tokeniser_release(&t);
        return rc;
    }
    *tokeniser = t;
    *from = numbers;
    return RT_OK;
}
