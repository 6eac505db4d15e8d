/* tests/test_student_library.c -- libretort.so as its users have it: the trainer's own logits, from as
 * many threads as they like, and codes for what goes wrong.
 */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library/retort.h"
#include "trainer/export/model.h"
#include "trainer/net/network.h"
#include "trainer/task/image/image.h"

enum { images = 70, height = 12, width = 8, pixels = height * width, classes = 5 };

#define ONE "test-library-one.safetensors"
#define TWO "test-library-two.safetensors"
#define CODES "test-library.int8.safetensors"

static const char arch_one[] = "L2-d16-k8-h3.1-f24.40-p4", arch_two[] = "L1-d8-k4-h2-f8-p2";
static uint8_t bytes[images * pixels];

static void write_codes(const struct tr_network *net, const struct tr_metadata *notes)
{
    struct tr_quantised quantised;
    struct tr_ranges ranges;
    struct rt_arena arena;
    struct rt_err err;

    for (int i = 0; i < TR_MAX_QUANTISERS; i++)
        ranges.amax[i] = 1.5F + 0.01F * (float)i;
    assert_ok(rt_arena_init(&arena, tr_quantised_bytes(&net->student, false), &err));
    assert_ok(tr_quantised_init(&quantised, &net->student, &ranges, false, &arena, &err));
    tr_quantised_update(&quantised, &net->student, net->weights.params);
    assert_ok(tr_safetensors_write_int8(CODES, &net->student, &quantised, notes, &err));
    rt_arena_release(&arena);
}

static void write_student(const char *path, const char *text, enum space_pool pool,
                          const char *task)
{
    const struct space_shape shape = {
        .height = height, .width = width, .channels = 1, .classes = classes, .pool = pool};
    const struct tr_metadata notes[] = {{"arch", text},
                                        {"pool", pool == SPACE_POOL_CLASS ? "class" : "mean"},
                                        {"pixel_mean", "0.25"},
                                        {"pixel_sd", "0.375"},
                                        {"height", "12"},
                                        {"width", "8"},
                                        {"channels", "1"},
                                        {"task", task},
                                        {NULL, NULL}};
    struct tr_network net;
    struct space_arch arch;
    struct rt_err err;

    assert_ok(space_arch_parse(text, &arch, &err));
    assert_ok(
        tr_network_open(&net, &arch, &shape, tr_kernels_by_name("plain"), TR_NETWORK_INFER, &err));
    for (size_t i = 0; i < net.student.param_count; i++)
        net.weights.params[i] = (float)((int)(i * 7919 % 2003) - 1001) / 4096.0F;
    assert_ok(tr_safetensors_write(path, &net.student, net.weights.params, notes, &err));
    if (strcmp(path, ONE) == 0)
        write_codes(&net, notes);
    tr_network_close(&net);
}

static int write_all(void **state)
{
    (void)state;
    write_student(ONE, arch_one, SPACE_POOL_CLASS, "image");
    write_student(TWO, arch_two, SPACE_POOL_MEAN, "image");
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i * 31 % 251);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    unlink(ONE);
    unlink(TWO);
    unlink(CODES);
    return 0;
}

static struct retort_student *opened(const char *path)
{
    struct retort_student *student = NULL;
    char why[RETORT_TEXT] = "";

    if (retort_open(path, &student, why) != RETORT_OK)
        fail_msg("%s", why);
    return student;
}

/* By the trainer's own functions. */
static void expect(const char *path, float *logits)
{
    const struct tr_kernels *kernels;
    struct tr_model_file *file;
    struct rt_err err;

    assert_ok(tr_kernels_run_by(strcmp(path, CODES) == 0, &kernels, &err));
    assert_ok(tr_model_open(path, &tr_task_image, kernels, &file, &err));
    assert_ok(tr_model_answer(tr_model_of(file), bytes, images, logits, &err));
    tr_model_close(file);
}

