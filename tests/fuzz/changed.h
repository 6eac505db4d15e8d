/* tests/fuzz/changed.h -- a study's file with cells and bytes changed, as quickly as can be.
 *
 * The file is made once, by the program's own calls, rid of what keeps odd values out of tables (STRICT,
 * NOT NULL, triggers), and kept in memory. An input is a list of changes of 8 bytes each, of one cell of
 * one table or of one byte of one page; they are made in memory, and written once, to a file system that
 * is memory too where there is one.
 */
#ifndef FUZZ_CHANGED_H
#define FUZZ_CHANGED_H
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was freed is remembered for some files, not for a thousand. */
const char *__asan_default_options(void); /* NOLINT(bugprone-reserved-identifier) */
const char *__asan_default_options(void)  /* NOLINT(bugprone-reserved-identifier) */
{
    return "quarantine_size_mb=16";
}

/* No disk is waited for. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

static struct changed {
    unsigned char *seed; /* the file */
    sqlite3_int64 bytes;
    char path[64]; /* where changed files go */
    char folder[48];
} changed;

static const char *const changed_tables[] = {"study",
                                             "objective",
                                             "quantity",
                                             "series",
                                             "start",
                                             "rung",
                                             "host",
                                             "teacher",
                                             "teacher_metric",
                                             "candidate",
                                             "layer",
                                             "gene",
                                             "trial",
                                             "execution",
                                             "teacher_agreement",
                                             "metric",
                                             "curve",
                                             "prediction",
                                             "front",
                                             "front_history",
                                             "latency",
                                             "run",
                                             "checkpoint",
                                             "event",
                                             "distillation",
                                             "distillation_metric",
                                             "gate",
                                             "played",
                                             "detail",
                                             "latency_block",
                                             "program",
                                             "repeated",
                                             "confirmation",
                                             "confirmation_metric",
                                             "confirmation_curve",
                                             "confirmation_run"};
static const char *const changed_values[] = {"null",
                                             "-1",
                                             "0",
                                             "1",
                                             "2000000000",
                                             "-9223372036854775807",
                                             "9e999",
                                             "-9e999",
                                             "1e-320",
                                             "''",
                                             "'x' || char(27) || '[2J'",
                                             "x'00ff'",
                                             "replace(hex(zeroblob(300)), '0', 'a')",
                                             "'error'",
                                             "'params'",
                                             "'%s%n<b>\"&'",
                                             "1e300"};
#define CHANGED_COUNT(list) (sizeof(list) / sizeof *(list))

static sqlite3 *changed_open(void)
{
    sqlite3 *db = NULL;
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)changed.bytes);

    if (!copy || sqlite3_open(":memory:", &db))
        abort();
    memcpy(copy, changed.seed, (size_t)changed.bytes);
    if (sqlite3_deserialize(db, "main", copy, changed.bytes, changed.bytes,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE))
        abort();
    return db;
}

/* Takes the image of `db`, which is closed. */
static void changed_keep(sqlite3 *db)
{
    sqlite3_free(changed.seed);
    changed.seed = sqlite3_serialize(db, "main", &changed.bytes, 0);
    if (!changed.seed || sqlite3_close(db))
        abort();
}

static void changed_leave(void)
{
    rmdir(changed.folder);
}

