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

/* The front as the search reports it, by what its members are without noise. */
struct bench_reported {
    int members;
    double volume;    /* of them, as a share of the known front's */
    double dominated; /* share of them that another one trained dominates */
    double optimism;  /* mean of what was measured less what is, of the first objective, as a share
                         of the front's range */
};
rt_status bench_run_reported(const struct bench_problem *problem, struct search_options options,
                             struct bench_reported *reported, struct rt_err *err);

/* An empty study in a new file; */
rt_status bench_store_make(const char *path, const struct space *space,
                           const struct search_options *options, struct store **store,
                           struct rt_err *err);
/* and in a folder of its own, made of `folder` ("/tmp/..XXXXXX"); removed with all that is
 * in it. */
rt_status bench_store_open(char *folder, const struct space *space,
                           const struct search_options *options, struct store **store,
                           struct rt_err *err);
void bench_store_remove(const char *folder, struct store *store);
#endif
