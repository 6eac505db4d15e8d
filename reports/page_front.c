/* reports/page_front.c -- the front: a plot for each pair of objectives, and its table.
 *
 * A plot of two objectives shows less than the front, which is one of all of them: hence the stairs,
 * the border for these two alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page_internal.h"
#include "reports/text.h"

/* ---- one plot ---- */

struct pair {
    int x, y; /* quantities */
    struct report__show show_x, show_y;
};

static double at_x(const struct pair *pair, const struct report__row *row)
{
    return report__shown(&pair->show_x, row, pair->x);
}

static double at_y(const struct pair *pair, const struct report__row *row)
{
    return report__shown(&pair->show_y, row, pair->y);
}

/* The ensemble has the lead alone, and so stands in the plots where that goes up. */
static double level_of(const struct report__page *page, const struct pair *pair)
{
    return pair->y == 0 ? pair->show_y.factor * page->rows.ensemble.value : (double)NAN;
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
    report__axis_widen(&chart->y, level_of(page, pair));
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
        const double x = at_x(pair, row), y = at_y(pair, row);
        const double error = pair->show_y.factor * row->value[pair->y].error;
        if (!row->on_front || !isfinite(error) || !report__chart_shows(chart, x, y))
            continue;
        (void)fprintf(chart->out, "M%.1f %.1fV%.1f", report__chart_x(chart, x),
                      report__chart_y(chart, y - error), report__chart_y(chart, y + error));
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
                      i == page->suggested ? "front suggested" : "front", (long long)row->trial,
                      report__chart_x(chart, x), report__chart_y(chart, y),
                      i == page->suggested ? "7" : "4.5");
        report__html(chart->out, row->arch);
        (void)fputs("</title></circle>\n", chart->out);
    }
}

static void draw_pair(const struct report__page *page, int x, int y)
{
    const struct report__quantity *list = page->rows.quantities.list;
    const struct pair pair = {x, y, report__show(&page->rows, x), report__show(&page->rows, y)};
    struct report__chart chart = {
        .out = page->out,
        .x = {list[x].name, pair.show_x.label, report__is_log(&page->rows, x), REPORT__AXIS_EMPTY},
        .y = {list[y].name, pair.show_y.label, report__is_log(&page->rows, y), REPORT__AXIS_EMPTY}};
    char title[400];

    (void)snprintf(title, sizeof title, "%s against %s of %lld trials, %d of them on the front",
                   pair.show_y.label, pair.show_x.label, (long long)page->rows.total,
                   page->rows.front_count);
    set_ranges(page, &pair, &chart);
    report__figure_open(page->out);
    report__chart_open(&chart, "points", title);
    draw_others(page, &pair, &chart);
    report__chart_level(&chart, level_of(page, &pair), "ensemble");
    if (y == 0)
        draw_errors(page, &pair, &chart);
    draw_stairs(page, &pair, &chart);
    draw_front(page, &pair, &chart);
    report__chart_close(&chart);
    (void)snprintf(title, sizeof title, "%s against %s", list[y].name, list[x].name);
    report__figure_close(page->out, title);
}

/* ---- the table ---- */

static void print_row(const struct report__page *page, int i)
{
    FILE *out = page->out;
    const struct report__rows *rows = &page->rows;
    const struct report__row *row = &rows->row[i];
    char text[REPORT__CELL];

    (void)fprintf(out, "<tr data-trial=\"%lld\"%s>", (long long)row->trial,
                  i == page->suggested ? " class=\"suggested\"" : "");
    (void)snprintf(text, sizeof text, "%lld", (long long)row->candidate);
    report__cell(out, text, (double)row->candidate);
    report__cell_arch(out, row->arch);
    for (int q = 0; q < rows->quantities.count; q++)
        if (report__shows(rows, q, STORE_IN_WIDE))
            report__cell_value(out, &rows->quantities.list[q], row->value[q]);
    if (report__repeated(rows)) {
        report__cell(out, report__fixed(row->seeds, 0, text), row->seeds);
        report__cell(out, report__fixed(100 * row->probability, 0, text), row->probability);
    }
    (void)fputs("</tr>\n", out);
}

static void print_table(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    char text[REPORT__LINE];

    report__heads_open(page->out);
    report__head_cell(page->out, "id");
    report__head_cell(page->out, "<architecture");
    for (int q = 0; q < rows->quantities.count; q++)
        if (report__shows(rows, q, STORE_IN_WIDE))
            report__head_cell(page->out, report__head(&rows->quantities.list[q],
                                                      rows->quantities.list[q].title, ", ", text));
    if (report__repeated(rows)) {
        report__head_cell(page->out, "seeds");
        report__head_cell(page->out, "on the front, %");
    }
    report__heads_close(page->out);
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].on_front)
            print_row(page, i);
    report__table_close(page->out);
}

