/* reports/row_table.c -- row_table.h, and report_front() of report.h.
 *
 * Columns are as wide as what stands in them, since architectures take all the room that is left.
 */
#include "reports/row_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"
#include "reports/suggest.h"
#include "reports/text.h"

#define WIDTH 80
#define MIN_ARCH 16 /* columns; with less than that it gets a line of its own */

struct columns {
    int count;
    int quantity[STORE_MAX_QUANTITIES];
    int id_width, width[STORE_MAX_QUANTITIES];
    int seeds_width; /* 0: nobody has several */
    int arch_at;     /* column of the screen */
};

static const char *id_cell(const struct report__row *row, bool marked, char text[REPORT__CELL])
{
    (void)snprintf(text, REPORT__CELL, "%lld%s", (long long)row->candidate, marked ? "*" : " ");
    return text;
}

/* The lead alone with its standard error: 80 columns are few. */
static const char *cell(const struct report__rows *rows, int row, int q, char text[REPORT__CELL])
{
    struct report__value value = rows->row[row].value[q];

    value.error = q ? NAN : value.error;
    return report__value(&rows->quantities.list[q], value, text);
}

#define SEEDS_HEAD "seeds front"

/* "3  87 %": seeds, and how likely it is that the front is where it belongs. */
static const char *seeds_cell(const struct report__row *row, char text[REPORT__CELL])
{
    if (isfinite(row->probability))
        (void)snprintf(text, REPORT__CELL, "%d %3.0f %%", row->seeds, 100 * row->probability);
    else
        (void)snprintf(text, REPORT__CELL, "%d      ", row->seeds);
    return text;
}

/* Called as the study file calls it. */
static const char *head(const struct report__rows *rows, int q, char text[REPORT__LINE])
{
    const struct report__quantity *quantity = &rows->quantities.list[q];
    return report__head(quantity, quantity->name, " ", text);
}

static int wider(int width, const char *text)
{
    const int columns = report__columns(text);
    return columns > width ? columns : width;
}

static void choose_columns(const struct report__rows *rows, struct columns *columns)
{
    char text[REPORT__LINE];

    *columns = (struct columns){.id_width = wider(0, "id ")};
    columns->count = report__narrow(rows, columns->quantity);
    for (int i = 0; i < rows->count; i++)
        columns->id_width = wider(columns->id_width, id_cell(&rows->row[i], true, text));
    columns->seeds_width = report__repeated(rows) ? wider(0, SEEDS_HEAD) : 0;
    columns->arch_at = columns->id_width + 2;
    columns->arch_at += columns->seeds_width ? columns->seeds_width + 2 : 0;
    for (int c = 0; c < columns->count; c++) {
        const int q = columns->quantity[c];
        columns->width[c] = wider(0, head(rows, q, text));
        for (int i = 0; i < rows->count; i++)
            columns->width[c] = wider(columns->width[c], cell(rows, i, q, text));
        columns->arch_at += columns->width[c] + 2;
    }
}

/* Broken at hyphens, commas and dots where it is too long for its line. */
static void print_arch(FILE *out, const char *arch, int at)
{
    int room = WIDTH - at, left = room;
    const bool below = room < MIN_ARCH && (int)strlen(arch) > room;

    if (below) {
        at = 4;
        room = left = WIDTH - at;
        (void)fprintf(out, "\n%*s", at, "");
    }
    while (*arch) {
        const size_t gene = strcspn(arch, "-,."), size = gene + (arch[gene] != '\0');
        if ((int)size > left && left < room) {
            (void)fprintf(out, "\n%*s", at, "");
            left = room;
        }
        (void)fprintf(out, "%.*s", (int)size, arch);
        left -= (int)size;
        arch += size;
    }
    (void)fputc('\n', out);
}

void report__print_table(const struct report__rows *rows, int marked, FILE *out)
{
    struct columns columns;
    char text[REPORT__LINE];

    choose_columns(rows, &columns);
    report__pad(out, "id ", columns.id_width);
    for (int c = 0; c < columns.count; c++) {
        (void)fputs("  ", out);
        report__pad(out, head(rows, columns.quantity[c], text), columns.width[c]);
    }
    if (columns.seeds_width) {
        (void)fputs("  ", out);
        report__pad(out, SEEDS_HEAD, columns.seeds_width);
    }
    (void)fputs(columns.arch_at + MIN_ARCH <= WIDTH ? "  architecture\n" : "  \n", out);
    for (int i = 0; i < rows->count; i++) {
        report__pad(out, id_cell(&rows->row[i], i == marked, text), columns.id_width);
        for (int c = 0; c < columns.count; c++) {
            (void)fputs("  ", out);
            report__pad(out, cell(rows, i, columns.quantity[c], text), columns.width[c]);
        }
        (void)fputs("  ", out);
        if (columns.seeds_width) {
            report__pad(out, seeds_cell(&rows->row[i], text), columns.seeds_width);
            (void)fputs("  ", out);
        }
        print_arch(out, rows->row[i].arch, columns.arch_at);
    }
}

/* A lead without a unit is whatever a command answered, without standard errors. */
static bool has_error(const struct report__rows *rows, int q)
{
    return q == 0 && rows->quantities.list[q].unit[0];
}

/* A text that may have a comma in it. */
static void print_csv_text(FILE *out, const char *text)
{
    const bool quotes = strpbrk(text, ",\"") != NULL;
    (void)fprintf(out, quotes ? "\"%s\"" : "%s", text);
}

static void print_csv_number(FILE *out, double value)
{
    if (isfinite(value))
        (void)fprintf(out, ",%.9g", value);
    else
        (void)fputc(',', out);
}

