/* trainer/task/image/idx.h -- IDX files of unsigned bytes, gzip'd or plain: the MNIST family's.
 *
 * Layout   big-endian: 0x00 0x00 0x08 (unsigned byte) DIMS, then DIMS sizes of 4 bytes, then data.
 */
#ifndef TRAINER_TASK_IMAGE_IDX_H
#define TRAINER_TASK_IMAGE_IDX_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TR_IDX_MAX_BYTES ((size_t)1 << 32) /* of data, once unpacked */

struct tr_idx {
    int dims;
    int size[4];
    uint8_t *data; /* owned; size[0] * size[1] * ... bytes */
};

/* `dims` is what the caller expects: 1, labels; 3, images, which may have a fourth: channels, at most
 * 3. Errors name the path and the place. */
rt_status tr_idx_read(const char *path, int dims, struct tr_idx *idx, struct rt_err *err);
/* The same for unpacked bytes in memory. */
rt_status tr_idx_parse(const char *name, const uint8_t *bytes, size_t count, int dims,
                       struct tr_idx *idx, struct rt_err *err);
void tr_idx_release(struct tr_idx *idx);
#endif
