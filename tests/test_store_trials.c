/* tests/test_store_trials.c -- a trial's way through its states, and what readers see of it. */
#include "store_sample.h"

/* ---- trials ---- */

static void a_proposal_keeps_its_genes_and_costs(void **state)
{
    struct store *s = sample_create(sample_path("genes.db"));
    (void)state;

    for (int64_t n = 0; n < 10; n++)
        sample_propose(s, n);

    assert_rows(s,
                "select arch, depth, width, head_dim, patch, params, bytes, macs, memory, origin,"
                " parent_a, parent_b from candidate where id = 10",
                "L2-d80-k16-h2.3-f160.320-p7|2|80|16|7|154600|618400|2628200|327680|mutation|1|2"
                "\n");
    assert_rows(s, "select position, heads, ffn from layer where candidate = 10",
                "0|2|160\n1|3|320\n");
    assert_rows(s, "select * from trial where number = 9",
                "9|10|0|1009|null|proposed|0|null|null|0\n");
    store_close(s);
}

static void numbers_come_one_after_the_other(void **state)
{
    struct store *s = sample_create(sample_path("numbers.db"));
    const struct space_arch arch = sample_arch(1);
    const struct space_cost cost = sample_cost(&arch);
    struct store_proposal p = {.number = 1,
                               .arch = &arch,
                               .cost = &cost,
                               .origin = "x",
                               .parent_a = -1,
                               .parent_b = -1,
                               .inherits = -1};
    struct rt_err err;
    (void)state;

    assert_int_equal(store_trial_propose(s, &p, &err), RT_EDB);
    assert_says("cannot propose trial 1");
    assert_says("the next trial is number 0");
    assert_rows(s, "select count(*) from candidate", "0\n"); /* all or nothing */
    store_close(s);
}

static void steps_out_of_turn_are_refused(void **state)
{
    struct store *s = sample_create(sample_path("steps.db"));
    const int64_t host = sample_host(s);
    struct store_result good = sample_result(0), stopped = {.status = RT_ESTOP};
    struct store_commit c = {.number = 0, .enters_front = true, .front_size = 1};
    struct rt_err err;
    (void)state;

    assert_int_equal(store_trial_start(s, 0, host, 0, &err), RT_EDB);
    assert_says("cannot start trial 0");
    assert_says("there is no such trial");
    sample_propose(s, 0);
    assert_int_equal(store_trial_done(s, 0, &good, &err), RT_EDB);
    assert_says("it is proposed, not running");
    assert_int_equal(store_trial_return(s, 0, "interrupted", "asked to stop", &err), RT_EDB);
    assert_int_equal(store_trial_commit(s, &c, &err), RT_EDB);
    assert_says("it is proposed, not done");
    assert_ok(store_trial_start(s, 0, host, 0, &err));
    assert_int_equal(store_trial_start(s, 0, host, 0, &err), RT_EDB);
    assert_says("it is running, not proposed");
    assert_int_equal(store_trial_done(s, 0, &stopped, &err), RT_EDB);
    assert_ok(store_trial_done(s, 0, &good, &err));
    assert_int_equal(store_trial_done(s, 0, &good, &err), RT_EDB);
    assert_int_equal(store_trial_return(s, 0, "interrupted", "asked to stop", &err), RT_EDB);
    assert_ok(store_trial_commit(s, &c, &err));
    assert_int_equal(store_trial_commit(s, &c, &err), RT_EDB);
    assert_says("it is committed, not done");
    assert_rows(s, "select state from trial", "committed\n");
    store_result_release(&good);
    store_close(s);
}

