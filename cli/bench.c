/* cli/bench.c -- one student, measured for `retort bench`: tuned as a study's would be, then
 * trained on noise, whose values do not change what a step costs.
 */
#include "cli/bench.h"

#include <stdlib.h>

#include "base/random.h"
#include "trainer/net/network.h"
#include "trainer/task/image/image.h"

enum { example_count = 512 };

rt_status bench_knowledge(const struct tr_task *task, int teachers, struct tr_knowledge *knowledge,
                          float **logits, struct rt_err *err)
{
    const int classes = task->shape.classes;
    const size_t n = (size_t)task->rows * teachers * classes;
    struct rt_rng rng;

    *logits = malloc(n * sizeof **logits);
    if (!*logits)
        return rt_fail(err, RT_ENOMEM, "no memory to stand in for the teachers");
    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 2);
    for (size_t i = 0; i < n; i++)
        (*logits)[i] = (float)rt_rng_normal(&rng);
    *knowledge = (struct tr_knowledge){
        .key = {.teachers = teachers, .classes = classes, .rows = task->rows}, .logits = *logits};
    return RT_OK;
}

static rt_status measure(struct tr_network *net, const struct tr_recipe *recipe, double seconds,
                         struct bench_row *row, struct rt_err *err)
{
    const struct tr_latency_options single = {.batch = 1, .threads = 1, .warmup = 50};
    struct tr_latency latency;
    struct tr_knowledge knowledge = {0};
    struct tr_ensemble ensemble;
    struct tr_task *task = NULL;
    struct tr_data data;
    float *logits = NULL;
    rt_status rc;

    if ((rc = tr_image_task_noise(&task, &net->student.shape, example_count, err)) ||
        (rc = bench_knowledge(task, 1, &knowledge, &logits, err)))
        goto done;
    tr_ensemble_defaults(&ensemble);
    ensemble.weight[0] = 1;
    data = (struct tr_data){.task = task, .knowledge = &knowledge, .ensemble = &ensemble};
    if ((rc = tr_speed_train(&net->student, &data, recipe, seconds, &net->weights, &row->speed,
                             err)))
        goto done;
    if ((rc = tr_latency_take(&net->student.arch, &net->student.shape, net->student.kernels,
                              &single, TR_LATENCY_BLOCKS, .3, &latency, err)) == RT_OK)
        tr_latency_estimate(latency.block, latency.count,
                            tr_reference_best(latency.block, latency.count, NULL), &row->latency);
done:
    tr_task_close(task);
    free(logits);
    return rc;
}

static rt_status tune(const struct space_arch *arch, const struct space_shape *shape,
                      const struct tr_kernels *kernels, struct tr_tuning *tuning,
                      struct rt_err *err)
{
    struct tr_student student;

    RT_TRY(tr_student_init(&student, arch, shape, kernels, err));
    const rt_status rc = tr_tune(&student, bench_batch, tuning, err);
    tr_student_release(&student);
    return rc;
}

rt_status bench_student(const struct space_arch *arch, const struct space_shape *shape,
                        const struct tr_kernels *kernels, int micro_batch, double seconds,
                        struct bench_row *row, struct rt_err *err)
{
    struct tr_recipe recipe = {
        .batch = bench_batch, .learning_rate = 1e-3, .warmup = .1, .weight_decay = .01};
    struct tr_network net;
    rt_status rc;

    tr_distill_defaults(&recipe.distill);
    space_arch_print(arch, row->arch);
    row->side = shape->width;
    row->tuning = (struct tr_tuning){micro_batch, false};
    if (!micro_batch)
        RT_TRY(tune(arch, shape, kernels, &row->tuning, err));
    if (row->tuning.openblas)
        kernels = tr_kernels_with_openblas(kernels);
    recipe.micro_batch = row->tuning.micro_batch;
    RT_TRY(tr_network_open(&net, arch, shape, kernels, TR_NETWORK_TRAIN, err));
    rc = measure(&net, &recipe, seconds, row, err);
    tr_network_close(&net);
    return rc;
}
