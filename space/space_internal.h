/* space/space_internal.h -- students as ranks among a space's choices; the user's own genes.
 *
 * Genes    of students, from one table: whatever draws, varies, views, checks or writes them walks
 *          it, so a gene that one task alone has (a patch) is a row of it and nothing else.
 * Absent   is an optional gene without choices: it is never drawn, has no position in views, no
 *          letter in texts, and the value 0.
 * Groups   are runs of layers that share one (heads, ffn) pair: all layers, a stage, or one layer,
 *          as the tie says.
 * Ranks    make variation and distances independent of the choices' values. An ffn rank counts the
 *          absolute widths or the ratios; of ratios that round to one width the lowest.
 */
#ifndef SPACE_SPACE_INTERNAL_H
#define SPACE_SPACE_INTERNAL_H
#include <assert.h>
#include <gmp.h>

#include "space/space.h"

/* In the order in which they are drawn and viewed; study-wide ones first, then the lists. */
enum space__kind {
    SPACE__DEPTH,
    SPACE__WIDTH,
    SPACE__HEAD_DIM,
    SPACE__PATCH,
    SPACE__EMBEDDING,
    SPACE__VOCABULARY,
    SPACE__HISTORY,
    SPACE__LISTS, /* from here on one value a layer */
    SPACE__HEADS = SPACE__LISTS,
    SPACE__FFN,
    SPACE__KINDS
};

struct space__student_gene {
    const char *name; /* as in the study file, after "space." */
    char letter;      /* in an architecture's text */
    int most;         /* largest value */
    bool optional;
    bool coarsens;         /* fewer rows as it grows: most costs fall, some rise */
    bool mixed;            /* so: a cost may fall as it grows */
    size_t choices, value; /* where in struct space, and in struct space_arch */
};
extern const struct space__student_gene space__student[SPACE__KINDS];

/* The choices of a kind that is not given in ratios. */
static inline const struct space_choices *space__choices(const struct space *space,
                                                         enum space__kind kind)
{
    return (const struct space_choices *)((const char *)space + space__student[kind].choices);
}
/* How many choices of a kind there are; 0: the space lacks it. Those of ffn may be ratios. */
static inline int space__count(const struct space *space, enum space__kind kind)
{
    const int count = space__choices(space, kind)->count;
    return count || kind != SPACE__FFN ? count : space->ratio_count;
}
/* The values of a kind: one, or a list's SPACE_MAX_DEPTH. */
static inline int *space__values(struct space_arch *arch, enum space__kind kind)
{
    return (int *)((char *)arch + space__student[kind].value);
}
static inline int space__value(const struct space_arch *arch, enum space__kind kind, int layer)
{
    assert(layer == 0 || kind >= SPACE__LISTS);
    return ((const int *)((const char *)arch + space__student[kind].value))[layer];
}

struct space_ranks {
    int wide[SPACE__LISTS]; /* of the study-wide genes, by kind; 0 where absent */
    int groups;
    int heads[SPACE_MAX_DEPTH], ffn[SPACE_MAX_DEPTH]; /* per group */
};
/* The ranks of a kind, and how many there are of them. */
int *space__ranks_of(struct space_ranks *ranks, enum space__kind kind, int *count);

/* The layers that `ranks` have. */
int space__depth(const struct space *space, const struct space_ranks *ranks);
/* Groups of a network of so many layers. */
int space__groups(const struct space *space, int depth);

/* The ffn width of a rank. */
int space__ffn(const struct space *space, int width, int rank);
/* The ranks whose ffn widths differ at this width, ascending; returns how many. */
int space__ffn_distinct(const struct space *space, int width, int rank[SPACE_MAX_CHOICES]);

/* Choices that the space lacks are read as the nearest one; a group as its first layer. */
void space__rank(const struct space *space, const struct space_arch *arch,
                 struct space_ranks *ranks);
void space__unrank(const struct space *space, const struct space_ranks *ranks,
                   struct space_arch *arch);
/* The choice that an anchor takes of so many. */
enum space__place { SPACE__FIRST, SPACE__MIDDLE, SPACE__LAST };
int space__place(enum space__place place, int count);

int space__draw(struct rt_rng *rng, int count);
/* One or two places up or down, whichever of them exist, with equal chance. */
void space__step(struct rt_rng *rng, int *rank, int count);

/* ---- the user's own genes: genes.c, genes_text.c, genes_vary.c; as the functions of space.h ---- */

rt_status space__genes_check(struct space *space, struct rt_err *err);
/* Layers that a list has, and its groups, given the choices of the genes before it. */
int space__genes_layers(const struct space_gene *gene, const struct space *space,
                        const int8_t *choice);
int space__genes_groups(const struct space_gene *gene, int layers);
int space__genes_active(const struct space_gene *gene, const struct space *space,
                        const int8_t *choice);
/* Writes -1 where inactive and fills in what is missing at active positions. */
void space__genes_tidy(const struct space *space, struct space_arch *arch);
/* The text of what a gene has chosen in a layer. */
const char *space__genes_value(const struct space *space, const struct space_arch *arch, int gene,
                               int layer);
bool space__genes_contain(const struct space *space, const struct space_arch *arch);
void space__genes_print(const struct space *space, const struct space_arch *arch,
                        char text[SPACE_ARCH_TEXT]);
rt_status space__genes_parse(const struct space *space, const char *text, struct space_arch *arch,
                             struct rt_err *err);

void space__genes_anchor(const struct space *space, enum space__place place,
                         struct space_arch *arch);
void space__genes_sample(const struct space *space, struct rt_rng *rng, struct space_arch *arch);
void space__genes_mutate(const struct space *space, struct rt_rng *rng,
                         const struct space_arch *parent, struct space_arch *child);
void space__genes_cross(const struct space *space, struct rt_rng *rng, const struct space_arch *a,
                        const struct space_arch *b, struct space_arch *child);
double space__genes_distance(const struct space *space, const struct space_arch *a,
                             const struct space_arch *b);
void space__genes_count(const struct space *space, mpz_t size);
void space__genes_nth(const struct space *space, int64_t index, struct space_arch *arch);
#endif
