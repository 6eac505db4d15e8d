/* trainer/import/folder.c -- see folder.h: config.json, and what fits a task. Weights are in weights.c.
 */
#include "trainer/import/folder.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/import/import_internal.h"

enum { most_config = 16 << 20 };

static const char *const types[] = {
    [TR_FOLDER_BERT] = "bert",       [TR_FOLDER_DISTILBERT] = "distilbert",
    [TR_FOLDER_ROBERTA] = "roberta", [TR_FOLDER_GPT2] = "gpt2",
    [TR_FOLDER_VIT] = "vit",         [TR_FOLDER_DEIT] = "deit"};
enum { type_count = sizeof types / sizeof *types };

const char *tr__folder_type(const struct tr_folder *folder)
{
    return types[folder->kind];
}

/* ---- keys ---- */

struct config { /* a config.json while it is read */
    const char *name;
    json_t *root;
};

static rt_status whole(const struct config *c, const char *key, int least, int most, int *value,
                       struct rt_err *err)
{
    json_t *found = json_object_get(c->root, key);
    const json_int_t n = json_integer_value(found);

    if (!json_is_integer(found) || n < least || n > most)
        return rt_fail(err, RT_EFORMAT, "'%s' has no %s from %d to %d", c->name, key, least, most);
    *value = (int)n;
    return RT_OK;
}

static rt_status is_off(const struct config *c, const char *key, struct rt_err *err)
{
    if (json_is_true(json_object_get(c->root, key)))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has %s: true, which is not run here; record the model's logits, see "
                       "logits in docs/study.md",
                       c->name, key);
    return RT_OK;
}

static rt_status read_type(const struct config *c, enum tr_folder_kind *kind, struct rt_err *err)
{
    const char *type = json_string_value(json_object_get(c->root, "model_type"));

    for (int i = 0; type && i < type_count; i++)
        if (strcmp(type, types[i]) == 0) {
            *kind = (enum tr_folder_kind)i;
            return RT_OK;
        }
    return rt_fail(err, RT_EFORMAT,
                   "'%s' is of model_type '%.40s', known are bert, distilbert, roberta, gpt2, vit "
                   "and deit; of any other model record the logits, see logits in docs/study.md",
                   c->name, type ? type : "");
}

static rt_status read_activation(const struct config *c, const char *key,
                                 enum space_activation *activation, struct rt_err *err)
{
    static const struct {
        const char *name;
        enum space_activation is;
    } known[] = {{"gelu", SPACE_GELU},
                 {"gelu_new", SPACE_GELU_TANH},
                 {"gelu_pytorch_tanh", SPACE_GELU_TANH},
                 {"relu", SPACE_RELU}};
    const char *name = json_string_value(json_object_get(c->root, key));

    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) {
            *activation = known[i].is;
            return RT_OK;
        }
    return rt_fail(err, RT_EFORMAT,
                   "'%s' has %s '%.40s', known are gelu, gelu_new, gelu_pytorch_tanh and relu; of "
                   "another model record the logits, see logits in docs/study.md",
                   c->name, key, name ? name : "");
}

/* Keys of sizes, as each kind spells them; ffn may be null: 4 d. */
struct spelling {
    const char *width, *heads, *layers, *ffn, *activation, *eps;
};
static const struct spelling common = {"hidden_size",       "num_attention_heads",
                                       "num_hidden_layers", "intermediate_size",
                                       "hidden_act",        "layer_norm_eps"};
static const struct spelling distilbert = {"dim",        "n_heads",    "n_layers",
                                           "hidden_dim", "activation", NULL};
static const struct spelling gpt2 = {
    "n_embd", "n_head", "n_layer", "n_inner", "activation_function", "layer_norm_epsilon"};

static rt_status read_sizes(const struct config *c, const struct spelling *s,
                            struct tr_folder *folder, struct rt_err *err)
{
    struct space_arch *arch = &folder->arch;
    const json_t *eps = s->eps ? json_object_get(c->root, s->eps) : NULL;
    int heads, ffn;

