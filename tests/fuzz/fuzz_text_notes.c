/* Notes of a file of weights, any bytes, either are refused in one line that names the file, or are a
 * tokeniser that cuts any text into ids below the size of its table. The first byte is that size; then
 * come the notes in the order below, each ended by NUL, and a text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/text.h"
#include "trainer/task/text/tokeniser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {"tokens", "token_rules", "continuation", "word_characters",
                                   "vocabulary"};
enum { key_count = sizeof keys / sizeof *keys };

static const char *note_of(const void *from, const char *key)
{
    const char *const *value = from;

    for (int i = 0; i < key_count; i++)
        if (strcmp(keys[i], key) == 0)
            return value[i];
    return NULL;
}

static void cut(struct tr_tokeniser *tokeniser, int vocabulary, struct tr_span text)
{
    const struct tr_span half = {text.text, text.bytes / 2};
    int ids[64];

    for (int pair = 0; pair < 2; pair++) {
        const int n = tr_encode(tokeniser, vocabulary, text, pair ? half : (struct tr_span){0}, 64,
                                ids, NULL);
        if (n < 1 || n > 64)
            abort();
        for (int i = 0; i < n; i++)
            if (ids[i] < 0 || ids[i] >= vocabulary)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *value[key_count] = {0};
    const struct tr_notes notes = {.note = note_of, .from = value, .file = "fuzz"};
    struct tr_tokeniser tokeniser;
    struct rt_err err = {0};

    if (size == 0)
        return 0;
    const int vocabulary = data[0] + 6; /* of bytes there are 261 */
    const char *text = (const char *)data + 1;
    size_t left = size - 1;
    for (int i = 0; i < key_count; i++) {
        const char *end = memchr(text, '\0', left);
        if (!end)
            break;
        value[i] = text;
        left -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    if (tr_text_recall_tokens(&notes, vocabulary, &tokeniser, &err) == RT_OK) {
        cut(&tokeniser, vocabulary, (struct tr_span){text, left});
        tr_tokeniser_release(&tokeniser);
    } else if (err.code == RT_OK || !strstr(err.text, "'fuzz'") || strchr(err.text, '\n')) {
        abort();
    }
    return 0;
}
