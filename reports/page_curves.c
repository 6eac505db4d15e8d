/* reports/page_curves.c -- learning curves of the front, a plot for each series that was recorded.
 *
 * Colours go from blue for the smallest candidate over grey to orange for the largest, so that size
 * can be read from them at any number of them.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page_internal.h"
#include "reports/text.h"

#define MOST_POINTS 240 /* of one curve; more are thinned */

struct series {
    char name[STORE_NAME], label[96];
    bool folded;
    int points; /* of the curve that has most */
    double low, high;
};

struct points {
    int64_t trial;
    double step, value;
};

#define MOST_SERIES 64

/* In the study's order; what it does not know comes after that, by name, and is folded away unless
 * the study knows none. */
static rt_status load_series(struct report__page *page, struct series series[MOST_SERIES],
                             int *count, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    *count = 0;
    RT_TRY(
        report__ask(page->store,
                    "with drawn as (select u.name, count(*) as n, min(u.value) as low,"
                    "  max(u.value) as high from front f join curve u on u.trial = f.trial"
                    "  group by u.trial, u.name)"
                    " select d.name, max(d.n), min(d.low), max(d.high), coalesce(s.label, d.name),"
                    " coalesce(s.folded, (select count(*) from series) > 0)"
                    " from drawn d left join series s on s.name = d.name group by d.name"
                    " order by s.position is null, s.position, d.name",
                    &q, err));
    while (*count < MOST_SERIES && report__next(q)) {
        struct series *s = &series[(*count)++];
        (void)snprintf(s->name, sizeof s->name, "%s", report__column(q, 0));
        s->points = sqlite3_column_int(q, 1);
        s->low = report__number(q, 2);
        s->high = report__number(q, 3);
        (void)snprintf(s->label, sizeof s->label, "%s", report__column(q, 4));
        s->folded = sqlite3_column_int(q, 5) != 0;
    }
    return report__end(page->store, q, err);
}

static const struct report__row *row_of(const struct report__page *page, int64_t trial)
{
    for (int i = 0; i < page->rows.count; i++)
        if (page->rows.row[i].trial == trial)
            return &page->rows.row[i];
    return NULL;
}

static void colour_of(const struct report__page *page, double params, char text[8])
{
    static const double stops[3][3] = {{31, 110, 190}, {140, 140, 140}, {214, 106, 10}};
    double low = INFINITY, high = -INFINITY, rgb[3];

    for (int i = 0; i < page->rows.count; i++)
        if (page->rows.row[i].on_front) {
            low = fmin(low, log(page->rows.row[i].params));
            high = fmax(high, log(page->rows.row[i].params));
        }
    const double share = high > low ? 2 * (log(params) - low) / (high - low) : 1;
    const double at = share >= 0 && share <= 2 ? share : 1; /* params may be 0, or less */
    const int stop = at >= 1;
    for (int c = 0; c < 3; c++)
        rgb[c] = stops[stop][c] + (at - stop) * (stops[stop + 1][c] - stops[stop][c]);
    (void)snprintf(text, 8, "#%02x%02x%02x", (unsigned)rgb[0] & 0xFF, (unsigned)rgb[1] & 0xFF,
                   (unsigned)rgb[2] & 0xFF);
}

static void open_curve(struct report__page *page, struct report__chart *chart, int64_t trial)
{
    const struct report__row *row = row_of(page, trial);
    char attributes[128], colour[8] = "#888888";

    if (row && isfinite(row->params))
        colour_of(page, row->params, colour);
    (void)snprintf(attributes, sizeof attributes,
                   "class=\"curve\" data-trial=\"%lld\" stroke=\"%s\"", (long long)trial, colour);
    report__path_open(chart, attributes);
}

