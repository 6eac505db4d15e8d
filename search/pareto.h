/* search/pareto.h -- dominance, non-dominated ranks, hypervolume. All objectives minimised.
 *
 * Points   are rows of m doubles; a point with any NaN (a failed trial) is dominated by every finite
 *          point and never dominates. Equal points do not dominate each other and share a front.
 * Source   Deb et al. 2002, "NSGA-II", section III.A (ranks); hypervolume: a sweep for m = 2, the
 *          WFG recursion (While, Bradstreet, Barone 2012) beyond.
 */
#ifndef SEARCH_PARETO_H
#define SEARCH_PARETO_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

bool search_dominates(const double *a, const double *b, int m);
/* rank[i] = 0 for the front, 1 for the front of the rest, ... */
rt_status search_ranks(const double *points, size_t n, int m, int *rank, struct rt_err *err);
/* Volume dominated within [ideal, reference], divided by the volume of that box: 0..1. Points
 * beyond the reference count nothing. 0 for an empty box. */
rt_status search_hypervolume(const double *points, size_t n, int m, const double *ideal,
                             const double *reference, double *volume, struct rt_err *err);
/* The same of the first point, of the first two, ... of all n, into volumes[0..n-1]. *front gets
 * the number of points that none of the others dominates; what is not finite is of no front. */
rt_status search_hypervolumes(const double *points, size_t n, int m, const double *ideal,
                              const double *reference, double *volumes, size_t *front,
                              struct rt_err *err);
/* Runs that diverge come to any number, which says no more than that: what lies beyond this is far
 * from all others, so many times as far above their third quartile as that is from the first. Puts
 * the values, at least one and none NaN, into another order. */
double search_ceiling(double *values, size_t n, double times);
/* The same for the scale of a hypervolume, which one such value would make the scale of itself. */
#define SEARCH_FAR 100
#endif
