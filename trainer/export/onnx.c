/* trainer/export/onnx.c -- the graph is written in the order of the forward pass, node by node.
 *
 * ONNX Runtime takes about as long for a node as for a small student's product, so nodes are
 * saved rather than operations: positions and class token are one sum, the last block of a
 * class-token student is computed for its one row.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/export/onnx_internal.h"
#include "trainer/task/controller.h"

enum { /* fields of ModelProto in onnx.proto */
       model_ir = 1,
       model_producer,
       model_producer_version,
       model_graph = 7,
       model_opset,
       model_metadata = 14
};

/* ---- linear layers ---- */

/* W (out,in) as int8 codes in `name` (in,out), and its scales (out) times `factor`. */
static void put_codes(struct tr__graph *g, const struct tr_plan_linear *layer, const char *name,
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
        tr__matrix(g, name, is_int8, codes, layer->out, layer->in, 1);
        tr__floats(g, scales, product, layer->out);
    } else {
        g->body.failed = true;
    }
    free(codes);
    free(product);
}

/* x, already int8 codes in `codes`: sums of integers, scaled. */
static void product_of_codes(struct tr__graph *g, const struct tr_plan_linear *layer,
                             const char *name, const char *codes)
{
    const struct tr__name weight = tr__named("%s.weight", name),
                          scale = tr__named("%s.scale", name);
    const struct tr__name sums = tr__named("%s.sums", name),
                          product = tr__named("%s.product", name);

    put_codes(g, layer, weight.text, scale.text,
              tr_int8_input(g->model->weights->int8, layer->quantiser));
    if (layer->in > TR_ONNX_EXACT_TERMS) {
        const struct tr__name whole = tr__named("%s.integers", name);
        tr__node(g, "MatMulInteger", INPUTS(codes, weight.text), whole.text, NULL);
        tr__node(g, "Cast", INPUTS(whole.text), sums.text, ATTRIBUTES(INT("to", is_float)));
    } else {
        const struct tr__name x = tr__named("%s.rounded", name), w = tr__named("%s.matrix", name);
        tr__node(g, "Cast", INPUTS(codes), x.text, ATTRIBUTES(INT("to", is_float)));
        tr__node(g, "Cast", INPUTS(weight.text), w.text, ATTRIBUTES(INT("to", is_float)));
        tr__node(g, "MatMul", INPUTS(x.text, w.text), sums.text, NULL);
    }
    tr__node(g, "Mul", INPUTS(sums.text, scale.text), product.text, NULL);
}

static void product_of_pairs(struct tr__graph *g, const struct tr_plan_linear *layer,
                             const char *name, const char *codes)
{
    const struct tr__name weight = tr__named("%s.weight", name),
                          scale = tr__named("%s.weight_scale", name);
    const struct tr__name zeros = tr__named("%s.zeros", name), x = tr__named("%s.rounded", name);
    const struct tr__name w = tr__named("%s.matrix", name), product = tr__named("%s.product", name);
    const struct tr__name input = tr__named("%s.input_scale", name);
    const int64_t out = layer->out;
    int8_t *none = calloc((size_t)out, 1);

    put_codes(g, layer, weight.text, scale.text, 1);
    if (none)
        tr__initialiser(g, zeros.text, is_int8, 1, &out, none, (size_t)out);
    else
        g->body.failed = true;
    free(none);
    tr__node(g, "DequantizeLinear", INPUTS(codes, input.text, "zero"), x.text, NULL);
    tr__node(g, "DequantizeLinear", INPUTS(weight.text, scale.text, zeros.text), w.text,
             ATTRIBUTES(INT("axis", 1)));
    tr__node(g, "MatMul", INPUTS(x.text, w.text), product.text, NULL);
}

static void product_of_floats(struct tr__graph *g, const struct tr_plan_linear *layer,
                              const char *name, const char *x)
{
    const struct tr__name weight = tr__named("%s.weight", name),
                          product = tr__named("%s.product", name);

    tr__matrix(g, weight.text, is_float, g->model->weights->params + layer->weight, layer->out,
               layer->in, sizeof(float));
    tr__node(g, "MatMul", INPUTS(x, weight.text), product.text, NULL);
}

