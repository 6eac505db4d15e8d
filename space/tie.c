/* space/tie.c -- layers that are equal for a while, in spaces where each may be its own.
 *
 * Works on rows of choices (view.h), so that students and the user's own lists are served alike.
 */
#include "space/space_internal.h"
#include "space/view.h"

enum { AUTO_STAGES = 4 };

/* Groups of a list of so many layers under `tie`; 0 when the list's tie is not to be chosen. */
static int groups_under(const struct space *space, const struct space_gene_view *view, int gene,
                        enum space_tie tie, int layers)
{
    const struct space_gene *own = space->gene_count ? &space->gene[gene] : NULL;
    const int given = own ? own->stages : space->stages;
    const int stages = given > 0 ? given : AUTO_STAGES;

    if (!view->list || (own ? own->tie : space->tie) != SPACE_TIE_AUTO)
        return 0;
    if (tie == SPACE_TIE_UNIFORM)
        return 1;
    return tie == SPACE_TIE_STAGE && stages < layers ? stages : layers;
}

static int active_of(const struct space_gene_view *view, const int *choice)
{
    int active = 0;

    while (active < view->positions && choice[view->first + active] >= 0)
        active++;
    return active;
}

bool space_unties(const struct space *space)
{
    for (int g = 0; g < space->gene_count; g++)
        if (space->gene[g].list && space->gene[g].tie == SPACE_TIE_AUTO)
            return true;
    return !space->gene_count && space->tie == SPACE_TIE_AUTO;
}

/* Each group takes the choice of its first layer, or, where `before` is given and has as many
 * layers, of the first that differs from it. */
static void even_out(const struct space *space, enum space_tie tie, const int *before, int *choice)
{
    struct space_gene_view view;

    for (int g = 0; g < space_genes(space); g++) {
        space_gene_of(space, g, &view);
        const int layers = active_of(&view, choice);
        const int groups = groups_under(space, &view, g, tie, layers);
        const bool same = before && active_of(&view, before) == layers;
        int *at = choice + view.first;
        for (int begin = 0, end; groups && begin < layers; begin = end) {
            int from = begin;
            for (end = begin; end < layers && end * groups / layers == begin * groups / layers;)
                end++;
            while (same && from < end && at[from] == before[view.first + from])
                from++;
            for (int i = begin, value = at[from < end ? from : begin]; i < end; i++)
                at[i] = value;
        }
    }
}

void space_tie_to(const struct space *space, enum space_tie tie, struct space_arch *arch)
{
    int choice[SPACE_MAX_POSITIONS];

    if (!space_unties(space))
        return;
    space_choices_of(space, arch, choice);
    even_out(space, tie, NULL, choice);
    space_arch_of(space, choice, arch);
}

void space_mutate_tied(const struct space *space, struct rt_rng *rng, enum space_tie tie,
                       const struct space_arch *parent, struct space_arch *child)
{
    const struct space_arch from = *parent;
    struct space_arch even = from;
    int before[SPACE_MAX_POSITIONS], choice[SPACE_MAX_POSITIONS];

    if (!space_unties(space) || tie == SPACE_TIE_LAYER) {
        space_mutate(space, rng, parent, child);
        return;
    }
    space_tie_to(space, tie, &even);
    space_choices_of(space, &even, before);
    for (int attempt = 0; attempt < 32; attempt++) {
        space_mutate(space, rng, &even, child);
        space_choices_of(space, child, choice);
        even_out(space, tie, before, choice);
        space_arch_of(space, choice, child);
        if (!space_arch_equal(child, &from))
            return;
    }
}
