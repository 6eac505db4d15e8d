/* tests/test_base.c -- errors, arena, random streams, hashes, files and the machine. */
#define _GNU_SOURCE /* sched_setaffinity() */
#include "support.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/machine.h"
#include "base/text.h"

static void a_failure_fills_the_callers_error(void **state)
{
    struct rt_err err;
    (void)state;
    assert_int_equal(rt_fail(&err, RT_ESHAPE, "kernel %d is too large", 5), RT_ESHAPE);
    assert_string_equal(err.text, "kernel 5 is too large");
    assert_int_equal(rt_fail(NULL, RT_EIO, "nobody listens"), RT_EIO);
    assert_string_equal(rt_status_kind(RT_EEND), "exhausted");
}

static void a_full_arena_stays_failed(void **state)
{
    struct rt_arena arena;
    struct rt_err err;
    (void)state;
    assert_ok(rt_arena_init(&arena, 1024, &err));
    void *first = rt_arena_zalloc(&arena, 100, 1);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % RT_ARENA_ALIGN, 0);
    assert_null(rt_arena_alloc(&arena, (size_t)1 << 40, 1));
    assert_null(rt_arena_alloc(&arena, SIZE_MAX, 16));
    assert_int_equal(rt_arena_check(&arena, "the student", &err), RT_ENOMEM);
    rt_arena_release(&arena);
}

static void a_counting_arena_measures_without_memory(void **state)
{
    struct rt_arena arena;
    (void)state;
    rt_arena_init_counting(&arena);
    assert_null(rt_arena_alloc(&arena, 1000, 4));
    assert_null(rt_arena_alloc(&arena, 1, 4));
    assert_int_equal(arena.used, 4096);
    assert_int_equal(rt_arena_check(&arena, "x", NULL), RT_OK);
}

static void streams_depend_on_seed_stream_and_index(void **state)
{
    struct rt_rng a, b;
    (void)state;
    rt_rng_init(&a, 1, RT_STREAM_TEST, 7);
    rt_rng_init(&b, 1, RT_STREAM_TEST, 7);
    for (int i = 0; i < 10; i++)
        assert_true(rt_rng_u64(&a) == rt_rng_u64(&b));
    rt_rng_init(&b, 1, RT_STREAM_TEST, 8);
    assert_true(rt_rng_u64(&a) != rt_rng_u64(&b));
    rt_rng_init(&b, 2, RT_STREAM_TEST, 7);
    assert_true(rt_rng_u64(&a) != rt_rng_u64(&b));
}

static void draws_have_the_right_moments(void **state)
{
    struct rt_rng rng;
    double sum = 0, squares = 0;
    int counts[3] = {0};
    (void)state;
    rt_rng_init(&rng, 3, RT_STREAM_TEST, 0);
    for (int i = 0; i < 100000; i++) {
        const double x = rt_rng_normal(&rng);
        sum += x;
        squares += x * x;
        counts[rt_rng_below(&rng, 3)]++;
    }
    assert_near(sum / 1e5, 0, 0.02); /* 6 standard errors */
    assert_near(squares / 1e5, 1, 0.03);
    for (int i = 0; i < 3; i++)
        assert_near(counts[i] / 1e5, 1.0 / 3, 0.01);
}

static void a_shuffle_is_a_permutation(void **state)
{
    struct rt_rng rng;
    int v[100], seen[100] = {0}, moved = 0;
    (void)state;
    for (int i = 0; i < 100; i++)
        v[i] = i;
    rt_rng_init(&rng, 4, RT_STREAM_TEST, 0);
    rt_rng_shuffle(&rng, v, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(seen[v[i]]++, 0);
        moved += v[i] != i;
    }
    assert_true(moved > 80);
}

