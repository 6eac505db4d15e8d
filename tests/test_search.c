/* tests/test_search.c -- whole searches: the same rows for any number of workers and after any
 * stop, limits, failures and the end of the space. */
#include "search_sample.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIALS = 60 };

static struct search_options with_model(int64_t trials, int workers)
{
    struct search_options options = sample_options(trials, workers);
    options.surrogate = SEARCH_SURROGATE_GP;
    return options;
}

/* Rows of a study that ran in one go. */
static char *rows_of(enum space_tie tie, int64_t trials, int workers, int delay_us)
{
    const struct space space = sample_space(tie);
    const struct search_options options = with_model(trials, workers);
    struct sample_context context = {.delay_us = delay_us, .fail_every = 7};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    char *rows;

    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    assert_int_equal(end, SEARCH_END_TRIALS);
    rows = sample_rows(s.store);
    sample_remove(&s);
    return rows;
}

static void rows_are_the_same_for_any_number_of_workers(void **state)
{
    char *one = rows_of(SPACE_TIE_LAYER, TRIALS, 1, 0);
    (void)state;
    for (int workers = 2; workers <= 8;
         workers *= 2) { /* 8 are more than the window has room for */
        char *many = rows_of(SPACE_TIE_LAYER, TRIALS, workers, 3000);
        assert_rows_equal(many, one);
        free(many);
    }
    free(one);
}

static void a_stop_after_every_kth_trial_changes_nothing(void **state)
{
    static const int steps[] = {1, 3, 7, 19};
    const struct space space = sample_space(SPACE_TIE_STAGE);
    char *want = rows_of(SPACE_TIE_STAGE, TRIALS, 1, 0);
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int workers = 1; workers <= 2; workers++) {
            const struct search_options options = with_model(TRIALS, workers);
            struct sample_study s;
            enum search_end end;
            struct rt_err err;
            int runs = 0;
            sample_create(&s, &options);
            do {
                struct sample_context context = {
                    .delay_us = 300, .fail_every = 7, .stop_after = steps[i]};
                assert_ok(sample_run(&s, &space, options, &context, &end, &err));
                assert_int_equal(
                    sample_integer(s.store, "select count(*) from trial where state = 'running'"),
                    0);
                if (runs % 2) { /* with and without opening the file again */
                    store_close(s.store);
                    sample_open(&s);
                }
                runs++;
            } while (end == SEARCH_END_STOPPED);
            assert_int_equal(end, SEARCH_END_TRIALS);
            assert_true(runs > TRIALS / (steps[i] + workers));
            char *got = sample_rows(s.store);
            assert_rows_equal(got, want);
            free(got);
            sample_remove(&s);
        }
    free(want);
}

/* ---- limits ---- */

static void the_number_of_trials_counts_the_whole_study(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct sample_context context = {.delay_us = 100};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    struct search_options options = sample_options(10, 2);
    static const int64_t limits[] = {10, 10, 7, 23}, wants[] = {10, 10, 10, 23};
    (void)state;
    sample_create(&s, &options);
    for (int i = 0; i < 4; i++) {
        options.trials = limits[i];
        assert_ok(sample_run(&s, &space, options, &context, &end, &err));
        assert_int_equal(end, SEARCH_END_TRIALS);
        assert_int_equal(sample_integer(s.store, "select count(*) from trial"), wants[i]);
        assert_int_equal(
            sample_integer(s.store, "select count(*) from trial where state = 'committed'"),
            wants[i]);
    }
    assert_int_equal(context.calls, 23);
    sample_remove(&s);
}

static void the_time_limit_lets_running_trials_finish(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct sample_context context = {.delay_us = 20000};
    struct search_options options = sample_options(0, 2);
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    options.hours = 0.1 / 3600;
    sample_create(&s, &options);

    assert_ok(sample_run(&s, &space, options, &context, &end, &err));

    assert_int_equal(end, SEARCH_END_HOURS);
    assert_true(context.calls > 0);
    /* one more may have been proposed when the time was up */
    assert_int_equal(
        sample_integer(s.store, "select count(*) from trial where state <> 'proposed'"),
        context.calls);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from trial where state = 'committed'"),
        context.calls);
    sample_remove(&s);
}

