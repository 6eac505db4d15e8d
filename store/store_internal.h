/* store/store_internal.h -- what the files of this folder share: the handle, its statements and
 * transactions, and the lock.
 *
 * Every public function names its work with store__begin() or store__doing(), runs statements with
 * bound values, and ends its transaction with store__end(); so any failure reads
 * "cannot <work> in '<file>': <reason><mend>".
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H
#include <inttypes.h>
#include <sqlite3.h>

#include "base/file.h"
#include "store/store.h"

#define STORE_APPLICATION_ID 0x52545254 /* "RTRT" */
#define STORE_OLDEST_SCHEMA 2
#define STORE_MAX_STATEMENTS 160
#define STORE_LOCK_SUFFIX ".lock"

/* A trial that runs now. Seconds are measured with the monotonic clock, which the file cannot. */
struct store_running {
    int64_t number, execution, started_ns;
};

struct store_lock {
    int fd, database; /* -1: not held */
    char path[RT_PATH_MAX + 16];
};

struct store {
    sqlite3 *db;
    enum store_mode mode;
    struct store_lock lock;
    char path[RT_PATH_MAX];   /* as the caller wrote it */
    char file[RT_PATH_MAX];   /* absolute, without links */
    char backup[RT_PATH_MAX]; /* see store_backup() */
    int64_t run;              /* the present store_run; 0: none */
    int64_t program;          /* store_program()'s row; 0: not said */
    int64_t other_program;    /* store_made_by()'s */
    int64_t steps;            /* that SQLite may take for one work, by the size of the file */
    int64_t steps_left;       /* below 0: it is interrupted */
    unsigned works;           /* of a writer: how many were begun */
    int log_tried;            /* pages of the log when its end was last waited for */
    char doing[96];           /* for messages: what is being done */
    int statement_count;
    struct {
        const char *sql; /* compared by address */
        sqlite3_stmt *statement;
    } statements[STORE_MAX_STATEMENTS];
    int running_count, running_room;
    struct store_running *running;
};

enum store_kind { STORE_NULL, STORE_INTEGER, STORE_REAL, STORE_TEXT };
struct store_bind {
    enum store_kind kind;
    int64_t integer;
    double real;
    const char *text;
};
#define STORE_INT(x) ((struct store_bind){.kind = STORE_INTEGER, .integer = (int64_t)(x)})
#define STORE_TXT(x) ((struct store_bind){.kind = STORE_TEXT, .text = (x)})
#define STORE_NUM(x) ((struct store_bind){.kind = STORE_REAL, .real = (x)}) /* non-finite: NULL */
/* A number that is NULL below zero: trials and parents that are not there. */
#define STORE_ID(x)                                                                                \
    ((struct store_bind){.kind = (x) < 0 ? STORE_NULL : STORE_INTEGER, .integer = (int64_t)(x)})
/* Two arguments: the values and how many. */
#define STORE_BINDS(...)                                                                           \
    (const struct store_bind[]){__VA_ARGS__},                                                      \
        (int)(sizeof((const struct store_bind[]){__VA_ARGS__}) / sizeof(struct store_bind))

/* schema.c: all tables of a new file; `candidate` has the genes of `space`. */
rt_status store__make_tables(struct store *store, const struct space *space, struct rt_err *err);
/* The tables that are new since `schema`, into `where`: "main" or "temp". */
rt_status store__make_new_tables(struct store *store, const char *where, int schema,
                                 struct rt_err *err);
/* Of a trial's states; rewind.c takes it away for the length of a transaction. */
extern const char store__trial_moves[];
/* Columns of `candidate` that are costs, as struct space_cost has them; NULL at the end. */
extern const char *const store__costs[];

/* columns.c: what a student of `space` has once; none in a space of own genes, or without one. */
int store__gene_count(const struct space *space);
const char *store__gene_name(const struct space *space, int gene);
int64_t store__gene_value(const struct space *space, const struct space_arch *arch, int gene);

