/* space/space.h -- the architectures that a study allows: choices, limits, sampling, variation.
 *
 * Kinds    students, or rows of the user's own genes (gene_count > 0). All functions serve both.
 * Genes    of students: depth, width, head_dim, patch (of images), embedding and vocabulary (of
 *          texts), and per layer heads and ffn.
 * Ties     `uniform` gives all layers one (heads, ffn) pair, `stage` one pair to each of `stages`
 *          runs of consecutive layers (layer l of L is in stage l*S/L, S = min(stages, L)), `layer`
 *          each its own; `auto` likewise, but a search begins with equal layers and unties them.
 * FFN      choices are absolute widths, or ratios of the width rounded to the nearest multiple of 8
 *          (at least 8); ratios that round to the same width count once.
 * Limits   on exact costs; an architecture beyond any is *infeasible* and is never trained.
 * Own      genes have one choice each, or are lists with one choice a layer, tied as above; the
 *          length of a list is fixed or what another gene chose. Ordered choices move by places,
 *          categories are drawn anew. Costs do not exist; what C code knows without an evaluation
 *          comes from `known`.
 * Text     of students: arch.h. Of own genes "name=choice,name=choice.choice", genes in order; a
 *          list whose members are all equal is written once, and is read either way.
 * Random   every draw is a function of the struct rt_rng that is handed in.
 * Threads  a struct space is read-only after space_init(); all functions may run concurrently.
 * Source   gene layout after AutoFormer (arXiv:2107.00651) and HAT (arXiv:2005.14187); ordinal
 *          mutation steps after AutoTinyBERT (arXiv:2107.13686).
 */
#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H
#include "base/random.h"
#include "space/arch.h"

#define SPACE_MAX_CHOICES 64
#define SPACE_NAME 32 /* room for a gene's name and for a choice of it */

/* Each wider than the one before; `auto` has the members of `layer`. */
enum space_tie { SPACE_TIE_UNIFORM, SPACE_TIE_STAGE, SPACE_TIE_LAYER, SPACE_TIE_AUTO };

struct space_choices {
    int count;
    int value[SPACE_MAX_CHOICES]; /* ascending, distinct, after space_init() */
};

struct space_limits { /* 0: no limit */
    int64_t params, bytes, macs, memory, int8_bytes;
};

/* A gene of the user's own. Texts are of letters, digits, and "_+-" or, but for lists, "."; names
 * begin with a letter and have no sign. */
struct space_gene {
    const char *name;
    const char *const *choice; /* texts, distinct; those of an ordered gene ascend if numbers */
    int choice_count;
    bool ordered;
    bool list;
    int length;              /* of a list; 0 when another gene gives it: */
    const char *length_name; /* an earlier gene, not a list, whose choices are numbers of layers */
    enum space_tie tie;      /* of a list */
    int stages;

    int first, positions; /* from here on written by space_init(); see view.h */
    int length_gene;      /* -1: none */
};

/* "0", "1", ... "63": choices for spaces made by C code. */
extern const char *const space_numbers[SPACE_MAX_CHOICES];

/* What C code knows of an architecture of own genes before it is evaluated; either may be NULL. */
struct space;
struct space_known {
    bool (*feasible)(const struct space *space, const struct space_arch *arch, char why[128]);
    /* The exact value of an objective; NaN for other names. */
    double (*exact)(const struct space *space, const struct space_arch *arch, const char *name);
    void *context;
};

struct space {
    int gene_count;                  /* 0: students, made of all that follows */
    struct space_gene *gene;         /* borrowed */
    const struct space_known *known; /* borrowed; NULL: nothing */

    struct space_shape shape;
    enum space_tie tie;
    int stages; /* for tie = stage */
    struct space_choices depth, width, head_dim, heads;
    struct space_choices patch;                 /* of images */
    struct space_choices embedding, vocabulary; /* of texts; embedding may be absent */
    struct space_choices history;               /* of states */
    struct space_choices ffn;                   /* absolute widths; empty when ratios are given */
    int ratio_count;
    double ffn_ratio[SPACE_MAX_CHOICES]; /* ascending, distinct, after space_init() */
    struct space_limits limits;
};

