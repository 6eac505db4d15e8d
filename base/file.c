/* base/file.c -- POSIX calls with errors that a user can act on.
 *
 * rename() replaces a file at once or not at all, but only fsync() before it makes the new one
 * survive a loss of power, and one of the folder after it the new name; that is why commit does all
 * three, and writes beside the target, on its disk. A writer holds a lock on its temporary file, so
 * that others can tell it from one that was left over.
 */
#include "base/file.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static const char *mend(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT: return "; free some space there or choose another place";
    case EROFS:
    case EACCES:
    case EPERM: return "; choose a folder you can write to, or mend its permissions";
    default: return "";
    }
}

static rt_status fail_errno(struct rt_err *err, const char *what, const char *path)
{
    const int code = errno;
    const rt_status rc = code == ENOSPC || code == EDQUOT ? RT_EFULL : RT_EIO;

    rt_report(err, rc, "cannot %s '%s': %s%s", what, path, strerror(code), mend(code));
    return rc;
}

/* ---- writing ---- */

/* What `path` stands for when links are followed, also where the last points to nothing yet. */
static rt_status follow_links(const char *path, char target[RT_PATH_MAX], struct rt_err *err)
{
    char next[RT_PATH_MAX], from[RT_PATH_MAX];
    struct stat there;

    memcpy(target, path, strlen(path) + 1);
    for (int links = 0; lstat(target, &there) == 0 && S_ISLNK(there.st_mode); links++) {
        const ssize_t size = readlink(target, next, sizeof next - 1);
        if (size < 0 || links == 40) {
            errno = links == 40 ? ELOOP : errno;
            return fail_errno(err, "write", path);
        }
        next[size] = '\0';
        memcpy(from, target, sizeof from);
        RT_TRY(rt_path_beside(from, next, target, err));
    }
    return RT_OK;
}

/* The folder of a file, with the '/' at its end; "./". */
static void folder_of(const char *path, char folder[RT_PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    snprintf(folder, RT_PATH_MAX, "%.*s", slash ? (int)(slash - path + 1) : 2, slash ? path : "./");
}

/* Its writer is gone: the process, and the lock, which one of another machine would hold. */
static bool is_left_over(const char *path, const char *pid)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool free_now;

    if (fd < 0)
        return false;
    free_now = kill((pid_t)strtol(pid, NULL, 10), 0) && errno == ESRCH &&
               flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return free_now;
}

void rt_file_remove_left_over(const char *stem)
{
    char folder[RT_PATH_MAX], path[RT_PATH_MAX + NAME_MAX + 2];
    const char *name = strrchr(stem, '/');
    const size_t length = strlen(name = name ? name + 1 : stem);
    DIR *list;

    folder_of(stem, folder);
    list = opendir(folder);
    if (!list)
        return;
    for (const struct dirent *entry; (entry = readdir(list));) {
        const char *pid = entry->d_name + length;
        if (strncmp(entry->d_name, name, length) != 0 || !isdigit((unsigned char)*pid))
            continue;
        const char rest = pid[strspn(pid, "0123456789")];
        snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
        if ((rest == '\0' || rest == '.') && is_left_over(path, pid))
            unlink(path);
    }
    closedir(list);
}

/* Does the file begin as one of SQLite's that is marked "RTRT", or as a log or journal of any? Weeks
 * of trials must not end by a slip of the pen. */
static bool is_study(const char *path)
{
    static const unsigned char wal[] = {0x37, 0x7f, 0x06}, journal[] = {0xd9, 0xd5, 0x05, 0xf9};
    unsigned char head[100] = {0};
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(head, 1, sizeof head, file) : 0;

    if (file)
        (void)fclose(file);
    return (got == sizeof head && memcmp(head, "SQLite format 3", 16) == 0 &&
            memcmp(head + 68, "RTRT", 4) == 0) ||
           (got > 3 && (memcmp(head, wal, 3) == 0 || memcmp(head, journal, 4) == 0));
}

