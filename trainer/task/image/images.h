/* trainer/task/image/images.h -- labelled images in memory, and the split of the training file.
 *
 * Pixels are bytes (N, height, width, channels); a batch is gathered as float, (pixel/255 -
 * mean)/sd, with mean and sd over all pixels of the train part of the split. Order is the file's
 * order, so recorded logits line up by row. Threads  read-only after loading.
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

/* Train and validation rows of one file: `validation` rows drawn by seed with the classes in the
 * file's proportions (largest remainder), then at most `train_limit` (0: all) of the others, also
 * in proportion. Both lists ascend. */
struct tr_split {
    int *train, *validation; /* owned; row numbers */
    int *held_out;           /* owned; NULL but for tr_split_hold_out() */
    int train_count, validation_count, held_out_count;
    float mean, sd; /* of pixel/255 over the train rows */
};
rt_status tr_split_init(struct tr_split *split, const struct tr_images *images, int validation,
                        int train_limit, uint64_t seed, struct rt_err *err);
/* Move `count` train rows, classes in proportion, to held_out: rows that neither teachers nor
 * students train on, and that score no student. 0 changes nothing. */
rt_status tr_split_hold_out(struct tr_split *split, const struct tr_images *images, int count,
                            uint64_t seed, struct rt_err *err);
void tr_split_release(struct tr_split *split);

/* out (n, height, width, channels) float, normalised. */
void tr_images_gather(const struct tr_images *images, const struct tr_split *split, const int *rows,
                      int n, float *out);
#endif
