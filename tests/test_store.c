/* tests/test_store.c -- the file, its tables and what it refuses. Trials and views:
 * test_store_trials.c; faults: test_store_faults.c. */
#include "store_sample.h"

#include <sys/stat.h>

#include "base/file.h"

/* ---- making and opening ---- */

static void create_marks_the_file_as_ours(void **state)
{
    struct store *s = sample_create(sample_path("mark.db"));
    (void)state;

    assert_rows(s, "pragma application_id", "1381257812\n"); /* "RTRT" */
    assert_rows(s, "pragma user_version", "4\n");
    assert_rows(s, "pragma journal_mode", "wal\n");
    assert_rows(s, "pragma synchronous", "1\n");
    assert_rows(s, "pragma foreign_keys", "1\n");
    assert_rows(s, "select name, seed, hash, settings ->> 'kernels' from study",
                "sample|7|" SAMPLE_HASH "|v3\n");
    assert_rows(s, "select * from objective", "0|error\n1|params\n2|latency\n");
    store_close(s);
}

static void create_makes_the_folder(void **state)
{
    const char *path = sample_path("a/b/study.db");
    struct store *s = sample_create(path);
    (void)state;

    assert_string_equal(store_path(s), path);
    store_close(s);
    assert_int_equal(access(path, R_OK), 0);
}

static void create_refuses_a_file_that_exists(void **state)
{
    const char *path = sample_path("twice.db");
    struct store *s = sample_create(path), *other = NULL;
    struct rt_err err;
    (void)state;

    store_close(s);
    assert_int_equal(store_create(path, &sample_study, &other, &err), RT_EDB);
    assert_says("it exists already");
    assert_null(other);
    store_close(sample_open(path, STORE_WRITE)); /* and left it alone */
}

static void create_refuses_a_study_without_objectives(void **state)
{
    struct store_study study = sample_study;
    struct store *s = NULL;
    struct rt_err err;
    (void)state;

    study.objective_count = 0;
    assert_int_equal(store_create(sample_path("none.db"), &study, &s, &err), RT_EARG);
    assert_int_not_equal(access(sample_path("none.db"), F_OK), 0);
}

static void close_leaves_one_file(void **state)
{
    const char *path = sample_path("alone/x.db");
    char command[256];
    (void)state;

    store_close(sample_create(path));
    snprintf(command, sizeof command, "test \"$(ls '%s')\" = x.db", sample_path("alone"));
    assert_int_equal(system(command), 0);
}

static void paths_that_look_like_uris_are_plain_names(void **state)
{
    char folder[4096];
    struct store *s;
    (void)state;

    assert_non_null(getcwd(folder, sizeof folder));
    assert_int_equal(chdir(sample_folder), 0);
    s = sample_create("file:x?mode=memory");
    store_close(s);
    assert_int_equal(access("file:x?mode=memory", R_OK), 0);
    store_close(sample_open("file:x?mode=memory", STORE_READ));
    assert_int_equal(chdir(folder), 0);
}

static void settings_come_back(void **state)
{
    struct store *s = sample_create(sample_path("settings.db"));
    char *settings = NULL;
    struct rt_err err;
    (void)state;

    assert_ok(store_settings(s, &settings, &err));

    assert_string_equal(settings, sample_study.settings);
    free(settings);
    store_close(s);
}

static void open_refuses_what_is_not_there(void **state)
{
    struct store *s = NULL;
    struct rt_err err;
    (void)state;

    assert_int_equal(store_open(sample_path("nothing.db"), STORE_READ, NULL, &s, &err), RT_EIO);
    assert_says("No such file");
    assert_int_equal(store_open(sample_folder, STORE_WRITE, NULL, &s, &err), RT_EIO);
    assert_says("it is a folder");
}

