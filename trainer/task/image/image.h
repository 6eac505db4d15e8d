/* trainer/task/image/image.h -- images with labels as a task: struct tr_task whose kind is "image".
 *
 * An example is height*width*channels numbers, (pixel/255 - mean)/sd, with mean and sd over all
 * pixels of the train rows.
 */
#ifndef TRAINER_TASK_IMAGE_IMAGE_H
#define TRAINER_TASK_IMAGE_IMAGE_H
#include "trainer/task/image/images.h"
#include "trainer/task/task.h"

extern const struct tr_task_kind tr_task_image;

const struct tr_images *tr_image_images(const struct tr_task *task);

/* The images are taken, also after a failure. */
rt_status tr_image_task(struct tr_task **task, struct tr_images *images, enum space_pool pool,
                        const struct tr_split_sizes *sizes, struct rt_err *err);
/* Other images as `like` reads its own, by its mean and sd; no split. RT_ESHAPE when they have
 * another size. Taken likewise. */
rt_status tr_image_task_like(struct tr_task **task, const struct tr_task *like,
                             struct tr_images *images, struct rt_err *err);
/* How its pixels are read. */
const struct tr_pixel_scale *tr_image_scale(const struct tr_task *task);
/* `count` images of noise, all of them train rows, labels in turn: for timing. */
rt_status tr_image_task_noise(struct tr_task **task, const struct space_shape *shape, int count,
                              struct rt_err *err);
#endif
