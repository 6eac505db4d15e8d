/* cli/testing.c -- the answers to the test file, and the numbers and gates that come of them.
 *
 * The teachers answer once, before the student is trained; the student and its int8 copy one after the
 * other write over the same room.
 */
#include "cli/testing.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/evaluator.h"
#include "trainer/distill/softmax.h"
#include "trainer/measure/evaluate.h"
#include "trainer/net/predict.h"

/* Of the larger: the share of it that the smaller saves, and how many times it is larger. */
static double saved_of(double smaller, double larger)
{
    return 1 - smaller / larger;
}

static double times_smaller(double smaller, double larger)
{
    return larger / smaller;
}

/* ---- the answers ---- */

static rt_status answers_init(struct test_answers *s, size_t teachers, struct rt_err *err)
{
    const size_t n = (size_t)s->test->rows, classes = (size_t)s->test->shape.classes;

    s->rows = malloc(n * sizeof(int));
    for (int i = 0; s->rows && i < s->test->rows; i++)
        s->rows[i] = i;
    if (s->rows && s->test->shape.pool == SPACE_POOL_NONE)
        return RT_OK; /* answers are measured as they come */
    s->student = malloc(n * classes * sizeof(float));
    s->teachers = malloc(n * classes * teachers * sizeof(float));
    s->ensemble = malloc(n * classes * sizeof(float));
    s->target = malloc(n * classes * sizeof(double));
    if (!s->student || !s->teachers || !s->ensemble || !s->target || !s->rows)
        return rt_fail(err, RT_ENOMEM, "no memory to evaluate %zu test examples", n);
    return RT_OK;
}

rt_status test_open(const struct session *session, struct test_answers *answers, struct rt_err *err)
{
    const struct tr_teaching teaching = session_teaching(session, NULL);
    const int silent = tr_teachers_silent(teaching.spec);

    *answers = (struct test_answers){0};
    if (session->task->kind->act || !study_task_of(&session->study)->has_test(session->study.block))
        return RT_OK;
    RT_TRY(session_open_test(&session->study, session->task, &answers->test, err));
    if (silent >= 0)
        answers->silent = teaching.spec->teacher[silent].name;
    rt_status rc = answers_init(answers, (size_t)teaching.spec->count, err);
    if (rc == RT_OK && answers->teachers && !answers->silent)
        rc = tr_teachers_predict(&teaching, answers->test, answers->teachers, err);
    if (rc)
        test_close(answers);
    return rc;
}

void test_close(struct test_answers *s)
{
    tr_task_close(s->test);
    free(s->student);
    free(s->teachers);
    free(s->ensemble);
    free(s->target);
    free(s->rows);
    *s = (struct test_answers){0};
}

/* By row, of the student or, NULL, of the ensemble. */
static rt_status measure_rows(const struct session *session, const struct tr_student *student,
                              const struct tr_weights *weights, const struct test_answers *s,
                              struct tr_metrics *metrics, struct rt_err *err)
{
    return tr_rows_measure(s->test, s->rows, s->test->rows, student, weights,
                           session->data.knowledge, session->data.ensemble,
                           study_cores(&session->study), metrics, err);
}

/* What a student says about the test file, or does on the test's starts. */
static rt_status measure(const struct session *session, const struct tr_student *student,
                         const struct tr_weights *weights, struct test_answers *s,
                         struct tr_metrics *metrics, struct rt_err *err)
{
    const int threads = study_cores(&session->study);
    const struct tr_task *test = s->test;

    if (!test) {
        RT_TRY(tr_evaluate_validation(student, weights, &session->data, threads, metrics, err));
        return tr_evaluate_acting(student, weights, &session->data, true, metrics, err);
    }
    if (!s->teachers)
        return measure_rows(session, student, weights, s, metrics, err);
    RT_TRY(tr_predict(student, weights, test, s->rows, test->rows, threads, s->student, err));
    return tr_answers_measure(test, s->rows, test->rows, s->student, s->silent ? NULL : s->target,
                              metrics, err);
}

