/* trainer/learn/layerwise.c -- see layerwise.h: the life of a run's layer-wise part, and its optimiser.
 *
 * Projections are a flat vector with a tensor table, as a student's parameters are, so that the
 * optimiser takes them as they are.
 */
#include "trainer/learn/layerwise.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/learn/inherit.h"
#include "trainer/teachers/kept_layers.h"

/* ---- the plan ---- */

static void lay(struct tr_layerwise *self, const char *name, int rows, int cols)
{
    struct tr_student *p = &self->projections;
    struct tr_tensor *t = &self->tensors[p->tensor_count++];

    *t = (struct tr_tensor){.role = cols ? TR_ROLE_WEIGHT : TR_ROLE_BIAS,
                            .dims = cols ? 2 : 1,
                            .shape = {rows, cols, 0},
                            .offset = p->param_count,
                            .count = (size_t)rows * (cols ? (size_t)cols : 1)};
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    p->param_count += t->count;
}

static void plan_projections(struct tr_layerwise *self)
{
    static const char *const names[] = {"embedding", "hidden"};
    const int ds = self->student.arch.width, dt = self->teacher->student.arch.width;
    char name[40];

    self->projections =
        (struct tr_student){.kernels = self->job->student->kernels, .tensors = self->tensors};
    for (int kind = 0; kind < TR_LAYER_ATTENTION; kind++) {
        self->linear[kind] = (struct tr_linear){0};
        if (ds == dt || !(self->recipe->weight[kind] > 0))
            continue;
        self->linear[kind] = (struct tr_linear){.in = ds, .out = dt};
        (void)snprintf(name, sizeof name, "%s.weight", names[kind]);
        lay(self, name, dt, ds);
        (void)snprintf(name, sizeof name, "%s.bias", names[kind]);
        lay(self, name, dt, 0);
    }
}

rt_status tr__layerwise_open(struct tr_layerwise *self, const struct tr_training *job,
                             struct rt_err *err)
{
    const struct tr_layers *recipe = &job->recipe->layers;
    const struct tr_network *teacher = job->data->resident;
    const size_t lanes = (size_t)job->lanes;

    *self = (struct tr_layerwise){.job = job, .recipe = recipe, .teacher = teacher, .epoch = -1};
    if (job->data->kept && job->data->kept->vocabulary == job->student->arch.vocabulary)
        self->kept = job->data->kept;
    if (recipe->matched && recipe->attention_loss != TR_ATTENTION_RELATION)
        self->lineage = job->lineage;
    if (!teacher)
        return rt_fail(err, RT_EARG, "layer-wise losses need a teacher trained here");
    if (recipe->weight[TR_LAYER_ATTENTION] > 0 && job->student->shape.variant.causal)
        return rt_fail(
            err, RT_EARG,
            "layers.attention: tables of attention are compared whole, but a network that "
            "says the next token has half of them; leave it at 0");
    RT_TRY(tr_layers_check(recipe, &job->student->arch, &teacher->student.arch, err));
    self->grads = calloc(lanes, sizeof *self->grads);
    self->sums = calloc(lanes, sizeof *self->sums);
    if (!self->grads || !self->sums)
        return rt_fail(err, RT_ENOMEM, "no memory for layer-wise losses");
    RT_TRY(tr__student_init(&self->student, &job->student->arch, &job->student->shape,
                            job->student->kernels, !tr_layers_whole(recipe), err));
    plan_projections(self);
    for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
        self->balance[kind] = recipe->balance ? 0 : 1;
    return RT_OK;
}

void tr__layerwise_close(struct tr_layerwise *self)
{
    tr_student_release(&self->student);
    free(self->grads);
    free(self->sums);
    *self = (struct tr_layerwise){0};
}

/* ---- memory ---- */

static size_t packed_floats(const struct tr_layerwise *self, int kind)
{
    const struct tr_linear *l = &self->linear[kind];
    const struct tr_kernels *k = self->student.kernels;

    return l->in ? k->packed_floats(l->in, l->out) + k->packed_floats(l->out, l->in) : 0;
}

rt_status tr__layerwise_init(struct tr_layerwise *self, struct rt_arena *arena, struct rt_err *err)
{
    const size_t n = self->projections.param_count;
    size_t packed = 0;

    assert(self->grads && self->teacher); /* opened */
    for (int kind = 0; kind < TR_LAYER_ATTENTION; kind++)
        packed += packed_floats(self, kind);
    RT_TRY(tr_weights_init_packing(&self->weights, &self->student, true, arena, err));
    self->params = rt_arena_zalloc(arena, n, sizeof(float));
    self->packed = rt_arena_zalloc(arena, packed, sizeof(float));
    for (int l = 0; l < self->job->lanes; l++)
        self->grads[l] = rt_arena_zalloc(arena, n, sizeof(float));
    RT_TRY(tr_adamw_init(&self->adamw, &self->projections, arena, err));
    self->adamw.decay = (float)self->job->recipe->weight_decay;
    return rt_arena_check(arena, "layer-wise losses", err);
}

/* Scratch for any table of attention or relations. */
static size_t table_scratch(const struct tr_layerwise *self)
{
    const struct tr_plan *plans[2] = {self->student.plan, self->teacher->student.plan};
    struct tr_head head = tr__head(&self->student, self->student.tokens, false);

    head.dim =
        plans[0]->max_inner > plans[1]->max_inner ? plans[0]->max_inner : plans[1]->max_inner;
    return self->student.kernels->scratch_floats(&head);
}

