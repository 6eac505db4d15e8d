/* trainer/distill/schedule.c -- see schedule.h. */
#include "trainer/distill/schedule.h"

#include <math.h>

static double clamp(double u)
{
    return u < 0 ? 0 : u > 1 ? 1 : u;
}

double tr_schedule_at(enum tr_schedule schedule, double from, double to, double progress)
{
    const double u = clamp(progress);

    switch (schedule) {
    case TR_SCHEDULE_LINEAR: return from + (to - from) * u;
    case TR_SCHEDULE_COSINE: return to + (from - to) * (1 + cos(3.141592653589793 * u)) / 2;
    case TR_SCHEDULE_CONSTANT: break;
    }
    return from;
}

double tr_temperature(const struct tr_distill *distill, double progress)
{
    return tr_schedule_at(distill->t_schedule, distill->t0, distill->t1, progress);
}

double tr_ce_weight(const struct tr_distill *distill, double progress)
{
    switch (distill->mix) {
    case TR_MIX_LINEAR:
        return tr_schedule_at(TR_SCHEDULE_LINEAR, distill->ce0, distill->ce1, progress);
    case TR_MIX_COSINE:
        return tr_schedule_at(TR_SCHEDULE_COSINE, distill->ce0, distill->ce1, progress);
    case TR_MIX_TWO_STAGE: return clamp(progress) < distill->stage_split ? 1 : 0;
    case TR_MIX_CONSTANT: break;
    }
    return distill->ce0;
}

double tr_learning_rate(int step, int steps, double warmup)
{
    const double rising = warmup * steps;

    const double left = (steps - step) / (steps - rising + 1);

    if (step + 1 < rising)
        return (step + 1) / rising;
    return left < 1 ? left : 1;
}
