/* tests/test_schema2.c -- files of schemas 2 and 3: read as they are, brought up to date by a writer.
 *
 * tests/schema2.sql and schema3.sql are dumps of the sample study as the last program of that schema
 * made it.
 */
#include "report_sample.h"

#include "base/hash.h"

static void run_sql(sqlite3 *db, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why))
        fail_msg("%.80s: %s", sql, why);
}

/* A file of an older schema. */
static const char *file_of(int schema, const char *name)
{
    const char *path = sample_path(name);
    char version[80], from[80];
    char *dump = NULL;
    size_t size;
    sqlite3 *db;
    struct rt_err err;

    snprintf(from, sizeof from, "%s/schema%d.sql", RT_TEST_DATA, schema);
    snprintf(version, sizeof version,
             "pragma application_id = 1381257812; pragma user_version = %d", schema);
    assert_ok(rt_file_read(from, 1 << 24, &dump, &size, &err));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run_sql(db, dump);
    run_sql(db, version);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(dump);
    return path;
}

/* Of schema 2; with `own`, that of a command of the user's. */
static const char *old_file(const char *name, bool own)
{
    const char *path = file_of(2, name);
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (own)
        run_sql(db, "delete from teacher; update study set settings ="
                    " '{\"kernels\":\"none\",\"study\":\"/s.yaml\"}'");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return path;
}

static const char *none_recorded(const char *path)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run_sql(db, "update teacher set kind = 'trained' where kind = 'recorded'");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return path;
}

static void hash_of(const char *path, char hash[RT_HASH_TEXT])
{
    char *data = NULL;
    size_t size = 0;
    struct rt_err err;

    assert_ok(rt_file_read(path, 1 << 24, &data, &size, &err));
    rt_hash_bytes(data, size, hash);
    free(data);
}

/* Each measurement of latency, whatever the schema calls it. */
static char *measurements_of(sqlite3 *db)
{
    char *blocks = ask_db(db, "select count(*) from (select name from main.sqlite_schema union all"
                              " select name from temp.sqlite_schema) where name = 'latency_block'");
    const bool now = blocks[0] == '1';

    free(blocks);
    return ask_db(db, now ? "select id, trial, candidate, host, batch, threads, calls, median, p10,"
                            " p90, concurrent, measured_at from latency_block order by id"
                          : "select id, trial, candidate, host, batch, threads, samples, median,"
                            " p10, p90, concurrent, measured_at from latency order by id");
}

/* Rows that depend on the study alone, and what people ask for. */
static char *rows_of(sqlite3 *db)
{
    static const char *const queries[] = {
        "select * from candidate order by id",
        "select * from layer order by candidate, position",
        "select number, candidate, rung, seed, inherits, state, attempt, error_kind, error from "
        "trial"
        " order by number",
        "select * from metric order by trial, name",
        "select * from curve order by trial, name, step",
        "select * from prediction order by trial, name",
        ("select trial, arch, error, error_stderr, kl, agreement, latency, params, bytes, macs,"
         " memory, depth, width, head_dim, patch, rung, candidate from pareto"),
        "select * from rungs",
        "select * from calibration",
        "select * from failures",
        "select trial, by, value, error, on_front from leaderboard",
        "select * from objective_values",
        "select error, gates_passed from distillations"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char *rows = ask_db(db, queries[i]);
        fprintf(out, "%s\n%s", queries[i], rows);
        free(rows);
    }
    char *rows = measurements_of(db);
    fputs(rows, out);
    free(rows);
    fclose(out);
    return text;
}

static char *rows_as_they_are(const char *path)
{
    sqlite3 *db;
    char *rows;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    rows = rows_of(db);
    sqlite3_close(db);
    return rows;
}

static void readers_leave_the_file_alone(void **state)
{
    const char *path = old_file("read.db", false);
    char before[RT_HASH_TEXT], after[RT_HASH_TEXT];
    char *want = rows_as_they_are(path), *got;
    struct text text;
    struct store *s;
    struct rt_err err;
    (void)state;
    hash_of(path, before);

    s = sample_open(path, STORE_READ);
    got = rows_of(store_handle(s));
    assert_ok(report_front(s, REPORT_TABLE, text_open(&text), &err));
    text_close(&text);
    assert_ok(report_page(s, sample_path("read.html"), &err));
    assert_rows(s, "pragma user_version", "2\n");
    assert_rows(s, "select task, noun from study", "image|student\n");
    assert_string_equal(store_backup(s), "");
    store_close(s);

    assert_string_equal(got, want);
    assert_has(text.data, "error %  params   latency  architecture\n");
    assert_has(text.data,
               "9 of 20 students, 2 trials failed; * suggested; ensemble 7.80 ±0.30 %\n");
    hash_of(path, after);
    assert_string_equal(after, before);
    free(text.data);
    free(want);
    free(got);
}

