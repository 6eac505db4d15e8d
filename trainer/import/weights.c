/* trainer/import/weights.c -- a folder's tensors by their names, checked and laid where a student has
 * them; see folder.h.
 *
 * One walk names every tensor that the network wants. It is done twice: when a folder is opened, to
 * check, and, with somewhere to put the values, to load.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/import/import_internal.h"
#include "trainer/import/positions.h"
#include "trainer/net/student_internal.h"

enum { name_room = 160 };

/* Of one kind, without prefix and ".weight"; NULL: there is none. */
struct names {
    const char *prefix, *table, *position, *segment, *stem_norm, *layer;
    const char *query, *key, *value, *proj, *norm1, *up, *down, *norm2, *final_norm;
};

#define BERT_LIKE(prefix_)                                                                         \
    {.prefix = (prefix_),                                                                          \
     .table = "embeddings.word_embeddings",                                                        \
     .position = "embeddings.position_embeddings",                                                 \
     .segment = "embeddings.token_type_embeddings",                                                \
     .stem_norm = "embeddings.LayerNorm",                                                          \
     .layer = "encoder.layer.%d.",                                                                 \
     .query = "attention.self.query",                                                              \
     .key = "attention.self.key",                                                                  \
     .value = "attention.self.value",                                                              \
     .proj = "attention.output.dense",                                                             \
     .norm1 = "attention.output.LayerNorm",                                                        \
     .up = "intermediate.dense",                                                                   \
     .down = "output.dense",                                                                       \
     .norm2 = "output.LayerNorm"}
#define VIT_LIKE(prefix_)                                                                          \
    {.prefix = (prefix_),                                                                          \
     .layer = "encoder.layer.%d.",                                                                 \
     .query = "attention.attention.query",                                                         \
     .key = "attention.attention.key",                                                             \
     .value = "attention.attention.value",                                                         \
     .proj = "attention.output.dense",                                                             \
     .norm1 = "layernorm_before",                                                                  \
     .up = "intermediate.dense",                                                                   \
     .down = "output.dense",                                                                       \
     .norm2 = "layernorm_after",                                                                   \
     .final_norm = "layernorm"}

static const struct names names_of[] = {
    [TR_FOLDER_BERT] = BERT_LIKE("bert."),
    [TR_FOLDER_ROBERTA] = BERT_LIKE("roberta."),
    [TR_FOLDER_VIT] = VIT_LIKE("vit."),
    [TR_FOLDER_DEIT] = VIT_LIKE("deit."),
    [TR_FOLDER_DISTILBERT] = {.prefix = "distilbert.",
                              .table = "embeddings.word_embeddings",
                              .position = "embeddings.position_embeddings",
                              .stem_norm = "embeddings.LayerNorm",
                              .layer = "transformer.layer.%d.",
                              .query = "attention.q_lin",
                              .key = "attention.k_lin",
                              .value = "attention.v_lin",
                              .proj = "attention.out_lin",
                              .norm1 = "sa_layer_norm",
                              .up = "ffn.lin1",
                              .down = "ffn.lin2",
                              .norm2 = "output_layer_norm"},
    [TR_FOLDER_GPT2] = {.prefix = "transformer.",
                        .table = "wte",
                        .position = "wpe",
                        .layer = "h.%d.",
                        .query = "attn.c_attn", /* q, k and v; weights of GPT-2 are (in,out) */
                        .proj = "attn.c_proj",
                        .norm1 = "ln_1",
                        .up = "mlp.c_fc",
                        .down = "mlp.c_proj",
                        .norm2 = "ln_2",
                        .final_norm = "ln_f"},
};

/* One walk. */
struct walk {
    const struct tr_folder *folder;
    const struct names *names;
    const char *prefix;                /* "" where the files have none */
    char layer[name_room];             /* in front of a block's names, the prefix in it */
    char *taken[32 * SPACE_MAX_DEPTH]; /* owned: names that were asked for */
    int count;
    int64_t params;
    const struct tr_student *student; /* NULL: only check */
    float *to;                        /* its parameters */
};

/* ---- one tensor ---- */

