/* trainer/task/text/tokeniser.c -- see tokeniser.h. */
#include "trainer/task/text/tokeniser.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/fnv.h"

enum { most_length = 4096, word_bytes = 4 * (TR_WORD_CHARS + 1) };

struct writer { /* where ids go */
    const struct tr_tokeniser *tokeniser;
    int limit, room, count; /* count: of all, written or not */
    int *ids;
    uint64_t continued; /* FNV of the continuation mark */
};

static inline void put(struct writer *w, int id)
{
    if (w->count < w->room)
        w->ids[w->count] = id;
    w->count++;
}

static void whole_word(void *to, const char *word, size_t bytes, int chars)
{
    struct writer *w = to;
    const struct tr_vocabulary *v = &w->tokeniser->vocabulary;
    int id = -1;

    if (chars <= w->tokeniser->most_chars)
        id = tr_vocabulary_find_hashed(v, tr_fnv(TR_FNV_START, word, bytes), word, bytes, w->limit);
    put(w, id < 0 ? w->tokeniser->control[TR_UNK] : id);
}

/* The longest token in front of what is left of a word, `mark` bytes of "##" in front of that in
 * turn: *taken bytes of the word. -1: none. */
static int longest(const struct writer *w, const char *marked, size_t mark, size_t bytes,
                   size_t *taken)
{
    const struct tr_vocabulary *v = &w->tokeniser->vocabulary;
    uint64_t hash[word_bytes], running = mark ? w->continued : TR_FNV_START;
    size_t most = 0;

    while (most < bytes && mark + most < v->longest) {
        running = tr_fnv_byte(running, (unsigned char)marked[mark + most]);
        hash[most++] = running;
    }
    for (size_t n = most; n > 0; n--) {
        if (n < bytes && ((unsigned char)marked[mark + n] & 0xC0) == 0x80)
            continue; /* within a code point */
        const int id = tr_vocabulary_find_hashed(v, hash[n - 1], marked, mark + n, w->limit);
        if (id >= 0) {
            *taken = n;
            return id;
        }
    }
    return -1;
}

/* Pieces, taken back where one is missing. What is used of the word makes room for the mark of what
 * is left. */
static void pieces(void *to, const char *word, size_t bytes, int chars)
{
    struct writer *w = to;
    const struct tr_tokeniser *t = w->tokeniser;
    const size_t mark = strlen(t->continuation);
    const int before = w->count;
    char marked[TR_CONTINUATION + word_bytes];
    size_t at = 0, taken = 0;

    if (chars <= t->most_chars)
        memcpy(marked + mark, word, bytes);
    for (; at < bytes && chars <= t->most_chars; at += taken) {
        if (at)
            memcpy(marked + at, t->continuation, mark);
        const int id = at ? longest(w, marked + at, mark, bytes - at, &taken)
                          : longest(w, marked + mark, 0, bytes, &taken);
        if (id < 0)
            break;
        put(w, id);
    }
    if (at == bytes)
        return;
    w->count = before;
    put(w, t->control[TR_UNK]);
}

/* ---- byte pairs ---- */

static void one_piece(struct writer *w, const char *piece, size_t bytes)
{
    int ids[TR_PIECE_BYTES];

    while (bytes) {
        const size_t taken = bytes < TR_PIECE_BYTES ? bytes : TR_PIECE_BYTES;
        const int n = tr_merge_piece(&w->tokeniser->merges, piece, taken, ids);
        for (int i = 0; i < n; i++)
            put(w, ids[i]);
        piece += taken;
        bytes -= taken;
    }
}

/* Where a space is put in front of a text, its first piece takes it. */
static void all_pieces(struct writer *w, const char *text, size_t bytes)
{
    size_t at = 0;

    if (w->tokeniser->space_first && (!bytes || *text != ' ')) {
        char spaced[TR_PIECE_BYTES + 1];
        const size_t n = bytes < TR_PIECE_BYTES ? bytes : TR_PIECE_BYTES;
        spaced[0] = ' ';
        memcpy(spaced + 1, text, n);
        at = tr_piece(spaced, n + 1) - 1;
        one_piece(w, spaced, at + 1);
    }
    while (at < bytes) {
        const size_t taken = tr_piece(text + at, bytes - at);
        one_piece(w, text + at, taken);
        at += taken;
    }
}

int tr_tokenise(const struct tr_tokeniser *t, int limit, const char *text, size_t bytes, int *ids,
                int room)
{
    struct writer w = {.tokeniser = t,
                       .limit = limit,
                       .room = room,
                       .ids = ids,
                       .continued = tr_fnv(TR_FNV_START, t->continuation, strlen(t->continuation))};

    assert(room >= 0 && limit > t->control[TR_UNK]);
    switch (t->kind) {
    case TR_WORDPIECE: tr_words_each(&t->rules, text, bytes, pieces, &w); break;
    case TR_WORDS: tr_words_each(&t->rules, text, bytes, whole_word, &w); break;
    case TR_BYTES:
        for (size_t i = 0; i < bytes && w.count < INT32_MAX; i++)
            put(&w, TR_CONTROLS + (unsigned char)text[i]);
        break;
    case TR_PAIRS: all_pieces(&w, text, bytes); break;
    }
    return w.count;
}

