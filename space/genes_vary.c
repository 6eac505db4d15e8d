/* space/genes_vary.c -- sampling, variation, distance and numbering of the user's own genes.
 *
 * All genes that can move have the same chance, a list counting as one, as with students (vary.c).
 * Lists of one length move together where layers are concerned: a child's layer takes all of them
 * from one parent, and a layer that is copied or dropped is the same one in each.
 */
#include <stdlib.h>
#include <string.h>

#include "space/space_internal.h"

/* ---- made from nothing ---- */

void space__genes_anchor(const struct space *space, enum space__place place,
                         struct space_arch *arch)
{
    *arch = (struct space_arch){.depth = 0};
    for (int g = 0; g < space->gene_count; g++)
        memset(arch->choice + space->gene[g].first,
               space__place(place, space->gene[g].choice_count), (size_t)space->gene[g].positions);
    space__genes_tidy(space, arch);
}

void space__genes_sample(const struct space *space, struct rt_rng *rng, struct space_arch *arch)
{
    *arch = (struct space_arch){.depth = 0};
    for (int g = 0; g < space->gene_count; g++)
        for (int i = 0; i < space__genes_active(&space->gene[g], space, arch->choice); i++)
            arch->choice[space->gene[g].first + i] =
                (int8_t)space__draw(rng, space->gene[g].choice_count);
    space__genes_tidy(space, arch);
}

/* ---- mutation ---- */

static void move_choice(const struct space_gene *gene, struct rt_rng *rng, int8_t *choice)
{
    int rank = *choice;

    if (gene->ordered)
        space__step(rng, &rank, gene->choice_count);
    else /* another one */
        rank = (rank + 1 + space__draw(rng, gene->choice_count - 1)) % gene->choice_count;
    *choice = (int8_t)rank;
}

/* One position for sure, the others at about one more. */
static void mutate_gene(const struct space_gene *gene, struct rt_rng *rng, int active,
                        int8_t *choice)
{
    const int sure = space__draw(rng, active);

    for (int i = 0; i < active; i++)
        if (i == sure || space__draw(rng, active) == 0)
            move_choice(gene, rng, &choice[i]);
}

/* Copy or drop groups at random until there are so many. */
static void fit(struct rt_rng *rng, int8_t *choice, int have, int want)
{
    for (; have < want; have++) {
        const int at = space__draw(rng, have);
        memmove(choice + at + 1, choice + at, (size_t)(have - at));
    }
    for (; have > want; have--) {
        const int at = space__draw(rng, have);
        memmove(choice + at, choice + at + 1, (size_t)(have - at - 1));
    }
}

/* Lists whose length changed; those of one length gene from the same random numbers. */
static void fit_lists(const struct space *space, struct rt_rng *rng, const struct space_arch *from,
                      struct space_arch *child)
{
    struct rt_rng used = *rng;

    for (int g = 0; g < space->gene_count; g++) {
        const struct space_gene *gene = &space->gene[g];
        struct rt_rng own = *rng;
        if (gene->length_gene < 0)
            continue;
        fit(&own, child->choice + gene->first, space__genes_active(gene, space, from->choice),
            space__genes_active(gene, space, child->choice));
        used = own;
    }
    *rng = used;
    space__genes_tidy(space, child);
}

void space__genes_mutate(const struct space *space, struct rt_rng *rng,
                         const struct space_arch *parent, struct space_arch *child)
{
    const struct space_arch from = *parent;
    int movable = 0, seen = 0;

    *child = from;
    for (int g = 0; g < space->gene_count; g++)
        movable += space->gene[g].choice_count > 1;
    if (!movable)
        return;
    const int sure = space__draw(rng, movable);
    for (int g = 0; g < space->gene_count; g++) {
        const struct space_gene *gene = &space->gene[g];
        if (gene->choice_count > 1 && (seen++ == sure || space__draw(rng, movable) == 0))
            mutate_gene(gene, rng, space__genes_active(gene, space, from.choice),
                        child->choice + gene->first);
    }
    fit_lists(space, rng, &from, child);
}

/* ---- crossover ---- */

static bool same_layers(const struct space_gene *a, const struct space_gene *b)
{
    return a->list && b->list && a->length_gene == b->length_gene && a->length == b->length &&
           a->tie == b->tie && a->stages == b->stages;
}

void space__genes_cross(const struct space *space, struct rt_rng *rng, const struct space_arch *a,
                        const struct space_arch *b, struct space_arch *child)
{
    const struct space_arch parent[2] = {*a, *b};
    int pick[SPACE_MAX_POSITIONS] = {0}; /* of the last list that was not together with another */

    *child = (struct space_arch){.depth = 0};
    for (int g = 0; g < space->gene_count; g++) {
        const struct space_gene *gene = &space->gene[g];
        const int active = space__genes_active(gene, space, child->choice);
        const bool together = g > 0 && same_layers(gene, &space->gene[g - 1]);
        for (int i = 0; i < active; i++) {
            if (!together)
                pick[i] = space__draw(rng, 2);
            const int8_t *from = parent[pick[i]].choice;
            child->choice[gene->first + i] =
                from[gene->first + i * space__genes_active(gene, space, from) / active];
        }
    }
    space__genes_tidy(space, child);
}

