/* space/ranks.c -- see space_internal.h. */
#include <stdlib.h>

#include "space/space_internal.h"

int space__groups(const struct space *space, int depth)
{
    switch (space->tie) {
    case SPACE_TIE_UNIFORM: return 1;
    case SPACE_TIE_STAGE: return space->stages < depth ? space->stages : depth;
    case SPACE_TIE_LAYER:
    case SPACE_TIE_AUTO: break;
    }
    return depth;
}

int space__group_of(const struct space *space, int layer, int depth)
{
    return layer * space__groups(space, depth) / depth;
}

int space__ffn_ranks(const struct space *space)
{
    return space->ffn.count ? space->ffn.count : space->ratio_count;
}

int space__ffn(const struct space *space, int width, int rank)
{
    if (space->ffn.count)
        return space->ffn.value[rank];
    const int eights = (int)(space->ffn_ratio[rank] * width / 8 + .5);
    return eights < 1 ? 8 : 8 * eights;
}

int space__ffn_distinct(const struct space *space, int width, int rank[SPACE_MAX_CHOICES])
{
    int count = 0;

    for (int r = 0; r < space__ffn_ranks(space); r++) /* ascending, so equal ones are neighbours */
        if (!count || space__ffn(space, width, r) != space__ffn(space, width, rank[count - 1]))
            rank[count++] = r;
    return count;
}

static int nearest(const struct space_choices *choices, int value)
{
    int best = 0;

    for (int i = 1; i < choices->count; i++)
        if (abs(choices->value[i] - value) < abs(choices->value[best] - value))
            best = i;
    return best;
}

static int nearest_ffn(const struct space *space, int width, int value)
{
    int best = 0;

    for (int r = 1; r < space__ffn_ranks(space); r++)
        if (abs(space__ffn(space, width, r) - value) < abs(space__ffn(space, width, best) - value))
            best = r;
    return best;
}

void space__rank(const struct space *space, const struct space_arch *arch,
                 struct space_ranks *ranks)
{
    *ranks = (struct space_ranks){
        .depth = nearest(&space->depth, arch->depth),
        .width = nearest(&space->width, arch->width),
        .head_dim = nearest(&space->head_dim, arch->head_dim),
        .patch = nearest(&space->patch, arch->patch),
    };
    const int depth = space->depth.value[ranks->depth];
    ranks->groups = space__groups(space, depth);
    for (int l = depth - 1; l >= 0; l--) { /* downwards: a group's first layer has the last word */
        const int g = space__group_of(space, l, depth),
                  from = l < arch->depth ? l : arch->depth - 1;
        ranks->heads[g] = nearest(&space->heads, arch->heads[from]);
        ranks->ffn[g] = nearest_ffn(space, space->width.value[ranks->width], arch->ffn[from]);
    }
}

void space__unrank(const struct space *space, const struct space_ranks *ranks,
                   struct space_arch *arch)
{
    *arch = (struct space_arch){
        .depth = space->depth.value[ranks->depth],
        .width = space->width.value[ranks->width],
        .head_dim = space->head_dim.value[ranks->head_dim],
        .patch = space->patch.value[ranks->patch],
    };
    for (int l = 0; l < arch->depth; l++) {
        const int g = space__group_of(space, l, arch->depth);
        arch->heads[l] = space->heads.value[ranks->heads[g]];
        arch->ffn[l] = space__ffn(space, arch->width, ranks->ffn[g]);
    }
}
