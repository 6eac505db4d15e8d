/* search/transfer.h -- a file that comes in pieces: NAME.part grows, is checked, and becomes NAME.
 *
 * What was there when a transfer was cut off is taken up again. A file that is not what its hash says is
 * thrown away.
 * Threads  one transfer of a path at a time.
 */
#ifndef SEARCH_TRANSFER_H
#define SEARCH_TRANSFER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "base/hash.h"

struct transfer {
    char path[RT_PATH_MAX], hash[RT_HASH_TEXT];
    bool alone;
    int64_t offset; /* bytes that are there, and the next piece's place */
};

/* Is the file there, and of that hash? */
bool transfer_has(const char *path, const char *hash);
/* The hash of a file. RT_EIO. */
rt_status transfer_hash(const char *path, char hash[RT_HASH_TEXT], struct rt_err *err);

/* Makes the folder. `alone`: no other process fetches the file, and what was there is taken up; else
 * each has a part of its own. RT_EIO. */
rt_status transfer_begin(struct transfer *transfer, const char *path, const char *hash, bool alone,
                         struct rt_err *err);
/* The piece at `offset` of `total` bytes in all; *whole: the file is in its place. RT_EFORMAT: the piece
 * is not the next, or what came is another file, and is gone. */
rt_status transfer_add(struct transfer *transfer, uint64_t offset, int64_t total, const void *data,
                       size_t bytes, bool *whole, struct rt_err *err);

/* One that is not gone on with: what came goes, unless it is to be taken up. */
void transfer_end(const struct transfer *transfer);

/* The other side: up to `room` bytes from `offset` on. RT_EIO, RT_EARG beyond its end. */
rt_status transfer_read(const char *path, uint64_t offset, void *data, size_t room, size_t *bytes,
                        int64_t *total, struct rt_err *err);
#endif
