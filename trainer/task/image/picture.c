/* trainer/task/image/picture.c -- see picture.h. */
#include "trainer/task/image/picture.h"

#include <assert.h>
#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* wants stdio.h before it */

enum { most_side = 16384, most_pixels = 1 << 26 };

static rt_status fail_decoding(const char *name, const char *why, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT, "'%.200s' cannot be decoded: %.100s; mend it or take it out",
                   name, why);
}

/* Takes sizes and room; RT_EFORMAT when they are out of bounds. */
static rt_status make_room(const char *name, size_t height, size_t width, int channels,
                           struct tr_picture *picture, struct rt_err *err)
{
    assert(channels == 1 || channels == 3);
    if (height < 1 || width < 1 || height > most_side || width > most_side ||
        height * width > most_pixels)
        return rt_fail(err, RT_EFORMAT, "'%.200s' is a picture of %zux%zu, want at most %d pixels",
                       name, height, width, most_pixels);
    *picture = (struct tr_picture){.height = (int)height,
                                   .width = (int)width,
                                   .channels = channels,
                                   .pixels = malloc(height * width * (size_t)channels)};
    return picture->pixels ? RT_OK
                           : rt_fail(err, RT_ENOMEM, "no memory for the picture '%.200s'", name);
}

/* ---- PNG ---- */

static rt_status parse_png(const char *name, const uint8_t *data, size_t bytes,
                           struct tr_picture *picture, struct rt_err *err)
{
    static const png_color black = {0, 0, 0};
    png_image image = {.version = PNG_IMAGE_VERSION};
    rt_status rc;

    if (!png_image_begin_read_from_memory(&image, data, bytes))
        return fail_decoding(name, image.message, err);
    const bool colours = image.format & PNG_FORMAT_FLAG_COLOR;
    image.format = colours ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    rc = make_room(name, image.height, image.width, colours ? 3 : 1, picture, err);
    if (rc == RT_OK && !png_image_finish_read(&image, &black, picture->pixels, 0, NULL))
        rc = fail_decoding(name, image.message, err);
    png_image_free(&image);
    return rc;
}

/* ---- JPEG ---- */

struct jpeg_failure {
    struct jpeg_error_mgr manager; /* first, so that one points to the other */
    jmp_buf back;
    char why[JMSG_LENGTH_MAX];
};

static void fail_jpeg(j_common_ptr common)
{
    struct jpeg_failure *failure = (struct jpeg_failure *)common->err;

    common->err->format_message(common, failure->why);
    longjmp(failure->back, 1);
}

/* Damage that libjpeg would paint over. */
static void warn_jpeg(j_common_ptr common, int level)
{
    if (level < 0)
        fail_jpeg(common);
}

static rt_status read_jpeg(const char *name, struct jpeg_decompress_struct *jpeg,
                           struct tr_picture *picture, struct rt_err *err)
{
    (void)jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 && jpeg->num_components != 3)
        return fail_decoding(name, "it is neither grey nor RGB", err);
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    RT_TRY(
        make_room(name, jpeg->image_height, jpeg->image_width, jpeg->num_components, picture, err));
    (void)jpeg_start_decompress(jpeg);
    const size_t row = (size_t)picture->width * picture->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW line = picture->pixels + jpeg->output_scanline * row;
        (void)jpeg_read_scanlines(jpeg, &line, 1);
    }
    (void)jpeg_finish_decompress(jpeg);
    return RT_OK;
}

static rt_status parse_jpeg(const char *name, const uint8_t *data, size_t bytes,
                            struct tr_picture *picture, struct rt_err *err)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_failure failure;
    rt_status rc;

    jpeg.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail_jpeg;
    failure.manager.emit_message = warn_jpeg;
    if (setjmp(failure.back)) { /* locals that changed since are not read */
        jpeg_destroy_decompress(&jpeg);
        return fail_decoding(name, failure.why, err);
    }
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, data, bytes);
    rc = read_jpeg(name, &jpeg, picture, err);
    jpeg_destroy_decompress(&jpeg);
    return rc;
}

