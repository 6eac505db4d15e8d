/* tests/test_compare.c -- several studies on one scale. */
#include "report_sample.h"

#include "reports/compare.h"

static struct store *other_objectives(const char *name)
{
    struct store_study study = sample_study;
    struct store *store = NULL;
    struct rt_err err;

    study.objective_count = 2;
    assert_ok(store_create(sample_path(name), &study, &store, &err));
    return store;
}

static void one_study_twice_grows_alike_and_fills_the_box_it_spans(void **state)
{
    struct store *a = sample("compare-a.db"), *b = sample("compare-b.db");
    const struct report_study studies[] = {{"a", a}, {"b", b}};
    struct report__comparison c;
    struct rt_err err;
    (void)state;

    assert_ok(report__comparison_load(studies, 2, &c, &err));

    assert_int_equal(c.growth[0].count, 22); /* 20 committed, 2 failed */
    assert_int_equal(c.growth[0].front, c.growth[1].front);
    for (size_t n = 0; n < 22; n++) {
        assert_true(c.growth[0].volume[n] == c.growth[1].volume[n]);
        assert_true(n == 0 || c.growth[0].volume[n] >= c.growth[0].volume[n - 1]);
        assert_true(n == 0 || c.growth[0].seconds[n] >= c.growth[0].seconds[n - 1]);
    }
    const double end = report__end_volume(&c.growth[0]);
    assert_true(end > 0 && end <= 1);
    assert_int_equal(c.objective_count, 3);
    assert_string_equal(c.objective[0], "error");
    assert_false(c.log[0]);
    assert_true(c.log[1] && c.log[2]);
    report__comparison_release(&c);
    store_close(a);
    store_close(b);
}

static void studies_with_other_objectives_are_refused(void **state)
{
    struct store *a = sample("compare-a.db"), *b = other_objectives("compare-b.db");
    const struct report_study studies[] = {{"a.db", a}, {"b.db", b}};
    struct text text;
    struct rt_err err;
    (void)state;

    assert_int_equal(report_compare(studies, 2, REPORT_TABLE, text_open(&text), &err),
                     RT_EMISMATCH);

    assert_string_equal(err.text, "studies with different objectives cannot be compared: 'a.db' "
                                  "minimises error, latency and params, 'b.db' error and params");
    assert_string_equal(text_close(&text), "");
    free(text.data);
    store_close(a);
    store_close(b);
}

static void a_study_without_trials_is_a_row_of_dashes(void **state)
{
    struct store *a = other_objectives("compare-a.db"), *b = other_objectives("compare-b.db");
    const struct report_study studies[] = {{"a.db", a}, {"b.db", b}};
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_compare(studies, 2, REPORT_TABLE, text_open(&text), &err));

    assert_has(text_close(&text), "a.db                      0            -      0        -\n");
    assert_lacks(text.data, "reached");
    free(text.data);
    store_close(a);
    store_close(b);
}

static void every_format_and_the_page_name_all_studies(void **state)
{
    struct store *a = sample("compare-a.db"), *b = sample("compare-b.db");
    const struct report_study studies[] = {{"a<b.db", a}, {"say \"b\".db", b}};
    char page[256], *data = NULL;
    struct text text;
    struct rt_err err;
    size_t bytes;
    (void)state;

    assert_ok(report_compare(studies, 2, REPORT_CSV, text_open(&text), &err));
    assert_int_equal(count_of(text_close(&text), "\n"), 1 + 2 * 22);
    assert_has(text.data, "\"say \"\"b\"\".db\",0,");
    free(text.data);

    assert_ok(report_compare(studies, 2, REPORT_JSON, text_open(&text), &err));
    json_t *json = json_loads(text_close(&text), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "studies")), 2);
    assert_int_equal(json_array_size(json_object_get(json, "objectives")), 3);
    json_decref(json);
    free(text.data);

    snprintf(page, sizeof page, "%s", sample_path("compare.html"));
    assert_ok(report_compare_page(studies, 2, page, &err));
    assert_ok(rt_file_read(page, 1 << 24, &data, &bytes, &err));
    assert_has(data, "a&lt;b.db");
    assert_has(data, "</html>");
    assert_int_equal(count_of(data, "<svg"), 2);
    assert_int_equal(count_of(data, "class=\"curve\""), 4);
    free(data);
    unlink(page);
    store_close(a);
    store_close(b);
}

static void volumes_are_read_between_trials_and_not_beyond_the_end(void **state)
{
    double seconds[] = {1, 3, 3, 7}, volume[] = {0, .25, .5, .75};
    const struct report__growth g = {.count = 4, .seconds = seconds, .volume = volume};
    (void)state;

    assert_true(report__after_trials(&g, 2) == .25);
    assert_true(isnan(report__after_trials(&g, 0)));
    assert_true(isnan(report__after_trials(&g, 5)));
    assert_true(isnan(report__after_seconds(&g, .5)));
    assert_true(report__after_seconds(&g, 3) == .5);
    assert_true(report__after_seconds(&g, 6.9) == .5);
    assert_true(isnan(report__after_seconds(&g, 7.1)));
    assert_int_equal(report__reaches(&g, .5), 3);
    assert_int_equal(report__reaches(&g, .76), 0);
}

static void long_names_lose_their_beginning(void **state)
{
    char text[REPORT__NAME];
    (void)state;

    assert_string_equal(report__short_name("night.db", 8, text), "night.db");
    assert_string_equal(report__short_name("a/night.db", 8, text), "…ight.db");
    assert_string_equal(report__short_name("ä/nächte.db", 8, text), "…chte.db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_study_twice_grows_alike_and_fills_the_box_it_spans,
                                        sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(studies_with_other_objectives_are_refused, sample_setup,
                                        sample_teardown),
        cmocka_unit_test_setup_teardown(a_study_without_trials_is_a_row_of_dashes, sample_setup,
                                        sample_teardown),
        cmocka_unit_test_setup_teardown(every_format_and_the_page_name_all_studies, sample_setup,
                                        sample_teardown),
        cmocka_unit_test(volumes_are_read_between_trials_and_not_beyond_the_end),
        cmocka_unit_test(long_names_lose_their_beginning),
    };
    return cmocka_run_group_tests_name("reports/compare", tests, NULL, NULL);
}
