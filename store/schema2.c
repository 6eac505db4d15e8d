/* store/schema2.c -- files of schema 2: read as they are, and brought to schema 3 by a writer.
 *
 * Schema 2 said nowhere how its numbers are shown: all its studies were of images, or of a command
 * of the user's. What was known of them by name is kept here, and only here, as it was then. The
 * rows of a study (candidate, trial, metric, curve, ...) are the same in both schemas.
 *
 * The copy is made by SQLite, which sees the write-ahead log too, under the lock that keeps other
 * writers away, and linked into place, which overwrites nothing.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- what its names meant ---- */

/* Settings name the kernels of a study that trains; a command's study has 'none'. Both insert into
 * the temporary tables where there are such. */
static const char quantities[] =
    "with known (place, name, title, label, unit, factor, digits, logarithmic, exact, best, detail)"
    " as (values"
    " (0, 'error', 'error', 'validation error', '%', 100.0, 2, 0, 0, 0.0, 0),"
    " (1, 'kl', 'KL', 'KL to the ensemble', '', 1.0, 4, 0, 0, 0.0, 1),"
    " (2, 'agreement', 'agreement', 'agreement with the ensemble', '%', 100.0, 2, 0, 0, null, 1),"
    " (3, 'int8_error', 'error in int8', 'validation error in int8', '%', 100.0, 2, 0, 0, 0.0, 4),"
    " (4, 'int8_kl', 'KL in int8', 'KL to the ensemble in int8', '', 1.0, 4, 0, 0, 0.0, 4),"
    " (5, 'latency', 'latency', 'latency', 'ms', 1.0, null, 1, 0, 0.0, 0),"
    " (6, 'params', 'params', 'parameters', '', 1.0, 0, 1, 1, null, 0),"
    " (7, 'bytes', 'bytes', 'bytes of the weights (fp32)', '', 1.0, 0, 1, 1, null, 1),"
    " (8, 'int8_bytes', 'bytes in int8', 'bytes of the weights in int8', '', 1.0, 0, 1, 1, null,"
    "  4),"
    " (9, 'macs', 'MACs', 'multiply-accumulates', '', 1.0, 0, 1, 1, null, 1),"
    " (10, 'memory', 'memory', 'peak activation bytes', '', 1.0, 0, 1, 1, null, 1),"
    " (11, 'nll', 'NLL', 'negative log-likelihood', '', 1.0, 4, 0, 0, 0.0, 2),"
    " (12, 'ece', 'ECE', 'expected calibration error', '', 1.0, 4, 0, 0, 0.0, 2),"
    " (13, 'accuracy_retention', 'accuracy kept', 'accuracy kept', '', 1.0, 4, 0, 0, null, 3),"
    " (14, 'params_reduction', 'fewer params', 'fewer parameters', '', 1.0, 4, 0, 0, null, 3),"
    " (15, 'bytes_reduction', 'fewer bytes', 'fewer bytes', '', 1.0, 4, 0, 0, null, 3),"
    " (16, 'compression_ratio', 'times smaller', 'times smaller', '', 1.0, 2, 0, 0, null, 3)),"
    " kind (command) as (select coalesce(json_extract(settings, '$.kernels') = 'none', 0)"
    "  from study)"
    " insert into quantity"
    " select row_number() over (order by place) - 1, name, title, label, unit, factor, digits,"
    "  logarithmic, exact, best, iif(detail = 4, 1, detail) from known, kind where not command"
    "  and (detail < 4 or name in (select name from objective))"
    " union all select o.position, o.name, o.name, o.name, '', 1.0, null,"
    "  coalesce(k.logarithmic, 0), coalesce(k.exact, 0), k.best, 0"
    "  from objective o left join known k on k.name = o.name, kind where command";

static const char curves[] =
    "insert into series values (0, 'ce', 'cross-entropy', 0), (1, 'soft', 'distillation loss', 0),"
    " (2, 'loss', 'loss that was minimised', 0), (3, 'validation_error', 'validation error', 0),"
    " (4, 'grad_norm', 'norm of the gradient', 0), (5, 'temperature', 'temperature', 1),"
    " (6, 'learning_rate', 'learning rate', 1),"
    " (7, 'ce_weight', 'weight of the cross-entropy', 1), (8, 'validation_kl', 'validation KL', 1)";

