/* bench/search/landscapes.h -- the landscapes of problem.h. */
#ifndef BENCH_SEARCH_LANDSCAPES_H
#define BENCH_SEARCH_LANDSCAPES_H
#include "bench/search/problem.h"

extern const struct bench_landscape bench_even, bench_trap; /* trap: absolute ffn widths only */

/* The front of a landscape problem into problem->front, for one cost as second objective and limits
 * on that cost and on memory. */
rt_status bench_chain_front(struct bench_problem *problem, struct rt_err *err);
/* error(a) of problem.h. */
double bench_chain_error(const struct bench_problem *problem, const struct space_arch *arch);
#endif
