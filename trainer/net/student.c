/* trainer/net/student.c -- see student.h: the tensor table, the plan of layers, weights and costs.
 *
 * The table is laid first, in the order of space/arch.h; the plan then takes its offsets from it,
 * so the order of parameters is written once.
 */
#include "trainer/net/student.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/net/student_internal.h"

/* --- the tensor table --- */

/* Append a tensor and return its offset; cols 0 makes it a vector. */
static size_t lay(struct tr_student *s, int block, const char *name, enum tr_role role, int rows,
                  int cols)
{
    struct tr_tensor *t = &s->tensors[s->tensor_count++];

    assert(rows > 0 && cols >= 0);
    *t = (struct tr_tensor){.role = role,
                            .dims = cols ? 2 : 1,
                            .shape = {rows, cols, 0},
                            .offset = s->param_count,
                            .count = (size_t)rows * (cols ? (size_t)cols : 1)};
    if (block < 0)
        snprintf(t->name, sizeof t->name, "%.30s", name);
    else
        snprintf(t->name, sizeof t->name, "block.%d.%.20s", block, name);
    s->param_count += t->count;
    return t->offset;
}

static struct tr_plan_linear lay_linear(struct tr_student *s, int block, const char *name, int out,
                                        int in)
{
    struct tr_plan_linear layer = {.in = in, .out = out};
    char full[24];

    snprintf(full, sizeof full, "%s.weight", name);
    layer.weight = lay(s, block, full, TR_ROLE_WEIGHT, out, in);
    snprintf(full, sizeof full, "%s.bias", name);
    layer.bias = lay(s, block, full, TR_ROLE_BIAS, out, 0);
    layer.quantiser = s->plan->quantisers++;
    layer.scale = s->plan->channels;
    s->plan->channels += (size_t)out;
    return layer;
}

static struct tr_plan_norm lay_norm(struct tr_student *s, int block, const char *name)
{
    char full[24];
    struct tr_plan_norm norm;

    snprintf(full, sizeof full, "%s.weight", name);
    norm.gamma = lay(s, block, full, TR_ROLE_GAIN, s->arch.width, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    norm.beta = lay(s, block, full, TR_ROLE_BIAS, s->arch.width, 0);
    return norm;
}

static void lay_block(struct tr_student *s, int l, bool pruned)
{
    struct tr_plan_block *b = &s->plan->block[l];
    const int d = s->arch.width;

    b->heads = s->arch.heads[l];
    b->inner = b->heads * s->arch.head_dim;
    b->ffn = s->arch.ffn[l];
    b->pruned = pruned;
    b->norm1 = lay_norm(s, l, "ln1");
    b->query = lay_linear(s, l, "qkv", 3 * b->inner, d);
    if (pruned) { /* q and (k,v) are consecutive rows of one matrix */
        b->memory = b->query;
        b->query.out = b->inner;
        b->memory.out = 2 * b->inner;
        b->memory.weight += (size_t)b->inner * d;
        b->memory.bias += b->inner;
        b->memory.scale += b->inner;
    }
    b->proj = lay_linear(s, l, "proj", d, b->inner);
    b->norm2 = lay_norm(s, l, "ln2");
    b->up = lay_linear(s, l, "up", b->ffn, d);
    b->down = lay_linear(s, l, "down", d, b->ffn);
    s->plan->max_inner = b->inner > s->plan->max_inner ? b->inner : s->plan->max_inner;
    s->plan->max_ffn = b->ffn > s->plan->max_ffn ? b->ffn : s->plan->max_ffn;
}

/* The table's codes are by row, which are its outputs. Its gradient is of the head as well, so it is
 * held with the others. */
static struct tr_plan_linear lay_tied(struct tr_student *s)
{
    struct tr_plan_linear head = {.in = s->stem.features, .out = s->stem.vocabulary};

