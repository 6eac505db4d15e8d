/* reports/page.c -- report_page() of report.h, its frame, its summary and what the parts share.
 *
 * The program draws the plots itself, as SVG, and writes all tables as HTML: the page is whole
 * without its script, prints, and is the same for the same database. The script adds what needs a
 * pointer: values under it, sorting, larger plots.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "reports/page_internal.h"
#include "reports/report.h"
#include "reports/text.h"

#define MOST_DOTS 4000 /* beside the front; more would make a page that scrolls badly */

/* ---- shared by the parts ---- */

struct report__show report__show(const struct report__rows *rows, const char *objective)
{
    static const struct {
        const char *objective;
        struct report__show show;
    } shows[] = {{"error", {100, "%", "validation error, %"}},
                 {"kl", {1, "", "KL to the ensemble"}},
                 {"params", {1, "", "parameters"}},
                 {"bytes", {1, "B", "bytes of the weights (fp32)"}},
                 {"macs", {1, "", "multiply-accumulates"}},
                 {"memory", {1, "B", "peak activation bytes"}},
                 {"int8_error", {100, "%", "validation error in int8, %"}},
                 {"int8_kl", {1, "", "KL to the ensemble in int8"}},
                 {"int8_bytes", {1, "B", "bytes of the weights in int8"}}};
    double most = 0;

    for (size_t i = 0; i < sizeof shows / sizeof *shows && !rows->own; i++)
        if (strcmp(shows[i].objective, objective) == 0)
            return shows[i].show;
    if (rows->own || strcmp(objective, "latency") != 0)
        return (struct report__show){1, "", objective};
    for (int i = 0; i < rows->count; i++)
        most = fmax(most, rows->row[i].latency);
    return most < .5 ? (struct report__show){1000, "µs", "latency, µs"}
                     : (struct report__show){1, "ms", "latency, ms"};
}

bool report__page_draws(const struct report__page *page, int i)
{
    return page->rows.row[i].on_front || i % page->every == 0;
}

