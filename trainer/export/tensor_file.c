/* trainer/export/tensor_file.c -- a file comes from anybody: everything is checked once, when it is
 * opened, and trusted afterwards.
 */
#include "trainer/export/tensor_file.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { most_header = 1 << 24 };

static const struct {
    const char *name;
    size_t size;
} types[] = {[TR_STORED_F32] = {"F32", 4},
             [TR_STORED_I8] = {"I8", 1},
             [TR_STORED_F16] = {"F16", 2},
             [TR_STORED_BF16] = {"BF16", 2},
             [TR_STORED_I64] = {"I64", 8}};

/* -1: another type. */
static int type_of(json_t *tensor)
{
    const char *name = json_string_value(json_object_get(tensor, "dtype"));

    for (int t = 0; name && t < (int)(sizeof types / sizeof *types); t++)
        if (strcmp(name, types[t].name) == 0)
            return t;
    return -1;
}

/* A checked offset or size of the header; -1: no number, or beyond `most`. */
static int64_t number(json_t *value, size_t most)
{
    const json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    return n >= 0 && (uint64_t)n <= most ? n : -1;
}

struct extent { /* of one tensor, in bytes of the values */
    size_t begin, end;
};

/* Where a tensor lies; false for anything but a sound one. */
static bool check_tensor(json_t *tensor, size_t bytes, struct extent *extent)
{
    json_t *shape = json_object_get(tensor, "shape"), *size;
    json_t *offsets = json_object_get(tensor, "data_offsets");
    const int type = type_of(tensor);
    const int64_t begin = number(json_array_get(offsets, 0), bytes);
    const int64_t end = number(json_array_get(offsets, 1), bytes);
    size_t i, count = 1;

    if (type < 0 || !json_is_array(shape) || json_array_size(offsets) != 2 || begin < 0 ||
        end < begin || begin % (int64_t)types[type].size)
        return false;
    json_array_foreach(shape, i, size)
    {
        const int64_t n = number(size, bytes / count);
        if (n < 1)
            return false;
        count *= (size_t)n;
    }
    *extent = (struct extent){(size_t)begin, (size_t)end};
    return extent->end - extent->begin == types[type].size * count;
}

static int by_begin(const void *a, const void *b)
{
    const size_t x = ((const struct extent *)a)->begin, y = ((const struct extent *)b)->begin;
    return (x > y) - (x < y);
}

/* Do the tensors follow each other from the first byte of the values to the last? */
static rt_status check_cover(const char *name, struct extent *extents, size_t n, size_t bytes,
                             struct rt_err *err)
{
    size_t at = 0;

    qsort(extents, n, sizeof *extents, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (extents[i].begin != at)
            return rt_fail(err, RT_EFORMAT, "tensors in '%s' %s at byte %zu of the values", name,
                           extents[i].begin < at ? "overlap" : "leave a gap", at);
        at = extents[i].end;
    }
    if (at != bytes)
        return rt_fail(err, RT_EFORMAT, "'%s' goes on after the last of its tensors", name);
    return RT_OK;
}

/* Names stand in messages, which are one line. */
static bool printable(const char *key)
{
    while (*key && (unsigned char)*key >= ' ' && *key != 127)
        key++;
    return *key == '\0';
}

static rt_status check_tensors(const char *name, const struct tr_tensor_file *file,
                               struct rt_err *err)
{
    struct extent *extents = malloc((json_object_size(file->header) + 1) * sizeof *extents);
    const char *key;
    json_t *tensor;
    size_t n = 0;
    rt_status rc = RT_OK;

    if (!extents)
        return rt_fail(err, RT_ENOMEM, "no memory to check '%s'", name);
    json_object_foreach(file->header, key, tensor)
    {
        if (strcmp(key, "__metadata__") == 0) {
            if (!json_is_object(tensor))
                rc = rt_fail(err, RT_EFORMAT, "the metadata of '%s' are not an object", name);
        } else if (!printable(key)) {
            rc = rt_fail(err, RT_EFORMAT, "'%s' has a tensor with control characters in its name",
                         name);
        } else if (!check_tensor(tensor, file->bytes, &extents[n])) {
            rc = rt_fail(
                err, RT_EFORMAT,
                "tensor '%.60s' in '%s' is not F32, F16, BF16, I8 or I64 within the file's bounds; "
                "the file is of another type, or truncated",
                key, name);
        } else {
            n++;
        }
        if (rc != RT_OK)
            break;
    }
    if (rc == RT_OK)
        rc = check_cover(name, extents, n, file->bytes, err);
    free(extents);
    return rc;
}