static rt_status note_taken(struct walk *w, const char *name, struct rt_err *err)
{
    assert(w->count < (int)(sizeof w->taken / sizeof *w->taken));
    w->taken[w->count] = strdup(name);
    if (!w->taken[w->count])
        return rt_fail(err, RT_ENOMEM, "no memory to read '%s'", w->folder->path);
    w->count++;
    return RT_OK;
}

static bool has(const struct walk *w, const char *name)
{
    struct tr_stored tensor;
    return tr_shards_find(w->folder->shards, name, &tensor);
}

/* Of those sizes; a 0 ends them. */
static rt_status find(struct walk *w, const char *name, const int64_t shape[TR_STORED_DIMS],
                      struct tr_stored *tensor, struct rt_err *err)
{
    int dims = 0;
    bool fits;

    if (!tr_shards_find(w->folder->shards, name, tensor))
        return rt_fail(err, RT_EFORMAT, "'%s' lacks tensor '%s', which its config.json asks for",
                       w->folder->path, name);
    while (dims < TR_STORED_DIMS && shape[dims])
        dims++;
    fits = tensor->dims == dims;
    for (int i = 0; fits && i < dims; i++)
        fits = tensor->shape[i] == shape[i];
    if (!fits)
        return rt_fail(err, RT_EFORMAT,
                       "tensor '%s' of '%s' has other sizes than its config.json says, (%lld%s)",
                       name, w->folder->path, (long long)shape[0], dims > 1 ? ", .." : "");
    if (tensor->type == TR_STORED_I8 || tensor->type == TR_STORED_I64)
        return rt_fail(err, RT_EFORMAT,
                       "tensor '%s' of '%s' is of integers; save the model in float32, float16 or "
                       "bfloat16",
                       name, w->folder->path);
    w->params += (int64_t)tensor->count;
    return note_taken(w, name, err);
}

/* (rows,cols), or (rows) where cols is 0, to `to` unless it is NULL. turned: they are (cols,rows). */
static rt_status take(struct walk *w, const char *name, int64_t rows, int64_t cols, bool turned,
                      float *to, struct rt_err *err)
{
    const int64_t straight[TR_STORED_DIMS] = {rows, cols}, other[TR_STORED_DIMS] = {cols, rows};
    struct tr_stored tensor;

    RT_TRY(find(w, name, turned ? other : straight, &tensor, err));
    if (!to)
        return RT_OK;
    if (!turned) {
        tr_shards_floats(&tensor, 0, tensor.count, to);
        return RT_OK;
    }
    float *line = malloc((size_t)rows * sizeof *line);
    if (!line)
        return rt_fail(err, RT_ENOMEM, "no memory to read '%s'", w->folder->path);
    for (int64_t c = 0; c < cols; c++) {
        tr_shards_floats(&tensor, (size_t)(c * rows), (size_t)rows, line);
        for (int64_t r = 0; r < rows; r++)
            to[r * cols + c] = line[r];
    }
    free(line);
    return RT_OK;
}

static void join(char out[name_room], const char *a, const char *b, const char *c)
{
    (void)snprintf(out, name_room, "%s%s%s", a, b, c);
}

static float *at(const struct walk *w, size_t offset)
{
    return w->student ? w->to + offset : NULL;
}

/* ---- layers ---- */

/* Output rows first .. of a layer (out,in). A bias that is not there is 0. */
static rt_status take_linear(struct walk *w, const char *prefix, const char *name, int out, int in,
                             const struct tr_plan_linear *layer, int first, struct rt_err *err)
{
    const bool turned = w->folder->kind == TR_FOLDER_GPT2;
    float *weight = layer ? at(w, layer->weight + (size_t)first * in) : NULL;
    float *bias = layer ? at(w, layer->bias + (size_t)first) : NULL;
    char full[name_room];

    join(full, prefix, name, ".weight");
    RT_TRY(take(w, full, out, in, turned, weight, err));
    join(full, prefix, name, ".bias");
    if (has(w, full))
        return take(w, full, out, 0, false, bias, err);
    for (int i = 0; bias && i < out; i++)
        bias[i] = 0;
    return RT_OK;
}

