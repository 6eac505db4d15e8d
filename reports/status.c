/* reports/status.c -- report_status() of report.h. The one report that knows the present time. */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"
#include "reports/rows.h"
#include "reports/rungs.h"
#include "reports/text.h"

static void print_line(FILE *out, const char *label, const char *text)
{
    (void)fprintf(out, "%-11s %s\n", label, text);
}

/* The number after `key` in the block `search:` of a study file, 0 when it says none. A study that
 * was started by this program is well-formed, and a miss costs only the time left. */
static double wanted(const char *yaml, const char *key)
{
    const size_t size = strlen(key);
    bool inside = false;

    for (const char *line = yaml; *line;) {
        const size_t length = strcspn(line, "\n");
        if (length && *line != ' ' && *line != '#')
            inside = strncmp(line, "search:", 7) == 0;
        for (const char *c = line; inside && c + size < line + length && *c != '#'; c++)
            if (strncmp(c, key, size) == 0 && c > line && strchr(" {,", c[-1]))
                return strtod(c + size, NULL);
        line += length + (line[length] == '\n');
    }
    return 0;
}

struct progress {
    double committed, failed, done, running, rate; /* trials, and trials an hour */
    double seconds, elapsed, since,
        this_run; /* of a trial; from the first to the last result, since
                     then, and since the search was last started */
    double volume;
    double gain; /* of the hypervolume in the last tenth of the trials */
    int front;
    char *study, *yaml, *started, *search, *teachers, *failure;
};

static rt_status load_numbers(struct store *store, struct progress *p, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(
        store,
        "select committed, failed, done, running, trials_per_hour, front_size, hypervolume,"
        " seconds_per_trial,"
        " (julianday(last_finished) - julianday(started)) * 86400,"
        " (julianday('now') - julianday(last_finished)) * 86400,"
        " hypervolume - (select hypervolume from front_history where trial <="
        "   0.9 * (select max(trial) from front_history) order by trial desc limit 1),"
        " (julianday('now') - (select max(julianday(at)) from event where kind = 'search'"
        "   and text like 'started%')) * 86400"
        " from progress",
        &q, err));
    if (report__next(q)) {
        double *to[] = {&p->committed, &p->failed, &p->done, &p->running, &p->rate};
        for (int i = 0; i < 5; i++)
            *to[i] = report__number(q, i);
        p->front = sqlite3_column_int(q, 5);
        p->volume = report__number(q, 6);
        p->seconds = report__number(q, 7);
        p->elapsed = report__number(q, 8);
        p->since = report__number(q, 9);
        p->gain = report__number(q, 10);
        p->this_run = report__number(q, 11);
    }
    return report__end(store, q, err);
}

static rt_status load_texts(struct store *store, struct progress *p, struct rt_err *err)
{
    RT_TRY(report__one_text(store, "select name from study", &p->study, err));
    RT_TRY(report__one_text(store, "select yaml from study", &p->yaml, err));
    RT_TRY(report__one_text(store, "select started from progress", &p->started, err));
    RT_TRY(report__one_text(store,
                            "select text from event where kind = 'search' order by id desc limit 1",
                            &p->search, err));
    RT_TRY(report__one_text(
        store,
        "select group_concat(name || ' ' || round(weight, 3) || case calibration when 1 then ''"
        " else ' (T ' || round(calibration, 2) || ')' end, ', ') from"
        " (select * from teacher where kind <> 'ensemble' order by number)",
        &p->teachers, err));
    return report__one_text(
        store,
        "select 'trial ' || trial || ', ' || arch || ': ' ||"
        " coalesce(error, error_kind) from failures order by trial desc limit 1",
        &p->failure, err);
}

static void release(struct progress *p)
{
    free(p->study);
    free(p->yaml);
    free(p->started);
    free(p->search);
    free(p->teachers);
    free(p->failure);
}

/* Of the study's two limits the one that comes first; hours are those of one run. */
static void print_left(const struct progress *p, FILE *out)
{
    const double trials = wanted(p->yaml, "trials:"), hours = wanted(p->yaml, "hours:");
    const double todo = trials - p->committed - p->failed;
    double left = NAN;
    char time[REPORT__CELL], text[128];

    if (strncmp(p->search, "ended", 5) == 0 && p->running == 0)
        return;
    if (todo > 0 && p->rate > 0)
        left = todo / p->rate * 3600;
    if (hours > 0 && isfinite(p->this_run))
        left = fmin(left, fmax(0, hours * 3600 - p->this_run));
    if (!isfinite(left))
        (void)snprintf(text, sizeof text, "not known");
    else if (todo > 0)
        (void)snprintf(text, sizeof text, "%s; the study asks for %.0f trials",
                       report__duration(left, time), trials);
    else
        (void)snprintf(text, sizeof text, "%s of the study's %g hours",
                       report__duration(left, time), hours);
    print_line(out, "left", text);
}

