/* trainer/task/npy.c -- the header is read strictly, the dictionary in it leniently: by its keys.
 *
 * Layout: "\x93NUMPY", version (2 bytes), header length (2 bytes in version 1, else 4), then a
 * Python dictionary as text: {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 10), }.
 */
#include "trainer/task/npy.h"

#include <assert.h>
#include <inttypes.h>
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
    bool list;                    /* of rows: int64, one column */
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

/* "(rows, columns)", with or without a comma before the bracket; of a list "(rows,)". */
static bool read_shape(const char *at, struct layout *layout)
{
    if (*at++ != '(' || !read_size(&at, most_rows, &layout->rows) || *at++ != ',')
        return false;
    layout->columns = 1;
    if (!layout->list && !read_size(&at, most_columns, &layout->columns))
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

static rt_status read_type(const char *name, const char *descr, struct layout *layout,
                           struct rt_err *err)
{
    const char *want = layout->list ? "<i8" : "<f4";
    const bool mask = layout->list && strncmp(descr, "'|b1'", 5) == 0;

    layout->value_bytes = strncmp(descr, "'<f4'", 5) == 0 ? 4 : 8;
    if (strncmp(descr + 1, want, 3) == 0 || (!layout->list && strncmp(descr, "'<f8'", 5) == 0))
        return RT_OK;
    return rt_fail(err, RT_EFORMAT, "'%s' has values of type %.*s, want '%s'; save it with %s%s%s",
                   name, shown(descr), descr, want,
                   mask ? "numpy.flatnonzero(array" : "array.astype('", mask ? "" : want,
                   mask ? ")" : "')");
}

static rt_status fail_lacking(const char *name, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT,
                   "'%s' is not a .npy file: its header lacks descr, fortran_order or shape", name);
}

static rt_status fail_fortran(const char *name, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT,
                   "'%s' is in Fortran order; save it with numpy.ascontiguousarray(array)", name);
}

static rt_status parse_dictionary(const char *name, const char *text, struct layout *layout,
                                  struct rt_err *err)
{
    const char *descr = entry(text, "descr"), *order = entry(text, "fortran_order");
    const char *shape = entry(text, "shape");

    if (!descr || !order || !shape)
        return fail_lacking(name, err);
    RT_TRY(read_type(name, descr, layout, err));
    if (strncmp(order, "False", 5) != 0)
        return fail_fortran(name, err);
    if (!read_shape(shape, layout))
        return rt_fail(err, RT_EFORMAT,
                       layout->list ? "'%s' is not a list of row numbers; save it with "
                                      "numpy.ravel(array)"
                                    : "'%s' is not a matrix of (examples, classes); save it with "
                                      "array.reshape(examples, classes)",
                       name);
    return RT_OK;
}

/* The dictionary as a text, and where the values begin. */
static rt_status read_header(const char *name, const unsigned char *data, size_t bytes,
                             char text[most_header + 1], size_t *header, struct rt_err *err)
{
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
    *header = start + length;
    return RT_OK;
}

static rt_status parse_header(const char *name, const unsigned char *data, size_t bytes,
                              struct layout *layout, struct rt_err *err)
{
    char text[most_header + 1];

    RT_TRY(read_header(name, data, bytes, text, &layout->header, err));
    return parse_dictionary(name, text, layout, err);
}

/* The header, and that as many values follow as it states, at least one. */
static rt_status parse_layout(const char *name, const unsigned char *data, size_t bytes,
                              struct layout *layout, struct rt_err *err)
{
    RT_TRY(parse_header(name, data, bytes, layout, err));
    const size_t count = layout->rows * layout->columns; /* 1 to 1e14 */
    if (bytes - layout->header == count * (size_t)layout->value_bytes)
        return RT_OK;
    return rt_fail(err, RT_EFORMAT,
                   "'%s' holds %zu bytes of values but its header states %zu x %zu of %d bytes; "
                   "save it again",
                   name, bytes - layout->header, layout->rows, layout->columns,
                   layout->value_bytes);
}

