/* Whatever the file of references holds: nothing is found, or a number that a machine can take. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/reference_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct reference_key key = {"box", "cpu", "v4", "ab", 1, 1};
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    const double best = reference_record_find(text, &key, "2026-11-29");
    if (!isnan(best) && !(best > 0 && isfinite(best)))
        abort();
    free(text);
    return 0;
}
