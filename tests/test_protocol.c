/* tests/test_protocol.c -- what is asked of an evaluator outside, and what it may answer. */
#include "genes_sample.h"
#include "space_sample.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/protocol.h"

static void a_request_says_all_about_a_trial(void **state)
{
    const struct search_options options = {.objective_count = 2,
                                           .objectives = {"loss", "-accuracy"},
                                           .constraint_count = 2,
                                           .constraint = {{"loss", 1, false}, {"work", 2, true}}};
    struct space_gene gene[GENES_SAMPLE];
    const struct space space = genes_space(gene);
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(space_parse(
        &space, "act=gelu,lr=0.01,depth=2,op=relu.gelu,heads=1.2,ffn=4,mask=0.1.1", &arch, &err));
    const struct search_job job = {
        .number = 12, .arch = &arch, .rung = 1, .budget = 500, .inherits = -1, .seed = 9000000000};

    char *line = search_protocol_request(&space, &options, &job, 3, false);

    assert_string_equal(
        line,
        "{\"trial\":12,\"attempt\":3,\"architecture\":{\"act\":\"gelu\",\"lr\":0.01,\"depth\":2,"
        "\"op\":[\"relu\",\"gelu\"],\"heads\":[1,2],\"ffn\":[4,4],\"mask\":[0,1,1]},"
        "\"text\":\"act=gelu,lr=0.01,depth=2,op=relu.gelu,heads=1.2,ffn=4,mask=0.1.1\","
        "\"rung\":1,\"budget\":500,\"seed\":9000000000,\"metrics\":[\"loss\",\"accuracy\","
        "\"work\"]}\n");
    free(line);
}

static void a_students_layers_are_lists(void **state)
{
    const struct search_options options = {.objective_count = 1, .objectives = {"params"}};
    const struct space space = small_space(SPACE_TIE_LAYER);
    struct space_arch arch;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L2-d32-k8-h1.3-f64-p7", &arch, &err));
    const struct search_job job = {.arch = &arch, .inherits = -1};

    char *line = search_protocol_request(&space, &options, &job, 1, false);

    assert_non_null(strstr(line, "{\"depth\":2,\"width\":32,\"head_dim\":8,\"patch\":7,"
                                 "\"heads\":[1,3],\"ffn\":[64,64]}"));
    free(line);
}

static rt_status answer(const char *text, struct store_result *result)
{
    char *line = strdup(text);

    *result = (struct store_result){.status = RT_OK};
    assert_non_null(line);
    const rt_status rc = search_protocol_answer(line, 7, result);
    free(line);
    return rc;
}

static void an_answer_has_metrics_errors_and_curves(void **state)
{
    struct store_result r;
    (void)state;

    assert_int_equal(answer("{\"trial\": 7, \"metrics\": {\"loss\": 0.5, \"work\": 3, \"a.b\": NaN,"
                            " \"c\": -Infinity, \"d\": null}, \"stderr\": {\"loss\": 0.1},"
                            " \"curve\": {\"loss\": [[1, 2.5], [10, NaN]], \"x\": []},"
                            " \"note\": \"NaN \\\" NaN\"}",
                            &r),
                     RT_OK);

    assert_int_equal(r.value_count, 5);
    assert_string_equal(r.values[0].name, "loss");
    assert_true(r.values[0].value == .5 && r.values[0].stderr_ == .1);
    assert_true(r.values[1].value == 3 && isnan(r.values[1].stderr_));
    for (int i = 2; i < 5; i++)
        assert_true(isnan(r.values[i].value));
    assert_int_equal(r.curve_count, 2);
    assert_int_equal(r.curve[1].step, 10);
    assert_true(isnan(r.curve[1].value));
    store_result_release(&r);
}

static void an_answer_may_be_a_failure(void **state)
{
    struct store_result r;
    (void)state;

    assert_int_equal(answer("{\"trial\": 7, \"error\": \"too hot\", \"kind\": \"heat\"}", &r),
                     RT_OK);
    assert_int_equal(r.status, RT_EIO);
    assert_string_equal(r.kind, "heat");
    assert_string_equal(r.error, "too hot");
    assert_int_equal(answer("{\"trial\": 7, \"error\": \"too hot\"}", &r), RT_OK);
    assert_string_equal(r.kind, "error");
}

