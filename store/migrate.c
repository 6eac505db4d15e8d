/* store/migrate.c -- files of older schemas: read as they are, and brought to this one by a writer.
 *
 * A step from each schema to the next (schema2.c, schema3.c) does either: in the file, or in
 * temporary tables and views that hide those of the file. The rows that depend on a study alone
 * (candidate, trial, metric, curve, ...) are the same in all schemas.
 *
 * The copy is made by SQLite, which sees the write-ahead log too, under the lock that keeps other
 * writers away, and renamed over a name that it has taken: so it overwrites nothing.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static rt_status climb(struct store *store, const char *where, int64_t schema, struct rt_err *err)
{
    assert(schema >= STORE_OLDEST_SCHEMA && schema < STORE_SCHEMA_VERSION);
    if (schema < 3)
        RT_TRY(store__from_schema2(store, where, err));
    RT_TRY(store__from_schema3(store, where, err));
    return store__make_views(store, where, err);
}

/* ---- for readers ---- */

rt_status store__complete(struct store *store, int64_t schema, struct rt_err *err)
{
    store__doing(store, "open the study");
    /* What temporary rows refer to is in the file, which SQLite would not see. */
    RT_TRY(store__execute(store, "pragma temp_store = memory; pragma foreign_keys = off", err));
    RT_TRY(store__make_new_tables(store, "temp", (int)schema, err));
    RT_TRY(climb(store, "temp", schema, err));
    return store->mode == STORE_READ ? RT_OK
                                     : store__execute(store, "pragma foreign_keys = on", err);
}

/* ---- the copy ---- */

/* "dir/study.db" gives "dir/study.schema2.db", or with a number the first that is free. */
static void copy_name(const char *file, int schema, int number, char *name, size_t size)
{
    const size_t length = strlen(file);
    const bool db = length > 3 && strcmp(file + length - 3, ".db") == 0;
    char suffix[24] = "";

    if (number)
        snprintf(suffix, sizeof suffix, "-%d", number);
    snprintf(name, size, "%.*s.schema%d%s.db", (int)(db ? length - 3 : length), file, schema,
             suffix);
}

static rt_status flush(const char *path, struct rt_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool bad = fd < 0 || fsync(fd);
    const int code = errno;

    if (fd >= 0)
        close(fd);
    return bad ? rt_fail(err, RT_EIO, "cannot write '%.300s': %s", path, strerror(code)) : RT_OK;
}

/* A name of our own, for rename() to replace: link() would do, but not all file systems have it. An
 * empty file there is what one of us left that was killed between the two. */
static bool reserve(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    struct stat there;

    if (fd >= 0)
        return close(fd) == 0;
    if (errno != EEXIST)
        return false;
    if (lstat(path, &there) == 0 && S_ISREG(there.st_mode) && there.st_size == 0)
        return true;
    errno = EEXIST;
    return false;
}

static rt_status place_copy(struct store *store, const char *temporary, int schema,
                            struct rt_err *err)
{
    int code = EEXIST;

    assert(store->lock.fd >= 0); /* so nobody else is at it */
    for (int number = 0; number < 1000 && code == EEXIST; number++) {
        copy_name(store->file, schema, number, store->backup, sizeof store->backup);
        if (!reserve(store->backup)) {
            code = errno;
            continue;
        }
        if (rename(temporary, store->backup) == 0)
            return rt_folder_flush_for(store->backup, err);
        code = errno;
        unlink(store->backup);
        break;
    }
    rt_report(err, RT_EIO, "cannot copy '%s' to '%.300s': %s", store->path, store->backup,
              strerror(code));
    store->backup[0] = '\0';
    return RT_EIO;
}

/* The copy has each row that the pages lead to, and to drop a table is one step that follows them: where a page stands
 * below others the disk would be full, or nothing would end. */
static rt_status check_pages(struct store *store, struct rt_err *err)
{
    static const char sql[] = "pragma quick_check(1)";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;

    store__doing(store, "copy the study before it is changed");
    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    const int code = sqlite3_step(q);
    const char *found = code == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    if (code != SQLITE_ROW)
        rc = store__fail_sql(store, err);
    else if (!found || strcmp(found, "ok") != 0)
        rc = store__fail(store, err,
                         "it is damaged (see retort check); save what is left with sqlite3's "
                         ".recover");
    sqlite3_reset(q);
    return rc;
}

static rt_status make_copy(struct store *store, int schema, struct rt_err *err)
{
    char temporary[RT_PATH_MAX];
    rt_status rc;

    RT_TRY(check_pages(store, err));
    snprintf(temporary, sizeof temporary, "%.*s.tmp", RT_PATH_MAX - 5, store->file);
    unlink(temporary); /* of a process that was killed here */
    store__doing(store, "copy the study to '.tmp' beside it before it is changed");
    rc = store__run(store, "vacuum main into ?1", STORE_BINDS(STORE_TXT(temporary)), err);
    if (rc == RT_OK)
        rc = flush(temporary, err);
    if (rc == RT_OK)
        rc = place_copy(store, temporary, schema, err);
    unlink(temporary);
    return rc;
}

/* ---- for writers ---- */

static rt_status migrate(struct store *store, int schema, struct rt_err *err)
{
    char text[RT_PATH_MAX + 64];
    char version[48];

    RT_TRY(store__execute(store, "alter table latency rename to latency3", err));
    RT_TRY(store__make_new_tables(store, "main", schema, err));
    RT_TRY(climb(store, "main", schema, err));
    snprintf(version, sizeof version, "pragma user_version = %d", STORE_SCHEMA_VERSION);
    RT_TRY(store__execute(store, version, err));
    snprintf(text, sizeof text, "from schema %d to %d; as it was: %s", schema, STORE_SCHEMA_VERSION,
             strrchr(store->backup, '/') + 1);
    return store__event(store, "migrated", -1, text, err);
}

rt_status store__migrate(struct store *store, int64_t schema, struct rt_err *err)
{
    assert(store->lock.fd >= 0 && store->file[0] == '/');
    RT_TRY(make_copy(store, (int)schema, err));
    RT_TRY(store__begin(store, err, "bring the study to schema %d", STORE_SCHEMA_VERSION));
    return store__end(store, migrate(store, (int)schema, err), err);
}
