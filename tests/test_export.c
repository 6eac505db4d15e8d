/* tests/test_export.c -- students as others run them: files of weights come back exactly, graphs
 * are whole, and C code answers as the trainer does.
 */
#include "toy_task.h"

#include <unistd.h>

#include "base/file.h"
#include "trainer/export/c_source.h"
#include "trainer/export/onnx.h"
#include "trainer/export/tensor_file.h"
#include "trainer/net/network.h"

enum { examples = 20, side = 12 };

#define FLOATS "test-export.safetensors"
#define CODES "test-export.int8.safetensors"

static const struct tr_metadata notes[] = {
    {"arch", NULL},   {"pool", NULL},  {"pixel_mean", "0.25"}, {"pixel_sd", "0.375"},
    {"height", "12"}, {"width", "12"}, {"channels", "1"},      {NULL, NULL}};

struct bed {
    struct tr_network net;
    struct tr_ranges ranges;
    struct tr_quantised quantised;
    struct rt_arena arena;
    uint8_t bytes[examples * side * side];
};

/* Weights that need no libm, so that files made of them are the same everywhere. */
static void fill(float *params, size_t n)
{
    for (size_t i = 0; i < n; i++)
        params[i] = (float)((int)(i * 7919 % 2003) - 1001) / 4096.0F;
}

static void bed_open(struct bed *bed, const char *text, enum space_pool pool)
{
    const struct space_shape shape = {
        .height = side, .width = side, .channels = 1, .classes = 5, .pool = pool};
    struct tr_metadata list[sizeof notes / sizeof *notes];
    struct space_arch arch;
    struct rt_err err;

    memset(bed, 0, sizeof *bed);
    assert_ok(space_arch_parse(text, &arch, &err));
    assert_ok(tr_network_open(&bed->net, &arch, &shape, tr_kernels_by_name("plain"),
                              TR_NETWORK_INFER, &err));
    fill(bed->net.weights.params, bed->net.student.param_count);
    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        bed->ranges.amax[i] = 1.5F + 0.01F * (float)i;
    assert_ok(rt_arena_init(&bed->arena, tr_quantised_bytes(&bed->net.student, false), &err));
    assert_ok(tr_quantised_init(&bed->quantised, &bed->net.student, &bed->ranges, false,
                                &bed->arena, &err));
    tr_quantised_update(&bed->quantised, &bed->net.student, bed->net.weights.params);
    for (size_t i = 0; i < sizeof bed->bytes; i++)
        bed->bytes[i] = (uint8_t)(i * i * 31 % 251);
    memcpy(list, notes, sizeof list);
    list[0].value = text;
    list[1].value = pool == SPACE_POOL_CLASS ? "class" : "mean";
    assert_ok(tr_safetensors_write(FLOATS, &bed->net.student, bed->net.weights.params, list, &err));
    assert_ok(tr_safetensors_write_int8(CODES, &bed->net.student, &bed->quantised, list, &err));
}

static void bed_close(struct bed *bed)
{
    rt_arena_release(&bed->arena);
    tr_network_close(&bed->net);
    unlink(FLOATS);
    unlink(CODES);
}

static struct tr_model_file *open_file(const char *path)
{
    struct tr_model_file *file = NULL;
    struct rt_err err;

    assert_ok(tr_model_open(path, &tr_task_image, tr_kernels_by_name("plain"), &file, &err));
    return file;
}

static const struct {
    const char *arch;
    enum space_pool pool;
} students[] = {
    {"L1-d8-k4-h2-f8-p4", SPACE_POOL_CLASS},
    {"L3-d13-k3-h1.2.3-f9.16.7-p6", SPACE_POOL_CLASS},
    {"L2-d10-k5-h2-f1040-p3", SPACE_POOL_MEAN},
    {"L1-d8-k8-h1-f16-p12", SPACE_POOL_MEAN},
    {"L2-d16-k8-h3.1-f24.40-p2", SPACE_POOL_CLASS},
};
enum { student_count = sizeof students / sizeof *students };

