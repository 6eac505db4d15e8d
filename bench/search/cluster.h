/* bench/search/cluster.h -- many workers on a network, in virtual time: what they do to a search.
 *
 * Discrete events. A worker asks, gets a trial, works, and brings the result, which counts as asking
 * again. The coordinator does one proposal at a time and one piece of book-keeping at a time, side by
 * side, as search/scheduler.c does; trial n may be proposed when all up to n - window are
 * committed, in order. Lost trials are given out again before new ones.
 *
 * Source  the rules are those of search/search.h; leases as of `retort worker --connect`.
 */
#ifndef BENCH_SEARCH_CLUSTER_H
#define BENCH_SEARCH_CLUSTER_H
#include "bench/search/problem.h"
#include "search/search.h"

struct bench_cluster {
    int workers, window;
    int64_t trials;    /* as many are begun; there the simulation ends */
    double seconds;    /* of the shortest trial; log-uniform from there ... */
    double spread;     /* ... to so many times as long */
    double slow;       /* share of the workers that need `slowness` times as long */
    double slowness;   /* at least 1 */
    double lost_every; /* mean seconds of work between two losses of a worker; 0: never lost */
    double absent;     /* seconds until a lost worker is back */
    double lease;      /* seconds until its trial is given out again */
    int attempts;      /* a trial that was lost so often has failed */
    double delay;      /* seconds of a message, one way */
    double propose;    /* seconds of thinking for a proposal */
    double record; /* seconds of book-keeping for a trial: half when it begins, half at its end */
    bool
        twice; /* who would wait for the window runs the first running trial once more, and the first
                          result counts: what a search might do, and does not */
    uint64_t seed;
    /* Not NULL: the search's own proposals for this problem, which take what they take here. */
    const struct bench_problem *problem;
    const struct search_options *options; /* of that search; the window above counts */
};

struct bench_load {
    double busy; /* share of the workers' time that went into results, from first to last start */
    double lost; /* and into what was lost */
    double rate; /* results a second */
    double proposing; /* share of that time in which a proposal was thought about */
    double recording; /* and in which there was book-keeping to do */
    int64_t failed;   /* trials lost too often */
    int held;         /* results that waited for their turn, at most */
    double volume;    /* of what the proposals that were committed came to; NaN: no problem */
};

rt_status bench_cluster_run(const struct bench_cluster *cluster, struct bench_load *load,
                            struct rt_err *err);
#endif