/* ---- distance ---- */

/* Mean gap at aligned places, in shares of the whole range. */
static double gap(const struct space *space, const struct space_gene *gene, const int8_t *a,
                  const int8_t *b)
{
    const int count_a = space__genes_active(gene, space, a),
              count_b = space__genes_active(gene, space, b);
    const int places = count_a > count_b ? count_a : count_b;
    double sum = 0;

    for (int i = 0; i < places; i++) {
        const int x = a[gene->first + i * count_a / places],
                  y = b[gene->first + i * count_b / places];
        sum += gene->ordered ? (double)abs(x - y) / (gene->choice_count - 1) : x != y;
    }
    return sum / places;
}

double space__genes_distance(const struct space *space, const struct space_arch *a,
                             const struct space_arch *b)
{
    double sum = 0;
    int genes = 0;

    for (int g = 0; g < space->gene_count; g++)
        if (space->gene[g].choice_count > 1) {
            sum += gap(space, &space->gene[g], a->choice, b->choice);
            genes++;
        }
    return genes ? sum / genes : 0;
}

/* ---- numbers ----
 *
 * A space is a product over the genes that stand alone, and over those that give lengths, each with
 * its lists: a sum over its choices. */

static int layers_at(const struct space *space, int length_gene, int c, const struct space_gene *of)
{
    int8_t choice[SPACE_MAX_POSITIONS];

    choice[space->gene[length_gene].first] = (int8_t)c;
    return space__genes_active(of, space, choice);
}

/* Members of the lists whose length gene g gives, at its choice c; 1 when there are none. */
static void count_lists(const struct space *space, int g, int c, mpz_t size)
{
    mpz_t list;

    mpz_init(list);
    mpz_set_ui(size, 1);
    for (int i = g + 1; i < space->gene_count; i++)
        if (space->gene[i].length_gene == g) {
            mpz_ui_pow_ui(list, (unsigned long)space->gene[i].choice_count,
                          (unsigned long)layers_at(space, g, c, &space->gene[i]));
            mpz_mul(size, size, list);
        }
    mpz_clear(list);
}

/* Of gene g, its lists included. */
static void count_gene(const struct space *space, int g, mpz_t size)
{
    const struct space_gene *gene = &space->gene[g];
    mpz_t block;

    if (gene->list) { /* its length is fixed: all positions are active */
        mpz_ui_pow_ui(size, (unsigned long)gene->choice_count, (unsigned long)gene->positions);
        return;
    }
    mpz_init(block);
    mpz_set_ui(size, 0);
    for (int c = 0; c < gene->choice_count; c++) {
        count_lists(space, g, c, block);
        mpz_add(size, size, block);
    }
    mpz_clear(block);
}

void space__genes_count(const struct space *space, mpz_t size)
{
    mpz_t gene;

    mpz_init(gene);
    mpz_set_ui(size, 1);
    for (int g = 0; g < space->gene_count; g++)
        if (space->gene[g].length_gene < 0) {
            count_gene(space, g, gene);
            mpz_mul(size, size, gene);
        }
    mpz_clear(gene);
}

static void write_digits(const struct space_gene *gene, int active, int64_t *index,
                         struct space_arch *arch)
{
    for (int i = 0; i < active; i++, *index /= gene->choice_count)
        arch->choice[gene->first + i] = (int8_t)(*index % gene->choice_count);
}

/* Member `index` of the choices of gene g and of its lists. */
static void nth_of_gene(const struct space *space, int g, int64_t index, struct space_arch *arch)
{
    mpz_t block;
    int c = 0;

    mpz_init(block);
    for (count_lists(space, g, c, block); index >= mpz_get_si(block);
         count_lists(space, g, ++c, block))
        index -= mpz_get_si(block);
    mpz_clear(block);
    arch->choice[space->gene[g].first] = (int8_t)c;
    for (int i = g + 1; i < space->gene_count; i++)
        if (space->gene[i].length_gene == g)
            write_digits(&space->gene[i], space__genes_active(&space->gene[i], space, arch->choice),
                         &index, arch);
}

void space__genes_nth(const struct space *space, int64_t index, struct space_arch *arch)
{
    mpz_t size;

    *arch = (struct space_arch){.depth = 0};
    mpz_init(size);
    for (int g = 0; g < space->gene_count; g++) {
        if (space->gene[g].length_gene >= 0)
            continue;
        count_gene(space, g, size);
        int64_t own = index % mpz_get_si(size);
        index /= mpz_get_si(size);
        if (space->gene[g].list)
            write_digits(&space->gene[g], space->gene[g].positions, &own, arch);
        else
            nth_of_gene(space, g, own, arch);
    }
    mpz_clear(size);
    space__genes_tidy(space, arch);
}
