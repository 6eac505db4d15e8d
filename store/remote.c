/* store/remote.c -- who evaluates trials on other machines.
 *
 * Its table is no part of the schema: the first worker that comes makes it, and files without it are
 * as good.
 */
#include <assert.h>
#include <sqlite3.h>

#include "store/store_internal.h"

static const char table[] =
    "create table if not exists remote ( -- processes that evaluate trials elsewhere\n"
    "  id       integer primary key,     -- execution.worker of its trials is 1024 + id\n"
    "  name     text not null unique,    -- made up by the process when it began\n"
    "  host     integer not null references host (id),\n"
    "  program  integer references program (id),\n"
    "  slots    integer not null,        -- trials at once\n"
    "  mixed    integer not null,        -- 1: other last bits than the study's are allowed for\n"
    "  there    integer not null,        -- 1: connected\n"
    "  joined   text not null,\n"
    "  seen     text not null,           -- when this row was written last\n"
    "  trials   integer not null,        -- whose results it brought\n"
    "  lost     integer not null,        -- that it had when it was lost\n"
    "  returned integer not null         -- that it gave back, as when it was asked to stop\n"
    ") strict";

static rt_status insert(struct store *store, struct store_remote *r, const char *now,
                        struct rt_err *err)
{
    static const char sql[] =
        "insert into remote (name, host, program, slots, mixed, there, joined, seen, trials, lost,"
        " returned) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10)"
        " on conflict (name) do update set there = ?6, seen = ?7, slots = ?4";
    static const char find[] = "select id from remote where name = ?1";
    static const char known[] = "select trials from remote where id = ?1",
                      missed[] = "select lost from remote where id = ?1",
                      given[] = "select returned from remote where id = ?1";

    RT_TRY(store__run(store, sql,
                      STORE_BINDS(STORE_TXT(r->name), STORE_INT(r->host),
                                  STORE_ID(r->program ? r->program : -1), STORE_INT(r->slots),
                                  STORE_INT(r->mixed), STORE_INT(r->there), STORE_TXT(now),
                                  STORE_INT(r->trials), STORE_INT(r->lost), STORE_INT(r->returned)),
                      err));
    RT_TRY(store__integer(store, find, STORE_BINDS(STORE_TXT(r->name)), 0, &r->id, err));
    RT_TRY(store__integer(store, known, STORE_BINDS(STORE_INT(r->id)), 0, &r->trials, err));
    RT_TRY(store__integer(store, missed, STORE_BINDS(STORE_INT(r->id)), 0, &r->lost, err));
    return store__integer(store, given, STORE_BINDS(STORE_INT(r->id)), 0, &r->returned, err);
}

static rt_status update(struct store *store, const struct store_remote *r, const char *now,
                        struct rt_err *err)
{
    static const char sql[] = "update remote set there = ?2, seen = ?3, trials = ?4, lost = ?5,"
                              " returned = ?6 where id = ?1";

    return store__run(store, sql,
                      STORE_BINDS(STORE_INT(r->id), STORE_INT(r->there), STORE_TXT(now),
                                  STORE_INT(r->trials), STORE_INT(r->lost), STORE_INT(r->returned)),
                      err);
}

static rt_status write_all(struct store *store, struct store_remote *const *remotes, int count,
                           struct rt_err *err)
{
    char now[RT_UTC_TEXT];

    rt_utc_text(now);
    RT_TRY(store__execute(store, table, err));
    for (int i = 0; i < count; i++)
        RT_TRY(remotes[i]->id ? update(store, remotes[i], now, err)
                              : insert(store, remotes[i], now, err));
    return RT_OK;
}

rt_status store_remotes(struct store *store, struct store_remote *const *remotes, int count,
                        struct rt_err *err)
{
    assert(count >= 0);
    RT_TRY(store__begin(store, err, "record workers of other machines"));
    return store__end(store, write_all(store, remotes, count, err), err);
}

static rt_status leave_all(struct store *store, struct rt_err *err)
{
    RT_TRY(store__execute(store, table, err));
    return store__run(store, "update remote set there = 0 where there", NULL, 0, err);
}

rt_status store_remotes_gone(struct store *store, struct rt_err *err)
{
    RT_TRY(store__begin(store, err, "record workers of other machines"));
    return store__end(store, leave_all(store, err), err);
}