static void the_schema_refuses_wrong_states_from_anybody(void **state)
{
    struct store *s = sample_create(sample_path("trigger.db"));
    (void)state;

    sample_propose(s, 0);
    assert_int_not_equal(
        sqlite3_exec(store_handle(s), "update trial set state = 'done'", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_not_equal(
        sqlite3_exec(store_handle(s), "update trial set state = 'lost'", NULL, NULL, NULL),
        SQLITE_OK);
    assert_rows(s, "select state from trial", "proposed\n");
    store_close(s);
}

static void results_wait_for_their_turn(void **state)
{
    struct store *s = sample_create(sample_path("turn.db"));
    const int64_t host = sample_host(s);
    struct store_commit c = {.number = 1, .enters_front = true, .front_size = 1};
    struct rt_err err;
    (void)state;

    for (int64_t n = 0; n < 2; n++) {
        sample_propose(s, n);
        assert_ok(store_trial_start(s, n, host, (int)n, &err));
    }
    sample_done(s, 1);

    assert_int_equal(store_trial_commit(s, &c, &err), RT_EDB);
    assert_says("it is the turn of trial 0");
    sample_done(s, 0);
    sample_commit(s, 0);
    sample_commit(s, 1);
    store_close(s);
}

static void a_commit_must_fit_the_result_and_the_front(void **state)
{
    struct store *s = sample_create(sample_path("fit.db"));
    const int64_t host = sample_host(s), stranger = 7;
    struct store_commit c = {.number = 0, .failed = true};
    struct rt_err err;
    (void)state;

    sample_propose(s, 0);
    assert_ok(store_trial_start(s, 0, host, 0, &err));
    sample_done(s, 0);

    assert_int_equal(store_trial_commit(s, &c, &err), RT_EDB);
    assert_says("it has not failed");
    c = (struct store_commit){.number = 0, .enters_front = true, .front_size = 2};
    assert_int_equal(store_trial_commit(s, &c, &err), RT_EDB);
    assert_says("the front would have 1 members, not 2");
    c = (struct store_commit){.number = 0, .removed_count = 1, .removed = &stranger};
    assert_int_equal(store_trial_commit(s, &c, &err), RT_EDB);
    assert_says("trial 7 was not in the front");
    assert_rows(s, "select state, (select count(*) from front) from trial", "done|0\n");
    store_close(s);
}

static void values_that_are_not_finite_become_null(void **state)
{
    struct store *s = sample_create(sample_path("nan.db"));
    struct rt_curve_point *curve = calloc(1, sizeof *curve);
    struct store_result r = {.status = RT_OK, .value_count = 2, .curve = curve, .curve_count = 1};
    const int64_t host = sample_host(s);
    struct store_trial *trials;
    int64_t count;
    struct rt_err err;
    (void)state;
    assert_non_null(curve);
    r.values[0] = (struct store_value){"error", (double)NAN, (double)NAN};
    r.values[1] = (struct store_value){"latency", (double)INFINITY, 0};
    *curve = (struct rt_curve_point){1, "loss", (double)-INFINITY};
    sample_propose(s, 0);
    assert_ok(store_trial_start(s, 0, host, 0, &err));

    assert_ok(store_trial_done(s, 0, &r, &err));

    assert_rows(s, "select name, value, stderr from metric", "error|null|null\nlatency|null|0.0\n");
    assert_rows(s, "select value from curve", "null\n");
    assert_ok(store_trials_load(s, NULL, &trials, &count, &err));
    assert_true(isnan(trials[0].objective[0]));
    free(trials);
    store_result_release(&r);
    store_close(s);
}

static void an_interruption_is_seen_in_executions_only(void **state)
{
    struct store *s = sample_create(sample_path("interrupt.db"));
    const int64_t host = sample_host(s);
    struct rt_err err;
    (void)state;
    sample_propose(s, 0);

    assert_ok(store_trial_start(s, 0, host, 0, &err));
    assert_ok(store_trial_return(s, 0, "interrupted", "asked to stop", &err));

    assert_rows(s, "select state, attempt from trial", "proposed|0\n");
    assert_ok(store_trial_start(s, 0, host, 1, &err));
    sample_done(s, 0);
    assert_rows(s, "select state, attempt from trial", "done|0\n");
    assert_rows(s,
                "select attempt, worker, outcome, seconds >= 0, finished >= started"
                " from execution",
                "1|0|interrupted|1|1\n2|1|done|1|1\n");
    assert_rows(s, "select kind, trial from event where kind = 'interrupted'", "interrupted|0\n");
    store_close(s);
}

static void opening_for_writing_takes_up_what_a_dead_writer_left(void **state)
{
    const char *path = sample_path("recover.db");
    struct store *s = sample_create(path);
    int64_t host = sample_host(s);
    struct rt_err err;
    (void)state;
    for (int64_t n = 0; n < 3; n++) {
        sample_propose(s, n);
        assert_ok(store_trial_start(s, n, host, (int)n, &err));
    }
    sample_done(s, 2);
    store_close(s); /* trials 0 and 1 run still */

    s = sample_open(path, STORE_READ);
    assert_rows(s, "select state from trial order by number",
                "running\nrunning\ndone\n"); /* a reader looks only */
    store_close(s);
    s = sample_open(path, STORE_WRITE);

    assert_rows(s, "select state from trial order by number", "proposed\nproposed\ndone\n");
    assert_rows(s, "select trial, outcome, finished from execution where outcome <> 'done'",
                "0|interrupted|null\n1|interrupted|null\n");
    assert_rows(s, "select kind, trial from event where trial is not null",
                "recovered|0\nrecovered|1\n");
    host = sample_host(s);
    assert_ok(store_trial_start(s, 0, host, 0, &err));
    sample_done(s, 0);
    sample_commit(s, 0);
    store_close(s);
}

static char *study_rows(struct store *s)
{
    static const char *const tables[] = {"candidate", "layer", "trial",        "metric",
                                         "curve",     "front", "front_history"};
    size_t size = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "select * from %s", tables[i]);
        char *rows = ask_db(store_handle(s), sql);
        fputs(rows, out);
        free(rows);
    }
    fclose(out);
    return text;
}

