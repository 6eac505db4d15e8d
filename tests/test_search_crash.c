/* tests/test_search_crash.c -- a search that is killed again and again ends as one that was not.
 *
 * Only children search: a process that has OpenMP threads must not fork.
 */
#include "search_sample.h"

#include <signal.h>
#include <sys/wait.h>

enum { TRIALS = 240, KILLS = 24, DELAY_US = 4000 };
static bool rungs, repeats; /* in this test */

static struct search_options options_for(int workers)
{
    struct search_options options =
        rungs ? sample_rungs(TRIALS, workers) : sample_options(TRIALS, workers);
    options.replicates = repeats ? 5 : 1;
    return options;
}

static void say_begun(void *context, const struct search_progress *progress)
{
    const int *pipe_end = context;
    (void)progress;
    if (write(*pipe_end, "b", 1) != 1)
        _exit(3);
}

/* The search in a child; its end of the pipe gets a byte a progress. */
static pid_t start_child(struct sample_study *s, const struct space *space, int workers, int *begun)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sample_context context = {.delay_us = DELAY_US, .noise = .02, .fail_every = 7};
        const struct search_evaluator evaluator = {sample_evaluate, &context, NULL};
        struct search_options options = options_for(workers);
        enum search_end end;
        struct rt_err err;
        rt_status rc;
        signal(SIGPIPE, SIG_IGN);
        close(ends[0]);
        sample_open(s);
        options.host = s->host;
        context.shape = space->shape;
        rc = search_run(space, &options, &evaluator, s->store, NULL, say_begun, &ends[1], &end,
                        &err);
        if (rc != RT_OK)
            fprintf(stderr, "child: %s\n", err.text);
        store_close(s->store);
        _exit(rc == RT_OK && end == SEARCH_END_TRIALS ? 0 : 1);
    }
    close(ends[1]);
    *begun = ends[0];
    return child;
}

static int wait_for(pid_t child, int begun)
{
    char bytes[64];
    int status = -1;
    while (read(begun, bytes, sizeof bytes) > 0)
        ;
    close(begun);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void finish(struct sample_study *s, const struct space *space, int workers)
{
    int begun;
    const pid_t child = start_child(s, space, workers, &begun);
    const int status = wait_for(child, begun);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Kill at a random moment; each fourth time already while the store is being opened. Returns
 * whether the child was still at work. */
static bool kill_once(struct sample_study *s, const struct space *space, struct rt_rng *rng,
                      int turn)
{
    int begun, status;
    char byte;
    const pid_t child = start_child(s, space, 2, &begun);
    if (turn % 4 != 3)
        assert_int_equal(read(begun, &byte, 1), 1);
    sample_sleep((int)rt_rng_below(rng, turn % 4 == 3 ? 5000 : 12000));
    assert_int_equal(kill(child, SIGKILL), 0);
    status = wait_for(child, begun);
    return WIFSIGNALED(status);
}

static void new_study(struct sample_study *s)
{
    const struct search_options options = options_for(1);
    sample_create(s, &options);
    store_close(s->store);
}

static char *rows_at_the_end(struct sample_study *s)
{
    char text[32], *rows;
    sample_open(s);
    sample_text(s->store, "pragma integrity_check", text, sizeof text);
    assert_string_equal(text, "ok");
    assert_int_equal(sample_integer(s->store, "select count(*) from trial where state in"
                                              " ('committed', 'failed')"),
                     TRIALS);
    rows = sample_rows(s->store);
    sample_remove(s);
    return rows;
}

static void killed_searches_end_as_one_that_was_not(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct sample_study s;
    struct rt_rng rng;
    char *want, *got;
    int kills = 0;
    rungs = *state == &rungs;
    repeats = *state == &repeats;
    rt_rng_init(&rng, (uint64_t)rt_now_ns(), RT_STREAM_TEST, 0); /* moments differ in every run */
    new_study(&s);
    finish(&s, &space, 1);
    want = rows_at_the_end(&s);

    new_study(&s);
    for (int turn = 0; turn < 4 * KILLS && kills < KILLS; turn++)
        kills += kill_once(&s, &space, &rng, turn);
    finish(&s, &space, 2);
    got = rows_at_the_end(&s);

    assert_int_equal(kills, KILLS);
    assert_rows_equal(got, want);
    free(got);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_searches_end_as_one_that_was_not),
        {"killed_searches_with_rungs_end_as_one_that_was_not",
         killed_searches_end_as_one_that_was_not, NULL, NULL, &rungs},
        {"killed_searches_with_further_seeds_end_as_one_that_was_not",
         killed_searches_end_as_one_that_was_not, NULL, NULL, &repeats},
    };
    return cmocka_run_group_tests_name("search/crash", tests, NULL, NULL);
}
