/* trainer/task/text/byte_pairs.c -- see byte_pairs.h. */
#include "trainer/task/text/byte_pairs.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- pieces ---- */

enum sort { white, letter, number, other };

/* What the code point at `text` is, and its bytes; of bytes that are not UTF-8 each alone. */
static enum sort sort_of(const char *text, size_t bytes, size_t *step)
{
    utf8proc_int32_t code;
    const utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes, &code);

    *step = n < 1 ? 1 : (size_t)n;
    if (n < 1)
        return other;
    if ((code >= 9 && code <= 13) || code == 0x85)
        return white;
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return white;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return number;
    default: return other;
    }
}

/* Bytes of "'s" and the like; 0: none. */
static size_t contraction(const char *text, size_t bytes)
{
    static const char *const all[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const size_t n = strlen(all[i]);
        if (bytes >= n && memcmp(text, all[i], n) == 0)
            return n;
    }
    return 0;
}

static size_t run_of(enum sort sort, const char *text, size_t bytes)
{
    size_t at = 0, step;

    while (at < bytes && sort_of(text + at, bytes - at, &step) == sort)
        at += step;
    return at;
}

/* All white space or, when something follows, all but its last code point, unless that is all. */
static size_t white_run(const char *text, size_t bytes)
{
    size_t at = 0, last = 0, step;

    while (at < bytes && sort_of(text + at, bytes - at, &step) == white) {
        last = at;
        at += step;
    }
    return at < bytes && last ? last : at;
}

size_t tr_piece(const char *text, size_t bytes)
{
    const size_t apostrophe = contraction(text, bytes), space = *text == ' ' && bytes > 1;
    size_t step;

    assert(bytes > 0);
    if (apostrophe)
        return apostrophe;
    const enum sort sort = sort_of(text + space, bytes - space, &step);
    if (sort == white)
        return white_run(text, bytes);
    return space + run_of(sort, text + space, bytes - space);
}

/* ---- bytes as code points ---- */

static bool as_itself(int byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* UTF-8 of the code point that stands for a byte; returns its bytes. */
static size_t written(int byte, char text[4])
{
    int code = byte;

    if (!as_itself(byte)) {
        code = 256;
        for (int b = 0; b < byte; b++)
            code += !as_itself(b);
    }
    return (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)text);
}

size_t tr_token_bytes(const char *token, char *bytes)
{
    const size_t length = strlen(token);
    size_t used = 0;

    for (size_t at = 0; at < length;) {
        utf8proc_int32_t code;
        const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)token + at,
                                                    (utf8proc_ssize_t)(length - at), &code);
        int byte = n < 1 || code > 255 || !as_itself(code) ? -1 : (int)code;
        for (int b = 0, next = 256; byte < 0 && n >= 1 && b < 256; b++)
            if (!as_itself(b) && next++ == code)
                byte = b;
        if (byte >= 0)
            bytes[used++] = (char)byte;
        at += n < 1 ? 1 : (size_t)n;
    }
    return used;
}

/* ---- merges ---- */

static size_t slot_of(const struct tr_merges *m, int32_t left, int32_t right)
{
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (m->slots - 1);

    while (m->left[at] >= 0 && (m->left[at] != left || m->right[at] != right))
        at = (at + 1) & (m->slots - 1);
    return at;
}

rt_status tr_merges_init(struct tr_merges *merges, const struct tr_vocabulary *vocabulary,
                         int count, struct rt_err *err)
{
    struct tr_merges m = {.slots = 1024};

    for (int byte = 0; byte < 256; byte++) {
        char text[4];
        m.byte[byte] = tr_vocabulary_find(vocabulary, text, written(byte, text));
        if (m.byte[byte] < 0)
            return rt_fail(err, RT_EFORMAT, "the vocabulary has no token of byte 0x%02x alone",
                           (unsigned)byte);
    }
    while (m.slots < 2 * (size_t)count)
        m.slots *= 2;
    m.left = malloc(m.slots * sizeof *m.left);
    m.right = malloc(m.slots * sizeof *m.right);
    m.rank = malloc(m.slots * sizeof *m.rank);
    m.merged = malloc(m.slots * sizeof *m.merged);
    if (!m.left || !m.right || !m.rank || !m.merged) {
        tr_merges_release(&m);
        return rt_fail(err, RT_ENOMEM, "no memory for %d merges", count);
    }
    memset(m.left, -1, m.slots * sizeof *m.left);
    *merges = m;
    return RT_OK;
}

