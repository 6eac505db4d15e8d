/* trainer/task/image/idx.c -- see idx.h. */
#include "trainer/task/image/idx.h"

#include <stdlib.h>
#include <string.h>

#include "trainer/task/packed.h"

enum { most_examples = 1000000, most_pixels = 1024, most_channels = 3, most_header = 20 };

static const uint32_t most[4] = {most_examples, most_pixels, most_pixels, most_channels};

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static rt_status fail_short(const char *name, const char *where, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT, "'%s' is truncated: it ends within its %s; fetch it again",
                   name, where);
}

/* What a file is that is not the IDX file wanted, with the mend, for a message. */
static const char *looks_like(const uint8_t *bytes, size_t count, int dims)
{
    static const struct {
        const char *magic, *text;
    } known[] = {{"\x93NUMPY", "; a .npy file is read with data.format: npy"},
                 {"PK\3\4", "; a .npz file is read with data.format: npy"},
                 {"\x89PNG", "; pictures are read with data.format: folder, or csv"},
                 {"\xff\xd8\xff", "; pictures are read with data.format: folder, or csv"}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t length = strlen(known[i].magic);
        if (count >= length && memcmp(bytes, known[i].magic, length) == 0)
            return known[i].text;
    }
    if (bytes[0] || bytes[1])
        return "; what numpy.save() writes is read with data.format: npy";
    if (bytes[2] == 8 && bytes[3] == 1)
        return "; these are labels";
    if (bytes[2] == 8 && dims == 1)
        return "; these are images";
    return "; of other numbers or dimensions make a .npy file, read with data.format: npy";
}

static rt_status read_sizes(const char *name, const uint8_t *bytes, size_t count, int dims,
                            struct tr_idx *idx, struct rt_err *err)
{
    if (count < 4)
        return fail_short(name, "header", err);
    if (bytes[0] || bytes[1] || bytes[2] != 8 ||
        (bytes[3] != dims && !(dims == 3 && bytes[3] == 4)))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' begins with magic 0x%08x, want 0x%08x: an IDX file of bytes with %d "
                       "dimension%s (%s)%s",
                       name, big_endian(bytes), 0x800U | (unsigned)dims, dims, dims == 1 ? "" : "s",
                       dims == 1 ? "labels" : "images", looks_like(bytes, count, dims));
    idx->dims = bytes[3];
    for (int i = 0; i < idx->dims; i++) {
        if (count < 4 * (size_t)i + 8)
            return fail_short(name, "header", err);
        const uint32_t n = big_endian(bytes + 4 * (size_t)i + 4);
        if (n < 1 || n > most[i])
            return rt_fail(err, RT_EFORMAT, "'%s' states size %u in dimension %d, want 1 to %u",
                           name, n, i + 1, most[i]);
        idx->size[i] = (int)n;
    }
    return RT_OK;
}

/* The sizes, and where the data begin: all that follows the header, no byte more or less. */
static rt_status check(const char *name, const uint8_t *bytes, size_t count, int dims,
                       struct tr_idx *idx, size_t *header, struct rt_err *err)
{
    size_t want = 1;

    RT_TRY(read_sizes(name, bytes, count, dims, idx, err));
    for (int i = 0; i < idx->dims; i++)
        want *= (size_t)idx->size[i]; /* at most 1e6 * 1024 * 1024 * 3: no overflow */
    *header = 4 + 4 * (size_t)idx->dims;
    if (want > TR_IDX_MAX_BYTES)
        return rt_fail(err, RT_EFORMAT, "'%s' states %zu bytes of data, more than 4 GiB", name,
                       want);
    if (count - *header < want)
        return fail_short(name, "data", err);
    if (count - *header > want)
        return rt_fail(err, RT_EFORMAT, "'%s' goes on after the %zu bytes that its header states",
                       name, want);
    return RT_OK;
}

rt_status tr_idx_read(const char *path, int dims, struct tr_idx *idx, struct rt_err *err)
{
    struct tr_idx read = {0};
    uint8_t *bytes;
    size_t count, header;
    rt_status rc;

    RT_TRY(tr_packed_read(path, TR_IDX_MAX_BYTES + most_header, &bytes, &count, err));
    rc = check(path, bytes, count, dims, &read, &header, err);
    if (rc) {
        free(bytes);
        return rc;
    }
    memmove(bytes, bytes + header, count - header);
    read.data = bytes;
    *idx = read;
    return RT_OK;
}

rt_status tr_idx_parse(const char *name, const uint8_t *bytes, size_t count, int dims,
                       struct tr_idx *idx, struct rt_err *err)
{
    struct tr_idx read = {0};
    size_t header;

    RT_TRY(check(name, bytes, count, dims, &read, &header, err));
    read.data = malloc(count - header);
    if (!read.data)
        return rt_fail(err, RT_ENOMEM, "no memory for the %zu bytes of '%s'", count - header, name);
    memcpy(read.data, bytes + header, count - header);
    *idx = read;
    return RT_OK;
}

void tr_idx_release(struct tr_idx *idx)
{
    free(idx->data);
    *idx = (struct tr_idx){0};
}