/* The published BERT files call weight and bias gamma and beta. */
static rt_status take_norm(struct walk *w, const char *prefix, const char *name,
                           const struct tr_plan_norm *norm, struct rt_err *err)
{
    const int d = w->folder->arch.width;
    char full[name_room];

    join(full, prefix, name, ".gamma");
    const bool greek = has(w, full);
    join(full, prefix, name, greek ? ".gamma" : ".weight");
    RT_TRY(take(w, full, d, 0, false, norm ? at(w, norm->gamma) : NULL, err));
    join(full, prefix, name, greek ? ".beta" : ".bias");
    return take(w, full, d, 0, false, norm ? at(w, norm->beta) : NULL, err);
}

static rt_status take_block(struct walk *w, int l, struct rt_err *err)
{
    const struct names *n = w->names;
    const struct tr_plan_block *b = w->student ? &w->student->plan->block[l] : NULL;
    const struct space_arch *arch = &w->folder->arch;
    const int d = arch->width, f = arch->ffn[l], e = arch->heads[l] * arch->head_dim;
    char layer[name_room];

    (void)snprintf(layer, sizeof layer, n->layer, l);
    join(w->layer, w->prefix, layer, "");
    if (!n->key) {
        RT_TRY(take_linear(w, w->layer, n->query, 3 * e, d, b ? &b->query : NULL, 0, err));
    } else {
        RT_TRY(take_linear(w, w->layer, n->query, e, d, b ? &b->query : NULL, 0, err));
        RT_TRY(take_linear(w, w->layer, n->key, e, d, b ? &b->query : NULL, e, err));
        RT_TRY(take_linear(w, w->layer, n->value, e, d, b ? &b->query : NULL, 2 * e, err));
    }
    RT_TRY(take_linear(w, w->layer, n->proj, d, e, b ? &b->proj : NULL, 0, err));
    RT_TRY(take_norm(w, w->layer, n->norm1, b ? &b->norm1 : NULL, err));
    RT_TRY(take_linear(w, w->layer, n->up, f, d, b ? &b->up : NULL, 0, err));
    RT_TRY(take_linear(w, w->layer, n->down, d, f, b ? &b->down : NULL, 0, err));
    return take_norm(w, w->layer, n->norm2, b ? &b->norm2 : NULL, err);
}

/* ---- stems ---- */

/* RoBERTa has rows of padding in front of its positions. */
static rt_status take_positions(struct walk *w, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;
    const int d = f->arch.width, skip = f->kind == TR_FOLDER_ROBERTA ? 2 : 0;
    const int64_t rows = f->positions + skip;
    struct tr_stored tensor;
    char full[name_room];

    join(full, w->prefix, w->names->position, ".weight");
    RT_TRY(find(w, full, (int64_t[TR_STORED_DIMS]){rows, d}, &tensor, err));
    if (w->student)
        tr_shards_floats(&tensor, (size_t)skip * d, (size_t)w->student->tokens * d,
                         at(w, w->student->plan->position));
    return RT_OK;
}

/* One that all rows are of goes into the positions: where there is no other, or students have no pairs. */
static rt_status take_segments(struct walk *w, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;
    const int d = f->arch.width;
    float *position = w->student ? at(w, w->student->plan->position) : NULL;
    struct tr_stored tensor;
    char full[name_room];

    join(full, w->prefix, w->names->segment, ".weight");
    if (f->segments && (!w->student || w->student->shape.segments))
        return take(w, full, f->segments, d, false,
                    w->student ? at(w, w->student->plan->segment) : NULL, err);
    if (!tr_shards_find(f->shards, full, &tensor) || tensor.dims != 2)
        return RT_OK;
    RT_TRY(find(w, full, (int64_t[TR_STORED_DIMS]){tensor.shape[0], d}, &tensor, err));
    for (int t = 0; position && t < w->student->tokens; t++)
        for (int c = 0; c < d; c++) {
            float one;
            tr_shards_floats(&tensor, (size_t)c, 1, &one);
            position[(ptrdiff_t)t * d + c] += one;
        }
    return RT_OK;
}

