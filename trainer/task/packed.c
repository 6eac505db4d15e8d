/* trainer/task/packed.c -- zlib's gzread() passes plain files through unchanged. */
#include "trainer/task/packed.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { first_room = 1 << 20, most_piece = 1 << 30 };

/* What zlib says of a file that could not be read to its end; RT_OK when it could. */
static rt_status check_end(gzFile file, const char *path, struct rt_err *err)
{
    int code = Z_OK;
    const char *why = gzerror(file, &code);

    if (code == Z_OK || code == Z_STREAM_END)
        return RT_OK;
    if (strncmp(why, path, strlen(path)) == 0)
        why += strlen(path) + 2; /* zlib begins with "PATH: " */
    if (code == Z_ERRNO)
        return rt_fail(err, RT_EIO, "cannot read '%s': %s", path, why);
    if (code == Z_BUF_ERROR)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is truncated: it cannot be unpacked to its end; fetch it again", path);
    return rt_fail(err, RT_EFORMAT, "'%s' cannot be unpacked: %s; fetch it again", path, why);
}

/* Twice the room, but for one byte more than the limit, which tells that there is more. */
static bool more_room(uint8_t **bytes, size_t *room, size_t limit)
{
    const size_t wanted = *room ? 2 * *room : first_room;
    const size_t next = wanted > limit + 1 ? limit + 1 : wanted;
    uint8_t *larger = realloc(*bytes, next + 1);

    if (!larger)
        return false;
    *bytes = larger;
    *room = next;
    return true;
}

static rt_status read_all(gzFile file, const char *path, size_t limit, uint8_t **bytes,
                          size_t *count, struct rt_err *err)
{
    size_t room = 0, used = 0;
    int got;

    do {
        if (used == room && !more_room(bytes, &room, limit))
            return rt_fail(err, RT_ENOMEM, "no memory for the bytes of '%s'", path);
        const size_t left = room - used;
        got = gzread(file, *bytes + used, left > most_piece ? most_piece : (unsigned)left);
        used += got > 0 ? (size_t)got : 0;
        if (used > limit)
            return rt_fail(err, RT_EFORMAT, "'%s' holds more than %zu bytes", path, limit);
    } while (got > 0);
    RT_TRY(check_end(file, path, err)); /* only now has zlib compared its checksum */
    *count = used;
    return RT_OK;
}

static bool called_packed(const char *path)
{
    const size_t length = strlen(path);

    return length > 3 && strcmp(path + length - 3, ".gz") == 0;
}

rt_status tr_packed_read(const char *path, size_t limit, uint8_t **bytes, size_t *count,
                         struct rt_err *err)
{
    uint8_t *read = NULL;
    gzFile file;
    rt_status rc;

    errno = 0; /* zlib leaves it alone when its own memory runs out */
    file = gzopen(path, "rb");
    if (!file)
        return rt_fail(err, RT_EIO, "cannot open '%s': %s", path,
                       errno ? strerror(errno) : "out of memory");
    gzbuffer(file, 1 << 17);
    if (called_packed(path) && gzdirect(file) && check_end(file, path, NULL) == RT_OK)
        rc = rt_fail(err, RT_EFORMAT, "'%s' is not a gzip file; fetch it again or drop the '.gz'",
                     path);
    else
        rc = read_all(file, path, limit, &read, count, err);
    gzclose(file);
    if (rc)
        free(read);
    else
        *bytes = read;
    return rc;
}
