/* trainer/task/image/npz.h -- NumPy .npz files: zip archives of .npy files, stored or deflated.
 *
 * Errors  RT_EFORMAT names the file, what is wrong with it and, where an array has to be chosen, those
 *         that it holds. Archives of more than 4 GiB (zip64) are refused.
 */
#ifndef TRAINER_TASK_IMAGE_NPZ_H
#define TRAINER_TASK_IMAGE_NPZ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

bool tr_npz_is(const uint8_t *data, size_t bytes);
/* The array's .npy file, which the caller frees; `array` "": the only one that there is. */
rt_status tr_npz_find(const char *name, const uint8_t *data, size_t bytes, const char *array,
                      uint8_t **npy, size_t *npy_bytes, struct rt_err *err);
#endif
