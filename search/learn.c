/* search/learn.c -- what results make known: a Gaussian process for each objective that costs a trial;
 * the others are known exactly.
 *
 * Scales are fitted when so many results are seen, and in between results are added as they come;
 * both are functions of the results seen and of their number, so a resumed search predicts the
 * same. Of very many trials the best by rank are taken, where the front will grow, and the latest,
 * whose mistakes would be made again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/improvement.h"
#include "search/search_internal.h"
#include "space/view.h"

enum {
    LEAST_POINTS = 8,  /* below, the model steps aside */
    MOST_POINTS = 512, /* known at a fit, of which the best, */
    LATEST = 128,      /* these, where there are more, */
    FITTED = 160,      /* and these, the best, choose the scales */
    LEAST_STEP = 4,    /* results between two fits, and an eighth of all between these */
    MOST_STEP = 32
};

/* ---- lifecycle ---- */

/* The position of each feature and the gene of each position, as the model scales them: the summaries
 * of a list, and the costs, count as genes of their own. */
static void number_features(const struct space *space, int features, int *position, int *gene)
{
    int f = 0, positions = 0, genes = 0;

    for (int g = 0; g < space_genes(space); g++) {
        struct space_gene_view view;
        space_gene_of(space, g, &view);
        if (view.choices < 2)
            continue;
        const int each = view.ordered ? 1 : view.choices;
        for (int i = 0; i < view.positions; i++, gene[positions++] = genes)
            for (int j = 0; j < each; j++)
                position[f++] = positions;
        genes++;
        if (view.positions > 1 && view.ordered)
            for (int i = 0; i < 2; i++, gene[positions++] = genes++)
                position[f++] = positions;
        else if (view.positions > 1) {
            for (int i = 0; i < each; i++)
                position[f++] = positions;
            gene[positions++] = genes++;
        }
    }
    for (; f < features; gene[positions++] = genes++)
        position[f++] = positions;
}

static rt_status open_models(struct search__advisor *a, const struct space *space,
                             const struct search_options *options, struct rt_err *err)
{
    int *position = calloc((size_t)a->features, sizeof *position);
    int *gene = calloc((size_t)a->features, sizeof *gene);
    struct space_arch any;
    rt_status rc = RT_OK;

    if (position && gene) {
        number_features(space, a->features, position, gene);
        rc = search_points_open(a->features, position, gene,
                                MOST_POINTS + MOST_STEP + SEARCH_PENDING, FITTED, &a->points, err);
    } else
        rc = rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    space_smallest(space, &any);
    for (int k = 0; k < options->objective_count && rc == RT_OK; k++)
        if (isnan(space_exact(space, &any, options->objectives[k])))
            rc = search_model_open(a->points, &a->model[k], err);
    if (options->constraint_count && rc == RT_OK)
        rc = search_model_open(a->points, &a->violation, err);
    free(position);
    free(gene);
    return rc;
}

rt_status search__advisor_init(struct search__advisor *a, const struct space *space,
                               const struct search_options *options, struct rt_err *err)
{
    const size_t m = (size_t)options->objective_count;

    *a = (struct search__advisor){.features = 0};
    if (options->surrogate == SEARCH_SURROGATE_NONE)
        return RT_OK;
    a->features = space_feature_count(space);
    a->x = calloc((size_t)a->features + 1, sizeof *a->x);
    a->y = calloc(MOST_POINTS, sizeof *a->y);
    a->trial = calloc(MOST_POINTS, sizeof *a->trial);
    a->front = calloc(search_improvement_most((int)m) * m, sizeof *a->front);
    a->pool = calloc(SEARCH_KEPT + SEARCH_SEATS, sizeof *a->pool);
    if (!a->x || !a->y || !a->trial || !a->front || !a->pool)
        return rt_fail(err, RT_ENOMEM, "no memory for the surrogate");
    return a->features > 0 ? open_models(a, space, options, err) : RT_OK;
}

void search__advisor_release(struct search__advisor *a)
{
    for (int k = 0; k < STORE_MAX_OBJECTIVES; k++)
        search_model_close(a->model[k]);
    search_model_close(a->violation);
    search_points_close(a->points);
    free(a->x);
    free(a->y);
    free(a->trial);
    free(a->front);
    free(a->pool);
    *a = (struct search__advisor){.features = 0};
}

/* ---- learning ---- */

size_t search__advisor_due(const struct search_options *options, size_t seen)
{
    size_t at = 0, next = options->initial > LEAST_POINTS ? (size_t)options->initial : LEAST_POINTS;

    while (options->surrogate != SEARCH_SURROGATE_NONE && next <= seen) {
        const size_t step = next / 8;
        at = next;
        next += step < LEAST_STEP ? LEAST_STEP : step > MOST_STEP ? MOST_STEP : step;
    }
    return at;
}

/* The best levels, but for some places that the latest get, so that what came out poor is not tried
 * again. Best first. */