rt_status rt_writer_open(struct rt_writer *writer, const char *path, struct rt_err *err)
{
    char stem[RT_PATH_MAX + 8];
    struct stat there;

    *writer = (struct rt_writer){0};
    if (strlen(path) + 32 > RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "cannot write '%.80s...': the path is too long", path);
    memcpy(writer->path, path, strlen(path) + 1);
    RT_TRY(follow_links(path, writer->target, err));
    const bool is_there = stat(writer->target, &there) == 0;
    if (is_there && S_ISDIR(there.st_mode))
        return rt_fail(err, RT_EIO, "cannot write '%.200s': it is a folder", path);
    if (is_there && !S_ISREG(there.st_mode)) {
        writer->file = fopen(writer->target, "wb");
        return writer->file ? RT_OK : fail_errno(err, "write", path);
    }
    if (is_there && is_study(writer->target))
        return rt_fail(err, RT_EARG,
                       "'%.200s' is a study's database, which nothing replaces; name another file",
                       path);
    if (snprintf(writer->temporary, RT_PATH_MAX, "%s.tmp-%ld", writer->target, (long)getpid()) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "cannot write '%.80s...': the path is too long", path);
    snprintf(stem, sizeof stem, "%s.tmp-", writer->target);
    rt_file_remove_left_over(stem);
    writer->file = fopen(writer->temporary, "wb");
    if (!writer->file)
        return fail_errno(err, "write", path);
    (void)flock(fileno(writer->file), LOCK_EX | LOCK_NB); /* a file system may have none */
    return RT_OK;
}

static void discard(const struct rt_writer *writer)
{
    if (writer->temporary[0])
        unlink(writer->temporary);
}

/* Why an earlier write failed: a stream does not keep that, so the disk is asked again. */
static int ask_again(FILE *file)
{
    static const char zeros[1 << 16];

    errno = 0;
    for (int i = 0; i < 16; i++)
        if (write(fileno(file), zeros, sizeof zeros) < 0)
            return errno;
    return EIO;
}

/* All that was written onto the disk, under the temporary name. */
static rt_status finish(struct rt_writer *writer, struct rt_err *err)
{
    FILE *file = writer->file;
    assert(file); /* open, and neither committed nor abandoned */
    const bool bad = ferror(file);
    int code = 0;

    errno = 0;
    if (fflush(file) || (!bad && writer->temporary[0] && fsync(fileno(file))))
        code = errno ? errno : EIO;
    if (bad && !code)
        code = ask_again(file);
    writer->file = NULL;
    if (fclose(file) && !code)
        code = errno;
    if (code) {
        errno = code;
        const rt_status rc = fail_errno(err, "write", writer->path);
        discard(writer);
        return rc;
    }
    return RT_OK;
}

static rt_status place(const struct rt_writer *writer, struct rt_err *err)
{
    if (!writer->temporary[0])
        return RT_OK;
    if (rename(writer->temporary, writer->target)) {
        const rt_status rc = fail_errno(err, "rename to", writer->path);
        discard(writer);
        return rc;
    }
    return rt_folder_flush_for(writer->target, err);
}

rt_status rt_writer_commit(struct rt_writer *writer, struct rt_err *err)
{
    RT_TRY(finish(writer, err));
    return place(writer, err);
}

rt_status rt_writer_commit_pair(struct rt_writer *first, struct rt_writer *second,
                                struct rt_err *err)
{
    rt_status rc = finish(first, err);

    if (rc != RT_OK) {
        rt_writer_abandon(second);
        return rc;
    }
    if ((rc = finish(second, err)) || (rc = place(first, err))) {
        discard(first);
        discard(second);
        return rc;
    }
    if ((rc = place(second, err)) && first->temporary[0])
        unlink(first->target);
    return rc;
}

void rt_writer_abandon(struct rt_writer *writer)
{
    if (!writer->file)
        return;
    fclose(writer->file);
    discard(writer);
    writer->file = NULL;
}

/* ---- reading ---- */

