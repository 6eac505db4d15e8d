/* trainer/export/safetensors.h -- weights in the safetensors format, F32, or I8 with scales.
 *
 * File: u64 little-endian header length, JSON header {name: {dtype, shape, data_offsets}, and
 * "__metadata__": {string: string}}, then the tensors. Read checks lengths, overlap and bounds.
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
/* The int8 twin: matrices as I8 codes and, for "x.weight", F32 "x.weight_scale" (out) and
 * "x.input_scale" (1), so that y = x^ W^T + b with W = code * weight_scale of its row and
 * x^ = input_scale * clamp(rint(x / input_scale), -128, 127); everything else F32. */
rt_status tr_safetensors_write_int8(const char *path, const struct tr_student *student,
                                    const struct tr_twin *twin, const struct tr_metadata *metadata,
                                    struct rt_err *err);
/* The student's tensors by name and shape into params; a missing, extra or misshapen tensor is
 * RT_EFORMAT. */
rt_status tr_safetensors_read(const char *path, const struct tr_student *student, float *params,
                              struct rt_err *err);
/* One metadata value of a file; caller frees *value, NULL when there is no such key. */
rt_status tr_safetensors_metadata(const char *path, const char *key, char **value,
                                  struct rt_err *err);
/* Checks a whole file in memory, for fuzzing. */
rt_status tr_safetensors_check(const char *name, const unsigned char *data, size_t bytes,
                               struct rt_err *err);
#endif
