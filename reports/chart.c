/* reports/chart.c -- chart.h.
 *
 * A logarithmic axis of few decades gets ticks between them, one of less than a decade those of a
 * linear one: labels that help at any range, without a library.
 */
#include "reports/chart.h"

#include <math.h>
#include <string.h>

#include "reports/text.h"

enum { LEFT = 58, RIGHT = 12, TOP = 12, BOTTOM = 44 };
#define WIDTH REPORT__CHART_WIDTH
#define HEIGHT REPORT__CHART_HEIGHT

/* Of what is left the range, its ratio and the room at its ends are finite. */
static bool usable(const struct report__axis *axis, double value)
{
    static const double most = 1e150;
    return fabs(value) <= most && (!axis->log || value >= 1 / most);
}

void report__axis_widen(struct report__axis *axis, double value)
{
    if (usable(axis, value)) {
        axis->low = fmin(axis->low, value);
        axis->high = fmax(axis->high, value);
    }
}

static double scaled(const struct report__axis *axis, double value)
{
    return axis->log ? log10(value) : value;
}

/* Room at both ends, and a range where there is none. */
static void settle(struct report__axis *axis)
{
    if (!(axis->low <= axis->high)) {
        axis->low = axis->log ? 1 : 0;
        axis->high = axis->log ? 10 : 1;
    }
    if (axis->log) {
        const double room = fmax(.05 * log10(axis->high / axis->low), .04);
        axis->low /= pow(10, room);
        axis->high *= pow(10, room);
    } else {
        const double span = axis->high - axis->low;
        const double room = span > 0 ? .05 * span : axis->high != 0 ? .1 * fabs(axis->high) : .5;
        axis->low = axis->low >= 0 && axis->low - room < 0 ? 0 : axis->low - room;
        axis->high += room;
    }
}

static double share(const struct report__axis *axis, double value)
{
    const double low = scaled(axis, axis->low), high = scaled(axis, axis->high);
    return (scaled(axis, value) - low) / (high - low);
}

double report__chart_x(const struct report__chart *chart, double x)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * share(&chart->x, x);
}

double report__chart_y(const struct report__chart *chart, double y)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share(&chart->y, y);
}

bool report__chart_shows(const struct report__chart *chart, double x, double y)
{
    return usable(&chart->x, x) && usable(&chart->y, y);
}

/* ---- ticks ---- */

#define MAX_TICKS 12

struct ticks {
    int count;
    double at[MAX_TICKS];
};

static void add_tick(const struct report__axis *axis, struct ticks *ticks, double value)
{
    if (value >= axis->low * (1 - 1e-12) && value <= axis->high * (1 + 1e-12) &&
        ticks->count < MAX_TICKS)
        ticks->at[ticks->count++] = value;
}

/* The step of 1, 2 or 5 times a power of ten that comes nearest to `wish` ticks. */
static void linear_ticks(const struct report__axis *axis, int wish, struct ticks *ticks)
{
    const double raw = (axis->high - axis->low) / wish, power = pow(10, floor(log10(raw)));
    const double over = raw / power;
    const double step = power * (over > sqrt(50)   ? 10
                                 : over > sqrt(10) ? 5
                                 : over > sqrt(2)  ? 2
                                                   : 1);

    const double first = ceil(axis->low / step);
    for (int i = 0; i < MAX_TICKS && (first + i) * step <= axis->high; i++) {
        const double value = (first + i) * step;
        add_tick(axis, ticks, fabs(value) < step * 1e-6 ? 0 : value);
    }
}

/* Decades, with 2 and 5 (or 3) between where there are few of them. */
static void log_ticks(const struct report__axis *axis, struct ticks *ticks)
{
    static const struct {
        double decades; /* up to so many */
        double of[4];
    } levels[] = {{1.7, {1, 2, 5}}, {3.2, {1, 3}}, {INFINITY, {1}}};
    const double decades = log10(axis->high / axis->low);
    const int skip = decades > 8 ? 2 : 1;
    size_t level = 0;

    if (decades < .7) {
        linear_ticks(axis, 4, ticks);
        return;
    }
    while (decades > levels[level].decades)
        level++;
    for (int e = (int)floor(log10(axis->low)); e <= (int)ceil(log10(axis->high)); e += skip)
        for (const double *m = levels[level].of; *m > 0; m++)
            add_tick(axis, ticks, *m * pow(10, e));
}

static const char *tick_text(double value, char text[REPORT__CELL])
{
    if (value == 0)
        return memcpy(text, "0", 2);
    if (fabs(value) < 1000 && fabs(value) >= 1e-4)
        (void)snprintf(text, REPORT__CELL, "%.4g", value);
    else if (fabs(value) < 1)
        (void)snprintf(text, REPORT__CELL, "%.2g", value);
    else {
        static const char units[] = "kMGTPE";
        int unit = -1;
        do {
            value /= 1000;
            unit++;
        } while (fabs(value) >= 1000 * (1 - 1e-9) && unit < 5);
        (void)snprintf(text, REPORT__CELL, "%.4g%c", value, units[unit]);
    }
    return text;
}

