/* trainer/export/onnx.c -- the graph is written in the order of the forward pass, node by node.
 *
 * ONNX Runtime takes about as long for a node as for a small student's product, so nodes are
 * saved rather than operations: positions and class token are one sum, the last block of a
 * class-token student is computed for its one row.
 */
#include "trainer/export/onnx.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/export/protobuf.h"
#include "trainer/net/student_internal.h"

/* Field numbers of onnx.proto. */
enum {
    model_ir = 1,
    model_producer,
    model_producer_version,
    model_graph = 7,
    model_opset,
    model_metadata = 14
};
enum { graph_node = 1, graph_name, graph_initialiser = 5, graph_input = 11, graph_output };
enum { node_input = 1, node_output, node_name, node_type, node_attribute };
enum {
    attribute_name = 1,
    attribute_float,
    attribute_int,
    attribute_ints = 8,
    attribute_type = 20
};
enum { tensor_dims = 1, tensor_type, tensor_name = 8, tensor_raw };
enum { is_float = 1, is_uint8, is_int8, is_int32 = 6, is_int64 }; /* TensorProto.DataType */
enum { is_a_float = 1, is_an_int = 2, are_ints = 7 };             /* AttributeProto.Type */

struct name {
    char text[96];
};

struct graph {
    const struct tr_model *model;
    enum tr_onnx_form form;
    struct tr_message body; /* GraphProto */
};

__attribute__((format(printf, 1, 2))) static struct name named(const char *format, ...)
{
    struct name name;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(name.text, sizeof name.text, format, args);
    va_end(args);
    return name;
}

/* ---- initialisers ---- */

/* Row-major; sizes (dims), product = count. */
static void initialiser(struct graph *g, const char *name, int type, int dims, const int64_t *sizes,
                        const void *data, size_t bytes)
{
    struct tr_message tensor = {0};

    for (int i = 0; i < dims; i++)
        tr_message_int(&tensor, tensor_dims, sizes[i]);
    tr_message_int(&tensor, tensor_type, type);
    tr_message_text(&tensor, tensor_name, name);
    tr_message_bytes(&tensor, tensor_raw, data, bytes);
    tr_message_put(&g->body, graph_initialiser, &tensor);
}

static void floats(struct graph *g, const char *name, const float *values, int64_t count)
{
    initialiser(g, name, is_float, 1, &count, values, (size_t)count * sizeof *values);
}

static void number(struct graph *g, const char *name, float value)
{
    initialiser(g, name, is_float, 0, NULL, &value, sizeof value);
}

static void integers(struct graph *g, const char *name, int64_t count, const int64_t *values)
{
    initialiser(g, name, is_int64, 1, &count, values, (size_t)count * sizeof *values);
}
#define INTEGERS(g, name, ...)                                                                     \
    integers(g, name, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

/* from (rows,cols), elements of `size` bytes, as (cols,rows); NULL when out of memory. */
static void *transposed(const void *from, int rows, int cols, size_t size)
{
    char *to = malloc((size_t)rows * cols * size);

    for (ptrdiff_t r = 0; to && r < rows; r++)
        for (ptrdiff_t c = 0; c < cols; c++)
            memcpy(to + (size_t)(c * rows + r) * size,
                   (const char *)from + (size_t)(r * cols + c) * size, size);
    return to;
}

static void matrix(struct graph *g, const char *name, int type, const void *w, int out, int in,
                   size_t size)
{
    const int64_t sizes[2] = {in, out};
    void *data = transposed(w, out, in, size);

    if (data)
        initialiser(g, name, type, 2, sizes, data, (size_t)out * in * size);
    else
        g->body.failed = true;
    free(data);
}

/* ---- nodes ---- */

struct attribute { /* a NULL name ends a list */
    const char *name;
    int type;
    int64_t value;
    float real;
    int count;
    const int64_t *values;
};
#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ATTRIBUTES(...) ((const struct attribute[]){__VA_ARGS__, {0}})
#define INT(key, number) {.name = (key), .type = is_an_int, .value = (number)}
#define REAL(key, number) {.name = (key), .type = is_a_float, .real = (number)}
#define INTS(key, ...)                                                                             \
    {.name = (key),                                                                                \
     .type = are_ints,                                                                             \
     .values = (const int64_t[]){__VA_ARGS__},                                                     \
     .count = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)}

