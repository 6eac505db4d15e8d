/* search/surrogate.h -- Gaussian processes: what functions are likely to be where nobody tried.
 *
 *   k(x, x') = s * (1 + a + a^2/3) exp(-a),  a = sqrt(5 r2),  r2 = sum over features f of
 *              w_gene(f) * u_place(f) * (x_f - x'_f)^2 / features of the gene  (Matern 5/2)
 *
 * Points   rows of features, each about 0..1 (space/view.h), that several models know the values
 *          of. Features of one gene share a scale w, and those of one place of it a factor u, which
 *          is 1 unless the values speak for another. Gaps are measured once for all models.
 * Model    of one function. Scales and factors, s and the variance of the noise maximise the
 *          likelihood of the values times a log-normal prior, found by a fixed number of steps; so
 *          a fit is a function of its points and their order, to the last bit. Values are
 *          standardised inside.
 * Cost     a fit n^3, a point more n^2, a prediction n for the mean and n^2 for the deviation, of
 *          which a part tells what it is at most, and which for several places costs less: what it
 *          reads is too long for the nearest cache.
 * Threads  points with their models serve one thread; nothing here starts another.
 * Errors   RT_ENOMEM alone.
 * Source   Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", algorithm 2.1
 *          and section 5.4; steps after Riedmiller and Braun 1993 (Rprop).
 */
#ifndef SEARCH_SURROGATE_H
#define SEARCH_SURROGATE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { SEARCH_SEATS = 16 };

struct search_points;
struct search_model;

/* ---- points ---- */

/* For up to `room` points of `features` numbers, of which number f is of place[f], 0, 1, .., and
 * place p of gene[p], 0, 1, .., both ascending. Scales are fitted to the first `fitted` points. */
rt_status search_points_open(int features, const int *place, const int *gene, size_t room,
                             size_t fitted, struct search_points **points, struct rt_err *err);
void search_points_close(struct search_points *points);
size_t search_points_count(const struct search_points *points);
/* The place x[features] that models are asked about next. Of several that are to be asked about side
 * by side each has a seat of its own, 0..SEARCH_SEATS-1. */
void search_points_look(struct search_points *points, int seat, const double *x);
/* It becomes a point, the last one; false when there is no room. Then each model adds its value. */
bool search_points_add(struct search_points *points);
/* The last point's values are means of so many measurements; 1 unless this is said. */
void search_points_repeated(struct search_points *points, int measurements);
/* Forget all points but the first `count`, here and in each model. */
void search_points_keep(struct search_points *points, size_t count);

/* ---- models ---- */

/* Of the points, which it borrows. */
rt_status search_model_open(struct search_points *points, struct search_model **model,
                            struct rt_err *err);
void search_model_close(struct search_model *model);

/* Choose the scales by the values y[count] of all points, at least one, and know these. */
void search_model_fit(struct search_model *model, const double *y);
/* The value of the last point, with the scales as they are; of all but it the model knows. */
void search_model_add(struct search_model *model, double y);
/* As if the last point came out as predicted: predictions nearby become surer, none shifts. */
void search_model_believe(struct search_model *model);
/* Forget all points but the first `count`. */
void search_model_keep(struct search_model *model, size_t count);

/* What the function is at the place that was looked at, before any noise. Not before a fit. */
double search_model_mean(struct search_model *model);
/* Deviations, > 0, at the places in seat[count], all after their means: as the first `known` points
 * leave them, so at most that. Asked again about the same places, or some of them, with more points it
 * goes on where it was. */
void search_model_deviations(struct search_model *model, const int *seat, int count, size_t known,
                             double *deviation);
/* The deviation of measurements. */
double search_model_noise(const struct search_model *model);
#endif
