/* tests/test_reports.c -- what is printed and chosen: numbers, front, best; over the
 * store's sample study and hand-made rows. */
#include "report_sample.h"

#include "reports/suggest.h"

/* ---- numbers ---- */

static void numbers_are_written_for_people(void **state)
{
    char t[REPORT__CELL];
    (void)state;

    assert_string_equal(report__count(0, t), "0");
    assert_string_equal(report__count(999, t), "999");
    assert_string_equal(report__count(999.6, t), "1.00k");
    assert_string_equal(report__count(12345, t), "12.3k");
    assert_string_equal(report__count(99960, t), "100k");
    assert_string_equal(report__count(999600, t), "1.00M");
    assert_string_equal(report__count(1234567, t), "1.23M");
    assert_string_equal(report__count(NAN, t), "-");
    assert_string_equal(report__ms(.00781, t), "7.81 µs");
    assert_string_equal(report__ms(.42, t), "0.42 ms");
    assert_string_equal(report__ms(12.34, t), "12.3 ms");
    assert_string_equal(report__ms(1500, t), "1.50 s");
    assert_string_equal(report__percent(.203, t), "20.30");
    assert_string_equal(report__points(.005, t), "0.5 points");
    assert_string_equal(report__points(.01, t), "1 point");
    assert_string_equal(report__duration(9.83, t), "9.8 s");
    assert_string_equal(report__duration(155, t), "2 min 35 s");
    assert_string_equal(report__duration(28740, t), "7 h 59 min");
    assert_string_equal(report__duration(273600, t), "3 d 4 h");
    assert_string_equal(report__duration(1e300, t), "-");
    assert_int_equal(report__columns("±µs"), 3);
}

static void values_are_written_as_their_quantity_says(void **state)
{
    const struct report__quantity
        error = {.name = "error", .title = "error", .unit = "%", .factor = 100, .digits = 2},
        loss = {.name = "loss", .factor = 1, .digits = -1},
        time = {.name = "latency", .title = "latency", .unit = "ms", .factor = 1, .digits = -1},
        kl = {.name = "kl", .factor = 1, .digits = 4},
        params = {.name = "params", .factor = 1, .digits = 0};
    char t[REPORT__LINE];
    (void)state;

    assert_string_equal(report__value(&error, (struct report__value){.203, .0057, false}, t),
                        "20.30 ±0.57");
    assert_string_equal(report__value_unit(&error, (struct report__value){.203, NAN, false}, t),
                        "20.30 %");
    assert_string_equal(report__value_name(&error, (struct report__value){.203, NAN, false}, t),
                        "20.30 % error");
    assert_string_equal(report__value_unit(&error, (struct report__value){NAN, NAN, false}, t),
                        "-");
    assert_string_equal(report__value(&time, (struct report__value){.00781, .1, false}, t),
                        "7.81 µs");
    assert_string_equal(report__value(&kl, (struct report__value){.02034, .1, false}, t), "0.0203");
    assert_string_equal(report__value_name(&params, (struct report__value){12345, NAN, false}, t),
                        "12.3k params");
    assert_string_equal(report__value_name(&loss, (struct report__value){.0203, .1, false}, t),
                        "loss 0.0203");
    assert_string_equal(report__head(&error, error.title, ", ", t), "error, %");
    assert_string_equal(report__head(&time, time.title, ", ", t), "latency");
}

/* ---- the knee ---- */

enum { ERROR, PARAMS, LATENCY, HAND_MADE };
struct hand_made {
    struct report__rows rows;
    struct report__row row[4];
    struct report__value value[4][HAND_MADE];
};

