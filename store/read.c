/* store/read.c -- all trials at once, for a search that resumes and for reports.
 *
 * One pass over the trials and one over the metrics that are objectives, within one snapshot: no
 * look-up a trial, so that a million trials load in seconds.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_at(sqlite3_stmt *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q, column);
    return text ? (const char *)text : ""; /* NULL, or no memory */
}

/* In the order of store__costs. */
enum source { FROM_METRIC, FROM_PARAMS, FROM_BYTES, FROM_MACS, FROM_MEMORY };
#define COLUMN_COSTS 6
#define COLUMN_INHERITS 10
#define COLUMN_REPLICATE 11
#define COLUMN_FIRST 12

struct plan {
    const struct space *space; /* NULL: students */
    int count;
    char name[STORE_MAX_OBJECTIVES][STORE_NAME];
    enum source source[STORE_MAX_OBJECTIVES];
};

static enum source source_of(const char *name)
{
    for (int i = 0; store__costs[i]; i++)
        if (strcmp(name, store__costs[i]) == 0)
            return (enum source)(FROM_PARAMS + i);
    return FROM_METRIC;
}

static rt_status read_plan(struct store *store, struct plan *plan, struct rt_err *err)
{
    static const char sql[] = "select name from objective order by position";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;
    int code;

    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    plan->count = 0;
    while ((code = sqlite3_step(q)) == SQLITE_ROW && plan->count < STORE_MAX_OBJECTIVES) {
        const int i = plan->count++;
        snprintf(plan->name[i], STORE_NAME, "%s", text_at(q, 0));
        plan->source[i] = source_of(plan->name[i]);
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        rc = store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static double number_at(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(q, column);
}

static rt_status fill_trial(struct store *store, sqlite3_stmt *q, const struct plan *plan,
                            struct store_trial *t, struct rt_err *err)
{
    const char *arch = text_at(q, 1), *kind = text_at(q, 5);
    bool has_results;

    *t = (struct store_trial){.number = sqlite3_column_int64(q, 0),
                              .rung = sqlite3_column_int(q, 2),
                              .seed = (uint64_t)sqlite3_column_int64(q, 3),
                              .objective_count = plan->count};
    if (plan->space ? space_parse(plan->space, arch, &t->arch, err)
                    : space_arch_parse(arch, &t->arch, err))
        return store__fail(store, err, "trial %" PRId64 " has the architecture '%.80s'", t->number,
                           arch);
    if (t->rung < 0 || t->rung >= STORE_MAX_RUNGS)
        return store__fail(store, err, "trial %" PRId64 " has the rung %d", t->number, t->rung);
    snprintf(t->state, sizeof t->state, "%s", text_at(q, 4));
    snprintf(t->error_kind, sizeof t->error_kind, "%s", kind);
    t->inherits = sqlite3_column_type(q, COLUMN_INHERITS) == SQLITE_NULL
                      ? -1
                      : sqlite3_column_int64(q, COLUMN_INHERITS);
    t->replicate = sqlite3_column_int(q, COLUMN_REPLICATE);
    t->first = t->replicate ? sqlite3_column_int64(q, COLUMN_FIRST) : t->number;
    if (t->replicate < 0 || t->first < 0 || t->first > t->number ||
        (t->replicate &&
         (t->first == t->number || sqlite3_column_type(q, COLUMN_FIRST) == SQLITE_NULL)))
        return store__fail(store, err, "trial %" PRId64 " repeats no earlier one", t->number);
    if (t->inherits >= t->number)
        return store__fail(store, err, "trial %" PRId64 " inherits from a later one", t->number);
    has_results = !*kind && (strcmp(t->state, "done") == 0 || strcmp(t->state, "committed") == 0);
    for (int i = 0; i < STORE_MAX_OBJECTIVES; i++) {
        const bool exact = i < plan->count && plan->source[i] != FROM_METRIC;
        t->objective[i] = has_results && exact
                              ? number_at(q, COLUMN_COSTS + plan->source[i] - FROM_PARAMS)
                              : (double)NAN;
    }
    return RT_OK;
}

static rt_status read_rows(struct store *store, const struct plan *plan, struct store_trial *trials,
                           int64_t count, struct rt_err *err)
{
    static const char sql[] = "select t.number, c.arch, t.rung, t.seed, t.state, t.error_kind,"
                              " c.params, c.bytes, c.macs, c.memory, t.inherits, t.replicate,"
                              " iif(t.replicate > 0, (select min(f.number) from trial f where"
                              "  f.candidate = t.candidate and f.rung = t.rung"
                              "  and f.replicate = 0), null)"
                              " from trial t cross join candidate c on c.id = t.candidate"
                              " order by t.number";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;
    int64_t i = 0;
    int code;

    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    while (rc == RT_OK && (code = sqlite3_step(q)) == SQLITE_ROW && i < count) {
        rc = fill_trial(store, q, plan, &trials[i], err);
        if (rc == RT_OK && trials[i].number != i)
            rc = store__fail(store, err, "trial %" PRId64 " is missing", i);
        i++;
    }
    if (rc == RT_OK && code != SQLITE_DONE)
        rc = store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static rt_status read_metrics(struct store *store, const struct plan *plan,
                              struct store_trial *trials, int64_t count, struct rt_err *err)
{
    static const char sql[] = "select trial, name, value from metric"
                              " where name = 'violation' or name in (select name from objective)";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;
    int code;

    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        const char *name = text_at(q, 1);
        if (trial < 0 || trial >= count)
            continue; /* of no trial */
        if (strcmp(name, "violation") == 0)
            trials[trial].violation = number_at(q, 2);
        for (int i = 0; i < plan->count; i++)
            if (isnan(trials[trial].objective[i]) && strcmp(plan->name[i], name) == 0)
                trials[trial].objective[i] = number_at(q, 2);
    }
    if (code != SQLITE_DONE)
        rc = store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

static rt_status load(struct store *store, const struct space *space, struct store_trial **trials,
                      int64_t *count, struct rt_err *err)
{
    static const char total[] = "select count(*) from trial where number >= 0";
    struct store_trial *rows;
    struct plan plan = {.space = space};
    int64_t n;
    rt_status rc;

    RT_TRY(read_plan(store, &plan, err));
    RT_TRY(store__integer(store, total, NULL, 0, 0, &n, err));
    rows = calloc((size_t)n + 1, sizeof *rows); /* never NULL for an empty study */
    if (!rows)
        return rt_fail(err, RT_ENOMEM, "no memory for %" PRId64 " trials of '%s'", n, store->path);
    rc = read_rows(store, &plan, rows, n, err);
    if (rc == RT_OK)
        rc = read_metrics(store, &plan, rows, n, err);
    if (rc != RT_OK) {
        free(rows);
        return rc;
    }
    *trials = rows;
    *count = n;
    return RT_OK;
}

rt_status store_trials_load(struct store *store, const struct space *space,
                            struct store_trial **trials, int64_t *count, struct rt_err *err)
{
    static const char begin[] = "begin", end[] = "commit";
    rt_status rc;

    assert(trials && count);
    store__doing(store, "read the trials");
    RT_TRY(store__run(store, begin, NULL, 0, err));
    store_read_anew(store);
    rc = load(store, space, trials, count, err);
    store__run(store, end, NULL, 0, NULL);
    return rc;
}

static rt_status read_starts(struct store *store, const struct space *space,
                             struct space_arch *archs, int count, struct rt_err *err)
{
    rt_status rc = RT_OK;
    sqlite3_stmt *q;

    RT_TRY(store__bind(store, "select arch from start order by number", NULL, 0, &q, err));
    for (int i = 0; i < count && rc == RT_OK; i++) {
        const int code = sqlite3_step(q);
        if (code == SQLITE_ROW) {
            const char *text = text_at(q, 0);
            rc = space ? space_parse(space, text, &archs[i], err)
                       : space_arch_parse(text, &archs[i], err);
        } else {
            rc = code == SQLITE_DONE ? store__fail(store, err, "one is missing")
                                     : store__fail_sql(store, err);
        }
    }
    sqlite3_reset(q);
    return rc;
}

rt_status store_starts(struct store *store, const struct space *space, struct space_arch **archs,
                       int *count, struct rt_err *err)
{
    int64_t rows = 0;
    rt_status rc;

    assert(archs && count);
    store__doing(store, "read the architectures to start from");
    RT_TRY(store__integer(store, "select count(*) from start not indexed", NULL, 0, 0, &rows, err));
    struct space_arch *all = calloc((size_t)rows + 1, sizeof *all);
    if (!all)
        return rt_fail(err, RT_ENOMEM, "no memory for %d architectures", (int)rows);
    rc = read_starts(store, space, all, (int)rows, err);
    if (rc == RT_OK) {
        *archs = all;
        *count = (int)rows;
    } else
        free(all);
    return rc;
}

bool store_is_cost(const char *name)
{
    return source_of(name) != FROM_METRIC;
}