/* No study of schema 2 could name rows that its recorded teachers had not seen. */
static void recorded_teachers_of_old_files_are_doubted(void **state)
{
    static const char doubt[] = "(its teachers may have been trained on these rows)\n";
    const char *path = old_file("doubt.db", false);
    struct store *s = sample_open(path, STORE_READ);
    struct text text;
    struct rt_err err;
    (void)state;
    assert_ok(report_status(s, text_open(&text), &err));
    assert_has(text_close(&text), doubt);
    free(text.data);
    assert_ok(report_front(s, REPORT_TABLE, text_open(&text), &err));
    assert_has(text_close(&text), doubt);
    free(text.data);
    store_close(s);

    none_recorded(path);
    s = sample_open(path, STORE_READ);
    assert_ok(report_status(s, text_open(&text), &err));
    assert_lacks(text_close(&text), doubt);
    free(text.data);
    store_close(s);
}

static void old_and_new_files_are_reported_alike(void **state)
{
    struct store *old = sample_open(none_recorded(old_file("alike-old.db", false)), STORE_READ),
                 *now = sample("alike-new.db");
    struct text a, b;
    struct rt_err err;
    (void)state;

    run_sql(store_handle(now), "update latency set state = 'single'");
    for (int format = REPORT_TABLE; format <= REPORT_JSON; format++) {
        assert_ok(report_front(old, (enum report_format)format, text_open(&a), &err));
        assert_ok(report_front(now, (enum report_format)format, text_open(&b), &err));
        assert_string_equal(text_close(&a), text_close(&b));
        free(a.data);
        free(b.data);
    }
    store_close(old);
    store_close(now);
}

static void writers_bring_it_up_to_date_and_keep_a_copy(void **state)
{
    const char *path = old_file("write.db", false);
    char *want = rows_as_they_are(path), *got, *copy;
    char backup[RT_PATH_MAX];
    struct store *s;
    (void)state;

    s = sample_open(path, STORE_WRITE);
    snprintf(backup, sizeof backup, "%s", store_backup(s));
    assert_has(backup, "/write.schema2.db");
    assert_rows(s, "pragma user_version", "4\n");
    assert_rows(s, "select task, noun from study", "image|student\n");
    assert_rows(s, "select name, unit from quantity where position in (0, 3)",
                "error|%\nlatency|ms\n");
    assert_rows(s, "select text from event where kind = 'migrated'",
                "from schema 2 to 4; as it was: write.schema2.db\n");
    assert_rows(s, "pragma integrity_check", "ok\n");
    assert_rows(s, "pragma foreign_key_check", "");
    store_close(s);
    s = sample_open(path, STORE_WRITE); /* once is enough */
    assert_string_equal(store_backup(s), "");
    assert_rows(s, "select count(*) from event where kind = 'migrated'", "1\n");
    /* but for the trial that was running, which is taken up again */
    run_sql(store_handle(s), "update trial set state = 'running' where number = 22");
    got = rows_of(store_handle(s));
    store_close(s);

    copy = rows_as_they_are(backup);
    assert_string_equal(copy, want);
    assert_string_equal(got, want);
    s = sample_open(backup, STORE_READ);
    assert_rows(s, "pragma user_version", "2\n");
    store_close(s);
    free(want);
    free(got);
    free(copy);
}

static void a_copy_is_never_overwritten(void **state)
{
    const char *path = old_file("twice.db", false), *there = sample_path("twice.schema2.db");
    FILE *file = fopen(there, "w");
    struct store *s;
    (void)state;
    assert_non_null(file);
    fputs("mine", file);
    fclose(file);

    s = sample_open(path, STORE_WRITE);
    assert_has(store_backup(s), "/twice.schema2-1.db");
    store_close(s);

    char *text = NULL;
    size_t size = 0;
    struct rt_err err;
    assert_ok(rt_file_read(there, 100, &text, &size, &err));
    assert_string_equal(text, "mine");
    free(text);
}

static void the_name_that_a_killed_writer_took_is_used(void **state)
{
    const char *path = old_file("killed.db", false);
    FILE *file = fopen(sample_path("killed.schema2.db"), "w");
    struct store *s;
    (void)state;
    assert_non_null(file);
    fclose(file);

    s = sample_open(path, STORE_WRITE);
    assert_has(store_backup(s), "/killed.schema2.db");
    store_close(s);

    s = sample_open(sample_path("killed.schema2.db"), STORE_READ); /* and holds the copy */
    assert_rows(s, "pragma user_version", "2\n");
    store_close(s);
}