/* A front of (error, params, latency) as given. */
static struct hand_made *hand_made(struct hand_made *h, const double values[][HAND_MADE], int count)
{
    *h = (struct hand_made){
        .rows = {.row = h->row,
                 .count = count,
                 .front_count = count,
                 .quantities = {.count = HAND_MADE,
                                .list = {{.name = "error", .unit = "%", .factor = 100, .digits = 2},
                                         {.name = "params", .factor = 1, .digits = 0},
                                         {.name = "latency", .unit = "ms", .factor = 1}},
                                .objective_count = HAND_MADE,
                                .objective = {ERROR, PARAMS, LATENCY}},
                 .noun = "student",
                 .nouns = "students",
                 .ensemble = {NAN, NAN, false}}};
    for (int q = 0; q < HAND_MADE; q++) {
        h->rows.quantities.list[q].logarithmic = q != ERROR;
        h->rows.quantities.list[q].objective = true;
    }
    for (int i = 0; i < count; i++) {
        h->row[i] = (struct report__row){.trial = i,
                                         .candidate = i,
                                         .on_front = true,
                                         .values = HAND_MADE,
                                         .value = h->value[i]};
        for (int q = 0; q < HAND_MADE; q++)
            h->value[i][q] = (struct report__value){values[i][q], NAN, false};
    }
    return h;
}

static void knee_is_nearest_to_the_best_of_every_objective(void **state)
{
    /* errors scale to 0, .1, .5, 1; the logarithms of both costs to 1, .4, .3, 0: squares of the
       distances are 2, .33, .43, 1 */
    static const double values[][HAND_MADE] = {
        {.10, 1000000, 10.0}, {.14, 15849, .158489}, {.30, 7943, .0794328}, {.50, 1000, .01}};
    struct hand_made h;
    struct report__rows *rows = &hand_made(&h, values, 4)->rows;
    char text[512];
    (void)state;

    assert_int_equal(report__knee(rows), 1);
    h.value[2][ERROR].value = .15; /* now .0156 + .18 */
    assert_int_equal(report__knee(rows), 2);
    h.row[2].on_front = false;
    assert_int_equal(report__knee(rows), 1);
    report__knee_text(rows, text, sizeof text);
    assert_string_equal(text, "nearest to the best of error, params and latency at once, each "
                              "scaled over the front (costs by their logarithm)");
}

static void knee_of_one_of_none_and_of_equals_is_defined(void **state)
{
    static const double values[][HAND_MADE] = {{.1, 10, 1}, {.1, 10, 1}};
    struct hand_made h;
    struct report__rows *rows = &hand_made(&h, values, 2)->rows;
    (void)state;

    assert_int_equal(report__knee(rows), 0);
    rows->count = 1;
    assert_int_equal(report__knee(rows), 0);
    rows->count = 0;
    assert_int_equal(report__knee(rows), -1);
}

/* ---- suggested ---- */

/* The best costs a million. */
static const double four[][HAND_MADE] = {
    {.100, 1000000, 10}, {.119, 20000, 1}, {.121, 9000, .9}, {.300, 1000, .1}};

static void suggested_cannot_be_told_from_the_best_and_costs_least(void **state)
{
    struct hand_made h;
    struct report__rows *rows = &hand_made(&h, four, 4)->rows;
    char text[256];
    (void)state;
    h.value[0][ERROR].error = .02;

    assert_int_equal(report__suggested(rows), 1);
    report__suggested_text(rows, text, sizeof text);
    assert_string_equal(text, "the one with the least params whose error is within one standard "
                              "error of the best, 2.00 points");
    h.value[0][ERROR].error = .022;
    assert_int_equal(report__suggested(rows), 2);
    h.row[2].on_front = false;
    assert_int_equal(report__suggested(rows), 1);
}

static void suggested_without_error_bars_costs_or_front_is_the_best(void **state)
{
    struct hand_made h;
    struct report__rows *rows = &hand_made(&h, four, 4)->rows;
    char text[256];
    (void)state;

    assert_int_equal(report__suggested(rows), 0);
    report__suggested_text(rows, text, sizeof text);
    assert_string_equal(text, "the one with the lowest error");
    h.value[0][ERROR].error = .3;
    rows->quantities.objective_count = 1; /* the error alone */
    assert_int_equal(report__suggested(rows), 0);
    rows->count = 0;
    assert_int_equal(report__suggested(rows), -1);
}