/* ---- files of weights ---- */

static void a_file_of_codes_comes_back_exactly(void **state)
{
    (void)state;
    for (int s = 0; s < student_count; s++) {
        struct bed bed;
        bed_open(&bed, students[s].arch, students[s].pool);
        struct tr_model_file *file = open_file(CODES);
        const struct tr_weights *got = tr_model_of(file)->weights;

        assert_non_null(got->int8);
        for (size_t i = 0; i < bed.net.student.param_count; i++) /* -0 has the code of 0 */
            assert_true(got->params[i] == bed.quantised.weights.params[i]);
        for (int i = 0; i < 4 * bed.net.student.arch.depth + 2; i++)
            assert_true(tr_int8_input(got->int8, i) == tr_int8_input(&bed.quantised.int8, i));
        tr_model_close(file);
        bed_close(&bed);
    }
}

static void a_byte_enters_as_in_training(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, students[0].arch, students[0].pool);
    struct tr_model_file *file = open_file(FLOATS);
    const struct tr_input *input = &tr_model_of(file)->input;

    assert_string_equal(input->name, "pixels");
    assert_int_equal(tr_model_input_bytes(tr_model_of(file)), side * side);
    for (int b = 0; b < 256; b++)
        assert_true(input->value[b] == ((float)b / 255 - 0.25F) / 0.375F);
    tr_model_close(file);
    bed_close(&bed);
}

/* Files of before sizes were noted are of square images. */
static void sizes_that_are_not_noted_are_of_a_square(void **state)
{
    struct tr_metadata old[] = {{"arch", "L1-d8-k4-h2-f8-p4"},
                                {"pool", "class"},
                                {"pixel_mean", "0.25"},
                                {"pixel_sd", "0.375"},
                                {NULL, NULL}};
    struct bed bed;
    struct rt_err err;
    (void)state;
    bed_open(&bed, students[0].arch, students[0].pool);
    assert_ok(tr_safetensors_write(FLOATS, &bed.net.student, bed.net.weights.params, old, &err));

    struct tr_model_file *file = open_file(FLOATS);

    assert_int_equal(tr_model_of(file)->student->shape.height, side);
    assert_int_equal(tr_model_of(file)->student->shape.channels, 1);
    tr_model_close(file);
    bed_close(&bed);
}

/* Each of these replaces one note. */
static void notes_that_lie_are_refused(void **state)
{
    static const struct {
        int note;
        const char *value, *says;
    } lies[] = {{0, "L1-d8-k4-h3-f8-p4", "has another shape"},
                {0, "L1-d8-k4", "L1-d8-k4"},
                {1, NULL, "holds no student"},
                {1, "max", "'max'"},
                {2, "white", "'pixel_mean'"},
                {3, "0", "'pixel_sd'"},
                {4, "13", "patch"},
                {6, "3", "do not fit its tensors"}};
    struct bed bed;
    (void)state;
    bed_open(&bed, students[0].arch, students[0].pool);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct tr_metadata list[sizeof notes / sizeof *notes];
        struct tr_model_file *file;
        struct rt_err err = {0};
        memcpy(list, notes, sizeof list);
        list[0].value = students[0].arch;
        list[1].value = "class";
        if (lies[i].value)
            list[lies[i].note].value = lies[i].value;
        else
            list[lies[i].note].key = "other";
        if (!list[lies[i].note].value)
            list[lies[i].note].value = "";
        assert_ok(
            tr_safetensors_write(FLOATS, &bed.net.student, bed.net.weights.params, list, &err));

        assert_int_not_equal(
            tr_model_open(FLOATS, &tr_task_image, tr_kernels_by_name("plain"), &file, &err), RT_OK);

        if (!strstr(err.text, lies[i].says))
            fail_msg("'%s' does not say '%s'", err.text, lies[i].says);
    }
    bed_close(&bed);
}

