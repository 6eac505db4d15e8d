/* trainer/export/protobuf.h -- writing protobuf's wire format: all that an ONNX file is made of.
 *
 * A message grows in memory field by field; an inner one is written whole and put into its outer
 * one, since its length stands in front of it. Out of memory is remembered and asked once, at the
 * end: a message that failed stays empty.
 *
 * Source   protobuf.dev, "Encoding": varints, length-delimited fields, 32-bit floats.
 */
#ifndef TRAINER_EXPORT_PROTOBUF_H
#define TRAINER_EXPORT_PROTOBUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tr_message { /* all zero: empty */
    unsigned char *data;
    size_t used, room;
    bool failed; /* out of memory, here or in a message put in */
};

void tr_message_int(struct tr_message *message, int field, int64_t value); /* < 0: ten bytes */
void tr_message_float(struct tr_message *message, int field, float value);
void tr_message_text(struct tr_message *message, int field, const char *text);
void tr_message_bytes(struct tr_message *message, int field, const void *data, size_t bytes);
/* Puts `inner` in and releases it. */
void tr_message_put(struct tr_message *message, int field, struct tr_message *inner);
void tr_message_release(struct tr_message *message);
#endif