/* The student as an int8 machine runs it: the answers hold the ensemble's answers already. */
static rt_status grade_int8(const struct session *session, const struct space_arch *arch,
                            const float *params, const struct tr_ranges *ranges,
                            struct test_answers *s, struct test_result *result, struct rt_err *err)
{
    struct tr_network net; /* its weights are those of the copy */
    struct tr_student *student = &net.student;
    struct tr_quantised quantised;
    rt_status rc;

    RT_TRY(
        tr_network_plan(&net, arch, &session->shape, tr_kernels_integer(), TR_NETWORK_INFER, err));
    if ((rc = rt_arena_init(&net.arena, tr_quantised_bytes(student, false), err)) == RT_OK &&
        (rc = tr_quantised_init(&quantised, student, ranges, false, &net.arena, err)) == RT_OK) {
        tr_quantised_update(&quantised, student, params);
        rc = measure(session, student, &quantised.weights, s, &result->int8, err);
    }
    result->has_int8 = rc == RT_OK;
    result->int8_bytes = (double)tr_int8_bytes(student);
    tr_network_close(&net);
    return rc;
}

static rt_status grade(const struct session *session, const struct tr_student *student,
                       const struct tr_weights *weights, struct test_answers *s,
                       struct test_result *result, struct rt_err *err)
{
    const struct tr_task *test = s->test;
    const int teachers = session->study.teachers.count;

    if (!test) {
        RT_TRY(measure(session, student, weights, s, &result->student, err));
        return session->task->kind->act_as(session->task, teachers, true, &result->ensemble, err);
    }
    if (!s->teachers) {
        RT_TRY(measure(session, student, weights, s, &result->student, err));
        return measure_rows(session, NULL, NULL, s, &result->ensemble, err);
    }
    if (s->silent)
        return measure(session, student, weights, s, &result->student, err);
    const int classes = test->shape.classes;
    const struct tr_knowledge said = {
        .key = {.teachers = teachers, .classes = classes, .rows = test->rows},
        .logits = s->teachers};
    tr_ensemble_rows(&session->study.ensemble, &said, s->rows, test->rows, 1, s->target);
    tr_log_of(s->target, (size_t)test->rows * classes, s->ensemble);
    RT_TRY(measure(session, student, weights, s, &result->student, err));
    return tr_answers_measure(test, s->rows, test->rows, s->ensemble, NULL, &result->ensemble, err);
}

static void measure_sizes(const struct session *session, const struct tr_student *student,
                          struct test_result *result)
{
    result->params = (double)student->param_count;
    result->ensemble_params = result->largest_params = 0;
    for (int k = 0; k < session->study.teachers.count; k++) {
        const int64_t known =
            tr_teacher_params(&session->study.teachers.teacher[k], &session->shape);
        const double params = known > 0 ? (double)known : (double)NAN;
        result->ensemble_params += params;
        result->largest_params = fmax(result->largest_params, params);
    }
}

rt_status test_student(const struct session *session, struct test_answers *answers,
                       const struct tr_student *student, const struct tr_weights *weights,
                       const struct tr_ranges *ranges, struct test_result *result,
                       struct rt_err *err)
{
    const bool acts = session->task->kind->act != NULL;

    result->own = session->task->kind->measures;
    result->acts = acts;
    result->tested = acts || answers->test;
    result->silent = answers->silent;
    measure_sizes(session, student, result);
    if (!result->tested) {
        result->has_int8 = ranges != NULL;
        result->int8_bytes = ranges ? (double)tr_int8_bytes(student) : 0;
        return RT_OK;
    }
    RT_TRY(grade(session, student, weights, answers, result, err));
    if (study_task_of(&session->study)->explain && !answers->silent)
        result->details = study_task_of(&session->study)
                              ->explain(answers->test, answers->student, answers->target);
    return ranges
               ? grade_int8(session, &student->arch, weights->params, ranges, answers, result, err)
               : RT_OK;
}

/* ---- its numbers ---- */

/* What of int8 is kept, beside the task's own measures. */
static const char *const of_int8[] = {"error", "kl", "agreement", "accuracy_retention"};
enum { of_int8_count = sizeof of_int8 / sizeof *of_int8 };

struct values {
    int count;
    struct store_value *list; /* [STORE_MAX_METRICS] */
};