rt_status tr_npy_parse(const char *name, const unsigned char *data, size_t bytes,
                       struct tr_matrix *matrix, struct rt_err *err)
{
    struct layout layout = {0};
    size_t count;
    float *values;

    RT_TRY(parse_layout(name, data, bytes, &layout, err));
    count = layout.rows * layout.columns;
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

/* Header and values; `shape` as Python writes it. */
static rt_status write_file(const char *path, const char *type, const char *shape,
                            const void *values, size_t bytes, struct rt_err *err)
{
    char header[128];
    struct rt_writer writer;
    /* The preamble is padded to 128 bytes, so that the values are aligned. */
    const int used =
        snprintf(header + 10, sizeof header - 10,
                 "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);

    memcpy(header, preamble, sizeof preamble);
    memset(header + 10 + used, ' ', sizeof header - 10 - (size_t)used);
    header[sizeof header - 1] = '\n';
    RT_TRY(rt_writer_open(&writer, path, err));
    fwrite(header, 1, sizeof header, writer.file);
    fwrite(values, 1, bytes, writer.file);
    return rt_writer_commit(&writer, err);
}

rt_status tr_npy_write(const char *path, const struct tr_matrix *matrix, struct rt_err *err)
{
    char shape[48];

    (void)snprintf(shape, sizeof shape, "(%zu, %zu)", matrix->rows, matrix->columns);
    return write_file(path, "<f4", shape, matrix->values,
                      matrix->rows * matrix->columns * sizeof(float), err);
}

void tr_matrix_release(struct tr_matrix *matrix)
{
    free(matrix->values);
    *matrix = (struct tr_matrix){0};
}

/* ---- rows ---- */

static int by_number(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* int64 values, in any alignment, into rows [count], ascending. */
static rt_status take_rows(const char *name, const unsigned char *values, int count, int *rows,
                           struct rt_err *err)
{
    for (int i = 0; i < count; i++) {
        int64_t wide;
        memcpy(&wide, values + 8 * (size_t)i, 8);
        if (wide < 0 || wide >= INT32_MAX)
            return rt_fail(err, RT_EFORMAT, "'%s' has %" PRId64 " at %d, which is no row's number",
                           name, wide, i);
        rows[i] = (int)wide;
    }
    qsort(rows, (size_t)count, sizeof *rows, by_number);
    for (int i = 1; i < count; i++)
        if (rows[i] == rows[i - 1])
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has row %d twice; save it with numpy.unique(array)", name,
                           rows[i]);
    return RT_OK;
}

rt_status tr_npy_parse_rows(const char *name, const unsigned char *data, size_t bytes, int **rows,
                            int *count, struct rt_err *err)
{
    struct layout layout = {.list = true};
    int *list;
    rt_status rc;

    RT_TRY(parse_layout(name, data, bytes, &layout, err));
    list = malloc(layout.rows * sizeof *list);
    if (!list)
        return rt_fail(err, RT_ENOMEM, "no memory for the rows of '%s'", name);
    rc = take_rows(name, data + layout.header, (int)layout.rows, list, err);
    if (rc != RT_OK) {
        free(list);
        return rc;
    }
    *rows = list;
    *count = (int)layout.rows;
    return RT_OK;
}

rt_status tr_npy_read_rows(const char *path, int **rows, int *count, struct rt_err *err)
{
    struct rt_map map;
    rt_status rc;

    RT_TRY(rt_map_open(&map, path, err));
    rc = tr_npy_parse_rows(path, map.data, map.bytes, rows, count, err);
    rt_map_close(&map);
    return rc;
}

rt_status tr_npy_write_rows(const char *path, const int *rows, int count, struct rt_err *err)
{
    int64_t *wide = malloc((size_t)count * sizeof *wide);
    char shape[24];
    rt_status rc;

    if (!wide)
        return rt_fail(err, RT_ENOMEM, "no memory to write '%.200s'", path);
    for (int i = 0; i < count; i++)
        wide[i] = rows[i];
    (void)snprintf(shape, sizeof shape, "(%d,)", count);
    rc = write_file(path, "<i8", shape, wide, (size_t)count * sizeof *wide, err);
    free(wide);
    return rc;
}

/* ---- arrays ---- */

/* "'<f4'", or "|u1" of single bytes. */
static bool read_number(const char *descr, struct tr_array *array)
{
    static const char kinds[] = "uif";

    if (descr[0] != '\'' || !descr[1] || !strchr("<|", descr[1]) || !descr[2] ||
        !strchr(kinds, descr[2]) || !descr[3] || !strchr("1248", descr[3]) || descr[4] != '\'')
        return false;
    array->kind = descr[2];
    array->bytes = descr[3] - '0';
    return array->bytes == 1 ? array->kind != 'f'
                             : descr[1] == '<' && (array->kind != 'f' || array->bytes > 2);
}

/* "(n,)" to "(n, h, w, c)"; at most 1e18 values, 8e18 bytes: no overflow. */
static bool read_sizes(const char *at, struct tr_array *array)
{
    static const long most[4] = {most_rows, 10000, 10000, 100};

    if (*at++ != '(')
        return false;
    array->count = 1;
    for (array->dims = 0; array->dims < 4; array->dims++) {
        at += strspn(at, " ");
        if (*at == ')')
            break;
        if (!read_size(&at, most[array->dims], &array->size[array->dims]))
            return false;
        array->count *= array->size[array->dims];
        at += *at == ',';
    }
    at += strspn(at, " ");
    return *at == ')' && array->dims > 0;
}

/* What makes of it numbers that are read. */
static const char *mend_of(const char *descr)
{
    switch (descr[0] && descr[1] ? descr[2] : '\0') { /* behind the quote and the order of bytes */
    case 'b': return "array.astype('uint8')";
    case 'f': return "array.astype('<f4')";
    case 'i':
    case 'u': return "array.astype('<i8')";
    case 'U':
    case 'S': return "numpy.unique(array, return_inverse=True)[1], which numbers its texts";
    default: return "array.astype('<f4'), if it is numbers";
    }
}

rt_status tr_npy_parse_array(const char *name, const unsigned char *data, size_t bytes,
                             struct tr_array *array, struct rt_err *err)
{
    char text[most_header + 1];
    struct tr_array read = {0};
    size_t header;

    RT_TRY(read_header(name, data, bytes, text, &header, err));
    const char *descr = entry(text, "descr"), *order = entry(text, "fortran_order");
    const char *shape = entry(text, "shape");
    if (!descr || !order || !shape)
        return fail_lacking(name, err);
    if (!read_number(descr, &read))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has values of type %.*s, want little-endian numbers; save it with %s",
                       name, shown(descr), descr, mend_of(descr));
    if (strncmp(order, "False", 5) != 0)
        return fail_fortran(name, err);
    if (!read_sizes(shape, &read))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is no array of 1 to 4 dimensions with something in it; save it with "
                       "array.reshape(...)",
                       name);
    if (bytes - header != read.count * (size_t)read.bytes)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' holds %zu bytes of values but its header states %zu of %d bytes; "
                       "save it again",
                       name, bytes - header, read.count, read.bytes);
    read.values = data + header;
    *array = read;
    return RT_OK;
}

rt_status tr_npy_write_bytes(const char *path, const int *size, int dims, const uint8_t *values,
                             struct rt_err *err)
{
    char shape[64] = "(";
    size_t bytes = 1, used = 1;

    assert(dims >= 1 && dims <= 4);
    for (int i = 0; i < dims; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%d,%s", size[i],
                                 i + 1 < dims ? " " : "");
        bytes *= (size_t)size[i];
    }
    (void)snprintf(shape + used, sizeof shape - used, ")");
    return write_file(path, "|u1", shape, values, bytes, err);
}
