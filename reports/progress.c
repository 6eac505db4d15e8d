/* reports/progress.c -- report_status() of report.h. The one report that knows the present time, and
 * who writes the file: a search without an end whose lock nobody holds was killed.
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): gethostname() */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "reports/expected.h"
#include "reports/remotes.h"
#include "reports/report.h"
#include "reports/rows.h"
#include "reports/rung_rows.h"
#include "reports/suggest.h"
#include "reports/text.h"

struct progress {
    double committed, failed, done, running, rate; /* trials, and trials an hour */
    double seconds, elapsed, since; /* of a trial; from the first to the last result, since then */
    double volume;
    double gain; /* of the hypervolume in the last tenth of the trials */
    int front;
    char *study, *file, *started, *search, *teachers, *failure;
    /* the latest run of the search; NaN: no limit */
    double trials, hours, this_run; /* wanted in all, and of the run; seconds since it began */
    bool ended;                     /* it says why, or there was none */
    struct store_writer writer;
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
        "   0.9 * (select max(trial) from front_history) order by trial desc limit 1)"
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
    }
    return report__end(store, q, err);
}

static rt_status load_run(struct store *store, struct progress *p, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    p->trials = p->hours = p->this_run = NAN;
    p->ended = true;
    RT_TRY(report__ask(store,
                       "select trials, hours, (julianday('now') - julianday(started)) * 86400,"
                       " ending is not null from run order by id desc limit 1",
                       &q, err));
    if (report__next(q)) {
        p->trials = report__number(q, 0);
        p->hours = report__number(q, 1);
        p->this_run = report__number(q, 2);
        p->ended = sqlite3_column_int(q, 3) != 0;
    }
    RT_TRY(report__end(store, q, err));
    store_writer_of(store, &p->writer);
    return RT_OK;
}

/* Trials run, and nobody is there who could run them. */
static bool was_killed(const struct progress *p)
{
    return !p->writer.alive && (!p->ended || p->running > 0);
}

static rt_status load_texts(struct store *store, struct progress *p, struct rt_err *err)
{
    RT_TRY(report__one_text(store, "select name from study", &p->study, err));
    RT_TRY(report__one_text(
        store, "select coalesce(json_extract(settings, '$.study'), '') from study", &p->file, err));
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
        " coalesce(error, error_kind) from failures where trial = (select max(number) from trial"
        " where state = 'failed' or (state = 'done' and error_kind is not null)) limit 1",
        &p->failure, err);
}

static void release(struct progress *p)
{
    free(p->study);
    free(p->file);
    free(p->started);
    free(p->search);
    free(p->teachers);
    free(p->failure);
}

/* Of the run's two limits the one that comes first. */
static void print_left(const struct progress *p, FILE *out)
{
    const double todo = p->trials - p->committed - p->failed;
    double left = NAN;
    char time[REPORT__CELL], text[128];

    if (p->ended || was_killed(p))
        return;
    if (todo > 0 && p->rate > 0)
        left = todo / p->rate * 3600;
    if (isfinite(p->hours) && isfinite(p->this_run))
        left = fmin(left, fmax(0, p->hours * 3600 - p->this_run));
    if (!isfinite(left))
        (void)snprintf(text, sizeof text, "not known");
    else if (todo > 0)
        (void)snprintf(text, sizeof text, "%s; the search wants %.0f trials",
                       report__duration(left, time), p->trials);
    else
        (void)snprintf(text, sizeof text, "%s of the search's %g hours",
                       report__duration(left, time), p->hours);
    report__labelled(out, "left", text);
}

