/* trainer/task/npy.c -- see npy.h.
 *
 * Layout: "\x93NUMPY", version (2 bytes), header length (2 bytes in version 1, else 4), then a
 * Python dictionary as text: {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 10), }.
 */
#include "trainer/task/npy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { most_header = 4096, most_rows = 100000000, most_columns = 1000000 };

/* Magic, version 1, 118 bytes of dictionary: what we write. */
static const unsigned char preamble[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};

struct layout {
    int value_bytes;              /* 4 or 8 */
    size_t rows, columns, header; /* header: bytes before the values */
};

/* The text behind 'key': in the dictionary; NULL when it is not there. */
static const char *entry(const char *text, const char *key)
{
    char quoted[32];
    const char *at;

    snprintf(quoted, sizeof quoted, "'%s':", key);
    at = strstr(text, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

static bool read_size(const char **at, long most, size_t *size)
{
    char *end;
    const long value = strtol(*at, &end, 10);

    if (end == *at || value < 1 || value > most)
        return false;
    *size = (size_t)value;
    *at = end;
    return true;
}

/* "(rows, columns)", with or without a comma before the bracket. */
static bool read_shape(const char *at, struct layout *layout)
{
    if (*at++ != '(' || !read_size(&at, most_rows, &layout->rows) || *at++ != ',' ||
        !read_size(&at, most_columns, &layout->columns))
        return false;
    at += *at == ',';
    at += strspn(at, " ");
    return *at == ')';
}

/* How much of an entry can stand in a message: printable, up to its comma, at most 8. */
static int shown(const char *entry_text)
{
    int n = 0;

    while (n < 8 && entry_text[n] >= ' ' && entry_text[n] <= '~' && entry_text[n] != ',')
        n++;
    return n;
}

static rt_status parse_dictionary(const char *name, const char *text, struct layout *layout,
                                  struct rt_err *err)
{
    const char *descr = entry(text, "descr"), *order = entry(text, "fortran_order");
    const char *shape = entry(text, "shape");

    if (!descr || !order || !shape)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is not a .npy file: its header lacks descr, "
                       "fortran_order or shape",
                       name);
    if (strncmp(descr, "'<f4'", 5) == 0)
        layout->value_bytes = 4;
    else if (strncmp(descr, "'<f8'", 5) == 0)
        layout->value_bytes = 8;
    else
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has values of type %.*s, want '<f4'; save it with "
                       "array.astype('<f4')",
                       name, shown(descr), descr);
    if (strncmp(order, "False", 5) != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is in Fortran order; save it with "
                       "numpy.ascontiguousarray(array)",
                       name);
    if (!read_shape(shape, layout))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is not a matrix of (examples, classes); save it with "
                       "array.reshape(examples, classes)",
                       name);
    return RT_OK;
}

static rt_status parse_header(const char *name, const unsigned char *data, size_t bytes,
                              struct layout *layout, struct rt_err *err)
{
    char text[most_header + 1];
    size_t length, start;

    if (bytes < 12 || memcmp(data, preamble, 6) != 0)
        return rt_fail(err, RT_EFORMAT, "'%s' is not a .npy file; save it with numpy.save()", name);
    if (data[6] < 1 || data[6] > 3)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is not a .npy file of version 1 to 3 but %d; save it with "
                       "numpy.save()",
                       name, data[6]);
    start = data[6] == 1 ? 10 : 12;
    length = data[8] | (size_t)data[9] << 8;
    if (data[6] > 1)
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > most_header || start + length > bytes)
        return rt_fail(err, RT_EFORMAT, "'%s' is truncated in its header", name);
    memcpy(text, data + start, length);
    text[length] = '\0';
    layout->header = start + length;
    return parse_dictionary(name, text, layout, err);
}

rt_status tr_npy_parse(const char *name, const unsigned char *data, size_t bytes,
                       struct tr_matrix *matrix, struct rt_err *err)
{
    struct layout layout = {0};
    size_t count;
    float *values;

    RT_TRY(parse_header(name, data, bytes, &layout, err));
    count = layout.rows * layout.columns; /* at most 1e14 */
    if (count < 1 || bytes - layout.header != count * (size_t)layout.value_bytes)
        return rt_fail(
            err, RT_EFORMAT,
            "'%s' holds %zu bytes of values but its header states %zu x %zu of %d bytes; "
            "save it again",
            name, bytes - layout.header, layout.rows, layout.columns, layout.value_bytes);
    values = malloc(count * sizeof *values);
    if (!values)
        return rt_fail(err, RT_ENOMEM, "no memory for the values of '%s'", name);
    if (layout.value_bytes == 4) {
        memcpy(values, data + layout.header, count * sizeof *values);
    } else {
        for (size_t i = 0; i < count; i++) {
            double wide;
            memcpy(&wide, data + layout.header + 8 * i, 8);
            values[i] = (float)wide;
        }
    }
    *matrix = (struct tr_matrix){layout.rows, layout.columns, values};
    return RT_OK;
}

rt_status tr_npy_read(const char *path, struct tr_matrix *matrix, struct rt_err *err)
{
    struct rt_map map;
    rt_status rc;

    RT_TRY(rt_map_open(&map, path, err));
    rc = tr_npy_parse(path, map.data, map.bytes, matrix, err);
    rt_map_close(&map);
    return rc;
}

rt_status tr_npy_write(const char *path, const struct tr_matrix *matrix, struct rt_err *err)
{
    char header[128];
    struct rt_writer writer;
    /* The preamble is padded to 128 bytes, so that the values are aligned. */
    const int used = snprintf(header + 10, sizeof header - 10,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }",
                              matrix->rows, matrix->columns);

    memcpy(header, preamble, sizeof preamble);
    memset(header + 10 + used, ' ', sizeof header - 10 - (size_t)used);
    header[sizeof header - 1] = '\n';
    RT_TRY(rt_writer_open(&writer, path, err));
    fwrite(header, 1, sizeof header, writer.file);
    fwrite(matrix->values, sizeof(float), matrix->rows * matrix->columns, writer.file);
    return rt_writer_commit(&writer, err);
}

void tr_matrix_release(struct tr_matrix *matrix)
{
    free(matrix->values);
    *matrix = (struct tr_matrix){0};
}
