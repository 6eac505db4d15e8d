/* search/search.h -- steady-state NSGA-II over a space, parallel, reproducible and resumable.
 *
 * Numbers      trials are numbered 0, 1, 2, ... propose(n) is a function of the study's seed, n, the
 *              architectures of the trials before n, and the results of exactly the trials 0..n-W
 *              (W = window); trial n may start once those are committed. Results are committed in
 *              order of n. So a study gives the same trials for any number of workers and after any
 *              crash.
 * Workers      OpenMP threads; each runs the evaluator alone, see scheduler.c. Others elsewhere may take
 *              part (running.h, coordinator.h).
 * Failures     a failed trial is recorded with its kind, takes its turn, and never has objectives.
 * Faults       of the evaluator (kinds start, crash, timeout, garbage, oversized, lost, io, format) say
 *              little of a candidate. One that is followed by other results is a failed trial; until
 *              then it has no turn, as far as the window allows. After options->faults in a row, in
 *              order of number, the search ends with RT_EIO; those without a turn are proposed again.
 * Void         RT_EDIRTY says of no candidate, and of no evaluator, anything: others have written into
 *              what all trials learn from. The first ends the search, with its text, and waits as
 *              proposed; others that run go on to their end, and count unless they say the same.
 * Objectives   are minimised; "-NAME" is the negative of the metric NAME. What the space knows
 *              exactly comes from the architecture, whatever evaluators say; see objectives.c.
 * Constraints  are on metrics, so they are known after an evaluation alone; limits on exact costs
 *              keep an architecture from being tried. The front is of those that break none.
 * Rungs        with rung_count > 1 a candidate is tried at rung 0, and the best 1/eta of a rung are
 *              tried again at the next (rungs.c). The front and its hypervolume (front.c) are those
 *              of the last rung.
 * Seeds        with replicates > 1 members of the front are tried again with further seeds (repeat.c);
 *              the front and its hypervolume are then of means, and parents and the surrogate see
 *              these too. Constraints are those of the first seed.
 * Stopping     new trials are not started after `stop`, the time or an error; running ones finish,
 *              or return RT_ESTOP and wait as proposed for the next run. The log is a convenience: a
 *              line that cannot be written is dropped, and progress tells of it. When the store's
 *              disk is full the search waits until there is room again, and progress tells so.
 * Source       Deb et al. 2002 (NSGA-II; constraints as in its section VI).
 */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H
#include <stdatomic.h>

#include "search/pareto.h"
#include "space/space.h"
#include "store/store.h"

#define SEARCH_MAX_CONSTRAINTS 8
/* Of what is proposed after the same results. A study keeps the one that it began with, so that a
 * later program can say that it goes on otherwise. 2: gains without noise, all results known.
 * 3: explorers. */
#define SEARCH_VERSION 4

struct search_job {
    int64_t number;
    const struct space_arch *arch;
    int rung;
    int64_t budget;         /* of the rung; 0: the study has no rungs */
    int64_t inherits;       /* the committed trial whose weights it starts from; -1: none */
    uint64_t seed;          /* of this run: rt_replicate_seed() of the study's */
    int replicate;          /* 0; 1, 2, ..: the candidate is tried again */
    int worker;             /* 0..workers-1 */
    const atomic_int *stop; /* non-zero: give up soon with RT_ESTOP */
};

/* Any way to score an architecture. evaluate() is called from several threads at once and reports
 * a failed trial in result->status; it never ends the search. Of a latency it says when it was
 * measured, and the search whether another trial ran then. */
struct search_evaluator {
    void (*evaluate)(void *context, const struct search_job *job, struct store_result *result);
    void *context;
    const struct search_timing *timing; /* NULL: nothing is measured apart from trials */
};

/* Measurements of latency need no training, so they are taken again of the front's members: by
 * workers that would wait, and when the trials are over. `context` is the evaluator's. */
struct search_timing {
    /* Would more of them tell more? Does not wait. */
    bool (*unsure)(void *context, const struct space_arch *arch);
    /* Some, for some tenths of a second: blocks and latencies into *result. Several at once. */
    void (*measure)(void *context, const struct space_arch *arch, struct store_result *result);
    /* What all of them come to by now, into the store. */
    rt_status (*settle)(void *context, struct store *store, struct rt_err *err);
    /* Seconds that workers measured, and stood still for others to. */
    void (*cost)(void *context, double *timing, double *standing);
};

struct run;

