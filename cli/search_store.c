/* cli/search_store.c -- see search_store.h. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "cli/search_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/quantities.h"
#include "cli/start.h"

rt_status search_store_create(const struct study *study, const char *path,
                              const struct settings *settings, struct store **store,
                              struct rt_err *err)
{
    const struct search_options *search = &study->search;
    struct store_study row = {.name = study->name,
                              .yaml = study->yaml,
                              .seed = study->seed,
                              .space = &study->space,
                              .objective_count = search->objective_count,
                              .rung_count = search->rung_count ? search->rung_count : 1,
                              .rung_budget = {study->own ? -1 : study->recipe.steps}};
    struct quantities quantities;
    struct start_list start;
    char *text = NULL, hash[RT_HASH_TEXT];
    rt_status rc;

    study_hash(study, hash);
    row.hash = hash;
    quantities_place(study, &quantities, &row);
    RT_TRY(start_read(study, &start, err));
    if ((rc = settings_print(settings, &text, err))) {
        start_release(&start);
        return rc;
    }
    row.start = start.row;
    row.start_count = start.count;
    row.settings = text;
    if (search->rung_count)
        memcpy(row.rung_budget, search->rung_budget, sizeof row.rung_budget);
    for (int i = 0; i < search->objective_count; i++)
        row.objectives[i] = search->objectives[i];
    rc = store_create(path, &row, store, err);
    start_release(&start);
    free(text);
    return rc;
}

/* Was nothing tried? Opened to write, it is removed then, too. */
static rt_status look_untried(const char *path, enum store_mode mode, bool *removed,
                              struct rt_err *err)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    char name[RT_PATH_MAX + 8];
    static const char sql[] = "select not exists (select 1 from candidate)";
    sqlite3_stmt *q = NULL;
    struct store *store;
    bool none;

    RT_TRY(store_open(path, mode, NULL, &store, err));
    none = sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL) == SQLITE_OK &&
           sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int(q, 0);
    (void)sqlite3_finalize(q);
    if (none && mode == STORE_WRITE) /* nobody else writes meanwhile */
        for (int i = 0; i < 3; i++) {
            (void)snprintf(name, sizeof name, "%s%s", path, parts[i]);
            none &= unlink(name) == 0 || errno == ENOENT;
        }
    store_close(store);
    *removed = none;
    return RT_OK;
}

/* A database in which nothing was tried, such as one whose teachers could not be read, is in nobody's way
 * when the study has been mended: it is removed. One that is not is only read. */
static rt_status remove_untried(const char *path, bool *removed, struct rt_err *err)
{
    char target[RT_PATH_MAX];

    *removed = false;
    if (!realpath(path, target)) /* a link stays */
        return rt_fail(err, RT_EIO, "cannot follow '%s': %s", path, strerror(errno));
    RT_TRY(look_untried(target, STORE_READ, removed, err));
    return *removed ? look_untried(target, STORE_WRITE, removed, err) : RT_OK;
}

static rt_status open_kept(const char *path, const char *hash, struct store **store, bool *there,
                           struct rt_err *err)
{
    struct rt_err ignored;
    bool removed = false;

    *there = access(path, F_OK) == 0;
    const rt_status rc = *there ? store_open(path, STORE_WRITE, hash, store, err) : RT_OK;
    if (rc != RT_EMISMATCH || remove_untried(path, &removed, &ignored) != RT_OK || !removed)
        return rc;
    command_warn("search", "'%s' was begun by another study that tried nothing: it begins anew",
                 path);
    *there = false;
    return RT_OK;
}

rt_status search_store_open(const struct study *study, const struct session *session,
                            const char *path, struct settings *settings, struct store **store,
                            struct rt_err *err)
{
    char hash[RT_HASH_TEXT], *text = NULL;
    bool there;
    rt_status rc;

    study_hash(study, hash);
    RT_TRY(open_kept(path, hash, store, &there, err));
    if (there) {
        if (*store_backup(*store))
            (void)fprintf(stderr,
                          "%s was of an older retort and has been brought up to date; as "
                          "it was: %s\n",
                          path, store_backup(*store));
        if ((rc = store_settings(*store, &text, err)) == RT_OK &&
            (rc = settings_parse(settings, text, err)) == RT_OK && session)
            rc = settings_check(settings, session, err);
        free(text);
        if (rc == RT_OK && settings_core_unknown(settings))
            command_warn("search", "this study began before it was kept as which processor "
                                   "OpenBLAS multiplies; on another one results differ in last "
                                   "bits");
        if (rc == RT_OK && settings_search_differs(settings))
            command_warn("search", "another version of the search began this study; this one goes "
                                   "on from its results, but proposes other trials than that one "
                                   "would have");
        if (rc != RT_OK)
            store_close(*store);
        return rc;
    }
    if (session)
        RT_TRY(settings_choose(settings, session, err));
    else
        settings_external(settings);
    RT_TRY(settings_place(settings, study, path, err));
    return search_store_create(study, path, settings, store, err);
}
