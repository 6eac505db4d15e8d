/* reports/page.c -- report_page() of report.h, its frame, its summary and what the parts share.
 *
 * The program draws the plots itself, as SVG, and writes all tables as HTML: the page is whole
 * without its script, prints, and is the same for the same database. The script adds what needs a
 * pointer: values under it, sorting, larger plots.
 */
#include <ctype.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "reports/film.h"
#include "reports/page_internal.h"
#include "reports/report.h"
#include "reports/suggest.h"
#include "reports/text.h"

#define MOST_DOTS 4000 /* beside the front; more would make a page that scrolls badly */

/* ---- shared by the parts ---- */

struct report__show report__show(const struct report__rows *rows, int q)
{
    const struct report__quantity *quantity = &rows->quantities.list[q];
    struct report__show show = {.factor = quantity->factor};
    const char *unit = quantity->unit;
    double most = 0;

    for (int i = 0; i < rows->count && strcmp(unit, "ms") == 0; i++)
        most = fmax(most, show.factor * rows->row[i].value[q].value);
    if (most > 0 && most < .5) {
        show.factor *= 1000;
        unit = "µs";
    }
    (void)snprintf(show.label, sizeof show.label, "%s%s%s", quantity->label, *unit ? ", " : "",
                   unit);
    return show;
}

double report__shown(const struct report__show *show, const struct report__row *row, int q)
{
    return show->factor * row->value[q].value;
}

bool report__page_draws(const struct report__page *page, int i)
{
    return page->rows.row[i].on_front || i % page->every == 0;
}

const char *report__page_crowd(const struct report__page *page)
{
    return page->rows.count / page->every > 400 ? " many" : "";
}

void report__noun_title(FILE *out, const struct report__rows *rows)
{
    char title[sizeof rows->nouns];

    memcpy(title, rows->nouns, sizeof title);
    title[0] = (char)toupper((unsigned char)title[0]);
    report__html(out, title);
}

void report__section(FILE *out, const char *id, const char *title)
{
    (void)fprintf(out, "<h2 id=\"%s\">%s</h2>\n", id, title);
}

void report__figure_open(FILE *out)
{
    (void)fputs("<figure>\n", out);
}

void report__figure_close(FILE *out, const char *caption)
{
    (void)fprintf(out, "<figcaption>%s</figcaption></figure>\n", caption);
}

void report__heads_open(FILE *out)
{
    (void)fputs("<div class=\"scroll\"><table class=\"sorts\"><thead><tr>", out);
}

void report__head_cell(FILE *out, const char *head)
{
    const bool left = *head == '<';

    (void)fputs(left ? "<th class=\"left\">" : "<th>", out);
    report__html(out, head + left);
    (void)fputs("</th>", out);
}

void report__heads_close(FILE *out)
{
    (void)fputs("</tr></thead><tbody>\n", out);
}

void report__table_open(FILE *out, const char *const heads[])
{
    report__heads_open(out);
    for (; *heads; heads++)
        report__head_cell(out, *heads);
    report__heads_close(out);
}

void report__table_close(FILE *out)
{
    (void)fputs("</tbody></table></div>\n", out);
}

void report__cell(FILE *out, const char *text, double value)
{
    (void)fputs("<td", out);
    if (isfinite(value))
        (void)fprintf(out, " data-v=\"%.9g\"", value);
    (void)fputs(">", out);
    report__html(out, text);
    (void)fputs("</td>", out);
}

void report__cell_value(FILE *out, const struct report__quantity *quantity,
                        struct report__value value)
{
    char text[REPORT__CELL];

    report__cell(out, report__value(quantity, value, text), value.value);
}

void report__cell_left(FILE *out, const char *text)
{
    (void)fputs("<td class=\"left\">", out);
    report__html(out, text);
    (void)fputs("</td>", out);
}

/* May be broken where it is long. */
void report__cell_arch(FILE *out, const char *arch)
{
    (void)fputs("<td class=\"arch\">", out);
    while (*arch) {
        const size_t gene = strcspn(arch, "-,."), size = gene + (arch[gene] != '\0');
        char part[SPACE_ARCH_TEXT];
        (void)snprintf(part, sizeof part, "%.*s", (int)size, arch);
        report__html(out, part);
        if (arch[gene])
            (void)fputs("<wbr>", out);
        arch += size;
    }
    (void)fputs("</td>", out);
}

