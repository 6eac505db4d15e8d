/* search/membership.c -- see membership.h. */
#include "search/membership.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "search/pareto.h"
#include "store/store.h"

enum { DRAWS = 400 };
#define FAR 4.0

/* May j dominate i in some draw? */
static bool may_dominate(const double *points, const double *error, size_t j, size_t i, size_t m)
{
    if (isnan(points[j * m]))
        return false;
    for (size_t k = 0; k < m; k++) {
        const double gap = points[j * m + k] - points[i * m + k];
        if (gap > FAR * hypot(error[j * m + k], error[i * m + k]))
            return false;
    }
    return true;
}

static void draw(const double *point, const double *error, size_t m, struct rt_rng *rng,
                 double *drawn)
{
    for (size_t k = 0; k < m; k++)
        drawn[k] = error[k] > 0 ? point[k] + error[k] * rt_rng_normal(rng) : point[k];
}

/* Point i in draw d is the same whoever is looked at, so that members of one front are compared. */
static void draw_point(const double *points, const double *error, size_t i, size_t m, int d,
                       double *drawn)
{
    struct rt_rng rng;

    rt_rng_init(&rng, i, RT_STREAM_MEMBERSHIP, (uint64_t)d);
    draw(points + i * m, error + i * m, m, &rng, drawn);
}

static double probability_of(const double *points, const double *error, size_t i, size_t m,
                             const size_t *rival, size_t rivals)
{
    double mine[STORE_MAX_OBJECTIVES], other[STORE_MAX_OBJECTIVES];
    int undominated = 0;

    for (int d = 0; d < DRAWS; d++) {
        bool dominated = false;
        draw_point(points, error, i, m, d, mine);
        for (size_t r = 0; r < rivals && !dominated; r++) {
            draw_point(points, error, rival[r], m, d, other);
            dominated = search_dominates(other, mine, (int)m);
        }
        undominated += !dominated;
    }
    return (double)undominated / DRAWS;
}

rt_status search_membership(const double *points, const double *error, size_t n, int m,
                            const size_t *member, size_t count, double *probability,
                            struct rt_err *err)
{
    size_t *rival = calloc(n + 1, sizeof *rival);

    assert(m >= 1 && m <= STORE_MAX_OBJECTIVES);
    if (!rival)
        return rt_fail(err, RT_ENOMEM, "no memory for the front's probabilities");
    for (size_t c = 0; c < count; c++) {
        size_t rivals = 0;
        for (size_t j = 0; j < n; j++)
            if (j != member[c] && may_dominate(points, error, j, member[c], (size_t)m))
                rival[rivals++] = j;
        probability[c] = probability_of(points, error, member[c], (size_t)m, rival, rivals);
    }
    free(rival);
    return RT_OK;
}
