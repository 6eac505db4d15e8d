/* Any frame either is refused or is a message that is written again in the same bytes; its text, taken as a
 * hello, a list of files or an answer, is refused or checked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/remote_files.h"
#include "cli/remote_hello.h"
#include "search/protocol.h"
#include "search/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_text(const struct wire_message *message)
{
    struct store_result result = {.status = RT_OK};
    struct remote_files files;
    struct remote_hello hello;
    char *text = wire_text(message), *again;

    if (!text)
        return;
    if (remote_hello_parse(text, &hello, NULL) == RT_OK && (hello.slots < 1 || hello.slots > 1024))
        abort();
    if (remote_files_parse(text, &files, NULL) == RT_OK) {
        if (remote_files_print(&files, &again, NULL) != RT_OK)
            abort();
        free(again);
        remote_files_release(&files);
    }
    if (message->number >= 0)
        (void)search_protocol_relayed(text, message->number, &result);
    store_result_release(&result);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_message message;
    unsigned char *frame;
    int other;

    if (!wire_read(data, size, &message, &other))
        return 0;
    if (other || wire_bytes(&message) != size || !(frame = malloc(size)))
        abort();
    wire_write(&message, frame);
    if (memcmp(frame, data, size) != 0)
        abort();
    free(frame);
    take_text(&message);
    return 0;
}
