/* trainer/learn/layerwise_pass.c -- one micro-batch of layerwise.h: the losses and where they enter. */
#include <math.h>
#include <string.h>

#include "trainer/learn/inherit.h"
#include "trainer/learn/layerwise.h"
#include "trainer/teachers/kept_layers.h"

struct visit { /* of one micro-batch, for the taps */
    const struct tr_layerwise *self;
    struct tr_layer_workspace *workspace;
    const struct tr_batch *batch;
    int lane;
};

/* Weight of one kind's loss of one example in the step's loss. */
static double weight_of(const struct visit *v, int kind)
{
    return v->self->recipe->weight[kind] * v->self->balance[kind] / v->self->job->recipe->batch;
}

/* ---- rows: embedding and hidden ---- */

static void copy_rows(int rows, ptrdiff_t width, struct tr_view x, struct tr_out y)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        memcpy(y.at + r * y.ld, x.at + r * x.ld, (size_t)width * sizeof(float));
}

/* y, want (R,width): y becomes the gradient of the loss, which is returned. An example's loss is the
 * mean over its rows and over so many layers. Examples of equal length are one call. */
static double compare(const struct visit *v, enum tr_layer_kind kind, int layers, int width,
                      struct tr_out y, struct tr_out want)
{
    const struct tr_kernels *k = v->self->student.kernels;
    const struct tr_batch *batch = v->batch;
    const bool mse = v->self->recipe->hidden_loss == TR_HIDDEN_MSE;
    const int step = batch->length ? batch->examples : 1;
    double sum = 0;

    for (int m = 0; m < batch->examples; m += step) {
        const int row = batch->start[m], rows = batch->start[m + 1] - row;
        const double share = 1.0 / rows / layers, part = mse ? share / width : share;
        sum += part * k->pair_loss(mse ? TR_PAIR_MSE : TR_PAIR_COSINE, rows * step, width,
                                   (struct tr_out){y.at + row * y.ld, y.ld},
                                   (struct tr_out){want.at + row * want.ld, want.ld},
                                   (float)(part * weight_of(v, kind)));
    }
    return sum;
}

/* student (R,ds), teacher (R,dt), W (dt,ds) where the widths differ; dx (R,ds) is added to. */
static void compare_rows(const struct visit *v, enum tr_layer_kind kind, const float *student,
                         float *teacher, int layers, struct tr_out dx)
{
    const struct tr_layerwise *self = v->self;
    const struct tr_kernels *k = self->student.kernels;
    const struct tr_linear *linear = &self->linear[kind];
    const int rows = tr_batch_rows(v->batch), dt = self->teacher->student.arch.width;
    const struct tr_view x = {student, tr__padded(self->student.arch.width)};
    const struct tr_out y = {v->workspace->y, tr__padded(dt)}, want = {teacher, tr__padded(dt)};

    if (linear->in)
        k->linear(linear, rows, x, (struct tr_view){0}, y);
    else
        copy_rows(rows, dt, x, y);
    self->sums[v->lane][kind] += compare(v, kind, layers, dt, y, want);
    if (linear->in) {
        float *grads = self->grads[v->lane];
        k->linear_dw(linear, rows, tr_seen(y), x, grads + (linear->weight - self->params),
                     grads + (linear->bias - self->params));
        k->linear_dx(linear, rows, tr_seen(y), (struct tr_view){0}, true, dx);
    } else {
        k->add_rows(rows, dt, tr_seen(y), dx);
    }
}

static void tap_stream(void *context, int layer, struct tr_out dx)
{
    const struct visit *v = context;
    const struct tr_layerwise *self = v->self;
    const int depth = self->student.arch.depth;
    struct tr_trace *trace = &v->workspace->trace;

    if (layer == 0 && self->recipe->weight[TR_LAYER_EMBEDDING] > 0)
        compare_rows(v, TR_LAYER_EMBEDDING, tr__pass_block(v->workspace->pass, 0)->x,
                     trace->stream[0], 1, dx);
    if (layer > 0 && self->recipe->weight[TR_LAYER_HIDDEN] > 0)
        compare_rows(v, TR_LAYER_HIDDEN, tr__pass_block(v->workspace->pass, layer - 1)->out,
                     trace->stream[self->map[layer - 1]], depth, dx);
}