    head.bias = lay(s, -1, "head.bias", TR_ROLE_BIAS, head.out, 0);
    head.weight = lay(s, -1, "embedding.weight", TR_ROLE_TABLE, head.out, head.in);
    head.quantiser = s->plan->quantisers++;
    head.scale = s->plan->channels;
    s->plan->channels += (size_t)head.out;
    return head;
}

/* What follows the final norm, and the table at the end. */
static void lay_head(struct tr_student *s)
{
    struct tr_plan *plan = s->plan;
    const int g = tr__pooled_width(s), e = s->stem.features;
    const bool tied = s->shape.variant.head == SPACE_HEAD_TIED;

    plan->pooled_twice = tied ? s->stem.projected : s->shape.variant.head != SPACE_HEAD_LINEAR;
    if (plan->pooled_twice)
        plan->pooler = lay_linear(s, -1, "pooler", tied ? e : g, g);
    plan->head = tied ? lay_tied(s) : lay_linear(s, -1, "head", space_outputs(&s->shape), g);
    s->dense_count = s->param_count;
    plan->table = plan->head.weight;
    if (s->stem.vocabulary && !tied)
        plan->table = lay(s, -1, "embedding.weight", TR_ROLE_TABLE, s->stem.vocabulary, e);
}

static void lay_tensors(struct tr_student *s, bool prune)
{
    struct tr_plan *plan = s->plan;
    const int d = s->arch.width;

    if (s->stem.projected)
        plan->stem = lay_linear(s, -1, "stem", d, s->stem.features);
    if (s->stem.class_rows)
        plan->class_token =
            s->stem.class_rows == 1
                ? lay(s, -1, "class_token", TR_ROLE_CLASS_TOKEN, d, 0)
                : lay(s, -1, "class_token", TR_ROLE_CLASS_TOKEN, s->stem.class_rows, d);
    plan->position = lay(s, -1, "position", TR_ROLE_POSITION, s->tokens, d);
    if (s->shape.segments)
        plan->segment = lay(s, -1, "segment", TR_ROLE_SEGMENT, s->shape.segments, d);
    if (s->shape.variant.stem_norm)
        plan->stem_norm = lay_norm(s, -1, "stem_ln");
    for (int l = 0; l < s->arch.depth; l++)
        lay_block(s, l, prune && tr__pools_row(s) && l == s->arch.depth - 1);
    if (!s->shape.variant.no_final_norm)
        plan->norm = lay_norm(s, -1, "ln");
    lay_head(s);
}

/* --- packing --- */

/* The packed layers in order. */
static int packed_layers(const struct tr_student *s, struct tr_plan_linear **list)
{
    struct tr_plan *plan = s->plan;
    int n = 0;

    if (s->stem.projected)
        list[n++] = &plan->stem;
    for (int l = 0; l < s->arch.depth; l++) {
        struct tr_plan_block *b = &plan->block[l];
        list[n++] = &b->query;
        if (b->pruned)
            list[n++] = &b->memory;
        list[n++] = &b->proj;
        list[n++] = &b->up;
        list[n++] = &b->down;
    }
    if (plan->pooled_twice)
        list[n++] = &plan->pooler;
    list[n++] = &plan->head;
    return n;
}

enum { max_layers = 5 * SPACE_MAX_DEPTH + 4 };

/* The first that is packed for a backward, too: numbers that a stem reads need no gradient. */
static int first_backward(const struct tr_student *s)
{
    return s->stem.vocabulary ? 0 : 1;
}

static void plan_packing(struct tr_student *s)
{
    struct tr_plan_linear *list[max_layers];
    const int n = packed_layers(s, list);
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        list[i]->forward = at;
        at += s->kernels->packed_floats(list[i]->in, list[i]->out);
    }
    s->plan->forward_floats = at;
    for (int i = first_backward(s); i < n; i++) {
        list[i]->backward = at;
        at += s->kernels->packed_floats(list[i]->out, list[i]->in);
    }
    s->plan->packed_floats = at;
}

static size_t packed_size(const struct tr_student *s, bool for_training)
{
    return for_training ? s->plan->packed_floats : s->plan->forward_floats;
}

rt_status tr_weights_init_packing(struct tr_weights *weights, const struct tr_student *student,
                                  bool for_training, struct rt_arena *model, struct rt_err *err)
{
    const size_t packed = packed_size(student, for_training);

    *weights = (struct tr_weights){.for_training = for_training};
    if (packed)
        weights->packed = rt_arena_zalloc(model, packed, sizeof(float));
    return rt_arena_check(model, "a student's weights", err);
}

rt_status tr_weights_init(struct tr_weights *weights, const struct tr_student *student,
                          bool for_training, struct rt_arena *model, struct rt_err *err)
{
    float *params = rt_arena_zalloc(model, student->param_count, sizeof(float));

    RT_TRY(tr_weights_init_packing(weights, student, for_training, model, err));
    weights->params = params;
    return RT_OK;
}

size_t tr_weights_bytes(const struct tr_student *student, bool for_training)
{
    struct rt_arena arena;
    struct tr_weights weights;

    rt_arena_init_counting(&arena);
    (void)tr_weights_init(&weights, student, for_training, &arena, NULL); /* cannot fail */
    return arena.used;
}

void tr_weights_pack(const struct tr_student *student, struct tr_weights *weights)
{
    struct tr_plan_linear *list[max_layers];
    const int n = packed_layers(student, list);

    assert(weights->params);
    if (!weights->packed)
        return;
    for (int i = 0; i < n; i++) {
        const bool both = weights->for_training && i >= first_backward(student);
        student->kernels->pack(weights->params + list[i]->weight, list[i]->out, list[i]->in,
                               weights->packed + list[i]->forward,
                               both ? weights->packed + list[i]->backward : NULL);
    }
}

/* --- life --- */

