/* trainer/task/image/npz.c -- the archive's directory stands at its end (APPNOTE.TXT 4.3): a record
 * that says where, then an entry for each file, which says where that is.
 */
#include "trainer/task/image/npz.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { end_bytes = 22, entry_bytes = 46, local_bytes = 30, most_comment = 65535 };
enum { stored = 0, deflated = 8, best_ratio = 1032 }; /* deflate makes no more of a byte */

struct archive {
    const char *name;
    const uint8_t *data;
    size_t bytes;
};

struct entry {
    int method;
    uint32_t packed, bytes, crc, at; /* sizes; where its local header is */
    const char *name;
    size_t name_bytes; /* without ".npy" */
};

static uint32_t word(const uint8_t *at, int bytes)
{
    uint32_t value = 0;

    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

bool tr_npz_is(const uint8_t *data, size_t bytes)
{
    return bytes >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

static rt_status fail_damaged(const struct archive *zip, const char *where, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT,
                   "'%.200s' is no sound .npz file: %s; save it again with numpy.savez()",
                   zip->name, where);
}

/* Where the directory begins, and how many entries it has. */
static rt_status find_directory(const struct archive *zip, size_t *at, int *count,
                                struct rt_err *err)
{
    if (zip->bytes < end_bytes)
        return fail_damaged(zip, "it is too short", err);
    const size_t last = zip->bytes - end_bytes;
    const size_t first = last > most_comment ? last - most_comment : 0;
    for (size_t i = last + 1; i > first; i--) {
        const uint8_t *end = zip->data + i - 1;
        if (memcmp(end, "PK\5\6", 4) != 0)
            continue;
        *count = (int)word(end + 10, 2);
        *at = word(end + 16, 4);
        return *at < i ? RT_OK : fail_damaged(zip, "its directory is not there", err);
    }
    return fail_damaged(zip, "it ends before its directory", err);
}

/* The entry at *at, which then is behind it. */
static rt_status read_entry(const struct archive *zip, size_t *at, struct entry *entry,
                            struct rt_err *err)
{
    const uint8_t *from = zip->data + *at;

    if (*at > zip->bytes || zip->bytes - *at < entry_bytes || memcmp(from, "PK\1\2", 4) != 0)
        return fail_damaged(zip, "its directory is damaged", err);
    const size_t name = word(from + 28, 2);
    const size_t all = entry_bytes + name + word(from + 30, 2) + word(from + 32, 2);
    if (zip->bytes - *at < all)
        return fail_damaged(zip, "its directory is truncated", err);
    *entry = (struct entry){.method = (int)word(from + 10, 2),
                            .crc = word(from + 16, 4),
                            .packed = word(from + 20, 4),
                            .bytes = word(from + 24, 4),
                            .at = word(from + 42, 4),
                            .name = (const char *)from + entry_bytes,
                            .name_bytes = name};
    if (name > 4 && memcmp(entry->name + name - 4, ".npy", 4) == 0)
        entry->name_bytes -= 4;
    *at += all;
    return RT_OK;
}

static rt_status inflate_into(const struct archive *zip, const uint8_t *from,
                              const struct entry *entry, uint8_t *to, struct rt_err *err)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)from,
                       .avail_in = entry->packed,
                       .next_out = to,
                       .avail_out = entry->bytes};

    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return rt_fail(err, RT_ENOMEM, "no memory to unpack '%.200s'", zip->name);
    const int code = inflate(&stream, Z_FINISH);
    (void)inflateEnd(&stream);
    if (code != Z_STREAM_END || stream.avail_out)
        return fail_damaged(zip, "an array cannot be unpacked", err);
    return RT_OK;
}

static rt_status unpack(const struct archive *zip, const struct entry *entry, uint8_t **npy,
                        struct rt_err *err)
{
    const uint8_t *local = zip->data + entry->at;
    rt_status rc = RT_OK;

    if (entry->at > zip->bytes || zip->bytes - entry->at < local_bytes ||
        memcmp(local, "PK\3\4", 4) != 0)
        return fail_damaged(zip, "an array is not where its directory says", err);
    const size_t skip = local_bytes + word(local + 26, 2) + word(local + 28, 2);
    const size_t left = zip->bytes - entry->at;
    if (skip > left || entry->packed > left - skip || entry->packed == UINT32_MAX)
        return fail_damaged(zip, "an array is truncated, or above 4 GiB", err);
    if (entry->method != stored && entry->method != deflated)
        return fail_damaged(zip, "it is packed by another method than deflate", err);
    if (entry->method == stored ? entry->bytes != entry->packed
                                : entry->bytes / best_ratio > entry->packed)
        return fail_damaged(zip, "an array's size cannot be right", err);
    uint8_t *out = malloc((size_t)entry->bytes + 1);
    if (!out)
        return rt_fail(err, RT_ENOMEM, "no memory to unpack '%.200s'", zip->name);
    if (entry->method == stored)
        memcpy(out, local + skip, entry->bytes);
    else
        rc = inflate_into(zip, local + skip, entry, out, err);
    if (rc == RT_OK && crc32_z(0, out, entry->bytes) != entry->crc)
        rc = fail_damaged(zip, "an array's checksum is wrong", err);
    if (rc)
        free(out);
    else
        *npy = out;
    return rc;
}

/* Printable bytes of a name, behind those that are there. */
static void note_name(char text[128], const struct entry *entry)
{
    size_t used = strlen(text);

    if (used && used < 120)
        text[used++] = ' ';
    for (size_t i = 0; i < entry->name_bytes && used < 126; i++) {
        const char letter = entry->name[i];
        const bool plain = letter > ' ' && letter <= '~';
        text[used] = '?';
        if (plain)
            text[used] = letter;
        used++;
    }
    text[used] = '\0';
}

rt_status tr_npz_find(const char *name, const uint8_t *data, size_t bytes, const char *array,
                      uint8_t **npy, size_t *npy_bytes, struct rt_err *err)
{
    const struct archive zip = {name, data, bytes};
    struct entry entry, found = {0};
    char names[128] = "";
    int count, hits = 0;
    size_t at;

    assert(array && npy && npy_bytes);
    RT_TRY(find_directory(&zip, &at, &count, err));
    for (int i = 0; i < count; i++) {
        RT_TRY(read_entry(&zip, &at, &entry, err));
        note_name(names, &entry);
        if (!array[0] || (strlen(array) == entry.name_bytes &&
                          memcmp(array, entry.name, entry.name_bytes) == 0)) {
            found = entry;
            hits++;
        }
    }
    if (hits != 1)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has %s; say which as FILE.npz:ARRAY, of: %s",
                       name, !array[0] ? "not one array" : "no array of that name", names);
    RT_TRY(unpack(&zip, &found, npy, err));
    *npy_bytes = found.bytes;
    return RT_OK;
}
