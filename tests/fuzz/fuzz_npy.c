/* Any bytes either are refused in one line that names the file, or are a
 * matrix; taken as values behind a sound header, they always are one. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_rows(const uint8_t *data, size_t size)
{
    int *rows = NULL, count = 0;
    struct rt_err err = {0};

    if (tr_npy_parse_rows("fuzz.npy", data, size, &rows, &count, &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, "'fuzz.npy'") || strchr(err.text, '\n') || rows)
            abort();
        return;
    }
    for (int i = 0; i < count; i++)
        if (rows[i] < 0 || (i > 0 && rows[i] <= rows[i - 1]))
            abort();
    if (count < 1)
        abort();
    free(rows);
}

static void parse(const uint8_t *data, size_t size)
{
    struct tr_matrix matrix = {0};
    struct rt_err err = {0};

    parse_rows(data, size);
    if (tr_npy_parse("fuzz.npy", data, size, &matrix, &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, "'fuzz.npy'") || strchr(err.text, '\n') ||
            matrix.values)
            abort();
        return;
    }
    if (matrix.rows < 1 || matrix.columns < 1 || matrix.rows * matrix.columns * 4 > size)
        abort();
    tr_matrix_release(&matrix);
}

/* The bytes as the dictionary behind a sound preamble, which mutation seldom
 * finds. */
static void parse_dictionary(const uint8_t *data, size_t size)
{
    const size_t length = size < 200 ? size : 200;
    uint8_t file[10 + 200 + 24] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)length, 0};

    memcpy(file + 10, data, length);
    parse(file, 10 + length + 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    if (size > 0)
        parse_dictionary(data, size);
    return 0;
}
