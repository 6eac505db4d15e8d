/* trainer/distill/clip.c -- see clip.h. */
#include "trainer/distill/clip.h"

#include <math.h>

static const double vanished = 1e-12, solved = 1e-6;

double tr_clip_scale(const struct tr_distill *distill, double norm, double progress, double loss,
                     enum tr_clip_event *event)
{
    if (!isfinite(norm) || !isfinite(loss)) {
        *event = TR_CLIP_SKIP;
        return 0;
    }
    if (distill->clip_high > 0 && norm > distill->clip_high) {
        *event = TR_CLIP_CEILING;
        return distill->clip_high / norm;
    }
    if (progress < distill->floor_until && norm < distill->clip_low && norm > vanished &&
        loss >= solved) {
        *event = TR_CLIP_FLOOR;
        return distill->clip_low / norm;
    }
    *event = TR_CLIP_NONE;
    return 1;
}
