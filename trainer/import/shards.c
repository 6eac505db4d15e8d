/* trainer/import/shards.c -- see shards.h. */
#include "trainer/import/shards.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

enum { most_index = 64 << 20 };

struct tr_shards {
    int count;
    struct tr_tensor_file file[TR_SHARDS_MOST];
};

/* ---- the index ---- */

static bool is_file_name(const char *text)
{
    const size_t n = text ? strlen(text) : 0, end = strlen(".safetensors");

    if (n <= end || n > 200 || text[0] == '.' || strcmp(text + n - end, ".safetensors") != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] == '/' || text[i] == 127)
            return false;
    return true;
}

/* The file among those listed, or behind them. */
static rt_status list_file(const char *name, const char *file, char **files, int *count,
                           struct rt_err *err)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(files[i], file) == 0)
            return RT_OK;
    if (*count == TR_SHARDS_MOST)
        return rt_fail(err, RT_EFORMAT, "'%s' names more than %d files", name, TR_SHARDS_MOST);
    files[*count] = strdup(file);
    if (!files[*count])
        return rt_fail(err, RT_ENOMEM, "no memory for '%s'", name);
    ++*count;
    return RT_OK;
}

static void free_files(char **files, int count)
{
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
}

static rt_status list_files(const char *name, json_t *map, char **files, int *count,
                            struct rt_err *err)
{
    const char *key;
    json_t *file;

    json_object_foreach(map, key, file)
    {
        const char *text = json_string_value(file);
        if (!is_file_name(text))
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has a tensor that is in no file of its folder; it wants names "
                           "like \"model-00001-of-00002.safetensors\"",
                           name);
        RT_TRY(list_file(name, text, files, count, err));
    }
    return RT_OK;
}

rt_status tr_shards_parse(const char *name, const char *bytes, size_t count, char ***files,
                          int *file_count, struct rt_err *err)
{
    json_error_t why;
    json_t *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &why);
    json_t *map = json_object_get(root, "weight_map");
    char **list = calloc(TR_SHARDS_MOST, sizeof *list);
    int n = 0;
    rt_status rc;

    if (!list)
        rc = rt_fail(err, RT_ENOMEM, "no memory for '%s'", name);
    else if (!json_is_object(map) || json_object_size(map) == 0)
        rc = rt_fail(err, RT_EFORMAT, "'%s' is no index of safetensors: it has no \"weight_map\"",
                     name);
    else
        rc = list_files(name, map, list, &n, err);
    json_decref(root);
    if (rc) {
        free_files(list, n);
        return rc;
    }
    *files = list;
    *file_count = n;
    return RT_OK;
}

/* ---- opening ---- */

static rt_status open_one(struct tr_shards *shards, const char *folder, const char *name,
                          struct rt_err *err)
{
    char path[RT_PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of '%s' is too long", name);
    RT_TRY(tr_tensor_file_open(&shards->file[shards->count], path, err));
    shards->count++;
    return RT_OK;
}

static rt_status open_listed(struct tr_shards *shards, const char *folder, const char *index,
                             struct rt_err *err)
{
    char *bytes, **files;
    size_t size;
    int count;

    RT_TRY(rt_file_read(index, most_index, &bytes, &size, err));
    rt_status rc = tr_shards_parse(index, bytes, size, &files, &count, err);
    free(bytes);
    if (rc)
        return rc;
    for (int i = 0; i < count && rc == RT_OK; i++)
        rc = open_one(shards, folder, files[i], err);
    free_files(files, count);
    return rc;
}

/* No tensor is in two files. */
static rt_status check_distinct(const struct tr_shards *shards, const char *folder,
                                struct rt_err *err)
{
    struct tr_stored tensor;
    const char *name;

