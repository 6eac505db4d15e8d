/* store/write.c -- what a study records beside its trials: machines, runs, teachers, events.
 *
 * Whatever comes again (a machine, the same teachers) is found rather than added, so that a search
 * that is resumed leaves the same rows.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

rt_status store_settings(struct store *store, char **settings, struct rt_err *err)
{
    static const char sql[] = "select settings from study";
    rt_status rc = RT_OK;
    sqlite3_stmt *q;

    store__doing(store, "read the settings");
    RT_TRY(store__bind(store, sql, NULL, 0, &q, err));
    const int code = sqlite3_step(q);
    if (code == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(q, 0);
        char *copy = text ? strdup((const char *)text) : NULL;
        if (copy) {
            *settings = copy;
        } else {
            rc = rt_fail(err, RT_ENOMEM, "no memory for the settings in '%s'", store->path);
        }
    } else {
        rc = code == SQLITE_DONE ? store__fail(store, err, "it holds no study")
                                 : store__fail_sql(store, err);
    }
    sqlite3_reset(q);
    return rc;
}

rt_status store_host(struct store *store, const struct rt_machine *machine, const char *kernels,
                     int64_t *host, struct rt_err *err)
{
    static const char insert[] =
        "insert into host (host, cpu, kernels, governor, kernel, cores, memory)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (host, cpu, kernels) do update set"
        " governor = ?4, kernel = ?5, cores = ?6, memory = ?7";
    static const char find[] = "select id from host where host = ?1 and cpu = ?2 and kernels = ?3";
    int64_t id = 0;
    rt_status rc;

    assert(machine && kernels && host);
    RT_TRY(store__begin(store, err, "record this machine"));
    rc = store__run(store, insert,
                    STORE_BINDS(STORE_TXT(machine->host), STORE_TXT(machine->cpu),
                                STORE_TXT(kernels), STORE_TXT(machine->governor),
                                STORE_TXT(machine->kernel), STORE_INT(machine->cores),
                                STORE_INT(machine->memory)),
                    err);
    if (rc == RT_OK)
        rc = store__integer(
            store, find,
            STORE_BINDS(STORE_TXT(machine->host), STORE_TXT(machine->cpu), STORE_TXT(kernels)), 0,
            &id, err);
    RT_TRY(store__end(store, rc, err));
    *host = id;
    return RT_OK;
}

static rt_status find_program(struct store *store, const struct store_program *p, int64_t *id,
                              struct rt_err *err)
{
    static const char insert[] = "insert or ignore into program (version, build, kernels, blas,"
                                 " libc) values (?1, ?2, ?3, ?4, ?5)";
    static const char find[] = "select id from program where version = ?1 and build = ?2"
                               " and kernels = ?3 and blas = ?4 and libc = ?5";
    const struct store_bind binds[] = {STORE_TXT(p->version), STORE_TXT(p->build),
                                       STORE_TXT(p->kernels), STORE_TXT(p->blas),
                                       STORE_TXT(p->libc)};

    RT_TRY(store__run(store, insert, binds, 5, err));
    return store__integer(store, find, binds, 5, 0, id, err);
}

rt_status store_program_of(struct store *store, const struct store_program *program, int64_t *id,
                           struct rt_err *err)
{
    assert(program->version[0]);
    RT_TRY(store__begin(store, err, "record a program"));
    return store__end(store, find_program(store, program, id, err), err);
}

void store_made_by(struct store *store, int64_t program)
{
    store->other_program = program;
}

rt_status store_program(struct store *store, const struct store_program *program,
                        struct rt_err *err)
{
    const rt_status rc = store_program_of(store, program, &store->program, err);

    if (rc != RT_OK)
        store->program = 0;
    return rc;
}

/* ---- runs of the search ---- */

static rt_status begin_run(struct store *store, const struct store_run *run, struct rt_err *err)
{
    static const char insert[] =
        "insert into run (host, pid, workers, trials, hours, patience, started)"
        " values (?1, ?2, ?3, nullif(?4, 0), nullif(?5, 0.0), nullif(?6, 0), ?7)";
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    RT_TRY(store__run(store, insert,
                      STORE_BINDS(STORE_INT(run->host), STORE_INT(getpid()),
                                  STORE_INT(run->workers), STORE_INT(run->trials),
                                  STORE_NUM(run->hours), STORE_INT(run->patience), STORE_TXT(now)),
                      err));
    store->run = sqlite3_last_insert_rowid(store->db);
    return RT_OK;
}

