/* trainer/task/image/idx.c -- see idx.h. zlib's gzread() passes plain files through unchanged. */
#include "trainer/task/image/idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { most_examples = 1000000, most_pixels = 1024 };

/* A source of bytes: a gzip stream, or memory. */
struct source {
    const char *name;
    gzFile file;
    const uint8_t *bytes;
    size_t count, used;
};

static size_t take(struct source *s, void *out, size_t n)
{
    size_t got = 0;

    if (!s->file) {
        got = s->count - s->used < n ? s->count - s->used : n;
        if (got > 0)
            memcpy(out, s->bytes + s->used, got);
        s->used += got;
        return got;
    }
    while (got < n) {
        const unsigned piece = n - got > (1U << 30) ? 1U << 30 : (unsigned)(n - got);
        const int read = gzread(s->file, (uint8_t *)out + got, piece);
        if (read <= 0)
            break;
        got += (size_t)read;
    }
    return got;
}

static rt_status fail_short(struct source *s, const char *where, struct rt_err *err)
{
    int code = Z_OK;
    const char *why = s->file ? gzerror(s->file, &code) : "";

    if (strncmp(why, s->name, strlen(s->name)) == 0)
        why += strlen(s->name) + 2; /* zlib begins with "PATH: " */
    if (code == Z_ERRNO)
        return rt_fail(err, RT_EIO, "cannot read '%s': %s", s->name, why);
    if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
        return rt_fail(err, RT_EFORMAT, "'%s' cannot be unpacked in its %s: %s; fetch it again",
                       s->name, where, why);
    return rt_fail(err, RT_EFORMAT, "'%s' is truncated: it ends within its %s; fetch it again",
                   s->name, where);
}

static int ended_badly(struct source *s)
{
    int code = Z_OK;

    if (s->file)
        (void)gzerror(s->file, &code);
    return code != Z_OK && code != Z_STREAM_END;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static rt_status read_sizes(struct source *s, int dims, struct tr_idx *idx, struct rt_err *err)
{
    uint8_t header[4], size[4];

    if (take(s, header, 4) != 4)
        return fail_short(s, "header", err);
    if (header[0] || header[1] || header[2] != 8 || header[3] != dims)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' begins with magic 0x%08x, want 0x%08x: an IDX file of bytes with %d "
                       "dimension%s (%s)",
                       s->name, big_endian(header), 0x800U | (unsigned)dims, dims,
                       dims == 1 ? "" : "s", dims == 1 ? "labels" : "images");
    idx->dims = dims;
    for (int i = 0; i < dims; i++) {
        if (take(s, size, 4) != 4)
            return fail_short(s, "header", err);
        const uint32_t n = big_endian(size);
        if (n < 1 || n > (i ? (uint32_t)most_pixels : (uint32_t)most_examples))
            return rt_fail(err, RT_EFORMAT, "'%s' states size %u in dimension %d, want 1 to %d",
                           s->name, n, i + 1, i ? most_pixels : most_examples);
        idx->size[i] = (int)n;
    }
    return RT_OK;
}

static rt_status read_all(struct source *s, int dims, struct tr_idx *out, struct rt_err *err)
{
    struct tr_idx idx = {0};
    size_t bytes = 1;
    uint8_t extra;

    RT_TRY(read_sizes(s, dims, &idx, err));
    for (int i = 0; i < dims; i++)
        bytes *= (size_t)idx.size[i]; /* at most 1e6 * 1024 * 1024: no overflow */
    if (bytes < 1 || bytes > TR_IDX_MAX_BYTES)
        return rt_fail(err, RT_EFORMAT, "'%s' states %zu bytes of data, more than 4 GiB", s->name,
                       bytes);
    if (!s->file && bytes > s->count)
        return fail_short(s, "data", err);
    idx.data = malloc(bytes);
    if (!idx.data)
        return rt_fail(err, RT_ENOMEM, "no memory for the %zu bytes of '%s'", bytes, s->name);
    if (take(s, idx.data, bytes) != bytes) {
        free(idx.data);
        return fail_short(s, "data", err);
    }
    if (take(s, &extra, 1) == 1) {
        free(idx.data);
        return rt_fail(err, RT_EFORMAT, "'%s' goes on after the %zu bytes that its header states",
                       s->name, bytes);
    }
    if (ended_badly(s)) { /* only now has zlib compared its checksum */
        free(idx.data);
        return fail_short(s, "checksum", err);
    }
    *out = idx;
    return RT_OK;
}

rt_status tr_idx_read(const char *path, int dims, struct tr_idx *idx, struct rt_err *err)
{
    const size_t length = strlen(path);
    struct source source = {.name = path};
    rt_status rc;

    errno = 0; /* zlib leaves it alone when its own memory runs out */
    source.file = gzopen(path, "rb");
    if (!source.file)
        return rt_fail(err, RT_EIO, "cannot open '%s': %s", path,
                       errno ? strerror(errno) : "out of memory");
    gzbuffer(source.file, 1 << 17);
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0 && gzdirect(source.file) &&
        !ended_badly(&source))
        rc = rt_fail(err, RT_EFORMAT, "'%s' is not a gzip file; fetch it again or drop the '.gz'",
                     path);
    else
        rc = read_all(&source, dims, idx, err);
    gzclose(source.file);
    return rc;
}

rt_status tr_idx_parse(const char *name, const uint8_t *bytes, size_t count, int dims,
                       struct tr_idx *idx, struct rt_err *err)
{
    struct source source = {.name = name, .bytes = bytes, .count = count};
    return read_all(&source, dims, idx, err);
}

void tr_idx_release(struct tr_idx *idx)
{
    free(idx->data);
    *idx = (struct tr_idx){0};
}
