/* trainer/task/image/image_reread.c -- images as a network from elsewhere reads them: the same pixels,
 * by its own mean and sd of each channel.
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
    struct view *self = calloc(1, sizeof *self);

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