rt_status rt_file_read(const char *path, size_t limit, char **data, size_t *bytes,
                       struct rt_err *err)
{
    rt_status rc = RT_OK;
    size_t size = 0, room = 1 << 16;
    char *text = NULL;
    FILE *file = fopen(path, "rb");

    assert(limit < SIZE_MAX / 2); /* the buffer may grow to twice as much */
    if (!file)
        return fail_errno(err, "open", path);
    for (;;) {
        char *more = realloc(text, room + 1);
        if (!more) {
            rc = rt_fail(err, RT_ENOMEM, "no memory to read '%s'", path);
            goto done;
        }
        text = more;
        size += fread(text + size, 1, room - size, file);
        if (size > limit) {
            rc = rt_fail(err, RT_EFORMAT, "'%s' is longer than %zu bytes", path, limit);
            goto done;
        }
        if (size < room)
            break;
        room *= 2;
    }
    if (ferror(file)) {
        rc = fail_errno(err, "read", path);
        goto done;
    }
    text[size] = '\0';
    *data = text;
    *bytes = size;
    text = NULL;
done:
    free(text);
    fclose(file);
    return rc;
}

/* What is mapped; a handler of signals reads it, so it has no lock. Those without room are unknown. */
struct mapped {
    const unsigned char *data;
    size_t bytes;
    struct stat about;          /* of the file then */
    _Atomic int64_t written_ns; /* when what is known of it was written */
    char path[];
};
static _Atomic(struct mapped *) all_mapped[64];

static int64_t ns_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void remember(const struct rt_map *map, const struct stat *about, const char *path)
{
    struct mapped *mapped = malloc(sizeof *mapped + strlen(path) + 1);

    if (!mapped)
        return;
    mapped->data = map->data;
    mapped->bytes = map->bytes;
    mapped->about = *about;
    atomic_init(&mapped->written_ns, ns_of(&about->st_mtim));
    memcpy(mapped->path, path, strlen(path) + 1);
    for (size_t i = 0; i < sizeof all_mapped / sizeof *all_mapped; i++) {
        struct mapped *none = NULL;
        if (atomic_compare_exchange_strong(&all_mapped[i], &none, mapped))
            return;
    }
    free(mapped);
}

static void forget(const struct rt_map *map)
{
    for (size_t i = 0; i < sizeof all_mapped / sizeof *all_mapped; i++) {
        struct mapped *mapped = atomic_load(&all_mapped[i]);
        if (mapped && mapped->data == map->data) {
            atomic_store(&all_mapped[i], NULL);
            free(mapped);
            return;
        }
    }
}

const char *rt_map_at(const void *address)
{
    const unsigned char *at = address;

    for (size_t i = 0; i < sizeof all_mapped / sizeof *all_mapped; i++) {
        const struct mapped *mapped = atomic_load(&all_mapped[i]);
        if (mapped && at >= mapped->data && at < mapped->data + mapped->bytes)
            return mapped->path;
    }
    return NULL;
}

/* NULL: it is unknown. */
static struct mapped *mapped_of(const struct rt_map *map)
{
    for (size_t i = 0; i < sizeof all_mapped / sizeof *all_mapped; i++) {
        struct mapped *mapped = atomic_load(&all_mapped[i]);
        if (mapped && mapped->data == map->data)
            return mapped;
    }
    return NULL;
}

enum rt_map_state rt_map_look(const struct rt_map *map, int64_t *written_ns)
{
    const struct mapped *mapped = mapped_of(map);
    struct stat now;

    if (!mapped || stat(mapped->path, &now) != 0 || now.st_dev != mapped->about.st_dev ||
        now.st_ino != mapped->about.st_ino)
        return RT_MAP_SAME;
    if (now.st_size < mapped->about.st_size)
        return RT_MAP_CUT;
    *written_ns = ns_of(&now.st_mtim);
    return *written_ns != atomic_load(&mapped->written_ns) ? RT_MAP_WRITTEN : RT_MAP_SAME;
}

