/* Any bytes either are refused in one line that names the file, or are an IDX
 * file of sane sizes that accounts for every byte. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/image/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int dims = 1; dims <= 3; dims += 2) {
        struct tr_idx idx = {0};
        struct rt_err err = {0};
        size_t bytes = 1;

        if (tr_idx_parse("fuzz.idx", data, size, dims, &idx, &err) != RT_OK) {
            if (err.code == RT_OK || !strstr(err.text, "'fuzz.idx'") || strchr(err.text, '\n') ||
                idx.data)
                abort();
            continue;
        }
        for (int i = 0; i < idx.dims; i++)
            bytes *= (size_t)idx.size[i];
        if ((idx.dims != dims && !(dims == 3 && idx.dims == 4)) || /* images in colour */
            bytes + 4 + 4 * (size_t)idx.dims != size ||
            memcmp(idx.data, data + size - bytes, bytes) != 0)
            abort();
        tr_idx_release(&idx);
    }
    return 0;
}
