/* trainer/net/student_forward.c -- the steps that training and inference share: patches, stem, block.
 *
 * What differs between the two is only where activations lie (struct tr_block_acts), so that the
 * network is written once and what latency measures is what was trained.
 */
#include <math.h>
#include <string.h>

#include "trainer/net/student_int8.h"
#include "trainer/net/student_internal.h"

float *tr__rows(struct rt_arena *arena, int rows, int cols)
{
    return rt_arena_zalloc(arena, (size_t)rows * tr__padded(cols) + TR_SLACK, sizeof(float));
}

struct tr_head tr__head(const struct tr_student *student, bool pruned)
{
    const int dim = student->arch.head_dim;

    return (struct tr_head){.queries = pruned ? 1 : student->tokens,
                            .keys = student->tokens,
                            .dim = dim,
                            .scale = 1.0F / sqrtf((float)dim)};
}

struct tr_linear tr__linear(const struct tr_plan_linear *layer, const struct tr_weights *weights)
{
    const struct tr_int8 *int8 = weights->int8;

    return (struct tr_linear){.in = layer->in,
                              .out = layer->out,
                              .weight = weights->params + layer->weight,
                              .bias = weights->params + layer->bias,
                              .forward = weights->packed ? weights->packed + layer->forward : NULL,
                              .backward =
                                  weights->packed ? weights->packed + layer->backward : NULL,
                              .weight_scale = int8 ? int8->scale + layer->scale : NULL,
                              .input_scale = int8 ? tr_int8_input(int8, layer->site) : 0};
}

/* A few floats: a call of memcpy would cost more than it copies. */
static void copy_run(float *to, const float *from, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        memcpy(to + i, from + i, 4 * sizeof *to);
    for (; i < n; i++)
        to[i] = from[i];
}

void tr__cut_patches(const struct tr_student *student, const float *images, int batch,
                     float *patches)
{
    const struct space_shape *s = &student->shape;
    const int p = student->arch.patch, across = s->width / p, down = s->height / p;
    const size_t run = (size_t)p * s->channels; /* floats of a patch's row, together in the image */
    const size_t line = (size_t)s->width * s->channels;
    const ptrdiff_t ld = tr__padded(student->patch_size);

    for (int m = 0; m < batch; m++) {
        const float *image = images + (size_t)m * s->height * line;
        float *out = patches + ((ptrdiff_t)m * student->tokens + student->plan->class_rows) * ld;
        for (int py = 0; py < down; py++)
            for (int px = 0; px < across; px++, out += ld)
                for (int y = 0; y < p; y++)
                    copy_run(out + y * run, image + (size_t)(py * p + y) * line + px * run, run);
    }
}

void tr__stem(const struct tr_student *student, const struct tr_weights *weights,
              const float *patches, int batch, float *x)
{
    const struct tr_plan *plan = student->plan;
    const struct tr_linear stem = tr__linear(&plan->stem, weights);
    const int d = student->arch.width, first = plan->class_rows, tokens = student->tokens;
    const ptrdiff_t ld = tr__padded(d), ldp = tr__padded(student->patch_size);
    const float *position = weights->params + plan->position;
    const float *token = weights->params + plan->class_token;

    for (int m = 0; m < batch; m++) {
        const ptrdiff_t row = (ptrdiff_t)m * tokens + first;
        student->kernels->linear(&stem, tokens - first, (struct tr_view){patches + row * ldp, ldp},
                                 (struct tr_view){position + (ptrdiff_t)first * d, d},
                                 (struct tr_out){x + row * ld, ld});
        for (int c = 0; first && c < d; c++)
            x[(row - 1) * ld + c] = token[c] + position[c];
    }
}

static void attend(const struct tr_student *student, const struct tr_plan_block *b, int batch,
                   const struct tr_block_acts *acts, float *scratch)
{
    const struct tr_head head = tr__head(student, b->pruned);
    const ptrdiff_t ldq = tr__padded(b->query.out), ldc = tr__padded(b->inner);
    const ptrdiff_t ldm = b->pruned ? tr__padded(b->memory.out) : ldq;
    const float *memory = b->pruned ? acts->memory : acts->query + b->inner;
    float *probs = acts->probs;

    for (ptrdiff_t m = 0; m < batch; m++) {
        const float *query = acts->query + m * head.queries * ldq;
        const float *keys = memory + m * head.keys * ldm, *values = keys + b->inner;
        float *context = acts->context + m * head.queries * ldc;
        for (ptrdiff_t at = 0; at < b->inner; at += head.dim, probs += acts->probs_stride)
            student->kernels->attention(&head, (struct tr_view){query + at, ldq},
                                        (struct tr_view){keys + at, ldm},
                                        (struct tr_view){values + at, ldm}, probs,
                                        (struct tr_out){context + at, ldc}, scratch);
    }
}