const char *report__csv_name(const struct report__quantity *quantity, char text[REPORT__LINE])
{
    const bool unit = quantity->unit[0] && quantity->factor == 1;

    (void)snprintf(text, REPORT__LINE, "%s%s%s", quantity->name, unit ? "_" : "",
                   unit ? quantity->unit : "");
    return text;
}

void report__print_csv(const struct report__rows *rows, int from, int count, bool front, FILE *out)
{
    const struct report__quantities *quantities = &rows->quantities;
    const bool repeated = report__repeated(rows);
    char name[REPORT__LINE];

    (void)fputs("candidate,trial,arch", out);
    for (int q = 0; q < quantities->count; q++)
        if (report__is_of(&quantities->list[q], STORE_IN_WIDE)) {
            (void)fprintf(out, ",%s", report__csv_name(&quantities->list[q], name));
            if (has_error(rows, q))
                (void)fprintf(out, ",%s_stderr", quantities->list[q].name);
            if (report__is_time(&quantities->list[q]))
                (void)fprintf(out, ",%s_estimated", quantities->list[q].name);
        }
    (void)fputs(repeated ? ",seeds,probability" : "", out);
    (void)fputc('\n', out);
    for (int i = from; i < from + count; i++) {
        const struct report__row *r = &rows->row[i];
        if (front && !r->on_front)
            continue;
        (void)fprintf(out, "%lld,%lld,", (long long)r->candidate, (long long)r->trial);
        print_csv_text(out, r->arch);
        for (int q = 0; q < quantities->count; q++)
            if (report__is_of(&quantities->list[q], STORE_IN_WIDE)) {
                print_csv_number(out, r->value[q].value);
                if (has_error(rows, q))
                    print_csv_number(out, r->value[q].error);
                if (report__is_time(&quantities->list[q]))
                    (void)fprintf(out, ",%d", r->value[q].estimated);
            }
        if (repeated) {
            (void)fprintf(out, ",%d", r->seeds);
            print_csv_number(out, r->probability);
        }
        (void)fputc('\n', out);
    }
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_value(const struct report__quantity *quantity, double value)
{
    return quantity->digits == 0 && fabs(value) < 9e18 ? json_integer((json_int_t)value)
                                                       : number(value);
}

json_t *report__json_row(const struct report__rows *rows, int row)
{
    const struct report__row *r = &rows->row[row];
    json_t *json = json_pack("{s:I, s:I, s:s}", "candidate", (json_int_t)r->candidate, "trial",
                             (json_int_t)r->trial, "arch", r->arch);
    char name[REPORT__LINE];

    for (int q = 0; json && q < rows->quantities.count; q++) {
        const struct report__quantity *quantity = &rows->quantities.list[q];
        if (!report__is_of(quantity, STORE_IN_WIDE))
            continue;
        (void)json_object_set_new(json, report__csv_name(quantity, name),
                                  json_value(quantity, r->value[q].value));
        (void)snprintf(name, sizeof name, "%s_stderr", quantity->name);
        if (has_error(rows, q))
            (void)json_object_set_new(json, name, number(r->value[q].error));
        (void)snprintf(name, sizeof name, "%s_estimated", quantity->name);
        if (report__is_time(quantity))
            (void)json_object_set_new(json, name, json_boolean(r->value[q].estimated));
    }
    if (json && report__repeated(rows)) {
        (void)json_object_set_new(json, "seeds", json_integer(r->seeds));
        (void)json_object_set_new(json, "probability", number(r->probability));
    }
    return json;
}

rt_status report__print_json(json_t *value, FILE *out, struct rt_err *err)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(value);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory for the report");
    (void)fprintf(out, "%s\n", text);
    free(text);
    return RT_OK;
}

/* ---- the front ---- */

static bool any_estimated(const struct report__rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        for (int q = 0; q < rows->row[i].values; q++)
            if (rows->row[i].value[q].estimated)
                return true;
    return false;
}

static void print_front(const struct report__rows *rows, FILE *out)
{
    char text[REPORT__CELL];

    if (!rows->count) {
        (void)fprintf(out, "no %s%s yet: %lld trials are committed, %lld failed\n", rows->noun,
                      rows->committed ? " at the last rung" : "", (long long)rows->committed,
                      (long long)rows->failed);
        return;
    }
    report__print_table(rows, report__suggested(rows), out);
    (void)fprintf(out, "\n%d of %lld %s, %lld trials failed; * suggested", rows->count,
                  (long long)rows->committed, rows->nouns, (long long)rows->failed);
    if (isfinite(rows->ensemble.value))
        (void)fprintf(out, "; ensemble %s",
                      report__value_unit(&rows->quantities.list[0], rows->ensemble, text));
    (void)fprintf(out, "%s%s\n", *rows->doubt ? "\n" : "", *rows->doubt ? rows->doubt + 1 : "");
    if (any_estimated(rows))
        (void)fputs("~ estimated, not clear: 'retort latency' measures again\n", out);
}

static json_t *json_front(const struct report__rows *rows)
{
    json_t *list = json_array();

    for (int i = 0; list && i < rows->count; i++)
        if (json_array_append_new(list, report__json_row(rows, i))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

rt_status report_front(struct store *store, enum report_format format, FILE *out,
                       struct rt_err *err)
{
    struct report__rows rows;
    rt_status rc;

    RT_TRY(report__freeze(store, err));
    rc = report__rows_load(store, REPORT__FRONT, &rows, err);
    report__unfreeze(store);
    RT_TRY(rc);
    switch (format) {
    case REPORT_TABLE: print_front(&rows, out); break;
    case REPORT_CSV: report__print_csv(&rows, 0, rows.count, false, out); break;
    case REPORT_JSON: rc = report__print_json(json_front(&rows), out, err); break;
    }
    report__rows_release(&rows);
    return rc;
}