/* y = x W^T + b. `codes`: x is int8 already. */
static void linear(struct tr__graph *g, const struct tr_plan_linear *layer, const char *name,
                   const char *x, bool codes, const char *y)
{
    const struct tr__name bias = tr__named("%s.bias", name),
                          product = tr__named("%s.product", name);
    const struct tr__name input = tr__named("%s.input_scale", name),
                          quantised = tr__named("%s.codes", name);

    if (g->form == TR_ONNX_FLOAT) {
        product_of_floats(g, layer, name, x);
    } else {
        if (!codes || g->form == TR_ONNX_QDQ)
            tr__number(g, input.text, tr_int8_input(g->model->weights->int8, layer->quantiser));
        if (!codes)
            tr__node(g, "QuantizeLinear", INPUTS(x, input.text, "zero"), quantised.text, NULL);
        (g->form == TR_ONNX_QDQ ? product_of_pairs : product_of_codes)(g, layer, name,
                                                                       codes ? x : quantised.text);
    }
    tr__floats(g, bias.text, g->model->weights->params + layer->bias, layer->out);
    tr__node(g, "Add", INPUTS(product.text, bias.text), y, NULL);
}

static void norm(struct tr__graph *g, const struct tr_plan_norm *plan, const char *name,
                 const char *x)
{
    const struct tr__name gain = tr__named("%s.weight", name), bias = tr__named("%s.bias", name);
    const int width = g->model->student->arch.width;

    tr__floats(g, gain.text, g->model->weights->params + plan->gamma, width);
    tr__floats(g, bias.text, g->model->weights->params + plan->beta, width);
    tr__node(g, "LayerNormalization", INPUTS(x, gain.text, bias.text), name,
             ATTRIBUTES(INT("axis", -1), REAL("epsilon", TR_NORM_EPS)));
}

/* ---- the stem ---- */

/* What a byte stands for: floats, or in int8 the codes of the first layer's input. */
static void put_bytes(struct tr__graph *g)
{
    const struct tr_model *model = g->model;
    const int64_t count = 256;
    int8_t codes[256];

    if (g->form == TR_ONNX_FLOAT) {
        tr__floats(g, "byte_values", model->input.value, count);
    } else {
        tr_quantise(model->input.value, 256,
                    tr_int8_input(model->weights->int8, model->student->plan->stem.quantiser),
                    TR_QUANT_SIGNED, codes);
        tr__initialiser(g, "byte_values", is_int8, 1, &count, codes, sizeof codes);
    }
}

/* positions (T,d), the class token in row 0 of them. */
static void put_positions(struct tr__graph *g)
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
    tr__initialiser(g, "position", is_float, 2, sizes, sum, count * sizeof *sum);
    free(sum);
}

/* Bytes (N, down*lines rows of across*run bytes) to "values", still codes in int8. */
static void cut_bytes(struct tr__graph *g)
{
    const struct space_stem *cut = &g->model->student->stem;

    INTEGERS(g, "cut.shape", -1, cut->down, cut->lines, cut->across, cut->run);
    INTEGERS(g, "cut.rows", -1, cut->tokens, cut->features);
    put_bytes(g);
    tr__node(g, "Reshape", INPUTS(g->model->input.name, "cut.shape"), "cut.lines", NULL);
    tr__node(g, "Transpose", INPUTS("cut.lines"), "cut.tokens",
             ATTRIBUTES(INTS("perm", 0, 1, 3, 2, 4)));
    tr__node(g, "Reshape", INPUTS("cut.tokens", "cut.rows"), "bytes", NULL);
    tr__node(g, "Cast", INPUTS("bytes"), "indices", ATTRIBUTES(INT("to", is_int32)));
    tr__node(g, "Gather", INPUTS("byte_values", "indices"), "values", NULL);
}

static bool reads_ids(const struct tr__graph *g)
{
    return g->model->student->stem.vocabulary;
}

