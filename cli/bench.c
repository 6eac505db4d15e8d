/* cli/bench.c -- one student, measured for `retort bench`; see bench.h. */
#include "cli/bench.h"

static rt_status measure(const struct tr_student *student, const struct tr_recipe *recipe,
                         double seconds, struct bench_row *row, struct rt_err *err)
{
    const struct tr_latency_options once = {1, 1, 50, 300};
    struct rt_arena model = {0};
    struct tr_weights weights;
    struct tr_noise noise;
    rt_status rc;

    RT_TRY(tr_noise_init(&noise, &student->shape, 1, err));
    if ((rc = rt_arena_init(&model, tr_weights_bytes(student, true), err)) ||
        (rc = tr_weights_init(&weights, student, true, &model, err)) ||
        (rc = tr_speed_train(student, &noise.data, recipe, seconds, &weights, &row->speed, err)))
        goto done;
    rc = tr_latency_measure(student, &weights, &once, &row->latency, err);
done:
    rt_arena_release(&model);
    tr_noise_release(&noise);
    return rc;
}

rt_status bench_student(const struct space_arch *arch, const struct space_shape *shape,
                        const struct tr_kernels *kernels, int micro_batch, double seconds,
                        struct bench_row *row, struct rt_err *err)
{
    struct tr_recipe recipe = {
        .batch = bench_batch, .learning_rate = 1e-3, .warmup = .1, .weight_decay = .01};
    struct tr_student student;
    rt_status rc = RT_OK;

    tr_distill_defaults(&recipe.distill);
    recipe.distill.weight[0] = 1;
    space_arch_print(arch, row->arch);
    row->side = shape->width;
    row->tuning = (struct tr_tuning){micro_batch, false};
    RT_TRY(tr_student_init(&student, arch, shape, kernels, err));
    if (!micro_batch)
        rc = tr_tune(&student, bench_batch, &row->tuning, err);
    if (rc == RT_OK && row->tuning.openblas) {
        tr_student_release(&student);
        RT_TRY(tr_student_init(&student, arch, shape, tr_kernels_with_openblas(kernels), err));
    }
    recipe.micro_batch = row->tuning.micro_batch;
    if (rc == RT_OK)
        rc = measure(&student, &recipe, seconds, row, err);
    tr_student_release(&student);
    return rc;
}
