/* trainer/net/student_int8.c -- see student_int8.h. */
#include "trainer/net/student_int8.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/net/student_internal.h"

enum { calibration_batch = 16 };

/* The linear layers in the order of the table; a pruned block's query stands for q, k and v. */
static int list_layers(const struct tr_student *student,
                       struct tr_plan_linear list[TR_MAX_QUANTISERS])
{
    const struct tr_plan *plan = student->plan;
    int n = 0;

    if (student->stem.projected)
        list[n++] = plan->stem;
    for (int l = 0; l < student->arch.depth; l++) {
        const struct tr_plan_block *b = &plan->block[l];
        list[n] = b->query;
        list[n++].out = 3 * b->inner;
        list[n++] = b->proj;
        list[n++] = b->up;
        list[n++] = b->down;
    }
    if (plan->pooled_twice)
        list[n++] = plan->pooler;
    list[n++] = plan->head;
    assert(n == plan->quantisers && n <= TR_MAX_QUANTISERS);
    return n;
}

/* A table that is not a layer as well. */
static bool has_table(const struct tr_student *student)
{
    return student->stem.vocabulary && student->shape.variant.head != SPACE_HEAD_TIED;
}

int64_t tr_int8_bytes(const struct tr_student *student)
{
    struct tr_plan_linear layer[TR_MAX_QUANTISERS];
    const int n = list_layers(student, layer);
    int64_t bytes = 4 * (int64_t)student->param_count;

    for (int i = 0; i < n; i++)
        bytes += 4 + 4 * (int64_t)layer[i].out - 3 * (int64_t)layer[i].out * layer[i].in;
    if (has_table(student))
        bytes += student->stem.vocabulary * (4 - 3 * (int64_t)student->stem.features);
    return bytes;
}

/* --- the quantised copy --- */

void tr_ranges_clear(struct tr_ranges *ranges)
{
    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        ranges->amax[i] = -1;
}

rt_status tr_quantised_init(struct tr_quantised *quantised, const struct tr_student *student,
                            const struct tr_ranges *ranges, bool for_training,
                            struct rt_arena *arena, struct rt_err *err)
{
    struct tr_plan_linear layer[TR_MAX_QUANTISERS];
    const int n = list_layers(student, layer);

    for (int i = 0; i < n; i++)
        if (layer[i].in > TR_QUANT_MOST_TERMS)
            return rt_fail(err, RT_ESHAPE,
                           "a layer of %d inputs is too wide for int8, whose sums take %d",
                           layer[i].in, TR_QUANT_MOST_TERMS);
    quantised->int8.ranges = ranges;
    quantised->int8.scale = rt_arena_zalloc(arena, student->plan->channels, sizeof(float));
    return tr_weights_init(&quantised->weights, student, for_training, arena, err);
}

size_t tr_quantised_bytes(const struct tr_student *student, bool for_training)
{
    struct rt_arena arena;
    struct tr_quantised quantised;

    rt_arena_init_counting(&arena);
    (void)tr_quantised_init(&quantised, student, NULL, for_training, &arena, NULL);
    return arena.used;
}

static void round_matrix(const struct tr_student *student, const struct tr_plan_linear *layer,
                         float *params, float *scale)
{
    const struct tr_kernels *k = student->kernels;

    for (ptrdiff_t o = 0; o < layer->out; o++) {
        const struct tr_out row = {params + layer->weight + o * layer->in, layer->in};
        scale[layer->scale + o] =
            tr_quant_scale(k->largest(1, layer->in, tr_seen(row)), TR_QUANT_WEIGHT);
        k->fake_quant(1, layer->in, scale[layer->scale + o], row, NULL); /* never reaches -128 */
    }
}

/* Each row of the table has a scale of its own, which only whoever stores codes needs. */
static void round_table(const struct tr_student *student, float *params)
{
    const struct tr_kernels *k = student->kernels;
    const int cols = student->stem.features;

    for (ptrdiff_t v = 0; has_table(student) && v < student->stem.vocabulary; v++) {
        const struct tr_out row = {params + student->plan->table + v * cols, cols};
        const float scale = tr_quant_scale(k->largest(1, cols, tr_seen(row)), TR_QUANT_WEIGHT);
        k->fake_quant(1, cols, scale, row, NULL);
    }
}

