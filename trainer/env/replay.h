/* trainer/env/replay.h -- prioritised replay: rows of a buffer drawn by how much they have to teach.
 *
 * Chance   row i has leaf p_i = (priority_i + eps)^alpha and is drawn with P(i) = p_i / sum p.
 * Weight   w_i = (N P(i))^-beta / max_j w_j = (p_i / min_j p_j)^-beta, on a row's loss; beta grows
 *          linearly to 1.
 * Trees    sums and minima of the leaves in arrays of 2 * capacity, node i over 2i and 2i + 1, each
 *          node computed from its two children: what a tree holds depends on its leaves alone, never
 *          on the order in which they were written.
 * Threads  one replay belongs to one run.
 * Source   Schaul et al. 2016, arXiv:1511.05952. A policy that is distilled has no TD error: the
 *          priority is the divergence of teacher and student at the state, at temperature 1.
 */
#ifndef TRAINER_ENV_REPLAY_H
#define TRAINER_ENV_REPLAY_H
#include <stdint.h>

#include "base/arena.h"

#define TR_REPLAY_EPS 1e-6
#define TR_REPLAY_PRIORITY_MOST 10.0 /* priorities above it are cut */

struct tr_replay {
    int capacity;          /* a power of two */
    int rows;              /* with a leaf above 0 */
    double alpha, largest; /* the largest priority so far; 1 before there is one */
    double *sum, *least;   /* [2 * capacity]; [0] is not used */
};

/* Room for rows 0 .. count - 1, all absent. Checked by rt_arena_check() of the caller. */
void tr_replay_init(struct tr_replay *replay, int count, double alpha, struct rt_arena *arena);
/* A row that was not drawn yet: at the largest priority so far. */
void tr_replay_add(struct tr_replay *replay, int row);
/* priority >= 0, of a row that is there or not yet. */
void tr_replay_set(struct tr_replay *replay, int row, double priority);
void tr_replay_remove(struct tr_replay *replay, int row);
/* The leaves of its rows [capacity], to be kept or put back; then, with `largest`, it is as it was by
 * tr_replay_settle(). */
double *tr_replay_leaves(struct tr_replay *replay);
void tr_replay_settle(struct tr_replay *replay);
double tr_replay_total(const struct tr_replay *replay);
/* The row at a mass in [0, total); at or beyond total the last row that is there. */
int tr_replay_find(const struct tr_replay *replay, double mass);
/* n rows, one from each stratum [i, i+1) total / n, at offset [i] in [0,1) of it. */
void tr_replay_draw(const struct tr_replay *replay, int n, const double *offset, int *rows);
double tr_replay_weight(const struct tr_replay *replay, int row, double beta);
/* From beta0 at step 0 to 1 at the last of `steps`, and 1 from then on. */
double tr_replay_beta(double beta0, int64_t step, int64_t steps);
#endif
