/* Reports: what is printed, drawn and chosen, over the store's sample study and hand-made rows. */
#include "store_sample.h"

#include <jansson.h>
#include <sys/stat.h>

#include "base/file.h"
#include "reports/chart.h"
#include "reports/report.h"
#include "reports/rows.h"
#include "reports/table.h"
#include "reports/text.h"

#define EVIL "</script><script>alert(1)</script> \"&' <b>"

/* ---- set-up ---- */

static struct store *filled(const char *path, const char *name, const char *yaml)
{
    struct store_study study = sample_study;
    struct store *store = NULL;
    struct rt_err err;

    study.name = name;
    study.yaml = yaml;
    assert_ok(store_create(path, &study, &store, &err));
    sample_fill(store);
    return store;
}

static struct store *sample(const char *name)
{
    return filled(sample_path(name), "sample", "name: sample\nsearch:\n  trials: 60 # in all\n");
}

struct text {
    FILE *out;
    char *data;
    size_t size;
};

static FILE *text_open(struct text *text)
{
    text->out = open_memstream(&text->data, &text->size);
    assert_non_null(text->out);
    return text->out;
}

static const char *text_close(struct text *text)
{
    fclose(text->out);
    return text->data;
}

static void assert_has_at(const char *text, const char *part, bool want, int line)
{
    if (!strstr(text, part) == want) {
        print_error("'%s' is %s:\n%.4000s\n", part, want ? "missing" : "there", text);
        _fail(__FILE__, line);
    }
}
#define assert_has(text, part) assert_has_at(text, part, true, __LINE__)
#define assert_lacks(text, part) assert_has_at(text, part, false, __LINE__)

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static void assert_fits_80_columns(const char *text)
{
    while (*text) {
        char line[512];
        const int length = (int)strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", length, text);
        if (report__columns(line) > 80)
            fail_msg("%d columns: %s", report__columns(line), line);
        text += length + (text[length] == '\n');
    }
}

static char *read_page(const char *path)
{
    struct rt_err err;
    char *data = NULL;
    size_t bytes = 0;
    assert_ok(rt_file_read(path, 1 << 24, &data, &bytes, &err));
    return data;
}

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
    assert_string_equal(report__percent(.203, .0057, t), "20.30 ±0.57");
    assert_string_equal(report__percent(.203, NAN, t), "20.30");
    assert_string_equal(report__duration(9.83, t), "9.8 s");
    assert_string_equal(report__duration(155, t), "2 min 35 s");
    assert_string_equal(report__duration(28740, t), "7 h 59 min");
    assert_string_equal(report__duration(273600, t), "3 d 4 h");
    assert_int_equal(report__columns("±µs"), 3);
}

/* ---- the knee ---- */

/* A front of (error, params, latency) as given. */
static struct report__rows hand_made(struct report__row *row, int count)
{
    struct report__rows rows = {.row = row,
                                .count = count,
                                .front_count = count,
                                .objective_count = 3,
                                .objective = {"error", "params", "latency"},
                                .ensemble_error = NAN};
    for (int i = 0; i < count; i++) {
        row[i].on_front = true;
        row[i].candidate = row[i].trial = i;
        row[i].error_se = row[i].kl = row[i].agreement = NAN;
    }
    return rows;
}

static void knee_is_nearest_to_the_best_of_every_objective(void **state)
{
    /* errors scale to 0, .1, .5, 1; the logarithms of both costs to 1, .4, .3, 0: squares of the
       distances are 2, .33, .43, 1 */
    struct report__row row[] = {
        {.error = .10, .params = 1000000, .latency = 10.0},
        {.error = .14, .params = 15849, .latency = .158489},
        {.error = .30, .params = 7943, .latency = .0794328},
        {.error = .50, .params = 1000, .latency = .01},
    };
    struct report__rows rows = hand_made(row, 4);
    char text[512];
    (void)state;

    assert_int_equal(report__knee(&rows), 1);
    row[2].error = .15; /* now .0156 + .18 */
    assert_int_equal(report__knee(&rows), 2);
    row[2].on_front = false;
    assert_int_equal(report__knee(&rows), 1);
    report__knee_text(&rows, text, sizeof text);
    assert_string_equal(text, "nearest to the best of error, params and latency at once, each "
                              "scaled over the front (costs by their logarithm)");
}

static void knee_of_one_of_none_and_of_equals_is_defined(void **state)
{
    struct report__row row[] = {{.error = .1, .params = 10, .latency = 1},
                                {.error = .1, .params = 10, .latency = 1}};
    struct report__rows rows = hand_made(row, 2);
    (void)state;

    assert_int_equal(report__knee(&rows), 0);
    rows.count = 1;
    assert_int_equal(report__knee(&rows), 0);
    rows.count = 0;
    assert_int_equal(report__knee(&rows), -1);
}

