/* base/state.h -- what somebody is in the middle of, on disk, so that who was killed goes on with the same
 * bits.
 *
 * Walk     one function goes through all parts in their order; so they are counted, written and read, each
 *          where it lies. What it has gone by may tell the sizes of what follows.
 * Numbers  are judged by the same walk, as it says what they may be, before any is taken: a whole file may
 *          have been written by someone else, and nothing that is out of its range is believed.
 * File     magic, made_of, the parts, the hash of all that. Numbers are as in memory: it is read by the
 *          program that wrote it, or not at all; made_of tells. Written beside and renamed.
 * Threads  a walk is one thread's.
 */
#ifndef BASE_STATE_H
#define BASE_STATE_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hash.h"

struct rt_state { /* all zero: counts alone */
    size_t bytes; /* gone by */
    FILE *to;     /* where to, and */
    struct rt_hash *hash;
    const unsigned char *from; /* or where from: the parts of a state, all of them there; */
    bool judges;               /* but nothing is taken, and */
    bool bad;                  /* a number was out of its range, or NaN */
};
typedef void rt_state_walk(struct rt_state *state, void *context);

/* Of which any bits are good. */
void rt_state_part(struct rt_state *state, void *values, size_t bytes);
/* n numbers, from `least` to `most` each. */
void rt_state_ints(struct rt_state *state, int *values, size_t n, double least, double most);
void rt_state_longs(struct rt_state *state, int64_t *values, size_t n, double least, double most);
void rt_state_floats(struct rt_state *state, float *values, size_t n, double least, double most);
void rt_state_doubles(struct rt_state *state, double *values, size_t n, double least, double most);

/* False: it could not be written, and what was there is there yet. */
bool rt_state_write(const char *path, const char made_of[RT_HASH_TEXT], rt_state_walk *walk,
                    void *context);
/* The parts of a whole state that was made of that: they are the file's from *parts on, *bytes of them,
 * until it is unmapped. False: there is none. */
bool rt_state_open(struct rt_map *map, const char *path, const char made_of[RT_HASH_TEXT],
                   const unsigned char **parts, size_t *bytes);
/* Of a file in memory. */
bool rt_state_is_whole(const unsigned char *data, size_t bytes);
#endif
