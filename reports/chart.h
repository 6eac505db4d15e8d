/* reports/chart.h -- plots as SVG text, which prints, scales and needs no script.
 *
 * First the ranges of both axes are widened over all that will be drawn, then the chart is opened,
 * drawn into and closed. What is not finite, or beyond 1e150, and on a logarithmic axis what is not
 * above 1e-150, is left out. Colours come from page.css by class; the frame's data-* attributes give page.js the
 * scales, so that it finds the value under the pointer.
 */
#ifndef REPORTS_CHART_H
#define REPORTS_CHART_H
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define REPORT__CHART_WIDTH 400
#define REPORT__CHART_HEIGHT 290

struct report__axis {
    const char *name;  /* the objective, or what is drawn; for page.js */
    const char *label; /* with the unit */
    bool log;
    double low, high; /* start with REPORT__AXIS_EMPTY */
};
#define REPORT__AXIS_EMPTY .low = INFINITY, .high = -INFINITY

struct report__chart {
    FILE *out;
    struct report__axis x, y;
    bool pen_down; /* within a path: the last point was drawn */
};

void report__axis_widen(struct report__axis *axis, double value);

/* <svg>, grid, ticks and labels. `kind` is "points" or "lines", for page.js; `title` is read to
 * who cannot see. */
void report__chart_open(struct report__chart *chart, const char *kind, const char *title);
void report__chart_close(struct report__chart *chart);
bool report__chart_shows(const struct report__chart *chart, double x, double y);
double report__chart_x(const struct report__chart *chart, double x);
double report__chart_y(const struct report__chart *chart, double y);

/* A dashed line over the whole width, with a text at its end. */
void report__chart_level(struct report__chart *chart, double y, const char *text);

/* A path, point by point: a point that is not shown leaves a gap. `attributes` is written into the
 * element as it is. */
void report__path_open(struct report__chart *chart, const char *attributes);
void report__path_to(struct report__chart *chart, double x, double y);
void report__path_close(struct report__chart *chart);
#endif
