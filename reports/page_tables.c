/* reports/page_tables.c -- teachers, failures, how it was measured, and the study itself. */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page_internal.h"
#include "reports/text.h"

#define MOST_FAILURES 100

/* ---- teachers beside students ---- */

/* Teachers first, then the ensemble, then the front's five best and the knee. */
static const char beside[] =
    "with who (place, kind, name, arch, params, teacher, trial) as ("
    " select number, kind, name, arch, nullif(params, 0), number, null from teacher"
    " union all select 100000 + row_number() over (order by p.error is null, p.error, p.params),"
    "  'student', 'candidate ' || p.candidate, p.arch, p.params, null, p.trial from pareto p"
    "  where p.trial in (select trial from pareto limit 5) or p.trial = ?1),"
    " score as (select place, m.name, m.value, m.stderr from who"
    "  join teacher_metric m on m.teacher = who.teacher"
    " union all select place, m.name, m.value, m.stderr from who join metric m"
    "  on m.trial = who.trial)"
    " select w.kind, w.name, w.arch, w.params, e.value, e.stderr, a.value, k.value, n.value,"
    "  c.value, w.trial = ?1 from who w"
    "  left join score e on e.place = w.place and e.name = 'error'"
    "  left join score a on a.place = w.place and a.name = 'agreement'"
    "  left join score k on k.place = w.place and k.name = 'kl'"
    "  left join score n on n.place = w.place and n.name = 'nll'"
    "  left join score c on c.place = w.place and c.name = 'ece' order by w.place";

static void print_beside(FILE *out, sqlite3_stmt *q, double ensemble_params)
{
    char text[REPORT__CELL];
    const double params = report__number(q, 3), kl = report__number(q, 7);

    (void)fprintf(out, "<tr class=\"%s%s\">",
                  strcmp(report__column(q, 0), "student") == 0 ? "student" : "teacher",
                  sqlite3_column_int(q, 10) ? " knee" : "");
    report__cell_left(out, report__column(q, 1));
    report__cell_left(out, report__column(q, 0));
    report__cell_arch(out, report__column(q, 2));
    report__cell(out, report__percent(report__number(q, 4), report__number(q, 5), text),
                 report__number(q, 4));
    report__cell(out, report__percent(report__number(q, 6), NAN, text), report__number(q, 6));
    report__cell(out, report__fixed(kl, 4, text), kl);
    report__cell(out, report__fixed(report__number(q, 8), 4, text), report__number(q, 8));
    report__cell(out, report__fixed(report__number(q, 9), 4, text), report__number(q, 9));
    report__cell(out, report__count(params, text), params);
    if (isfinite(ensemble_params / params))
        (void)snprintf(text, sizeof text, "%.1f", ensemble_params / params);
    else
        (void)snprintf(text, sizeof text, "-");
    report__cell(out, text, ensemble_params / params);
    (void)fputs("</tr>\n", out);
}

rt_status report__page_teachers(struct report__page *page, struct rt_err *err)
{
    static const char *const heads[] = {
        "<name", "<kind",  "<architecture", "error, %", "agreement, %", "KL", "NLL",
        "ECE",   "params", "times smaller", NULL};
    sqlite3_stmt *q = NULL;

    report__section(page->out, "teachers", "Teachers beside students");
    (void)fputs("<p class=\"lead\">On the validation split. Agreement and KL are those with the "
                "ensemble; NLL and ECE are against the labels; \"times smaller\" is than all "
                "teachers together.</p>\n",
                page->out);
    RT_TRY(report__ask(page->store, beside, &q, err));
    (void)sqlite3_bind_int64(q, 1, page->knee >= 0 ? page->rows.row[page->knee].trial : -1);
    report__table_open(page->out, heads);
    while (report__next(q))
        print_beside(page->out, q, page->rows.ensemble_params);
    report__table_close(page->out);
    RT_TRY(report__end(page->store, q, err));
    return report__page_agreement(page, err);
}

/* ---- failures ---- */

static rt_status print_kinds(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    int kinds = 0;

    RT_TRY(report__ask(page->store,
                       "select error_kind, count(*) from failures group by error_kind"
                       " order by count(*) desc, error_kind",
                       &q, err));
    (void)fputs("<p class=\"lead\">A failed trial has no objectives and takes no part in the "
                "search. By kind: ",
                page->out);
    while (report__next(q)) {
        (void)fputs(kinds++ ? ", " : "", page->out);
        report__html(page->out, report__column(q, 0));
        (void)fprintf(page->out, " %lld", (long long)sqlite3_column_int64(q, 1));
    }
    (void)fprintf(page->out, ".%s</p>\n",
                  page->rows.failed > MOST_FAILURES ? " The first hundred:" : "");
    return report__end(page->store, q, err);
}