static void a_small_space_is_tried_completely_and_nothing_twice(void **state)
{
    struct space space = sample_space(SPACE_TIE_UNIFORM);
    struct sample_context context = {.delay_us = 50};
    struct search_options options = sample_options(0, 4);
    struct space_arch arch;
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    int feasible = 0;
    (void)state;
    space.limits.macs = 400000;
    for (int64_t i = 0; i < space_size(&space); i++) {
        space_nth(&space, i, &arch);
        feasible += space_feasible(&space, &arch, NULL);
    }
    assert_in_range(feasible, 50, space_size(&space) - 50);
    sample_create(&s, &options);

    assert_ok(sample_run(&s, &space, options, &context, &end, &err));

    assert_int_equal(end, SEARCH_END_EXHAUSTED);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from trial where state = 'committed'"), feasible);
    assert_int_equal(sample_integer(s.store, "select count(*) from candidate"), feasible);
    assert_int_equal(sample_integer(s.store, "select max(macs) <= 400000 from candidate"), 1);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err)); /* and it stays so */
    assert_int_equal(end, SEARCH_END_EXHAUSTED);
    assert_int_equal(context.calls, feasible);
    sample_remove(&s);
}

static void a_front_that_stands_still_ends_the_search_at_one_trial(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    int64_t last[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct search_options options = sample_options(0, i == 2 ? 1 : 1 + 3 * i);
        struct sample_context context = {.delay_us = i == 1 ? 1000 : 0,
                                         .stop_after = i < 2 ? 0 : 25};
        struct sample_study s;
        enum search_end end;
        struct rt_err err;
        options.patience = 12;
        sample_create(&s, &options);
        assert_ok(sample_run(&s, &space, options, &context, &end, &err));
        if (i == 2) { /* stopped on the way */
            assert_int_equal(end, SEARCH_END_STOPPED);
            context = (struct sample_context){.delay_us = 0};
            assert_ok(sample_run(&s, &space, options, &context, &end, &err));
        }
        assert_int_equal(end, SEARCH_END_PATIENCE);
        last[i] = sample_integer(s.store, "select max(number) from trial");
        char sql[256]; /* the last gain that was seen */
        snprintf(
            sql, sizeof sql,
            "select max(trial) from (select *, lag(hypervolume) over (order by trial) as before"
            "  from hypervolume) where hypervolume > before + 1e-9 and trial <= %lld",
            (long long)last[i] + 1 - options.window);
        assert_int_equal(sample_integer(s.store, sql), last[i] + 1 - options.window - 12);
        assert_int_equal(
            sample_integer(s.store, "select count(*) from trial where state = 'committed'"),
            last[i] + 1);
        assert_ok(sample_run(&s, &space, options, &context, &end, &err)); /* and stays so */
        assert_int_equal(end, SEARCH_END_PATIENCE);
        assert_int_equal(sample_integer(s.store, "select max(number) from trial"), last[i]);
        sample_remove(&s);
    }
    assert_int_equal(last[1], last[0]);
    assert_int_equal(last[2], last[0]);
}