static void add_attribute(struct tr_message *node, const struct attribute *a)
{
    struct tr_message message = {0};

    tr_message_text(&message, attribute_name, a->name);
    if (a->type == is_a_float)
        tr_message_float(&message, attribute_float, a->real);
    if (a->type == is_an_int)
        tr_message_int(&message, attribute_int, a->value);
    for (int i = 0; i < a->count; i++)
        tr_message_int(&message, attribute_ints, a->values[i]);
    tr_message_int(&message, attribute_type, a->type);
    tr_message_put(node, node_attribute, &message);
}

/* Named as its first output; attributes may be NULL. */
static void node_of(struct graph *g, const char *type, const char *const *inputs,
                    const char *const *outputs, const struct attribute *attributes)
{
    struct tr_message node = {0};

    assert(*inputs && *outputs);
    for (const char *const *input = inputs; *input; input++)
        tr_message_text(&node, node_input, *input);
    for (const char *const *output = outputs; *output; output++)
        tr_message_text(&node, node_output, *output);
    tr_message_text(&node, node_name, outputs[0]);
    tr_message_text(&node, node_type, type);
    for (; attributes && attributes->name; attributes++)
        add_attribute(&node, attributes);
    tr_message_put(&g->body, graph_node, &node);
}

static void node(struct graph *g, const char *type, const char *const *inputs, const char *output,
                 const struct attribute *attributes)
{
    node_of(g, type, inputs, INPUTS(output), attributes);
}

/* ---- linear layers ---- */

/* W (out,in) as int8 codes in `name` (in,out), and its scales (out) times `factor`. */
static void put_codes(struct graph *g, const struct tr_plan_linear *layer, const char *name,
                      const char *scales, float factor)
{
    const struct tr_model *model = g->model;
    const float *scale = model->weights->int8->scale + layer->scale;
    const size_t in = (size_t)layer->in, out = (size_t)layer->out;
    int8_t *codes = malloc(out * in);
    float *product = malloc(out * sizeof *product);

    if (codes && product) {
        for (size_t o = 0; o < out; o++) {
            tr_quantise(model->weights->params + layer->weight + o * in, in, scale[o],
                        TR_QUANT_WEIGHT, codes + o * in);
            product[o] = scale[o] * factor;
        }
        matrix(g, name, is_int8, codes, layer->out, layer->in, 1);
        floats(g, scales, product, layer->out);
    } else {
        g->body.failed = true;
    }
    free(codes);
    free(product);
}

/* x, already int8 codes in `codes`: sums of integers, scaled. */
static void product_of_codes(struct graph *g, const struct tr_plan_linear *layer, const char *name,
                             const char *codes)
{
    const struct name weight = named("%s.weight", name), scale = named("%s.scale", name);
    const struct name sums = named("%s.sums", name), product = named("%s.product", name);

    put_codes(g, layer, weight.text, scale.text,
              tr_int8_input(g->model->weights->int8, layer->quantiser));
    if (layer->in > TR_ONNX_EXACT_TERMS) {
        const struct name whole = named("%s.integers", name);
        node(g, "MatMulInteger", INPUTS(codes, weight.text), whole.text, NULL);
        node(g, "Cast", INPUTS(whole.text), sums.text, ATTRIBUTES(INT("to", is_float)));
    } else {
        const struct name x = named("%s.rounded", name), w = named("%s.matrix", name);
        node(g, "Cast", INPUTS(codes), x.text, ATTRIBUTES(INT("to", is_float)));
        node(g, "Cast", INPUTS(weight.text), w.text, ATTRIBUTES(INT("to", is_float)));
        node(g, "MatMul", INPUTS(x.text, w.text), sums.text, NULL);
    }
    node(g, "Mul", INPUTS(sums.text, scale.text), product.text, NULL);
}

