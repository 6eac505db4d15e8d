/* Any text either is refused or names one architecture, whose text names the same one. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "space/arch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct space_shape shape = {
        .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};
    struct space_arch arch, again;
    struct space_cost cost;
    char text[SPACE_ARCH_TEXT];
    char *input = malloc(size + 1);

    if (!input)
        return 0;
    memcpy(input, data, size);
    input[size] = '\0';
    if (space_arch_parse(input, &arch, NULL) == RT_OK) {
        space_arch_print(&arch, text);
        if (space_arch_parse(text, &again, NULL) != RT_OK || !space_arch_equal(&arch, &again))
            abort();
        if (space_arch_check(&arch, &shape, NULL) == RT_OK) {
            space_cost_of(&arch, &shape, &cost);
            if (cost.params < 1 || cost.macs < 1 || cost.memory < 1)
                abort();
        }
    }
    free(input);
    return 0;
}
