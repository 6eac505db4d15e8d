/* reports/best.c -- report_best() of report.h: one student, and why. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"
#include "reports/table.h"
#include "reports/text.h"

/* ---- wishes ---- */

struct limit {
    const char *option, *objective;
    double most; /* NaN: no wish */
    bool named;  /* --max NAME=VALUE */
};

#define FIXED 6
#define LIMITS (FIXED + STORE_MAX_OBJECTIVES)

static void list_limits(const struct report_wish *w, struct limit limits[LIMITS])
{
    const struct limit all[FIXED] = {
        {"--max-error", "error", w->max_error, false},
        {"--max-latency", "latency", w->max_latency_ms, false},
        {"--max-params", "params", (double)w->max_params, false},
        {"--max-bytes", "bytes", (double)w->max_bytes, false},
        {"--max-macs", "macs", (double)w->max_macs, false},
        {"--max-memory", "memory", (double)w->max_memory, false},
    };

    for (int i = 0; i < LIMITS; i++) {
        const int named = i - FIXED;
        if (named < 0) {
            limits[i] = all[i];
            limits[i].most = all[i].most > 0 ? all[i].most : NAN;
        } else {
            limits[i] = (struct limit){"--max", NULL, NAN, true};
            if (named < w->max_count) {
                limits[i].objective = w->max[named].objective;
                limits[i].most = w->max[named].most;
            }
        }
    }
}

/* As it was given: "--max-params 2000", "--max loss=0.5". */
static const char *limit_text(const struct limit *limit, char text[96])
{
    if (limit->named)
        (void)snprintf(text, 96, "%s %.40s=%.6g", limit->option, limit->objective, limit->most);
    else
        (void)snprintf(text, 96, "%s %.6g", limit->option, limit->most);
    return text;
}

static rt_status check_names(const struct report_wish *wish, const struct report__rows *front,
                             struct rt_err *err)
{
    char names[256] = "";

    for (int o = 0; o < front->objective_count; o++) {
        const size_t used = strlen(names);
        (void)snprintf(names + used, sizeof names - used, "%s%s", o ? ", " : "",
                       front->objective[o]);
    }
    for (int i = 0; i < wish->max_count; i++)
        if (!report__has(front, wish->max[i].objective))
            return rt_fail(err, RT_EARG, "'%.40s' is no objective of this study; give one of %s",
                           wish->max[i].objective, names);
    return RT_OK;
}

/* What was not measured does not fit. */
static bool breaks(const struct report__row *row, const struct limit *limit)
{
    return isfinite(limit->most) && !(report__row_value(row, limit->objective) <= limit->most);
}

static bool fits(const struct report__row *row, const struct limit limits[LIMITS])
{
    for (int i = 0; i < LIMITS; i++)
        if (breaks(row, &limits[i]))
            return false;
    return true;
}

/* Blames the limit that excludes most members, and tells what it would have to be for one. */
static rt_status fail_none(struct store *store, const struct report__rows *rows,
                           const struct limit limits[LIMITS], struct rt_err *err)
{
    char lowest[REPORT__CELL], limit[96];
    int worst = -1, most = 0;
    double low = INFINITY;

    if (!rows->count)
        return rt_fail(err, RT_EEND,
                       "'%s' has no committed trial%s yet: wait, or look at its "
                       "failures",
                       store_path(store), rows->committed ? " of the last rung" : "");
    for (int l = 0; l < LIMITS; l++) {
        int excluded = 0;
        for (int i = 0; i < rows->count; i++)
            excluded += breaks(&rows->row[i], &limits[l]);
        if (excluded > most) {
            most = excluded;
            worst = l;
        }
    }
    for (int i = 0; i < rows->count; i++)
        low = fmin(low, report__row_value(&rows->row[i], limits[worst].objective));
    if (!isfinite(low))
        return rt_fail(err, RT_EEND, "nothing fits: %s was not measured; leave out %s",
                       limits[worst].objective, limits[worst].option);
    (void)snprintf(lowest, sizeof lowest, "%.6g", low);
    return rt_fail(err, RT_EEND,
                   "none of the %d %s on the front fits: %s excludes %d; the lowest %s "
                   "there is %s",
                   rows->count, rows->own ? "architectures" : "students",
                   limit_text(&limits[worst], limit), most, limits[worst].objective, lowest);
}

