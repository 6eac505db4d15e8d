/* trainer/export/safetensors.c -- see safetensors.h. */
#include "trainer/export/safetensors.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { most_header = 1 << 24 };

/* ---- writing ---- */

struct draft { /* a file's header, growing tensor by tensor, and where the next one's values begin
                */
    json_t *header;
    size_t at;
    int count;
};

static void draft_add(struct draft *draft, const char *name, const char *type, int dims,
                      const int *shape, size_t bytes)
{
    json_t *sizes = json_array();

    for (int i = 0; i < dims; i++)
        json_array_append_new(sizes, json_integer(shape[i]));
    json_object_set_new(draft->header, name,
                        json_pack("{s:s, s:o, s:[I, I]}", "dtype", type, "shape", sizes,
                                  "data_offsets", (json_int_t)draft->at,
                                  (json_int_t)draft->at + (json_int_t)bytes));
    draft->at += bytes;
    draft->count++;
}

static struct draft draft_open(const struct tr_metadata *metadata)
{
    struct draft draft = {.header = json_object()};
    json_t *notes = json_object();
    int bad = 0;

    for (; metadata && metadata->key; metadata++)
        bad |= json_object_set_new(notes, metadata->key, json_string(metadata->value));
    if (!bad) /* else a tensor too few is found in the end */
        json_object_set_new(draft.header, "__metadata__", notes);
    else
        json_decref(notes);
    return draft;
}

/* Write the header; the caller goes on with the values, and commits. */
static rt_status draft_close(struct draft *draft, const char *path, struct rt_writer *writer,
                             struct rt_err *err)
{
    const bool whole = json_object_size(draft->header) == (size_t)draft->count + 1;
    char *text = whole ? json_dumps(draft->header, JSON_COMPACT) : NULL;
    const size_t used = text ? strlen(text) : 0, padded = (used + 7) / 8 * 8;
    unsigned char length[8];
    rt_status rc;

    json_decref(draft->header);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory to write '%s', or its metadata is not UTF-8",
                       path);
    if ((rc = rt_writer_open(writer, path, err)) == RT_OK) {
        for (int i = 0; i < 8; i++)
            length[i] = (unsigned char)((uint64_t)padded >> (8 * i));
        fwrite(length, 1, 8, writer->file);
        fprintf(writer->file, "%-*s", (int)padded, text);
    }
    free(text);
    return rc;
}

rt_status tr_safetensors_write(const char *path, const struct tr_student *student,
                               const float *params, const struct tr_metadata *metadata,
                               struct rt_err *err)
{
    struct draft draft = draft_open(metadata);
    struct rt_writer writer;

    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        draft_add(&draft, tensor->name, "F32", tensor->dims, tensor->shape,
                  tensor->count * sizeof *params);
    }
    RT_TRY(draft_close(&draft, path, &writer, err));
    fwrite(params, sizeof *params, student->param_count, writer.file);
    return rt_writer_commit(&writer, err);
}

/* ---- int8 ---- */

static bool has_codes(const struct tr_tensor *tensor)
{
    return tensor->role == TR_ROLE_WEIGHT;
}

static void draft_scales(struct draft *draft, const struct tr_tensor *tensor)
{
    static const int one = 1;
    const int stem = (int)(strlen(tensor->name) - strlen("weight"));
    char name[sizeof tensor->name + 16];

    (void)snprintf(name, sizeof name, "%.*sweight_scale", stem, tensor->name);
    draft_add(draft, name, "F32", 1, tensor->shape, (size_t)tensor->shape[0] * sizeof(float));
    (void)snprintf(name, sizeof name, "%.*sinput_scale", stem, tensor->name);
    draft_add(draft, name, "F32", 1, &one, sizeof(float));
}

/* Floats first, so that they stay aligned. */
static void draft_int8(struct draft *draft, const struct tr_student *student)
{
    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        if (has_codes(tensor))
            draft_scales(draft, tensor);
        else
            draft_add(draft, tensor->name, "F32", tensor->dims, tensor->shape,
                      tensor->count * sizeof(float));
    }
    for (int t = 0; t < student->tensor_count; t++)
        if (has_codes(&student->tensors[t]))
            draft_add(draft, student->tensors[t].name, "I8", 2, student->tensors[t].shape,
                      student->tensors[t].count);
}

