/* cli/start.c -- entries of search.start_from: first read as an architecture; what is none is a
 * path, and what is no path either is told as both.
 */
#include "cli/start.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static rt_status append(const struct study *study, const struct space_arch *arch,
                        const char *source, struct start_list *list, struct rt_err *err)
{
    const size_t room = (size_t)list->count + 1;
    struct store_start *row = realloc(list->row, room * sizeof *row);

    if (row)
        list->row = row;
    void *text = realloc(list->arch, room * sizeof *list->arch);
    if (text)
        list->arch = text;
    if (!row || !text)
        return rt_fail(err, RT_ENOMEM, "no memory for the architectures to start from");
    space_print(&study->space, arch, list->arch[list->count]);
    list->row[list->count++].source = source;
    for (int i = 0; i < list->count; i++) /* the texts may have moved */
        list->row[i].arch = list->arch[i];
    return RT_OK;
}

static bool fits(const struct study *study, const struct space_arch *arch, char why[128])
{
    (void)snprintf(why, 128, "the space has no such choices");
    return space_contains(&study->space, arch) && space_feasible(&study->space, arch, why);
}

static rt_status fail_front(struct store *other, struct rt_err *err)
{
    return rt_fail(err, RT_EDB, "cannot read the front of '%s': %s", store_path(other),
                   sqlite3_errmsg(store_handle(other)));
}

static rt_status read_front(const struct study *study, struct store *other, const char *source,
                            struct start_list *list, struct rt_err *err)
{
    static const char sql[] = "select c.arch from front f join trial t on t.number = f.trial"
                              " join candidate c on c.id = t.candidate order by f.trial";
    sqlite3_stmt *q = NULL;
    const int before = list->count;
    rt_status rc = RT_OK;
    struct rt_err ignored;
    char why[128];

    if (sqlite3_prepare_v2(store_handle(other), sql, -1, &q, NULL))
        return fail_front(other, err);
    while (rc == RT_OK && sqlite3_step(q) == SQLITE_ROW) {
        struct space_arch arch;
        const char *text = (const char *)sqlite3_column_text(q, 0);
        if (space_parse(&study->space, text, &arch, &ignored) == RT_OK && fits(study, &arch, why))
            rc = append(study, &arch, source, list, err);
    }
    if (sqlite3_finalize(q) && rc == RT_OK)
        rc = fail_front(other, err);
    if (rc == RT_OK && list->count == before)
        rc = rt_fail(err, RT_EARG,
                     "search.start_from: no student of the front of '%s' is in this study's space "
                     "and limits; leave it out",
                     store_path(other));
    return rc;
}

/* A path is relative to the study file's folder. */
static rt_status read_database(const struct study *study, const char *entry,
                               struct start_list *list, struct rt_err *err)
{
    char path[RT_PATH_MAX];
    struct store *other;
    rt_status rc;

    RT_TRY(rt_path_beside(study->path, entry, path, err));
    if (access(path, F_OK))
        return rt_fail(err, RT_EARG,
                       "search.start_from: '%.120s' is neither an architecture of this space nor a "
                       "database",
                       entry);
    RT_TRY(store_open(path, STORE_READ, NULL, &other, err));
    rc = read_front(study, other, entry, list, err);
    store_close(other);
    return rc;
}

static rt_status read_entry(const struct study *study, const char *entry, struct start_list *list,
                            struct rt_err *err)
{
    struct space_arch arch;
    struct rt_err ignored;
    char why[128];

    if (space_parse(&study->space, entry, &arch, &ignored) != RT_OK)
        return read_database(study, entry, list, err);
    if (!fits(study, &arch, why))
        return rt_fail(err, RT_EARG, "search.start_from: '%.100s' is not in the space: %s", entry,
                       why);
    return append(study, &arch, entry, list, err);
}

rt_status start_read(const struct study *study, struct start_list *list, struct rt_err *err)
{
    rt_status rc = RT_OK;

    *list = (struct start_list){.count = 0};
    for (int i = 0; i < study->start_count && rc == RT_OK; i++)
        rc = read_entry(study, study->start_from[i], list, err);
    if (rc != RT_OK)
        start_release(list);
    return rc;
}

void start_release(struct start_list *list)
{
    free(list->row);
    free(list->arch);
    *list = (struct start_list){.count = 0};
}