/* 2^32 patches of a pixel are none in 32 bits. */
static void sizes_that_do_not_fit_the_tensors_are_refused(void **state)
{
    struct tr_metadata list[sizeof notes / sizeof *notes];
    struct tr_model_file *file;
    struct bed bed;
    struct rt_err err = {0};
    (void)state;
    bed_open(&bed, students[0].arch, students[0].pool);
    memcpy(list, notes, sizeof list);
    list[0].value = "L1-d8-k4-h2-f8-p1";
    list[1].value = "class";
    list[4].value = list[5].value = "65536";
    assert_ok(tr_safetensors_write(FLOATS, &bed.net.student, bed.net.weights.params, list, &err));

    assert_int_equal(
        tr_model_open(FLOATS, &tr_task_image, tr_kernels_by_name("plain"), &file, &err),
        RT_EFORMAT);

    assert_non_null(strstr(err.text, "do not fit its tensors"));
    bed_close(&bed);
}

/* Codes of more inputs than integer sums take; the file says no more than is read before that. */
static void too_wide_a_layer_of_codes_is_refused(void **state)
{
    static const char header[] =
        "{\"__metadata__\":{\"arch\":\"L1-d1-k1-h1-f1-p384\",\"pool\":\"mean\",\"pixel_mean\":"
        "\"0\","
        "\"pixel_sd\":\"1\",\"height\":\"384\",\"width\":\"384\",\"channels\":\"1\"},"
        "\"head.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"position\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]},"
        "\"stem.weight\":{\"dtype\":\"I8\",\"shape\":[1,147456],\"data_offsets\":[12,147468]}}";
    const uint64_t length = sizeof header - 1;
    struct tr_model_file *file;
    struct rt_err err = {0};
    FILE *f = fopen(CODES, "wb");
    (void)state;
    assert_non_null(f);
    fwrite(&length, sizeof length, 1, f);
    fwrite(header, 1, length, f);
    for (int i = 0; i < 147468; i++)
        fputc(0, f);
    assert_int_equal(fclose(f), 0);

    assert_int_equal(tr_model_open(CODES, &tr_task_image, tr_kernels_by_name("plain"), &file, &err),
                     RT_EFORMAT);

    assert_non_null(strstr(err.text, "'" CODES "' is too wide for int8"));
    unlink(CODES);
}

/* ---- ONNX ---- */

struct field { /* of a protobuf message */
    int number, wire;
    uint64_t value;
    const unsigned char *data; /* of wire type 2, `value` bytes */
};

/* The next field of [at, end); false at its end. */
static bool next_field(const unsigned char **at, const unsigned char *end, struct field *f)
{
    uint64_t head = 0;

    if (*at == end)
        return false;
    for (int shift = 0;; shift += 7) {
        assert_true(*at < end && shift < 64);
        head |= (uint64_t)(**at & 127) << shift;
        if (!(*(*at)++ & 128))
            break;
    }
    *f = (struct field){.number = (int)(head >> 3), .wire = (int)(head & 7)};
    if (f->wire == 5) {
        *at += 4;
        return true;
    }
    for (int shift = 0;; shift += 7) {
        assert_true(*at < end && shift < 64);
        f->value |= (uint64_t)(**at & 127) << shift;
        if (!(*(*at)++ & 128))
            break;
    }
    if (f->wire == 2) {
        f->data = *at;
        assert_true(f->value <= (uint64_t)(end - *at));
        *at += f->value;
    }
    return true;
}

struct names {
    int count;
    char name[1024][96];
    bool used[1024];
};

static int find_name(const struct names *names, const struct field *f)
{
    for (int i = 0; i < names->count; i++)
        if (strlen(names->name[i]) == f->value && !memcmp(names->name[i], f->data, f->value))
            return i;
    return -1;
}