    for (int i = 1; i < shards->count; i++)
        for (size_t t = 0; (name = tr_tensor_file_name(&shards->file[i], t)); t++)
            for (int j = 0; j < i; j++)
                if (tr_tensor_file_find(&shards->file[j], name, &tensor))
                    return rt_fail(err, RT_EFORMAT, "tensor '%.80s' is in two files of '%s'", name,
                                   folder);
    return RT_OK;
}

static bool is_there(const char *folder, const char *name, char path[RT_PATH_MAX])
{
    return snprintf(path, RT_PATH_MAX, "%s/%s", folder, name) < RT_PATH_MAX &&
           access(path, F_OK) == 0;
}

static rt_status open_all(struct tr_shards *shards, const char *folder, struct rt_err *err)
{
    char path[RT_PATH_MAX];

    if (is_there(folder, "model.safetensors", path))
        return open_one(shards, folder, "model.safetensors", err);
    if (is_there(folder, "model.safetensors.index.json", path)) {
        RT_TRY(open_listed(shards, folder, path, err));
        return check_distinct(shards, folder, err);
    }
    if (is_there(folder, "pytorch_model.bin", path))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is a pickle, which is a program and is not run; load the model in "
                       "Python and write it with save_pretrained(FOLDER, "
                       "safe_serialization=True)",
                       path);
    return rt_fail(err, RT_EIO,
                   "'%s' has no model.safetensors, nor model.safetensors.index.json; write them "
                   "with save_pretrained(FOLDER)",
                   folder);
}

rt_status tr_shards_open(struct tr_shards **shards, const char *folder, struct rt_err *err)
{
    struct tr_shards *self = calloc(1, sizeof *self);

    if (!self)
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", folder);
    const rt_status rc = open_all(self, folder, err);
    if (rc) {
        tr_shards_close(self);
        return rc;
    }
    *shards = self;
    return RT_OK;
}

void tr_shards_close(struct tr_shards *shards)
{
    for (int i = 0; shards && i < shards->count; i++)
        tr_tensor_file_close(&shards->file[i]);
    free(shards);
}

/* ---- asking ---- */

bool tr_shards_find(const struct tr_shards *shards, const char *name, struct tr_stored *tensor)
{
    for (int i = 0; i < shards->count; i++)
        if (tr_tensor_file_find(&shards->file[i], name, tensor))
            return true;
    return false;
}

const char *tr_shards_name(const struct tr_shards *shards, size_t i)
{
    for (int f = 0; f < shards->count; f++) {
        if (i < shards->file[f].count)
            return tr_tensor_file_name(&shards->file[f], i);
        i -= shards->file[f].count;
    }
    return NULL;
}

/* IEEE 754 half precision. */
static float from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, fraction = half & 0x3ff;
    const uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t bits;
    float value;

    if (exponent == 0) { /* zero, or fraction * 2^-24 */
        value = (float)fraction * 0x1p-24F;
        return sign ? -value : value;
    }
    bits = sign | (exponent == 31 ? 0xffU : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_brain(uint16_t brain)
{
    const uint32_t bits = (uint32_t)brain << 16;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

void tr_shards_floats(const struct tr_stored *tensor, size_t first, size_t count, float *to)
{
    const unsigned char *from = tensor->values;

    assert(first + count <= tensor->count);
    if (tensor->type == TR_STORED_F32) {
        memcpy(to, from + first * sizeof *to, count * sizeof *to);
        return;
    }
    assert(tensor->type == TR_STORED_F16 || tensor->type == TR_STORED_BF16);
    for (size_t i = 0; i < count; i++) {
        uint16_t word;
        memcpy(&word, from + (first + i) * sizeof word, sizeof word);
        to[i] = tensor->type == TR_STORED_F16 ? from_half(word) : from_brain(word);
    }
}

void tr_shards_hash(const struct tr_shards *shards, struct rt_hash *hash)
{
    for (int i = 0; i < shards->count; i++)
        rt_hash_add(hash, shards->file[i].map.data, shards->file[i].map.bytes);
}
