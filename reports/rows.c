/* reports/rows.c -- rows.h.
 *
 * Values are asked for trial by trial, so that the front of a million trials is read at once.
 */
#include "reports/sample.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- queries ---- */

static rt_status fail_db(struct store *store, struct rt_err *err)
{
    return rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store), store_trouble(store));
}

rt_status report__freeze(struct store *store, struct rt_err *err)
{
    store_read_anew(store);
    return sqlite3_exec(store_handle(store), "savepoint report", NULL, NULL, NULL)
               ? fail_db(store, err)
               : RT_OK;
}

void report__unfreeze(struct store *store)
{
    (void)sqlite3_exec(store_handle(store), "release report", NULL, NULL, NULL);
}

rt_status report__ask(struct store *store, const char *sql, sqlite3_stmt **query,
                      struct rt_err *err)
{
    return sqlite3_prepare_v2(store_handle(store), sql, -1, query, NULL) ? fail_db(store, err)
                                                                         : RT_OK;
}

bool report__next(sqlite3_stmt *query)
{
    return sqlite3_step(query) == SQLITE_ROW;
}

rt_status report__end(struct store *store, sqlite3_stmt *query, struct rt_err *err)
{
    return sqlite3_finalize(query) ? fail_db(store, err) : RT_OK;
}

const char *report__column(sqlite3_stmt *query, int column)
{
    const char *text = (const char *)sqlite3_column_text(query, column);
    return text ? text : "";
}

double report__number(sqlite3_stmt *query, int column)
{
    return sqlite3_column_type(query, column) == SQLITE_NULL ? NAN
                                                             : sqlite3_column_double(query, column);
}

rt_status report__one_text(struct store *store, const char *sql, char **text, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, sql, &q, err));
    char *got = strdup(report__next(q) ? report__column(q, 0) : "");
    rt_status rc = report__end(store, q, err);
    if (rc == RT_OK && !got)
        rc = rt_fail(err, RT_ENOMEM, "no memory to read '%s'", store_path(store));
    if (rc != RT_OK) {
        free(got);
        return rc;
    }
    rt_text_plain(got);
    *text = got;
    return rc;
}

rt_status report__one_number(struct store *store, const char *sql, double *value,
                             struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    RT_TRY(report__ask(store, sql, &q, err));
    const double got = report__next(q) ? report__number(q, 0) : NAN;
    RT_TRY(report__end(store, q, err));
    *value = got;
    return RT_OK;
}

/* ---- quantities ---- */

static void read_quantity(sqlite3_stmt *q, struct report__quantity *to)
{
    (void)snprintf(to->name, sizeof to->name, "%s", report__column(q, 0));
    (void)snprintf(to->title, sizeof to->title, "%s", report__column(q, 1));
    (void)snprintf(to->label, sizeof to->label, "%s", report__column(q, 2));
    (void)snprintf(to->unit, sizeof to->unit, "%s", report__column(q, 3));
    to->factor = report__number(q, 4);
    to->digits = sqlite3_column_type(q, 5) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 5);
    to->logarithmic = sqlite3_column_int(q, 6) != 0;
    to->exact = sqlite3_column_int(q, 7) != 0;
    to->detail = (enum store_detail)sqlite3_column_int(q, 8);
}

rt_status report__quantities_load(struct store *store, struct report__quantities *quantities,
                                  struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    *quantities = (struct report__quantities){0};
    RT_TRY(report__ask(store,
                       "select name, title, label, unit, factor, digits, logarithmic, exact, detail"
                       " from quantity order by position",
                       &q, err));
    while (quantities->count < STORE_MAX_QUANTITIES && report__next(q))
        read_quantity(q, &quantities->list[quantities->count++]);
    RT_TRY(report__end(store, q, err));
    RT_TRY(report__ask(store, "select name from objective order by position", &q, err));
    while (quantities->objective_count < STORE_MAX_OBJECTIVES && report__next(q)) {
        const int place = report__quantity_called(quantities, report__column(q, 0));
        if (place < 0)
            continue;
        quantities->list[place].objective = true;
        quantities->objective[quantities->objective_count++] = place;
    }
    return report__end(store, q, err);
}

int report__quantity_called(const struct report__quantities *quantities, const char *name)
{
    for (int i = 0; i < quantities->count; i++)
        if (strcmp(quantities->list[i].name, name) == 0)
            return i;
    return -1;
}

void report__objectives_text(const struct report__quantities *quantities, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (int o = 0; o < quantities->objective_count && used < size; o++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 !o                                     ? ""
                                 : o + 1 == quantities->objective_count ? " and "
                                                                        : ", ",
                                 quantities->list[quantities->objective[o]].name);
}

/* ---- trials ---- */

