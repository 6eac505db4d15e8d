/* store/played.c -- what `retort play` leaves behind: returns from all starts, and the pictures of one.
 *
 * Its table is no part of the schema: the first play makes it, and files without it are as good.
 */
#include <assert.h>
#include <sqlite3.h>
#include <string.h>

#include "store/store_internal.h"

static const char table[] =
    "create table if not exists played ( -- episodes of a student that retort play trained again\n"
    "  candidate integer not null references candidate (id),\n"
    "  start     integer not null,       -- of those that score students, from 0\n"
    "  who       text not null check (who in ('student', 'teacher')),\n"
    "  recipe    text not null check (recipe in ('trial', 'full')), -- of the student\n"
    "  total     real not null,          -- its return\n"
    "  capsules  integer,                -- in a frame; null: no pictures were kept\n"
    "  film      blob, -- frames of little-endian floats: the return so far, then x0, y0, x1, y1\n"
    "                  -- and the radius of each capsule, in metres\n"
    "  primary key (candidate, start, who)\n"
    ") strict";

static rt_status insert_one(struct store *store, const struct store_played *p, int64_t candidate,
                            int start, bool student, struct rt_err *err)
{
    static const char insert[] =
        "insert into played (candidate, start, who, recipe, total, capsules, film)"
        " values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    const struct store_film *film = start == p->shown ? &p->film[!student] : NULL;
    const bool pictures = film && film->frames > 0;
    sqlite3_stmt *q;

    RT_TRY(store__bind(store, insert,
                       STORE_BINDS(STORE_INT(candidate), STORE_INT(start),
                                   STORE_TXT(student ? "student" : "teacher"),
                                   STORE_TXT(p->full ? "full" : "trial"),
                                   STORE_NUM(student ? p->student[start] : p->teacher[start]),
                                   STORE_ID(pictures ? film->capsules : -1), STORE_ID(-1)),
                       &q, err));
    if (pictures &&
        sqlite3_bind_blob64(q, 7, film->values,
                            (sqlite3_uint64)film->frames * store_film_floats(film->capsules) * 4,
                            SQLITE_STATIC))
        return store__fail_sql(store, err);
    const int code = sqlite3_step(q);
    const rt_status rc = code == SQLITE_DONE ? RT_OK : store__fail_sql(store, err);
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return rc;
}

static rt_status insert_all(struct store *store, const struct store_played *p, struct rt_err *err)
{
    static const char find[] = "select id from candidate where arch = ?1";
    char arch[SPACE_ARCH_TEXT];
    int64_t candidate;

    space_arch_print(p->arch, arch);
    RT_TRY(store__integer(store, find, STORE_BINDS(STORE_TXT(arch)), -1, &candidate, err));
    if (candidate < 0)
        return store__fail(store, err, "'%.160s' is no candidate of this study", arch);
    RT_TRY(store__execute(store, table, err));
    RT_TRY(store__run(store, "delete from played where candidate = ?1",
                      STORE_BINDS(STORE_INT(candidate)), err));
    for (int start = 0; start < p->starts; start++)
        for (int student = 1; student >= 0; student--)
            RT_TRY(insert_one(store, p, candidate, start, student, err));
    return RT_OK;
}

rt_status store_played(struct store *store, const struct store_played *played, struct rt_err *err)
{
    assert(played->arch && played->starts >= 1 && played->student && played->teacher);
    RT_TRY(store__begin(store, err, "keep the episodes"));
    return store__end(store, insert_all(store, played, err), err);
}
