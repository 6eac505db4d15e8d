/* trainer/distill/schedule.c -- see schedule.h. */
#include "trainer/distill/schedule.h"

#include <math.h>

static double clamp(double u)
{
    return u < 0 ? 0 : u > 1 ? 1 : u;
}

static double linear(double from, double to, double u)
{
    return from + (to - from) * u;
}

static double cosine(double from, double to, double u)
{
    return to + (from - to) * .5 * (1 + cos(3.14159265358979323846 * u));
}

double tr_progress(int step, int steps)
{
    return steps > 1 ? clamp((double)step / (steps - 1)) : 1;
}

double tr_temperature(const struct tr_distill *distill, double progress)
{
    const double u = clamp(progress);

    switch (distill->t_schedule) {
    case TR_SCHEDULE_LINEAR: return linear(distill->t0, distill->t1, u);
    case TR_SCHEDULE_COSINE: return cosine(distill->t0, distill->t1, u);
    case TR_SCHEDULE_CONSTANT: break;
    }
    return distill->t0;
}

double tr_ce_weight(const struct tr_distill *distill, double progress)
{
    const double u = clamp(progress);

    switch (distill->mix) {
    case TR_MIX_LINEAR: return linear(distill->ce0, distill->ce1, u);
    case TR_MIX_COSINE: return cosine(distill->ce0, distill->ce1, u);
    case TR_MIX_TWO_STAGE: return u < distill->stage_split ? 1 : 0;
    case TR_MIX_CONSTANT: break;
    }
    return distill->ce0;
}

double tr_learning_rate(int step, int steps, double warmup)
{
    const int warm = (int)(warmup * steps);

    if (step < warm)
        return (step + 1.0) / (warm + 1.0);
    return step < steps ? (double)(steps - step) / (steps - warm) : 0;
}
