/* trainer/export/onnx_graph.c -- messages of onnx.proto, by their field numbers. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/export/onnx_internal.h"

enum { node_input = 1, node_output, node_name, node_type, node_attribute };
enum {
    attribute_name = 1,
    attribute_float,
    attribute_int,
    attribute_ints = 8,
    attribute_type = 20
};
enum { tensor_dims = 1, tensor_type, tensor_name = 8, tensor_raw };

struct tr__name tr__named(const char *format, ...)
{
    struct tr__name name;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(name.text, sizeof name.text, format, args);
    va_end(args);
    return name;
}

/* ---- initialisers ---- */

void tr__initialiser(struct tr__graph *g, const char *name, int type, int dims,
                     const int64_t *sizes, const void *data, size_t bytes)
{
    struct tr_message tensor = {0};

    for (int i = 0; i < dims; i++)
        tr_message_int(&tensor, tensor_dims, sizes[i]);
    tr_message_int(&tensor, tensor_type, type);
    tr_message_text(&tensor, tensor_name, name);
    tr_message_bytes(&tensor, tensor_raw, data, bytes);
    tr_message_put(&g->body, graph_initialiser, &tensor);
}

void tr__floats(struct tr__graph *g, const char *name, const float *values, int64_t count)
{
    tr__initialiser(g, name, is_float, 1, &count, values, (size_t)count * sizeof *values);
}

void tr__number(struct tr__graph *g, const char *name, float value)
{
    tr__initialiser(g, name, is_float, 0, NULL, &value, sizeof value);
}

void tr__integers(struct tr__graph *g, const char *name, int64_t count, const int64_t *values)
{
    tr__initialiser(g, name, is_int64, 1, &count, values, (size_t)count * sizeof *values);
}
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

void tr__matrix(struct tr__graph *g, const char *name, int type, const void *w, int out, int in,
                size_t size)
{
    const int64_t sizes[2] = {in, out};
    void *data = transposed(w, out, in, size);

    if (data)
        tr__initialiser(g, name, type, 2, sizes, data, (size_t)out * in * size);
    else
        g->body.failed = true;
    free(data);
}

/* ---- nodes ---- */

static void add_attribute(struct tr_message *node, const struct tr__attribute *a)
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

void tr__node_of(struct tr__graph *g, const char *type, const char *const *inputs,
                 const char *const *outputs, const struct tr__attribute *attributes)
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

void tr__node(struct tr__graph *g, const char *type, const char *const *inputs, const char *output,
              const struct tr__attribute *attributes)
{
    tr__node_of(g, type, inputs, INPUTS(output), attributes);
}

/* ---- inputs and outputs ---- */

void tr__declare(struct tr__graph *g, int field, const char *name, int type, int batch, int dims,
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
        if (i < 0 ? !batch : !sizes[i])
            tr_message_text(&dim, dim_param, i < 0 ? "N" : "T");
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
