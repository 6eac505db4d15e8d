/* search/explore.c -- trials against the model's word, the more the less it promises.
 *
 * A model that has learned the surroundings of a front well is sure of what it has never seen, and
 * layers that pay only together lie beyond losses: it would spend all trials on what is left of one
 * local optimum. So some trials are explorers, of two kinds.
 *
 * Layers   A member of the front some neighbouring layers of which are drawn anew, are at the ends of
 *          their ranges, where what they have to do with each other shows most, or are as some others
 *          of it are, since what pays in one place often does in another. One is taken to be worth
 *          WORTH, in parts of the space below the reference, and takes the place of the model's choice
 *          as likely as the square of that is a part of both gains' squares: hardly ever while more is
 *          promised, mostly once less is.
 * Niches   What layers give in networks of one depth may say little of another depth, and so for any
 *          gene of one position. A climb begins where the front is, and of a choice that the front
 *          lacks all its children are worse, until their layers are made for it. So, every other trial
 *          and once there are results enough, a few such choices are climbed on their own, and the
 *          most promising child has its trial, if it promises HOPE of what the model's choice does.
 *          Hopeless ones cost no trial; of others the model learns, and either hope ends or it climbs
 *          there itself.
 *
 * What they find the model learns as it does any result, and promises more again.
 *
 * Measured in docs/architecture.md.
 */
#include <string.h>

#include "search/improvement.h"
#include "search/search_internal.h"
#include "space/view.h"

enum {
    DRAWS = 512,       /* to find an explorer of layers among */
    NICHES_FROM = 160, /* results, .. */
    NICHES_EVERY = 2,  /* .. one trial in so many, .. */
    NICHES = 3,        /* .. of so many choices at most, .. */
    NICHE_ROUNDS = 16, /* .. climbed for so long, .. */
    RARE = 16          /* .. that one member of the front in so many has, or fewer */
};

#define WORTH 1e-5
#define HOPE .01

/* Places of the longest list, in use. */
static int layers_of(const struct space *space, const int *choice)
{
    struct space_gene_view view;
    int layers = 0;

    for (int g = 0; g < space_genes(space); g++) {
        space_gene_of(space, g, &view);
        for (int i = layers; i < view.positions && choice[view.first + i] >= 0; i++)
            layers = i + 1;
    }
    return layers;
}

enum kind { ANEW, ENDS, COPIED, KINDS };

/* Two or three neighbouring layers, in all lists. */
static void redraw(const struct space *space, struct rt_rng *rng, int layers, int *choice)
{
    const enum kind kind = (enum kind)rt_rng_below(rng, KINDS);
    const int length = layers > 2 ? 2 + (int)rt_rng_below(rng, 2) : 2;
    const int places = layers - length + 1;
    const int to = (int)rt_rng_below(rng, (uint64_t)places);
    const int from = (int)rt_rng_below(rng, (uint64_t)places);
    int before[SPACE_MAX_POSITIONS];

    memcpy(before, choice, (size_t)space_positions(space) * sizeof *before);
    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view view;
        space_gene_of(space, g, &view);
        for (int i = 0; i < length && to + i < view.positions && view.positions > 1; i++) {
            int *at = choice + view.first + to + i;
            const int source = from + i < view.positions ? before[view.first + from + i] : -1;
            if (*at < 0 || (kind == COPIED && source < 0))
                continue;
            *at = kind == COPIED                 ? source
                  : kind == ENDS && view.ordered ? (int)rt_rng_below(rng, 2) * (view.choices - 1)
                                                 : (int)rt_rng_below(rng, (uint64_t)view.choices);
        }
    }
}

void search__explore_layers(const struct search__proposer *p, struct rt_rng *rng, double promised,
                            struct search__proposal *out)
{
    const struct search__level *front = &p->rungs.levels[p->advisor.rung].level[0];
    struct search__proposal explorer = {.origin = "explorer", .parent_b = -1};

    if (rt_rng_uniform(rng) * (WORTH * WORTH + promised * promised) >= WORTH * WORTH)
        return;
    for (int draw = 0; draw < DRAWS; draw++) {
        const size_t trial = front->member[rt_rng_below(rng, front->count)];
        int choice[SPACE_MAX_POSITIONS];
        space_choices_of(p->space, &p->archs[trial], choice);
        const int layers = layers_of(p->space, choice);
        if (layers < 2)
            continue;
        redraw(p->space, rng, layers, choice);
        space_arch_of(p->space, choice, &explorer.arch);
        if (!search__acceptable(p, &explorer.arch))
            continue;
        explorer.parent_a = (int64_t)trial;
        *out = explorer;
        return;
    }
}