static void print_search(struct store *store, const struct progress *p, FILE *out)
{
    char study[RT_PATH_MAX];
    struct rt_err ignored;

    if (!was_killed(p)) {
        if (*p->search)
            report__labelled(out, "search", p->search);
        return;
    }
    report__labelled(out, "search",
                     "was killed: nobody writes this file; what ran will be tried again");
    /* it will be pasted into a shell, and comes from the file */
    if (!*p->file || strpbrk(p->file, "'\"`$;&|<>()*?!\\#~") ||
        rt_path_beside(store_path(store), p->file, study, &ignored))
        (void)snprintf(study, sizeof study, "STUDY");
    (void)fprintf(out, "%-11s retort search %s --db %s\n", "go on", study, store_path(store));
}

/* Whom to stop, and where: the file may be on a disk that several machines share. */
static void print_writer(const struct store_writer *writer, FILE *out)
{
    char here[sizeof writer->host] = "", text[128];

    if (writer->pid == 0)
        return;
    if (gethostname(here, sizeof here - 1) == 0 && strcmp(here, writer->host) == 0)
        (void)snprintf(text, sizeof text, "process %ld of this machine", writer->pid);
    else
        (void)snprintf(text, sizeof text, "process %ld on %s", writer->pid, writer->host);
    report__labelled(out, "writer", text);
}

static void print_work(const struct progress *p, FILE *out)
{
    char text[256], a[REPORT__CELL], b[REPORT__CELL];

    (void)snprintf(text, sizeof text, "%.0f done, %.0f failed, %.0f %s", p->committed, p->failed,
                   p->running, was_killed(p) ? "interrupted" : "running");
    if (p->done > 0)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       ", %.0f waiting for an earlier one", p->done);
    report__labelled(out, "trials", text);
    if (*p->started && isfinite(p->elapsed)) {
        (void)snprintf(text, sizeof text, "%s from %s; last result %s ago",
                       report__duration(fmax(0, p->elapsed), a), report__time(p->started, b),
                       report__duration(fmax(0, p->since), (char[REPORT__CELL]){0}));
        report__labelled(out, "time", text);
    }
    if (isfinite(p->rate)) {
        (void)snprintf(text, sizeof text, "%.*f trials an hour, %s each", p->rate < 10 ? 1 : 0,
                       p->rate, report__duration(p->seconds, a));
        report__labelled(out, "rate", text);
    }
    print_left(p, out);
}

/* What measuring latency took of the workers' time, and how far its figures are to be trusted. */
static rt_status print_latency(struct store *store, FILE *out, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char text[192];

    RT_TRY(report__ask(store,
                       "select count(*), sum(state = 'clear'), (select 100 * sum(timing + standing)"
                       " / sum(workers * 86400 * (julianday(coalesce(finished, 'now')) -"
                       " julianday(started))) from run where timing is not null)"
                       " from latency where metric is not null having count(*) > 0",
                       &q, err));
    while (report__next(q)) {
        (void)snprintf(text, sizeof text, "%lld of %lld figures clear",
                       (long long)sqlite3_column_int64(q, 1),
                       (long long)sqlite3_column_int64(q, 0));
        if (isfinite(report__number(q, 2)))
            (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                           "; measuring them took %.1f %% of the workers' time",
                           report__number(q, 2));
        report__labelled(out, "latency", text);
    }
    return report__end(store, q, err);
}

/* "20.30 ±0.57 %, 12.3k params, 7.81 µs, candidate 12": the lead of students needs no name. */
static void print_member(const char *label, const struct report__rows *rows, int i, FILE *out)
{
    const struct report__row *row = &rows->row[i];
    char text[STORE_MAX_OBJECTIVES * REPORT__LINE + 160] = "", value[REPORT__LINE];
    int order[STORE_MAX_QUANTITIES];

    const int count = report__narrow(rows, order);
    for (int o = 0; o < count; o++) {
        const int q = order[o];
        const struct report__quantity *quantity = &rows->quantities.list[q];
        const size_t used = strlen(text);
        if (isfinite(row->value[q].value))
            (void)snprintf(text + used, sizeof text - used, "%s%s", o ? ", " : "",
                           q || !quantity->unit[0]
                               ? report__value_name(quantity, row->value[q], value)
                               : report__value_unit(quantity, row->value[q], value));
    }
    const size_t used = strlen(text);
    (void)snprintf(text + used, sizeof text - used, ", candidate %lld", (long long)row->candidate);
    report__labelled(out, label, text);
}