/* Folder for changed files, and for the study that changed_from() takes. */
static void changed_place(void)
{
    snprintf(changed.folder, sizeof changed.folder, "%s/retort-fuzz-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(changed.folder) || atexit(changed_leave))
        abort();
    snprintf(changed.path, sizeof changed.path, "%s/changed.db", changed.folder);
}

/* Readers have their own, and each costs time whenever a file is opened. */
static void changed_drop_views(sqlite3 *db)
{
    char *sql = NULL;
    sqlite3_stmt *q;

    if (sqlite3_prepare_v2(db,
                           "select group_concat('drop view ' || name, ';') || ';vacuum'"
                           " from sqlite_schema where type = 'view'",
                           -1, &q, NULL) ||
        sqlite3_step(q) != SQLITE_ROW)
        abort();
    sql = sqlite3_mprintf("%s", sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    if (!sql || sqlite3_exec(db, sql, NULL, NULL, NULL))
        abort();
    sqlite3_free(sql);
}

/* The study at changed.path is what will be changed. It need not be kept. */
static void changed_from(void)
{
    static const char loosen[] =
        "pragma journal_mode = delete; pragma writable_schema = on;"
        "update sqlite_schema set sql = replace(replace(replace(sql, ' text not null', ' text'),"
        " ' integer not null', ' integer'), ' real not null', ' real') where type = 'table';"
        "update sqlite_schema set sql = replace(replace(sql, ') strict, without', ') without'),"
        " ') strict', ')') where type = 'table'";
    sqlite3 *db = NULL;

    if (sqlite3_open(changed.path, &db) || sqlite3_exec(db, loosen, NULL, NULL, NULL))
        abort();
    sqlite3_close(db);
    if (sqlite3_open(changed.path, &db) ||
        sqlite3_exec(db, "drop trigger trial_moves; drop trigger event_keep", NULL, NULL, NULL))
        abort();
    changed_drop_views(db);
    changed_keep(db);
    unlink(changed.path);
}

/* A column by its number; the row by its place. */
static void changed_cell(sqlite3 *db, const uint8_t *b)
{
    char sql[600], column[64] = "";
    const char *table = changed_tables[b[1] % CHANGED_COUNT(changed_tables)];
    sqlite3_stmt *q;

    sqlite3_snprintf(sizeof sql, sql,
                     "select name from pragma_table_info(%Q) order by cid limit 1 offset %d %%"
                     " (select count(*) from pragma_table_info(%Q))",
                     table, b[2], table);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL))
        return;
    if (sqlite3_step(q) == SQLITE_ROW)
        sqlite3_snprintf(sizeof column, column, "%s", sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_snprintf(
        sizeof sql, sql,
        b[5] & 1 ? "update or replace \"%w\" set \"%w\" = %s"
                 : "update or replace \"%w\" set \"%w\" = %s where \"%w\" = (select \"%w\" from"
                   " \"%w\" limit 1 offset %d %% (select count(*) from \"%w\"))",
        table, column, changed_values[b[4] % CHANGED_COUNT(changed_values)], column, column, table,
        b[3], table);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The seed with its cells changed: sqlite3_free() it. */
static unsigned char *changed_cells(const uint8_t *data, size_t size, sqlite3_int64 *bytes)
{
    sqlite3 *db = changed_open();

    sqlite3_exec(db, "pragma ignore_check_constraints = on", NULL, NULL, NULL);
    for (size_t i = 0; i + 8 <= size; i += 8)
        if (!(data[i] & 1))
            changed_cell(db, data + i);
    unsigned char *image = sqlite3_serialize(db, "main", bytes, 0);
    if (!image)
        abort();
    sqlite3_close(db);
    return image;
}

/* The header's first 100 bytes stay: what is no SQLite file is refused at once. */
static void changed_bytes(unsigned char *image, sqlite3_int64 bytes, const uint8_t *data,
                          size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8)
        if (data[i] & 1) {
            const size_t at =
                100 + (data[i + 1] | (size_t)data[i + 2] << 8 | (size_t)(data[i + 3] & 15) << 16) %
                          ((size_t)bytes - 104);
            memcpy(image + at, data + i + 4, 1 + data[i + 5] % 3);
        }
}

/* Into changed.path. */
static void changed_write(const uint8_t *data, size_t size)
{
    unsigned char *image;
    sqlite3_int64 bytes;

    if (size > 64)
        size = 64;
    image = changed_cells(data, size, &bytes);
    changed_bytes(image, bytes, data, size);
    const int fd = open(changed.path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, image, (size_t)bytes) != (ssize_t)bytes || close(fd))
        abort();
    sqlite3_free(image);
}

static void changed_remove(void)
{
    static const char *const ends[] = {"/changed.db",         "/changed.db-wal",  "/changed.db-shm",
                                       "/changed.db-journal", "/changed.db.lock", "/search.log"};
    char path[80];

    for (size_t i = 0; i < CHANGED_COUNT(ends); i++) {
        snprintf(path, sizeof path, "%s%s", changed.folder, ends[i]);
        unlink(path);
    }
}
#endif