static rt_status load_study(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;

    rows->ensemble = (struct report__value){NAN, NAN, false};
    rows->ensemble_params = NAN;
    rows->doubt = "";
    RT_TRY(report__ask(store,
                       "select iif((select max(number) from rung) = 0, p.committed,"
                       " (select count(*) from trial where state = 'committed' and rung = 0)),"
                       " p.failed, m.value, m.stderr, nullif(e.params, 0), s.noun,"
                       " (select count(*) from teacher where kind <> 'ensemble'),"
                       " exists (select 1 from event where kind = 'teachers') or (exists (select 1"
                       "  from teacher where kind = 'recorded')"
                       "  and (select user_version from pragma_user_version) < 3)"
                       " from progress p join study s left join teacher e on e.kind = 'ensemble'"
                       " left join teacher_metric m on m.teacher = e.number and m.name ="
                       " (select name from quantity where position = 0)",
                       &q, err));
    if (report__next(q)) {
        rows->committed = sqlite3_column_int64(q, 0);
        rows->failed = sqlite3_column_int64(q, 1);
        rows->ensemble = (struct report__value){report__number(q, 2), report__number(q, 3), false};
        rows->ensemble_params = report__number(q, 4);
        (void)snprintf(rows->noun, sizeof rows->noun, "%s", report__column(q, 5));
        (void)snprintf(rows->nouns, sizeof rows->nouns, "%ss", rows->noun);
        rows->teachers = sqlite3_column_int(q, 6);
        rows->doubt =
            sqlite3_column_int(q, 7) ? " (its teachers may have been trained on these rows)" : "";
    }
    return report__end(store, q, err);
}

static rt_status no_memory(int trials, struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory for %d trials", trials);
}

static rt_status add_row(sqlite3_stmt *q, struct report__rows *rows, struct rt_err *err)
{
    if (rows->count == rows->room) {
        const int room = rows->room ? 2 * rows->room : 64;
        void *more = realloc(rows->row, (size_t)room * sizeof *rows->row);
        if (!more)
            return no_memory(room, err);
        rows->row = more;
        rows->room = room;
    }
    struct report__row *r = &rows->row[rows->count];
    *r =
        (struct report__row){.trial = sqlite3_column_int64(q, 0),
                             .candidate = sqlite3_column_int64(q, 1),
                             .params = report__number(q, 2),
                             .on_front = sqlite3_column_int(q, 3) != 0,
                             .seeds = sqlite3_column_int(q, 5),
                             .probability = report__number(q, 6),
                             .arch = strdup(report__column(q, 4)),
                             .values = rows->quantities.count,
                             .value = calloc((size_t)rows->quantities.count + 1, sizeof *r->value)};
    if (r->arch)
        rt_text_plain(r->arch);
    rows->count++;
    rows->front_count += r->on_front;
    return r->arch && r->value ? RT_OK : no_memory(rows->count, err);
}

#define SEEDS "coalesce((select max(seeds) from repeated where trial = t.number), 1)"
#define LAST_RUNG "select max(number) from rung"

static const char *const selects[] = {
    [REPORT__FRONT] = "select t.number, c.id, c.params, 1, c.arch, " SEEDS
                      ", f.probability from front f cross join trial t on t.number = f.trial"
                      " cross join candidate c on c.id = t.candidate",
    [REPORT__ALL] = "select t.number, c.id, c.params,"
                    " t.number in (select trial from front), c.arch, " SEEDS
                    ", (select probability from front where trial = t.number)"
                    " from trial t join candidate c on c.id = t.candidate"
                    " where t.state = 'committed' and t.replicate = 0"
                    " and t.rung = (" LAST_RUNG ")",
    [REPORT__SAMPLE] = "select t.number, c.id, c.params, 0, c.arch, " SEEDS ", null"
                       " from trial t join candidate c on c.id = t.candidate"
                       " where t.number = ?1 and t.state = 'committed' and t.replicate = 0"
                       " and t.rung = (" LAST_RUNG ") and t.number not in"
                       " (select trial from front)"};

