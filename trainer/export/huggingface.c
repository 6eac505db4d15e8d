/* trainer/export/huggingface.c -- see huggingface.h. */
#include "trainer/export/huggingface.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* ---- can it be a ViT? ---- */

const char *tr_huggingface_why_not(const struct space_arch *arch, const struct space_shape *shape)
{
    if (arch->vocabulary)
        return "it reads no images";
    if (shape->pool != SPACE_POOL_CLASS)
        return shape->pool == SPACE_POOL_MEAN ? "it pools by the mean, and ViT by a class token"
                                              : "it reads its last row, and ViT a class token";
    if (shape->height != shape->width)
        return "its images are no squares";
    for (int l = 1; l < arch->depth; l++)
        if (arch->heads[l] != arch->heads[0] || arch->ffn[l] != arch->ffn[0])
            return "its heads or FFN widths differ by layer";
    return NULL;
}

static const char *why_not(const struct tr_model *model)
{
    if (model->input.controller)
        return "it reads no images";
    if (model->weights->int8)
        return "it is in int8; export the floats";
    return tr_huggingface_why_not(&model->student->arch, &model->student->shape);
}

/* ---- tensors ---- */

enum { rest = 8, each = 16, name_room = 64 }; /* tensors of no block; of a block */

struct list {
    struct tr_named *tensor;
    int count;
    float *patch; /* owned: the stem's weights in their order */
};

static const float *values_of(const struct tr_model *model, const char *name)
{
    const struct tr_student *student = model->student;
    int t = 0;

    while (t < student->tensor_count && strcmp(student->tensors[t].name, name) != 0)
        t++;
    assert(t < student->tensor_count);
    return model->weights->params + student->tensors[t].offset;
}

static void add(struct list *list, const char *name, const float *values, int dims,
                const int *shape)
{
    struct tr_named *tensor = &list->tensor[list->count++];

    *tensor = (struct tr_named){.dims = dims, .values = values};
    (void)snprintf(tensor->name, sizeof tensor->name, "%s", name);
    memcpy(tensor->shape, shape, (size_t)dims * sizeof *shape);
}

/* Weight (out,in) and bias (out), from row `first` of ours. in 0: a norm, of gains. */
static void add_layer(struct list *list, const struct tr_model *model, const char *ours,
                      const char *theirs, int first, int out, int in)
{
    char from[name_room], to[name_room];
    const int shape[2] = {out, in};

    (void)snprintf(from, sizeof from, "%s.weight", ours);
    (void)snprintf(to, sizeof to, "%s.weight", theirs);
    add(list, to, values_of(model, from) + (ptrdiff_t)first * (in ? in : 1), in ? 2 : 1, shape);
    (void)snprintf(from, sizeof from, "%s.bias", ours);
    (void)snprintf(to, sizeof to, "%s.bias", theirs);
    add(list, to, values_of(model, from) + first, 1, shape);
}

static void add_block(struct list *list, const struct tr_model *model, int l)
{
    static const char *const parts[] = {"query", "key", "value"};
    const struct space_arch *arch = &model->student->arch;
    const int d = arch->width, a = arch->heads[l] * arch->head_dim, f = arch->ffn[l];
    const struct {
        const char *ours, *theirs;
        int out, in;
    } layers[] = {{"ln1", "layernorm_before", d, 0},
                  {"proj", "attention.output.dense", d, a},
                  {"ln2", "layernorm_after", d, 0},
                  {"up", "intermediate.dense", f, d},
                  {"down", "output.dense", d, f}};
    char ours[name_room - 8], theirs[name_room - 8];

    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        (void)snprintf(ours, sizeof ours, "block.%d.%s", l, layers[i].ours);
        (void)snprintf(theirs, sizeof theirs, "vit.encoder.layer.%d.%s", l, layers[i].theirs);
        add_layer(list, model, ours, theirs, 0, layers[i].out, layers[i].in);
    }
    (void)snprintf(ours, sizeof ours, "block.%d.qkv", l);
    for (int p = 0; p < 3; p++) {
        (void)snprintf(theirs, sizeof theirs, "vit.encoder.layer.%d.attention.attention.%s", l,
                       parts[p]);
        add_layer(list, model, ours, theirs, p * a, a, d);
    }
}

/* Ours (d,p,p,C) to theirs (d,C,p,p); NULL without memory. */
static float *turn_stem(const struct tr_model *model)
{
    const ptrdiff_t p = model->student->arch.patch, c = model->student->shape.channels;
    const ptrdiff_t d = model->student->arch.width, area = p * p;
    const float *from = values_of(model, "stem.weight");
    float *to = malloc((size_t)(d * c * area) * sizeof *to);

    for (ptrdiff_t i = 0; to && i < d * c * area; i++)
        to[i] = from[i / (c * area) * (c * area) + i % area * c + i / area % c];
    return to;
}

static rt_status list_tensors(struct list *list, const struct tr_model *model, struct rt_err *err)
{
    const struct tr_student *student = model->student;
    const int d = student->arch.width, p = student->arch.patch, c = student->shape.channels;
    const int token[] = {1, 1, d}, position[] = {1, student->tokens, d}, patch[] = {d, c, p, p};

    list->tensor = calloc(rest + (size_t)each * (size_t)student->arch.depth, sizeof *list->tensor);
    list->patch = turn_stem(model);
    if (!list->tensor || !list->patch)
        return rt_fail(err, RT_ENOMEM, "no memory to export a student");
    add(list, "vit.embeddings.cls_token", values_of(model, "class_token"), 3, token);
    add(list, "vit.embeddings.position_embeddings", values_of(model, "position"), 3, position);
    add(list, "vit.embeddings.patch_embeddings.projection.weight", list->patch, 4, patch);
    add(list, "vit.embeddings.patch_embeddings.projection.bias", values_of(model, "stem.bias"), 1,
        &d);
    for (int l = 0; l < student->arch.depth; l++)
        add_block(list, model, l);
    add_layer(list, model, "ln", "vit.layernorm", 0, d, 0);
    add_layer(list, model, "head", "classifier", 0, student->shape.classes, d);
    assert(list->count == rest + each * student->arch.depth);
    return RT_OK;
}

