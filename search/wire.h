/* search/wire.h -- what a search and workers on other machines say to each other.
 *
 * A message is one frame: a header of WIRE_HEADER bytes, little-endian, then `text` and `data`.
 *
 *   0 "RTRT"   4 version, u16   6 type, u16   8 number, i64   16 key, u64   24 attempt, u32
 *   28 seat, u32   32 bytes of text, u32   36 bytes of data, u32
 *
 * HELLO is the worker's first, WELCOME or REFUSED the answer; a worker that is connected anew begins
 * anew, and says by HELD what it is at. A trial is known by its number, and by `key`, a hash of its
 * job, so that none of another study or of another history is mistaken for it. Whoever needs a file
 * asks for its pieces one after the other.
 * Threads  pure functions.
 */
#ifndef SEARCH_WIRE_H
#define SEARCH_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 2 /* of messages, of a welcome, and of the list of files */
#define WIRE_HEADER ((size_t)40)
#define WIRE_TEXT ((size_t)1 << 20) /* the most bytes of text, the NUL that ends it not counted */
#define WIRE_DATA ((size_t)1 << 20) /* and of data: a piece of a file */
#define WIRE_WEIGHTS (8 + 32)
#define WIRE_BACK_STOP "asked to stop"
#define WIRE_OVER_DONE "all trials are done"
#define WIRE_NAME 16 /* bytes of what a worker's process is called, the first not 0 */

enum wire_type {
    WIRE_HELLO = 1, /* text: what the worker is, JSON */
    WIRE_HELD,   /* of trial number, key and attempt: it is being evaluated, or its result waits */
    WIRE_IDLE,   /* so many more slots (number) have nothing to do */
    WIRE_BEAT,   /* data: the numbers of the trials at work, or whose results wait, 8 bytes each */
    WIRE_RESULT, /* of trial number, key and attempt; text: the answer; data: the hash of weights */
    WIRE_BACK,   /* trial number is given back; text: WIRE_BACK_STOP, or why it could not be done */
    WIRE_BYE,    /* the worker leaves; text: what it learns from was written into, in words */
    WIRE_WELCOME, /* text: the study, JSON; seat: to be said in all messages from now on */
    WIRE_REFUSED, /* text: why */
    WIRE_AGAIN,   /* say hello once more */
    WIRE_JOB,   /* of trial number, key and attempt; text: the job; data: the trial whose weights it
                       starts from, 8 bytes, and their hash; or nothing */
    WIRE_TAKEN, /* the result of trial number need not be kept */
    WIRE_PING,  /* the search is there */
    WIRE_OVER, /* the search has ended; text: WIRE_OVER_DONE, or none: the same command has more to do */
    WIRE_GET,   /* text: which file; key: from which byte */
    WIRE_PIECE, /* text: of which file; key: from which byte; number: how many it has in all, -1:
                       there is none; data */
    WIRE_TYPES
};

struct wire_message {
    enum wire_type type;
    int64_t number;
    uint64_t key;
    uint32_t attempt, seat;
    const char *text; /* text_bytes of it, and no NUL among them; NULL when it has none */
    const unsigned char *data;
    size_t text_bytes, data_bytes;
};

/* Is it a message, of this version? *message then points into `bytes` of `frame`. *other: the version
 * that it is of, when that alone is what is wrong; else 0. */
bool wire_read(const void *frame, size_t bytes, struct wire_message *message, int *other);
/* Bytes that a message takes. */
size_t wire_bytes(const struct wire_message *message);
/* Into a frame of so many. */
void wire_write(const struct wire_message *message, unsigned char *frame);
/* The text, ended by a NUL; caller frees, NULL: no memory. */
char *wire_text(const struct wire_message *message);

/* Numbers of WIRE_BEAT. */
void wire_put_number(unsigned char *data, size_t i, int64_t number);
int64_t wire_number(const unsigned char *data, size_t i);
/* Of a job's line. */
uint64_t wire_key(const char *job);
#endif
