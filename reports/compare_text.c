/* reports/compare_text.c -- report_compare() of report.h: the comparison as table, csv and json.
 *
 * The table has few columns, so its marks are round numbers of trials and times; the others are
 * whole.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "reports/compare.h"
#include "reports/row_table.h"
#include "reports/text.h"

enum { NAME_COLUMNS = 20, STEPS = 6 };

/* The last STEPS of the marks that are not beyond `most`, into at[]; returns how many. */
static int pick(const double *marks, int count, double most, double at[STEPS])
{
    int end = 0, begin;

    while (end < count && marks[end] <= most)
        end++;
    begin = end > STEPS ? end - STEPS : 0;
    memcpy(at, marks + begin, (size_t)(end - begin) * sizeof *at);
    return end - begin;
}

static double longest(const struct report__comparison *c, bool time)
{
    double most = 0;

    for (int i = 0; i < c->count; i++)
        most = fmax(most, time ? report__end_seconds(&c->growth[i]) : (double)c->growth[i].count);
    return most;
}

static void print_volume(FILE *out, double volume)
{
    if (isfinite(volume))
        (void)fprintf(out, " %8.4f", volume);
    else
        (void)fprintf(out, " %8s", "-");
}

static void print_head(FILE *out, bool time, const double *at, int steps)
{
    (void)fprintf(out, "\n%-*s", NAME_COLUMNS, time ? "volume after" : "volume after trials");
    for (int s = 0; s < steps; s++) {
        char text[REPORT__CELL];
        if (time && at[s] >= 3600)
            (void)snprintf(text, sizeof text, "%g h", at[s] / 3600);
        else if (time && at[s] >= 60)
            (void)snprintf(text, sizeof text, "%g min", at[s] / 60);
        else
            (void)snprintf(text, sizeof text, "%g%s", at[s], time ? " s" : "");
        (void)fprintf(out, " %8s", text);
    }
    (void)fputc('\n', out);
}

static void print_block(FILE *out, const struct report__comparison *c, bool time)
{
    static const double trials[] = {1,   2,    5,    10,   20,    50,    100,   200,
                                    500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
    static const double seconds[] = {1,     2,     5,     10,    20,     30,     60,
                                     120,   300,   600,   1200,  1800,   3600,   7200,
                                     14400, 28800, 43200, 86400, 172800, 345600, 604800};
    double at[STEPS];
    const int steps = time ? pick(seconds, sizeof seconds / sizeof *seconds, longest(c, true), at)
                           : pick(trials, sizeof trials / sizeof *trials, longest(c, false), at);
    char text[REPORT__NAME];

    if (!steps)
        return;
    print_head(out, time, at, steps);
    for (int i = 0; i < c->count; i++) {
        const struct report__growth *g = &c->growth[i];
        report__pad(out, report__short_name(g->name, NAME_COLUMNS, text), -NAME_COLUMNS);
        for (int s = 0; s < steps; s++)
            print_volume(out,
                         time ? report__after_seconds(g, at[s]) : report__after_trials(g, at[s]));
        (void)fputc('\n', out);
    }
}

/* Where all end, and what it took each to come where the worst ended. */
static void print_ends(FILE *out, const struct report__comparison *c)
{
    double worst = INFINITY;
    char text[REPORT__NAME], time[REPORT__CELL], then[REPORT__CELL];

    for (int i = 0; i < c->count; i++)
        worst = fmin(worst, report__end_volume(&c->growth[i]));
    (void)fprintf(out, "%-*s %6s %12s %6s %8s", NAME_COLUMNS, "study", "trials", "time", "front",
                  "volume");
    if (isfinite(worst))
        (void)fprintf(out, "   reached %.4f after", worst);
    (void)fputc('\n', out);
    for (int i = 0; i < c->count; i++) {
        const struct report__growth *g = &c->growth[i];
        const size_t reached = g->count ? report__reaches(g, worst) : 0;
        report__pad(out, report__short_name(g->name, NAME_COLUMNS, text), -NAME_COLUMNS);
        (void)fprintf(out, " %6zu ", g->count);
        report__pad(out, report__duration(report__end_seconds(g), time), 12);
        (void)fprintf(out, " %6zu", g->front);
        print_volume(out, report__end_volume(g));
        if (reached)
            (void)fprintf(out, "   %zu, %s", reached,
                          report__duration(g->seconds[reached - 1], then));
        (void)fputc('\n', out);
    }
}

static void print_table(FILE *out, const struct report__comparison *c)
{
    char text[256];

    report__compared_text(c, text, sizeof text);
    (void)fprintf(out, "hypervolume of %s,\n1 is the box of all results\n\n", text);
    print_ends(out, c);
    print_block(out, c, false);
    print_block(out, c, true);
    if (c->machines)
        (void)fputs("\nlatency was measured on more than one machine: the volumes mix them\n", out);
}

static void print_csv(FILE *out, const struct report__comparison *c)
{
    (void)fputs("study,trial,seconds,hypervolume\n", out);
    for (int i = 0; i < c->count; i++)
        for (size_t n = 0; n < c->growth[i].count; n++) {
            const struct report__growth *g = &c->growth[i];
            (void)fputc('"', out);
            for (const char *at = g->name; *at; at++)
                (void)fprintf(out, "%s%c", *at == '"' ? "\"" : "", *at);
            (void)fprintf(out, "\",%zu,", n);
            if (isfinite(g->seconds[n]))
                (void)fprintf(out, "%.3f", g->seconds[n]);
            (void)fprintf(out, ",%.9g\n", g->volume[n]);
        }
}

static json_t *json_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* Trials that changed the volume alone. */
static json_t *json_history(const struct report__growth *g)
{
    json_t *list = json_array();

    for (size_t n = 0; n < g->count; n++)
        if ((n == 0 || g->volume[n] > g->volume[n - 1]) &&
            json_array_append_new(list, json_pack("[I,o,f]", (json_int_t)n,
                                                  json_or_null(g->seconds[n]), g->volume[n]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *json_comparison(const struct report__comparison *c)
{
    json_t *objectives = json_array(), *studies = json_array();

    for (int k = 0; k < c->objective_count; k++)
        json_array_append_new(objectives,
                              json_pack("{s:s,s:o,s:o,s:b}", "name", c->objective[k], "ideal",
                                        json_or_null(c->ideal[k]), "reference",
                                        json_or_null(c->reference[k]), "log", c->log[k]));
    for (int i = 0; i < c->count; i++) {
        const struct report__growth *g = &c->growth[i];
        json_array_append_new(studies, json_pack("{s:s,s:I,s:o,s:I,s:o,s:o}", "study", g->name,
                                                 "trials", (json_int_t)g->count, "seconds",
                                                 json_or_null(report__end_seconds(g)), "front",
                                                 (json_int_t)g->front, "hypervolume",
                                                 json_or_null(report__end_volume(g)), "history",
                                                 json_history(g)));
    }
    return json_pack("{s:o,s:o}", "objectives", objectives, "studies", studies);
}

rt_status report_compare(const struct report_study *studies, int count, enum report_format format,
                         FILE *out, struct rt_err *err)
{
    struct report__comparison c;
    rt_status rc;

    RT_TRY(report__comparison_load(studies, count, &c, err));
    rc = RT_OK;
    switch (format) {
    case REPORT_TABLE: print_table(out, &c); break;
    case REPORT_CSV: print_csv(out, &c); break;
    case REPORT_JSON: rc = report__print_json(json_comparison(&c), out, err); break;
    }
    report__comparison_release(&c);
    return rc;
}