static size_t choose_points(struct search__advisor *a, const struct search__levels *levels)
{
    size_t all = 0, newest = 0, n = 0;

    for (size_t l = 0; l < levels->count; l++)
        for (size_t i = 0; i < levels->level[l].count; i++, all++)
            newest = levels->level[l].member[i] > newest ? levels->level[l].member[i] : newest;
    const size_t places = all > MOST_POINTS ? MOST_POINTS - LATEST : MOST_POINTS;
    for (size_t l = 0; l < levels->count; l++)
        for (size_t i = levels->level[l].count; i-- > 0;) { /* latest first */
            const size_t trial = levels->level[l].member[i];
            if (n < places || (trial + LATEST > newest && n < MOST_POINTS))
                a->trial[n++] = trial;
        }
    return n;
}

/* What is known exactly is gained by the factor: fronts span orders of magnitude of size, and half
 * of a small student is worth as much as half of a large one. The logarithm, but of any number; of
 * violations too, which may be of any size and near 0 stay as they are. */
static double length_of(double size)
{
    return asinh(size);
}

/* What is learned of a value: no more than the ceiling, and nothing whose sums are no numbers. */
static double learned(const struct search__advisor *a, size_t k, double value)
{
    return fmax(-1e300, fmin(value, fmin(a->ceiling[k], 1e300)));
}

static void look(struct search__advisor *a, const struct search__proposer *p, int seat,
                 const struct space_arch *arch)
{
    space_features(p->space, arch, a->x);
    search_points_look(a->points, seat, a->x);
}

/* All points but the first n. */
void search__forget_points(struct search__advisor *a, size_t n)
{
    search_points_keep(a->points, n);
    for (int k = 0; k < STORE_MAX_OBJECTIVES; k++)
        if (a->model[k])
            search_model_keep(a->model[k], n);
    if (a->violation)
        search_model_keep(a->violation, n);
}

static void fit(struct search__advisor *a, const struct search__proposer *p)
{
    const size_t m = (size_t)p->options->objective_count;
    double spare[MOST_POINTS];

    a->rung = search__rungs_parents(&p->rungs, (size_t)p->options->population);
    const size_t n = choose_points(a, &p->rungs.levels[a->rung]);
    a->ready = a->points && n >= LEAST_POINTS;
    if (!a->ready)
        return;
    search__forget_points(a, 0);
    for (size_t i = 0; i < n; i++) {
        look(a, p, 0, &p->archs[a->trial[i]]);
        search_points_add(a->points);
        search_points_repeated(a->points, search__seeds_of(p, a->trial[i]));
    }
    for (size_t k = 0; k < m; k++) {
        if (!a->model[k])
            continue;
        for (size_t i = 0; i < n; i++)
            a->y[i] = p->points[a->trial[i] * m + k];
        memcpy(spare, a->y, n * sizeof *spare);
        a->ceiling[k] = search_ceiling(spare, n, 10);
        for (size_t i = 0; i < n; i++)
            a->y[i] = learned(a, k, a->y[i]);
        search_model_fit(a->model[k], a->y);
    }
    if (!a->violation)
        return;
    for (size_t i = 0; i < n; i++)
        a->y[i] = length_of(search__violation(p, a->trial[i]));
    search_model_fit(a->violation, a->y);
}

static void add(struct search__advisor *a, const struct search__proposer *p, size_t trial)
{
    const size_t m = (size_t)p->options->objective_count;
    const double *point = p->points + trial * m;

    if (!a->ready || isnan(point[0]) || p->place[trial].rung != a->rung ||
        p->place[trial].replicate) /* means count when the model is fitted next */
        return;
    look(a, p, 0, &p->archs[trial]);
    if (!search_points_add(a->points))
        return;
    for (size_t k = 0; k < m; k++)
        if (a->model[k])
            search_model_add(a->model[k], learned(a, k, point[k]));
    if (a->violation)
        search_model_add(a->violation, length_of(search__violation(p, trial)));
}

void search__advisor_learn(struct search__proposer *p, size_t due)
{
    if (due > 0 && p->visible == due)
        fit(&p->advisor, p);
    else if (p->visible > due)
        add(&p->advisor, p, p->visible - 1);
}

/* ---- what it says ---- */

/* An objective of a result as the model has it: exact ones by length_of(). */
double search__value_of(const struct search__advisor *a, size_t k, double value)
{
    return a->model[k] ? learned(a, k, value) : length_of(value);
}

/* Looks at an architecture: what it is expected to come to; exact objectives by length_of(). */
void search__expect(struct search__advisor *a, const struct search__proposer *p, int seat,
                    const struct space_arch *arch, double *mean)
{
    look(a, p, seat, arch);
    for (int k = 0; k < p->options->objective_count; k++)
        mean[k] = a->model[k] ? search_model_mean(a->model[k])
                              : length_of(space_exact(p->space, arch, p->options->objectives[k]));
}
