/* trainer/task/text/words.c -- see words.h. A code point goes through all steps before the next is
 * read; ASCII, which most of them leave alone, takes the short way. */
#include "trainer/task/text/words.h"

#include <assert.h>
#include <utf8proc.h>

enum { most_marks = 64 };

struct cutter {
    struct tr_word_rules rules;
    tr_word_to *word_to;
    void *to;
    size_t bytes;
    int chars;
    int marks; /* what canonical order may still move: code points of combining class above 0 */
    utf8proc_int32_t mark[most_marks];
    char word[4 * (TR_WORD_CHARS + 2)];
};

static void end_word(struct cutter *c)
{
    if (c->chars)
        c->word_to(c->to, c->word, c->bytes, c->chars);
    c->bytes = 0;
    c->chars = 0;
}

static void append(struct cutter *c, utf8proc_int32_t code)
{
    if (c->chars > TR_WORD_CHARS)
        return;
    c->bytes += (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)c->word + c->bytes);
    c->chars++;
}

static void append_alone(struct cutter *c, utf8proc_int32_t code)
{
    end_word(c);
    append(c, code);
    end_word(c);
}

/* ---- what a code point is ---- */

static bool is_space(utf8proc_int32_t code)
{
    const utf8proc_category_t category = utf8proc_category(code);

    return (code >= 9 && code <= 13) || code == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

static bool is_dropped(utf8proc_int32_t code)
{
    if (code == 0 || code == 0xFFFD)
        return true;
    if (code == '\t' || code == '\n' || code == '\r')
        return false;
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO: return true;
    default: return false;
    }
}

static bool is_punctuation(utf8proc_int32_t code)
{
    if (code < 0x80)
        return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) ||
               (code >= 91 && code <= 96) || (code >= 123 && code <= 126);
    const utf8proc_category_t category = utf8proc_category(code);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* The reference begins its fifth range at U+2B920, not at the block's U+2B820. */
static bool is_han(utf8proc_int32_t code)
{
    static const struct {
        utf8proc_int32_t first, last;
    } ranges[] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
                  {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* ---- steps, from the last to the first ---- */

static void cut(struct cutter *c, utf8proc_int32_t code)
{
    if (is_space(code))
        end_word(c);
    else if (is_punctuation(code))
        append_alone(c, code);
    else
        append(c, code);
}

static void lower(struct cutter *c, utf8proc_int32_t code)
{
    if (!c->rules.lower) {
        cut(c, code);
    } else if (code == 0x130) {
        cut(c, 'i');
        cut(c, 0x307);
    } else {
        cut(c, utf8proc_tolower(code));
    }
}

static void end_marks(struct cutter *c)
{
    for (int i = 0; i < c->marks; i++)
        lower(c, c->mark[i]);
    c->marks = 0;
}

/* Canonical order: marks between two starters are sorted by class, equals as they came. Those that
 * are dropped need no place. */
static void order(struct cutter *c, utf8proc_int32_t code)
{
    const utf8proc_property_t *property = utf8proc_get_property(code);
    int at;

    if (property->combining_class == 0 || c->marks == most_marks)
        end_marks(c);
    if (property->category == UTF8PROC_CATEGORY_MN)
        return;
    if (property->combining_class == 0) {
        lower(c, code);
        return;
    }
    at = c->marks++;
    for (; at > 0 &&
           utf8proc_get_property(c->mark[at - 1])->combining_class > property->combining_class;
         at--)
        c->mark[at] = c->mark[at - 1];
    c->mark[at] = code;
}

static void decompose(struct cutter *c, utf8proc_int32_t code)
{
    utf8proc_int32_t part[16];
    int boundary = 0;

    if (!c->rules.accents) {
        lower(c, code);
        return;
    }
    const utf8proc_ssize_t parts =
        utf8proc_decompose_char(code, part, 16, UTF8PROC_DECOMPOSE, &boundary);
    assert(parts >= 1 && parts <= 16);
    for (utf8proc_ssize_t i = 0; i < parts; i++)
        order(c, part[i]);
}

static void take(struct cutter *c, utf8proc_int32_t code)
{
    if (c->rules.clean) {
        if (is_dropped(code))
            return;
        if (is_space(code))
            code = ' ';
    }
    if (c->rules.han && is_han(code)) {
        decompose(c, ' ');
        decompose(c, code);
        decompose(c, ' ');
    } else {
        decompose(c, code);
    }
}

/* Printable ASCII and space, of which no step but `lower` changes anything. */
static void take_ascii(struct cutter *c, unsigned char byte)
{
    const bool upper = byte >= 'A' && byte <= 'Z';

    end_marks(c);
    if (upper || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9')) {
        if (c->chars > TR_WORD_CHARS)
            return;
        c->word[c->bytes++] = (char)(upper && c->rules.lower ? byte + 32 : byte);
        c->chars++;
    } else if (byte == ' ') {
        end_word(c);
    } else {
        append_alone(c, byte);
    }
}

void tr_words_each(const struct tr_word_rules *rules, const char *text, size_t bytes,
                   tr_word_to *word, void *to)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text, *end = at + bytes;
    struct cutter c; /* not zeroed: 4 kB a text */

    c.rules = *rules;
    c.word_to = word;
    c.to = to;
    c.bytes = 0;
    c.chars = c.marks = 0;
    while (at < end) {
        utf8proc_int32_t code;
        if (*at >= ' ' && *at < 0x7F) {
            take_ascii(&c, *at++);
            continue;
        }
        const utf8proc_ssize_t step = utf8proc_iterate(at, end - at, &code);
        take(&c, step < 1 ? 0xFFFD : code);
        at += step < 1 ? 1 : step;
    }
    end_marks(&c);
    end_word(&c);
}
