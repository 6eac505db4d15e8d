/* Any text either is refused or has a value for every architecture. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "space/expression.h"

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
        {.name = "z", .choice = words, .choice_count = 2, .list = true, .length = 4}};
    static struct space space = {.gene_count = 4, .gene = gene};
    static struct space_expression expression;
    struct space_arch arch;
    char *input = malloc(size + 1);

    if (!input || space_init(&space, NULL) != RT_OK)
        abort();
    memcpy(input, data, size);
    input[size] = '\0';
    if (space_expression_parse(&space, input, &expression, NULL) == RT_OK) {
        space_smallest(&space, &arch);
        (void)space_expression_value(&expression, &space, &arch);
        space_largest(&space, &arch);
        (void)space_expression_value(&expression, &space, &arch);
    }
    free(input);
    return 0;
}
