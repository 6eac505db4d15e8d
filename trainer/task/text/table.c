/* trainer/task/text/table.c -- a row is cut into fields by its format; then its columns are kept. */
#include "trainer/task/text/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "trainer/task/packed.h"
#include "trainer/task/text/table_internal.h"

/* ---- memory ---- */

/* Room for `need` things of a size, at least twice what there was. */
static rt_status grow(void *pointer, size_t *room, size_t need, size_t size, struct rt_err *err)
{
    void **block = pointer;

    if (need <= *room)
        return RT_OK;
    const size_t next = need < 2 * *room ? 2 * *room : need < 16 ? 16 : need;
    void *larger = realloc(*block, next * size);
    if (!larger)
        return rt_fail(err, RT_ENOMEM, "no memory for a table of texts");
    *block = larger;
    *room = next;
    return RT_OK;
}

rt_status tr__record_bytes(struct tr__record *record, const char *bytes, size_t count,
                           struct rt_err *err)
{
    RT_TRY(grow(&record->bytes, &record->room, record->used + count, 1, err));
    if (count)
        memcpy(record->bytes + record->used, bytes, count);
    record->used += count;
    return RT_OK;
}

rt_status tr__record_byte(struct tr__record *record, char byte, struct rt_err *err)
{
    if (record->used == record->room)
        RT_TRY(grow(&record->bytes, &record->room, record->used + 1, 1, err));
    record->bytes[record->used++] = byte;
    return RT_OK;
}

rt_status tr__record_end_field(struct tr__record *record, struct rt_err *err)
{
    RT_TRY(grow(&record->end, &record->field_room, record->fields + 1, sizeof *record->end, err));
    record->end[record->fields++] = record->used;
    return RT_OK;
}

/* ---- rows of each format ---- */

bool tr__next_line(struct tr__source *source, const char **line, size_t *bytes)
{
    const size_t left = (size_t)(source->end - source->at);
    const char *stop;

    if (!left)
        return false;
    stop = memchr(source->at, '\n', left);
    *line = source->at;
    *bytes = stop ? (size_t)(stop - source->at) : left;
    source->at += *bytes + (stop != NULL);
    source->line++;
    if (stop && *bytes && (*line)[*bytes - 1] == '\r')
        --*bytes;
    return true;
}

static rt_status tsv_record(struct tr__source *source, struct tr__record *record, bool *more,
                            struct rt_err *err)
{
    const char *line;
    size_t bytes;

    *more = tr__next_line(source, &line, &bytes);
    for (bool last = !*more; !last;) {
        const char *tab = bytes ? memchr(line, '\t', bytes) : NULL;
        const size_t field = tab ? (size_t)(tab - line) : bytes;
        RT_TRY(tr__record_bytes(record, line, field, err));
        RT_TRY(tr__record_end_field(record, err));
        last = !tab;
        line += field + !last;
        bytes -= field + !last;
    }
    return RT_OK;
}

static rt_status line_record(struct tr__source *source, struct tr__record *record, bool *more,
                             struct rt_err *err)
{
    const char *line;
    size_t bytes;

    *more = tr__next_line(source, &line, &bytes);
    if (!*more)
        return RT_OK;
    RT_TRY(tr__record_bytes(record, line, bytes, err));
    return tr__record_end_field(record, err);
}

/* Behind the opening quote, as far as behind the closing one. */
static rt_status csv_quoted(struct tr__source *source, struct tr__record *record,
                            struct rt_err *err)
{
    const int line = source->line;

    for (; source->at < source->end; source->at++) {
        const char byte = *source->at;
        if (byte == '"') {
            source->at++;
            if (source->at == source->end || *source->at != '"')
                return RT_OK;
        }
        if (record->used > TR_TABLE_MAX_LINE)
            break;
        source->line += byte == '\n';
        RT_TRY(tr__record_byte(record, byte, err));
    }
    return tr__fail_line(err, source, line, "a quote is opened and %s; double quotes within fields",
                         record->used > TR_TABLE_MAX_LINE ? "16 MiB follow" : "never closed");
}

static bool at_line_end(const struct tr__source *source)
{
    return source->at == source->end || *source->at == '\n' ||
           (*source->at == '\r' && source->at + 1 < source->end && source->at[1] == '\n');
}

static rt_status csv_plain(struct tr__source *source, struct tr__record *record, struct rt_err *err)
{
    for (; !at_line_end(source) && *source->at != ','; source->at++) {
        if (*source->at == '"')
            return tr__fail_line(err, source, source->line,
                                 "a quote within field %zu, which does not begin with one; put the "
                                 "field in quotes and double those in it",
                                 record->fields + 1);
        RT_TRY(tr__record_byte(record, *source->at, err));
    }
    return RT_OK;
}

