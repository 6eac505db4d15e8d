/* tests/test_slurm_jobs.c -- scripts for Slurm: what stands in them, and what never gets there. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "cli/slurm_jobs.h"

static struct slurm_jobs usual(void)
{
    return (struct slurm_jobs){.name = "retort-toy-123abc",
                               .program = "/opt/retort",
                               .study = "/home/a/toy.yaml",
                               .db = "/home/a/toy.db",
                               .folder = "/home/a/toy.slurm",
                               .key = "/home/a/toy.slurm/key",
                               .port = 23456,
                               .workers = 64,
                               .slots = 2,
                               .coordinator_bytes = (300 << 20) + 1,
                               .worker_bytes = 700 << 20};
}

/* The caller frees it. */
static char *written(const struct slurm_jobs *jobs,
                     void (*write)(const struct slurm_jobs *, FILE *))
{
    char *text = NULL, *copy;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    write(jobs, out);
    assert_int_equal(fclose(out), 0);
    copy = strdup(text);
    assert_non_null(copy);
    free(text);
    return copy;
}

/* `line` is one of the text, from its beginning to its end. */
static bool has_line(const char *text, const char *line)
{
    const size_t n = strlen(line);

    for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
        if ((at == text || at[-1] == '\n') && at[n] == '\n')
            return true;
    return false;
}

static void assert_lines(const char *text, const char *const *lines)
{
    for (; *lines; lines++)
        if (!has_line(text, *lines))
            fail_msg("no line '%s' in:\n%s", *lines, text);
}

static void coordinator_asks_for_what_it_needs(void **state)
{
    static const char *const lines[] = {"#!/bin/sh",
                                        SLURM_MARK " The coordinator of a search.",
                                        "#SBATCH --job-name=retort-toy-123abc",
                                        "#SBATCH --cpus-per-task=2",
                                        "#SBATCH --mem=301M",
                                        "#SBATCH --requeue",
                                        "#SBATCH --dependency=singleton",
                                        "#SBATCH --output=\"/home/a/toy.slurm/coordinator.log\"",
                                        "study='/home/a/toy.yaml'",
                                        "cd '/home/a/toy.slurm' || exit 1",
                                        "host=$(hostname)",
                                        "port=23456",
                                        NULL};
    const struct slurm_jobs jobs = usual();
    struct rt_err err;
    (void)state;

    assert_ok(slurm_check(&jobs, &err));
    char *text = written(&jobs, slurm_write_coordinator);
    assert_lines(text, lines);
    assert_null(strstr(text, "--time"));
    assert_null(strstr(text, "--array"));
    assert_null(strstr(text, "--partition"));
    free(text);
}

static void workers_are_an_array_with_the_memory_of_their_slots(void **state)
{
    static const char *const lines[] = {"#SBATCH --array=1-64",
                                        "#SBATCH --cpus-per-task=2",
                                        "#SBATCH --mem=700M",
                                        "#SBATCH --requeue",
                                        "#SBATCH --job-name=retort-toy-123abc-workers",
                                        "#SBATCH --output=\"/home/a/toy.slurm/worker-%a.log\"",
                                        "key='/home/a/toy.slurm/key'",
                                        NULL};
    const struct slurm_jobs jobs = usual();
    (void)state;

    char *text = written(&jobs, slurm_write_workers);
    assert_lines(text, lines);
    assert_non_null(strstr(text, "--slots 2"));
    assert_null(strstr(text, "singleton"));
    free(text);
}

static void wishes_are_in_both_jobs_and_the_own_ones_last(void **state)
{
    static const char *const lines[] = {"#SBATCH --time=1-00:00:00", "#SBATCH --partition=long",
                                        "#SBATCH --account=x", "#SBATCH --mem=9G", NULL};
    struct slurm_jobs jobs = usual();
    struct rt_err err;
    (void)state;
    jobs.time = "1-00:00:00";
    jobs.partition = "long";
    jobs.host = "10.0.0.1";
    jobs.options[jobs.option_count++] = "--account=x";
    jobs.options[jobs.option_count++] = "--mem=9G";

    assert_ok(slurm_check(&jobs, &err));
    char *text = written(&jobs, slurm_write_coordinator);
    assert_lines(text, lines);
    assert_lines(text, (const char *const[]){"host='10.0.0.1'", NULL});
    assert_true(strstr(text, "--mem=9G") > strstr(text, "--mem=301M")); /* the later one wins */
    free(text);
    text = written(&jobs, slurm_write_workers);
    assert_lines(text, lines);
    free(text);
    jobs.coordinator_bytes = jobs.option_count = 0; /* nobody knows */
    text = written(&jobs, slurm_write_coordinator);
    assert_null(strstr(text, "--mem"));
    free(text);
}

/* What the shell makes of a path is that path. */
static void paths_come_through_the_shell_as_they_are(void **state)
{
    static const char hostile[] = "/tmp/a b'c $(touch x) `y` $HOME;&|<>*";
    struct slurm_jobs jobs = usual();
    struct rt_err err;
    char command[4096], got[256] = "";
    (void)state;
    jobs.study = jobs.key = hostile;

    assert_ok(slurm_check(&jobs, &err));
    char *text = written(&jobs, slurm_write_workers);
    const char *line = strstr(text, "key=");
    assert_non_null(line);
    snprintf(command, sizeof command, "%.*s\nprintf %%s \"$key\"", (int)strcspn(line, "\n"), line);
    FILE *shell = popen(command, "r");
    assert_true(shell && fread(got, 1, sizeof got - 1, shell) > 0 && pclose(shell) == 0);
    assert_string_equal(got, hostile);
    free(text);
}

static void texts_that_would_be_other_lines_are_refused(void **state)
{
    static const char *const bad_paths[] = {"/a\nb", "/a\"b", "/a%j", "/a\\b", "/a\x7f"};
    static const char *const bad_words[] = {"", "1 hour", "x\n#SBATCH --uid=0", "a;b"};
    struct rt_err err;
    (void)state;

    for (size_t i = 0; i < sizeof bad_paths / sizeof *bad_paths; i++) {
        struct slurm_jobs jobs = usual();
        jobs.folder = bad_paths[i];
        assert_int_equal(slurm_check(&jobs, &err), RT_EARG);
        assert_null(strchr(err.text, '\n'));
    }
    for (size_t i = 0; i < sizeof bad_words / sizeof *bad_words; i++) {
        struct slurm_jobs jobs = usual();
        jobs.partition = bad_words[i];
        assert_int_equal(slurm_check(&jobs, &err), RT_EARG);
        jobs = usual();
        jobs.options[jobs.option_count++] = bad_words[i];
        assert_int_equal(slurm_check(&jobs, &err), RT_EARG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coordinator_asks_for_what_it_needs),
        cmocka_unit_test(workers_are_an_array_with_the_memory_of_their_slots),
        cmocka_unit_test(wishes_are_in_both_jobs_and_the_own_ones_last),
        cmocka_unit_test(paths_come_through_the_shell_as_they_are),
        cmocka_unit_test(texts_that_would_be_other_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