void tr__block(const struct tr_student *student, const struct tr_weights *weights, int layer,
               int batch, const struct tr_block_acts *acts, float *scratch)
{
    const struct tr_kernels *k = student->kernels;
    const struct tr_plan_block *b = &student->plan->block[layer];
    const struct tr_linear query = tr__linear(&b->query, weights);
    const struct tr_linear proj = tr__linear(&b->proj, weights);
    const struct tr_linear up = tr__linear(&b->up, weights);
    const struct tr_linear down = tr__linear(&b->down, weights);
    const int d = student->arch.width, all = batch * student->tokens;
    const int rows = b->pruned ? batch : all;
    const ptrdiff_t ld = tr__padded(d), step = b->pruned ? student->tokens * ld : ld;
    const ptrdiff_t ldf = tr__padded(b->ffn);
    const struct tr_out normed1 = {acts->normed1, ld}, normed2 = {acts->normed2, ld};
    const struct tr_out mid = {acts->mid, ld}, hidden = {acts->hidden, ldf};
    const struct tr_out context = {acts->context, tr__padded(b->inner)};
    const float *w = weights->params;

    k->norm(all, d, (struct tr_view){acts->x, ld}, w + b->norm1.gamma, w + b->norm1.beta, normed1,
            acts->stats1);
    tr__input(student, weights, acts->watch, &b->query, all, normed1);
    if (b->pruned) {
        const struct tr_linear memory = tr__linear(&b->memory, weights);
        k->linear(&memory, all, tr_seen(normed1), (struct tr_view){0},
                  (struct tr_out){acts->memory, tr__padded(memory.out)});
    }
    k->linear(&query, rows, (struct tr_view){normed1.at, step}, (struct tr_view){0},
              (struct tr_out){acts->query, tr__padded(query.out)});
    attend(student, b, batch, acts, scratch);
    tr__input(student, weights, acts->watch, &b->proj, rows, context);
    k->linear(&proj, rows, tr_seen(context), (struct tr_view){acts->x, step}, mid);
    k->norm(rows, d, tr_seen(mid), w + b->norm2.gamma, w + b->norm2.beta, normed2, acts->stats2);
    tr__input(student, weights, acts->watch, &b->up, rows, normed2);
    k->linear(&up, rows, tr_seen(normed2), (struct tr_view){0}, hidden);
    k->gelu((size_t)rows * ldf, acts->hidden, acts->slope);
    tr__input(student, weights, acts->watch, &b->down, rows, hidden);
    k->linear(&down, rows, tr_seen(hidden), tr_seen(mid), (struct tr_out){acts->out, ld});
}

int tr__final_rows(const struct tr_student *student, int batch, float *x, struct tr_out *rows)
{
    const ptrdiff_t ld = tr__padded(student->arch.width);
    const bool pruned = student->plan->block[student->arch.depth - 1].pruned;

    *rows = (struct tr_out){x, ld};
    if (!student->plan->class_rows)
        return batch * student->tokens;
    if (!pruned)
        rows->ld = student->tokens * ld;
    return batch;
}

void tr__pool(const struct tr_student *student, const float *normed, int batch, float *pooled)
{
    const int d = student->arch.width, tokens = student->tokens;
    const ptrdiff_t ld = tr__padded(d);

    if (student->plan->class_rows)
        return;
    for (int m = 0; m < batch; m++) {
        float *sum = pooled + m * ld;
        memset(sum, 0, (size_t)d * sizeof *sum);
        for (int t = 0; t < tokens; t++)
            for (int c = 0; c < d; c++)
                sum[c] += normed[((ptrdiff_t)m * tokens + t) * ld + c];
        for (int c = 0; c < d; c++)
            sum[c] /= (float)tokens;
    }
}
