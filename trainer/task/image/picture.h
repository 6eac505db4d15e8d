/* trainer/task/image/picture.h -- one PNG or JPEG file as bytes of grey or RGB.
 *
 * Decoding  libpng (16 bits become 8, palettes colours, what is transparent black), libjpeg.
 * Resizing  bilinear in both directions; where it shrinks, over all pixels that one stands for, as
 *           Pillow's BILINEAR and torchvision's antialias do.
 */
#ifndef TRAINER_TASK_IMAGE_PICTURE_H
#define TRAINER_TASK_IMAGE_PICTURE_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct tr_picture {
    int height, width, channels; /* channels 1 or 3 */
    uint8_t *pixels;             /* owned; (height, width, channels) */
};

/* RT_EFORMAT for what is neither, damaged, or more than 16384 pixels a side or 2^26 in all. */
rt_status tr_picture_parse(const char *name, const uint8_t *data, size_t bytes,
                           struct tr_picture *picture, struct rt_err *err);
/* Into out (height, width, channels), channels 1 or 3. */
rt_status tr_picture_fit(const struct tr_picture *picture, int height, int width, int channels,
                         uint8_t *out, struct rt_err *err);
void tr_picture_release(struct tr_picture *picture);
#endif
