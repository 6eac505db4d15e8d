/* tests/test_knowledge.c -- the cache of what teachers say: whole, stale, damaged. */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/teachers/knowledge.h"

#define FILE_NAME "test-knowledge.rtk"
#define OTHER_NAME "other.knowledge"

enum { rows = 5, teachers = 2, classes = 3, values = rows * teachers * classes };
enum { header_bytes = 4096, file_bytes = header_bytes + values * 4 };

static int remove_file(void **state)
{
    (void)state;
    unlink(FILE_NAME);
    return 0;
}

static struct tr_knowledge_key two_teachers(void)
{
    struct tr_knowledge_key key = {.teachers = teachers, .classes = classes, .rows = rows};

    rt_hash_bytes("data", 4, key.data);
    rt_hash_bytes("ann", 3, key.teacher[0]);
    rt_hash_bytes("bob", 3, key.teacher[1]);
    memcpy(key.name[0], "ann", 4);
    memcpy(key.name[1], "bob", 4);
    return key;
}

static void write_sample(float logits[values])
{
    const struct tr_knowledge_key key = two_teachers();
    struct rt_err err;

    fill_uniform(logits, values, 1);
    assert_ok(tr_knowledge_write(FILE_NAME, &key, logits, &err));
}

static void read_sample(unsigned char data[file_bytes + 1])
{
    float logits[values];
    FILE *file;

    write_sample(logits);
    file = fopen(FILE_NAME, "rb");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, file_bytes + 1, file), file_bytes);
    assert_int_equal(fclose(file), 0);
    data[file_bytes] = 0;
}

static void open_gives_what_was_written(void **state)
{
    const struct tr_knowledge_key key = two_teachers();
    struct tr_knowledge knowledge;
    float logits[values];
    struct rt_err err;
    (void)state;

    write_sample(logits);
    assert_ok(tr_knowledge_open(&knowledge, FILE_NAME, &key, &err));

    assert_memory_equal(knowledge.logits, logits, sizeof logits);
    assert_int_equal(knowledge.key.rows, rows);
    assert_string_equal(knowledge.key.name[1], "bob");
    tr_knowledge_close(&knowledge);
    assert_null(knowledge.logits);
}

static void writing_twice_gives_the_same_bytes(void **state)
{
    unsigned char one[file_bytes + 1], two[file_bytes + 1];
    (void)state;

    read_sample(one);
    read_sample(two);
    assert_memory_equal(one, two, file_bytes);
}

/* Opening with this key must be refused as stale, and say why. */
static void refuse_key(const struct tr_knowledge_key *want, const char *text)
{
    struct tr_knowledge knowledge = {0};
    struct rt_err err = {0};

    assert_int_equal(tr_knowledge_open(&knowledge, FILE_NAME, want, &err), RT_EMISMATCH);
    if (!strstr(err.text, text) || !strstr(err.text, "run 'retort teach'"))
        fail_msg("'%s' does not say '%s'", err.text, text);
    assert_null(knowledge.logits);
    assert_null(knowledge.map.data);
}

static void open_refuses_other_data(void **state)
{
    struct tr_knowledge_key key;
    float logits[values];
    (void)state;

    write_sample(logits);
    key = two_teachers();
    rt_hash_bytes("other", 5, key.data);
    refuse_key(&key, "made from other data");
    key = two_teachers();
    key.rows++;
    refuse_key(&key, "made from other data: it has");
    key = two_teachers();
    key.classes--;
    refuse_key(&key, "made from other data: it has");
}

static void open_refuses_other_teachers(void **state)
{
    struct tr_knowledge_key key;
    float logits[values];
    (void)state;

    write_sample(logits);
    key = two_teachers();
    rt_hash_bytes("retrained", 9, key.teacher[1]);
    refuse_key(&key, "another teacher 'bob'");
    key = two_teachers();
    memcpy(key.name[0], "eve", 4);
    refuse_key(&key, "teacher 1 of '" FILE_NAME "' is 'ann', of the study 'eve'");
    key = two_teachers();
    key.teachers = 1;
    refuse_key(&key, "knows 2 teachers, the study has 1");
    key = two_teachers(); /* the same two the other way round */
    memcpy(key.name[0], "bob", 4);
    memcpy(key.name[1], "ann", 4);
    rt_hash_bytes("bob", 3, key.teacher[0]);
    rt_hash_bytes("ann", 3, key.teacher[1]);
    refuse_key(&key, "teacher 1 of");
}

