/* tests/test_status.c -- what is told of a search while it runs, and of who runs it. */
#include "report_sample.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static void status_fits_a_terminal_of_24_lines_of_80_columns(void **state)
{
    struct store *store = sample("status.db");
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_status(store, text_open(&text), &err));
    const char *got = text_close(&text);

    /* the run's 60, whatever the study file says */
    assert_true(count_of(got, "\n") < 24);
    assert_fits_80_columns(got);
    assert_has(got, "20 done, 2 failed, 1 running, 1 waiting for an earlier one");
    assert_has(got, "the search wants 60 trials");
    assert_has(got, "hypervolume 0.84");
    assert_has(got, "error: 67 % within 1 sd, 100 % within 2; tau-b 0.73; 12 trials");
    assert_has(got, "memory limit of\n            64 MiB reached\n");
    free(text.data);
    store_close(store);
}

/* A search that runs in a process of its own until it is killed, with one trial under way. */
static pid_t start_search(const char *path)
{
    int ready[2];
    char c = 0;

    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct store_run run = {.workers = 1, .hours = 2};
        struct store_run here = run;
        struct store *store = sample_create(path);
        struct rt_err err;
        here.host = sample_host(store);
        sample_propose(store, 0);
        if (store_run_begin(store, &here, &err) || store_trial_start(store, 0, here.host, 0, &err))
            _exit(1);
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return child;
}

static char *status_of(struct store *store)
{
    struct text text;
    struct rt_err err;

    assert_ok(report_status(store, text_open(&text), &err));
    text_close(&text);
    return text.data;
}

static void status_tells_a_search_that_was_killed(void **state)
{
    const char *path = sample_path("killed.db");
    const pid_t child = start_search(path);
    struct store *store = sample_open(path, STORE_READ);
    struct store_writer writer;
    (void)state;

    store_writer_of(store, &writer);
    assert_true(writer.alive);
    assert_int_equal(writer.pid, child);
    char *text = status_of(store);
    assert_has(text, "0 done, 0 failed, 1 running");
    assert_has(text, "of the search's 2 hours");
    assert_has(text, " of this machine\n");
    assert_lacks(text, "killed");
    free(text);

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    store_writer_of(store, &writer);
    assert_false(writer.alive);
    text = status_of(store);
    assert_has(text, "search      was killed: nobody writes this file");
    assert_has(text, "go on       retort search STUDY --db ");
    assert_has(text, "0 done, 0 failed, 1 interrupted");
    assert_lacks(text, "left");
    free(text);
    store_close(store);

    store = sample_open(path, STORE_WRITE); /* who takes it up finds it as it should be */
    assert_rows(store, "select ending from run", "killed\n");
    text = status_of(store);
    assert_lacks(text, "killed");
    free(text);
    store_close(store);
}

static void status_tells_a_search_on_another_machine(void **state)
{
    static const char owner[] = "4711 else\033where\n";
    struct store *store = sample("elsewhere.db");
    char path[RT_PATH_MAX];
    (void)state;

    (void)snprintf(path, sizeof path, "%s.lock", store_path(store));
    store_close(store);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    assert_int_equal(write(fd, owner, sizeof owner - 1), sizeof owner - 1);

    store = sample_open(sample_path("elsewhere.db"), STORE_READ);
    char *text = status_of(store);
    assert_has(text, "process 4711 on else where\n");
    free(text);
    (void)close(fd);
    text = status_of(store);
    assert_lacks(text, "process");
    free(text);
    store_close(store);
}

static void a_label_that_is_long_has_a_blank_behind_it(void **state)
{
    struct text text;
    (void)state;

    report__labelled(text_open(&text), "rung 1000000", "2 done");
    assert_string_equal(text_close(&text), "rung 1000000 2 done\n");
    free(text.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_fits_a_terminal_of_24_lines_of_80_columns),
        cmocka_unit_test(status_tells_a_search_that_was_killed),
        cmocka_unit_test(status_tells_a_search_on_another_machine),
        cmocka_unit_test(a_label_that_is_long_has_a_blank_behind_it),
    };
    return cmocka_run_group_tests_name("status", tests, sample_setup, sample_teardown);
}
