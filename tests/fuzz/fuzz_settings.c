/* Any text either is refused as a study's settings in one line, or is settings within their bounds that
 * are written and read again as they are. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct settings *s)
{
    const struct tr_recipe none = {.micro_batch = 0};
    const struct tr_kernels *plain = tr_kernels_by_name("plain");
    char path[RT_PATH_MAX];

    if (s->count < 0 || s->count > SETTINGS_MAX_WIDTHS)
        abort();
    for (int i = 0; i < s->count; i++) {
        const struct tr_recipe recipe = settings_recipe(s, &none, s->width[i]);
        if (s->width[i] < 1 || recipe.micro_batch < 1 || recipe.micro_batch > 65536)
            abort();
        (void)settings_kernels(s, plain, s->width[i]);
    }
    (void)settings_study_path(s, "folder/study.db", path, NULL);
    (void)settings_need_core(s);
    (void)settings_core_unknown(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings, again;
    struct rt_err err = {0};
    char *text = malloc(size + 1), *printed;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (settings_parse(&settings, text, &err) != RT_OK) {
        if (err.code == RT_OK || !err.text[0] || strchr(err.text, '\n'))
            abort();
    } else {
        check(&settings);
        if (settings_print(&settings, &printed, &err) == RT_OK) {
            if (settings_parse(&again, printed, &err) ||
                memcmp(&again, &settings, sizeof settings) != 0)
                abort();
            free(printed);
        }
    }
    free(text);
    return 0;
}
