/* base/rank_statistics.h -- does one score rank things as another does?
 *
 * Lower is better everywhere. n is some hundreds at most: pairs are looked at one by one. What is
 * not defined (fewer than two things, or all equal) is NaN. Nothing here fails or allocates but
 * where an rt_err is taken.
 *
 * Source  Kendall 1945, "The treatment of ties in ranking problems" (tau-b); Efron and Tibshirani
 *         1993, "An Introduction to the Bootstrap", chapter 13 (percentile intervals).
 */
#ifndef BASE_RANK_STATISTICS_H
#define BASE_RANK_STATISTICS_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Kendall's tau-b of a[n] and b[n], in -1..1. Things that are given a `band` are compared with those
 * of the same band alone; NULL: all with all. */
double rt_tau_b(const double *a, const double *b, const int *band, size_t n);
/* Spearman's rho, equal values sharing the mean of their places. */
double rt_spearman(const double *a, const double *b, size_t n);
/* Share of the k best by a that are among the k best by b; the first of equals is the better. */
double rt_top_overlap(const double *a, const double *b, size_t n, size_t k);
/* What is lost by taking the best, by `truth`, of the k best by `score` for the best of all. */
double rt_regret(const double *score, const double *truth, size_t n, size_t k);

/* Of the pairs that `truth` tells apart, by more than z standard errors error[n] of the difference,
 * how many `score` has the right way round, half of each that it has level. */
struct rt_told_apart {
    double pairs, right;
};
struct rt_told_apart rt_told_apart(const double *score, const double *truth, const double *error,
                                   size_t n, double z);

/* 95 % interval of tau-b over things drawn again with replacement, a function of `seed`. */
rt_status rt_tau_b_interval(const double *a, const double *b, size_t n, uint64_t seed, double *low,
                            double *high, struct rt_err *err);

/* Mean of x[n], n > 0, and the standard error of that mean; NaN for one. */
double rt_mean(const double *x, size_t n, double *error);
#endif
