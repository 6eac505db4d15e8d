/* trainer/distill/clip.h -- keeps the global gradient norm in [clip_low, clip_high].
 *
 *   scale = high / g   when g > high
 *           low / g    when 1e-12 < g < low, only while u < floor_until and the loss is above 1e-6
 *           1          otherwise
 *
 * The floor is for the start alone: at an optimum it would keep steps from vanishing. A norm or
 * loss that is not finite skips the step. A limit of 0 is off.
 */
#ifndef TRAINER_DISTILL_CLIP_H
#define TRAINER_DISTILL_CLIP_H
#include "trainer/distill/distill.h"

enum tr_clip_event { TR_CLIP_NONE, TR_CLIP_CEILING, TR_CLIP_FLOOR, TR_CLIP_SKIP };

/* What to multiply the gradients by, and why in *event; 0 for TR_CLIP_SKIP. loss is the mean over
 * the batch. */
double tr_clip_scale(const struct tr_distill *distill, double norm, double progress, double loss,
                     enum tr_clip_event *event);
#endif
