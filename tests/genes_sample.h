/* tests/genes_sample.h -- spaces of the user's own genes. */
#ifndef TESTS_GENES_SAMPLE_H
#define TESTS_GENES_SAMPLE_H
#include "space/space.h"
#include "space/view.h"
#include "support.h"

static const char *const genes_words[] = {"relu", "gelu", "swish"};
static const char *const genes_rates[] = {"0.001", "0.01", "0.1"};
static const char *const genes_even[] = {"2", "4", "6"};

enum { GENES_SAMPLE = 7 };

/* 3 * 3 * (3^2 2^2 2 + 3^4 2^2 2 + 3^6 2^2 2) * 2^3 = 471,744 members; `gene` holds GENES_SAMPLE.
 */
static inline struct space genes_space(struct space_gene *gene)
{
    const struct space_gene genes[GENES_SAMPLE] = {
        {.name = "act", .choice = genes_words, .choice_count = 3},
        {.name = "lr", .choice = genes_rates, .choice_count = 3, .ordered = true},
        {.name = "depth", .choice = genes_even, .choice_count = 3, .ordered = true},
        {.name = "op",
         .choice = genes_words,
         .choice_count = 3,
         .list = true,
         .length_name = "depth",
         .tie = SPACE_TIE_LAYER},
        {.name = "heads",
         .choice = space_numbers + 1,
         .choice_count = 2,
         .ordered = true,
         .list = true,
         .length_name = "depth",
         .tie = SPACE_TIE_STAGE,
         .stages = 2},
        {.name = "ffn",
         .choice = space_numbers + 3,
         .choice_count = 2,
         .ordered = true,
         .list = true,
         .length_name = "depth",
         .tie = SPACE_TIE_UNIFORM},
        {.name = "mask",
         .choice = space_numbers,
         .choice_count = 2,
         .ordered = true,
         .list = true,
         .length = 3,
         .tie = SPACE_TIE_LAYER},
    };
    struct space space = {.gene_count = GENES_SAMPLE, .gene = gene};
    struct rt_err err;

    memcpy(gene, genes, sizeof genes);
    assert_ok(space_init(&space, &err));
    return space;
}

static inline const char *value_text(const struct space *space, const struct space_arch *arch,
                                     int gene, int layer)
{
    struct space_value value;

    space_value_of(space, arch, gene, layer, &value);
    return value.text;
}

/* So many ordered genes of 4 choices each, in one list. */
static inline struct space genes_row(struct space_gene *gene, int length)
{
    struct space space = {.gene_count = 1, .gene = gene};
    struct rt_err err;

    *gene = (struct space_gene){.name = "x",
                                .choice = space_numbers,
                                .choice_count = 4,
                                .ordered = true,
                                .list = true,
                                .length = length,
                                .tie = SPACE_TIE_LAYER};
    assert_ok(space_init(&space, &err));
    return space;
}
#endif
