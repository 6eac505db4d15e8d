/* trainer/learn/inherit.c -- see inherit.h.
 *
 * Everything is one tr_slice() a tensor, by maps from the student's rows and columns to the
 * source's, -1 where the source has none; so growing is slicing, too.
 */
#include "trainer/learn/inherit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/distill/layer_loss.h"
#include "trainer/distill/prune.h"
#include "trainer/export/safetensors.h"
#include "trainer/learn/inherit_internal.h"

/* --- maps --- */

/* The best of the source's n, in its order, then -1 up to `want`. */
static void choose(const double *score, int n, int want, int *map)
{
    const int keep = n < want ? n : want;

    tr_keep_best(score, n, keep, map);
    for (int i = keep; i < want; i++)
        map[i] = -1;
}

/* The source's layer of each of the student's. */
static void map_layers(const struct tr_cut *c, int *layer)
{
    const int m = c->student->arch.depth, n = c->source->arch.depth;
    int place[SPACE_MAX_DEPTH];

    if (m <= n && c->options->layers == TR_INHERIT_INFLUENCE) {
        tr_keep_best(c->scores->layer, n, m, layer);
        return;
    }
    tr_layer_map(TR_LAYERS_UNIFORM, m < n ? m : n, m < n ? n : m, NULL, place); /* from 1 */
    for (int l = 0; l < m; l++)
        layer[l] = m <= n ? place[l] - 1 : -1;
    for (int l = 0; l < n && m > n; l++)
        layer[place[l] - 1] = l;
}

/* What a queries' and keys' channel weighs: |row of W_q| |row of W_k|. */
static void lookup_scores(const struct tr_cut *c, const float *qkv, int inner, int head,
                          double *score)
{
    const int d = c->source->arch.width, k = c->source->arch.head_dim;

    for (int i = 0; i < k; i++) {
        const float *q = qkv + ((ptrdiff_t)head * k + i) * d, *key = q + (ptrdiff_t)inner * d;
        double qq = 0, kk = 0;
        for (int j = 0; j < d; j++) {
            qq += (double)q[j] * (double)q[j];
            kk += (double)key[j] * (double)key[j];
        }
        score[i] = sqrt(qq * kk);
    }
}

/* Channels of a head, of the student's head h from the source's; all of them when equally wide. */
static void map_head(const struct tr_cut *c, int h, const double *score, int *map)
{
    const int k = c->student->arch.head_dim, source_k = c->source->arch.head_dim;

    choose(score, source_k, k, map + (ptrdiff_t)h * k);
    for (int i = h * k; i < (h + 1) * k; i++)
        map[i] = c->head[h] < 0 || map[i] < 0 ? -1 : c->head[h] * source_k + map[i];
}

static void map_block(const struct tr_cut *c, const struct tr_plan_block *to,
                      const struct tr_plan_block *from, int layer, const float *qkv)
{
    const int k = c->source->arch.head_dim;

    choose(c->scores->head[layer], from->heads, to->heads, c->head);
    choose(c->scores->neuron[layer], from->ffn, to->ffn, c->neuron);
    for (int h = 0; h < to->heads; h++) {
        const int head = c->head[h] < 0 ? 0 : c->head[h];
        lookup_scores(c, qkv, from->inner, head, c->order);
        map_head(c, h, c->order, c->lookup);
        map_head(c, h, c->scores->context[layer] + (ptrdiff_t)head * k, c->value);
    }
    for (int i = 0; i < to->inner; i++) {
        c->all[i] = c->lookup[i];
        c->all[to->inner + i] = c->lookup[i] < 0 ? -1 : from->inner + c->lookup[i];
        c->all[2 * to->inner + i] = c->value[i] < 0 ? -1 : 2 * from->inner + c->value[i];
    }
}

/* --- merging --- */

static void best_first(const double *score, int n, int *rank)
{
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && score[rank[at - 1]] < score[i]; at--)
            rank[at] = rank[at - 1];
        rank[at] = i;
    }
}

/* Heads of `size` values each, in place. */
static void merge_part(const struct tr_cut *c, int count, int keep, size_t size, float *heads)
{
    for (int i = 0; i < count; i++)
        memcpy(c->sorted + i * size, heads + c->rank[i] * size, size * sizeof *heads);
    tr_merge_heads(c->sorted, count, keep, (int)size);
    for (int i = 0; i < keep; i++)
        memcpy(heads + c->rank[i] * size, c->sorted + i * size, size * sizeof *heads);
}

