/* Any three lines either are refused in one line, or are terms whose ranges are sound. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/env/mujoco_terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 3), *line[3];
    struct tr_mujoco_terms terms;
    struct rt_err err = {0};

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    line[0] = text;
    for (int i = 1; i < 3; i++) {
        char *end = line[i - 1] + strcspn(line[i - 1], "\n");
        line[i] = *end ? end + 1 : end;
        *end = '\0';
    }
    if (tr_mujoco_terms_parse(line[0], line[1], line[2], &terms, &err) != RT_OK) {
        if (err.code != RT_EARG || !*err.text)
            abort();
    } else if (terms.observe_count < 1 || terms.observe_count > TR_TERMS_MOST ||
               terms.observe[0].of.from < 0 ||
               (terms.observe[0].of.to >= 0 &&
                terms.observe[0].of.to <= terms.observe[0].of.from)) {
        abort();
    }
    free(text);
    return 0;
}