static void other_answers_are_garbage(void **state)
{
    static const char *const bad[][2] = {
        {"", "no JSON"},
        {"[1]", "no JSON object"},
        {"{\"metrics\": {\"loss\": 1}}", "does not say \"trial\": 7"},
        {"{\"trial\": 6, \"metrics\": {}}", "does not say \"trial\": 7"},
        {"{\"trial\": 7}", "neither \"metrics\" nor \"error\""},
        {"{\"trial\": 7, \"metrics\": {\"a b\": 1}}", "name 'a b' is none"},
        {"{\"trial\": 7, \"metrics\": {\"a\": \"1\"}}", "metric 'a' is no number"},
        {"{\"trial\": 7, \"metrics\": {\"a\": 1}, \"stderr\": {\"a\": true}}", "standard error"},
        {"{\"trial\": 7, \"metrics\": {}, \"curve\": []}", "no object of lists"},
        {"{\"trial\": 7, \"metrics\": {}, \"curve\": {\"a\": [1]}}", "point 0 of the curve 'a'"},
        {"{\"trial\": 7, \"metrics\": {}, \"curve\": {\"a\": [[-1, 2]]}}", "no [step, value]"},
        {"{\"trial\": 7, \"error\": 1}", "no text"},
        {"{\"trial\": 7, \"trial\": 7, \"metrics\": {}}", "no JSON"},
    };
    struct store_result r;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(answer(bad[i][0], &r), RT_EFORMAT);
        assert_string_equal(r.kind, "garbage");
        if (!strstr(r.error, bad[i][1]))
            fail_msg("'%s' gave: %s", bad[i][0], r.error);
        store_result_release(&r);
    }
}

static void a_job_is_read_as_it_was_asked(void **state)
{
    const struct search_options options = {.objective_count = 0};
    const struct space space = small_space(SPACE_TIE_LAYER);
    struct space_arch arch, got;
    struct search_job job;
    struct rt_err err;
    (void)state;
    assert_ok(space_arch_parse("L2-d32-k8-h1.3-f64-p7", &arch, &err));
    const struct search_job asked = {.number = 12,
                                     .arch = &arch,
                                     .rung = 1,
                                     .budget = 500,
                                     .seed = UINT64_MAX - 6,
                                     .replicate = 2,
                                     .inherits = 4};

    char *line = search_protocol_request(&space, &options, &asked, 1, false);
    assert_ok(search_protocol_job(line, &space, &job, &got, &err));
    free(line);

    assert_int_equal(job.number, 12);
    assert_int_equal(job.rung, 1);
    assert_int_equal(job.budget, 500);
    assert_true(job.seed == UINT64_MAX - 6);
    assert_int_equal(job.replicate, 2);
    assert_int_equal(job.inherits, 4);
    assert_true(job.arch == &got && space_arch_equal(&got, &arch));
}

#define JOB(trial, arch, rung, more)                                                               \
    "{\"trial\":" trial ",\"text\":\"" arch "\",\"rung\":" rung ",\"budget\":0,\"seed\":1" more "}"

static void a_job_that_is_none_is_refused(void **state)
{
    static const char *const lines[] = {"",
                                        "[]",
                                        "{\"trial\": 1}",
                                        JOB("-1", "L2-d32-k8-h1.3-f64-p7", "0", ""),
                                        JOB("1", "L2-d32-k8-h1.3-f64-p7", "99", ""),
                                        JOB("1", "L2-d32-k8-h1.3-f64-p7", "0", ",\"inherits\":1"),
                                        JOB("1", "L9-d32", "0", "")};
    const struct space space = small_space(SPACE_TIE_LAYER);
    struct space_arch arch;
    struct search_job job;
    struct rt_err err;
    (void)state;

    assert_ok(
        search_protocol_job(JOB("1", "L2-d32-k8-h1.3-f64-p7", "0", ""), &space, &job, &arch, &err));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        err.text[0] = '\0';
        assert_int_not_equal(search_protocol_job(lines[i], &space, &job, &arch, &err), RT_OK);
        assert_true(err.text[0] != '\0');
    }
}

