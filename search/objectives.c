/* search/objectives.c -- from results to the numbers that are minimised.
 *
 * Exact      are costs of students: they are taken from the architecture and never from the evaluator,
 *            so that they are the same when a search resumes from the store. What the store has no
 *            column for is kept as a metric of the trial.
 * Names      an objective called "-NAME" is the negative of the metric NAME, which is maximised so.
 * Missing    or not finite: the trial is a failure of kind `nonfinite`.
 * Constraints the shares by which a trial breaks them are summed up in its metric `violation`: who
 *            breaks less ranks before who breaks more, whatever their objectives. Latencies are settled
 *            after the trials, and whoever loads these then judges them again.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/search_internal.h"
#include "space/objectives.h"
#include "space/view.h"

/* NaN when there is no such metric. */
static const struct store_value *find(const struct store_result *result, const char *metric)
{
    static const struct store_value none = {.value = NAN, .stderr_ = NAN};

    for (int i = 0; i < result->value_count; i++)
        if (strcmp(result->values[i].name, metric) == 0)
            return &result->values[i];
    return &none;
}

/* A share of a bound may be any number; this one the store keeps, and ranks can bear. */
#define MOST_VIOLATION 1e90

/* Into the store with the trial, which has room for what the search adds. */
static void keep(struct store_result *result, const char *name, double value, double error)
{
    int i = 0;

    while (i < result->value_count && strcmp(result->values[i].name, name) != 0)
        i++;
    assert(i < STORE_MAX_METRICS);
    result->value_count = i < result->value_count ? result->value_count : i + 1;
    result->values[i] = (struct store_value){.value = value, .stderr_ = error};
    snprintf(result->values[i].name, sizeof result->values[i].name, "%s", name);
}

/* The value of an objective; what is not a metric is kept as one too, but for sizes of students
 * that stand with the candidate. */
static double objective_of(const struct space *space, const struct space_arch *arch,
                           struct store_result *result, const char *name)
{
    const double exact = space_exact(space, arch, name);

    if (!isnan(exact)) {
        if (!space_has_costs(space) || !store_is_cost(name))
            keep(result, name, exact, NAN);
        return exact;
    }
    if (name[0] != '-')
        return find(result, name)->value;
    const struct store_value *metric = find(result, name + 1);
    keep(result, name, -metric->value, metric->stderr_);
    return -metric->value;
}

/* What a constraint is missed by, as a share of its bound; NaN when its metric is missing. */
static double missed_by(const struct search_constraint *c, double value)
{
    const double excess = c->at_least ? c->bound - value : value - c->bound;

    return isfinite(value) ? fmax(0, excess) / (c->bound != 0 ? fabs(c->bound) : 1) : NAN;
}

/* The sum over all constraints; NaN when a metric is missing. */
static double violation_of(const struct search_options *options, const struct space *space,
                           const struct space_arch *arch, const struct store_result *result,
                           const char **missing)
{
    double sum = 0;

    for (int i = 0; i < options->constraint_count; i++) {
        const struct search_constraint *c = &options->constraint[i];
        const double exact = space_exact(space, arch, c->metric);
        const double value = isnan(exact) ? find(result, c->metric)->value : exact;
        *missing = isfinite(value) ? *missing : c->metric;
        sum += missed_by(c, value);
    }
    return sum;
}

/* A failure has no metrics; its notes stay. */
static void strip(struct store_result *result)
{
    free(result->curve);
    result->curve = NULL;
    result->curve_count = 0;
    result->value_count = 0;
    result->latency_count = 0;
    result->error[sizeof result->error - 1] = '\0';
}

double search__objectives(const struct search_options *options, const struct space *space,
                          const struct space_arch *arch, struct store_result *result,
                          double *objectives)
{
    const char *missing = NULL, *what = "objective";
    double violation = 0;

    assert(options->objective_count >= 1 && options->objective_count <= STORE_MAX_OBJECTIVES);
    for (int i = 0; i < options->objective_count && result->status == RT_OK && !missing; i++) {
        objectives[i] = objective_of(space, arch, result, options->objectives[i]);
        missing = isfinite(objectives[i]) ? NULL : options->objectives[i];
    }
    if (!missing && options->constraint_count && result->status == RT_OK) {
        violation = violation_of(options, space, arch, result, &missing);
        what = "constraint's metric";
        violation = fmin(violation, MOST_VIOLATION);
        keep(result, "violation", violation, NAN);
    }
    if (missing) {
        result->status = RT_ENAN;
        snprintf(result->error, sizeof result->error,
                 "the %s '%s' is missing or not a finite number", what, missing);
    }
    if (result->status == RT_OK)
        return violation;
    for (int i = 0; i < options->objective_count; i++)
        objectives[i] = NAN;
    strip(result);
    return 0;
}

/* value (constraints,count): their metrics, NaN where a trial has it not; changed (count): what they
 * are missed by now, NaN where that is as it was. */
static rt_status judge_again(const struct search_options *options, const struct space *space,
                             struct store *store, const double *value, double *changed,
                             struct store_trial *trials, int64_t count, struct rt_err *err)
{
    bool any = false;

    for (int64_t n = 0; n < count; n++) {
        struct store_trial *t = &trials[n];
        double sum = 0;
        for (int i = 0; i < options->constraint_count; i++) {
            const struct search_constraint *c = &options->constraint[i];
            const double exact = space_exact(space, &t->arch, c->metric);
            sum += missed_by(c, isnan(exact) ? value[i * count + n] : exact);
        }
        sum = fmin(sum, MOST_VIOLATION);
        changed[n] = NAN;
        if (isnan(sum) || t->error_kind[0] || sum == t->violation)
            continue; /* without results, or as it was */
        t->violation = changed[n] = sum;
        any = true;
    }
    return any ? store_violations_set(store, changed, count, err) : RT_OK;
}

rt_status search__trials_load(const struct search_options *options, const struct space *space,
                              struct store *store, struct store_trial **trials, int64_t *count,
                              struct rt_err *err)
{
    rt_status rc = RT_OK;

    RT_TRY(store_trials_load(store, space, trials, count, err));
    const size_t metrics = (size_t)options->constraint_count;
    double *value = calloc((metrics + 1) * (size_t)*count + 1, sizeof *value);
    if (!value)
        rc = rt_fail(err, RT_ENOMEM, "no memory for %" PRId64 " trials", *count);
    for (int i = 0; i < options->constraint_count && rc == RT_OK; i++)
        rc = store_metric_load(store, options->constraint[i].metric, value + i * *count, *count,
                               err);
    if (rc == RT_OK)
        rc = judge_again(options, space, store, value, value + metrics * (size_t)*count, *trials,
                         *count, err);
    free(value);
    if (rc != RT_OK)
        free(*trials);
    return rc;
}

void search_judge(const struct search_options *options, const struct space *space,
                  const struct space_arch *arch, struct store_result *result)
{
    double objectives[STORE_MAX_OBJECTIVES];

    search__objectives(options, space, arch, result, objectives);
}

double search__known_best(const struct space *space, const char *objective)
{
    const bool timed = strncmp(objective, "latency@", 8) == 0; /* of another setting */
    const struct space_objective *known = space_objective_named(timed ? "latency" : objective);
    double best = known ? known->best : NAN;

    if (!isnan(best) || !space_has_costs(space))
        return best;
    for (int i = 0; i < space_cheapest_count(space); i++) {
        struct space_arch arch;
        space_cheapest(space, i, &arch);
        best = fmin(best, space_exact(space, &arch, objective)); /* passes over the NaN */
    }
    return best;
}
