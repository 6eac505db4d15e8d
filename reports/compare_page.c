/* reports/compare_page.c -- report_compare_page() of report.h: two plots and a table.
 *
 * Without script: there is one line a study, whose end the table tells.
 */
#include <math.h>

#include "base/file.h"
#include "reports/compare.h"
#include "reports/page_internal.h"
#include "reports/text.h"

/* Told apart also by who sees few colours (Okabe and Ito); they repeat beyond seven studies. */
static const char *colour(int i)
{
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#7a5a00"};
    return colours[i % (int)(sizeof colours / sizeof *colours)];
}

static double place(const struct report__growth *g, size_t n, double unit)
{
    return unit > 0 ? g->seconds[n] / unit : (double)n + 1;
}

/* Steps: the volume stands still between trials that change it. */
static void draw_path(struct report__chart *chart, const struct report__growth *g, double unit)
{
    for (size_t n = 0; n < g->count; n++) {
        if (n && n + 1 < g->count && g->volume[n] <= g->volume[n - 1])
            continue;
        if (n)
            report__path_to(chart, place(g, n, unit), g->volume[n - 1]);
        report__path_to(chart, place(g, n, unit), g->volume[n]);
    }
}

static void draw(FILE *out, const struct report__comparison *c, double unit, const char *label,
                 const char *caption)
{
    struct report__chart chart = {
        .out = out,
        .x = {unit > 0 ? "time" : "trials", label, false, REPORT__AXIS_EMPTY},
        .y = {"hypervolume", "hypervolume, of 1", false, REPORT__AXIS_EMPTY}};

    for (int i = 0; i < c->count; i++)
        for (size_t n = 0; n < c->growth[i].count; n++) {
            report__axis_widen(&chart.x, place(&c->growth[i], n, unit));
            report__axis_widen(&chart.y, c->growth[i].volume[n]);
        }
    report__figure_open(out);
    report__chart_open(&chart, "lines", caption);
    for (int i = 0; i < c->count; i++) {
        char style[64];
        (void)snprintf(style, sizeof style, "class=\"curve\" stroke=\"%s\"", colour(i));
        report__path_open(&chart, style);
        draw_path(&chart, &c->growth[i], unit);
        report__path_close(&chart);
    }
    report__chart_close(&chart);
    report__figure_close(out, caption);
}

static void print_rows(FILE *out, const struct report__comparison *c)
{
    static const char *const heads[] = {
        "<study", "trials", "time", "front", "hypervolume", "where the worst ends, after", NULL};
    double worst = INFINITY;

    for (int i = 0; i < c->count; i++)
        worst = fmin(worst, report__end_volume(&c->growth[i]));
    report__table_open(out, heads);
    for (int i = 0; i < c->count; i++) {
        const struct report__growth *g = &c->growth[i];
        const double end = report__end_seconds(g), volume = report__end_volume(g);
        const size_t reached = g->count ? report__reaches(g, worst) : 0;
        char text[REPORT__CELL], cell[2 * REPORT__CELL] = "-";
        (void)fprintf(out,
                      "<tr><td class=\"left\"><span class=\"key\" style=\"background:%s\"></span> ",
                      colour(i));
        report__html(out, g->name);
        (void)fprintf(out, "</td><td>%zu</td>", g->count);
        report__cell(out, report__duration(end, text), end);
        (void)fprintf(out, "<td>%zu</td>", g->front);
        report__cell(out, report__fixed(volume, 4, text), volume);
        if (reached)
            (void)snprintf(cell, sizeof cell, "%zu trials, %s", reached,
                           report__duration(g->seconds[reached - 1], text));
        report__cell(out, cell, (double)reached);
        (void)fputs("</tr>\n", out);
    }
    report__table_close(out);
}

static void print_page(FILE *out, const struct report__comparison *c)
{
    double end = 0;
    char text[256];

    for (int i = 0; i < c->count; i++)
        end = fmax(end, report__end_seconds(&c->growth[i]));
    (void)fprintf(out,
                  "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>Studies compared – Retort</title>\n<style>\n%s</style>\n</head>\n<body>\n"
                  "<main>\n<h1>Studies compared</h1>\n",
                  report__page_css);
    report__compared_text(c, text, sizeof text);
    (void)fputs("<p class=\"lead\">Hypervolume of ", out);
    report__html(out, text);
    (void)fputs(", within the box between the best and the worst of all results. Time is that in "
                "which trials ran.</p>\n",
                out);
    if (c->machines)
        (void)fputs(
            "<p class=\"notice\">Latency was measured on more than one machine: the volumes "
            "mix them.</p>\n",
            out);
    (void)fputs("<div class=\"plots\">\n", out);
    draw(out, c, 0, "trials", "hypervolume over trials");
    draw(out, c,
         end > 7200  ? 3600
         : end > 120 ? 60
                     : 1,
         end > 7200  ? "hours"
         : end > 120 ? "minutes"
                     : "seconds",
         "hypervolume over time");
    (void)fputs("</div>\n", out);
    print_rows(out, c);
    (void)fputs("</main>\n</body>\n</html>\n", out);
}

rt_status report_compare_page(const struct report_study *studies, int count, const char *path,
                              struct rt_err *err)
{
    struct report__comparison c;
    struct rt_writer writer;
    rt_status rc;

    RT_TRY(report__comparison_load(studies, count, &c, err));
    rc = rt_folder_make_for(path, err);
    if (rc == RT_OK)
        rc = rt_writer_open(&writer, path, err);
    if (rc == RT_OK) {
        print_page(writer.file, &c);
        rc = rt_writer_commit(&writer, err);
    }
    report__comparison_release(&c);
    return rc;
}