/* ---- tables: attention and relations ---- */

/* Rows of one example: columns of its queries, keys or values. */
struct side {
    int rows;
    const float *q, *k;
    ptrdiff_t ld;
    int dim;
    float scale;
};

/* Tables (n,n) of an example of n rows. share: of this table's loss, a mean over its rows or cells,
 * in an example's loss. */
static void compare_tables(const struct visit *v, enum tr_pair_loss kind, const struct side *s,
                           const struct side *t, double share, float *dq, float *dk)
{
    const struct tr_layerwise *self = v->self;
    const struct tr_kernels *kernels = self->student.kernels;
    const int n = s->rows;
    const struct tr_head head = {n, n, s->dim, s->scale, false};
    const struct tr_head of_t = {n, n, t->dim, t->scale, false};
    const struct tr_out mine = {v->workspace->tables[0], tr__padded(n)};
    const struct tr_out theirs = {v->workspace->tables[1], tr__padded(n)};
    const double part = kind == TR_PAIR_KL ? share / n : share / n / n;
    const double factor = part * weight_of(v, TR_LAYER_ATTENTION) * s->scale;

    kernels->scores(&head, (struct tr_view){s->q, s->ld}, (struct tr_view){s->k, s->ld}, mine,
                    v->workspace->scratch);
    kernels->scores(&of_t, (struct tr_view){t->q, t->ld}, (struct tr_view){t->k, t->ld}, theirs,
                    v->workspace->scratch);
    self->sums[v->lane][TR_LAYER_ATTENTION] +=
        part * kernels->pair_loss(kind, n, n, mine, theirs, (float)factor);
    kernels->scores_back(&head, tr_seen(mine), (struct tr_view){s->q, s->ld},
                         (struct tr_view){s->k, s->ld}, (struct tr_out){dq, s->ld},
                         (struct tr_out){dk, s->ld});
}

/* One example's layer: q, k and v of both, and the student's gradient. */
struct example {
    int rows;
    const float *student, *teacher;
    float *grad;
    ptrdiff_t ld_s, ld_t;
    int inner_s, inner_t;
};

/* from: the teacher's head of each of the student's, -1 for none; NULL: that of its number. */
static void compare_heads(const struct visit *v, int heads, int others, const int *from,
                          const struct example *e)
{
    static const enum tr_pair_loss kinds[] = {[TR_ATTENTION_LOGITS] = TR_PAIR_MSE,
                                              [TR_ATTENTION_PROBS] = TR_PAIR_PROBS,
                                              [TR_ATTENTION_KL] = TR_PAIR_KL};
    const enum tr_pair_loss kind = kinds[v->self->recipe->attention_loss];
    const double share = 1.0 / heads / v->self->student.arch.depth;
    const int ds = e->inner_s / heads, dt = e->inner_t / others;

    for (ptrdiff_t h = 0; h < heads; h++) {
        const ptrdiff_t other = from ? from[h] : h;
        if (other < 0)
            continue;
        const float *qs = e->student + h * ds, *qt = e->teacher + other * dt;
        const struct side s = {e->rows, qs, qs + e->inner_s, e->ld_s, ds, 1 / sqrtf((float)ds)};
        const struct side t = {e->rows, qt, qt + e->inner_t, e->ld_t, dt, 1 / sqrtf((float)dt)};
        compare_tables(v, kind, &s, &t, share, e->grad + h * ds, e->grad + h * ds + e->inner_s);
    }
}

