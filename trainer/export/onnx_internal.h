/* trainer/export/onnx_internal.h -- what a graph is written with: initialisers, nodes, inputs and outputs.
 */
#ifndef TRAINER_EXPORT_ONNX_INTERNAL_H
#define TRAINER_EXPORT_ONNX_INTERNAL_H
#include "trainer/export/onnx.h"
#include "trainer/export/protobuf.h"
#include "trainer/net/student_internal.h"

enum { graph_node = 1, graph_name, graph_initialiser = 5, graph_input = 11, graph_output };
enum {
    is_float = 1,
    is_uint8,
    is_int8,
    is_int32 = 6,
    is_int64,
    is_bool = 9
}; /* TensorProto.DataType */
enum { is_a_float = 1, is_an_int = 2, are_ints = 7 }; /* AttributeProto.Type */

struct tr__name {
    char text[96];
};

struct tr__graph {
    const struct tr_model *model;
    enum tr_onnx_form form;
    struct tr_message body; /* GraphProto */
};

__attribute__((format(printf, 1, 2))) struct tr__name tr__named(const char *format, ...);

/* ---- initialisers ---- */

/* Row-major; sizes (dims), product = count. */
void tr__initialiser(struct tr__graph *g, const char *name, int type, int dims,
                     const int64_t *sizes, const void *data, size_t bytes);
void tr__floats(struct tr__graph *g, const char *name, const float *values, int64_t count);
void tr__number(struct tr__graph *g, const char *name, float value);
void tr__integers(struct tr__graph *g, const char *name, int64_t count, const int64_t *values);
#define INTEGERS(g, name, ...)                                                                     \
    tr__integers(g, name, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                      \
                 (int64_t[]){__VA_ARGS__})
/* W (out,in), elements of `size` bytes, as (in,out). */
void tr__matrix(struct tr__graph *g, const char *name, int type, const void *w, int out, int in,
                size_t size);

/* ---- nodes ---- */

struct tr__attribute { /* a NULL name ends a list */
    const char *name;
    int type;
    int64_t value;
    float real;
    int count;
    const int64_t *values;
};
#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ATTRIBUTES(...) ((const struct tr__attribute[]){__VA_ARGS__, {0}})
#define INT(key, number) {.name = (key), .type = is_an_int, .value = (number)}
#define REAL(key, number) {.name = (key), .type = is_a_float, .real = (number)}
#define INTS(key, ...)                                                                             \
    {.name = (key),                                                                                \
     .type = are_ints,                                                                             \
     .values = (const int64_t[]){__VA_ARGS__},                                                     \
     .count = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)}
/* Named as its first output; attributes may be NULL. */
void tr__node_of(struct tr__graph *g, const char *type, const char *const *inputs,
                 const char *const *outputs, const struct tr__attribute *attributes);
void tr__node(struct tr__graph *g, const char *type, const char *const *inputs, const char *output,
              const struct tr__attribute *attributes);
/* An input or output of the graph: (batch, sizes...), batch 0: any; a size 0: any, called T. */
void tr__declare(struct tr__graph *g, int field, const char *name, int type, int batch, int dims,
                 const int *sizes);

/* ---- texts: onnx_text.c ---- */

void tr__text_declare(struct tr__graph *g, int batch);
/* Inputs to "values" (N,T,e), looked up; "position.rows" (T,d), "segment.rows" (N,T,d) of pairs,
 * "key_bias" (N,1,1,T) that hides what is behind each text, and, where that is pooled, "row.last" (N,1,1). */
void tr__text_see(struct tr__graph *g);
/* The mean of each text's rows of x (N,T,d) to "pooled" (N,d). */
void tr__text_mean(struct tr__graph *g, const char *x);

/* ---- policies: onnx_controller.c ---- */

/* Inputs, and outputs beside the logits. */
void tr__controller_declare(struct tr__graph *g, int batch);
/* Inputs to "values" (N,K,F), normalised. */
void tr__controller_see(struct tr__graph *g);
/* "logits" to "action" (N,parts), and what is remembered. */
void tr__controller_act(struct tr__graph *g);
#endif
