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

struct tr_images {
    int count, height, width, channels, classes; /* classes = 1 + largest label, or as stated */
    uint8_t *pixels;                             /* owned */
    int *labels;                                 /* owned; each 0..classes-1 */
    char hash[RT_HASH_TEXT];                     /* of sizes, pixels and labels */
};

/* An IDX image file (N,H,W bytes; gzip or plain) and an IDX label file (N bytes). `classes` 0: from
 * the labels. RT_EFORMAT for wrong magic, truncation, trailing bytes, counts that differ or labels
 * out of range, naming file and place; limit: 1e6 images, 1024x1024 pixels. */
rt_status tr_images_load_idx(struct tr_images *images, const char *image_path,
                             const char *label_path, int classes, struct rt_err *err);
void tr_images_release(struct tr_images *images);

struct tr_pixel_scale { /* of pixel/255 */
    float mean, sd;
};
/* Over all pixels of these rows, at least one; sd 1 when all are equal. */
void tr_images_measure(const struct tr_images *images, const int *rows, int n,
                       struct tr_pixel_scale *scale);
/* (b/255 - mean) / sd of each byte b. */
void tr_pixel_values(const struct tr_pixel_scale *scale, float value[256]);
/* out (n, height, width, channels) of these rows, by their values. */
void tr_images_gather(const struct tr_images *images, const struct tr_pixel_scale *scale,
                      const int *rows, int n, float *out);
#endif