static void compare_relations(const struct visit *v, const struct example *e)
{
    const int given = v->self->recipe->relation_heads;
    const int relations = given ? given : tr_relation_heads(e->inner_s, e->inner_t);
    const int ds = e->inner_s / relations, dt = e->inner_t / relations;
    const ptrdiff_t tables = (ptrdiff_t)3 * relations; /* of queries, then keys, then values */

    for (ptrdiff_t i = 0; i < tables; i++) {
        const float *xs = e->student + i * ds, *xt = e->teacher + i * dt;
        const struct side s = {e->rows, xs, xs, e->ld_s, ds, 1 / sqrtf((float)ds)};
        const struct side t = {e->rows, xt, xt, e->ld_t, dt, 1 / sqrtf((float)dt)};
        compare_tables(v, TR_PAIR_KL, &s, &t, 1.0 / relations, e->grad + i * ds, e->grad + i * ds);
    }
}

static void tap_qkv(void *context, int layer, struct tr_out dqkv)
{
    const struct visit *v = context;
    const struct tr_layerwise *self = v->self;
    const bool relation = self->recipe->attention_loss == TR_ATTENTION_RELATION;
    const struct tr_lineage *lineage = self->lineage;
    const int block = layer - 1;
    const int other = lineage ? lineage->layer[block] : self->map[block] - 1;

    if (!(self->recipe->weight[TR_LAYER_ATTENTION] > 0) || other < 0 ||
        (relation && layer < self->student.arch.depth))
        return;
    const struct tr_plan_block *s = &self->student.plan->block[block];
    const struct tr_plan_block *t = &self->teacher->student.plan->block[other];
    const ptrdiff_t ld_t = tr__padded(t->query.out);
    for (int m = 0; m < v->batch->examples; m++) {
        const ptrdiff_t row = v->batch->start[m];
        const struct example e = {.rows = (int)(v->batch->start[m + 1] - row),
                                  .student = tr__pass_block(v->workspace->pass, block)->query +
                                             row * dqkv.ld,
                                  .teacher = v->workspace->trace.qkv[other] + row * ld_t,
                                  .grad = dqkv.at + row * dqkv.ld,
                                  .ld_s = dqkv.ld,
                                  .ld_t = ld_t,
                                  .inner_s = s->inner,
                                  .inner_t = t->inner};
        if (relation)
            compare_relations(v, &e);
        else
            compare_heads(v, s->heads, t->heads, lineage ? lineage->head[block] : NULL, &e);
    }
}

/* ---- the micro-batch ---- */

void tr__layerwise_forward(const struct tr_layerwise *self, struct tr_layer_workspace *workspace,
                           const struct tr_batch *batch, float *logits)
{
    tr_pass_forward(workspace->pass, &self->student, &self->weights, batch, logits);
}

/* What the teacher's inner layers say, into the workspace's trace. */
static void ask_teacher(const struct tr_layerwise *self, struct tr_layer_workspace *workspace,
                        const int *rows, const struct tr_batch *batch)
{
    const struct tr_network *teacher = self->teacher;

    tr__trace_run(&workspace->trace, &teacher->student, &teacher->weights, batch,
                  self->kept ? 0 : self->deepest);
    if (self->kept)
        tr_kept_layers_read(self->kept, &teacher->student, rows, batch, &workspace->trace);
}

void tr__layerwise_backward(const struct tr_layerwise *self, struct tr_layer_workspace *workspace,
                            const int *rows, const struct tr_batch *batch, float *dlogits, int lane,
                            float *grads)
{
    struct visit visit = {self, workspace, batch, lane};
    const struct tr_taps taps = {&visit, tap_stream, tap_qkv};

    if (self->recipe->intermediate > 0)
        memset(dlogits, 0, (size_t)batch->answers * self->student.shape.classes * sizeof *dlogits);
    ask_teacher(self, workspace, rows, batch);
    tr__pass_backward(workspace->pass, &self->student, &self->weights, dlogits, &taps, grads);
}
