/* trainer/export/safetensors.c -- see safetensors.h. */
#include "trainer/export/safetensors.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/export/tensor_file.h"

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

static size_t named_count(const struct tr_named *tensor)
{
    size_t count = 1;

    for (int d = 0; d < tensor->dims; d++)
        count *= (size_t)tensor->shape[d];
    return count;
}

rt_status tr_safetensors_write_named(const char *path, const struct tr_named *tensors, int count,
                                     const struct tr_metadata *metadata, struct rt_err *err)
{
    struct draft draft = draft_open(metadata);
    struct rt_writer writer;

    for (int t = 0; t < count; t++)
        draft_add(&draft, tensors[t].name, "F32", tensors[t].dims, tensors[t].shape,
                  named_count(&tensors[t]) * sizeof(float));
    RT_TRY(draft_close(&draft, path, &writer, err));
    for (int t = 0; t < count; t++)
        fwrite(tensors[t].values, sizeof(float), named_count(&tensors[t]), writer.file);
    return rt_writer_commit(&writer, err);
}

/* ---- int8 ---- */

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
        if (tr_int8_has_codes(student, tensor))
            draft_scales(draft, tensor);
        else
            draft_add(draft, tensor->name, "F32", tensor->dims, tensor->shape,
                      tensor->count * sizeof(float));
    }
    for (int t = 0; t < student->tensor_count; t++)
        if (tr_int8_has_codes(student, &student->tensors[t]))
            draft_add(draft, student->tensors[t].name, "I8", 2, student->tensors[t].shape,
                      student->tensors[t].count);
}

static void write_floats(const struct tr_student *student, const struct tr_quantised *quantised,
                         FILE *file)
{
    const float *scale = quantised->int8.scale;

    for (int t = 0, quantiser = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        if (tr_int8_has_codes(student, tensor)) {
            const float input = tr_int8_input(&quantised->int8, quantiser++);
            fwrite(scale, sizeof *scale, (size_t)tensor->shape[0], file);
            fwrite(&input, sizeof input, 1, file);
            scale += tensor->shape[0];
        } else {
            fwrite(quantised->weights.params + tensor->offset, sizeof(float), tensor->count, file);
        }
    }
}

static void write_codes(const struct tr_student *student, const struct tr_quantised *quantised,
                        FILE *file)
{
    const float *scale = quantised->int8.scale;
    int8_t codes[TR_QUANT_MOST_TERMS]; /* no row is longer, or it could not be quantised */

    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        const float *row = quantised->weights.params + tensor->offset;
        const size_t cols = (size_t)tensor->shape[1];
        assert(!tr_int8_has_codes(student, tensor) || cols <= TR_QUANT_MOST_TERMS);
        for (int r = 0; tr_int8_has_codes(student, tensor) && r < tensor->shape[0];
             r++, row += cols) {
            tr_quantise(row, cols, *scale++, TR_QUANT_WEIGHT, codes);
            fwrite(codes, 1, cols, file);
        }
    }
}

rt_status tr_safetensors_write_int8(const char *path, const struct tr_student *student,
                                    const struct tr_quantised *quantised,
                                    const struct tr_metadata *metadata, struct rt_err *err)
{
    struct draft draft = draft_open(metadata);
    struct rt_writer writer;

    assert(quantised->weights.int8); /* updated */
    draft_int8(&draft, student);
    RT_TRY(draft_close(&draft, path, &writer, err));
    write_floats(student, quantised, writer.file);
    write_codes(student, quantised, writer.file);
    return rt_writer_commit(&writer, err);
}

/* ---- reading ---- */

static bool same_shape(const struct tr_stored *stored, const struct tr_tensor *want)
{
    if (stored->type != TR_STORED_F32 || stored->dims != want->dims)
        return false;
    for (int i = 0; i < want->dims; i++)
        if (stored->shape[i] != want->shape[i])
            return false;
    return true;
}

rt_status tr__safetensors_take(const struct tr_tensor_file *file, const char *path,
                               const struct tr_student *student, float *params, struct rt_err *err)
{
    struct tr_stored stored;

    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *want = &student->tensors[t];
        if (!tr_tensor_file_find(file, want->name, &stored))
            return rt_fail(err, RT_EFORMAT, "'%s' lacks tensor '%s'", path, want->name);
        if (!same_shape(&stored, want))
            return rt_fail(err, RT_EFORMAT, "tensor '%s' in '%s' has another shape or type",
                           want->name, path);
    }
    if (file->count != (size_t)student->tensor_count)
        return rt_fail(err, RT_EFORMAT, "'%s' has tensors that this architecture has not", path);
    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *want = &student->tensors[t];
        (void)tr_tensor_file_find(file, want->name, &stored);
        memcpy(params + want->offset, stored.values, want->count * sizeof *params);
    }
    return RT_OK;
}

rt_status tr_safetensors_read(const char *path, const struct tr_student *student, float *params,
                              struct rt_err *err)
{
    struct tr_tensor_file file = {0};

    RT_TRY(tr_tensor_file_open(&file, path, err));
    const rt_status rc = tr__safetensors_take(&file, path, student, params, err);
    tr_tensor_file_close(&file);
    return rc;
}

rt_status tr_safetensors_metadata(const char *path, const char *key, char **value,
                                  struct rt_err *err)
{
    struct tr_tensor_file file = {0};
    rt_status rc = RT_OK;

    RT_TRY(tr_tensor_file_open(&file, path, err));
    const char *text = tr_tensor_file_note(&file, key);
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        rc = rt_fail(err, RT_ENOMEM, "no memory for the metadata of '%s'", path);
    else
        *value = copy;
    tr_tensor_file_close(&file);
    return rc;
}