static void add(struct values *values, const char *prefix, const char *name, double value,
                double error)
{
    struct store_value *v = &values->list[values->count++];

    assert(values->count <= STORE_MAX_METRICS && strlen(prefix) + strlen(name) < sizeof v->name);
    *v = (struct store_value){.value = value, .stderr_ = error};
    (void)snprintf(v->name, sizeof v->name, "%s%s", prefix, name);
}

static void add_named(struct values *values, const char *prefix, const struct tr_metrics *metrics,
                      const char *name)
{
    const struct tr_metric *m = tr_metrics_find(metrics, name);

    add(values, prefix, name, m ? m->value : (double)NAN, m ? m->error : (double)NAN);
}

static void add_sizes(struct values *values, const struct test_result *result)
{
    const double saved = saved_of(result->params, result->ensemble_params), nan = (double)NAN;
    const double largest = result->largest_params > 0 ? result->largest_params : nan;

    add(values, "", "params", result->params, nan);
    add(values, "", "ensemble_params", result->ensemble_params, nan);
    add(values, "", "largest_teacher_params", largest, nan);
    add(values, "", "params_reduction", saved, nan);
    add(values, "", "bytes_reduction", saved, nan); /* four bytes each on both sides */
    add(values, "", "compression_ratio", times_smaller(result->params, result->ensemble_params),
        nan);
}

static void add_int8(struct values *values, const struct test_result *result)
{
    const double saved = saved_of(result->int8_bytes, 4 * result->ensemble_params);

    for (int i = 0; i < of_int8_count; i++)
        add_named(values, "int8_", &result->int8, of_int8[i]);
    for (const struct space_objective *m = result->own; m && m->name; m++)
        add_named(values, "int8_", &result->int8, m->name);
    add(values, "int8_", "bytes", result->int8_bytes, NAN);
    add(values, "int8_", "bytes_reduction", saved, NAN);
}

int test_values(const struct test_result *result, struct store_value list[STORE_MAX_METRICS])
{
    struct values values = {evaluator_values(&result->student, list), list};

    for (int i = 0; i < result->ensemble.count; i++) {
        const struct tr_metric *m = &result->ensemble.list[i];
        if (isfinite(m->value))
            add(&values, "ensemble_", m->name, m->value, m->error);
    }
    add_sizes(&values, result);
    if (result->has_int8)
        add_int8(&values, result);
    return values.count;
}

/* ---- to people ---- */

struct line {
    const char *name, *text; /* of a metric */
    bool share;              /* in percent */
    bool rest;               /* shown as 1 - value */
};

static const struct line on_labels[] = {
    {"error", "accuracy", true, true},
    {"nll", "NLL", false, false},
    {"brier", "Brier score", false, false},
    {"ece", "calibration error", true, false},
    {NULL, NULL, false, false},
};
static const struct line on_ensemble[] = {
    {"accuracy_retention", "accuracy retained", true, false},
    {"agreement", "agreement", true, false},
    {"kl", "KL", false, false},
    {"reverse_kl", "reverse KL", false, false},
    {"total_variation", "total variation", false, false},
    {"js", "Jensen-Shannon", false, false},
    {"ece_ensemble", "calibration error", true, false},
    {NULL, NULL, false, false},
};
/* Where it is not known, as wide. */
static void print_error(const struct tr_metric *m, double factor, int digits, bool last)
{
    if (isfinite(m->error))
        (void)printf(" +- %.*f", digits, factor * m->error);
    else if (!last)
        (void)printf("%*s", digits + 6, "");
}

/* other NULL, or without it: the first alone. */
static void print_line(const struct line *line, const struct tr_metrics *one,
                       const struct tr_metrics *other)
{
    const struct tr_metric *m = tr_metrics_find(one, line->name);
    const struct tr_metric *o = other ? tr_metrics_find(other, line->name) : NULL;
    const double factor = line->share ? 100 : 1;
    const int digits = line->share ? 2 : 4;
    const char *unit = line->share ? "%" : " ";

    if (!m || !isfinite(m->value))
        return;
    (void)printf("%-18s %8.*f %s", line->text, digits,
                 factor * (line->rest ? 1 - m->value : m->value), unit);
    print_error(m, factor, digits, !o || !isfinite(o->value));
    if (o && isfinite(o->value)) {
        (void)printf(" %*.*f %s", line->share ? 10 : 8, digits,
                     factor * (line->rest ? 1 - o->value : o->value), unit);
        print_error(o, factor, digits, true);
    }
    (void)printf("\n");
}

