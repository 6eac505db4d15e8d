/* trainer/export/safetensors.h -- weights in the safetensors format, F32, or I8 with scales.
 *
 * The format is told in tensor_file.h.
 */
#ifndef TRAINER_EXPORT_SAFETENSORS_H
#define TRAINER_EXPORT_SAFETENSORS_H
#include <stddef.h>

#include "base/status.h"
#include "trainer/net/student_int8.h"

struct tr_metadata { /* a NULL key ends a list */
    const char *key, *value;
};

/* All tensors of the student, in its order, with metadata. */
rt_status tr_safetensors_write(const char *path, const struct tr_student *student,
                               const float *params, const struct tr_metadata *metadata,
                               struct rt_err *err);
struct tr_named { /* a tensor of floats, row-major */
    char name[64];
    int dims, shape[4];
    const float *values;
};
/* Any tensors, such as a policy's. */
rt_status tr_safetensors_write_named(const char *path, const struct tr_named *tensors, int count,
                                     const struct tr_metadata *metadata, struct rt_err *err);
/* The quantised copy: matrices as I8 codes and, for "x.weight", F32 "x.weight_scale" (out) and
 * "x.input_scale" (1), so that y = x^ W^T + b with W = code * weight_scale of its row and
 * x^ = input_scale * clamp(rint(x / input_scale), -128, 127); everything else F32. */
rt_status tr_safetensors_write_int8(const char *path, const struct tr_student *student,
                                    const struct tr_quantised *quantised,
                                    const struct tr_metadata *metadata, struct rt_err *err);
/* The student's tensors by name and shape into params; a missing, extra or misshapen tensor is
 * RT_EFORMAT. */
rt_status tr_safetensors_read(const char *path, const struct tr_student *student, float *params,
                              struct rt_err *err);
/* The same of a file that is open, called `path` in messages. */
struct tr_tensor_file;
rt_status tr__safetensors_take(const struct tr_tensor_file *file, const char *path,
                               const struct tr_student *student, float *params, struct rt_err *err);
/* One metadata value of a file; caller frees *value, NULL when there is no such key. */
rt_status tr_safetensors_metadata(const char *path, const char *key, char **value,
                                  struct rt_err *err);
#endif
