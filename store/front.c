/* store/front.c -- the front, and what candidates with several seeds come to.
 *
 * The store decides neither who is on the front nor how sure that is: the search does. Means are of
 * what the seeds' trials have as metrics, those of latency aside, which is of the candidate.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rank_statistics.h"

/* ---- the front ---- */

static rt_status insert_member(struct store *store, int64_t trial, struct rt_err *err)
{
    static const char insert[] = "insert into front (trial) values (?1)";

    return store__run(store, insert, STORE_BINDS(STORE_INT(trial)), err);
}

/* NULL: nobody knows. */
static rt_status set_probabilities(struct store *store, const int64_t *trials,
                                   const double *probability, int count, struct rt_err *err)
{
    static const char sql[] = "update front set probability = ?2 where trial = ?1";

    for (int i = 0; probability && i < count; i++)
        RT_TRY(store__run(store, sql, STORE_BINDS(STORE_INT(trials[i]), STORE_NUM(probability[i])),
                          err));
    return RT_OK;
}

rt_status store__change_front(struct store *store, const struct store_commit *c, struct rt_err *err)
{
    static const char remove[] = "delete from front where trial = ?1";
    static const char count[] =
        "select count(*) from front not indexed"; /* store_front_set() looked at all */
    static const char history[] =
        "insert into front_history (trial, size, hypervolume) values (?1, ?2, ?3)";
    int64_t size;

    for (int i = 0; i < c->removed_count; i++) {
        RT_TRY(store__run(store, remove, STORE_BINDS(STORE_INT(c->removed[i])), err));
        if (sqlite3_changes(store->db) != 1)
            return store__fail(store, err, "trial %" PRId64 " was not in the front", c->removed[i]);
    }
    for (int i = 0; i < c->entered_count; i++)
        RT_TRY(insert_member(store, c->entered[i], err));
    if (c->enters_front)
        RT_TRY(insert_member(store, c->number, err));
    RT_TRY(store__integer(store, count, NULL, 0, 0, &size, err));
    if (size != c->front_size)
        return store__fail(store, err, "the front would have %" PRId64 " members, not %d", size,
                           c->front_size);
    RT_TRY(set_probabilities(store, c->members, c->probability, c->front_size, err));
    return store__run(
        store, history,
        STORE_BINDS(STORE_INT(c->number), STORE_INT(c->front_size), STORE_NUM(c->hypervolume)),
        err);
}

/* Is it the front that the file has? */
static rt_status same_front(struct store *store, const int64_t *trials, int count, bool *same,
                            struct rt_err *err)
{
    static const char all[] = "select count(*) from front where +trial >= 0",
                      one[] = "select count(*) from front where trial = ?1";
    int64_t have, known = 0;

    RT_TRY(store__integer(store, all, NULL, 0, 0, &have, err));
    for (int i = 0; i < count && have == count; i++) {
        int64_t found;
        RT_TRY(store__integer(store, one, STORE_BINDS(STORE_INT(trials[i])), 0, &found, err));
        known += found;
    }
    *same = have == count && known == count;
    return RT_OK;
}

rt_status store_front_set(struct store *store, const int64_t *trials, const double *probability,
                          int count, struct rt_err *err)
{
    static const char clear[] = "delete from front where +trial >= 0"; /* row by row */
    bool same;
    rt_status rc;

    assert(count >= 0 && (trials || !count));
    store__doing(store, "record the front");
    RT_TRY(same_front(store, trials, count, &same, err));
    if (same && !probability)
        return RT_OK;
    RT_TRY(store__begin(store, err, "record the front"));
    rc = same ? RT_OK : store__run(store, clear, NULL, 0, err);
    for (int i = 0; i < count && rc == RT_OK && !same; i++)
        rc = insert_member(store, trials[i], err);
    if (rc == RT_OK)
        rc = set_probabilities(store, trials, probability, count, err);
    return store__end(store, rc, err);
}

/* ---- reading ---- */

static double number_at(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(q, column);
}

static void read_block(sqlite3_stmt *q, struct store_block *b)
{
    *b = (struct store_block){.candidate = sqlite3_column_int64(q, 0),
                              .threads = sqlite3_column_int(q, 1),
                              .batch = sqlite3_column_int(q, 2),
                              .calls = sqlite3_column_int(q, 3),
                              .p10 = number_at(q, 4),
                              .median = number_at(q, 5),
                              .p90 = number_at(q, 6),
                              .before = number_at(q, 7),
                              .after = number_at(q, 8),
                              .steal = number_at(q, 9),
                              .gated = sqlite3_column_int(q, 11),
                              .concurrent = sqlite3_column_int(q, 12)};
    b->switches = sqlite3_column_type(q, 10) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 10);
    snprintf(b->measured_at, sizeof b->measured_at, "%s",
             (const char *)(sqlite3_column_text(q, 13) ? sqlite3_column_text(q, 13)
                                                       : (const unsigned char *)""));
}