static void without_a_copy_nothing_changes(void **state)
{
    const char *path = old_file("barred.db", false);
    struct store *s = NULL;
    struct rt_err err;
    (void)state;
    assert_int_equal(mkdir(sample_path("barred.db.tmp"), 0777), 0); /* where it is made first */

    assert_int_equal(store_open(path, STORE_WRITE, NULL, &s, &err), RT_EDB);

    assert_says("cannot copy the study to '.tmp' beside it before it is changed");
    s = sample_open(path, STORE_READ);
    assert_rows(s, "pragma user_version", "2\n");
    assert_rows(s, "select count(*) from main.sqlite_schema where name = 'quantity'", "0\n");
    store_close(s);
}

static void a_distillation_is_added_to_an_old_file(void **state)
{
    const char *path = old_file("append.db", false);
    struct store *s = sample_open(path, STORE_APPEND);
    (void)state;

    sample_distil(s);

    assert_rows(s, "pragma user_version", "2\n"); /* a search of that program may run */
    store_close(s);
    s = sample_open(path, STORE_READ);
    assert_rows(s, "select count(*) from distillation", "2\n");
    store_close(s);
}

static void a_commands_study_shows_its_objectives(void **state)
{
    const char *path = old_file("own.db", true);
    static const char asked[] = "select name, unit, digits, logarithmic from quantity";
    static const char want[] = "error||null|0\nparams||null|1\nlatency||null|1\n";
    struct store *s = sample_open(path, STORE_READ);
    (void)state;

    assert_rows(s, asked, want);
    assert_rows(s, "select noun from study", "architecture\n");
    store_close(s);
    s = sample_open(path, STORE_WRITE);
    assert_rows(s, asked, want);
    assert_rows(s, "select noun from study", "architecture\n");
    store_close(s);
}

static const char state_of_latencies[] =
    "select state, count(*), sum(value = median and clear = 0 and low is null) from latency"
    " group by state";

/* The latencies of both are single measurements, as they were. */
static void schema_3_is_read_and_brought_up_to_date(void **state)
{
    const char *path = file_of(3, "three.db");
    char *want = rows_as_they_are(path), *got;
    struct store *s = sample_open(path, STORE_READ);
    (void)state;

    got = rows_of(store_handle(s));
    assert_string_equal(got, want);
    free(got);
    assert_rows(s, state_of_latencies, "single|21|21\n");
    assert_rows(s, "select workers, timing, standing from run", "2|null|null\n");
    store_close(s);

    s = sample_open(path, STORE_WRITE);
    assert_has(store_backup(s), "/three.schema3.db");
    assert_rows(s, "pragma user_version", "4\n");
    assert_rows(s, "pragma foreign_key_check", "");
    assert_rows(s, state_of_latencies, "single|21|21\n");
    run_sql(store_handle(s), "update trial set state = 'running' where number = 22");
    got = rows_of(store_handle(s));
    assert_string_equal(got, want);
    free(got);
    free(want);
    sample_distil(s);
    store_close(s);
}

static void an_appender_leaves_schema_3(void **state)
{
    const char *path = file_of(3, "append3.db");
    struct store *s = sample_open(path, STORE_APPEND);
    (void)state;

    sample_distil(s);
    assert_rows(s, "pragma user_version", "3\n");
    assert_rows(s, "select count(*) from main.sqlite_schema where name = 'latency_block'", "0\n");
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_leave_the_file_alone),
        cmocka_unit_test(recorded_teachers_of_old_files_are_doubted),
        cmocka_unit_test(old_and_new_files_are_reported_alike),
        cmocka_unit_test(writers_bring_it_up_to_date_and_keep_a_copy),
        cmocka_unit_test(a_copy_is_never_overwritten),
        cmocka_unit_test(the_name_that_a_killed_writer_took_is_used),
        cmocka_unit_test(without_a_copy_nothing_changes),
        cmocka_unit_test(a_distillation_is_added_to_an_old_file),
        cmocka_unit_test(a_commands_study_shows_its_objectives),
        cmocka_unit_test(schema_3_is_read_and_brought_up_to_date),
        cmocka_unit_test(an_appender_leaves_schema_3),
    };
    return cmocka_run_group_tests_name("store/schema2", tests, sample_setup, sample_teardown);
}
