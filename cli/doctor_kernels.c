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

enum { examples = 3, side = 12, classes = 5, batch_bytes = 8192 };

static const struct space_shape shape = {
    .height = side, .width = side, .channels = 1, .classes = classes, .pool = SPACE_POOL_CLASS};
static const char student[] = "L2-d28-k10-h3.1-f56.40-p4";

/* Logits (examples, classes) and, behind them, the gradients of all parameters. */
static void run_network(const struct tr_network *net, struct tr_pass *pass, struct tr_batch *batch,
                        float *out)
{
    const float *dlogits = batch->values; /* any numbers will do */
    struct rt_rng rng;

    tr_batch_resize(batch, examples, NULL);
    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 0);
    for (int i = 0; i < examples * batch->numbers; i++)
        batch->values[i] = (float)(2 * rt_rng_uniform(&rng) - 1);
    tr_pass_forward(pass, &net->student, &net->weights, batch, out);
    tr_pass_backward(pass, &net->student, &net->weights, dlogits,
                     out + (ptrdiff_t)examples * classes);
}

static rt_status outputs(const struct tr_kernels *kernels, float **out, size_t *n,
                         struct rt_err *err)
{
    struct tr_network net;
    struct space_arch arch;
    struct tr_pass *pass;
    struct tr_batch batch;
    struct rt_arena arena = {0};
    rt_status rc;

    RT_TRY(space_arch_parse(student, &arch, err));
    RT_TRY(tr_network_open(&net, &arch, &shape, kernels, TR_NETWORK_TRAIN, err));
    *n = (size_t)examples * classes + net.student.param_count;
    *out = calloc(*n, sizeof **out);
    if (!*out)
        rc = rt_fail(err, RT_ENOMEM, "no memory to try the kernels");
    else if ((rc = rt_arena_init(&arena, tr_pass_bytes(&net.student, examples) + batch_bytes,
                                 err)) == RT_OK &&
             (rc = tr_pass_init(&pass, &net.student, examples, &arena, err)) == RT_OK &&
             (rc = tr_batch_init(&batch, &arch, &shape, examples, &arena, err)) == RT_OK) {
        tr_network_start(&net, 1);
        run_network(&net, pass, &batch, *out);
    }
    rt_arena_release(&arena);
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