void tr_quantised_update(struct tr_quantised *quantised, const struct tr_student *student,
                         const float *params)
{
    struct tr_plan_linear layer[TR_MAX_QUANTISERS];
    const int n = list_layers(student, layer);

    assert(quantised->weights.params && quantised->int8.scale);
    memcpy(quantised->weights.params, params, student->param_count * sizeof *params);
    for (int i = 0; i < n; i++)
        round_matrix(student, &layer[i], quantised->weights.params, quantised->int8.scale);
    round_table(student, quantised->weights.params);
    quantised->weights.int8 = &quantised->int8;
    tr_weights_pack(student, &quantised->weights);
}

/* --- inputs of layers --- */

rt_status tr_observer_init(struct tr_observer *observer, const struct tr_student *student,
                           int max_batch, struct rt_arena *arena, struct rt_err *err)
{
    struct tr_plan_linear layer[TR_MAX_QUANTISERS];
    const int n = list_layers(student, layer);

    tr_ranges_clear(&observer->seen);
    for (int i = 0; i < n; i++)
        observer->pass[i] = rt_arena_zalloc(
            arena, (size_t)max_batch * student->tokens * tr__padded(layer[i].in) / 8, 1);
    return rt_arena_check(arena, "the ranges of a student", err);
}

void tr__input(const struct tr_student *student, const struct tr_weights *weights,
               struct tr_observer *observer, const struct tr_plan_linear *layer, int rows,
               struct tr_out x)
{
    const struct tr_kernels *k = student->kernels;

    assert(layer->quantiser >= 0 && layer->quantiser < student->plan->quantisers &&
           x.ld >= layer->in);
    if (observer) {
        const float top = k->largest(rows, layer->in, tr_seen(x));
        observer->seen.amax[layer->quantiser] =
            fmaxf(observer->seen.amax[layer->quantiser], top); /* not NaN */
    }
    if (weights->int8)
        k->fake_quant(rows, layer->in, tr_int8_input(weights->int8, layer->quantiser), x,
                      observer ? observer->pass[layer->quantiser] : NULL);
}

void tr__input_back(const struct tr_student *student, const struct tr_weights *weights,
                    const struct tr_observer *observer, const struct tr_plan_linear *layer,
                    int rows, struct tr_out dx)
{
    assert(dx.ld >= layer->in);
    if (weights->int8 && observer)
        student->kernels->fake_quant_back(rows, layer->in, observer->pass[layer->quantiser], dx);
}

/* --- calibration --- */

struct calibration {
    struct tr_pass *pass;
    struct tr_observer observer;
    struct tr_batch batch;
    float *logits;
};

static rt_status calibration_init(struct calibration *c, const struct tr_student *student,
                                  struct rt_arena *arena, struct rt_err *err)
{
    const struct space_shape *s = &student->shape;

    *c = (struct calibration){0};
    tr_ranges_clear(&c->observer.seen);
    RT_TRY(tr_batch_init(&c->batch, &student->arch, s, calibration_batch, arena, err));
    const int answers = tr_batch_most_answers(&student->arch, s, calibration_batch);
    c->logits = rt_arena_alloc(arena, (size_t)answers * s->classes, sizeof(float));
    return tr_pass_init(&c->pass, student, calibration_batch, arena, err);
}

size_t tr_int8_calibrate_bytes(const struct tr_student *student)
{
    struct rt_arena arena;
    struct calibration c;

    rt_arena_init_counting(&arena);
    (void)calibration_init(&c, student, &arena, NULL); /* cannot fail */
    return arena.used;
}

rt_status tr_int8_calibrate(const struct tr_student *student, const struct tr_weights *weights,
                            const struct tr_task *task, const int *rows, int n,
                            struct tr_ranges *ranges, struct rt_err *err)
{
    struct rt_arena arena;
    struct calibration c;
    rt_status rc;

    assert(n >= 1 && rows);
    RT_TRY(rt_arena_init(&arena, tr_int8_calibrate_bytes(student), err));
    if ((rc = calibration_init(&c, student, &arena, err)) == RT_OK) {
        tr_pass_observe(c.pass, &c.observer);
        for (int first = 0; first < n; first += calibration_batch) {
            const int count = n - first < calibration_batch ? n - first : calibration_batch;
            task->kind->fill(task, rows + first, count, &c.batch);
            tr_pass_forward(c.pass, student, weights, &c.batch, c.logits);
        }
        *ranges = c.observer.seen;
    }
    rt_arena_release(&arena);
    return rc;
}
