/* reports/best.c -- report_best() of report.h: one candidate, and why.
 *
 * Nothing is chosen that a person could not check: the text says which limits were kept, out of how
 * many, and what the neighbours on the front would have cost.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"
#include "reports/row_table.h"
#include "reports/suggest.h"
#include "reports/text.h"

/* ---- limits ---- */

/* As it was given: "--max-params 2000", "--max loss=0.5". */
static const char *limit_text(const struct report_limit *limit, char text[96])
{
    if (limit->objective)
        (void)snprintf(text, 96, "%s %.40s=%.6g", limit->option, limit->quantity, limit->most);
    else
        (void)snprintf(text, 96, "%s %.6g", limit->option, limit->most);
    return text;
}

static rt_status check_names(const struct report_wish *wish, const struct report__rows *front,
                             struct rt_err *err)
{
    const struct report__quantities *quantities = &front->quantities;
    char names[256];

    report__objectives_text(quantities, names, sizeof names);
    for (int i = 0; i < wish->count; i++) {
        const int q = report__quantity_called(quantities, wish->limit[i].quantity);
        if (wish->limit[i].objective && (q < 0 || !quantities->list[q].objective))
            return rt_fail(err, RT_EARG, "'%.40s' is no objective of this study; give one of %s",
                           wish->limit[i].quantity, names);
    }
    return RT_OK;
}

static double value_of(const struct report__rows *rows, int row, const struct report_limit *limit)
{
    const int q = report__quantity_called(&rows->quantities, limit->quantity);
    return q < 0 ? (double)NAN : rows->row[row].value[q].value;
}

/* What was not measured does not fit. */
static bool breaks(const struct report__rows *rows, int row, const struct report_limit *limit)
{
    return !(value_of(rows, row, limit) <= limit->most);
}

static bool fits(const struct report__rows *rows, int row, const struct report_wish *wish)
{
    for (int i = 0; i < wish->count; i++)
        if (breaks(rows, row, &wish->limit[i]))
            return false;
    return true;
}

static rt_status fail_empty(struct store *store, const struct report__rows *rows,
                            struct rt_err *err)
{
    return rt_fail(err, RT_EEND, "'%s' has no committed trial%s yet: wait, or look at its failures",
                   store_path(store), rows->committed ? " of the last rung" : "");
}

/* By how much a member breaks its limits: the largest excess, as a share of the limit. */
static double excess(const struct report__rows *rows, int row, const struct report_wish *wish)
{
    double most = 0;

    for (int l = 0; l < wish->count; l++) {
        const double limit = wish->limit[l].most, value = value_of(rows, row, &wish->limit[l]);
        if (!isfinite(value))
            return INFINITY;
        most = fmax(most, (value - limit) / fmax(fabs(limit), 1e-300));
    }
    return most;
}

/* Each limit can be kept, but not all at once: tell who comes nearest, and what it breaks. */
static rt_status fail_joint(const struct report__rows *rows, const struct report_wish *wish,
                            struct rt_err *err)
{
    char text[256] = "", one[96];
    int nearest = 0;

    for (int i = 1; i < rows->count; i++)
        if (excess(rows, i, wish) < excess(rows, nearest, wish))
            nearest = i;
    for (int l = 0; l < wish->count; l++)
        if (breaks(rows, nearest, &wish->limit[l])) {
            const size_t used = strlen(text);
            (void)snprintf(text + used, sizeof text - used, "%s%s with %.6g", used ? ", " : "",
                           limit_text(&wish->limit[l], one),
                           value_of(rows, nearest, &wish->limit[l]));
        }
    return rt_fail(err, RT_EEND,
                   "each limit is kept by some of the %d %s on the front, but by none all; nearest "
                   "is candidate %lld, which breaks %s",
                   rows->count, rows->nouns, (long long)rows->row[nearest].candidate, text);
}

/* Blames the limit that excludes most members, and tells what it would have to be for one. */
static rt_status fail_none(const struct report__rows *rows, const struct report_wish *wish,
                           struct rt_err *err)
{
    const struct report_limit *worst = NULL;
    char limit[96];
    double low = INFINITY;
    int most = 0;

    for (int l = 0; l < wish->count; l++) {
        int excluded = 0;
        for (int i = 0; i < rows->count; i++)
            excluded += breaks(rows, i, &wish->limit[l]);
        if (excluded > most) {
            most = excluded;
            worst = &wish->limit[l];
        }
    }
    assert(worst); /* else something would fit */
    if (most < rows->count)
        return fail_joint(rows, wish, err);
    for (int i = 0; i < rows->count; i++)
        low = fmin(low, value_of(rows, i, worst));
    if (!isfinite(low))
        return rt_fail(err, RT_EEND, "nothing fits: %s was not measured; leave out %s",
                       worst->quantity, worst->option);
    return rt_fail(err, RT_EEND,
                   "none of the %d %s on the front fits: %s excludes all; the lowest %s there is "
                   "%.6g",
                   rows->count, rows->nouns, limit_text(worst, limit), worst->quantity, low);
}

