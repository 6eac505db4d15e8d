/* trainer/distill/clip.h -- control of the global gradient norm g.
 *
 *   scale = clip_high/g when g > clip_high; clip_low/g while u < floor_until when g < clip_low;
 *   1 otherwise. A step whose norm is not finite is skipped.
 *
 * The floor leaves alone what is really zero (g <= 1e-12) and what is already learnt (loss < 1e-6).
 */
#ifndef TRAINER_DISTILL_CLIP_H
#define TRAINER_DISTILL_CLIP_H
#include "trainer/distill/distill.h"

enum tr_clip_event { TR_CLIP_NONE, TR_CLIP_CEILING, TR_CLIP_FLOOR, TR_CLIP_SKIP };

/* Factor for all gradients; 0 when the step is to be skipped. clip_high or clip_low 0: off. */
double tr_clip_scale(const struct tr_distill *distill, double norm, double progress, double loss,
                     enum tr_clip_event *event);
#endif
