/* search/improvement.h -- how much a point that is not known for sure may add to a front.
 *
 *   E[volume(front + y) - volume(front)],  y_k normal(mean_k, sd_k), independent, within the
 * reference
 *
 * The space that no member dominates is cut into boxes once; the expectation is the sum over boxes
 * of products of one-dimensional ones, so it is exact. sd_k = 0 is an objective that is known.
 *
 * Cost     F + 1 boxes for 2 objectives, 2 F + 1 for 3, 2 F^2 for 4 and so on, for a front of F; the
 *          caller keeps F below search_improvement_most(m).
 * Source   Emmerich, Deutz, Klinkenberg 2011, "Hypervolume-based expected improvement"; the boxes of
 *          three objectives after Yang, Emmerich, Deutz, Baeck 2017.
 */
#ifndef SEARCH_IMPROVEMENT_H
#define SEARCH_IMPROVEMENT_H
#include <stddef.h>

#include "base/status.h"

struct search_boxes;

size_t search_improvement_most(int m);
/* `front`: rows of m that may dominate each other; those beyond the reference are no matter. */
rt_status search_boxes_open(const double *front, size_t n, int m, const double *reference,
                            struct search_boxes **boxes, struct rt_err *err);
void search_boxes_close(struct search_boxes *boxes);
double search_improvement(struct search_boxes *boxes, const double *mean, const double *sd);
#endif