static rt_status take_text_stem(struct walk *w, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;
    char full[name_room];

    join(full, w->prefix, w->names->table, ".weight");
    RT_TRY(take(w, full, f->arch.vocabulary, f->arch.width, false,
                w->student ? at(w, w->student->plan->table) : NULL, err));
    RT_TRY(take_positions(w, err));
    if (w->names->segment)
        RT_TRY(take_segments(w, err));
    if (!w->names->stem_norm)
        return RT_OK;
    return take_norm(w, w->prefix, w->names->stem_norm,
                     w->student ? &w->student->plan->stem_norm : NULL, err);
}

/* (d,c,p,p) of a convolution to (d,p,p,c), in which patches are cut here. */
static rt_status take_patches(struct walk *w, struct rt_err *err)
{
    const int64_t d = w->folder->arch.width, c = w->folder->size[2], p = w->folder->arch.patch;
    const int64_t numbers = c * p * p;
    const struct tr_plan_linear *stem = w->student ? &w->student->plan->stem : NULL;
    struct tr_stored tensor;
    char full[name_room];

    join(full, w->prefix, "embeddings.patch_embeddings.projection", ".weight");
    RT_TRY(find(w, full, (int64_t[TR_STORED_DIMS]){d, c, p, p}, &tensor, err));
    for (int64_t o = 0; stem && o < d; o++)
        for (int64_t i = 0; i < numbers; i++) /* i: channel, y, x */
            tr_shards_floats(&tensor, (size_t)(o * numbers + i), 1,
                             at(w, stem->weight) + o * numbers + i % (p * p) * c + i / (p * p));
    join(full, w->prefix, "embeddings.patch_embeddings.projection", ".bias");
    return take(w, full, d, 0, false, stem ? at(w, stem->bias) : NULL, err);
}

static rt_status take_row(struct walk *w, const char *name, int64_t rows, float *to,
                          struct rt_err *err)
{
    struct tr_stored tensor;
    char full[name_room];

    join(full, w->prefix, name, "");
    RT_TRY(find(w, full, (int64_t[TR_STORED_DIMS]){1, rows, w->folder->arch.width}, &tensor, err));
    if (to)
        tr_shards_floats(&tensor, 0, tensor.count, to);
    return RT_OK;
}

/* Positions of the class rows, then of a grid of patches, which is resized to the student's. */
static rt_status take_grid(struct walk *w, int class_rows, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;
    const struct space_shape *shape = w->student ? &w->student->shape : NULL;
    const int p = f->arch.patch, d = f->arch.width;
    const int grid[2] = {f->size[0] / p, f->size[1] / p}, rows = class_rows + grid[0] * grid[1];
    const size_t first = (size_t)class_rows * (size_t)d;

    if (!shape || (shape->height == f->size[0] && shape->width == f->size[1]))
        return take_row(w, "embeddings.position_embeddings", rows,
                        shape ? at(w, w->student->plan->position) : NULL, err);
    const int to_grid[2] = {shape->height / p, shape->width / p};
    float *own = malloc((size_t)rows * (size_t)d * sizeof *own);
    if (!own)
        return rt_fail(err, RT_ENOMEM, "no memory for the positions of '%s'", f->path);
    const rt_status rc = take_row(w, "embeddings.position_embeddings", rows, own, err);
    if (rc == RT_OK) {
        memcpy(at(w, w->student->plan->position), own, first * sizeof *own);
        tr_positions_resize(own + first, grid, d, to_grid,
                            at(w, w->student->plan->position) + first);
    }
    free(own);
    return rc;
}

static rt_status take_image_stem(struct walk *w, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;
    const struct tr_plan *plan = w->student ? w->student->plan : NULL;
    const bool deit = f->kind == TR_FOLDER_DEIT;
    float *token = plan ? at(w, plan->class_token) : NULL;

    RT_TRY(take_patches(w, err));
    RT_TRY(take_row(w, "embeddings.cls_token", 1, token, err));
    if (deit)
        RT_TRY(take_row(w, "embeddings.distillation_token", 1, token ? token + f->arch.width : NULL,
                        err));
    return take_grid(w, 1 + deit, err);
}

/* ---- heads ---- */

