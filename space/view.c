/* space/view.c -- see view.h.
 *
 * Features are made from the positions alone, so they are the same for every kind of space.
 */
#include "space/view.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "space/space_internal.h"

static void own_gene(const struct space_gene *gene, struct space_gene_view *view)
{
    *view = (struct space_gene_view){.name = gene->name,
                                     .first = gene->first,
                                     .positions = gene->positions,
                                     .list = gene->list,
                                     .ordered = gene->ordered,
                                     .choices = gene->choice_count,
                                     .length_gene = gene->length_gene};
}

/* Groups of the deepest member. */
static int most_groups(const struct space *space)
{
    return space__groups(space, space->depth.value[space->depth.count - 1]);
}

static int positions_of(const struct space *space, enum space__kind kind)
{
    if (space__count(space, kind) == 0)
        return 0;
    return kind < SPACE__LISTS ? 1 : most_groups(space);
}

int space_genes(const struct space *space)
{
    int genes = 0;

    if (space->gene_count)
        return space->gene_count;
    for (enum space__kind k = 0; k < SPACE__KINDS; k++)
        genes += space__count(space, k) > 0;
    return genes;
}

/* Of a student's gene; those that the space lacks have no number. */
static enum space__kind kind_of(const struct space *space, int gene)
{
    enum space__kind kind = 0;

    for (; gene > 0 || space__count(space, kind) == 0; kind++)
        gene -= space__count(space, kind) > 0;
    return kind;
}

static void student_gene(const struct space *space, int gene, struct space_gene_view *view)
{
    const enum space__kind kind = kind_of(space, gene);
    const bool list = kind >= SPACE__LISTS;
    int first = 0;

    for (enum space__kind before = 0; before < kind; before++)
        first += positions_of(space, before);
    *view = (struct space_gene_view){.name = space__student[kind].name,
                                     .first = first,
                                     .positions = positions_of(space, kind),
                                     .list = list,
                                     .ordered = true,
                                     .choices = space__count(space, kind),
                                     .length_gene = list ? SPACE__DEPTH : -1};
}

void space_gene_of(const struct space *space, int gene, struct space_gene_view *view)
{
    assert(gene >= 0 && gene < space_genes(space));
    if (space->gene_count)
        own_gene(&space->gene[gene], view);
    else
        student_gene(space, gene, view);
}

int space_positions(const struct space *space)
{
    struct space_gene_view last;

    space_gene_of(space, space_genes(space) - 1, &last);
    return last.first + last.positions;
}

/* ---- values ---- */

int space_gene_length(const struct space *space, const struct space_arch *arch, int gene)
{
    struct space_gene_view view;

    if (space->gene_count)
        return space__genes_layers(&space->gene[gene], space, arch->choice);
    space_gene_of(space, gene, &view);
    return view.list ? arch->depth : 1;
}

/* A whole number or a real where the text is one. */
static struct space_value read_value(const char *text)
{
    char *end;
    const double real = strtod(text, &end);
    const long long whole = strtoll(text, NULL, 10);

    if (!*text || *end || !isfinite(real))
        return (struct space_value){.is = SPACE_WORD, .text = text};
    return (struct space_value){.is = (double)whole == real ? SPACE_WHOLE : SPACE_REAL,
                                .whole = whole,
                                .real = real,
                                .text = text};
}

void space_value_of(const struct space *space, const struct space_arch *arch, int gene, int layer,
                    struct space_value *value)
{
    assert(layer >= 0 && layer < space_gene_length(space, arch, gene));
    if (space->gene_count) {
        *value = read_value(space__genes_value(space, arch, gene, layer));
        return;
    }
    const int whole = space__value(arch, kind_of(space, gene), layer);
    *value = (struct space_value){.is = SPACE_WHOLE, .whole = whole, .real = whole};
}

/* ---- students as choices ---- */

/* Of -1s the position before it in its list, or the first choice. */
static void fill(int *rank, int count)
{
    for (int g = 0; g < count; g++)
        rank[g] = rank[g] >= 0 ? rank[g] : g ? rank[g - 1] : 0;
}

void space_choices_of(const struct space *space, const struct space_arch *arch, int *choice)
{
    struct space_ranks ranks;

    if (space->gene_count) {
        for (int i = 0; i < space_positions(space); i++)
            choice[i] = arch->choice[i];
        return;
    }
    space__rank(space, arch, &ranks);
    for (enum space__kind k = 0; k < SPACE__KINDS; k++) {
        const int positions = positions_of(space, k);
        int count;
        const int *rank = space__ranks_of(&ranks, k, &count);
        for (int i = 0; i < positions; i++)
            *choice++ = i < count ? rank[i] : -1;
    }
}

