/* reports/table.c -- see table.h; and report_front() of report.h. */
#include "reports/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"
#include "reports/text.h"

#define WIDTH 80
#define MAX_COLUMNS 12
#define MIN_ARCH 16 /* columns; with less than that it gets a line of its own */

struct columns {
    int count;
    const char *name[MAX_COLUMNS]; /* "id", or that of an objective */
    int width[MAX_COLUMNS];
    int arch_at; /* column of the screen */
};

static const char *cell(const struct report__row *row, const char *name, bool marked,
                        char text[REPORT__CELL])
{
    if (strcmp(name, "id") == 0)
        (void)snprintf(text, REPORT__CELL, "%lld%s", (long long)row->candidate, marked ? "*" : " ");
    else if (row->name)
        (void)snprintf(text, REPORT__CELL, "%.4g", report__row_value(row, name));
    else if (strcmp(name, "error") == 0)
        report__percent(row->error, row->error_se, text);
    else
        report__value(name, report__row_value(row, name), text);
    return text;
}

static const char *title(const char *name, bool own)
{
    return !own && strcmp(name, "error") == 0 ? "error %" : strcmp(name, "id") == 0 ? "id " : name;
}

static bool any_latency(const struct report__rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        if (isfinite(rows->row[i].latency))
            return true;
    return false;
}

static void choose_columns(const struct report__rows *rows, struct columns *columns)
{
    static const char *const order[] = {"id",      "error",  "kl",     "int8_error",
                                        "int8_kl", "params", "bytes",  "int8_bytes",
                                        "macs",    "memory", "latency"};

    *columns = (struct columns){0};
    if (rows->own)
        columns->name[columns->count++] = "id";
    for (int o = 0; o < rows->objective_count && rows->own; o++)
        columns->name[columns->count++] = rows->objective[o];
    for (size_t i = 0; i < sizeof order / sizeof *order && !rows->own; i++) {
        const bool always = i < 2 || strcmp(order[i], "params") == 0 ||
                            (strcmp(order[i], "latency") == 0 && any_latency(rows));
        if (always || report__has(rows, order[i]))
            columns->name[columns->count++] = order[i];
    }
    for (int c = 0; c < columns->count; c++) {
        char text[REPORT__CELL];
        columns->width[c] = report__columns(title(columns->name[c], rows->own));
        for (int i = 0; i < rows->count; i++) {
            const int width = report__columns(cell(&rows->row[i], columns->name[c], true, text));
            columns->width[c] = width > columns->width[c] ? width : columns->width[c];
        }
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

    choose_columns(rows, &columns);
    for (int c = 0; c < columns.count; c++) {
        report__pad(out, title(columns.name[c], rows->own), columns.width[c]);
        (void)fputs("  ", out);
    }
    (void)fputs(columns.arch_at + MIN_ARCH <= WIDTH ? "architecture\n" : "\n", out);
    for (int i = 0; i < rows->count; i++) {
        for (int c = 0; c < columns.count; c++) {
            char text[REPORT__CELL];
            report__pad(out, cell(&rows->row[i], columns.name[c], i == marked, text),
                        columns.width[c]);
            (void)fputs("  ", out);
        }
        print_arch(out, rows->row[i].arch, columns.arch_at);
    }
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

void report__print_own_csv(const struct report__rows *rows, bool front, FILE *out)
{
    (void)fputs("candidate,trial,arch", out);
    for (int o = 0; o < rows->objective_count; o++)
        (void)fprintf(out, ",%s", rows->objective[o]);
    (void)fputc('\n', out);
    for (int i = 0; i < rows->count; i++) {
        const struct report__row *r = &rows->row[i];
        if (front && !r->on_front)
            continue;
        (void)fprintf(out, "%lld,%lld,", (long long)r->candidate, (long long)r->trial);
        print_csv_text(out, r->arch);
        for (int o = 0; o < rows->objective_count; o++)
            print_csv_number(out, r->value[o]);
        (void)fputc('\n', out);
    }
}

void report__print_csv(const struct report__rows *rows, FILE *out)
{
    if (rows->own) {
        report__print_own_csv(rows, false, out);
        return;
    }
    (void)fputs("candidate,trial,arch,error,error_stderr,kl,agreement,latency_ms,params,bytes,"
                "macs,memory\n",
                out);
    for (int i = 0; i < rows->count; i++) {
        const struct report__row *r = &rows->row[i];
        (void)fprintf(out, "%lld,%lld,%s", (long long)r->candidate, (long long)r->trial, r->arch);
        print_csv_number(out, r->error);
        print_csv_number(out, r->error_se);
        print_csv_number(out, r->kl);
        print_csv_number(out, r->agreement);
        print_csv_number(out, r->latency);
        (void)fprintf(out, ",%lld,%lld,%lld,%lld\n", (long long)r->params, (long long)r->bytes,
                      (long long)r->macs, (long long)r->memory);
    }
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *own_json(const struct report__row *r)
{
    json_t *row = json_pack("{s:I, s:I, s:s}", "candidate", (json_int_t)r->candidate, "trial",
                            (json_int_t)r->trial, "arch", r->arch);

    for (int o = 0; row && o < STORE_MAX_OBJECTIVES && r->name[o][0]; o++)
        (void)json_object_set_new(row, r->name[o], number(r->value[o]));
    return row;
}

json_t *report__json_row(const struct report__row *r)
{
    if (r->name)
        return own_json(r);
    return json_pack("{s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "candidate",
                     (json_int_t)r->candidate, "trial", (json_int_t)r->trial, "arch", r->arch,
                     "error", number(r->error), "error_stderr", number(r->error_se), "kl",
                     number(r->kl), "agreement", number(r->agreement), "latency_ms",
                     number(r->latency), "params", (json_int_t)r->params, "bytes",
                     (json_int_t)r->bytes, "macs", (json_int_t)r->macs, "memory",
                     (json_int_t)r->memory);
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

static void print_front(const struct report__rows *rows, FILE *out)
{
    char error[REPORT__CELL];

    if (!rows->count) {
        (void)fprintf(out, "no student%s yet: %lld trials are committed, %lld failed\n",
                      rows->committed ? " at the last rung" : "", (long long)rows->committed,
                      (long long)rows->failed);
        return;
    }
    report__print_table(rows, report__knee(rows), out);
    (void)fprintf(out, "\n%d of %lld %s, %lld trials failed; * the knee", rows->count,
                  (long long)rows->committed, rows->own ? "architectures" : "students",
                  (long long)rows->failed);
    if (isfinite(rows->ensemble_error))
        (void)fprintf(out, "; ensemble %s %%",
                      report__percent(rows->ensemble_error, rows->ensemble_se, error));
    (void)fputc('\n', out);
}

static json_t *json_front(const struct report__rows *rows)
{
    json_t *list = json_array();

    for (int i = 0; list && i < rows->count; i++)
        if (json_array_append_new(list, report__json_row(&rows->row[i]))) {
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
    case REPORT_CSV: report__print_csv(&rows, out); break;
    case REPORT_JSON: rc = report__print_json(json_front(&rows), out, err); break;
    }
    report__rows_release(&rows);
    return rc;
}
