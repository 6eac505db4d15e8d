/* trainer/task/image/image_internal.h -- what the files of this folder share. */
#ifndef TRAINER_TASK_IMAGE_IMAGE_INTERNAL_H
#define TRAINER_TASK_IMAGE_IMAGE_INTERNAL_H
#include "trainer/task/image/image.h"

enum { TR__IMAGE_CLASSES = 256, TR__IMAGE_COUNT = 1000000, TR__IMAGE_SIDE = 1024 }; /* at most */

/* Counts classes, checks labels against them, and hashes; `file` has the labels. What it takes is
 * images' own, also after an error. */
rt_status tr__images_finish(struct tr_images *images, const char *file, int classes,
                            struct rt_err *err);
bool tr__is_folder(const char *path);
/* The formats: source->format says which. */
rt_status tr__images_load_arrays(struct tr_images *images, const struct tr_image_source *source,
                                 struct rt_err *err);
rt_status tr__images_read_array(struct tr_images *images, const char *path, struct rt_err *err);
rt_status tr__images_load_folder(struct tr_images *images, const struct tr_image_source *source,
                                 struct rt_err *err);
rt_status tr__images_load_table(struct tr_images *images, const struct tr_image_source *source,
                                struct rt_err *err);
/* Images by another network's mean and sd of each channel. */
rt_status tr__image_adapt(const struct tr_task *task, const struct tr_reading *how,
                          const struct tr_stem_tensors *stem, struct rt_err *err);
rt_status tr__image_reread(const struct tr_task *task, const struct tr_reading *how,
                           struct tr_task **view, struct rt_err *err);
#endif