/* The row that is read is another one of each text. */
static bool reads_last_of_text(const struct tr__graph *g)
{
    return reads_ids(g) && g->model->student->shape.pool == SPACE_POOL_LAST;
}

/* Of x (N,T,d), the row that is read behind the blocks: y (N,1,d). */
static void take_row(struct tr__graph *g, const char *x, const char *y)
{
    if (reads_last_of_text(g))
        tr__node(g, "GatherND", INPUTS(x, "row.last"), y, ATTRIBUTES(INT("batch_dims", 1)));
    else
        tr__node(g, "Slice", INPUTS(x, "row.first", "row.end", "row.axis"), y, NULL);
}

/* ids to "tokens" (N,T,d). */
static void stem_of_text(struct tr__graph *g)
{
    const struct tr_student *student = g->model->student;
    const bool projected = student->stem.projected, pairs = student->shape.segments;

    put_positions(g);
    tr__text_see(g);
    if (projected)
        linear(g, &student->plan->stem, "stem", "values", false, "stem");
    tr__node(g, "Add", INPUTS(projected ? "stem" : "values", "position.rows"),
             pairs ? "placed" : "tokens", NULL);
    if (pairs)
        tr__node(g, "Add", INPUTS("placed", "segment.rows"), "tokens", NULL);
}

/* What an example is to "tokens" (N,T,d). */
static void stem(struct tr__graph *g)
{
    const struct tr_student *student = g->model->student;
    const struct tr_controller *controller = g->model->input.controller;
    const bool token = student->stem.class_rows;
    const bool bytes = !controller || tr_controller_frames(controller);

    if (reads_ids(g)) {
        stem_of_text(g);
        return;
    }

    if (bytes)
        cut_bytes(g);
    else
        tr__controller_see(g);
    put_positions(g);
    linear(g, &student->plan->stem, "stem", "values", bytes, "stem");
    if (token) {
        INTEGERS(g, "class_room", 0, 1, 0, 0, 0, 0); /* one row of zeros in front of the tokens */
        tr__node(g, "Pad", INPUTS("stem", "class_room"), "stem.padded", NULL);
    }
    tr__node(g, "Add", INPUTS(token ? "stem.padded" : "stem", "position"), "tokens", NULL);
}

/* ---- blocks ---- */

/* x (N,rows,h*k) to `to` (N,h,rows,k), or (N,h,k,rows) for keys. */
static void heads_of(struct tr__graph *g, const char *x, const char *shape, bool keys,
                     const char *to)
{
    const struct tr__name split = tr__named("%s.split", to);

    tr__node(g, "Reshape", INPUTS(x, shape), split.text, NULL);
    if (keys)
        tr__node(g, "Transpose", INPUTS(split.text), to, ATTRIBUTES(INTS("perm", 0, 2, 3, 1)));
    else
        tr__node(g, "Transpose", INPUTS(split.text), to, ATTRIBUTES(INTS("perm", 0, 2, 1, 3)));
}

