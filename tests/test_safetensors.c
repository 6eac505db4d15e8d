/* tests/test_safetensors.c -- weights files: whole ones come back, bad ones are named. */
#include "support.h"

#include <unistd.h>

#include "trainer/export/safetensors.h"
#include "trainer/export/tensor_file.h"

#define FILE_NAME "test-weights.safetensors"

/* Two tensors, 2x3 and 4, made by hand: reading and writing need no network. */
static struct tr_tensor two_tensors[] = {
    {.name = "a.weight", .dims = 2, .shape = {2, 3}, .offset = 0, .count = 6},
    {.name = "b.bias", .dims = 1, .shape = {4}, .offset = 6, .count = 4},
};
static const struct tr_student two = {.param_count = 10, .tensor_count = 2, .tensors = two_tensors};
static const struct tr_metadata notes[] = {
    {"arch", "L1-d8"}, {"recipe", "0123 \"\xc3\xa9\""}, {NULL, NULL}};

#define A "\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define B "\"b.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,40]}"

static int remove_file(void **state)
{
    (void)state;
    unlink(FILE_NAME);
    return 0;
}

/* A file of a header and as many bytes of values 0, 1, 2, ...; returns its length. */
static size_t build(unsigned char out[4096], const char *header, size_t bytes)
{
    const size_t length = strlen(header);

    assert_true(8 + length + bytes <= 4096);
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)((uint64_t)length >> (8 * i));
    snprintf((char *)out + 8, 4096 - 8, "%s", header);
    for (size_t i = 0; i < bytes / 4; i++) {
        const float value = (float)i;
        memcpy(out + 8 + length + 4 * i, &value, 4);
    }
    return 8 + length + bytes;
}

/* The check must fail and say `text`. */
static void refuse(const unsigned char *data, size_t bytes, const char *text)
{
    struct rt_err err = {0};
    unsigned char *exact = malloc(bytes + 1); /* so that a sanitizer sees the file's end */

    assert_non_null(exact);
    memcpy(exact + 1, data, bytes);
    assert_int_equal(tr_tensor_file_check("a.st", exact + 1, bytes, &err), RT_EFORMAT);
    free(exact);
    if (!strstr(err.text, text) || !strstr(err.text, "'a.st'"))
        fail_msg("'%s' does not say '%s'", err.text, text);
}

static void refuse_header(const char *header, const char *text)
{
    unsigned char data[4096];
    refuse(data, build(data, header, 40), text);
}