    RT_TRY(whole(c, s->width, 1, SPACE_MAX_WIDTH, &arch->width, err));
    RT_TRY(whole(c, s->heads, 1, SPACE_MAX_WIDTH, &heads, err));
    RT_TRY(whole(c, s->layers, 1, SPACE_MAX_DEPTH, &arch->depth, err));
    ffn = 4 * arch->width;
    if (s != &gpt2 || json_is_integer(json_object_get(c->root, s->ffn)))
        RT_TRY(whole(c, s->ffn, 1, 4 * SPACE_MAX_WIDTH, &ffn, err));
    if (json_object_get(c->root, "head_dim"))
        RT_TRY(whole(c, "head_dim", 1, SPACE_MAX_WIDTH, &arch->head_dim, err));
    else if (arch->width % heads)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has %d heads in a width of %d, which they do not divide", c->name,
                       heads, arch->width);
    else
        arch->head_dim = arch->width / heads;
    for (int l = 0; l < arch->depth; l++) {
        arch->heads[l] = heads;
        arch->ffn[l] = ffn;
    }
    folder->variant.eps = 1e-12F;
    if (eps) {
        const double value = json_number_value(eps);
        if (!(value > 0 && value < 1))
            return rt_fail(err, RT_EFORMAT, "'%s' has no %s between 0 and 1", c->name, s->eps);
        folder->variant.eps = (float)value;
    }
    return read_activation(c, s->activation, &folder->variant.activation, err);
}

static rt_status read_labels(const struct config *c, struct tr_folder *folder, struct rt_err *err)
{
    json_t *names = json_object_get(c->root, "id2label");
    const size_t n = json_object_size(names);
    char key[16];

    if (n == 0 || n > TR_FOLDER_LABELS)
        return RT_OK;
    folder->label = calloc(n, sizeof *folder->label);
    if (!folder->label)
        return rt_fail(err, RT_ENOMEM, "no memory for the labels of '%s'", c->name);
    folder->labels = (int)n;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "%zu", i);
        const char *name = json_string_value(json_object_get(names, key));
        if (!name)
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has %zu labels in id2label, but none of number %zu", c->name, n,
                           i);
        folder->label[i] = strdup(name);
        if (!folder->label[i])
            return rt_fail(err, RT_ENOMEM, "no memory for the labels of '%s'", c->name);
    }
    return RT_OK;
}

/* ---- kinds ---- */

static rt_status read_text(const struct config *c, struct tr_folder *folder, struct rt_err *err)
{
    const bool gpt = folder->kind == TR_FOLDER_GPT2;
    const char *relative = json_string_value(json_object_get(c->root, "position_embedding_type"));
    int segments = 0;

    RT_TRY(whole(c, "vocab_size", 1, SPACE_MAX_VOCABULARY, &folder->arch.vocabulary, err));
    RT_TRY(whole(c, gpt ? "n_positions" : "max_position_embeddings", 3, 1 << 20, &folder->positions,
                 err));
    if (folder->kind == TR_FOLDER_ROBERTA) /* rows 0 and 1 are of padding */
        folder->positions -= 2;
    if (folder->kind == TR_FOLDER_BERT || folder->kind == TR_FOLDER_ROBERTA)
        RT_TRY(whole(c, "type_vocab_size", 1, 2, &segments, err));
    folder->segments = folder->kind == TR_FOLDER_BERT && segments == 2 ? 2 : 0;
    if (relative && strcmp(relative, "absolute") != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has position_embedding_type '%.40s', known is absolute; record the "
                       "model's logits, see logits in docs/study.md",
                       c->name, relative);
    RT_TRY(is_off(c, "is_decoder", err));
    RT_TRY(is_off(c, "add_cross_attention", err));
    RT_TRY(is_off(c, "scale_attn_by_inverse_layer_idx", err));
    if (json_is_false(json_object_get(c->root, "scale_attn_weights")))
        return rt_fail(err, RT_EFORMAT, "'%s' has scale_attn_weights: false, which is not run here",
                       c->name);
    folder->variant.causal = gpt;
    folder->variant.post_norm = folder->variant.stem_norm = folder->variant.no_final_norm = !gpt;
    return RT_OK;
}

