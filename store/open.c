/* store/open.c -- making, opening and closing a study's file.
 *
 * A new study is built beside its place in one transaction and renamed there, so a half-made one is
 * never seen. Whether a file is ours is asked through SQLite rather than by reading its header,
 * because closing a descriptor of our own would drop the locks that SQLite holds on the same file.
 */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static struct store *handle_new(const char *path, enum store_mode mode)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    store->lock.fd = store->lock.database = -1;
    store->mode = mode;
    snprintf(store->path, sizeof store->path, "%s", path);
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store__finalize(store);
    sqlite3_close(store->db);
    store__unlock(&store->lock);
    free(store->running);
    free(store);
}

struct sqlite3 *store_handle(struct store *store)
{
    assert(store && store->db);
    return store->db;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

const char *store_backup(const struct store *store)
{
    return store->backup;
}

void store_writer_of(const struct store *store, struct store_writer *writer)
{
    store__lock_owner(store->file, writer);
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* `path` as an absolute name without links, so that all writers of one file meet at one lock. */
static rt_status resolve(const char *path, char file[RT_PATH_MAX], struct rt_err *err)
{
    char *real = realpath(path, NULL);
    struct stat info;

    if (!real || stat(real, &info)) {
        rt_report(err, RT_EIO, "cannot open '%s': %s%s", path, strerror(errno),
                  errno == ENOENT ? "; retort search makes it" : "");
        free(real);
        return RT_EIO;
    }
    if (!S_ISREG(info.st_mode) || strlen(real) + 64 > RT_PATH_MAX) {
        free(real);
        return rt_fail(err, RT_EIO, "cannot open '%.200s': it is %s", path,
                       S_ISDIR(info.st_mode)    ? "a folder"
                       : !S_ISREG(info.st_mode) ? "no plain file" /* a fifo has no end */
                                                : "too long a path");
    }
    memcpy(file, real, strlen(real) + 1);
    free(real);
    return RT_OK;
}

/* ---- is it ours? ---- */

static rt_status fail_foreign(const struct store *store, const char *what, struct rt_err *err)
{
    return rt_fail(err, RT_EMISMATCH, "'%s' %s: it is not a retort study; give another file",
                   store->path, what);
}

static rt_status check_ours(struct store *store, int64_t *schema, struct rt_err *err)
{
    static const char application[] = "pragma application_id", version[] = "pragma user_version";
    int64_t id = 0;

    store__doing(store, "open the study");
    if (store__integer(store, application, NULL, 0, 0, &id, err)) {
        if ((sqlite3_errcode(store->db) & 0xff) == SQLITE_NOTADB)
            return fail_foreign(store, "is not an SQLite database", err);
        return RT_EDB;
    }
    if (id != STORE_APPLICATION_ID)
        return fail_foreign(store, id ? "is the database of another program" : "is some database",
                            err);
    RT_TRY(store__integer(store, version, NULL, 0, 0, schema, err));
    if (*schema >= STORE_OLDEST_SCHEMA && *schema <= STORE_SCHEMA_VERSION)
        return RT_OK;
    return rt_fail(
        err, RT_EMISMATCH,
        "'%s' has schema version %" PRId64 " and this retort reads versions %d to %d: %s",
        store->path, *schema, STORE_OLDEST_SCHEMA, STORE_SCHEMA_VERSION,
        *schema > STORE_SCHEMA_VERSION ? "use a newer retort"
                                       : "use the retort that made it, or start a new study");
}

static rt_status check_study(struct store *store, const char *hash, struct rt_err *err)
{
    static const char sql[] = "select hash, name, created from study";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;

    if (!hash)
        return RT_OK;
    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    const int code = sqlite3_step(q);
    if (code != SQLITE_ROW) {
        rc = code == SQLITE_DONE ? store__fail(store, err, "it holds no study")
                                 : store__fail_sql(store, err);
    } else if (strcmp((const char *)sqlite3_column_text(q, 0), hash) != 0) {
        rc = rt_fail(err, RT_EMISMATCH,
                     "'%s' belongs to another study ('%.40s' of %.10s, hash %.8s; yours is %.8s): "
                     "name another database, or undo the change to the study file",
                     store->path, sqlite3_column_text(q, 1), sqlite3_column_text(q, 2),
                     sqlite3_column_text(q, 0), hash);
    }
    sqlite3_reset(q);
    return rc;
}

/* ---- connections ---- */

/* In a file that somebody made, or that is damaged, a page may stand below many others, and those below others: a table of
 * ten pages whose rows have no end; and a trigger that somebody added may do anything. So the steps that SQLite takes are
 * limited: those of a report, and of each work of a writer, which store__doing() or store__begin() names. A report takes one
 * a byte of a file of 0.5 MB, and 0.06 of one of a million trials. SQLite counts in loops alone. A count(*) or a delete
 * without a where is one step: it is asked of no table that was not looked at whole, `not indexed` since an index may be
 * somebody's own. What a file grows by while it is worked on is not counted, or who writes without end would be allowed to. */
enum { STEPS_A_LOOK = 10000, STEPS_AT_LEAST = 20000000, STEPS_A_BYTE = 50, WORKS_A_LOOK = 256 };

static int count_steps(void *context)
{
    struct store *store = context;

    return (store->steps_left -= STEPS_A_LOOK) < 0;
}

void store_read_anew(struct store *store)
{
    struct stat info = {0};
    char log[RT_PATH_MAX + 8];
    int64_t bytes = stat(store->file, &info) ? 0 : info.st_size;

    snprintf(log, sizeof log, "%s-wal", store->file);
    bytes += stat(log, &info) ? 0 : info.st_size;
    store->steps_left = store->steps = STEPS_AT_LEAST + STEPS_A_BYTE * bytes;
}

/* A file grows by little from one work to the next. */
void store__steps_anew(struct store *store)
{
    if (store->mode == STORE_READ)
        return;
    if (store->works++ % WORKS_A_LOOK == 0)
        store_read_anew(store);
    else
        store->steps_left = store->steps;
}

static rt_status connect_file(struct store *store, const char *name, int flags, struct rt_err *err)
{
    store__doing(store, "open the study");
    /* one thread at a time uses it, so none has to lock it once more for each column */
    if (sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL)) {
        const rt_status rc = store->db
                                 ? store__fail_sql(store, err)
                                 : rt_fail(err, RT_ENOMEM, "no memory to open '%s'", store->path);
        sqlite3_close(store->db);
        store->db = NULL;
        return rc;
    }
    store_read_anew(store);
    sqlite3_progress_handler(store->db, STEPS_A_LOOK, count_steps, store);
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (flags & SQLITE_OPEN_READONLY) /* writers need json_valid() in a check of ours */
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return RT_OK;
}

static void disconnect(struct store *store)
{
    store__finalize(store);
    sqlite3_close(store->db);
    store->db = NULL;
}

/* file:<percent-encoded>?immutable=1 */
static void immutable_name(const char *file, char name[3 * RT_PATH_MAX + 32])
{
    char *out = name + sprintf(name, "file:");

    for (const unsigned char *c = (const unsigned char *)file; *c; c++) {
        if (*c == '?' || *c == '#' || *c == '%')
            out += sprintf(out, "%%%02X", *c);
        else
            *out++ = (char)*c;
    }
    sprintf(out, "?immutable=1");
}

/* A write-ahead log with anything in it. */
static bool has_log(const char *file)
{
    char name[RT_PATH_MAX + 8];
    struct stat info;

    snprintf(name, sizeof name, "%s-wal", file);
    return stat(name, &info) == 0 && info.st_size > 0;
}

/* A reader's own views hide those of the file, which may be anything. */
static rt_status look_at(struct store *store, int64_t schema, struct rt_err *err)
{
    RT_TRY(store__trust(store, err));
    if (schema > STORE_OLDEST_SCHEMA)
        RT_TRY(store__trust_shown(store, schema, err));
    if (schema != STORE_SCHEMA_VERSION)
        return store__complete(store, schema, err);
    RT_TRY(store__execute(store, "pragma temp_store = memory; pragma cache_size = -65536", err));
    return store__make_views(store, "temp", err);
}

/* Readers of a WAL file share its -shm file. Where that can be neither found nor made (a read-only
 * folder), nobody can be writing, so without a log the file alone is the whole truth. */
static rt_status connect_reader(struct store *store, const char *hash, struct rt_err *err)
{
    const char *file = store->file;
    char name[3 * RT_PATH_MAX + 32];
    int64_t schema = 0;
    rt_status rc;
    int code;

    RT_TRY(connect_file(store, file, SQLITE_OPEN_READONLY, err));
    rc = check_ours(store, &schema, err);
    code = sqlite3_errcode(store->db) & 0xff;
    if (rc == RT_EDB && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)) {
        if (access(file, R_OK))
            return rt_fail(err, RT_EIO, "cannot read '%s': %s", store->path, strerror(errno));
        if (has_log(file))
            return store__fail(store, err,
                               "the folder is read-only and changes wait in '-wal': copy the .db "
                               "and .db-wal files to a folder you can write to");
        disconnect(store);
        immutable_name(file, name);
        RT_TRY(connect_file(store, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err));
        rc = check_ours(store, &schema, err);
    }
    RT_TRY(rc);
    RT_TRY(look_at(store, schema, err));
    RT_TRY(store__execute(store, "pragma query_only = on", err));
    return check_study(store, hash, err);
}

