/* bench/search/simulate.h -- what a proposal and a trial's book-keeping cost, without training. */
#ifndef BENCH_SEARCH_SIMULATE_H
#define BENCH_SEARCH_SIMULATE_H
#include "bench/search/problem.h"
#include "search/search.h"

/* Nanoseconds of CPU time that each of `count` proposals takes after `committed` trials of random
 * architectures, into ns[0..count-1]: the proposer alone, without store and training. */
rt_status bench_propose(const struct bench_problem *problem, const struct search_options *options,
                        int64_t committed, int64_t count, int64_t *ns, struct rt_err *err);

struct bench_recording {
    int64_t trials;
    int points;       /* of learning curves, a trial */
    bool durable;     /* each transaction is on the disk before the next begins */
    const char *path; /* kept there; NULL: in a temporary file */
};
struct bench_recorded {
    double cpu, wall; /* seconds a trial */
};
/* Four transactions a trial, as a search makes them (proposed, started, done, committed), of random
 * architectures that take no time: with what a surrogate expects of all but the first hundred, and
 * each hundredth failed. */
rt_status bench_record(const struct bench_problem *problem, const struct bench_recording *recording,
                       struct bench_recorded *recorded, struct rt_err *err);
#endif