static void steps_lose_more_and_cost_less(void **state)
{
    struct hand_made h;
    struct report__rows *rows = &hand_made(&h, four, 4)->rows;
    struct report__step step[REPORT__STEPS];
    (void)state;

    /* half a point and one save nothing; two points save the second one */
    assert_int_equal(report__steps(rows, step), 1);
    assert_int_equal(step[0].row, 1);
    assert_near(step[0].loss, .02, 0);
    assert_int_equal(report__within(rows, .022), 2);
    assert_int_equal(report__within(rows, 1), 3);
    h.value[0][ERROR].error = .02; /* suggested already */
    assert_int_equal(report__steps(rows, step), 0);
    rows->quantities.list[ERROR].unit[0] = '\0'; /* no share: what a point is nobody knows */
    assert_int_equal(report__steps(rows, step), 0);
}

/* ---- the front ---- */

static void front_table_fits_80_columns_and_marks_the_suggested(void **state)
{
    struct store *store = sample("table.db");
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_front(store, REPORT_TABLE, text_open(&text), &err));
    const char *got = text_close(&text);

    assert_fits_80_columns(got);
    assert_has(got, "error %  params   latency  architecture\n");
    assert_has(got, "  ~47.9 µs  "); /* of trial 1 */
    assert_has(got, "\n~ estimated, not clear: 'retort latency' measures again\n");
    assert_int_equal(count_of(got, "*"), 2); /* a student, and the line that explains it */
    assert_has(got, "9 of 20 students, 2 trials failed; * suggested; ensemble 7.80 ±0.30 %\n");
    free(text.data);
    store_close(store);
}

static void table_folds_architectures_that_are_too_long(void **state)
{
    static const double values[][HAND_MADE] = {{.123, 123456, .5}};
    struct hand_made h;
    struct report__rows *rows = &hand_made(&h, values, 1)->rows;
    struct text text;
    (void)state;

    h.row[0].arch =
        "L16-d96-k16-h4.4.2.2.4.4.2.2.4.4.2.2.4.4.2.2-f192.192.96.96.192.192.96.96.192.192."
        "96.96.192.192.96.96-p7";
    report__print_table(rows, -1, text_open(&text));
    assert_fits_80_columns(text_close(&text));
    assert_has(text.data, "-p7\n");
    free(text.data);
}

static void seven_objectives_fit_80_columns(void **state)
{
    struct store *store = sample("seven.db");
    struct report__rows rows;
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report__rows_load(store, REPORT__FRONT, &rows, &err));
    for (int i = 0; i < STORE_MAX_OBJECTIVES; i++) {
        rows.quantities.list[i].objective = true;
        rows.quantities.objective[i] = i;
    }
    rows.quantities.objective_count = STORE_MAX_OBJECTIVES;
    report__print_table(&rows, 0, text_open(&text));
    assert_fits_80_columns(text_close(&text));
    assert_has(text.data, "kl");
    free(text.data);
    report__rows_release(&rows);
    store_close(store);
}

static void csv_and_json_hold_the_rows_of_the_view(void **state)
{
    struct store *store = sample("csv.db");
    char *want =
        ask_db(store_handle(store),
               "select p.candidate || ',' || p.trial || ',' || p.arch || ',' ||"
               " printf('%.9g,%.9g,%.9g,%.9g,%.9g', p.error, p.error_stderr, p.kl,"
               " p.agreement, p.latency) || ',' || (select state <> 'clear' from latency l"
               "  where l.candidate = p.candidate) || ',' || p.params || ',' || p.bytes || ',' ||"
               " p.macs || ',' || p.memory from pareto p");
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_front(store, REPORT_CSV, text_open(&text), &err));
    const char *body = strchr(text_close(&text), '\n');
    assert_non_null(body);
    assert_string_equal(body + 1, want);
    free(text.data);

    assert_ok(report_front(store, REPORT_JSON, text_open(&text), &err));
    json_t *list = json_loads(text_close(&text), 0, NULL);
    assert_int_equal(json_array_size(list), count_of(want, "\n"));
    json_t *first = json_array_get(list, 0);
    const long long id = json_integer_value(json_object_get(first, "candidate"));
    assert_int_equal(id, atoll(want));
    assert_true(json_real_value(json_object_get(first, "error")) > 0);
    json_decref(list);
    free(text.data);
    free(want);
    store_close(store);
}

