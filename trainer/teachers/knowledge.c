/* trainer/teachers/knowledge.c -- see knowledge.h. */
#include "trainer/teachers/knowledge.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "RTKNOW\r\n"
enum { version = 1, header_bytes = 4096 };

/* The header as it stands in the file; all members are naturally aligned, without holes. */
struct header {
    char magic[8];
    uint32_t version, value_type; /* value_type 1: float32 */
    int32_t teachers, classes, rows, reserved;
    char data[RT_HASH_TEXT];
    char teacher[TR_MAX_TEACHERS][RT_HASH_TEXT];
    char name[TR_MAX_TEACHERS][TR_TEACHER_NAME];
    char values[RT_HASH_TEXT]; /* hash of the values */
    char self[RT_HASH_TEXT];   /* hash of all above */
};
_Static_assert(sizeof(struct header) <= header_bytes, "the header outgrew its page");

static void hash_header(const struct header *header, char text[RT_HASH_TEXT])
{
    rt_hash_bytes(header, offsetof(struct header, self), text);
}

static rt_status check_finite(const struct tr_knowledge_key *key, const float *values,
                              struct rt_err *err)
{
    const size_t row = (size_t)key->teachers * key->classes;

    for (size_t i = 0; i < row * (size_t)key->rows; i++)
        if (!isfinite(values[i]))
            return rt_fail(err, RT_ENAN,
                           "teacher '%s' has a logit that is not finite at example %zu, class %zu",
                           key->name[i % row / key->classes], i / row, i % key->classes);
    return RT_OK;
}

rt_status tr_knowledge_write(const char *path, const struct tr_knowledge_key *key,
                             const float *values, struct rt_err *err)
{
    const size_t bytes = (size_t)key->rows * key->teachers * key->classes * sizeof(float);
    union {
        struct header header;
        char page[header_bytes];
    } first;
    struct rt_writer writer;

    memset(&first, 0, sizeof first); /* "= {0}" need not reach past the first member */
    if (key->teachers < 1 || key->teachers > TR_MAX_TEACHERS || key->classes < 1 || key->rows < 1)
        return rt_fail(err, RT_ESHAPE, "cannot write '%s' for %d teachers, %d classes, %d rows",
                       path, key->teachers, key->classes, key->rows);
    RT_TRY(check_finite(key, values, err));
    memcpy(first.header.magic, MAGIC, 8);
    first.header.version = version;
    first.header.value_type = 1;
    first.header.teachers = key->teachers;
    first.header.classes = key->classes;
    first.header.rows = key->rows;
    memcpy(first.header.data, key->data, sizeof key->data);
    memcpy(first.header.teacher, key->teacher, sizeof key->teacher);
    memcpy(first.header.name, key->name, sizeof key->name);
    rt_hash_bytes(values, bytes, first.header.values);
    hash_header(&first.header, first.header.self);
    RT_TRY(rt_writer_open(&writer, path, err));
    fwrite(first.page, 1, sizeof first.page, writer.file);
    fwrite(values, 1, bytes, writer.file);
    return rt_writer_commit(&writer, err);
}

/* Is the file whole and ours? */
static rt_status check_file(const char *path, const struct rt_map *map, struct header *header,
                            struct rt_err *err)
{
    char hash[RT_HASH_TEXT];
    uint64_t bytes;