/* ---- examples ---- */

/* What is left of two texts that have room for r tokens: the longer is cut first. */
static void cut_two(int r, int *a, int *b)
{
    int *shorter = *a <= *b ? a : b, *longer = *a <= *b ? b : a;

    if (*a + *b <= r)
        return;
    *longer = *shorter > r - *shorter ? *shorter : r - *shorter;
    if (*shorter + *longer > r) {
        *shorter = r / 2;
        *longer = r - r / 2;
    }
}

/* Control tokens in front of, between and behind the texts. */
struct frame {
    int first, between, last; /* how many of each */
};

static struct frame frame_of(const struct tr_tokeniser *t)
{
    const bool pairs = t->kind == TR_PAIRS;

    if (pairs && t->control[TR_CLS] < 0)
        return (struct frame){0, 0, 0};
    return (struct frame){1, pairs ? 2 : 1, 1};
}

int tr_encode(const struct tr_tokeniser *t, int limit, struct tr_span a, struct tr_span b,
              int length, int *ids, bool *cut)
{
    const struct frame frame = frame_of(t);
    const int room = length - frame.first - frame.last - (b.text ? frame.between : 0);
    int second[most_length], n = 0;

    assert(room >= 0 && length <= most_length && limit <= t->vocabulary.count);
    assert(limit > t->control[TR_CLS] && limit > t->control[TR_SEP]);
    int kept = tr_tokenise(t, limit, a.text, a.bytes, ids + frame.first, room), others = 0;
    if (b.text)
        others = tr_tokenise(t, limit, b.text, b.bytes, second, room);
    if (cut)
        *cut = (int64_t)kept + others > room;
    if (b.text)
        cut_two(room, &kept, &others);
    else if (kept > room)
        kept = room;
    if (frame.first)
        ids[n++] = t->control[TR_CLS];
    n += kept;
    for (int i = 0; i < frame.between && b.text; i++)
        ids[n++] = t->control[TR_SEP];
    if (b.text)
        memcpy(ids + n, second, (size_t)others * sizeof *ids);
    n += others;
    if (frame.last)
        ids[n++] = t->control[TR_SEP];
    if (!n)
        ids[n++] = t->control[TR_PAD];
    assert(n <= length);
    return n;
}

static bool is_control(const struct tr_tokeniser *t, int id)
{
    for (int i = 0; i < TR_CONTROLS; i++)
        if (i != TR_UNK && t->control[i] == id)
            return true;
    return false;
}

/* What id says, and whether it stands apart from what is in front of it; at most TR_TOKEN_BYTES. */
static size_t decode_one(const struct tr_tokeniser *t, int id, char *bytes, bool *apart)
{
    const char *token = tr_vocabulary_token(&t->vocabulary, id);
    const size_t mark = strlen(t->continuation), size = strlen(token);

    *apart = false;
    switch (t->kind) {
    case TR_BYTES:
        bytes[0] = (char)(id - TR_CONTROLS);
        if (id >= TR_CONTROLS)
            return 1;
        break;
    case TR_PAIRS: return tr_token_bytes(token, bytes);
    case TR_WORDPIECE:
        if (strncmp(token, t->continuation, mark) == 0) {
            memcpy(bytes, token + mark, size - mark);
            return size - mark;
        }
        break;
    case TR_WORDS: break;
    }
    *apart = t->kind != TR_BYTES;
    memcpy(bytes, token, size); /* NOLINT(bugprone-not-null-terminated-result): bytes, no text */
    return size;
}

void tr_decode(const struct tr_tokeniser *t, const int *ids, int count, char *text, size_t room)
{
    size_t used = 0;

    assert(room >= 1);
    for (int i = 0; i < count; i++) {
        char bytes[TR_TOKEN_BYTES];
        bool apart;
        if (is_control(t, ids[i]))
            continue;
        const size_t n = decode_one(t, ids[i], bytes, &apart);
        apart = apart && used;
        if (used + apart + n >= room)
            break;
        if (apart)
            text[used++] = ' ';
        memcpy(text + used, bytes, n);
        used += n;
    }
    text[used] = '\0';
}

void tr_tokeniser_release(struct tr_tokeniser *t)
{
    tr_merges_release(&t->merges);
    tr_vocabulary_release(&t->vocabulary);
    *t = (struct tr_tokeniser){0};
}