static void rows_are_the_same_for_any_number_of_workers_and_after_interruptions(void **state)
{
    const char *path = sample_path("workers.db");
    struct store *one = sample_create(sample_path("one.db")), *many = sample_create(path);
    int64_t host = sample_host(one);
    struct rt_err err;
    (void)state;

    for (int64_t n = 0; n < 12; n++) { /* one worker: a trial after the other */
        sample_propose(one, n);
        assert_ok(store_trial_start(one, n, host, 0, &err));
        sample_done(one, n);
        sample_commit(one, n);
    }
    host = sample_host(many);
    for (int64_t n = 0; n < 12; n += 3) { /* three workers, the last ready first */
        for (int64_t i = 0; i < 3; i++) {
            sample_propose(many, n + i);
            assert_ok(store_trial_start(many, n + i, host, (int)i, &err));
        }
        sample_done(many, n + 2);
        store_close(many); /* the rest is lost */
        many = sample_open(path, STORE_WRITE);
        for (int64_t i = 1; i >= 0; i--) {
            assert_ok(store_trial_start(many, n + i, host, (int)i, &err));
            sample_done(many, n + i);
        }
        for (int64_t i = 0; i < 3; i++)
            sample_commit(many, n + i);
    }

    char *a = study_rows(one), *b = study_rows(many);
    assert_string_equal(a, b);
    free(a);
    free(b);
    store_close(one);
    store_close(many);
}

/* ---- reading ---- */

