/* space/view.c -- see view.h.
 *
 * Features are made from the positions alone, so they are the same for every kind of space.
 */
#include "space/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "space/space_internal.h"

enum student_gene { DEPTH, WIDTH, HEAD_DIM, PATCH, HEADS, FFN, student_genes };

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

int space_genes(const struct space *space)
{
    return space->gene_count ? space->gene_count : student_genes;
}

static void student_gene(const struct space *space, int gene, struct space_gene_view *view)
{
    static const char *const names[] = {"depth", "width", "head_dim", "patch", "heads", "ffn"};
    const int choices[] = {space->depth.count, space->width.count, space->head_dim.count,
                           space->patch.count, space->heads.count, space__ffn_ranks(space)};
    const int groups = most_groups(space);
    const bool list = gene >= HEADS;

    *view = (struct space_gene_view){.name = names[gene],
                                     .first = list ? HEADS + (gene - HEADS) * groups : gene,
                                     .positions = list ? groups : 1,
                                     .list = list,
                                     .ordered = true,
                                     .choices = choices[gene],
                                     .length_gene = list ? DEPTH : -1};
}

void space_gene_of(const struct space *space, int gene, struct space_gene_view *view)
{
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

int space_position(const struct space *space, int position, char name[SPACE_POSITION_TEXT])
{
    struct space_gene_view view;
    int gene = 0;

    for (space_gene_of(space, 0, &view); position >= view.first + view.positions;)
        space_gene_of(space, ++gene, &view);
    if (view.positions > 1)
        snprintf(name, SPACE_POSITION_TEXT, "%s.%d", view.name, position - view.first);
    else
        snprintf(name, SPACE_POSITION_TEXT, "%s", view.name);
    return gene;
}

/* ---- students as choices ---- */

static void copy_groups(const int *rank, int groups, int most, int *choice)
{
    for (int g = 0; g < most; g++)
        choice[g] = g < groups ? rank[g] : -1;
}

void space_choices_of(const struct space *space, const struct space_arch *arch, int *choice)
{
    if (space->gene_count) {
        for (int i = 0; i < space_positions(space); i++)
            choice[i] = arch->choice[i];
        return;
    }
    const int most = most_groups(space);
    struct space_ranks ranks;

    space__rank(space, arch, &ranks);
    choice[DEPTH] = ranks.depth;
    choice[WIDTH] = ranks.width;
    choice[HEAD_DIM] = ranks.head_dim;
    choice[PATCH] = ranks.patch;
    copy_groups(ranks.heads, ranks.groups, most, choice + HEADS);
    copy_groups(ranks.ffn, ranks.groups, most, choice + HEADS + most);
}

static int at_least_0(int choice)
{
    return choice < 0 ? 0 : choice;
}

static void fill_groups(const int *choice, int groups, int *rank)
{
    for (int g = 0; g < groups; g++)
        rank[g] = choice[g] >= 0 ? choice[g] : g ? rank[g - 1] : 0;
}

void space_arch_of(const struct space *space, const int *choice, struct space_arch *arch)
{
    if (space->gene_count) {
        *arch = (struct space_arch){.depth = 0};
        for (int i = 0; i < space_positions(space); i++)
            arch->choice[i] = (int8_t)choice[i];
        space__genes_tidy(space, arch);
        return;
    }
    struct space_ranks ranks = {.depth = at_least_0(choice[DEPTH]),
                                .width = at_least_0(choice[WIDTH]),
                                .head_dim = at_least_0(choice[HEAD_DIM]),
                                .patch = at_least_0(choice[PATCH])};

    ranks.groups = space__groups(space, space->depth.value[ranks.depth]);
    fill_groups(choice + HEADS, ranks.groups, ranks.heads);
    fill_groups(choice + HEADS + most_groups(space), ranks.groups, ranks.ffn);
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
                 {"memory", cost.memory}};
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (strcmp(name, costs[i].name) == 0)
            return (double)costs[i].value;
    return NAN;
}

/* ---- features ---- */

static const char *const log_costs[] = {"params", "macs", "memory"};
enum { log_cost_count = sizeof log_costs / sizeof *log_costs };

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
    int count = space->gene_count ? 0 : log_cost_count;

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

/* Costs grow with every gene but the patch, so the corners bound them, or nearly. */
static void cost_features(const struct space *space, const struct space_arch *arch, double *feature)
{
    struct space_arch small, large;

    space_smallest(space, &small);
    space_largest(space, &large);
    for (int i = 0; i < log_cost_count; i++) {
        const double low = log(space_exact(space, &small, log_costs[i]));
        const double high = log(space_exact(space, &large, log_costs[i]));
        const double here = log(space_exact(space, arch, log_costs[i]));
        feature[i] = high > low ? (here - low) / (high - low) : 0;
    }
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
    if (!space->gene_count)
        cost_features(space, arch, feature);
}
