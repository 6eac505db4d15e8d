/* tests/test_gates.c -- acceptance gates: what a study may ask, what passes, and what is kept. */
#include "store_sample.h"
#include "toy_task.h"

#include "cli/testing.h"

#define DATA "data: {train_images: i.gz, train_labels: l.gz}\n"
#define TRAINED "teachers: {members: [{name: t, train: {arch: L1-d16-k8-h1-f16-p7}}]}\n"
#define RECORDED "teachers: {members: [{name: t, logits: {train: x.npy}}]}\n"
#define RECORDED_SIZED "teachers: {members: [{name: t, logits: {train: x.npy, params: 900}}]}\n"
#define SPACE "space: {depth: [1], width: [16], head_dim: [8], heads: [1], ffn: [32], patch: [7]}\n"

static rt_status parse(const char *yaml, struct study *study, struct rt_err *err)
{
    return study_parse("s.yaml", yaml, strlen(yaml), study, err);
}

static void a_study_asks_nothing_unless_it_says_so(void **state)
{
    struct store_gate gates[STORE_MAX_GATES];
    const struct test_result result = {.student = {1, {{"accuracy_retention", 1, NAN}}}};
    struct study study;
    struct rt_err err;
    (void)state;
    assert_ok(parse(DATA TRAINED SPACE, &study, &err));
    assert_int_equal(test_gates(&result, &study.gates, gates), 0);
    study_release(&study);
}

static void every_gate_is_read_and_does_not_make_another_study(void **state)
{
    char plain[RT_HASH_TEXT], gated[RT_HASH_TEXT];
    struct study study;
    struct rt_err err;
    (void)state;
    assert_ok(parse(DATA TRAINED SPACE, &study, &err));
    study_hash(&study, plain);
    study_release(&study);

    assert_ok(parse(DATA TRAINED SPACE
                    "gates: {accuracy_retention: 0.97, agreement: 0.9, params_reduction: 0.5,\n"
                    "        bytes_reduction: 0.82, compression_ratio: 15}\n",
                    &study, &err));

    assert_near(study.gates.accuracy_retention, .97, 0);
    assert_near(study.gates.agreement, .9, 0);
    assert_near(study.gates.params_reduction, .5, 0);
    assert_near(study.gates.bytes_reduction, .82, 0);
    assert_near(study.gates.compression_ratio, 15, 0);
    study_hash(&study, gated);
    assert_string_equal(plain, gated);
    study_release(&study);
}

static void a_gate_on_size_needs_the_size_of_every_teacher(void **state)
{
    struct study study;
    struct rt_err err;
    (void)state;
    assert_int_equal(parse(DATA RECORDED SPACE "gates: {compression_ratio: 15}\n", &study, &err),
                     RT_EARG);
    assert_string_equal(err.text,
                        "'s.yaml':4:28: gates.compression_ratio: the size of the recorded teacher "
                        "'t' is not known; give its logits.params, or leave the gate out");
    assert_ok(parse(DATA RECORDED SPACE "gates: {accuracy_retention: 0.9}\n", &study, &err));
    study_release(&study);
    assert_ok(parse(DATA RECORDED_SIZED SPACE "gates: {compression_ratio: 15}\n", &study, &err));
    assert_int_equal(study.teachers.teacher[0].params, 900);
    study_release(&study);
    assert_int_equal(parse(DATA TRAINED SPACE "gates: {bytes_reduction: 1}\n", &study, &err),
                     RT_EARG);
    assert_says("1 is out of range; give 0 to 0.999999");
}

static void a_gate_on_int8_needs_an_int8_student(void **state)
{
    struct study study;
    struct rt_err err;
    (void)state;
    assert_int_equal(parse(DATA TRAINED SPACE "gates: {int8_bytes_reduction: 0.9}\n", &study, &err),
                     RT_EARG);
    assert_string_equal(err.text, "'s.yaml':4:31: gates.int8_bytes_reduction: the full recipe "
                                  "makes no int8 student; add quantise: ptq or qat to it");
    assert_ok(parse(DATA TRAINED SPACE "full: {quantise: ptq}\n"
                                       "gates: {int8_accuracy_retention: 0.9}\n",
                    &study, &err));
    study_release(&study);
}

