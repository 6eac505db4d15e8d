/* Any bytes either are refused or are an IDX file of exactly that length. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "trainer/data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int dims = 1; dims <= 3; dims += 2) {
        struct tr_idx idx;
        size_t bytes = 4 + 4 * (size_t)dims, values = 1;

        if (tr_idx_parse("fuzz", data, size, dims, &idx, NULL) != RT_OK)
            continue;
        for (int i = 0; i < dims; i++)
            values *= (size_t)idx.size[i];
        if (bytes + values != size || idx.data[values - 1] != data[size - 1])
            abort();
        tr_idx_release(&idx);
    }
    return 0;
}