void tr_merges_release(struct tr_merges *m)
{
    free(m->left);
    free(m->right);
    free(m->rank);
    free(m->merged);
    *m = (struct tr_merges){0};
}

rt_status tr_merges_add(struct tr_merges *m, const struct tr_vocabulary *vocabulary,
                        const char *left, size_t left_bytes, const char *right, size_t right_bytes,
                        struct rt_err *err)
{
    char both[TR_TOKEN_BYTES + 1];
    const int rank = m->count++;

    assert(2 * (size_t)m->count <= m->slots);
    const int a = tr_vocabulary_find(vocabulary, left, left_bytes);
    const int b = tr_vocabulary_find(vocabulary, right, right_bytes);
    int merged = -1;
    if (left_bytes + right_bytes <= TR_TOKEN_BYTES) {
        memcpy(both, left, left_bytes);
        memcpy(both + left_bytes, right, right_bytes);
        merged = tr_vocabulary_find(vocabulary, both, left_bytes + right_bytes);
    }
    if (a < 0 || b < 0 || merged < 0)
        return rt_fail(err, RT_EFORMAT, "merge %d is of tokens that the vocabulary lacks", rank);
    const size_t at = slot_of(m, a, b);
    if (m->left[at] < 0) { /* of two, the first */
        m->left[at] = a;
        m->right[at] = b;
        m->rank[at] = rank;
        m->merged[at] = merged;
    }
    return RT_OK;
}

/* ---- merging a piece ---- */

struct link { /* a token of a piece, in a list; next 0: the last */
    int id;
    int before, next;
};

struct candidate { /* two neighbours as they were when it was made */
    int32_t rank;
    int at, left, right, merged;
};

struct heap {
    int count;
    struct candidate list[3 * TR_PIECE_BYTES];
};

static bool before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(struct heap *h, const struct candidate *c)
{
    int at = h->count++;

    for (; at > 0 && before(c, &h->list[(at - 1) / 2]); at = (at - 1) / 2)
        h->list[at] = h->list[(at - 1) / 2];
    h->list[at] = *c;
}

static struct candidate pop(struct heap *h)
{
    const struct candidate top = h->list[0], last = h->list[--h->count];
    int at = 0;

    for (int child; (child = 2 * at + 1) < h->count; at = child) {
        child += child + 1 < h->count && before(&h->list[child + 1], &h->list[child]);
        if (!before(&h->list[child], &last))
            break;
        h->list[at] = h->list[child];
    }
    h->list[at] = last;
    return top;
}

/* The token at `at` and the next one, if they can be merged. */
static void consider(const struct tr_merges *m, const struct link *links, int at, struct heap *h)
{
    const int next = links[at].next;

    if (!next)
        return;
    const size_t slot = slot_of(m, links[at].id, links[next].id);
    if (m->left[slot] >= 0)
        push(h,
             &(struct candidate){m->rank[slot], at, links[at].id, links[next].id, m->merged[slot]});
}

/* A piece has at most n - 1 neighbours to begin with, and each merge makes at most two. */
int tr_merge_piece(const struct tr_merges *m, const char *piece, size_t bytes, int *ids)
{
    struct link links[TR_PIECE_BYTES];
    const int n = (int)bytes;
    struct heap h;
    int count = 0;

    assert(bytes >= 1 && bytes <= TR_PIECE_BYTES);
    h.count = 0;
    for (int i = 0; i < n; i++)
        links[i] = (struct link){m->byte[(unsigned char)piece[i]], i - 1, i + 1 < n ? i + 1 : 0};
    for (int i = 0; i < n; i++)
        consider(m, links, i, &h);
    while (h.count) {
        const struct candidate c = pop(&h);
        struct link *at = &links[c.at];
        if (at->id != c.left || !at->next || links[at->next].id != c.right)
            continue; /* one of them was merged since */
        const int gone = at->next;
        at->id = c.merged;
        at->next = links[gone].next;
        links[gone].id = -1;
        if (at->next)
            links[at->next].before = c.at;
        consider(m, links, c.at, &h);
        if (at->before >= 0)
            consider(m, links, at->before, &h);
    }
    ids[count++] = links[0].id; /* the first is never merged into another */
    for (int i = links[0].next; i; i = links[i].next)
        ids[count++] = links[i].id;
    return count;
}
