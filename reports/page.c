/* reports/page.c -- report_page() of report.h.
 *
 * The page is reports/page.html with the study's data in place of @DATA@, as JSON: CMake puts the
 * file into the program. JSON escapes every "/", so no text of a study can end the script element.
 */
#include <jansson.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "reports/report.h"
#include "reports/rows.h"

extern const char report__page_html[]; /* made from page.html at build time */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *column_value(sqlite3_stmt *q, int column)
{
    switch (sqlite3_column_type(q, column)) {
    case SQLITE_INTEGER: return json_integer(sqlite3_column_int64(q, column));
    case SQLITE_FLOAT: return number(sqlite3_column_double(q, column));
    case SQLITE_TEXT: return json_string((const char *)sqlite3_column_text(q, column));
    default: return json_null();
    }
}

/* Every row of a query: as an object by column names, or as an array. */
static rt_status add_query(struct store *store, json_t *data, const char *key, bool as_objects,
                           const char *sql, struct rt_err *err)
{
    json_t *list = json_array();
    sqlite3_stmt *q = NULL;
    int step;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL)) {
        json_decref(list);
        return rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store),
                       sqlite3_errmsg(store_handle(store)));
    }
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        json_t *row = as_objects ? json_object() : json_array();
        for (int i = 0; i < sqlite3_column_count(q); i++)
            if (as_objects)
                json_object_set_new(row, sqlite3_column_name(q, i), column_value(q, i));
            else
                json_array_append_new(row, column_value(q, i));
        json_array_append_new(list, row);
    }
    sqlite3_finalize(q);
    json_object_set_new(data, key, list);
    if (step != SQLITE_DONE)
        return rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store),
                       sqlite3_errmsg(store_handle(store)));
    return RT_OK;
}

static rt_status add_text(struct store *store, json_t *data, const char *key, const char *sql,
                          struct rt_err *err)
{
    char *text;

    RT_TRY(report_text(store, sql, &text, err));
    json_object_set_new(data, key, json_string(text));
    free(text);
    return RT_OK;
}

/* The knee of the front as its own row. */
static rt_status add_knee(struct store *store, json_t *data, struct rt_err *err)
{
    struct report_rows rows;

    RT_TRY(report_rows_load(store, true, &rows, err));
    const int at = report_knee(&rows);
    if (at >= 0) {
        const struct report_row *r = &rows.row[at];
        json_object_set_new(data, "knee",
                            json_pack("{s:I, s:I, s:I, s:o}", "trial", (json_int_t)r->trial,
                                      "candidate", (json_int_t)r->candidate, "params",
                                      (json_int_t)r->params, "error", number(r->error)));
    }
    json_t *names = json_array();
    for (int i = 0; i < rows.objective_count; i++)
        json_array_append_new(names, json_string(rows.objective[i]));
    json_object_set_new(data, "objectives", names);
    report_rows_release(&rows);
    return RT_OK;
}

/* The front's curves: one object a trial and series, its points as a list. */
static rt_status add_curves(struct store *store, json_t *data, struct rt_err *err)
{
    json_t *points, *point, *curves = json_array(), *last = NULL;
    size_t i;

    RT_TRY(add_query(store, data, "points", false,
                     "select u.trial, u.name, u.step, u.value, c.arch from front f"
                     " join curve u on u.trial = f.trial join trial t on t.number = f.trial"
                     " join candidate c on c.id = t.candidate"
                     " where u.name in ('loss', 'grad_norm', 'learning_rate')"
                     " order by u.trial, u.name, u.step",
                     err));
    points = json_object_get(data, "points");
    json_array_foreach(points, i, point)
    {
        json_t *trial = json_array_get(point, 0), *name = json_array_get(point, 1);
        if (!last || !json_equal(json_object_get(last, "trial"), trial) ||
            !json_equal(json_object_get(last, "name"), name)) {
            last = json_pack("{s:O, s:O, s:O, s:[]}", "trial", trial, "name", name, "arch",
                             json_array_get(point, 4), "points");
            json_array_append_new(curves, last);
        }
        json_array_append_new(
            json_object_get(last, "points"),
            json_pack("[O, O]", json_array_get(point, 2), json_array_get(point, 3)));
    }
    json_object_del(data, "points");
    json_object_set_new(data, "curves", curves);
    return RT_OK;
}

