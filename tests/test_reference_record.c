/* tests/test_reference_record.c -- what a machine's reference is known to take, from one study to the next. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/reference_record.h"

#define TODAY "2026-11-29"
#define BUILD "0123456789abcdef0123456789abcdef"
#define LINE(ns, day, version) ns "\t1\t1\t" day "\t" version "\tv4\tbox\tSome CPU @ 2 GHz\n"

static const struct reference_key key = {"box", "Some CPU @ 2 GHz", "v4", BUILD, 1, 1};

static double find(const char *text)
{
    return reference_record_find(text, &key, TODAY);
}

static void lines_count_for_their_machine_setting_and_build(void **state)
{
    struct reference_key other = key;
    const char *text =
        LINE("9711.5", TODAY, BUILD) LINE("9000.0", TODAY, "fedcba9876543210fedcba9876543210");
    (void)state;

    assert_near(find(text), 9711.5, 1e-9);
    other.threads = other.batch = 2;
    assert_true(isnan(reference_record_find(text, &other, TODAY)));
    other = key;
    (void)snprintf(other.kernels, sizeof other.kernels, "v3");
    assert_true(isnan(reference_record_find(text, &other, TODAY)));
    assert_true(isnan(find("")));
}

static void the_least_of_several_is_known(void **state)
{
    (void)state;
    assert_near(find(LINE("12", TODAY, BUILD) LINE("11", TODAY, BUILD)), 11, 0);
}

/* A machine may become slower for good. */
static void lines_count_for_three_months(void **state)
{
    (void)state;
    assert_near(find(LINE("12", "2026-09-01", BUILD)), 12, 0);
    assert_true(isnan(find(LINE("12", "2026-08-01", BUILD))));
}

static void what_is_no_line_is_passed_over(void **state)
{
    (void)state;
    assert_true(isnan(find("nonsense\n\n\t\t\n")));
    assert_true(isnan(find(LINE("-3", TODAY, BUILD))));
    assert_true(isnan(find(LINE("nan", TODAY, BUILD))));
    assert_true(isnan(find("12\t1\t1\t" TODAY "\t" BUILD "\tv4\tbox\tSome CPU @ 2 GHz\tmore\n")));
    assert_near(find("nonsense\n" LINE("12", TODAY, BUILD) "12\t1"), 12, 0);
}

static char *file_text(const char *folder)
{
    char path[RT_PATH_MAX], *text;
    size_t bytes;

    (void)snprintf(path, sizeof path, "%.200s/retort/references", folder);
    assert_int_equal(rt_file_read(path, 1 << 20, &text, &bytes, NULL), RT_OK);
    return text;
}

static void a_best_is_kept_until_a_better_one_comes(void **state)
{
    char here[RT_PATH_MAX - 32], folder[RT_PATH_MAX], command[RT_PATH_MAX + 16];
    struct reference_key other = key;
    (void)state;

    assert_non_null(getcwd(here, sizeof here));
    (void)snprintf(folder, sizeof folder, "%s/record-XXXXXX", here); /* absolute, as it must be */
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
    assert_true(isnan(reference_record_best(&key)));
    reference_record_keep(&key, 100);
    assert_near(reference_record_best(&key), 100, 0);
    reference_record_keep(&key, 120); /* a night of bad weather */
    assert_near(reference_record_best(&key), 100, 0);
    reference_record_keep(&key, 100.5); /* met again */
    assert_near(reference_record_best(&key), 100, 0);
    other.batch = 8;
    reference_record_keep(&other, 700);
    reference_record_keep(&key, 90);
    assert_near(reference_record_best(&key), 90, 0);
    assert_near(reference_record_best(&other), 700, 0);

    char *text = file_text(folder);
    int lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 2);
    free(text);
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void without_a_folder_nothing_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(setenv("XDG_STATE_HOME", "/dev/null/none", 1), 0);
    reference_record_keep(&key, 100);
    assert_true(isnan(reference_record_best(&key)));
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    reference_record_keep(&key, 100);
    assert_true(isnan(reference_record_best(&key)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_count_for_their_machine_setting_and_build),
        cmocka_unit_test(the_least_of_several_is_known),
        cmocka_unit_test(lines_count_for_three_months),
        cmocka_unit_test(what_is_no_line_is_passed_over),
        cmocka_unit_test(a_best_is_kept_until_a_better_one_comes),
        cmocka_unit_test(without_a_folder_nothing_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
