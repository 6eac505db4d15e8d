/* search/seeds.c -- means over the seeds of candidates, and how sure a front is of its members.
 *
 * A mean is that of rt_mean(), bit for bit: the first value and the mean of differences to it, so
 * that equal values have just that mean. The spread between seeds is one number an objective, pooled
 * over all candidates with several: a few seeds of one say little of its own.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/membership.h"
#include "search/search_internal.h"
#include "space/view.h"

enum { LEAST_FREEDOM = 3 }; /* degrees of it that a spread is known by */

void search__seeds_init(struct search__seeds *seeds, const struct space *space,
                        const struct search_options *options)
{
    struct space_arch any;

    space_smallest(space, &any);
    *seeds =
        (struct search__seeds){.m = options->objective_count, .wanted = options->replicates > 1};
    for (int k = 0; k < seeds->m; k++)
        seeds->fixed[k] = !isnan(space_exact(space, &any, options->objectives[k])) ||
                          strncmp(options->objectives[k], "latency", strlen("latency")) == 0;
}

void search__seeds_release(struct search__seeds *s)
{
    free(s->first);
    free(s->seeds);
    free(s->mean);
    free(s->origin);
    free(s->sum);
    free(s->squares);
    *s = (struct search__seeds){.m = 0};
}

static bool enlarge(void **array, size_t bytes)
{
    void *more = realloc(*array, bytes);

    *array = more ? more : *array;
    return more != NULL;
}

static rt_status grow(struct search__seeds *s, struct rt_err *err)
{
    const size_t room = s->room ? 2 * s->room : 64, row = (size_t)s->m * sizeof(double);

    if (!enlarge((void **)&s->first, room * sizeof *s->first) ||
        !enlarge((void **)&s->seeds, room * sizeof *s->seeds) ||
        !enlarge((void **)&s->mean, room * row) || !enlarge((void **)&s->origin, room * row) ||
        !enlarge((void **)&s->sum, room * row) || !enlarge((void **)&s->squares, room * row))
        return rt_fail(err, RT_ENOMEM, "no memory for the seeds of %zu candidates", room);
    s->room = room;
    return RT_OK;
}

rt_status search__seeds_add(struct search__seeds *s, int64_t number, const double *objectives,
                            struct rt_err *err)
{
    const size_t m = (size_t)s->m, i = s->count;

    if (!s->wanted)
        return RT_OK;
    assert(i == 0 || s->first[i - 1] < number);
    if (i == s->room)
        RT_TRY(grow(s, err));
    s->first[i] = number;
    s->seeds[i] = 1;
    memcpy(s->mean + i * m, objectives, m * sizeof *objectives);
    memcpy(s->origin + i * m, objectives, m * sizeof *objectives);
    memset(s->sum + i * m, 0, m * sizeof *s->sum);
    memset(s->squares + i * m, 0, m * sizeof *s->squares);
    s->count++;
    return RT_OK;
}

size_t search__seeds_find(const struct search__seeds *s, int64_t first)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->first[middle] < first)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->count && s->first[low] == first ? low : SEARCH_NONE;
}

void search__seeds_repeat(struct search__seeds *s, int64_t first, const double *objectives)
{
    const size_t m = (size_t)s->m, i = search__seeds_find(s, first);

    if (i == SEARCH_NONE)
        return;
    s->seeds[i]++;
    for (size_t k = 0; k < m; k++) {
        if (s->fixed[k])
            continue;
        const double gap = objectives[k] - s->origin[i * m + k];
        s->sum[i * m + k] += gap;
        s->squares[i * m + k] += gap * gap;
        s->mean[i * m + k] = s->origin[i * m + k] + s->sum[i * m + k] / s->seeds[i];
    }
}

/* Variance between seeds of objective k, NaN while it is not known. */
static double spread(const struct search__seeds *s, size_t k)
{
    const size_t m = (size_t)s->m;
    double squares = 0, freedom = 0;

    if (s->fixed[k])
        return 0;
    for (size_t i = 0; i < s->count; i++) {
        const double sum = s->sum[i * m + k];
        squares += fmax(0, s->squares[i * m + k] - sum * sum / s->seeds[i]);
        freedom += s->seeds[i] - 1;
    }
    return freedom >= LEAST_FREEDOM ? squares / freedom : (double)NAN;
}

static rt_status membership(const struct search__seeds *s, const double *variance,
                            const int64_t *number, size_t n, double *probability,
                            struct rt_err *err)
{
    const size_t m = (size_t)s->m;
    double *error = calloc(s->count * m + 1, sizeof *error);
    size_t *member = calloc(n + 1, sizeof *member);
    rt_status rc = RT_OK;

    if (!error || !member)
        rc = rt_fail(err, RT_ENOMEM, "no memory for the front's probabilities");
    for (size_t i = 0; rc == RT_OK && i < s->count; i++)
        for (size_t k = 0; k < m; k++)
            error[i * m + k] = sqrt(variance[k] / s->seeds[i]);
    for (size_t i = 0; rc == RT_OK && i < n; i++) {
        member[i] = search__seeds_find(s, number[i]);
        assert(member[i] != SEARCH_NONE);
    }
    if (rc == RT_OK)
        rc = search_membership(s->mean, error, s->count, s->m, member, n, probability, err);
    free(error);
    free(member);
    return rc;
}

rt_status search__seeds_membership(const struct search__seeds *s, const int64_t *number, size_t n,
                                   double *probability, struct rt_err *err)
{
    double variance[STORE_MAX_OBJECTIVES] = {0};
    bool known = s->wanted;

    for (size_t k = 0; k < (size_t)s->m; k++) {
        variance[k] = spread(s, k);
        known = known && !isnan(variance[k]);
    }
    if (known)
        return membership(s, variance, number, n, probability, err);
    for (size_t i = 0; i < n; i++)
        probability[i] = NAN;
    return RT_OK;
}
