/* trainer/task/text/vocabulary.c -- see vocabulary.h. Half of the slots stay empty, so that a walk
 * is short. */
#include "trainer/task/text/vocabulary.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/fnv.h"

/* The length of a token is told by where the next one begins, the NUL aside. */
static size_t token_bytes(const struct tr_vocabulary *v, int id)
{
    const size_t next = id + 1 < v->count ? v->start[id + 1] : v->used;

    return next - 1 - v->start[id];
}

static void place(struct tr_vocabulary *v, int id)
{
    const uint64_t hash = tr_fnv(TR_FNV_START, tr_vocabulary_token(v, id), token_bytes(v, id));
    size_t at = hash & (v->slots - 1);

    while (v->slot[at] >= 0)
        at = (at + 1) & (v->slots - 1);
    v->slot[at] = id;
}

static bool more_slots(struct tr_vocabulary *v)
{
    const size_t slots = v->slots ? 2 * v->slots : 1024;
    int32_t *slot = malloc(slots * sizeof *slot);

    if (!slot)
        return false;
    memset(slot, -1, slots * sizeof *slot);
    free(v->slot);
    v->slot = slot;
    v->slots = slots;
    for (int i = 0; i < v->count; i++)
        place(v, i);
    return true;
}

static bool make_room(struct tr_vocabulary *v, size_t bytes)
{
    if (v->used + bytes + 1 > v->room) {
        const size_t room = 2 * (v->used + bytes + 1) + 4096;
        char *larger = realloc(v->bytes, room);
        if (!larger)
            return false;
        v->bytes = larger;
        v->room = room;
    }
    if ((size_t)v->count == v->starts) {
        const size_t starts = 2 * v->starts + 512;
        size_t *larger = realloc(v->start, starts * sizeof *larger);
        if (!larger)
            return false;
        v->start = larger;
        v->starts = starts;
    }
    return 2 * (size_t)(v->count + 1) <= v->slots || more_slots(v);
}

rt_status tr_vocabulary_add(struct tr_vocabulary *v, const char *token, size_t bytes,
                            struct rt_err *err)
{
    if (!bytes || bytes > TR_TOKEN_BYTES || memchr(token, 0, bytes))
        return rt_fail(err, RT_EFORMAT, "token %d has %zu bytes, want 1 to %d without a NUL",
                       v->count, bytes, TR_TOKEN_BYTES);
    if (v->count == TR_VOCABULARY_MAX)
        return rt_fail(err, RT_EFORMAT, "more than %d tokens", TR_VOCABULARY_MAX);
    const int before = tr_vocabulary_find(v, token, bytes);
    if (before >= 0)
        return rt_fail(err, RT_EARG, "token %d, '%.*s', is token %d too", v->count,
                       bytes > 60 ? 60 : (int)bytes, token, before);
    if (!make_room(v, bytes))
        return rt_fail(err, RT_ENOMEM, "no memory for a vocabulary");
    v->start[v->count] = v->used;
    memcpy(v->bytes + v->used, token, bytes);
    v->bytes[v->used + bytes] = '\0';
    v->used += bytes + 1;
    v->longest = bytes > v->longest ? bytes : v->longest;
    v->count++;
    place(v, v->count - 1);
    return RT_OK;
}

int tr_vocabulary_find_hashed(const struct tr_vocabulary *v, uint64_t hash, const char *token,
                              size_t bytes, int limit)
{
    if (!v->slots)
        return -1;
    for (size_t at = hash & (v->slots - 1); v->slot[at] >= 0; at = (at + 1) & (v->slots - 1)) {
        const int id = v->slot[at];
        if (token_bytes(v, id) == bytes && memcmp(tr_vocabulary_token(v, id), token, bytes) == 0)
            return id < limit ? id : -1;
    }
    return -1;
}

int tr_vocabulary_find(const struct tr_vocabulary *v, const char *token, size_t bytes)
{
    return tr_vocabulary_find_hashed(v, tr_fnv(TR_FNV_START, token, bytes), token, bytes, v->count);
}

void tr_vocabulary_release(struct tr_vocabulary *v)
{
    free(v->bytes);
    free(v->start);
    free(v->slot);
    *v = (struct tr_vocabulary){0};
}
