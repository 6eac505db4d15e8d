/* Full runs beside short ones: what is counted, ranked and said. */
#include "report_sample.h"

#include "reports/confirm_rows.h"

static void rows_are_those_of_both_sides(void **state)
{
    struct store *s = sample("confirm-rows.db");
    struct report__confirmation c;
    struct rt_err err;

    (void)state;
    assert_ok(report__confirmation_load(s, &c, &err));
    assert_int_equal(c.planned, 9);
    assert_int_equal(c.done, 7);
    assert_int_equal(c.failed, 1);
    assert_true(c.count > 3 &&
                c.count <= 7); /* candidates without a committed trial are left out */
    assert_string_equal(c.lead.name, "error");
    assert_true(c.tested && c.steps == 900);
    for (int i = 0; i < c.count; i++) {
        assert_near(c.row[i].test.value, c.row[i].validation.value + .01, 1e-12);
        assert_true(i == 0 || c.row[i].validation.value >= c.row[i - 1].validation.value);
        assert_true(c.row[i].seeds == 1 && isnan(c.row[i].second));
    }
    assert_true(isnan(c.between_seeds));
    report__confirmation_release(&c);
    store_close(s);
}

static void rankings_are_those_of_the_rows(void **state)
{
    struct store *s = sample("confirm-ranks.db");
    double shorter[16], full[16];
    struct report__confirmation c;
    struct rt_err err;

    (void)state;
    assert_ok(report__confirmation_load(s, &c, &err));
    for (int i = 0; i < c.count; i++) {
        shorter[i] = c.row[i].shorter;
        full[i] = c.row[i].test.value;
    }
    assert_near(c.test.tau, rt_tau_b(shorter, full, NULL, (size_t)c.count), 1e-12);
    assert_near(c.test.regret, rt_regret(shorter, full, (size_t)c.count, 1), 1e-12);
    assert_near(c.validation.tau, c.test.tau, 1e-12); /* the sample's are in the same order */
    assert_true(c.test.low <= c.test.tau && c.test.tau <= c.test.high);
    report__confirmation_release(&c);
    store_close(s);
}

static void verdict_of(double tau, double within, const char *want)
{
    struct report__confirmation c = {
        .count = 12, .steps = 900, .enough = NAN, .between_seeds = NAN};
    char text[2048];

    snprintf(c.lead.unit, sizeof c.lead.unit, "%%");
    c.lead.factor = 100;
    c.validation = (struct report__ranking){.tau = tau, .within = within, .top = 4, .regret = .012};
    report__confirmation_verdict(&c, text, sizeof text);
    if (!strstr(text, want))
        fail_msg("no '%s' in: %s", want, text);
    assert_non_null(strstr(text, "loses 1.20 points"));
}

static void verdicts_follow_the_numbers(void **state)
{
    struct report__confirmation none = {.count = 1};
    char text[2048];

    (void)state;
    verdict_of(.85, .8, "rank these as full runs do");
    verdict_of(.7, .65, "find the right region");
    verdict_of(.7, .3, "Most of that is size");
    verdict_of(.4, .3, "do not choose by them");
    report__confirmation_verdict(&none, text, sizeof text);
    assert_string_equal(text, "Too few full runs are done to say anything.");
    report__confirmation_verdict(&none, text, 8);
    assert_string_equal(text, "Too few");
}

static void printed_in_all_formats(void **state)
{
    struct store *s = sample("confirm-text.db");
    struct rt_err err;

    (void)state;
    for (int format = REPORT_TABLE; format <= REPORT_JSON; format++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_ok(report_confirm(s, (enum report_format)format, out, &err));
        fclose(out);
        assert_non_null(strstr(text, format == REPORT_TABLE ? "7 of 9 done, 1 failed" : "front"));
        free(text);
    }
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_both_sides),
        cmocka_unit_test(rankings_are_those_of_the_rows),
        cmocka_unit_test(verdicts_follow_the_numbers),
        cmocka_unit_test(printed_in_all_formats),
    };
    return cmocka_run_group_tests(tests, sample_setup, sample_teardown);
}
