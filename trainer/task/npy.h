/* trainer/task/npy.h -- NumPy .npy files, versions 1 to 3: matrices, lists of rows, and any array.
 *
 * Matrix  float32 or float64, C-order, little-endian, 2-D; float64 is converted to float32.
 * Rows    int64, little-endian, 1-D: numbers of rows of a data file.
 * Array   numbers of 1 to 8 bytes, C-order, little-endian, of 1 to 4 dimensions, as they lie there.
 * Errors  anything else is RT_EFORMAT saying what was found and what numpy call would mend it.
 */
#ifndef TRAINER_TASK_NPY_H
#define TRAINER_TASK_NPY_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct tr_matrix {
    size_t rows, columns;
    float *values; /* owned, row-major */
};
rt_status tr_npy_read(const char *path, struct tr_matrix *matrix, struct rt_err *err);
rt_status tr_npy_parse(const char *name, const unsigned char *data, size_t bytes,
                       struct tr_matrix *matrix, struct rt_err *err); /* for fuzzing */
/* Version 1, float32; written beside and renamed. */
rt_status tr_npy_write(const char *path, const struct tr_matrix *matrix, struct rt_err *err);
void tr_matrix_release(struct tr_matrix *matrix);

/* At least one, distinct, each 0 .. 2^31 - 2; they come back in ascending order. Caller frees *rows. */
rt_status tr_npy_read_rows(const char *path, int **rows, int *count, struct rt_err *err);
rt_status tr_npy_parse_rows(const char *name, const unsigned char *data, size_t bytes, int **rows,
                            int *count, struct rt_err *err); /* for fuzzing */
/* Any numbers, labels too. */
rt_status tr_npy_write_rows(const char *path, const int *rows, int count, struct rt_err *err);

struct tr_array {
    char kind; /* 'u', 'i' or 'f' */
    int bytes; /* of a value: 1, 2, 4 or 8 */
    int dims;
    size_t size[4], count;       /* count: their product, at least 1 */
    const unsigned char *values; /* in the file, in any alignment */
};
rt_status tr_npy_parse_array(const char *name, const unsigned char *data, size_t bytes,
                             struct tr_array *array, struct rt_err *err);
/* uint8 of so many dimensions, 1 to 4. */
rt_status tr_npy_write_bytes(const char *path, const int *size, int dims, const uint8_t *values,
                             struct rt_err *err);
#endif