void rt_map_accept(const struct rt_map *map, int64_t written_ns)
{
    struct mapped *mapped = mapped_of(map);
    struct timespec now;

    if (mapped && clock_gettime(CLOCK_REALTIME, &now) == 0 &&
        llabs(ns_of(&now) - written_ns) > INT64_C(1000000000))
        atomic_store(&mapped->written_ns, written_ns);
}

rt_status rt_map_open(struct rt_map *map, const char *path, struct rt_err *err)
{
    rt_status rc = RT_OK;
    struct stat info;
    void *data;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fail_errno(err, "open", path);
    if (fstat(fd, &info)) {
        rc = fail_errno(err, "read", path);
        goto done;
    }
    if (!S_ISREG(info.st_mode) || info.st_size == 0) {
        rc = rt_fail(err, RT_EFORMAT, "'%s' is empty or not a plain file", path);
        goto done;
    }
    data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        rc = fail_errno(err, "map", path);
        goto done;
    }
    *map = (struct rt_map){data, (size_t)info.st_size};
    remember(map, &info, path);
done:
    close(fd);
    return rc;
}

void rt_map_close(struct rt_map *map)
{
    if (map->data) {
        forget(map);
        munmap((void *)map->data, map->bytes);
    }
    *map = (struct rt_map){0};
}

/* ---- folders ---- */

rt_status rt_folder_flush_for(const char *path, struct rt_err *err)
{
    char folder[RT_PATH_MAX];
    rt_status rc = RT_OK;

    folder_of(path, folder);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return RT_OK; /* one may write to a folder that one may not read */
    if (fsync(fd) && errno == EIO)
        rc = fail_errno(err, "write", path);
    close(fd);
    return rc;
}

rt_status rt_folder_make(const char *path, struct rt_err *err)
{
    char part[RT_PATH_MAX];
    const size_t length = strlen(path);

    if (length >= sizeof part)
        return rt_fail(err, RT_EIO, "cannot make folder '%.80s...': the path is too long", path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        const char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            return fail_errno(err, "make folder", path);
        part[i] = kept;
    }
    return RT_OK;
}

rt_status rt_folder_make_for(const char *path, struct rt_err *err)
{
    char folder[RT_PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return RT_OK;
    if ((size_t)(slash - path) >= sizeof folder)
        return rt_fail(err, RT_EIO, "cannot make a folder for '%.80s...': the path is too long",
                       path);
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return rt_folder_make(folder, err);
}

rt_status rt_path_beside(const char *from, const char *path, char out[RT_PATH_MAX],
                         struct rt_err *err)
{
    const char *slash = strrchr(from, '/');
    const int folder = path[0] == '/' || !slash ? 0 : (int)(slash - from + 1);

    if (snprintf(out, RT_PATH_MAX, "%.*s%s", folder, from, path) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", path);
    return RT_OK;
}

/* ---- the disk ---- */

/* The path, or of its folders the first that is there. */
static bool find_place(const char *path, char place[RT_PATH_MAX], struct stat *about)
{
    (void)snprintf(place, RT_PATH_MAX, "%s", path);
    while (stat(place, about)) {
        char *slash = strrchr(place, '/');
        if (strcmp(place, "/") == 0 || strcmp(place, ".") == 0)
            return false;
        if (slash)
            slash[slash == place] = '\0';
        else
            (void)snprintf(place, RT_PATH_MAX, ".");
    }
    return true;
}

bool rt_disk_shared(const char *a, const char *b)
{
    struct stat one, other;
    char place[RT_PATH_MAX];

    return find_place(a, place, &one) && find_place(b, place, &other) && one.st_dev == other.st_dev;
}

rt_status rt_disk_room(const char *path, double *free_bytes, double *total, struct rt_err *err)
{
    char place[RT_PATH_MAX];
    struct statvfs disk;
    struct stat about;

    if (!find_place(path, place, &about) || statvfs(place, &disk))
        return rt_fail(err, RT_EIO, "cannot look at the disk of '%s'", path);
    *free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    *total = (double)disk.f_blocks * (double)disk.f_frsize;
    return RT_OK;
}
