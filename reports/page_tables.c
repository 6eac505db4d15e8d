/* reports/page_tables.c -- teachers, failures, how it was measured, and the study itself.
 *
 * What has to be known to believe the plots above; hence the whole study file at the end.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reports/page_internal.h"
#include "reports/text.h"

#define MOST_FAILURES 100

/* ---- teachers beside students ---- */

/* Teachers first, then the ensemble, then the front's five best and the suggested one. */
static const char beside[] =
    "select number as place, kind, name, arch, nullif(params, 0), number, null from teacher"
    " union all select 100000 + row_number() over () as place, ?2,"
    "  'candidate ' || p.candidate, p.arch, p.params, null, p.trial from pareto p"
    "  where p.trial in (select trial from pareto limit 5) or p.trial = ?1 order by place";
static const char of_teacher[] =
    "select q.position, m.value, m.stderr from quantity q join teacher_metric m"
    " on m.name = q.name where m.teacher = ?1";
static const char of_trial[] =
    "select position, value, stderr, estimated from quantity_values where trial = ?1";

struct besides {
    struct report__page *page;
    int count, column[STORE_MAX_QUANTITIES]; /* quantities that some teacher has */
    sqlite3_stmt *of_teacher, *of_trial;
};

static rt_status choose_columns(struct besides *b, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(b->page->store,
                       "select position from quantity where detail <= 2 and name in (select name"
                       " from teacher_metric) order by position",
                       &q, err));
    while (b->count < STORE_MAX_QUANTITIES && report__next(q))
        b->column[b->count++] = sqlite3_column_int(q, 0);
    return report__end(b->page->store, q, err);
}

static void print_heads(const struct besides *b)
{
    FILE *out = b->page->out;
    char text[REPORT__LINE];

    report__heads_open(out);
    report__head_cell(out, "<name");
    report__head_cell(out, "<kind");
    report__head_cell(out, "<architecture");
    for (int c = 0; c < b->count; c++) {
        const struct report__quantity *q = &b->page->rows.quantities.list[b->column[c]];
        report__head_cell(out, report__head(q, q->title, ", ", text));
    }
    report__head_cell(out, "params");
    report__head_cell(out, "times smaller");
    report__heads_close(out);
}

static rt_status print_beside(const struct besides *b, sqlite3_stmt *q, struct rt_err *err)
{
    struct report__value value[STORE_MAX_QUANTITIES];
    const bool teacher = sqlite3_column_type(q, 6) == SQLITE_NULL;
    const double params = report__number(q, 4), ratio = b->page->rows.ensemble_params / params;
    sqlite3_stmt *values = teacher ? b->of_teacher : b->of_trial;
    const int suggested = b->page->suggested;
    const bool is_suggested = !teacher && suggested >= 0 &&
                              sqlite3_column_int64(q, 6) == b->page->rows.row[suggested].trial;
    FILE *out = b->page->out;
    char text[REPORT__CELL];

    RT_TRY(report__values_read(b->page->store, values, sqlite3_column_int64(q, teacher ? 5 : 6),
                               STORE_MAX_QUANTITIES, value, err));
    (void)fprintf(out, "<tr class=\"%s%s\">", teacher ? "teacher" : "student",
                  is_suggested ? " suggested" : "");
    report__cell_left(out, report__column(q, 2));
    report__cell_left(out, report__column(q, 1));
    report__cell_arch(out, report__column(q, 3));
    for (int c = 0; c < b->count; c++)
        report__cell_value(out, &b->page->rows.quantities.list[b->column[c]], value[b->column[c]]);
    report__cell(out, report__count(params, text), params);
    report__cell(out, report__fixed(ratio, 1, text), ratio);
    (void)fputs("</tr>\n", out);
    return RT_OK;
}

static rt_status print_besides(struct besides *b, struct rt_err *err)
{
    struct report__page *page = b->page;
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    RT_TRY(report__ask(page->store, of_teacher, &b->of_teacher, err));
    RT_TRY(report__ask(page->store, of_trial, &b->of_trial, err));
    RT_TRY(report__ask(page->store, beside, &q, err));
    (void)sqlite3_bind_int64(q, 1,
                             page->suggested >= 0 ? page->rows.row[page->suggested].trial : -1);
    (void)sqlite3_bind_text(q, 2, page->rows.noun, -1, SQLITE_STATIC);
    print_heads(b);
    while (rc == RT_OK && report__next(q))
        rc = print_beside(b, q, err);
    report__table_close(page->out);
    const rt_status ended = report__end(page->store, q, rc ? NULL : err);
    return rc ? rc : ended;
}

