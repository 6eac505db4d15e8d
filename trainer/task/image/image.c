/* trainer/task/image/image.c -- see image.h. */
#include "trainer/task/image/image.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/task/image/image_internal.h"
#include "trainer/task/npy.h"

struct image {
    struct tr_task task; /* first, so that one points to the other */
    struct tr_images images;
    struct tr_pixel_scale scale;
};

static const struct image *image_of(const struct tr_task *task)
{
    assert(task->kind == &tr_task_image);
    return (const struct image *)task;
}

/* ---- the kind ---- */

static void fill(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch)
{
    const struct image *self = image_of(task);
    const struct space_shape *shape = &task->shape;

    assert(batch->numbers == shape->height * shape->width * shape->channels);
    (void)shape; /* an assertion's alone */
    tr_batch_resize(batch, n, NULL);
    tr_images_gather(&self->images, &self->scale, rows, n, batch->values);
    for (int m = 0; m < n; m++) {
        assert(rows[m] >= 0 && rows[m] < task->rows);
        batch->label[m] = task->label[rows[m]];
    }
}

/* The names of the classes, a line each; nothing where one is no text that metadata take. */
static void describe_names(const struct tr_labels *names, void *to,
                           void (*note)(void *to, const char *key, const char *value))
{
    char lines[TR_LABELS_MAX * (TR_LABEL_NAME + 1)] = "";
    size_t used = 0;

    for (int i = 0; i < names->count; i++) {
        json_t *text = json_string(names->name[i]); /* NULL unless it is UTF-8 */
        json_decref(text);
        if (!text || strchr(names->name[i], '\n'))
            return;
        used += (size_t)snprintf(lines + used, sizeof lines - used, "%s\n", names->name[i]);
        assert(used < sizeof lines);
    }
    if (names->count)
        note(to, "labels", lines);
}

static void describe(const struct tr_task *task, void *to,
                     void (*note)(void *to, const char *key, const char *value))
{
    const struct image *self = image_of(task);

    tr_pixels_describe(&self->scale, &task->shape, to, note);
    describe_names(&self->images.names, to, note);
}

/* uint8 (rows, height, width, channels). */
static rt_status write_rows(const struct tr_task *task, const char *path, struct rt_err *err)
{
    const struct tr_images *images = &image_of(task)->images;
    const int size[4] = {images->count, images->height, images->width, images->channels};

    return tr_npy_write_bytes(path, size, 4, images->pixels, err);
}

static void close_image(struct tr_task *task)
{
    struct image *self = (struct image *)task;

    tr_split_release(&task->split);
    tr_images_release(&self->images);
    free(self);
}

const struct tr_task_kind tr_task_image = {
    .name = "image",
    .fill = fill,
    .describe = describe,
    .recall = tr_pixels_recall,
    .written = ".npy",
    .write = write_rows,
    .reread = tr__image_reread,
    .adapt = tr__image_adapt,
    .close = close_image,
};

const struct tr_pixel_scale *tr_image_scale(const struct tr_task *task)
{
    return &image_of(task)->scale;
}

const struct tr_images *tr_image_images(const struct tr_task *task)
{
    return &image_of(task)->images;
}

/* ---- opening ---- */

/* Takes the images. */
static rt_status make(struct image **image, struct tr_images *images, enum space_pool pool,
                      struct rt_err *err)
{
    struct image *self = calloc(1, sizeof *self);

    if (!self) {
        tr_images_release(images);
        return rt_fail(err, RT_ENOMEM, "no memory for a task of images");
    }
    *self = (struct image){.task = {.kind = &tr_task_image,
                                    .shape = {.height = images->height,
                                              .width = images->width,
                                              .channels = images->channels,
                                              .classes = images->classes,
                                              .pool = pool},
                                    .rows = images->count,
                                    .label = images->labels},
                           .images = *images};
    (void)snprintf(self->task.hash, sizeof self->task.hash, "%s", images->hash);
    *images = (struct tr_images){0};
    *image = self;
    return RT_OK;
}

rt_status tr_image_task(struct tr_task **task, struct tr_images *images, enum space_pool pool,
                        const struct tr_split_sizes *sizes, struct rt_err *err)
{
    struct image *self;
    rt_status rc;

    RT_TRY(make(&self, images, pool, err));
    struct tr_split *split = &self->task.split;
    rc = tr_split_init(split, self->task.label, self->task.rows, self->task.shape.classes, sizes,
                       err);
    if (rc) {
        close_image(&self->task);
        return rc;
    }
    tr_images_measure(&self->images, split->train, split->train_count, &self->scale);
    *task = &self->task;
    return RT_OK;
}

rt_status tr_image_task_like(struct tr_task **task, const struct tr_task *like,
                             struct tr_images *images, struct rt_err *err)
{
    const struct space_shape *shape = &like->shape;
    struct image *self;

    if (images->height != shape->height || images->width != shape->width ||
        images->channels != shape->channels) {
        rt_report(err, RT_ESHAPE, "images of %dx%dx%d are not of the task's %dx%dx%d",
                  images->height, images->width, images->channels, shape->height, shape->width,
                  shape->channels);
        tr_images_release(images);
        return RT_ESHAPE;
    }
    RT_TRY(make(&self, images, shape->pool, err));
    self->scale = image_of(like)->scale;
    *task = &self->task;
    return RT_OK;
}

rt_status tr_image_task_noise(struct tr_task **task, const struct space_shape *shape, int count,
                              struct rt_err *err)
{
    const size_t bytes = (size_t)count * shape->height * shape->width * shape->channels;
    struct tr_images images = {.count = count,
                               .height = shape->height,
                               .width = shape->width,
                               .channels = shape->channels,
                               .classes = shape->classes,
                               .pixels = malloc(bytes),
                               .labels = malloc((size_t)count * sizeof(int))};
    int *train = malloc((size_t)count * sizeof *train);
    struct image *self;
    struct rt_rng rng;

    assert(count >= 1 && shape->classes >= 1);
    if (!images.pixels || !images.labels || !train) {
        tr_images_release(&images);
        free(train);
        return rt_fail(err, RT_ENOMEM, "no memory for %d images of noise", count);
    }
    rt_rng_init(&rng, 1, RT_STREAM_LATENCY, 1);
    for (size_t i = 0; i < bytes; i++)
        images.pixels[i] = (uint8_t)rt_rng_below(&rng, 256);
    for (int i = 0; i < count; i++) {
        images.labels[i] = i % shape->classes;
        train[i] = i;
    }
    const rt_status rc = make(&self, &images, shape->pool, err);
    if (rc) {
        free(train);
        return rc;
    }
    self->scale = (struct tr_pixel_scale){.5F, .25F};
    self->task.split = (struct tr_split){.train = train, .train_count = count};
    *task = &self->task;
    return RT_OK;
}