static void print_lines(const struct line *line, const struct tr_metrics *one,
                        const struct tr_metrics *other)
{
    for (; line->name; line++)
        print_line(line, one, other);
}

static void print_own(const struct space_objective *own, const struct tr_metrics *one,
                      const struct tr_metrics *other)
{
    for (; own && own->name; own++)
        print_line(&(struct line){own->name, own->title, strcmp(own->unit, "%") == 0, false}, one,
                   other);
}

static void print_int8(const struct test_result *result)
{
    const double bytes = result->int8_bytes, before = 4 * result->params;
    const double teachers = 4 * result->ensemble_params;

    (void)printf("\nin int8%s\n", result->tested ? ", by integer arithmetic" : "");
    print_line(&on_labels[0], &result->int8, NULL);
    for (int i = 0; i < 3; i++) /* down to KL */
        print_line(&on_ensemble[i], &result->int8, NULL);
    print_own(result->own, &result->int8, NULL);
    (void)printf("bytes              %.0f: %.2f times less than fp32", bytes, before / bytes);
    if (isfinite(teachers))
        (void)printf(", %.2f %% saved of the ensemble's", 100 * saved_of(bytes, teachers));
    (void)printf("\n");
}

static void print_sizes(const struct test_result *result)
{
    const double student = result->params, teachers = result->ensemble_params;

    (void)printf("parameters         %.0f (%.0f bytes as fp32)\n", student, 4 * student);
    if (!isfinite(teachers))
        return;
    (void)printf("of the ensemble's  %.0f: %.2f %% saved, %.1f times smaller\n", teachers,
                 100 * saved_of(student, teachers), times_smaller(student, teachers));
    (void)printf("of the largest's   %.0f: %.2f %% saved, %.1f times smaller\n",
                 result->largest_params, 100 * saved_of(student, result->largest_params),
                 times_smaller(student, result->largest_params));
}

/* The first lines of each list, in the keys' order. */
static void print_details(json_t *details)
{
    enum { lines = 8 };
    const char *name, *key;
    json_t *list, *row, *value;
    size_t i;

    json_object_foreach(details, name, list)
    {
        if (json_array_size(list))
            (void)printf("\n%s\n", name);
        json_array_foreach(list, i, row)
        {
            if (i == lines)
                break;
            json_object_foreach(row, key, value)
            {
                if (json_is_real(value))
                    (void)printf("  %s %.3f", key, json_real_value(value));
                else if (json_is_integer(value))
                    (void)printf("  %s %" JSON_INTEGER_FORMAT, key, json_integer_value(value));
                else
                    (void)printf("  %s %s", key, json_string_value(value));
            }
            (void)printf("\n");
        }
        if (json_array_size(list) > lines)
            (void)printf("  .. and %zu more\n", json_array_size(list) - lines);
    }
}

static void print_tested(const struct test_result *result)
{
    (void)printf("\n%-18s %8s %20s\n", result->acts ? "on the test starts" : "on the test file",
                 "student", result->silent ? "" : "ensemble");
    if (!result->acts)
        print_lines(on_labels, &result->student, &result->ensemble);
    print_own(result->own, &result->student, &result->ensemble);
    if (result->silent) {
        (void)printf("\nteacher '%s' has no logits for the test file (logits.test): nothing is "
                     "compared with the ensemble\n",
                     result->silent);
        return;
    }
    (void)printf("\nagainst the ensemble\n");
    print_lines(on_ensemble, &result->student, NULL);
}

void test_print(const struct test_result *result)
{
    if (result->tested)
        print_tested(result);
    else
        (void)printf("\nthe study names no test file: nothing was measured on one\n");
    (void)printf("\n");
    print_sizes(result);
    if (result->has_int8)
        print_int8(result);
    print_details(result->details);
}

