/* reports/page_surrogate.c -- what the surrogate expected of trials, and what they came to.
 *
 * Under "How the search went", since it tells how far that may be believed.
 */
#include <sqlite3.h>

#include "reports/expected.h"
#include "reports/page_internal.h"
#include "reports/text.h"

enum { MOST_PLOTS = 3, MOST_PAIRS = 1000 };

static void print_row(FILE *out, const char *name, const struct report__expected *e)
{
    char text[REPORT__CELL];

    (void)fputs("<tr>", out);
    report__cell_left(out, name);
    report__cell(out, report__count(e->trials, text), e->trials);
    report__cell(out, report__fixed(100 * e->within_1_sd, 0, text), e->within_1_sd);
    report__cell(out, report__fixed(100 * e->within_2_sd, 0, text), e->within_2_sd);
    (void)snprintf(text, sizeof text, "%.3g", e->rms_error);
    report__cell(out, text, e->rms_error);
    report__cell(out, report__fixed(e->tau_b, 2, text), e->tau_b);
    (void)fputs("</tr>\n", out);
}

/* Ranges first, then dots: the query is run twice. */
static rt_status each_pair(struct report__page *page, int quantity, struct report__chart *chart,
                           bool draw, struct rt_err *err)
{
    const struct report__show show = report__show(&page->rows, quantity);
    sqlite3_stmt *q = NULL;
    char sql[320];

    (void)sqlite3_snprintf(sizeof sql, sql,
                           "select p.mean, m.value from prediction p cross join metric m"
                           " on m.trial = p.trial and m.name = p.name where p.name = %Q"
                           " and m.value is not null order by p.trial desc limit %d",
                           page->rows.quantities.list[quantity].name, MOST_PAIRS);
    RT_TRY(report__ask(page->store, sql, &q, err));
    while (report__next(q)) {
        const double x = show.factor * report__number(q, 0), y = show.factor * report__number(q, 1);
        if (!draw) { /* one range for both, so that the diagonal is the line of the right ones */
            report__axis_widen(&chart->x, x);
            report__axis_widen(&chart->x, y);
        } else if (report__chart_shows(chart, x, y))
            (void)fprintf(chart->out, "M%.1f %.1fh0", report__chart_x(chart, x),
                          report__chart_y(chart, y));
    }
    return report__end(page->store, q, err);
}

static rt_status draw(struct report__page *page, int quantity, struct rt_err *err)
{
    char x[160], y[160], caption[96];
    const struct report__show show = report__show(&page->rows, quantity);
    struct report__chart chart = {.out = page->out,
                                  .x = {"expected", x, false, REPORT__AXIS_EMPTY},
                                  .y = {"outcome", y, false, REPORT__AXIS_EMPTY}};
    rt_status rc;

    (void)snprintf(x, sizeof x, "expected: %s", show.label);
    (void)snprintf(y, sizeof y, "measured: %s", show.label);
    (void)snprintf(caption, sizeof caption, "expected and measured %s",
                   page->rows.quantities.list[quantity].name);
    RT_TRY(each_pair(page, quantity, &chart, false, err));
    chart.y.low = chart.x.low;
    chart.y.high = chart.x.high;
    report__figure_open(page->out);
    report__chart_open(&chart, "dots", caption);
    report__path_open(&chart, "class=\"stairs\"");
    report__path_to(&chart, chart.x.low, chart.x.low);
    report__path_to(&chart, chart.x.high, chart.x.high);
    report__path_close(&chart);
    (void)fputs("<path class=\"others front\" d=\"", page->out);
    rc = each_pair(page, quantity, &chart, true, err);
    (void)fputs("\"/>\n", page->out);
    report__chart_close(&chart);
    report__figure_close(page->out, caption);
    return rc;
}

rt_status report__page_surrogate(struct report__page *page, struct rt_err *err)
{
    static const char *const heads[] = {
        "<objective", "trials", "within 1 sd, %", "within 2 sd, %", "rms error", "tau-b", NULL};
    const struct report__quantities *quantities = &page->rows.quantities;
    struct report__expected expected[STORE_MAX_OBJECTIVES];
    int count;

    RT_TRY(report__expected_load(page->store, quantities, expected, &count, err));
    if (!count)
        return RT_OK;
    (void)fputs("<h3>What the surrogate expected</h3>\n<p class=\"lead\">Before a trial the model "
                "says what it will come to, and how sure it is. Of a model that knows its doubts "
                "68 % of the outcomes are within one standard deviation and 95 % within two; tau-b "
                "near 1 means that it ranks as trials do.</p>\n",
                page->out);
    report__table_open(page->out, heads);
    for (int i = 0; i < count; i++)
        print_row(page->out, quantities->list[expected[i].quantity].name, &expected[i]);
    report__table_close(page->out);
    (void)fputs("<div class=\"plots\">\n", page->out);
    for (int i = 0; i < count && i < MOST_PLOTS; i++)
        RT_TRY(draw(page, expected[i].quantity, err));
    (void)fputs("</div>\n", page->out);
    return RT_OK;
}
