/* trainer/task/image/images.c -- see images.h. */
#include "trainer/task/image/images.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/task/image/idx.h"
#include "trainer/task/image/image_internal.h"

static rt_status check_classes(int classes, struct rt_err *err)
{
    if (!classes || (classes >= 2 && classes <= TR__IMAGE_CLASSES))
        return RT_OK;
    return rt_fail(err, RT_EARG,
                   "data.classes is %d, want 2 to %d, or 0 to take it from the labels", classes,
                   TR__IMAGE_CLASSES);
}

static rt_status check_labels(const int *label, int count, const char *path, int *classes,
                              struct rt_err *err)
{
    int largest = 0;

    for (int i = 0; i < count; i++) {
        if (*classes && label[i] >= *classes)
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has label %d at row %d, but data.classes is %d (labels 0 to %d)",
                           path, label[i], i, *classes, *classes - 1);
        largest = label[i] > largest ? label[i] : largest;
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

rt_status tr__images_finish(struct tr_images *images, const char *file, int classes,
                            struct rt_err *err)
{
    assert(images->pixels && images->labels && images->count > 0);
    RT_TRY(check_classes(classes, err));
    RT_TRY(check_labels(images->labels, images->count, file, &classes, err));
    images->classes = classes;
    return hash_images(images, err);
}

/* Of both files, into images, which takes the pixels. */
static rt_status take_idx(struct tr_images *images, struct tr_idx *pixels,
                          const struct tr_idx *labels, const char *image_path,
                          const char *label_path, struct rt_err *err)
{
    if (pixels->size[0] != labels->size[0])
        return rt_fail(err, RT_EFORMAT, "'%s' has %d images but '%s' has %d labels", image_path,
                       pixels->size[0], label_path, labels->size[0]);
    *images = (struct tr_images){.count = pixels->size[0],
                                 .height = pixels->size[1],
                                 .width = pixels->size[2],
                                 .channels = pixels->dims == 4 ? pixels->size[3] : 1,
                                 .pixels = pixels->data,
                                 .labels = malloc((size_t)labels->size[0] * sizeof(int))};
    pixels->data = NULL;
    if (!images->labels)
        return rt_fail(err, RT_ENOMEM, "no memory for the labels of '%s'", label_path);
    for (int i = 0; i < labels->size[0]; i++)
        images->labels[i] = labels->data[i];
    return RT_OK;
}

rt_status tr_images_load_idx(struct tr_images *images, const char *image_path,
                             const char *label_path, int classes, struct rt_err *err)
{
    struct tr_idx pixels = {0}, labels = {0};
    struct tr_images loaded = {0};
    rt_status rc;

    RT_TRY(check_classes(classes, err));
    if ((rc = tr_idx_read(image_path, 3, &pixels, err)) ||
        (rc = tr_idx_read(label_path, 1, &labels, err)) ||
        (rc = take_idx(&loaded, &pixels, &labels, image_path, label_path, err)) ||
        (rc = tr__images_finish(&loaded, label_path, classes, err)))
        tr_images_release(&loaded);
    else
        *images = loaded;
    tr_idx_release(&pixels);
    tr_idx_release(&labels);
    return rc;
}

static rt_status load_idx(struct tr_images *images, const struct tr_image_source *source,
                          struct rt_err *err)
{
    return tr_images_load_idx(images, source->images, source->labels, source->classes, err);
}

bool tr__is_folder(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static rt_status check_path(const struct tr_image_source *source, struct rt_err *err)
{
    if (source->format == TR_IMAGES_FOLDER || !tr__is_folder(source->images))
        return RT_OK;
    return rt_fail(err, RT_EFORMAT,
                   "'%.200s' is a folder; one with a folder of pictures for each class is read "
                   "with data.format: folder",
                   source->images);
}

rt_status tr_images_load(struct tr_images *images, const struct tr_image_source *source,
                         struct rt_err *err)
{
    static rt_status (*const load[TR_IMAGES_FORMATS])(
        struct tr_images *, const struct tr_image_source *, struct rt_err *) = {
        load_idx, tr__images_load_arrays, tr__images_load_folder, tr__images_load_table};
    const struct tr_images *like = source->like;
    struct tr_image_source as = *source;
    struct tr_images loaded = {0};
    rt_status rc;

    assert((unsigned)source->format < TR_IMAGES_FORMATS);
    RT_TRY(check_path(source, err));
    if (like)
        as.classes = like->classes, as.height = like->height, as.width = like->width,
        as.channels = like->channels;
    rc = load[as.format](&loaded, &as, err);
    if (rc == RT_OK && like &&
        (loaded.height != like->height || loaded.width != like->width ||
         loaded.channels != like->channels))
        rc = rt_fail(err, RT_ESHAPE,
                     "'%.200s' has images of another size than the training data: "
                     "%dx%dx%d, not %dx%dx%d",
                     source->images, loaded.height, loaded.width, loaded.channels, like->height,
                     like->width, like->channels);
    if (rc)
        tr_images_release(&loaded);
    else
        *images = loaded;
    return rc;
}

rt_status tr_images_read(struct tr_images *images, const char *path, struct rt_err *err)
{
    struct tr_images read = {0};
    struct tr_idx idx;

    if (strstr(path, ".npy") || strstr(path, ".npz")) {
        const rt_status rc = tr__images_read_array(&read, path, err);
        if (rc)
            tr_images_release(&read);
        else
            *images = read;
        return rc;
    }
    RT_TRY(tr_idx_read(path, 3, &idx, err));
    *images = (struct tr_images){.count = idx.size[0],
                                 .height = idx.size[1],
                                 .width = idx.size[2],
                                 .channels = idx.dims == 4 ? idx.size[3] : 1,
                                 .pixels = idx.data};
    return RT_OK;
}

rt_status tr_images_append(struct tr_images *images, struct tr_images *more, struct rt_err *err)
{
    const size_t one = (size_t)images->height * images->width * images->channels;
    const size_t count = (size_t)images->count + more->count;
    uint8_t *pixels = NULL;
    int *labels = NULL;
    rt_status rc = RT_OK;

    assert(more->height == images->height && more->width == images->width);
    assert(more->channels == images->channels && more->classes == images->classes);
    if (count > TR__IMAGE_COUNT)
        rc = rt_fail(err, RT_EFORMAT, "training and validation images are %zu, want at most %d",
                     count, TR__IMAGE_COUNT);
    else if (!(pixels = realloc(images->pixels, count * one)) ||
             (images->pixels = pixels, !(labels = realloc(images->labels, count * sizeof(int)))))
        rc = rt_fail(err, RT_ENOMEM, "no memory for %zu images", count);
    if (rc == RT_OK) {
        images->labels = labels;
        memcpy(pixels + (size_t)images->count * one, more->pixels, (size_t)more->count * one);
        memcpy(labels + images->count, more->labels, (size_t)more->count * sizeof(int));
        images->count = (int)count;
        rc = hash_images(images, err);
    }
    tr_images_release(more);
    return rc;
}

void tr_images_release(struct tr_images *images)
{
    free(images->pixels);
    free(images->labels);
    tr_labels_release(&images->names);
    *images = (struct tr_images){0};
}

void tr_images_measure(const struct tr_images *images, const int *rows, int n,
                       struct tr_pixel_scale *scale)
{
    const size_t pixels = (size_t)images->height * images->width * images->channels;
    struct tr_pixel_sums sums = {0};

    assert(n > 0);
    for (int i = 0; i < n; i++)
        tr_pixel_sums_add(&sums, images->pixels + rows[i] * pixels, pixels);
    *scale = tr_pixel_scale_of(&sums);
}

void tr_images_gather(const struct tr_images *images, const struct tr_pixel_scale *scale,
                      const int *rows, int n, float *out)
{
    const size_t pixels = (size_t)images->height * images->width * images->channels;
    float value[256];

    tr_pixel_values(scale, value);
    for (int i = 0; i < n; i++)
        tr_pixels_enter(value, pixels, images->pixels + rows[i] * pixels, out + i * pixels);
}
