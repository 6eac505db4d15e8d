/* store/afterwards.c -- see afterwards.h. */
#include "store/afterwards.h"

#include <assert.h>

#include "base/clock.h"
#include "store/store_internal.h"

/* ---- files ---- */

static const char exported_table[] =
    "create table if not exists exported ( -- files of trained students: distill, export\n"
    "  path      text primary key,    -- as it was given; the latest that was written there\n"
    "  candidate integer not null references candidate (id),\n"
    "  format    text not null,       -- safetensors, onnx, c, torch, huggingface\n"
    "  precision text not null check (precision in ('float', 'int8')),\n"
    "  bytes     integer not null,    -- of a folder those of its files\n"
    "  hash      text not null,       -- as xxh128sum shows it; of a folder, its weights'\n"
    "  finished  text not null\n"
    ") strict, without rowid";

static rt_status insert_exported(struct store *store, const struct store_exported *e,
                                 struct rt_err *err)
{
    static const char find[] = "select id from candidate where arch = ?1";
    static const char insert[] = "insert or replace into exported (path, candidate, format,"
                                 " precision, bytes, hash, finished)"
                                 " values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    char now[RT_UTC_TEXT];
    int64_t candidate;

    RT_TRY(store__integer(store, find, STORE_BINDS(STORE_TXT(e->arch)), -1, &candidate, err));
    if (candidate < 0)
        return store__fail(store, err, "'%.160s' is no candidate of this study", e->arch);
    rt_utc_text(now);
    RT_TRY(store__execute(store, exported_table, err));
    return store__run(store, insert,
                      STORE_BINDS(STORE_TXT(e->path), STORE_INT(candidate), STORE_TXT(e->format),
                                  STORE_TXT(e->int8 ? "int8" : "float"), STORE_INT(e->bytes),
                                  STORE_TXT(e->hash), STORE_TXT(now)),
                      err);
}

rt_status store_exported(struct store *store, const struct store_exported *exported,
                         struct rt_err *err)
{
    assert(exported->arch && exported->format && exported->path);
    RT_TRY(store__begin(store, err, "record the export"));
    return store__end(store, insert_exported(store, exported, err), err);
}

/* ---- stages ---- */

static const char stage_table[] =
    "create table if not exists stage ( -- what `after:` of a study ran when its search had ended\n"
    "  name     text not null,       -- confirm, distill, export\n"
    "  what     text not null,       -- the architecture, or the file; '' the whole study\n"
    "  basis    text not null,       -- of another one it is to be run anew\n"
    "  done     integer not null check (done in (0, 1)),\n"
    "  seconds  real not null,\n"
    "  message  text not null,       -- why it failed\n"
    "  finished text not null,\n"
    "  primary key (name, what)\n"
    ") strict, without rowid";

static rt_status insert_stage(struct store *store, const struct store_stage *s, struct rt_err *err)
{
    static const char insert[] =
        "insert or replace into stage (name, what, basis, done, seconds, message, finished)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    RT_TRY(store__execute(store, stage_table, err));
    return store__run(store, insert,
                      STORE_BINDS(STORE_TXT(s->name), STORE_TXT(s->what), STORE_TXT(s->basis),
                                  STORE_INT(s->done), STORE_NUM(s->seconds), STORE_TXT(s->message),
                                  STORE_TXT(now)),
                      err);
}

rt_status store_stage(struct store *store, const struct store_stage *stage, struct rt_err *err)
{
    assert(stage->name && stage->what && stage->basis && stage->message);
    RT_TRY(store__begin(store, err, "record the stage '%.40s'", stage->name));
    return store__end(store, insert_stage(store, stage, err), err);
}

rt_status store_stage_is_done(struct store *store, const char *name, const char *what,
                              const char *basis, bool *done, struct rt_err *err)
{
    static const char kept[] = "select count(*) from main.sqlite_schema where type = 'table'"
                               " and name = 'stage' and rootpage > 0";
    static const char find[] = "select done from main.stage where name = ?1 and what = ?2"
                               " and basis = ?3";
    int64_t value = 0;

    *done = false;
    RT_TRY(store__integer(store, kept, NULL, 0, 0, &value, err));
    if (!value)
        return RT_OK;
    RT_TRY(store__integer(store, find,
                          STORE_BINDS(STORE_TXT(name), STORE_TXT(what), STORE_TXT(basis)), 0,
                          &value, err));
    *done = value != 0;
    return RT_OK;
}