/* ---- choices that the front lacks ---- */

/* Members of the front by their choice of a gene. */
static void count_choices(const struct search__proposer *p, int position,
                          size_t count[SPACE_MAX_CHOICES])
{
    const struct search__level *front = &p->rungs.levels[p->advisor.rung].level[0];
    int choice[SPACE_MAX_POSITIONS];

    memset(count, 0, SPACE_MAX_CHOICES * sizeof *count);
    for (size_t i = 0; i < front->count; i++) {
        space_choices_of(p->space, &p->archs[front->member[i]], choice);
        if (choice[position] >= 0)
            count[choice[position]]++;
    }
}

/* Up to NICHES of those that hardly any member has, of genes of one position; how many. */
static int draw_niches(const struct search__proposer *p, struct rt_rng *rng,
                       struct search__niche niche[NICHES])
{
    const size_t members = p->rungs.levels[p->advisor.rung].level[0].count;
    size_t count[SPACE_MAX_CHOICES];
    struct space_gene_view view;
    uint64_t seen = 0;

    for (int g = 0; g < space_genes(p->space); g++) {
        space_gene_of(p->space, g, &view);
        if (view.positions > 1 || view.choices < 2)
            continue;
        count_choices(p, view.first, count);
        for (int c = 0; c < view.choices; c++) {
            if (RARE * count[c] > members)
                continue;
            const uint64_t at = seen < NICHES ? seen : rt_rng_below(rng, seen + 1);
            if (at < NICHES)
                niche[at] = (struct search__niche){view.first, c};
            seen++;
        }
    }
    return seen < NICHES ? (int)seen : NICHES;
}

/* From the best results that have the choice, moved, and from members of the front that are given it. */
static void climb_niche(struct search__proposer *p, struct rt_rng *rng, struct search_boxes *boxes,
                        const struct search__niche *niche)
{
    const struct search__levels *levels = &p->rungs.levels[p->advisor.rung];
    const struct search__level *front = &levels->level[0];
    struct search__proposal child[SEARCH_SEATS];
    int choice[SPACE_MAX_POSITIONS], count = 0;

    search__climb_begin(&p->advisor);
    for (size_t l = 0; l < levels->count; l++)
        for (size_t i = 0; i < levels->level[l].count && count < SEARCH_SEATS; i++) {
            const size_t trial = levels->level[l].member[i];
            space_choices_of(p->space, &p->archs[trial], choice);
            if (choice[niche->position] != niche->choice)
                continue;
            child[count] = (struct search__proposal){.parent_a = (int64_t)trial, .parent_b = -1};
            space_mutate(p->space, rng, &p->archs[trial], &child[count].arch);
            search__settle(p->space, niche, &child[count++].arch);
        }
    search__climb_join(p, boxes, child, count);
    for (int i = 0; i < SEARCH_SEATS; i++) {
        const size_t trial = front->member[rt_rng_below(rng, front->count)];
        child[i] = (struct search__proposal){
            .arch = p->archs[trial], .parent_a = (int64_t)trial, .parent_b = -1};
        search__settle(p->space, niche, &child[i].arch);
    }
    search__climb_join(p, boxes, child, SEARCH_SEATS);
    search__climb(p, rng, boxes, niche, NICHE_ROUNDS);
}

bool search__explore_niches(struct search__proposer *p, struct rt_rng *rng,
                            struct search_boxes *boxes, double promised,
                            struct search__proposal *out)
{
    struct search__niche niche[NICHES];
    double gain, most = HOPE * promised;
    bool found = false;

    if (p->visible < NICHES_FROM || rt_rng_below(rng, NICHES_EVERY) > 0)
        return false;
    for (int i = 0, n = draw_niches(p, rng, niche); i < n; i++) {
        climb_niche(p, rng, boxes, &niche[i]);
        const struct search__proposal *best = search__climbed(&p->advisor, &gain);
        if (!best || gain <= most)
            continue;
        most = gain;
        *out = *best;
        out->origin = "explorer";
        out->predicted = p->advisor.rung == out->rung;
        found = true;
    }
    return found;
}
