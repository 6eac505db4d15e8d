/* tests/toy_task.h -- a small image task made in memory: three classes of noisy 8x8 patterns. */
#ifndef TESTS_TOY_TASK_H
#define TESTS_TOY_TASK_H
#include "support.h"

#include "trainer/learn/train.h"
#include "trainer/task/image/image.h"

enum { toy_side = 8, toy_classes = 3 };

static inline void toy_images(struct tr_images *images, int count, uint64_t seed)
{
    struct rt_rng rng;

    *images = (struct tr_images){.count = count,
                                 .height = toy_side,
                                 .width = toy_side,
                                 .channels = 1,
                                 .classes = toy_classes};
    images->pixels = malloc((size_t)count * toy_side * toy_side);
    images->labels = malloc((size_t)count * sizeof(int));
    assert_non_null(images->pixels);
    assert_non_null(images->labels);
    rt_rng_init(&rng, seed, RT_STREAM_TEST, 1);
    for (int i = 0; i < count; i++) {
        const int label = i % toy_classes;
        images->labels[i] = label;
        for (int y = 0; y < toy_side; y++)
            for (int x = 0; x < toy_side; x++) {
                const int on = label == 0 ? y < 4 : label == 1 ? x < 4 : (x < 4) == (y < 4);
                images->pixels[(i * toy_side + y) * toy_side + x] =
                    (uint8_t)(on * 120 + (int)rt_rng_below(&rng, 136));
            }
    }
    rt_hash_bytes(images->pixels, (size_t)count * toy_side * toy_side, images->hash);
}

static inline struct tr_task *toy_task_split(int count, struct tr_split_sizes sizes)
{
    struct tr_images images;
    struct tr_task *task;
    struct rt_err err;

    toy_images(&images, count, 1);
    assert_ok(tr_image_task(&task, &images, SPACE_POOL_CLASS, &sizes, &err));
    return task;
}

/* All but `validation` are train rows. */
static inline struct tr_task *toy_task(int count, int validation)
{
    return toy_task_split(count, (struct tr_split_sizes){.validation = validation, .seed = 1});
}

static inline struct space_shape toy_shape(void)
{
    return (struct space_shape){.height = toy_side,
                                .width = toy_side,
                                .channels = 1,
                                .classes = toy_classes,
                                .pool = SPACE_POOL_CLASS};
}

static inline struct space_arch toy_arch(void)
{
    struct space_arch arch;
    assert_int_equal(space_arch_parse("L2-d16-k8-h2-f24-p4", &arch, NULL), RT_OK);
    return arch;
}

/* What a network reads of these rows: out (n, numbers of one). */
static inline void toy_values(const struct tr_task *task, const int *rows, int n, float *out)
{
    const struct space_arch arch = toy_arch();
    struct rt_arena arena;
    struct tr_batch batch;
    struct rt_err err;

    assert_ok(rt_arena_init(&arena, 1 << 22, &err));
    assert_ok(tr_batch_init(&batch, &arch, &task->shape, n, &arena, &err));
    task->kind->fill(task, rows, n, &batch);
    memcpy(out, batch.values, (size_t)n * batch.numbers * sizeof *out);
    rt_arena_release(&arena);
}

static inline struct tr_recipe toy_recipe(int steps)
{
    struct tr_recipe recipe = {.steps = steps,
                               .batch = 24,
                               .micro_batch = 4,
                               .learning_rate = 3e-3,
                               .warmup = .1,
                               .weight_decay = .01,
                               .curve_points = 5};
    tr_distill_defaults(&recipe.distill);
    return recipe;
}
#endif
