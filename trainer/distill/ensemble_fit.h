/* trainer/distill/ensemble_fit.h -- weights and calibration of teachers, chosen once on held-out
 * rows, before any student.
 *
 *   calibrate   T_k = argmin of the held-out NLL of softmax(v_k / T), T in [1/20, 20]
 *   given       w_k as they are; entropy and confidence multiply them per example: ensemble.h
 *   uniform     w_k = 1/K
 *   accuracy    w_k = softmax_k(accuracy_k / .1)
 *   em          maximum likelihood of the mixture sum_k w_k p_k(y), every weight at least .05
 *   auto        teachers more than five points of accuracy below the best get 0; the rest uniform,
 *               or em where that lowers the mixture's NLL by more than a hundredth
 *
 * Without calibration an over-confident teacher dominates a mean. NLL is convex in 1/T, so a
 * bracketed Newton iteration finds its one minimum.
 * Shapes   logits (rows, K, C); rows (n) picks from them, NULL takes the first n; labels (n).
 * Source   Guo et al. 2017, arXiv:1706.04599 (temperature); Dempster et al. 1977 (EM).
 */
#ifndef TRAINER_DISTILL_ENSEMBLE_FIT_H
#define TRAINER_DISTILL_ENSEMBLE_FIT_H
#include "trainer/distill/ensemble.h"

/* Held-out answers of K teachers. */
struct tr_held_out {
    const float *logits;
    const int *rows, *labels;
    int n, teachers, classes;
};

enum tr_ensemble_rule { /* study: teachers.weights */
                        TR_RULE_GIVEN,
                        TR_RULE_UNIFORM,
                        TR_RULE_ACCURACY,
                        TR_RULE_ENTROPY,
                        TR_RULE_CONFIDENCE,
                        TR_RULE_EM,
                        TR_RULE_AUTO
};
/* Does the rule need held-out rows? Calibration always does. */
bool tr_rule_needs_rows(enum tr_ensemble_rule rule);
/* Does the rule start from weights that somebody gave? */
bool tr_rule_keeps_weights(enum tr_ensemble_rule rule);

struct tr_ensemble_report {
    double temperature[TR_DISTILL_MAX_TEACHERS];                            /* in force */
    double accuracy[TR_DISTILL_MAX_TEACHERS], nll[TR_DISTILL_MAX_TEACHERS]; /* calibrated */
    double nll_uniform, nll_chosen; /* of the mixture over all teachers; as weighted */
    bool em;                        /* the weights are EM's */
};

/* Writes ensemble->weight (which the rules that keep weights read) and ->calibration. RT_EARG for no
 * rows or a label beyond the classes, RT_ENOMEM. */
rt_status tr_ensemble_fit(const struct tr_held_out *held_out, enum tr_ensemble_rule rule,
                          bool calibrate, struct tr_ensemble *ensemble,
                          struct tr_ensemble_report *report, struct rt_err *err);

/* The parts. T that minimises teacher k's NLL. */
double tr_calibrate(const struct tr_held_out *held_out, int teacher);
/* softmax(score / tau). */
void tr_weigh_by_score(const double *score, int teachers, double tau, double *weight);
/* EM iterations in place from `weight`; p (n,K) is p_k(y_i). Returns the NLL of the last weights.
 */
double tr_weigh_by_em(const double *p, int n, int teachers, int iterations, double *weight);
#endif
