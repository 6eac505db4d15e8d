/* reports/table.c -- report_front(), report_status() and report_best() of report.h. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/report.h"
#include "reports/rows.h"

/* ---- rows in each format ---- */

static void print_table_head(FILE *out)
{
    (void)fprintf(out, "%5s %9s %6s %7s %8s %8s  %s\n", "id", "error %", "+-", "params", "macs",
                  "ms", "architecture");
}

static void print_table_row(FILE *out, const struct report_row *r)
{
    char params[16], macs[16];

    (void)fprintf(out, "%5lld %9.2f %6.2f %7s %8s %8.3f  %s\n", (long long)r->candidate,
                  100 * r->error, 100 * r->error_se, report_number((double)r->params, params),
                  report_number((double)r->macs, macs), r->latency, r->arch);
}

static void print_csv_number(FILE *out, double value)
{
    if (isfinite(value))
        (void)fprintf(out, ",%.9g", value);
    else
        (void)fputs(",", out);
}

static void print_csv_row(FILE *out, const struct report_row *r)
{
    (void)fprintf(out, "%lld,%lld,%s", (long long)r->candidate, (long long)r->trial, r->arch);
    print_csv_number(out, r->error);
    print_csv_number(out, r->error_se);
    print_csv_number(out, r->kl);
    print_csv_number(out, r->agreement);
    print_csv_number(out, r->latency);
    (void)fprintf(out, ",%lld,%lld,%lld,%lld\n", (long long)r->params, (long long)r->bytes,
                  (long long)r->macs, (long long)r->memory);
}

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_row(const struct report_row *r)
{
    return json_pack("{s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "candidate",
                     (json_int_t)r->candidate, "trial", (json_int_t)r->trial, "arch", r->arch,
                     "error", json_number(r->error), "error_stderr", json_number(r->error_se), "kl",
                     json_number(r->kl), "agreement", json_number(r->agreement), "latency_ms",
                     json_number(r->latency), "params", (json_int_t)r->params, "bytes",
                     (json_int_t)r->bytes, "macs", (json_int_t)r->macs, "memory",
                     (json_int_t)r->memory);
}

static rt_status print_json(FILE *out, json_t *value, struct rt_err *err)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(value);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory for the report");
    (void)fprintf(out, "%s\n", text);
    free(text);
    return RT_OK;
}

static rt_status print_rows(const struct report_rows *rows, enum report_format format, FILE *out,
                            struct rt_err *err)
{
    json_t *list = NULL;

    switch (format) {
    case REPORT_TABLE:
        print_table_head(out);
        for (int i = 0; i < rows->count; i++)
            print_table_row(out, &rows->row[i]);
        break;
    case REPORT_CSV:
        (void)fputs("candidate,trial,arch,error,error_stderr,kl,agreement,latency_ms,params,bytes,"
                    "macs,memory\n",
                    out);
        for (int i = 0; i < rows->count; i++)
            print_csv_row(out, &rows->row[i]);
        break;
    case REPORT_JSON:
        list = json_array();
        for (int i = 0; i < rows->count; i++)
            json_array_append_new(list, json_row(&rows->row[i]));
        return print_json(out, list, err);
    }
    return RT_OK;
}

rt_status report_front(struct store *store, enum report_format format, FILE *out,
                       struct rt_err *err)
{
    struct report_rows rows;
    rt_status rc;

    RT_TRY(report_rows_load(store, true, &rows, err));
    rc = print_rows(&rows, format, out, err);
    report_rows_release(&rows);
    return rc;
}

/* ---- status ---- */

rt_status report_status(struct store *store, FILE *out, struct rt_err *err)
{
    static const struct {
        const char *label, *sql;
    } lines[] = {
        {"study", "select study || ', begun ' || coalesce(substr(started, 1, 19) || 'Z', 'not yet')"
                  " from progress"},
        {"trials", "select committed || ' done, ' || failed || ' failed, ' || running ||"
                   " ' running, ' || done || ' waiting for their turn' from progress"},
        {"rate", "select coalesce(printf('%.0f trials/h, %.1f s a trial', trials_per_hour,"
                 " seconds_per_trial), 'not known yet') from progress"},
        {"front", "select front_size || ' members, hypervolume ' ||"
                  " coalesce(printf('%.4f', hypervolume), 'not defined yet') from progress"},
        {"ensemble", "select printf('error %.2f %%', 100 * value) from teacher_metric where name ="
                     " 'error' order by teacher desc limit 1"},
        {"best error", "select printf('%.2f %% by %s (%d params)', 100 * error, arch, params) from"
                       " pareto limit 1"},
        {"last", "select coalesce('finished ' || substr(last_finished, 1, 19) || 'Z', '-') from"
                 " progress"},
        {"last failure", "select 'trial ' || trial || ': ' || coalesce(error, error_kind) from"
                         " failures order by trial desc limit 1"},
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *text;
        RT_TRY(report_text(store, lines[i].sql, &text, err));
        if (*text)
            (void)fprintf(out, "%-13s %s\n", lines[i].label, text);
        free(text);
    }
    return RT_OK;
}

/* ---- best ---- */

static bool too_much(double value, double limit)
{
    return isfinite(limit) && limit > 0 && !(value <= limit);
}

/* Name of the first wish that a row breaks, NULL when it fits. */
static const char *broken_wish(const struct report_row *r, const struct report_wish *w)
{
    if (too_much(r->error, w->max_error))
        return "--max-error";
    if (too_much(r->latency, w->max_latency_ms))
        return "--max-latency";
    if (too_much((double)r->params, (double)w->max_params))
        return "--max-params";
    if (too_much((double)r->bytes, (double)w->max_bytes))
        return "--max-bytes";
    if (too_much((double)r->macs, (double)w->max_macs))
        return "--max-macs";
    return too_much((double)r->memory, (double)w->max_memory) ? "--max-memory" : NULL;
}

/* Keep the rows that fit; `culprit` is the wish that the last rejected row broke. */
static void keep_fitting(struct report_rows *rows, const struct report_wish *wish,
                         const char **culprit)
{
    int kept = 0;

    for (int i = 0; i < rows->count; i++) {
        const char *broken = broken_wish(&rows->row[i], wish);
        if (broken)
            *culprit = broken;
        else
            rows->row[kept++] = rows->row[i];
    }
    rows->count = kept;
}

static rt_status print_best(const struct report_rows *rows, bool knee, enum report_format format,
                            FILE *out, struct rt_err *err)
{
    const int at = knee ? report_knee(rows) : 0;
    struct report_rows one = *rows;

    one.row = rows->row + at;
    one.count = 1;
    RT_TRY(print_rows(&one, format, out, err));
    if (format == REPORT_TABLE)
        (void)fprintf(out, "chosen as the %s of %d members of the front that fit\n",
                      knee ? "knee" : "lowest error", rows->count);
    return RT_OK;
}

rt_status report_best(struct store *store, const struct report_wish *wish,
                      enum report_format format, FILE *out, struct rt_err *err)
{
    const char *culprit = NULL;
    struct report_rows rows;
    rt_status rc;

    RT_TRY(report_rows_load(store, true, &rows, err));
    keep_fitting(&rows, wish, &culprit);
    if (rows.count)
        rc = print_best(&rows, wish->knee, format, out, err);
    else if (culprit)
        rc = rt_fail(err, RT_EEND, "no member of the front fits; loosen %s", culprit);
    else
        rc = rt_fail(err, RT_EEND, "'%s' has no finished trial yet", store_path(store));
    report_rows_release(&rows);
    return rc;
}
