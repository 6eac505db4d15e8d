/* Any bytes either are refused in one line that names the file, or are a table whose fields are
 * UTF-8, in every format. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "trainer/task/text/labels.h"
#include "trainer/task/text/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct tr_table *table)
{
    for (int row = 0; row < table->rows; row++)
        for (int column = 0; column < table->columns; column++) {
            size_t bytes;
            const char *field = tr_table_field(table, row, column, &bytes);
            for (size_t at = 0; at < bytes;) {
                utf8proc_int32_t code;
                const utf8proc_ssize_t step = utf8proc_iterate(
                    (const utf8proc_uint8_t *)field + at, (utf8proc_ssize_t)(bytes - at), &code);
                if (step < 1 || !code)
                    abort();
                at += (size_t)step;
            }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int format = TR_TABLE_TSV; format <= TR_TABLE_LINES; format++) {
        const struct tr_table_spec spec = {.format = (enum tr_table_format)format,
                                           .column = {format == TR_TABLE_JSONL ? "t" : "1", NULL,
                                                      format == TR_TABLE_JSONL ? "l" : "2"},
                                           .header = size % 2};
        struct tr_labels labels;
        struct tr_table table;
        struct rt_err err = {0};

        if (tr_table_parse("fuzz.txt", data, size, &spec, &table, &err) != RT_OK) {
            if (err.code == RT_OK || !strstr(err.text, "'fuzz.txt'") || strchr(err.text, '\n'))
                abort();
            continue;
        }
        look(&table);
        if (tr_labels_find(&labels, "fuzz.txt", &table, table.columns - 1, NULL, 0, &err) == RT_OK)
            tr_labels_release(&labels);
        tr_table_release(&table);
    }
    return 0;
}
