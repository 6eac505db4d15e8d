/* base/hash.h -- content hashes (XXH3, 128 bits) for data, weights, caches and studies.
 *
 * They tell whether a file is the one that was meant; they are not a defence against forgery.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include <stddef.h>

#define RT_HASH_TEXT 33 /* 32 hexadecimal digits and the NUL */

struct rt_hash; /* an opaque running hash */

struct rt_hash *rt_hash_open(void); /* NULL when out of memory */
void rt_hash_add(struct rt_hash *hash, const void *data, size_t bytes);
/* Writes the digest and frees the hash. */
void rt_hash_close(struct rt_hash *hash, char text[RT_HASH_TEXT]);

/* All at once. */
void rt_hash_bytes(const void *data, size_t bytes, char text[RT_HASH_TEXT]);
#endif