static void write_floats(const struct tr_student *student, const struct tr_twin *twin, FILE *file)
{
    const float *scale = twin->int8.scale;

    for (int t = 0, site = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        if (has_codes(tensor)) {
            const float input = tr_int8_input(&twin->int8, site++);
            fwrite(scale, sizeof *scale, (size_t)tensor->shape[0], file);
            fwrite(&input, sizeof input, 1, file);
            scale += tensor->shape[0];
        } else {
            fwrite(twin->weights.params + tensor->offset, sizeof(float), tensor->count, file);
        }
    }
}

static void write_codes(const struct tr_student *student, const struct tr_twin *twin, FILE *file)
{
    const float *scale = twin->int8.scale;
    int8_t codes[TR_QUANT_MOST_TERMS]; /* no row is longer, or there were no twin */

    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        const float *row = twin->weights.params + tensor->offset;
        const size_t cols = (size_t)tensor->shape[1];
        for (int r = 0; has_codes(tensor) && r < tensor->shape[0]; r++, row += cols) {
            tr_quantise(row, cols, *scale++, TR_QUANT_WEIGHT, codes);
            fwrite(codes, 1, cols, file);
        }
    }
}

rt_status tr_safetensors_write_int8(const char *path, const struct tr_student *student,
                                    const struct tr_twin *twin, const struct tr_metadata *metadata,
                                    struct rt_err *err)
{
    struct draft draft = draft_open(metadata);
    struct rt_writer writer;

    draft_int8(&draft, student);
    RT_TRY(draft_close(&draft, path, &writer, err));
    write_floats(student, twin, writer.file);
    write_codes(student, twin, writer.file);
    return rt_writer_commit(&writer, err);
}

/* ---- reading ---- */

struct view { /* a checked file in memory */
    json_t *header;
    const unsigned char *values;
    size_t bytes; /* of values */
};

/* One tensor's place; -1 for anything but a sound F32 tensor. */
static int check_tensor(json_t *tensor, size_t bytes, size_t *begin, size_t *end)
{
    json_t *shape = json_object_get(tensor, "shape"), *size;
    json_t *offsets = json_object_get(tensor, "data_offsets");
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    size_t i, count = 1;

    if (!type || strcmp(type, "F32") != 0 || !json_is_array(shape) ||
        json_array_size(offsets) != 2 || !json_is_integer(json_array_get(offsets, 0)) ||
        !json_is_integer(json_array_get(offsets, 1)))
        return -1;
    json_array_foreach(shape, i, size)
    {
        const json_int_t n = json_integer_value(size);
        if (n < 1 || (size_t)n > bytes / count)
            return -1;
        count *= (size_t)n;
    }
    const json_int_t from = json_integer_value(json_array_get(offsets, 0));
    const json_int_t to = json_integer_value(json_array_get(offsets, 1));
    if (from < 0 || to < from || (size_t)to > bytes || (size_t)(to - from) != 4 * count || from % 4)
        return -1;
    *begin = (size_t)from;
    *end = (size_t)to;
    return 0;
}

struct extent { /* of one tensor, in bytes of the values */
    size_t begin, end;
};

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
static int unprintable(const char *key)
{
    while (*key && (unsigned char)*key >= ' ' && *key != 127)
        key++;
    return *key != '\0';
}

static rt_status check_tensors(const char *name, const struct view *view, struct rt_err *err)
{
    struct extent *extents = malloc((json_object_size(view->header) + 1) * sizeof *extents);
    const char *key;
    json_t *tensor;
    size_t n = 0;
    rt_status rc = RT_OK;

    if (!extents)
        return rt_fail(err, RT_ENOMEM, "no memory to check '%s'", name);
    json_object_foreach(view->header, key, tensor)
    {
        if (strcmp(key, "__metadata__") == 0) {
            if (!json_is_object(tensor))
                rc = rt_fail(err, RT_EFORMAT, "the metadata of '%s' are not an object", name);
        } else if (unprintable(key)) {
            rc = rt_fail(err, RT_EFORMAT, "'%s' has a tensor with control characters in its name",
                         name);
        } else if (check_tensor(tensor, view->bytes, &extents[n].begin, &extents[n].end)) {
            rc = rt_fail(err, RT_EFORMAT,
                         "tensor '%.60s' in '%s' is not F32 within the file's bounds; the file is "
                         "of another type, or truncated",
                         key, name);
        } else {
            n++;
        }
        if (rc != RT_OK)
            break;
    }
    if (rc == RT_OK)
        rc = check_cover(name, extents, n, view->bytes, err);
    free(extents);
    return rc;
}

