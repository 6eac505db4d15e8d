/* Members of the front are tried again with further seeds. */
#include "search_sample.h"

#include "base/rank_statistics.h"

enum { TRIALS = 120 };

static struct search_options repeating(int workers)
{
    struct search_options options = sample_options(TRIALS, workers);
    options.replicates = 5;
    return options;
}

static void search_noisily(struct sample_study *s, const struct search_options *options)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    struct sample_context context = {.noise = .02, .fail_every = 9, .delay_us = 300};
    enum search_end end;
    struct rt_err err;

    sample_create(s, options);
    assert_ok(sample_run(s, &space, *options, &context, &end, &err));
    assert_int_equal(end, SEARCH_END_TRIALS);
}

static void rows_are_the_same_for_any_number_of_workers(void **state)
{
    char *want = NULL;

    (void)state;
    for (int workers = 1; workers <= 4; workers += 3) {
        struct search_options options = repeating(workers);
        struct sample_study s;
        options.surrogate = SEARCH_SURROGATE_GP;
        options.trials = 60;
        search_noisily(&s, &options);
        char *got = sample_rows(s.store);
        if (want)
            assert_rows_equal(got, want);
        free(want);
        want = got;
        sample_remove(&s);
    }
    free(want);
}

/* Repeats are of the last rung; where a search was stopped makes no difference either. */
static void with_rungs_too(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    char *want = NULL;

    (void)state;
    for (int workers = 1; workers <= 4; workers *= 2) {
        struct search_options options = sample_rungs(70, workers);
        struct sample_study s;
        enum search_end end = SEARCH_END_STOPPED;
        struct rt_err err;
        options.replicates = 3;
        options.surrogate = SEARCH_SURROGATE_NONE;
        sample_create(&s, &options);
        while (end == SEARCH_END_STOPPED) {
            struct sample_context context = {.noise = .02, .fail_every = 9, .delay_us = 300};
            context.stop_after = workers == 2 ? 31 : 0;
            assert_ok(sample_run(&s, &space, options, &context, &end, &err));
        }
        char *got = sample_rows(s.store);
        if (want)
            assert_rows_equal(got, want);
        free(want);
        want = got;
        assert_in_range(
            sample_integer(s.store, "select count(*) from trial where replicate > 0 and rung = 2"),
            3, 100);
        assert_int_equal(
            sample_integer(s.store, "select count(*) from trial where replicate > 0 and rung < 2"),
            0);
        sample_remove(&s);
    }
    free(want);
}

static void a_search_that_is_stopped_goes_on_as_if_it_was_not(void **state)
{
    const struct space space = sample_space(SPACE_TIE_LAYER);
    const struct search_options options = repeating(2);
    struct sample_study whole, parts;
    enum search_end end = SEARCH_END_STOPPED;
    struct rt_err err;

    (void)state;
    search_noisily(&whole, &options);
    sample_create(&parts, &options);
    while (end == SEARCH_END_STOPPED) {
        struct sample_context context = {
            .noise = .02, .fail_every = 9, .delay_us = 300, .stop_after = 23};
        assert_ok(sample_run(&parts, &space, options, &context, &end, &err));
    }
    char *want = sample_rows(whole.store), *got = sample_rows(parts.store);
    assert_rows_equal(got, want);
    free(want);
    free(got);
    sample_remove(&whole);
    sample_remove(&parts);
}

/* One trial in four at most, at most five seeds, the front's alone when they were proposed. */
static void a_share_of_the_trials_are_repeats(void **state)
{
    const struct search_options options = repeating(1);
    struct sample_study s;

    (void)state;
    search_noisily(&s, &options);
    const int64_t repeats =
        sample_integer(s.store, "select count(*) from trial where replicate > 0");
    assert_in_range(repeats, (TRIALS - 8) / 8, (TRIALS - 8) / 4);
    assert_in_range(sample_integer(s.store, "select max(replicate) from trial"), 1, 4);
    assert_int_equal(sample_integer(s.store, "select count(*) from trial t where replicate > 0 and"
                                             " seed = (select seed from study)"),
                     0);
    /* the same seed for each candidate's second run */
    assert_int_equal(sample_integer(s.store, "select count(distinct seed) from trial"
                                             " where replicate = 1"),
                     1);
    sample_remove(&s);
}

/* One row a candidate with several seeds: the mean that is kept, its error, how many, and the values
 * one behind the other. */
