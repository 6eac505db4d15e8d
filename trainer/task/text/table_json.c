/* trainer/task/text/table_json.c -- a line of JSON, read by jansson. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/text/table_internal.h"

/* The value of \uXXXX at `at`; -1 when that is something else. */
static long escape(const char *at, const char *end)
{
    char digits[5] = {0};
    char *stop;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    memcpy(digits, at + 2, 4);
    const long code = strtol(digits, &stop, 16);
    return stop == digits + 4 && digits[0] != '+' && digits[0] != '-' ? code : -1;
}

/* Half a surrogate pair, which jansson refuses, becomes \ufffd: as long, so in place. */
static void mend_surrogates(char *line, size_t bytes)
{
    static const char unknown[] = {'\\', 'u', 'f', 'f', 'f', 'd'};
    char *const end = line + bytes;

    for (char *at = line; at + 1 < end; at++) {
        if (*at != '\\')
            continue;
        const long code = escape(at, end);
        if (code >= 0xD800 && code < 0xDC00) {
            const long low = escape(at + 6, end);
            if (low >= 0xDC00 && low < 0xE000)
                at += 6;
            else
                memcpy(at, unknown, sizeof unknown);
        } else if (code >= 0xDC00 && code < 0xE000) {
            memcpy(at, unknown, sizeof unknown);
        }
        at++; /* what the backslash escapes */
    }
}

/* A text or, of a label, a whole number, true or false. */
static rt_status add_value(const struct tr__source *source, struct tr__record *record,
                           const json_t *object, const char *key, bool label, struct rt_err *err)
{
    const json_t *value = json_object_get(object, key);
    char number[32];

    if (json_is_string(value)) {
        RT_TRY(tr__record_bytes(record, json_string_value(value), json_string_length(value), err));
        return tr__record_end_field(record, err);
    }
    if (label && (json_is_integer(value) || json_is_boolean(value))) {
        const json_int_t n =
            json_is_integer(value) ? json_integer_value(value) : json_is_true(value);
        const int bytes = snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, n);
        RT_TRY(tr__record_bytes(record, number, (size_t)bytes, err));
        return tr__record_end_field(record, err);
    }
    return tr__fail_line(err, source, record->line, "%s '%.60s' %s",
                         value ? "the value of" : "no key", key,
                         !value  ? "in the object; every line needs it"
                         : label ? "is neither a text nor a whole number"
                                 : "is not a text");
}

static rt_status add_values(const struct tr__source *source, const struct tr_table_spec *spec,
                            struct tr__record *record, const json_t *object, struct rt_err *err)
{
    if (!json_is_object(object))
        return tr__fail_line(err, source, record->line, "%s",
                             "not a JSON object; want one a line, like {\"text\": \"..\", "
                             "\"label\": \"..\"}");
    for (int c = 0; c < TR_COLUMNS; c++)
        if (spec->column[c])
            RT_TRY(add_value(source, record, object, spec->column[c], c == TR_COLUMN_LABEL, err));
    if (record->used && memchr(record->bytes, 0, record->used))
        return tr__fail_line(err, source, record->line, "a NUL character; %s", "remove it");
    return RT_OK;
}

static bool blank(const char *line, size_t bytes)
{
    while (bytes && (line[bytes - 1] == ' ' || line[bytes - 1] == '\t' || line[bytes - 1] == '\r'))
        bytes--;
    return bytes == 0;
}

rt_status tr__json_record(struct tr__source *source, const struct tr_table_spec *spec,
                          struct tr__record *record, bool *more, struct rt_err *err)
{
    const char *line;
    json_error_t error;
    size_t bytes;
    rt_status rc;

    do {
        record->line = source->line;
        *more = tr__next_line(source, &line, &bytes);
    } while (*more && blank(line, bytes));
    if (!*more)
        return RT_OK;
    if (bytes > TR_TABLE_MAX_LINE)
        return tr__fail_line(err, source, record->line, "more than %zu bytes in a row",
                             TR_TABLE_MAX_LINE);
    RT_TRY(tr__record_bytes(record, line, bytes, err));
    mend_surrogates(record->bytes, bytes);
    json_t *object =
        json_loadb(record->bytes, bytes, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return tr__fail_line(err, source, record->line, "not JSON at column %d: %.120s",
                             error.column, error.text);
    record->used = 0;
    rc = add_values(source, spec, record, object, err);
    json_decref(object);
    return rc;
}