/* The source's qkv, weights then biases, with the heads merged when asked for. */
static const float *merged_qkv(const struct tr_cut *c, const struct tr_plan_block *to,
                               const struct tr_plan_block *from, int layer)
{
    const float *qkv = c->from + from->query.weight; /* its bias follows: they are neighbours */
    const size_t k = (size_t)c->source->arch.head_dim, d = (size_t)c->source->arch.width;
    const size_t weights = 3 * (size_t)from->inner * d;
    const int keep = to->heads, count = from->heads < 2 * keep ? from->heads : 2 * keep;

    if (!c->options->merge_heads || keep >= from->heads)
        return qkv;
    memcpy(c->merged, qkv, (weights + 3 * (size_t)from->inner) * sizeof *qkv);
    best_first(c->scores->head[layer], from->heads, c->rank);
    for (int part = 0; part < 3; part++) {
        const size_t row = (size_t)part * from->inner;
        merge_part(c, count, keep, k * d, c->merged + row * d);
        merge_part(c, count, keep, k, c->merged + weights + row);
    }
    return c->merged;
}

/* --- growing without noise --- */

static void hush(const struct tr_cut *c, const struct tr_plan_linear *linear)
{
    memset(c->to + linear->weight, 0, (size_t)linear->in * linear->out * sizeof *c->to);
    memset(c->to + linear->bias, 0, (size_t)linear->out * sizeof *c->to);
}

/* All that writes to the residual stream, and queries, which decide about wider heads; before what
 * is inherited is written over it. */
static void hush_new(const struct tr_cut *c)
{
    const struct tr_plan *to = c->student->plan;
    const size_t d = (size_t)c->student->arch.width;

    if (!c->options->quiet)
        return;
    for (int l = 0; l < c->student->arch.depth; l++) {
        hush(c, &to->block[l].proj);
        hush(c, &to->block[l].down);
        memset(c->to + to->block[l].query.weight, 0, to->block[l].inner * d * sizeof *c->to);
        memset(c->to + to->block[l].query.bias, 0, (size_t)to->block[l].inner * sizeof *c->to);
    }
    if (space_same_tokens(&c->student->arch, &c->source->arch, NULL) || c->student->stem.vocabulary)
        return; /* there is no stem to inherit, or it is given whole */
    hush(c, &to->stem);
    memset(c->to + to->position, 0, (size_t)c->student->tokens * d * sizeof *c->to);
    if (c->student->stem.class_rows)
        memset(c->to + to->class_token, 0, d * sizeof *c->to);
}

/* With zeros in between the variance is smaller by the ratio of the widths (for a mean of 0). */
static void scale_norm(const struct tr_cut *c, const struct tr_plan_norm *to)
{
    const int d = c->student->arch.width, source_d = c->source->arch.width;
    const float factor = sqrtf((float)source_d / (float)d);

    for (int i = 0; c->options->quiet && d > source_d && i < d; i++)
        if (c->channel[i] >= 0)
            c->to[to->gamma + i] *= factor;
}

/* --- slicing --- */

void tr__cut_slice(struct tr_cut *c, const float *from, int stride, const int *rows, int row_count,
                   const int *cols, int col_count, size_t to)
{
    c->copied += tr_slice(from, stride, rows, row_count, cols, col_count, c->to + to);
}

/* A vector over the channels. */
static void slice_channels(struct tr_cut *c, size_t from, size_t to)
{
    tr__cut_slice(c, c->from + from, c->source->arch.width, NULL, 1, c->channel,
                  c->student->arch.width, to);
}

void tr__cut_linear(struct tr_cut *c, const struct tr_plan_linear *from, const int *rows,
                    const int *cols, const struct tr_plan_linear *to)
{
    tr__cut_slice(c, c->from + from->weight, from->in, rows, to->out, cols, to->in, to->weight);
    tr__cut_slice(c, c->from + from->bias, 1, rows, to->out, NULL, 1, to->bias);
}