static const char means[] =
    "select r.value, r.stderr, r.seeds, (select group_concat(printf('%!.17g', m.value), ' ')"
    "  from (select m.value from trial u join metric m on m.trial = u.number and m.name = 'error'"
    "   where u.candidate = t.candidate and u.state = 'committed' order by u.number) m)"
    " from repeated r join trial t on t.number = r.trial where r.name = 'error'";

static void check_mean(sqlite3_stmt *q)
{
    const char *text = (const char *)sqlite3_column_text(q, 3);
    double x[8], error;
    int n = 0;

    for (char *end; n < 8; n++, text = end) {
        x[n] = strtod(text, &end);
        if (end == text)
            break;
    }
    assert_int_equal(n, sqlite3_column_int(q, 2));
    assert_true(rt_mean(x, (size_t)n, &error) == sqlite3_column_double(q, 0));
    assert_near(error, sqlite3_column_double(q, 1), 1e-15);
}

static void means_are_those_of_the_seeds(void **state)
{
    const struct search_options options = repeating(1);
    struct sample_study s;
    sqlite3_stmt *q = NULL;
    int checked = 0;

    (void)state;
    search_noisily(&s, &options);
    assert_int_equal(sqlite3_prepare_v2(store_handle(s.store), means, -1, &q, NULL), SQLITE_OK);
    for (; sqlite3_step(q) == SQLITE_ROW; checked++)
        check_mean(q);
    sqlite3_finalize(q);
    assert_true(checked >= 5);
    sample_remove(&s);
}

/* Trials whose means no others dominate; %d: that are on the front, or are not. */
static const char undominated[] =
    "with v as (select e.trial, e.value as error, c.value as macs from objective_values e join"
    "  objective_values c on c.trial = e.trial and c.name = 'macs' where e.name = 'error'"
    "  and e.trial in (select number from trial where state = 'committed'))"
    " select count(*) from v where not exists (select 1 from v w where w.error <= v.error and"
    "  w.macs <= v.macs and (w.error < v.error or w.macs < v.macs))"
    "  and (v.trial in (select trial from front)) = %d";

static void the_front_is_of_means(void **state)
{
    const struct search_options options = repeating(1);
    struct sample_study s;
    char sql[640];

    (void)state;
    search_noisily(&s, &options);
    snprintf(sql, sizeof sql, undominated, 1);
    assert_int_equal(sample_integer(s.store, sql),
                     sample_integer(s.store, "select count(*) from front"));
    snprintf(sql, sizeof sql, undominated, 0);
    assert_int_equal(sample_integer(s.store, sql), 0);
    assert_int_equal(sample_integer(s.store, "select count(*) from front where probability is null"
                                             " or probability not between 0 and 1"),
                     0);
    sample_remove(&s);
}

/* When all has been tried, what is left is to know it better. */
static void a_space_that_is_exhausted_is_repeated(void **state)
{
    struct space space = sample_space(SPACE_TIE_UNIFORM);
    struct search_options options = sample_options(0, 1);
    struct sample_context context = {.noise = .02};
    struct sample_study s;
    enum search_end end;
    struct rt_err err;

    (void)state;
    space.depth.count = 1;
    space.width.count = 2;
    space.patch.count = 1;
    assert_ok(space_init(&space, &err));
    options.replicates = 3;
    sample_create(&s, &options);
    assert_ok(sample_run(&s, &space, options, &context, &end, &err));
    assert_int_equal(end, SEARCH_END_EXHAUSTED);
    assert_int_equal(sample_integer(s.store,
                                    "select count(*) from front f join trial t on t.number ="
                                    " f.trial where (select count(*) from trial u where u.candidate"
                                    " = t.candidate) < 3"),
                     0);
    sample_remove(&s);
}

static void without_it_nothing_is_repeated(void **state)
{
    struct search_options options = repeating(1);
    struct sample_study s;

    (void)state;
    options.replicates = 1;
    search_noisily(&s, &options);
    assert_int_equal(sample_integer(s.store, "select count(*) from trial where replicate > 0"), 0);
    assert_int_equal(sample_integer(s.store, "select count(*) from repeated"), 0);
    assert_int_equal(
        sample_integer(s.store, "select count(*) from front where probability is not null"), 0);
    sample_remove(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_for_any_number_of_workers),
        cmocka_unit_test(with_rungs_too),
        cmocka_unit_test(a_search_that_is_stopped_goes_on_as_if_it_was_not),
        cmocka_unit_test(a_share_of_the_trials_are_repeats),
        cmocka_unit_test(means_are_those_of_the_seeds),
        cmocka_unit_test(the_front_is_of_means),
        cmocka_unit_test(a_space_that_is_exhausted_is_repeated),
        cmocka_unit_test(without_it_nothing_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
