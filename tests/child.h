/* tests/child.h -- faults happen in a child process, so that a lock, a mount or a user id of the
 * test never outlives it. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H
#define _GNU_SOURCE /* unshare() */
#include "store_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

#define SKIPPED 77
#define NOBODY 65534

/* Run `body` in a child; its exit code. A failed check in it prints to stderr and exits 1. */
static inline int in_child(int (*body)(void))
{
    int status = 0;
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a child, where cmocka's own checks would jump back into the parent's test. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)
#define CHECK_SAYS(part)                                                                           \
    do {                                                                                           \
        if (!strstr(err.text, part)) {                                                             \
            fprintf(stderr, "%s:%d: got '%s', want a text with '%s'\n", __FILE__, __LINE__,        \
                    err.text, part);                                                               \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static inline void pass_or_skip(int code)
{
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

/* A file system of our own, seen by this process alone, at <scratch>/<name>. */
static inline int mount_small(const char *folder, const char *size)
{
    if (mkdir(folder, 0777) && errno != EEXIST)
        return 1;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", folder, "tmpfs", 0, size))
        return SKIPPED;
    return 0;
}
#endif
