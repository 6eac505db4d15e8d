/* trainer/task/image/image_reread.c -- images as a network from elsewhere reads them: the same pixels,
 * by its own mean and sd of each channel; and that network's stem for pixels by the students'.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/image/image_internal.h"

struct view {
    struct tr_task task; /* first, so that one points to the other */
    const struct tr_images *images;
    float value[3][256]; /* of byte b in a channel */
};

static void fill(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch)
{
    const struct view *self = (const struct view *)task;
    const int channels = task->shape.channels;
    const size_t numbers = (size_t)batch->numbers;

    assert(batch->numbers == task->shape.height * task->shape.width * channels);
    tr_batch_resize(batch, n, NULL);
    for (int m = 0; m < n; m++) {
        const uint8_t *from = self->images->pixels + (size_t)rows[m] * numbers;
        float *to = batch->values + (size_t)m * numbers;
        for (size_t i = 0; i < numbers; i++)
            to[i] = self->value[i % (size_t)channels][from[i]];
        batch->label[m] = task->label[rows[m]];
    }
}

static void close_view(struct tr_task *task)
{
    free(task);
}

static const struct tr_task_kind kind = {.name = "image", .fill = fill, .close = close_view};

rt_status tr__image_reread(const struct tr_task *task, const struct tr_reading *how,
                           struct tr_task **view, struct rt_err *err)
{
    struct view *self;

    if (!(how->sd[0] > 0))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' has no preprocessor_config.json, which says how it reads pixels; save "
                       "the model's image processor into it",
                       how->folder);
    self = calloc(1, sizeof *self);
    if (!self)
        return rt_fail(err, RT_ENOMEM, "no memory to read images another way");
    assert(task->shape.channels <= 3 && how->shape->height == task->shape.height);
    self->task = (struct tr_task){
        .kind = &kind, .shape = *how->shape, .rows = task->rows, .label = task->label};
    memcpy(self->task.hash, task->hash, sizeof task->hash);
    self->images = tr_image_images(task);
    for (int c = 0; c < task->shape.channels; c++)
        tr_pixel_values(&(struct tr_pixel_scale){how->mean[c], how->sd[c]}, self->value[c]);
    *view = &self->task;
    return RT_OK;
}

/* (p - m) / s is what the stem wants of pixel p, (p - n) / t what it gets: W t/s and b + W (n-m)/s. */
rt_status tr__image_adapt(const struct tr_task *task, const struct tr_reading *how,
                          const struct tr_stem_tensors *stem, struct rt_err *err)
{
    const struct tr_pixel_scale *scale = tr_image_scale(task);
    const int channels = task->shape.channels;

    (void)err;
    assert(stem->weight && stem->bias && stem->features % channels == 0);
    for (int o = 0; o < stem->width; o++)
        for (int i = 0; i < stem->features; i++) {
            float *w = stem->weight + (ptrdiff_t)o * stem->features + i;
            const float sd = how->sd[i % channels];
            stem->bias[o] += *w * (scale->mean - how->mean[i % channels]) / sd;
            *w *= scale->sd / sd;
        }
    return RT_OK;
}
