/* trainer/task/pixels.h -- bytes of pixels as numbers that a network reads, and what is noted of it in
 * exported weights. Readers of images stand apart (image/), so who runs students needs none (library/).
 */
#ifndef TRAINER_TASK_PIXELS_H
#define TRAINER_TASK_PIXELS_H
#include <stdint.h>

#include "trainer/task/task.h"

struct tr_pixel_scale { /* of pixel/255 */
    float mean, sd;
};
/* (b/255 - mean) / sd of each byte b. */
void tr_pixel_values(const struct tr_pixel_scale *scale, float value[256]);
/* bytes [n] to x [n] by such a table. */
void tr_pixels_enter(const float value[256], size_t n, const uint8_t *bytes, float *x);

struct tr_pixel_sums {
    int64_t count, sum, squares;
};
void tr_pixel_sums_add(struct tr_pixel_sums *sums, const uint8_t *pixels, size_t n);
/* Of at least one pixel; sd 1 when all are equal. */
struct tr_pixel_scale tr_pixel_scale_of(const struct tr_pixel_sums *sums);

/* As a kind's describe() and recall(). */
void tr_pixels_describe(const struct tr_pixel_scale *scale, const struct space_shape *shape,
                        void *to, void (*note)(void *to, const char *key, const char *value));
rt_status tr_pixels_recall(const struct tr_notes *notes, const struct space_arch *arch,
                           struct space_shape *shape, struct tr_input *input, struct rt_err *err);
#endif
