/* trainer/task/packed.h -- a whole file of data in memory, gzip'd or plain.
 *
 * Errors  RT_EIO when the system refuses; RT_EFORMAT when it cannot be unpacked, ends too early, is
 *         called .gz and is not, or holds more than `limit` bytes. Each names the file and the mend.
 */
#ifndef TRAINER_TASK_PACKED_H
#define TRAINER_TASK_PACKED_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* The caller frees *bytes, which has room for one more. */
rt_status tr_packed_read(const char *path, size_t limit, uint8_t **bytes, size_t *count,
                         struct rt_err *err);
#endif
