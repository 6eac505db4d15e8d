/* tests/test_settings.c -- what a study keeps of how it began, and where its file stands. */
#include "support.h"

#include <unistd.h>

#include "cli/settings.h"

static struct settings sample(void)
{
    return (struct settings){.kernels = "v3",
                             .core = "Haswell",
                             .rows = "abc",
                             .study = "../s.yaml",
                             .count = 2,
                             .width = {8, 16},
                             .tuning = {{4, false}, {32, true}}};
}

static void what_is_printed_is_read_back(void **state)
{
    const struct settings s = sample();
    struct settings back;
    struct rt_err err;
    char *text = NULL;
    (void)state;
    assert_ok(settings_print(&s, &text, &err));

    assert_ok(settings_parse(&back, text, &err));

    assert_memory_equal(&back, &s, sizeof s);
    free(text);
}

static void an_earlier_versions_settings_are_read(void **state)
{
    static const char text[] = "{\"kernels\":\"plain\",\"study\":\"/a/s.yaml\","
                               "\"micro_batch\":{\"24\":4},\"openblas\":[]}";
    struct settings s;
    struct rt_err err;
    char path[RT_PATH_MAX];
    (void)state;

    assert_ok(settings_parse(&s, text, &err));

    assert_string_equal(s.core, "");
    assert_string_equal(s.rows, "");
    assert_true(settings_core_unknown(&s)); /* plain kernels multiply by OpenBLAS */
    (void)snprintf(s.kernels, sizeof s.kernels, "v4");
    assert_false(settings_core_unknown(&s));
    s.tuning[0].openblas = true;
    assert_true(settings_core_unknown(&s));
    (void)snprintf(s.study, sizeof s.study, "/tmp/s.yaml"); /* absolute: where it was */
    assert_ok(settings_study_path(&s, "elsewhere/x.db", path, &err));
    assert_string_equal(path, "/tmp/s.yaml");
}

static void what_is_no_settings_is_refused(void **state)
{
#define BEGUN(SIZES)                                                                               \
    "{\"kernels\":\"v3\",\"study\":\"s\",\"micro_batch\":" SIZES ",\"openblas\":[]}"
    static const char *const texts[] = {
        "", "[]", "{}", "{\"kernels\":\"v3\",\"study\":3}",
        /* widths and micro-batches that nobody chooses */
        BEGUN("{\"24\":0}"), BEGUN("{\"24\":-4}"), BEGUN("{\"24\":\"4\"}"),
        BEGUN("{\"24\":4294967300}"), BEGUN("{\"0\":4}"), BEGUN("{\"24x\":4}"),
        BEGUN("{\"99999999999\":4}"), BEGUN("[4]"),
        "{\"kernels\":\"0123456789abcdef\",\"study\":\"s\",\"micro_batch\":{},\"openblas\":[]}"};
#undef BEGUN
    struct settings s;
    struct rt_err err;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(settings_parse(&s, texts[i], &err), RT_EFORMAT);
}

static void a_recipe_has_its_own_micro_batch_or_that_of_its_width(void **state)
{
    const struct settings s = sample();
    struct tr_recipe own = {.micro_batch = 7}, none = {0};
    const struct tr_kernels *plain = tr_kernels_by_name("plain");
    (void)state;
    assert_int_equal(settings_recipe(&s, &own, 16).micro_batch, 7);
    assert_int_equal(settings_recipe(&s, &none, 16).micro_batch, 32);
    assert_int_equal(settings_recipe(&s, &none, 8).micro_batch, 4);
    assert_int_equal(settings_recipe(&s, &none, 99).micro_batch, 0);
    assert_ptr_equal(settings_kernels(&s, plain, 8), plain);
    assert_ptr_equal(settings_kernels(&s, plain, 16), tr_kernels_with_openblas(plain));
}

/* ---- where the study file stands ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/retort-settings-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[96];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

/* A study file at `file` and a database at `db`, both below the folder: it is seen as `want`. */
static void assert_seen(const char *file, const char *db, const char *want)
{
    struct study study = {.seed = 1};
    char database[128], back[RT_PATH_MAX];
    struct settings s = {.count = 0};
    struct rt_err err;
    FILE *out;

    (void)snprintf(study.path, sizeof study.path, "%s/%s", folder, file);
    (void)snprintf(database, sizeof database, "%s/%s", folder, db);
    assert_ok(rt_folder_make_for(study.path, &err));
    assert_non_null(out = fopen(study.path, "w"));
    fclose(out);

    assert_ok(settings_place(&s, &study, database, &err));

    assert_string_equal(s.study, want);
    assert_ok(settings_study_path(&s, database, back, &err));
    assert_int_equal(access(back, R_OK), 0);
}

static void a_study_is_seen_from_its_database(void **state)
{
    (void)state;
    assert_seen("s.yaml", "x.db", "s.yaml");
    assert_seen("a/s.yaml", "x.db", "a/s.yaml");
    assert_seen("s.yaml", "b/x.db", "../s.yaml");
    assert_seen("a/s.yaml", "b/c/x.db", "../../a/s.yaml");
    assert_seen("ab/s.yaml", "abc/x.db", "../ab/s.yaml"); /* names that begin alike */
    assert_seen("a/b.c/s.yaml", "a/b/x.db", "../b.c/s.yaml");
}

static void a_folder_that_is_gone_is_told(void **state)
{
    struct settings s = {.study = "../no/such/s.yaml"};
    char path[RT_PATH_MAX];
    struct rt_err err;
    (void)state;

    assert_int_equal(settings_study_path(&s, folder, path, &err), RT_EIO);

    assert_non_null(strstr(err.text, "name the study file with --study FILE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(an_earlier_versions_settings_are_read),
        cmocka_unit_test(what_is_no_settings_is_refused),
        cmocka_unit_test(a_recipe_has_its_own_micro_batch_or_that_of_its_width),
        cmocka_unit_test(a_study_is_seen_from_its_database),
        cmocka_unit_test(a_folder_that_is_gone_is_told),
    };
    return cmocka_run_group_tests_name("cli/settings", tests, make_folder, remove_folder);
}