static rt_status add_ensemble(struct store *store, json_t *data, struct rt_err *err)
{
    double error;

    RT_TRY(report_double(store,
                         "select value from teacher_metric m join teacher t on t.number = m.teacher"
                         " where m.name = 'error' and t.kind = 'ensemble'",
                         &error, err));
    json_object_set_new(data, "ensemble", number(error));
    return RT_OK;
}

static rt_status add_lists(struct store *store, json_t *data, struct rt_err *err)
{
    static const struct {
        const char *key;
        bool as_objects;
        const char *sql;
    } lists[] = {
        {"rows", true,
         "select trial, candidate, arch, error, error_stderr, kl, agreement, latency, params, "
         "bytes,"
         " macs, memory, on_front from leaderboard order by error is null, error, trial"},
        {"history", false,
         "select trial, size, hypervolume, (julianday(finished) - min(julianday(finished)) over "
         "()) *"
         " 1440 as minutes from hypervolume order by trial"},
        {"failures", true, "select trial, arch, error_kind as kind, error from failures"},
        {"hosts", true, "select host, cpu, cores, kernels, governor, kernel from host order by id"},
        {"teachers", true,
         "select t.name, t.arch, t.params, e.value as error, n.value as nll, c.value as ece,"
         " a.value as agreement from teacher t"
         " left join teacher_metric e on e.teacher = t.number and e.name = 'error'"
         " left join teacher_metric n on n.teacher = t.number and n.name = 'nll'"
         " left join teacher_metric c on c.teacher = t.number and c.name = 'ece'"
         " left join teacher_metric a on a.teacher = t.number and a.name = 'agreement'"
         " order by t.number"},
    };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        RT_TRY(add_query(store, data, lists[i].key, lists[i].as_objects, lists[i].sql, err));
    return RT_OK;
}

static rt_status gather(struct store *store, json_t *data, struct rt_err *err)
{
    RT_TRY(add_text(store, data, "study", "select name from study", err));
    RT_TRY(add_text(store, data, "yaml", "select yaml from study", err));
    RT_TRY(add_text(store, data, "hash", "select hash from study", err));
    RT_TRY(add_text(store, data, "version", "select version from study", err));
    RT_TRY(add_text(store, data, "seed", "select printf('%u', seed) from study", err));
    RT_TRY(add_text(store, data, "progress",
                    "select (committed + failed) || ' trials' || coalesce(' from ' ||"
                    " substr(started, 1, 16) || ' to ' || substr(last_finished, 1, 16) || ' UTC',"
                    " '') from progress",
                    err));
    RT_TRY(add_text(store, data, "latency",
                    "select 'Latency is the median of ' || min(samples) || ' calls on ' ||"
                    " min(threads) || ' thread(s) at batch ' || min(batch) || ' after ' ||"
                    " min(warmup) || ' warm-up calls; ' || sum(concurrent) || ' of ' || count(*) ||"
                    " ' measurements were taken while other trials were training.' from latency"
                    " having count(*) > 0",
                    err));
    RT_TRY(add_lists(store, data, err));
    RT_TRY(add_knee(store, data, err));
    RT_TRY(add_curves(store, data, err));
    return add_ensemble(store, data, err);
}

static rt_status write_page(const char *json, const char *path, struct rt_err *err)
{
    const char *mark = strstr(report__page_html, "@DATA@");
    struct rt_writer writer;

    RT_TRY(rt_folder_make_for(path, err));
    RT_TRY(rt_writer_open(&writer, path, err));
    (void)fwrite(report__page_html, 1, (size_t)(mark - report__page_html), writer.file);
    (void)fputs(json, writer.file);
    (void)fputs(mark + strlen("@DATA@"), writer.file);
    return rt_writer_commit(&writer, err);
}

rt_status report_page(struct store *store, const char *path, struct rt_err *err)
{
    json_t *data = json_object();
    char *json = NULL;
    rt_status rc = gather(store, data, err);

    if (rc == RT_OK) {
        json = json_dumps(data, JSON_COMPACT | JSON_ESCAPE_SLASH | JSON_REAL_PRECISION(9));
        rc = json ? write_page(json, path, err)
                  : rt_fail(err, RT_ENOMEM, "no memory for the page '%s'", path);
    }
    free(json);
    json_decref(data);
    return rc;
}