static void add_name(struct names *names, const struct field *f)
{
    assert_int_equal(find_name(names, f), -1);
    assert_true(names->count < 1024 && f->value < 96);
    (void)snprintf(names->name[names->count++], 96, "%.*s", (int)f->value, (const char *)f->data);
}

/* Sizes and bytes of an initialiser agree; its name is new. */
static void check_initialiser(struct names *names, const struct field *tensor)
{
    static const size_t size_of[] = {[1] = 4, [2] = 1, [3] = 1, [7] = 8};
    const unsigned char *at = tensor->data, *end = at + tensor->value;
    uint64_t count = 1, bytes = 0, type = 0;
    struct field f;

    while (next_field(&at, end, &f)) {
        count *= f.number == 1 ? f.value : 1;
        type = f.number == 2 ? f.value : type;
        bytes = f.number == 9 ? f.value : bytes;
        if (f.number == 8)
            add_name(names, &f);
    }
    assert_true(type == 1 || type == 2 || type == 3 || type == 7);
    assert_int_equal(bytes, count * size_of[type]);
}

/* All inputs are known before; outputs are new. */
static void check_node(struct names *names, const struct field *node)
{
    const unsigned char *at = node->data, *end = at + node->value;
    struct field f;

    while (next_field(&at, end, &f))
        if (f.number == 1) {
            const int i = find_name(names, &f);
            if (i < 0)
                fail_msg("'%.*s' is read before it is there", (int)f.value, (const char *)f.data);
            names->used[i] = true;
        }
    at = node->data;
    while (next_field(&at, end, &f))
        if (f.number == 2)
            add_name(names, &f);
}

/* A graph whose every value is made before it is read, and read; returns how many nodes it has. */
static int check_graph(const unsigned char *at, const unsigned char *end)
{
    static struct names names;
    const unsigned char *first = at, *inner;
    struct field f, g;
    int nodes = 0;

    memset(&names, 0, sizeof names);
    while (next_field(&at, end, &f))
        if (f.number == 5)
            check_initialiser(&names, &f);
    for (at = first; next_field(&at, end, &f);)
        if (f.number == 11) {
            inner = f.data;
            assert_true(next_field(&inner, f.data + f.value, &g) && g.number == 1);
            add_name(&names, &g);
        }
    for (at = first; next_field(&at, end, &f); nodes += f.number == 1)
        if (f.number == 1)
            check_node(&names, &f);
    for (int i = 0; i < names.count; i++)
        if (!names.used[i] && strcmp(names.name[i], "logits") != 0)
            fail_msg("'%s' is never read", names.name[i]);
    return nodes;
}

static void onnx_graphs_are_whole(void **state)
{
    (void)state;
    for (int s = 0; s < student_count; s++)
        for (int form = TR_ONNX_FLOAT; form <= TR_ONNX_QDQ; form++) {
            struct tr_onnx_options options = {.form = (enum tr_onnx_form)form};
            struct bed bed;
            struct rt_err err;
            struct field f;
            char *data;
            size_t bytes;
            int nodes = 0;
            bed_open(&bed, students[s].arch, students[s].pool);
            struct tr_model_file *file = open_file(form == TR_ONNX_FLOAT ? FLOATS : CODES);

            assert_ok(tr_onnx_write("test-export.onnx", tr_model_of(file), &options, &err));

            assert_ok(rt_file_read("test-export.onnx", 1 << 24, &data, &bytes, &err));
            const unsigned char *at = (const unsigned char *)data, *end = at + bytes;
            while (next_field(&at, end, &f))
                if (f.number == 7)
                    nodes = check_graph(f.data, f.data + f.value);
            assert_true(nodes > 20);
            free(data);
            tr_model_close(file);
            bed_close(&bed);
        }
    unlink("test-export.onnx");
}