static rt_status use_log(struct store *store, struct rt_err *err)
{
    static const char sql[] = "pragma journal_mode = wal";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;

    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    if (sqlite3_step(q) != SQLITE_ROW)
        rc = store__fail_sql(store, err);
    else if (strcmp((const char *)sqlite3_column_text(q, 0), "wal") != 0)
        rc = store__fail(store, err,
                         "this file system cannot hold a write-ahead log; "
                         "put the study on a local disk");
    sqlite3_reset(q);
    return rc;
}

static rt_status connect_writable(struct store *store, const char *hash, int64_t *schema,
                                  struct rt_err *err)
{
    if (access(store->file, W_OK))
        return rt_fail(err, RT_EIO, "cannot write '%s': %s; mend its permissions", store->path,
                       strerror(errno));
    RT_TRY(connect_file(store, store->file, SQLITE_OPEN_READWRITE, err));
    RT_TRY(check_ours(store, schema, err));
    RT_TRY(store__trust(store, err));
    if (*schema > STORE_OLDEST_SCHEMA)
        RT_TRY(store__trust_shown(store, *schema, err));
    RT_TRY(check_study(store, hash, err));
    RT_TRY(use_log(store, err));
    store__keep_log_short(store);
    return store__execute(store,
                          "pragma synchronous = normal; pragma foreign_keys = on;"
                          "pragma journal_size_limit = 67108864",
                          err);
}