static void slice_norm(struct tr_cut *c, const struct tr_plan_norm *from,
                       const struct tr_plan_norm *to)
{
    slice_channels(c, from->gamma, to->gamma);
    slice_channels(c, from->beta, to->beta);
    scale_norm(c, to);
}

/* Scores are divided by the root of the head width: another width would change them all. */
static void keep_scale(const struct tr_cut *c, const struct tr_plan_block *to)
{
    const float factor = sqrtf((float)c->student->arch.head_dim / (float)c->source->arch.head_dim);
    const ptrdiff_t d = c->student->arch.width;

    for (ptrdiff_t i = 0; i < to->inner; i++) {
        for (ptrdiff_t j = 0; c->lookup[i] >= 0 && j < d; j++)
            c->to[to->query.weight + i * d + j] *= factor;
        if (c->lookup[i] >= 0)
            c->to[to->query.bias + i] *= factor;
    }
}

static void slice_block(struct tr_cut *c, int l, int layer)
{
    const struct tr_plan_block *to = &c->student->plan->block[l];
    const struct tr_plan_block *from = &c->source->plan->block[layer];
    const float *qkv = merged_qkv(c, to, from, layer);
    const int d = c->student->arch.width, source_d = c->source->arch.width;

    map_block(c, to, from, layer, qkv);
    slice_norm(c, &from->norm1, &to->norm1);
    tr__cut_slice(c, qkv, source_d, c->all, 3 * to->inner, c->channel, d, to->query.weight);
    tr__cut_slice(c, qkv + 3 * (size_t)from->inner * source_d, 1, c->all, 3 * to->inner, NULL, 1,
                  to->query.bias);
    if (c->student->arch.head_dim != c->source->arch.head_dim)
        keep_scale(c, to);
    tr__cut_linear(c, &from->proj, c->channel, c->value, &to->proj);
    slice_norm(c, &from->norm2, &to->norm2);
    tr__cut_linear(c, &from->up, c->neuron, c->channel, &to->up);
    tr__cut_linear(c, &from->down, c->channel, c->neuron, &to->down);
}

/* Do both compute a block alike? */
static bool same_blocks(const struct tr_cut *c)
{
    const struct space_variant *a = &c->student->shape.variant, *b = &c->source->shape.variant;

    return a->post_norm == b->post_norm && a->causal == b->causal && a->activation == b->activation;
}

static void slice_ends(struct tr_cut *c)
{
    const struct tr_plan *to = c->student->plan, *from = c->source->plan;
    const int d = c->student->arch.width;

    const struct space_variant *a = &c->student->shape.variant, *b = &c->source->shape.variant;

    if (space_same_tokens(&c->student->arch, &c->source->arch, NULL) == RT_OK &&
        !c->student->stem.vocabulary) {
        tr__cut_linear(c, &from->stem, c->channel, NULL, &to->stem);
        tr__cut_slice(c, c->from + from->position, c->source->arch.width, NULL, c->student->tokens,
                      c->channel, d, to->position);
    }
    if (c->student->stem.class_rows)
        slice_channels(c, from->class_token, to->class_token);
    if (a->stem_norm && b->stem_norm)
        slice_norm(c, &from->stem_norm, &to->stem_norm);
    if (!a->no_final_norm && !b->no_final_norm)
        slice_norm(c, &from->norm, &to->norm);
    if (a->head == SPACE_HEAD_LINEAR && b->head == SPACE_HEAD_LINEAR)
        tr__cut_linear(c, &from->head, NULL, c->channel, &to->head);
}

/* --- the whole --- */

/* Carve everything; a counting arena only measures. */
static rt_status cut_init(struct tr_cut *c, struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_plan *to = c->student->plan, *from = c->source->plan;
    const size_t inner = (size_t)to->max_inner, qkv = 3 * (size_t)from->max_inner;
    const size_t source_d = (size_t)c->source->arch.width;

    c->channel = rt_arena_alloc(arena, (size_t)c->student->arch.width, sizeof(int));
    c->head = rt_arena_alloc(arena, inner, sizeof(int));
    c->neuron = rt_arena_alloc(arena, (size_t)to->max_ffn, sizeof(int));
    c->lookup = rt_arena_alloc(arena, inner, sizeof(int));
    c->value = rt_arena_alloc(arena, inner, sizeof(int));
    c->all = rt_arena_alloc(arena, 3 * inner, sizeof(int));
    c->order = rt_arena_alloc(arena, (size_t)c->source->arch.head_dim, sizeof(double));
    c->merged = rt_arena_alloc(arena, qkv * (source_d + 1), sizeof(float));
    c->sorted = rt_arena_alloc(arena, qkv * source_d, sizeof(float));
    c->rank = rt_arena_alloc(arena, (size_t)from->max_inner, sizeof(int));
    c->row = rt_arena_alloc(arena, 2 * source_d + (size_t)c->student->stem.features, sizeof(float));
    return rt_arena_check(arena, "cutting a student out of a teacher", err);
}