/* Weights are made without libm, so the bytes are the same everywhere. Where a change of them is meant, and
 * ONNX Runtime agrees (tests/peers/random_students.py), the file that is left becomes the golden one. */
static void onnx_files_are_the_golden_ones_byte_for_byte(void **state)
{
    static const char *const made[] = {"student_float.onnx", "student_codes.onnx"};
    (void)state;
    for (int form = TR_ONNX_FLOAT; form <= TR_ONNX_CODES; form++) {
        const struct tr_onnx_options options = {.form = (enum tr_onnx_form)form};
        char golden[512], *want, *got;
        size_t want_bytes, got_bytes;
        struct bed bed;
        struct rt_err err;
        bed_open(&bed, students[0].arch, students[0].pool);
        struct tr_model_file *file = open_file(form == TR_ONNX_FLOAT ? FLOATS : CODES);
        (void)snprintf(golden, sizeof golden, "%s/golden/%s", RT_TEST_DATA, made[form]);

        assert_ok(tr_onnx_write(made[form], tr_model_of(file), &options, &err));

        assert_ok(rt_file_read(made[form], 1 << 24, &got, &got_bytes, &err));
        assert_ok(rt_file_read(golden, 1 << 24, &want, &want_bytes, &err));
        assert_int_equal(got_bytes, want_bytes);
        assert_memory_equal(got, want, want_bytes);
        free(got);
        free(want);
        tr_model_close(file);
        bed_close(&bed);
        unlink(made[form]);
    }
}

/* ---- C ---- */

/* A program that prints the logits of bytes on its standard input, and the self-test's verdict. */
static const char program[] = "#include <stdio.h>\n#include \"test_export_c.h\"\n"
                              "int main(void)\n{\n"
                              "    static uint8_t bytes[TEST_EXPORT_C_INPUTS];\n"
                              "    static struct test_export_c_memory memory;\n"
                              "    float logits[TEST_EXPORT_C_CLASSES];\n"
                              "    if (sizeof memory != TEST_EXPORT_C_RAM)\n        return 3;\n"
                              "    while (fread(bytes, 1, sizeof bytes, stdin) == sizeof bytes) {\n"
                              "        int i, best = test_export_c_run(&memory, bytes, logits);\n"
                              "        for (i = 0; i < TEST_EXPORT_C_CLASSES; i++)\n            "
                              "printf(\"%.9g \", logits[i]);\n"
                              "        printf(\"%d\\n\", best);\n"
                              "    }\n"
                              "    return test_export_c_selftest(&memory) ? 4 : 0;\n}\n";

