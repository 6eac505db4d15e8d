/* tests/test_npy.c -- .npy matrices as NumPy writes them, and those we refuse. */
#include "support.h"

#include <unistd.h>

#include "trainer/task/npy.h"

#define FILE_NAME "test-npy.npy"

static int remove_file(void **state)
{
    (void)state;
    unlink(FILE_NAME);
    return 0;
}

/* A version 1 (or `version`) file of a dictionary and values; returns its length. */
static size_t build(unsigned char *out, int version, const char *dictionary, const void *values,
                    size_t bytes)
{
    const size_t length = strlen(dictionary), start = version == 1 ? 10 : 12;

    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    out[8] = (unsigned char)(length & 255);
    out[9] = (unsigned char)(length >> 8);
    if (version > 1)
        out[10] = out[11] = 0;
    memcpy(out + start, dictionary, length);
    if (bytes > 0)
        memcpy(out + start + length, values, bytes);
    return start + length + bytes;
}

/* Parsing must fail, say `text` and leave the result alone. */
static void refuse(const unsigned char *data, size_t bytes, const char *text)
{
    struct tr_matrix matrix = {0};
    struct rt_err err = {0};
    unsigned char *exact = malloc(bytes + 1); /* so that a sanitizer sees the file's end */

    assert_non_null(exact);
    memcpy(exact + 1, data, bytes); /* not aligned either */
    assert_int_equal(tr_npy_parse("a.npy", exact + 1, bytes, &matrix, &err), RT_EFORMAT);
    free(exact);
    if (!strstr(err.text, text) || !strstr(err.text, "'a.npy'"))
        fail_msg("'%s' does not say '%s'", err.text, text);
    assert_null(matrix.values);
}

static void refuse_dictionary(const char *dictionary, const char *text)
{
    static const float values[6];
    unsigned char data[512];
    refuse(data, build(data, 1, dictionary, values, sizeof values), text);
}

static const float six[6] = {1, -2, 3.5F, 0, 1e-20F, 6};

static void parse_reads_float32_of_every_version(void **state)
{
    struct tr_matrix matrix;
    unsigned char data[512];
    struct rt_err err;
    (void)state;

    for (int version = 1; version <= 3; version++) {
        const size_t n =
            build(data, version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n",
                  six, sizeof six);
        assert_ok(tr_npy_parse("a.npy", data, n, &matrix, &err));
        assert_int_equal(matrix.rows, 2);
        assert_int_equal(matrix.columns, 3);
        assert_memory_equal(matrix.values, six, sizeof six);
        tr_matrix_release(&matrix);
        assert_null(matrix.values);
    }
}

static void parse_converts_float64(void **state)
{
    static const double values[6] = {1, -2, 3.5, .1, 1e300, -1e-300};
    struct tr_matrix matrix;
    unsigned char data[512];
    struct rt_err err;
    size_t n;
    (void)state;

    n = build(data, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2,)}", values,
              sizeof values);
    assert_ok(tr_npy_parse("a.npy", data, n, &matrix, &err));

    assert_int_equal(matrix.rows, 3);
    for (int i = 0; i < 4; i++)
        assert_near(matrix.values[i], (double)(float)values[i], 0);
    assert_true(isinf(matrix.values[4])); /* who reads it checks that logits are finite */
    assert_near(matrix.values[5], 0, 0);
    tr_matrix_release(&matrix);
}

static void parse_refuses_what_is_not_a_npy_file(void **state)
{
    unsigned char data[512];
    size_t n;
    (void)state;

    refuse((const unsigned char *)"", 0, "not a .npy file");
    refuse((const unsigned char *)"PK\3\4 a zip of arrays, .npz", 26, "numpy.save()");
    n = build(data, 1, "{}", six, sizeof six);
    data[6] = 0;
    refuse(data, n, "not a .npy file");
    data[6] = 4;
    refuse(data, n, "not a .npy file");
}

