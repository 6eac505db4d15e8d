/* trainer/task/text/vocabulary.h -- tokens and their numbers.
 *
 * Order    token i is the one added as the i-th. A vocabulary is ranked: its first V tokens are a
 *          vocabulary too, and whoever looks one up says how many count.
 * Lookup   by FNV-1a of its bytes, in open addressing; a token is stored once.
 * Threads  read-only once built.
 */
#ifndef TRAINER_TASK_TEXT_VOCABULARY_H
#define TRAINER_TASK_TEXT_VOCABULARY_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TR_VOCABULARY_MAX (1 << 26)
#define TR_TOKEN_BYTES 1024 /* of a token, at most */

struct tr_vocabulary {
    int count;
    size_t longest;                   /* bytes of a token */
    char *bytes;                      /* owned: all tokens, each ended by a NUL */
    size_t *start;                    /* owned: [count], where each begins */
    int32_t *slot;                    /* owned: [slots] ids, -1 empty */
    size_t slots, used, room, starts; /* slots: a power of two; used, room: of bytes */
};

/* RT_EFORMAT when it is empty, too long, or one token too many; a token that is there already is
 * RT_EARG. Ids follow each other from 0. */
rt_status tr_vocabulary_add(struct tr_vocabulary *vocabulary, const char *token, size_t bytes,
                            struct rt_err *err);
void tr_vocabulary_release(struct tr_vocabulary *vocabulary);

/* The id below `limit` of the token whose FNV is `hash`; -1: none. */
int tr_vocabulary_find_hashed(const struct tr_vocabulary *vocabulary, uint64_t hash,
                              const char *token, size_t bytes, int limit);
/* The same of any token at all. */
int tr_vocabulary_find(const struct tr_vocabulary *vocabulary, const char *token, size_t bytes);

static inline const char *tr_vocabulary_token(const struct tr_vocabulary *vocabulary, int id)
{
    return vocabulary->bytes + vocabulary->start[id];
}
#endif