void space_arch_of(const struct space *space, const int *choice, struct space_arch *arch)
{
    struct space_ranks ranks = {.groups = 0};

    if (space->gene_count) {
        *arch = (struct space_arch){.depth = 0};
        for (int i = 0; i < space_positions(space); i++)
            arch->choice[i] = (int8_t)choice[i];
        space__genes_tidy(space, arch);
        return;
    }
    for (enum space__kind k = 0; k < SPACE__KINDS; k++) {
        const int positions = positions_of(space, k);
        int count;
        if (k == SPACE__LISTS)
            ranks.groups = space__groups(space, space__depth(space, &ranks));
        int *rank = space__ranks_of(&ranks, k, &count);
        for (int i = 0; i < positions; i++, choice++)
            if (i < count)
                rank[i] = *choice;
        fill(rank, count);
    }
    space__unrank(space, &ranks, arch);
}

double space_exact(const struct space *space, const struct space_arch *arch, const char *name)
{
    struct space_cost cost;

    if (space->gene_count)
        return space->known && space->known->exact ? space->known->exact(space, arch, name)
                                                   : (double)NAN;
    space_cost_of(arch, &space->shape, &cost);
    const struct {
        const char *name;
        int64_t value;
    } costs[] = {{"params", cost.params},
                 {"bytes", cost.bytes},
                 {"macs", cost.macs},
                 {"memory", cost.memory},
                 {"int8_bytes", cost.int8_bytes}};
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (strcmp(name, costs[i].name) == 0)
            return (double)costs[i].value;
    return NAN;
}

/* ---- features ---- */

enum { log_cost_count = 3 }; /* params, macs, memory */

static int features_of(const struct space_gene_view *gene)
{
    if (gene->choices < 2)
        return 0;
    if (gene->ordered)
        return gene->positions + (gene->positions > 1 ? 2 : 0);
    return gene->choices * (gene->positions + (gene->positions > 1));
}

int space_feature_count(const struct space *space)
{
    struct space_gene_view gene;
    int count = space_has_costs(space) ? log_cost_count : 0;

    for (int g = 0; g < space_genes(space); g++) {
        space_gene_of(space, g, &gene);
        count += features_of(&gene);
    }
    return count;
}

static double mean(const double *value, int from, int to)
{
    double sum = 0;

    for (int i = from; i < to; i++)
        sum += value[i];
    return to > from ? sum / (to - from) : 0;
}

static void ordered_features(const struct space_gene_view *gene, const int *choice, double *feature)
{
    int active = 0;

    if (!gene->list) {
        feature[0] = (double)choice[0] / (gene->choices - 1);
        return;
    }
    for (int i = 0; i < gene->positions; i++) {
        feature[i] = (choice[i] + 1.) / gene->choices;
        active += choice[i] >= 0; /* the active ones come first */
    }
    if (gene->positions == 1)
        return;
    feature[gene->positions] = mean(feature, 0, active);
    feature[gene->positions + 1] =
        mean(feature, (active + 1) / 2, active) - mean(feature, 0, active / 2);
}

static void category_features(const struct space_gene_view *gene, const int *choice,
                              double *feature)
{
    double *share = feature + (ptrdiff_t)gene->choices * gene->positions;
    int active = 0;

    for (int i = 0; i < features_of(gene); i++)
        feature[i] = 0;
    for (int i = 0; i < gene->positions && choice[i] >= 0; i++, active++)
        feature[(ptrdiff_t)i * gene->choices + choice[i]] = 1;
    if (gene->positions > 1)
        for (int i = 0; i < active; i++)
            share[choice[i]] += 1. / active;
}

static void log_costs(const struct space *space, const struct space_arch *arch,
                      double value[log_cost_count])
{
    struct space_cost cost;

    space_cost_of(arch, &space->shape, &cost);
    value[0] = log((double)cost.params);
    value[1] = log((double)cost.macs);
    value[2] = log((double)cost.memory);
}

/* Costs grow with nearly every gene, so the corners bound them, or nearly. */
static void cost_features(const struct space *space, const struct space_arch *arch, double *feature)
{
    double low[log_cost_count], high[log_cost_count], here[log_cost_count];
    struct space_arch small, large;

    space_smallest(space, &small);
    space_largest(space, &large);
    log_costs(space, &small, low);
    log_costs(space, &large, high);
    log_costs(space, arch, here);
    for (int i = 0; i < log_cost_count; i++)
        feature[i] = high[i] > low[i] ? (here[i] - low[i]) / (high[i] - low[i]) : 0;
}

void space_features(const struct space *space, const struct space_arch *arch, double *feature)
{
    int choice[SPACE_MAX_POSITIONS];

    space_choices_of(space, arch, choice);
    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view gene;
        space_gene_of(space, g, &gene);
        if (gene.choices < 2)
            continue;
        (gene.ordered ? ordered_features : category_features)(&gene, choice + gene.first, feature);
        feature += features_of(&gene);
    }
    if (space_has_costs(space))
        cost_features(space, arch, feature);
}
