/* tests/test_process.c -- children that answer, are late, die, say too much, and are gone after. */
#include "support.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"

static const atomic_int go_on = 0;

static struct rt_process started(const char *script)
{
    char *const argv[] = {"sh", "-c", (char *)script, NULL};
    struct rt_process p = {.pid = 0};
    struct rt_err err;

    assert_ok(rt_process_start(&p, argv, "/", &err));
    return p;
}

static void a_child_answers_line_by_line(void **state)
{
    struct rt_process p = started("pwd >&2; while read -r a; do echo \"got $a\"; done");
    char *line;
    (void)state;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(rt_process_ask(&p, "hello\n", 5, &go_on, &line), RT_SAID_LINE);
        assert_string_equal(line, "got hello");
    }
    assert_string_equal(p.tail, "/\n");
    rt_process_release(&p);
    assert_int_equal(p.pid, 0);
}

static void a_death_tells_how(void **state)
{
    struct rt_process p = started("read -r a; echo so >&2; exit 7");
    char *line;
    (void)state;

    assert_int_equal(rt_process_ask(&p, "x\n", 5, &go_on, &line), RT_SAID_END);
    assert_int_equal(WEXITSTATUS(rt_process_kill(&p)), 7);
    assert_string_equal(p.tail, "so\n");
    rt_process_release(&p);
    p = started("kill -9 $$");
    assert_int_equal(rt_process_ask(&p, "x\n", 5, &go_on, &line), RT_SAID_END);
    assert_int_equal(WTERMSIG(rt_process_kill(&p)), SIGKILL);
    rt_process_release(&p);
}

static void a_death_is_seen_though_a_grandchild_holds_the_pipes(void **state)
{
    struct rt_process p = started("sleep 100 & read -r a; exit 7");
    const int64_t start = rt_now_ns();
    char *line;
    (void)state;

    assert_int_equal(rt_process_ask(&p, "x\n", 20, &go_on, &line), RT_SAID_END);
    assert_true(rt_now_ns() - start < INT64_C(10000000000));
    assert_int_equal(WEXITSTATUS(rt_process_kill(&p)), 7);
    rt_process_release(&p);
    p = started("sleep 100 & read -r a; echo last; exit 0"); /* what it said still counts */
    assert_int_equal(rt_process_ask(&p, "x\n", 20, &go_on, &line), RT_SAID_LINE);
    assert_string_equal(line, "last");
    rt_process_release(&p);
}

static void a_late_child_is_killed_with_its_own_children(void **state)
{
    struct rt_process p = started("sleep 100 & sleep 100");
    const pid_t group = p.pid;
    const int64_t start = rt_now_ns();
    int status = 0;
    char *line;
    (void)state;

    assert_int_equal(rt_process_ask(&p, "x\n", .2, &go_on, &line), RT_SAID_LATE);
    rt_process_kill(&p);

    assert_true(rt_now_ns() - start < 5000000000);
    assert_int_equal(waitpid(-group, &status, 0) > 0, 1); /* the orphan is ours, see main() */
    assert_int_equal(WTERMSIG(status), SIGKILL);
    rt_process_release(&p);
}

/* `sleep` waits, as who is stopped or in a deadlock does; the loop works. */
static void a_child_that_uses_no_processor_time_is_hung(void **state)
{
    struct rt_process p = started("read -r a; exec sleep 100");
    char *line;
    (void)state;

    p.stall = .5;
    assert_int_equal(rt_process_ask(&p, "x\n", 20, &go_on, &line), RT_SAID_HUNG);
    rt_process_kill(&p);
    rt_process_release(&p);
    p = started("while :; do :; done");
    p.stall = .5;
    assert_int_equal(rt_process_ask(&p, "x\n", 1.5, &go_on, &line), RT_SAID_LATE);
    rt_process_kill(&p);
    rt_process_release(&p);
}

static void stand(void *context, pid_t group)
{
    (void)group;
    if ((*(int *)context)++ < 10)
        poll(NULL, 0, 100);
}

static void what_is_done_beside_counts_for_no_limit(void **state)
{
    struct rt_process p = started("read -r a; sleep .6; echo done; exec sleep 100");
    int calls = 0;
    char *line;
    (void)state;

    p.stall = .5;
    p.idle = stand;
    p.context = &calls;
    assert_int_equal(rt_process_ask(&p, "x\n", .5, &go_on, &line), RT_SAID_LINE);
    rt_process_kill(&p);
    rt_process_release(&p);
}

static void a_stop_interrupts_the_wait(void **state)
{
    struct rt_process p = started("sleep 100");
    const atomic_int stop = 1;
    char *line;
    (void)state;

    assert_int_equal(rt_process_ask(&p, "x\n", 0, &stop, &line), RT_SAID_STOP);
    rt_process_kill(&p);
    rt_process_release(&p);
}

static void a_line_without_end_is_too_much(void **state)
{
    struct rt_process p = started("exec cat /dev/zero");
    char *line;
    (void)state;

    assert_int_equal(rt_process_ask(&p, "x\n", 10, &go_on, &line), RT_SAID_TOO_MUCH);
    rt_process_kill(&p);
    rt_process_release(&p);
}