/* To be closed after a failure, too. */
static rt_status parse(const char *name, const unsigned char *data, size_t bytes,
                       struct tr_tensor_file *file, struct rt_err *err)
{
    uint64_t length = 0;
    json_error_t why;

    for (size_t i = 0; i < 8 && i < bytes; i++)
        length |= (uint64_t)data[i] << (8 * i);
    if (bytes < 10 || length > most_header || length > bytes - 8)
        return rt_fail(err, RT_EFORMAT, "'%s' is not a safetensors file, or is truncated", name);
    file->header = json_loadb((const char *)data + 8, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!file->header)
        return rt_fail(err, RT_EFORMAT, "the header of '%s' is not JSON from byte %d on", name,
                       why.position); /* why.text can hold bytes of the file, newlines too */
    if (!json_is_object(file->header))
        return rt_fail(err, RT_EFORMAT, "the header of '%s' is not a JSON object", name);
    file->values = data + 8 + length;
    file->bytes = bytes - 8 - (size_t)length;
    file->count =
        json_object_size(file->header) - (json_object_get(file->header, "__metadata__") != NULL);
    return check_tensors(name, file, err);
}

rt_status tr_tensor_file_check(const char *name, const unsigned char *data, size_t bytes,
                               struct rt_err *err)
{
    struct tr_tensor_file file = {0};
    const rt_status rc = parse(name, data, bytes, &file, err);

    json_decref(file.header);
    return rc;
}

rt_status tr_tensor_file_open(struct tr_tensor_file *file, const char *path, struct rt_err *err)
{
    struct tr_tensor_file self = {0};
    rt_status rc;

    RT_TRY(rt_map_open(&self.map, path, err));
    if ((rc = parse(path, self.map.data, self.map.bytes, &self, err)) == RT_OK)
        *file = self;
    else
        tr_tensor_file_close(&self);
    return rc;
}

void tr_tensor_file_close(struct tr_tensor_file *file)
{
    json_decref(file->header);
    rt_map_close(&file->map);
    *file = (struct tr_tensor_file){0};
}

bool tr_tensor_file_find(const struct tr_tensor_file *file, const char *name,
                         struct tr_stored *tensor)
{
    json_t *found = json_object_get(file->header, name), *size;
    json_t *offsets = json_object_get(found, "data_offsets");
    size_t i;

    assert(file->header); /* open */
    if (!found || strcmp(name, "__metadata__") == 0)
        return false;
    const int type = type_of(found);
    assert(type >= 0); /* the header was checked when the file was opened */
    *tensor =
        (struct tr_stored){.type = (enum tr_stored_type)type,
                           .count = 1,
                           .values = file->values + json_integer_value(json_array_get(offsets, 0))};
    json_array_foreach(json_object_get(found, "shape"), i, size)
    {
        tensor->count *= (size_t)json_integer_value(size);
        if (tensor->dims++ < TR_STORED_DIMS)
            tensor->shape[i] = json_integer_value(size);
    }
    return true;
}

const char *tr_tensor_file_name(const struct tr_tensor_file *file, size_t i)
{
    for (void *at = json_object_iter(file->header); at;
         at = json_object_iter_next(file->header, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, "__metadata__") != 0 && i-- == 0)
            return name;
    }
    return NULL;
}

const char *tr_tensor_file_note(const struct tr_tensor_file *file, const char *key)
{
    json_t *notes = json_object_get(file->header, "__metadata__");
    return json_string_value(json_object_get(notes, key));
}

bool tr_tensor_file_notes(const struct tr_tensor_file *file, size_t i, const char **key,
                          const char **value)
{
    json_t *notes = json_object_get(file->header, "__metadata__");
    void *at = json_object_iter(notes);

    while (at && i--)
        at = json_object_iter_next(notes, at);
    *key = at ? json_object_iter_key(at) : NULL;
    *value = at ? json_string_value(json_object_iter_value(at)) : NULL;
    return *key && *value;
}