static void parse_refuses_other_types_and_says_how_to_mend_them(void **state)
{
    (void)state;
    refuse_dictionary("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }", "type '<i8'");
    refuse_dictionary("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }",
                      "type '>f4', want '<f4'; save it with array.astype('<f4')");
    refuse_dictionary("{'descr': '\n\033', 'fortran_order': False, 'shape': (2, 3), }",
                      "type ', want"); /* what cannot be printed is not */
    refuse_dictionary("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }",
                      "want '<f4'");
    refuse_dictionary("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                      "numpy.ascontiguousarray(array)");
}

static void parse_refuses_what_is_not_a_matrix(void **state)
{
    static const char *const shapes[] = {"()",
                                         "(6,)",
                                         "(6)",
                                         "(1, 2, 3)",
                                         "(2, 3, 1)",
                                         "(0, 3)",
                                         "(2, 0)",
                                         "(-2, -3)",
                                         "6",
                                         "(2 3)",
                                         "(2, 3",
                                         "(2, x)",
                                         "(2., 3)",
                                         "(1e9, 1)",
                                         "(2, 3, junk",
                                         "",
                                         "(99999999999999999999, 1)"};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char text[128];
        snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': %s",
                 shapes[i]);
        refuse_dictionary(text, "array.reshape(examples, classes)");
    }
}

static void parse_refuses_a_dictionary_without_its_keys(void **state)
{
    (void)state;
    refuse_dictionary("", "lacks descr");
    refuse_dictionary("{'descr': '<f4', 'fortran_order': False}", "lacks descr");
    refuse_dictionary("{'descr': '<f4', 'shape': (2, 3)}", "lacks descr");
    refuse_dictionary("{'descr':", "lacks descr");
    refuse_dictionary("{'descr':'fortran_order':'shape':", "type 'fortran");
}

static void parse_refuses_every_truncation_and_trailing_bytes(void **state)
{
    unsigned char data[512] = {0};
    const size_t n = build(data, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                           six, sizeof six);
    (void)state;

    for (size_t cut = 0; cut < n; cut++)
        refuse(data, cut, cut < 12 ? "not a .npy" : cut + 24 < n ? "truncated" : "holds");
    refuse(data, n + 1, "holds 25 bytes of values but its header states 2 x 3 of 4 bytes");
}

static void parse_refuses_a_header_that_claims_to_be_endless(void **state)
{
    unsigned char data[512] = {0};
    const size_t n = build(data, 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                           six, sizeof six);
    (void)state;

    memset(data + 8, 0xff, 4);
    refuse(data, n, "truncated in its header");
}

static void parse_refuses_sizes_larger_than_the_file(void **state)
{
    (void)state;
    refuse_dictionary("{'descr': '<f8', 'fortran_order': False, 'shape': (100000000, 1000000)}",
                      "100000000 x 1000000 of 8 bytes");
}

static void write_then_read_gives_the_same_bits(void **state)
{
    struct tr_matrix matrix = {2, 3, (float *)six}, again;
    struct rt_err err;
    char start[128];
    FILE *file;
    (void)state;

    assert_ok(tr_npy_write(FILE_NAME, &matrix, &err));
    assert_ok(tr_npy_read(FILE_NAME, &again, &err));

    assert_int_equal(again.rows, 2);
    assert_int_equal(again.columns, 3);
    assert_memory_equal(again.values, six, sizeof six);
    tr_matrix_release(&again);
    file = fopen(FILE_NAME, "rb");
    assert_non_null(file);
    assert_int_equal(fread(start, 1, 128, file), 128);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(start[127], '\n'); /* the format asks for it, and for 64-byte alignment */
}

static void read_and_write_name_a_place_that_is_not_there(void **state)
{
    struct tr_matrix matrix = {2, 3, (float *)six};
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_npy_read("nowhere/a.npy", &matrix, &err), RT_EIO);
    assert_non_null(strstr(err.text, "'nowhere/a.npy'"));
    assert_int_equal(tr_npy_write("nowhere/a.npy", &matrix, &err), RT_EIO);
    assert_non_null(strstr(err.text, "'nowhere/a.npy'"));
}

static void read_takes_what_numpy_writes(void **state)
{
    struct tr_matrix matrix;
    struct rt_err err;
    (void)state;

    if (system("python3 -c \"import numpy as n; n.save('" FILE_NAME
               "', n.arange(6).reshape(3, 2) / 8)\" 2>/dev/null"))
        skip_without("NumPy (package python3-numpy)");
    assert_ok(tr_npy_read(FILE_NAME, &matrix, &err));
    assert_int_equal(matrix.rows, 3);
    assert_int_equal(matrix.columns, 2);
    for (int i = 0; i < 6; i++)
        assert_near(matrix.values[i], i / 8., 0);
    tr_matrix_release(&matrix);
}

