/* search/growth.c -- search_hypervolumes() of pareto.h: the front is kept, and its volume computed
 * anew only when a point enters it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/pareto.h"

/* False when a member beats the point, or it is not finite; else members that it beats leave. */
static bool enters(double *front, size_t *count, const double *point, size_t m)
{
    size_t kept = 0;

    for (size_t k = 0; k < m; k++)
        if (!isfinite(point[k]))
            return false;
    for (size_t i = 0; i < *count; i++)
        if (search_dominates(front + i * m, point, (int)m))
            return false;
    for (size_t i = 0; i < *count; i++)
        if (!search_dominates(point, front + i * m, (int)m))
            memmove(front + kept++ * m, front + i * m, m * sizeof *front);
    memcpy(front + kept * m, point, m * sizeof *front);
    *count = kept + 1;
    return true;
}

rt_status search_hypervolumes(const double *points, size_t n, int m, const double *ideal,
                              const double *reference, double *volumes, size_t *front,
                              struct rt_err *err)
{
    const size_t row = m > 0 ? (size_t)m : 1;
    double *members = calloc((n + 1) * row, sizeof *members);
    rt_status rc = RT_OK;
    double volume = 0;
    size_t count = 0;

    if (!members)
        return rt_fail(err, RT_ENOMEM, "no memory for the hypervolume of %zu points", n);
    for (size_t i = 0; i < n && rc == RT_OK; i++) {
        if (enters(members, &count, points + i * row, row))
            rc = search_hypervolume(members, count, m, ideal, reference, &volume, err);
        volumes[i] = volume;
    }
    *front = count;
    free(members);
    return rc;
}
