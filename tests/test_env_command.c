/* tests/test_env_command.c -- environments that are children: one that behaves, and all the others. */
#include "env_support.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/env/protocol.h"

static struct tr_env_spec spec_of(char *const *argv)
{
    return (struct tr_env_spec){.command = argv,
                                .folder = RT_TEST_DATA "/children",
                                .labels = true,
                                .hello_timeout = 30,
                                .step_timeout = 30};
}

/* Opens env.py as `how` says; the status of the first thing that fails among open, batch, reset, step. */
static rt_status try_child(const char *how, double seconds, struct rt_err *err)
{
    char *const argv[] = {"python3", "env.py", (char *)how, NULL};
    struct tr_env_spec spec = spec_of(argv);
    struct sample_env s = {NULL, NULL};
    const double action[2] = {.5, -.5};
    rt_status rc;

    if (seconds > 0)
        spec.hello_timeout = spec.step_timeout = seconds;
    if ((rc = tr_env_open(&s.env, &spec, err)) == RT_OK &&
        (rc = tr_env_batch_open(&s.batch, s.env, 2, err)) == RT_OK &&
        (rc = tr_env_reset(s.batch, all_of, (uint64_t[]){1, 2}, err)) == RT_OK)
        rc = tr_env_step(s.batch, all_of, action, true, err);
    close_env(&s);
    return rc;
}

static void assert_fails(const char *how, double seconds, rt_status code, const char *word)
{
    struct rt_err err = {0};

    assert_int_equal(try_child(how, seconds, &err), code);
    if (!strstr(err.text, word) || strchr(err.text, '\n'))
        fail_msg("'%s' does not say '%s'", err.text, word);
}

static void a_child_plays_its_episodes(void **state)
{
    char *const argv[] = {"python3", "env.py", NULL};
    const struct tr_env_spec spec = spec_of(argv);
    struct sample_env s = open_env(&spec, 3);
    const struct tr_env_info *info = tr_env_info(s.env);
    const bool second[3] = {false, true, false};
    struct rt_err err;
    int t = 0;
    (void)state;

    assert_string_equal(info->name, "line");
    assert_int_equal(info->observation, 1);
    assert_int_equal(info->horizon, 20);
    assert_int_equal(info->labels, TR_LABELS_GAUSSIAN);
    assert_int_equal(info->label, 2);
    assert_near(info->low[0], -1, 0);
    assert_ok(tr_env_reset(s.batch, all_of, (uint64_t[]){25, 50, 75}, &err));
    assert_near(s.batch->observation[2], .75, 0);
    assert_near(s.batch->label[2], -.5, 0);
    assert_ok(tr_env_step(s.batch, second, (double[]){9, 9, 9}, true, &err));
    assert_near(s.batch->observation[1], 1.5, 0); /* clipped to 1 */
    assert_near(s.batch->observation[0], .25, 0); /* stood still */
    assert_near(s.batch->reward[1], -2.25, 0);
    assert_near(s.batch->label[2], -1.5, 0);
    assert_ok(tr_env_step(s.batch, second, (double[]){0, 0, 0}, false, &err));
    assert_near(s.batch->label[2], 0, 0); /* not wanted */
    while (!s.batch->flags[1]) {
        assert_ok(tr_env_step(s.batch, second, (double[]){0, 1, 0}, false, &err));
        t++;
    }
    assert_int_equal(s.batch->flags[1], TR_ENV_TERMINATED);
    assert_int_equal(t, 4);
    assert_ok(tr_env_reset(s.batch, second, (uint64_t[]){0, 5, 0}, &err));
    for (t = 0; !s.batch->flags[1]; t++)
        assert_ok(tr_env_step(s.batch, second, (double[]){0, 0, 0}, false, &err));
    assert_int_equal(t, 20);
    assert_int_equal(s.batch->flags[1], TR_ENV_TRUNCATED);
    close_env(&s);
}

static void frames_of_pixels_come_beside_observations(void **state)
{
    char *const argv[] = {"python3", "env.py", "pixels", NULL};
    const struct tr_env_spec spec = spec_of(argv);
    struct sample_env s = open_env(&spec, 2);
    struct rt_err err;
    (void)state;

    assert_ok(tr_env_reset(s.batch, all_of, (uint64_t[]){25, 50}, &err));
    assert_near(s.batch->observation[1], .5, 0);
    for (int i = 0; i < 12; i++)
        assert_int_equal(s.batch->pixels[i], i / 6);
    close_env(&s);
}

