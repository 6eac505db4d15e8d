/* trainer/learn/optimiser.c -- see optimiser.h; the arithmetic is in the kernel sets. */
#include "trainer/learn/optimiser.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/nn/kernels_internal.h"

rt_status tr_adamw_init(struct tr_adamw *adamw, const struct tr_student *student,
                        struct rt_arena *model, struct rt_err *err)
{
    struct tr_adamw a = {.beta1 = 0.9F, .beta2 = 0.999F, .eps = 1e-8F, .decay = 0.01F};

    a.m = rt_arena_zalloc(model, student->param_count, sizeof(float));
    a.v = rt_arena_zalloc(model, student->param_count, sizeof(float));
    RT_TRY(rt_arena_check(model, "the optimiser of a student", err));
    *adamw = a;
    return RT_OK;
}

double tr_gradient_norm(const struct tr_kernels *kernels, const float *grads, size_t n)
{
    return sqrt(kernels->sum_squares(n, grads));
}

/* Parameters in front of those that only touched rows of a table move. */
static size_t always(const struct tr_adamw *adamw, const struct tr_student *student)
{
    return adamw->touched ? student->dense_count : student->param_count;
}

/* Where a touched row of the table lies. */
static size_t row_at(const struct tr_adamw *adamw, const struct tr_student *student, int i)
{
    return student->dense_count + (size_t)adamw->touched[i] * student->stem.features;
}

double tr_adamw_norm(const struct tr_adamw *adamw, const struct tr_student *student,
                     const float *grads)
{
    const struct tr_kernels *k = student->kernels;
    const size_t e = (size_t)student->stem.features;
    double rows = 0;

    if (!adamw->touched)
        return tr_gradient_norm(k, grads, student->param_count);
    for (int i = 0; i < adamw->touched_count; i++)
        rows += k->sum_squares(e, grads + row_at(adamw, student, i));
    return sqrt(k->sum_squares(student->dense_count, grads) + rows);
}

void tr_adamw_skip(const struct tr_adamw *adamw, const struct tr_student *student, float *grads)
{
    const size_t e = (size_t)student->stem.features;

    memset(grads, 0, always(adamw, student) * sizeof *grads);
    for (int i = 0; adamw->touched && i < adamw->touched_count; i++)
        memset(grads + row_at(adamw, student, i), 0, e * sizeof *grads);
}

static void step_touched(struct tr_adamw *adamw, const struct tr_student *student,
                         const struct tr_adamw_rates *rates, float *params, float *grads)
{
    const size_t e = (size_t)student->stem.features;

    for (int i = 0; i < adamw->touched_count; i++) {
        const size_t at = row_at(adamw, student, i);
        student->kernels->adamw(e, rates, params + at, grads + at, adamw->m + at, adamw->v + at);
    }
}

void tr_adamw_step(struct tr_adamw *adamw, const struct tr_student *student, float *params,
                   float *grads, float scale, float lr)
{
    const double t = (double)++adamw->step;
    struct tr_adamw_rates rates = {.beta1 = adamw->beta1,
                                   .beta2 = adamw->beta2,
                                   .eps = adamw->eps,
                                   .scale = scale,
                                   .rate = (float)(lr / (1 - pow(adamw->beta1, t))),
                                   .second = (float)(1 / (1 - pow(adamw->beta2, t)))};

    assert(adamw->m && adamw->v && params && grads);
    for (int i = 0; i < student->tensor_count; i++) {
        const struct tr_tensor *tensor = &student->tensors[i];
        const size_t at = tensor->offset;
        rates.shrink = tensor->role == TR_ROLE_WEIGHT ? 1 - lr * adamw->decay : 1.0F;
        if (tensor->role == TR_ROLE_TABLE && adamw->touched)
            step_touched(adamw, student, &rates, params, grads);
        else
            student->kernels->adamw(tensor->count, &rates, params + at, grads + at, adamw->m + at,
                                    adamw->v + at);
    }
}
