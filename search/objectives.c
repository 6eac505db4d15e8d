/* search/objectives.c -- from results to the numbers that are minimised.
 *
 * Sizes are taken from the architecture and never from the evaluator, so that they are exact, and
 * the same when a search resumes from the store, which keeps them with the candidate.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"

/* NULL when the objective is not a size. */
static const int64_t *size_in(const struct space_cost *cost, const char *objective)
{
    const struct {
        const char *name;
        const int64_t *value;
    } sizes[] = {{"params", &cost->params},
                 {"bytes", &cost->bytes},
                 {"macs", &cost->macs},
                 {"memory", &cost->memory}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, objective) == 0)
            return sizes[i].value;
    return NULL;
}

static double value_in(const struct store_result *result, const char *objective)
{
    for (int i = 0; i < result->value_count; i++)
        if (strcmp(result->values[i].name, objective) == 0)
            return result->values[i].value;
    return NAN;
}

static void strip(struct store_result *result)
{
    store_result_release(result);
    result->value_count = 0;
    result->has_latency = false;
    result->error[sizeof result->error - 1] = '\0';
}

void search__objectives(const struct search_options *options, const struct space_cost *cost,
                        struct store_result *result, double *objectives)
{
    for (int i = 0; i < options->objective_count && result->status == RT_OK; i++) {
        const char *name = options->objectives[i];
        const int64_t *size = size_in(cost, name);
        objectives[i] = size ? (double)*size : value_in(result, name);
        if (!isfinite(objectives[i])) {
            result->status = RT_ENAN;
            snprintf(result->error, sizeof result->error,
                     "the objective '%s' is missing or not a finite number", name);
        }
    }
    if (result->status == RT_OK)
        return;
    for (int i = 0; i < options->objective_count; i++)
        objectives[i] = NAN;
    strip(result);
}

double search__known_best(const struct space *space, const char *objective)
{
    static const char *const positive[] = {"error", "kl", "latency"};
    double best = NAN;

    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (strcmp(positive[i], objective) == 0)
            return 0;
    for (int i = 0; i < space->patch.count; i++) { /* sizes grow with every gene but the patch */
        struct space_arch arch;
        struct space_cost cost;
        const int64_t *size;
        search__cheapest(space, i, &arch);
        space_cost_of(&arch, &space->shape, &cost);
        size = size_in(&cost, objective);
        if (!size)
            return NAN;
        best = fmin(best, (double)*size); /* fmin() passes over the NaN */
    }
    return best;
}