static void much_is_said_on_both_sides_without_a_jam(void **state)
{
    struct rt_process p =
        started("head -c 200000 /dev/zero | tr '\\0' e >&2; read -r a; printf '%s\\n' \"$a\"");
    const size_t bytes = 300000;
    char *request = malloc(bytes + 2), *line;
    (void)state;
    assert_non_null(request);
    memset(request, 'r', bytes);
    memcpy(request + bytes, "\n", 2);

    assert_int_equal(rt_process_ask(&p, request, 20, &go_on, &line), RT_SAID_LINE);

    assert_int_equal(strlen(line), bytes);
    assert_int_equal(p.tail_used, RT_PROCESS_TAIL);
    rt_process_release(&p);
    free(request);
}

static void a_missing_program_is_refused(void **state)
{
    char *const argv[] = {"nothing-of-this-name", NULL};
    struct rt_process p = {.pid = 0};
    struct rt_err err;
    (void)state;

    assert_int_equal(rt_process_start(&p, argv, "/", &err), RT_EIO);
    assert_string_equal(err.text,
                        "cannot start 'nothing-of-this-name' in '/': No such file or directory");
    rt_process_release(&p);
}

struct heard {
    char text[64];
    size_t used;
};

static void hear(void *context, const char *text, size_t bytes)
{
    struct heard *heard = context;

    assert_true(heard->used + bytes < sizeof heard->text);
    memcpy(heard->text + heard->used, text, bytes);
    heard->used += bytes;
}

static void a_child_runs_to_its_end_and_is_heard(void **state)
{
    struct rt_process p = started("cat; exec 1>&-; echo one >&2; echo two >&2; sleep .6; exit 3");
    struct heard heard = {.used = 0};
    int status = 0;
    (void)state;

    assert_true(
        rt_process_wait(&p, 0, NULL, hear, &heard, &status)); /* though its output ended before */
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_memory_equal(heard.text, "one\ntwo\n", heard.used);
    assert_int_equal(heard.used, 8);
    assert_string_equal(rt_process_last_line(&p), "two");
    assert_int_equal(p.pid, 0);
    rt_process_release(&p);
}

static void a_child_that_runs_is_killed_by_a_stop(void **state)
{
    struct rt_process p = started("sleep 100");
    const atomic_int stop = 1;
    int status = 0;
    (void)state;

    assert_false(rt_process_wait(&p, 0, &stop, NULL, NULL, &status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_string_equal(rt_process_last_line(&p), "");
    rt_process_release(&p);
}

/* Was it killed? It becomes our child when its parent dies. */
static bool is_killed(pid_t pid)
{
    int status;

    for (int i = 0; i < 1000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFSIGNALED(status);
        poll(NULL, 0, 20);
    }
    return false;
}

static void a_child_that_does_not_end_with_its_input_is_killed_in_time(void **state)
{
    struct rt_process p = started("exec sleep 100");
    int status = 0;
    (void)state;

    assert_false(rt_process_ends(&p, .2));
    assert_false(rt_process_wait(&p, .2, NULL, NULL, NULL, &status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    rt_process_release(&p);
    p = started("exit 3");
    assert_true(rt_process_ends(&p, 20));
    assert_true(rt_process_wait(&p, 20, NULL, NULL, NULL, &status));
    assert_int_equal(WEXITSTATUS(status), 3);
    rt_process_release(&p);
}

static void a_kept_child_dies_with_who_started_it(void **state)
{
    int ends[2];
    pid_t pids[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    const pid_t starter = fork();
    if (starter == 0) { /* is killed while the child and a grandchild sleep */
        char *const argv[] = {"sh", "-c", "sleep 1000 & echo $$ $!; wait", NULL};
        struct rt_process p = {.kept = true};
        struct rt_err err;
        char *line;
        if (rt_process_start(&p, argv, "/", &err) ||
            rt_process_ask(&p, "go\n", 5, &go_on, &line) != RT_SAID_LINE ||
            sscanf(line, "%d %d", &pids[0], &pids[1]) != 2 ||
            write(ends[1], pids, sizeof pids) != sizeof pids)
            _exit(1);
        for (;;)
            pause();
    }
    assert_true(starter > 0);
    assert_int_equal(read(ends[0], pids, sizeof pids), sizeof pids);
    assert_int_equal(kill(pids[0], 0), 0);

    assert_int_equal(kill(starter, SIGKILL), 0);

    assert_int_equal(waitpid(starter, NULL, 0), starter);
    assert_true(is_killed(pids[0]));
    assert_true(is_killed(pids[1]));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_answers_line_by_line),
        cmocka_unit_test(a_death_tells_how),
        cmocka_unit_test(a_death_is_seen_though_a_grandchild_holds_the_pipes),
        cmocka_unit_test(a_late_child_is_killed_with_its_own_children),
        cmocka_unit_test(a_child_that_uses_no_processor_time_is_hung),
        cmocka_unit_test(what_is_done_beside_counts_for_no_limit),
        cmocka_unit_test(a_stop_interrupts_the_wait),
        cmocka_unit_test(a_line_without_end_is_too_much),
        cmocka_unit_test(much_is_said_on_both_sides_without_a_jam),
        cmocka_unit_test(a_missing_program_is_refused),
        cmocka_unit_test(a_child_runs_to_its_end_and_is_heard),
        cmocka_unit_test(a_child_that_runs_is_killed_by_a_stop),
        cmocka_unit_test(a_child_that_does_not_end_with_its_input_is_killed_in_time),
        cmocka_unit_test(a_kept_child_dies_with_who_started_it),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests_name("base/process", tests, NULL, NULL);
}
