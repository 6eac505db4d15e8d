/* search/explore.c -- trials against the model's word, the more the less it promises.
 *
 * A model that has learned the surroundings of a front well is sure of what it has never seen, and
 * layers that pay only together lie beyond losses: it would spend all trials on what is left of one
 * local optimum. So some trials are explorers: a member of the front some neighbouring layers of
 * which are drawn anew, are at the ends of their ranges, where what they have to do with each other
 * shows most, or are as some others of it are, since what pays in one place often does in another.
 * One is taken to be worth WORTH, in parts of the space below the reference, and takes the place of
 * the model's choice as likely as the square of that is a part of both gains' squares: hardly ever while
 * more is promised, mostly once less is. What it finds the model learns as it does any result, and
 * promises more again.
 *
 * Measured in docs/architecture.md.
 */
#include <string.h>

#include "search/search_internal.h"
#include "space/view.h"

enum { DRAWS = 512 };

#define WORTH 1e-5

/* Places of the longest list, in use. */
static int layers_of(const struct space *space, const int *choice)
{
    struct space_gene_view view;
    int layers = 0;

    for (int g = 0; g < space_genes(space); g++) {
        space_gene_of(space, g, &view);
        for (int i = layers; i < view.positions && choice[view.first + i] >= 0; i++)
            layers = i + 1;
    }
    return layers;
}

enum kind { ANEW, ENDS, COPIED, KINDS };

/* Two or three neighbouring layers, in all lists. */
static void redraw(const struct space *space, struct rt_rng *rng, int layers, int *choice)
{
    const enum kind kind = (enum kind)rt_rng_below(rng, KINDS);
    const int length = layers > 2 ? 2 + (int)rt_rng_below(rng, 2) : 2;
    const int places = layers - length + 1;
    const int to = (int)rt_rng_below(rng, (uint64_t)places);
    const int from = (int)rt_rng_below(rng, (uint64_t)places);
    int before[SPACE_MAX_POSITIONS];

    memcpy(before, choice, (size_t)space_positions(space) * sizeof *before);
    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view view;
        space_gene_of(space, g, &view);
        for (int i = 0; i < length && to + i < view.positions && view.positions > 1; i++) {
            int *at = choice + view.first + to + i;
            const int source = from + i < view.positions ? before[view.first + from + i] : -1;
            if (*at < 0 || (kind == COPIED && source < 0))
                continue;
            *at = kind == COPIED                 ? source
                  : kind == ENDS && view.ordered ? (int)rt_rng_below(rng, 2) * (view.choices - 1)
                                                 : (int)rt_rng_below(rng, (uint64_t)view.choices);
        }
    }
}

void search__explore(const struct search__proposer *p, struct rt_rng *rng,
                     struct search__proposal *out)
{
    const struct search__level *front = &p->rungs.levels[p->advisor.rung].level[0];
    const double promised = p->advisor.best[0];
    struct search__proposal explorer = {.origin = "explorer", .parent_b = -1};

    if (rt_rng_uniform(rng) * (WORTH * WORTH + promised * promised) >= WORTH * WORTH)
        return;
    for (int draw = 0; draw < DRAWS; draw++) {
        const size_t trial = front->member[rt_rng_below(rng, front->count)];
        int choice[SPACE_MAX_POSITIONS];
        space_choices_of(p->space, &p->archs[trial], choice);
        const int layers = layers_of(p->space, choice);
        if (layers < 2)
            continue;
        redraw(p->space, rng, layers, choice);
        space_arch_of(p->space, choice, &explorer.arch);
        if (!search__acceptable(p, &explorer.arch))
            continue;
        explorer.parent_a = (int64_t)trial;
        *out = explorer;
        return;
    }
}