rt_status report__page_teachers(struct report__page *page, struct rt_err *err)
{
    struct besides b = {.page = page};
    rt_status rc, ended;

    report__section(page->out, "teachers", "Teachers beside students");
    (void)fprintf(page->out,
                  "<p class=\"lead\">On the validation split%s; \"times smaller\" is than all "
                  "teachers together.</p>\n",
                  *page->rows.doubt
                      ? ", which teachers from elsewhere may have been trained on: then they "
                        "and the ensemble do worse on new rows"
                      : "");
    RT_TRY(choose_columns(&b, err));
    rc = print_besides(&b, err);
    if ((ended = report__end(page->store, b.of_teacher, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    if ((ended = report__end(page->store, b.of_trial, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    return rc == RT_OK ? report__page_agreement(page, err) : rc;
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

/* How far the figures of each setting are to be trusted. */
static rt_status print_latency(struct report__page *page, struct rt_err *err)
{
    static const char doubt[] =
        "%lld %s not: estimated, or single measurements of an older retort. Run <code>retort "
        "latency</code> on a quiet machine before you promise one.";
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(page->store,
                       "select threads, batch, count(*), sum(state = 'clear'), sum(blocks)"
                       " from latency where blocks > 0 group by threads, batch"
                       " order by threads, batch",
                       &q, err));
    while (report__next(q)) {
        const int threads = sqlite3_column_int(q, 0);
        const long long figures = sqlite3_column_int64(q, 2), clear = sqlite3_column_int64(q, 3);
        (void)fprintf(
            page->out,
            "<p>Latency is the time of one forward pass at batch %d on %d thread%s, by "
            "%lld blocks of calls, each beside a reference network. %lld of %lld figures "
            "are clear: floors that three blocks in quiet weather agree on, within 4 %%. ",
            sqlite3_column_int(q, 1), threads, threads == 1 ? "" : "s",
            (long long)sqlite3_column_int64(q, 4), clear, figures);
        if (clear < figures)
            (void)fprintf(page->out, doubt, figures - clear, figures - clear == 1 ? "is" : "are");
        (void)fputs("</p>\n", page->out);
    }
    return report__end(page->store, q, err);
}

/* What it cost. */
static rt_status print_share(struct report__page *page, struct rt_err *err)
{
    double share = NAN;

    RT_TRY(report__one_number(
        page->store,
        "select 100 * sum(timing + standing) / sum(workers * 86400 * (julianday(coalesce(finished,"
        " 'now')) - julianday(started))) from run where timing is not null",
        &share, err));
    if (isfinite(share))
        (void)fprintf(page->out,
                      "<p>Measuring latency, and standing still for it, took %.1f %% of the "
                      "workers' time.</p>\n",
                      share);
    return RT_OK;
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

/* "Parameters, multiply-accumulates and .. are exact, from the architecture." */
static void print_exact(const struct report__page *page)
{
    const struct report__rows *rows = &page->rows;
    const char *label[STORE_MAX_QUANTITIES];
    int count = 0;

    for (int q = 0; q < rows->quantities.count; q++)
        if (rows->quantities.list[q].exact && report__shows(rows, q, STORE_IN_WIDE))
            label[count++] = rows->quantities.list[q].label;
    if (!count)
        return;
    (void)fputs("<p>Exact, from the architecture: ", page->out);
    for (int i = 0; i < count; i++) {
        (void)fputs(!i ? "" : i + 1 == count ? " and " : ", ", page->out);
        report__html(page->out, label[i]);
    }
    (void)fputs(".</p>\n", page->out);
}

rt_status report__page_measured(struct report__page *page, struct rt_err *err)
{
    char *method;

    report__section(page->out, "measured", "How it was measured");
    RT_TRY(report__one_text(page->store, "select method from study", &method, err));
    (void)fputs("<p>", page->out);
    report__html(page->out, method);
    (void)fputs("</p>\n", page->out);
    free(method);
    print_exact(page);
    RT_TRY(print_latency(page, err));
    RT_TRY(print_share(page, err));
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
