/* trainer/speed.c -- see speed.h. */
#include "trainer/speed.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "trainer/train.h"

enum { example_count = 512, most_steps = 100000, fewest_steps = 5 };

/* A task made of noise: only its sizes matter. */
struct noise {
    struct tr_images images;
    struct tr_split split;
    struct tr_knowledge knowledge;
    float *logits;
    struct tr_data data;
};

static void noise_release(struct noise *noise)
{
    tr_images_release(&noise->images);
    free(noise->split.train);
    free(noise->logits);
}

static rt_status noise_init(struct noise *noise, const struct space_shape *shape,
                            struct rt_err *err)
{
    const size_t pixels = (size_t)example_count * shape->height * shape->width * shape->channels;
    const size_t values = (size_t)example_count * shape->classes;
    struct rt_rng rng;

    *noise = (struct noise){.images = {.count = example_count,
                                       .height = shape->height,
                                       .width = shape->width,
                                       .channels = shape->channels,
                                       .classes = shape->classes},
                            .split = {.train_count = example_count, .mean = .5F, .sd = .25F}};
    noise->images.pixels = malloc(pixels);
    noise->images.labels = malloc(example_count * sizeof(int));
    noise->split.train = malloc(example_count * sizeof(int));
    noise->logits = malloc(values * sizeof(float));
    if (!noise->images.pixels || !noise->images.labels || !noise->split.train || !noise->logits) {
        noise_release(noise);
        return rt_fail(err, RT_ENOMEM, "no memory to measure speed");
    }
    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 1);
    for (size_t i = 0; i < pixels; i++)
        noise->images.pixels[i] = (uint8_t)rt_rng_below(&rng, 256);
    for (size_t i = 0; i < values; i++)
        noise->logits[i] = (float)rt_rng_normal(&rng);
    for (int i = 0; i < example_count; i++) {
        noise->split.train[i] = i;
        noise->images.labels[i] = i % shape->classes;
    }
    noise->knowledge.key =
        (struct tr_knowledge_key){.teachers = 1, .classes = shape->classes, .rows = example_count};
    noise->knowledge.logits = noise->logits;
    noise->data = (struct tr_data){&noise->images, &noise->split, &noise->knowledge};
    return RT_OK;
}

struct stopwatch { /* notes when each step ended, and calls a halt in time */
    double *seconds;
    int count;
    int64_t last, end;
    atomic_int stop;
};

static void note_step(void *context, int step, int steps)
{
    struct stopwatch *watch = context;
    const int64_t now = rt_now_ns();
    (void)steps;
    if (step > 1) /* the first step also touches fresh memory */
        watch->seconds[watch->count++] = (double)(now - watch->last) * 1e-9;
    watch->last = now;
    if (now > watch->end && watch->count >= fewest_steps)
        atomic_store(&watch->stop, 1);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tr_train_flops(const struct tr_student *student)
{
    struct space_cost cost;
    const int patches = student->tokens - (student->shape.pool == SPACE_POOL_CLASS);

    tr_student_cost(student, &cost);
    return 2 *
           (3 * (double)cost.macs - (double)patches * student->patch_size * student->arch.width);
}

static rt_status time_training(const struct tr_student *student, const struct noise *noise,
                               const struct tr_recipe *recipe, double seconds,
                               struct tr_weights *weights, struct tr_speed *speed,
                               struct rt_err *err)
{
    struct stopwatch watch = {.end = rt_now_ns() + (int64_t)(seconds * 1e9)};
    struct tr_training training = {.student = student,
                                   .data = &noise->data,
                                   .recipe = recipe,
                                   .seed = 1,
                                   .lanes = 1,
                                   .threads = 1,
                                   .stop = &watch.stop,
                                   .progress = note_step,
                                   .progress_context = &watch};
    struct tr_train_summary summary;
    rt_status rc;

    watch.seconds = malloc(most_steps * sizeof *watch.seconds);
    if (!watch.seconds)
        return rt_fail(err, RT_ENOMEM, "no memory to measure speed");
    speed->bytes = tr_train_bytes(&training) + tr_weights_bytes(student, true);
    rc = tr_train(&training, weights, &summary, err);
    if (rc == RT_OK || rc == RT_ESTOP) {
        rc = RT_OK;
        qsort(watch.seconds, (size_t)watch.count, sizeof *watch.seconds, compare_doubles);
        speed->step_seconds = watch.seconds[watch.count / 2];
        speed->examples_per_second = recipe->batch / speed->step_seconds;
        speed->flops_per_second = speed->examples_per_second * tr_train_flops(student);
    }
    free(watch.seconds);
    return rc;
}

rt_status tr_speed_measure(const struct tr_student *student, int batch, int micro_batch,
                           double seconds, struct tr_speed *speed, struct rt_err *err)
{
    const struct tr_latency_options once = {1, 1, 50, 300};
    struct tr_recipe recipe = {.steps = most_steps,
                               .batch = batch,
                               .micro_batch = micro_batch,
                               .learning_rate = 1e-3,
                               .warmup = .1,
                               .weight_decay = .01};
    struct rt_arena model = {0};
    struct tr_weights weights;
    struct noise noise;
    rt_status rc;

    tr_distill_defaults(&recipe.distill);
    recipe.distill.weight[0] = 1;
    if (!micro_batch)
        RT_TRY(tr_micro_batch_choose(student, batch, &recipe.micro_batch, err));
    speed->micro_batch = recipe.micro_batch;
    RT_TRY(noise_init(&noise, &student->shape, err));
    if ((rc = rt_arena_init(&model, tr_weights_bytes(student, true), err)) ||
        (rc = tr_weights_init(&weights, student, true, &model, err)))
        goto done;
    tr_student_init_params(student, 1, weights.params);
    if ((rc = time_training(student, &noise, &recipe, seconds, &weights, speed, err)))
        goto done;
    rc = tr_latency_measure(student, &weights, &once, &speed->latency, err);
done:
    rt_arena_release(&model);
    noise_release(&noise);
    return rc;
}