static void a_hash_in_parts_is_the_hash_of_the_whole(void **state)
{
    char whole[RT_HASH_TEXT], parts[RT_HASH_TEXT];
    struct rt_hash *hash = rt_hash_open();
    (void)state;
    assert_non_null(hash);
    rt_hash_add(hash, "students ", 9);
    rt_hash_add(hash, "and teachers", 12);
    rt_hash_close(hash, parts);
    rt_hash_bytes("students and teachers", 21, whole);
    assert_string_equal(parts, whole);
    assert_int_equal(strlen(whole), 32);
}

static void an_abandoned_file_leaves_nothing(void **state)
{
    struct rt_writer writer;
    struct rt_err err;
    char *text;
    size_t bytes;
    (void)state;
    assert_ok(rt_writer_open(&writer, "base-test-file", &err));
    fputs("half", writer.file);
    rt_writer_abandon(&writer);
    assert_int_equal(access("base-test-file", F_OK), -1);

    assert_ok(rt_writer_open(&writer, "base-test-file", &err));
    fputs("whole", writer.file);
    assert_ok(rt_writer_commit(&writer, &err));
    rt_writer_abandon(&writer);
    assert_ok(rt_file_read("base-test-file", 100, &text, &bytes, &err));
    assert_string_equal(text, "whole");
    assert_int_equal(bytes, 5);
    free(text);
    unlink("base-test-file");
}

/* What was made to reach the disk, and whether the file stood in its place by then. */
static struct {
    int count;
    struct {
        bool folder, placed;
    } of[4];
} flushed;

/* In place of the C library's, for all of this program. */
int fsync(int fd)
{
    struct stat info;

    if (flushed.count < 4 && fstat(fd, &info) == 0) {
        flushed.of[flushed.count].folder = S_ISDIR(info.st_mode);
        flushed.of[flushed.count++].placed = access("base-test-file", F_OK) == 0;
    }
    return (int)syscall(SYS_fsync, fd);
}

static void a_file_is_on_the_disk_before_its_name_and_its_name_before_the_end(void **state)
{
    struct rt_writer writer;
    struct rt_err err;
    (void)state;

    unlink("base-test-file");
    flushed.count = 0;
    assert_ok(rt_writer_open(&writer, "base-test-file", &err));
    fputs("whole", writer.file);
    assert_ok(rt_writer_commit(&writer, &err));
    assert_int_equal(flushed.count, 2);
    assert_false(flushed.of[0].folder || flushed.of[0].placed);
    assert_true(flushed.of[1].folder && flushed.of[1].placed);
    unlink("base-test-file");
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
    static const size_t sizes[] = {5, 1 << 16, 3 << 16};
    struct rt_writer writer;
    struct rt_err err;
    char *text;
    size_t bytes;
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_ok(rt_writer_open(&writer, "base-test-file", &err));
        for (size_t k = 0; k < sizes[i]; k++)
            fputc('x', writer.file);
        assert_ok(rt_writer_commit(&writer, &err));
        assert_int_equal(rt_file_read("base-test-file", sizes[i] - 1, &text, &bytes, &err),
                         RT_EFORMAT);
        assert_non_null(strstr(err.text, "'base-test-file' is longer than"));
        assert_ok(rt_file_read("base-test-file", sizes[i], &text, &bytes, &err));
        assert_int_equal(bytes, sizes[i]);
        assert_int_equal(text[bytes], '\0');
        free(text);
    }
    unlink("base-test-file");
}

static void a_full_disk_is_reported_with_the_mend(void **state)
{
    struct rt_writer writer;
    struct rt_err err;
    (void)state;
    assert_ok(rt_writer_open(&writer, "base-test-full", &err));
    FILE *real = writer.file;
    writer.file = fopen("/dev/full", "wb");
    fclose(real);
    assert_non_null(writer.file);
    for (int i = 0; i < 1000; i++)
        fputs("more than a buffer holds, so that a write fails before the end\n", writer.file);
    assert_int_equal(rt_writer_commit(&writer, &err), RT_EFULL);
    assert_non_null(strstr(err.text, "cannot write 'base-test-full': No space left on device"));
    assert_int_equal(access("base-test-full", F_OK), -1);
}

