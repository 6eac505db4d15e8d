/* cli/checkpoints.c -- weights of trials, known to the store by file and hash, so that a folder that
 * was tidied up or mixed up is found when the search is taken up again and not in the middle of a
 * night.
 */
#include "cli/checkpoints.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

rt_status checkpoints_path(const char *folder, int64_t trial, char path[RT_PATH_MAX],
                           struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%" PRId64 ".safetensors", folder, trial) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
}

static rt_status hash_file(const char *path, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_map map;

    RT_TRY(rt_map_open(&map, path, err));
    rt_hash_bytes(map.data, map.bytes, hash);
    rt_map_close(&map);
    return RT_OK;
}

rt_status checkpoints_note(const char *path, struct store_checkpoint *checkpoint,
                           struct rt_err *err)
{
    const char *slash = strrchr(path, '/');

    while (slash > path && slash[-1] != '/')
        slash--; /* the folder and the file */
    if ((size_t)snprintf(checkpoint->file, sizeof checkpoint->file, "%s", slash) >=
        sizeof checkpoint->file)
        return rt_fail(err, RT_EIO, "the name '%.80s...' is too long", slash);
    return hash_file(path, checkpoint->hash, err);
}

/* ---- those that a search goes on with ---- */

static rt_status check_one(const char *folder, int64_t trial, const char *hash, struct rt_err *err)
{
    char path[RT_PATH_MAX], got[RT_HASH_TEXT];
    struct rt_err why;

    RT_TRY(checkpoints_path(folder, trial, path, err));
    if (hash_file(path, got, &why) != RT_OK)
        return rt_fail(err, RT_EIO,
                       "%s: children of trial %" PRId64
                       " start from it; put it back, or begin a new study with --db FILE",
                       why.text, trial);
    if (strcmp(got, hash) != 0)
        return rt_fail(err, RT_EIO,
                       "'%.200s' is not what trial %" PRId64
                       " left for its children; put that back, or begin a new study with --db FILE",
                       path, trial);
    return RT_OK;
}

static rt_status check_all(struct store *store, const char *folder, struct rt_err *err)
{
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int64_t last = -1;

    if (sqlite3_prepare_v2(store_handle(store), "select trial, hash from checkpoint order by trial",
                           -1, &q, NULL))
        return rt_fail(err, RT_EDB, "cannot read the checkpoints of '%s': %s", store_path(store),
                       sqlite3_errmsg(store_handle(store)));
    while (rc == RT_OK && sqlite3_step(q) == SQLITE_ROW) {
        const int64_t trial = sqlite3_column_int64(q, 0);
        rc = trial > last ? check_one(folder, trial, (const char *)sqlite3_column_text(q, 1), err)
                          : rt_fail(err, RT_EDB, /* or there would be files to hash without end */
                                    "the checkpoints of '%s' are damaged: save what is left with "
                                    "sqlite3's .recover",
                                    store_path(store));
        last = trial;
    }
    if (sqlite3_finalize(q) && rc == RT_OK)
        rc = rt_fail(err, RT_EDB, "cannot read the checkpoints of '%s'", store_path(store));
    return rc;
}

rt_status checkpoints_beside(const char *db, const char *ending, char path[RT_PATH_MAX],
                             struct rt_err *err)
{
    const char *slash = strrchr(db, '/'), *dot = strrchr(db, '.');
    const size_t stem = dot && (!slash || dot > slash + 1) ? (size_t)(dot - db) : strlen(db);

    if (snprintf(path, RT_PATH_MAX, "%s%.*s.%s", db[0] == '/' ? "" : "./", (int)stem, db, ending) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", db);
    return RT_OK;
}

rt_status checkpoints_folder(struct store *store, char folder[RT_PATH_MAX], struct rt_err *err)
{
    return checkpoints_beside(store_path(store), "checkpoints", folder, err);
}

rt_status checkpoints_open(struct store *store, char folder[RT_PATH_MAX], struct rt_err *err)
{
    RT_TRY(checkpoints_folder(store, folder, err));
    RT_TRY(rt_folder_make(folder, err));
    return check_all(store, folder, err);
}
