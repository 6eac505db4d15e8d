/* Any bytes are judged without reading beyond them; the header's length is put right every other
 * time, else few inputs would reach the JSON. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/data/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = 0;
    uint8_t *framed;

    (void)tr_safetensors_check("fuzz", data, size, NULL);
    while (length < size && data[length] != '\n')
        length++;
    framed = malloc(size + 8);
    if (!framed)
        return 0;
    for (int i = 0; i < 8; i++)
        framed[i] = (uint8_t)((uint64_t)length >> (8 * i));
    memcpy(framed + 8, data, size);
    (void)tr_safetensors_check("fuzz", framed, size + 8, NULL);
    free(framed);
    return 0;
}