static void product_of_pairs(struct graph *g, const struct tr_plan_linear *layer, const char *name,
                             const char *codes)
{
    const struct name weight = named("%s.weight", name), scale = named("%s.weight_scale", name);
    const struct name zeros = named("%s.zeros", name), x = named("%s.rounded", name);
    const struct name w = named("%s.matrix", name), product = named("%s.product", name);
    const struct name input = named("%s.input_scale", name);
    const int64_t out = layer->out;
    int8_t *none = calloc((size_t)out, 1);

    put_codes(g, layer, weight.text, scale.text, 1);
    if (none)
        initialiser(g, zeros.text, is_int8, 1, &out, none, (size_t)out);
    else
        g->body.failed = true;
    free(none);
    node(g, "DequantizeLinear", INPUTS(codes, input.text, "zero"), x.text, NULL);
    node(g, "DequantizeLinear", INPUTS(weight.text, scale.text, zeros.text), w.text,
         ATTRIBUTES(INT("axis", 1)));
    node(g, "MatMul", INPUTS(x.text, w.text), product.text, NULL);
}

static void product_of_floats(struct graph *g, const struct tr_plan_linear *layer, const char *name,
                              const char *x)
{
    const struct name weight = named("%s.weight", name), product = named("%s.product", name);

    matrix(g, weight.text, is_float, g->model->weights->params + layer->weight, layer->out,
           layer->in, sizeof(float));
    node(g, "MatMul", INPUTS(x, weight.text), product.text, NULL);
}

/* y = x W^T + b. `codes`: x is int8 already. */
static void linear(struct graph *g, const struct tr_plan_linear *layer, const char *name,
                   const char *x, bool codes, const char *y)
{
    const struct name bias = named("%s.bias", name), product = named("%s.product", name);
    const struct name input = named("%s.input_scale", name), quantised = named("%s.codes", name);

    if (g->form == TR_ONNX_FLOAT) {
        product_of_floats(g, layer, name, x);
    } else {
        if (!codes || g->form == TR_ONNX_QDQ)
            number(g, input.text, tr_int8_input(g->model->weights->int8, layer->quantiser));
        if (!codes)
            node(g, "QuantizeLinear", INPUTS(x, input.text, "zero"), quantised.text, NULL);
        (g->form == TR_ONNX_QDQ ? product_of_pairs : product_of_codes)(g, layer, name,
                                                                       codes ? x : quantised.text);
    }
    floats(g, bias.text, g->model->weights->params + layer->bias, layer->out);
    node(g, "Add", INPUTS(product.text, bias.text), y, NULL);
}

static void norm(struct graph *g, const struct tr_plan_norm *plan, const char *name, const char *x)
{
    const struct name gain = named("%s.weight", name), bias = named("%s.bias", name);
    const int width = g->model->student->arch.width;

    floats(g, gain.text, g->model->weights->params + plan->gamma, width);
    floats(g, bias.text, g->model->weights->params + plan->beta, width);
    node(g, "LayerNormalization", INPUTS(x, gain.text, bias.text), name,
         ATTRIBUTES(INT("axis", -1), REAL("epsilon", TR_NORM_EPS)));
}

/* ---- the stem ---- */

/* What a byte stands for: floats, or in int8 the codes of the first layer's input. */
static void put_bytes(struct graph *g)
{
    const struct tr_model *model = g->model;
    const int64_t count = 256;
    int8_t codes[256];

    if (g->form == TR_ONNX_FLOAT) {
        floats(g, "byte_values", model->input.value, count);
    } else {
        tr_quantise(model->input.value, 256,
                    tr_int8_input(model->weights->int8, model->student->plan->stem.quantiser),
                    TR_QUANT_SIGNED, codes);
        initialiser(g, "byte_values", is_int8, 1, &count, codes, sizeof codes);
    }
}

/* positions (T,d), the class token in row 0 of them. */
static void put_positions(struct graph *g)
{
    const struct tr_student *student = g->model->student;
    const struct tr_plan *plan = student->plan;
    const int64_t sizes[2] = {student->tokens, student->arch.width};
    const size_t d = (size_t)sizes[1], count = (size_t)sizes[0] * d;
    float *sum = malloc(count * sizeof *sum);

    if (!sum) {
        g->body.failed = true;
        return;
    }
    memcpy(sum, g->model->weights->params + plan->position, count * sizeof *sum);
    for (size_t i = 0; student->stem.class_rows && i < d; i++)
        sum[i] += g->model->weights->params[plan->class_token + i];
    initialiser(g, "position", is_float, 2, sizes, sum, count * sizeof *sum);
    free(sum);
}