/* ---- the summary ---- */

static void print_card(FILE *out, const char *big, const char *small, const char *class)
{
    (void)fprintf(out, "<div class=\"card %s\"><span>%s</span>\n<b>", class, small);
    report__html(out, big);
    (void)fputs("</b></div>\n", out);
}

#define RANGED "10000" /* candidates, of which the first three are the extremes */

/* "of depth 1 to 4, width 16 to 96, ": what a candidate has once and is a number. */
static rt_status print_ranges(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    const char *of = "of ";

    RT_TRY(report__ask(page->store,
                       "select name, min(value), max(value) from choices where candidate <= " RANGED
                       " group by name"
                       " having min(value) < max(value) and max(position) = 0"
                       " and count(*) = count(distinct candidate)"
                       " and min(typeof(value) in ('integer', 'real')) limit 6",
                       &q, err));
    for (; report__next(q); of = "") {
        (void)fputs(of, page->out);
        report__html(page->out, report__column(q, 0));
        (void)fprintf(page->out, " %s to %s, ", report__column(q, 1), report__column(q, 2));
    }
    return report__end(page->store, q, err);
}

static void print_goals(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    char goals[STORE_MAX_OBJECTIVES * (STORE_NAME + 5)];

    if (rows->teachers)
        (void)fprintf(page->out, "each distilled from %d teacher%s in a short run, ",
                      rows->teachers, rows->teachers == 1 ? "" : "s");
    report__objectives_text(&rows->quantities, goals, sizeof goals);
    (void)fputs("minimising ", page->out);
    report__html(page->out, goals);
    (void)fputs(".</p>\n", page->out);
}

static rt_status print_searched(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char low[REPORT__CELL], high[REPORT__CELL];
    rt_status rc = RT_OK, ended;

    RT_TRY(report__ask(page->store, "select count(*), min(params), max(params) from candidate", &q,
                       err));
    if (report__next(q) && sqlite3_column_int(q, 0) > 0) {
        const int count = sqlite3_column_int(q, 0);
        (void)fprintf(page->out, "<p class=\"lead\">%d ", count);
        report__html(page->out, report__nouns(&page->rows, count));
        (void)fputs(count == 1 ? " was tried, " : " were tried, ", page->out);
        rc = print_ranges(page, err);
        if (isfinite(report__number(q, 1)))
            (void)fprintf(page->out, "%s to %s parameters, ",
                          report__count(report__number(q, 1), low),
                          report__count(report__number(q, 2), high));
        print_goals(page);
    }
    ended = report__end(page->store, q, rc ? NULL : err);
    return rc ? rc : ended;
}

/* What a little more of the lead would save. */
static void print_steps(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    struct report__step step[REPORT__STEPS];
    const int count = report__steps(rows, step);
    char text[400], points[REPORT__CELL];

    for (int i = 0; i < count; i++) {
        report__difference(rows, step[i].row, page->suggested, text, sizeof text);
        (void)fprintf(page->out, "<p>For up to %s more than the best: candidate %lld, ",
                      report__points(step[i].loss, points),
                      (long long)rows->row[step[i].row].candidate);
        report__html(page->out, text);
        (void)fputs(".</p>\n", page->out);
    }
}

static void print_recommended(struct report__page *page)
{
    FILE *out = page->out;
    const struct report__rows *rows = &page->rows;
    const struct report__row *row = &rows->row[page->suggested];
    char why[512], value[REPORT__LINE];
    int order[STORE_MAX_QUANTITIES];

    report__suggested_text(rows, why, sizeof why);
    (void)fprintf(out,
                  "<div class=\"card wide\"><span>Suggested"
                  "</span>\n<b>Candidate %lld &nbsp;<code>",
                  (long long)row->candidate);
    report__html(out, row->arch);
    (void)fputs("</code></b>\n<p>", out);
    const int count = report__narrow(rows, order);
    for (int o = 0; o < count; o++) {
        (void)fputs(o ? ", " : "", out);
        report__html(
            out, report__value_name(&rows->quantities.list[order[o]], row->value[order[o]], value));
    }
    (void)fputs(". It is ", out);
    report__html(out, why);
    (void)fputs("; one that fits your own limits comes from <code>retort best</code>.</p>\n", out);
    print_steps(page);
    (void)fputs("</div>\n", out);
}