static rt_status lineage_init(struct tr_lineage *lineage, const struct space_arch *arch,
                              struct rt_err *err)
{
    size_t heads = 1; /* and one more: nothing is asked to be of no size */

    *lineage = (struct tr_lineage){0};
    for (int l = 0; l < arch->depth; l++)
        heads += (size_t)arch->heads[l];
    int *at = malloc(heads * sizeof *at);
    if (!at)
        return rt_fail(err, RT_ENOMEM, "no memory for the lineage of a student");
    for (size_t i = 0; i < heads; i++)
        at[i] = -1;
    lineage->head[0] = at; /* owns them all */
    for (int l = 1; l < arch->depth; l++)
        lineage->head[l] = lineage->head[l - 1] + arch->heads[l - 1];
    return RT_OK;
}

void tr_lineage_release(struct tr_lineage *lineage)
{
    free(lineage->head[0]);
    *lineage = (struct tr_lineage){0};
}

static void cut_out(struct tr_cut *c, struct tr_lineage *lineage)
{
    const struct space_arch *arch = &c->student->arch;

    choose(c->scores->channel, c->source->arch.width, arch->width, c->channel);
    map_layers(c, lineage->layer);
    hush_new(c);
    const bool tokens =
        c->student->stem.vocabulary && space_same_tokens(arch, &c->source->arch, NULL) == RT_OK;
    if (tokens)
        tr__cut_table(c, same_blocks(c));
    if (!same_blocks(c)) {
        for (int l = 0; l < arch->depth; l++)
            lineage->layer[l] = -1;
        lineage->inherited = c->copied;
        return;
    }
    slice_ends(c);
    for (int l = 0; l < arch->depth; l++) {
        if (lineage->layer[l] < 0)
            continue;
        slice_block(c, l, lineage->layer[l]);
        memcpy(lineage->head[l], c->head, (size_t)arch->heads[l] * sizeof *c->head);
    }
    lineage->inherited = c->copied;
}

size_t tr_inherit_bytes(const struct tr_student *student, const struct tr_student *source)
{
    struct tr_cut c = {.student = student, .source = source};
    struct rt_arena arena;

    rt_arena_init_counting(&arena);
    (void)cut_init(&c, &arena, NULL); /* cannot fail */
    return arena.used;
}

rt_status tr_inherit(const struct tr_student *student, float *params,
                     const struct tr_student *source, const float *source_params,
                     const struct tr_importance *scores, const struct tr_inherit_options *options,
                     struct tr_lineage *lineage, struct rt_err *err)
{
    struct tr_cut c = {.student = student,
                       .source = source,
                       .scores = scores,
                       .options = options,
                       .from = source_params,
                       .to = params};
    struct rt_arena arena;
    rt_status rc;

    RT_TRY(lineage_init(lineage, &student->arch, err));
    if ((rc = rt_arena_init(&arena, tr_inherit_bytes(student, source), err)) == RT_OK &&
        (rc = cut_init(&c, &arena, err)) == RT_OK)
        cut_out(&c, lineage);
    rt_arena_release(&arena);
    if (rc)
        tr_lineage_release(lineage);
    return rc;
}

/* ---- the donor ---- */

static rt_status take_basis(struct tr_donor *a, struct rt_err *err)
{
    return tr_table_basis_init(&a->basis, &a->network.student, a->network.weights.params, err);
}

static rt_status measure(struct tr_donor *a, const struct tr_prune *prune,
                         const struct tr_data *data, uint64_t seed, struct rt_err *err)
{
    int *rows, n;

    RT_TRY(tr_calibration_rows(&data->task->split, seed, prune->calibration, &rows, &n, err));
    const rt_status rc = tr_importance_measure(&a->scores, prune->importance, &a->network.student,
                                               &a->network.weights, data, rows, n, err);
    free(rows);
    return rc;
}