/* All rows of one of them, or of the sample that of each trial. */
static rt_status load_rows(struct store *store, enum report__which which,
                           const struct report__sample *sample, struct report__rows *rows,
                           struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK, ended;

    RT_TRY(report__ask(store, selects[which], &q, err));
    for (size_t i = 0; i < (sample ? sample->count : 1) && rc == RT_OK; i++) {
        if (sample)
            (void)sqlite3_bind_int64(q, 1, sample->trial[i]);
        while (rc == RT_OK && report__next(q))
            rc = add_row(q, rows, err);
        if (sample && rc == RT_OK && sqlite3_reset(q))
            rc = fail_db(store, err);
    }
    if ((ended = report__end(store, q, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    return rc;
}

/* The front and some others, unless all are few enough. */
static rt_status load_sample(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    struct report__sample sample;
    rt_status rc;

    RT_TRY(report__sample_load(store, LAST_RUNG, REPORT__MOST, &sample, err));
    if (sample.every == 1) {
        report__sample_release(&sample);
        return load_rows(store, REPORT__ALL, NULL, rows, err);
    }
    rows->total = sample.of;
    rows->every = sample.every;
    rc = report__sample_add_lowest(store, rows->quantities.list[0].name, &sample, err);
    if (rc == RT_OK)
        rc = load_rows(store, REPORT__FRONT, NULL, rows, err);
    if (rc == RT_OK)
        rc = load_rows(store, REPORT__SAMPLE, &sample, rows, err);
    report__sample_release(&sample);
    return rc;
}

/* One behind the last quantity that these rows are asked for. */
static int values_end(const struct report__quantities *quantities)
{
    int end = quantities->count;

    while (end > 1 && !report__is_of(&quantities->list[end - 1], STORE_IN_WIDE))
        end--;
    return end;
}

rt_status report__values_read(struct store *store, sqlite3_stmt *query, int64_t id, int count,
                              struct report__value *value, struct rt_err *err)
{
    assert(count >= 0 && count <= STORE_MAX_QUANTITIES);
    for (int v = 0; v < count; v++)
        value[v] = (struct report__value){NAN, NAN, false};
    (void)sqlite3_bind_int64(query, 1, id);
    while (report__next(query)) {
        const int place = sqlite3_column_int(query, 0);
        if (place >= 0 && place < count)
            value[place] =
                (struct report__value){report__number(query, 1), report__number(query, 2),
                                       sqlite3_column_int(query, 3) != 0};
    }
    return sqlite3_reset(query) ? fail_db(store, err) : RT_OK; /* which forgets the error */
}

static rt_status load_values(struct store *store, struct report__rows *rows, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    RT_TRY(report__ask(store,
                       "select position, value, stderr, estimated from quantity_values"
                       " where trial = ?1 and position < ?2",
                       &q, err));
    (void)sqlite3_bind_int(q, 2, values_end(&rows->quantities));
    for (int i = 0; i < rows->count && rc == RT_OK; i++)
        rc = report__values_read(store, q, rows->row[i].trial, rows->quantities.count,
                                 rows->row[i].value, err);
    (void)sqlite3_finalize(q);
    return rc;
}

/* As the view `pareto`; what was not measured comes last. */
static int by_quantities(const void *va, const void *vb)
{
    const struct report__row *a = va, *b = vb;

    for (int q = 0; q < a->values; q++) {
        const double x = a->value[q].value, y = b->value[q].value;
        if (isnan(x) != isnan(y))
            return isnan(x) - isnan(y);
        if (x != y && !isnan(x))
            return x < y ? -1 : 1;
    }
    return (a->trial > b->trial) - (a->trial < b->trial);
}

rt_status report__rows_load(struct store *store, enum report__which which,
                            struct report__rows *rows, struct rt_err *err)
{
    rt_status rc;

    *rows = (struct report__rows){.every = 1};
    if ((rc = report__quantities_load(store, &rows->quantities, err)) ||
        (rc = load_study(store, rows, err)) ||
        (rc = which == REPORT__SAMPLE ? load_sample(store, rows, err)
                                      : load_rows(store, which, NULL, rows, err)) ||
        (rc = load_values(store, rows, err))) {
        report__rows_release(rows);
        return rc;
    }
    if (rows->every == 1)
        rows->total = rows->count;
    if (rows->count)
        qsort(rows->row, (size_t)rows->count, sizeof *rows->row, by_quantities);
    return RT_OK;
}

void report__rows_release(struct report__rows *rows)
{
    for (int i = 0; i < rows->count; i++) {
        free(rows->row[i].arch);
        free(rows->row[i].value);
    }
    free(rows->row);
    *rows = (struct report__rows){0};
}

bool report__is_of(const struct report__quantity *quantity, enum store_detail detail)
{
    return quantity->objective || quantity->detail <= detail;
}

bool report__shows(const struct report__rows *rows, int q, enum store_detail detail)
{
    assert(q >= 0 && q < rows->quantities.count);
    if (!report__is_of(&rows->quantities.list[q], detail))
        return false;
    for (int i = 0; i < rows->count; i++)
        if (isfinite(rows->row[i].value[q].value))
            return true;
    return false;
}

int report__narrow(const struct report__rows *rows, int order[STORE_MAX_QUANTITIES])
{
    const struct report__quantities *quantities = &rows->quantities;
    int count = 0;

    if (quantities->count && report__shows(rows, 0, STORE_IN_ALL))
        order[count++] = 0;
    for (int o = 0; o < quantities->objective_count; o++)
        if (quantities->objective[o] && report__shows(rows, quantities->objective[o], STORE_IN_ALL))
            order[count++] = quantities->objective[o];
    for (int q = 1; q < quantities->count; q++)
        if (!quantities->list[q].objective && report__shows(rows, q, STORE_IN_ALL))
            order[count++] = q;
    return count;
}

bool report__is_log(const struct report__rows *rows, int q)
{
    assert(q >= 0 && q < rows->quantities.count);
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].value[q].value <= 0)
            return false;
    return rows->quantities.list[q].logarithmic;
}

void report__pair(const struct report__rows *rows, int a, int b, int *x, int *y)
{
    const bool a_costs = rows->quantities.list[a].logarithmic;
    const bool swap = !a_costs && (rows->quantities.list[b].logarithmic || a == 0);

    *x = swap ? b : a;
    *y = swap ? a : b;
}

const char *report__nouns(const struct report__rows *rows, int64_t count)
{
    return count == 1 ? rows->noun : rows->nouns;
}

bool report__repeated(const struct report__rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        if (rows->row[i].seeds > 1)
            return true;
    return false;
}
