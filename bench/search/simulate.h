/* bench/search/simulate.h -- what a proposal and a trial's book-keeping cost, without training. */
#ifndef BENCH_SEARCH_SIMULATE_H
#define BENCH_SEARCH_SIMULATE_H
#include "bench/search/problem.h"
#include "search/search.h"

/* Nanoseconds of CPU time that each of `count` proposals takes after `committed` trials of random
 * architectures, into ns[0..count-1]: the proposer alone, without store and training. */
rt_status bench_propose(const struct bench_problem *problem, const struct search_options *options,
                        int64_t committed, int64_t count, int64_t *ns, struct rt_err *err);

struct bench_recorded {
    double cpu, wall; /* seconds a trial */
};
/* Four transactions a trial, as a search makes them (proposed, started, done, committed), of trials
 * that take no time, in a temporary file. */
rt_status bench_record(const struct bench_problem *problem, int64_t trials,
                       struct bench_recorded *recorded, struct rt_err *err);
#endif
