/* trainer/env/actions.h -- actions as classes: bins of continuous components, and choices as they are.
 *
 * Grid      of `bins` centres a_k over [low, high]: ends, a_k = low + k (high-low)/(bins-1), so that
 *           the limits themselves can be said; inner, a_k = low + (k+.5)(high-low)/bins.
 * Masses    what a teacher's distribution has between the edges halfway between centres, its tails
 *           in the outermost bins: exact for a Gaussian whose samples are clipped.
 * Label     what a teacher says of a state, by enum tr_env_labels (env.h).
 * Rows      an action of n components is n rows of `bins` logits; a choice is one row.
 * Sources   Tang and Agrawal, arXiv:1901.10500 (bins by component); Rusu et al., arXiv:1511.06295
 *           (softmax of values, tau .01); Ross and Bagnell, arXiv:1011.0686 (DAgger).
 */
#ifndef TRAINER_ENV_ACTIONS_H
#define TRAINER_ENV_ACTIONS_H
#include "base/random.h"
#include "trainer/env/env.h"

enum tr_grid { TR_GRID_ENDS, TR_GRID_INNER };
enum tr_read { TR_READ_MEAN, TR_READ_MODE, TR_READ_SAMPLE };

enum { TR_BINS_MOST = 256 };

struct tr_actions {
    int parts, bins; /* rows of an action, classes of each */
    bool choice;     /* the classes are the choices; else centres of bins */
    enum tr_grid grid;
    double tau;               /* of TR_LABELS_Q */
    const double *low, *high; /* [parts]; NULL for choices */
};
/* RT_EARG: bins outside 2 .. TR_BINS_MOST, or a component without limits. A choice has as many classes
 * as choices, whatever `bins` says. The limits stay the environment's. */
rt_status tr_actions_of(struct tr_actions *actions, const struct tr_env_info *info, int bins,
                        enum tr_grid grid, double tau, struct rt_err *err);

double tr_bin_centre(const struct tr_actions *actions, int part, int bin);
/* The class of an action's component; of two equally near centres the lower. */
int tr_bin_nearest(const struct tr_actions *actions, int part, double action);
/* Masses of N(mean, sd), or of tanh of it stretched over [low, high]; sums to 1. */
void tr_bin_masses(const struct tr_actions *actions, int part, double mean, double sd,
                   bool squashed, double *mass);

/* Numbers that a label of that kind has for these actions. */
int tr_label_size(const struct tr_actions *actions, enum tr_env_labels labels);
/* A label as logits (parts, bins), whose softmax is what the teacher says: ln of masses, no less than
 * ln 1e-30; logits as they are; values / tau. */
void tr_label_logits(const struct tr_actions *actions, enum tr_env_labels labels,
                     const double *label, float *logits);
/* The teacher's own action, [parts]: a sample of its distribution, or without `rng` the one it acts
 * by when nothing is to be explored: the mean of a Gaussian, squashed if it is; of bins the mean of
 * centres; the best choice. */
void tr_label_act(const struct tr_actions *actions, enum tr_env_labels labels, const double *label,
                  struct rt_rng *rng, double *action);

/* A student's logits (parts, bins) as an action: TR_READ_MEAN sums centres by probability, MODE takes
 * the most likely, the first of several; SAMPLE draws once a part. The mean of a choice is its mode. */
void tr_logits_act(const struct tr_actions *actions, const float *logits, enum tr_read read,
                   struct rt_rng *rng, double *action);

/* ---- perturbing what is executed (mode exec), or what is learned (mode label) ---- */

/* The chance of each of n components, so that an action is disturbed with chance p. */
double tr_perturb_chance(double p, int n);
/* Another class than `bin`, each alike, by a draw of [0,1). A single class stays. */
int tr_bin_other(int bin, int bins, double draw);
/* bin [n]: each with coin [n] below `chance` becomes another. The number that did. */
int tr_perturb_bins(int *bin, int n, int bins, double chance, const double *coin,
                    const double *draw);
/* An action to be executed: disturbed with chance p; a component that is gets the centre of another
 * bin than its nearest, the others stay. Two draws a component, whatever becomes of it. True: it was. */
bool tr_perturb_action(const struct tr_actions *actions, double p, struct rt_rng *rng,
                       double *action);
#endif
