/* cli/doctor_kernels.c -- do the chosen kernels say what the plain ones say, on this processor?
 *
 * A whole student is compared rather than each kernel: widths and token counts are chosen so that
 * every kernel meets a tail shorter than a vector.
 */
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "cli/doctor.h"
#include "trainer/net/network.h"

enum { batch = 3, side = 12, classes = 5 };

static const struct space_shape shape = {side, side, 1, classes, SPACE_POOL_CLASS};
static const struct space_arch arch = {
    .depth = 2, .width = 28, .head_dim = 10, .patch = 4, .heads = {3, 1}, .ffn = {56, 40}};

/* Logits (batch, classes) and, behind them, the gradients of all parameters. */
static rt_status run_network(struct tr_network *net, const float *images, float *out,
                             struct rt_err *err)
{
    const struct tr_student *student = &net->student;
    const float *dlogits = images; /* any numbers will do */
    struct tr_pass *pass = NULL;
    struct rt_arena arena;

    RT_TRY(rt_arena_init(&arena, tr_pass_bytes(student, batch), err));
    const rt_status rc = tr_pass_init(&pass, student, batch, &arena, err);
    if (rc == RT_OK) {
        tr_network_start(net, 1);
        tr_pass_forward(pass, student, &net->weights, images, batch, out);
        tr_pass_backward(pass, student, &net->weights, dlogits, out + (ptrdiff_t)batch * classes);
    }
    rt_arena_release(&arena);
    return rc;
}

static rt_status outputs(const struct tr_kernels *kernels, float **out, size_t *n,
                         struct rt_err *err)
{
    float images[batch * side * side];
    struct tr_network net;
    struct rt_rng rng;

    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 0);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        images[i] = (float)(2 * rt_rng_uniform(&rng) - 1);
    RT_TRY(tr_network_open(&net, &arch, &shape, kernels, TR_NETWORK_TRAIN, err));
    *n = (size_t)batch * classes + net.student.param_count;
    *out = calloc(*n, sizeof **out);
    const rt_status rc = *out ? run_network(&net, images, *out, err)
                              : rt_fail(err, RT_ENOMEM, "no memory to try the kernels");
    tr_network_close(&net);
    return rc;
}

rt_status doctor_kernels_differ(const struct tr_kernels *kernels, double *difference,
                                struct rt_err *err)
{
    float *got = NULL, *want = NULL;
    double gap = 0, largest = 0;
    size_t n = 0;

    rt_status rc = outputs(kernels, &got, &n, err);
    if (rc == RT_OK)
        rc = outputs(tr_kernels_by_name("plain"), &want, &n, err);
    for (size_t i = 0; rc == RT_OK && i < n; i++) {
        const double d = fabs((double)got[i] - (double)want[i]);
        gap = d > gap || isnan(d) ? d : gap; /* NaN stays */
        largest = fmax(largest, fabs((double)want[i]));
    }
    if (rc == RT_OK)
        *difference = gap / largest;
    free(got);
    free(want);
    return rc;
}
