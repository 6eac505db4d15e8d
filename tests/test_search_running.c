/* tests/test_search_running.c -- a search while it runs: its window, latencies beside other trials,
 * and those who listen. */
#include "search_sample.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/machine.h"

/* ---- the window ---- */

enum { WINDOW_TRIALS = 40, WINDOW = 4 };

struct window_context {
    struct sample_context sample;
    atomic_int finished[WINDOW_TRIALS]; /* 1 + how many had finished before */
    atomic_int count, violations, inside;
};

static bool overtaken(struct window_context *w, int64_t number)
{
    for (int i = 1; i < WINDOW; i++)
        if (!atomic_load(&w->finished[number + i]))
            return false;
    return true;
}

static void evaluate_in_window(void *context, const struct search_job *job,
                               struct store_result *result)
{
    struct window_context *w = context;
    for (int64_t i = 0; i + WINDOW <= job->number; i++)
        if (!atomic_load(&w->finished[i]))
            atomic_fetch_add(&w->violations, 1);
    if (atomic_fetch_add(&w->inside, 1) > 1)
        atomic_fetch_add(&w->violations, 1);
    if (job->number % 10 == 0) /* slow until the rest of its window overtook it; at most 10 s */
        for (int i = 0; i < 100000 && !overtaken(w, job->number); i++)
            sample_sleep(100);
    sample_evaluate(&w->sample, job, result);
    atomic_store(&w->finished[job->number], 1 + atomic_fetch_add(&w->count, 1));
    atomic_fetch_sub(&w->inside, 1);
}

static void trials_start_within_the_window_and_overtake_in_it(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(WINDOW_TRIALS, 2);
    struct window_context context = {.sample = {.shape = space.shape}};
    const struct search_evaluator evaluator = {evaluate_in_window, &context, NULL};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    options.window = WINDOW;
    sample_create(&s, &options);
    options.host = s.host;

    assert_ok(search_run(&space, &options, &evaluator, s.store, NULL, NULL, NULL, &end, &err));

    assert_int_equal(context.violations, 0);
    for (int slow = 0; slow < WINDOW_TRIALS; slow += 10)
        for (int i = 1; i < WINDOW; i++) /* all that the window lets past a slow one went past */
            assert_true(context.finished[slow + i] < context.finished[slow]);
    sample_remove(&s);
}

/* ---- CPUs ---- */

struct cpu_context {
    struct sample_context sample;
    struct rt_cpus home;
    atomic_int begun, stray;
};

/* The CPUs of the calling thread. */
static struct rt_cpus my_cpus(void)
{
    struct rt_cpus cpus = {0};

    assert_true(rt_thread_pin(0, &cpus));
    rt_thread_unpin(&cpus);
    return cpus;
}

/* The nth CPU of home alone? */
static bool is_on(const struct rt_cpus *home, int nth)
{
    const struct rt_cpus before = my_cpus();

    rt_thread_unpin(home);
    assert_true(rt_thread_pin(nth, NULL));
    const struct rt_cpus after = my_cpus();
    rt_thread_unpin(&before);
    return memcmp(&before, &after, sizeof before) == 0;
}

static void evaluate_on_a_cpu(void *context, const struct search_job *job,
                              struct store_result *result)
{
    struct cpu_context *c = context;

    if (!is_on(&c->home, job->worker))
        atomic_fetch_add(&c->stray, 1);
    sample_evaluate(&c->sample, job, result);
    atomic_fetch_add(&c->begun, 1);
}

static void pinned_workers_stay_on_a_cpu_each_and_give_it_back(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(12, rt_cores() > 1 ? 2 : 1);
    struct cpu_context context = {.sample = {.shape = space.shape}, .home = my_cpus()};
    const struct search_evaluator evaluator = {evaluate_on_a_cpu, &context, NULL};
    const struct rt_cpus home = context.home;
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    options.pin = true;
    sample_create(&s, &options);
    options.host = s.host;

    assert_ok(search_run(&space, &options, &evaluator, s.store, NULL, NULL, NULL, &end, &err));

    const struct rt_cpus after = my_cpus();
    assert_int_equal(context.begun, 12);
    assert_int_equal(context.stray, 0);
    assert_memory_equal(&after, &home, sizeof home);
    sample_remove(&s);
}

/* ---- latency beside others ---- */

struct beside_context {
    struct sample_context sample;
    atomic_int begun[4], ended[4];
};

static void wait_until(const atomic_int *flag)
{
    for (int i = 0; i < 100000 && !atomic_load(flag); i++) /* at most 10 s */
        sample_sleep(100);
}

/* Trial 1 begins and ends while trial 0 measures, though that was alone before and is alone after;
 * trial 2 waits for trial 3 to be over before it measures. */
static void evaluate_and_measure(void *context, const struct search_job *job,
                                 struct store_result *result)
{
    struct beside_context *c = context;
    int64_t began = rt_now_ns();