static rt_status view_open(const char *name, const unsigned char *data, size_t bytes,
                           struct view *view, struct rt_err *err)
{
    uint64_t length = 0;
    json_error_t why;
    rt_status rc;

    for (size_t i = 0; i < 8 && i < bytes; i++)
        length |= (uint64_t)data[i] << (8 * i);
    if (bytes < 10 || length > most_header || length > bytes - 8)
        return rt_fail(err, RT_EFORMAT, "'%s' is not a safetensors file, or is truncated", name);
    view->header = json_loadb((const char *)data + 8, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!view->header)
        return rt_fail(err, RT_EFORMAT, "the header of '%s' is not JSON from byte %d on", name,
                       why.position); /* why.text can hold bytes of the file, newlines too */
    if (!json_is_object(view->header)) {
        json_decref(view->header);
        return rt_fail(err, RT_EFORMAT, "the header of '%s' is not a JSON object", name);
    }
    view->values = data + 8 + length;
    view->bytes = bytes - 8 - (size_t)length;
    if ((rc = check_tensors(name, view, err)))
        json_decref(view->header);
    return rc;
}

rt_status tr_safetensors_check(const char *name, const unsigned char *data, size_t bytes,
                               struct rt_err *err)
{
    struct view view = {0};

    RT_TRY(view_open(name, data, bytes, &view, err));
    json_decref(view.header);
    return RT_OK;
}

static int same_shape(json_t *tensor, const struct tr_tensor *want)
{
    json_t *shape = json_object_get(tensor, "shape");

    if (json_array_size(shape) != (size_t)want->dims)
        return 0;
    for (int i = 0; i < want->dims; i++)
        if (json_integer_value(json_array_get(shape, (size_t)i)) != want->shape[i])
            return 0;
    return 1;
}

/* The student's tensors and no others, in its shapes? */
static rt_status check_student(const char *path, const struct view *view,
                               const struct tr_student *student, struct rt_err *err)
{
    const size_t notes = json_object_get(view->header, "__metadata__") != NULL;

    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *want = &student->tensors[t];
        json_t *tensor = json_object_get(view->header, want->name);
        if (!tensor)
            return rt_fail(err, RT_EFORMAT, "'%s' lacks tensor '%s'", path, want->name);
        if (!same_shape(tensor, want))
            return rt_fail(err, RT_EFORMAT, "tensor '%s' in '%s' has another shape", want->name,
                           path);
    }
    if (json_object_size(view->header) - notes != (size_t)student->tensor_count)
        return rt_fail(err, RT_EFORMAT, "'%s' has tensors that this architecture has not", path);
    return RT_OK;
}

/* From a file that has passed all checks. */
static void copy_tensors(const struct view *view, const struct tr_student *student, float *params)
{
    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *want = &student->tensors[t];
        json_t *offsets =
            json_object_get(json_object_get(view->header, want->name), "data_offsets");
        const json_int_t begin = json_integer_value(json_array_get(offsets, 0));
        memcpy(params + want->offset, view->values + begin, want->count * sizeof *params);
    }
}

rt_status tr_safetensors_read(const char *path, const struct tr_student *student, float *params,
                              struct rt_err *err)
{
    struct rt_map map;
    struct view view = {0};
    rt_status rc;

    RT_TRY(rt_map_open(&map, path, err));
    if ((rc = view_open(path, map.data, map.bytes, &view, err)) == RT_OK) {
        rc = check_student(path, &view, student, err);
        if (rc == RT_OK)
            copy_tensors(&view, student, params);
        json_decref(view.header);
    }
    rt_map_close(&map);
    return rc;
}

rt_status tr_safetensors_metadata(const char *path, const char *key, char **value,
                                  struct rt_err *err)
{
    struct rt_map map;
    struct view view = {0};
    rt_status rc;

    RT_TRY(rt_map_open(&map, path, err));
    if ((rc = view_open(path, map.data, map.bytes, &view, err)) == RT_OK) {
        json_t *notes = json_object_get(view.header, "__metadata__");
        const char *text = json_string_value(json_object_get(notes, key));
        char *copy = text ? strdup(text) : NULL;
        if (text && !copy)
            rc = rt_fail(err, RT_ENOMEM, "no memory for the metadata of '%s'", path);
        else
            *value = copy;
        json_decref(view.header);
    }
    rt_map_close(&map);
    return rc;
}