/* Name of the layer that says the classes, and of the one in front of it; NULL: none. */
struct head_names {
    const char *pooler, *head;
    bool prefixed; /* the pooler's name */
};
static const struct head_names head_of[] = {
    [TR_FOLDER_BERT] = {"pooler.dense", "classifier", true},
    [TR_FOLDER_DISTILBERT] = {"pre_classifier", "classifier", false},
    [TR_FOLDER_ROBERTA] = {"classifier.dense", "classifier.out_proj", false},
    [TR_FOLDER_GPT2] = {NULL, "score", false},
    [TR_FOLDER_VIT] = {NULL, "classifier", false},
    [TR_FOLDER_DEIT] = {NULL, "classifier", false},
};
static const char *const pair_names[2] = {"cls_classifier", "distillation_classifier"};

/* Rows of a classifier of that name; 0: there is none. */
static int classes_of(const struct walk *w, const char *name)
{
    struct tr_stored tensor;
    char full[name_room];

    join(full, name, ".weight", "");
    if (!tr_shards_find(w->folder->shards, full, &tensor) || tensor.dims != 2 ||
        tensor.shape[0] > TR_FOLDER_LABELS)
        return 0;
    return (int)tensor.shape[0];
}

/* The mean of two linear heads is one of their rows side by side: W (C,2d). */
static rt_status take_pair(struct walk *w, struct rt_err *err)
{
    const int64_t d = w->folder->arch.width, classes = w->folder->classes;
    const struct tr_plan_linear *head = w->student ? &w->student->plan->head : NULL;
    struct tr_stored weight, bias;
    char full[name_room];

    for (int64_t i = 0; i < 2; i++) {
        join(full, pair_names[i], ".weight", "");
        RT_TRY(find(w, full, (int64_t[TR_STORED_DIMS]){classes, d}, &weight, err));
        join(full, pair_names[i], ".bias", "");
        RT_TRY(find(w, full, (int64_t[TR_STORED_DIMS]){classes}, &bias, err));
        for (int64_t c = 0; head && c < classes; c++) {
            float *row = at(w, head->weight) + (2 * c + i) * d, one;
            tr_shards_floats(&weight, (size_t)(c * d), (size_t)d, row);
            for (int64_t j = 0; j < d; j++)
                row[j] /= 2;
            tr_shards_floats(&bias, (size_t)c, 1, &one);
            float *sum = at(w, head->bias) + c;
            *sum = (i ? *sum : 0) + one / 2;
        }
    }
    return RT_OK;
}

/* A language model's own output layer, which is not written where it is the table. */
static rt_status check_tied(const struct walk *w, struct rt_err *err)
{
    struct tr_stored own, table;
    char full[name_room];

    join(full, w->prefix, w->names->table, ".weight");
    if (!tr_shards_find(w->folder->shards, "lm_head.weight", &own))
        return RT_OK;
    if (!tr_shards_find(w->folder->shards, full, &table) || own.type != table.type ||
        own.count != table.count ||
        memcmp(own.values, table.values, own.count * (own.type == TR_STORED_F32 ? 4 : 2)) != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has an output layer lm_head of its own, which is not run here; record "
                       "the model's logits, see logits in docs/study.md",
                       w->folder->path);
    return RT_OK;
}

/* Its own weights are (out,in) in GPT-2, too. */
static rt_status take_scores(struct walk *w, struct rt_err *err)
{
    const int classes = w->folder->classes;
    const bool tied = w->student && w->student->shape.variant.head == SPACE_HEAD_TIED;
    const struct tr_plan_linear *head = w->student ? &w->student->plan->head : NULL;

    RT_TRY(check_tied(w, err));
    for (int c = 0; head && c < head->out; c++)
        at(w, head->bias)[c] = 0;
    if (!classes)
        return RT_OK;
    return take(w, "score.weight", classes, w->folder->arch.width, false,
                head && !tied ? at(w, head->weight) : NULL, err);
}

