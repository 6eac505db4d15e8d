/* reports/page_front.c -- the front: a plot for each pair of objectives, and its table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page_internal.h"
#include "reports/text.h"

/* ---- one plot ---- */

struct pair {
    const char *x, *y;
    struct report__show show_x, show_y;
};

static double at_x(const struct pair *pair, const struct report__row *row)
{
    return pair->show_x.factor * report__row_value(row, pair->x);
}

static double at_y(const struct pair *pair, const struct report__row *row)
{
    return pair->show_y.factor * report__row_value(row, pair->y);
}

static bool shows_error(const struct pair *pair)
{
    return strcmp(pair->y, "error") == 0 && pair->show_y.factor == 100;
}

static void set_ranges(const struct report__page *page, const struct pair *pair,
                       struct report__chart *chart)
{
    for (int i = 0; i < page->rows.count; i++) {
        const struct report__row *row = &page->rows.row[i];
        const double x = at_x(pair, row), y = at_y(pair, row);
        if (!report__page_draws(page, i) || !isfinite(x) || !isfinite(y))
            continue;
        report__axis_widen(&chart->x, x);
        report__axis_widen(&chart->y, y);
    }
    if (shows_error(pair))
        report__axis_widen(&chart->y, 100 * page->rows.ensemble_error);
}

/* One path for them all, of dots that are lines without length: small, and fast to draw. */
static void draw_others(const struct report__page *page, const struct pair *pair,
                        struct report__chart *chart)
{
    (void)fprintf(chart->out, "<path class=\"others%s\" d=\"", report__page_crowd(page));
    for (int i = 0; i < page->rows.count; i++) {
        const struct report__row *row = &page->rows.row[i];
        const double x = at_x(pair, row), y = at_y(pair, row);
        if (!row->on_front && report__page_draws(page, i) && report__chart_shows(chart, x, y))
            (void)fprintf(chart->out, "M%.1f %.1fh0", report__chart_x(chart, x),
                          report__chart_y(chart, y));
    }
    (void)fputs("\"/>\n", chart->out);
}

static int by_x_then_y(const void *a, const void *b)
{
    const double *p = a, *q = b;
    for (int i = 0; i < 2; i++)
        if (p[i] != q[i])
            return p[i] < q[i] ? -1 : 1;
    return 0;
}

/* The border of what is dominated in these two objectives alone. */
static void draw_stairs(const struct report__page *page, const struct pair *pair,
                        struct report__chart *chart)
{
    double(*point)[2] = calloc((size_t)page->rows.front_count + 1, sizeof *point);
    double low = INFINITY;
    int count = 0;

    if (!point) /* a page without stairs is still right */
        return;
    for (int i = 0; i < page->rows.count; i++) {
        const struct report__row *row = &page->rows.row[i];
        if (row->on_front && report__chart_shows(chart, at_x(pair, row), at_y(pair, row))) {
            point[count][0] = at_x(pair, row);
            point[count++][1] = at_y(pair, row);
        }
    }
    qsort(point, (size_t)count, sizeof *point, by_x_then_y);
    report__path_open(chart, "class=\"stairs\"");
    for (int i = 0; i < count; i++)
        if (point[i][1] < low) {
            if (isfinite(low))
                report__path_to(chart, point[i][0], low);
            low = point[i][1];
            report__path_to(chart, point[i][0], low);
        }
    report__path_close(chart);
    free(point);
}

static void draw_errors(const struct report__page *page, const struct pair *pair,
                        struct report__chart *chart)
{
    (void)fputs("<path class=\"spread\" d=\"", chart->out);
    for (int i = 0; i < page->rows.count; i++) {
        const struct report__row *row = &page->rows.row[i];
        if (!row->on_front || !isfinite(row->error_se) ||
            !report__chart_shows(chart, at_x(pair, row), at_y(pair, row)))
            continue;
        (void)fprintf(chart->out, "M%.1f %.1fV%.1f", report__chart_x(chart, at_x(pair, row)),
                      report__chart_y(chart, 100 * (row->error - row->error_se)),
                      report__chart_y(chart, 100 * (row->error + row->error_se)));
    }
    (void)fputs("\"/>\n", chart->out);
}

static void draw_front(const struct report__page *page, const struct pair *pair,
                       struct report__chart *chart)
{
    for (int i = page->rows.count - 1; i >= 0; i--) {
        const struct report__row *row = &page->rows.row[i];
        const double x = at_x(pair, row), y = at_y(pair, row);
        if (!row->on_front || !report__chart_shows(chart, x, y))
            continue;
        (void)fprintf(chart->out,
                      "<circle class=\"%s\" data-trial=\"%lld\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\">"
                      "<title>",
                      i == page->knee ? "front knee" : "front", (long long)row->trial,
                      report__chart_x(chart, x), report__chart_y(chart, y),
                      i == page->knee ? "7" : "4.5");
        report__html(chart->out, row->arch);
        (void)fputs("</title></circle>\n", chart->out);
    }
}

