/* trainer/task/image/image_arrays.c -- images and labels as NumPy arrays, .npy or in a .npz. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/task/image/idx.h"
#include "trainer/task/image/image_internal.h"
#include "trainer/task/image/npz.h"
#include "trainer/task/npy.h"

struct opened { /* a .npy, mapped or unpacked */
    struct rt_map map;
    uint8_t *npy; /* owned; NULL: it is the map */
    struct tr_array array;
};

static void close_array(struct opened *o)
{
    free(o->npy);
    rt_map_close(&o->map);
}

/* "FILE.npz:ARRAY" in two, or all of it and "". */
static void split_path(const char *path, char file[RT_PATH_MAX], char array[256])
{
    const char *colon = strstr(path, ".npz:");

    (void)snprintf(file, RT_PATH_MAX, "%.*s", colon ? (int)(colon + 4 - path) : RT_PATH_MAX - 1,
                   path);
    (void)snprintf(array, 256, "%.255s", colon ? colon + 5 : "");
}

static rt_status open_array(const char *path, struct opened *o, struct rt_err *err)
{
    char file[RT_PATH_MAX], array[256];
    size_t bytes;
    rt_status rc;

    *o = (struct opened){0};
    split_path(path, file, array);
    RT_TRY(rt_map_open(&o->map, file, err));
    if (!tr_npz_is(o->map.data, o->map.bytes)) {
        rc = tr_npy_parse_array(file, o->map.data, o->map.bytes, &o->array, err);
    } else {
        rc = tr_npz_find(file, o->map.data, o->map.bytes, array, &o->npy, &bytes, err);
        if (rc == RT_OK)
            rc = tr_npy_parse_array(path, o->npy, bytes, &o->array, err);
    }
    if (rc)
        close_array(o);
    return rc;
}

/* A whole number of any width, little-endian; -1 for what is no byte. */
static int whole_at(const struct tr_array *array, size_t i)
{
    const unsigned char *at = array->values + (size_t)array->bytes * i;

    for (int b = 1; b < array->bytes; b++)
        if (at[b])
            return -1;
    return array->kind == 'i' && array->bytes == 1 && at[0] > 127 ? -1 : at[0];
}

/* ---- pixels ---- */

static bool all_bytes(const struct tr_array *array)
{
    size_t i = 0;

    while (i < array->count && whole_at(array, i) >= 0)
        i++;
    return i == array->count;
}

static float real_at(const struct tr_array *array, size_t i)
{
    double wide;
    float value;

    if (array->bytes == 4) {
        memcpy(&value, array->values + 4 * i, 4);
        return value;
    }
    memcpy(&wide, array->values + 8 * i, 8);
    return (float)wide;
}

/* Floats are shares of white when all are in 0..1, else bytes. */
static rt_status from_floats(const char *path, const struct tr_array *array, uint8_t *pixels,
                             struct rt_err *err)
{
    float least = INFINITY, most = -INFINITY;
    bool whole = true, finite = true;

    for (size_t i = 0; i < array->count; i++) {
        const float value = real_at(array, i);
        finite = finite && isfinite(value);
        least = value < least ? value : least;
        most = value > most ? value : most;
        whole = whole && value == rintf(value);
    }
    if (!finite || least < 0 || most > 255 || (most > 1 && !whole))
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has pixels of %g to %g%s, want 0 to 1, or whole numbers to 255; "
                       "save them as they were before they were normalised",
                       path, (double)least, (double)most, finite ? "" : ", some not finite");
    for (size_t i = 0; i < array->count; i++)
        pixels[i] = (uint8_t)rintf(real_at(array, i) * (most > 1 ? 1.F : 255.F));
    return RT_OK;
}

