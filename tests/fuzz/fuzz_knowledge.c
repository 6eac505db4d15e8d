/* Any bytes are judged without reading beyond them: first as they are, then with both checksums put
 * right, so that the sizes behind them are judged as well. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/teachers/knowledge.h"

/* Where things stand in the file; knowledge.h, "Layout". */
enum { page = 4096, sizes_at = 16, values_at = 1617, self_at = 1650 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t values = size > 12 ? size - 12 : 0;
    uint8_t *file = calloc(page + values + 1, 1);
    char text[RT_HASH_TEXT];
    struct rt_err err;

    if (!file)
        return 0;
    (void)tr_knowledge_check("fuzz", data, size, NULL);
    memcpy(file, "RTKNOW\r\n\1\0\0\0\1\0\0\0", 16);
    memcpy(file + sizes_at, data, size < 12 ? size : 12);
    if (values > 0)
        memcpy(file + page, data + 12, values);
    rt_hash_bytes(file + page, values, text);
    memcpy(file + values_at, text, RT_HASH_TEXT);
    rt_hash_bytes(file, self_at, text);
    memcpy(file + self_at, text, RT_HASH_TEXT);
    if (tr_knowledge_check("fuzz", file, page + values, &err) == RT_OK) {
        int32_t sizes[3];
        memcpy(sizes, file + sizes_at, sizeof sizes);
        if ((size_t)sizes[0] * (size_t)sizes[1] * (size_t)sizes[2] * 4 != values)
            abort();
    } else if (strstr(err.text, "checksum")) {
        abort(); /* the offsets above are out of date */
    }
    free(file);
    return 0;
}