static void draw_pair(const struct report__page *page, const char *x, const char *y)
{
    const struct pair pair = {x, y, report__show(&page->rows, x), report__show(&page->rows, y)};
    struct report__chart chart = {
        .out = page->out,
        .x = {x, pair.show_x.label, report__is_log(&page->rows, x), REPORT__AXIS_EMPTY},
        .y = {y, pair.show_y.label, report__is_log(&page->rows, y), REPORT__AXIS_EMPTY}};
    char title[256];

    (void)snprintf(title, sizeof title, "%s against %s of %d trials, %d of them on the front",
                   pair.show_y.label, pair.show_x.label, page->rows.count, page->rows.front_count);
    set_ranges(page, &pair, &chart);
    report__figure_open(page->out);
    report__chart_open(&chart, "points", title);
    draw_others(page, &pair, &chart);
    if (shows_error(&pair)) {
        report__chart_level(&chart, 100 * page->rows.ensemble_error, "ensemble");
        draw_errors(page, &pair, &chart);
    }
    draw_stairs(page, &pair, &chart);
    draw_front(page, &pair, &chart);
    report__chart_close(&chart);
    (void)snprintf(title, sizeof title, "%s against %s", y, x);
    report__figure_close(page->out, title);
}

/* ---- the table ---- */

static void print_row(const struct report__page *page, int i, bool agreement, bool latency)
{
    FILE *out = page->out;
    const struct report__row *row = &page->rows.row[i];
    char text[REPORT__CELL];
    const double sizes[] = {(double)row->params, (double)row->bytes, (double)row->macs,
                            (double)row->memory};

    (void)fprintf(out, "<tr data-trial=\"%lld\"%s>", (long long)row->trial,
                  i == page->knee ? " class=\"knee\"" : "");
    (void)snprintf(text, sizeof text, "%lld", (long long)row->candidate);
    report__cell(out, text, (double)row->candidate);
    report__cell_arch(out, row->arch);
    report__cell(out, report__percent(row->error, row->error_se, text), row->error);
    if (agreement) {
        report__cell(out, report__percent(row->agreement, NAN, text), row->agreement);
        report__cell(out, report__fixed(row->kl, 4, text), row->kl);
    }
    if (latency)
        report__cell(out, report__ms(row->latency, text), row->latency);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        report__cell(out, report__count(sizes[s], text), sizes[s]);
    (void)fputs("</tr>\n", out);
}

static void print_own_table(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    const char *heads[STORE_MAX_OBJECTIVES + 3] = {"id", "<architecture"};
    char text[32];

    for (int o = 0; o < rows->objective_count; o++)
        heads[o + 2] = rows->objective[o];
    report__table_open(page->out, heads);
    for (int i = 0; i < rows->count; i++) {
        const struct report__row *row = &rows->row[i];
        if (!row->on_front)
            continue;
        (void)fprintf(page->out, "<tr data-trial=\"%lld\"%s>", (long long)row->trial,
                      i == page->knee ? " class=\"knee\"" : "");
        (void)snprintf(text, sizeof text, "%lld", (long long)row->candidate);
        report__cell(page->out, text, (double)row->candidate);
        report__cell_arch(page->out, row->arch);
        for (int o = 0; o < rows->objective_count; o++) {
            (void)snprintf(text, sizeof text, "%.5g", row->value[o]);
            report__cell(page->out, text, row->value[o]);
        }
        (void)fputs("</tr>\n", page->out);
    }
    report__table_close(page->out);
}

static void print_table(const struct report__page *page)
{
    const char *heads[12] = {"id", "<architecture", "error, %"};
    bool agreement = false, latency = false;
    int count = 3;

    for (int i = 0; i < page->rows.count; i++) {
        agreement |= isfinite(page->rows.row[i].agreement) || isfinite(page->rows.row[i].kl);
        latency |= isfinite(page->rows.row[i].latency);
    }
    if (agreement) {
        heads[count++] = "agreement, %";
        heads[count++] = "KL";
    }
    if (latency)
        heads[count++] = "latency";
    heads[count++] = "params";
    heads[count++] = "bytes";
    heads[count++] = "MACs";
    heads[count] = "memory";
    report__table_open(page->out, heads);
    for (int i = 0; i < page->rows.count; i++)
        if (page->rows.row[i].on_front)
            print_row(page, i, agreement, latency);
    report__table_close(page->out);
}

