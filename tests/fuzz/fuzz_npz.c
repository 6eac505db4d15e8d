/* Any bytes either are refused in one line that names the file, or are an archive whose only array
 * is there; and any bytes either are refused as an array, or lie within them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/image/npz.h"
#include "trainer/task/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size)
{
    struct tr_array array = {0};
    struct rt_err err = {0};

    if (tr_npy_parse_array("fuzz.npy", data, size, &array, &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, "'fuzz.npy'") || array.values)
            abort();
        return;
    }
    if (array.dims < 1 || array.dims > 4 || array.count < 1 || array.values < data ||
        array.values + array.count * (size_t)array.bytes != data + size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_err err = {0};
    uint8_t *npy = NULL;
    size_t bytes = 0;

    parse(data, size);
    if (tr_npz_find("fuzz.npz", data, size, "", &npy, &bytes, &err) != RT_OK) {
        if (err.code == RT_OK || !strstr(err.text, "'fuzz.npz'") || strchr(err.text, '\n') || npy)
            abort();
        return 0;
    }
    parse(npy, bytes);
    free(npy);
    return 0;
}