static void put(const char *header, size_t bytes)
{
    unsigned char data[4096];
    const size_t n = build(data, header, bytes);
    FILE *file = fopen(FILE_NAME, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Reading for the student must fail, say `text`, and leave its parameters alone. */
static void refuse_student(const char *header, const char *text)
{
    float params[10] = {42};
    struct rt_err err = {0};

    put(header, 40);
    assert_int_equal(tr_safetensors_read(FILE_NAME, &two, params, &err), RT_EFORMAT);
    if (!strstr(err.text, text) || !strstr(err.text, "'" FILE_NAME "'"))
        fail_msg("'%s' does not say '%s'", err.text, text);
    assert_near(params[0], 42, 0);
}

static void write_then_read_gives_the_same_bits(void **state)
{
    float params[10], got[10];
    struct rt_err err;
    (void)state;

    fill_uniform(params, 10, 1);
    assert_ok(tr_safetensors_write(FILE_NAME, &two, params, notes, &err));
    assert_ok(tr_safetensors_read(FILE_NAME, &two, got, &err));

    assert_memory_equal(got, params, sizeof params);
}

static void write_pads_the_header_so_that_values_are_aligned(void **state)
{
    unsigned char start[9];
    float params[10] = {0};
    struct rt_err err;
    FILE *file;
    (void)state;

    assert_ok(tr_safetensors_write(FILE_NAME, &two, params, NULL, &err));

    file = fopen(FILE_NAME, "rb");
    assert_non_null(file);
    assert_int_equal(fread(start, 1, 9, file), 9);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long bytes = ftell(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(start[0] % 8, 0);
    assert_int_equal(start[8], '{');
    assert_int_equal(bytes, 8 + start[0] + 256 * start[1] + 40);
}

static void metadata_come_back_and_other_keys_are_null(void **state)
{
    char *arch = NULL, *recipe = NULL, *other = (char *)two_tensors;
    float params[10] = {0};
    struct rt_err err;
    (void)state;

    assert_ok(tr_safetensors_write(FILE_NAME, &two, params, notes, &err));
    assert_ok(tr_safetensors_metadata(FILE_NAME, "arch", &arch, &err));
    assert_ok(tr_safetensors_metadata(FILE_NAME, "recipe", &recipe, &err));
    assert_ok(tr_safetensors_metadata(FILE_NAME, "other", &other, &err));

    assert_string_equal(arch, "L1-d8");
    assert_string_equal(recipe, "0123 \"\xc3\xa9\"");
    assert_null(other);
    free(arch);
    free(recipe);
}

static void metadata_that_are_no_text_are_refused_when_written(void **state)
{
    static const struct tr_metadata latin[] = {{"name", "caf\xe9"}, {NULL, NULL}};
    float params[10] = {0};
    struct rt_err err;
    (void)state;

    unlink(FILE_NAME);
    assert_int_not_equal(tr_safetensors_write(FILE_NAME, &two, params, latin, &err), RT_OK);
    assert_non_null(strstr(err.text, "UTF-8"));
    assert_int_not_equal(access(FILE_NAME, F_OK), 0);
}

static void read_finds_tensors_by_name_in_any_order(void **state)
{
    static const float want[10] = {4, 5, 6, 7, 8, 9, 0, 1, 2, 3};
    float got[10];
    struct rt_err err;
    (void)state;

    put("{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]},"
        "\"b.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}  ",
        40);
    assert_ok(tr_safetensors_read(FILE_NAME, &two, got, &err));

    assert_memory_equal(got, want, sizeof want);
}

static void read_refuses_a_missing_tensor(void **state)
{
    (void)state;
    refuse_student("{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[0,40]}}",
                   "tensor 'a.weight'");
    refuse_student("{\"b.bias\":{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[0,40]}}",
                   "lacks tensor 'a.weight'");
    refuse_student("{" A ",\"c\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,40]}}",
                   "lacks tensor 'b.bias'");
}

static void read_refuses_an_extra_tensor(void **state)
{
    (void)state;
    refuse_student("{" A ",\"b.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,40]},"
                   "\"c\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[40,44]}}",
                   "tensor 'c'");
    put("{" A "," B ",\"c\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[40,44]}}", 44);
    struct rt_err err;
    float params[10];
    assert_int_equal(tr_safetensors_read(FILE_NAME, &two, params, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "tensors that this architecture has not"));
}

static void read_refuses_a_misshapen_tensor(void **state)
{
    static const char *const shapes[] = {"[3,2]", "[6]", "[6,1]", "[2,3,1]", "[1,2,3]"};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char header[512];
        snprintf(header, sizeof header,
                 "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[0,24]}," B "}",
                 shapes[i]);
        refuse_student(header, "tensor 'a.weight' in '" FILE_NAME "' has another shape");
    }
}

static void check_refuses_overlaps_and_gaps(void **state)
{
    (void)state;
    refuse_header("{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[20,36]}}",
                  "overlap at byte 24");
    refuse_header("{\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,40]}}",
                  "leave a gap at byte 0");
    refuse_header("{" A "}", "goes on after the last");
    /* overlap and gap make up for each other: the sum of the lengths is right */
    refuse_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]},"
                  "\"b\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}",
                  "overlap at byte 20");
}