/* ---- the front ---- */

static void front_table_fits_80_columns_and_marks_the_knee(void **state)
{
    struct store *store = sample("table.db");
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_front(store, REPORT_TABLE, text_open(&text), &err));
    const char *got = text_close(&text);

    assert_fits_80_columns(got);
    assert_has(got, "error %  params  latency  architecture\n");
    assert_int_equal(count_of(got, "*"), 2); /* a student, and the line that explains it */
    assert_has(got, "9 of 20 students, 2 trials failed; * the knee; ensemble 7.80 ±0.30 %\n");
    free(text.data);
    store_close(store);
}

static void table_folds_architectures_that_are_too_long(void **state)
{
    struct report__row row[1] = {{.error = .123, .params = 123456, .latency = .5}};
    struct report__rows rows = hand_made(row, 1);
    struct text text;
    (void)state;

    row[0].arch =
        "L16-d96-k16-h4.4.2.2.4.4.2.2.4.4.2.2.4.4.2.2-f192.192.96.96.192.192.96.96.192.192."
        "96.96.192.192.96.96-p7";
    report__print_table(&rows, -1, text_open(&text));
    assert_fits_80_columns(text_close(&text));
    assert_has(text.data, "-p7\n");
    free(text.data);

    static const char *const all[] = {"error", "kl",     "params", "bytes",
                                      "macs",  "memory", "latency"};
    for (rows.objective_count = 0; rows.objective_count < 7; rows.objective_count++)
        snprintf(rows.objective[rows.objective_count], STORE_NAME, "%s", all[rows.objective_count]);
    report__print_table(&rows, 0, text_open(&text));
    assert_fits_80_columns(text_close(&text));
    free(text.data);
}