static void draw_ticks(const struct report__chart *chart)
{
    FILE *out = chart->out;
    struct ticks x = {0}, y = {0};
    char text[REPORT__CELL];

    if (chart->x.log)
        log_ticks(&chart->x, &x);
    else
        linear_ticks(&chart->x, 5, &x);
    if (chart->y.log)
        log_ticks(&chart->y, &y);
    else
        linear_ticks(&chart->y, 5, &y);
    (void)fprintf(out, "<path class=\"grid\" d=\"");
    for (int i = 0; i < x.count; i++)
        (void)fprintf(out, "M%.1f %dV%d", report__chart_x(chart, x.at[i]), TOP, HEIGHT - BOTTOM);
    for (int i = 0; i < y.count; i++)
        (void)fprintf(out, "M%d %.1fH%d", LEFT, report__chart_y(chart, y.at[i]), WIDTH - RIGHT);
    (void)fprintf(out, "\"/><path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP,
                  HEIGHT - BOTTOM, WIDTH - RIGHT);
    for (int i = 0; i < x.count; i++)
        (void)fprintf(out, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">%s</text>",
                      report__chart_x(chart, x.at[i]), HEIGHT - BOTTOM + 17,
                      tick_text(x.at[i], text));
    for (int i = 0; i < y.count; i++)
        (void)fprintf(out, "<text class=\"end\" x=\"%d\" y=\"%.1f\">%s</text>", LEFT - 6,
                      report__chart_y(chart, y.at[i]) + 4, tick_text(y.at[i], text));
    (void)fputc('\n', out);
}

/* ---- the frame ---- */

static void draw_axis_data(FILE *out, char letter, const struct report__axis *axis)
{
    (void)fprintf(out, " data-%c=\"", letter);
    report__html(out, axis->name);
    (void)fprintf(out, "\" data-%c-scale=\"%d %.9g %.9g\"", letter, axis->log, axis->low,
                  axis->high);
}

void report__chart_open(struct report__chart *chart, const char *kind, const char *title)
{
    FILE *out = chart->out;

    settle(&chart->x);
    settle(&chart->y);
    (void)fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" data-kind=\"%s\"", WIDTH, HEIGHT,
                  kind);
    (void)fprintf(out, " data-frame=\"%d %d %d %d\"", LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM);
    draw_axis_data(out, 'x', &chart->x);
    draw_axis_data(out, 'y', &chart->y);
    (void)fputs(" aria-label=\"", out);
    report__html(out, title);
    (void)fputs("\">\n", out);
    draw_ticks(chart);
    (void)fprintf(out, "<text class=\"mid\" x=\"%d\" y=\"%d\">", (LEFT + WIDTH - RIGHT) / 2,
                  HEIGHT - 8);
    report__html(out, chart->x.label);
    (void)fprintf(out, "</text><text class=\"mid\" transform=\"rotate(-90)\" x=\"%d\" y=\"13\">",
                  -(TOP + HEIGHT - BOTTOM) / 2);
    report__html(out, chart->y.label);
    (void)fputs("</text>\n", out);
}

void report__chart_close(struct report__chart *chart)
{
    (void)fputs("</svg>\n", chart->out);
}

void report__chart_level(struct report__chart *chart, double y, const char *text)
{
    if (!usable(&chart->y, y))
        return;
    const double at = report__chart_y(chart, y);
    (void)fprintf(chart->out,
                  "<path class=\"level\" d=\"M%d %.1fH%d\"/><text class=\"level end\" x=\"%d\" "
                  "y=\"%.1f\">",
                  LEFT, at, WIDTH - RIGHT, WIDTH - RIGHT - 4, at - 5);
    report__html(chart->out, text);
    (void)fputs("</text>\n", chart->out);
}

/* ---- paths ---- */

void report__path_open(struct report__chart *chart, const char *attributes)
{
    (void)fprintf(chart->out, "<path %s d=\"", attributes);
    chart->pen_down = false;
}

void report__path_to(struct report__chart *chart, double x, double y)
{
    if (report__chart_shows(chart, x, y))
        (void)fprintf(chart->out, "%c%.1f %.1f", chart->pen_down ? 'L' : 'M',
                      report__chart_x(chart, x), report__chart_y(chart, y));
    chart->pen_down = report__chart_shows(chart, x, y);
}

void report__path_close(struct report__chart *chart)
{
    (void)fputs("\"/>\n", chart->out);
}