/* A size that is given once, or as [height, width]. */
static rt_status square(const struct config *c, const char *key, int out[2], struct rt_err *err)
{
    json_t *found = json_object_get(c->root, key);

    for (size_t i = 0; i < 2; i++) {
        json_t *value = json_is_array(found) ? json_array_get(found, i) : found;
        const json_int_t n = json_integer_value(value);
        if (!json_is_integer(value) || n < 1 || n > 65536)
            return rt_fail(err, RT_EFORMAT, "'%s' has no %s from 1 to 65536", c->name, key);
        out[i] = (int)n;
    }
    return RT_OK;
}

static rt_status read_image(const struct config *c, struct tr_folder *folder, struct rt_err *err)
{
    int patch[2];

    RT_TRY(square(c, "image_size", folder->size, err));
    RT_TRY(square(c, "patch_size", patch, err));
    RT_TRY(whole(c, "num_channels", 1, 3, &folder->size[2], err));
    if (patch[0] != patch[1] || patch[0] > SPACE_MAX_WIDTH || folder->size[0] % patch[0] ||
        folder->size[1] % patch[0])
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has patches of %dx%d in images of %dx%d, which want square ones that "
                       "divide them",
                       c->name, patch[0], patch[1], folder->size[0], folder->size[1]);
    folder->arch.patch = patch[0];
    folder->variant.registers = folder->kind == TR_FOLDER_DEIT;
    return RT_OK;
}

static rt_status read_config(const struct config *c, struct tr_folder *folder, struct rt_err *err)
{
    if (!json_is_object(c->root))
        return rt_fail(err, RT_EFORMAT, "'%s' is not a JSON object", c->name);
    RT_TRY(read_type(c, &folder->kind, err));
    RT_TRY(read_sizes(c,
                      folder->kind == TR_FOLDER_GPT2         ? &gpt2
                      : folder->kind == TR_FOLDER_DISTILBERT ? &distilbert
                                                             : &common,
                      folder, err));
    RT_TRY(read_labels(c, folder, err));
    if (folder->kind == TR_FOLDER_VIT || folder->kind == TR_FOLDER_DEIT)
        return read_image(c, folder, err);
    return read_text(c, folder, err);
}

static rt_status parse(const char *name, const char *bytes, size_t count, json_t **root,
                       struct rt_err *err)
{
    json_error_t why;

    *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &why);
    if (!*root)
        return rt_fail(err, RT_EFORMAT, "'%s' is not JSON from byte %d on", name, why.position);
    return RT_OK;
}

rt_status tr_folder_parse(struct tr_folder *folder, const char *name, const char *bytes,
                          size_t count, struct rt_err *err)
{
    struct config c = {.name = name};

    *folder = (struct tr_folder){0};
    RT_TRY(parse(name, bytes, count, &c.root, err));
    const rt_status rc = read_config(&c, folder, err);
    json_decref(c.root);
    if (rc)
        tr_folder_close(folder);
    return rc;
}

/* ---- preprocessor_config.json ---- */

static rt_status read_channels(const struct config *c, const char *key, int channels, float *out,
                               struct rt_err *err)
{
    json_t *list = json_object_get(c->root, key);

    for (int i = 0; i < channels; i++) {
        const double value = json_number_value(json_array_get(list, (size_t)i));
        if ((int)json_array_size(list) != channels || !(value > -1e3 && value < 1e3))
            return rt_fail(err, RT_EFORMAT, "'%s' has no %s of %d numbers", c->name, key, channels);
        out[i] = (float)value;
    }
    return RT_OK;
}

