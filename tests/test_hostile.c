/* tests/test_hostile.c -- files that are no study, or a study that somebody has changed by hand. */
#include "hostile.h"
#include "store_sample.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store_internal.h"

/* Foreign keys and checks do not bind who writes with another program. */
static void change(const char *path, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    assert_int_equal(sqlite3_exec(db,
                                  "pragma ignore_check_constraints = on;"
                                  "pragma writable_schema = on;"
                                  "update sqlite_schema set sql = replace(replace(replace(sql,"
                                  " ' text not null', ' text'), ' integer not null', ' integer'),"
                                  " ' real not null', ' real') where type = 'table'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "pragma ignore_check_constraints = on; drop trigger trial_moves", NULL, NULL,
                 NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &error))
        fail_msg("%s: %s", sql, error);
    sqlite3_close(db);
}

static const char *changed(const char *sql)
{
    static int number;
    char name[32];

    snprintf(name, sizeof name, "hostile%d.db", number++);
    struct store *store = sample_create(sample_path(name));
    sample_fill(store);
    store_close(store);
    const char *path = sample_path(name);
    change(path, sql);
    return path;
}

static const char *const refused[] = {
    "delete from study",
    "update study set hash = null",
    "update study set settings = null",
    "update study set settings = '{'",
    "update study set yaml = null",
    "update study set name = 'a' || char(27) || '[2J'",
    "update study set noun = 'a' || char(155) || '2J'",
    "update objective set name = 'a;id>X;b' where position = 0",
    "update objective set name = null where position = 0",
    "update objective set name = 'unknown' where position = 0",
    "update objective set position = -1 where position = 0",
    "insert into objective values (3, 'kl'), (4, 'nll'), (5, 'ece'), (6, 'macs'), (7, 'bytes'),"
    " (8, 'agreement')",
    "delete from objective",
    "update quantity set position = 2000000000 where position = 4",
    "update quantity set position = -1 where position = 0",
    "update quantity set label = 'x' || char(7) where position = 0",
    "update quantity set digits = 400 where position = 0",
    "update quantity set factor = 9e999 where position = 0",
    "update quantity set detail = -2000000000 where position = 0",
    "update series set name = '../x' where position = 0",
    "update metric set trial = -5 where trial = 3",
    "update curve set trial = -5 where trial = 3",
    "insert into front (trial) values (-9)",
    "insert into trial select -1, candidate, rung, 99, inherits, state, attempt, error_kind,"
    " error, replicate from trial where number = 0",
    "update rung set number = 70",
    "update run set id = -1",
    "update host set id = 0 where id = 1",
    "insert into program (id, version, build, kernels, blas, libc) values (-7, '', '', '', '',"
    " '')",
    "drop table series; create view series as with recursive c (x) as (select 1 union all"
    " select x + 1 from c) select x as position, 'a' as name, 'b' as label, 0 as folded from c"
    " where x < 0",
    "drop table run; create view run as select 1 as id",
    "drop trigger event_keep; drop trigger event_stay; drop table event; create table event"
    " (id integer primary key, at text, kind text, trial integer, text text as"
    " (hex(zeroblob(400000000))))",
    "drop table gene; create view gene as select 1 as candidate, 2 as name, 3 as position,"
    " 4 as value",
};

static void what_readers_rely_on_is_looked_at_when_a_file_is_opened(void **state)
{
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *path = changed(refused[i]);
        struct store *store = NULL;
        if (store_open(path, STORE_READ, NULL, &store, &err) != RT_EMISMATCH)
            fail_msg("opened after: %s", refused[i]);
        if (store_open(path, STORE_WRITE, SAMPLE_HASH, &store, &err) != RT_EMISMATCH)
            fail_msg("opened for writing after: %s", refused[i]);
    }
}

