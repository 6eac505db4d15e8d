/* reports/compare.c -- compare.h.
 *
 * The store's own hypervolume has the scale of its first trials, which differ between studies; so
 * all is computed again from the results.
 */
#include "reports/compare.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/growth.h"
#include "reports/text.h"
#include "search/pareto.h"

/* ---- loading ---- */

static rt_status no_memory(struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory to compare studies");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct report__quantity *)a)->name,
                  ((const struct report__quantity *)b)->name);
}

static rt_status load_objectives(struct store *store, struct report__comparison *c,
                                 struct rt_err *err)
{
    struct report__quantities quantities;
    struct report__quantity objective[STORE_MAX_OBJECTIVES];

    RT_TRY(report__quantities_load(store, &quantities, err));
    c->objective_count = quantities.objective_count;
    for (int k = 0; k < c->objective_count; k++)
        objective[k] = quantities.list[quantities.objective[k]];
    qsort(objective, (size_t)c->objective_count, sizeof *objective, by_name);
    for (int k = 0; k < c->objective_count; k++) {
        memcpy(c->objective[k], objective[k].name, sizeof c->objective[k]);
        c->cost[k] = objective[k].logarithmic;
        c->times |= report__is_time(&objective[k]);
    }
    return RT_OK;
}

static void list_objectives(const struct report__comparison *c, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < c->objective_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 !i                           ? ""
                                 : i + 1 < c->objective_count ? ", "
                                                              : " and ",
                                 c->objective[i]);
}

static rt_status load_study(const struct report_study *studies, int i, struct report__comparison *c,
                            struct rt_err *err)
{
    struct report__comparison own = {0};
    char want[256], got[256];

    c->growth[i].name = studies[i].name;
    RT_TRY(load_objectives(studies[i].store, i ? &own : c, err));
    if (i && (own.objective_count != c->objective_count ||
              memcmp(own.objective, c->objective, sizeof own.objective) != 0)) {
        list_objectives(c, want, sizeof want);
        list_objectives(&own, got, sizeof got);
        return rt_fail(err, RT_EMISMATCH,
                       "studies with different objectives cannot be compared: '%s' minimises %s, "
                       "'%s' %s",
                       studies[0].name, want, studies[i].name, got);
    }
    return report__growth_load(studies[i].store, c, &c->growth[i], err);
}

/* Host and processor of every latency measurement, each once. */
static rt_status ask_machines(const struct report_study *studies, struct report__comparison *c,
                              struct rt_err *err)
{
    char *first = NULL;
    rt_status rc = RT_OK;

    for (int i = 0; i < c->count && rc == RT_OK; i++) {
        char *machines = NULL;
        rc = report__one_text(studies[i].store,
                              "select group_concat(name, '; ') from (select distinct h.host || ' ' "
                              "|| h.cpu as name from latency l join host h on h.id = l.host"
                              " order by name)",
                              &machines, err);
        if (rc != RT_OK)
            break;
        if (!first)
            first = machines;
        else
            c->machines |= strcmp(first, machines) != 0;
        c->machines |= strchr(machines, ';') != NULL;
        if (machines != first)
            free(machines);
    }
    free(first);
    return rc;
}

/* ---- one scale ---- */

/* The finite values of one objective, as many as there are. */
static size_t list_values(const struct report__comparison *c, int k, double *values)
{
    size_t count = 0;

    for (int i = 0; i < c->count; i++)
        for (size_t n = 0; n < c->growth[i].count; n++) {
            values[count] = c->growth[i].points[n * (size_t)c->objective_count + (size_t)k];
            count += isfinite(values[count]) ? 1 : 0;
        }
    return count;
}

static rt_status find_box(struct report__comparison *c, struct rt_err *err)
{
    size_t trials = 0;

    for (int i = 0; i < c->count; i++)
        trials += c->growth[i].count;
    double *values = calloc(trials + 1, sizeof *values);
    if (!values)
        return no_memory(err);
    for (int k = 0; k < c->objective_count; k++) {
        const size_t n = list_values(c, k, values);
        const double most = c->cost[k] || !n ? INFINITY : search_ceiling(values, n, SEARCH_FAR);
        c->ideal[k] = n ? INFINITY : 0;
        c->reference[k] = n ? -INFINITY : 0;
        for (size_t i = 0; i < n; i++) {
            c->ideal[k] = fmin(c->ideal[k], values[i]);
            c->reference[k] =
                values[i] <= most ? fmax(c->reference[k], values[i]) : c->reference[k];
        }
        c->log[k] = c->cost[k] && c->ideal[k] > 0;
    }
    free(values);
    return RT_OK;
}