/* Bytes (N, down*lines rows of across*run bytes) to "tokens" (N,T,d). */
static void stem(struct graph *g)
{
    const struct tr_student *student = g->model->student;
    const struct space_stem *cut = &student->stem;
    const struct tr_plan *plan = student->plan;

    INTEGERS(g, "cut.shape", -1, cut->down, cut->lines, cut->across, cut->run);
    INTEGERS(g, "cut.rows", -1, cut->tokens, cut->features);
    put_bytes(g);
    put_positions(g);
    node(g, "Reshape", INPUTS(g->model->input.name, "cut.shape"), "cut.lines", NULL);
    node(g, "Transpose", INPUTS("cut.lines"), "cut.tokens",
         ATTRIBUTES(INTS("perm", 0, 1, 3, 2, 4)));
    node(g, "Reshape", INPUTS("cut.tokens", "cut.rows"), "bytes", NULL);
    node(g, "Cast", INPUTS("bytes"), "indices", ATTRIBUTES(INT("to", is_int32)));
    node(g, "Gather", INPUTS("byte_values", "indices"), "values", NULL);
    linear(g, &plan->stem, "stem", "values", true, "stem");
    const bool token = g->model->student->stem.class_rows;
    if (token) {
        INTEGERS(g, "class_room", 0, 1, 0, 0, 0, 0); /* one row of zeros in front of the tokens */
        node(g, "Pad", INPUTS("stem", "class_room"), "stem.padded", NULL);
    }
    node(g, "Add", INPUTS(token ? "stem.padded" : "stem", "position"), "tokens", NULL);
}

/* ---- blocks ---- */

/* x (N,rows,h*k) to `to` (N,h,rows,k), or (N,h,k,rows) for keys. */
static void heads_of(struct graph *g, const char *x, const char *shape, bool keys, const char *to)
{
    const struct name split = named("%s.split", to);

    node(g, "Reshape", INPUTS(x, shape), split.text, NULL);
    if (keys)
        node(g, "Transpose", INPUTS(split.text), to, ATTRIBUTES(INTS("perm", 0, 2, 3, 1)));
    else
        node(g, "Transpose", INPUTS(split.text), to, ATTRIBUTES(INTS("perm", 0, 2, 1, 3)));
}

/* softmax(q k^T / sqrt(head_dim)) v, from NAME.q, .k and .v to NAME.context (N,queries,a). */
static void attention(struct graph *g, const struct tr_plan_block *b, const char *name)
{
    const struct tr_student *student = g->model->student;
    const int tokens = student->tokens, dim = student->arch.head_dim;
    const int queries = b->pruned ? 1 : tokens;
    const struct name all = named("%s.shape", name), some = named("%s.q.shape", name);
    const struct name out = named("%s.context.shape", name);
    struct name at[8];
    static const char *const step[8] = {"q.heads", "k.heads", "v.heads", "scores",
                                        "scaled",  "probs",   "mixed",   "merged"};

    assert(b->inner == b->heads * dim);
    for (int i = 0; i < 8; i++)
        at[i] = named("%s.%s", name, step[i]);
    INTEGERS(g, all.text, -1, tokens, b->heads, dim);
    INTEGERS(g, some.text, -1, queries, b->heads, dim);
    INTEGERS(g, out.text, -1, queries, b->inner);
    heads_of(g, named("%s.q", name).text, some.text, false, at[0].text);
    heads_of(g, named("%s.k", name).text, all.text, true, at[1].text);
    heads_of(g, named("%s.v", name).text, all.text, false, at[2].text);
    node(g, "MatMul", INPUTS(at[0].text, at[1].text), at[3].text, NULL);
    node(g, "Mul", INPUTS(at[3].text, "attention_scale"), at[4].text, NULL);
    node(g, "Softmax", INPUTS(at[4].text), at[5].text, ATTRIBUTES(INT("axis", -1)));
    node(g, "MatMul", INPUTS(at[5].text, at[2].text), at[6].text, NULL);
    node(g, "Transpose", INPUTS(at[6].text), at[7].text, ATTRIBUTES(INTS("perm", 0, 2, 1, 3)));
    node(g, "Reshape", INPUTS(at[7].text, out.text), named("%s.context", name).text, NULL);
}

