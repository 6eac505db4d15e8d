/* trainer/export/protobuf.c -- five kinds of field, so no generated code and no library: those of
 * Debian 12 and 13 would write different files.
 */
#include "trainer/export/protobuf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { wire_varint = 0, wire_bytes = 2, wire_float = 5 };

static unsigned char *grow(struct tr_message *m, size_t bytes)
{
    assert(m->used <= m->room);
    if (m->failed)
        return NULL;
    if (bytes > m->room - m->used) {
        const size_t room = 2 * m->room > m->used + bytes ? 2 * m->room : m->used + bytes + 64;
        unsigned char *data = realloc(m->data, room);
        if (!data) {
            m->failed = true;
            return NULL;
        }
        m->data = data;
        m->room = room;
    }
    m->used += bytes;
    return m->data + m->used - bytes;
}

static void append(struct tr_message *m, const void *data, size_t bytes)
{
    unsigned char *at = grow(m, bytes);
    if (at && bytes)
        memcpy(at, data, bytes);
}

static void varint(struct tr_message *m, uint64_t value)
{
    unsigned char code[10];
    size_t n = 0;

    for (; value > 127; value >>= 7)
        code[n++] = (unsigned char)(value | 128);
    code[n++] = (unsigned char)value;
    append(m, code, n);
}

static void tag(struct tr_message *m, int field, int wire)
{
    assert(field > 0);
    varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

void tr_message_int(struct tr_message *message, int field, int64_t value)
{
    tag(message, field, wire_varint);
    varint(message, (uint64_t)value);
}

void tr_message_float(struct tr_message *message, int field, float value)
{
    tag(message, field, wire_float);
    append(message, &value, sizeof value); /* little-endian hosts, as all of Retort */
}

void tr_message_bytes(struct tr_message *message, int field, const void *data, size_t bytes)
{
    tag(message, field, wire_bytes);
    varint(message, bytes);
    append(message, data, bytes);
}

void tr_message_text(struct tr_message *message, int field, const char *text)
{
    tr_message_bytes(message, field, text, strlen(text));
}

void tr_message_put(struct tr_message *message, int field, struct tr_message *inner)
{
    assert(message != inner);
    message->failed |= inner->failed;
    tr_message_bytes(message, field, inner->data, inner->used);
    tr_message_release(inner);
}

void tr_message_release(struct tr_message *message)
{
    free(message->data);
    *message = (struct tr_message){0};
}