/* ---- the choice ---- */

struct choice {
    const struct report__rows *front;
    int chosen, fitting; /* an index into the front, and how many fit */
    bool knee;
    struct limit limits[LIMITS];
};

/* The front's rows come with the lowest error first, so that is the first that fits. */
static rt_status choose(const struct report_wish *wish, struct choice *choice, struct rt_err *err)
{
    const struct report__rows *front = choice->front;
    struct report__rows fitting = *front;
    int *from = calloc((size_t)front->count + 1, sizeof *from);

    fitting.row = calloc((size_t)front->count + 1, sizeof *fitting.row);
    fitting.count = 0;
    if (!from || !fitting.row) {
        free(from);
        free(fitting.row);
        return rt_fail(err, RT_ENOMEM, "no memory for %d students", front->count);
    }
    for (int i = 0; i < front->count; i++)
        if (fits(&front->row[i], choice->limits)) {
            from[fitting.count] = i;
            fitting.row[fitting.count++] = front->row[i];
        }
    choice->fitting = fitting.count;
    choice->knee = wish->knee;
    choice->chosen = !fitting.count ? -1 : from[wish->knee ? report__knee(&fitting) : 0];
    free(from);
    free(fitting.row);
    return RT_OK;
}

static void say_why(const struct choice *choice, char *text, size_t size)
{
    char knee[320], lowest[STORE_NAME + 12], limit[96];
    size_t used;

    (void)snprintf(lowest, sizeof lowest, "the lowest %s",
                   choice->front->own ? choice->front->objective[0] : "error");
    report__knee_text(choice->front, knee, sizeof knee);
    used = (size_t)snprintf(text, size, "%s of the %d %s on the front",
                            choice->knee ? "the knee" : lowest, choice->fitting,
                            choice->front->own ? "architectures" : "students");
    for (int i = 0, said = 0; i < LIMITS; i++)
        if (isfinite(choice->limits[i].most) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", said++ ? ", " : " that fit ",
                                     limit_text(&choice->limits[i], limit));
    if (choice->knee && used < size)
        (void)snprintf(text + used, size - used, ": %s", knee);
}

/* ---- how a neighbour on the front differs ---- */

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

/* "2.72 points less error, 2.4x the params, 1.2x the latency" */
static void compare(const struct report__rows *rows, const struct report__row *other,
                    const struct report__row *row, char *text, size_t size)
{
    char part[96], times[REPORT__CELL];

    text[0] = '\0';
    for (int o = 0; o < rows->objective_count; o++) {
        const char *name = rows->objective[o];
        const double a = report__row_value(other, name), b = report__row_value(row, name);
        if (!isfinite(a) || !isfinite(b))
            continue;
        if (row->name)
            (void)snprintf(part, sizeof part, "%s %.4g for %.4g", name, a, b);
        else if (strcmp(name, "error") == 0)
            (void)snprintf(part, sizeof part, "%.2f points %s error", 100 * fabs(a - b),
                           a < b ? "less" : "more");
        else
            (void)snprintf(part, sizeof part, "%sx the %s", times_text(a / b, times), name);
        append(text, size, part);
    }
}

/* ---- printing ---- */

/* Long text in lines of at most 80 columns, further ones indented. */
static void print_wrapped(FILE *out, const char *label, const char *text)
{
    const int at = 12;
    int column = at;

    report__pad(out, label, -at);
    while (*text) {
        const int word = (int)strcspn(text, " ");
        if (column > at && column + 1 + word > 80) {
            (void)fprintf(out, "\n%*s", at, "");
            column = at;
        }
        (void)fprintf(out, "%s%.*s", column > at ? " " : "", word, text);
        column += word + (column > at);
        text += word;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

static void print_scores(const struct choice *choice, FILE *out)
{
    const struct report__rows *front = choice->front;
    const struct report__row *row = &front->row[choice->chosen];
    char error[REPORT__CELL], teacher[REPORT__CELL], text[256];
    char params[REPORT__CELL], macs[REPORT__CELL], bytes[REPORT__CELL];

    (void)snprintf(text, sizeof text, "%s %%", report__percent(row->error, row->error_se, error));
    if (isfinite(front->ensemble_error)) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "; the ensemble has %s %%",
                       report__percent(front->ensemble_error, front->ensemble_se, teacher));
    }
    print_wrapped(out, "error", text);
    if (isfinite(row->agreement)) {
        (void)snprintf(text, sizeof text, "%.2f %% with the ensemble", 100 * row->agreement);
        print_wrapped(out, "agreement", text);
    }
    (void)snprintf(text, sizeof text, "%s params, %sB in fp32, %s multiply-accumulates",
                   report__count((double)row->params, params),
                   report__count((double)row->bytes, bytes),
                   report__count((double)row->macs, macs));
    print_wrapped(out, "size", text);
    if (isfinite(row->latency))
        print_wrapped(out, "latency", report__ms(row->latency, params));
}