void test_release(struct test_result *result)
{
    json_decref(result->details);
    result->details = NULL;
}

/* ---- gates ---- */

int test_gates(const struct test_result *result, const struct study_gates *wanted,
               struct store_gate gates[STORE_MAX_GATES])
{
    const double saved = saved_of(result->params, result->ensemble_params);
    const struct store_gate all[] = {
        {.name = "accuracy_retention",
         .wanted = wanted->accuracy_retention,
         .value = tr_metrics_value(&result->student, "accuracy_retention")},
        {.name = "agreement",
         .wanted = wanted->agreement,
         .value = tr_metrics_value(&result->student, "agreement")},
        {.name = "params_reduction", .wanted = wanted->params_reduction, .value = saved},
        {.name = "bytes_reduction", .wanted = wanted->bytes_reduction, .value = saved},
        {.name = "compression_ratio",
         .wanted = wanted->compression_ratio,
         .value = times_smaller(result->params, result->ensemble_params)},
        {.name = "return_retention",
         .wanted = wanted->return_retention,
         .value = tr_metrics_value(&result->student, "return_retention")},
        {.name = "success_retention",
         .wanted = wanted->success_retention,
         .value = tr_metrics_value(&result->student, "success_retention")},
        {.name = "int8_accuracy_retention",
         .wanted = wanted->int8_accuracy_retention,
         .value = tr_metrics_value(&result->int8, "accuracy_retention")},
        {.name = "int8_bytes_reduction",
         .wanted = wanted->int8_bytes_reduction,
         .value = result->has_int8 ? saved_of(result->int8_bytes, 4 * result->ensemble_params)
                                   : (double)NAN},
    };
    int count = 0;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].wanted > 0) {
            gates[count] = all[i];
            gates[count].passed = all[i].value >= all[i].wanted;
            count++;
        }
    return count;
}

void test_print_gates(const struct store_gate *gates, int count)
{
    (void)printf("\n%-24s %10s %10s\n", "gate", "wanted", "measured");
    for (int i = 0; i < count; i++)
        (void)printf("%-24s %10.6g %10.6g  %s\n", gates[i].name, gates[i].wanted, gates[i].value,
                     gates[i].passed ? "pass" : "FAIL");
}

/* ---- the file ---- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *values_json(const struct store_distillation *run)
{
    json_t *all = json_object();

    for (int i = 0; i < run->value_count; i++) {
        const struct store_value *v = &run->values[i];
        json_object_set_new(
            all, v->name,
            json_pack("{s:o,s:o}", "value", number(v->value), "stderr", number(v->stderr_)));
    }
    return all;
}

static json_t *gates_json(const struct store_distillation *run)
{
    json_t *all = json_object();

    for (int i = 0; i < run->gate_count; i++) {
        const struct store_gate *g = &run->gates[i];
        json_object_set_new(all, g->name,
                            json_pack("{s:o,s:o,s:b}", "wanted", number(g->wanted), "value",
                                      number(g->value), "passed", (int)g->passed));
    }
    return all;
}

rt_status test_write(const struct store_distillation *run, const struct test_result *result,
                     const char *path, struct rt_err *err)
{
    char arch[SPACE_ARCH_TEXT];
    struct rt_writer writer;
    rt_status rc;

    space_arch_print(run->arch, arch);
    json_t *all =
        json_pack("{s:s,s:i,s:i,s:I,s:o,s:s,s:o,s:o}", "arch", arch, "steps", run->steps, "batch",
                  run->batch, "seed", (json_int_t)run->seed, "seconds", number(run->seconds),
                  "weights", run->weights, "test", values_json(run), "gates", gates_json(run));
    if (result->details)
        json_object_update(all, result->details);
    char *text = all ? json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(all);
    if (!text)
        return rt_fail(err, RT_ENOMEM, "no memory to write '%.200s'", path);
    if ((rc = rt_writer_open(&writer, path, err)) == RT_OK) {
        (void)fprintf(writer.file, "%s\n", text);
        rc = rt_writer_commit(&writer, err);
    }
    free(text);
    return rc;
}
