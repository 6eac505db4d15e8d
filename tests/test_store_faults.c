/* tests/test_store_faults.c -- the store when things go wrong: two writers, killed writers, full
 * disks. */
#include "child.h"

/* ---- two writers ---- */

static void a_second_writer_is_refused_and_told_who_writes(void **state)
{
    const char *path = sample_path("second.db");
    struct store *first = sample_create(path), *second = NULL;
    char holder[32];
    struct rt_err err;
    (void)state;

    assert_int_equal(store_open(path, STORE_WRITE, NULL, &second, &err), RT_EDB);

    snprintf(holder, sizeof holder, "process %ld on ", (long)getpid());
    assert_says("is being written by");
    assert_says(holder);
    store_close(sample_open(path, STORE_READ)); /* readers may */
    sample_propose(first, 0);
    store_close(first);
    store_close(sample_open(path, STORE_WRITE));
}

static const char *second_path;

static int write_by_link(void)
{
    struct store *s = NULL;
    struct rt_err err;

    CHECK(store_open(second_path, STORE_WRITE, NULL, &s, &err) == RT_EDB);
    CHECK_SAYS("is being written by ");
    return 0;
}

static void another_process_is_refused_even_through_a_link(void **state)
{
    const char *path = sample_path("linked.db");
    struct store *s = sample_create(path);
    (void)state;
    second_path = sample_path("link.db");
    assert_int_equal(symlink(path, second_path), 0);

    assert_int_equal(in_child(write_by_link), 0);

    store_close(s);
}

static void another_process_is_refused_through_a_hard_link(void **state)
{
    const char *path = sample_path("hard.db");
    struct store *s = sample_create(path);
    (void)state;
    second_path = sample_path("hard-link.db");
    assert_int_equal(link(path, second_path), 0);

    assert_int_equal(in_child(write_by_link), 0);

    assert_int_equal(unlink(sample_path("hard.db.lock")), 0); /* and by its own name */
    second_path = path;
    assert_int_equal(in_child(write_by_link), 0);
    sample_propose(s, 0);
    store_close(s);
}

static void a_file_that_is_gone_or_another_is_noticed_at_once(void **state)
{
    const char *path = sample_path("gone.db"), *away = sample_path("away.db");
    struct store *s = sample_create(path);
    struct rt_err err;
    FILE *other;
    (void)state;
    sample_propose(s, 0);
    const int64_t host = sample_host(s);

    assert_int_equal(rename(path, away), 0);
    assert_int_equal(store_trial_start(s, 0, host, 0, &err), RT_EDB);
    assert_says("removed, renamed or replaced");
    other = fopen(path, "w");
    assert_non_null(other);
    fclose(other);
    assert_int_equal(store_trial_start(s, 0, host, 0, &err), RT_EDB);
    assert_says("removed, renamed or replaced");

    assert_int_equal(rename(away, path), 0); /* it is back */
    assert_ok(store_trial_start(s, 0, host, 0, &err));
    store_close(s);
}

/* Someone removed the .db of a killed search alone: its log would be played into the new file. */
static void a_log_left_behind_is_not_that_of_a_new_study(void **state)
{
    const char *path = sample_path("new.db"), *wal = sample_path("new.db-wal"),
               *kept = sample_path("kept-wal");
    struct store *s = sample_create(path);
    (void)state;
    sample_fill(s);
    assert_int_equal(link(wal, kept), 0);
    store_close(s);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(kept, wal), 0);

    s = sample_create(path);

    assert_rows(s, "select count(*) from trial", "0\n");
    assert_rows(s, "pragma integrity_check", "ok\n");
    store_close(s);
}

/* ---- the log ---- */

static int read_on(void *path)
{
    sqlite3 *db;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL))
        return 1;
    sqlite3_busy_timeout(db, 10000);
    for (;;) { /* until it is killed */
        if (sqlite3_exec(db, "begin; select count(*) from event", NULL, NULL, NULL))
            return 1;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        if (sqlite3_exec(db, "commit", NULL, NULL, NULL))
            return 1;
    }
}

static void readers_that_overlap_do_not_make_the_log_grow(void **state)
{
    enum { readers = 4, events = 500, bytes = 100000 };
    const char *path = sample_path("log.db"), *wal = sample_path("log.db-wal");
    struct store *s = sample_create(path);
    char *text = calloc(1, bytes + 1);
    struct rt_err err;
    struct stat log;
    pid_t pid[readers];
    off_t longest = 0;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', bytes);
    for (int i = 0; i < readers; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] == 0)
            _exit(read_on((void *)path));
    }
    for (int i = 0; i < events; i++) {
        assert_ok(store_event(s, "note", -1, text, &err));
        assert_int_equal(stat(wal, &log), 0);
        longest = log.st_size > longest ? log.st_size : longest;
    }
    for (int i = 0; i < readers; i++) {
        kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
    }
    assert_true(longest < 24 << 20); /* of the 50 MB that were written */
    free(text);
    store_close(s);
}