static void check_refuses_tensors_that_are_not_sound(void **state)
{
    static const char *const tensors[] = {
        "1",
        "null",
        "{}",
        "{\"dtype\":\"F16\",\"shape\":[10],\"data_offsets\":[0,40]}",
        "{\"dtype\":7,\"shape\":[10],\"data_offsets\":[0,40]}",
        "{\"dtype\":\"F32\",\"shape\":10,\"data_offsets\":[0,40]}",
        "{\"dtype\":\"F32\",\"shape\":[\"10\"],\"data_offsets\":[0,40]}",
        "{\"dtype\":\"F32\",\"shape\":[-10],\"data_offsets\":[0,40]}",
        "{\"dtype\":\"F32\",\"shape\":[10,0],\"data_offsets\":[0,40]}",
        "{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,10],\"data_offsets\":[0,40]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[0,44]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[0,36]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[4,44]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[-4,36]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[40,0]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[null,40]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[0]}",
        "{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[0,40,40]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        char header[512];
        snprintf(header, sizeof header, "{\"t\":%s}", tensors[i]);
        refuse_header(header, "tensor 't'");
    }
}

static void check_refuses_a_header_that_is_not_an_object(void **state)
{
    (void)state;
    refuse_header("{" A "," B, "is not JSON");
    refuse_header("{" A "," A "}", "is not JSON"); /* one name twice */
    refuse_header("{" A "," B "} junk", "is not JSON");
    refuse_header("[]  ", "is not a JSON object");
    refuse_header("{\"\\\n\":0}", "is not JSON from byte 4"); /* keeps the newline to itself */
    refuse_header("{\"a\\nb\":{}}", "control characters in its name");
    refuse_header("{\"__metadata__\":[]," A "," B "}", "metadata");
}

static void check_refuses_every_truncation_and_trailing_bytes(void **state)
{
    unsigned char data[4096] = {0};
    const size_t n = build(data, "{" A "," B "}", 40);
    struct rt_err err;
    (void)state;

    assert_ok(tr_tensor_file_check("a.st", data, n, &err));
    for (size_t cut = 0; cut < n; cut++)
        refuse(data, cut, cut < n - 40 ? "is truncated" : "truncated");
    refuse(data, n + 1, "goes on after the last of its tensors");
}

static void check_refuses_a_header_length_beyond_the_file(void **state)
{
    unsigned char data[4096] = {0};
    const size_t n = build(data, "{" A "," B "}", 40);
    (void)state;

    memset(data, 0xff, 8);
    refuse(data, n, "is truncated");
    memset(data, 0, 8);
    data[3] = 2; /* 32 MiB, above the limit */
    refuse(data, n, "is truncated");
}

static void a_missing_file_is_named(void **state)
{
    char *value = NULL;
    float params[10];
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_safetensors_read("nowhere/a", &two, params, &err), RT_EIO);
    assert_non_null(strstr(err.text, "'nowhere/a'"));
    assert_int_equal(tr_safetensors_metadata("nowhere/a", "arch", &value, &err), RT_EIO);
    assert_int_equal(tr_safetensors_write("nowhere/a", &two, params, NULL, &err), RT_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_then_read_gives_the_same_bits),
        cmocka_unit_test(write_pads_the_header_so_that_values_are_aligned),
        cmocka_unit_test(metadata_come_back_and_other_keys_are_null),
        cmocka_unit_test(metadata_that_are_no_text_are_refused_when_written),
        cmocka_unit_test(read_finds_tensors_by_name_in_any_order),
        cmocka_unit_test(read_refuses_a_missing_tensor),
        cmocka_unit_test(read_refuses_an_extra_tensor),
        cmocka_unit_test(read_refuses_a_misshapen_tensor),
        cmocka_unit_test(check_refuses_overlaps_and_gaps),
        cmocka_unit_test(check_refuses_tensors_that_are_not_sound),
        cmocka_unit_test(check_refuses_a_header_that_is_not_an_object),
        cmocka_unit_test(check_refuses_every_truncation_and_trailing_bytes),
        cmocka_unit_test(check_refuses_a_header_length_beyond_the_file),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests_name("trainer/export/safetensors", tests, NULL, remove_file);
}
