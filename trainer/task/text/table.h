/* trainer/task/text/table.h -- files of texts: some columns of all their rows, in their order.
 *
 * tsv      fields between tabs, without quoting: a `"` is a character, as in GLUE's files.
 * csv      RFC 4180: fields between commas, in quotes where they hold quotes (doubled), commas or
 *          line ends.
 * jsonl    one JSON object a line, whose values are texts or, of labels, numbers; empty lines are
 *          skipped, and half a surrogate pair is U+FFFD.
 * lines    no columns: each line is a text.
 * All      an UTF-8 byte order mark in front is skipped, \r before \n dropped, and the last line may
 *          lack its end. Every row has as many fields as the first.
 * Errors   RT_EFORMAT "'FILE':LINE: what is wrong; the mend", among them bytes that are not UTF-8,
 *          NUL bytes, and more than TR_TABLE_MAX_LINE bytes a row or TR_TABLE_MAX_ROWS rows.
 */
#ifndef TRAINER_TASK_TEXT_TABLE_H
#define TRAINER_TASK_TEXT_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TR_TABLE_MAX_LINE ((size_t)16 << 20)
#define TR_TABLE_MAX_ROWS 10000000
#define TR_TABLE_MAX_BYTES ((size_t)1 << 32) /* of a file, once unpacked */
#define TR_TABLE_MAX_COLUMNS 4096

enum tr_table_format { TR_TABLE_TSV, TR_TABLE_CSV, TR_TABLE_JSONL, TR_TABLE_LINES };
enum tr_column { TR_COLUMN_TEXT, TR_COLUMN_TEXT_B, TR_COLUMN_LABEL, TR_COLUMNS };

struct tr_table_spec {
    enum tr_table_format format;
    /* A key of JSON; else a name in the first line or, behind the names, a number from 1. NULL: not
     * read. Of lines not asked for. */
    const char *column[TR_COLUMNS];
    bool header; /* of tsv and csv: the first line has names */
    bool fixed;  /* columns have these names and no others: whom a message tells has no choice */
};

struct tr_table {
    int rows, columns; /* those that were read, in the order of the enum */
    char *bytes;       /* owned: all fields, one behind the other */
    size_t *end;       /* owned: [rows * columns], where each ends */
    int *line;         /* owned: [rows], where each begins in its file, from 1 */
};

rt_status tr_table_read(const char *path, const struct tr_table_spec *spec, struct tr_table *table,
                        struct rt_err *err);
/* The same of unpacked bytes in memory. */
rt_status tr_table_parse(const char *name, const uint8_t *bytes, size_t count,
                         const struct tr_table_spec *spec, struct tr_table *table,
                         struct rt_err *err);
void tr_table_release(struct tr_table *table);

/* Field `column` (of those read) of a row: *bytes of text, not ended by a NUL. */
const char *tr_table_field(const struct tr_table *table, int row, int column, size_t *bytes);
#endif