static void a_lock_file_without_holder_is_taken_over(void **state)
{
    const char *path = sample_path("stale.db"), *lock = sample_path("stale.db.lock");
    FILE *file;
    (void)state;
    store_close(sample_create(path));
    file = fopen(lock, "w");
    assert_non_null(file);
    fputs("999999999 a-machine-that-is-gone-and-had-a-long-name\n", file);
    fclose(file);

    struct store *s = sample_open(path, STORE_WRITE);

    char text[64] = "";
    file = fopen(lock, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_int_equal(atol(text), getpid());
    store_close(s);
    assert_int_not_equal(access(lock, F_OK), 0);
}

static void a_persons_transaction_is_waited_for(void **state)
{
    const char *path = sample_path("busy.db");
    struct store *s = sample_create(path);
    int ready[2];
    char c;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sqlite3 *db;
        sqlite3_open(path, &db);
        sqlite3_exec(db, "begin immediate", NULL, NULL, NULL);
        (void)!write(ready[1], "x", 1);
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        sqlite3_exec(db, "commit", NULL, NULL, NULL);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);

    const int64_t before = rt_now_ns();
    sample_propose(s, 0);

    assert_true(rt_now_ns() - before > 100000000);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ready[0]);
    close(ready[1]);
    store_close(s);
}

/* ---- killed writers ---- */