static void gates_pass_at_their_value_and_nothing_unknown_passes(void **state)
{
    static const struct study_gates wanted = {.accuracy_retention = .97,
                                              .params_reduction = .75,
                                              .bytes_reduction = .76,
                                              .compression_ratio = 4,
                                              .agreement = .9,
                                              .int8_accuracy_retention = .9,
                                              .int8_bytes_reduction = .93};
    struct test_result result = {
        .student = {2, {{"accuracy_retention", .97, NAN}, {"agreement", .9 - 1e-9, NAN}}},
        .params = 100,
        .ensemble_params = 400,
        .has_int8 = true,
        .int8 = {1, {{"accuracy_retention", .95, NAN}}},
        .int8_bytes = 110};
    struct store_gate g[STORE_MAX_GATES];
    (void)state;

    assert_int_equal(test_gates(&result, &wanted, g), 7);

    assert_string_equal(g[0].name, "accuracy_retention");
    assert_true(g[0].passed);
    assert_false(g[1].passed); /* agreement */
    assert_true(g[2].passed);
    assert_near(g[2].value, .75, 0);
    assert_false(g[3].passed);
    assert_true(g[4].passed);
    assert_near(g[4].value, 4, 0);
    assert_true(g[5].passed);
    assert_true(g[6].passed);
    assert_near(g[6].value, 1 - 110. / 1600, 1e-15);
    result.has_int8 = false;
    result.int8.count = 0;
    result.ensemble_params = NAN;
    result.student.list[0].value = NAN;
    assert_int_equal(test_gates(&result, &wanted, g), 7);
    for (int i = 0; i < 7; i++)
        assert_false(g[i].passed);
}

static double value_of(const struct store_value *values, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(values[i].name, name) == 0)
            return values[i].value;
    return NAN;
}

/* As databases of image studies have them, in this order. */
static const char names_of_images[] =
    "error nll brier ece kl reverse_kl agreement total_variation js ece_ensemble"
    " accuracy_retention ensemble_error ensemble_nll ensemble_brier ensemble_ece params"
    " ensemble_params largest_teacher_params params_reduction bytes_reduction compression_ratio"
    " int8_error int8_kl int8_agreement int8_accuracy_retention int8_bytes int8_bytes_reduction";

static void a_result_of_images_has_the_names_that_databases_have(void **state)
{
    static const int rows[] = {0, 1, 2};
    static const float logits[9] = {2, 1, 0, 1, 2, 0, 3, 0, 0};
    static const double target[9] = {.5, .25, .25, .25, .5, .25, .25, .25, .5};
    struct test_result result = {
        .params = 100, .ensemble_params = 1500, .largest_params = 900, .has_int8 = true};
    struct tr_task *task = toy_task(9, 3);
    struct store_value values[STORE_MAX_METRICS];
    char all[1024] = "";
    struct rt_err err;
    (void)state;
    assert_ok(tr_answers_measure(task, rows, 3, logits, target, &result.student, &err));
    assert_ok(tr_answers_measure(task, rows, 3, logits, target, &result.int8, &err));
    assert_ok(tr_answers_measure(task, rows, 3, logits, NULL, &result.ensemble, &err));

    const int count = test_values(&result, values);

    assert_true(count <= STORE_MAX_METRICS);
    for (int i = 0; i < count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%.40s", i ? " " : "",
                 values[i].name);
    assert_string_equal(all, names_of_images);
    assert_near(value_of(values, count, "compression_ratio"), 15, 0);
    assert_near(value_of(values, count, "params_reduction"), 1 - 100. / 1500, 1e-15);
    assert_near(value_of(values, count, "ensemble_error"), 1. / 3, 1e-15);
    tr_task_close(task);
}

