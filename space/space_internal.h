/* space/space_internal.h -- architectures as ranks among a space's choices.
 *
 * A *group* is a run of layers that share one (heads, ffn) pair: all layers, a stage, or one layer,
 * as the tie says. Ranks make variation and distances independent of the choices' values. An ffn
 * rank counts the absolute widths or the ratios; of ratios that round to one width the lowest.
 */
#ifndef SPACE_SPACE_INTERNAL_H
#define SPACE_SPACE_INTERNAL_H
#include "space/space.h"

struct space_ranks {
    int depth, width, head_dim, patch; /* ranks of the study-wide genes */
    int groups;
    int heads[SPACE_MAX_DEPTH], ffn[SPACE_MAX_DEPTH]; /* ranks, per group */
};

/* Groups of a network of so many layers, and the group of layer l. */
int space__groups(const struct space *space, int depth);
int space__group_of(const struct space *space, int layer, int depth);

/* How many ffn ranks there are (for any width), and the ffn width of one. */
int space__ffn_ranks(const struct space *space);
int space__ffn(const struct space *space, int width, int rank);
/* The ranks whose ffn widths differ at this width, ascending; returns how many. */
int space__ffn_distinct(const struct space *space, int width, int rank[SPACE_MAX_CHOICES]);

/* Genes that the space lacks are read as the nearest choice; a group as its first layer. */
void space__rank(const struct space *space, const struct space_arch *arch,
                 struct space_ranks *ranks);
void space__unrank(const struct space *space, const struct space_ranks *ranks,
                   struct space_arch *arch);
#endif