/* ---- best ---- */

static void best_is_the_lowest_error_that_fits(void **state)
{
    struct store *store = sample("best.db");
    const struct report_wish wish = {.count = 1,
                                     .limit = {{"--max-params", "params", false, 60000}}};
    char *want =
        ask_db(store_handle(store), "select candidate from pareto where params <= 60000 limit 1");
    char *csv = best(store, wish, REPORT_CSV), *text = best(store, wish, REPORT_TABLE);
    (void)state;

    assert_int_equal(count_of(csv, "\n"), 2);
    assert_int_equal(atoll(strchr(csv, '\n') + 1), atoll(want));
    assert_fits_80_columns(text);
    assert_has(text, "that fit");
    assert_has(text, "--max-params 60000");
    assert_has(text, "points less error");
    assert_has(text, "(does not fit)");
    free(want);
    free(csv);
    free(text);
    store_close(store);
}

static void best_knee_says_why_and_names_neighbours(void **state)
{
    struct store *store = sample("knee.db");
    char *text = best(store, (struct report_wish){.pick = REPORT_KNEE}, REPORT_JSON);
    json_t *json = json_loads(text, 0, NULL);
    (void)state;

    assert_has(json_string_value(json_object_get(json, "why")),
               "nearest to the best of error, params and latency at once");
    assert_true(json_is_object(json_object_get(json, "lower_error_neighbour")) ||
                json_is_object(json_object_get(json, "higher_error_neighbour")));
    json_decref(json);
    free(text);
    store_close(store);
}

/* Each of the two is kept by half of the front, but by no member both. */
static void best_names_the_nearest_miss_of_limits_together(void **state)
{
    struct store *store = sample("joint.db");
    char *error = ask_db(store_handle(store), "select min(error) + 1e-6 from pareto");
    char *params = ask_db(store_handle(store), "select min(params) from pareto");
    const struct report_wish wish = {.count = 2,
                                     .limit = {{"--max-error", "error", false, atof(error)},
                                               {"--max-params", "params", false, atof(params)}}};
    struct text text;
    struct rt_err err;
    (void)state;

    assert_int_equal(report_best(store, &wish, REPORT_TABLE, text_open(&text), &err), RT_EEND);
    (void)text_close(&text);
    free(text.data);
    assert_has(err.text, "each limit is kept by some of the 9 students on the front, but by none "
                         "all; nearest is candidate ");
    assert_has(err.text, ", which breaks --max-");
    free(error);
    free(params);
    store_close(store);
}

static void best_names_the_wish_that_excludes_the_most(void **state)
{
    struct store *store = sample("none.db");
    const struct report_wish none = {.count = 3,
                                     .limit = {{"--max-error", "error", false, .001},
                                               {"--max-latency", "latency", false, 1000},
                                               {"--max-params", "params", false, 1000000}}},
                             tight = {.count = 2,
                                      .limit = {{"--max-bytes", "bytes", false, 40},
                                                {"--max-macs", "macs", false, 1e18}}};
    struct text text;
    struct rt_err err;
    (void)state;

    assert_int_equal(report_best(store, &none, REPORT_TABLE, text_open(&text), &err), RT_EEND);
    assert_says("none of the ");
    assert_says("--max-error 0.001 excludes");
    assert_says("the lowest error there is");
    assert_string_equal(text_close(&text), "");
    free(text.data);
    assert_int_equal(report_best(store, &tight, REPORT_TABLE, text_open(&text), &err), RT_EEND);
    assert_says("--max-bytes 40 excludes");
    text_close(&text);
    free(text.data);
    store_close(store);
}

