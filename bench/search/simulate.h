/* bench/search/simulate.h -- what many workers and many trials do to the search, without training.
 */
#ifndef BENCH_SEARCH_SIMULATE_H
#define BENCH_SEARCH_SIMULATE_H
#include "bench/search/problem.h"
#include "search/search.h"

/* The share of their time that `workers` are busy over `trials` trials, in virtual time, from the
 * first start to the last: trial n starts when a worker is free and all up to n - window are
 * committed, in order (search/search.h). Durations are log-uniform between 1 and `spread`. */
rt_status bench_busy(int workers, int window, int trials, double spread, uint64_t seed,
                     double *busy, struct rt_err *err);

/* Nanoseconds of CPU time that each of `count` proposals takes after `committed` trials of random
 * architectures, into ns[0..count-1]: the proposer alone, without store and training. */
rt_status bench_propose(const struct bench_problem *problem, const struct search_options *options,
                        int64_t committed, int64_t count, int64_t *ns, struct rt_err *err);
#endif
