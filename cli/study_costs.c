/* cli/study_costs.c -- exact costs of architectures of own genes: `space.costs`, and constraints on
 * them, which are limits: what breaks one never becomes a trial.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "cli/study_internal.h"

enum { LOOKED_THROUGH = 20000 }; /* members of a space, to find one that keeps the limits */

static const struct study_cost *find(const struct study_own *own, const char *name)
{
    for (int i = 0; i < own->cost_count; i++)
        if (strcmp(own->cost[i].name, name) == 0)
            return &own->cost[i];
    return NULL;
}

bool study__is_cost(const struct study *study, const char *name)
{
    return study->own && find(study->own, name);
}

/* ---- what the space knows of them ---- */

static double exact(const struct space *space, const struct space_arch *arch, const char *name)
{
    const bool negative = name[0] == '-';
    const struct study_cost *cost = find(space->known->context, name + negative);

    if (!cost)
        return NAN;
    const double value = space_expression_value(&cost->value, space, arch);
    return negative ? -value : value;
}

/* Costs are numbers, and within the limits. */
static bool feasible(const struct space *space, const struct space_arch *arch, char why[128])
{
    const struct study_own *own = space->known->context;
    double value[STUDY_MAX_COSTS];

    for (int i = 0; i < own->cost_count; i++) {
        value[i] = space_expression_value(&own->cost[i].value, space, arch);
        if (!isfinite(value[i])) {
            if (why)
                (void)snprintf(why, 128, "its %s is no finite number", own->cost[i].name);
            return false;
        }
    }
    for (int i = 0; i < own->limit_count; i++) {
        const struct search_constraint *limit = &own->limit[i];
        const double here = value[find(own, limit->metric) - own->cost];
        if (limit->at_least ? here >= limit->bound : here <= limit->bound)
            continue;
        if (why)
            (void)snprintf(why, 128, "its %s is %g, and %s %g is allowed", limit->metric, here,
                           limit->at_least ? "at least" : "at most", limit->bound);
        return false;
    }
    return true;
}

/* ---- reading ---- */

/* "NAME = EXPRESSION" */
static rt_status place_cost(const struct study_yaml *yaml, struct study_file *file, int i,
                            struct rt_err *err)
{
    struct study_own *own = file->study.own;
    struct study_cost *cost = &own->cost[i];
    const char *text = file->cost[i], *equals = strchr(text, '=');
    const size_t length = strcspn(text, " \t=");
    struct rt_err why;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "space.costs[%d]", i);
    if (!equals || length >= sizeof cost->name ||
        text + length + strspn(text + length, " \t") != equals)
        return study__fail(yaml, key, err,
                           "'%.60s' is no cost; write it like \"NAME = sum(units)\"", text);
    (void)snprintf(cost->name, sizeof cost->name, "%.*s", (int)length, text);
    (void)snprintf(cost->text, sizeof cost->text, "%s", text);
    if (!study__is_metric(cost->name) || strcmp(cost->name, "violation") == 0)
        return study__fail(yaml, key, err, "'%s' is no metric's name; give letters, digits and '_'",
                           cost->name);
    if (find(own, cost->name))
        return study__fail(yaml, key, err, "'%s' is given twice; leave one out", cost->name);
    if (space_expression_parse(&file->study.space, equals + 1, &cost->value, &why))
        return study__fail(yaml, key, err, "%s", why.text);
    own->cost_count++;
    return RT_OK;
}

rt_status study__place_costs(const struct study_yaml *yaml, struct study_file *file,
                             struct rt_err *err)
{
    struct study_own *own = file->study.own;

    for (int i = 0; i < file->cost_count; i++)
        RT_TRY(place_cost(yaml, file, i, err));
    if (file->cost_count) {
        own->known = (struct space_known){.feasible = feasible, .exact = exact, .context = own};
        file->study.space.known = &own->known;
    }
    return RT_OK;
}

/* Small spaces are looked through, of others members drawn at random. */
static bool any_fits(const struct space *space, char why[128])
{
    const int64_t size = space_size(space);
    struct space_arch arch;
    struct rt_rng rng;

    rt_rng_init(&rng, 0, RT_STREAM_PROPOSE, 0);
    space_smallest(space, &arch);
    bool fits = space_feasible(space, &arch, why);
    for (int64_t i = 0;
         !fits && i < LOOKED_THROUGH && (size < 0 || size > LOOKED_THROUGH || i < size); i++) {
        if (size < 0 || size > LOOKED_THROUGH)
            space_sample(space, &rng, &arch);
        else
            space_nth(space, i, &arch);
        fits = space_feasible(space, &arch, NULL);
    }
    return fits;
}

rt_status study__check_limits(const struct study_yaml *yaml, const struct study *study,
                              struct rt_err *err)
{
    char why[128] = "";

    if (!study->space.known || any_fits(&study->space, why))
        return RT_OK;
    if (!study->own->limit_count)
        return study__fail(yaml, "space.costs", err,
                           "no architecture was found whose costs are numbers (of the smallest, "
                           "%s); change the formula",
                           why);
    return study__fail(
        yaml, "search.constraints", err,
        "no architecture was found that keeps them (of the smallest, %s); widen them", why);
}
