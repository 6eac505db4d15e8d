/* trainer/task/text/merges.c -- see merges.h.
 *
 * A pair knows how often it occurs and the words that have, or had, it. The heap has an entry of each
 * pair with its count or more, which is put back with less when it comes up: pair.pushed. What else
 * it has of that pair is passed over.
 */
#include "trainer/task/text/merges.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    int32_t left, right;
    int64_t count, pushed;
    int32_t *word; /* owned: [words], some of them twice */
    int words, room;
};

struct entry { /* of the heap */
    int64_t count;
    int32_t left, right;
    int pair;
};

struct merger {
    struct tr_counted *text;
    int *length; /* [words] ids that are left of each */
    struct pair *pair;
    int pairs, pair_room;
    int *slot; /* [slots] pairs by their ids, -1 empty; slots is a power of two */
    size_t slots;
    struct entry *heap;
    size_t entries, entry_room;
    int *touched; /* pairs that became more frequent by the merge at hand */
    size_t touches, touch_room;
    bool failed; /* out of memory */
};

/* Room for one more of a size. */
static bool grow(struct merger *m, void *pointer, size_t used, size_t *room, size_t size)
{
    void **block = pointer;

    if (used < *room)
        return true;
    const size_t next = *room ? 2 * *room : 64;
    void *larger = realloc(*block, next * size);
    m->failed |= !larger;
    if (!larger)
        return false;
    *block = larger;
    *room = next;
    return true;
}

/* ---- pairs by their ids ---- */

static size_t slot_of(const struct merger *m, int32_t left, int32_t right)
{
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (m->slots - 1);

    while (m->slot[at] >= 0 &&
           (m->pair[m->slot[at]].left != left || m->pair[m->slot[at]].right != right))
        at = (at + 1) & (m->slots - 1);
    return at;
}

static bool more_slots(struct merger *m)
{
    const size_t slots = m->slots ? 2 * m->slots : 1 << 10;
    int *slot = malloc(slots * sizeof *slot);

    m->failed |= !slot;
    if (!slot)
        return false;
    memset(slot, -1, slots * sizeof *slot);
    free(m->slot);
    m->slot = slot;
    m->slots = slots;
    for (int i = 0; i < m->pairs; i++)
        slot[slot_of(m, m->pair[i].left, m->pair[i].right)] = i;
    return true;
}

/* -1 when out of memory. */
static int pair_of(struct merger *m, int32_t left, int32_t right)
{
    size_t room = (size_t)m->pair_room, at;

    if (2 * (size_t)(m->pairs + 1) > m->slots && !more_slots(m))
        return -1;
    at = slot_of(m, left, right);
    if (m->slot[at] >= 0)
        return m->slot[at];
    if (!grow(m, &m->pair, (size_t)m->pairs, &room, sizeof *m->pair))
        return -1;
    m->pair_room = (int)room;
    m->pair[m->pairs] = (struct pair){.left = left, .right = right};
    m->slot[at] = m->pairs;
    return m->pairs++;
}

/* `word` has the pair once more. */
static void more_of(struct merger *m, int32_t left, int32_t right, int word)
{
    const int which = pair_of(m, left, right);
    size_t room;

    if (which < 0)
        return;
    assert(m->pair && which < m->pairs);
    struct pair *p = &m->pair[which];
    room = (size_t)p->room;
    if (!grow(m, &p->word, (size_t)p->words, &room, sizeof *p->word) ||
        !grow(m, &m->touched, m->touches, &m->touch_room, sizeof *m->touched))
        return;
    p->room = (int)room;
    if (!p->words || p->word[p->words - 1] != word)
        p->word[p->words++] = word;
    p->count += m->text->count[word];
    m->touched[m->touches++] = which;
}

static void less_of(struct merger *m, int32_t left, int32_t right, int word)
{
    const int which = m->slot[slot_of(m, left, right)];

    assert(which >= 0);
    m->pair[which].count -= m->text->count[word];
}

/* ---- the heap ---- */

