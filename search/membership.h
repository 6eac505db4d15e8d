/* search/membership.h -- how sure is it that a point is of the front, when values are measured with
 * noise?
 *
 * Objective k of point i is taken as normal around its mean with a standard error, independent of
 * all others; a standard error of 0 is an exact value. The probability that no other point dominates
 * i is counted over a fixed number of draws, and so a function of the points alone.
 *
 * Cost     points that are beyond FAR standard errors in any objective cannot dominate and are passed
 *          over once; of the others, which are few where costs are exact, each draw looks at all.
 */
#ifndef SEARCH_MEMBERSHIP_H
#define SEARCH_MEMBERSHIP_H
#include <stddef.h>

#include "base/status.h"

/* Of the points member[count], into probability[count]: that none of all n dominates them. `points`
 * and `error` are rows of m; rows of `points` that begin with NaN are none. */
rt_status search_membership(const double *points, const double *error, size_t n, int m,
                            const size_t *member, size_t count, double *probability,
                            struct rt_err *err);
#endif