    atomic_store(&c->begun[job->number], 1);
    if (job->number == 0)
        wait_until(&c->ended[1]);
    if (job->number == 1)
        wait_until(&c->begun[0]);
    if (job->number == 2) {
        wait_until(&c->ended[3]);
        sample_sleep(300000); /* the other worker is done with it */
        began = rt_now_ns();
    }
    sample_evaluate(&c->sample, job, result);
    result->block = calloc(1, sizeof *result->block);
    assert_non_null(result->block);
    result->block_count = result->latency_count = 1;
    result->block[0] = (struct store_block){.batch = 1,
                                            .threads = 1,
                                            .calls = 3,
                                            .p10 = 1,
                                            .median = 1,
                                            .p90 = 1,
                                            .began_ns = began,
                                            .ended_ns = rt_now_ns()};
    result->latency[0] =
        (struct store_latency){.batch = 1, .threads = 1, .state = "clear", .value = 1, .blocks = 1};
    atomic_store(&c->ended[job->number], 1);
    if (job->number == 1) /* or this worker takes all that is left before the other is back */
        wait_until(&c->ended[0]);
}

static void latency_says_whether_another_trial_ran_meanwhile(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(4, 2);
    struct beside_context context = {.sample = {.shape = space.shape}};
    const struct search_evaluator evaluator = {evaluate_and_measure, &context, NULL};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    options.host = s.host;

    assert_ok(search_run(&space, &options, &evaluator, s.store, NULL, NULL, NULL, &end, &err));

    char rows[64];
    sample_text(s.store,
                "select group_concat(trial || ':' || concurrent, ' ') from"
                " (select trial, concurrent from latency_block order by trial)",
                rows, sizeof rows);
    assert_string_equal(rows, "0:1 1:1 2:0 3:1");
    sample_remove(&s);
}

/* ---- telling ---- */

struct heard {
    int calls;
    struct search_progress last;
};

static void hear(void *context, const struct search_progress *progress)
{
    struct heard *h = context;
    if (progress->committed < h->last.committed || progress->running > 2)
        h->calls = -1000;
    h->calls++;
    h->last = *progress;
}

static void sleep_for_ever(void *context, const struct search_progress *progress)
{
    (void)context;
    (void)progress;
    for (;;)
        pause();
}

/* Nobody reads the log's pipe, which holds a few lines, and the first progress is never read. */
static void readers_that_stall_do_not_stop_the_search(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(60, 2);
    struct sample_context context = {.shape = space.shape};
    const struct search_evaluator evaluator = {sample_evaluate, &context, NULL};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    char path[128], line[4096];
    (void)state;
    sample_create(&s, &options);
    snprintf(path, sizeof path, "%s/search.log", s.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    const int reader = open(path, O_RDWR);
    assert_true(reader >= 0);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 15; i++) /* 4 of its 64 KiB are left */
        assert_int_equal(write(reader, line, sizeof line), sizeof line);
    options.log = path;
    options.host = s.host;

    signal(SIGPIPE, SIG_IGN); /* as the program does: what was left behind ends with the pipe */
    alarm(60);
    const int64_t began = rt_now_ns();
    assert_ok(
        search_run(&space, &options, &evaluator, s.store, NULL, sleep_for_ever, NULL, &end, &err));
    assert_true((double)(rt_now_ns() - began) < 30e9);
    alarm(0);

    assert_int_equal(end, SEARCH_END_TRIALS);
    assert_int_equal(sample_integer(s.store, "select count(*) from trial where state in"
                                             " ('committed', 'failed')"),
                     60);
    close(reader);
    sample_remove(&s);
}

static void progress_and_log_tell_each_event(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(30, 2);
    struct sample_context context = {.shape = space.shape, .fail_every = 7, .delay_us = 200};
    const struct search_evaluator evaluator = {sample_evaluate, &context, NULL};
    struct heard heard = {.calls = 0};
    int starts = 0, ends = 0;
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    char path[128], line[2048], expected[256];
    FILE *log;
    (void)state;
    sample_create(&s, &options);
    snprintf(path, sizeof path, "%s/search.log", s.folder);
    options.log = path;
    options.host = s.host;

    assert_ok(search_run(&space, &options, &evaluator, s.store, NULL, hear, &heard, &end, &err));

    assert_in_range(heard.calls, 1, 61); /* at most a start and a commit each, and the end */
    assert_int_equal(heard.last.committed, 30);
    assert_int_equal(heard.last.wanted, 30);
    assert_int_equal(heard.last.failed, sample_integer(s.store, "select count(*) from failures"));
    assert_int_equal(heard.last.front_size, sample_integer(s.store, "select count(*) from front"));
    assert_true(heard.last.hypervolume > 0 && heard.last.hypervolume <= 1);
    assert_near(heard.last.seconds_left, 0, 0);
    log = fopen(path, "r");
    assert_non_null(log);
    while (fgets(line, sizeof line, log)) {
        char event[16];
        assert_int_equal(sscanf(line, "%*s %15s", event), 1);
        starts += strcmp(event, "start") == 0;
        ends += strcmp(event, "commit") == 0 || strcmp(event, "failed") == 0;
        if (starts == 1 && ends == 0 && strcmp(event, "start") == 0) {
            sample_text(s.store, "select arch from candidate where id = 1", expected, 256);
            assert_non_null(strstr(line, expected));
        }
    }
    fclose(log);
    assert_int_equal(starts, 30);
    assert_int_equal(ends, 30);
    assert_non_null(strstr(line, "ended: all trials done"));
    sample_remove(&s);
}