/* What a distillation is recorded in is the same in all schemas; another program may be at work. */
static rt_status connect_appender(struct store *store, const char *hash, struct rt_err *err)
{
    int64_t schema = 0;

    RT_TRY(connect_writable(store, hash, &schema, err));
    return schema == STORE_SCHEMA_VERSION ? RT_OK : store__complete(store, schema, err);
}

/* The lock is held. */
static rt_status connect_writer(struct store *store, const char *hash, struct rt_err *err)
{
    int64_t schema = 0;

    assert(store->lock.fd >= 0);
    RT_TRY(store__lock_database(&store->lock, store->file, err));
    RT_TRY(connect_writable(store, hash, &schema, err));
    if (schema != STORE_SCHEMA_VERSION)
        RT_TRY(store__migrate(store, schema, err));
    return store__recover(store, err);
}

rt_status store_open(const char *path, enum store_mode mode, const char *hash, struct store **store,
                     struct rt_err *err)
{
    struct store *s = handle_new(path, mode);
    rt_status rc;

    assert(path && store);
    if (!s)
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", path);
    rc = resolve(path, s->file, err);
    if (rc == RT_OK && mode == STORE_WRITE)
        rc = store__lock(&s->lock, s->file, err);
    if (rc == RT_OK)
        rc = mode == STORE_WRITE    ? connect_writer(s, hash, err)
             : mode == STORE_APPEND ? connect_appender(s, hash, err)
                                    : connect_reader(s, hash, err);
    if (rc == RT_OK)
        *store = s;
    else
        store_close(s);
    return rc;
}

/* ---- a new study ---- */

