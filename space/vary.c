/* space/vary.c -- random members: sampled, mutated, crossed; and how far apart two are.
 *
 * Mutation thinks in kinds of gene (depth, width, ..), each moved with the same chance, so that the
 * many per-layer genes of a deep network do not crowd out the few that matter most. Ranks of ratios that round to one width can make a move without effect: such a child
 * is drawn again, and at last built by trying every single move.
 */
#include <assert.h>
#include <stdlib.h>

#include "space/space_internal.h"

int space__draw(struct rt_rng *rng, int count)
{
    assert(count > 0);
    return (int)rt_rng_below(rng, (uint64_t)count);
}

void space_sample(const struct space *space, struct rt_rng *rng, struct space_arch *arch)
{
    if (space->gene_count) {
        space__genes_sample(space, rng, arch);
        return;
    }
    int distinct[SPACE_MAX_CHOICES];
    struct space_ranks ranks = {.groups = 0};

    for (enum space__kind k = 0; k < SPACE__LISTS; k++) {
        const int choices = space__count(space, k);
        ranks.wide[k] = choices ? space__draw(rng, choices) : 0;
    }
    const int width = space->width.value[ranks.wide[SPACE__WIDTH]];
    const int ffns = space__ffn_distinct(space, width, distinct);
    ranks.groups = space__groups(space, space__depth(space, &ranks));
    for (int g = 0; g < ranks.groups; g++) {
        ranks.heads[g] = space__draw(rng, space->heads.count);
        ranks.ffn[g] = distinct[space__draw(rng, ffns)];
    }
    space__unrank(space, &ranks, arch);
}

/* ---- mutation ---- */

/* After a change of depth: copy or drop groups at random until they fit it. */
static void fit_groups(const struct space *space, struct rt_rng *rng, struct space_ranks *ranks)
{
    const int want = space__groups(space, space__depth(space, ranks));

    while (ranks->groups < want) {
        const int at = space__draw(rng, ranks->groups);
        for (int g = ranks->groups++; g > at; g--) {
            ranks->heads[g] = ranks->heads[g - 1];
            ranks->ffn[g] = ranks->ffn[g - 1];
        }
    }
    while (ranks->groups > want) {
        ranks->groups--;
        for (int g = space__draw(rng, ranks->groups + 1); g < ranks->groups; g++) {
            ranks->heads[g] = ranks->heads[g + 1];
            ranks->ffn[g] = ranks->ffn[g + 1];
        }
    }
}

void space__step(struct rt_rng *rng, int *rank, int count)
{
    int place[4], places = 0;

    for (int by = -2; by <= 2; by++)
        if (by && *rank + by >= 0 && *rank + by < count)
            place[places++] = *rank + by;
    if (places)
        *rank = place[space__draw(rng, places)];
}

static void mutate_kind(const struct space *space, struct rt_rng *rng, enum space__kind kind,
                        struct space_ranks *ranks)
{
    int count;
    int *rank = space__ranks_of(ranks, kind, &count);
    const int sure = space__draw(rng, count);

    for (int i = 0; i < count; i++) /* one group for sure, the others at about one more */
        if (i == sure || space__draw(rng, count) == 0)
            space__step(rng, &rank[i], space__count(space, kind));
    if (kind == SPACE__DEPTH)
        fit_groups(space, rng, ranks);
}

static void mutate_ranks(const struct space *space, struct rt_rng *rng, struct space_ranks *ranks)
{
    enum space__kind movable[SPACE__KINDS];
    int count = 0;

    for (enum space__kind k = 0; k < SPACE__KINDS; k++)
        if (space__count(space, k) > 1)
            movable[count++] = k;
    if (!count)
        return;
    const int sure = space__draw(rng, count);
    for (int i = 0; i < count; i++)
        if (i == sure || rt_rng_uniform(rng) < .2)
            mutate_kind(space, rng, movable[i], ranks);
}

/* The first member that differs from the parent in one rank. */
static void any_neighbour(const struct space *space, struct rt_rng *rng,
                          const struct space_arch *parent, struct space_arch *child)
{
    struct space_ranks from;

    space__rank(space, parent, &from);
    for (enum space__kind k = 0; k < SPACE__KINDS; k++)
        for (int r = 0; r < space__count(space, k); r++) {
            struct space_ranks ranks = from;
            int count;
            space__ranks_of(&ranks, k, &count)[0] = r;
            if (k == SPACE__DEPTH)
                fit_groups(space, rng, &ranks);
            space__unrank(space, &ranks, child);
            if (!space_arch_equal(child, parent))
                return;
        }
}

void space_mutate(const struct space *space, struct rt_rng *rng, const struct space_arch *parent,
                  struct space_arch *child)
{
    const struct space_arch from = *parent; /* child may be the same struct */
    struct space_ranks ranks;

    if (space->gene_count) {
        space__genes_mutate(space, rng, &from, child);
        return;
    }
    for (int attempt = 0; attempt < 32; attempt++) {
        space__rank(space, &from, &ranks);
        mutate_ranks(space, rng, &ranks);
        space__unrank(space, &ranks, child);
        if (!space_arch_equal(child, &from))
            return;
    }
    any_neighbour(space, rng, &from, child);
}

/* ---- crossover ---- */

void space_crossover(const struct space *space, struct rt_rng *rng, const struct space_arch *a,
                     const struct space_arch *b, struct space_arch *child)
{
    struct space_ranks parent[2], ranks = {.groups = 0};

    if (space->gene_count) {
        space__genes_cross(space, rng, a, b, child);
        return;
    }
    space__rank(space, a, &parent[0]);
    space__rank(space, b, &parent[1]);
    for (enum space__kind k = 0; k < SPACE__LISTS; k++)
        if (space__count(space, k))
            ranks.wide[k] = parent[space__draw(rng, 2)].wide[k];
    ranks.groups = space__groups(space, space__depth(space, &ranks));
    for (int g = 0; g < ranks.groups; g++) {
        const struct space_ranks *from = &parent[space__draw(rng, 2)];
        const int at = g * from->groups / ranks.groups;
        ranks.heads[g] = from->heads[at];
        ranks.ffn[g] = from->ffn[at];
    }
    space__unrank(space, &ranks, child);
}

/* ---- distance ---- */

/* Mean gap of one kind's ranks at aligned places, in shares of the whole range. */
static double gap(int choices, enum space__kind kind, struct space_ranks *a, struct space_ranks *b)
{
    int count_a, count_b;
    const int *x = space__ranks_of(a, kind, &count_a), *y = space__ranks_of(b, kind, &count_b);
    const int places = count_a > count_b ? count_a : count_b;
    double sum = 0;

    for (int i = 0; i < places; i++)
        sum += abs(x[i * count_a / places] - y[i * count_b / places]);
    return sum / places / (choices - 1);
}

double space_distance(const struct space *space, const struct space_arch *a,
                      const struct space_arch *b)
{
    struct space_ranks ra, rb;
    double sum = 0;
    int kinds = 0;

    if (space->gene_count)
        return space__genes_distance(space, a, b);
    space__rank(space, a, &ra);
    space__rank(space, b, &rb);
    for (enum space__kind k = 0; k < SPACE__KINDS; k++) {
        const int choices = space__count(space, k);
        if (choices > 1) {
            sum += gap(choices, k, &ra, &rb);
            kinds++;
        }
    }
    return kinds ? sum / kinds : 0;
}
