/* bench/search/run.h -- Retort's own search on a problem. */
#ifndef BENCH_SEARCH_RUN_H
#define BENCH_SEARCH_RUN_H
#include "bench/search/problem.h"
#include "search/search.h"

/* What `retort search` does with a study that says nothing of the search; 1000 trials by one
 * worker, each proposal knowing all results, as the other searches do. With options->rung_count the
 * budgets must be those of the problem, and `trials` are counted in trials of the last budget. */
void bench_run_defaults(const struct bench_problem *problem, struct search_options *options);
/* volumes[n] after trial n, which the caller has made as long as options->trials; after the end of
 * an exhausted search it stays what it was. The store is a temporary file. */
rt_status bench_run(const struct bench_problem *problem, struct search_options options,
                    double *volumes, struct rt_err *err);
#endif