/* views.c: all views, of the quantities and genes that the file has, into `where`. In the file they
 * replace what is there; temporary ones hide them. */
rt_status store__make_views(struct store *store, const char *where, struct rt_err *err);

/* trust.c: RT_EMISMATCH, saying what, unless the file holds what readers rely on; and what is shown,
 * which schema 2 has not, and the tables that schema 3 has not. */
rt_status store__trust(struct store *store, struct rt_err *err);
rt_status store__trust_shown(struct store *store, int64_t schema, struct rt_err *err);

/* migrate.c: bring the file of an older `schema`, which is locked, to this one; or, for readers, add
 * what is missing as temporary tables and views, which hide what has changed. */
rt_status store__migrate(struct store *store, int64_t schema, struct rt_err *err);
rt_status store__complete(struct store *store, int64_t schema, struct rt_err *err);

/* schema2.c, schema3.c: from this schema to the next, in `where`; the new tables are there. */
rt_status store__from_schema2(struct store *store, const char *where, struct rt_err *err);
rt_status store__from_schema3(struct store *store, const char *where, struct rt_err *err);

/* latency.c: blocks of a trial, and what they and those before come to. */
rt_status store__latency(struct store *store, int64_t number, int64_t host,
                         const struct store_result *result, struct rt_err *err);

/* front.c: inside a transaction of the caller. The change that a commit makes; and the means of the
 * candidate that trial `number` tried again. */
rt_status store__change_front(struct store *store, const struct store_commit *c,
                              struct rt_err *err);
rt_status store__repeated(struct store *store, int64_t number, struct rt_err *err);

/* open.c: a work of a writer begins, which has all of its steps. */
void store__steps_anew(struct store *store);

/* sql.c */
__attribute__((format(printf, 2, 3))) void store__doing(struct store *store, const char *format,
                                                        ...);
rt_status store__fail_sql(const struct store *store, struct rt_err *err);
rt_status store__fail(const struct store *store, struct rt_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The statement for `sql` (a literal that lives as long as the program), reset, values bound. */
rt_status store__bind(struct store *store, const char *sql, const struct store_bind *binds,
                      int count, sqlite3_stmt **statement, struct rt_err *err);
/* Run a statement that gives no rows. */
rt_status store__run(struct store *store, const char *sql, const struct store_bind *binds,
                     int count, struct rt_err *err);
/* Run statements that are needed once and give no rows that matter. */
rt_status store__execute(struct store *store, const char *sql, struct rt_err *err);
/* First column of the first row; `otherwise` when there is no row or it is NULL. */
rt_status store__integer(struct store *store, const char *sql, const struct store_bind *binds,
                         int count, int64_t otherwise, int64_t *value, struct rt_err *err);
rt_status store__begin(struct store *store, struct rt_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Commit when rc is RT_OK, else roll back; returns rc, or why the commit failed. */
rt_status store__end(struct store *store, rt_status rc, struct rt_err *err);
void store__finalize(struct store *store);
bool store__has_column(struct store *store, const char *table,
                       const char *column); /* in the file */

/* lock.c: `path` is the database's. */
rt_status store__lock(struct store_lock *lock, const char *path, struct rt_err *err);
/* Then the file itself, before SQLite opens it. */
rt_status store__lock_database(struct store_lock *lock, const char *path, struct rt_err *err);
/* Is the locked file the one of this name yet? */
bool store__locked_is(const struct store_lock *lock, const char *path);
void store__unlock(struct store_lock *lock);
void store__lock_owner(const char *path, struct store_writer *writer);

#define STORE_BUSY_MS 60000 /* a person's transaction in the sqlite3 shell is waited for */
/* checkpoint.c: for a writer. */
void store__keep_log_short(struct store *store);

/* write.c: inside a transaction of the caller. */
rt_status store__event(struct store *store, const char *kind, int64_t trial, const char *text,
                       struct rt_err *err);
/* trial_states.c: trials that a dead writer left running go back to proposed. */
rt_status store__recover(struct store *store, struct rt_err *err);
#endif
