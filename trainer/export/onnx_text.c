/* trainer/export/onnx_text.c -- texts as an ONNX graph reads them: token ids, as many as the longest text of
 * the call has, and how many of them each text has; what is behind a text is never looked at.
 */
#include <assert.h>

#include "trainer/export/onnx_internal.h"

void tr__text_declare(struct tr__graph *g, int batch)
{
    const int any = 0;

    tr__declare(g, graph_input, g->model->input.name, is_int64, batch, 1, &any);
    tr__declare(g, graph_input, "lengths", is_int64, batch, 0, NULL);
    if (g->model->student->shape.segments)
        tr__declare(g, graph_input, "segments", is_int64, batch, 1, &any);
}

static void put_table(struct tr__graph *g, const char *name, size_t at, int rows, int cols)
{
    const int64_t sizes[2] = {rows, cols};

    tr__initialiser(g, name, is_float, 2, sizes, g->model->weights->params + at,
                    (size_t)rows * (size_t)cols * sizeof(float));
}

/* Which rows are within their texts: "there" (N,T). */
static void find_rows(struct tr__graph *g)
{
    const int length = g->model->student->tokens;
    int64_t number[SPACE_MAX_LENGTH];

    assert(length <= SPACE_MAX_LENGTH);
    for (int t = 0; t < length; t++)
        number[t] = t;
    tr__integers(g, "row.numbers", length, number);
    INTEGERS(g, "at.0", 0);
    INTEGERS(g, "at.1", 1);
    tr__node(g, "Shape", INPUTS(g->model->input.name), "ids.shape", NULL);
    tr__node(g, "Gather", INPUTS("ids.shape", "at.1"), "T", NULL);
    tr__node(g, "Slice", INPUTS("row.numbers", "at.0", "T", "at.0"), "row.here", NULL);
    tr__node(g, "Unsqueeze", INPUTS("lengths", "at.1"), "lengths.column", NULL);
    tr__node(g, "Less", INPUTS("row.here", "lengths.column"), "there", NULL);
}

void tr__text_see(struct tr__graph *g)
{
    const struct tr_student *student = g->model->student;

    find_rows(g);
    INTEGERS(g, "at.1.2", 1, 2);
    tr__number(g, "nothing", 0);
    tr__number(g, "hidden", -1e30F); /* of whatever score: its exponential is 0 */
    tr__node(g, "Unsqueeze", INPUTS("there", "at.1.2"), "there.keys", NULL);
    tr__node(g, "Where", INPUTS("there.keys", "nothing", "hidden"), "key_bias", NULL);
    put_table(g, "embedding.weight", student->plan->table, student->stem.vocabulary,
              student->stem.features);
    tr__node(g, "Gather", INPUTS("embedding.weight", g->model->input.name), "values", NULL);
    tr__node(g, "Slice", INPUTS("position", "at.0", "T", "at.0"), "position.rows", NULL);
    if (student->shape.pool == SPACE_POOL_LAST) {
        tr__node(g, "Sub", INPUTS("lengths", "at.1"), "last", NULL);
        tr__node(g, "Unsqueeze", INPUTS("last", "at.1.2"), "row.last", NULL);
    }
    if (!student->shape.segments)
        return;
    put_table(g, "segment", student->plan->segment, student->shape.segments, student->arch.width);
    tr__node(g, "Gather", INPUTS("segment", "segments"), "segment.rows", NULL);
}

void tr__text_mean(struct tr__graph *g, const char *x)
{
    INTEGERS(g, "at.2", 2);
    tr__node(g, "Cast", INPUTS("there"), "there.number", ATTRIBUTES(INT("to", is_float)));
    tr__node(g, "Unsqueeze", INPUTS("there.number", "at.2"), "there.rows", NULL);
    tr__node(g, "Mul", INPUTS(x, "there.rows"), "pooled.rows", NULL);
    tr__node(g, "ReduceSum", INPUTS("pooled.rows", "at.1"), "pooled.sum",
             ATTRIBUTES(INT("keepdims", 0)));
    tr__node(g, "Cast", INPUTS("lengths.column"), "pooled.count", ATTRIBUTES(INT("to", is_float)));
    tr__node(g, "Div", INPUTS("pooled.sum", "pooled.count"), "pooled", NULL);
}