static void print_front(const struct progress *p, const struct report__rows *rows,
                        const struct report__rungs *rungs, FILE *out)
{
    const bool no_last = rungs->count > 1 && rungs->rung[rungs->count - 1].committed < 1;
    char text[192], ensemble[REPORT__CELL];

    (void)snprintf(text, sizeof text, "%d %s", p->front, report__nouns(rows, p->front));
    if (!p->front && rows->committed)
        (void)snprintf(text, sizeof text, "none yet: no %s %s", rows->noun,
                       no_last ? "has reached the last rung" : "keeps the constraints");
    if (isfinite(p->volume))
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), ", hypervolume %.4f",
                       p->volume);
    if (isfinite(p->gain))
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       " (%+.4f in the last tenth)", p->gain);
    report__labelled(out, "front", text);
    if (rows->count) {
        print_member("best", rows, 0, out);
        print_member("suggested", rows, report__suggested(rows), out);
    }
    if (isfinite(rows->ensemble.value)) {
        (void)snprintf(text, sizeof text, "%s%s",
                       report__value_unit(&rows->quantities.list[0], rows->ensemble, ensemble),
                       rows->doubt);
        report__labelled(out, "ensemble", text);
    }
    if (*p->teachers)
        report__labelled(out, "teachers", p->teachers);
}

/* How right the surrogate was, a line an objective. */
static rt_status print_surrogate(struct store *store, const struct report__rows *rows, FILE *out,
                                 struct rt_err *err)
{
    struct report__expected expected[STORE_MAX_OBJECTIVES];
    int count;

    RT_TRY(report__expected_load(store, &rows->quantities, expected, &count, err));
    for (int i = 0; i < count; i++) {
        const struct report__expected *e = &expected[i];
        char text[160], tau[REPORT__CELL];
        (void)snprintf(text, sizeof text,
                       "%s: %.0f %% within 1 sd, %.0f %% within 2; tau-b %s; %.0f trials",
                       rows->quantities.list[e->quantity].name, 100 * e->within_1_sd,
                       100 * e->within_2_sd, report__fixed(e->tau_b, 2, tau), e->trials);
        report__labelled(out, i ? "" : "surrogate", text);
    }
    return RT_OK;
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
        report__labelled(out, label, text);
    }
}

static void print_labelled(void *out, const char *label, const char *text)
{
    report__labelled(out, label, text);
}

rt_status report_status(struct store *store, FILE *out, struct rt_err *err)
{
    struct progress p = {0};
    struct report__rows rows = {0};
    struct report__rungs rungs = {0};
    rt_status rc;

    RT_TRY(report__freeze(store, err));
    if ((rc = load_numbers(store, &p, err)) == RT_OK && (rc = load_run(store, &p, err)) == RT_OK &&
        (rc = load_texts(store, &p, err)) == RT_OK)
        rc = report__rows_load(store, REPORT__FRONT, &rows, err);
    if (rc == RT_OK)
        rc = report__rungs_load(store, &rungs, err);
    report__unfreeze(store);
    if (rc == RT_OK) {
        report__labelled(out, "study", p.study);
        print_search(store, &p, out);
        print_writer(&p.writer, out);
        print_work(&p, out);
        print_rungs(&rungs, out);
        print_front(&p, &rows, &rungs, out);
        rc = report__remotes(store, p.writer.alive && !p.ended, print_labelled, out, err);
        if (rc == RT_OK)
            rc = print_latency(store, out, err);
        if (rc == RT_OK)
            rc = print_surrogate(store, &rows, out, err);
        if (*p.failure)
            report__labelled(out, "failed", p.failure);
    }
    report__rows_release(&rows);
    release(&p);
    return rc;
}