/* Take the study up and work on it for ever; each trial goes all its way, two run at a time. */
static void work(const char *path)
{
    struct store *s = NULL;
    struct store_trial *t = NULL;
    int64_t count = 0, next = 0;
    struct rt_err err;

    if (store_open(path, STORE_WRITE, NULL, &s, &err) ||
        store_trials_load(s, NULL, &t, &count, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    while (next < count &&
           (!strcmp(t[next].state, "committed") || !strcmp(t[next].state, "failed")))
        next++;
    const int64_t host = sample_host(s);
    for (int64_t n = next; n < SAMPLE_TRIALS; n += 2) {
        const bool pair = n + 1 < SAMPLE_TRIALS;
        for (int64_t i = n; i <= n + pair; i++) {
            if (i >= count)
                sample_propose(s, i);
            if (i >= count || strcmp(t[i].state, "done") != 0)
                if (store_trial_start(s, i, host, (int)(i - n), &err))
                    _exit(1);
        }
        for (int64_t i = n + pair; i >= n; i--)
            if (i >= count || strcmp(t[i].state, "done") != 0)
                sample_done(s, i);
        for (int64_t i = n; i <= n + pair; i++)
            sample_commit(s, i);
    }
    store_close(s);
    free(t);
    _exit(0);
}

static void check_consistent(struct store *s)
{
    assert_rows(s, "pragma integrity_check", "ok\n");
    assert_rows(s, "select count(*) from pragma_foreign_key_check", "0\n");
    assert_rows(s, "select count(*) from trial where state in ('running')", "0\n");
    assert_rows(s,
                "select count(*) from trial where number not between 0 and"
                " (select count(*) - 1 from trial)",
                "0\n");
    assert_rows(s, /* metrics go with the result, never before or after it */
                "select count(*) from trial t where (select count(*) from metric m where m.trial ="
                " t.number) <> case when state in ('done', 'committed') and error_kind is null"
                " then 4 else 0 end",
                "0\n");
    assert_rows(s, "select count(*) from curve where trial not in (select trial from metric)",
                "0\n");
    assert_rows(s,
                "select count(*) from trial where state in ('committed', 'failed') and number"
                " not in (select trial from front_history)",
                "0\n");
    assert_rows(s,
                "select count(*) = coalesce((select size from front_history order by trial desc"
                " limit 1), 0) from front",
                "1\n");
    assert_rows(s, "select count(*) from execution where outcome = 'running'", "0\n");
}

static char *final_rows(struct store *s)
{
    return ask_db(store_handle(s),
                  "select 'c', id, arch, origin, parent_a, parent_b from candidate union all"
                  " select 't', number, candidate, state, attempt, error_kind from trial union all"
                  " select 'm', trial, name, value, stderr, 0 from metric union all"
                  " select 'u', trial, name, step, value, 0 from curve union all"
                  " select 'f', trial, 0, 0, 0, 0 from front union all"
                  " select 'h', trial, size, hypervolume, 0, 0 from front_history");
}

/* Kill the worker at random moments until it comes to its end; how often it was killed. */
static int work_with_kills(const char *path, struct rt_rng *rng)
{
    int killed = 0, status;

    do {
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            work(path);
        nanosleep(&(struct timespec){.tv_nsec = (long)rt_rng_below(rng, 4000000)}, NULL);
        if (killed < 20)
            kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status);
        struct store *s = sample_open(path, STORE_WRITE);
        check_consistent(s);
        store_close(s);
    } while (WIFSIGNALED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return killed;
}

static void kill_nine_at_any_moment_leaves_whole_states_and_the_same_end(void **state)
{
    const char *calm = sample_path("calm.db");
    char name[32], *got, *want;
    struct store *s;
    struct rt_rng rng;
    int killed = 0;
    pid_t pid;
    (void)state;
    rt_rng_init(&rng, 20, RT_STREAM_TEST, 1);
    store_close(sample_create(calm));
    pid = fork();
    if (pid == 0)
        work(calm);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    s = sample_open(calm, STORE_READ);
    want = final_rows(s);
    store_close(s);

    for (int i = 0; i < 50 && killed < 20; i++) {
        snprintf(name, sizeof name, "killed%d.db", i);
        store_close(sample_create(sample_path(name)));
        killed += work_with_kills(sample_path(name), &rng);

        s = sample_open(sample_path(name), STORE_READ);
        got = final_rows(s);
        store_close(s);
        assert_string_equal(got, want);
        free(got);
    }
    assert_true(killed >= 20);
    free(want);
}

static void a_killed_create_leaves_no_half_study(void **state)
{
    const char *path = sample_path("half.db");
    struct rt_rng rng;
    (void)state;
    rt_rng_init(&rng, 21, RT_STREAM_TEST, 2);

    for (int i = 0; i < 12; i++) {
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct store *s;
            if (store_create(path, &sample_study, &s, NULL) == RT_OK)
                store_close(s);
            _exit(0);
        }
        nanosleep(&(struct timespec){.tv_nsec = 100000 + (long)rt_rng_below(&rng, 5000000)}, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        if (access(path, F_OK) == 0) { /* all of it, or nothing */
            struct store *s = sample_open(path, STORE_WRITE);
            assert_rows(s, "select name from study", "sample\n");
            store_close(s);
            assert_int_equal(unlink(path), 0);
        }
    }
    store_close(sample_create(path)); /* and what was left is not in the way, and goes */
    assert_int_not_equal(access(sample_path("half.db.tmp"), F_OK), 0);
    assert_int_not_equal(access(sample_path("half.db.tmp-journal"), F_OK), 0);
}

/* ---- a full disk ---- */

static void a_full_file_fails_with_the_reason_and_goes_on_later(void **state)
{
    struct store *s = sample_create(sample_path("pages.db"));
    const int64_t host = sample_host(s);
    struct store_result result = sample_result(0);
    struct rt_err err;
    (void)state;
    sample_propose(s, 0);
    assert_ok(store_trial_start(s, 0, host, 0, &err));
    result.curve = realloc(result.curve, 4000 * sizeof *result.curve);
    assert_non_null(result.curve);
    for (; result.curve_count < 4000; result.curve_count++)
        result.curve[result.curve_count] = (struct rt_curve_point){result.curve_count, "long", 1.5};
    sqlite3_exec(store_handle(s), "pragma max_page_count = 1", NULL, NULL, NULL); /* as it is now */

    assert_int_equal(store_trial_done(s, 0, &result, &err), RT_EFULL);

    assert_says("cannot record trial 0 in '");
    assert_says("database or disk is full; free some space there");
    assert_rows(s, "select state, (select count(*) from metric) from trial", "running|0\n");
    sqlite3_exec(store_handle(s), "pragma max_page_count = 1000000", NULL, NULL, NULL);
    assert_ok(store_trial_done(s, 0, &result, &err));
    sample_commit(s, 0);
    store_result_release(&result);
    store_close(s);
}

static void fill_up(const char *folder)
{
    static const char zeros[4096];
    char path[256];
    snprintf(path, sizeof path, "%s/filler", folder);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    close(fd);
}

static int fill_disk_while_writing(void)
{
    const char *folder = sample_path("small");
    const int mounted = mount_small(folder, "size=2m");
    char path[256], filler[256];
    struct store *s = NULL;
    struct rt_err err = {.text = ""};
    rt_status rc = RT_OK;

    if (mounted)
        return mounted;
    snprintf(path, sizeof path, "%s/study.db", folder);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    CHECK(store_create(path, &sample_study, &s, &err) == RT_OK);
    fill_up(folder);
    for (int i = 0; i < 10000 && rc == RT_OK; i++)
        rc = store_event(s, "note", -1, "one more line that takes a little space", &err);
    CHECK(rc == RT_EFULL);
    CHECK_SAYS("free some space there, then start again");
    CHECK(unlink(filler) == 0);
    CHECK(store_event(s, "note", -1, "after", &err) == RT_OK); /* the same handle goes on */
    store_close(s);
    CHECK(store_open(path, STORE_WRITE, NULL, &s, &err) == RT_OK);
    char *check = ask_db(store_handle(s), "pragma integrity_check");
    CHECK(strcmp(check, "ok\n") == 0);
    free(check);
    store_close(s);
    return 0;
}

static void a_disk_that_fills_up_while_writing_loses_nothing(void **state)
{
    (void)state;
    pass_or_skip(in_child(fill_disk_while_writing));
}

static int create_on_full_disk(void)
{
    const char *folder = sample_path("full");
    const int mounted = mount_small(folder, "size=64k");
    char path[256], command[512];
    struct store *s = NULL;
    struct rt_err err = {.text = ""};

    if (mounted)
        return mounted;
    snprintf(path, sizeof path, "%s/study.db", folder);
    CHECK(store_create(path, &sample_study, &s, &err) != RT_OK);
    CHECK_SAYS("free some space there");
    snprintf(command, sizeof command, "test -z \"$(ls -A '%s')\"", folder);
    CHECK(system(command) == 0);
    fill_up(folder); /* now not even a lock fits */
    CHECK(store_create(path, &sample_study, &s, &err) != RT_OK);
    CHECK_SAYS("free some space there");
    snprintf(command, sizeof command, "test \"$(ls -A '%s')\" = filler", folder);
    CHECK(system(command) == 0);
    return 0;
}

static void create_on_a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    pass_or_skip(in_child(create_on_full_disk));
}

/* ---- reads that break off ---- */

static void a_read_that_breaks_off_is_an_error_wherever_it_does(void **state)
{
    struct store *s = sample_create(sample_path("break.db"));
    struct store_trial *want, *got;
    int64_t count, n;
    struct rt_err err;
    bool whole = false;
    int errors = 0;
    (void)state;
    sample_fill(s);
    assert_ok(store_trials_load(s, NULL, &want, &count, &err));

    for (int steps = 1; !whole; steps++) {
        int left = steps;
        sample_break_off(s, &left);
        whole = store_trials_load(s, NULL, &got, &n, &err) == RT_OK;
        sample_break_off(s, NULL);
        sqlite3_exec(store_handle(s), "rollback", NULL, NULL, NULL); /* its end may break off */
        errors += !whole;
        if (!whole)
            assert_says("cannot read the trials");
    }

    assert_true(errors > count);
    assert_int_equal(n, count);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(got[i].number, i);
        assert_string_equal(got[i].state, want[i].state);
        assert_memory_equal(&got[i].arch, &want[i].arch, sizeof want[i].arch);
        assert_memory_equal(got[i].objective, want[i].objective, sizeof want[i].objective);
    }
    free(got);
    free(want);
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_writer_is_refused_and_told_who_writes),
        cmocka_unit_test(another_process_is_refused_even_through_a_link),
        cmocka_unit_test(another_process_is_refused_through_a_hard_link),
        cmocka_unit_test(a_file_that_is_gone_or_another_is_noticed_at_once),
        cmocka_unit_test(a_log_left_behind_is_not_that_of_a_new_study),
        cmocka_unit_test(readers_that_overlap_do_not_make_the_log_grow),
        cmocka_unit_test(a_lock_file_without_holder_is_taken_over),
        cmocka_unit_test(a_persons_transaction_is_waited_for),
        cmocka_unit_test(kill_nine_at_any_moment_leaves_whole_states_and_the_same_end),
        cmocka_unit_test(a_killed_create_leaves_no_half_study),
        cmocka_unit_test(a_full_file_fails_with_the_reason_and_goes_on_later),
        cmocka_unit_test(a_disk_that_fills_up_while_writing_loses_nothing),
        cmocka_unit_test(create_on_a_full_disk_leaves_nothing),
        cmocka_unit_test(a_read_that_breaks_off_is_an_error_wherever_it_does),
    };
    return cmocka_run_group_tests_name("store/faults", tests, sample_setup, sample_teardown);
}
