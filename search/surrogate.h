/* search/surrogate.h -- a Gaussian process: what a function is likely to be where it was not tried.
 *
 *   k(x, x') = s * (1 + a + a^2/3) exp(-a),  a = sqrt(5 r2),  r2 = sum over groups g of
 *              w_g * mean over features f of g of (x_f - x'_f)^2          (Matern 5/2)
 *
 * Features are about 0..1 (space/view.h). Those of one group share a scale w_g. The scales, s and
 * the variance of the noise maximise the likelihood of the points times a log-normal prior, found
 * by a fixed number of steps; so a fit is a function of its points and their order, to the last
 * bit. Values are standardised inside.
 *
 * Threads  a model serves one thread; nothing here starts another.
 * Errors   RT_ENOMEM alone.
 * Source   Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", algorithm 2.1
 * and section 5.4; steps after Riedmiller and Braun 1993 (Rprop).
 */
#ifndef SEARCH_SURROGATE_H
#define SEARCH_SURROGATE_H
#include <stddef.h>

#include "base/status.h"

struct search_model;

#define SEARCH_MODEL_GROUPS 64

/* For up to `room` points of `features` numbers, of which number f is in group[f], 0..groups-1; at
 * most SEARCH_MODEL_GROUPS, else RT_EARG. */
rt_status search_model_open(int features, const int *group, int groups, size_t room,
                            struct search_model **model, struct rt_err *err);
void search_model_close(struct search_model *model);

/* Forget all points, choose the scales by these n (1..room) points, rows of x, and keep them. */
void search_model_fit(struct search_model *model, const double *x, const double *y, size_t n);
/* One point more, with the scales as they are. */
void search_model_add(struct search_model *model, const double *x, double y);
/* As if the value at x came out as predicted: other predictions there become surer, none shifts. */
void search_model_believe(struct search_model *model, const double *x);
size_t search_model_count(const struct search_model *model);
/* Forget all points but the first `count`. */
void search_model_keep(struct search_model *model, size_t count);

/* Of a new measurement at x, its noise included; sd > 0. Not before a fit. */
void search_model_predict(struct search_model *model, const double *x, double *mean, double *sd);
#endif
