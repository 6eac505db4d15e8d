/* The line of progress in a log: time left is told by what was timed, wherever a run begins. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/meter.h"
#include "tests/support.h"

/* What `steps` of 300, ended by 0, print for teachers in turn: another name where they begin anew. */
static void told(const int *steps, char text[1024])
{
    struct meter meter = {0};
    FILE *file = tmpfile();
    char name[2] = "a";
    int before = 0;

    assert_non_null(file);
    (void)fflush(stderr);
    const int kept = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    for (; *steps; before = *steps++) {
        name[0] = (char)(name[0] + (*steps < before));
        meter_teacher(&meter, name, *steps, 300);
    }
    (void)fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    rewind(file);
    text[fread(text, 1, 1023, file)] = '\0';
    (void)fclose(file);
}

static void a_run_that_begins_behind_its_first_step_knows_no_time_left(void **state)
{
    const int blocks[] = {256, 300, 0}, resumed[] = {150, 200, 300, 256, 300, 0};
    char text[1024];

    (void)state;
    told(blocks, text);
    assert_string_equal(text, "teacher 'a': 256 of 300\nteacher 'a': 300 of 300\n");
    told(resumed, text);
    assert_non_null(strstr(text, "teacher 'a': 150 of 300\nteacher 'a': 200 of 300, "));
    assert_non_null(strstr(text, " s left\nteacher 'a': 300 of 300\n"
                                 "teacher 'b': 256 of 300\nteacher 'b': 300 of 300\n"));
}

static void a_log_has_a_line_a_tenth(void **state)
{
    int steps[301];
    char text[1024];
    int lines = 0;

    (void)state;
    for (int i = 0; i < 300; i++)
        steps[i] = i + 1;
    steps[300] = 0;
    told(steps, text);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 10);
    assert_non_null(strstr(text, "teacher 'a': 30 of 300, "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_begins_behind_its_first_step_knows_no_time_left),
        cmocka_unit_test(a_log_has_a_line_a_tenth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
