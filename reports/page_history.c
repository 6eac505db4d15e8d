/* reports/page_history.c -- how the search went over its trials and over time.
 *
 * By trials it can be compared with other searches, by time it says when to stop.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/growth.h"
#include "reports/page_internal.h"
#include "reports/text.h"

struct moment {
    double trial, volume, seconds; /* seconds: when it was committed, from the first start */
};

struct history { /* the first and the last moment, and those between at which the volume changed */
    int count, room;
    struct moment *moment;
    double started;   /* julianday() */
    size_t trials;    /* in `finished` */
    double *finished; /* of each trial, julianday(); 0: not yet */
};

static rt_status add(struct history *history, const struct moment *moment, struct rt_err *err)
{
    if (history->count == history->room) {
        const int room = history->room ? 2 * history->room : 256;
        void *more = realloc(history->moment, (size_t)room * sizeof *history->moment);
        if (!more)
            return rt_fail(err, RT_ENOMEM, "no memory for the history");
        history->moment = more;
        history->room = room;
    }
    history->moment[history->count++] = *moment;
    return RT_OK;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* A trial is committed when it and all before it have finished. */
static rt_status load_moments(struct report__page *page, struct history *history,
                              struct rt_err *err)
{
    struct moment now = {NAN, NAN, NAN};
    double latest = 0;
    size_t seen = 0;
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK, ended;
    bool kept = true;

    RT_TRY(report__ask(page->store, "select trial, hypervolume from front_history order by trial",
                       &q, err));
    while (rc == RT_OK && report__next(q)) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        const double volume = report__number(q, 1);
        for (; seen < history->trials && (int64_t)seen <= trial; seen++)
            latest = fmax(latest, history->finished[seen]);
        kept = !history->count || !same(volume, now.volume);
        now = (struct moment){(double)trial, volume,
                              latest > 0 ? (latest - history->started) * 86400 : (double)NAN};
        if (kept)
            rc = add(history, &now, err);
    }
    if (rc == RT_OK && !kept)
        rc = add(history, &now, err);
    if ((ended = report__end(page->store, q, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    return rc;
}

static rt_status load(struct report__page *page, struct history *history, struct rt_err *err)
{
    double trials;

    RT_TRY(report__one_number(page->store, "select count(*) from trial where number >= 0", &trials,
                              err));
    RT_TRY(report__one_number(page->store, "select julianday(started) from progress",
                              &history->started, err));
    history->trials = (size_t)trials;
    history->finished = calloc(history->trials + 1, sizeof *history->finished);
    if (!history->finished)
        return rt_fail(err, RT_ENOMEM, "no memory for the history");
    RT_TRY(report__finished_load(page->store, history->trials, history->finished, err));
    return load_moments(page, history, err);
}

static double moment_x(const struct moment *moment, double unit)
{
    return unit > 0 ? moment->seconds / unit : moment->trial;
}

/* Steps: the volume stands still between trials that change it. `unit` is that of the time in
 * seconds, 0 for an axis of trials. */
static void draw_volume(struct report__page *page, const struct history *history, double unit,
                        const char *label, const char *caption)
{
    struct report__chart chart = {
        .out = page->out,
        .x = {unit > 0 ? "time" : "trial", label, false, REPORT__AXIS_EMPTY},
        .y = {"hypervolume", "hypervolume, of 1", false, REPORT__AXIS_EMPTY}};
    const struct moment *last = NULL;

    for (int i = 0; i < history->count; i++) {
        report__axis_widen(&chart.x, moment_x(&history->moment[i], unit));
        report__axis_widen(&chart.y, history->moment[i].volume);
    }
    report__figure_open(page->out);
    report__chart_open(&chart, "lines", caption);
    report__path_open(&chart, "class=\"curve main\" data-name=\"hypervolume\"");
    for (int i = 0; i < history->count; i++) {
        const struct moment *m = &history->moment[i];
        if (last && m->volume == last->volume && i + 1 < history->count)
            continue;
        if (last)
            report__path_to(&chart, moment_x(m, unit), last->volume);
        report__path_to(&chart, moment_x(m, unit), m->volume);
        last = isfinite(m->volume) ? m : NULL;
    }
    report__path_close(&chart);
    report__chart_close(&chart);
    report__figure_close(page->out, caption);
}

static int by_trial(const void *a, const void *b)
{
    const struct report__row *p = *(const struct report__row *const *)a;
    const struct report__row *q = *(const struct report__row *const *)b;
    return p->trial < q->trial ? -1 : p->trial > q->trial;
}

/* Of the lead. */
static void draw_lowest(struct report__page *page, struct report__chart *chart,
                        const struct report__show *show)
{
    const struct report__rows *rows = &page->rows;
    const struct report__row **order =
        calloc((size_t)rows->count + 1, sizeof(const struct report__row *));
    char attributes[STORE_NAME + 64];
    double low = NAN;

    if (!order) /* the dots say the same */
        return;
    for (int i = 0; i < rows->count; i++)
        order[i] = &rows->row[i];
    qsort(order, (size_t)rows->count, sizeof(const struct report__row *), by_trial);
    (void)snprintf(attributes, sizeof attributes,
                   "class=\"curve main\" data-name=\"lowest %s so far\"",
                   rows->quantities.list[0].name);
    report__path_open(chart, attributes);
    for (int i = 0; i < rows->count; i++) {
        const double value = report__shown(show, order[i], 0), trial = (double)order[i]->trial;
        const bool lower = isfinite(value) && !(value >= low);
        if (!lower && i + 1 < rows->count)
            continue;
        report__path_to(chart, trial, low);
        low = lower ? value : low;
        report__path_to(chart, trial, low);
    }
    report__path_close(chart);
    free(order);
}

static void draw_dots(struct report__page *page, struct report__chart *chart,
                      const struct report__show *show)
{
    const struct report__rows *rows = &page->rows;

    for (int front = 0; front < 2; front++) {
        (void)fprintf(page->out, "<path class=\"others%s%s\" d=\"", front ? " front" : "",
                      front ? "" : report__page_crowd(page));
        for (int i = 0; i < rows->count; i++) {
            const double x = (double)rows->row[i].trial, y = report__shown(show, &rows->row[i], 0);
            if (rows->row[i].on_front == front && report__page_draws(page, i) &&
                report__chart_shows(chart, x, y))
                (void)fprintf(page->out, "M%.1f %.1fh0", report__chart_x(chart, x),
                              report__chart_y(chart, y));
        }
        (void)fputs("\"/>\n", page->out);
    }
}

static void draw_lead(struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    const char *name = rows->quantities.list[0].name;
    const struct report__show show = report__show(rows, 0);
    const double level = show.factor * rows->ensemble.value;
    char title[STORE_NAME + 40];
    struct report__chart chart = {.out = page->out,
                                  .x = {"trial", "trial", false, REPORT__AXIS_EMPTY},
                                  .y = {name, show.label, false, REPORT__AXIS_EMPTY}};

    (void)snprintf(title, sizeof title, "%s of each trial, lowest so far", name);
    for (int i = 0; i < rows->count; i++) {
        report__axis_widen(&chart.x, (double)rows->row[i].trial);
        report__axis_widen(&chart.y, report__shown(&show, &rows->row[i], 0));
    }
    report__axis_widen(&chart.y, level);
    report__figure_open(page->out);
    report__chart_open(&chart, "points", title);
    draw_dots(page, &chart, &show);
    report__chart_level(&chart, level, "ensemble");
    draw_lowest(page, &chart, &show);
    report__chart_close(&chart);
    report__figure_close(page->out, title);
}

static rt_status print_work(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char work[REPORT__CELL], each[REPORT__CELL];

    RT_TRY(report__ask(
        page->store,
        "select (select count(*) from (select distinct host, worker from execution)),"
        " sum(seconds),"
        " avg(case when outcome = 'done' then seconds end), sum(outcome = 'interrupted'),"
        " (select count(*) from event where kind = 'search' and (text like 'started%' or text"
        " like 'resumed%')) from execution",
        &q, err));
    if (report__next(q) && isfinite(report__number(q, 1))) {
        const int starts = sqlite3_column_int(q, 4), broken = sqlite3_column_int(q, 3);
        (void)fprintf(page->out, "%d worker%s spent %s in trials, %s each on average",
                      sqlite3_column_int(q, 0), sqlite3_column_int(q, 0) == 1 ? "" : "s",
                      report__duration(report__number(q, 1), work),
                      report__duration(report__number(q, 2), each));
        if (starts > 1)
            (void)fprintf(page->out, "; the search was started %d times", starts);
        if (broken)
            (void)fprintf(page->out, "; %d execution%s interrupted and repeated", broken,
                          broken == 1 ? " was" : "s were");
        (void)fputs(". ", page->out);
    }
    return report__end(page->store, q, err);
}

rt_status report__page_history(struct report__page *page, struct rt_err *err)
{
    struct history history = {0};
    rt_status rc = load(page, &history, err);

    if (rc == RT_OK) {
        const double end = history.count ? history.moment[history.count - 1].seconds : 0;
        const bool hours = end > 2 * 3600;
        report__section(page->out, "search", "How the search went");
        (void)fputs("<p class=\"lead\">", page->out);
        rc = print_work(page, err);
        (void)fputs("Hypervolume is the share of the box between the first trials' worst and best "
                    "values that the front covers: when it stands still, more trials find "
                    "little.</p>\n<div class=\"plots\">\n",
                    page->out);
        draw_volume(page, &history, 0, "trial", "hypervolume over trials");
        draw_volume(page, &history, hours ? 3600 : 60, hours ? "hours" : "minutes",
                    "hypervolume over time");
        draw_lead(page);
        (void)fputs("</div>\n", page->out);
    }
    free(history.moment);
    free(history.finished);
    return rc;
}
