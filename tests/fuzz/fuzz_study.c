/* Any text either is refused with a place, or is a study that can be hashed, bound and released. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct space_shape image = {.height = 28,
                                             .width = 28,
                                             .channels = 1,
                                             .classes = 10},
                                    text = {.length = 16, .classes = 3};
    static struct study study, again;
    struct rt_err err = {0};
    char hash[RT_HASH_TEXT], same[RT_HASH_TEXT];

    if (study_parse("dir/fuzz.yaml", (const char *)data, size, &study, &err) != RT_OK) {
        if (err.code == RT_OK || !err.text[0] || strchr(err.text, '\n'))
            abort();
        return 0;
    }
    study_hash(&study, hash);
    const bool texts = study_task_of(&study) == &study_text;
    if (!study.own && study_bind_shape(&study, texts ? &text : &image, &err) == RT_OK) {
        struct space_arch arch;
        space_largest(&study.space, &arch);
        if (space_arch_check(&arch, &study.space.shape, NULL) != RT_OK ||
            !space_contains(&study.space, &arch))
            abort();
    }
    if (study_parse("dir/fuzz.yaml", study.yaml, strlen(study.yaml), &again, &err) != RT_OK)
        abort();
    study_hash(&again, same);
    if (strcmp(hash, same) != 0)
        abort();
    study_release(&again);
    study_release(&study);
    return 0;
}