/* Does a come before b? */
static bool before(const struct entry *a, const struct entry *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static void push(struct merger *m, int which)
{
    struct pair *p = &m->pair[which];
    const struct entry entry = {p->count, p->left, p->right, which};
    size_t at = m->entries;

    if (p->count < 2 || p->count <= p->pushed ||
        !grow(m, &m->heap, m->entries, &m->entry_room, sizeof *m->heap))
        return;
    p->pushed = p->count;
    m->entries++;
    for (; at > 0 && before(&entry, &m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = entry;
}

static struct entry pop(struct merger *m)
{
    const struct entry top = m->heap[0], last = m->heap[--m->entries];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= m->entries)
            break;
        child += child + 1 < m->entries && before(&m->heap[child + 1], &m->heap[child]);
        if (!before(&m->heap[child], &last))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = last;
    return top;
}

/* The most frequent pair; -1: none occurs twice. */
static int best_pair(struct merger *m)
{
    while (m->entries) {
        const struct entry top = pop(m);
        struct pair *p = &m->pair[top.pair];
        if (top.count != p->pushed)
            continue;
        p->pushed = 0;
        if (top.count == p->count)
            return top.pair;
        push(m, top.pair);
    }
    return -1;
}

static void push_touched(struct merger *m)
{
    for (size_t i = 0; i < m->touches; i++)
        push(m, m->touched[i]);
    m->touches = 0;
}

/* ---- merging ---- */

/* All pairs of a word, of which there is one more or one less each. */
static void count_pairs(struct merger *m, int word, bool more)
{
    const int32_t *ids = m->text->ids + m->text->start[word];

    for (int i = 0; i + 1 < m->length[word] && !m->failed; i++)
        if (more)
            more_of(m, ids[i], ids[i + 1], word);
        else
            less_of(m, ids[i], ids[i + 1], word);
}

/* left right -> merged, from the front on. */
static void merge_word(struct merger *m, int word, int32_t left, int32_t right, int32_t merged)
{
    int32_t *ids = m->text->ids + m->text->start[word];
    int kept = 0;

    for (int i = 0; i < m->length[word]; i++) {
        if (i + 1 < m->length[word] && ids[i] == left && ids[i + 1] == right) {
            ids[kept++] = merged;
            i++;
        } else {
            ids[kept++] = ids[i];
        }
    }
    m->length[word] = kept;
}

static bool has_pair(const struct merger *m, int word, int32_t left, int32_t right)
{
    const int32_t *ids = m->text->ids + m->text->start[word];

    for (int i = 0; i + 1 < m->length[word]; i++)
        if (ids[i] == left && ids[i + 1] == right)
            return true;
    return false;
}

static void merge(struct merger *m, int which, int32_t merged)
{
    const int32_t left = m->pair[which].left, right = m->pair[which].right;
    int32_t *words = m->pair[which].word;
    const int count = m->pair[which].words;

    m->pair[which].word = NULL; /* others may come while these are gone through */
    m->pair[which].words = m->pair[which].room = 0;
    for (int i = 0; i < count && !m->failed; i++) {
        if (!has_pair(m, words[i], left, right))
            continue;
        count_pairs(m, words[i], false);
        merge_word(m, words[i], left, right, merged);
        count_pairs(m, words[i], true);
    }
    free(words);
    push_touched(m);
}

/* The id of both as one token, a new one or one that other pairs made already. */
static rt_status merged_token(struct tr_vocabulary *v, const struct pair *pair, const char *mark,
                              int *id, struct rt_err *err)
{
    const char *left = tr_vocabulary_token(v, pair->left);
    const char *right = tr_vocabulary_token(v, pair->right);
    char text[2 * TR_TOKEN_BYTES + 2];

    if (strncmp(right, mark, strlen(mark)) == 0)
        right += strlen(mark);
    const int bytes = snprintf(text, sizeof text, "%s%s", left, right);
    *id = tr_vocabulary_find(v, text, (size_t)bytes);
    if (*id >= 0)
        return RT_OK;
    *id = v->count;
    return tr_vocabulary_add(v, text, (size_t)bytes, err);
}

static rt_status run(struct merger *m, struct tr_vocabulary *vocabulary, int size, const char *mark,
                     struct rt_err *err)
{
    for (int w = 0; w < m->text->words; w++) {
        m->length[w] = (int)(m->text->start[w + 1] - m->text->start[w]);
        count_pairs(m, w, true);
    }
    push_touched(m);
    while (vocabulary->count < size && !m->failed) {
        const int which = best_pair(m);
        int id;
        if (which < 0)
            break;
        RT_TRY(merged_token(vocabulary, &m->pair[which], mark, &id, err));
        merge(m, which, id);
    }
    if (m->failed)
        return rt_fail(err, RT_ENOMEM, "no memory to merge the tokens of a vocabulary");
    return RT_OK;
}

rt_status tr_merge_pairs(struct tr_vocabulary *vocabulary, int size, const char *mark,
                         struct tr_counted *words, struct rt_err *err)
{
    struct merger m = {.text = words};
    rt_status rc;

    m.length = calloc((size_t)words->words + 1, sizeof *m.length);
    if (!m.length || !more_slots(&m))
        rc = rt_fail(err, RT_ENOMEM, "no memory to merge the tokens of a vocabulary");
    else
        rc = run(&m, vocabulary, size, mark, err);
    for (int i = 0; i < m.pairs; i++)
        free(m.pair[i].word);
    free(m.pair);
    free(m.slot);
    free(m.heap);
    free(m.touched);
    free(m.length);
    return rc;
}
