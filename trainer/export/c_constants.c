/* trainer/export/c_constants.c -- a student's weights as arrays of C: linear layers in panels. */
#include <assert.h>
#include <stdio.h>

#include "trainer/export/c_source_internal.h"

void tr__array_begin(struct tr__source *s, const char *type, const char *name, int64_t count,
                     int size)
{
    assert(count > 0); /* C has no empty arrays */
    fprintf(s->out, "static const %s %s[%lld] = {", type, name, (long long)count);
    s->rom += count * size;
}

/* Value i of an array: a line takes 8 floats or 24 bytes. */
void tr__put_float(struct tr__source *s, int64_t i, float value)
{
    fprintf(s->out, "%s%.8ef,", i % 8 ? " " : "\n    ", (double)value);
}

void tr__put_int8(struct tr__source *s, int64_t i, int value)
{
    fprintf(s->out, "%s%d,", i % 24 ? " " : "\n    ", value);
}

void tr__array_end(struct tr__source *s)
{
    fputs("\n};\n", s->out);
}

void tr__put_floats(struct tr__source *s, const char *name, const float *values, int64_t count)
{
    tr__array_begin(s, "float", name, count, 4);
    for (int64_t i = 0; i < count; i++)
        tr__put_float(s, i, values[i]);
    tr__array_end(s);
}

/* W (out,in) as panels (out/4 rounded up, in, 4), zeros beyond the last row. */
static void put_panels(struct tr__source *s, const char *name, const struct tr_plan_linear *layer)
{
    const struct tr_int8 *int8 = s->model->weights->int8;
    const float *w = s->model->weights->params + layer->weight;
    const int rows = (layer->out + TR__C_PANEL - 1) / TR__C_PANEL * TR__C_PANEL;
    int64_t n = 0;

    assert(!int8 || layer->in <= TR_QUANT_MOST_TERMS); /* or 32 bits are too few for its sums */
    tr__array_begin(s, int8 ? "int8_t" : "float", name, (int64_t)rows * layer->in, int8 ? 1 : 4);
    for (int o = 0; o < rows; o += TR__C_PANEL)
        for (int i = 0; i < layer->in; i++)
            for (int r = o; r < o + TR__C_PANEL; r++, n++) {
                const float v = r < layer->out ? w[(ptrdiff_t)r * layer->in + i] : 0;
                int8_t code = 0;
                if (int8 && r < layer->out)
                    tr_quantise(&v, 1, int8->scale[layer->scale + (size_t)r], TR_QUANT_WEIGHT,
                                &code);
                if (int8)
                    tr__put_int8(s, n, code);
                else
                    tr__put_float(s, n, v);
            }
    tr__array_end(s);
}

static void put_linear(struct tr__source *s, const char *name, const struct tr_plan_linear *layer)
{
    char full[64];

    (void)snprintf(full, sizeof full, "%s_weight", name);
    put_panels(s, full, layer);
    if (s->model->weights->int8) {
        const float input = tr_int8_input(s->model->weights->int8, layer->quantiser);
        (void)snprintf(full, sizeof full, "%s_scale", name);
        tr__array_begin(s, "float", full, layer->out, 4);
        for (int o = 0; o < layer->out; o++)
            tr__put_float(s, o, s->model->weights->int8->scale[layer->scale + (size_t)o] * input);
        tr__array_end(s);
    }
    (void)snprintf(full, sizeof full, "%s_bias", name);
    tr__put_floats(s, full, s->model->weights->params + layer->bias, layer->out);
}

static void put_norm(struct tr__source *s, const char *name, const struct tr_plan_norm *norm)
{
    char full[64];

    (void)snprintf(full, sizeof full, "%s_weight", name);
    tr__put_floats(s, full, s->model->weights->params + norm->gamma, s->model->student->arch.width);
    (void)snprintf(full, sizeof full, "%s_bias", name);
    tr__put_floats(s, full, s->model->weights->params + norm->beta, s->model->student->arch.width);
}

/* A byte's value or, in int8, its code. */
static void put_bytes(struct tr__source *s)
{
    const struct tr_model *model = s->model;
    int8_t codes[256];

    if (!model->weights->int8) {
        tr__put_floats(s, "byte_value", model->input.value, 256);
        return;
    }
    tr_quantise(model->input.value, 256,
                tr_int8_input(model->weights->int8, model->student->plan->stem.quantiser),
                TR_QUANT_SIGNED, codes);
    tr__array_begin(s, "int8_t", "byte_value", 256, 1);
    for (int i = 0; i < 256; i++)
        tr__put_int8(s, i, codes[i]);
    tr__array_end(s);
}

static void put_positions(struct tr__source *s)
{
    const struct tr_student *student = s->model->student;
    const float *params = s->model->weights->params;
    const int64_t d = student->arch.width, count = student->tokens * d;

    tr__array_begin(s, "float", "position", count, 4);
    for (int64_t i = 0; i < count; i++) {
        const bool token = student->stem.class_rows && i < d;
        tr__put_float(s, i,
                      params[student->plan->position + (size_t)i] +
                          (token ? params[student->plan->class_token + (size_t)i] : 0));
    }
    tr__array_end(s);
}

void tr__put_constants(struct tr__source *s)
{
    const struct tr_student *student = s->model->student;
    char name[48];

    if (s->model->input.controller)
        tr__c_controller_constants(s);
    if (s->text)
        tr__c_text_constants(s);
    else if (!s->steps)
        put_bytes(s);
    if (!s->text || student->stem.projected)
        put_linear(s, "stem", &student->plan->stem);
    put_positions(s);
    if (student->shape.variant.stem_norm)
        put_norm(s, "stem_ln", &student->plan->stem_norm);
    for (int l = 0; l < student->arch.depth; l++) {
        const struct tr_plan_block *b = &student->plan->block[l];
        (void)snprintf(name, sizeof name, "block%d_ln1", l);
        put_norm(s, name, &b->norm1);
        (void)snprintf(name, sizeof name, "block%d_%s", l, b->pruned ? "q" : "qkv");
        put_linear(s, name, &b->query);
        (void)snprintf(name, sizeof name, "block%d_kv", l);
        if (b->pruned)
            put_linear(s, name, &b->memory);
        (void)snprintf(name, sizeof name, "block%d_proj", l);
        put_linear(s, name, &b->proj);
        (void)snprintf(name, sizeof name, "block%d_ln2", l);
        put_norm(s, name, &b->norm2);
        (void)snprintf(name, sizeof name, "block%d_up", l);
        put_linear(s, name, &b->up);
        (void)snprintf(name, sizeof name, "block%d_down", l);
        put_linear(s, name, &b->down);
    }
    if (!student->shape.variant.no_final_norm)
        put_norm(s, "ln", &student->plan->norm);
    put_linear(s, "head", &student->plan->head);
}
