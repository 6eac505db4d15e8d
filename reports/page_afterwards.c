/* reports/page_afterwards.c -- what came behind the search: students by the full recipe, the files that
 * they were written to, and the stages of `after:` in the study. Each where there is any.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reports/page_internal.h"
#include "reports/text.h"

enum { most_rows = 200, most_columns = 10, cell_bytes = 512 };

static rt_status has_rows(struct report__page *page, const char *table, bool *has,
                          struct rt_err *err)
{
    char sql[200];
    double count;

    *has = false;
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from main.sqlite_schema where type = 'table' and name = '%s'"
                   " and rootpage > 0",
                   table);
    RT_TRY(report__one_number(page->store, sql, &count, err));
    if (!(count > 0))
        return RT_OK;
    (void)snprintf(sql, sizeof sql, "select count(*) from (select 1 from main.%s limit 1)", table);
    RT_TRY(report__one_number(page->store, sql, &count, err));
    *has = count > 0;
    return RT_OK;
}

/* Of any database's cell, which may hold anything. */
static const char *text_of(sqlite3_stmt *q, int column, char text[cell_bytes])
{
    const unsigned char *from = sqlite3_column_text(q, column);
    size_t n = from ? strlen((const char *)from) : 0;

    n = n < cell_bytes ? n : cell_bytes - 1;
    while (n && (from[n] & 0xC0) == 0x80) /* no part of a character */
        n--;
    memcpy(text, from ? (const char *)from : "", n);
    text[n] = '\0';
    rt_text_plain(text);
    return text;
}

static void left(FILE *out, sqlite3_stmt *q, int column)
{
    char text[cell_bytes];

    report__cell_left(out, text_of(q, column, text));
}

static void number(FILE *out, sqlite3_stmt *q, int column, int digits)
{
    const double value = report__number(q, column);
    char text[REPORT__CELL];

    report__cell(out, isfinite(value) ? report__fixed(value, digits, text) : "-", value);
}

/* ---- students by the full recipe ---- */

struct distilled {
    struct report__page *page;
    int count, column[most_columns]; /* quantities that some have on the test file */
    sqlite3_stmt *values;
};

static rt_status choose_columns(struct distilled *d, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(d->page->store,
                       "select position from quantity where not exact and detail <> 2"
                       " and name in (select name from distillation_metric) order by position",
                       &q, err));
    while (d->count < most_columns && report__next(q)) {
        const int at = sqlite3_column_int(q, 0);
        if (at >= 0 && at < d->page->rows.quantities.count)
            d->column[d->count++] = at;
    }
    return report__end(d->page->store, q, err);
}

static rt_status print_distilled(struct distilled *d, sqlite3_stmt *q, struct rt_err *err)
{
    const struct report__quantities *quantities = &d->page->rows.quantities;
    struct report__value value[STORE_MAX_QUANTITIES];
    char arch[cell_bytes], gates[64];
    FILE *out = d->page->out;

    RT_TRY(report__values_read(d->page->store, d->values, sqlite3_column_int64(q, 0),
                               quantities->count, value, err));
    (void)fputs("<tr>", out);
    report__cell_arch(out, text_of(q, 1, arch));
    number(out, q, 2, 0);
    for (int c = 0; c < d->count; c++)
        report__cell_value(out, &quantities->list[d->column[c]], value[d->column[c]]);
    (void)snprintf(gates, sizeof gates, "%d of %d", sqlite3_column_int(q, 4),
                   sqlite3_column_int(q, 3));
    report__cell_left(out, sqlite3_column_int(q, 3) ? gates : "-");
    left(out, q, 5);
    (void)fputs("</tr>\n", out);
    return RT_OK;
}

static void print_heads(const struct distilled *d)
{
    FILE *out = d->page->out;
    char text[REPORT__LINE];

    report__heads_open(out);
    report__head_cell(out, "<architecture");
    report__head_cell(out, "steps");
    for (int c = 0; c < d->count; c++) {
        const struct report__quantity *q = &d->page->rows.quantities.list[d->column[c]];
        report__head_cell(out, report__head(q, q->title, ", ", text));
    }
    report__head_cell(out, "<gates passed");
    report__head_cell(out, "<finished");
    report__heads_close(out);
}