/* softmax(q k^T / sqrt(head_dim)) v, from NAME.q, .k and .v to NAME.context (N,queries,a). */
static void attention(struct tr__graph *g, const struct tr_plan_block *b, const char *name)
{
    const struct tr_student *student = g->model->student;
    const int tokens = student->tokens, dim = student->arch.head_dim;
    const int queries = b->pruned ? 1 : tokens;
    const bool text = reads_ids(g); /* 0: as many as there are */
    const struct tr__name all = tr__named("%s.shape", name), some = tr__named("%s.q.shape", name);
    const struct tr__name out = tr__named("%s.context.shape", name);
    struct tr__name at[8];
    static const char *const step[8] = {"q.heads", "k.heads", "v.heads", "scores",
                                        "scaled",  "probs",   "mixed",   "merged"};

    assert(b->inner == b->heads * dim);
    for (int i = 0; i < 8; i++)
        at[i] = tr__named("%s.%s", name, step[i]);
    INTEGERS(g, all.text, text - 1, text ? 0 : tokens, b->heads, dim);
    INTEGERS(g, some.text, text - 1, text ? 0 : queries, b->heads, dim);
    INTEGERS(g, out.text, text - 1, text ? 0 : queries, b->inner);
    heads_of(g, tr__named("%s.q", name).text, some.text, false, at[0].text);
    heads_of(g, tr__named("%s.k", name).text, all.text, true, at[1].text);
    heads_of(g, tr__named("%s.v", name).text, all.text, false, at[2].text);
    tr__node(g, "MatMul", INPUTS(at[0].text, at[1].text), at[3].text, NULL);
    tr__node(g, "Mul", INPUTS(at[3].text, "attention_scale"), at[4].text, NULL);
    if (text) {
        const struct tr__name seen = tr__named("%s.seen", name);
        tr__node(g, "Add", INPUTS(at[4].text, "key_bias"), seen.text, NULL);
        at[4] = seen;
    }
    tr__node(g, "Softmax", INPUTS(at[4].text), at[5].text, ATTRIBUTES(INT("axis", -1)));
    tr__node(g, "MatMul", INPUTS(at[5].text, at[2].text), at[6].text, NULL);
    tr__node(g, "Transpose", INPUTS(at[6].text), at[7].text, ATTRIBUTES(INTS("perm", 0, 2, 1, 3)));
    tr__node(g, "Reshape", INPUTS(at[7].text, out.text), tr__named("%s.context", name).text, NULL);
}

/* NAME.q, .k and .v out of rows x, which are normed. */
static void queries(struct tr__graph *g, const struct tr_plan_block *b, const char *name,
                    const char *x)
{
    const struct tr__name sizes = tr__named("%s.qkv.sizes", name);
    const struct tr__name q = tr__named("%s.q", name), k = tr__named("%s.k", name),
                          v = tr__named("%s.v", name);
    const struct tr__name all = tr__named("%s.qkv", name), row = tr__named("%s.ln1.row", name);

    if (!b->pruned) {
        INTEGERS(g, sizes.text, b->inner, b->inner, b->inner);
        linear(g, &b->query, all.text, x, false, all.text);
        tr__node_of(g, "Split", INPUTS(all.text, sizes.text), INPUTS(q.text, k.text, v.text),
                    ATTRIBUTES(INT("axis", -1)));
        return;
    }
    INTEGERS(g, sizes.text, b->inner, b->inner);
    take_row(g, x, row.text);
    linear(g, &b->query, tr__named("%s.q", all.text).text, row.text, false, q.text);
    linear(g, &b->memory, tr__named("%s.kv", all.text).text, x, false,
           tr__named("%s.kv", name).text);
    tr__node_of(g, "Split", INPUTS(tr__named("%s.kv", name).text, sizes.text),
                INPUTS(k.text, v.text), ATTRIBUTES(INT("axis", -1)));
}

/* x Phi(x), exact. */
static void gelu(struct tr__graph *g, const char *x, const char *y)
{
    const struct tr__name part[4] = {tr__named("%s.over", y), tr__named("%s.erf", y),
                                     tr__named("%s.plus", y), tr__named("%s.twice", y)};

    tr__node(g, "Div", INPUTS(x, "sqrt_2"), part[0].text, NULL);
    tr__node(g, "Erf", INPUTS(part[0].text), part[1].text, NULL);
    tr__node(g, "Add", INPUTS(part[1].text, "one"), part[2].text, NULL);
    tr__node(g, "Mul", INPUTS(x, part[2].text), part[3].text, NULL);
    tr__node(g, "Mul", INPUTS(part[3].text, "half"), y, NULL);
}