/* The lead's best, beside that of the ensemble; and the lowest of what else was measured. */
static void print_lowest(struct report__page *page, int q)
{
    const struct report__rows *rows = &page->rows;
    const struct report__quantity *quantity = &rows->quantities.list[q];
    struct report__value low = {INFINITY, NAN, false};
    char big[REPORT__CELL], small[256];
    const double behind = rows->row[0].value[0].value - rows->ensemble.value;

    for (int i = 0; i < rows->count; i++)
        low.value = fmin(low.value, rows->row[i].value[q].value);
    if (!isfinite(low.value))
        return;
    (void)snprintf(small, sizeof small, "lowest %s", quantity->name);
    if (q == 0)
        (void)snprintf(small, sizeof small, "%s of the best %s", quantity->name, rows->noun);
    if (q == 0 && isfinite(behind))
        (void)snprintf(small + strlen(small), sizeof small - strlen(small),
                       "; %.2f %s %s the ensemble%s", quantity->factor * fabs(behind),
                       quantity->unit[0] == '%' ? "points" : quantity->unit,
                       behind >= 0 ? "behind" : "ahead of", rows->doubt);
    print_card(page->out, report__value_unit(quantity, low, big), small, "");
}

static void print_best(struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    const struct report__quantities *quantities = &rows->quantities;
    char big[64], small[256], text[REPORT__CELL];

    print_lowest(page, 0);
    if (isfinite(rows->ensemble_params / rows->row[0].params)) {
        (void)snprintf(big, sizeof big, "%.1f ×", rows->ensemble_params / rows->row[0].params);
        (void)snprintf(small, sizeof small, "smaller is that %s than all teachers (%s)", rows->noun,
                       report__count(rows->ensemble_params, text));
        print_card(page->out, big, small, "");
    }
    for (int o = 0; o < quantities->objective_count; o++)
        if (quantities->objective[o] && !quantities->list[quantities->objective[o]].exact)
            print_lowest(page, quantities->objective[o]);
}

static rt_status print_progress(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char big[64], small[160], from[REPORT__CELL];

    RT_TRY(report__ask(page->store,
                       "select committed, failed, running + done, front_size, hypervolume, started,"
                       " (julianday(last_finished) - julianday(started)) * 86400 from progress",
                       &q, err));
    if (report__next(q)) {
        (void)snprintf(big, sizeof big, "%lld", (long long)sqlite3_column_int64(q, 0));
        (void)snprintf(small, sizeof small, "trials; %lld failed",
                       (long long)sqlite3_column_int64(q, 1));
        if (sqlite3_column_int64(q, 2))
            (void)snprintf(small, sizeof small, "trials; %lld failed, %lld under way",
                           (long long)sqlite3_column_int64(q, 1),
                           (long long)sqlite3_column_int64(q, 2));
        print_card(page->out, big, small, "");
        (void)snprintf(big, sizeof big, "%d", sqlite3_column_int(q, 3));
        (void)snprintf(small, sizeof small, "%s on the front",
                       report__nouns(&page->rows, sqlite3_column_int(q, 3)));
        print_card(page->out, big, small, "");
        if (isfinite(report__number(q, 4))) {
            (void)snprintf(big, sizeof big, "%.4f", report__number(q, 4));
            print_card(page->out, big, "hypervolume of the front, of 1", "");
        }
        (void)snprintf(small, sizeof small, "from %s", report__time(report__column(q, 5), from));
        if (isfinite(report__number(q, 6)))
            print_card(page->out, report__duration(report__number(q, 6), big), small, "");
    }
    return report__end(page->store, q, err);
}

