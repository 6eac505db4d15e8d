/* base/hash.c -- libxxhash's XXH3, printed with its high half first, as xxhsum -H2 does. */
#include "base/hash.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

/* struct rt_hash is XXH3_state_t under another name, so that the header needs no xxhash.h. */
static XXH3_state_t *state(struct rt_hash *hash)
{
    return (XXH3_state_t *)hash;
}

static void print_digest(XXH128_hash_t digest, char text[RT_HASH_TEXT])
{
    snprintf(text, RT_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, (uint64_t)digest.high64,
             (uint64_t)digest.low64);
}

struct rt_hash *rt_hash_open(void)
{
    XXH3_state_t *s = XXH3_createState();
    if (s)
        XXH3_128bits_reset(s);
    return (struct rt_hash *)s;
}

void rt_hash_add(struct rt_hash *hash, const void *data, size_t bytes)
{
    assert(hash && (data || bytes == 0));
    XXH3_128bits_update(state(hash), data, bytes);
}

void rt_hash_close(struct rt_hash *hash, char text[RT_HASH_TEXT])
{
    assert(hash);
    print_digest(XXH3_128bits_digest(state(hash)), text);
    XXH3_freeState(state(hash));
}

void rt_hash_bytes(const void *data, size_t bytes, char text[RT_HASH_TEXT])
{
    print_digest(XXH3_128bits(data, bytes), text);
}