static void print_neighbour(const struct choice *choice, int i, const char *label, FILE *out)
{
    const struct report__rows *front = choice->front;
    char text[512], difference[400];

    if (i < 0 || i >= front->count)
        return;
    compare(front, &front->row[i], &front->row[choice->chosen], difference, sizeof difference);
    (void)snprintf(text, sizeof text, "candidate %lld: %s%s", (long long)front->row[i].candidate,
                   difference, fits(&front->row[i], choice->limits) ? "" : " (does not fit)");
    print_wrapped(out, label, text);
}

static void print_own(const struct choice *choice, FILE *out)
{
    const struct report__row *row = &choice->front->row[choice->chosen];
    char text[32];

    for (int o = 0; o < choice->front->objective_count; o++) {
        (void)snprintf(text, sizeof text, "%.6g", row->value[o]);
        print_wrapped(out, row->name[o], text);
    }
}

static void print_text(struct store *store, const struct choice *choice, FILE *out)
{
    const struct report__row *row = &choice->front->row[choice->chosen];
    char why[1024], head[32];

    say_why(choice, why, sizeof why);
    (void)snprintf(head, sizeof head, "%lld", (long long)row->candidate);
    print_wrapped(out, "candidate", head);
    print_wrapped(out, choice->front->own ? "choices" : "student", row->arch);
    if (choice->front->own) {
        print_own(choice, out);
        print_wrapped(out, "why", why);
        print_neighbour(choice, choice->chosen - 1, "before it", out);
        print_neighbour(choice, choice->chosen + 1, "behind it", out);
        return;
    }
    print_scores(choice, out);
    print_wrapped(out, "why", why);
    print_neighbour(choice, choice->chosen - 1, "less error", out);
    print_neighbour(choice, choice->chosen + 1, "more error", out);
    (void)fprintf(out, "%-12sretort distill %s %lld\n", "next", store_path(store),
                  (long long)row->candidate);
}

static json_t *neighbour(const struct report__rows *front, int i)
{
    return i >= 0 && i < front->count ? report__json_row(&front->row[i]) : json_null();
}

static json_t *json_best(const struct choice *choice)
{
    const struct report__rows *front = choice->front;
    json_t *best = report__json_row(&front->row[choice->chosen]);
    char why[1024];

    say_why(choice, why, sizeof why);
    if (json_object_set_new(best, "why", json_string(why)) ||
        json_object_set_new(best, "lower_error_neighbour", neighbour(front, choice->chosen - 1)) ||
        json_object_set_new(best, "higher_error_neighbour", neighbour(front, choice->chosen + 1))) {
        json_decref(best);
        return NULL;
    }
    return best;
}

rt_status report_best(struct store *store, const struct report_wish *wish,
                      enum report_format format, FILE *out, struct rt_err *err)
{
    struct report__rows front, one;
    struct choice choice = {.front = &front};
    rt_status rc;

    RT_TRY(report__freeze(store, err));
    rc = report__rows_load(store, REPORT__FRONT, &front, err);
    report__unfreeze(store);
    RT_TRY(rc);
    list_limits(wish, choice.limits);
    if ((rc = check_names(wish, &front, err)) == RT_OK)
        rc = choose(wish, &choice, err);
    if (rc == RT_OK && choice.chosen < 0)
        rc = fail_none(store, &front, choice.limits, err);
    if (rc == RT_OK)
        switch (format) {
        case REPORT_TABLE: print_text(store, &choice, out); break;
        case REPORT_CSV:
            one = front;
            one.row = &front.row[choice.chosen];
            one.count = 1;
            report__print_csv(&one, out);
            break;
        case REPORT_JSON: rc = report__print_json(json_best(&choice), out, err); break;
        }
    report__rows_release(&front);
    return rc;
}