rt_status report__page_failures(struct report__page *page, struct rt_err *err)
{
    static const char *const heads[] = {"trial", "<architecture", "params",
                                        "<kind", "<reason",       NULL};
    sqlite3_stmt *q = NULL;
    char text[REPORT__CELL];
    double count;

    RT_TRY(report__one_number(page->store, "select count(*) from failures", &count, err));
    if (count < 1)
        return RT_OK;
    report__section(page->out, "failures", "Failed trials");
    RT_TRY(print_kinds(page, err));
    RT_TRY(report__ask(page->store,
                       "select trial, arch, params, error_kind, error from failures order by trial"
                       " limit ?1",
                       &q, err));
    (void)sqlite3_bind_int(q, 1, MOST_FAILURES);
    report__table_open(page->out, heads);
    while (report__next(q)) {
        (void)fputs("<tr>", page->out);
        report__cell(page->out, report__column(q, 0), report__number(q, 0));
        report__cell_arch(page->out, report__column(q, 1));
        report__cell(page->out, report__count(report__number(q, 2), text), report__number(q, 2));
        report__cell_left(page->out, report__column(q, 3));
        (void)fputs("<td class=\"left wrap\">", page->out);
        report__html(page->out, report__column(q, 4));
        (void)fputs("</td></tr>\n", page->out);
    }
    report__table_close(page->out);
    return report__end(page->store, q, err);
}

/* ---- how it was measured ---- */

static rt_status print_latency(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(page->store,
                       "select batch, threads, min(warmup), min(samples), count(*),"
                       " sum(concurrent), 100 * max(mad / median),"
                       " 100 * avg(mad / median) from latency group by batch, threads"
                       " order by batch, threads",
                       &q, err));
    while (report__next(q)) {
        const long long count = sqlite3_column_int64(q, 4), busy = sqlite3_column_int64(q, 5);
        (void)fprintf(page->out,
                      "<p>Latency is the median time of one forward pass at batch %d on %d "
                      "thread%s, of at least %d samples after %d warm-up calls, on the "
                      "machine that ran the trial. The median absolute deviation is %.1f %% of "
                      "the median on average and %.1f %% at most. ",
                      sqlite3_column_int(q, 0), sqlite3_column_int(q, 1),
                      sqlite3_column_int(q, 1) == 1 ? "" : "s", sqlite3_column_int(q, 3),
                      sqlite3_column_int(q, 2), report__number(q, 7), report__number(q, 6));
        if (busy)
            (void)fprintf(page->out,
                          "<strong>%lld of %lld measurements were taken while other workers were "
                          "training</strong>, so compare them among themselves and measure again "
                          "before you promise one.</p>\n",
                          busy, count);
        else
            (void)fprintf(page->out,
                          "No other worker was training during any of the %lld "
                          "measurements.</p>\n",
                          count);
    }
    return report__end(page->store, q, err);
}

static rt_status print_hosts(struct report__page *page, struct rt_err *err)
{
    static const char *const heads[] = {"<host",    "<processor", "cores",   "memory",
                                        "<kernels", "<governor",  "<system", NULL};
    sqlite3_stmt *q = NULL;
    char text[REPORT__CELL];

    RT_TRY(report__ask(page->store,
                       "select host, cpu, cores, memory, kernels, governor, kernel from host"
                       " order by id",
                       &q, err));
    report__table_open(page->out, heads);
    while (report__next(q)) {
        (void)fputs("<tr>", page->out);
        report__cell_left(page->out, report__column(q, 0));
        report__cell_left(page->out, report__column(q, 1));
        report__cell(page->out, report__column(q, 2), report__number(q, 2));
        (void)snprintf(text, sizeof text, "%.1f GiB", report__number(q, 3) / 1073741824);
        report__cell(page->out, text, report__number(q, 3));
        for (int c = 4; c < 7; c++)
            report__cell_left(page->out, report__column(q, c));
        (void)fputs("</tr>\n", page->out);
    }
    report__table_close(page->out);
    return report__end(page->store, q, err);
}

rt_status report__page_measured(struct report__page *page, struct rt_err *err)
{
    report__section(page->out, "measured", "How it was measured");
    if (page->rows.own) {
        (void)fputs("<p>All values are what the study's own command answered.</p>\n", page->out);
        return print_hosts(page, err);
    }
    (void)fputs("<p>Error, agreement and KL are taken on the validation split at temperature 1 "
                "after a short distillation run; ± is one standard error over its examples. The "
                "test split was not looked at. Parameters, bytes, multiply-accumulates and peak "
                "activation memory are exact, from the architecture.</p>\n",
                page->out);
    RT_TRY(print_latency(page, err));
    return print_hosts(page, err);
}

rt_status report__page_study(struct report__page *page, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    char created[REPORT__CELL];

    report__section(page->out, "study", "The study");
    RT_TRY(report__ask(
        page->store, "select printf('%u', seed), hash, version, created, settings, yaml from study",
        &q, err));
    if (report__next(q)) {
        (void)fprintf(page->out, "<p>Seed <code>%s</code>, hash <code>", report__column(q, 0));
        report__html(page->out, report__column(q, 1));
        (void)fputs("</code>, begun ", page->out);
        report__html(page->out, report__time(report__column(q, 3), created));
        (void)fputs(" with Retort ", page->out);
        report__html(page->out, report__column(q, 2));
        (void)fputs(". Chosen at the start and kept since: <code class=\"wrap\">", page->out);
        report__html(page->out, report__column(q, 4));
        (void)fputs("</code></p>\n<pre>", page->out);
        report__html(page->out, report__column(q, 5));
        (void)fputs("</pre>\n", page->out);
    }
    return report__end(page->store, q, err);
}
