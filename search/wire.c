/* search/wire.c -- see wire.h. */
#include "search/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static const char magic[4] = {'R', 'T', 'R', 'T'};

static void put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *at, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

bool wire_read(const void *frame, size_t bytes, struct wire_message *message, int *other)
{
    const unsigned char *at = frame;

    *other = 0;
    if (bytes < WIRE_HEADER || memcmp(at, magic, sizeof magic) != 0)
        return false;
    if (get(at + 4, 2) != WIRE_VERSION) {
        *other = (int)get(at + 4, 2);
        return false;
    }
    const uint64_t type = get(at + 6, 2), text = get(at + 32, 4), data = get(at + 36, 4);
    if (type < WIRE_HELLO || type >= WIRE_TYPES || text > WIRE_TEXT || data > WIRE_DATA ||
        bytes != WIRE_HEADER + text + data || memchr(at + WIRE_HEADER, 0, text) ||
        (type == WIRE_BEAT && data % 8))
        return false;
    *message = (struct wire_message){.type = (enum wire_type)type,
                                     .number = (int64_t)get(at + 8, 8),
                                     .key = get(at + 16, 8),
                                     .attempt = (uint32_t)get(at + 24, 4),
                                     .seat = (uint32_t)get(at + 28, 4),
                                     .text = text ? (const char *)at + WIRE_HEADER : NULL,
                                     .data = data ? at + WIRE_HEADER + text : NULL,
                                     .text_bytes = text,
                                     .data_bytes = data};
    return true;
}

size_t wire_bytes(const struct wire_message *message)
{
    assert(message->text_bytes <= WIRE_TEXT && message->data_bytes <= WIRE_DATA);
    return WIRE_HEADER + message->text_bytes + message->data_bytes;
}

void wire_write(const struct wire_message *message, unsigned char *frame)
{
    assert(message->type >= WIRE_HELLO && message->type < WIRE_TYPES);
    memcpy(frame, magic, sizeof magic);
    put(frame + 4, WIRE_VERSION, 2);
    put(frame + 6, message->type, 2);
    put(frame + 8, (uint64_t)message->number, 8);
    put(frame + 16, message->key, 8);
    put(frame + 24, message->attempt, 4);
    put(frame + 28, message->seat, 4);
    put(frame + 32, message->text_bytes, 4);
    put(frame + 36, message->data_bytes, 4);
    if (message->text_bytes)
        memcpy(frame + WIRE_HEADER, message->text, message->text_bytes);
    if (message->data_bytes)
        memcpy(frame + WIRE_HEADER + message->text_bytes, message->data, message->data_bytes);
}

char *wire_text(const struct wire_message *message)
{
    char *text = malloc(message->text_bytes + 1);

    if (!text)
        return NULL;
    if (message->text_bytes)
        memcpy(text, message->text, message->text_bytes);
    text[message->text_bytes] = '\0';
    return text;
}

void wire_put_number(unsigned char *data, size_t i, int64_t number)
{
    put(data + 8 * i, (uint64_t)number, 8);
}

int64_t wire_number(const unsigned char *data, size_t i)
{
    return (int64_t)get(data + 8 * i, 8);
}

uint64_t wire_key(const char *job)
{
    char text[RT_HASH_TEXT];
    uint64_t key = 0;

    rt_hash_bytes(job, strlen(job), text);
    for (int i = 0; i < 16; i++)
        key = key << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    return key;
}
