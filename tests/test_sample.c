/* tests/test_sample.c -- reports of long studies: what they sample, and that the rest is exact. */
#include "report_sample.h"

#include <math.h>

#include "reports/compare.h"
#include "reports/expected.h"
#include "reports/gene_importance.h"
#include "reports/growth.h"
#include "reports/sample.h"

#define LONG 30000

/* Trials whose results are functions of their number, each 50th failed, a replicate, one that breaks a
 * constraint; the front is that of no search. Written as rows, which takes a moment. */
static struct store *long_study(const char *name)
{
    static const char rows[] =
        "pragma foreign_keys = off; begin;"
        "insert into host values (1, 'bench', 'cpu', 'v3', 'any', 'linux', 1, 1);"
        "create temp table n as with recursive r(i) as (select 0 union all select i + 1 from r"
        "  where i + 1 < 30000) select i from r;"
        "insert into candidate select i + 1, 'arch-' || i, 2 + i % 3, 32, 16, 7,"
        "  1000000 - i % 1000, 4, 1, 1, 'random', null, null from n;"
        "insert into layer select i + 1, 0, 1 + i % 4, 64 from n;"
        "insert into trial select i, i + 1, 0, i, null, iif(i % 50 = 49, 'failed', 'committed'), 0,"
        "  iif(i % 50 = 49, 'nonfinite', null), null, 0 from n;"
        "update trial set candidate = 1, replicate = 1 where number = 20;"
        "insert into metric select i, 'error', 0.1 + 0.9 / (1 + i % 7919) + 1e-7 * i, null from n"
        "  where i % 50 <> 49;"
        "insert into metric select i, 'latency', 1.0 + i % 17, null from n where i % 50 <> 49;"
        "insert into metric values (100, 'violation', 1, null);"
        "insert into repeated values (0, 'error', 0.75, 0.01, 2);"
        "insert into prediction select i, 'error', 0.1, 0.05 from n where i > 100;"
        "insert into execution select i + 1, i, 1, 1, 0,"
        "  strftime('%Y-%m-%dT%H:%M:%fZ', 2461000 + i * 1e-3),"
        "  strftime('%Y-%m-%dT%H:%M:%fZ', 2461000 + i * 1e-3 + 2e-3), 172.8,"
        "  iif(i % 50 = 49, 'failed', 'done'), null from n;"
        "insert into front values (7918, null), (500, null);"
        "insert into front_history select i, 2, i / 3000 * 0.1 from n;"
        "commit";
    struct store *store = NULL;
    struct rt_err err;

    assert_ok(store_create(sample_path(name), &sample_study, &store, &err));
    if (sqlite3_exec(store_handle(store), rows, NULL, NULL, NULL))
        fail_msg("%s", sqlite3_errmsg(store_handle(store)));
    store_close(store);
    assert_ok(store_open(sample_path(name), STORE_READ, NULL, &store, &err));
    return store;
}

static void a_sample_is_even_and_all_of_few(void **state)
{
    static const char first[] = "select 0";
    struct store *store = long_study("even.db");
    struct report__sample all, some;
    struct rt_err err;
    (void)state;

    assert_ok(report__sample_load(store, first, 29400, &all, &err));
    assert_ok(report__sample_load(store, first, 1000, &some, &err));

    assert_int_equal(all.every, 1);
    assert_int_equal(all.count, 29400);
    assert_int_equal(some.of, 29400);
    assert_int_equal(some.every, 30);
    assert_int_equal(some.count, 980);
    for (size_t i = 0; i < some.count; i++)
        assert_int_equal(some.trial[i], all.trial[30 * i]);
    report__sample_release(&all);
    report__sample_release(&some);
    store_close(store);
}

static void those_that_led_when_they_came_are_in_the_sample(void **state)
{
    struct store *store = long_study("led.db");
    struct report__sample all, some;
    struct rt_err err;
    double low = INFINITY;
    (void)state;
    assert_ok(report__sample_load(store, "select 0", LONG, &all, &err));
    assert_ok(report__sample_load(store, "select 0", 100, &some, &err));

    assert_ok(report__sample_add_lowest(store, "error", &some, &err));

    for (size_t i = 0, s = 0; i < all.count; i++) {
        const int n = (int)all.trial[i];
        const double value = .1 + .9 / (1 + n % 7919) + 1e-7 * n;
        if (n == 20) /* another seed */
            continue;
        while (s < some.count && some.trial[s] < n)
            s++;
        if (value < low)
            assert_true(s < some.count && some.trial[s] == n);
        low = fmin(low, value);
    }
    for (size_t s = 1; s < some.count; s++)
        assert_true(some.trial[s] > some.trial[s - 1]);
    report__sample_release(&all);
    report__sample_release(&some);
    store_close(store);
}

static void rows_of_a_long_study_are_its_front_and_some_others(void **state)
{
    struct store *store = long_study("rows.db");
    struct report__rows rows;
    struct rt_err err;
    int front = 0;
    (void)state;

    assert_ok(report__rows_load(store, REPORT__SAMPLE, &rows, &err));

    assert_int_equal(rows.total, 29400);
    assert_int_equal(rows.every, 2);
    assert_int_equal(rows.front_count, 2);
    assert_int_equal(rows.committed, 29400);
    assert_int_equal(rows.failed, 600);
    assert_true(rows.count > 14700 && rows.count < 23000);
    for (int i = 0; i < rows.count; i++) {
        front += rows.row[i].on_front;
        assert_true(rows.row[i].trial != 20);
        assert_true(i == 0 || rows.row[i].value[0].value >= rows.row[i - 1].value[0].value);
    }
    assert_int_equal(front, 2);
    report__rows_release(&rows);
    store_close(store);
}