/* Points, ideal and reference as they are measured in. */
static void scale(const struct report__comparison *c, struct report__growth *growth, double *ideal,
                  double *reference)
{
    const int m = c->objective_count;

    for (int k = 0; k < m; k++) {
        ideal[k] = c->log[k] ? log(c->ideal[k]) : c->ideal[k];
        reference[k] = c->log[k] ? log(c->reference[k]) : c->reference[k];
        for (size_t n = 0; n < growth->count && c->log[k]; n++)
            growth->points[n * (size_t)m + (size_t)k] =
                log(growth->points[n * (size_t)m + (size_t)k]);
    }
}

static rt_status measure(struct report__comparison *c, struct report__growth *growth,
                         struct rt_err *err)
{
    double ideal[STORE_MAX_OBJECTIVES], reference[STORE_MAX_OBJECTIVES];

    scale(c, growth, ideal, reference);
    return search_hypervolumes(growth->points, growth->count, c->objective_count, ideal, reference,
                               growth->volume, &growth->front, err);
}

rt_status report__comparison_load(const struct report_study *studies, int count,
                                  struct report__comparison *comparison, struct rt_err *err)
{
    struct report__comparison *c = comparison;
    rt_status rc = RT_OK;

    *c = (struct report__comparison){.count = count};
    c->growth = calloc((size_t)count + 1, sizeof *c->growth);
    if (!c->growth)
        return no_memory(err);
    for (int i = 0; i < count && rc == RT_OK; i++)
        rc = load_study(studies, i, c, err);
    if (rc == RT_OK && c->times)
        rc = ask_machines(studies, c, err);
    if (rc == RT_OK)
        rc = find_box(c, err);
    for (int i = 0; i < count && rc == RT_OK; i++)
        rc = measure(c, &c->growth[i], err);
    if (rc != RT_OK)
        report__comparison_release(c);
    return rc;
}

rt_status report__cloud_load(struct store *store, const int64_t *trial, size_t count,
                             struct report__cloud *cloud, struct rt_err *err)
{
    struct report__growth growth = {0};
    struct report__comparison c = {.count = 1, .growth = &growth};
    rt_status rc;

    *cloud = (struct report__cloud){0};
    RT_TRY(load_objectives(store, &c, err));
    rc = report__growth_sample(store, &c, trial, count, &growth, err);
    if (rc == RT_OK)
        rc = find_box(&c, err);
    if (rc != RT_OK) {
        free(growth.points);
        return rc;
    }
    scale(&c, &growth, cloud->ideal, cloud->reference);
    cloud->m = c.objective_count;
    cloud->points = growth.points;
    return RT_OK;
}

void report__comparison_release(struct report__comparison *comparison)
{
    for (int i = 0; i < comparison->count && comparison->growth; i++) {
        free(comparison->growth[i].seconds);
        free(comparison->growth[i].volume);
        free(comparison->growth[i].points);
    }
    free(comparison->growth);
    *comparison = (struct report__comparison){0};
}

/* ---- looking ---- */

double report__after_trials(const struct report__growth *growth, double trials)
{
    return trials >= 1 && trials <= (double)growth->count ? growth->volume[(size_t)trials - 1]
                                                          : (double)NAN;
}

double report__after_seconds(const struct report__growth *growth, double seconds)
{
    double volume = NAN;

    if (!growth->count || seconds > report__end_seconds(growth))
        return NAN;
    for (size_t i = 0; i < growth->count && growth->seconds[i] <= seconds; i++)
        volume = growth->volume[i];
    return volume;
}

double report__end_volume(const struct report__growth *growth)
{
    return growth->count ? growth->volume[growth->count - 1] : (double)NAN;
}

double report__end_seconds(const struct report__growth *growth)
{
    return growth->count ? growth->seconds[growth->count - 1] : (double)NAN;
}

size_t report__reaches(const struct report__growth *growth, double volume)
{
    for (size_t i = 0; i < growth->count; i++)
        if (growth->volume[i] >= volume)
            return i + 1;
    return 0;
}

void report__compared_text(const struct report__comparison *comparison, char *text, size_t size)
{
    bool costs = false;

    list_objectives(comparison, text, size);
    for (int k = 0; k < comparison->objective_count; k++)
        costs |= comparison->log[k];
    const size_t used = strlen(text);
    if (costs)
        (void)snprintf(text + used, size - used, " (costs by their logarithm)");
}

const char *report__short_name(const char *name, int columns, char text[REPORT__NAME])
{
    const int length = report__columns(name);
    int skip = length - columns + 1;

    if (length <= columns) {
        (void)snprintf(text, REPORT__NAME, "%s", name);
        return text;
    }
    for (; skip > 0 && *name; name++)
        skip -= (name[1] & 0xC0) != 0x80; /* a whole character is gone */
    (void)snprintf(text, REPORT__NAME, "…%s", name);
    return text;
}
