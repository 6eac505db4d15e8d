/* trainer/teachers/linear_probe.c -- see linear_probe.h. */
#include "trainer/teachers/linear_probe.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/distill/schedule.h"

struct fit { /* of F features and C classes: parameters are W, row after row, then b */
    int features, classes, n;
    size_t count;                /* of parameters */
    float *param, *grad, *m, *v; /* [count] */
    float *mean, *scale;         /* [F]; scale: 1 / deviation */
    float *unit, *p;             /* [F] an example; [C] its probabilities */
    int *order;                  /* [n] */
    const float *x;
    const int *label, *rows;
};

static void measure(struct fit *f)
{
    for (int j = 0; j < f->features; j++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < f->n; i++) {
            const double x = f->x[(ptrdiff_t)f->rows[i] * f->features + j];
            sum += x;
            squares += x * x;
        }
        const double mean = sum / f->n, variance = squares / f->n - mean * mean;
        f->mean[j] = (float)mean;
        f->scale[j] = variance > 1e-12 ? (float)(1 / sqrt(variance)) : 1;
    }
}

static void take(struct fit *f, int row)
{
    const float *x = f->x + (ptrdiff_t)row * f->features;

    for (int j = 0; j < f->features; j++)
        f->unit[j] = (x[j] - f->mean[j]) * f->scale[j];
}

/* Adds the gradient of one example's cross-entropy, times share. */
static void learn(struct fit *f, int row, float share)
{
    const ptrdiff_t features = f->features, classes = f->classes;
    const float *bias = f->param + classes * features;
    float top = -INFINITY, sum = 0;

    take(f, row);
    for (ptrdiff_t c = 0; c < classes; c++) {
        float z = bias[c];
        for (ptrdiff_t j = 0; j < features; j++)
            z += f->param[c * features + j] * f->unit[j];
        f->p[c] = z;
        top = fmaxf(top, z);
    }
    for (ptrdiff_t c = 0; c < classes; c++)
        sum += f->p[c] = expf(f->p[c] - top);
    for (ptrdiff_t c = 0; c < classes; c++) {
        const float g = share * (f->p[c] / sum - (float)(c == f->label[row]));
        for (ptrdiff_t j = 0; j < features; j++)
            f->grad[c * features + j] += g * f->unit[j];
        f->grad[classes * features + c] += g;
    }
}

static void update(struct fit *f, const struct tr_probe_recipe *recipe, int step, float rate)
{
    const float b1 = .9F, b2 = .999F;
    const float first = 1 / (1 - powf(b1, (float)(step + 1)));
    const float second = 1 / (1 - powf(b2, (float)(step + 1)));
    const size_t weights = (size_t)f->classes * f->features;

    for (size_t i = 0; i < f->count; i++) {
        const float decay = i < weights ? (float)recipe->weight_decay : 0;
        f->m[i] = b1 * f->m[i] + (1 - b1) * f->grad[i];
        f->v[i] = b2 * f->v[i] + (1 - b2) * f->grad[i] * f->grad[i];
        f->param[i] -=
            rate * (f->m[i] * first / (sqrtf(f->v[i] * second) + 1e-8F) + decay * f->param[i]);
        f->grad[i] = 0;
    }
}

static void shuffle(struct fit *f, uint64_t seed, int64_t epoch)
{
    struct rt_rng rng;

    memcpy(f->order, f->rows, (size_t)f->n * sizeof *f->order);
    rt_rng_init(&rng, seed, RT_STREAM_ORDER, (uint64_t)epoch);
    rt_rng_shuffle(&rng, f->order, (size_t)f->n);
}

static rt_status all_steps(struct fit *f, const struct tr_probe_recipe *recipe,
                           const atomic_int *stop, struct rt_err *err)
{
    const double wanted = recipe->epochs * f->n / recipe->batch;
    const int steps = wanted < 1 ? 1 : wanted > 1e9 ? 1000000000 : (int)wanted;
    int64_t next = 0;

    for (int step = 0; step < steps; step++) {
        const double rate = recipe->learning_rate * tr_learning_rate(step, steps, recipe->warmup);
        if (stop && atomic_load_explicit(stop, memory_order_relaxed))
            return rt_fail(err, RT_ESTOP, "a probe was asked to stop at step %d of %d", step,
                           steps);
        for (int i = 0; i < recipe->batch; i++, next++) {
            if (next % f->n == 0)
                shuffle(f, recipe->seed, next / f->n);
            learn(f, f->order[next % f->n], 1 / (float)recipe->batch);
        }
        update(f, recipe, step, (float)rate);
    }
    return RT_OK;
}

/* Mean and deviation into W and b. */
static void fold(const struct fit *f, struct tr_linear_probe *probe)
{
    const ptrdiff_t features = f->features;

    for (ptrdiff_t c = 0; c < f->classes; c++) {
        double bias = f->param[f->classes * features + c];
        for (ptrdiff_t j = 0; j < features; j++) {
            const float w = f->param[c * features + j] * f->scale[j];
            probe->weight[c * features + j] = w;
            bias -= (double)w * (double)f->mean[j];
        }
        probe->bias[c] = (float)bias;
    }
}

rt_status tr_linear_probe_train(struct tr_linear_probe *probe, int features, int classes,
                                const float *x, const int *label, const int *rows, int n,
                                const struct tr_probe_recipe *recipe, const atomic_int *stop,
                                struct rt_err *err)
{
    const size_t count = ((size_t)features + 1) * (size_t)classes;
    struct fit f = {.features = features,
                    .classes = classes,
                    .n = n,
                    .count = count,
                    .x = x,
                    .label = label,
                    .rows = rows};
    float *room = calloc(4 * count + 3 * (size_t)features + (size_t)classes, sizeof *room);
    rt_status rc;

    assert(features >= 1 && classes >= 2 && n >= 1 && recipe->batch >= 1);
    *probe = (struct tr_linear_probe){.features = features, .classes = classes};
    f.order = malloc((size_t)n * sizeof *f.order);
    probe->weight = calloc(count, sizeof *probe->weight);
    probe->bias = calloc((size_t)classes, sizeof *probe->bias);
    if (!room || !f.order || !probe->weight || !probe->bias) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for a probe");
    } else {
        f.param = room;
        f.grad = f.param + count;
        f.m = f.grad + count;
        f.v = f.m + count;
        f.mean = f.v + count;
        f.scale = f.mean + features;
        f.unit = f.scale + features;
        f.p = f.unit + features;
        measure(&f);
        if ((rc = all_steps(&f, recipe, stop, err)) == RT_OK)
            fold(&f, probe);
    }
    free(room);
    free(f.order);
    if (rc)
        tr_linear_probe_release(probe);
    return rc;
}

void tr_linear_probe_answer(const struct tr_linear_probe *probe, const float *x, int n,
                            float *logits)
{
    const ptrdiff_t features = probe->features, classes = probe->classes;

    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t c = 0; c < classes; c++) {
            float z = probe->bias[c];
            for (ptrdiff_t j = 0; j < features; j++)
                z += probe->weight[c * features + j] * x[i * features + j];
            logits[i * classes + c] = z;
        }
}

void tr_linear_probe_release(struct tr_linear_probe *probe)
{
    free(probe->weight);
    free(probe->bias);
    *probe = (struct tr_linear_probe){0};
}