rt_status report__page_summary(struct report__page *page, struct rt_err *err)
{
    RT_TRY(print_searched(page, err));
    if (!page->rows.count)
        (void)fprintf(page->out,
                      "<p class=\"notice\">No trial %s yet, so there is nothing to compare. The "
                      "teachers and the study stand below.</p>\n",
                      page->rows.committed ? "of the last rung has been committed"
                                           : "has been committed");
    (void)fputs("<div class=\"cards\">\n", page->out);
    if (page->suggested >= 0)
        print_recommended(page);
    if (page->rows.count)
        print_best(page);
    RT_TRY(print_progress(page, err));
    (void)fputs("</div>\n", page->out);
    return RT_OK;
}

/* ---- the frame ---- */

static rt_status print_head(struct report__page *page, struct rt_err *err)
{
    FILE *out = page->out;
    char *name;

    RT_TRY(report__one_text(page->store, "select name from study", &name, err));
    (void)fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
                out);
    report__html(out, name);
    (void)fprintf(out, " – Retort</title>\n<style>\n%s%s</style>\n</head>\n<body>\n<main>\n",
                  report__page_css, report__film_style);
    (void)fputs("<h1>", out);
    report__html(out, name);
    (void)fputs("</h1>\n", out);
    free(name);
    return RT_OK;
}

static void print_menu(const struct report__page *page)
{
    (void)fputs("<nav>", page->out);
    if (page->rows.count) {
        (void)fputs("<a href=\"#front\">Front</a> <a href=\"#members\">", page->out);
        report__noun_title(page->out, &page->rows);
        (void)fputs("</a> <a href=\"#search\">Search</a> "
                    "<a href=\"#curves\">Learning curves</a> ",
                    page->out);
    }
    if (page->rows.teachers)
        (void)fputs("<a href=\"#teachers\">Teachers</a> ", page->out);
    (void)fputs("<a href=\"#measured\">Measurement</a> "
                "<a href=\"#study\">Study</a></nav>\n",
                page->out);
}

static rt_status print_page(struct report__page *page, struct rt_err *err)
{
    RT_TRY(print_head(page, err));
    print_menu(page);
    RT_TRY(report__page_summary(page, err));
    if (page->rows.count) {
        report__page_front(page);
        RT_TRY(report__page_played(page, err));
        RT_TRY(report__page_details(page, err));
        RT_TRY(report__page_history(page, err));
        RT_TRY(report__page_surrogate(page, err));
        RT_TRY(report__page_rungs(page, err));
        RT_TRY(report__page_confirm(page, err));
        RT_TRY(report__page_afterwards(page, err));
        RT_TRY(report__page_importance(page, err));
        RT_TRY(report__page_curves(page, err));
    }
    if (page->rows.teachers)
        RT_TRY(report__page_teachers(page, err));
    RT_TRY(report__page_failures(page, err));
    RT_TRY(report__page_measured(page, err));
    RT_TRY(report__page_study(page, err));
    (void)fputs("</main>\n<div id=\"tip\" role=\"status\"></div>\n", page->out);
    report__page_data(page);
    (void)fprintf(page->out, "<script>\n%s</script>\n</body>\n</html>\n", report__page_js);
    return RT_OK;
}

rt_status report_page(struct store *store, const char *path, struct rt_err *err)
{
    struct report__page page = {.store = store};
    struct rt_writer writer;
    rt_status rc;

    RT_TRY(rt_folder_make_for(path, err));
    RT_TRY(rt_writer_open(&writer, path, err));
    page.out = writer.file;
    if ((rc = report__freeze(store, err)) == RT_OK) {
        rc = report__rows_load(store, REPORT__SAMPLE, &page.rows, err);
        if (rc == RT_OK) {
            page.suggested = report__suggested(&page.rows);
            page.every = 1 + (page.rows.count - page.rows.front_count) / MOST_DOTS;
            rc = print_page(&page, err);
        }
        report__unfreeze(store);
    }
    if (rc == RT_OK)
        rc = rt_writer_commit(&writer, err);
    else
        rt_writer_abandon(&writer);
    report__rows_release(&page.rows);
    return rc;
}