rt_status store_blocks_load(struct store *store, int64_t host, struct store_block **blocks,
                            int *count, struct rt_err *err)
{
    static const char sql[] =
        "select candidate, threads, batch, calls, p10, median, p90, before, after, steal, switches,"
        " gated, concurrent, measured_at from latency_block where host = ?1"
        " order by candidate, threads, batch, id";
    struct store_block *list = NULL;
    rt_status rc = RT_OK;
    int room = 0, n = 0, code;
    sqlite3_stmt *q;

    store__doing(store, "read the latencies");
    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(host)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        if (n == room) {
            struct store_block *more =
                realloc(list, (size_t)(room = room ? 2 * room : 256) * sizeof *more);
            if (!more)
                break;
            list = more;
        }
        read_block(q, &list[n++]);
    }
    if (code == SQLITE_ROW)
        rc = rt_fail(err, RT_ENOMEM, "no memory for the latencies in '%s'", store->path);
    else if (code != SQLITE_DONE)
        rc = store__fail_sql(store, err);
    sqlite3_reset(q);
    if (rc != RT_OK) {
        free(list);
        return rc;
    }
    *blocks = list;
    *count = n;
    return RT_OK;
}

/* ---- several seeds ---- */

static rt_status put_mean(struct store *store, int64_t first, const char *name, const double *x,
                          int n, struct rt_err *err)
{
    static const char sql[] = "insert or replace into repeated (trial, name, value, stderr, seeds)"
                              " values (?1, ?2, ?3, ?4, ?5)";
    double error;
    const double mean = rt_mean(x, (size_t)n, &error);

    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(first), STORE_TXT(name), STORE_NUM(mean),
                                  STORE_NUM(error), STORE_INT(n)),
                      err);
}

/* The values of one metric, in order of trials: x[most]; how many. */
static rt_status read_seeds(struct store *store, int64_t number, const char *name, double *x,
                            int most, int *n, struct rt_err *err)
{
    static const char sql[] =
        "select m.value from trial t join trial u on u.candidate = t.candidate and u.rung = t.rung"
        "  join metric m on m.trial = u.number"
        " where t.number = ?1 and m.name = ?2 and u.state = 'committed' order by u.number";
    sqlite3_stmt *q;
    int code;

    *n = 0;
    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(number), STORE_TXT(name)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW && *n < most)
        x[(*n)++] =
            sqlite3_column_type(q, 0) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(q, 0);
    const rt_status rc =
        code == SQLITE_ROW || code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

/* The names of the metrics of a trial that its seeds decide: name[STORE_MAX_METRICS]. */
static rt_status read_names(struct store *store, int64_t number, char (*name)[STORE_NAME],
                            int *count, struct rt_err *err)
{
    static const char sql[] = "select name from metric where trial = ?1"
                              " and name not like 'latency%' order by name";
    sqlite3_stmt *q;
    int code;

    *count = 0;
    RT_TRY(store__bind(store, sql, STORE_BINDS(STORE_INT(number)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW && *count < STORE_MAX_METRICS)
        snprintf(name[(*count)++], STORE_NAME, "%s", sqlite3_column_text(q, 0));
    const rt_status rc =
        code == SQLITE_ROW || code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

rt_status store__repeated(struct store *store, int64_t number, struct rt_err *err)
{
    static const char find[] =
        "select min(u.number) from trial t join trial u on u.candidate = t.candidate"
        " and u.rung = t.rung and u.replicate = 0 where t.number = ?1";
    enum { most_seeds = 1000 };
    char name[STORE_MAX_METRICS][STORE_NAME];
    double x[most_seeds];
    int64_t first;
    int count, n;

    RT_TRY(store__integer(store, find, STORE_BINDS(STORE_INT(number)), -1, &first, err));
    if (first < 0 || first == number)
        return store__fail(store, err, "it repeats no trial");
    RT_TRY(read_names(store, number, name, &count, err));
    for (int i = 0; i < count; i++) {
        RT_TRY(read_seeds(store, number, name[i], x, most_seeds, &n, err));
        if (n > 1)
            RT_TRY(put_mean(store, first, name[i], x, n, err));
    }
    return RT_OK;
}
