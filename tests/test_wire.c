/* tests/test_wire.c -- messages between machines: what is one, and what is not; keys, files in pieces, and
 * lists of files. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/remote_files.h"
#include "cli/remote_hello.h"
#include "search/link.h"
#include "search/transfer.h"
#include "search/wire.h"

/* ---- messages ---- */

static void a_message_comes_as_it_went(void **state)
{
    const struct wire_message sent = {.type = WIRE_RESULT,
                                      .number = 1234567890123,
                                      .key = UINT64_C(0xfedcba9876543210),
                                      .attempt = 3,
                                      .seat = 77,
                                      .text = "an answer",
                                      .text_bytes = 9,
                                      .data = (const unsigned char *)"\0\1\2",
                                      .data_bytes = 3};
    unsigned char frame[64];
    struct wire_message got;
    int other;
    (void)state;

    assert_int_equal(wire_bytes(&sent), WIRE_HEADER + 12);
    wire_write(&sent, frame);
    assert_true(wire_read(frame, WIRE_HEADER + 12, &got, &other));
    assert_int_equal(got.type, WIRE_RESULT);
    assert_int_equal(got.number, sent.number);
    assert_int_equal(got.key, sent.key);
    assert_int_equal(got.attempt, 3);
    assert_int_equal(got.seat, 77);
    assert_memory_equal(got.text, "an answer", 9);
    assert_int_equal(got.text_bytes, 9);
    assert_memory_equal(got.data, "\0\1\2", 3);
    char *text = wire_text(&got);
    assert_string_equal(text, "an answer");
    free(text);
}

static bool reads(unsigned char *frame, size_t bytes, size_t at, unsigned char value)
{
    const unsigned char kept = frame[at];
    struct wire_message got;
    int other;

    frame[at] = value;
    const bool good = wire_read(frame, bytes, &got, &other);
    frame[at] = kept;
    return good;
}

static void what_is_no_message_is_refused(void **state)
{
    const struct wire_message sent = {.type = WIRE_BEAT,
                                      .text = "x",
                                      .text_bytes = 1,
                                      .data = (const unsigned char *)"12345678",
                                      .data_bytes = 8};
    unsigned char frame[64] = {0};
    const size_t bytes = WIRE_HEADER + 9;
    struct wire_message got;
    int other;
    (void)state;

    wire_write(&sent, frame);
    assert_true(wire_read(frame, bytes, &got, &other));
    assert_false(wire_read(frame, bytes - 1, &got, &other)); /* cut short */
    assert_false(wire_read(frame, bytes + 1, &got, &other)); /* something behind it */
    assert_false(wire_read(frame, WIRE_HEADER - 1, &got, &other));
    assert_false(wire_read(frame, 0, &got, &other));
    assert_false(reads(frame, bytes, 0, 'x'));         /* another beginning */
    assert_false(reads(frame, bytes, 6, 0));           /* no type */
    assert_false(reads(frame, bytes, 6, WIRE_TYPES));  /* nor this one */
    assert_false(reads(frame, bytes, 35, 0xff));       /* 4 GB of text */
    assert_false(reads(frame, bytes, 39, 0x7f));       /* and of data */
    assert_false(reads(frame, bytes, WIRE_HEADER, 0)); /* a NUL in its text */
    assert_false(reads(frame, bytes, 36, 7));          /* no whole numbers */
}

static void another_version_is_told_from_garbage(void **state)
{
    unsigned char frame[WIRE_HEADER];
    struct wire_message got;
    int other;
    (void)state;

    wire_write(&(struct wire_message){.type = WIRE_HELLO}, frame);
    frame[4] = WIRE_VERSION + 1;
    assert_false(wire_read(frame, sizeof frame, &got, &other));
    assert_int_equal(other, WIRE_VERSION + 1);
    frame[0] = 'x';
    assert_false(wire_read(frame, sizeof frame, &got, &other));
    assert_int_equal(other, 0);
}

static void a_job_is_known_by_its_key(void **state)
{
    (void)state;
    assert_true(wire_key("{\"trial\":1}\n") == wire_key("{\"trial\":1}\n"));
    assert_true(wire_key("{\"trial\":1}\n") != wire_key("{\"trial\":2}\n"));
}

/* ---- keys and addresses ---- */

