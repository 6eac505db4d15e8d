/* trainer/export/tensor_file.h -- a safetensors file, checked, mapped and asked by name.
 *
 * File     u64 little-endian header length, JSON header {name: {dtype, shape, data_offsets}, and
 *          "__metadata__": {string: string}}, then the values, each tensor behind the one before.
 * Checks   lengths, bounds, overlaps and gaps, types, names that can be printed. Types F32 and I8, and of
 *          networks that others trained F16, BF16, I64.
 * Errors   RT_EIO, RT_ENOMEM; RT_EFORMAT names the file and the tensor.
 * Threads  read-only once open.
 * Source   github.com/huggingface/safetensors, "Format".
 */
#ifndef TRAINER_EXPORT_TENSOR_FILE_H
#define TRAINER_EXPORT_TENSOR_FILE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"

enum tr_stored_type { TR_STORED_F32, TR_STORED_I8, TR_STORED_F16, TR_STORED_BF16, TR_STORED_I64 };
enum { TR_STORED_DIMS = 4 };

struct tr_stored { /* a tensor; row-major */
    enum tr_stored_type type;
    int dims; /* more than TR_STORED_DIMS: the shape is left out */
    int64_t shape[TR_STORED_DIMS];
    size_t count;
    const void *values; /* to be copied: their alignment is the file's affair */
};

struct json_t;
struct tr_tensor_file {
    struct rt_map map;
    struct json_t *header;
    const unsigned char *values;
    size_t bytes; /* of values */
    size_t count; /* of tensors */
};

rt_status tr_tensor_file_open(struct tr_tensor_file *file, const char *path, struct rt_err *err);
void tr_tensor_file_close(struct tr_tensor_file *file);
/* False: there is none of that name. */
bool tr_tensor_file_find(const struct tr_tensor_file *file, const char *name,
                         struct tr_stored *tensor);
/* The name of tensor number i, from 0, in the header's order; NULL behind the last. */
const char *tr_tensor_file_name(const struct tr_tensor_file *file, size_t i);
/* A text of the metadata, the file's own; NULL when there is none. */
const char *tr_tensor_file_note(const struct tr_tensor_file *file, const char *key);
/* Note number i, from 0; false behind the last. */
bool tr_tensor_file_notes(const struct tr_tensor_file *file, size_t i, const char **key,
                          const char **value);
/* A whole file in memory, for fuzzing. */
rt_status tr_tensor_file_check(const char *name, const unsigned char *data, size_t bytes,
                               struct rt_err *err);
#endif
