/* reports/page_details.c -- what numbers do not tell of the student that was distilled last, where
 * `retort distill` has kept something: tables of texts, as the task wrote them.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reports/page_internal.h"

enum { most_rows = 500, most_columns = 16, cell_bytes = 256 };

/* Where the latest details are of: *found false without any. */
static rt_status find(struct report__page *page, double *distillation, bool *found,
                      struct rt_err *err)
{
    static const char kept[] = "select count(*) from main.sqlite_schema where type = 'table'"
                               " and name = 'detail' and rootpage > 0";
    static const char latest[] = "select coalesce(max(distillation), -1) from main.detail";
    double count;

    *found = false;
    RT_TRY(report__one_number(page->store, kept, &count, err));
    if (!(count > 0))
        return RT_OK;
    RT_TRY(report__one_number(page->store, latest, distillation, err));
    *found = isfinite(*distillation) && *distillation >= 0;
    return RT_OK;
}

static void cell_text(sqlite3_stmt *q, int column, char text[cell_bytes])
{
    const unsigned char *from = sqlite3_column_text(q, column);
    size_t n = from ? strlen((const char *)from) : 0;

    n = n < cell_bytes ? n : cell_bytes - 1;
    while (n && (from[n] & 0xC0) == 0x80) /* no part of a character */
        n--;
    memcpy(text, from ? (const char *)from : "", n);
    text[n] = '\0';
    rt_text_plain(text);
}

/* The table that is being written. */
struct open_table {
    char part[cell_bytes];
    long long row;
    bool open;
};

static void print_cell(FILE *out, const char *text)
{
    char *end;
    const double number = strtod(text, &end);

    if (*text && !*end && isfinite(number))
        report__cell(out, text, number);
    else
        report__cell_left(out, text);
}

/* Heads are those of the first row. */
static rt_status print_heads(struct report__page *page, double distillation, const char *part,
                             struct rt_err *err)
{
    static const char sql[] = "select name, value glob '*[^0-9.]*' from main.detail"
                              " where distillation = ?1 and part = ?2 and row = 0 order by place";
    sqlite3_stmt *q = NULL;
    int columns = 0;

    RT_TRY(report__ask(page->store, sql, &q, err));
    (void)sqlite3_bind_double(q, 1, distillation);
    (void)sqlite3_bind_text(q, 2, part, -1, SQLITE_TRANSIENT);
    report__heads_open(page->out);
    while (report__next(q) && columns++ < most_columns) {
        char name[cell_bytes], head[cell_bytes + 1];
        cell_text(q, 0, name);
        (void)snprintf(head, sizeof head, "%s%s", sqlite3_column_int(q, 1) ? "<" : "", name);
        report__head_cell(page->out, head);
    }
    report__heads_close(page->out);
    return report__end(page->store, q, err);
}

static rt_status print_row_cell(struct report__page *page, double distillation, sqlite3_stmt *q,
                                struct open_table *t, struct rt_err *err)
{
    const long long row = sqlite3_column_int64(q, 1);
    char part[cell_bytes], value[cell_bytes];

    cell_text(q, 0, part);
    cell_text(q, 2, value);
    const bool other = !t->open || strcmp(part, t->part) != 0;
    if (t->open && (other || row != t->row))
        (void)fputs("</tr>\n", page->out);
    if (other) {
        if (t->open)
            report__table_close(page->out);
        (void)fputs("<h3>", page->out);
        report__html(page->out, part);
        (void)fputs("</h3>\n", page->out);
        memcpy(t->part, part, sizeof part);
        RT_TRY(print_heads(page, distillation, part, err));
    }
    if (other || row != t->row)
        (void)fputs("<tr>", page->out);
    t->open = true;
    t->row = row;
    print_cell(page->out, value);
    return RT_OK;
}

static rt_status print_all(struct report__page *page, double distillation, struct rt_err *err)
{
    static const char sql[] = "select part, row, value from main.detail where distillation = ?1"
                              " and row between 0 and ?2 and place between 0 and ?3"
                              " order by part, row, place";
    struct open_table table = {.row = -1};
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    RT_TRY(report__ask(page->store, sql, &q, err));
    (void)sqlite3_bind_double(q, 1, distillation);
    (void)sqlite3_bind_int(q, 2, most_rows - 1);
    (void)sqlite3_bind_int(q, 3, most_columns - 1);
    while (rc == RT_OK && report__next(q))
        rc = print_row_cell(page, distillation, q, &table, err);
    const rt_status ended = report__end(page->store, q, rc ? NULL : err);
    if (table.open) {
        (void)fputs("</tr>\n", page->out);
        report__table_close(page->out);
    }
    return rc ? rc : ended;
}

rt_status report__page_details(struct report__page *page, struct rt_err *err)
{
    double distillation = -1;
    bool found;

    RT_TRY(find(page, &distillation, &found, err));
    if (!found)
        return RT_OK;
    report__section(page->out, "details", "What the student answers");
    (void)fputs("<p class=\"lead\">On the test, of the student that was distilled last.</p>\n",
                page->out);
    return print_all(page, distillation, err);
}