/* NAME.q, .k and .v out of the normed rows NAME.ln1. */
static void queries(struct graph *g, const struct tr_plan_block *b, const char *name)
{
    const struct name normed = named("%s.ln1", name), sizes = named("%s.qkv.sizes", name);
    const struct name q = named("%s.q", name), k = named("%s.k", name), v = named("%s.v", name);
    const struct name all = named("%s.qkv", name), row = named("%s.ln1.row", name);

    if (!b->pruned) {
        INTEGERS(g, sizes.text, b->inner, b->inner, b->inner);
        linear(g, &b->query, all.text, normed.text, false, all.text);
        node_of(g, "Split", INPUTS(all.text, sizes.text), INPUTS(q.text, k.text, v.text),
                ATTRIBUTES(INT("axis", -1)));
        return;
    }
    INTEGERS(g, sizes.text, b->inner, b->inner);
    node(g, "Slice", INPUTS(normed.text, "row.first", "row.end", "row.axis"), row.text, NULL);
    linear(g, &b->query, named("%s.q", all.text).text, row.text, false, q.text);
    linear(g, &b->memory, named("%s.kv", all.text).text, normed.text, false,
           named("%s.kv", name).text);
    node_of(g, "Split", INPUTS(named("%s.kv", name).text, sizes.text), INPUTS(k.text, v.text),
            ATTRIBUTES(INT("axis", -1)));
}

/* x Phi(x), exact. */
static void gelu(struct graph *g, const char *x, const char *y)
{
    const struct name part[4] = {named("%s.over", y), named("%s.erf", y), named("%s.plus", y),
                                 named("%s.twice", y)};

    node(g, "Div", INPUTS(x, "sqrt_2"), part[0].text, NULL);
    node(g, "Erf", INPUTS(part[0].text), part[1].text, NULL);
    node(g, "Add", INPUTS(part[1].text, "one"), part[2].text, NULL);
    node(g, "Mul", INPUTS(x, part[2].text), part[3].text, NULL);
    node(g, "Mul", INPUTS(part[3].text, "half"), y, NULL);
}

/* x becomes the name of what the block leaves. */
static void block(struct graph *g, int layer, struct name *x)
{
    const struct tr_plan_block *b = &g->model->student->plan->block[layer];
    const struct name name = named("block.%d", layer);
    struct name part[8];
    static const char *const step[8] = {"ln1", "proj", "middle", "ln2",
                                        "up",  "gelu", "down",   "out"};

    for (int i = 0; i < 8; i++)
        part[i] = named("%s.%s", name.text, step[i]);
    norm(g, &b->norm1, part[0].text, x->text);
    queries(g, b, name.text);
    attention(g, b, name.text);
    if (b->pruned) {
        const struct name row = named("%s.row", name.text);
        node(g, "Slice", INPUTS(x->text, "row.first", "row.end", "row.axis"), row.text, NULL);
        *x = row;
    }
    linear(g, &b->proj, part[1].text, named("%s.context", name.text).text, false, part[1].text);
    node(g, "Add", INPUTS(part[1].text, x->text), part[2].text, NULL);
    norm(g, &b->norm2, part[3].text, part[2].text);
    linear(g, &b->up, part[4].text, part[3].text, false, part[4].text);
    gelu(g, part[4].text, part[5].text);
    linear(g, &b->down, part[6].text, part[5].text, false, part[6].text);
    node(g, "Add", INPUTS(part[6].text, part[2].text), part[7].text, NULL);
    *x = part[7];
}

/* ---- the whole ---- */

static void constants(struct graph *g)
{
    const int8_t zero = 0;

    number(g, "attention_scale", 1.0F / sqrtf((float)g->model->student->arch.head_dim));
    number(g, "sqrt_2", sqrtf(2.0F));
    number(g, "one", 1.0F);
    number(g, "half", 0.5F);
    if (tr__pools_row(g->model->student)) { /* the class token's row alone */
        INTEGERS(g, "row.first", 0);
        INTEGERS(g, "row.end", 1);
        INTEGERS(g, "row.axis", 1);
    }
    if (g->form != TR_ONNX_FLOAT)
        initialiser(g, "zero", is_int8, 0, NULL, &zero, 1);
}