static void load_gives_every_trial_with_its_objectives(void **state)
{
    struct store *s = sample_create(sample_path("load.db"));
    struct store_trial *t = NULL;
    int64_t count = 0;
    struct rt_err err;
    (void)state;
    sample_fill(s);

    assert_ok(store_trials_load(s, NULL, &t, &count, &err));

    assert_int_equal(count, SAMPLE_TRIALS);
    for (int64_t n = 0; n < count; n++) {
        const struct space_arch arch = sample_arch(n);
        const bool running = n == SAMPLE_TRIALS - 2, last = n == SAMPLE_TRIALS - 1;
        assert_int_equal(t[n].number, n);
        assert_memory_equal(&t[n].arch, &arch, sizeof arch);
        assert_int_equal(t[n].seed, 1000 + n);
        assert_int_equal(t[n].objective_count, 3);
        if (running || sample_fails(n)) {
            assert_true(isnan(t[n].objective[0]) && isnan(t[n].objective[1]));
        } else {
            assert_near(t[n].objective[0], sample_error(n), 0); /* doubles come back whole */
            assert_near(t[n].objective[1], (double)sample_cost(&arch).params, 0);
            assert_near(t[n].objective[2], sample_latency(n), 0);
        }
        assert_string_equal(t[n].state, running           ? "running"
                                        : last            ? "done"
                                        : sample_fails(n) ? "failed"
                                                          : "committed");
    }
    assert_string_equal(t[5].error_kind, "nonfinite");
    assert_string_equal(t[0].error_kind, "");
    free(t);
    store_close(s);
}

static void load_of_an_empty_study_gives_nothing(void **state)
{
    struct store *s = sample_create(sample_path("nil.db"));
    struct store_trial *t = NULL;
    int64_t count = -1;
    struct rt_err err;
    (void)state;

    assert_ok(store_trials_load(s, NULL, &t, &count, &err));

    assert_int_equal(count, 0);
    free(t);
    store_close(s);
}