static void what_rows_hold_is_looked_at_when_they_are_read(void **state)
{
    static const char *const changes[] = {
        "select 1",
        "update metric set trial = 2000000000 where trial = 3",
        "update metric set value = 9e999",
        "update metric set value = null",
        "update trial set rung = -7 where number = 3",
        "update trial set rung = 7000000 where number = 3",
        "update trial set candidate = -7 where number = 3",
        "update trial set state = null where number = 3",
        "update trial set inherits = 2000000000 where number = 3",
        "update trial set number = 2000000000 where number = 23",
        "update candidate set arch = null",
        "update candidate set params = -1, macs = 0",
        "update layer set position = 2000000000 where position = 0",
        "update layer set position = -1 where position = 0",
        "update execution set started = null, finished = 'x', seconds = -9e999",
        "update run set started = null, trials = -1",
        "update teacher set name = null, weight = null",
        "update latency set median = 9e999",
        "update curve set step = -9223372036854775807 where step = 0",
        "drop view pareto; drop view progress; create view progress as select 1 as study",
        ("drop view quantity_values; create view quantity_values as select -5 as trial,"
         " -7 as position, 'x' as name, 1.0 as value, 2.0 as stderr"),
    };
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct store *store = NULL;
        if (store_open(changed(changes[i]), STORE_READ, NULL, &store, &err) != RT_OK)
            fail_msg("%s: %s", changes[i], err.text);
        hostile_read(store, sample_path("hostile.html"));
        store_close(store);
    }
}

/* ---- a table of a few pages whose rows have no end ---- */

enum { PAGE = 4096, CHILDREN = 400, LEVELS = 8, HEADER = 12, CELL = 5 };

static void put(unsigned char *to, int bytes, size_t value)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
}

/* An inner page of SQLite's, all of whose children are one page. */
static void put_inner(unsigned char *page, size_t child)
{
    memset(page, 0, PAGE);
    page[0] = 5;
    put(page + 3, 2, CHILDREN);
    put(page + 5, 2, PAGE - CELL * CHILDREN);
    put(page + 8, 4, child);
    for (size_t i = 0; i < CHILDREN; i++) {
        const size_t at = PAGE - CELL * (i + 1);
        put(page + HEADER + 2 * i, 2, at);
        put(page + at, 4, child);
        page[at + 4] = 1; /* the key */
    }
}

static size_t root_of(const char *path, const char *table)
{
    sqlite3_stmt *q;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "select rootpage from sqlite_schema where name = ?1", -1, &q, NULL),
        SQLITE_OK);
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    const size_t root = (size_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return root;
}

static void entangle(const char *path, const char *table)
{
    const size_t root = root_of(path, table);
    char *text;
    size_t bytes;
    struct rt_err err;
    FILE *file = fopen(path, "r+b");

    assert_ok(rt_file_read(path, 1 << 26, &text, &bytes, &err));
    unsigned char *all = calloc(1, bytes + (LEVELS + 1) * (size_t)PAGE);
    memcpy(all, text, bytes);
    free(text);
    size_t pages = bytes / PAGE;
    unsigned char *top = all + (root - 1) * PAGE;
    assert_true(top[0] == 5 || top[0] == 13); /* of a table: inner page, or leaf */
    memcpy(all + pages++ * PAGE, top, PAGE);
    for (int i = 0; i < LEVELS; i++, pages++)
        put_inner(all + pages * PAGE, pages);
    put_inner(top, pages);
    put(all + 28, 4, pages);
    memcpy(all + 92, all + 24, 4); /* for that number of pages is believed */
    assert_non_null(file);
    assert_int_equal(fwrite(all, PAGE, pages, file), pages);
    assert_int_equal(fclose(file), 0);
    free(all);
}

static void assert_not_taken_up(const char *path)
{
    struct store *store = NULL;
    struct store_trial *trials;
    struct rt_err err;
    int64_t count;

    assert_ok(store_open(path, STORE_WRITE, SAMPLE_HASH, &store, &err));
    assert_int_equal(store_trials_load(store, NULL, &trials, &count, &err), RT_EDB);
    assert_non_null(strstr(err.text, "more work than a study of its size"));
    store_close(store);
}

