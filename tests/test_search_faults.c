/* tests/test_search_faults.c -- an evaluator that breaks costs no trials, what failed can be tried
 * again, and single faults stay rows like any other. */
#include "search_sample.h"

#include "search/external.h"

enum { TRIALS = 40, BREAKS_AT = 20 };

struct faulty {
    struct sample_context sample;
    int64_t from, to; /* trials whose evaluator crashes, */
    bool dirty;       /* or finds that others wrote into what it learns from */
};

static void evaluate(void *context, const struct search_job *job, struct store_result *result)
{
    struct faulty *f = context;

    sample_evaluate(&f->sample, job, result);
    if (result->status == RT_ESTOP || job->number < f->from || job->number >= f->to)
        return;
    store_result_release(result);
    if (f->dirty) {
        *result = (struct store_result){.status = RT_EDIRTY,
                                        .error = "'what/they.said' is damaged; run 'retort teach'"};
        return;
    }
    *result = (struct store_result){.status = RT_EIO};
    snprintf(result->kind, sizeof result->kind, "crash");
    snprintf(result->error, sizeof result->error, "no such GPU, said trial %d", (int)job->number);
}

static rt_status search(struct sample_study *s, struct search_options options, struct faulty *f,
                        enum search_end *end, struct rt_err *err)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_evaluator evaluator = {evaluate, f, NULL};

    options.host = s->host;
    f->sample.shape = space.shape;
    return search_run(&space, &options, &evaluator, s->store, NULL, NULL, NULL, end, err);
}

static struct search_options options_of(int64_t trials, int workers)
{
    struct search_options options = sample_options(trials, workers);
    options.faults = 5;
    return options;
}