static rt_status draw_paths(struct report__page *page, struct report__chart *chart, int thin,
                            const char *name, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    int64_t trial = -1;
    int place = 0;

    RT_TRY(report__ask(page->store,
                       "select u.trial, u.step, u.value, u.step = max(u.step) over"
                       " (partition by u.trial) from front f join curve u on u.trial = f.trial"
                       " and u.name = ?1 order by u.trial, u.step",
                       &q, err));
    (void)sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    while (report__next(q)) {
        if (sqlite3_column_int64(q, 0) != trial) {
            if (trial >= 0)
                report__path_close(chart);
            trial = sqlite3_column_int64(q, 0);
            open_curve(page, chart, trial);
            place = 0;
        }
        if (place++ % thin == 0 || sqlite3_column_int(q, 3))
            report__path_to(chart, report__number(q, 1), report__number(q, 2));
    }
    if (trial >= 0)
        report__path_close(chart);
    return report__end(page->store, q, err);
}

/* What is measured, that is: a schedule is looked at for its shape. */
static bool spans_decades(const struct series *series)
{
    return !series->folded && series->low > 0 && series->high > 50 * series->low;
}

static rt_status draw_series(struct report__page *page, const struct series *series,
                             struct rt_err *err)
{
    struct report__chart chart = {
        .out = page->out,
        .x = {"step", "optimiser step", false, REPORT__AXIS_EMPTY},
        .y = {series->name, series->label, spans_decades(series), REPORT__AXIS_EMPTY}};
    char title[160];
    double steps;

    RT_TRY(report__one_number(
        page->store, "select max(step) from curve where trial in (select trial from front)", &steps,
        err));
    report__axis_widen(&chart.x, 0);
    report__axis_widen(&chart.x, steps);
    report__axis_widen(&chart.y, series->low);
    report__axis_widen(&chart.y, series->high);
    (void)snprintf(title, sizeof title, "%s of the front over training", series->label);
    report__figure_open(page->out);
    report__chart_open(&chart, "lines", title);
    RT_TRY(draw_paths(page, &chart, 1 + series->points / MOST_POINTS, series->name, err));
    report__chart_close(&chart);
    (void)fputs("<figcaption>", page->out);
    report__html(page->out, series->label);
    (void)fputs("</figcaption></figure>\n", page->out);
    return RT_OK;
}

/* One point is no curve, and what never changes is said in words. */
static bool is_curve(const struct series *series)
{
    return series->points > 1 && series->high > series->low;
}

static void print_constants(const struct report__page *page, const struct series *series, int count)
{
    int said = 0;

    for (int i = 0; i < count; i++)
        if (series[i].points > 1 && series[i].high <= series[i].low) {
            (void)fputs(said++ ? ", " : "<p class=\"lead\">Constant throughout: ", page->out);
            report__html(page->out, series[i].label);
            (void)fprintf(page->out, " %.4g", series[i].low);
        }
    if (said)
        (void)fputs(".</p>\n", page->out);
}

rt_status report__page_curves(struct report__page *page, struct rt_err *err)
{
    struct series series[MOST_SERIES];
    int count = 0, hidden = 0;
    FILE *out = page->out;

    RT_TRY(load_series(page, series, &count, err));
    report__section(out, "curves", "Learning curves of the front");
    (void)fputs("<p class=\"lead\">From the smallest ", out);
    report__html(out, page->rows.noun);
    (void)fputs(" <span class=\"key ramp\"></span> to the largest, of those on the front.</p>\n"
                "<div class=\"plots\">\n",
                out);
    for (int i = 0; i < count; i++)
        if (!series[i].folded && is_curve(&series[i]))
            RT_TRY(draw_series(page, &series[i], err));
    (void)fputs("</div>\n", out);
    for (int i = 0; i < count; i++)
        if (series[i].folded && is_curve(&series[i])) {
            if (!hidden++)
                (void)fputs("<details><summary>Schedules and other series</summary>\n"
                            "<div class=\"plots\">\n",
                            out);
            RT_TRY(draw_series(page, &series[i], err));
        }
    if (hidden)
        (void)fputs("</div>\n", out);
    print_constants(page, series, count);
    if (hidden)
        (void)fputs("</details>\n", out);
    return RT_OK;
}