static rt_status csv_record(struct tr__source *source, struct tr__record *record, bool *more,
                            struct rt_err *err)
{
    *more = source->at < source->end;
    if (!*more)
        return RT_OK;
    for (;;) {
        if (source->at < source->end && *source->at == '"') {
            source->at++;
            RT_TRY(csv_quoted(source, record, err));
        } else {
            RT_TRY(csv_plain(source, record, err));
        }
        RT_TRY(tr__record_end_field(record, err));
        if (at_line_end(source))
            break;
        if (*source->at++ != ',')
            return tr__fail_line(err, source, source->line,
                                 "field %zu goes on behind its closing quote; double quotes within "
                                 "fields",
                                 record->fields);
    }
    source->at += source->at < source->end && *source->at == '\r';
    source->at += source->at < source->end;
    source->line++;
    return RT_OK;
}

/* ---- checks ---- */

static const char *record_field(const struct tr__record *record, size_t i, size_t *bytes)
{
    const size_t begin = i ? record->end[i - 1] : 0;

    *bytes = record->end[i] - begin;
    return *bytes ? record->bytes + begin : "";
}

/* No NUL, and UTF-8 throughout: what an editor would show. */
static rt_status check_bytes(const struct tr__source *source, int line, const char *field,
                             size_t bytes, struct rt_err *err)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)field;

    for (size_t i = 0; i < bytes;) {
        utf8proc_int32_t code;
        if (at[i] >= 1 && at[i] < 0x80) {
            i++;
            continue;
        }
        if (!at[i])
            return tr__fail_line(err, source, line, "a NUL byte; %s",
                                 "remove it or, of UTF-16, convert with `iconv -t utf-8`");
        const utf8proc_ssize_t step =
            utf8proc_iterate(at + i, (utf8proc_ssize_t)(bytes - i), &code);
        if (step < 1)
            return tr__fail_line(err, source, line,
                                 "byte 0x%02x is no UTF-8; convert the file, as with `iconv -f "
                                 "latin1 -t utf-8`",
                                 at[i]);
        i += (size_t)step;
    }
    return RT_OK;
}

static rt_status check_fields(const struct tr__source *source, const struct tr__record *record,
                              struct rt_err *err)
{
    if (record->used > TR_TABLE_MAX_LINE)
        return tr__fail_line(err, source, record->line, "more than %zu bytes in a row",
                             TR_TABLE_MAX_LINE);
    if (record->fields > TR_TABLE_MAX_COLUMNS)
        return tr__fail_line(err, source, record->line, "more than %d fields",
                             TR_TABLE_MAX_COLUMNS);
    for (size_t i = 0; i < record->fields; i++) {
        size_t bytes;
        const char *field = record_field(record, i, &bytes);
        RT_TRY(check_bytes(source, record->line, field, bytes, err));
    }
    return RT_OK;
}

static rt_status next_record(struct tr__source *source, const struct tr_table_spec *spec,
                             struct tr__record *record, bool *more, struct rt_err *err)
{
    record->used = record->fields = 0;
    record->line = source->line;
    switch (spec->format) {
    case TR_TABLE_TSV: RT_TRY(tsv_record(source, record, more, err)); break;
    case TR_TABLE_CSV: RT_TRY(csv_record(source, record, more, err)); break;
    case TR_TABLE_JSONL: return tr__json_record(source, spec, record, more, err);
    case TR_TABLE_LINES: RT_TRY(line_record(source, record, more, err)); break;
    }
    return check_fields(source, record, err);
}

/* ---- columns ---- */

struct columns { /* which fields are kept */
    int count;
    size_t fields; /* of every row; 0: not yet known */
    size_t at[TR_COLUMNS];
};

/* A column by its name among the names, else by its number. */
static rt_status find_column(const struct tr__source *source, const struct tr__record *first,
                             const struct tr_table_spec *spec, const char *name, size_t *at,
                             struct rt_err *err)
{
    size_t found = first->fields;
    char *end;

    for (size_t i = 0; spec->header && i < first->fields; i++) {
        size_t bytes;
        const char *field = record_field(first, i, &bytes);
        if (bytes != strlen(name) || memcmp(field, name, bytes) != 0)
            continue;
        if (found < first->fields)
            return tr__fail_line(err, source, first->line,
                                 "columns %zu and %zu are both '%.60s'; give the number of the "
                                 "one that is meant",
                                 found + 1, i + 1, name);
        found = i;
    }
    *at = found;
    if (found < first->fields)
        return RT_OK;
    if (spec->fixed)
        return tr__fail_line(err, source, first->line,
                             "no column '%.60s' among the %zu; name it so in the first line, with "
                             "commas between names",
                             name, first->fields);
    const long number = strtol(name, &end, 10);
    if (end == name || *end)
        return tr__fail_line(
            err, source, first->line, "no column '%.60s'%s; give its number, from 1 to %zu", name,
            spec->header ? "" : " where the first line has no names", first->fields);
    if (number < 1 || (size_t)number > first->fields)
        return tr__fail_line(err, source, first->line, "no column %.20s; the line has %zu", name,
                             first->fields);
    *at = (size_t)number - 1;
    return RT_OK;
}