/* ---- rows ---- */

static void rows_are_written_and_read_in_order(void **state)
{
    static const int rows[5] = {0, 7, 8, 1000000, 2000000000};
    int *back = NULL, count = 0;
    struct rt_err err;
    (void)state;
    assert_ok(tr_npy_write_rows(FILE_NAME, rows, 5, &err));

    assert_ok(tr_npy_read_rows(FILE_NAME, &back, &count, &err));

    assert_int_equal(count, 5);
    assert_memory_equal(back, rows, sizeof rows);
    free(back);
}

static void rows_in_any_order_come_back_ascending(void **state)
{
    static const int rows[3] = {30, 1, 2};
    int *back = NULL, count = 0;
    struct rt_err err;
    (void)state;
    assert_ok(tr_npy_write_rows(FILE_NAME, rows, 3, &err));

    assert_ok(tr_npy_read_rows(FILE_NAME, &back, &count, &err));

    assert_int_equal(back[0], 1);
    assert_int_equal(back[1], 2);
    assert_int_equal(back[2], 30);
    free(back);
}

static void refuse_rows(const char *dictionary, const int64_t *values, const char *text)
{
    unsigned char data[512];
    const size_t bytes = build(data, 1, dictionary, values, 3 * sizeof *values);
    int *rows = NULL, count = 77;
    struct rt_err err = {0};

    assert_int_equal(tr_npy_parse_rows("a.npy", data, bytes, &rows, &count, &err), RT_EFORMAT);
    if (strcmp(err.text, text) != 0)
        fail_msg("'%s' is not '%s'", err.text, text);
    assert_null(rows);
    assert_int_equal(count, 77);
}

#define LIST "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }"

static void what_is_no_list_of_rows_is_refused(void **state)
{
    static const int64_t good[3] = {1, 2, 3};
    (void)state;
    refuse_rows("{'descr': '<i4', 'fortran_order': False, 'shape': (6,), }", good,
                "'a.npy' has values of type '<i4', want '<i8'; save it with array.astype('<i8')");
    refuse_rows("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 1), }", good,
                "'a.npy' is not a list of row numbers; save it with numpy.ravel(array)");
    refuse_rows("{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }", good,
                "'a.npy' holds 24 bytes of values but its header states 4 x 1 of 8 bytes; save it "
                "again");
    refuse_rows(LIST, (const int64_t[3]){1, -2, 3},
                "'a.npy' has -2 at 1, which is no row's number");
    refuse_rows(LIST, (const int64_t[3]){1, 2, INT64_C(1) << 40},
                "'a.npy' has 1099511627776 at 2, which is no row's number");
    refuse_rows(LIST, (const int64_t[3]){5, 2, 5},
                "'a.npy' has row 5 twice; save it with numpy.unique(array)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_reads_float32_of_every_version),
        cmocka_unit_test(parse_converts_float64),
        cmocka_unit_test(parse_refuses_what_is_not_a_npy_file),
        cmocka_unit_test(parse_refuses_other_types_and_says_how_to_mend_them),
        cmocka_unit_test(parse_refuses_what_is_not_a_matrix),
        cmocka_unit_test(parse_refuses_a_dictionary_without_its_keys),
        cmocka_unit_test(parse_refuses_every_truncation_and_trailing_bytes),
        cmocka_unit_test(parse_refuses_a_header_that_claims_to_be_endless),
        cmocka_unit_test(parse_refuses_sizes_larger_than_the_file),
        cmocka_unit_test(write_then_read_gives_the_same_bits),
        cmocka_unit_test(read_and_write_name_a_place_that_is_not_there),
        cmocka_unit_test(read_takes_what_numpy_writes),
        cmocka_unit_test_teardown(rows_are_written_and_read_in_order, remove_file),
        cmocka_unit_test_teardown(rows_in_any_order_come_back_ascending, remove_file),
        cmocka_unit_test(what_is_no_list_of_rows_is_refused),
    };
    return cmocka_run_group_tests_name("trainer/task/npy", tests, NULL, remove_file);
}
