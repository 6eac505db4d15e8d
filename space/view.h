/* space/view.h -- any space as a row of positions, for whoever need not know what it is made of.
 *
 * Gene       what a study gives choices for. It has one position, or, as a list, one for each group
 *            of layers that the tie leaves free (so heads has one position when tied uniformly).
 *            Positions are numbered through, gene after gene; each holds the index of a choice.
 *            Genes of students are depth, width, head_dim, patch (of images), heads, ffn.
 * Activity   a list is as long as the largest depth allows; positions beyond what an architecture
 *            has are *inactive*, and hold -1.
 * Features   for a model of the space, all within about 0..1. In order of the genes with more than
 *            one choice:
 *              ordered        rank / (choices - 1)
 *              ordered list   (rank + 1) / choices at each position, 0 where inactive; when it has
 *                             several positions, then their mean and tilt (the later half's mean
 *                             less the earlier half's), of what is active
 *              category       one 0 or 1 a choice
 *              category list  the same at each position, then each choice's share of the active
 *            Then, where costs exist, the logarithms of params, macs and memory, between those of
 *            the cheapest and of the dearest member.
 * Threads    as space.h.
 */
#ifndef SPACE_VIEW_H
#define SPACE_VIEW_H
#include "space/space.h"

struct space_gene_view {
    const char *name;
    int first, positions; /* its positions are first .. first + positions - 1 */
    bool list;            /* has a position a group of layers, even if that is one */
    bool ordered;         /* neighbouring choices are alike; else they are categories */
    int choices;
    int length_gene; /* whose choice decides how many positions are active; -1: all are, always */
};

int space_genes(const struct space *space);
void space_gene_of(const struct space *space, int gene, struct space_gene_view *view);

/* What an architecture has chosen of a gene in a layer (0 unless it is a list), as it is written. */
struct space_value {
    enum { SPACE_WHOLE, SPACE_REAL, SPACE_WORD } is; /* of own genes, as the choice reads */
    int64_t whole;
    double real;      /* the same of whole numbers */
    const char *text; /* of own genes; borrowed from the space. NULL: of students */
};
/* How many values a gene has: 1, or a list's layers. */
int space_gene_length(const struct space *space, const struct space_arch *arch, int gene);
void space_value_of(const struct space *space, const struct space_arch *arch, int gene, int layer,
                    struct space_value *value);

/* Of all genes together: at most SPACE_MAX_POSITIONS. */
int space_positions(const struct space *space);

/* The index of the choice at each position, -1 where inactive; what the space lacks is read as the
 * nearest choice. */
void space_choices_of(const struct space *space, const struct space_arch *arch, int *choice);
/* The reverse. What is held at inactive positions does not matter; a -1 at an active one repeats
 * the position before it in its list, or is the first choice. */
void space_arch_of(const struct space *space, const int *choice, struct space_arch *arch);

int space_feature_count(const struct space *space);
void space_features(const struct space *space, const struct space_arch *arch, double *feature);

/* The exact value of an objective or cost that an architecture has without being evaluated
 * (params, bytes, macs, memory of a student; what the space's `known` says of own genes); NaN when
 * `name` is not known so. */
double space_exact(const struct space *space, const struct space_arch *arch, const char *name);
#endif