rt_status store_run_begin(struct store *store, const struct store_run *run, struct rt_err *err)
{
    assert(!store->run && run->workers >= 0);
    RT_TRY(store__begin(store, err, "begin the search"));
    const rt_status rc = store__end(store, begin_run(store, run, err), err);
    if (rc != RT_OK)
        store->run = 0;
    return rc;
}

rt_status store_run_end(struct store *store, const char *ending, struct rt_err *err)
{
    static const char sql[] = "update run set finished = ?2, ending = ?3 where id = ?1";
    char now[RT_UTC_TEXT];

    assert(store->run);
    rt_utc_text(now);
    RT_TRY(store__begin(store, err, "end the search"));
    RT_TRY(store__end(
        store,
        store__run(store, sql,
                   STORE_BINDS(STORE_INT(store->run), STORE_TXT(now), STORE_TXT(ending)), err),
        err));
    store->run = 0;
    return RT_OK;
}

rt_status store_run_workers(struct store *store, int workers, struct rt_err *err)
{
    static const char sql[] = "update run set workers = ?2 where id = ?1";

    assert(store->run && workers >= 0);
    RT_TRY(store__begin(store, err, "record the number of workers"));
    return store__end(
        store, store__run(store, sql, STORE_BINDS(STORE_INT(store->run), STORE_INT(workers)), err),
        err);
}

rt_status store_run_timing(struct store *store, double timing, double standing, struct rt_err *err)
{
    static const char sql[] = "update run set timing = ?2, standing = ?3 where id = ?1";

    assert(store->run && timing >= 0 && standing >= 0);
    RT_TRY(store__begin(store, err, "record what measuring latency took"));
    return store__end(
        store,
        store__run(store, sql,
                   STORE_BINDS(STORE_INT(store->run), STORE_NUM(timing), STORE_NUM(standing)), err),
        err);
}

/* The recorded teachers, if any, must be these. */
static rt_status check_teachers(struct store *store, const struct store_teacher *teachers,
                                int count, struct rt_err *err)
{
    static const char total[] = "select count(*) from teacher not indexed";
    static const char same[] = "select count(*) from teacher where number = ?1 and hash = ?2";
    int64_t known, equal;

    RT_TRY(store__integer(store, total, NULL, 0, 0, &known, err));
    if (known == 0)
        return RT_OK;
    if (known != count)
        return rt_fail(err, RT_EMISMATCH,
                       "'%s' was searched with %" PRId64 " teachers, ensemble included, not %d: "
                       "give those back, or name another database",
                       store->path, known, count);
    for (int i = 0; i < count; i++) {
        RT_TRY(store__integer(
            store, same, STORE_BINDS(STORE_INT(teachers[i].number), STORE_TXT(teachers[i].hash)), 0,
            &equal, err));
        if (!equal)
            return rt_fail(err, RT_EMISMATCH,
                           "teacher %d ('%.40s') is not the one that '%s' was searched with: "
                           "give that one back, or name another database",
                           teachers[i].number, teachers[i].name, store->path);
    }
    return RT_OK;
}

static rt_status insert_teacher(struct store *store, const struct store_teacher *teacher,
                                struct rt_err *err)
{
    static const char insert[] =
        "insert into teacher (number, name, kind, arch, params, weight, calibration, hash)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    static const char metric[] =
        "insert or replace into teacher_metric (teacher, name, value, stderr)"
        " values (?1, ?2, ?3, ?4)";
    static const char pair[] =
        "insert into teacher_agreement (teacher, other, agreement) values (?1, ?2, ?3)";

