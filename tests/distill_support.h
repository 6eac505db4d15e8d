/* tests/distill_support.h -- the rows that the distillation tests share, and gradient checks. */
#ifndef TESTS_DISTILL_SUPPORT_H
#define TESTS_DISTILL_SUPPORT_H
#include "support.h"

#include "trainer/distill/distill.h"

/* Two examples of four classes: student, teacher, labels. */
static const double zs[2][4] = {{1, 2, .5, -1}, {.3, -.7, 1.5, .2}};
static const double zt[2][4] = {{2, 1, .1, -1.5}, {0, .5, 2.5, -1}};
static const int ys[2] = {0, 2};

static inline void assert_row_at(const double *got, const double *want, int n, double atol,
                                 const char *file, int line)
{
    for (int i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= atol)) {
            print_error("[%d of %d] got %.12g, want %.12g\n", i, n, got[i], want[i]);
            _fail(file, line);
        }
}
#define assert_row(got, want, n, atol) assert_row_at(got, want, n, atol, __FILE__, __LINE__)

/* Printed vectors have nine decimals: half a unit of the last. */
#define PRINTED 6e-10

/* f's value at x; grad as f claims it. */
typedef double scalar_fn(void *context, const double *x, double *grad);

/* Central differences with h = 1e-5 against the claimed gradient, relative to its largest part. */
static inline void assert_gradient_at(scalar_fn *f, void *context, const double *at, int n,
                                      const char *file, int line)
{
    double x[64], grad[64], scratch[64], largest = 1e-3;
    const double h = 1e-5;

    assert_true(n <= 64);
    memcpy(x, at, (size_t)n * sizeof *x);
    f(context, x, grad);
    for (int i = 0; i < n; i++)
        largest = fabs(grad[i]) > largest ? fabs(grad[i]) : largest;
    for (int i = 0; i < n; i++) {
        x[i] = at[i] + h;
        const double up = f(context, x, scratch);
        x[i] = at[i] - h;
        const double down = f(context, x, scratch);
        x[i] = at[i];
        const double want = (up - down) / (2 * h);
        if (!(fabs(grad[i] - want) <= 1e-6 * largest)) {
            print_error("d/dx[%d]: claimed %.12g, by differences %.12g\n", i, grad[i], want);
            _fail(file, line);
        }
    }
}
#define assert_gradient(f, context, at, n) assert_gradient_at(f, context, at, n, __FILE__, __LINE__)

/* tr_distill_loss() of examples whose teachers' logits lie behind each other: teacher (batch,K,C). */
static inline void loss_of_rows(const struct tr_distill *distill,
                                const struct tr_ensemble *ensemble, double progress,
                                struct tr_answers answers, const float *teacher, double scale,
                                float *grad, struct tr_distill_stats *stats)
{
    const float *said[16];
    double scratch[512];

    assert_true(answers.count <= 16 && tr_distill_scratch(answers.classes) <= 512);
    for (ptrdiff_t i = 0; i < answers.count; i++)
        said[i] = teacher ? teacher + i * answers.teachers * answers.classes : NULL;
    answers.said = said;
    tr_distill_loss(distill, ensemble, progress, &answers, scale, scratch, grad, stats);
}

/* The weights of so many teachers, in order; calibrations are 1. */
static inline struct tr_ensemble ensemble_of(int teachers, const double *weight)
{
    struct tr_ensemble ensemble;

    tr_ensemble_defaults(&ensemble);
    memcpy(ensemble.weight, weight, (size_t)teachers * sizeof *weight);
    return ensemble;
}
static const double alone[] = {1};
#endif