static const char *or_else(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static rt_status insert_study(struct store *store, const struct store_study *study,
                              struct rt_err *err)
{
    static const char insert[] =
        "insert into study (id, name, hash, seed, settings, yaml, version, created, task, noun,"
        " method) values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    const bool set = study->settings && study->settings[0];
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    return store__run(store, insert,
                      STORE_BINDS(STORE_TXT(study->name), STORE_TXT(study->hash),
                                  STORE_INT(study->seed), STORE_TXT(set ? study->settings : "{}"),
                                  STORE_TXT(study->yaml), STORE_TXT(RT_VERSION), STORE_TXT(now),
                                  STORE_TXT(or_else(study->task, "")),
                                  STORE_TXT(or_else(study->noun, "student")),
                                  STORE_TXT(or_else(study->method, ""))),
                      err);
}

static rt_status insert_lists(struct store *store, const struct store_study *study,
                              struct rt_err *err)
{
    static const char objective[] = "insert into objective (position, name) values (?1, ?2)";
    static const char start[] = "insert into start (number, arch, source) values (?1, ?2, ?3)";
    static const char rung[] = "insert into rung (number, budget) values (?1, ?2)";

    for (int i = 0; i < study->objective_count; i++)
        RT_TRY(store__run(store, objective,
                          STORE_BINDS(STORE_INT(i), STORE_TXT(study->objectives[i])), err));
    for (int i = 0; i < study->start_count; i++)
        RT_TRY(store__run(store, start,
                          STORE_BINDS(STORE_INT(i), STORE_TXT(study->start[i].arch),
                                      STORE_TXT(study->start[i].source)),
                          err));
    for (int i = 0; i < study->rung_count || i == 0; i++)
        RT_TRY(store__run(
            store, rung,
            STORE_BINDS(STORE_INT(i), STORE_ID(study->rung_count ? study->rung_budget[i] : -1)),
            err));
    return RT_OK;
}

static rt_status insert_quantity(struct store *store, int position, const struct store_quantity *q,
                                 struct rt_err *err)
{
    static const char insert[] =
        "insert into quantity (position, name, title, label, unit, factor, digits, logarithmic,"
        " exact, best, detail) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

    return store__run(store, insert,
                      STORE_BINDS(STORE_INT(position), STORE_TXT(q->name), STORE_TXT(q->title),
                                  STORE_TXT(q->label), STORE_TXT(q->unit), STORE_NUM(q->factor),
                                  STORE_ID(q->digits), STORE_INT(q->logarithmic),
                                  STORE_INT(q->exact), STORE_NUM(q->best), STORE_INT(q->detail)),
                      err);
}

/* An objective that nobody described is shown by its name. */
static rt_status insert_quantities(struct store *store, const struct store_study *study,
                                   struct rt_err *err)
{
    static const char series[] =
        "insert into series (position, name, label, folded) values (?1, ?2, ?3, ?4)";
    static const char others[] =
        "insert into quantity (position, name, title, label, unit, factor, logarithmic, exact,"
        " detail) select ?1 + row_number() over (order by position) - 1, name, name, name, '', 1.0,"
        " 0, 0, 0 from objective where name not in (select name from quantity)";

    assert(study->quantity || !study->quantity_count);
    for (int i = 0; i < study->quantity_count; i++)
        RT_TRY(insert_quantity(store, i, &study->quantity[i], err));
    RT_TRY(store__run(store, others, STORE_BINDS(STORE_INT(study->quantity_count)), err));
    for (int i = 0; i < study->series_count; i++)
        RT_TRY(store__run(store, series,
                          STORE_BINDS(STORE_INT(i), STORE_TXT(study->series[i].name),
                                      STORE_TXT(study->series[i].label),
                                      STORE_INT(study->series[i].folded)),
                          err));
    return RT_OK;
}

static rt_status insert_all(struct store *store, const struct store_study *study,
                            struct rt_err *err)
{
    char ids[96];

    RT_TRY(store__make_tables(store, study->space, err));
    snprintf(ids, sizeof ids, "pragma application_id = %d; pragma user_version = %d",
             STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
    RT_TRY(store__execute(store, ids, err));
    RT_TRY(insert_study(store, study, err));
    RT_TRY(insert_lists(store, study, err));
    RT_TRY(insert_quantities(store, study, err));
    RT_TRY(store__make_views(store, "main", err));
    return store__event(store, "created", -1, study->name, err);
}

/* Build the study in `file`, which nobody else knows, and close it. */
static rt_status build(const char *path, const char *file, const struct store_study *study,
                       struct rt_err *err)
{
    struct store *s = handle_new(path, STORE_WRITE);
    rt_status rc;

    if (!s)
        return rt_fail(err, RT_ENOMEM, "no memory to make '%s'", path);
    rc = connect_file(s, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (rc == RT_OK)
        rc = store__begin(s, err, "make the study");
    if (rc == RT_OK)
        rc = store__end(s, insert_all(s, study, err), err);
    store_close(s);
    return rc;
}

static void remove_with(const char *path, const char *suffix)
{
    char name[RT_PATH_MAX + 16];

    snprintf(name, sizeof name, "%s%s", path, suffix);
    unlink(name);
}

/* Build and move into place; nothing remains of a failure. The lock is held. */
static rt_status make(const char *path, const struct store_study *study, struct rt_err *err)
{
    char file[RT_PATH_MAX];
    rt_status rc;

    /* "./" before a name such as "file:x", which SQLite would take apart. */
    snprintf(file, sizeof file, "%s%s.tmp", path[0] == '/' ? "" : "./", path);
    if (exists(path))
        return rt_fail(err, RT_EDB, "cannot make '%s': it exists already", path);
    remove_with(file, ""); /* of a process that was killed here */
    remove_with(file, "-journal");
    remove_with(path,
                "-wal"); /* of a file that was removed, or SQLite would play it into this one */
    remove_with(path, "-shm");
    rc = build(path, file, study, err);
    if (rc == RT_OK && rename(file, path))
        rc = rt_fail(err, RT_EIO, "cannot make '%s': %s", path, strerror(errno));
    if (rc == RT_OK)
        rc = rt_folder_flush_for(path, err);
    if (rc != RT_OK) {
        remove_with(file, "");
        remove_with(file, "-journal");
    }
    return rc;
}

static rt_status check_new(const char *path, const struct store_study *study, struct rt_err *err)
{
    if (study->objective_count < 1 || study->objective_count > STORE_MAX_OBJECTIVES)
        return rt_fail(err, RT_EARG, "a study has 1 to %d objectives, not %d", STORE_MAX_OBJECTIVES,
                       study->objective_count);
    if (study->rung_count < 0 || study->rung_count > STORE_MAX_RUNGS)
        return rt_fail(err, RT_EARG, "a study has 1 to %d rungs, not %d", STORE_MAX_RUNGS,
                       study->rung_count);
    if (study->quantity_count + study->objective_count > STORE_MAX_QUANTITIES)
        return rt_fail(err, RT_EARG, "a study shows at most %d quantities, not %d",
                       STORE_MAX_QUANTITIES, study->quantity_count + study->objective_count);
    if (strlen(path) + 64 > RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "cannot make '%.80s...': the path is too long", path);
    if (exists(path))
        return rt_fail(err, RT_EDB, "cannot make '%s': it exists already", path);
    return RT_OK;
}

/* Open what was just made; on failure nothing remains of it. */
static rt_status open_new(struct store *store, const char *path, const char *hash,
                          struct rt_err *err)
{
    rt_status rc = resolve(path, store->file, err);

    if (rc == RT_OK) {
        /* absolute, so that it is removed wherever the process stands at the end */
        snprintf(store->lock.path, sizeof store->lock.path, "%s" STORE_LOCK_SUFFIX, store->file);
        rc = connect_writer(store, hash, err);
    }
    if (rc != RT_OK) {
        disconnect(store);
        remove_with(path, "");
        remove_with(path, "-wal");
        remove_with(path, "-shm");
    }
    return rc;
}

rt_status store_create(const char *path, const struct store_study *study, struct store **store,
                       struct rt_err *err)
{
    struct store *s;
    rt_status rc;

    assert(path && store && study->name && study->yaml && study->hash);
    RT_TRY(check_new(path, study, err));
    RT_TRY(rt_folder_make_for(path, err));
    s = handle_new(path, STORE_WRITE);
    if (!s)
        return rt_fail(err, RT_ENOMEM, "no memory to make '%s'", path);
    rc = store__lock(&s->lock, path, err);
    if (rc == RT_OK)
        rc = make(path, study, err);
    if (rc == RT_OK)
        rc = open_new(s, path, study->hash, err);
    if (rc == RT_OK)
        *store = s;
    else
        store_close(s);
    return rc;
}