/* Somebody who evaluates trials elsewhere (search/running.h): `serve` is called once, in a thread of
 * its own, when the study has been taken up, and the search ends when it has returned. */
struct search_elsewhere {
    void (*serve)(void *context, struct run *run);
    void *context;
};

enum search_inherit { SEARCH_INHERIT_NONE, SEARCH_INHERIT_PARENT };
/* `gp`: a Gaussian process on the architecture's features, once there are results enough. */
enum search_surrogate { SEARCH_SURROGATE_NONE, SEARCH_SURROGATE_GP };

struct search_constraint {
    char metric[STORE_NAME];
    double bound;
    bool at_least; /* else at most */
};

struct search_options {
    uint64_t seed;
    int64_t trials;   /* stop after so many; 0: no limit */
    double hours;     /* stop after so long, this run alone; 0: no limit */
    int64_t patience; /* stop after so many trials without a gain of hypervolume; 0: no limit */
    int workers;      /* OpenMP threads, at least 1; with `elsewhere` 0 will do */
    bool pin;         /* the nth worker stays on the nth of the process's CPUs, if there is one */
    int faults;       /* of the evaluator in a row that end the search; 0: they never do */
    int window;       /* W, at least 1; workers beyond W idle */
    int population;   /* survivors considered as parents, at least 2 */
    double crossover; /* probability of crossover before mutation, 0..1 */
    double random;    /* share of fresh random architectures, 0..1 */
    int initial;      /* space-filling trials before evolution, the three anchors included */
    int rung_count;   /* training budgets; 0: one, which the evaluator knows */
    int64_t rung_budget[STORE_MAX_RUNGS]; /* rising */
    enum search_inherit inherit; /* PARENT: a child starts from its first one's, at every rung */
    double eta;                  /* of each rung, one in so many goes on to the next; above 1 */
    enum search_surrogate surrogate;
    int replicates; /* seeds that a member of the front is tried with at most; 0 or 1: its own */
    int objective_count;
    char objectives[STORE_MAX_OBJECTIVES][STORE_NAME];
    int constraint_count;
    struct search_constraint constraint[SEARCH_MAX_CONSTRAINTS];
    const struct search_elsewhere *elsewhere; /* NULL: the workers alone */
    int64_t host;                             /* store_host() of this machine */
    const char *log; /* file that receives one plain line an event; NULL: none */
};

struct search_progress {
    int64_t committed;               /* failed ones included */
    int64_t failed, running, wanted; /* wanted 0: no limit */
    int front_size;
    char trouble[160];                             /* what someone should see to; "": nothing */
    double hypervolume;                            /* NaN before it is defined */
    double seconds, trials_per_hour, seconds_left; /* of this run; seconds_left NaN when unknown */
};

enum search_end {
    SEARCH_END_TRIALS,
    SEARCH_END_HOURS,
    SEARCH_END_STOPPED,
    SEARCH_END_EXHAUSTED,
    SEARCH_END_PATIENCE
};

/* Told after commits and starts, by a thread of its own and one call at a time: the latest state, so
 * those that come while a call lasts may be left out. A call that still lasts a second after the
 * search is left to itself: what it uses must stay. */
typedef void search_progress_fn(void *context, const struct search_progress *progress);

/* Is a failure of this kind the evaluator's, and not its candidate's? */
bool search_is_fault(const char *kind);

/* Failed trials of one kind (NULL: any) are proposed again, and those behind the first take their
 * turn anew, with the results they have: a search tries the failed ones, and commits. */
rt_status search_retry_failed(const struct space *space, const struct search_options *options,
                              struct store *store, const char *kind, int64_t *count,
                              struct rt_err *err);

/* What search_run() makes of an evaluator's result before it records it: objectives that are no
 * metrics are added, and one that lacks an objective is a failure. */
void search_judge(const struct search_options *options, const struct space *space,
                  const struct space_arch *arch, struct store_result *result);

/* The front of the study's committed trials by the metrics that it has now, which may have been
 * measured again, into the store. */
rt_status search_front_again(const struct space *space, const struct search_options *options,
                             struct store *store, struct rt_err *err);

/* Run or resume the study in `store` (opened for writing) until it ends; says why in *end. */
rt_status search_run(const struct space *space, const struct search_options *options,
                     const struct search_evaluator *evaluator, struct store *store,
                     const atomic_int *stop, search_progress_fn *progress, void *progress_context,
                     enum search_end *end, struct rt_err *err);
#endif