/* To the last bit, and so is how it failed. */
static void a_result_is_read_as_it_was_told(void **state)
{
    struct rt_curve_point points[] = {{.step = 0, .name = "loss", .value = .1 + .2},
                                      {.step = 1, .name = "loss", .value = 1e-300}};
    struct store_result result = {.value_count = 2,
                                  .values = {{.name = "error", .value = 1. / 3, .stderr_ = 2. / 3},
                                             {.name = "kl", .value = 5e-324, .stderr_ = NAN}},
                                  .curve = points,
                                  .curve_count = 2},
                        got = {.status = RT_OK};
    (void)state;

    char *line = search_protocol_tell(7, &result);
    assert_int_equal(search_protocol_answer(line, 7, &got), RT_OK);
    free(line);
    assert_int_equal(got.value_count, 2);
    assert_string_equal(got.values[0].name, "error");
    assert_true(got.values[0].value == 1. / 3 && got.values[0].stderr_ == 2. / 3);
    assert_true(got.values[1].value == 5e-324 && isnan(got.values[1].stderr_));
    assert_int_equal(got.curve_count, 2);
    assert_true(got.curve[0].value == .1 + .2 && got.curve[1].value == 1e-300);
    store_result_release(&got);

    result = (struct store_result){.status = RT_ENAN, .error = "the loss is not finite"};
    got = (struct store_result){.status = RT_OK};
    line = search_protocol_tell(8, &result);
    assert_int_equal(search_protocol_answer(line, 8, &got), RT_OK);
    free(line);
    assert_string_equal(got.kind, rt_status_kind(RT_ENAN));
    assert_string_equal(got.error, "the loss is not finite");
}

static void attempts_elsewhere_come_with_the_answer(void **state)
{
    struct store_result sent = {.status = RT_OK, .retries = 1, .resumed = 300, .value_count = 1},
                        got = {.status = RT_OK};
    char *line;
    (void)state;
    sent.values[0] = (struct store_value){"loss", 0.1, NAN};
    sent.note[0] = strdup("attempt 1 failed (crash): \"out\"");

    line = search_protocol_tell(7, &sent);
    assert_int_equal(search_protocol_relayed(line, 7, &got), RT_OK);
    assert_int_equal(got.retries, 1);
    assert_int_equal(got.resumed, 300);
    assert_string_equal(got.note[0], sent.note[0]);
    assert_null(got.note[1]);
    store_result_release(&got);
    free(line);

    got = (struct store_result){.status = RT_OK}; /* a command of the user's has no such history */
    line = search_protocol_tell(7, &sent);
    assert_int_equal(search_protocol_answer(line, 7, &got), RT_OK);
    assert_int_equal(got.retries, 0);
    assert_int_equal(got.resumed, 0);
    assert_null(got.note[0]);
    store_result_release(&got);
    store_result_release(&sent);
    free(line);

    char bad[] = "{\"trial\":7,\"metrics\":{},\"retort\":{\"retries\":99,\"notes\":[]}}";
    got = (struct store_result){.status = RT_OK};
    assert_int_equal(search_protocol_relayed(bad, 7, &got), RT_EFORMAT);
    store_result_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_says_all_about_a_trial),
        cmocka_unit_test(a_students_layers_are_lists),
        cmocka_unit_test(an_answer_has_metrics_errors_and_curves),
        cmocka_unit_test(an_answer_may_be_a_failure),
        cmocka_unit_test(other_answers_are_garbage),
        cmocka_unit_test(a_job_is_read_as_it_was_asked),
        cmocka_unit_test(a_job_that_is_none_is_refused),
        cmocka_unit_test(a_result_is_read_as_it_was_told),
        cmocka_unit_test(attempts_elsewhere_come_with_the_answer),
    };
    return cmocka_run_group_tests_name("search/protocol", tests, NULL, NULL);
}