static void children_that_fail_are_told_apart(void **state)
{
    (void)state;
    assert_fails("exit", 0, RT_EIO, "start: it ended with code 1: no display");
    assert_fails("die", 0, RT_EIO, "crash: it ended with code 3: out of luck");
    assert_fails("text", 0, RT_EFORMAT, "garbage: its first line is not a JSON object: ");
    assert_fails("op", 0, RT_EFORMAT, "garbage: it answers op 7");
    assert_fails("more", 0, RT_EFORMAT, "garbage: it answers more");
    assert_fails("nan", 0, RT_ENAN, "the reward of step 1");
    assert_fails("complain", 0, RT_EIO, "it says: bad luck!");
    assert_fails("grows", 0, RT_EFORMAT, "other sizes");
}

static void late_children_are_killed(void **state)
{
    const int64_t start = rt_now_ns();
    (void)state;

    assert_fails("mute", .3, RT_EIO, "timeout: no answer within 0.3 s");
    assert_true(rt_now_ns() - start < INT64_C(20000000000));
}

/* A sound hello but for one key. */
static void write_hello(char *text, size_t size, const char *key, const char *value)
{
    static const char *const sound[][2] = {
        {"version", "1"},           {"environments", "8"},
        {"observation", "3"},       {"horizon", "20"},
        {"name", "\"line\""},       {"action", "{\"kind\":\"box\",\"low\":[-1],\"high\":[null]}"},
        {"labels", "\"gaussian\""}, {"pixels", "null"}};
    size_t used = 0;

    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        used += (size_t)snprintf(text + used, size - used, "%s\"%s\":%s", i ? "," : "{",
                                 sound[i][0], strcmp(key, sound[i][0]) == 0 ? value : sound[i][1]);
    (void)snprintf(text + used, size - used, "}");
}

static void hellos_that_make_no_sense_are_named(void **state)
{
    static const char *const cases[][2] = {
        {"version", "2"},
        {"environments", "99"},
        {"observation", "0"},
        {"observation", "1e3"},
        {"horizon", "0"},
        {"name", "\"\""},
        {"action", "3"},
        {"action", "{\"kind\":\"discrete\",\"n\":1}"},
        {"action", "{\"kind\":\"box\",\"low\":[1],\"high\":[1]}"},
        {"action", "{\"kind\":\"box\",\"low\":[],\"high\":[]}"},
        {"labels", "\"logits\""},
        {"labels", "1"},
        {"pixels", "[84, 84]"},
    };
    struct tr_env_info info;
    double *limits = NULL;
    struct rt_err err;
    char text[512];
    (void)state;

    write_hello(text, sizeof text, "", "");
    assert_ok(tr_hello_read(text, 8, &info, &limits, &err));
    assert_true(info.low[0] == -1 && isinf(info.high[0]));
    assert_int_equal(info.label, 2);
    free(limits);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_hello(text, sizeof text, cases[i][0], cases[i][1]);
        assert_int_equal(tr_hello_read(text, 8, &info, &limits, &err), RT_EFORMAT);
        if (!strstr(err.text, cases[i][0]) && !strstr(err.text, "actions") &&
            !strstr(err.text, "choices"))
            fail_msg("%s: '%s'", text, err.text);
    }
    assert_int_equal(tr_hello_read("[]", 8, &info, &limits, &err), RT_EFORMAT);
}

static void a_child_that_shall_teach_has_labels(void **state)
{
    (void)state;
    assert_fails("{\"labels\": \"none\"}", 0, RT_EARG, "no labels");
}

static void commands_that_cannot_be_run_are_refused(void **state)
{
    char *const nothing[] = {"/nowhere/at/all", NULL}, *const none[] = {NULL};
    struct tr_env_spec spec = spec_of(nothing);
    struct tr_env *env;
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_env_open(&env, &spec, &err), RT_EIO);
    assert_non_null(strstr(err.text, "start"));
    spec.command = none;
    assert_int_equal(tr_env_open(&env, &spec, &err), RT_EARG);
    spec.command = nothing;
    spec.name = "pendulum";
    assert_int_equal(tr_env_open(&env, &spec, &err), RT_EARG);
}

static int has_python(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    if (system("python3 -c pass 2>/dev/null") == 0)
        return 0;
    print_message("no python3: skipped\n");
    exit(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_plays_its_episodes),
        cmocka_unit_test(frames_of_pixels_come_beside_observations),
        cmocka_unit_test(children_that_fail_are_told_apart),
        cmocka_unit_test(late_children_are_killed),
        cmocka_unit_test(hellos_that_make_no_sense_are_named),
        cmocka_unit_test(a_child_that_shall_teach_has_labels),
        cmocka_unit_test(commands_that_cannot_be_run_are_refused),
    };
    return cmocka_run_group_tests(tests, has_python, NULL);
}
