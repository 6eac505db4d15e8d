/* Any bytes either are refused in one line that names the file, or are a sound safetensors file;
 * so are a first line as a header and what follows as its values. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/export/tensor_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size)
{
    struct rt_err err = {0};

    if (tr_tensor_file_check("fuzz.safetensors", data, size, &err) != RT_OK &&
        (err.code == RT_OK || !strstr(err.text, "'fuzz.safetensors'") || strchr(err.text, '\n')))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = 0;
    uint8_t *framed = malloc(size + 8);

    if (!framed)
        return 0;
    check(data, size);
    while (length < size && data[length] != '\n')
        length++;
    for (int i = 0; i < 8; i++)
        framed[i] = (uint8_t)((uint64_t)length >> (8 * i));
    if (size > 0)
        memcpy(framed + 8, data, size);
    check(framed, size + 8);
    free(framed);
    return 0;
}
