/* cli/weights.c -- a database knows its students' files by the names they were written under, so
 * they are found from the folder where that was done, or by their name.
 */
#include "cli/weights.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "store/store.h"
#include "trainer/export/tensor_file.h"

static rt_status path_of(const char *db, const char *candidate, char path[RT_PATH_MAX],
                         struct rt_err *err)
{
    static const char sql[] =
        "select d.weights from candidate c left join distillation d on d.candidate = c.id and "
        "d.weights <> '' where c.arch = ?1 or cast(c.id as text) = ?1 order by d.id desc limit 1";
    struct store *store;
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    RT_TRY(store_open(db, STORE_READ, NULL, &store, err));
    sqlite3 *handle = store_handle(store);
    if (sqlite3_prepare_v2(handle, sql, -1, &q, NULL) ||
        sqlite3_bind_text(q, 1, candidate, -1, SQLITE_STATIC))
        rc = rt_fail(err, RT_EDB, "cannot read '%s': %s", db, sqlite3_errmsg(handle));
    else if (sqlite3_step(q) != SQLITE_ROW)
        rc = rt_fail(err, RT_EARG, "no candidate '%.80s' in '%s'; 'retort front %s' lists the best",
                     candidate, db, db);
    else if (!sqlite3_column_text(q, 0))
        rc = rt_fail(err, RT_EARG,
                     "no weights of candidate '%.80s' were written; run 'retort distill %s %.80s "
                     "-o FILE.safetensors' first",
                     candidate, db, candidate);
    else
        (void)snprintf(path, RT_PATH_MAX, "%s", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    store_close(store);
    return rc;
}

/* The task that the file says; files of before they said one are of images. */
static rt_status task_of(struct weights *weights, struct rt_err *err)
{
    struct tr_tensor_file file = {0};
    const struct study_task *const *task = study_tasks;

    RT_TRY(tr_tensor_file_open(&file, weights->path, err));
    const char *name = tr_tensor_file_note(&file, "task");
    while (name && *task && strcmp((*task)->name, name) != 0)
        task++;
    weights->task = *task;
    const rt_status rc = *task ? RT_OK
                               : rt_fail(err, RT_EFORMAT, "'%s' is of a task '%.40s', unknown here",
                                         weights->path, name);
    tr_tensor_file_close(&file);
    return rc;
}

rt_status weights_open(struct weights *weights, const char *from, const char *candidate,
                       struct rt_err *err)
{
    const struct tr_kernels *kernels;

    *weights = (struct weights){0};
    if (candidate)
        RT_TRY(path_of(from, candidate, weights->path, err));
    else
        (void)snprintf(weights->path, sizeof weights->path, "%s", from);
    RT_TRY(tr_kernels_choose(&kernels, err));
    RT_TRY(task_of(weights, err));
    RT_TRY(tr_model_open(weights->path, weights->task->kind, kernels, &weights->file, err));
    weights->model = tr_model_of(weights->file);
    return RT_OK;
}

void weights_close(struct weights *weights)
{
    tr_model_close(weights->file);
}