static void answer(struct graph *g, const char *x)
{
    const struct tr_plan *plan = g->model->student->plan;

    norm(g, &plan->norm, "ln", x);
    if (tr__pools_row(g->model->student)) {
        INTEGERS(g, "pooled.shape", -1, g->model->student->arch.width);
        node(g, "Reshape", INPUTS("ln", "pooled.shape"), "pooled", NULL);
    } else {
        node(g, "ReduceMean", INPUTS("ln"), "pooled",
             ATTRIBUTES(INTS("axes", 1), INT("keepdims", 0)));
    }
    linear(g, &plan->head, "head", "pooled", false, "logits");
}

/* (batch, sizes...), batch 0: any. */
static void declare(struct graph *g, int field, const char *name, int type, int batch, int dims,
                    const int *sizes)
{
    enum {
        value_name = 1,
        value_type,
        type_tensor = 1,
        element = 1,
        tensor_shape,
        shape_dim = 1,
        dim_value = 1,
        dim_param
    };
    struct tr_message value = {0}, kind = {0}, tensor = {0}, shape = {0};

    for (int i = -1; i < dims; i++) {
        struct tr_message dim = {0};
        if (i < 0 && !batch)
            tr_message_text(&dim, dim_param, "N");
        else
            tr_message_int(&dim, dim_value, i < 0 ? batch : sizes[i]);
        tr_message_put(&shape, shape_dim, &dim);
    }
    tr_message_int(&tensor, element, type);
    tr_message_put(&tensor, tensor_shape, &shape);
    tr_message_put(&kind, type_tensor, &tensor);
    tr_message_text(&value, value_name, name);
    tr_message_put(&value, value_type, &kind);
    tr_message_put(&g->body, field, &value);
}

static void build(struct graph *g, int batch)
{
    const struct tr_input *input = &g->model->input;
    const struct tr_student *student = g->model->student;
    struct name x = named("tokens");

    tr_message_text(&g->body, graph_name, "student");
    declare(g, graph_input, input->name, is_uint8, batch, input->dims, input->shape);
    declare(g, graph_output, "logits", is_float, batch, 1, &student->shape.classes);
    constants(g);
    stem(g);
    for (int l = 0; l < student->arch.depth; l++)
        block(g, l, &x);
    answer(g, x.text);
}

static struct tr_message wrap(struct graph *g)
{
    struct tr_message model = {0}, opset = {0};

    tr_message_int(&model, model_ir, 8);
    tr_message_text(&model, model_producer, "retort");
    tr_message_text(&model, model_producer_version, RT_VERSION);
    tr_message_put(&model, model_graph, &g->body);
    tr_message_int(&opset, 2, 17);
    tr_message_put(&model, model_opset, &opset);
    for (const struct tr_metadata *m = g->model->metadata; m && m->key; m++) {
        struct tr_message entry = {0};
        tr_message_text(&entry, 1, m->key);
        tr_message_text(&entry, 2, m->value);
        tr_message_put(&model, model_metadata, &entry);
    }
    return model;
}

rt_status tr_onnx_write(const char *path, const struct tr_model *model,
                        const struct tr_onnx_options *options, struct rt_err *err)
{
    struct graph g = {.model = model, .form = options->form};
    struct tr_message whole;
    struct rt_writer writer;
    rt_status rc;

    assert(model->weights->params && model->input.dims >= 1 && model->input.dims <= 3);
    assert((model->weights->int8 != NULL) == (options->form != TR_ONNX_FLOAT) &&
           options->batch >= 0);
    build(&g, options->batch);
    whole = wrap(&g);
    if (whole.failed)
        rc = rt_fail(err, RT_ENOMEM, "no memory to write '%s'", path);
    else if (whole.used > INT32_MAX)
        rc =
            rt_fail(err, RT_ESHAPE, "'%s' would have %zu bytes, and an ONNX file has at most 2 GiB",
                    path, whole.used);
    else if ((rc = rt_writer_open(&writer, path, err)) == RT_OK) {
        fwrite(whole.data, 1, whole.used, writer.file);
        rc = rt_writer_commit(&writer, err);
    }
    tr_message_release(&whole);
    return rc;
}