static void write_text(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static void compare_answers(const struct bed *bed, const struct tr_model *model)
{
    float want[examples * 5];
    struct rt_err err;
    FILE *f = fopen("test_export_c.out", "r");

    assert_non_null(f);
    assert_ok(tr_model_answer(model, bed->bytes, examples, want, &err));
    for (int e = 0; e < examples; e++) {
        int best = -1;
        for (int c = 0; c < 5; c++) {
            float got;
            assert_int_equal(fscanf(f, "%g", &got), 1);
            assert_near((double)got, (double)want[e * 5 + c], 2e-5);
        }
        assert_int_equal(fscanf(f, "%d", &best), 1);
        for (int c = 0; c < 5; c++)
            assert_true(want[e * 5 + best] >= want[e * 5 + c] - 2e-5F);
    }
    fclose(f);
}

static void c_code_answers_as_the_trainer_does(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * student_count; i++) {
        const struct tr_c_options options = {
            .name = "test_export_c", .reentrant = true, .selftest = true};
        struct bed bed;
        struct rt_err err;
        bed_open(&bed, students[i / 2].arch, students[i / 2].pool);
        struct tr_model_file *file = open_file(i % 2 ? CODES : FLOATS);

        assert_ok(tr_c_source_write("test_export_c.c", tr_model_of(file), &options, &err));
        write_text("test_export_main.c", program, sizeof program - 1);
        write_text("test_export_c.in", bed.bytes, sizeof bed.bytes);
        assert_int_equal(
            system("cc -std=c99 -O1 -Wall -Wextra -Wconversion -Wdouble-promotion -pedantic "
                   "-Werror -c test_export_c.c && cc test_export_main.c test_export_c.o -lm "
                   "-o test_export_c && ./test_export_c < test_export_c.in > test_export_c.out"),
            0);

        compare_answers(&bed, tr_model_of(file));
        tr_model_close(file);
        bed_close(&bed);
    }
    static const char *const made[] = {"test_export_c.c",   "test_export_c.h",   "test_export_c.o",
                                       "test_export_c.in",  "test_export_c.out", "test_export_c",
                                       "test_export_main.c"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(made[i]);
}

static void c_names_are_checked(void **state)
{
    static const char *const bad[] = {"", "9x", "a-b", "a234567890123456789012345678901234"};
    struct bed bed;
    (void)state;
    bed_open(&bed, students[0].arch, students[0].pool);
    struct tr_model_file *file = open_file(FLOATS);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct tr_c_options options = {.name = bad[i]};
        struct rt_err err;
        assert_int_equal(tr_c_source_write("x.c", tr_model_of(file), &options, &err), RT_EARG);
        assert_int_not_equal(access("x.c", F_OK), 0);
    }
    tr_model_close(file);
    bed_close(&bed);
}

/* Notes come from a file of anybody's, and stand in a comment of the header. */
static void notes_stay_within_the_comment(void **state)
{
    static const char bad[] = "*/\nint evil;\n/*";
    struct tr_metadata list[sizeof notes / sizeof *notes + 1];
    const struct tr_c_options options = {.name = "test_export_notes"};
    struct bed bed;
    struct rt_err err;
    char text[4096] = "";
    (void)state;
    bed_open(&bed, students[0].arch, students[0].pool);
    memcpy(list, notes, sizeof notes);
    list[0].value = students[0].arch;
    list[1].value = "class";
    list[sizeof notes / sizeof *notes - 1] = (struct tr_metadata){bad, bad};
    list[sizeof notes / sizeof *notes] = (struct tr_metadata){NULL, NULL};
    assert_ok(tr_safetensors_write(FLOATS, &bed.net.student, bed.net.weights.params, list, &err));
    struct tr_model_file *file = open_file(FLOATS);

    assert_ok(tr_c_source_write("test_export_notes.c", tr_model_of(file), &options, &err));

    FILE *header = fopen("test_export_notes.h", "r");
    assert_non_null(header);
    assert_true(fread(text, 1, sizeof text - 1, header) > 0);
    (void)fclose(header);
    assert_null(strstr(text, "\nint evil;"));
    assert_ptr_equal(strstr(text, "*/"), strstr(text, "*/\n#ifndef TEST_EXPORT_NOTES_H"));
    tr_model_close(file);
    bed_close(&bed);
    unlink("test_export_notes.c");
    unlink("test_export_notes.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_codes_comes_back_exactly),
        cmocka_unit_test(a_byte_enters_as_in_training),
        cmocka_unit_test(sizes_that_are_not_noted_are_of_a_square),
        cmocka_unit_test(notes_that_lie_are_refused),
        cmocka_unit_test(sizes_that_do_not_fit_the_tensors_are_refused),
        cmocka_unit_test(too_wide_a_layer_of_codes_is_refused),
        cmocka_unit_test(onnx_graphs_are_whole),
        cmocka_unit_test(onnx_files_are_the_golden_ones_byte_for_byte),
        cmocka_unit_test(c_code_answers_as_the_trainer_does),
        cmocka_unit_test(c_names_are_checked),
        cmocka_unit_test(notes_stay_within_the_comment),
    };
    return cmocka_run_group_tests_name("trainer/export", tests, NULL, NULL);
}
