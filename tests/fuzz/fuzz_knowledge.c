/* Any bytes either are refused in one line that names the file, or are a knowledge cache; also
 * when both checksums are put right, so that the sizes behind them are judged as well. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/teachers/knowledge.h"

/* Where things stand in the file; knowledge.h, "Layout". */
enum { page = 4096, sizes_at = 16, values_at = 1617, self_at = 1650 };

static const uint8_t start[sizes_at] = {'R', 'T', 'K', 'N', 'O', 'W', '\r', '\n',
                                        1,   0,   0,   0,   1,   0,   0,    0};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rt_status check(const uint8_t *data, size_t size)
{
    struct rt_err err = {0};
    const rt_status rc = tr_knowledge_check("fuzz.rtk", data, size, &err);

    if (rc != RT_OK &&
        (err.code != rc || !strstr(err.text, "'fuzz.rtk'") || strchr(err.text, '\n')))
        abort();
    return rc;
}

/* The three sizes K, C and N, then the values. */
static void check_mended(const uint8_t *data, size_t values)
{
    uint8_t *file = calloc(page + values, 1);
    int32_t sizes[3];
    int fit = 1;
    size_t left = values / 4;

    if (!file)
        return;
    memcpy(sizes, data, sizeof sizes);
    memcpy(file, start, sizeof start);
    memcpy(file + sizes_at, sizes, sizeof sizes);
    if (values > 0)
        memcpy(file + page, data + sizeof sizes, values);
    rt_hash_bytes(file + page, values, (char *)file + values_at);
    rt_hash_bytes(file, self_at, (char *)file + self_at);
    for (int i = 0; i < 3; i++) {
        fit = fit && sizes[i] > 0 && left % (size_t)sizes[i] == 0;
        left = fit ? left / (size_t)sizes[i] : 0;
    }
    fit = fit && left == 1 && values % 4 == 0 && sizes[0] <= TR_MAX_TEACHERS;
    if ((check(file, page + values) == RT_OK) != fit)
        abort();
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    if (size >= 12)
        check_mended(data, size - 12);
    return 0;
}
