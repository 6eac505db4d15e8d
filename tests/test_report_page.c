/* tests/test_report_page.c -- the page, its charts, and the figures. */
#include "report_sample.h"

#include <sys/wait.h>

#define EVIL "</script><script>alert(1)</script> \"&' <b>"

static char *read_page(const char *path)
{
    struct rt_err err;
    char *data = NULL;
    size_t bytes = 0;
    assert_ok(rt_file_read(path, 1 << 24, &data, &bytes, &err));
    return data;
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
    assert_has(page, "10 of 21 figures are clear");
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
    const struct report_wish wish = {.pick = REPORT_KNEE};
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
    csv = best(store, (struct report_wish){.pick = REPORT_KNEE}, REPORT_CSV);
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

    report__axis_widen(&chart.x, 0);      /* not on a logarithmic axis */
    report__axis_widen(&chart.x, 1e-320); /* and ranges have room at their ends, and a ratio */
    report__axis_widen(&chart.x, 1e300);
    report__axis_widen(&chart.y, -1.7e308);
    report__axis_widen(&chart.y, 1.7e308);
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
        skip_without("gnuplot");

    const pid_t child = fork(); /* a number that is nobody's now */
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(command, sizeof command, "%.150s/.figures-%ld", folder, (long)child);
    assert_ok(rt_folder_make(command, &err));

    assert_ok(report_figures(store, folder, &err));

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!there_is(folder, names[i]))
            fail_msg("no %s", names[i]);
    snprintf(command, sizeof command, "test -z \"$(ls -A \"%s\" | grep '^\\.')\"", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): nothing is left over */
    store_close(store);
}

/* Of a shell; of gnuplot in double quotes, and where a single quote or a line ends. */
static void names_in_a_database_run_no_command(void **state)
{
    static const char *const evil[][2] = {{"a;>ran;b", "`>ran`"}, {"$(>ran)", "x'\n!>ran\n"}};
    const char *folder = sample_path("evil");
    char ran[600], sql[400];
    struct rt_err err;
    (void)state;
    if (system("command -v gnuplot >/dev/null")) /* NOLINT(cert-env33-c): a constant */
        skip_without("gnuplot");

    snprintf(ran, sizeof ran, "%.500s/.figures-%ld/ran", folder, (long)getpid());
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        struct store *store = sample(i ? "evil1.db" : "evil0.db");
        sqlite3_snprintf(sizeof sql, sql,
                         "update objective set name = %Q where position = 0;"
                         "update quantity set name = %Q, label = %Q where position = 0",
                         evil[i][0], evil[i][0], evil[i][1]);
        assert_int_equal(sqlite3_exec(store_handle(store), sql, NULL, NULL, NULL), SQLITE_OK);
        (void)report_figures(store, folder, &err);
        assert_int_not_equal(access(ran, F_OK), 0);
        store_close(store);
    }
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
        cmocka_unit_test(names_in_a_database_run_no_command),
        cmocka_unit_test(figures_without_gnuplot_say_what_to_install_and_leave_nothing),
    };
    return cmocka_run_group_tests_name("reports/page", tests, sample_setup, sample_teardown);
}