static void begin(struct rt_writer *writer, const char *path, const char *text)
{
    struct rt_err err;

    assert_ok(rt_writer_open(writer, path, &err));
    fputs(text, writer->file);
}

static void assert_text(const char *path, const char *want)
{
    struct rt_err err;
    char *text;
    size_t bytes;

    assert_ok(rt_file_read(path, 100, &text, &bytes, &err));
    assert_string_equal(text, want);
    free(text);
}

static void of_a_pair_both_files_are_placed_or_none(void **state)
{
    struct rt_writer a, b;
    struct rt_err err;
    (void)state;
    begin(&a, "base-test-a", "old");
    begin(&b, "base-test-b", "old");
    assert_ok(rt_writer_commit_pair(&a, &b, &err));
    assert_text("base-test-a", "old");
    assert_text("base-test-b", "old");

    begin(&a, "base-test-a", "new"); /* the second cannot be written: both stay */
    begin(&b, "base-test-b", "");
    FILE *real = b.file;
    b.file = fopen("/dev/full", "wb");
    fclose(real);
    fputs("new", b.file);
    assert_int_equal(rt_writer_commit_pair(&a, &b, &err), RT_EFULL);
    assert_text("base-test-a", "old");
    assert_text("base-test-b", "old");
    assert_int_equal(access(a.temporary, F_OK), -1);
    assert_int_equal(access(b.temporary, F_OK), -1);

    begin(&a, "base-test-a", "new"); /* it cannot be placed: the first does not stay alone */
    begin(&b, "base-test-b", "new");
    unlink("base-test-b");
    assert_int_equal(mkdir("base-test-b", 0777), 0);
    assert_int_equal(rt_writer_commit_pair(&a, &b, &err), RT_EIO);
    assert_int_equal(access("base-test-a", F_OK), -1);
    assert_int_equal(access(b.temporary, F_OK), -1);
    rmdir("base-test-b");
}

static void paths_are_seen_from_the_file_that_names_them(void **state)
{
    char out[RT_PATH_MAX];
    struct rt_err err;
    (void)state;
    assert_ok(rt_path_beside("a/b/study.yaml", "data.gz", out, &err));
    assert_string_equal(out, "a/b/data.gz");
    assert_ok(rt_path_beside("a/b/study.yaml", "/data.gz", out, &err));
    assert_string_equal(out, "/data.gz");
    assert_ok(rt_path_beside("study.yaml", "data.gz", out, &err));
    assert_string_equal(out, "data.gz");
}

static void the_machine_has_a_name_and_cores(void **state)
{
    struct rt_machine machine;
    char now[RT_UTC_TEXT];
    (void)state;
    rt_machine_query(&machine);
    assert_true(machine.cores >= 1);
    assert_true(machine.memory > 0);
    assert_true(strlen(machine.host) > 0);
    rt_utc_text(now);
    assert_int_equal(strlen(now), 24);
}

/* ---- quota ---- */

static void write_text(const char *path, const char *text)
{
    struct rt_err err;
    assert_ok(rt_folder_make_for(path, &err));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_quota_is_the_least_of_all_groups_above(void **state)
{
    static const char *const groups[] = {"quota/cpu.max", "quota/a/cpu.max", "quota/a/b/cpu.max"};
    (void)state;
    for (int i = 0; i < 3; i++)
        write_text(groups[i], "max 100000\n");
    write_text("quota/cpu/cpu.cfs_quota_us", "-1\n");
    write_text("quota/cpu/c/cpu.cfs_quota_us", "-1\n");
    assert_near(rt_cgroup_quota("no-such-file", "quota"), 0, 0);
    write_text("quota/groups", "0::/a/b\n");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), 0, 0);
    write_text("quota/a/cpu.max", "150000 100000\n");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), 1.5, 0);
    write_text("quota/a/b/cpu.max", "20000 40000\n");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), .5, 0);
    write_text("quota/groups", "0::/\n"); /* in a container */
    write_text("quota/cpu.max", "300000 100000\n");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), 3, 0);
    write_text("quota/groups", "nonsense\n7:cpuset:/a\n4:cpuacct,cpu:/c\n");
    write_text("quota/cpu/c/cpu.cfs_period_us", "100000\n");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), 0, 0);
    write_text("quota/cpu/c/cpu.cfs_quota_us", "250000\n");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), 2.5, 0);
    write_text("quota/cpu/cpu.cfs_quota_us", "0x\n");
    write_text("quota/cpu/cpu.cfs_period_us", "");
    assert_near(rt_cgroup_quota("quota/groups", "quota"), 2.5, 0);
}

