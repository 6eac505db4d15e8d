/* reports/confirm_text.c -- what full runs say of short ones: as text, csv, json, and on the page. */
#include <jansson.h>
#include <math.h>

#include "reports/confirm_rows.h"
#include "reports/page_internal.h"
#include "reports/report.h"
#include "reports/row_table.h"

/* ---- text ---- */

static void print_two(FILE *out, const char *name, const char *a, const char *b)
{
    report__pad(out, name, -38);
    report__pad(out, a, 14);
    if (b)
        report__pad(out, b, 14);
    (void)fputs("\n", out);
}

static void print_numbers(FILE *out, const char *name, double a, double b, bool both)
{
    char x[REPORT__CELL], y[REPORT__CELL];

    print_two(out, name, report__fixed(a, 2, x), both ? report__fixed(b, 2, y) : NULL);
}

static void print_rows(const struct report__confirmation *c, FILE *out)
{
    char cost[REPORT__CELL], x[REPORT__LINE], y[REPORT__CELL], z[REPORT__CELL];

    (void)fprintf(out, "%-34s %8s %8s %10s%s%s\n", "", "cost", "short", "full",
                  c->tested ? "       test" : "", c->timed ? "    latency" : "");
    for (int i = 0; i < c->count; i++) {
        const struct report__full *row = &c->row[i];
        report__pad(out, row->arch, -34);
        (void)fputs(row->control ? " " : "*", out);
        report__pad(out, report__count(row->cost, cost), 8);
        report__pad(
            out,
            report__value(&c->lead, (struct report__value){.value = row->shorter, .error = NAN}, x),
            9);
        report__pad(
            out,
            report__value(&c->lead,
                          (struct report__value){.value = row->validation.value, .error = NAN}, y),
            11);
        if (c->tested)
            report__pad(
                out,
                report__value(&c->lead,
                              (struct report__value){.value = row->test.value, .error = NAN}, z),
                11);
        if (c->timed)
            report__pad(out, report__value(&c->latency, row->latency, z), 11);
        (void)fputs("\n", out);
    }
    (void)fprintf(out, "* of the front when it was planned; %s\n",
                  report__head(&c->lead, c->lead.label, ", ", x));
}

static void print_rankings(const struct report__confirmation *c, FILE *out)
{
    const struct report__ranking *v = &c->validation, *t = &c->test;
    char name[96], low[REPORT__CELL], high[REPORT__CELL], a[REPORT__CELL * 2], b[REPORT__CELL * 2];
    print_two(out, "short runs against full ones by", "validation", c->tested ? "test" : NULL);
    print_numbers(out, "tau-b", v->tau, t->tau, c->tested);
    (void)snprintf(a, sizeof a, "%.2f..%.2f", v->low, v->high);
    (void)snprintf(b, sizeof b, "%.2f..%.2f", t->low, t->high);
    print_two(out, "  95 % interval", a, c->tested ? b : NULL);
    print_numbers(out, "tau-b within bands of cost", v->within, t->within, c->tested);
    for (int i = 0; i < c->bands && c->bands > 1; i++) {
        (void)snprintf(name, sizeof name, "  cost %s to %s", report__count(c->band_low[i], low),
                       report__count(c->band_high[i], high));
        print_numbers(out, name, v->band_tau[i], t->band_tau[i], c->tested);
    }
    print_numbers(out, "Spearman's rho", v->spearman, t->spearman, c->tested);
    (void)snprintf(name, sizeof name, "of the %zu best, in common", v->top);
    print_numbers(out, name, v->overlap, t->overlap, c->tested);
    print_two(out, "lost by the best of the short runs", report__loss(&c->lead, v->regret, low),
              c->tested ? report__loss(&c->lead, t->regret, high) : NULL);
    (void)snprintf(name, sizeof name, "lost by the best of their %zu best", v->top);
    print_two(out, name, report__loss(&c->lead, v->regret_top, low),
              c->tested ? report__loss(&c->lead, t->regret_top, high) : NULL);
    if (!isnan(c->between_seeds))
        print_numbers(out, "tau-b between two seeds of full runs", c->between_seeds, NAN, false);
    for (int i = 0; i < c->rungs; i++) {
        (void)snprintf(name, sizeof name, "tau-b of the rung of %.0f steps", c->rung_steps[i]);
        if (!isnan(c->rung_tau[i]))
            print_numbers(out, name, c->rung_tau[i], NAN, false);
    }
}