static rt_status print_students(struct report__page *page, struct rt_err *err)
{
    static const char values[] = "select q.position, m.value, m.stderr from quantity q"
                                 " join distillation_metric m on m.name = q.name"
                                 " where m.distillation = ?1";
    static const char all[] =
        "select d.id, c.arch, d.steps, (select count(*) from gate g where g.distillation = d.id),"
        " (select count(*) from gate g where g.distillation = d.id and g.passed = 1), d.finished"
        " from distillation d join candidate c on c.id = d.candidate order by d.id desc limit 200";
    struct distilled d = {.page = page};
    sqlite3_stmt *q = NULL;
    rt_status rc;

    RT_TRY(choose_columns(&d, err));
    RT_TRY(report__ask(page->store, values, &d.values, err));
    rc = report__ask(page->store, all, &q, err);
    if (rc == RT_OK) {
        report__section(page->out, "distilled", "Students by the full recipe");
        (void)fputs("<p class=\"lead\">On the test file, the newest first.</p>\n", page->out);
        print_heads(&d);
        while (rc == RT_OK && report__next(q))
            rc = print_distilled(&d, q, err);
        report__table_close(page->out);
        const rt_status ended = report__end(page->store, q, rc ? NULL : err);
        rc = rc ? rc : ended;
    }
    (void)sqlite3_finalize(d.values);
    return rc;
}

/* ---- files ---- */

static rt_status print_files(struct report__page *page, struct rt_err *err)
{
    static const char sql[] =
        "select e.path, c.arch, e.format, e.precision, e.bytes, e.hash, e.finished,"
        " (select group_concat(said, ', ') from (select h.host || ' ' ||"
        " printf('%.1f \u00b5s', l.value / 1000) as said"
        " from latency l join host h on h.id = l.host where l.candidate = e.candidate"
        " and l.median is not null and l.threads = 1 and l.batch = 1"
        " order by l.value, h.host))"
        " from main.exported e join candidate c on c.id = e.candidate"
        " order by e.candidate, e.precision, e.format, e.path limit 200";
    static const char *const heads[] = {"<file",     "<architecture", "<format",
                                        "<numbers",  "bytes",         "<a call takes",
                                        "<XXH3-128", "<finished",     NULL};
    char arch[cell_bytes];
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(page->store, sql, &q, err));
    report__section(page->out, "files", "Files of students");
    (void)fputs("<p class=\"lead\">As they were written; xxh128sum shows the checksum of a file, "
                "here of a folder that of "
                "the weights in it. A call is of that student, on each machine and runtime that "
                "retort latency asked.</p>\n",
                page->out);
    report__table_open(page->out, heads);
    while (report__next(q)) {
        (void)fputs("<tr>", page->out);
        left(page->out, q, 0);
        report__cell_arch(page->out, text_of(q, 1, arch));
        left(page->out, q, 2);
        left(page->out, q, 3);
        number(page->out, q, 4, 0);
        left(page->out, q, 7);
        left(page->out, q, 5);
        left(page->out, q, 6);
        (void)fputs("</tr>\n", page->out);
    }
    report__table_close(page->out);
    return report__end(page->store, q, err);
}

/* ---- stages ---- */

static rt_status print_stages(struct report__page *page, struct rt_err *err)
{
    static const char sql[] = "select name, what, iif(done, 'done', 'failed'), seconds, message,"
                              " finished from main.stage order by finished limit 200";
    static const char *const heads[] = {"<stage",  "<of",       "<outcome", "seconds",
                                        "<reason", "<finished", NULL};
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(page->store, sql, &q, err));
    report__section(page->out, "stages", "After the search");
    report__table_open(page->out, heads);
    while (report__next(q)) {
        (void)fputs("<tr>", page->out);
        left(page->out, q, 0);
        left(page->out, q, 1);
        left(page->out, q, 2);
        number(page->out, q, 3, 1);
        left(page->out, q, 4);
        left(page->out, q, 5);
        (void)fputs("</tr>\n", page->out);
    }
    report__table_close(page->out);
    return report__end(page->store, q, err);
}

rt_status report__page_afterwards(struct report__page *page, struct rt_err *err)
{
    static const struct {
        const char *table;
        rt_status (*print)(struct report__page *page, struct rt_err *err);
    } parts[] = {
        {"distillation", print_students}, {"exported", print_files}, {"stage", print_stages}};
    bool has;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        RT_TRY(has_rows(page, parts[i].table, &has, err));
        if (has)
            RT_TRY(parts[i].print(page, err));
    }
    return RT_OK;
}