static rt_status check_sizes(const char *path, const struct tr_array *array, struct rt_err *err)
{
    if (array->dims < 3)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has %d dimension%s, want (images, height, width), with channels "
                       "behind where there are any; save it with array.reshape(...)",
                       path, array->dims, array->dims == 1 ? "" : "s");
    if (array->dims == 4 && array->size[3] > 3)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has %zu channels, want 1 to 3 behind height and "
                       "width; save it with array%s",
                       path, array->size[3],
                       array->size[1] <= 3 ? ".transpose(0, 2, 3, 1)" : "[..., :3]");
    if (array->size[0] > TR__IMAGE_COUNT || array->size[1] > TR__IMAGE_SIDE ||
        array->size[2] > TR__IMAGE_SIDE || array->count > TR_IDX_MAX_BYTES)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has more than %d images, or of more than %dx%d",
                       path, TR__IMAGE_COUNT, TR__IMAGE_SIDE, TR__IMAGE_SIDE);
    if ((array->kind == 'u' && array->bytes == 1) || (array->kind == 'f' && array->bytes > 2))
        return RT_OK;
    return rt_fail(err, RT_EFORMAT,
                   "'%.200s' has pixels of type %c%d, want bytes or floats; save it with %s", path,
                   array->kind, array->bytes,
                   all_bytes(array)     ? "array.astype('uint8')"
                   : array->kind == 'i' ? "((array - array.min()) / numpy.ptp(array)).astype('<f4')"
                                        : "(array / array.max()).astype('<f4')");
}

static rt_status take_pixels(const char *path, const struct tr_array *array,
                             struct tr_images *images, struct rt_err *err)
{
    RT_TRY(check_sizes(path, array, err));
    images->count = (int)array->size[0];
    images->height = (int)array->size[1];
    images->width = (int)array->size[2];
    images->channels = array->dims == 4 ? (int)array->size[3] : 1;
    images->pixels = malloc(array->count);
    if (!images->pixels)
        return rt_fail(err, RT_ENOMEM, "no memory for the images of '%.200s'", path);
    if (array->kind == 'f')
        return from_floats(path, array, images->pixels, err);
    memcpy(images->pixels, array->values, array->count);
    return RT_OK;
}

/* ---- labels ---- */

static rt_status take_labels(const char *path, const struct tr_array *array,
                             struct tr_images *images, const char *image_path, struct rt_err *err)
{
    if (array->dims != 1 || array->kind == 'f')
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' is no list of whole numbers, a label for each image; save it with "
                       "array.%s",
                       path, array->dims == 2 ? "argmax(1)" : "ravel().astype('<i8')");
    if (array->size[0] != (size_t)images->count)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has %d images but '%.200s' has %zu labels",
                       image_path, images->count, path, array->size[0]);
    images->labels = malloc(array->count * sizeof *images->labels);
    if (!images->labels)
        return rt_fail(err, RT_ENOMEM, "no memory for the labels of '%.200s'", path);
    for (size_t i = 0; i < array->count; i++) {
        images->labels[i] = whole_at(array, i);
        if (images->labels[i] < 0)
            return rt_fail(err, RT_EFORMAT,
                           "'%.200s' has a label that is not 0 to %d at row %zu; number the "
                           "classes from 0",
                           path, TR__IMAGE_CLASSES - 1, i);
    }
    return RT_OK;
}

rt_status tr__images_load_arrays(struct tr_images *images, const struct tr_image_source *source,
                                 struct rt_err *err)
{
    struct opened pixels, labels;
    rt_status rc;

    assert(source->images && source->labels);
    RT_TRY(open_array(source->images, &pixels, err));
    rc = take_pixels(source->images, &pixels.array, images, err);
    close_array(&pixels);
    if (rc || (rc = open_array(source->labels, &labels, err)))
        return rc;
    rc = take_labels(source->labels, &labels.array, images, source->images, err);
    close_array(&labels);
    return rc ? rc : tr__images_finish(images, source->labels, source->classes, err);
}

rt_status tr__images_read_array(struct tr_images *images, const char *path, struct rt_err *err)
{
    struct opened pixels;

    RT_TRY(open_array(path, &pixels, err));
    const rt_status rc = take_pixels(path, &pixels.array, images, err);
    close_array(&pixels);
    return rc;
}