rt_status tr__layerwise_workspace_init(const struct tr_layerwise *self,
                                       struct tr_layer_workspace *workspace, struct rt_arena *arena,
                                       struct rt_err *err)
{
    const int m = self->job->recipe->micro_batch, tokens = self->student.tokens;

    RT_TRY(tr_pass_init(&workspace->pass, &self->student, m, arena, err));
    RT_TRY(tr__trace_init(&workspace->trace, &self->teacher->student, m, arena, err));
    workspace->y = tr__rows(arena, m * tokens, self->teacher->student.arch.width);
    for (int i = 0; i < 2; i++)
        workspace->tables[i] = tr__rows(arena, tokens, tokens);
    workspace->scratch = rt_arena_zalloc(arena, table_scratch(self), sizeof(float));
    return rt_arena_check(arena, "layer-wise losses", err);
}

/* ---- steps ---- */

void tr__layerwise_pack(struct tr_layerwise *self)
{
    const struct tr_kernels *k = self->student.kernels;
    const struct tr_tensor *tensor = self->tensors;
    float *packed = self->packed;

    tr_weights_pack(&self->student, &self->weights);
    for (int kind = 0; kind < TR_LAYER_ATTENTION; kind++) {
        struct tr_linear *l = &self->linear[kind];
        if (!l->in)
            continue;
        l->weight = self->params + tensor[0].offset;
        l->bias = self->params + tensor[1].offset;
        l->forward = packed;
        l->backward = packed + k->packed_floats(l->in, l->out);
        k->pack(l->weight, l->out, l->in, packed, packed + k->packed_floats(l->in, l->out));
        packed += packed_floats(self, kind);
        tensor += 2;
    }
}

void tr__layerwise_begin(struct tr_layerwise *self, float *params)
{
    const struct tr_tensor *tensor = self->tensors;

    self->weights.params = params;
    for (int kind = 0; kind < TR_LAYER_ATTENTION; kind++) {
        struct rt_rng rng;
        if (!self->linear[kind].in)
            continue;
        rt_rng_init(&rng, self->job->seed, RT_STREAM_PROJECTION, (uint64_t)kind);
        for (size_t i = 0; i < tensor->count; i++)
            self->params[tensor->offset + i] =
                (float)(rt_rng_normal(&rng) / sqrt(self->linear[kind].in));
        tensor += 2;
    }
    tr__layerwise_pack(self);
}

void tr__layerwise_step(struct tr_layerwise *self, int64_t epoch)
{
    const int depth = self->student.arch.depth;
    const bool draw = self->recipe->map == TR_LAYERS_RANDOM && epoch != self->epoch;
    struct rt_rng rng;

    memset(self->sums, 0, (size_t)self->job->lanes * sizeof *self->sums);
    if (!tr_layers_whole(self->recipe) || (self->epoch >= 0 && !draw))
        return;
    rt_rng_init(&rng, self->job->seed, RT_STREAM_LAYER_MAP, (uint64_t)epoch);
    tr_layer_map(self->recipe->map, depth, self->teacher->student.arch.depth, &rng, self->map);
    self->deepest = self->map[depth - 1]; /* maps ascend */
    for (int l = 0; self->lineage && l < depth; l++)
        if (self->lineage->layer[l] >= self->deepest)
            self->deepest = self->lineage->layer[l] + 1;
    self->epoch = epoch;
}

double tr__layerwise_gather(struct tr_layerwise *self, double prediction_loss)
{
    const int lanes = self->job->lanes;
    const size_t n = self->projections.param_count;

    for (int kind = 0; kind < TR_LAYER_KINDS; kind++) {
        double sum = 0;
        for (int l = 0; l < lanes; l++)
            sum += self->sums[l][kind];
        self->loss[kind] = sum / self->job->recipe->batch;
        if (self->recipe->balance && isfinite(prediction_loss) && isfinite(sum))
            self->balance[kind] = tr_layer_balance(prediction_loss, self->loss[kind]);
    }
    for (int l = 1; l < lanes; l++) {
        for (size_t i = 0; i < n; i++)
            self->grads[0][i] += self->grads[l][i];
        memset(self->grads[l], 0, n * sizeof(float));
    }
    return tr_gradient_norm(self->student.kernels, self->grads[0], n);
}

void tr__layerwise_update(struct tr_layerwise *self, float scale, float rate)
{
    tr_adamw_step(&self->adamw, &self->projections, self->params, self->grads[0], scale, rate);
    tr__layerwise_pack(self);
}

void tr__layerwise_skip(struct tr_layerwise *self)
{
    memset(self->grads[0], 0, self->projections.param_count * sizeof(float));
}

void tr__layerwise_log(const struct tr_layerwise *self, int step)
{
    static const char *const names[TR_LAYER_KINDS] = {"layer_embedding", "layer_hidden",
                                                      "layer_attention"};

    for (int kind = 0; kind < TR_LAYER_KINDS; kind++)
        if (self->recipe->weight[kind] > 0)
            self->job->curve(self->job->curve_context, step, names[kind], self->loss[kind]);
}
