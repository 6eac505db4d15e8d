/* tests/tensor_sample.h -- small safetensors files, written as others write them. */
#ifndef TESTS_TENSOR_SAMPLE_H
#define TESTS_TENSOR_SAMPLE_H
#include "support.h"

struct tensor {
    const char *name;
    int rows, columns; /* 0 rows: a list of `columns` */
    const float *values;
};

/* metadata: JSON, as {"activation":"tanh"}. A NULL name ends the tensors. */
static inline void write_tensors(const char *path, const struct tensor *tensors,
                                 const char *metadata)
{
    char header[4096];
    size_t used = (size_t)snprintf(header, sizeof header, "{\"__metadata__\":%s", metadata), at = 0;
    FILE *file = fopen(path, "wb");

    for (const struct tensor *t = tensors; t->name; t++) {
        const size_t bytes = (size_t)(t->rows ? t->rows * t->columns : t->columns) * 4;
        char shape[32];
        (void)snprintf(shape, sizeof shape, t->rows ? "%d,%d" : "%.0d%d", t->rows, t->columns);
        used += (size_t)snprintf(header + used, sizeof header - used,
                                 ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%"
                                 "zu]}",
                                 t->name, shape, at, at + bytes);
        at += bytes;
    }
    used += (size_t)snprintf(header + used, sizeof header - used, "}");
    assert_true(used < sizeof header && file);
    for (int i = 0; i < 8; i++)
        (void)fputc((int)((used >> (8 * i)) & 255), file);
    assert_int_equal(fwrite(header, 1, used, file), used);
    for (const struct tensor *t = tensors; t->name; t++) {
        const size_t n = (size_t)(t->rows ? t->rows * t->columns : t->columns);
        assert_int_equal(fwrite(t->values, 4, n, file), n);
    }
    assert_int_equal(fclose(file), 0);
}
#endif