static void open_refuses_files_of_others(void **state)
{
    const char *text = sample_path("text.db"), *other = sample_path("other.db");
    struct store *s = NULL;
    struct rt_err err;
    sqlite3 *db;
    FILE *file = fopen(text, "w");
    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        fputs("this is a text and no database\n", file);
    fclose(file);
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    sqlite3_exec(db, "pragma application_id = 77; create table t (x)", NULL, NULL, NULL);
    sqlite3_close(db);

    assert_int_equal(store_open(text, STORE_READ, NULL, &s, &err), RT_EMISMATCH);
    assert_says("is not an SQLite database");
    assert_int_equal(store_open(text, STORE_WRITE, NULL, &s, &err), RT_EMISMATCH);
    assert_says("is not an SQLite database");
    assert_int_equal(store_open(other, STORE_WRITE, NULL, &s, &err), RT_EMISMATCH);
    assert_says("of another program");
    file = fopen(sample_path("empty.db"), "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(store_open(sample_path("empty.db"), STORE_READ, NULL, &s, &err), RT_EMISMATCH);
    assert_says("not a retort study");
}

static void open_refuses_another_schema_version(void **state)
{
    const char *path = sample_path("version.db");
    struct store *s = sample_create(path);
    struct rt_err err;
    (void)state;

    sqlite3_exec(store_handle(s), "pragma user_version = 9", NULL, NULL, NULL);
    store_close(s);
    assert_int_equal(store_open(path, STORE_READ, NULL, &s, &err), RT_EMISMATCH);
    assert_says("has schema version 9 and this retort reads versions 2 to 4: use a newer retort");
}

static void open_refuses_another_study(void **state)
{
    const char *path = sample_path("hash.db");
    struct store *s = sample_create(path);
    struct rt_err err;
    (void)state;

    store_close(s);
    assert_int_equal(store_open(path, STORE_WRITE, "ffff", &s, &err), RT_EMISMATCH);
    assert_says("belongs to another study ('sample'");
    assert_ok(store_open(path, STORE_WRITE, NULL, &s, &err)); /* and the lock was given back */
    store_close(s);
}

static void readers_write_nothing(void **state)
{
    const char *path = sample_path("reader.db");
    struct store *s = sample_create(path);
    struct rt_err err;
    (void)state;

    store_close(s);
    s = sample_open(path, STORE_READ);
    assert_int_equal(store_event(s, "x", -1, "y", &err), RT_EDB);
    assert_says("it was opened for reading");
    assert_int_equal(sqlite3_exec(store_handle(s), "delete from study", NULL, NULL, NULL),
                     SQLITE_READONLY);
    store_close(s);
}

/* ---- tables ---- */

static void all_tables_are_strict(void **state)
{
    struct store *s = sample_create(sample_path("strict.db"));
    (void)state;

    assert_rows(s,
                "select name from pragma_table_list where type = 'table' and schema = 'main'"
                " and name not like 'sqlite%' and not strict",
                "");
    assert_int_equal(sqlite3_exec(store_handle(s),
                                  "insert into objective values (3, x'00'), ('four', 'kl')", NULL,
                                  NULL, NULL),
                     SQLITE_CONSTRAINT_DATATYPE);
    assert_int_equal(
        sqlite3_exec(store_handle(s), "insert into front (trial) values (12)", NULL, NULL, NULL),
        SQLITE_CONSTRAINT_FOREIGNKEY);
    store_close(s);
}

static void events_stay_as_they_are(void **state)
{
    struct store *s = sample_create(sample_path("events.db"));
    struct rt_err err;
    (void)state;

    assert_ok(store_event(s, "note", -1, "hello", &err));

    assert_rows(s, "select kind, trial, text from event", "created|null|sample\nnote|null|hello\n");
    assert_int_not_equal(
        sqlite3_exec(store_handle(s), "update event set text = ''", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(store_handle(s), "delete from event", NULL, NULL, NULL),
                         SQLITE_OK);
    store_close(s);
}

static void a_machine_is_found_again(void **state)
{
    struct store *s = sample_create(sample_path("host.db"));
    struct rt_machine other = sample_machine;
    int64_t a, b, c, d;
    struct rt_err err;
    (void)state;

    assert_ok(store_host(s, &sample_machine, "v3", &a, &err));
    assert_ok(store_host(s, &sample_machine, "v4", &b, &err));
    snprintf(other.governor, sizeof other.governor, "powersave");
    assert_ok(store_host(s, &other, "v3", &c, &err));
    snprintf(other.host, sizeof other.host, "elsewhere");
    assert_ok(store_host(s, &other, "v3", &d, &err));

    assert_int_equal(a, c);
    assert_int_not_equal(a, b);
    assert_int_not_equal(a, d);
    assert_rows(s, "select count(*) from host", "3\n");
    store_close(s);
}

static void teachers_are_replaced_by_the_same_and_refused_else(void **state)
{
    struct store *s = sample_create(sample_path("teachers.db"));
    struct store_teacher other = {.name = "x", .kind = "trained", .arch = "", .hash = "zz"};
    struct rt_err err;
    (void)state;

    sample_teachers(s);
    sample_teachers(s);

    assert_rows(s, "select number, name, weight, hash from teacher",
                "0|wide|0.6|aa\n1|deep|0.4|bb\n2|ensemble|1.0|cc\n");
    assert_rows(
        s, "select teacher, name, value from teacher_metric",
        "0|error|0.085\n0|kl|0.02\n1|error|0.09\n2|ece|0.012\n2|error|0.078\n2|nll|0.231\n");
    assert_rows(s, "select * from teacher_agreement", "1|0|0.93\n2|0|0.97\n2|1|0.96\n");
    assert_int_equal(store_teachers(s, &other, 1, &err), RT_EMISMATCH);
    assert_says("was searched with 3 teachers, ensemble included, not 1");
    struct store_teacher three[] = {other, other, other};
    three[1].number = 1;
    three[2].number = 2;
    assert_int_equal(store_teachers(s, three, 3, &err), RT_EMISMATCH);
    assert_says("teacher 0 ('x') is not the one");
    assert_rows(s, "select count(*) from teacher", "3\n");
    store_close(s);
}

static void the_teachers_weights_come_back_bit_for_bit(void **state)
{
    struct store *s = sample_create(sample_path("weights.db"));
    struct store_teacher rows[] = {{.name = "x",
                                    .kind = "trained",
                                    .arch = "",
                                    .weight = 1. / 3,
                                    .calibration = 1.1,
                                    .hash = "a"},
                                   {.number = 1,
                                    .name = "y",
                                    .kind = "trained",
                                    .arch = "",
                                    .weight = 1 - 1. / 3,
                                    .calibration = sqrt(2),
                                    .hash = "b"},
                                   {.number = 2,
                                    .name = "ensemble",
                                    .kind = "ensemble",
                                    .arch = "",
                                    .weight = 1,
                                    .calibration = 1,
                                    .hash = "c"}};
    double weight[2] = {0}, calibration[2] = {0};
    bool found = true;
    struct rt_err err;
    (void)state;

    assert_ok(store_teacher_weights(s, 2, weight, calibration, &found, &err));
    assert_false(found);
    assert_ok(store_teachers(s, rows, 3, &err));
    assert_ok(store_teacher_weights(s, 3, weight, calibration, &found, &err));
    assert_false(found);
    assert_true(weight[0] == 0);
    assert_ok(store_teacher_weights(s, 2, weight, calibration, &found, &err));
    assert_true(found);
    assert_true(weight[0] == 1. / 3 && weight[1] == 1 - 1. / 3);
    assert_true(calibration[0] == 1.1 && calibration[1] == sqrt(2));
    store_close(s);
}

/* ---- the sample that tests/cli/sql_cookbook.sh asks ---- */

/* As if two workers had worked for a quarter of an hour; so that rates and hours look like some. */
static void set_times(struct store *s)
{
    static const char sql[] =
        "update execution set seconds = 60 + 2 * id where finished is not null;"
        "update execution set started = strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-05 20:00:00',"
        "  (id / 2 * 70) || ' seconds');"
        "update execution set finished = strftime('%Y-%m-%dT%H:%M:%fZ', started,"
        "  seconds || ' seconds') where finished is not null;"
        "update latency_block set measured_at = (select finished from execution x where x.trial ="
        "  latency_block.trial and outcome = 'done');"
        "update confirmation_run set finished = '2026-01-06T08:00:00.000Z';"
        "update latency set measured_at = (select max(measured_at) from latency_block b"
        "  where b.candidate = latency.candidate)";
    assert_int_equal(sqlite3_exec(store_handle(s), sql, NULL, NULL, NULL), SQLITE_OK);
}

/* The dump must have the schema of today. To make it anew:
 *   RT_KEEP_SAMPLE=/tmp/study.db test_store && sqlite3 /tmp/study.db .dump > tests/cli/study.sql */
static void the_dump_for_the_cookbook_has_this_schema(void **state)
{
    static const char schema[] =
        "select sql from sqlite_schema where sql is not null order by name";
    const char *keep = getenv("RT_KEEP_SAMPLE");
    struct store *s = sample_create(keep ? keep : sample_path("dump.db"));
    char *dump = NULL, *want, *got;
    size_t size;
    sqlite3 *db;
    struct rt_err err;
    (void)state;
    sample_fill(s);
    set_times(s);
    assert_ok(rt_file_read(RT_TEST_DATA "/cli/study.sql", 1 << 24, &dump, &size, &err));
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);

    assert_int_equal(sqlite3_exec(db, dump, NULL, NULL, NULL), SQLITE_OK);

    want = ask_db(store_handle(s), schema);
    got = ask_db(db, schema);
    if (!keep)
        assert_string_equal(got, want);
    free(want);
    free(got);
    free(dump);
    sqlite3_close(db);
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_marks_the_file_as_ours),
        cmocka_unit_test(create_makes_the_folder),
        cmocka_unit_test(create_refuses_a_file_that_exists),
        cmocka_unit_test(create_refuses_a_study_without_objectives),
        cmocka_unit_test(close_leaves_one_file),
        cmocka_unit_test(paths_that_look_like_uris_are_plain_names),
        cmocka_unit_test(settings_come_back),
        cmocka_unit_test(open_refuses_what_is_not_there),
        cmocka_unit_test(open_refuses_files_of_others),
        cmocka_unit_test(open_refuses_another_schema_version),
        cmocka_unit_test(open_refuses_another_study),
        cmocka_unit_test(readers_write_nothing),
        cmocka_unit_test(all_tables_are_strict),
        cmocka_unit_test(events_stay_as_they_are),
        cmocka_unit_test(a_machine_is_found_again),
        cmocka_unit_test(teachers_are_replaced_by_the_same_and_refused_else),
        cmocka_unit_test(the_teachers_weights_come_back_bit_for_bit),
        cmocka_unit_test(the_dump_for_the_cookbook_has_this_schema),
    };
    return cmocka_run_group_tests_name("store/file", tests, sample_setup, sample_teardown);
}
