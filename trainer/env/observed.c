/* trainer/env/observed.c -- what a student sees of an observation. */
#include <assert.h>

#include "trainer/env/env.h"

static int action_numbers(const struct tr_env_info *info)
{
    return info->choices ? info->choices : info->actions;
}

int tr_observed_size(const struct tr_observed *observed, const struct tr_env_info *info)
{
    return observed->count + (observed->previous_action ? action_numbers(info) : 0);
}

void tr_observed_take(const struct tr_observed *observed, const struct tr_env_info *info,
                      const double *observation, const double *previous, float *features)
{
    float *last = features + observed->count;

    for (int i = 0; i < observed->count; i++) {
        assert(observed->component[i] >= 0 && observed->component[i] < info->observation);
        features[i] = (float)observation[observed->component[i]];
    }
    if (!observed->previous_action)
        return;
    for (int i = 0; i < action_numbers(info); i++)
        if (!previous)
            last[i] = 0;
        else if (info->choices)
            last[i] = (int)previous[0] == i ? 1 : 0;
        else
            last[i] =
                (float)(2 * (previous[i] - info->low[i]) / (info->high[i] - info->low[i]) - 1);
}
