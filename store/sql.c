/* store/sql.c -- statements, transactions and messages for this folder.
 *
 * Statements are prepared once a handle and found again by the address of their text, which is a
 * literal beside the function that runs it. BEGIN IMMEDIATE takes the write lock at the start, so a
 * transaction cannot fail half-way because its snapshot has become old.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

void store__doing(struct store *store, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(store->doing, sizeof store->doing, format, args);
    va_end(args);
    store__steps_anew(store);
}

static bool files_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

static const char *mend(int code, int system)
{
    if (code == SQLITE_FULL || system == ENOSPC)
        return "; free some space there, then start again: the study goes on where it was";
    switch (code) {
    case SQLITE_IOERR: /* SQLite does not keep EFBIG */
        return files_limited() ? "; files may grow to some size alone here (ulimit -f): raise it"
                               : "";
    case SQLITE_BUSY: return "; another program holds a transaction open on it: close that one";
    case SQLITE_READONLY:
    case SQLITE_PERM: return "; choose a folder you can write to, or mend its permissions";
    case SQLITE_CORRUPT: return "; save what is left with sqlite3's .recover";
    default: return "";
    }
}

const char *store_trouble(const struct store *store)
{
    return store->steps_left < 0 && sqlite3_errcode(store->db) == SQLITE_INTERRUPT
               ? "it takes more work than a study of its size can, so it is damaged; save what is "
                 "left with sqlite3's .recover"
               : sqlite3_errmsg(store->db);
}

rt_status store__fail_sql(const struct store *store, struct rt_err *err)
{
    const int code = sqlite3_errcode(store->db) & 0xff, system = sqlite3_system_errno(store->db);
    const bool told = code == SQLITE_IOERR && system;

    const rt_status rc = code == SQLITE_FULL || (told && system == ENOSPC) ? RT_EFULL : RT_EDB;

    rt_report(err, rc, "cannot %s in '%s': %s%s%s%s", store->doing, store->path,
              store_trouble(store), told ? ": " : "", told ? strerror(system) : "",
              mend(code, system));
    return rc;
}

rt_status store__fail(const struct store *store, struct rt_err *err, const char *format, ...)
{
    char reason[256];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return rt_fail(err, RT_EDB, "cannot %s in '%s': %s", store->doing, store->path, reason);
}

static sqlite3_stmt *statement_for(struct store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    for (int i = 0; i < store->statement_count; i++)
        if (store->statements[i].sql == sql)
            return store->statements[i].statement;
    assert(store->statement_count < STORE_MAX_STATEMENTS); /* else raise it */
    if (store->statement_count == STORE_MAX_STATEMENTS ||
        sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL))
        return NULL;
    store->statements[store->statement_count].sql = sql;
    store->statements[store->statement_count++].statement = statement;
    return statement;
}

static int bind_one(sqlite3_stmt *statement, int index, const struct store_bind *bind)
{
    switch (bind->kind) {
    case STORE_INTEGER: return sqlite3_bind_int64(statement, index, bind->integer);
    case STORE_TEXT: return sqlite3_bind_text(statement, index, bind->text, -1, SQLITE_TRANSIENT);
    case STORE_REAL:
        if (isfinite(bind->real))
            return sqlite3_bind_double(statement, index, bind->real);
        return sqlite3_bind_null(statement, index);
    case STORE_NULL: return sqlite3_bind_null(statement, index);
    }
    return SQLITE_MISUSE;
}

rt_status store__bind(struct store *store, const char *sql, const struct store_bind *binds,
                      int count, sqlite3_stmt **statement, struct rt_err *err)
{
    assert(count == 0 || binds);
    *statement = statement_for(store, sql);
    if (!*statement)
        return store__fail_sql(store, err);
    sqlite3_reset(*statement);
    for (int i = 0; i < count; i++)
        if (bind_one(*statement, i + 1, &binds[i]))
            return store__fail_sql(store, err);
    return RT_OK;
}

rt_status store__run(struct store *store, const char *sql, const struct store_bind *binds,
                     int count, struct rt_err *err)
{
    rt_status rc = RT_OK;
    sqlite3_stmt *statement;
    int code;

    RT_TRY(store__bind(store, sql, binds, count, &statement, err));
    do {
        code = sqlite3_step(statement);
    } while (code == SQLITE_ROW);
    if (code != SQLITE_DONE)
        rc = store__fail_sql(store, err);
    sqlite3_reset(statement);
    return rc;
}

rt_status store__execute(struct store *store, const char *sql, struct rt_err *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return RT_OK;
    return store__fail_sql(store, err);
}

rt_status store__integer(struct store *store, const char *sql, const struct store_bind *binds,
                         int count, int64_t otherwise, int64_t *value, struct rt_err *err)
{
    rt_status rc = RT_OK;
    sqlite3_stmt *statement;
    int code;

    RT_TRY(store__bind(store, sql, binds, count, &statement, err));
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        *value = sqlite3_column_int64(statement, 0);
    else if (code == SQLITE_ROW || code == SQLITE_DONE)
        *value = otherwise;
    else
        rc = store__fail_sql(store, err);
    sqlite3_reset(statement);
    return rc;
}

rt_status store__begin(struct store *store, struct rt_err *err, const char *format, ...)
{
    static const char begin[] = "begin immediate";
    va_list args;

    va_start(args, format);
    vsnprintf(store->doing, sizeof store->doing, format, args);
    va_end(args);
    store__steps_anew(store);
    if (store->mode == STORE_READ)
        return store__fail(store, err, "it was opened for reading");
    assert(sqlite3_get_autocommit(store->db)); /* transactions do not nest */
    if (store->lock.database >= 0 && !store__locked_is(&store->lock, store->file))
        return store__fail(store, err,
                           "it was removed, renamed or replaced by another program; what was "
                           "committed is in the file that it was");
    return store__run(store, begin, NULL, 0, err);
}

rt_status store__end(struct store *store, rt_status rc, struct rt_err *err)
{
    static const char commit[] = "commit", rollback[] = "rollback";

    if (rc == RT_OK)
        rc = store__run(store, commit, NULL, 0, err);
    if (rc != RT_OK &&
        !sqlite3_get_autocommit(store->db)) { /* a full disk may have rolled back already */
        store__steps_anew(store);
        store__run(store, rollback, NULL, 0, NULL);
    }
    return rc;
}

void store__finalize(struct store *store)
{
    for (int i = 0; i < store->statement_count; i++)
        sqlite3_finalize(store->statements[i].statement);
    store->statement_count = 0;
}

bool store__has_column(struct store *store, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(store->db, "main", table, column, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}
