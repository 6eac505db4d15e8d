/* store/lock.c -- one writer a file, by two locks, which the system gives back when the holder dies,
 * however it dies.
 *
 * flock() on "<database>.lock", a file that holds "pid host": a refused writer can name the holder,
 * and readers see whether there is one. It is removed at the end; so whoever locks it makes sure
 * that it is still the one on disk.
 * A lock of an open file description (fcntl(), not flock(), which is the same lock as SQLite's own
 * on some network disks) on a byte of the database that nobody else locks: it also finds the writer
 * by another name of the file, which would have another write-ahead log, and without the lock file.
 * Its descriptor is opened before SQLite's and closed after them, since closing any descriptor of a
 * file drops the locks that the process, SQLite, holds on it.
 */
#define _GNU_SOURCE
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* What the holder left in the file; nothing when it cannot be read. */
static void read_owner(int fd, struct store_writer *owner)
{
    char text[96] = "";
    const ssize_t size = pread(fd, text, sizeof text - 1, 0);

    if (size <= 0 || sscanf(text, "%ld %63s", &owner->pid, owner->host) != 2)
        *owner = (struct store_writer){.alive = owner->alive};
    rt_text_plain(owner->host);
}

static rt_status refuse(int fd, const char *path, struct rt_err *err)
{
    struct store_writer owner = {.alive = true};

    read_owner(fd, &owner);
    if (owner.pid)
        return rt_fail(err, RT_EDB,
                       "'%s' is being written by process %ld on %s: wait until it ends or stop it",
                       path, owner.pid, owner.host);
    return rt_fail(err, RT_EDB, "'%s' is being written by another process", path);
}

static rt_status fail_lock(const char *path, int code, struct rt_err *err)
{
    const bool barred = code == EACCES || code == EROFS || code == EPERM;
    return rt_fail(err, RT_EIO, "cannot lock '%s' for writing: %s%s", path, strerror(code),
                   barred           ? "; choose a folder you can write to, or mend its permissions"
                   : code == ENOSPC ? "; free some space there or choose another place"
                                    : "");
}

static bool is_still_there(int fd, const char *path)
{
    struct stat held, seen;
    return fstat(fd, &held) == 0 && stat(path, &seen) == 0 && held.st_ino == seen.st_ino &&
           held.st_dev == seen.st_dev;
}

/* Failing to leave the pid is no reason to stop: the lock itself is held. */
static void sign(int fd)
{
    char text[96], host[64] = "unknown";
    int size;

    if (gethostname(host, sizeof host - 1))
        snprintf(host, sizeof host, "unknown");
    size = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) != size)
        (void)!ftruncate(fd, 0);
}

/* Whoever asks for the owner holds a shared lock for some microseconds: try again for a while. */
static int try_hard(int fd)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int tries = 20;

    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK || --tries == 0)
            return -1;
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

rt_status store__lock(struct store_lock *lock, const char *path, struct rt_err *err)
{
    assert(path[0]);
    lock->fd = -1;
    snprintf(lock->path, sizeof lock->path, "%s" STORE_LOCK_SUFFIX, path);
    for (;;) {
        const int fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return fail_lock(path, errno, err);
        if (try_hard(fd)) {
            const int code = errno;
            const rt_status rc =
                code == EWOULDBLOCK ? refuse(fd, path, err) : fail_lock(path, code, err);
            close(fd);
            return rc;
        }
        if (is_still_there(fd, lock->path)) {
            sign(fd);
            lock->fd = fd;
            return RT_OK;
        }
        close(fd);
    }
}

/* Beyond SQLite's own, which begin at 1 GiB; there need not be a byte. */
#define LOCK_BYTE ((off_t)0x40001000)

rt_status store__lock_database(struct store_lock *lock, const char *path, struct rt_err *err)
{
    struct flock whole = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_BYTE, .l_len = 1};

    assert(lock->fd >= 0 && lock->database < 0);
    lock->database = open(path, O_RDWR | O_CLOEXEC);
    if (lock->database < 0)
        return rt_fail(err, RT_EIO, "cannot write '%s': %s; mend its permissions", path,
                       strerror(errno));
    if (fcntl(lock->database, F_OFD_SETLK, &whole) == 0)
        return RT_OK;
    if (errno == EAGAIN || errno == EACCES)
        return rt_fail(err, RT_EDB,
                       "'%s' is being written by another process, under another name of the file: "
                       "wait until it ends or stop it",
                       path);
    return fail_lock(path, errno, err);
}

bool store__locked_is(const struct store_lock *lock, const char *path)
{
    return is_still_there(lock->database, path);
}

void store__lock_owner(const char *path, struct store_writer *writer)
{
    char name[RT_PATH_MAX + 16];

    *writer = (struct store_writer){.alive = false};
    snprintf(name, sizeof name, "%s" STORE_LOCK_SUFFIX, path);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK) {
        writer->alive = true;
        read_owner(fd, writer);
    }
    close(fd); /* and the lock is given back */
}

void store__unlock(struct store_lock *lock)
{
    if (lock->fd < 0)
        return;
    if (lock->database >= 0)
        close(lock->database);
    unlink(lock->path);
    close(lock->fd);
    lock->fd = lock->database = -1;
}
