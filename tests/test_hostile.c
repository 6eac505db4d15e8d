/* tests/test_hostile.c -- files that are no study, or a study that somebody has changed by hand. */
#include "hostile.h"
#include "store_sample.h"

#include <sys/stat.h>

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

static void what_readers_rely_on_is_looked_at_when_a_file_is_opened(void **state)
{
    static const char *const changes[] = {
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
        "drop table gene; create view gene as select 1 as candidate, 2 as name, 3 as position,"
        " 4 as value",
    };
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *path = changed(changes[i]);
        struct store *store = NULL;
        if (store_open(path, STORE_READ, NULL, &store, &err) != RT_EMISMATCH)
            fail_msg("opened after: %s", changes[i]);
        if (store_open(path, STORE_WRITE, SAMPLE_HASH, &store, &err) != RT_EMISMATCH)
            fail_msg("opened for writing after: %s", changes[i]);
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
        cmocka_unit_test(a_fifo_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, sample_setup, sample_teardown);
}