/* ---- files ---- */

static const char *note_of(const struct tr_model *model, const char *key)
{
    const struct tr_metadata *note = model->metadata;

    while (note->key && strcmp(note->key, key) != 0)
        note++;
    return note->value;
}

/* Names of classes: those noted, a line each, or LABEL_0, .. */
static void add_labels(json_t *config, const struct tr_model *model)
{
    const char *lines = note_of(model, "labels");
    json_t *names = json_object(), *numbers = json_object();
    char key[16], name[256];

    for (int c = 0; c < model->student->shape.classes; c++) {
        const size_t length = lines ? strcspn(lines, "\n") : 0;
        if (length)
            (void)snprintf(name, sizeof name, "%.*s", (int)length, lines);
        else
            (void)snprintf(name, sizeof name, "LABEL_%d", c);
        lines = length ? lines + length + (lines[length] == '\n') : NULL;
        (void)snprintf(key, sizeof key, "%d", c);
        (void)json_object_set_new(names, key, json_string(name));
        (void)json_object_set_new(numbers, name, json_integer(c));
    }
    (void)json_object_set_new(config, "id2label", names);
    (void)json_object_set_new(config, "label2id", numbers);
}

static json_t *config_of(const struct tr_model *model)
{
    const struct space_arch *arch = &model->student->arch;
    const struct space_shape *shape = &model->student->shape;
    json_t *config = json_pack(
        "{s:s, s:[s], s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:s, s:b, s:f, s:f}", "model_type",
        "vit", "architectures", "ViTForImageClassification", "hidden_size", arch->width,
        "num_hidden_layers", arch->depth, "num_attention_heads", arch->heads[0],
        "intermediate_size", arch->ffn[0], "image_size", shape->height, "patch_size", arch->patch,
        "num_channels", shape->channels, "layer_norm_eps", (double)1e-6, "hidden_act", "gelu",
        "qkv_bias", 1, "hidden_dropout_prob", 0.0, "attention_probs_dropout_prob", 0.0);

    if (config && arch->heads[0] * arch->head_dim != arch->width)
        (void)json_object_set_new(config, "head_dim", json_integer(arch->head_dim));
    if (config)
        add_labels(config, model);
    return config;
}

/* A byte b enters as value[b] = (b/255 - mean) / sd. */
static json_t *processor_of(const struct tr_model *model)
{
    const float *value = model->input.value;
    const double sd = 1 / ((double)value[255] - (double)value[0]);
    const int side = model->student->shape.height;
    json_t *mean = json_array(), *sds = json_array();

    for (int c = 0; c < model->student->shape.channels; c++) {
        (void)json_array_append_new(mean, json_real(-(double)value[0] * sd));
        (void)json_array_append_new(sds, json_real(sd));
    }
    return json_pack("{s:s, s:b, s:{s:i, s:i}, s:b, s:f, s:b, s:o, s:o}", "image_processor_type",
                     "ViTImageProcessor", "do_resize", 1, "size", "height", side, "width", side,
                     "do_rescale", 1, "rescale_factor", 1.0 / 255, "do_normalize", 1, "image_mean",
                     mean, "image_std", sds);
}

static rt_status path_in(const char *folder, const char *name, char path[RT_PATH_MAX],
                         struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s", folder, name) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
}

/* Takes the object. */
static rt_status write_json(const char *folder, const char *name, json_t *object,
                            struct rt_err *err)
{
    char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    char path[RT_PATH_MAX];
    struct rt_writer writer;

    json_decref(object);
    rt_status rc = text ? path_in(folder, name, path, err)
                        : rt_fail(err, RT_ENOMEM, "no memory to write '%.200s'", folder);
    if (rc == RT_OK && (rc = rt_writer_open(&writer, path, err)) == RT_OK) {
        (void)fprintf(writer.file, "%s\n", text);
        rc = rt_writer_commit(&writer, err);
    }
    free(text);
    return rc;
}

static rt_status write_tensors(const char *folder, const struct tr_model *model, struct rt_err *err)
{
    static const struct tr_metadata format[] = {{"format", "pt"}, {NULL, NULL}};
    struct list list = {0};
    char path[RT_PATH_MAX];

    rt_status rc = path_in(folder, "model.safetensors", path, err);
    if (rc == RT_OK && (rc = list_tensors(&list, model, err)) == RT_OK)
        rc = tr_safetensors_write_named(path, list.tensor, list.count, format, err);
    free(list.tensor);
    free(list.patch);
    return rc;
}

rt_status tr_huggingface_write(const char *folder, const struct tr_model *model, struct rt_err *err)
{
    const char *why = why_not(model);

    if (why)
        return rt_fail(
            err, RT_EARG,
            "this student is none that Hugging Face's ViT can be: %s; use --format torch", why);
    RT_TRY(rt_folder_make(folder, err));
    RT_TRY(write_tensors(folder, model, err));
    RT_TRY(write_json(folder, "preprocessor_config.json", processor_of(model), err));
    return write_json(folder, "config.json", config_of(model), err);
}