    if (map->bytes < header_bytes || memcmp(map->data, MAGIC, 8) != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is not a knowledge cache; remove it and run 'retort teach'", path);
    memcpy(header, map->data, sizeof *header);
    if (header->version != version)
        return rt_fail(err, RT_EMISMATCH,
                       "'%s' has version %u of the knowledge cache, this program reads %d; run "
                       "'retort teach'",
                       path, header->version, version);
    hash_header(header, hash);
    if (memcmp(hash, header->self, RT_HASH_TEXT) != 0 || header->value_type != 1 ||
        header->teachers < 1 || header->teachers > TR_MAX_TEACHERS || header->classes < 1 ||
        header->rows < 1)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is damaged in its header; remove it and run 'retort teach'", path);
    bytes = (uint64_t)header->rows * (uint64_t)header->teachers; /* below 2^36 */
    if (bytes > UINT64_MAX / 4 / (uint64_t)header->classes ||
        bytes * (uint64_t)header->classes * 4 != map->bytes - header_bytes)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is truncated or too long; remove it and run 'retort teach'", path);
    rt_hash_bytes(map->data + header_bytes, map->bytes - header_bytes, hash);
    if (memcmp(hash, header->values, RT_HASH_TEXT) != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%s' is damaged: its checksum is wrong; remove it and run 'retort teach'",
                       path);
    return RT_OK;
}

rt_status tr_knowledge_check(const char *name, const unsigned char *data, size_t bytes,
                             struct rt_err *err)
{
    const struct rt_map map = {data, bytes};
    struct header header;
    return check_file(name, &map, &header, err);
}

/* Is it of this data and these teachers? */
static rt_status check_key(const char *path, const struct header *header,
                           const struct tr_knowledge_key *want, struct rt_err *err)
{
    const char *mend = "run 'retort teach' to write it anew";

    if (header->rows != want->rows)
        return rt_fail(err, RT_EMISMATCH,
                       "'%s' was made from other data: it has %d examples, the data has %d; %s",
                       path, header->rows, want->rows, mend);
    if (header->classes != want->classes)
        return rt_fail(err, RT_EMISMATCH,
                       "'%s' was made from other data: it has %d classes, the data has %d; %s",
                       path, header->classes, want->classes, mend);
    if (memcmp(header->data, want->data, RT_HASH_TEXT) != 0)
        return rt_fail(err, RT_EMISMATCH, "'%s' was made from other data; %s", path, mend);
    if (header->teachers != want->teachers)
        return rt_fail(err, RT_EMISMATCH, "'%s' knows %d teachers, the study has %d; %s", path,
                       header->teachers, want->teachers, mend);
    for (int k = 0; k < want->teachers; k++) {
        if (strncmp(header->name[k], want->name[k], TR_TEACHER_NAME) != 0)
            return rt_fail(err, RT_EMISMATCH,
                           "teacher %d of '%s' is '%.63s', of the study '%s'; %s", k + 1, path,
                           header->name[k], want->name[k], mend);
        if (memcmp(header->teacher[k], want->teacher[k], RT_HASH_TEXT) != 0)
            return rt_fail(err, RT_EMISMATCH,
                           "'%s' was made from another teacher '%s' than there is now; %s", path,
                           want->name[k], mend);
    }
    return RT_OK;
}

rt_status tr_knowledge_open(struct tr_knowledge *knowledge, const char *path,
                            const struct tr_knowledge_key *want, struct rt_err *err)
{
    struct header header = {0};
    struct rt_map map;
    rt_status rc;

    assert(want->teachers >= 1 && want->teachers <= TR_MAX_TEACHERS);
    RT_TRY(rt_map_open(&map, path, err));
    if ((rc = check_file(path, &map, &header, err)) || (rc = check_key(path, &header, want, err))) {
        rt_map_close(&map);
        return rc;
    }
    *knowledge = (struct tr_knowledge){
        .key = *want, .logits = (const float *)(const void *)(map.data + header_bytes), .map = map};
    memcpy(knowledge->self, header.self, sizeof knowledge->self);
    return RT_OK;
}

rt_status tr_knowledge_look(const struct tr_knowledge *knowledge, struct rt_err *err)
{
    int64_t written_ns = 0;
    const enum rt_map_state state =
        knowledge->map.data ? rt_map_look(&knowledge->map, &written_ns) : RT_MAP_SAME;
    const char *path = state == RT_MAP_SAME ? NULL : rt_map_at(knowledge->map.data);
    struct header header;
    struct rt_err why;

    if (!path)
        return RT_OK;
    if (state == RT_MAP_CUT)
        return rt_fail(err, RT_EDIRTY,
                       "'%s' was cut short while it was learnt from; remove it and run "
                       "'retort teach'",
                       path);
    if (check_file(path, &knowledge->map, &header, &why) != RT_OK)
        return rt_fail(err, RT_EDIRTY, "%s", why.text);
    if (memcmp(header.self, knowledge->self, RT_HASH_TEXT) != 0)
        return rt_fail(err, RT_EDIRTY,
                       "'%s' was written anew while it was learnt from; run 'retort teach'", path);
    rt_map_accept(&knowledge->map, written_ns); /* its values are not looked at again for that */
    return RT_OK;
}

void tr_knowledge_close(struct tr_knowledge *knowledge)
{
    for (int k = 0; knowledge->live && k < knowledge->key.teachers; k++)
        tr_network_close(&knowledge->live[k]);
    free(knowledge->live);
    rt_map_close(&knowledge->map);
    *knowledge = (struct tr_knowledge){0};
}