static void a_log_that_cannot_be_written_is_refused(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(5, 1);
    struct sample_context context = {.calls = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    options.log = "/nowhere/search.log";
    assert_int_equal(sample_run(&s, &space, options, &context, &end, &err), RT_EIO);
    assert_non_null(strstr(err.text, "'/nowhere/search.log'"));
    sample_remove(&s);
}

/* ---- a full disk ---- */

struct full {
    struct sample_study study;
    atomic_int told; /* that the disk is full */
};

static void watch(void *context, const struct search_progress *p)
{
    struct full *f = context;

    if (strstr(p->trouble, "is full; the search goes on when there is room"))
        atomic_store(&f->told, 1);
}

static void *make_room(void *context)
{
    struct full *f = context;

    for (int i = 0; i < 500 && !atomic_load(&f->told); i++)
        sample_sleep(10000);
    sqlite3_exec(store_handle(f->study.store), "pragma max_page_count = 1000000", NULL, NULL, NULL);
    return NULL;
}

static void a_full_disk_is_waited_for(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(60, 2);
    struct sample_context context = {.shape = space.shape};
    const struct search_evaluator evaluator = {.evaluate = sample_evaluate, .context = &context};
    struct full f = {.told = 0};
    pthread_t thread;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&f.study, &options);
    options.host = f.study.host;
    assert_int_equal(
        sqlite3_exec(store_handle(f.study.store), "pragma max_page_count = 1", NULL, NULL, NULL),
        SQLITE_OK); /* no more than there are */
    assert_int_equal(pthread_create(&thread, NULL, make_room, &f), 0);

    assert_ok(search_run(&space, &options, &evaluator, f.study.store, NULL, watch, &f, &end, &err));

    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&f.told), 1);
    assert_int_equal(
        sample_integer(f.study.store, "select count(*) from trial where state = 'committed'"), 60);
    sample_remove(&f.study);
}

static void stop_when_told(void *context, const struct search_progress *p)
{
    if (p->trouble[0])
        atomic_store((atomic_int *)context, SIGTERM);
}

/* Whoever wants to stop meanwhile can. */
static void a_full_disk_ends_by_a_stop(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(60, 1);
    struct sample_context context = {.shape = space.shape};
    const struct search_evaluator evaluator = {.evaluate = sample_evaluate, .context = &context};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    options.host = s.host;
    sqlite3_exec(store_handle(s.store), "pragma max_page_count = 1", NULL, NULL, NULL);
    assert_int_equal(search_run(&space, &options, &evaluator, s.store, &context.stop,
                                stop_when_told, &context.stop, &end, &err),
                     RT_EFULL);
    sample_remove(&s);
}

static void watch_log(void *context, const struct search_progress *p)
{
    if (strcmp(p->trouble, "lines are missing in the log '/dev/full': No space left on device") ==
        0)
        atomic_store((atomic_int *)context, 1);
}

static void a_log_that_loses_lines_is_told(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(5, 1);
    struct sample_context context = {.shape = space.shape};
    const struct search_evaluator evaluator = {.evaluate = sample_evaluate, .context = &context};
    struct sample_study s;
    atomic_int told = 0;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    options.host = s.host;
    options.log = "/dev/full";
    assert_ok(
        search_run(&space, &options, &evaluator, s.store, NULL, watch_log, &told, &end, &err));
    assert_int_equal(told, 1);
    sample_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_start_within_the_window_and_overtake_in_it),
        cmocka_unit_test(pinned_workers_stay_on_a_cpu_each_and_give_it_back),
        cmocka_unit_test(latency_says_whether_another_trial_ran_meanwhile),
        cmocka_unit_test(readers_that_stall_do_not_stop_the_search),
        cmocka_unit_test(progress_and_log_tell_each_event),
        cmocka_unit_test(a_log_that_cannot_be_written_is_refused),
        cmocka_unit_test(a_log_that_loses_lines_is_told),
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(a_full_disk_ends_by_a_stop),
    };
    return cmocka_run_group_tests_name("search, running", tests, NULL, NULL);
}