static void only_this_machine_goes_without_a_key(void **state)
{
    const struct link_key none = {0}, some = {.given = true};
    struct rt_err err;
    (void)state;

    assert_ok(link_check("tcp://127.0.0.1:5555", &none, &err));
    assert_ok(link_check("tcp://localhost:*", &none, &err));
    assert_ok(link_check("tcp://[::1]:5555", &none, &err));
    assert_ok(link_check("ipc:///tmp/x", &none, &err));
    assert_ok(link_check("tcp://10.0.0.1:5555", &some, &err));
    assert_int_equal(link_check("tcp://10.0.0.1:5555", &none, &err), RT_EARG);
    assert_non_null(strstr(err.text, "needs a key"));
    assert_int_equal(link_check("tcp://*:5555", &none, &err), RT_EARG);
    assert_int_equal(link_check("tcp://127.0.0.1", &none, &err), RT_EARG);
    assert_non_null(strstr(err.text, "no address"));
    assert_int_equal(link_check("udp://127.0.0.1:1", &none, &err), RT_EARG);
    assert_int_equal(link_check("tcp://127.example.org:5555", &none, &err), RT_EARG);
    assert_non_null(strstr(err.text, "needs a key"));
    assert_int_equal(link_check("tcp://128.0.0.1:5555", &none, &err), RT_EARG);
    /* ZeroMQ's "connect from here to there" */
    assert_int_equal(link_check("tcp://127.0.0.1:0;10.255.255.1:5555", &some, &err), RT_EARG);
    assert_non_null(strstr(err.text, "no address"));
    assert_int_equal(link_check("tcp://127.0.0.1:0;127.0.0.1:5555", &none, &err), RT_EARG);
    assert_int_equal(link_check("ipc://@name", &some, &err), RT_EARG); /* has no mode */
    assert_int_equal(link_check("", &some, &err), RT_EARG);
}

static void localhost_can_be_listened_at(void **state)
{
    const struct link_key none = {0};
    char bound[LINK_ADDRESS];
    void *context = zmq_ctx_new();
    struct link link;
    struct rt_err err;
    (void)state;

    assert_ok(link_listen(&link, context, "tcp://localhost:*", &none, bound, &err));
    assert_int_equal(strncmp(bound, "tcp://127.0.0.1:", 16), 0);
    link_close(&link, 0);
    zmq_ctx_term(context);
}

static void a_key_is_its_owners_alone(void **state)
{
    char folder[] = "/tmp/retort-wire-XXXXXX", path[64];
    struct link_key key, again;
    struct rt_err err;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    assert_ok(link_key_make(path, &err));
    assert_ok(link_key_read(path, &key, &err));
    assert_ok(link_key_read(path, &again, &err));
    assert_string_equal(key.secret, again.secret);
    assert_string_not_equal(key.secret, key.public);
    assert_int_equal(link_key_make(path, &err), RT_EIO); /* never over another */
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(link_key_read(path, &key, &err), RT_EARG);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(link_key_read(path, &key, &err), RT_EFORMAT);
    assert_ok(link_key_read(NULL, &key, &err));
    assert_false(key.given);
    unlink(path);
    rmdir(folder);
}

/* ---- files in pieces ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_file_comes_in_pieces_and_is_taken_up_again(void **state)
{
    char folder[] = "/tmp/retort-wire-XXXXXX", from[64], to[64], hash[RT_HASH_TEXT], piece[4];
    struct transfer t;
    struct rt_err err;
    int64_t total;
    size_t bytes;
    bool whole = false;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/from", folder);
    snprintf(to, sizeof to, "%s/a/to", folder);
    write_file(from, "0123456789");
    assert_ok(transfer_hash(from, hash, &err));
    assert_false(transfer_has(to, hash));
    assert_ok(transfer_begin(&t, to, hash, true, &err));
    for (int i = 0; !whole; i++) {
        assert_true(i < 4);
        assert_ok(
            transfer_read(from, (uint64_t)t.offset, piece, sizeof piece, &bytes, &total, &err));
        assert_ok(transfer_add(&t, (uint64_t)t.offset, total, piece, bytes, &whole, &err));
        if (i == 0) { /* cut off, and begun anew */
            assert_ok(transfer_begin(&t, to, hash, true, &err));
            assert_int_equal(t.offset, 4);
        }
    }
    assert_true(transfer_has(to, hash));
    assert_int_equal(transfer_read(from, 11, piece, sizeof piece, &bytes, &total, &err), RT_EARG);
    unlink(to);
    unlink(from);
    snprintf(to, sizeof to, "%s/a", folder);
    rmdir(to);
    assert_int_equal(rmdir(folder), 0); /* no part is left */
}

static void what_is_not_its_hash_is_thrown_away(void **state)
{
    char folder[] = "/tmp/retort-wire-XXXXXX", to[64];
    struct transfer t;
    struct rt_err err;
    bool whole;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(to, sizeof to, "%s/to", folder);
    assert_ok(transfer_begin(&t, to, "0123456789abcdef0123456789abcdef", true, &err));
    assert_int_equal(transfer_add(&t, 0, 3, "abc", 3, &whole, &err), RT_EFORMAT);
    assert_false(whole);
    assert_int_equal(transfer_add(&t, 5, 9, "abc", 3, &whole, &err), RT_EFORMAT); /* not the next */
    assert_int_equal(transfer_add(&t, 0, 2, "abc", 3, &whole, &err), RT_EFORMAT); /* too much */
    assert_int_equal(transfer_add(&t, 0, 2, "", 0, &whole, &err), RT_EFORMAT);    /* no end */
    assert_int_equal(rmdir(folder), 0);
}

/* ---- lists of files ---- */