static void a_limit_of_memory_is_the_least_of_all_groups_above(void **state)
{
    (void)state;
    write_text("memory/memory/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
    write_text("memory/a/memory.max", "5000000\n");
    write_text("memory/a/b/memory.max", "max\n");
    write_text("memory/groups", "0::/a/b\n");
    assert_near(rt_cgroup_memory("memory/groups", "memory"), 5e6, 0);
    write_text("memory/a/b/memory.max", "4000000\n");
    assert_near(rt_cgroup_memory("memory/groups", "memory"), 4e6, 0);
    write_text("memory/groups", "4:memory:/c\n");
    write_text("memory/memory/c/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
    assert_near(rt_cgroup_memory("memory/groups", "memory"), 0, 0);
    write_text("memory/memory/memory.limit_in_bytes", "3000000\n");
    assert_near(rt_cgroup_memory("memory/groups", "memory"), 3e6, 0);
    assert_true(rt_memory_room() > 0);
}

static void cores_are_those_this_process_may_run_on(void **state)
{
    cpu_set_t all, one;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_in_range(rt_cores(), 1, CPU_COUNT(&all));
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(rt_cores(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void words_are_as_far_apart_as_letters_must_change(void **state)
{
    char word[80];
    (void)state;
    memset(word, 'a', 79);
    word[79] = '\0';
    assert_int_equal(rt_edit_distance("search", "search"), 0);
    assert_int_equal(rt_edit_distance("", "abc"), 3);
    assert_int_equal(rt_edit_distance("serach", "search"), 2);
    assert_int_equal(rt_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(rt_edit_distance("flaw", "lawn"), 2);
    assert_true(rt_edit_distance(word, "a") == SIZE_MAX);
    assert_int_equal(rt_edit_distance(word + 16, "a"), 62);
}

/* A fifo stands for all that is no plain file. */
static void what_is_no_plain_file_is_written_to_as_it_is(void **state)
{
    struct rt_writer writer;
    struct rt_err err;
    struct stat there;
    char got[8] = "";
    (void)state;

    unlink("base-test-fifo");
    assert_int_equal(mkfifo("base-test-fifo", 0600), 0);
    const int reader = open("base-test-fifo", O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_ok(rt_writer_open(&writer, "base-test-fifo", &err));
    fputs("text", writer.file);
    assert_ok(rt_writer_commit(&writer, &err));
    assert_int_equal(read(reader, got, sizeof got), 4);
    assert_string_equal(got, "text");
    assert_int_equal(lstat("base-test-fifo", &there), 0);
    assert_true(S_ISFIFO(there.st_mode));
    close(reader);
    unlink("base-test-fifo");
}

static void a_link_stays_and_what_it_points_to_is_replaced(void **state)
{
    static const char *const links[] = {"base-test-link", "base-test-dangling"};
    struct rt_writer writer;
    struct rt_err err;
    struct stat there;
    char *data;
    size_t bytes;
    (void)state;

    for (int i = 0; i < 2; i++) {
        unlink(links[i]);
        unlink("base-test-target");
        if (i == 0)
            fclose(fopen("base-test-target", "w"));
        assert_int_equal(symlink("base-test-target", links[i]), 0);
        assert_ok(rt_writer_open(&writer, links[i], &err));
        fputs("new", writer.file);
        assert_ok(rt_writer_commit(&writer, &err));
        assert_int_equal(lstat(links[i], &there), 0);
        assert_true(S_ISLNK(there.st_mode));
        assert_ok(rt_file_read("base-test-target", 100, &data, &bytes, &err));
        assert_string_equal(data, "new");
        free(data);
        unlink(links[i]);
    }
    unlink("base-test-target");
}

static void what_a_killed_writer_left_is_removed_by_the_next(void **state)
{
    struct rt_writer writer;
    struct rt_err err;
    char left[64], alive[64];
    (void)state;

    const pid_t child = fork(); /* it ends without a word, as if it was killed */
    if (child == 0)
        _exit(rt_writer_open(&writer, "base-test-file", &err) == RT_OK ? 0 : 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(left, sizeof left, "base-test-file.tmp-%ld", (long)child);
    snprintf(alive, sizeof alive, "base-test-file.tmp-%ld", (long)getppid());
    fclose(fopen(alive, "w"));
    assert_int_equal(access(left, F_OK), 0);
    assert_ok(rt_writer_open(&writer, "base-test-file", &err));
    rt_writer_abandon(&writer);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(access(alive, F_OK), 0);
    unlink(alive);
}

static void a_time_is_read_as_it_was_written(void **state)
{
    static const char *const none[] = {
        "",
        "2026-11-29",
        "2026-11-29 09:24:25.000Z",
        "2026-11-29T09:24:25Z",
        "2026-13-29T09:24:25.000Z",
        "2026-00-29T09:24:25.000Z",
        "2026-11-29T24:24:25.000Z",
        "2026-11-29T09:24:25.000Z ",
        "2026-11-2\xff"
        "T09:24:25.000Z",
    };
    char text[64];
    (void)state;

    for (time_t t = 0; t < 4102444800; t += 86399 * 17) { /* to 2100, each day of a year at last */
        struct tm day;
        gmtime_r(&t, &day);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.125Z", &day);
        assert_true(rt_utc_seconds(text) == (double)t + .125);
    }
    rt_utc_text(text);
    assert_near(rt_utc_seconds(text), (double)time(NULL), 2);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_true(isnan(rt_utc_seconds(none[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_plain_file_is_written_to_as_it_is),
        cmocka_unit_test(a_link_stays_and_what_it_points_to_is_replaced),
        cmocka_unit_test(what_a_killed_writer_left_is_removed_by_the_next),
        cmocka_unit_test(a_failure_fills_the_callers_error),
        cmocka_unit_test(a_full_arena_stays_failed),
        cmocka_unit_test(a_counting_arena_measures_without_memory),
        cmocka_unit_test(streams_depend_on_seed_stream_and_index),
        cmocka_unit_test(draws_have_the_right_moments),
        cmocka_unit_test(a_shuffle_is_a_permutation),
        cmocka_unit_test(a_hash_in_parts_is_the_hash_of_the_whole),
        cmocka_unit_test(an_abandoned_file_leaves_nothing),
        cmocka_unit_test(a_file_is_on_the_disk_before_its_name_and_its_name_before_the_end),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(a_full_disk_is_reported_with_the_mend),
        cmocka_unit_test(of_a_pair_both_files_are_placed_or_none),
        cmocka_unit_test(paths_are_seen_from_the_file_that_names_them),
        cmocka_unit_test(a_quota_is_the_least_of_all_groups_above),
        cmocka_unit_test(a_limit_of_memory_is_the_least_of_all_groups_above),
        cmocka_unit_test(cores_are_those_this_process_may_run_on),
        cmocka_unit_test(the_machine_has_a_name_and_cores),
        cmocka_unit_test(words_are_as_far_apart_as_letters_must_change),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