const char *report__page_crowd(const struct report__page *page)
{
    return page->rows.count / page->every > 400 ? " many" : "";
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

void report__table_open(FILE *out, const char *const heads[])
{
    (void)fputs("<div class=\"scroll\"><table class=\"sorts\"><thead><tr>", out);
    for (; *heads; heads++) {
        const bool left = **heads == '<';
        (void)fputs(left ? "<th class=\"left\">" : "<th>", out);
        report__html(out, *heads + left);
        (void)fputs("</th>", out);
    }
    (void)fputs("</tr></thead><tbody>\n", out);
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

static void print_goals(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;

    (void)fputs("minimising ", page->out);
    for (int o = 0; o < rows->objective_count; o++) {
        (void)fputs(!o ? "" : o + 1 == rows->objective_count ? " and " : ", ", page->out);
        report__html(page->out, rows->objective[o]);
    }
    (void)fputs(".</p>\n", page->out);
}

static rt_status print_searched(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char low[REPORT__CELL], high[REPORT__CELL];

    RT_TRY(report__ask(page->store,
                       "select count(*), min(depth), max(depth), min(width), max(width),"
                       " min(params), max(params),"
                       " (select count(*) from teacher where kind <> 'ensemble') from candidate",
                       &q, err));
    const bool any = report__next(q) && sqlite3_column_int(q, 0) > 0;
    if (any && page->rows.own) {
        (void)fprintf(page->out,
                      "<p class=\"lead\">%d architectures were tried, scored by a command of the "
                      "study's own, ",
                      sqlite3_column_int(q, 0));
        print_goals(page);
    } else if (any) {
        (void)fprintf(page->out,
                      "<p class=\"lead\">%d student architectures were tried, of depth %d to %d, "
                      "width %d to %d and %s to %s parameters, each distilled from ",
                      sqlite3_column_int(q, 0), sqlite3_column_int(q, 1), sqlite3_column_int(q, 2),
                      sqlite3_column_int(q, 3), sqlite3_column_int(q, 4),
                      report__count(report__number(q, 5), low),
                      report__count(report__number(q, 6), high));
        const int teachers = sqlite3_column_int(q, 7);
        (void)fprintf(page->out, teachers == 1 ? "%d teacher" : "%d teachers", teachers);
        (void)fputs(" in a short run, ", page->out);
        print_goals(page);
    }
    return report__end(page->store, q, err);
}

static void print_recommended(struct report__page *page)
{
    FILE *out = page->out;
    const struct report__row *row = &page->rows.row[page->knee];
    char why[512], scores[STORE_MAX_OBJECTIVES * 64], error[REPORT__CELL], params[REPORT__CELL],
        latency[REPORT__CELL];

    report__knee_text(&page->rows, why, sizeof why);
    (void)fprintf(out,
                  "<div class=\"card wide\"><span>Suggested: the knee of the front"
                  "</span>\n<b>Candidate %lld &nbsp;<code>",
                  (long long)row->candidate);
    report__html(out, row->arch);
    (void)fputs("</code></b>\n<p>", out);
    if (row->name) {
        report__own_text(row, page->rows.objective_count, scores, sizeof scores);
        report__html(out, scores);
    } else
        (void)fprintf(out, "%s %% error, %s parameters",
                      report__percent(row->error, row->error_se, error),
                      report__count((double)row->params, params));
    if (!row->name && isfinite(row->latency))
        (void)fprintf(out, ", %s", report__ms(row->latency, latency));
    (void)fputs(". It is ", out);
    report__html(out, why);
    (void)fputs("; one that fits your own limits comes from <code>retort best</code>.</p></div>\n",
                out);
}

static void print_own_best(struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    char big[32], small[STORE_NAME + 16];

    for (int o = 0; o < rows->objective_count; o++) {
        double low = INFINITY;
        for (int i = 0; i < rows->count; i++)
            if (rows->row[i].on_front)
                low = fmin(low, rows->row[i].value[o]);
        (void)snprintf(big, sizeof big, "%.4g", low);
        (void)snprintf(small, sizeof small, "lowest %s", rows->objective[o]);
        if (isfinite(low))
            print_card(page->out, big, small, "");
    }
}

static void print_best(struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    const struct report__row *best = &rows->row[0];
    char big[64], small[256], error[REPORT__CELL], text[REPORT__CELL];

    (void)snprintf(big, sizeof big, "%s %%", report__percent(best->error, NAN, error));
    (void)snprintf(small, sizeof small, "error of the best student");
    if (isfinite(rows->ensemble_error))
        (void)snprintf(small, sizeof small,
                       "error of the best student; %.2f points %s the ensemble",
                       100 * fabs(best->error - rows->ensemble_error),
                       best->error >= rows->ensemble_error ? "behind" : "ahead of");
    print_card(page->out, big, small, "");
    if (isfinite(rows->ensemble_params)) {
        (void)snprintf(big, sizeof big, "%.1f ×", rows->ensemble_params / (double)best->params);
        (void)snprintf(small, sizeof small, "smaller is that student than all teachers (%s)",
                       report__count(rows->ensemble_params, text));
        print_card(page->out, big, small, "");
    }
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
        print_card(page->out, big,
                   page->rows.own                  ? "architectures on the front"
                   : sqlite3_column_int(q, 3) == 1 ? "student on the front"
                                                   : "students on the front",
                   "");
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
    if (page->knee >= 0)
        print_recommended(page);
    if (page->rows.count && page->rows.own)
        print_own_best(page);
    else if (page->rows.count && isfinite(page->rows.row[0].error))
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
    (void)fprintf(out, " – Retort</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n",
                  report__page_css);
    (void)fputs("<h1>", out);
    report__html(out, name);
    (void)fputs("</h1>\n", out);
    free(name);
    return RT_OK;
}

static void print_menu(const struct report__page *page)
{
    (void)fputs("<nav>", page->out);
    if (page->rows.count)
        (void)fputs("<a href=\"#front\">Front</a> <a href=\"#students\">Students</a> "
                    "<a href=\"#search\">Search</a> <a href=\"#curves\">Learning curves</a> ",
                    page->out);
    if (!page->rows.own)
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
        RT_TRY(report__page_history(page, err));
        RT_TRY(report__page_surrogate(page, err));
        RT_TRY(report__page_rungs(page, err));
        RT_TRY(report__page_importance(page, err));
        RT_TRY(report__page_curves(page, err));
    }
    if (!page->rows.own)
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
        rc = report__rows_load(store, REPORT__ALL, &page.rows, err);
        if (rc == RT_OK) {
            page.knee = report__knee(&page.rows);
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