static const struct space_objective own[] = {
    {"reach", "reach", "how far it comes", "m", 1, 2, false, false, NAN, true},
    {NULL, NULL, NULL, NULL, 0, 0, false, false, 0, false},
};

static void what_a_task_measures_of_its_own_is_kept_of_all_three(void **state)
{
    const struct test_result result = {
        .student = {2, {{"error", .25, .01}, {"reach", 3, .5}}},
        .ensemble = {3, {{"error", .125, .01}, {"kl", NAN, NAN}, {"reach", 4, NAN}}},
        .int8 = {2, {{"error", .5, .01}, {"reach", 2, NAN}}},
        .has_int8 = true,
        .own = own};
    struct store_value v[STORE_MAX_METRICS];
    (void)state;

    const int count = test_values(&result, v);

    assert_string_equal(v[1].name, "reach");
    assert_near(v[1].value, 3, 0);
    assert_near(v[1].stderr_, .5, 0);
    assert_string_equal(v[2].name, "ensemble_error");
    assert_string_equal(v[3].name,
                        "ensemble_reach"); /* nothing of what it has not been measured in */
    assert_near(value_of(v, count, "ensemble_reach"), 4, 0);
    assert_near(value_of(v, count, "int8_reach"), 2, 0);
    assert_true(isnan(value_of(v, count, "int8_kl")));
}

/* ---- the store ---- */

static void a_distillation_is_recorded_while_another_process_writes(void **state)
{
    const char *path = sample_path("beside.db");
    struct store *writer = sample_create(path), *beside;
    struct rt_err err;
    (void)state;
    const int64_t host = sample_host(writer);
    sample_propose(writer, 0);
    assert_ok(store_trial_start(writer, 0, host, 0, &err));

    beside = sample_open(path, STORE_APPEND);
    sample_distil(beside);
    store_close(beside);

    assert_rows(writer, "select state from trial", "running\n"); /* nothing was recovered */
    assert_rows(writer,
                "select arch, steps, params, error, error_stderr, ensemble_error,"
                " accuracy_retention, compression_ratio, gates, gates_passed, weights"
                " from distillations",
                "L2-d32-k16-h1.2-f64.128-p7|9000|25576|0.081|0.0027|0.075|0.9935|10.0|2|1|"
                "student.safetensors\n");
    assert_rows(writer, "select name, wanted, value, passed from gate order by name",
                "accuracy_retention|0.97|0.9935|1\ncompression_ratio|15.0|10.0|0\n");
    store_close(writer);
}

static void only_candidates_of_the_study_are_recorded(void **state)
{
    struct store *s = sample_create(sample_path("stranger.db"));
    const struct space_arch arch = sample_arch(0);
    struct store_distillation d = {.arch = &arch, .host = 1, .weights = ""};
    struct rt_err err;
    (void)state;
    d.host = sample_host(s);

    assert_int_equal(store_distillation(s, &d, &err), RT_EDB);

    assert_says("'L2-d32-k16-h1.2-f64.128-p7' is no candidate of this study");
    assert_rows(s, "select count(*) from distillation", "0\n");
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_asks_nothing_unless_it_says_so),
        cmocka_unit_test(every_gate_is_read_and_does_not_make_another_study),
        cmocka_unit_test(a_gate_on_size_needs_the_size_of_every_teacher),
        cmocka_unit_test(a_gate_on_int8_needs_an_int8_student),
        cmocka_unit_test(gates_pass_at_their_value_and_nothing_unknown_passes),
        cmocka_unit_test(a_result_of_images_has_the_names_that_databases_have),
        cmocka_unit_test(what_a_task_measures_of_its_own_is_kept_of_all_three),
        cmocka_unit_test(a_distillation_is_recorded_while_another_process_writes),
        cmocka_unit_test(only_candidates_of_the_study_are_recorded),
    };
    return cmocka_run_group_tests_name("gates", tests, sample_setup, sample_teardown);
}