/* (value * rescale_factor - mean) / sd, made (value / 255 - mean) / sd. */
static rt_status read_pixels(const struct config *c, struct tr_folder *folder, struct rt_err *err)
{
    const int channels = folder->size[2];
    json_t *factor = json_object_get(c->root, "rescale_factor");
    const bool rescaled = !json_is_false(json_object_get(c->root, "do_rescale"));
    const double by = !rescaled                ? 255
                      : json_is_number(factor) ? 255 * json_number_value(factor)
                                               : 1;

    if (!json_is_object(c->root) || !(by > 0 && by < 1e6))
        return rt_fail(err, RT_EFORMAT, "'%s' has no rescale_factor above 0", c->name);
    for (int i = 0; i < channels; i++) {
        folder->mean[i] = 0;
        folder->sd[i] = 1;
    }
    if (!json_is_false(json_object_get(c->root, "do_normalize"))) {
        RT_TRY(read_channels(c, "image_mean", channels, folder->mean, err));
        RT_TRY(read_channels(c, "image_std", channels, folder->sd, err));
    }
    for (int i = 0; i < channels; i++) {
        folder->mean[i] /= (float)by;
        folder->sd[i] /= (float)by;
        if (!(folder->sd[i] > 0))
            return rt_fail(err, RT_EFORMAT, "'%s' has an image_std that is not above 0", c->name);
    }
    return RT_OK;
}

static rt_status open_pixels(struct tr_folder *folder, struct rt_err *err)
{
    char path[RT_PATH_MAX], *bytes;
    struct config c = {.name = path};
    size_t count;

    if (!folder->size[0] ||
        snprintf(path, sizeof path, "%s/preprocessor_config.json", folder->path) >= RT_PATH_MAX ||
        access(path, F_OK) != 0)
        return RT_OK; /* it does not say: the data's own scale */
    RT_TRY(rt_file_read(path, most_config, &bytes, &count, err));
    rt_status rc = parse(path, bytes, count, &c.root, err);
    free(bytes);
    if (rc == RT_OK)
        rc = read_pixels(&c, folder, err);
    json_decref(c.root);
    return rc;
}

/* ---- life ---- */

static rt_status open_config(struct tr_folder *folder, const char *path, struct rt_err *err)
{
    char config[RT_PATH_MAX], *bytes;
    size_t count;

    if (snprintf(config, sizeof config, "%s/config.json", path) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.200s' is too long", path);
    RT_TRY(rt_file_read(config, most_config, &bytes, &count, err));
    const rt_status rc = tr_folder_parse(folder, config, bytes, count, err);
    free(bytes);
    return rc;
}

rt_status tr_folder_open(struct tr_folder *folder, const char *path, struct rt_err *err)
{
    rt_status rc;

    RT_TRY(open_config(folder, path, err));
    (void)snprintf(folder->path, sizeof folder->path, "%s", path);
    if ((rc = open_pixels(folder, err)) || (rc = tr_shards_open(&folder->shards, path, err)) ||
        (rc = tr__folder_check(folder, err)))
        tr_folder_close(folder);
    return rc;
}

void tr_folder_close(struct tr_folder *folder)
{
    for (int i = 0; folder->label && i < folder->labels; i++)
        free(folder->label[i]);
    free(folder->label);
    tr_shards_close(folder->shards);
    *folder = (struct tr_folder){0};
}

/* Of texts: the files that say what its tokens are, which may change beside its weights. */
static rt_status hash_tokens(const struct tr_folder *folder, struct rt_hash *hash,
                             struct rt_err *err)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "vocab.txt",
                                        "vocab.json", "merges.txt"};
    const size_t most = (size_t)256 << 20;
    char path[RT_PATH_MAX], *data;
    size_t bytes;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const int n = snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        if (n >= RT_PATH_MAX || access(path, F_OK) != 0)
            continue;
        RT_TRY(rt_file_read(path, most, &data, &bytes, err));
        rt_hash_add(hash, names[i], strlen(names[i]) + 1);
        rt_hash_add(hash, data, bytes);
        free(data);
    }
    return RT_OK;
}

