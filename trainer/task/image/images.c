/* trainer/task/image/images.c -- see images.h. */
#include "trainer/task/image/images.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/image/idx.h"

enum { most_classes = 256 };

static rt_status check_labels(const struct tr_idx *labels, const char *path, int *classes,
                              struct rt_err *err)
{
    int largest = 0;

    for (int i = 0; i < labels->size[0]; i++) {
        const int label = labels->data[i];
        if (*classes && label >= *classes)
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has label %d at row %d, but data.classes is %d (labels 0 to %d)",
                           path, label, i, *classes, *classes - 1);
        largest = label > largest ? label : largest;
    }
    if (!*classes)
        *classes = largest + 1;
    if (*classes < 2)
        return rt_fail(err, RT_EFORMAT, "'%s' has a single class; want at least 2", path);
    return RT_OK;
}

static rt_status hash_images(struct tr_images *images, struct rt_err *err)
{
    const int sizes[5] = {images->count, images->height, images->width, images->channels,
                          images->classes};
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash the images");
    rt_hash_add(hash, sizes, sizeof sizes);
    rt_hash_add(hash, images->pixels,
                (size_t)images->count * images->height * images->width * images->channels);
    rt_hash_add(hash, images->labels, (size_t)images->count * sizeof *images->labels);
    rt_hash_close(hash, images->hash);
    return RT_OK;
}

rt_status tr_images_load_idx(struct tr_images *images, const char *image_path,
                             const char *label_path, int classes, struct rt_err *err)
{
    struct tr_idx pixels = {0}, labels = {0};
    struct tr_images loaded;
    int *wide = NULL;
    rt_status rc;

    if (classes && (classes < 2 || classes > most_classes))
        return rt_fail(err, RT_EARG,
                       "data.classes is %d, want 2 to %d, or 0 to take it from the labels", classes,
                       most_classes);
    if ((rc = tr_idx_read(image_path, 3, &pixels, err)) ||
        (rc = tr_idx_read(label_path, 1, &labels, err)) ||
        (rc = check_labels(&labels, label_path, &classes, err)))
        goto done;
    if (pixels.size[0] != labels.size[0]) {
        rc = rt_fail(err, RT_EFORMAT, "'%s' has %d images but '%s' has %d labels", image_path,
                     pixels.size[0], label_path, labels.size[0]);
        goto done;
    }
    wide = malloc((size_t)labels.size[0] * sizeof *wide);
    if (!wide) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for the labels of '%s'", label_path);
        goto done;
    }
    for (int i = 0; i < labels.size[0]; i++)
        wide[i] = labels.data[i];
    loaded = (struct tr_images){.count = pixels.size[0],
                                .height = pixels.size[1],
                                .width = pixels.size[2],
                                .channels = 1,
                                .classes = classes,
                                .pixels = pixels.data,
                                .labels = wide};
    if ((rc = hash_images(&loaded, err)))
        goto done;
    *images = loaded;
    pixels.data = NULL; /* taken */
    wide = NULL;
done:
    free(wide);
    tr_idx_release(&pixels);
    tr_idx_release(&labels);
    return rc;
}

void tr_images_release(struct tr_images *images)
{
    free(images->pixels);
    free(images->labels);
    *images = (struct tr_images){0};
}

void tr_images_measure(const struct tr_images *images, const int *rows, int n,
                       struct tr_pixel_scale *scale)
{
    const size_t pixels = (size_t)images->height * images->width * images->channels;
    const double all = (double)n * (double)pixels;
    int64_t sum = 0, squares = 0;

    assert(n > 0);
    for (int i = 0; i < n; i++) {
        const uint8_t *at = images->pixels + rows[i] * pixels;
        for (size_t j = 0; j < pixels; j++) {
            sum += at[j];
            squares += (int64_t)at[j] * at[j];
        }
    }
    const double mean = (double)sum / all, variance = (double)squares / all - mean * mean;
    scale->mean = (float)(mean / 255);
    scale->sd = variance > 0 ? (float)(sqrt(variance) / 255) : 1;
}

void tr_pixel_values(const struct tr_pixel_scale *scale, float value[256])
{
    for (int b = 0; b < 256; b++)
        value[b] = ((float)b / 255 - scale->mean) / scale->sd;
}

void tr_images_gather(const struct tr_images *images, const struct tr_pixel_scale *scale,
                      const int *rows, int n, float *out)
{
    const size_t pixels = (size_t)images->height * images->width * images->channels;
    float value[256];

    tr_pixel_values(scale, value);
    for (int i = 0; i < n; i++) {
        const uint8_t *at = images->pixels + rows[i] * pixels;
        float *to = out + i * pixels;
        for (size_t j = 0; j < pixels; j++)
            to[j] = value[at[j]];
    }
}