void report__page_front(struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    FILE *out = page->out;

    report__section(out, "front", "The front");
    (void)fputs("<p class=\"lead\"><span class=\"key front\"></span> on the front: no other trial "
                "is as good in every objective and better in one &ensp;<span class=\"key knee\">"
                "</span> the knee &ensp;<span class=\"key others\"></span> other trials &ensp;"
                "<span class=\"key stairs\"></span> the border for two objectives alone",
                out);
    if (!rows->own)
        (void)fputs(" &ensp;<span class=\"key level\"></span> the teachers' ensemble &ensp;"
                    "Vertical lines are ± one standard error.",
                    out);
    if (page->every > 1)
        (void)fprintf(out, " Of the other trials one in %d is drawn.", page->every);
    (void)fputs("</p>\n<div class=\"plots\">\n", out);
    for (int i = 0; i < rows->objective_count; i++)
        for (int j = i + 1; j < rows->objective_count; j++) {
            const char *x, *y;
            report__pair(rows->objective[i], rows->objective[j], &x, &y);
            draw_pair(page, x, y);
        }
    (void)fputs("</div>\n", out);
    report__section(out, "students", rows->own ? "On the front" : "Students on the front");
    if (rows->own) {
        (void)fputs("<p class=\"lead\">A click on a title sorts. The knee is marked.</p>\n", out);
        print_own_table(page);
        return;
    }
    (void)fputs("<p class=\"lead\">By error; a click on a title sorts. The knee is marked. "
                "<code>retort distill</code> with an id trains that student fully.</p>\n",
                out);
    print_table(page);
}

/* ---- for the script ---- */

static void print_data_row(FILE *out, const struct report__row *row)
{
    const double values[] = {row->error,         row->error_se,     row->kl,
                             row->agreement,     row->latency,      (double)row->params,
                             (double)row->bytes, (double)row->macs, (double)row->memory};

    (void)fprintf(out, "[%lld,%lld,", (long long)row->trial, (long long)row->candidate);
    report__json(out, row->arch);
    (void)fprintf(out, ",%d", row->on_front);
    for (size_t i = 0; i < sizeof values / sizeof *values && !row->name; i++) {
        (void)fputc(',', out);
        report__json_number(out, values[i]);
    }
    for (int o = 0; o < STORE_MAX_OBJECTIVES && row->name && row->name[o][0]; o++) {
        (void)fputc(',', out);
        report__json_number(out, row->value[o]);
    }
    (void)fputc(']', out);
}

/* The columns of a study of the user's own metrics; `own` says so. */
static void print_own_head(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    FILE *out = page->out;

    (void)fputs("<script type=\"application/json\" id=\"data\">\n{\"columns\":[\"trial\","
                "\"candidate\",\"arch\",\"front\"",
                out);
    for (int part = 0; part < 3; part++) {
        (void)fputs(part == 1 ? "],\n\"factors\":{" : part == 2 ? "},\n\"own\":[" : "", out);
        for (int o = 0; o < rows->objective_count; o++) {
            (void)fputs(part == 0 || o ? "," : "", out);
            report__json(out, rows->objective[o]);
            (void)fputs(part == 1 ? ":1" : "", out);
        }
    }
    (void)fputs("],\n\"rows\":[", out);
}

void report__page_data(struct report__page *page)
{
    static const char *const shown[] = {"error", "kl",   "latency", "params",
                                        "bytes", "macs", "memory"};
    FILE *out = page->out;
    bool first = true;

    if (page->rows.own)
        print_own_head(page);
    else {
        (void)fputs("<script type=\"application/json\" id=\"data\">\n{\"columns\":[\"trial\","
                    "\"candidate\",\"arch\",\"front\",\"error\",\"se\",\"kl\",\"agreement\","
                    "\"latency\",\"params\",\"bytes\",\"macs\",\"memory\"],\n\"factors\":{",
                    out);
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
            (void)fprintf(out, "%s\"%s\":%g", i ? "," : "", shown[i],
                          report__show(&page->rows, shown[i]).factor);
        (void)fputs("},\n\"rows\":[", out);
    }
    for (int i = 0; i < page->rows.count; i++)
        if (report__page_draws(page, i)) {
            (void)fputs(first ? "\n" : ",\n", out);
            print_data_row(out, &page->rows.row[i]);
            first = false;
        }
    (void)fputs("\n]}\n</script>\n", out);
}