static void rows_without_end_are_not_read_to_their_end(void **state)
{
    static const char *const tables[] = {"trial", "execution", "front"};
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct store *store = NULL;
        const char *path = changed("select 1");
        int64_t findings = 0;
        FILE *to = tmpfile();

        entangle(path, tables[i]);
        alarm(300); /* or they would be read for longer than there are people */
        assert_ok(store_open(path, STORE_READ, NULL, &store, &err));
        assert_non_null(to);
        hostile_read_one(store, HOSTILE_STATUS, NULL);
        hostile_read_one(store, HOSTILE_PAGE, sample_path("hostile.html"));
        assert_int_equal(report_check(store, to, &findings, &err), RT_EDB);
        assert_non_null(strstr(err.text, "more work than a study of its size"));
        fclose(to);
        store_close(store);
        if (i == 0)
            assert_not_taken_up(path);
        alarm(0);
    }
}

/* ---- a search of such a file ---- */

/* One line that says what, of which file, and how it is mended. */
static void assert_too_much(const struct rt_err *err, const char *path)
{
    if (!strstr(err->text, "more work than a study of its size") || !strstr(err->text, path) ||
        !strstr(err->text, ".recover") || strchr(err->text, '\n'))
        fail_msg("%s", err->text);
}

static void rows_without_end_do_not_hold_up_a_search(void **state)
{
    static const int64_t front[] = {1, 2};
    struct store *store = NULL;
    struct rt_err err;
    bool has;
    (void)state;

    alarm(300);
    const char *events = changed("select 1");
    entangle(events, "event");
    assert_ok(store_open(events, STORE_WRITE, SAMPLE_HASH, &store, &err));
    assert_int_equal(store_has_event(store, "none", &has, &err), RT_EDB);
    assert_too_much(&err, events);
    assert_int_equal(store_has_crashed(store, &has, &err), RT_EDB);
    assert_too_much(&err, events);
    assert_ok(store_event(store, "note", -1, "it is written to yet", &err));
    store_close(store);

    const char *runs = changed("select 1");
    entangle(runs, "run");
    assert_int_equal(store_open(runs, STORE_WRITE, SAMPLE_HASH, &store, &err), RT_EDB);
    assert_too_much(&err, runs);

    const char *fronts = changed("select 1");
    entangle(fronts, "front");
    assert_ok(store_open(fronts, STORE_WRITE, SAMPLE_HASH, &store, &err));
    assert_int_equal(store_front_set(store, front, NULL, 2, &err), RT_EDB);
    assert_too_much(&err, fronts);
    const struct store_rewind rewind = {.first = 1, .front = front, .front_size = 1};
    int64_t count;
    assert_int_equal(store_trials_rewind(store, &rewind, &count, &err), RT_EDB);
    assert_too_much(&err, fronts);
    store_close(store);
    alarm(0);
}

static void an_older_file_of_rows_without_end_is_not_copied(void **state)
{
    const char *path = sample_path("old.db");
    struct store *store = NULL;
    struct rt_err err;
    char *dump = NULL;
    size_t size;
    sqlite3 *db;
    (void)state;

    assert_ok(rt_file_read(RT_TEST_DATA "/schema3.sql", 1 << 24, &dump, &size, &err));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, dump, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "pragma application_id = 1381257812; pragma user_version = 3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    free(dump);
    entangle(path, "latency");
    alarm(300);
    assert_int_equal(store_open(path, STORE_WRITE, NULL, &store, &err), RT_EDB);
    alarm(0);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, ".recover"));
    assert_int_equal(access(sample_path("old.schema3.db"), F_OK), -1);
    assert_int_equal(access(sample_path("old.db.tmp"), F_OK), -1);
}

/* The file would grow until the disk is full, too. */
static void what_a_trigger_does_has_an_end(void **state)
{
    static const char *const triggers[] = {
        ("update run set ending = null;"
         "create trigger endless after update on run begin insert into event (at, kind, text)"
         " with recursive c (x) as (select 1 union all select x + 1 from c) select '', 'x', 'y'"
         " from c; end"),
        ("create trigger endless after insert on event begin select max(x) from (with recursive"
         " c (x) as (select 1 union all select x + 1 from c) select x from c); end;"
         "update trial set state = 'running' where number = 3"),
    };
    struct store *store = NULL;
    struct rt_err err;
    struct stat before, after;
    (void)state;

    for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++) {
        const char *path = changed(triggers[i]);
        assert_int_equal(stat(path, &before), 0);
        alarm(300);
        assert_int_equal(store_open(path, STORE_WRITE, SAMPLE_HASH, &store, &err), RT_EDB);
        alarm(0);
        assert_too_much(&err, path);
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(before.st_size, after.st_size);
    }
}

