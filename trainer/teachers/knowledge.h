/* trainer/teachers/knowledge.h -- what the teachers say about the training file, cached once.
 *
 * One file, memory-mapped and shared by all workers: K logit vectors of C floats for each of the N
 * rows of the training file (train and validation rows alike; the test file has no place here). An
 * example of several parts has a row for each of them, one behind the other.
 *
 * Layout   little-endian. 4096-byte header: magic "RTKNOW\r\n", version, K, C, N, value type
 *          (fp32), hash of the data, hash of each teacher and name of each, XXH3 of the values,
 *          XXH3 of the header itself; then values (N, K, C) float32.
 * Stale    tr_knowledge_open() compares data and teacher hashes with those it is given and refuses
 *          with RT_EMISMATCH and the reason; a bad magic, size or checksum is RT_EFORMAT.
 * Live     where an example has an answer a row, what teachers say is too much to be kept: their
 *          networks stand in its place, to be asked again and again (live.h).
 * Threads  read-only after open.
 */
#ifndef TRAINER_TEACHERS_KNOWLEDGE_H
#define TRAINER_TEACHERS_KNOWLEDGE_H
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "trainer/net/network.h"

#define TR_MAX_TEACHERS 16
#define TR_TEACHER_NAME 64

struct tr_knowledge_key {
    int teachers, classes, rows;
    char data[RT_HASH_TEXT];
    char teacher[TR_MAX_TEACHERS][RT_HASH_TEXT]; /* of the weights, or of the recorded logits */
    char name[TR_MAX_TEACHERS][TR_TEACHER_NAME];
};

struct tr_knowledge {
    struct tr_knowledge_key key;
    const float *logits; /* (rows, teachers, classes), inside the map; NULL of live teachers */
    struct rt_map map;
    char self[RT_HASH_TEXT]; /* the file's header, and with it its values, when it was opened */
    struct tr_network *live; /* owned: [teachers], packed; or NULL */
};

/* What all teachers say about one row: (teachers, classes). */
static inline const float *tr_knowledge_row(const struct tr_knowledge *knowledge, int row)
{
    const struct tr_knowledge_key *key = &knowledge->key;
    return knowledge->logits + (ptrdiff_t)row * key->teachers * key->classes;
}

/* values (rows, teachers, classes); non-finite values are RT_ENAN, naming teacher and row. */
rt_status tr_knowledge_write(const char *path, const struct tr_knowledge_key *key,
                             const float *values, struct rt_err *err);
rt_status tr_knowledge_open(struct tr_knowledge *knowledge, const char *path,
                            const struct tr_knowledge_key *want, struct rt_err *err);
/* Checks a whole file in memory, for fuzzing: everything but whose it is. */
rt_status tr_knowledge_check(const char *name, const unsigned char *data, size_t bytes,
                             struct rt_err *err);
/* Is it what it was when it was opened? Its values are looked at when its file was written meanwhile.
 * RT_EDIRTY, with the mend: whatever was learnt from it since is void. */
rt_status tr_knowledge_look(const struct tr_knowledge *knowledge, struct rt_err *err);
void tr_knowledge_close(struct tr_knowledge *knowledge);
#endif
