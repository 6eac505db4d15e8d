/* Any text either is refused or names one architecture of own genes, whose text names the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "space/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"a", "ab", "b.c"};
    static struct space_gene gene[] = {
        {.name = "w", .choice = words, .choice_count = 3},
        {.name = "n", .choice = space_numbers + 1, .choice_count = 9, .ordered = true},
        {.name = "x",
         .choice = space_numbers,
         .choice_count = 20,
         .ordered = true,
         .list = true,
         .length_name = "n",
         .tie = SPACE_TIE_LAYER},
        {.name = "y",
         .choice = words,
         .choice_count = 2,
         .list = true,
         .length_name = "n",
         .tie = SPACE_TIE_STAGE,
         .stages = 3},
        {.name = "z", .choice = words, .choice_count = 2, .list = true, .length = 4}};
    static struct space space = {.gene_count = 5, .gene = gene};
    struct space_arch arch, again;
    char text[SPACE_ARCH_TEXT];
    char *input = malloc(size + 1);

    if (!input || space_init(&space, NULL) != RT_OK)
        abort();
    memcpy(input, data, size);
    input[size] = '\0';
    if (space_parse(&space, input, &arch, NULL) == RT_OK) {
        space_print(&space, &arch, text);
        if (!space_contains(&space, &arch) || space_parse(&space, text, &again, NULL) != RT_OK ||
            !space_arch_equal(&arch, &again))
            abort();
    }
    free(input);
    return 0;
}