/* ---- the choice ---- */

struct choice {
    const struct report__rows *front;
    const struct report_wish *wish;
    int chosen, fitting; /* an index into the front, and how many fit */
};

/* Of the members that fit; rows come with the lowest lead first. */
static int pick(const struct report__rows *fitting, const struct report_wish *wish)
{
    switch (wish->pick) {
    case REPORT_SUGGESTED: return report__suggested(fitting);
    case REPORT_WITHIN: return report__within(fitting, wish->loss);
    case REPORT_KNEE: return report__knee(fitting);
    case REPORT_LOWEST: break;
    }
    return 0;
}

static rt_status choose(struct choice *choice, struct rt_err *err)
{
    const struct report__rows *front = choice->front;
    struct report__rows fitting = *front;
    int *from = calloc((size_t)front->count + 1, sizeof *from);

    fitting.row = calloc((size_t)front->count + 1, sizeof *fitting.row);
    fitting.count = 0;
    if (!from || !fitting.row) {
        free(from);
        free(fitting.row);
        return rt_fail(err, RT_ENOMEM, "no memory for %d %s", front->count, front->nouns);
    }
    for (int i = 0; i < front->count; i++)
        if (fits(front, i, choice->wish)) {
            from[fitting.count] = i;
            fitting.row[fitting.count++] = front->row[i];
        }
    choice->fitting = fitting.count;
    choice->chosen = !fitting.count ? -1 : from[pick(&fitting, choice->wish)];
    free(from);
    free(fitting.row);
    return RT_OK;
}

/* "the lowest error", "the knee", .. */
static void pick_text(const struct choice *choice, char *text, size_t size)
{
    const struct report__quantity *lead = &choice->front->quantities.list[0];
    char points[REPORT__CELL];

    switch (choice->wish->pick) {
    case REPORT_SUGGESTED: (void)snprintf(text, size, "suggested"); return;
    case REPORT_KNEE: (void)snprintf(text, size, "the knee"); return;
    case REPORT_LOWEST: (void)snprintf(text, size, "the lowest %s", lead->name); return;
    case REPORT_WITHIN: break;
    }
    if (lead->unit[0] == '%')
        (void)snprintf(text, size, "the least costly within %s of the lowest %s",
                       report__points(choice->wish->loss, points), lead->name);
    else
        (void)snprintf(text, size, "the least costly within %.4g of the lowest %s",
                       choice->wish->loss, lead->name);
}

static void say_why(const struct choice *choice, char *text, size_t size)
{
    const struct report__rows *front = choice->front;
    char which[96], limit[96], more[400] = "";
    size_t used;

    pick_text(choice, which, sizeof which);
    used = (size_t)snprintf(text, size, "%s of the %d %s on the front", which, choice->fitting,
                            front->nouns);
    for (int i = 0; i < choice->wish->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : " that fit ",
                                 limit_text(&choice->wish->limit[i], limit));
    if (choice->wish->pick == REPORT_KNEE)
        report__knee_text(front, more, sizeof more);
    if (choice->wish->pick == REPORT_SUGGESTED)
        report__suggested_text(front, more, sizeof more);
    if (more[0] && used < size)
        (void)snprintf(text + used, size - used, ": %s", more);
}

/* ---- printing ---- */

/* A label that leaves a blank behind it, or what stands for it. */
static const char *fitting(const char *label, const char *otherwise)
{
    return report__columns(label) < REPORT__LABEL ? label : otherwise;
}

/* With the interval, where one is known. */
static void estimated_text(const struct report__quantity *quantity, struct report__value got,
                           char *text, size_t size)
{
    char value[REPORT__CELL], low[REPORT__CELL], high[REPORT__CELL];
    const double half = 1.96 * got.error;

    report__value_unit(quantity, got, value);
    report__value_unit(quantity, (struct report__value){got.value - half, NAN, false}, low);
    report__value_unit(quantity, (struct report__value){got.value + half, NAN, false}, high);
    if (isfinite(got.error))
        (void)snprintf(text, size, "%s: estimated, %s to %s; 'retort latency' measures again",
                       value, low, high);
    else
        (void)snprintf(text, size, "%s: estimated; 'retort latency' measures again", value);
}

static void print_scores(const struct choice *choice, FILE *out)
{
    const struct report__rows *front = choice->front;
    char text[256], line[STORE_NAME + 256], value[REPORT__CELL], ensemble[REPORT__CELL];

    for (int q = 0; q < front->quantities.count; q++) {
        const struct report__quantity *quantity = &front->quantities.list[q];
        const struct report__value got = front->row[choice->chosen].value[q];
        if (!report__is_of(quantity, STORE_IN_WIDE) || !isfinite(got.value))
            continue;
        (void)snprintf(text, sizeof text, "%s", report__value_unit(quantity, got, value));
        if (q == 0 && isfinite(front->ensemble.value))
            (void)snprintf(text, sizeof text, "%s; the ensemble has %s%s", value,
                           report__value_unit(quantity, front->ensemble, ensemble), front->doubt);
        else if (got.estimated)
            estimated_text(quantity, got, text, sizeof text);
        const bool inside = report__columns(quantity->name) >= REPORT__LABEL;
        (void)snprintf(line, sizeof line, "%s%s%s", inside ? quantity->name : "",
                       inside ? ": " : "", text);
        report__labelled(out, fitting(quantity->name, ""), line);
    }
}

