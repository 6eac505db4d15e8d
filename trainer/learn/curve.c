/* trainer/learn/curve.c -- see curve.h. The names are those of the store's learning curves. */
#include "trainer/learn/curve.h"

#include <assert.h>
#include <math.h>

bool tr__is_curve_step(const struct tr_recipe *recipe, int step)
{
    const int last = recipe->steps - 1, points = recipe->curve_points;

    assert(step >= 0 && step <= last);
    if (points <= 0)
        return false;
    if (points == 1 || last <= 0)
        return step == last;
    const int64_t k = ((int64_t)step * (points - 1) + last - 1) / last; /* next point at or after */
    return k * last / (points - 1) == step;
}

void tr__log_step(const struct tr_training *job, int step, int answers,
                  const struct tr_distill_stats *sum, const struct tr_step_outcome *out,
                  const struct tr_train_summary *summary)
{
    const double n = answers;
    const struct {
        const char *name;
        double value;
    } points[] = {
        {"loss", sum->total / n},
        {"ce", sum->ce / n},
        {"soft", sum->soft / n},
        {"regulariser", sum->reg / n},
        {"grad_norm", out->norm},
        {"grad_ce", sqrt(sum->grad_ce_sq)},
        {"grad_soft", sqrt(sum->grad_soft_sq)},
        {"learning_rate", out->rate},
        {"temperature", sum->t},
        {"ce_weight", sum->ce_weight},
        {"clipped", summary->clipped},
        {"floored", summary->floored},
        {"skipped", summary->skipped},
    };

    assert(job->curve && answers > 0);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        job->curve(job->curve_context, step, points[i].name, points[i].value);
}