/* Four students at two rungs, of which one reaches the third. */
static void reports_of_rungs_are_of_the_last(void **state)
{
    const struct report_wish wish = {.pick = REPORT_KNEE};
    struct store *store = sample_rungs_create("rungs.db");
    struct text text;
    struct rt_err err;
    (void)state;
    for (int i = 0; i < 4; i++)
        sample_rungs_run(store, i, i, 0, .1 * (i + 1));
    for (int i = 0; i < 4; i++)
        sample_rungs_run(store, 4 + i, i, 1, .08 * (i + 1));

    assert_ok(report_status(store, text_open(&text), &err));
    assert_has(text_close(&text), "rung 60     4 done, ");
    assert_has(text.data, " each; next rung: tau-b 1.00, best third 100 % kept\n");
    assert_has(text.data, " each\nrung 540    0 done\n");
    assert_has(text.data, "front       none yet: no student has reached the last rung\n");
    free(text.data);
    assert_ok(report_front(store, REPORT_TABLE, text_open(&text), &err));
    assert_has(text_close(&text), "no student at the last rung yet");
    free(text.data);
    assert_int_equal(report_best(store, &wish, REPORT_TABLE, stdout, &err), RT_EEND);
    assert_says("has no committed trial of the last rung yet");
    assert_ok(report_page(store, sample_path("rungs.html"), &err));

    sample_rungs_run(store, 8, 0, 2, .05);
    assert_ok(report_front(store, REPORT_TABLE, text_open(&text), &err));
    assert_has(text_close(&text), "1 of 4 students");
    free(text.data);
    assert_ok(report_page(store, sample_path("rungs.html"), &err));
    store_close(store);
}

static void a_report_whose_reads_break_off_is_whole_or_an_error(void **state)
{
    struct store *store = sample("break.db");
    struct text text;
    bool whole = false;
    struct rt_err err;
    (void)state;
    assert_ok(report_front(store, REPORT_CSV, text_open(&text), &err));
    char *want = strdup(text_close(&text));
    free(text.data);

    for (int steps = 1, left; !whole; steps += 1 + steps / 64) {
        left = steps;
        sample_break_off(store, &left);
        whole = report_front(store, REPORT_CSV, text_open(&text), &err) == RT_OK;
        sample_break_off(store, NULL);
        sqlite3_exec(store_handle(store), "rollback", NULL, NULL, NULL);
        text_close(&text);
        if (whole)
            assert_string_equal(text.data, want);
        else
            assert_says("interrupted");
        free(text.data);
    }
    free(want);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(values_are_written_as_their_quantity_says),
        cmocka_unit_test(knee_is_nearest_to_the_best_of_every_objective),
        cmocka_unit_test(knee_of_one_of_none_and_of_equals_is_defined),
        cmocka_unit_test(suggested_cannot_be_told_from_the_best_and_costs_least),
        cmocka_unit_test(suggested_without_error_bars_costs_or_front_is_the_best),
        cmocka_unit_test(steps_lose_more_and_cost_less),
        cmocka_unit_test(front_table_fits_80_columns_and_marks_the_suggested),
        cmocka_unit_test(table_folds_architectures_that_are_too_long),
        cmocka_unit_test(seven_objectives_fit_80_columns),
        cmocka_unit_test(csv_and_json_hold_the_rows_of_the_view),
        cmocka_unit_test(best_is_the_lowest_error_that_fits),
        cmocka_unit_test(best_knee_says_why_and_names_neighbours),
        cmocka_unit_test(best_names_the_nearest_miss_of_limits_together),
        cmocka_unit_test(best_names_the_wish_that_excludes_the_most),
        cmocka_unit_test(reports_of_rungs_are_of_the_last),
        cmocka_unit_test(a_report_whose_reads_break_off_is_whole_or_an_error),
    };
    return cmocka_run_group_tests_name("reports", tests, sample_setup, sample_teardown);
}