static char *sound_rows(void)
{
    const struct search_options options = options_of(TRIALS, 1);
    struct faulty sound = {.from = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;

    sample_create(&s, &options);
    assert_ok(search(&s, options, &sound, &end, &err));
    char *rows = sample_rows(s.store);
    sample_remove(&s);
    return rows;
}

static int64_t count(struct sample_study *s, const char *condition)
{
    char sql[128];
    snprintf(sql, sizeof sql, "select count(*) from trial where %s", condition);
    return sample_integer(s->store, sql);
}

static void a_broken_evaluator_ends_the_search_and_costs_no_trial(void **state)
{
    char *want = sound_rows();
    (void)state;
    for (int workers = 1; workers <= 3; workers += 2) {
        const struct search_options options = options_of(TRIALS, workers);
        struct faulty broken = {.from = BREAKS_AT, .to = TRIALS}, sound = {.from = 0};
        struct sample_study s;
        enum search_end end;
        struct rt_err err;
        sample_create(&s, &options);
        assert_int_equal(search(&s, options, &broken, &end, &err), RT_EIO);
        assert_non_null(strstr(err.text, "5 times in a row"));
        assert_non_null(strstr(err.text, "no such GPU, said trial 2"));
        assert_int_equal(count(&s, "state = 'committed'"), BREAKS_AT);
        assert_int_equal(count(&s, "state in ('failed', 'running') or error is not null"), 0);
        assert_int_equal(
            sample_integer(s.store, "select count(*) from run where ending like '%in a row%'"), 1);
        assert_ok(search(&s, options, &sound, &end, &err));
        assert_int_equal(end, SEARCH_END_TRIALS);
        char *got = sample_rows(s.store);
        assert_rows_equal(got, want);
        free(got);
        sample_remove(&s);
    }
    free(want);
}

/* One is enough, whatever `faults` says; those that run beside it are taken, or wait as it does. */
static void what_others_wrote_into_ends_the_search_and_costs_no_trial(void **state)
{
    char *want = sound_rows();
    (void)state;
    for (int workers = 1; workers <= 3; workers++) {
        struct search_options options = options_of(TRIALS, workers);
        struct faulty void_ = {.from = BREAKS_AT, .to = TRIALS, .dirty = true}, sound = {.from = 0};
        struct sample_study s;
        enum search_end end;
        struct rt_err err;
        options.faults = 0;
        void_.sample.delay_us = 2000;
        sample_create(&s, &options);
        assert_int_equal(search(&s, options, &void_, &end, &err), RT_EDIRTY);
        assert_string_equal(err.text, "'what/they.said' is damaged; run 'retort teach', and the "
                                      "same command again: no trial is lost");
        assert_int_equal(count(&s, "state = 'committed'"), BREAKS_AT);
        assert_int_equal(count(&s, "state not in ('committed', 'proposed') or error is not null"),
                         0);
        assert_in_range(sample_integer(s.store, "select count(*) from event where kind = "
                                                "'interrupted' and text like '%is damaged%'"),
                        1, workers);
        assert_ok(search(&s, options, &sound, &end, &err));
        char *got = sample_rows(s.store);
        assert_rows_equal(got, want);
        free(got);
        sample_remove(&s);
    }
    free(want);
}

/* Killed while faults waited for what comes after them. */
static void faults_without_a_turn_are_tried_again(void **state)
{
    const struct search_options options = options_of(TRIALS, 1);
    struct faulty broken = {.from = BREAKS_AT, .to = TRIALS}, sound = {.from = 0};
    struct store_result result = {.status = RT_EIO, .kind = "timeout", .error = "late"};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    char *want = sound_rows();
    (void)state;
    sample_create(&s, &options);
    assert_int_equal(search(&s, options, &broken, &end, &err), RT_EIO);
    assert_ok(store_trial_start(s.store, BREAKS_AT, s.host, 0, &err));
    assert_ok(store_trial_done(s.store, BREAKS_AT, &result, &err));
    store_close(s.store);
    sample_open(&s);
    assert_ok(search(&s, options, &sound, &end, &err));
    char *got = sample_rows(s.store);
    assert_rows_equal(got, want);
    free(got);
    free(want);
    sample_remove(&s);
}

static void single_faults_are_failed_trials(void **state)
{
    const struct search_options options = options_of(TRIALS, 2);
    struct faulty some = {.from = 6, .to = 10};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    assert_ok(search(&s, options, &some, &end, &err));
    assert_int_equal(end, SEARCH_END_TRIALS);
    assert_int_equal(count(&s, "state = 'failed' and number between 6 and 9"), 4);
    assert_int_equal(count(&s, "state = 'committed'"), TRIALS - 4);
    sample_remove(&s);
}

/* What no later trial can tell apart is what it looks like. */
static void faults_at_the_end_are_failed_trials(void **state)
{
    const struct search_options options = options_of(3, 2);
    struct faulty all = {.to = 3};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    assert_ok(search(&s, options, &all, &end, &err));
    assert_int_equal(end, SEARCH_END_TRIALS);
    assert_int_equal(count(&s, "state = 'failed'"), 3);
    sample_remove(&s);
}

/* The last of them is not tried when the end comes first. */
static void faults_of_candidates_never_end_a_search(void **state)
{
    const struct search_options options = options_of(TRIALS, 2);
    struct faulty none = {.sample = {.fail_every = 1}};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    assert_ok(search(&s, options, &none, &end, &err));
    assert_int_equal(count(&s, "state = 'failed'"), TRIALS);
    sample_remove(&s);
}

/* ---- a window that is too small to keep them all back, and trying again ---- */

/* The front in the file is that of all results. */
static void assert_front_right(struct sample_study *s)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct store_trial *trials;
    struct rt_err err;
    int64_t n, size = 0;
    char sql[96];

    assert_ok(store_trials_load(s->store, &space, &trials, &n, &err));
    for (int64_t i = 0; i < n; i++) {
        bool in = !trials[i].error_kind[0];
        for (int64_t k = 0; k < n && in; k++)
            in = !search_dominates(trials[k].objective, trials[i].objective, 2);
        snprintf(sql, sizeof sql, "select count(*) from front where trial = %d", (int)i);
        assert_int_equal(sample_integer(s->store, sql), in);
        size += in;
    }
    free(trials);
    assert_int_equal(
        sample_integer(s->store, "select size from front_history order by trial desc limit 1"),
        size);
    assert_int_equal(sample_integer(s->store, "select count(*) from front_history"), n);
}