/* By the first row. Of JSON and lines a record is its columns already. */
static rt_status find_columns(const struct tr__source *source, const struct tr_table_spec *spec,
                              const struct tr__record *first, struct columns *columns,
                              struct rt_err *err)
{
    const bool table = spec->format == TR_TABLE_TSV || spec->format == TR_TABLE_CSV;

    columns->fields = first->fields;
    for (int c = 0; c < TR_COLUMNS && table; c++)
        if (spec->column[c])
            RT_TRY(find_column(source, first, spec, spec->column[c], &columns->at[columns->count++],
                               err));
    for (size_t i = 0; i < first->fields && !table; i++)
        columns->at[columns->count++] = i;
    return RT_OK;
}

/* ---- the table ---- */

rt_status tr__table_add(struct tr__growing *g, int line, const char *const *field,
                        const size_t *bytes, struct rt_err *err)
{
    struct tr_table *t = &g->table;
    size_t ends = (size_t)t->rows * t->columns;

    assert(t->columns >= 1 && t->rows < TR_TABLE_MAX_ROWS);
    RT_TRY(grow(&t->end, &g->end_room, ends + TR_COLUMNS, sizeof *t->end, err));
    RT_TRY(grow(&t->line, &g->line_room, (size_t)t->rows + 1, sizeof *t->line, err));
    for (int c = 0; c < t->columns; c++) {
        RT_TRY(grow(&t->bytes, &g->byte_room, g->used + bytes[c], 1, err));
        if (bytes[c])
            memcpy(t->bytes + g->used, field[c], bytes[c]);
        g->used += bytes[c];
        t->end[ends++] = g->used;
    }
    t->line[t->rows++] = line;
    return RT_OK;
}

static rt_status add_row(struct tr__growing *g, const struct tr__source *source,
                         const struct columns *columns, const struct tr__record *record,
                         struct rt_err *err)
{
    const char *field[TR_COLUMNS];
    size_t bytes[TR_COLUMNS] = {0};

    if (record->fields != columns->fields)
        return tr__fail_line(err, source, record->line,
                             "%zu field%s, want %zu as in the first line%s", record->fields,
                             record->fields == 1 ? "" : "s", columns->fields,
                             record->used ? "" : "; take the empty line out");
    if (g->table.rows == TR_TABLE_MAX_ROWS)
        return tr__fail_line(err, source, record->line, "more than %d rows", TR_TABLE_MAX_ROWS);
    for (int c = 0; c < columns->count; c++)
        field[c] = record_field(record, columns->at[c], &bytes[c]);
    return tr__table_add(g, record->line, field, bytes, err);
}

static rt_status read_rows(struct tr__source *source, const struct tr_table_spec *spec,
                           struct tr__record *record, struct tr__growing *g, struct rt_err *err)
{
    struct columns columns = {0};
    bool more;

    RT_TRY(next_record(source, spec, record, &more, err));
    if (more) {
        RT_TRY(find_columns(source, spec, record, &columns, err));
        g->table.columns = columns.count;
        if (spec->header && (spec->format == TR_TABLE_TSV || spec->format == TR_TABLE_CSV))
            RT_TRY(next_record(source, spec, record, &more, err));
    }
    while (more) {
        RT_TRY(add_row(g, source, &columns, record, err));
        RT_TRY(next_record(source, spec, record, &more, err));
    }
    if (!g->table.rows)
        return rt_fail(err, RT_EFORMAT, "'%s' has no rows", source->name);
    return RT_OK;
}

rt_status tr_table_parse(const char *name, const uint8_t *bytes, size_t count,
                         const struct tr_table_spec *spec, struct tr_table *table,
                         struct rt_err *err)
{
    const bool marked = count >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0;
    struct tr__source source = {.name = name, .line = 1};
    struct tr__record record = {0};
    struct tr__growing g = {0};

    if (count) {
        source.at = (const char *)bytes + (marked ? 3 : 0);
        source.end = (const char *)bytes + count;
    }
    const rt_status rc = read_rows(&source, spec, &record, &g, err);
    free(record.bytes);
    free(record.end);
    if (rc)
        tr_table_release(&g.table);
    else
        *table = g.table;
    return rc;
}

rt_status tr_table_read(const char *path, const struct tr_table_spec *spec, struct tr_table *table,
                        struct rt_err *err)
{
    uint8_t *bytes;
    size_t count;

    RT_TRY(tr_packed_read(path, TR_TABLE_MAX_BYTES, &bytes, &count, err));
    const rt_status rc = tr_table_parse(path, bytes, count, spec, table, err);
    free(bytes);
    return rc;
}

void tr_table_release(struct tr_table *table)
{
    free(table->bytes);
    free(table->end);
    free(table->line);
    *table = (struct tr_table){0};
}

const char *tr_table_field(const struct tr_table *table, int row, int column, size_t *bytes)
{
    const size_t at = (size_t)row * table->columns + column;
    const size_t begin = at ? table->end[at - 1] : 0;

    assert(row >= 0 && row < table->rows && column >= 0 && column < table->columns);
    *bytes = table->end[at] - begin;
    return *bytes ? table->bytes + begin : "";
}