static void an_empty_space_is_refused(void **state)
{
    struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options options = sample_options(5, 1);
    struct sample_context context = {.calls = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    space.limits.params = 10;
    sample_create(&s, &options);
    assert_int_equal(sample_run(&s, &space, options, &context, &end, &err), RT_EARG);
    assert_int_equal(context.calls, 0);
    sample_remove(&s);
}

/* ---- the front ---- */

/* The box by its definition: known bests, the worst of the first 8 trials with objectives. */
static size_t box_of(const struct store_trial *trials, const struct space *space, double *ideal,
                     double *reference)
{
    static const char *const names[] = {"error", "macs", "params"};
    size_t n = 0;
    for (int k = 0; k < 3; k++) {
        ideal[k] = search__known_best(space, names[k]);
        reference[k] = 0;
    }
    for (int successes = 0; successes < 8; n++) {
        for (int k = 0; k < 3 && !trials[n].error_kind[0]; k++)
            reference[k] = fmax(reference[k], trials[n].objective[k]);
        successes += !trials[n].error_kind[0];
    }
    return n; /* the volume is defined from trial n - 1 on */
}

/* Of the front behind a trial; volume NaN: not yet defined. */
static void assert_history(struct store *store, size_t trial, int64_t size, double volume)
{
    char sql[160], text[32];

    snprintf(sql, sizeof sql, "select size from front_history where trial = %zu", trial);
    assert_int_equal(sample_integer(store, sql), size);
    snprintf(sql, sizeof sql,
             "select iif(hypervolume is null, 'none', printf('%%!.17g', hypervolume))"
             " from front_history where trial = %zu",
             trial);
    sample_text(store, sql, text, sizeof text);
    if (isnan(volume))
        assert_string_equal(text, "none");
    else
        assert_near(strtod(text, NULL), volume, 1e-12); /* sums of 60 gains below 1 */
}

static void the_fronts_history_is_what_the_definitions_say(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(TRIALS, 2);
    struct sample_context context = {.fail_every = 7};
    double ideal[3], reference[3], points[TRIALS * 3];
    struct store_trial *trials;
    struct sample_study s;
    int64_t count;
    enum search_end end;
    struct rt_err err;
    char sql[160];
    int rank[TRIALS];
    (void)state;
    options.objective_count = 3;
    snprintf(options.objectives[2], STORE_NAME, "params");
    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    assert_ok(store_trials_load(s.store, &space, &trials, &count, &err));
    const size_t defined = box_of(trials, &space, ideal, reference);
    assert_near(ideal[0], 0, 0);
    assert_true(defined > 8); /* failed trials do not count */

    for (size_t n = 1; n <= TRIALS; n++) {
        double volume = NAN;
        int64_t size = 0;
        memcpy(points + 3 * (n - 1), trials[n - 1].objective, 3 * sizeof *points);
        assert_ok(search_ranks(points, n, 3, rank, &err));
        for (size_t i = 0; i < n; i++)
            size += rank[i] == 0 && !trials[i].error_kind[0];
        if (n >= defined)
            assert_ok(search_hypervolume(points, n, 3, ideal, reference, &volume, &err));
        assert_history(s.store, n - 1, size, volume);
    }
    for (int i = 0; i < TRIALS; i++) {
        snprintf(sql, sizeof sql, "select count(*) from front where trial = %d", i);
        assert_int_equal(sample_integer(s.store, sql), rank[i] == 0);
    }
    free(trials);
    sample_remove(&s);
}

/* ---- failures ---- */

static void evaluate_badly(void *context, const struct search_job *job, struct store_result *result)
{
    sample_evaluate(context, job, result);
    switch (job->number % 4) {
    case 0: /* an error that brings values all the same */
        result->status = RT_ENOMEM;
        snprintf(result->error, sizeof result->error, "too large");
        break;
    case 1: result->values[0].value = NAN; break;
    case 2: result->value_count = 0; break;
    default: result->values[0].value = INFINITY;
    }
}

/* Nobody measures them, no model guesses them, and a search that resumes finds them. */
static void bytes_in_int8_come_from_the_architecture(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(20, 2);
    struct sample_context context = {.calls = 0};
    struct store_trial *trials;
    struct sample_study s;
    int64_t count;
    enum search_end end;
    struct rt_err err;
    (void)state;
    options.surrogate = SEARCH_SURROGATE_GP;
    snprintf(options.objectives[1], STORE_NAME, "int8_bytes");
    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    options.trials = 24;
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));

    assert_ok(store_trials_load(s.store, &space, &trials, &count, &err));
    assert_int_equal(count, 24);
    for (int64_t n = 0; n < count; n++) {
        struct space_cost cost;
        space_cost_of(&trials[n].arch, &space.shape, &cost);
        assert_true(trials[n].objective[1] == (double)cost.int8_bytes);
    }
    assert_true(sample_integer(s.store, "select count(*) from prediction where name = 'error'"));
    assert_int_equal(
        sample_integer(s.store, "select count(*) from prediction where name = 'int8_bytes'"), 0);
    free(trials);
    sample_remove(&s);
}

