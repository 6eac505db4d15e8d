/* trainer/task/image/image_internal.h -- what the files of this folder share. */
#ifndef TRAINER_TASK_IMAGE_IMAGE_INTERNAL_H
#define TRAINER_TASK_IMAGE_IMAGE_INTERNAL_H
#include "trainer/task/image/image.h"

const struct tr_images *tr__image_images(const struct tr_task *task);
/* Images by another network's mean and sd of each channel. */
rt_status tr__image_reread(const struct tr_task *task, const struct tr_reading *how,
                           struct tr_task **view, struct rt_err *err);
#endif
