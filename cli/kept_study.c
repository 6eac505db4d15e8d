/* cli/kept_study.c -- see kept_study.h. */
#include "cli/kept_study.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the first row; NULL without one. */
static rt_status column_text(struct store *store, const char *sql, const char *value, char **text,
                             struct rt_err *err)
{
    sqlite3 *db = store_handle(store);
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;
    int code = SQLITE_ERROR;

    *text = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
        if (value)
            (void)sqlite3_bind_text(q, 1, value, -1, SQLITE_STATIC);
        code = sqlite3_step(q);
    }
    if (code == SQLITE_ROW && !(*text = strdup((const char *)sqlite3_column_text(q, 0))))
        rc = rt_fail(err, RT_ENOMEM, "no memory to read '%s'", store_path(store));
    else if (code != SQLITE_ROW && code != SQLITE_DONE)
        rc = rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store), sqlite3_errmsg(db));
    sqlite3_finalize(q);
    return rc;
}

rt_status kept_study_candidate(struct store *store, const char *wanted, struct space_arch *arch,
                               struct rt_err *err)
{
    char *text;
    rt_status rc;

    RT_TRY(column_text(store, "select arch from candidate where arch = ?1 or cast(id as text) = ?1",
                       wanted, &text, err));
    if (!text)
        return rt_fail(err, RT_EARG,
                       "no candidate '%.80s' in '%s'; `retort front %s` lists the best", wanted,
                       store_path(store), store_path(store));
    rc = space_arch_parse(text, arch, err);
    free(text);
    return rc;
}

/* The study's own file may have another full recipe and other gates by now, but nothing else. */
static rt_status check_same(struct store *store, const char *path, const struct study *study,
                            struct rt_err *err)
{
    char hash[RT_HASH_TEXT], *want;
    rt_status rc;

    study_hash(study, hash);
    if ((rc = column_text(store, "select hash from study", NULL, &want, err)) == RT_OK &&
        (!want || strcmp(hash, want) != 0))
        rc = rt_fail(err, RT_EMISMATCH,
                     "'%.200s' is another study than the one in '%.200s'; only its full recipe "
                     "and its gates may differ",
                     path, store_path(store));
    free(want);
    return rc;
}

static rt_status load_file(struct store *store, const char *path, struct session *session,
                           struct rt_err *err)
{
    rt_status rc;

    RT_TRY(session_load(session, path, NULL, err));
    if ((rc = study_as_begun(&session->study, store_path(store), err)))
        session_close(session);
    return rc;
}

struct moved {
    const char *root;
};

/* What a study names by an absolute path stands below `root` on a machine that was sent its files. */
static rt_status move_file(void *context, char *path, struct rt_err *err)
{
    const char *root = ((const struct moved *)context)->root;
    char moved[RT_PATH_MAX];

    if (path[0] != '/' || strncmp(path, root, strlen(root)) == 0)
        return RT_OK;
    if (snprintf(moved, sizeof moved, "%s%s", root, path) >= (int)sizeof moved)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", path);
    if (access(moved, F_OK) == 0)
        memcpy(path, moved, sizeof moved);
    return RT_OK;
}

static rt_status move_files(struct store *store, const struct settings *settings,
                            struct study *study, struct rt_err *err)
{
    char root[RT_PATH_MAX];

    if (!settings->root[0])
        return RT_OK;
    RT_TRY(rt_path_beside(store_path(store), settings->root, root, err));
    return study_files(study, move_file, &(struct moved){root}, err);
}

/* The study as it was when the search began, its files seen from where its own stands now. */
static rt_status load_kept(struct store *store, const struct settings *settings,
                           struct session *session, struct rt_err *err)
{
    char path[RT_PATH_MAX], *yaml;
    rt_status rc;

    RT_TRY(settings_study_path(settings, store_path(store), path, err));
    RT_TRY(column_text(store, "select yaml from study", NULL, &yaml, err));
    rc = session_load(session, path, yaml, err);
    free(yaml);
    if (rc == RT_OK && (rc = move_files(store, settings, &session->study, err)))
        session_close(session);
    return rc;
}

/* Data, kernels and the teachers' weights of the search. */
static rt_status prepare(struct store *store, const char *path, struct session *session,
                         struct rt_err *err)
{
    struct rt_err why;
    bool weighed = false; /* always so where there is a candidate */
    const rt_status rc = session_prepare(session, &why);

    if (rc == RT_EIO && !path)
        return rt_fail(err, rc, "%.260s; if the study's files are elsewhere, give --study FILE",
                       why.text);
    if (rc != RT_OK)
        return rt_fail(err, rc, "%s", why.text);
    RT_TRY(session_recall_weights(session, store, &weighed, err));
    return weighed ? RT_OK : rt_fail(err, RT_EDB, "'%s' knows no teachers", store_path(store));
}

static rt_status load_settings(struct store *store, struct settings *settings, struct rt_err *err)
{
    char *text = NULL;
    rt_status rc;

    RT_TRY(store_settings(store, &text, err));
    rc = settings_parse(settings, text, err);
    free(text);
    return rc;
}

rt_status kept_study_load(struct store *store, struct session *session, struct settings *settings,
                          struct rt_err *err)
{
    RT_TRY(load_settings(store, settings, err));
    return load_kept(store, settings, session, err);
}

rt_status kept_study_open(struct store *store, const char *path, bool any, struct session *session,
                          struct settings *settings, struct rt_err *err)
{
    rt_status rc = RT_OK;

    RT_TRY(load_settings(store, settings, err));
    RT_TRY(path ? load_file(store, path, session, err) : load_kept(store, settings, session, err));
    if (!session->study.own || !any)
        rc = prepare(store, path, session, err);
    if (rc == RT_OK && path)
        rc = check_same(store, path, &session->study, err);
    if (rc != RT_OK)
        session_close(session);
    return rc;
}
