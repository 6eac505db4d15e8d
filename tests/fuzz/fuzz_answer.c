/* Any line either is refused as garbage or gives a result within its bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_result result = {.status = RT_OK};
    char *line = malloc(size + 1);

    if (!line)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    const rt_status rc = search_protocol_answer(line, 7, &result);
    if (rc != RT_OK && (result.status != rc || !result.error[0] || !result.kind[0]))
        abort();
    if (result.value_count > STORE_MAX_METRICS || (result.curve_count && !result.curve))
        abort();
    store_result_release(&result);
    free(line);
    return 0;
}