static rt_status take_head(struct walk *w, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;
    const struct head_names *n = &head_of[f->kind];
    const struct tr_plan *plan = w->student ? w->student->plan : NULL;
    const int d = f->arch.width;

    if (f->kind == TR_FOLDER_GPT2)
        return take_scores(w, err);
    if (f->pair)
        return take_pair(w, err);
    if (!f->classes)
        return RT_OK;
    if (n->pooler)
        RT_TRY(take_linear(w, n->prefixed ? w->prefix : "", n->pooler, d, d,
                           plan ? &plan->pooler : NULL, 0, err));
    return take_linear(w, "", n->head, f->classes, d, plan ? &plan->head : NULL, 0, err);
}

/* ---- the walk ---- */

static bool is_prefixed(const struct walk *w)
{
    const char *name;

    for (size_t i = 0; (name = tr_shards_name(w->folder->shards, i)); i++)
        if (strncmp(name, w->names->prefix, strlen(w->names->prefix)) == 0)
            return true;
    return false;
}

static rt_status walk_all(struct walk *w, struct rt_err *err)
{
    const struct tr_folder *f = w->folder;

    w->names = &names_of[f->kind];
    w->prefix = is_prefixed(w) ? w->names->prefix : "";
    RT_TRY(f->size[0] ? take_image_stem(w, err) : take_text_stem(w, err));
    for (int l = 0; l < f->arch.depth; l++)
        RT_TRY(take_block(w, l, err));
    if (w->names->final_norm)
        RT_TRY(take_norm(w, w->prefix, w->names->final_norm,
                         w->student ? &w->student->plan->norm : NULL, err));
    return take_head(w, err);
}

static void walk_close(struct walk *w)
{
    for (int i = 0; i < w->count; i++)
        free(w->taken[i]);
}

static bool ends(const char *name, const char *end)
{
    const size_t n = strlen(name), e = strlen(end);
    return n >= e && strcmp(name + n - e, end) == 0;
}

/* Buffers, heads of pre-training, and poolers that no classifier reads. */
static bool is_left_out(const char *name)
{
    static const char *const heads[] = {"cls.", "lm_head.", "vocab_", "fit_dense", "qa_outputs."};
    static const char *const tails[] = {".position_ids",     ".attn.bias",
                                        ".attn.masked_bias", "pooler.dense.weight",
                                        "pooler.dense.bias", ".mask_token"};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(name, heads[i], strlen(heads[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (ends(name, tails[i]))
            return true;
    return false;
}

static rt_status check_rest(const struct walk *w, struct rt_err *err)
{
    const char *name;

    for (size_t i = 0; (name = tr_shards_name(w->folder->shards, i)); i++) {
        bool known = is_left_out(name);
        for (int t = 0; !known && t < w->count; t++)
            known = strcmp(name, w->taken[t]) == 0;
        if (!known)
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has a tensor '%.100s', which no %s is known to have; record the "
                           "model's logits, see logits in docs/study.md",
                           w->folder->path, name, tr__folder_type(w->folder));
    }
    return RT_OK;
}

rt_status tr__folder_check(struct tr_folder *folder, struct rt_err *err)
{
    struct walk *w = calloc(1, sizeof *w);
    rt_status rc;

    if (!w)
        return rt_fail(err, RT_ENOMEM, "no memory to read '%s'", folder->path);
    w->folder = folder;
    folder->pair = folder->kind == TR_FOLDER_DEIT && classes_of(w, pair_names[0]) > 0;
    folder->classes = classes_of(w, folder->pair ? pair_names[0] : head_of[folder->kind].head);
    if ((rc = walk_all(w, err)) == RT_OK)
        rc = check_rest(w, err);
    folder->params = w->params;
    walk_close(w);
    free(w);
    return rc;
}

rt_status tr_folder_load(const struct tr_folder *folder, const struct tr_student *student,
                         float *params, struct rt_err *err)
{
    struct walk *w = calloc(1, sizeof *w);
    rt_status rc;

    if (!w)
        return rt_fail(err, RT_ENOMEM, "no memory to read '%s'", folder->path);
    assert(space_arch_equal(&student->arch, &folder->arch));
    w->folder = folder;
    w->student = student;
    w->to = params;
    rc = walk_all(w, err);
    walk_close(w);
    free(w);
    return rc;
}