/* Words into lines of 80 columns. */
static void print_wrapped(const char *text, FILE *out)
{
    int column = 0;

    while (*text) {
        int length = 0;
        while (text[length] && text[length] != ' ')
            length++;
        if (column && column + 1 + length > 80) {
            (void)fputs("\n", out);
            column = 0;
        }
        (void)fprintf(out, "%s%.*s", column ? " " : "", length, text);
        column += length + (column > 0);
        for (text += length; *text == ' '; text++)
            ;
    }
    (void)fputs("\n", out);
}

static void print_text(const struct report__confirmation *c, FILE *out)
{
    char verdict[2048];

    (void)fprintf(out, "full runs          %d of %d done, %d failed, %.0f steps\n\n", c->done,
                  c->planned, c->failed, c->steps);
    if (c->count) {
        print_rows(c, out);
        (void)fputs("\n", out);
    }
    if (c->count > 1) {
        print_rankings(c, out);
        (void)fputs("\n", out);
    }
    report__confirmation_verdict(c, verdict, sizeof verdict);
    print_wrapped(verdict, out);
}

/* ---- csv and json ---- */

static void print_csv_number(FILE *out, double value)
{
    if (isfinite(value))
        (void)fprintf(out, ",%.17g", value);
    else
        (void)fputs(",", out);
}

static void print_csv(const struct report__confirmation *c, FILE *out)
{
    (void)fprintf(out,
                  "arch,role,seeds,band,cost,params,short,validation,validation_stderr,test,"
                  "test_stderr%s\n",
                  c->timed ? ",latency,latency_estimated" : "");
    for (int i = 0; i < c->count; i++) {
        const struct report__full *row = &c->row[i];
        (void)fprintf(out, "%s,%s,%d,%d", row->arch, row->control ? "control" : "front", row->seeds,
                      row->band);
        print_csv_number(out, row->cost);
        print_csv_number(out, row->params);
        print_csv_number(out, row->shorter);
        print_csv_number(out, row->validation.value);
        print_csv_number(out, row->validation.error);
        print_csv_number(out, row->test.value);
        print_csv_number(out, row->test.error);
        if (c->timed) {
            print_csv_number(out, row->latency.value);
            (void)fprintf(out, ",%d", row->latency.estimated);
        }
        (void)fputs("\n", out);
    }
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_ranking(const struct report__ranking *r)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "tau_b",
                     number(r->tau), "tau_b_low", number(r->low), "tau_b_high", number(r->high),
                     "tau_b_within_bands", number(r->within), "spearman", number(r->spearman),
                     "top", (json_int_t)r->top, "top_overlap", number(r->overlap), "regret",
                     number(r->regret), "regret_top", number(r->regret_top), "pairs_told_apart",
                     number(r->told.pairs), "of_these_right", number(r->told.right));
}

static json_t *json_of(const struct report__confirmation *c)
{
    json_t *rows = json_array();
    char verdict[2048];

    for (int i = 0; i < c->count; i++) {
        const struct report__full *row = &c->row[i];
        json_array_append_new(
            rows,
            json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "arch",
                      row->arch, "role", row->control ? "control" : "front", "seeds", row->seeds,
                      "band", row->band, "cost", number(row->cost), "params", number(row->params),
                      "short", number(row->shorter), "validation", number(row->validation.value),
                      "validation_stderr", number(row->validation.error), "test",
                      number(row->test.value), "test_stderr", number(row->test.error), "latency",
                      number(row->latency.value), "latency_estimated", row->latency.estimated));
    }
    report__confirmation_verdict(c, verdict, sizeof verdict);
    return json_pack(
        "{s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "by", c->lead.name,
        "planned", c->planned, "done", c->done, "failed", c->failed, "steps", number(c->steps),
        "short_steps", number(c->short_steps), "tau_b_between_seeds", number(c->between_seeds),
        "steps_until_settled", number(c->enough), "verdict", verdict, "validation",
        c->count ? json_ranking(&c->validation) : json_null(), "test",
        c->count && c->tested ? json_ranking(&c->test) : json_null(), "students", rows);
}

rt_status report_confirm(struct store *store, enum report_format format, FILE *out,
                         struct rt_err *err)
{
    struct report__confirmation c;
    rt_status rc = RT_OK;

    RT_TRY(report__confirmation_load(store, &c, err));
    if (!c.planned)
        rc = rt_fail(err, RT_EEND, "'%s' has no full runs; retort confirm makes them",
                     store_path(store));
    else if (format == REPORT_CSV)
        print_csv(&c, out);
    else if (format == REPORT_JSON)
        rc = report__print_json(json_of(&c), out, err);
    else
        print_text(&c, out);
    report__confirmation_release(&c);
    return rc;
}