static void logits_are_the_trainer_s_one_by_one_or_all_at_once(void **state)
{
    static const char *const paths[] = {ONE, TWO, CODES};
    (void)state;

    for (int p = 0; p < 3; p++) {
        struct retort_student *student = opened(paths[p]);
        float want[images * classes], all[images * classes], one[classes];
        expect(paths[p], want);
        retort_run(student, bytes, images, all);
        assert_memory_equal(all, want, sizeof want);
        for (int i = 0; i < images; i += 23) {
            retort_run(student, bytes + (ptrdiff_t)i * pixels, 1, one);
            if (p < 2) /* in integers attention is OpenBLAS's, by rounding */
                assert_memory_equal(one, want + (ptrdiff_t)i * classes, sizeof one);
        }
        retort_close(student);
    }
}

static void a_student_tells_what_it_reads_and_what_its_file_notes(void **state)
{
    struct retort_student *student = opened(CODES);
    const struct retort_shape shape = retort_shape_of(student);
    (void)state;

    assert_int_equal(shape.height, height);
    assert_int_equal(shape.width, width);
    assert_int_equal(shape.channels, 1);
    assert_int_equal(shape.classes, classes);
    assert_int_equal(shape.int8, 1);
    assert_string_equal(retort_note(student, "arch"), arch_one);
    assert_null(retort_note(student, "nothing"));
    assert_string_equal(retort_version(), RT_VERSION);
    retort_close(student);
    retort_close(NULL);
}

struct runner {
    struct retort_student *student;
    const float *want;
    bool equal;
};

static void *run_often(void *of)
{
    struct runner *r = of;
    float logits[images * classes];

    r->equal = true;
    for (int i = 0; i < 10; i++) {
        retort_run(r->student, bytes, images, logits);
        for (int k = 0; k < images * classes; k++)
            r->equal = r->equal && logits[k] == r->want[k];
    }
    retort_close(r->student);
    return NULL;
}

static void threads_run_students_of_one_file_and_of_two(void **state)
{
    float want[2][images * classes];
    struct runner runner[3] = {{opened(ONE), want[0], false}, {opened(TWO), want[1], false}};
    pthread_t thread[3];
    (void)state;

    expect(ONE, want[0]);
    expect(TWO, want[1]);
    runner[2].want = want[0];
    assert_int_equal(retort_share(runner[0].student, &runner[2].student, NULL), RETORT_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_often, &runner[i]), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_true(runner[i].equal);
}

static void what_is_wrong_with_a_file_is_a_code_and_a_line(void **state)
{
    struct retort_student *student = NULL;
    char why[RETORT_TEXT];
    (void)state;

    assert_int_equal(retort_open("nothing.safetensors", &student, why), RETORT_EFILE);
    assert_non_null(strstr(why, "nothing.safetensors"));
    assert_int_equal(retort_open("nothing.safetensors", &student, NULL), RETORT_EFILE);
    assert_int_equal(truncate(TWO, 100), 0);
    assert_int_equal(retort_open(TWO, &student, why), RETORT_EFORMAT);
    write_student(TWO, arch_two, SPACE_POOL_MEAN, "text");
    assert_int_equal(retort_open(TWO, &student, why), RETORT_ETASK);
    assert_non_null(strstr(why, "of the task 'text', not of images"));
    assert_null(student);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logits_are_the_trainer_s_one_by_one_or_all_at_once,
                                        write_all, remove_all),
        cmocka_unit_test_setup_teardown(a_student_tells_what_it_reads_and_what_its_file_notes,
                                        write_all, remove_all),
        cmocka_unit_test_setup_teardown(threads_run_students_of_one_file_and_of_two, write_all,
                                        remove_all),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_a_file_is_a_code_and_a_line, write_all,
                                        remove_all),
    };
    return cmocka_run_group_tests_name("library/retort", tests, NULL, NULL);
}