/* The check of these bytes must fail with `code` and say `text`. */
static void refuse_bytes(const unsigned char *data, size_t bytes, rt_status code, const char *text)
{
    struct rt_err err = {0};
    unsigned char *exact = malloc(bytes + 1); /* so that a sanitizer sees the file's end */

    assert_non_null(exact);
    memcpy(exact, data, bytes);
    assert_int_equal(tr_knowledge_check("a.rtk", exact, bytes, &err), code);
    free(exact);
    if (!strstr(err.text, text) || !strstr(err.text, "'a.rtk'"))
        fail_msg("'%s' does not say '%s'", err.text, text);
}

static void check_refuses_damage_to_any_byte_of_the_values(void **state)
{
    unsigned char data[file_bytes + 1];
    struct rt_err err;
    (void)state;

    read_sample(data);
    assert_ok(tr_knowledge_check("a.rtk", data, file_bytes, &err));
    for (int i = header_bytes; i < file_bytes; i++) {
        data[i] ^= 4;
        refuse_bytes(data, file_bytes, RT_EFORMAT, "its checksum is wrong");
        data[i] ^= 4;
    }
}

static void check_refuses_damage_to_any_byte_of_the_header(void **state)
{
    static const int used = 1683; /* the header's members; the rest of the page is padding */
    unsigned char data[file_bytes + 1];
    struct rt_err err;
    (void)state;

    read_sample(data);
    for (int i = 0; i < used; i++) {
        data[i] ^= 1;
        if (i < 8)
            refuse_bytes(data, file_bytes, RT_EFORMAT, "is not a knowledge cache");
        else if (i < 12)
            refuse_bytes(data, file_bytes, RT_EMISMATCH, "this program reads 1");
        else
            refuse_bytes(data, file_bytes, RT_EFORMAT, "damaged in its header");
        data[i] ^= 1;
    }
    for (int i = used; i < header_bytes; i++)
        assert_int_equal(data[i], 0);
    assert_ok(tr_knowledge_check("a.rtk", data, file_bytes, &err));
}

static void check_refuses_truncation_and_trailing_bytes(void **state)
{
    unsigned char data[file_bytes + 1];
    (void)state;

    read_sample(data);
    for (size_t cut = 0; cut < header_bytes; cut += 97)
        refuse_bytes(data, cut, RT_EFORMAT, "is not a knowledge cache");
    for (size_t cut = header_bytes; cut < file_bytes; cut++)
        refuse_bytes(data, cut, RT_EFORMAT, "truncated or too long");
    refuse_bytes(data, file_bytes + 1, RT_EFORMAT, "truncated or too long");
}

static void open_refuses_a_damaged_file_and_names_a_missing_one(void **state)
{
    const struct tr_knowledge_key key = two_teachers();
    struct tr_knowledge knowledge = {0};
    float logits[values];
    struct rt_err err;
    (void)state;

    write_sample(logits);
    assert_int_equal(truncate(FILE_NAME, file_bytes - 4), 0);
    assert_int_equal(tr_knowledge_open(&knowledge, FILE_NAME, &key, &err), RT_EFORMAT);
    assert_non_null(strstr(err.text, "truncated"));
    assert_int_equal(truncate(FILE_NAME, 0), 0);
    assert_int_equal(tr_knowledge_open(&knowledge, FILE_NAME, &key, &err), RT_EFORMAT);
    assert_int_equal(tr_knowledge_open(&knowledge, "nowhere/a.rtk", &key, &err), RT_EIO);
    assert_non_null(strstr(err.text, "'nowhere/a.rtk'"));
    assert_null(knowledge.map.data);
}

static void write_names_teacher_and_example_of_a_logit_that_is_not_finite(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    const struct tr_knowledge_key key = two_teachers();
    float logits[values];
    struct rt_err err;
    (void)state;

    fill_uniform(logits, values, 1);
    unlink(FILE_NAME);
    for (int i = 0; i < 3; i++) {
        logits[(3 * teachers + 1) * classes + 2] = bad[i]; /* row 3, bob, class 2 */
        assert_int_equal(tr_knowledge_write(FILE_NAME, &key, logits, &err), RT_ENAN);
        assert_non_null(strstr(err.text, "teacher 'bob'"));
        assert_non_null(strstr(err.text, "example 3, class 2"));
    }
    assert_int_not_equal(access(FILE_NAME, F_OK), 0); /* and nothing is written */
}

