/* bench/search/stack.h -- problems of own genes: layers one on another, costs that can be counted.
 *
 * Genes    single ones, which all layers see, and lists, all of one length, which have a choice a
 *          layer.
 * Error    falls with score(a) = sum over l of unary(l) + sum over l of pair(l, l+1), whole numbers,
 *          for the same single genes.
 * Costs    one or two, each of the single genes and of a sum over layers of small whole numbers.
 * Front    exact: for each choice of the single genes most[c][u][v] is the highest score of the
 *          first l layers whose last made choice c and whose costs sum up to u and v units. Scores
 *          may be as fine as they like, since only costs are counted.
 */
#ifndef BENCH_SEARCH_STACK_H
#define BENCH_SEARCH_STACK_H
#include "bench/search/problem.h"

struct bench_stack {
    int (*unary)(const struct bench_problem *problem, const struct space_arch *arch, int l);
    int (*pair)(const struct bench_problem *problem, const struct space_arch *arch, int l);
    void (*units)(const struct bench_problem *problem, const struct space_arch *arch, int l,
                  int units[2]);
    double (*error)(const struct bench_problem *problem, const struct space_arch *arch, int score);
    /* Objective k = 1, 2 of so many units in all layers; never falls as they grow. */
    double (*cost)(const struct bench_problem *problem, const struct space_arch *arch, int k,
                   int64_t units);
};

extern const struct bench_stack bench_lm, bench_blocks; /* lm.c, blocks.c */

int bench_stack_layers(const struct bench_problem *problem, const struct space_arch *arch);
/* The number that a gene's choice stands for; of a single gene for any l. */
int bench_stack_value(const struct bench_problem *problem, const struct space_arch *arch, int gene,
                      int l);
/* The index of a gene's choice likewise. */
int bench_stack_choice(const struct bench_problem *problem, const struct space_arch *arch, int gene,
                       int l);
void bench_stack_evaluate(const struct bench_problem *problem, const struct space_arch *arch,
                          double *objectives);
/* Into problem->front. */
rt_status bench_stack_front(struct bench_problem *problem, struct rt_err *err);
#endif