static void a_reader_sees_the_state_before_an_open_transaction(void **state)
{
    const char *path = sample_path("wal.db");
    struct store *writer = sample_create(path), *reader = sample_open(path, STORE_READ);
    struct rt_err err;
    (void)state;
    sample_propose(writer, 0);
    assert_rows(reader, "select proposed from progress", "1\n");

    assert_int_equal(sqlite3_exec(store_handle(writer),
                                  "begin immediate; update trial set state = 'running'", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    assert_rows(reader, "select proposed, running from progress", "1|0\n");
    assert_int_equal(sqlite3_exec(store_handle(writer), "rollback", NULL, NULL, NULL), SQLITE_OK);

    /* and a reader in the middle of a query does not hold the writer up */
    assert_int_equal(
        sqlite3_exec(store_handle(reader), "begin; select * from trial", NULL, NULL, NULL),
        SQLITE_OK);
    assert_ok(store_trial_start(writer, 0, sample_host(writer), 0, &err));
    assert_rows(reader, "select state from trial", "proposed\n");
    sqlite3_exec(store_handle(reader), "commit", NULL, NULL, NULL);
    assert_rows(reader, "select state from trial", "running\n");
    store_close(reader);
    store_close(writer);
}

static void a_clock_that_jumps_changes_no_rate(void **state)
{
    struct store *s = sample_create(sample_path("jump.db"));
    (void)state;
    sample_fill(s);
    sqlite3_exec(store_handle(s),
                 "update execution set seconds = 36 where finished is not null;"
                 "update execution set finished = '1999-12-31T23:59:59.000Z' where id = 3;"
                 "update execution set finished = '2199-12-31T23:59:59.000Z' where id = 9",
                 NULL, NULL, NULL);
    assert_rows(s, "select trials_per_hour, seconds_per_trial from progress", "200.0|36.0\n");
    store_close(s);
}

static void views_show_the_study(void **state)
{
    struct store *s = sample_create(sample_path("views.db"));
    (void)state;
    sample_fill(s);

    assert_rows(s,
                "select committed, failed, done, running, proposed, candidates, front_size ="
                " (select count(*) from pareto), round(hypervolume, 4), trials_per_hour > 0"
                " from progress",
                "20|2|1|1|0|24|1|0.84|1\n");
    assert_rows(s, "select trial, error_kind, error, host, worker from failures",
                "5|nonfinite|loss is not finite at step 40|bench|1\n"
                "14|memory|memory limit of 64 MiB reached|bench|0\n");
    assert_rows(s,
                "select count(*), min(value is by_order) from (select value, max(value) over"
                " (rows unbounded preceding) as by_order from leaderboard)",
                "20|1\n");
    assert_rows(s, "select distinct by from leaderboard", "error\n");
    assert_rows(s, "select sum(on_front) = (select count(*) from front) from leaderboard", "1\n");
    assert_rows(s, "select name, step, round(value, 4) from learning_curves where trial = 0",
                "ce|50|1.8\nce|100|1.575\nce|150|1.35\nce|200|1.125\n"
                "loss|50|2.7\nloss|100|2.3625\nloss|150|2.025\nloss|200|1.6875\n"
                "validation_error|50|0.9\nvalidation_error|100|0.7875\n"
                "validation_error|150|0.675\nvalidation_error|200|0.5625\n");
    assert_rows(s, "select count(*), count(hypervolume), count(finished) from hypervolume",
                "22|14|22\n");
    assert_rows(s, "select count(*) from objective_values", "63\n"); /* 21 trials with results */
    store_close(s);
}

static void the_pareto_view_holds_the_front_and_nothing_else(void **state)
{
    struct store *s = sample_create(sample_path("front.db"));
    char want[512] = "";
    (void)state;
    sample_fill(s);
    for (int64_t n = 0; n < SAMPLE_TRIALS - 2; n++)
        if (sample_in_front(n, SAMPLE_TRIALS - 3))
            snprintf(want + strlen(want), sizeof want - strlen(want), "%d\n", (int)n);

    assert_rows(s, "select trial from pareto order by trial", want);
    assert_rows(s,
                "select trial, arch, round(error, 4), error_stderr, round(kl, 4),"
                " round(agreement, 4), round(latency, 4), params, bytes, macs, memory from pareto"
                " where trial = 0",
                "0|L2-d32-k16-h1.2-f64.128-p7|0.45|0.004|0.675|0.55|0.0256|25576|102304|434792|"
                "131072\n");
    store_close(s);
}

/* A quantity in Hz is made of the time in front of it, whatever that is counted in. */
static void a_rate_is_how_often_its_time_goes_into_a_second(void **state)
{
    struct store *s = sample_create(sample_path("rates.db"));
    struct rt_err err;
    (void)state;
    sample_fill(s);
    assert_int_equal(
        sqlite3_exec(store_handle(s),
                     "update quantity set position = position + 100 where position > 3;"
                     "insert into quantity (position, name, title, label, unit, factor, digits,"
                     " logarithmic, exact, detail) values (4, 'rate', 'rate', 'rate', 'Hz', 1, 0,"
                     " 0, 0, 1);"
                     "update quantity set position = position - 99 where position > 99",
                     NULL, NULL, NULL),
        SQLITE_OK);
    store_close(s);
    assert_ok(store_open(sample_path("rates.db"), STORE_READ, NULL, &s, &err));
    assert_rows(s, "select count(*), sum(abs(rate * latency - 1000) < 1e-9) = count(*) from pareto",
                "9|1\n");
    assert_rows(s,
                "select count(*), sum(abs(q.value * m.value - 1000) < 1e-9), count(q.stderr)"
                " from quantity_values q join metric m on m.trial = q.trial"
                " where q.name = 'rate' and m.name = 'latency'",
                "21|21|0\n");
    store_close(s);
}

static void the_pareto_view_reads_the_front_only(void **state)
{
    struct store *s = sample_create(sample_path("plan.db"));
    char *plan = ask_db(store_handle(s), "explain query plan select * from pareto");
    (void)state;

    assert_non_null(strstr(plan, "SCAN f"));
    for (const char *c = plan; (c = strstr(c, "SCAN ")) != NULL; c++)
        assert_memory_equal(c, "SCAN f", 6);
    free(plan);
    plan = ask_db(store_handle(s), "explain query plan select * from leaderboard");
    int sorts = 0; /* of the few candidates that have several seeds */
    for (const char *c = plan; (c = strstr(c, "USE TEMP B-TREE FOR ORDER BY\n")) != NULL; c++)
        sorts++;
    assert_int_equal(sorts, 1);
    assert_non_null(strstr(plan, "metric_value (name=?"));
    free(plan);
    store_close(s);
}

static void a_latency_keeps_the_time_of_its_measurement(void **state)
{
    struct store *s = sample_create(sample_path("measured.db"));
    struct store_result result = sample_result(0);
    struct rt_err err;
    (void)state;
    snprintf(result.block[0].measured_at, sizeof result.block[0].measured_at, "%s",
             "2026-01-05T20:00:00.000Z");

    sample_propose(s, 0);
    assert_ok(store_trial_start(s, 0, sample_host(s), 0, &err));
    assert_ok(store_trial_done(s, 0, &result, &err));

    assert_rows(s, "select measured_at from latency_block", "2026-01-05T20:00:00.000Z\n");
    store_result_release(&result);
    store_close(s);
}

/* The count can be read and the second row cannot. */
static void a_start_that_cannot_be_read_is_an_error(void **state)
{
    static const struct store_start start[] = {{"L1-d16-k16-h1-f16-p7", "a"},
                                               {"L2-d16-k16-h1-f16-p7", "b"}};
    struct store_study study = sample_study;
    struct space_arch *archs = NULL;
    struct store *s = NULL;
    struct rt_err err;
    int count = 0;
    (void)state;
    study.start_count = 2;
    study.start = start;
    assert_ok(store_create(sample_path("starts.db"), &study, &s, &err));
    assert_ok(store_starts(s, NULL, &archs, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(archs[1].depth, 2);
    free(archs);
    assert_int_equal(sqlite3_exec(store_handle(s),
                                  "alter table start rename to kept; create view start as select"
                                  " number, iif(number = 1, json('{'), arch) as arch from kept",
                                  NULL, NULL, NULL),
                     SQLITE_OK);

    assert_int_equal(store_starts(s, NULL, &archs, &count, &err), RT_EDB);

    assert_says("cannot read the architectures to start from");
    assert_says("malformed JSON");
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_latency_keeps_the_time_of_its_measurement),
        cmocka_unit_test(a_start_that_cannot_be_read_is_an_error),
        cmocka_unit_test(a_proposal_keeps_its_genes_and_costs),
        cmocka_unit_test(numbers_come_one_after_the_other),
        cmocka_unit_test(steps_out_of_turn_are_refused),
        cmocka_unit_test(the_schema_refuses_wrong_states_from_anybody),
        cmocka_unit_test(results_wait_for_their_turn),
        cmocka_unit_test(a_commit_must_fit_the_result_and_the_front),
        cmocka_unit_test(values_that_are_not_finite_become_null),
        cmocka_unit_test(an_interruption_is_seen_in_executions_only),
        cmocka_unit_test(opening_for_writing_takes_up_what_a_dead_writer_left),
        cmocka_unit_test(rows_are_the_same_for_any_number_of_workers_and_after_interruptions),
        cmocka_unit_test(load_gives_every_trial_with_its_objectives),
        cmocka_unit_test(load_of_an_empty_study_gives_nothing),
        cmocka_unit_test(a_reader_sees_the_state_before_an_open_transaction),
        cmocka_unit_test(a_clock_that_jumps_changes_no_rate),
        cmocka_unit_test(views_show_the_study),
        cmocka_unit_test(the_pareto_view_holds_the_front_and_nothing_else),
        cmocka_unit_test(a_rate_is_how_often_its_time_goes_into_a_second),
        cmocka_unit_test(the_pareto_view_reads_the_front_only),
    };
    return cmocka_run_group_tests_name("store/trials", tests, sample_setup, sample_teardown);
}