rt_status tr_folder_hash(const struct tr_folder *folder, char text[RT_HASH_TEXT],
                         struct rt_err *err)
{
    const bool pictures = folder->kind == TR_FOLDER_VIT || folder->kind == TR_FOLDER_DEIT;
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash '%s'", folder->path);
    rt_hash_add(hash, &folder->kind, sizeof folder->kind);
    rt_hash_add(hash, &folder->arch, sizeof folder->arch);
    rt_hash_add(hash, &folder->variant.eps, sizeof folder->variant.eps);
    rt_hash_add(hash, &folder->variant.activation, sizeof folder->variant.activation);
    rt_hash_add(hash, folder->mean, sizeof folder->mean);
    rt_hash_add(hash, folder->sd, sizeof folder->sd);
    tr_shards_hash(folder->shards, hash);
    const rt_status rc = pictures ? RT_OK : hash_tokens(folder, hash, err);
    rt_hash_close(hash, text);
    return rc;
}

/* ---- fitting a task ---- */

static rt_status fit_text(const struct tr_folder *f, const struct space_shape *task, bool next,
                          struct space_shape *shape, struct rt_err *err)
{
    const bool gpt = f->kind == TR_FOLDER_GPT2;

    if (task->length > f->positions)
        return rt_fail(err, RT_ESHAPE,
                       "'%s' reads at most %d tokens, the study's texts have %d; write a smaller "
                       "data.length",
                       f->path, f->positions, task->length);
    if (next && !gpt)
        return rt_fail(err, RT_EARG, "'%s' is a %s, which says no next token; gpt2 does", f->path,
                       tr__folder_type(f));
    shape->length = task->length;
    shape->segments = f->segments;
    shape->pool = next ? SPACE_POOL_NONE : gpt ? SPACE_POOL_LAST : SPACE_POOL_CLASS;
    if (next)
        shape->variant.head = SPACE_HEAD_TIED;
    else if (!gpt && f->classes)
        shape->variant.head = f->kind == TR_FOLDER_DISTILBERT ? SPACE_HEAD_RELU : SPACE_HEAD_TANH;
    else if (!gpt) /* an encoder alone: what is added to it reads the mean */
        shape->pool = SPACE_POOL_MEAN;
    return RT_OK;
}

static rt_status fit_image(const struct tr_folder *f, const struct space_shape *task,
                           struct space_shape *shape, struct rt_err *err)
{
    if (task->channels != f->size[2])
        return rt_fail(
            err, RT_ESHAPE,
            "'%s' reads images of %d channels, the study's have %d; bring them to that, or "
            "record the model's logits",
            f->path, f->size[2], task->channels);
    if (task->height % f->arch.patch || task->width % f->arch.patch)
        return rt_fail(
            err, RT_ESHAPE,
            "'%s' cuts images into patches of %d, which do not divide the study's of %dx%d; "
            "bring them to %dx%d, or record the model's logits",
            f->path, f->arch.patch, task->height, task->width, f->size[0], f->size[1]);
    shape->height = task->height;
    shape->width = task->width;
    shape->channels = task->channels;
    shape->pool = f->pair ? SPACE_POOL_PAIR : SPACE_POOL_CLASS;
    return RT_OK;
}

rt_status tr_folder_fit(const struct tr_folder *folder, const struct space_shape *task, bool next,
                        struct space_shape *shape, struct rt_err *err)
{
    const bool text = folder->size[0] == 0;

    if (text != (task->length > 0) || task->features)
        return rt_fail(err, RT_EARG, "'%s' is a %s, which reads %s; the study's task does not",
                       folder->path, tr__folder_type(folder), text ? "texts" : "images");
    if (!next && folder->classes && folder->classes != task->classes)
        return rt_fail(err, RT_ESHAPE, "'%s' has %d classes but the data has %d", folder->path,
                       folder->classes, task->classes);
    *shape = (struct space_shape){.classes = task->classes, .variant = folder->variant};
    return text ? fit_text(folder, task, next, shape, err) : fit_image(folder, task, shape, err);
}