#define METHOD                                                                                     \
    "'Error, agreement and KL are taken on the validation split at temperature 1 after a short "   \
    "distillation run; ' || char(177) || ' is one standard error over its examples. The test "     \
    "split was not looked at.'"
/* task, noun and method of the study's row. */
#define COMMAND "coalesce(json_extract(settings, '$.kernels') = 'none', 0)"
#define TASK "iif(" COMMAND ", '', 'image')"
#define NOUN "iif(" COMMAND ", 'architecture', 'student')"
#define HOW "iif(" COMMAND ", 'All values are what the study''s own command answered.', " METHOD ")"

static rt_status fill(struct store *store, struct rt_err *err)
{
    RT_TRY(store__execute(store, quantities, err));
    return store__execute(store, curves, err);
}

/* ---- for readers ---- */

rt_status store__complete(struct store *store, struct rt_err *err)
{
    static const char study[] = "create temp view study as select *, " TASK " as task, " NOUN
                                " as noun, " HOW " as method from main.study";

    store__doing(store, "open the study");
    RT_TRY(store__execute(store, "pragma temp_store = memory", err));
    RT_TRY(store__make_new_tables(store, "temp", err));
    RT_TRY(fill(store, err));
    RT_TRY(store__execute(store, study, err));
    return store__make_views(store, "temp", err);
}

/* ---- the copy ---- */

/* "dir/study.db" gives "dir/study.schema2.db", or with a number the first that is free. */
static void copy_name(const char *file, int number, char *name, size_t size)
{
    const size_t length = strlen(file);
    const bool db = length > 3 && strcmp(file + length - 3, ".db") == 0;
    char suffix[24] = "";

    if (number)
        snprintf(suffix, sizeof suffix, "-%d", number);
    snprintf(name, size, "%.*s.schema2%s.db", (int)(db ? length - 3 : length), file, suffix);
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

static rt_status place_copy(struct store *store, const char *temporary, struct rt_err *err)
{
    for (int number = 0; number < 1000; number++) {
        copy_name(store->file, number, store->backup, sizeof store->backup);
        if (link(temporary, store->backup) == 0)
            return rt_folder_flush_for(store->backup, err);
        if (errno != EEXIST)
            break;
    }
    const int code = errno;
    rt_report(err, RT_EIO, "cannot copy '%s' to '%.300s': %s", store->path, store->backup,
              strerror(code));
    store->backup[0] = '\0';
    return RT_EIO;
}

static rt_status make_copy(struct store *store, struct rt_err *err)
{
    char temporary[RT_PATH_MAX];
    rt_status rc;

    snprintf(temporary, sizeof temporary, "%.*s.tmp", RT_PATH_MAX - 5, store->file);
    unlink(temporary); /* of a process that was killed here */
    store__doing(store, "copy the study to '.tmp' beside it before it is changed");
    rc = store__run(store, "vacuum main into ?1", STORE_BINDS(STORE_TXT(temporary)), err);
    if (rc == RT_OK)
        rc = flush(temporary, err);
    if (rc == RT_OK)
        rc = place_copy(store, temporary, err);
    unlink(temporary);
    return rc;
}

/* ---- for writers ---- */

static rt_status migrate(struct store *store, struct rt_err *err)
{
    static const char study[] = "alter table study add column task text not null default '';"
                                "alter table study add column noun text not null default 'student';"
                                "alter table study add column method text not null default '';"
                                "update study set task = " TASK ", noun = " NOUN ", method = " HOW;
    char text[RT_PATH_MAX + 64];
    char version[48];

    RT_TRY(store__make_new_tables(store, "main", err));
    RT_TRY(fill(store, err));
    RT_TRY(store__execute(store, study, err));
    RT_TRY(store__make_views(store, "main", err));
    snprintf(version, sizeof version, "pragma user_version = %d", STORE_SCHEMA_VERSION);
    RT_TRY(store__execute(store, version, err));
    snprintf(text, sizeof text, "from schema 2 to %d; as it was: %s", STORE_SCHEMA_VERSION,
             strrchr(store->backup, '/') + 1);
    return store__event(store, "migrated", -1, text, err);
}

rt_status store__migrate(struct store *store, struct rt_err *err)
{
    assert(store->lock.fd >= 0 && store->file[0] == '/');
    RT_TRY(make_copy(store, err));
    RT_TRY(store__begin(store, err, "bring the study to schema %d", STORE_SCHEMA_VERSION));
    return store__end(store, migrate(store, err), err);
}