/* Sort and check the choices of a space filled in by the caller: at least one of each gene, values
 * in range, patches that divide the image, ffn or ffn_ratio but not both. RT_EARG: the text begins
 * with the key as the study file spells it, like "space.width: ". */
rt_status space_init(struct space *space, struct rt_err *err);
/* The part of it that needs no shape: for a space whose images are not loaded yet. */
rt_status space_check(struct space *space, struct rt_err *err);

/* The canonical text of a member, and back. RT_EFORMAT says what is wrong with it. */
void space_print(const struct space *space, const struct space_arch *arch,
                 char text[SPACE_ARCH_TEXT]);
rt_status space_parse(const struct space *space, const char *text, struct space_arch *arch,
                      struct rt_err *err);

/* Of students: params, macs, .. are known of an architecture (space_cost_of()). */
static inline bool space_has_costs(const struct space *space)
{
    return space->gene_count == 0;
}
/* Within every limit? When not and `why` is not NULL, say which limit and by how much. */
bool space_feasible(const struct space *space, const struct space_arch *arch, char why[128]);
/* Made of this space's choices and ties? (Of architectures given by hand.) */
bool space_contains(const struct space *space, const struct space_arch *arch);

/* The exact number of distinct architectures, before limits, as decimal digits: it may be far
 * beyond 64 bits. Caller frees; NULL when out of memory. */
char *space_size_text(const struct space *space);
/* The same, or -1 when it exceeds 2^62. */
int64_t space_size(const struct space *space);
/* Architecture number `index` of a space of size 0..2^62, in a fixed order that visits each once.
 */
void space_nth(const struct space *space, int64_t index, struct space_arch *arch);

/* The largest, the smallest and the middle choice of every gene; but for patch the largest network
 * takes the finest and the smallest the coarsest, since tokens are what makes work. Of categories
 * the last, the first and the middle one as listed. */
void space_largest(const struct space *space, struct space_arch *arch);
void space_smallest(const struct space *space, struct space_arch *arch);
void space_middle(const struct space *space, struct space_arch *arch);
/* The members of which one is the cheapest, in whatever cost: the smallest, with each choice of a
 * gene that makes some costs fall as others rise (patch). Of own genes the smallest alone. */
int space_cheapest_count(const struct space *space);
void space_cheapest(const struct space *space, int number, struct space_arch *arch);

/* Every gene uniform over its choices: layers drawn as the tie says. */
void space_sample(const struct space *space, struct rt_rng *rng, struct space_arch *arch);
/* Move at least one gene by one or two places among its ordered choices; a deeper child copies a
 * layer, a shallower one drops one. The child differs from the parent unless the space has one
 * member. */
void space_mutate(const struct space *space, struct rt_rng *rng, const struct space_arch *parent,
                  struct space_arch *child);
/* Uniform crossover: global genes from either parent, layer pairs from either parent at the aligned
 * layer (relative position when depths differ); ffn ratios follow the child's width. */
void space_crossover(const struct space *space, struct rt_rng *rng, const struct space_arch *a,
                     const struct space_arch *b, struct space_arch *child);
/* ---- untying: where the tie is `auto`, layers are free but may be held equal ---- */

/* Is any list's tie `auto`? If not, the functions below treat all as untied. */
bool space_unties(const struct space *space);
/* Make the layers of each group equal to its first. */
void space_tie_to(const struct space *space, enum space_tie tie, struct space_arch *arch);
/* space_mutate() that moves whole groups; the parent is tied first. */
void space_mutate_tied(const struct space *space, struct rt_rng *rng, enum space_tie tie,
                       const struct space_arch *parent, struct space_arch *child);
/* Distance for space-filling, 0..1: mean absolute difference of the genes' ranks scaled to [0,1],
 * over the genes with more than one choice; heads and ffn count once each, as the mean over aligned
 * layers. */
double space_distance(const struct space *space, const struct space_arch *a,
                      const struct space_arch *b);
/* Is there any feasible architecture? Decided exactly: costs grow with every gene but patch, so the
 * cheapest per patch decides. RT_EARG names the limit that no member keeps, or says that no member
 * keeps all. Of own genes nothing can be decided: RT_OK. */
rt_status space_check_feasible(const struct space *space, struct rt_err *err);
#endif
