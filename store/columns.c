/* store/columns.c -- the genes that a student has once, as columns of `candidate`.
 *
 * Which there are is the space's to say, so a file has the columns of its own task, and nothing
 * here asks which that is. They come before the lists, which stand in `layer`.
 */
#include "store/store_internal.h"

#include <assert.h>

#include "space/view.h"

int store__gene_count(const struct space *space)
{
    struct space_gene_view view;
    int count = 0;

    if (!space || space->gene_count)
        return 0;
    for (; count < space_genes(space); count++) {
        space_gene_of(space, count, &view);
        if (view.list)
            break;
    }
    return count;
}

const char *store__gene_name(const struct space *space, int gene)
{
    struct space_gene_view view;

    assert(gene >= 0 && gene < store__gene_count(space));
    space_gene_of(space, gene, &view);
    return view.name;
}

int64_t store__gene_value(const struct space *space, const struct space_arch *arch, int gene)
{
    struct space_value value;

    assert(gene >= 0 && gene < store__gene_count(space));
    space_value_of(space, arch, gene, 0, &value);
    assert(value.is == SPACE_WHOLE);
    return value.whole;
}
