/* Any bytes either are refused as a vocabulary in one line that names the file, or cut any text into
 * ids below its size, of which decoding makes text again; a fixed vocabulary cuts any text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/tokeniser_train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct tr_tokeniser *t, struct tr_span a, struct tr_span b, int length)
{
    int ids[64];
    char text[256];
    bool cut;
    const int n = tr_encode(t, t->vocabulary.count, a, b, length, ids, &cut);

    if (n < 1 || n > length)
        abort();
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= t->vocabulary.count)
            abort();
    tr_decode(t, ids, n, text, sizeof text);
    if (strlen(text) >= sizeof text)
        abort();
}

static void use(struct tr_tokeniser *t, struct tr_span text)
{
    const struct tr_span half = {text.text, text.bytes / 2},
                         rest = {text.text + text.bytes / 2, text.bytes - text.bytes / 2};

    for (int switches = 0; switches < 16; switches++) {
        t->rules = (struct tr_word_rules){switches & 1, switches & 2, switches & 4, switches & 8};
        encode(t, text, (struct tr_span){0}, 64);
        encode(t, half, rest, 16);
    }
    tr_tokeniser_release(t);
}

static void refused(const struct rt_err *err)
{
    if (err->code == RT_OK || !strstr(err->text, "'fuzz'") || strchr(err->text, '\n'))
        abort();
}

static bool next_text(void *from, struct tr_span *text)
{
    struct tr_span *left = from;
    const char *stop = left->bytes ? memchr(left->text, '\n', left->bytes) : NULL;
    const size_t bytes = stop ? (size_t)(stop - left->text) : left->bytes;

    if (!left->bytes)
        return false;
    *text = (struct tr_span){left->text, bytes};
    left->text += bytes + (stop != NULL);
    left->bytes -= bytes + (stop != NULL);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tr_word_rules rules = {true, true, true, true};
    const struct tr_span text = {size ? (const char *)data : "", size};
    struct rt_err err = {0};
    struct tr_tokeniser t;

    if (tr_tokeniser_parse_json(&t, "fuzz", text.text, size, &err) == RT_OK)
        use(&t, text);
    else
        refused(&err);
    if (tr_tokeniser_parse_vocabulary(&t, "fuzz", text.text, size, &err) == RT_OK)
        use(&t, text);
    else
        refused(&err);
    for (int kind = TR_WORDPIECE; kind <= TR_BYTES; kind++) {
        struct tr_span left = text;
        const struct tr_text_source source = {next_text, &left};
        if (tr_tokeniser_train(&t, (enum tr_tokeniser_kind)kind, 40, &rules, &source, &err) ==
            RT_OK)
            use(&t, text);
    }
    return 0;
}