static void print_neighbour(const struct choice *choice, int by, FILE *out)
{
    const struct report__rows *front = choice->front;
    const int i = choice->chosen + by;
    char text[512], difference[400], label[STORE_NAME + 8];

    if (i < 0 || i >= front->count)
        return;
    report__difference(front, i, choice->chosen, difference, sizeof difference);
    (void)snprintf(text, sizeof text, "candidate %lld: %s%s", (long long)front->row[i].candidate,
                   difference, fits(front, i, choice->wish) ? "" : " (does not fit)");
    (void)snprintf(label, sizeof label, "%s %s", by < 0 ? "less" : "more",
                   front->quantities.list[0].name);
    report__labelled(out, fitting(label, by < 0 ? "before it" : "behind it"), text);
}

/* What a little more of the lead would save: when nothing but the front was asked for. */
static void print_steps(const struct choice *choice, FILE *out)
{
    struct report__step step[REPORT__STEPS];
    const int count = choice->wish->count ? 0 : report__steps(choice->front, step);
    char text[512], difference[400], points[REPORT__CELL];

    for (int i = 0; i < count; i++) {
        if (step[i].row == choice->chosen)
            continue;
        report__difference(choice->front, step[i].row, choice->chosen, difference,
                           sizeof difference);
        (void)snprintf(text, sizeof text, "for up to %s: candidate %lld: %s",
                       report__points(step[i].loss, points),
                       (long long)choice->front->row[step[i].row].candidate, difference);
        report__labelled(out, "saving", text);
    }
}

static void print_text(struct store *store, const struct choice *choice, FILE *out)
{
    const struct report__row *row = &choice->front->row[choice->chosen];
    char why[1024], id[32];

    say_why(choice, why, sizeof why);
    (void)snprintf(id, sizeof id, "%lld", (long long)row->candidate);
    report__labelled(out, "candidate", id);
    report__labelled(out, fitting(choice->front->noun, "choices"), row->arch);
    print_scores(choice, out);
    report__labelled(out, "why", why);
    print_neighbour(choice, -1, out);
    print_neighbour(choice, 1, out);
    print_steps(choice, out);
    if (choice->front->teachers)
        (void)fprintf(out, "%-*sretort distill %s %lld\n", REPORT__LABEL, "next", store_path(store),
                      (long long)row->candidate);
}

static json_t *neighbour(const struct report__rows *front, int i)
{
    return i >= 0 && i < front->count ? report__json_row(front, i) : json_null();
}

static json_t *json_best(const struct choice *choice)
{
    const struct report__rows *front = choice->front;
    const char *lead = front->quantities.list[0].name;
    json_t *best = report__json_row(front, choice->chosen);
    char why[1024], lower[STORE_NAME + 24], higher[STORE_NAME + 24];

    say_why(choice, why, sizeof why);
    (void)snprintf(lower, sizeof lower, "lower_%.*s_neighbour", STORE_NAME, lead);
    (void)snprintf(higher, sizeof higher, "higher_%.*s_neighbour", STORE_NAME, lead);
    if (json_object_set_new(best, "why", json_string(why)) ||
        json_object_set_new(best, lower, neighbour(front, choice->chosen - 1)) ||
        json_object_set_new(best, higher, neighbour(front, choice->chosen + 1))) {
        json_decref(best);
        return NULL;
    }
    return best;
}

rt_status report_best(struct store *store, const struct report_wish *wish,
                      enum report_format format, FILE *out, struct rt_err *err)
{
    struct report__rows front;
    struct choice choice = {.front = &front, .wish = wish};
    rt_status rc;

    assert(wish->count >= 0 && wish->count <= REPORT_MAX_LIMITS);
    RT_TRY(report__freeze(store, err));
    rc = report__rows_load(store, REPORT__FRONT, &front, err);
    report__unfreeze(store);
    RT_TRY(rc);
    if ((rc = check_names(wish, &front, err)) == RT_OK)
        rc = front.count ? choose(&choice, err) : fail_empty(store, &front, err);
    if (rc == RT_OK && choice.chosen < 0)
        rc = fail_none(&front, wish, err);
    if (rc == RT_OK)
        switch (format) {
        case REPORT_TABLE: print_text(store, &choice, out); break;
        case REPORT_CSV: report__print_csv(&front, choice.chosen, 1, false, out); break;
        case REPORT_JSON: rc = report__print_json(json_best(&choice), out, err); break;
        }
    report__rows_release(&front);
    return rc;
}
