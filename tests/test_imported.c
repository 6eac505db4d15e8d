/* tests/test_imported.c -- a folder as a teacher of images: what it says by its own scale of pixels it also
 * says beside students, by theirs.
 */
#include "toy_task.h"

#include "trainer/net/predict.h"
#include "trainer/teachers/teachers.h"

enum { rows = 40 };

static struct tr_ensemble_spec spec = {
    .count = 1, .teacher[0] = {.name = "vit", .weight = 1, .kind = &tr_teacher_imported}};
static struct space_shape shape;
static struct tr_teaching teaching = {.spec = &spec, .shape = &shape, .threads = 1};

static int set_up(void **state)
{
    struct rt_err err;

    (void)state;
    shape = toy_shape();
    (void)strcpy(spec.folder, "/tmp/retort-imported-XXXXXX");
    assert_non_null(mkdtemp(spec.folder));
    (void)snprintf(spec.teacher[0].source, RT_PATH_MAX, "%s/golden/hf/vit", RT_TEST_DATA);
    teaching.task = toy_task(rows, 10);
    assert_ok(tr_kernels_choose(&teaching.kernels, &err));
    return 0;
}

static int tear_down(void **state)
{
    char command[RT_PATH_MAX + 16];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", spec.folder);
    assert_int_equal(system(command), 0);
    tr_task_close((struct tr_task *)(uintptr_t)teaching.task);
    return 0;
}

static void what_it_says_it_says_beside_students(void **state)
{
    float said[rows * toy_classes], again[rows * toy_classes];
    char hash[RT_HASH_TEXT], same[RT_HASH_TEXT];
    struct tr_network network;
    int row[rows];
    struct rt_err err;
    (void)state;

    for (int i = 0; i < rows; i++)
        row[i] = i;
    assert_ok(tr_teacher_imported.consult(&teaching, 0, true, hash, said, &err));
    assert_ok(tr_teacher_imported.consult(&teaching, 0, false, same, NULL, &err));
    assert_string_equal(hash, same);
    assert_ok(tr_teacher_open(&network, &teaching, 0, TR_NETWORK_INFER, &err));
    assert_ok(
        tr_predict(&network.student, &network.weights, teaching.task, row, rows, 1, again, &err));
    assert_close(again, said, rows * toy_classes, 1e-4, 1e-4);
    tr_network_close(&network);
}

static void it_says_the_same_of_other_rows(void **state)
{
    float said[rows * toy_classes], other[7 * toy_classes];
    char hash[RT_HASH_TEXT];
    struct tr_images images;
    struct tr_task *test;
    struct rt_err err;
    (void)state;

    toy_images(&images, 7, 1); /* the first seven of the task's */
    assert_ok(tr_image_task_like(&test, teaching.task, &images, &err));
    assert_ok(tr_teacher_imported.predict(&teaching, 0, test, other, &err));
    assert_ok(tr_teacher_imported.consult(&teaching, 0, true, hash, said, &err));
    assert_memory_equal(other, said, sizeof other);
    tr_task_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_it_says_beside_students),
        cmocka_unit_test(it_says_the_same_of_other_rows),
    };
    return cmocka_run_group_tests_name("imported teachers", tests, set_up, tear_down);
}