/* x becomes the name of what the block leaves. */
static void block(struct tr__graph *g, int layer, struct tr__name *x)
{
    const struct tr_plan_block *b = &g->model->student->plan->block[layer];
    const struct tr__name name = tr__named("block.%d", layer);
    const bool post = g->model->student->shape.variant.post_norm;
    struct tr__name part[8];
    static const char *const step[8] = {"ln1", "proj", "middle", "ln2",
                                        "up",  "gelu", "down",   "out"};

    for (int i = 0; i < 8; i++)
        part[i] = tr__named("%s.%s", name.text, step[i]);
    const struct tr__name normed = part[post ? 0 : 3], kept = part[post ? 0 : 2]; /* of the FFN */
    if (!post)
        norm(g, &b->norm1, part[0].text, x->text);
    queries(g, b, name.text, post ? x->text : part[0].text);
    attention(g, b, name.text);
    if (b->pruned) {
        const struct tr__name row = tr__named("%s.row", name.text);
        take_row(g, x->text, row.text);
        *x = row;
    }
    linear(g, &b->proj, part[1].text, tr__named("%s.context", name.text).text, false, part[1].text);
    tr__node(g, "Add", INPUTS(part[1].text, x->text), part[2].text, NULL);
    norm(g, post ? &b->norm1 : &b->norm2, normed.text, part[2].text);
    linear(g, &b->up, part[4].text, normed.text, false, part[4].text);
    gelu(g, part[4].text, part[5].text);
    linear(g, &b->down, part[6].text, part[5].text, false, part[6].text);
    tr__node(g, "Add", INPUTS(part[6].text, kept.text), part[7].text, NULL);
    if (post)
        norm(g, &b->norm2, part[3].text, part[7].text);
    *x = part[post ? 3 : 7];
}

/* ---- the whole ---- */

static void constants(struct tr__graph *g)
{
    const int8_t zero = 0;

    tr__number(g, "attention_scale", 1.0F / sqrtf((float)g->model->student->arch.head_dim));
    tr__number(g, "sqrt_2", sqrtf(2.0F));
    tr__number(g, "one", 1.0F);
    tr__number(g, "half", 0.5F);
    if (tr__pools_row(g->model->student) && !reads_last_of_text(g)) { /* that row alone */
        const struct tr_student *student = g->model->student;
        const int row = student->shape.pool == SPACE_POOL_LAST ? student->tokens - 1 : 0;
        INTEGERS(g, "row.first", row);
        INTEGERS(g, "row.end", row + 1);
        INTEGERS(g, "row.axis", 1);
    }
    if (g->form != TR_ONNX_FLOAT)
        tr__initialiser(g, "zero", is_int8, 0, NULL, &zero, 1);
}

static void answer(struct tr__graph *g, const char *x)
{
    const struct tr_plan *plan = g->model->student->plan;

    if (!g->model->student->shape.variant.no_final_norm) {
        norm(g, &plan->norm, "ln", x);
        x = "ln";
    }
    if (tr__pools_row(g->model->student)) {
        INTEGERS(g, "pooled.shape", -1, g->model->student->arch.width);
        tr__node(g, "Reshape", INPUTS(x, "pooled.shape"), "pooled", NULL);
    } else if (reads_ids(g)) {
        tr__text_mean(g, x);
    } else {
        tr__node(g, "ReduceMean", INPUTS(x), "pooled",
                 ATTRIBUTES(INTS("axes", 1), INT("keepdims", 0)));
    }
    linear(g, &plan->head, "head", "pooled", false, "logits");
}

static void build(struct tr__graph *g, int batch)
{
    const struct tr_input *input = &g->model->input;
    const struct tr_student *student = g->model->student;
    const int logits = space_outputs(&student->shape);
    struct tr__name x = tr__named("tokens");

    tr_message_text(&g->body, graph_name, "student");
    if (input->controller)
        tr__controller_declare(g, batch);
    else if (reads_ids(g))
        tr__text_declare(g, batch);
    else
        tr__declare(g, graph_input, input->name, is_uint8, batch, input->dims, input->shape);
    tr__declare(g, graph_output, "logits", is_float, batch, 1, &logits);
    constants(g);
    stem(g);
    if (student->shape.variant.stem_norm) {
        norm(g, &student->plan->stem_norm, "stem_ln", x.text);
        x = tr__named("stem_ln");
    }
    for (int l = 0; l < student->arch.depth; l++)
        block(g, l, &x);
    answer(g, x.text);
    if (input->controller)
        tr__controller_act(g);
}

static struct tr_message wrap(struct tr__graph *g)
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
    struct tr__graph g = {.model = model, .form = options->form};
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