/* Whole, it takes a small part of the steps that its size allows. */
static void a_long_study_is_taken_up(void **state)
{
    static const char grow[] =
        "with recursive c (x) as (select 30 union all select x + 1 from c where x < 40000)"
        " insert into candidate (arch, origin, params, bytes, macs, memory)"
        "  select 'L1-d' || x || '-k8-h1-f8-p7', 'random', 1, 1, 1, 1 from c;"
        "with recursive c (x) as (select 30 union all select x + 1 from c where x < 40000)"
        " insert into trial (number, candidate, rung, seed, state)"
        "  select x, id, 0, x, iif(x < 39990, 'committed', 'running') from c join candidate"
        "  on arch = 'L1-d' || x || '-k8-h1-f8-p7';"
        "insert into execution (trial, attempt, host, worker, started, outcome)"
        "  select number, 1, 1, 0, '2026-01-01T00:00:00Z', iif(state = 'running', state, 'done')"
        "  from trial where number >= 30;"
        "insert into metric (trial, name, value) select number, name, 0.5 from trial, objective"
        "  where number >= 30 and number < 39990;"
        "insert into front (trial) select number from trial where number >= 30 and number < 39990;"
        "insert into event (at, kind, trial, text) select '', 'note', number, '' from trial";
    struct store *store = NULL;
    struct rt_err err;
    bool has;
    (void)state;

    assert_ok(store_open(changed(grow), STORE_WRITE, SAMPLE_HASH, &store, &err));
    assert_true(store->steps_left > store->steps / 2);
    assert_ok(store_has_event(store, "none", &has, &err));
    assert_true(store->steps_left > store->steps / 2);
    assert_ok(store_front_set(store, NULL, NULL, 0, &err));
    assert_true(store->steps_left > store->steps / 2);
    store_close(store);
}

static void who_reads_again_and_again_has_as_many_steps_each_time(void **state)
{
    static const char heavy[] = "with recursive c (x) as (select 1 union all select x + 1 from c"
                                " where x < 1500000) select max(x) from c";
    struct store *store = NULL;
    struct rt_err err;
    (void)state;

    assert_ok(store_open(changed("select 1"), STORE_READ, NULL, &store, &err));
    for (int i = 0; i < 8; i++) {
        FILE *to = tmpfile();
        assert_non_null(to);
        assert_ok(report_status(store, to, &err));
        fclose(to);
        assert_int_equal(sqlite3_exec(store_handle(store), heavy, NULL, NULL, NULL), SQLITE_OK);
    }
    while (sqlite3_exec(store_handle(store), heavy, NULL, NULL, NULL) == SQLITE_OK)
        continue;
    assert_int_equal(sqlite3_errcode(store_handle(store)), SQLITE_INTERRUPT);
    store_close(store);
}

static void a_fifo_is_not_waited_for(void **state)
{
    const char *path = sample_path("fifo.db");
    struct store *store;
    struct rt_err err;
    (void)state;

    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20); /* or it would wait for ever */
    assert_int_equal(store_open(path, STORE_READ, NULL, &store, &err), RT_EIO);
    alarm(0);
    assert_non_null(strstr(err.text, "no plain file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_readers_rely_on_is_looked_at_when_a_file_is_opened),
        cmocka_unit_test(what_rows_hold_is_looked_at_when_they_are_read),
        cmocka_unit_test(rows_without_end_are_not_read_to_their_end),
        cmocka_unit_test(rows_without_end_do_not_hold_up_a_search),
        cmocka_unit_test(an_older_file_of_rows_without_end_is_not_copied),
        cmocka_unit_test(what_a_trigger_does_has_an_end),
        cmocka_unit_test(a_long_study_is_taken_up),
        cmocka_unit_test(who_reads_again_and_again_has_as_many_steps_each_time),
        cmocka_unit_test(a_fifo_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, sample_setup, sample_teardown);
}