static void a_small_window_loses_some_that_can_be_tried_again(void **state)
{
    struct search_options options = options_of(TRIALS, 1);
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct faulty broken = {.from = BREAKS_AT, .to = TRIALS}, sound = {.from = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    int64_t tried = 0;
    (void)state;
    options.window = 2;
    sample_create(&s, &options);
    assert_int_equal(search(&s, options, &broken, &end, &err), RT_EIO);
    assert_non_null(strstr(err.text, "--retry-failed"));
    const int64_t failed = count(&s, "state = 'failed'");
    assert_in_range(failed, 3, 4);
    assert_ok(search_retry_failed(&space, &options, s.store, NULL, &tried, &err));
    assert_int_equal(tried, failed);
    assert_int_equal(count(&s, "state = 'failed' or error is not null"), 0);
    assert_ok(search(&s, options, &sound, &end, &err));
    assert_int_equal(count(&s, "state = 'committed'"), TRIALS);
    assert_front_right(&s);
    sample_remove(&s);
}

static void failed_trials_of_a_kind_are_tried_again(void **state)
{
    struct search_options options = options_of(TRIALS, 2);
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct faulty some = {.sample = {.fail_every = 7}, .from = 6, .to = 9};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    int64_t tried = 0;
    (void)state;
    sample_create(&s, &options);
    assert_ok(search(&s, options, &some, &end, &err));
    const int64_t others = count(&s, "state = 'failed' and error_kind <> 'crash'");
    assert_ok(search_retry_failed(&space, &options, s.store, "timeout", &tried, &err));
    assert_int_equal(tried, 0);
    assert_int_equal(count(&s, "state in ('committed', 'failed')"), TRIALS);
    assert_ok(search_retry_failed(&space, &options, s.store, "crash", &tried, &err));
    assert_int_equal(tried, 3);
    assert_int_equal(count(&s, "state = 'proposed' and attempt = 0"), 3);
    assert_int_equal(sample_integer(s.store, "select count(*) from front where trial > 5"), 0);
    store_close(s.store); /* and be it killed here */
    sample_open(&s);
    some.to = some.from;
    assert_ok(search(&s, options, &some, &end, &err));
    assert_int_equal(end, SEARCH_END_TRIALS);
    assert_int_equal(count(&s, "state = 'failed'"),
                     others + count(&s, "state = 'failed' and number between 6 and 8"));
    assert_front_right(&s);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from event where kind = 'retry' and trial > 5"),
        3);
    assert_int_not_equal(sqlite3_exec(store_handle(s.store),
                                      "update trial set state = 'proposed' where number = 0", NULL,
                                      NULL, NULL),
                         SQLITE_OK); /* the schema's own guard is back */
    sample_remove(&s);
}

/* Said by a Retort, it is of no trial, and asked once; of a command of the user's it is a word like others. */
static void what_a_child_finds_written_into_is_void(void **state)
{
    static const char *const says =
        "while read -r l; do echo '{\"trial\":0,\"error\":\"cut short\",\"kind\":\"dirty\"}'; done";
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options options = sample_options(1, 1);
    const atomic_int never = 0;
    struct space_arch arch;
    struct rt_rng rng;
    (void)state;

    rt_rng_init(&rng, 1, RT_STREAM_TEST, 0);
    space_sample(&space, &rng, &arch);
    for (int believed = 0; believed < 2; believed++) {
        const struct search_external_options how = {
            .argv = {"sh", "-c", says}, .folder = ".", .timeout = 60, .believed = believed};
        struct store_result result = {.status = RT_OK};
        struct search_external *external;
        struct rt_err err;
        assert_ok(search_external_open(&how, &space, &options, &external, &err));
        search_external_evaluate(
            external, &(struct search_job){.arch = &arch, .inherits = -1, .stop = &never}, &result);
        assert_int_equal(result.status, believed ? RT_EDIRTY : RT_EIO);
        assert_string_equal(result.kind, "dirty");
        assert_non_null(strstr(result.error, "cut short"));
        assert_int_equal(result.note[0] == NULL, believed);
        search_external_close(external);
        store_result_release(&result);
    }
    assert_false(search_is_fault("dirty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_evaluator_ends_the_search_and_costs_no_trial),
        cmocka_unit_test(what_others_wrote_into_ends_the_search_and_costs_no_trial),
        cmocka_unit_test(faults_without_a_turn_are_tried_again),
        cmocka_unit_test(single_faults_are_failed_trials),
        cmocka_unit_test(faults_at_the_end_are_failed_trials),
        cmocka_unit_test(faults_of_candidates_never_end_a_search),
        cmocka_unit_test(a_small_window_loses_some_that_can_be_tried_again),
        cmocka_unit_test(failed_trials_of_a_kind_are_tried_again),
        cmocka_unit_test(what_a_child_finds_written_into_is_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