static void print_legend(const struct report__page *page)
{
    FILE *out = page->out;

    report__section(out, "front", "The front");
    (void)fputs(
        "<p class=\"lead\"><span class=\"key front\"></span> on the front: no other trial "
        "is as good in every objective and better in one &ensp;<span class=\"key suggested\">"
        "</span> suggested &ensp;<span class=\"key others\"></span> other trials &ensp;"
        "<span class=\"key stairs\"></span> the border for two objectives alone",
        out);
    if (page->rows.teachers)
        (void)fprintf(out,
                      " &ensp;<span class=\"key level\"></span> the teachers' ensemble%s &ensp;"
                      "Vertical lines are ± one standard error.",
                      page->rows.doubt);
    if (page->every * page->rows.every > 1)
        (void)fprintf(out, " Of the other trials one in %lld is drawn.",
                      (long long)page->every * page->rows.every);
    (void)fputs("</p>\n<div class=\"plots\">\n", out);
}

void report__page_front(struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    FILE *out = page->out;

    print_legend(page);
    for (int i = 0; i < rows->quantities.objective_count; i++)
        for (int j = i + 1; j < rows->quantities.objective_count; j++) {
            int x, y;
            report__pair(rows, rows->quantities.objective[i], rows->quantities.objective[j], &x,
                         &y);
            draw_pair(page, x, y);
        }
    (void)fputs("</div>\n<h2 id=\"members\">", out);
    report__noun_title(out, rows);
    (void)fputs(" on the front</h2>\n<p class=\"lead\">By ", out);
    report__html(out, rows->quantities.list[0].name);
    (void)fputs("; a click on a title sorts. The suggested one is marked.", out);
    if (rows->teachers) {
        (void)fputs(" <code>retort distill</code> with an id trains that ", out);
        report__html(out, rows->noun);
        (void)fputs(" fully.", out);
    }
    if (report__repeated(rows))
        (void)fputs(
            " Values are means over the seeds that each was tried with, ± of that mean; the "
            "last column is how likely it is that none of the others dominates it, by the "
            "spread between seeds.",
            out);
    (void)fputs("</p>\n", out);
    print_table(page);
}

/* ---- for the script ---- */

/* Trial, candidate, architecture, on the front; then each value, that of the lead and its error. */
static void print_data_row(const struct report__page *page, const struct report__row *row)
{
    FILE *out = page->out;

    (void)fprintf(out, "[%lld,%lld,", (long long)row->trial, (long long)row->candidate);
    report__json(out, row->arch);
    (void)fprintf(out, ",%d,", row->on_front);
    report__json_number(out, row->value[0].error);
    for (int q = 0; q < page->rows.quantities.count; q++)
        if (report__is_of(&page->rows.quantities.list[q], STORE_IN_WIDE)) {
            (void)fputc(',', out);
            report__json_number(out, row->value[q].value);
        }
    (void)fputc(']', out);
}

static void print_data_head(const struct report__page *page)
{
    const struct report__quantities *quantities = &page->rows.quantities;
    FILE *out = page->out;
    const char *comma = "";

    (void)fputs("<script type=\"application/json\" id=\"data\">\n{\"quantities\":[", out);
    for (int q = 0; q < quantities->count; q++) {
        const struct report__quantity *quantity = &quantities->list[q];
        if (!report__is_of(quantity, STORE_IN_WIDE))
            continue;
        (void)fprintf(out, "%s{\"name\":", comma);
        report__json(out, quantity->name);
        (void)fputs(",\"title\":", out);
        report__json(out, quantity->title);
        (void)fputs(",\"unit\":", out);
        report__json(out, quantity->unit);
        (void)fprintf(out, ",\"digits\":%d,\"factor\":%g,\"drawn\":%g}", quantity->digits,
                      quantity->factor, report__show(&page->rows, q).factor);
        comma = ",\n";
    }
    (void)fputs("],\n\"rows\":[", out);
}

void report__page_data(struct report__page *page)
{
    bool first = true;

    print_data_head(page);
    for (int i = 0; i < page->rows.count; i++)
        if (report__page_draws(page, i)) {
            (void)fputs(first ? "\n" : ",\n", page->out);
            print_data_row(page, &page->rows.row[i]);
            first = false;
        }
    (void)fputs("\n]}\n</script>\n", page->out);
}