rt_status tr_picture_parse(const char *name, const uint8_t *data, size_t bytes,
                           struct tr_picture *picture, struct rt_err *err)
{
    struct tr_picture read = {0};
    rt_status rc;

    if (bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        rc = parse_png(name, data, bytes, &read, err);
    else if (bytes >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        rc = parse_jpeg(name, data, bytes, &read, err);
    else
        rc = rt_fail(err, RT_EFORMAT,
                     "'%.200s' is neither PNG nor JPEG; convert it, or take it out", name);
    if (rc)
        free(read.pixels);
    else
        *picture = read;
    return rc;
}

void tr_picture_release(struct tr_picture *picture)
{
    free(picture->pixels);
    *picture = (struct tr_picture){0};
}

/* ---- fitting ---- */

/* Bytes of the other number of channels: luma as Pillow's convert('L') rounds it. */
static uint8_t channel_of(const uint8_t *pixel, int have, int want, int c)
{
    if (have == want)
        return pixel[c];
    if (have == 1)
        return pixel[0];
    return (uint8_t)((pixel[0] * 19595U + pixel[1] * 38470U + pixel[2] * 7471U + 0x8000) >> 16);
}

/* One direction: `count` lines of `from` values, `step` apart, become `to` values. A triangle as
 * wide as what a value stands for, cut off at the edges. */
struct line {
    int from, to;
    size_t step;
};

static float value_at(const struct line *line, const float *in, int i)
{
    const double scale = (double)line->from / line->to, wide = scale < 1 ? 1 : scale;
    const double centre = (i + .5) * scale;
    int first = (int)(centre - wide + .5), last = (int)(centre + wide + .5);
    double sum = 0, weights = 0;

    first = first < 0 ? 0 : first;
    last = last > line->from ? line->from : last;
    for (int j = first; j < last; j++) {
        const double far = (j + .5 - centre) / wide;
        const double weight = far < 0 ? 1 + far : 1 - far;
        if (weight <= 0)
            continue;
        sum += weight * (double)in[(size_t)j * line->step];
        weights += weight;
    }
    return (float)(sum / weights);
}

/* in (height, width, channels) to across (height, wide, channels) to out (high, wide, channels). */
static void resize(const float *in, int height, int width, int channels, float *across, int high,
                   int wide, uint8_t *out)
{
    const size_t c = (size_t)channels, row = (size_t)wide * c;
    const struct line sideways = {width, wide, c}, down = {height, high, row};

    for (int y = 0; y < height; y++)
        for (size_t x = 0; x < row; x++)
            across[(size_t)y * row + x] =
                value_at(&sideways, in + (size_t)y * width * c + x % c, (int)(x / c));
    for (int y = 0; y < high; y++)
        for (size_t x = 0; x < row; x++)
            out[(size_t)y * row + x] = (uint8_t)(value_at(&down, across + x, y) + .5F);
}

rt_status tr_picture_fit(const struct tr_picture *picture, int height, int width, int channels,
                         uint8_t *out, struct rt_err *err)
{
    const size_t pixels = (size_t)picture->height * picture->width;
    const int have = picture->channels;
    const bool same = picture->height == height && picture->width == width;

    assert(picture->height > 0 && picture->width > 0 && (have == 1 || have == 3));
    assert(height > 0 && width > 0 && (channels == 1 || channels == 3));
    for (size_t i = 0; same && i < pixels * (size_t)channels; i++)
        out[i] = channel_of(picture->pixels + i / (size_t)channels * (size_t)have, have, channels,
                            (int)(i % (size_t)channels));
    if (same)
        return RT_OK;
    float *in = calloc(pixels * (size_t)channels, sizeof *in);
    float *across = calloc((size_t)picture->height * width * (size_t)channels, sizeof *across);
    if (!in || !across) {
        free(in);
        free(across);
        return rt_fail(err, RT_ENOMEM, "no memory to resize a picture");
    }
    for (size_t i = 0; i < pixels * (size_t)channels; i++)
        in[i] = channel_of(picture->pixels + i / (size_t)channels * (size_t)have, have, channels,
                           (int)(i % (size_t)channels));
    resize(in, picture->height, picture->width, channels, across, height, width, out);
    free(in);
    free(across);
    return RT_OK;
}
