/* reports/page_confirm.c -- short runs beside full ones, on the page. */
#include <math.h>

#include "reports/confirm_rows.h"
#include "reports/page_internal.h"

static double shown(const struct report__confirmation *c, double value)
{
    return c->lead.factor * value;
}

/* Dots near a line: their order is what counts, so the axes differ. */
static void draw(const struct report__confirmation *c, FILE *out)
{
    char x[160], y[160], label[REPORT__LINE];
    struct report__chart chart = {.out = out,
                                  .x = {"short", x, false, REPORT__AXIS_EMPTY},
                                  .y = {"full", y, false, REPORT__AXIS_EMPTY}};

    report__head(&c->lead, c->lead.label, ", ", label);
    (void)snprintf(x, sizeof x, "short run: %s", label);
    (void)snprintf(y, sizeof y, "full run%s: %s", c->tested ? " on the test file" : "", label);
    for (int i = 0; i < c->count; i++) {
        const struct report__full *row = &c->row[i];
        report__axis_widen(&chart.x, shown(c, row->shorter));
        report__axis_widen(&chart.y, shown(c, c->tested ? row->test.value : row->validation.value));
    }
    (void)fputs("<div class=\"plots\">\n", out);
    report__figure_open(out);
    report__chart_open(&chart, "dots", "short and full runs");
    for (int controls = 1; controls >= 0; controls--) {
        (void)fprintf(out, "<path class=\"others%s\" d=\"", controls ? "" : " front");
        for (int i = 0; i < c->count; i++) {
            const struct report__full *row = &c->row[i];
            const double full = shown(c, c->tested ? row->test.value : row->validation.value);
            if (row->control == (controls == 1) &&
                report__chart_shows(&chart, shown(c, row->shorter), full))
                (void)fprintf(out, "M%.1f %.1fh0", report__chart_x(&chart, shown(c, row->shorter)),
                              report__chart_y(&chart, full));
        }
        (void)fputs("\"/>\n", out);
    }
    report__chart_close(&chart);
    report__figure_close(out, "the front and, grey, controls of all sizes");
    (void)fputs("</div>\n", out);
}

static void print_rows(const struct report__confirmation *c, FILE *out)
{
    char text[REPORT__CELL], label[REPORT__LINE];

    report__heads_open(out);
    report__head_cell(out, "<architecture");
    report__head_cell(out, "<role");
    report__head_cell(out, "cost");
    report__head_cell(out, "short");
    report__head_cell(out, "full, validation");
    if (c->tested)
        report__head_cell(out, "full, test");
    if (c->timed)
        report__head_cell(out, report__head(&c->latency, c->latency.label, ", ", label));
    report__head_cell(out, "seeds");
    report__heads_close(out);
    for (int i = 0; i < c->count; i++) {
        const struct report__full *row = &c->row[i];
        (void)fputs("<tr>", out);
        report__cell_arch(out, row->arch);
        report__cell_left(out, row->control ? "control" : "front");
        report__cell(out, report__count(row->cost, text), row->cost);
        report__cell_value(out, &c->lead,
                           (struct report__value){.value = row->shorter, .error = NAN});
        report__cell_value(out, &c->lead, row->validation);
        if (c->tested)
            report__cell_value(out, &c->lead, row->test);
        if (c->timed)
            report__cell_value(out, &c->latency, row->latency);
        report__cell(out, report__fixed(row->seeds, 0, text), row->seeds);
        (void)fputs("</tr>\n", out);
    }
    report__table_close(out);
}

static void print_ranking(const struct report__confirmation *c, const char *split,
                          const struct report__ranking *r, FILE *out)
{
    char text[REPORT__CELL], interval[REPORT__CELL];

    (void)fputs("<tr>", out);
    report__cell_left(out, split);
    report__cell(out, report__fixed(r->tau, 2, text), r->tau);
    (void)snprintf(interval, sizeof interval, "%.2f to %.2f", r->low, r->high);
    report__cell_left(out, isfinite(r->low) ? interval : "-");
    report__cell(out, report__fixed(r->within, 2, text), r->within);
    report__cell(out, report__fixed(r->spearman, 2, text), r->spearman);
    report__cell(out, report__percent(r->overlap, text), r->overlap);
    report__cell_value(out, &c->lead, (struct report__value){.value = r->regret, .error = NAN});
    report__cell_value(out, &c->lead, (struct report__value){.value = r->regret_top, .error = NAN});
    (void)fputs("</tr>\n", out);
}

static void print_rankings(const struct report__confirmation *c, FILE *out)
{
    char top[64], lost[64];
    const char *const heads[] = {"<full runs by",        "tau-b", "<95 % interval",
                                 "within bands of cost", "rho",   top,
                                 "lost by the best",     lost,    NULL};

    (void)snprintf(top, sizeof top, "%zu best in common, %%", c->validation.top);
    (void)snprintf(lost, sizeof lost, "by the best of %zu", c->validation.top);
    report__table_open(out, heads);
    print_ranking(c, "validation", &c->validation, out);
    if (c->tested)
        print_ranking(c, "test", &c->test, out);
    report__table_close(out);
}

rt_status report__page_confirm(struct report__page *page, struct rt_err *err)
{
    struct report__confirmation c;
    char verdict[2048];

    RT_TRY(report__confirmation_load(page->store, &c, err));
    if (c.count) {
        report__section(page->out, "confirmed", "Short and full runs");
        report__confirmation_verdict(&c, verdict, sizeof verdict);
        (void)fputs("<p class=\"lead\">", page->out);
        report__html(page->out, verdict);
        (void)fputs("</p>\n", page->out);
        if (c.count > 1) {
            draw(&c, page->out);
            print_rankings(&c, page->out);
        }
        print_rows(&c, page->out);
    }
    report__confirmation_release(&c);
    return RT_OK;
}
