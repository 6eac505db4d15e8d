/* bench/search/problem.h -- search problems whose best front is known exactly.
 *
 * Every problem is a space with limits, its objectives, and a function from an architecture to
 * their values. Of students costs are the real ones (space/arch.h), and the error of a landscape is
 * a formula that a table of integers makes exact:
 *
 *   score(a) = sum over layers l of unary_l(choice_l) + sum over l of pair_l(choice_l, choice_l+1)
 *   error(a) = shape(width, depth, patch, score(a)), falling with the score
 *
 * The costs are sums over layers too, so dynamic programming over (last choice, score) with the
 * least cost of each gives the front of spaces far too large to enumerate.
 *
 * Problems of own genes, where nothing is known before an evaluation, are solved likewise: stack.h.
 *
 * The problem `table` has no formula: it is what training did to every member of a small space, at
 * three budgets (table.h).
 *
 * Volume   hypervolume within [ideal, reference], divided by that of the known front: 0..1. Ideal
 *          is the front's best of each objective; reference the worst of the front, widened by a
 *          tenth of the range.
 * Noise    one error measured of an architecture, the same whenever it is asked for; volumes are of
 *          what was trained, by the objectives without noise.
 * Scores   count what would be trained: an architecture beyond a limit, and one that was scored
 *          before, cost nothing.
 * Threads  a problem is read-only once open; a score belongs to one thread.
 */
#ifndef BENCH_SEARCH_PROBLEM_H
#define BENCH_SEARCH_PROBLEM_H
#include "search/pareto.h"
#include "space/view.h"
#include "store/store.h"

#define BENCH_MAX_GENES (4 + 2 * SPACE_MAX_DEPTH)

struct bench_problem;

struct bench_landscape {
    int units; /* of score in 1.0 */
    int (*unary)(const struct bench_problem *problem, const struct space_arch *arch, int l);
    int (*pair)(const struct bench_problem *problem, const struct space_arch *arch, int l);
    double (*error)(const struct bench_problem *problem, const struct space_arch *arch, int score);
};

struct bench_stack; /* stack.h: problems of own genes */
struct bench_table;

struct bench_problem {
    const char *name, *about;
    struct space space;
    int objective_count;
    char objectives[STORE_MAX_OBJECTIVES][STORE_NAME];
    const struct bench_landscape *landscape; /* NULL: */
    const struct bench_stack *stack;         /* NULL: */
    struct bench_table *table;               /* owned */
    int budget_count;                        /* of the table; 0: there is one, of no size */
    int64_t budget[STORE_MAX_RUNGS];         /* optimiser steps, rising */
    uint64_t seed;                           /* of the landscape's unevenness */
    double scale;                            /* of its scores */
    double noise;  /* standard deviation of a measured error, as a share of the front's range */
    double *front; /* rows of objective_count; owned */
    size_t front_count;
    double ideal[STORE_MAX_OBJECTIVES], reference[STORE_MAX_OBJECTIVES];
    double volume; /* of the known front in that box, as a share of the box */
};

/* Names of all problems, ended by NULL. */
extern const char *const bench_names[];
rt_status bench_open(const char *name, struct bench_problem *problem, struct rt_err *err);
/* The same for a landscape problem whose space, name and seed the caller chose: for small
 * instances in tests. */
rt_status bench_solve(struct bench_problem *problem, struct rt_err *err);
void bench_close(struct bench_problem *problem);

/* Objectives of an architecture of the space, feasible or not, after training by budget number
 * `rung`, -1: the last, which the front is of. NaN for what a table lacks. */
void bench_evaluate(const struct bench_problem *problem, const struct space_arch *arch, int rung,
                    double *objectives);
/* The same as a training measures it: with the problem's noise. */
void bench_measure(const struct bench_problem *problem, const struct space_arch *arch, int rung,
                   double *objectives);
/* The same with the noise of another seed: replicate 0, 1, .. */
void bench_measure_again(const struct bench_problem *problem, const struct space_arch *arch,
                         int rung, int replicate, double *objectives);
/* 0..1, fixed for a problem, a purpose and a key: what no formula explains. */
double bench_uneven(const struct bench_problem *problem, uint64_t purpose, uint64_t key);
/* By how much limits are broken: the sum of the shares beyond; 0 when feasible. */
double bench_violation(const struct bench_problem *problem, const struct space_arch *arch);

/* ---- architectures as a fixed list of indices, for searches that know no layers ---- */

struct bench_gene {
    char name[SPACE_NAME + 8]; /* with its layer */
    int choices;
};
/* Genes with more than one choice; every layer up to the largest depth has its own. */
int bench_genes(const struct bench_problem *problem, struct bench_gene genes[BENCH_MAX_GENES]);
/* Layers beyond the depth are passed over. False for an index out of range. */
bool bench_decode(const struct bench_problem *problem, const int *index, struct space_arch *arch);

/* ---- what a search has reached ---- */

struct bench_score {
    const struct bench_problem *problem;
    struct space_arch *archs; /* trained ones */
    int64_t trained, room;
    double *front; /* rows, non-dominated */
    size_t front_count, front_room;
    double volume;
};

void bench_score_open(struct bench_score *score, const struct bench_problem *problem);
/* RT_EEND: it was trained before, and nothing changed. */
rt_status bench_score_add(struct bench_score *score, const struct space_arch *arch,
                          const double *objectives, struct rt_err *err);
void bench_score_close(struct bench_score *score);
#endif