static void csv_and_json_hold_the_rows_of_the_view(void **state)
{
    struct store *store = sample("csv.db");
    char *want = ask_db(store_handle(store),
                        "select p.candidate || ',' || p.trial || ',' || p.arch || ',' ||"
                        " printf('%.9g,%.9g,%.9g,%.9g,%.9g', p.error, p.error_stderr, p.kl,"
                        " p.agreement, p.latency) || ',' || p.params || ',' || p.bytes || ',' ||"
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

static char *best(struct store *store, struct report_wish wish, enum report_format format)
{
    struct text text;
    struct rt_err err;
    assert_ok(report_best(store, &wish, format, text_open(&text), &err));
    text_close(&text);
    return text.data;
}

static void best_is_the_lowest_error_that_fits(void **state)
{
    struct store *store = sample("best.db");
    const struct report_wish wish = {NAN, NAN, .max_params = 60000};
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
    char *text = best(store, (struct report_wish){NAN, NAN, .knee = true}, REPORT_JSON);
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

static void best_names_the_wish_that_excludes_the_most(void **state)
{
    struct store *store = sample("none.db");
    const struct report_wish none = {.001, 1000, .max_params = 1000000},
                             tight = {NAN, NAN, .max_bytes = 40, .max_macs = INT64_MAX};
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

/* ---- status ---- */

static void status_is_a_dozen_lines_within_80_columns(void **state)
{
    struct store *store = sample("status.db");
    struct text text;
    struct rt_err err;
    (void)state;

    assert_ok(report_status(store, text_open(&text), &err));
    const char *got = text_close(&text);

    assert_true(count_of(got, "\n") <= 14);
    assert_has(got, "20 done, 2 failed, 1 running, 1 waiting for an earlier one");
    assert_has(got, "the study asks for 60 trials");
    assert_has(got, "hypervolume 0.84");
    assert_has(got, "memory limit of 64 MiB reached");
    free(text.data);
    store_close(store);
}

/* ---- the page ---- */

static char *page_of(struct store *store, const char *name)
{
    struct rt_err err;
    const char *path = sample_path(name);
    assert_ok(report_page(store, path, &err));
    return read_page(path);
}

static void page_needs_nothing_but_itself(void **state)
{
    struct store *store = sample("page.db");
    char *page = page_of(store, "page.html");
    static const char *const foreign[] = {"src=", "href=\"h", "http:",   "https:", "@import",
                                          "url(", "fetch(",   "import(", "<link",  "XMLHttp"};
    (void)state;

    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_lacks(page, foreign[i]);
    assert_has(page, "<svg");
    assert_has(page, "ensemble");
    assert_has(page, "loss is not finite at step 40");
    assert_has(page, "11 of 21 measurements were taken while other workers were training");
    assert_has(page, "interrupted and repeated");
    assert_lacks(page, "nan");
    assert_lacks(page, "inf ");
    free(page);
    store_close(store);
}

static void page_holds_every_member_of_the_front_in_every_plot(void **state)
{
    struct store *store = sample("members.db");
    char *page = page_of(store, "members.html");
    char *front = ask_db(store_handle(store), "select trial from front order by trial");
    (void)state;

    for (char *at = front; *at; at += strcspn(at, "\n") + 1) {
        char mark[64];
        snprintf(mark, sizeof mark, "data-trial=\"%d\" cx=", atoi(at));
        assert_int_equal(count_of(page, mark), 3); /* one plot a pair of objectives */
        snprintf(mark, sizeof mark, "<tr data-trial=\"%d\"", atoi(at));
        assert_int_equal(count_of(page, mark), 1);
    }
    free(front);
    free(page);
    store_close(store);
}

static void page_is_the_same_for_the_same_database(void **state)
{
    struct store *store = sample("same.db");
    char *first = page_of(store, "first.html"), *second = page_of(store, "second.html");
    (void)state;

    assert_string_equal(first, second);
    free(first);
    free(second);
    store_close(store);
}

static void page_escapes_all_text_of_the_study(void **state)
{
    struct store *store = filled(sample_path("evil.db"), EVIL, "name: " EVIL "\n# <!-- \n");
    char *page;
    struct rt_err err;
    (void)state;

    assert_ok(store_event(store, "search", -1, "started " EVIL, &err));
    page = page_of(store, "evil.html");
    assert_lacks(page, "<script>alert");
    assert_lacks(page, "<b>\"");
    assert_lacks(page, "<!-- ");
    assert_int_equal(count_of(page, "</script"), 2); /* the data and the program */
    assert_has(page, "<h1>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;&#39; ");
    free(page);
    store_close(store);
}

static void json_text_cannot_leave_its_script(void **state)
{
    struct text text;
    (void)state;

    report__json(text_open(&text), "a</script>\"\\\n&");
    assert_string_equal(text_close(&text), "\"a\\u003c/script\\u003e\\\"\\\\\\u000a\\u0026\"");
    free(text.data);
}

static void page_and_status_of_a_study_without_trials_say_so(void **state)
{
    struct store *store = sample_create(sample_path("empty.db"));
    const struct report_wish wish = {NAN, NAN, .knee = true};
    struct text text;
    struct rt_err err;
    char *page = page_of(store, "empty.html");
    (void)state;

    assert_has(page, "No trial has been committed yet");
    assert_has(page, "name: sample");
    assert_lacks(page, "<svg");
    free(page);
    assert_ok(report_status(store, text_open(&text), &err));
    assert_has(text_close(&text), "0 done, 0 failed, 0 running");
    free(text.data);
    assert_ok(report_front(store, REPORT_TABLE, text_open(&text), &err));
    assert_has(text_close(&text), "no student yet");
    free(text.data);
    assert_ok(report_front(store, REPORT_JSON, text_open(&text), &err));
    assert_string_equal(text_close(&text), "[]\n");
    free(text.data);
    assert_int_equal(report_best(store, &wish, REPORT_TABLE, stdout, &err), RT_EEND);
    assert_says("has no committed trial yet");
    assert_int_equal(report_figures(store, sample_path("empty-figures"), &err), RT_EEND);
    assert_int_not_equal(access(sample_path("empty-figures"), F_OK), 0);
    store_close(store);
}

/* One committed trial, whose metrics beside its objectives are missing or not finite. */
static void reports_of_one_poor_trial_work(void **state)
{
    struct store *store = sample_create(sample_path("poor.db"));
    struct store_result result = {
        .value_count = 3,
        .values = {{"error", .5, NAN}, {"latency", .25, NAN}, {"kl", INFINITY, NAN}}};
    const struct store_commit commit = {
        .number = 0, .enters_front = true, .hypervolume = NAN, .front_size = 1};
    struct text text;
    struct rt_err err;
    (void)state;

    sample_propose(store, 0);
    assert_ok(store_trial_start(store, 0, sample_host(store), 0, &err));
    assert_ok(store_trial_done(store, 0, &result, &err));
    assert_ok(store_trial_commit(store, &commit, &err));
    char *page = page_of(store, "poor.html"), *csv = NULL;

    assert_lacks(page, "nan");
    assert_has(page, "50.00");
    csv = best(store, (struct report_wish){NAN, NAN, .knee = true}, REPORT_CSV);
    assert_has(csv, ",0.5,,,,0.25,");
    free(csv);
    free(page);
    assert_ok(report_status(store, text_open(&text), &err));
    assert_has(text_close(&text), "front       1 student\n");
    free(text.data);
    store_close(store);
}

static void page_reports_a_folder_that_cannot_be_made(void **state)
{
    struct store *store = sample("barred.db");
    struct rt_err err;
    (void)state;

    assert_int_equal(report_page(store, sample_path("barred.db/page.html"), &err), RT_EIO);
    assert_says("barred.db");
    store_close(store);
}

/* ---- charts ---- */

static void charts_leave_out_what_cannot_be_drawn(void **state)
{
    struct text text;
    struct report__chart chart = {.out = text_open(&text),
                                  .x = {"a", "a <b>", true, REPORT__AXIS_EMPTY},
                                  .y = {"b", "b", false, REPORT__AXIS_EMPTY}};
    (void)state;

    report__axis_widen(&chart.x, 0); /* not on a logarithmic axis */
    report__axis_widen(&chart.x, 10);
    report__axis_widen(&chart.x, 1000);
    report__axis_widen(&chart.y, NAN);
    report__axis_widen(&chart.y, 1);
    report__chart_open(&chart, "points", "t");
    report__path_open(&chart, "class=\"c\"");
    report__path_to(&chart, 10, 1);
    report__path_to(&chart, -1, 1);
    report__path_to(&chart, 100, 1);
    report__path_to(&chart, 1000, 1);
    report__path_close(&chart);
    report__chart_level(&chart, NAN, "nothing");
    report__chart_close(&chart);
    const char *got = text_close(&text);

    assert_has(got, "a &lt;b&gt;");
    assert_has(got, ">100</text>");
    assert_lacks(got, "nothing");
    const char *path = strstr(got, "class=\"c\" d=\"");
    assert_non_null(path);
    assert_int_equal(count_of(path, "M"), 2); /* a gap where one was left out */
    assert_int_equal(count_of(path, "L"), 1);
    free(text.data);
}

/* ---- figures ---- */

static bool there_is(const char *folder, const char *name)
{
    char path[256];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &info) == 0 && info.st_size > 0;
}

static void figures_come_with_their_data_and_scripts(void **state)
{
    static const char *const names[] = {"trials.csv",
                                        "front.csv",
                                        "hypervolume.csv",
                                        "curves.csv",
                                        "hypervolume.svg",
                                        "hypervolume.gp",
                                        "curves.png",
                                        "front-params-error.svg",
                                        "front-latency-error.pdf",
                                        "front-params-latency.png"};
    struct store *store = sample("figures.db");
    const char *folder = sample_path("it's a folder");
    char command[256];
    struct rt_err err;
    (void)state;
    if (system("command -v gnuplot >/dev/null")) /* NOLINT(cert-env33-c): a constant */
        skip();

    assert_ok(report_figures(store, folder, &err));

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!there_is(folder, names[i]))
            fail_msg("no %s", names[i]);
    snprintf(command, sizeof command, "test -z \"$(ls -A \"%s\" | grep '^\\.')\"", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): nothing is left over */
    store_close(store);
}

static void figures_without_gnuplot_say_what_to_install_and_leave_nothing(void **state)
{
    struct store *store = sample("bare.db");
    const char *folder = sample_path("bare");
    const char *path = getenv("PATH");
    char command[256], kept[4096];
    struct rt_err err;
    (void)state;

    snprintf(kept, sizeof kept, "%s", path ? path : "");
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(report_figures(store, folder, &err), RT_EIO);
    setenv("PATH", kept, 1);

    assert_says("install the package gnuplot-nox");
    snprintf(command, sizeof command, "test -z \"$(ls -A '%s')\"", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder that we made */
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(knee_is_nearest_to_the_best_of_every_objective),
        cmocka_unit_test(knee_of_one_of_none_and_of_equals_is_defined),
        cmocka_unit_test(front_table_fits_80_columns_and_marks_the_knee),
        cmocka_unit_test(table_folds_architectures_that_are_too_long),
        cmocka_unit_test(csv_and_json_hold_the_rows_of_the_view),
        cmocka_unit_test(best_is_the_lowest_error_that_fits),
        cmocka_unit_test(best_knee_says_why_and_names_neighbours),
        cmocka_unit_test(best_names_the_wish_that_excludes_the_most),
        cmocka_unit_test(status_is_a_dozen_lines_within_80_columns),
        cmocka_unit_test(page_needs_nothing_but_itself),
        cmocka_unit_test(page_holds_every_member_of_the_front_in_every_plot),
        cmocka_unit_test(page_is_the_same_for_the_same_database),
        cmocka_unit_test(page_escapes_all_text_of_the_study),
        cmocka_unit_test(json_text_cannot_leave_its_script),
        cmocka_unit_test(page_and_status_of_a_study_without_trials_say_so),
        cmocka_unit_test(reports_of_one_poor_trial_work),
        cmocka_unit_test(page_reports_a_folder_that_cannot_be_made),
        cmocka_unit_test(charts_leave_out_what_cannot_be_drawn),
        cmocka_unit_test(figures_come_with_their_data_and_scripts),
        cmocka_unit_test(figures_without_gnuplot_say_what_to_install_and_leave_nothing),
    };
    return cmocka_run_group_tests_name("reports", tests, sample_setup, sample_teardown);
}
