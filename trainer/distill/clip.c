/* trainer/distill/clip.c -- see clip.h. */
#include "trainer/distill/clip.h"

#include <math.h>

double tr_clip_scale(const struct tr_distill *distill, double norm, double progress, double loss,
                     enum tr_clip_event *event)
{
    *event = TR_CLIP_NONE;
    if (!isfinite(norm) || !isfinite(loss)) {
        *event = TR_CLIP_SKIP;
        return 0;
    }
    if (distill->clip_high > 0 && norm > distill->clip_high) {
        *event = TR_CLIP_CEILING;
        return distill->clip_high / norm;
    }
    if (progress < distill->floor_until && norm > 1e-12 && norm < distill->clip_low &&
        loss >= 1e-6) {
        *event = TR_CLIP_FLOOR;
        return distill->clip_low / norm;
    }
    return 1;
}