static void print_work(const struct progress *p, FILE *out)
{
    char text[256], a[REPORT__CELL], b[REPORT__CELL];

    (void)snprintf(text, sizeof text, "%.0f done, %.0f failed, %.0f running", p->committed,
                   p->failed, p->running);
    if (p->done > 0)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       ", %.0f waiting for an earlier one", p->done);
    print_line(out, "trials", text);
    if (*p->started && isfinite(p->elapsed)) {
        (void)snprintf(text, sizeof text, "%s from %s; last result %s ago",
                       report__duration(p->elapsed, a), report__time(p->started, b),
                       report__duration(fmax(0, p->since), (char[REPORT__CELL]){0}));
        print_line(out, "time", text);
    }
    if (isfinite(p->rate)) {
        (void)snprintf(text, sizeof text, "%.*f trials an hour, %s each", p->rate < 10 ? 1 : 0,
                       p->rate, report__duration(p->seconds, a));
        print_line(out, "rate", text);
    }
    print_left(p, out);
}

static void print_own(const char *label, const struct report__rows *rows, int i, FILE *out)
{
    char text[STORE_MAX_OBJECTIVES * 64 + 40];

    report__own_text(&rows->row[i], rows->objective_count, text, sizeof text);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), ", candidate %lld",
                   (long long)rows->row[i].candidate);
    print_line(out, label, text);
}

static void print_student(const char *label, const struct report__row *row, FILE *out)
{
    char text[160 + SPACE_ARCH_TEXT], error[REPORT__CELL], params[REPORT__CELL];
    char latency[REPORT__CELL];

    (void)snprintf(text, sizeof text, "%s %%, %s params%s%s, candidate %lld",
                   report__percent(row->error, row->error_se, error),
                   report__count((double)row->params, params), isfinite(row->latency) ? ", " : "",
                   isfinite(row->latency) ? report__ms(row->latency, latency) : "",
                   (long long)row->candidate);
    print_line(out, label, text);
}

static void print_front(const struct progress *p, const struct report__rows *rows, FILE *out)
{
    char text[128], error[REPORT__CELL];

    (void)snprintf(text, sizeof text,
                   rows->own       ? p->front == 1 ? "%d architecture" : "%d architectures"
                   : p->front == 1 ? "%d student"
                                   : "%d students",
                   p->front);
    if (!p->front && rows->committed)
        (void)snprintf(text, sizeof text, "%s",
                       rows->own ? "none yet: no trial of the last rung keeps the constraints"
                                 : "none yet: no student has reached the last rung");
    if (isfinite(p->volume))
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), ", hypervolume %.4f",
                       p->volume);
    if (isfinite(p->gain))
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       " (%+.4f in the last tenth of the trials)", p->gain);
    print_line(out, "front", text);
    if (rows->count && rows->own) {
        print_own("best", rows, 0, out);
        print_own("knee", rows, report__knee(rows), out);
    } else if (rows->count) {
        print_student("best", &rows->row[0], out);
        print_student("knee", &rows->row[report__knee(rows)], out);
    }
    if (isfinite(rows->ensemble_error)) {
        (void)snprintf(text, sizeof text, "%s %%",
                       report__percent(rows->ensemble_error, rows->ensemble_se, error));
        print_line(out, "ensemble", text);
    }
    if (*p->teachers)
        print_line(out, "teachers", p->teachers);
}

/* How right the surrogate was, a line an objective. */
static rt_status print_surrogate(struct store *store, FILE *out, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(
        store, "select name, trials, within_1_sd, within_2_sd, tau_b from calibration", &q, err));
    for (const char *label = "surrogate"; report__next(q); label = "") {
        char text[160], tau[REPORT__CELL];
        (void)snprintf(text, sizeof text,
                       "%s: %.0f %% within 1 sd, %.0f %% within 2; tau-b %s; %.0f trials",
                       report__column(q, 0), 100 * report__number(q, 2), 100 * report__number(q, 3),
                       report__fixed(report__number(q, 4), 2, tau), report__number(q, 1));
        print_line(out, label, text);
    }
    return report__end(store, q, err);
}

static void print_rungs(const struct report__rungs *rungs, FILE *out)
{
    for (int i = 0; i < rungs->count && rungs->count > 1; i++) {
        const struct report__rung *rung = &rungs->rung[i];
        char label[32], text[160], next[96], time[REPORT__CELL];
        (void)snprintf(label, sizeof label, "rung %.0f", rung->budget);
        report__rung_text(rung, next, sizeof next);
        (void)snprintf(text, sizeof text, "%.0f done", rung->committed);
        if (isfinite(rung->seconds))
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), ", %s each%s%s",
                           report__duration(rung->seconds, time), *next ? "; " : "", next);
        print_line(out, label, text);
    }
}

rt_status report_status(struct store *store, FILE *out, struct rt_err *err)
{
    struct progress p = {0};
    struct report__rows rows = {0};
    struct report__rungs rungs = {0};
    rt_status rc;

    RT_TRY(report__freeze(store, err));
    if ((rc = load_numbers(store, &p, err)) == RT_OK && (rc = load_texts(store, &p, err)) == RT_OK)
        rc = report__rows_load(store, REPORT__FRONT, &rows, err);
    if (rc == RT_OK)
        rc = report__rungs_load(store, &rungs, err);
    report__unfreeze(store);
    if (rc == RT_OK) {
        print_line(out, "study", p.study);
        if (*p.search)
            print_line(out, "search", p.search);
        print_work(&p, out);
        print_rungs(&rungs, out);
        print_front(&p, &rows, out);
        rc = print_surrogate(store, out, err);
        if (*p.failure)
            print_line(out, "failed", p.failure);
    }
    report__rows_release(&rows);
    release(&p);
    return rc;
}
