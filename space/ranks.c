/* space/ranks.c -- the table of students' genes, and members as ranks among the choices.
 *
 * A kind's choices and values lie somewhere in struct space and struct space_arch, which name them
 * for those who think of one gene alone; the table's offsets are for those who treat all alike.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "space/space_internal.h"

#define AT(gene) offsetof(struct space, gene), offsetof(struct space_arch, gene)

const struct space__student_gene space__student[SPACE__KINDS] = {
    [SPACE__DEPTH] = {"depth", 'L', SPACE_MAX_DEPTH, false, false, false, AT(depth)},
    [SPACE__WIDTH] = {"width", 'd', SPACE_MAX_WIDTH, false, false, false, AT(width)},
    [SPACE__HEAD_DIM] = {"head_dim", 'k', SPACE_MAX_WIDTH, false, false, false, AT(head_dim)},
    [SPACE__PATCH] = {"patch", 'p', SPACE_MAX_WIDTH, true, true, true, AT(patch)},
    [SPACE__EMBEDDING] = {"embedding", 'e', SPACE_MAX_WIDTH, true, false, true, AT(embedding)},
    [SPACE__VOCABULARY] = {"vocabulary", 'v', SPACE_MAX_VOCABULARY, true, false, false,
                           AT(vocabulary)},
    [SPACE__HISTORY] = {"history", 'c', SPACE_MAX_HISTORY, true, false, false, AT(history)},
    [SPACE__HEADS] = {"heads", 'h', SPACE_MAX_WIDTH, false, false, false, AT(heads)},
    [SPACE__FFN] = {"ffn", 'f', 4 * SPACE_MAX_WIDTH, false, false, false, AT(ffn)},
};

int *space__ranks_of(struct space_ranks *ranks, enum space__kind kind, int *count)
{
    *count = kind < SPACE__LISTS ? 1 : ranks->groups;
    if (kind < SPACE__LISTS)
        return &ranks->wide[kind];
    return kind == SPACE__HEADS ? ranks->heads : ranks->ffn;
}

/* ---- groups ---- */

int space__depth(const struct space *space, const struct space_ranks *ranks)
{
    return space->depth.value[ranks->wide[SPACE__DEPTH]];
}

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

/* The group of a layer. */
static int group_of(const struct space *space, int layer, int depth)
{
    assert(layer >= 0 && layer < depth);
    return layer * space__groups(space, depth) / depth;
}

/* ---- ffn ---- */

int space__ffn(const struct space *space, int width, int rank)
{
    assert(rank >= 0 && rank < space__count(space, SPACE__FFN));
    if (space->ffn.count)
        return space->ffn.value[rank];
    const int eights = (int)(space->ffn_ratio[rank] * width / 8 + .5);
    return eights < 1 ? 8 : 8 * eights;
}

int space__ffn_distinct(const struct space *space, int width, int rank[SPACE_MAX_CHOICES])
{
    int count = 0;

    for (int r = 0; r < space__count(space, SPACE__FFN); r++) /* ascending: equal ones in a row */
        if (!count || space__ffn(space, width, r) != space__ffn(space, width, rank[count - 1]))
            rank[count++] = r;
    return count;
}

/* ---- both ways ---- */

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

    for (int r = 1; r < space__count(space, SPACE__FFN); r++)
        if (abs(space__ffn(space, width, r) - value) < abs(space__ffn(space, width, best) - value))
            best = r;
    return best;
}

void space__rank(const struct space *space, const struct space_arch *arch,
                 struct space_ranks *ranks)
{
    *ranks = (struct space_ranks){.groups = 0};
    for (enum space__kind k = 0; k < SPACE__LISTS; k++)
        ranks->wide[k] = nearest(space__choices(space, k), space__value(arch, k, 0));
    const int depth = space__depth(space, ranks);
    const int width = space->width.value[ranks->wide[SPACE__WIDTH]];
    ranks->groups = space__groups(space, depth);
    for (int l = depth - 1; l >= 0; l--) { /* downwards: a group's first layer has the last word */
        const int g = group_of(space, l, depth), from = l < arch->depth ? l : arch->depth - 1;
        ranks->heads[g] = nearest(&space->heads, arch->heads[from]);
        ranks->ffn[g] = nearest_ffn(space, width, arch->ffn[from]);
    }
}

void space__unrank(const struct space *space, const struct space_ranks *ranks,
                   struct space_arch *arch)
{
    *arch = (struct space_arch){.depth = 0};
    for (enum space__kind k = 0; k < SPACE__LISTS; k++)
        if (space__count(space, k))
            *space__values(arch, k) = space__choices(space, k)->value[ranks->wide[k]];
    for (int l = 0; l < arch->depth; l++) {
        const int g = group_of(space, l, arch->depth);
        arch->heads[l] = space->heads.value[ranks->heads[g]];
        arch->ffn[l] = space__ffn(space, arch->width, ranks->ffn[g]);
    }
}
