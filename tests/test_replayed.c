/* Is a result the same as before: values, curves, failures; order means nothing, latency is left
 * aside. */

#include "cli/replay.h"
#include "tests/support.h"

static struct store_result result_of(void)
{
    struct store_result r = {.value_count = 3,
                             .values = {{"error", .25, .01}, {"kl", .5, NAN}, {"latency", 3, 1}},
                             .curve_count = 2};

    r.curve = calloc(2, sizeof *r.curve);
    r.curve[0] = (struct rt_curve_point){0, "loss", 2};
    r.curve[1] = (struct rt_curve_point){10, "loss", 1};
    return r;
}

/* Compares, and gives what was printed. */
static struct replay compare(struct store_result *a, struct store_result *b, char **text)
{
    struct replay replay;
    size_t bytes;
    FILE *out = open_memstream(text, &bytes);

    replay_compare(a, b, out, &replay);
    fclose(out);
    store_result_release(a);
    store_result_release(b);
    return replay;
}

static void equal_in_any_order(void **state)
{
    struct store_result a = result_of(), b = result_of();
    char *text;

    (void)state;
    b.values[0] = a.values[1];
    b.values[1] = a.values[0];
    b.values[2].value = 99; /* latency */
    b.curve[0] = a.curve[1];
    b.curve[1] = a.curve[0];
    const struct replay replay = compare(&a, &b, &text);
    assert_true(replay_equal(&replay));
    assert_int_equal(replay.values, 2);
    assert_int_equal(replay.points, 2);
    assert_string_equal(text, "");
    free(text);
}

static void a_last_bit_differs(void **state)
{
    struct store_result a = result_of(), b = result_of();
    char *text;

    (void)state;
    b.values[0].value = nextafter(.25, 1);
    b.values[1].stderr_ = 0;
    b.curve[1].value = nextafter(1, 0);
    const struct replay replay = compare(&a, &b, &text);
    assert_false(replay_equal(&replay));
    assert_int_equal(replay.different_values, 2);
    assert_int_equal(replay.different_points, 1);
    assert_non_null(strstr(text, "error              0.25 (+- 0.01"));
    assert_non_null(strstr(text, "loss               step 10: 1 before, 0.99999999999999989 now"));
    free(text);
}

static void what_one_side_lacks_differs(void **state)
{
    struct store_result a = result_of(), b = result_of();
    char *text;

    (void)state;
    b.value_count = 1;
    a.curve_count = 1;
    const struct replay replay = compare(&a, &b, &text);
    assert_int_equal(replay.different_values, 1);
    assert_int_equal(replay.different_points, 1);
    assert_non_null(strstr(text, "kl                 0.5 (+- nan) before, nothing now"));
    assert_non_null(strstr(text, "step 10: nothing before, 1 now"));
    free(text);
}

static void failures_by_kind(void **state)
{
    struct store_result a = {.status = RT_ENAN, .kind = "nonfinite"}, b = {.status = RT_ENAN};
    struct store_result good = result_of(), other = {.status = RT_ENOMEM};
    char *text;

    (void)state;
    struct replay replay = compare(&a, &b, &text);
    assert_true(replay_equal(&replay));
    free(text);
    replay = compare(&a, &other, &text);
    assert_false(replay_equal(&replay));
    free(text);
    replay = compare(&good, &other, &text);
    assert_false(replay_equal(&replay));
    assert_non_null(strstr(text, "ok before, memory now"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_in_any_order),
        cmocka_unit_test(a_last_bit_differs),
        cmocka_unit_test(what_one_side_lacks_differs),
        cmocka_unit_test(failures_by_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
