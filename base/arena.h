/* base/arena.h -- a block of memory handed out from the front and given back all at once.
 *
 * A training run carves all it needs from one, so nothing is allocated while training.
 * Pieces    are 64-byte aligned, hence never share a cache line.
 * Full      an arena returns NULL and stays `failed` in every build type, so that a sequence of
 *           allocations is checked once, at its end, with rt_arena_check().
 * Counting  an arena without memory returns NULL, never fails, and its `used` tells what a real one
 *           would need; that is how the memory of a trial is known before it starts.
 * Threads   one arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define RT_ARENA_ALIGN 64

struct rt_arena {
    unsigned char *base;   /* NULL while counting */
    size_t capacity, used; /* bytes */
    bool failed;           /* an allocation did not fit: set until release */
};

rt_status rt_arena_init(struct rt_arena *arena, size_t capacity, struct rt_err *err);
void rt_arena_init_counting(struct rt_arena *arena);
void rt_arena_release(struct rt_arena *arena);

/* count * size bytes, not zeroed. NULL when full, when the product overflows, or when counting. */
void *rt_arena_alloc(struct rt_arena *arena, size_t count, size_t size);
/* Zeroed. */
void *rt_arena_zalloc(struct rt_arena *arena, size_t count, size_t size);
/* RT_ENOMEM, naming `what`, when any allocation since init did not fit. */
rt_status rt_arena_check(const struct rt_arena *arena, const char *what, struct rt_err *err);
#endif
