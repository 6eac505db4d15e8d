/* base/arena.c -- see arena.h.
 *
 * Under AddressSanitizer free space is poisoned and each piece is followed by a poisoned red zone,
 * so an overrun inside the block is caught as it would be with malloc.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define RT_ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_ARENA_ASAN 1
#endif
#endif

#ifdef RT_ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
enum { red_zone = 64 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { red_zone = 0 };
#endif

rt_status rt_arena_init(struct rt_arena *arena, size_t capacity, struct rt_err *err)
{
    /* Room for the red zones: pieces are few and large, an eighth more is ample. */
    const size_t want = red_zone ? capacity + capacity / 8 + ((size_t)1 << 20) : capacity;
    const size_t bytes = (want + RT_ARENA_ALIGN - 1) / RT_ARENA_ALIGN * RT_ARENA_ALIGN;
    void *base = bytes < want ? NULL : aligned_alloc(RT_ARENA_ALIGN, bytes ? bytes : 64);

    if (!base)
        return rt_fail(err, RT_ENOMEM, "cannot reserve %zu bytes of memory", capacity);
    assert((uintptr_t)base % RT_ARENA_ALIGN == 0);
    *arena = (struct rt_arena){.base = base, .capacity = bytes};
    POISON(arena->base, arena->capacity);
    return RT_OK;
}

void rt_arena_init_counting(struct rt_arena *arena)
{
    *arena = (struct rt_arena){.capacity = SIZE_MAX / 2};
}

void rt_arena_release(struct rt_arena *arena)
{
    if (arena->base)
        UNPOISON(arena->base, arena->capacity);
    free(arena->base);
    *arena = (struct rt_arena){0};
}

void *rt_arena_alloc(struct rt_arena *arena, size_t count, size_t size)
{
    unsigned char *piece;
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4) {
        arena->failed = true;
        return NULL;
    }
    bytes = (bytes + RT_ARENA_ALIGN - 1) / RT_ARENA_ALIGN * RT_ARENA_ALIGN;
    if (bytes + red_zone > arena->capacity - arena->used) {
        arena->failed = true;
        return NULL;
    }
    piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += bytes + (arena->base ? red_zone : 0);
    assert(arena->used <= arena->capacity);
    if (piece)
        UNPOISON(piece, bytes);
    return piece;
}

void *rt_arena_zalloc(struct rt_arena *arena, size_t count, size_t size)
{
    void *piece = rt_arena_alloc(arena, count, size);
    if (piece)
        memset(piece, 0, count * size);
    return piece;
}

rt_status rt_arena_check(const struct rt_arena *arena, const char *what, struct rt_err *err)
{
    if (arena->failed)
        return rt_fail(err, RT_ENOMEM, "%s does not fit in %zu bytes", what, arena->capacity);
    return RT_OK;
}
