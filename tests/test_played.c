/* tests/test_played.c -- episodes that were kept, and the page that shows those of the suggested student. */
#include "report_sample.h"

#define FF "FFFFFFFFFFFFFFFF" /* of 8 bytes */
enum { starts = 3, capsules = 2, frames = 2 };

/* Of each candidate, as `retort play` would. */
static void play_all(struct store *store, double best)
{
    const double student[starts] = {best, 20, 30}, teacher[starts] = {11, 22, 33};
    float values[frames * (1 + 5 * capsules)];
    char *archs = ask_db(store_handle(store), "select arch from candidate order by id");
    struct store_played p = {
        .starts = starts, .student = student, .teacher = teacher, .shown = 1, .full = true};
    struct space_arch arch;
    struct rt_err err;

    for (int i = 0; i < frames * store_film_floats(capsules); i++)
        values[i] = (float)i;
    p.film[0] = p.film[1] = (struct store_film){frames, capsules, values};
    for (char *save, *line = strtok_r(archs, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        assert_ok(space_arch_parse(line, &arch, &err));
        p.arch = &arch;
        assert_ok(store_played(store, &p, &err));
    }
    free(archs);
}

static char *page_of(struct store *store)
{
    const char *path = sample_path("played.html");
    char *data = NULL;
    size_t bytes = 0;
    struct rt_err err;

    assert_ok(report_page(store, path, &err));
    assert_ok(rt_file_read(path, 1 << 24, &data, &bytes, &err));
    return data;
}

static void a_page_without_episodes_has_no_word_of_them(void **state)
{
    struct store *store = sample("unplayed.db");
    char *page = page_of(store);
    (void)state;

    assert_lacks(page, "id=\"played\"");
    free(page);
    store_close(store);
}

static void episodes_are_kept_once_and_shown(void **state)
{
    struct store *store = sample("played.db");
    char *page;
    (void)state;

    play_all(store, 5);
    play_all(store, 10); /* replaces them */
    assert_rows(
        store,
        "select start, who, recipe, total, capsules, length(film) from played where"
        " candidate = 1 order by start, who",
        "0|student|full|10.0|null|null\n0|teacher|full|11.0|null|null\n1|student|full|20.0|2|88\n"
        "1|teacher|full|22.0|2|88\n2|student|full|30.0|null|null\n2|teacher|full|33.0|null|null\n");
    page = page_of(store);
    assert_has(page, "by the full recipe: a mean return of 20 from 3 starts, its teachers 22.");
    assert_has(page, "start 1, return 20");
    assert_has(page, "start 2: student 30, teacher 33");
    assert_int_equal(count_of(page, "data-frames="), 2);
    free(page);
    store_close(store);
}

static void films_that_are_none_are_left_out(void **state)
{
    static const char *const damage[] = {
        "update played set film = x'00'", "update played set capsules = 0",
        "update played set capsules = 2000000000",
        "update played set film = x'" FF FF FF FF FF FF FF FF FF FF FF "'" /* no numbers */};
    struct store *store = sample("unfilmed.db");
    (void)state;

    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        play_all(store, 10);
        assert_int_equal(sqlite3_exec(store_handle(store), damage[i], NULL, NULL, NULL), SQLITE_OK);
        char *page = page_of(store);
        assert_has(page, "id=\"played\"");
        assert_lacks(page, "data-frames=");
        free(page);
    }
    assert_int_equal(sqlite3_exec(store_handle(store), "delete from played where who = 'teacher'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    char *page = page_of(store);
    assert_lacks(page, "id=\"played\"");
    free(page);
    store_close(store);
}

static void only_candidates_of_the_study_are_kept(void **state)
{
    struct store *store = sample("strange.db");
    const double total = 1;
    struct store_played p = {.starts = 1, .student = &total, .teacher = &total, .shown = -1};
    struct space_arch arch;
    struct rt_err err;
    (void)state;

    assert_ok(space_arch_parse("L1-d8-k4-h2-f8-c4", &arch, &err));
    p.arch = &arch;
    assert_int_equal(store_played(store, &p, &err), RT_EDB);
    assert_says("'L1-d8-k4-h2-f8-c4' is no candidate of this study");
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_without_episodes_has_no_word_of_them),
        cmocka_unit_test(episodes_are_kept_once_and_shown),
        cmocka_unit_test(films_that_are_none_are_left_out),
        cmocka_unit_test(only_candidates_of_the_study_are_kept),
    };
    return cmocka_run_group_tests_name("store/played", tests, sample_setup, sample_teardown);
}