    RT_TRY(store__run(store, insert,
                      STORE_BINDS(STORE_INT(teacher->number), STORE_TXT(teacher->name),
                                  STORE_TXT(teacher->kind), STORE_TXT(teacher->arch),
                                  STORE_INT(teacher->params), STORE_NUM(teacher->weight),
                                  STORE_NUM(teacher->calibration), STORE_TXT(teacher->hash)),
                      err));
    for (int i = 0; i < teacher->value_count; i++) {
        const struct store_value *v = &teacher->values[i];
        RT_TRY(store__run(store, metric,
                          STORE_BINDS(STORE_INT(teacher->number), STORE_TXT(v->name),
                                      STORE_NUM(v->value), STORE_NUM(v->stderr_)),
                          err));
    }
    for (int k = 0; teacher->agreement && k < teacher->number; k++)
        RT_TRY(store__run(
            store, pair,
            STORE_BINDS(STORE_INT(teacher->number), STORE_INT(k), STORE_NUM(teacher->agreement[k])),
            err));
    return RT_OK;
}

static rt_status replace_teachers(struct store *store, const struct store_teacher *teachers,
                                  int count, struct rt_err *err)
{
    static const char clear[] = "delete from teacher where +number >= 0"; /* the metrics go along */

    RT_TRY(check_teachers(store, teachers, count, err));
    RT_TRY(store__run(store, clear, NULL, 0, err));
    for (int i = 0; i < count; i++)
        RT_TRY(insert_teacher(store, &teachers[i], err));
    return RT_OK;
}

rt_status store_teachers(struct store *store, const struct store_teacher *teachers, int count,
                         struct rt_err *err)
{
    assert(count > 0 && teachers[count - 1].number == count - 1);
    RT_TRY(store__begin(store, err, "record the teachers"));
    return store__end(store, replace_teachers(store, teachers, count, err), err);
}

rt_status store_teacher_weights(struct store *store, int count, double *weight, double *calibration,
                                bool *found, struct rt_err *err)
{
    static const char total[] = "select count(*) from teacher where kind <> 'ensemble'";
    static const char all[] = "select number, weight, calibration from teacher where number < ?1";
    int64_t known;
    sqlite3_stmt *q;
    int code;

    store__doing(store, "read the teachers' weights");
    RT_TRY(store__integer(store, total, NULL, 0, 0, &known, err));
    *found = known == count;
    if (!*found)
        return RT_OK;
    RT_TRY(store__bind(store, all, STORE_BINDS(STORE_INT(count)), &q, err));
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        const int k = sqlite3_column_int(q, 0);
        weight[k] = sqlite3_column_double(q, 1);
        calibration[k] = sqlite3_column_double(q, 2);
    }
    const rt_status rc = code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    return rc;
}

rt_status store__event(struct store *store, const char *kind, int64_t trial, const char *text,
                       struct rt_err *err)
{
    static const char insert[] =
        "insert into event (at, kind, trial, text) values (?1, ?2, ?3, ?4)";
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    return store__run(
        store, insert,
        STORE_BINDS(STORE_TXT(now), STORE_TXT(kind), STORE_ID(trial), STORE_TXT(text ? text : "")),
        err);
}

rt_status store_event(struct store *store, const char *kind, int64_t trial, const char *text,
                      struct rt_err *err)
{
    RT_TRY(store__begin(store, err, "record the event '%.40s'", kind));
    return store__end(store, store__event(store, kind, trial, text, err), err);
}

rt_status store_has_event(struct store *store, const char *kind, bool *has, struct rt_err *err)
{
    static const char sql[] = "select exists (select 1 from event where kind = ?1)";
    int64_t found = 0;

    assert(kind && has);
    store__doing(store, "look for the event '%.40s'", kind);
    RT_TRY(store__integer(store, sql, STORE_BINDS(STORE_TXT(kind)), 0, &found, err));
    *has = found != 0;
    return RT_OK;
}

rt_status store_has_crashed(struct store *store, bool *has, struct rt_err *err)
{
    static const char sql[] = "select exists (select 1 from event where kind = 'recovered'"
                              " group by trial having count(*) > 1)";
    int64_t found = 0;

    assert(has);
    store__doing(store, "look for trials that ended the program");
    RT_TRY(store__integer(store, sql, NULL, 0, 0, &found, err));
    *has = found != 0;
    return RT_OK;
}