static void paths_are_made_absolute(void **state)
{
    char path[RT_PATH_MAX];
    struct rt_err err;
    (void)state;

    assert_ok(remote_files_absolute("/a/./b/../c//d", path, &err));
    assert_string_equal(path, "/a/c/d");
    assert_ok(remote_files_absolute("/../../x", path, &err));
    assert_string_equal(path, "/x");
    assert_ok(remote_files_absolute("x", path, &err));
    assert_int_equal(path[0], '/');
    assert_string_equal(strrchr(path, '/'), "/x");
}

static void a_list_that_leads_elsewhere_is_refused(void **state)
{
    static const char good[] = "{\"own\":false,\"weights\":true,\"study\":\"/s/s.yaml\","
                               "\"db\":[\"/study.db\",\"0123456789abcdef0123456789abcdef\"],"
                               "\"files\":[[\"%s\",\"%s\",true]],\"there\":[\"/bin/it\"]}";
    static const char hash[] = "00000000000000000000000000000000";
    static const char *const paths[] = {"/a/../../etc/x", "a/b", "/a//b", "", "/a/."};
    struct remote_files files;
    struct rt_err err;
    char text[512], *again;
    (void)state;

    snprintf(text, sizeof text, good, "/a/b", hash);
    assert_ok(remote_files_parse(text, &files, &err));
    assert_int_equal(files.count, 1);
    assert_true(files.weights && files.entry[0].executable);
    assert_int_equal(files.there_count, 1);
    assert_ok(remote_files_print(&files, &again, &err));
    remote_files_release(&files);
    assert_ok(remote_files_parse(again, &files, &err));
    assert_string_equal(files.entry[0].path, "/a/b");
    assert_string_equal(files.there[0], "/bin/it");
    remote_files_release(&files);
    free(again);
    snprintf(text, sizeof text, good, "/a/b", ""); /* a folder */
    assert_ok(remote_files_parse(text, &files, &err));
    assert_string_equal(files.entry[0].hash, "");
    remote_files_release(&files);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(text, sizeof text, good, paths[i], hash);
        assert_int_equal(remote_files_parse(text, &files, &err), RT_EFORMAT);
    }
    snprintf(text, sizeof text, good, "/a/b", "no hash");
    assert_int_equal(remote_files_parse(text, &files, &err), RT_EFORMAT);
}

/* ---- who may work ---- */

static void another_build_or_kernel_set_is_refused_by_name(void **state)
{
    struct remote_hello hello, other;
    struct settings settings = {.kernels = "plain"};
    char *text, why[256];
    struct rt_err err;
    (void)state;

    assert_ok(remote_hello_query(3, &hello, &err));
    assert_ok(remote_hello_print(&hello, &text, &err));
    assert_ok(remote_hello_parse(text, &other, &err));
    free(text);
    assert_int_equal(other.slots, 3);
    snprintf(settings.kernels, sizeof settings.kernels, "%s", hello.program.kernels);
    assert_true(remote_hello_same(&other, &hello.program, &settings, why, sizeof why));
    other.program.build[0] ^= 1;
    assert_false(remote_hello_same(&other, &hello.program, &settings, why, sizeof why));
    assert_non_null(strstr(why, "another build"));
    other = hello;
    snprintf(other.program.kernels, sizeof other.program.kernels, "v9");
    assert_false(remote_hello_same(&other, &hello.program, &settings, why, sizeof why));
    assert_non_null(strstr(why, "kernels 'v9'"));
    other = hello;
    snprintf(settings.kernels, sizeof settings.kernels, "plain"); /* OpenBLAS multiplies */
    snprintf(settings.core, sizeof settings.core, "Z80");
    snprintf(other.program.kernels, sizeof other.program.kernels, "plain");
    assert_false(remote_hello_same(&other, &hello.program, &settings, why, sizeof why));
    assert_non_null(strstr(why, "for a 'Z80' in the study"));
    snprintf(settings.kernels, sizeof settings.kernels, "none"); /* a command computes */
    assert_true(remote_hello_same(&other, &hello.program, &settings, why, sizeof why));
    assert_int_equal(remote_hello_parse("{\"slots\":1}", &other, &err), RT_EFORMAT);
    assert_int_equal(remote_hello_parse("garbage", &other, &err), RT_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_as_it_went),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(another_version_is_told_from_garbage),
        cmocka_unit_test(a_job_is_known_by_its_key),
        cmocka_unit_test(only_this_machine_goes_without_a_key),
        cmocka_unit_test(localhost_can_be_listened_at),
        cmocka_unit_test(a_key_is_its_owners_alone),
        cmocka_unit_test(a_file_comes_in_pieces_and_is_taken_up_again),
        cmocka_unit_test(what_is_not_its_hash_is_thrown_away),
        cmocka_unit_test(paths_are_made_absolute),
        cmocka_unit_test(a_list_that_leads_elsewhere_is_refused),
        cmocka_unit_test(another_build_or_kernel_set_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