rt_status tr__student_init(struct tr_student *student, const struct space_arch *arch,
                           const struct space_shape *shape, const struct tr_kernels *kernels,
                           bool prune, struct rt_err *err)
{
    struct tr_student s = {.arch = *arch, .shape = *shape, .kernels = kernels};
    const size_t room = (size_t)arch->depth * 12 + 16;

    RT_TRY(space_arch_check(arch, shape, err));
    s.tokens = space_tokens(arch, shape);
    space_stem_of(arch, shape, &s.stem);
    s.tensors = calloc(room, sizeof *s.tensors);
    s.plan = calloc(1, sizeof *s.plan);
    if (!s.tensors || !s.plan) {
        tr_student_release(&s);
        return rt_fail(err, RT_ENOMEM, "no memory for the plan of a student");
    }
    s.plan->eps = shape->variant.eps > 0 ? shape->variant.eps : TR_NORM_EPS;
    if (shape->variant.head == SPACE_HEAD_TIED)
        s.shape.classes = s.stem.vocabulary;
    lay_tensors(&s, prune);
    assert((size_t)s.tensor_count <= room);
    plan_packing(&s);
    *student = s;
    return RT_OK;
}

rt_status tr_student_init(struct tr_student *student, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          struct rt_err *err)
{
    return tr__student_init(student, arch, shape, kernels, true, err);
}

void tr_student_release(struct tr_student *student)
{
    free(student->tensors);
    free(student->plan);
    *student = (struct tr_student){0};
}

/* --- first values --- */

static void fill_truncated_normal(struct rt_rng *rng, double sd, float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double z;
        do
            z = rt_rng_normal(rng);
        while (fabs(z) > 2);
        v[i] = (float)(sd * z);
    }
}

static double first_sd(const struct tr_student *student, const struct tr_tensor *tensor)
{
    const bool projection = student->stem.vocabulary && student->stem.projected &&
                            tensor->offset == student->plan->stem.weight;

    return projection ? 1 / sqrt(student->stem.features) : 0.02;
}

void tr_student_init_params(const struct tr_student *student, uint64_t seed, float *params)
{
    for (int t = 0; t < student->tensor_count; t++) {
        const struct tr_tensor *tensor = &student->tensors[t];
        const bool ones = tensor->role == TR_ROLE_GAIN;
        float *v = params + tensor->offset;
        struct rt_rng rng;

        if (ones || tensor->role == TR_ROLE_BIAS) {
            for (size_t i = 0; i < tensor->count; i++)
                v[i] = ones ? 1.0F : 0.0F;
        } else {
            rt_rng_init(&rng, seed, RT_STREAM_INIT, (uint64_t)t);
            fill_truncated_normal(&rng, first_sd(student, tensor), v, tensor->count);
        }
    }
}

/* --- costs --- */

static int64_t products(const struct tr_plan_linear *layer, int rows)
{
    return (int64_t)rows * layer->in * layer->out;
}

static int64_t block_macs(const struct tr_plan_block *b, int tokens)
{
    const int rows = b->pruned ? 1 : tokens; /* of one example, behind the keys and values */

    return products(&b->query, rows) + (b->pruned ? products(&b->memory, tokens) : 0) +
           2 * (int64_t)rows * tokens * b->inner + products(&b->proj, rows) +
           products(&b->up, rows) + products(&b->down, rows);
}

/* Floats of one example that resident beside x in the block's two halves, without padding. */
static int64_t block_floats(const struct tr_student *s, const struct tr_plan_block *b)
{
    const int64_t t = s->tokens, d = s->arch.width;
    const int64_t attention = t * d + t * 3 * b->inner + t * t + t * b->inner;
    const int64_t ffn = t * d + t * b->ffn;

    return attention > ffn ? attention : ffn;
}

void tr_student_cost(const struct tr_student *student, struct space_cost *cost)
{
    const struct tr_plan *plan = student->plan;
    const int64_t t = student->tokens;
    const int pooled = student->shape.pool == SPACE_POOL_NONE ? (int)t : 1;
    int64_t beside = student->stem.projected ? t * student->stem.features : 0;
    struct space_cost sum = {0};

    for (int i = 0; i < student->tensor_count; i++)
        sum.params += (int64_t)student->tensors[i].count;
    sum.bytes = sum.params * (int64_t)sizeof(float);
    sum.macs = products(&plan->stem, student->stem.tokens) + products(&plan->pooler, pooled) +
               products(&plan->head, pooled);
    for (int l = 0; l < student->arch.depth; l++) {
        const int64_t floats = block_floats(student, &plan->block[l]);
        beside = floats > beside ? floats : beside;
        sum.macs += block_macs(&plan->block[l], (int)t);
    }
    sum.memory = (t * student->arch.width + beside) * (int64_t)sizeof(float);
    *cost = sum;
}