static void write_refuses_sizes_that_no_file_can_state(void **state)
{
    struct tr_knowledge_key key;
    float logits[values];
    struct rt_err err;
    (void)state;

    fill_uniform(logits, values, 1);
    key = two_teachers();
    key.teachers = TR_MAX_TEACHERS + 1;
    assert_int_equal(tr_knowledge_write(FILE_NAME, &key, logits, &err), RT_ESHAPE);
    key.teachers = 0;
    assert_int_equal(tr_knowledge_write(FILE_NAME, &key, logits, &err), RT_ESHAPE);
}

static void what_is_written_into_an_open_file_is_found(void **state)
{
    const struct tr_knowledge_key key = two_teachers();
    const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}},
                          other[2] = {{.tv_sec = 2}, {.tv_sec = 2}},
                          future[2] = {{.tv_sec = 4102444800}, {.tv_sec = 4102444800}};
    struct tr_knowledge knowledge;
    float logits[values];
    struct rt_err err;
    int64_t written;
    (void)state;

    fill_uniform(logits, values, 1);
    assert_ok(tr_knowledge_write(FILE_NAME, &key, logits, &err));
    assert_int_equal(utimensat(AT_FDCWD, FILE_NAME, past, 0), 0); /* clocks of files are coarse */
    assert_ok(tr_knowledge_open(&knowledge, FILE_NAME, &key, &err));
    assert_ok(tr_knowledge_look(&knowledge, &err));
    flip(FILE_NAME, 4100);
    assert_int_equal(tr_knowledge_look(&knowledge, &err), RT_EDIRTY);
    assert_non_null(strstr(err.text, "its checksum is wrong"));
    flip(FILE_NAME, 4100); /* written, and as it was */
    assert_ok(tr_knowledge_look(&knowledge, &err));
    assert_int_equal(rt_map_look(&knowledge.map, &written), RT_MAP_WRITTEN); /* too young */
    assert_int_equal(utimensat(AT_FDCWD, FILE_NAME, other, 0), 0);
    assert_int_equal(rt_map_look(&knowledge.map, &written), RT_MAP_WRITTEN);
    assert_ok(tr_knowledge_look(&knowledge, &err));
    assert_int_equal(rt_map_look(&knowledge.map, &written), RT_MAP_SAME); /* once is enough */
    assert_int_equal(utimensat(AT_FDCWD, FILE_NAME, future, 0), 0);
    assert_ok(tr_knowledge_look(&knowledge, &err));
    assert_int_equal(rt_map_look(&knowledge.map, &written),
                     RT_MAP_SAME);   /* of a clock ahead, too */
    fill_uniform(logits, values, 2); /* whole, but of other teachers */
    assert_ok(tr_knowledge_write(OTHER_NAME, &key, logits, &err));
    assert_int_equal(system("cat " OTHER_NAME " >" FILE_NAME), 0);
    assert_int_equal(tr_knowledge_look(&knowledge, &err), RT_EDIRTY);
    assert_non_null(strstr(err.text, "was written anew"));
    unlink(OTHER_NAME);
    assert_int_equal(truncate(FILE_NAME, file_bytes - 4), 0); /* what is gone is not read */
    assert_int_equal(tr_knowledge_look(&knowledge, &err), RT_EDIRTY);
    assert_non_null(strstr(err.text, "'" FILE_NAME "' was cut short"));
    assert_int_equal(unlink(FILE_NAME), 0); /* ours is there yet */
    assert_ok(tr_knowledge_look(&knowledge, &err));
    tr_knowledge_close(&knowledge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_gives_what_was_written),
        cmocka_unit_test(writing_twice_gives_the_same_bytes),
        cmocka_unit_test(open_refuses_other_data),
        cmocka_unit_test(open_refuses_other_teachers),
        cmocka_unit_test(check_refuses_damage_to_any_byte_of_the_values),
        cmocka_unit_test(check_refuses_damage_to_any_byte_of_the_header),
        cmocka_unit_test(check_refuses_truncation_and_trailing_bytes),
        cmocka_unit_test(open_refuses_a_damaged_file_and_names_a_missing_one),
        cmocka_unit_test(what_is_written_into_an_open_file_is_found),
        cmocka_unit_test(write_names_teacher_and_example_of_a_logit_that_is_not_finite),
        cmocka_unit_test(write_refuses_sizes_that_no_file_can_state),
    };
    return cmocka_run_group_tests_name("trainer/teachers/knowledge", tests, NULL, remove_file);
}
