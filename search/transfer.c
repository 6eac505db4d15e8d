/* search/transfer.c -- see transfer.h. */
#include "search/transfer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

rt_status transfer_hash(const char *path, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_map map;

    RT_TRY(rt_map_open(&map, path, err));
    rt_hash_bytes(map.data, map.bytes, hash);
    rt_map_close(&map);
    return RT_OK;
}

bool transfer_has(const char *path, const char *hash)
{
    char got[RT_HASH_TEXT];

    return transfer_hash(path, got, NULL) == RT_OK && strcmp(got, hash) == 0;
}

static rt_status part_of(const struct transfer *t, char part[RT_PATH_MAX], struct rt_err *err)
{
    char ending[32] = ".part";

    if (!t->alone)
        (void)snprintf(ending, sizeof ending, ".part-%ld", (long)getpid());
    if (snprintf(part, RT_PATH_MAX, "%s%s", t->path, ending) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", t->path);
}

rt_status transfer_begin(struct transfer *transfer, const char *path, const char *hash, bool alone,
                         struct rt_err *err)
{
    char part[RT_PATH_MAX];
    struct stat there;

    assert(strlen(hash) < RT_HASH_TEXT);
    *transfer = (struct transfer){.alone = alone};
    if ((size_t)snprintf(transfer->path, sizeof transfer->path, "%s", path) >=
        sizeof transfer->path)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", path);
    (void)snprintf(transfer->hash, sizeof transfer->hash, "%s", hash);
    RT_TRY(part_of(transfer, part, err));
    RT_TRY(rt_folder_make_for(path, err));
    if (alone && stat(part, &there) == 0 && S_ISREG(there.st_mode))
        transfer->offset = there.st_size;
    return RT_OK;
}

void transfer_end(const struct transfer *transfer)
{
    char part[RT_PATH_MAX];

    if (transfer->path[0] && !transfer->alone && part_of(transfer, part, NULL) == RT_OK)
        (void)unlink(part);
}

static rt_status append(const char *part, int64_t offset, const void *data, size_t bytes,
                        struct rt_err *err)
{
    const int file = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool good = file >= 0 && ftruncate(file, offset) == 0;

    for (size_t done = 0; good && done < bytes;) {
        const ssize_t n =
            pwrite(file, (const char *)data + done, bytes - done, offset + (int64_t)done);
        good = n > 0;
        done += good ? (size_t)n : 0;
    }
    const int why = errno;
    if (file >= 0 && close(file) != 0)
        good = false;
    return good ? RT_OK : rt_fail(err, RT_EIO, "cannot write '%s': %s", part, strerror(why));
}

/* All is there: is it what was meant? */
static rt_status place(struct transfer *t, const char *part, struct rt_err *err)
{
    if (!transfer_has(part, t->hash)) {
        (void)unlink(part);
        t->offset = 0;
        return rt_fail(err, RT_EFORMAT, "'%s' did not come as its hash says", t->path);
    }
    if (rename(part, t->path))
        return rt_fail(err, RT_EIO, "cannot rename '%s': %s", part, strerror(errno));
    return RT_OK;
}

rt_status transfer_add(struct transfer *transfer, uint64_t offset, int64_t total, const void *data,
                       size_t bytes, bool *whole, struct rt_err *err)
{
    char part[RT_PATH_MAX];

    *whole = false;
    RT_TRY(part_of(transfer, part, err));
    if (total < 0 || offset != (uint64_t)transfer->offset ||
        (int64_t)bytes > total - transfer->offset || (bytes == 0 && transfer->offset != total)) {
        (void)unlink(part); /* the file may be another by now */
        transfer->offset = 0;
        return rt_fail(err, RT_EFORMAT, "a piece of '%s' is not the next one", transfer->path);
    }
    RT_TRY(append(part, transfer->offset, data, bytes, err));
    transfer->offset += (int64_t)bytes;
    if (transfer->offset < total)
        return RT_OK;
    RT_TRY(place(transfer, part, err));
    *whole = true;
    return RT_OK;
}

rt_status transfer_read(const char *path, uint64_t offset, void *data, size_t room, size_t *bytes,
                        int64_t *total, struct rt_err *err)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    rt_status rc = RT_OK;
    ssize_t n = -1;

    if (file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode)) {
        if (offset > (uint64_t)about.st_size)
            rc = rt_fail(err, RT_EARG, "'%s' has no byte %llu", path, (unsigned long long)offset);
        else
            n = pread(file, data, room, (off_t)offset);
    }
    if (rc == RT_OK && n < 0)
        rc = rt_fail(err, RT_EIO, "cannot read '%s': %s", path, strerror(errno));
    if (file >= 0)
        (void)close(file);
    if (rc == RT_OK) {
        *bytes = (size_t)n;
        *total = about.st_size;
    }
    return rc;
}