rt_status tr_donor_open(struct tr_donor *donor, const struct tr_teaching *teaching,
                        const struct tr_prune *prune, const struct tr_data *data, uint64_t seed,
                        struct rt_err *err)
{
    rt_status rc;

    *donor = (struct tr_donor){.options = prune->inherit};
    if ((rc = tr_teacher_open(&donor->network, teaching, prune->teacher, TR_NETWORK_TRAIN, err)) ||
        (rc = take_basis(donor, err)) || (rc = measure(donor, prune, data, seed, err)))
        tr_donor_close(donor);
    return rc;
}

static const struct tr_prune few = {.importance = TR_IMPORTANCE_ACTIVATION, .calibration = 128};

/* Of a network whose weights are not there yet. */
static rt_status check_memory(const struct space_arch *arch, const struct space_shape *shape,
                              const struct tr_kernels *kernels, const struct tr_data *data,
                              size_t limit, struct rt_err *err)
{
    struct tr_student network;

    RT_TRY(tr_student_init(&network, arch, shape, kernels, err));
    const size_t bytes =
        tr_weights_bytes(&network, true) + tr_importance_bytes(few.importance, &network, data);
    tr_student_release(&network);
    if (!limit || bytes <= limit)
        return RT_OK;
    return rt_fail(err, RT_ENOMEM,
                   "scoring the parent needs %zu bytes, more than search.worker_memory %zu; raise "
                   "it or give search.inherit: none",
                   bytes, limit);
}

static rt_status load_network(struct tr_donor *a, const char *weights,
                              const struct space_shape *shape, const struct tr_kernels *kernels,
                              const struct tr_data *data, size_t limit, struct rt_err *err)
{
    struct tr_network *net = &a->network;
    struct space_arch arch;
    char *text = NULL;

    RT_TRY(tr_safetensors_metadata(weights, "arch", &text, err));
    rt_status rc =
        text ? space_arch_parse(text, &arch, err)
             : rt_fail(err, RT_EFORMAT, "'%.200s' does not name its architecture", weights);
    free(text);
    if (rc == RT_OK)
        rc = check_memory(&arch, shape, kernels, data, limit, err);
    if (rc == RT_OK)
        rc = tr_network_open(net, &arch, shape, kernels, TR_NETWORK_TRAIN, err);
    if (rc == RT_OK)
        rc = tr_safetensors_read(weights, &net->student, net->weights.params, err);
    if (rc == RT_OK)
        tr_weights_pack(&net->student, &net->weights);
    return rc;
}

rt_status tr_donor_load(struct tr_donor *donor, const char *weights,
                        const struct space_shape *shape, const struct tr_kernels *kernels,
                        const struct tr_data *data, uint64_t seed, size_t limit, struct rt_err *err)
{
    rt_status rc;

    *donor = (struct tr_donor){.options = {.layers = TR_INHERIT_INFLUENCE, .quiet = true}};
    if ((rc = load_network(donor, weights, shape, kernels, data, limit, err)) ||
        (rc = take_basis(donor, err)) || (rc = measure(donor, &few, data, seed, err)))
        tr_donor_close(donor);
    return rc;
}

size_t tr_donor_bytes(const struct tr_donor *donor)
{
    return donor->network.arena.capacity;
}

void tr_donor_close(struct tr_donor *donor)
{
    tr_importance_release(&donor->scores);
    tr_table_basis_release(&donor->basis);
    tr_network_close(&donor->network);
}

rt_status tr_donor_start(const struct tr_donor *donor, const struct tr_student *student,
                         uint64_t seed, float *params, struct tr_lineage *lineage,
                         struct rt_err *err)
{
    *lineage = (struct tr_lineage){0};
    tr_student_init_params(student, seed, params);
    if (!donor)
        return RT_OK;
    struct tr_inherit_options options = donor->options;
    options.basis = &donor->basis; /* a donor may have been moved */
    return tr_inherit(student, params, &donor->network.student, donor->network.weights.params,
                      &donor->scores, &options, lineage, err);
}