/* The same as the views say, which ask trial by trial. */
static void growth_has_what_the_views_have(void **state)
{
    static const char views[] =
        "select v.trial, o.place, iif(x.value > 0, 9e999, v.value) from objective_values v"
        " join trial t on t.number = v.trial and t.state = 'committed'"
        " join (select name, row_number() over (order by name) - 1 as place from objective) o"
        "  on o.name = v.name"
        " left join metric x on x.trial = v.trial and x.name = 'violation'";
    struct store *store = long_study("growth.db");
    const struct report_study study = {"long", store};
    struct report__comparison c;
    struct report__growth all = {0}, some = {0};
    const int64_t chosen[] = {0, 20, 49, 100, 29998};
    sqlite3_stmt *q = NULL;
    struct rt_err err;
    size_t known = 0;
    (void)state;
    assert_ok(report__comparison_load(&study, 1, &c, &err));

    assert_ok(report__growth_load(store, &c, &all, &err));
    assert_ok(report__growth_sample(store, &c, chosen, 5, &some, &err));

    assert_int_equal(all.count, LONG);
    for (size_t i = 0; i < 3 * all.count; i++)
        known += !isnan(all.points[i]);
    assert_int_equal(sqlite3_prepare_v2(store_handle(store), views, -1, &q, NULL), SQLITE_OK);
    for (; sqlite3_step(q) == SQLITE_ROW; known--) {
        const double want = sqlite3_column_double(q, 2);
        assert_true(all.points[3 * sqlite3_column_int64(q, 0) + sqlite3_column_int64(q, 1)] ==
                    want);
    }
    sqlite3_finalize(q);
    assert_int_equal(known, 0);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 3; k++) {
            const double want = all.points[3 * chosen[i] + k], got = some.points[3 * i + k];
            assert_true(got == want || (isnan(got) && isnan(want)));
        }
    assert_true(isinf(some.points[9]) && isnan(some.points[3]) && some.points[0] == .75);
    assert_true(fabs(all.seconds[LONG - 1] - (29999 * 1e-3 + 2e-3) * 86400) < 1);
    free(all.points);
    free(all.seconds);
    free(all.volume);
    free(some.points);
    report__comparison_release(&c);
    store_close(store);
}

static void importance_of_a_long_study_says_that_it_is_of_a_sample(void **state)
{
    struct store *store = long_study("genes.db");
    struct report__importance all;
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report__importance_load(store, &all, &err));
    assert_int_equal(all.every, 3);
    assert_true(all.trials > 9700 && all.trials <= 10000);
    assert_int_equal(all.count, 2); /* depth and heads */
    report__importance_release(&all);
    assert_ok(report_importance(store, REPORT_TABLE, text_open(&text), &err));

    assert_has(text_close(&text), "\nthese are a sample, one in 3\n");
    free(text.data);
    store_close(store);
}

static void what_was_expected_is_told_of_the_latest(void **state)
{
    struct store *store = long_study("expected.db");
    struct report__quantities quantities;
    struct report__expected expected[STORE_MAX_OBJECTIVES];
    sqlite3_stmt *q = NULL;
    struct rt_err err;
    int count;
    (void)state;
    assert_ok(report__quantities_load(store, &quantities, &err));

    assert_ok(report__expected_load(store, &quantities, expected, &count, &err));

    assert_int_equal(count, 1);
    assert_int_equal(expected[0].trials, 9800); /* each 50th failed */
    assert_int_equal(
        sqlite3_prepare_v2(store_handle(store), "select * from calibration", -1, &q, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 1), 9800);
    assert_true(sqlite3_column_double(q, 2) == expected[0].within_1_sd);
    assert_true(sqlite3_column_double(q, 3) == expected[0].within_2_sd);
    assert_true(fabs(sqlite3_column_double(q, 4) - expected[0].rms_error) < 1e-12);
    assert_int_equal(sqlite3_column_type(q, 5), SQLITE_NULL); /* it expected the same of all */
    assert_true(isnan(expected[0].tau_b));
    sqlite3_finalize(q);
    store_close(store);
}

static void the_page_of_a_long_study_is_small_and_tells_of_what_it_left_out(void **state)
{
    struct store *store = long_study("page.db");
    const char *path = sample_path("page.html");
    char *page;
    size_t size;
    struct rt_err err;
    (void)state;

    assert_ok(report_page(store, path, &err));

    assert_ok(rt_file_read(path, 1 << 24, &page, &size, &err));
    assert_true(size < 1500000);
    assert_has(page, "of 29400 trials, 2 of them on the front");
    assert_has(page, "Of the other trials one in ");
    assert_has(page, "These are a sample, one in 3.");
    free(page);
    store_close(store);
}

static void counts_of_a_long_study_are_right(void **state)
{
    struct store *store = long_study("counts.db");
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_status(store, text_open(&text), &err));

    assert_has(text_close(&text), "29400 done, 600 failed, 0 running");
    assert_has(text.data, "trial 29999, arch-29999: nonfinite");
    free(text.data);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_even_and_all_of_few),
        cmocka_unit_test(those_that_led_when_they_came_are_in_the_sample),
        cmocka_unit_test(rows_of_a_long_study_are_its_front_and_some_others),
        cmocka_unit_test(growth_has_what_the_views_have),
        cmocka_unit_test(importance_of_a_long_study_says_that_it_is_of_a_sample),
        cmocka_unit_test(what_was_expected_is_told_of_the_latest),
        cmocka_unit_test(the_page_of_a_long_study_is_small_and_tells_of_what_it_left_out),
        cmocka_unit_test(counts_of_a_long_study_are_right),
    };
    return cmocka_run_group_tests_name("reports/sample", tests, sample_setup, sample_teardown);
}
