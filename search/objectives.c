/* search/objectives.c -- from results to the numbers that are minimised.
 *
 * Sizes are taken from the architecture and never from the evaluator, so that they are exact, and
 * the same when a search resumes from the store, which keeps them with the candidate.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"
#include "space/view.h"

static double value_in(const struct store_result *result, const char *objective)
{
    for (int i = 0; i < result->value_count; i++)
        if (strcmp(result->values[i].name, objective) == 0)
            return result->values[i].value;
    return NAN;
}

/* What only C code knows exactly goes into the store with the trial; sizes of students are kept
 * with the candidate. */
static void keep_exact(const struct space *space, struct store_result *result, const char *name,
                       double value)
{
    if (!space->gene_count || result->value_count == STORE_MAX_METRICS ||
        !isnan(value_in(result, name)))
        return;
    struct store_value *v = &result->values[result->value_count++];
    *v = (struct store_value){.value = value, .stderr_ = NAN};
    snprintf(v->name, sizeof v->name, "%s", name);
}

static void strip(struct store_result *result)
{
    store_result_release(result);
    result->value_count = 0;
    result->has_latency = false;
    result->error[sizeof result->error - 1] = '\0';
}

void search__objectives(const struct search_options *options, const struct space *space,
                        const struct space_arch *arch, struct store_result *result,
                        double *objectives)
{
    for (int i = 0; i < options->objective_count && result->status == RT_OK; i++) {
        const char *name = options->objectives[i];
        const double exact = space_exact(space, arch, name);
        objectives[i] = isnan(exact) ? value_in(result, name) : exact;
        if (!isnan(exact))
            keep_exact(space, result, name, exact);
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
    static const char *const positive[] = {"error",      "kl",      "latency",
                                           "int8_error", "int8_kl", "int8_bytes"};
    double best = NAN;

    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (strcmp(positive[i], objective) == 0)
            return 0;
    for (int i = 0; i < search__cheapest_count(space); i++) {
        struct space_arch arch;
        search__cheapest(space, i, &arch);
        if (!space->gene_count) /* sizes of students grow with every gene but the patch */
            best = fmin(best, space_exact(space, &arch, objective)); /* passes over the NaN */
    }
    return best;
}
