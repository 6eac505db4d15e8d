/* trainer/task/image/images.h -- labelled images in memory, in the order of their file.
 *
 * Pixels   bytes (N, height, width, channels).
 * Threads  read-only after loading.
 */
#ifndef TRAINER_TASK_IMAGE_IMAGES_H
#define TRAINER_TASK_IMAGE_IMAGES_H
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"
#include "trainer/task/pixels.h"
#include "trainer/task/text/labels.h"

struct tr_images {
    int count, height, width, channels, classes; /* classes = 1 + largest label, or as stated */
    uint8_t *pixels;                             /* owned */
    int *labels;                                 /* owned; each 0..classes-1 */
    char hash[RT_HASH_TEXT];                     /* of sizes, pixels and labels */
    struct tr_labels names;                      /* of classes; owned; count 0: numbers alone */
};

enum tr_image_format {
    TR_IMAGES_IDX,    /* a file of images and one of labels, see below */
    TR_IMAGES_NPY,    /* the same as .npy or .npz (NAME.npz:ARRAY where it holds several): uint8
                         (N,H,W) or (N,H,W,C); or floats, in 0..1 or whole numbers to 255. Labels:
                         whole numbers (N) */
    TR_IMAGES_FOLDER, /* a folder of PNG and JPEG files for each class, named by it, in the order of
                         bytes; files within likewise */
    TR_IMAGES_CSV, /* a table with the columns `image`, a path as seen from the table, and `label` */
    TR_IMAGES_FORMATS
};

struct tr_image_source {
    enum tr_image_format format;
    const char *images, *labels; /* labels: of IDX and NPY */
    int classes;                 /* 0: from the labels */
    /* Of pictures; 0: as the first one. All are resized to it, by bilinear interpolation over the
     * area that a pixel stands for; greys are repeated, colours become luma (BT.601). */
    int height, width, channels;
    const struct tr_images *like; /* sizes and classes are these; NULL: as above */
};
/* RT_EFORMAT names the file, what is wrong and the mend; limits as below. */
rt_status tr_images_load(struct tr_images *images, const struct tr_image_source *source,
                         struct rt_err *err);
/* The images of an IDX, .npy or .npz file alone: no labels, classes or hash. */
rt_status tr_images_read(struct tr_images *images, const char *path, struct rt_err *err);
/* `more`, of the same sizes and classes, behind them; it is taken, whatever comes of it. */
rt_status tr_images_append(struct tr_images *images, struct tr_images *more, struct rt_err *err);

/* An IDX image file (N,H,W or N,H,W,C bytes; gzip or plain) and an IDX label file (N bytes). `classes` 0: from
 * the labels. RT_EFORMAT for wrong magic, truncation, trailing bytes, counts that differ or labels
 * out of range, naming file and place; limit: 1e6 images, 1024x1024 pixels. */
rt_status tr_images_load_idx(struct tr_images *images, const char *image_path,
                             const char *label_path, int classes, struct rt_err *err);
void tr_images_release(struct tr_images *images);

/* Over all pixels of these rows, at least one; sd 1 when all are equal. */
void tr_images_measure(const struct tr_images *images, const int *rows, int n,
                       struct tr_pixel_scale *scale);
/* out (n, height, width, channels) of these rows, by their values. */
void tr_images_gather(const struct tr_images *images, const struct tr_pixel_scale *scale,
                      const int *rows, int n, float *out);
#endif
