/* trainer/task/pixels.c -- see pixels.h. */
#include "trainer/task/pixels.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void tr_pixel_sums_add(struct tr_pixel_sums *sums, const uint8_t *pixels, size_t n)
{
    int64_t sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        sum += pixels[i];
        squares += (int64_t)pixels[i] * pixels[i];
    }
    sums->count += (int64_t)n;
    sums->sum += sum;
    sums->squares += squares;
}

struct tr_pixel_scale tr_pixel_scale_of(const struct tr_pixel_sums *sums)
{
    assert(sums->count > 0);
    const double all = (double)sums->count, mean = (double)sums->sum / all;
    const double variance = (double)sums->squares / all - mean * mean;

    return (struct tr_pixel_scale){.mean = (float)(mean / 255),
                                   .sd = variance > 0 ? (float)(sqrt(variance) / 255) : 1};
}

void tr_pixel_values(const struct tr_pixel_scale *scale, float value[256])
{
    for (int b = 0; b < 256; b++)
        value[b] = ((float)b / 255 - scale->mean) / scale->sd;
}

void tr_pixels_enter(const float value[256], size_t n, const uint8_t *bytes, float *x)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4) { /* by fours: the loop itself would be a third of the time */
        x[i] = value[bytes[i]];
        x[i + 1] = value[bytes[i + 1]];
        x[i + 2] = value[bytes[i + 2]];
        x[i + 3] = value[bytes[i + 3]];
    }
    for (; i < n; i++)
        x[i] = value[bytes[i]];
}

void tr_pixels_describe(const struct tr_pixel_scale *scale, const struct space_shape *shape,
                        void *to, void (*note)(void *to, const char *key, const char *value))
{
    const struct {
        const char *key;
        int value;
    } sizes[] = {{"height", shape->height}, {"width", shape->width}, {"channels", shape->channels}};
    char text[32];

    (void)snprintf(text, sizeof text, "%.9g", (double)scale->mean);
    note(to, "pixel_mean", text);
    (void)snprintf(text, sizeof text, "%.9g", (double)scale->sd);
    note(to, "pixel_sd", text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        (void)snprintf(text, sizeof text, "%d", sizes[i].value);
        note(to, sizes[i].key, text);
    }
}

/* A note that is a number within [least, most]. */
static rt_status number(const struct tr_notes *notes, const char *key, double least, double most,
                        double *value, struct rt_err *err)
{
    const char *text = notes->note(notes->from, key);
    char *end = NULL;

    const double number = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !(number >= least && number <= most))
        return rt_fail(err, RT_EFORMAT, "'%s' %s '%s' among its metadata", notes->file,
                       text ? "has no sound number" : "lacks the number", key);
    *value = number;
    return RT_OK;
}

/* Height, width and channels as noted or, in files from before they were, of a square. */
static rt_status recall_sizes(const struct tr_notes *notes, const struct space_arch *arch,
                              struct space_shape *shape, struct rt_err *err)
{
    const int area = arch->patch * arch->patch;
    double height, width, channels;

    if (!notes->note(notes->from, "height")) {
        const int tokens = notes->tokens - (shape->pool == SPACE_POOL_CLASS);
        for (shape->height = 0; (int64_t)shape->height * shape->height < tokens;)
            shape->height++;
        shape->height = shape->width = shape->height * arch->patch;
        shape->channels = area ? notes->features / area : 0;
        return RT_OK;
    }
    RT_TRY(number(notes, "height", 1, 65536, &height, err));
    RT_TRY(number(notes, "width", 1, 65536, &width, err));
    RT_TRY(number(notes, "channels", 1, 64, &channels, err));
    shape->height = (int)height;
    shape->width = (int)width;
    shape->channels = (int)channels;
    return RT_OK;
}

/* Patches and their numbers as the tensors have them, and an example that an int can count. */
static rt_status check_tensors(const struct tr_notes *notes, const struct space_arch *arch,
                               const struct space_shape *shape, struct rt_err *err)
{
    const int64_t p = arch->patch;
    const int64_t tokens = (shape->height / p) * (shape->width / p);
    const int64_t features = p * p * shape->channels;

    if (tokens < 1 || tokens + (shape->pool == SPACE_POOL_CLASS) != notes->tokens ||
        features != notes->features || tokens > INT32_MAX / features)
        return rt_fail(err, RT_EFORMAT,
                       "images of %dx%dx%d, as '%s' notes them, do not fit its tensors",
                       shape->height, shape->width, shape->channels, notes->file);
    return RT_OK;
}

rt_status tr_pixels_recall(const struct tr_notes *notes, const struct space_arch *arch,
                           struct space_shape *shape, struct tr_input *input, struct rt_err *err)
{
    double mean, sd;

    RT_TRY(number(notes, "pixel_mean", -1e6, 1e6, &mean, err));
    RT_TRY(number(notes, "pixel_sd", 1e-6, 1e6, &sd, err));
    RT_TRY(recall_sizes(notes, arch, shape, err));
    RT_TRY(space_arch_check(arch, shape, err));
    RT_TRY(check_tensors(notes, arch, shape, err));
    *input = (struct tr_input){
        .name = "pixels", .dims = 3, .shape = {shape->height, shape->width, shape->channels}};
    tr_pixel_values(&(struct tr_pixel_scale){(float)mean, (float)sd}, input->value);
    return RT_OK;
}
