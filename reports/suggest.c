/* reports/suggest.c -- a front is too long to choose from, so one of it is named first. Errors carry
 * error bars: among those that the best cannot be told from, cost decides.
 */
#include "reports/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/text.h"

/* ---- the knee ---- */

static double scaled(const struct report__row *row, int q, bool log_scale)
{
    const double value = row->value[q].value;
    return log_scale ? log(value) : value;
}

/* The square of the distance to the best of every objective, each scaled to 0..1. */
static double far_from_best(const struct report__rows *rows, const bool *log_scale,
                            const double *low, const double *high, int i)
{
    double distance = 0;

    for (int o = 0; o < rows->quantities.objective_count; o++)
        if (high[o] > low[o])
            distance +=
                pow((scaled(&rows->row[i], rows->quantities.objective[o], log_scale[o]) - low[o]) /
                        (high[o] - low[o]),
                    2);
    return distance;
}

int report__knee(const struct report__rows *rows)
{
    double low[STORE_MAX_OBJECTIVES], high[STORE_MAX_OBJECTIVES], best = INFINITY;
    bool log_scale[STORE_MAX_OBJECTIVES];
    int knee = -1;

    for (int o = 0; o < rows->quantities.objective_count; o++) {
        const int q = rows->quantities.objective[o];
        log_scale[o] = report__is_log(rows, q);
        low[o] = INFINITY;
        high[o] = -INFINITY;
        for (int i = 0; i < rows->count; i++)
            if (rows->row[i].on_front) { /* fmin() and fmax() pass over what was not measured */
                const double value = scaled(&rows->row[i], q, log_scale[o]);
                low[o] = fmin(low[o], value);
                high[o] = fmax(high[o], value);
            }
    }
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].on_front) {
            const double distance = far_from_best(rows, log_scale, low, high, i);
            if (knee < 0 || distance < best - 1e-12) {
                best = isfinite(distance) ? distance : INFINITY;
                knee = i;
            }
        }
    return knee;
}

void report__knee_text(const struct report__rows *rows, char *text, size_t size)
{
    char objectives[STORE_MAX_OBJECTIVES * (STORE_NAME + 5)];
    bool costs = false;

    report__objectives_text(&rows->quantities, objectives, sizeof objectives);
    for (int o = 0; o < rows->quantities.objective_count; o++)
        costs |= report__is_log(rows, rows->quantities.objective[o]);
    (void)snprintf(text, size, "nearest to the best of %s at once, each scaled over the front%s",
                   objectives, costs ? " (costs by their logarithm)" : "");
}

/* ---- suggested ---- */

/* The objective that says what a member costs: the first beside the lead; -1: there is none. */
static int cost_of(const struct report__rows *rows)
{
    for (int o = 0; o < rows->quantities.objective_count; o++)
        if (rows->quantities.objective[o] != 0)
            return rows->quantities.objective[o];
    return -1;
}

/* The member with the lowest lead: rows are in its order. */
static int best_of(const struct report__rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].on_front)
            return i;
    return -1;
}

int report__within(const struct report__rows *rows, double loss)
{
    const int cost = cost_of(rows), best = best_of(rows);
    int least = best;

    for (int i = best + 1; best >= 0 && cost >= 0 && i < rows->count; i++) {
        const struct report__value *value = rows->row[i].value;
        if (rows->row[i].on_front && value[0].value <= rows->row[best].value[0].value + loss &&
            value[cost].value < rows->row[least].value[cost].value)
            least = i;
    }
    return least;
}

static double error_bar(const struct report__rows *rows)
{
    const int best = best_of(rows);
    const double error = best < 0 ? (double)NAN : rows->row[best].value[0].error;

    return isfinite(error) ? error : 0;
}

int report__suggested(const struct report__rows *rows)
{
    return report__within(rows, error_bar(rows));
}

void report__suggested_text(const struct report__rows *rows, char *text, size_t size)
{
    const struct report__quantity *lead = &rows->quantities.list[0];
    const int cost = cost_of(rows);
    char bar[48];

    if (cost < 0 || error_bar(rows) <= 0) {
        (void)snprintf(text, size, "the one with the lowest %s", lead->name);
        return;
    }
    if (lead->unit[0] == '%')
        (void)snprintf(bar, sizeof bar, "%.2f points", lead->factor * error_bar(rows));
    else
        (void)snprintf(bar, sizeof bar, "%.3g", error_bar(rows));
    (void)snprintf(text, size,
                   "the one with the least %s whose %s is within one standard error of "
                   "the best, %s",
                   rows->quantities.list[cost].name, lead->name, bar);
}

int report__steps(const struct report__rows *rows, struct report__step step[REPORT__STEPS])
{
    static const double losses[REPORT__STEPS] = {.005, .01, .02};
    const int cost = cost_of(rows);
    int last = report__suggested(rows), count = 0;

    if (last < 0 || cost < 0 || rows->quantities.list[0].unit[0] != '%')
        return 0;
    for (int l = 0; l < REPORT__STEPS; l++) {
        const int row = report__within(rows, losses[l]);
        if (rows->row[row].value[cost].value < rows->row[last].value[cost].value) {
            step[count++] = (struct report__step){row, losses[l]};
            last = row;
        }
    }
    return count;
}

/* ---- how two members differ ---- */

static void append(char *text, size_t size, const char *part)
{
    const size_t used = strlen(text);
    (void)snprintf(text + used, size - used, "%s%s", used ? ", " : "", part);
}

/* Two digits where they say something: 0.43, 2.4, 12, 1.23k. */
static const char *times_text(double ratio, char text[REPORT__CELL])
{
    if (ratio >= 9.95)
        return report__count(ratio, text);
    (void)snprintf(text, REPORT__CELL, "%.2g", ratio);
    return text;
}

/* Shares by points, what people know the size of by its ratio, all else by both values. */
static void compare_one(const struct report__quantity *quantity, double other, double value,
                        char text[96])
{
    char times[REPORT__CELL];

    if (quantity->unit[0] == '%')
        (void)snprintf(text, 96, "%.2f points %s %s", quantity->factor * fabs(other - value),
                       other < value ? "less" : "more", quantity->name);
    else if (quantity->digits >= 0 || quantity->unit[0])
        (void)snprintf(text, 96, "%sx the %s", times_text(other / value, times), quantity->name);
    else
        (void)snprintf(text, 96, "%s %.4g for %.4g", quantity->name, other, value);
}

void report__difference(const struct report__rows *rows, int other, int row, char *text,
                        size_t size)
{
    char part[96];

    text[0] = '\0';
    for (int o = 0; o < rows->quantities.objective_count; o++) {
        const int q = rows->quantities.objective[o];
        const double a = rows->row[other].value[q].value, b = rows->row[row].value[q].value;
        if (!isfinite(a) || !isfinite(b))
            continue;
        compare_one(&rows->quantities.list[q], a, b, part);
        append(text, size, part);
    }
}
