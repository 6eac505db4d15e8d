/* tests/test_store_readonly.c -- the store where it may not write: read-only folders and disks. */
#include "child.h"

/* ---- read-only folders ---- */

static char barred[192];

/* As somebody who may not write there. */
static int read_barred(void)
{
    struct store *s = NULL;
    struct rt_err err = {.text = ""};

    if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
        return SKIPPED;
    CHECK(store_open(barred, STORE_READ, SAMPLE_HASH, &s, &err) == RT_OK);
    char *rows = ask_db(store_handle(s), "select count(*) from leaderboard");
    CHECK(strcmp(rows, "20\n") == 0);
    free(rows);
    store_close(s);
    return 0;
}

static int write_barred(void)
{
    struct store *s = NULL;
    struct rt_err err = {.text = ""};
    char path[224];

    if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
        return SKIPPED;
    CHECK(store_open(barred, STORE_WRITE, NULL, &s, &err) == RT_EIO);
    CHECK_SAYS("choose a folder you can write to, or mend its permissions");
    snprintf(path, sizeof path, "%s-new", barred);
    CHECK(store_create(path, &sample_study, &s, &err) == RT_EIO);
    CHECK_SAYS("choose a folder you can write to, or mend its permissions");
    return 0;
}

/* <scratch>/<name>/study #1?.db, filled; the odd characters would end a URI too early. */
static struct store *barred_study(const char *name)
{
    char folder[128];
    struct store *s;

    snprintf(folder, sizeof folder, "%s/%s", sample_folder, name);
    snprintf(barred, sizeof barred, "%s/study #1?%%41.db", folder);
    s = sample_create(barred);
    sample_fill(s);
    assert_int_equal(chmod(sample_folder, 0755), 0);
    return s;
}

static void bar(const char *name, mode_t mode)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/%s", sample_folder, name);
    assert_int_equal(chmod(folder, mode), 0);
}

static void a_read_only_folder_can_be_read_and_not_written(void **state)
{
    (void)state;
    store_close(barred_study("barred"));
    bar("barred", 0555);

    pass_or_skip(in_child(read_barred));
    pass_or_skip(in_child(write_barred));

    bar("barred", 0755);
}

static void a_reader_works_in_a_read_only_folder_while_the_writer_runs(void **state)
{
    struct store *s = barred_study("shared");
    (void)state;
    bar("shared", 0555);

    pass_or_skip(in_child(read_barred));

    bar("shared", 0755);
    store_close(s);
}

static int read_on_read_only_disk(void)
{
    const char *folder = sample_path("disc");
    const int mounted = mount_small(folder, "size=4m");
    struct store *s = NULL;
    struct rt_err err = {.text = ""};
    char path[224], *rows;

    if (mounted)
        return mounted;
    snprintf(path, sizeof path, "%s/study.db", folder);
    s = sample_create(path);
    sample_fill(s);
    store_close(s);
    CHECK(mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHECK(store_open(path, STORE_READ, NULL, &s, &err) == RT_OK);
    rows = ask_db(store_handle(s), "select committed from progress");
    CHECK(strcmp(rows, "20\n") == 0);
    free(rows);
    store_close(s);
    CHECK(store_open(path, STORE_WRITE, NULL, &s, &err) == RT_EIO);
    CHECK_SAYS("choose a folder you can write to");
    return 0;
}

static void a_reader_works_on_a_read_only_disk(void **state)
{
    (void)state;
    pass_or_skip(in_child(read_on_read_only_disk));
}

static int read_log_only(void)
{
    struct store *s = NULL;
    struct rt_err err = {.text = ""};

    if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
        return SKIPPED;
    CHECK(store_open(barred, STORE_READ, NULL, &s, &err) == RT_EDB);
    CHECK_SAYS("copy the .db and .db-wal files to a folder you can write to");
    return 0;
}

static void a_reader_does_not_pass_over_changes_that_wait_in_the_log(void **state)
{
    struct store *s = barred_study("log");
    char copy[200], command[1024];
    (void)state;
    snprintf(copy, sizeof copy, "%s-copy", barred);
    snprintf(command, sizeof command, "cp '%s' '%s' && cp '%s-wal' '%s-wal'", barred, copy, barred,
             copy);
    assert_int_equal(system(command), 0); /* as a backup that forgot nothing but -shm */
    store_close(s);
    snprintf(barred, sizeof barred, "%.190s", copy);
    bar("log", 0555);

    pass_or_skip(in_child(read_log_only));

    bar("log", 0755);
    s = sample_open(barred, STORE_READ); /* where -shm can be made, the log is read */
    assert_rows(s, "select committed from progress", "20\n");
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_only_folder_can_be_read_and_not_written),
        cmocka_unit_test(a_reader_works_in_a_read_only_folder_while_the_writer_runs),
        cmocka_unit_test(a_reader_works_on_a_read_only_disk),
        cmocka_unit_test(a_reader_does_not_pass_over_changes_that_wait_in_the_log),
    };
    return cmocka_run_group_tests_name("store/readonly", tests, sample_setup, sample_teardown);
}