static void failing_evaluators_do_not_end_the_search(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(24, 2);
    struct sample_context context = {.shape = space.shape};
    const struct search_evaluator evaluator = {evaluate_badly, &context, NULL};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    options.host = s.host;

    assert_ok(search_run(&space, &options, &evaluator, s.store, NULL, NULL, NULL, &end, &err));

    assert_int_equal(end, SEARCH_END_TRIALS);
    assert_int_equal(sample_integer(s.store, "select count(*) from failures"), 24);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from trial where error_kind = 'memory'"), 6);
    assert_int_equal(sample_integer(s.store,
                                    "select count(*) from trial where error_kind = 'nonfinite' and"
                                    " error like '%''error'' is missing or not a finite%'"),
                     18);
    assert_int_equal(sample_integer(s.store, "select (select count(*) from metric)"
                                             " + (select count(*) from curve)"
                                             " + (select count(*) from front)"),
                     0);
    sample_remove(&s);
}

static void an_error_of_the_store_ends_the_search_and_can_be_mended(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options options = with_model(TRIALS, 4);
    struct sample_context context = {.delay_us = 500, .fail_every = 7};
    char *want = rows_of(SPACE_TIE_LAYER, TRIALS, 1, 0), *got;
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    assert_int_equal(sqlite3_exec(store_handle(s.store),
                                  "create trigger broken before insert on front_history when"
                                  " new.trial = 20 begin select raise(abort, 'broken'); end",
                                  NULL, NULL, NULL),
                     SQLITE_OK);

    assert_int_equal(sample_run(&s, &space, options, &context, &end, &err), RT_EDB);
    assert_non_null(strstr(err.text, "broken"));

    assert_int_equal(sqlite3_exec(store_handle(s.store), "drop trigger broken", NULL, NULL, NULL),
                     SQLITE_OK);
    store_close(s.store);
    sample_open(&s);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    got = sample_rows(s.store);
    assert_rows_equal(got, want);
    free(got);
    free(want);
    sample_remove(&s);
}

static void another_studys_trials_are_refused(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct search_options options = sample_options(5, 1);
    struct sample_context context = {.calls = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    options.seed = 12;
    assert_int_equal(sample_run(&s, &space, options, &context, &end, &err), RT_EMISMATCH);
    sample_remove(&s);
}

/* ---- options ---- */

static void options_out_of_range_are_refused(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options good = sample_options(5, 1);
    struct search_options bad[8];
    struct sample_context context = {.calls = 0};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;
    (void)state;
    for (int i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].workers = 0;
    bad[1].window = 0;
    bad[2].population = 1;
    bad[3].crossover = NAN;
    bad[4].random = 1.5;
    bad[5].objective_count = 0;
    bad[6].trials = -1;
    bad[7].hours = NAN;
    sample_create(&s, &good);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sample_run(&s, &space, bad[i], &context, &end, &err), RT_EARG);
    sample_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_for_any_number_of_workers),
        cmocka_unit_test(a_stop_after_every_kth_trial_changes_nothing),
        cmocka_unit_test(the_number_of_trials_counts_the_whole_study),
        cmocka_unit_test(the_time_limit_lets_running_trials_finish),
        cmocka_unit_test(a_small_space_is_tried_completely_and_nothing_twice),
        cmocka_unit_test(a_front_that_stands_still_ends_the_search_at_one_trial),
        cmocka_unit_test(an_empty_space_is_refused),
        cmocka_unit_test(the_fronts_history_is_what_the_definitions_say),
        cmocka_unit_test(bytes_in_int8_come_from_the_architecture),
        cmocka_unit_test(failing_evaluators_do_not_end_the_search),
        cmocka_unit_test(an_error_of_the_store_ends_the_search_and_can_be_mended),
        cmocka_unit_test(another_studys_trials_are_refused),
        cmocka_unit_test(options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
