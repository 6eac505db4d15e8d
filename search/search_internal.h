/* search/search_internal.h -- what the files of this folder share.
 *
 * Threads  nothing here locks: the scheduler calls it all under its one lock, and search__propose()
 *          while nobody else writes to its proposer.
 */
#ifndef SEARCH_INTERNAL_H
#define SEARCH_INTERNAL_H
#include <stdio.h>

#include "search/search.h"
#include "search/surrogate.h"

struct search__key {
    double value; /* not NaN */
    size_t index; /* decides between equal values */
};
/* Ascending; `scratch` is as long. Several times as fast as qsort(), which matters when ten
 * thousand trials are all on the front. */
void search__sort(struct search__key *key, size_t n, struct search__key *scratch);

/* Crowding distance (Deb et al. 2002, section III.B) of the points points[member[i]], which share one
 * front, into crowding[i]: the ends of each objective are infinite, equal values share theirs, an
 * objective without spread adds nothing. */
rt_status search__crowd(const double *points, const size_t *member, size_t n, int m,
                        double *crowding, struct rt_err *err);

/* ---- objectives: objectives.c ---- */

/* The objectives of a result, in the study's order: what is known exactly (space_exact()) from the
 * architecture, the others from result->values. A result that lacks one, or has it NaN or infinite,
 * becomes a failure of kind `nonfinite`, and a failure loses whatever else it brought. */
double search__objectives(const struct search_options *options, const struct space *space,
                          const struct space_arch *arch, struct store_result *result,
                          double *objectives);

/* store_trials_load(), with what the constraints are missed by according to the metrics as they are by
 * now; the store gets what has changed. Caller frees *trials. */
rt_status search__trials_load(const struct search_options *options, const struct space *space,
                              struct store *store, struct store_trial **trials, int64_t *count,
                              struct rt_err *err);

/* What no architecture can beat, from what is known of an objective before any trial: `best` of
 * space/objectives.h, or the cheapest member's cost; NaN for other names. */
double search__known_best(const struct space *space, const char *objective);

/* ---- fronts that grow: levels.c ---- */

struct search__level {
    size_t *member; /* numbers of points */
    size_t count, room;
};

/* Non-dominated levels of a growing set: level 0 is the front, level 1 the front of the rest, ...
 * A new point is put into its level and what it dominates there sinks, level by level. */
struct search__levels {
    struct search__level *level;
    size_t count, room;
    struct search__level sinking[2]; /* scratch */
};

/* Adds point number `point` of `points` (rows of m, no NaN) and tells the levels that changed: the
 * first is *highest, and maybe all after it. After RT_ENOMEM only release is allowed. */
rt_status search__levels_add(struct search__levels *levels, const double *points, int m,
                             size_t point, size_t *highest, struct rt_err *err);
void search__levels_release(struct search__levels *levels);

struct search__survivor {
    size_t trial;
    size_t rank;
    double crowding;
};

/* The members of one level in order; scratch that grows. */
struct search__order {
    struct search__survivor *item;
    struct search__key *key; /* twice as many */
    double *crowding;
    size_t room;
};
/* The less crowded first, then the older. */
rt_status search__order_level(struct search__order *order, const double *points, int m,
                              const struct search__level *level, size_t rank, struct rt_err *err);
void search__order_release(struct search__order *order);

/* ---- rungs: rungs.c ---- */

struct search__place { /* of a trial */
    int rung;
    bool promoted;    /* a trial of the next rung has been proposed */
    int replicate;    /* 0; 1, 2, .. of a candidate that is tried again with another seed, ... */
    size_t first;     /* ... whose first trial at that rung this is */
    int seeds;        /* of a first one: trials proposed, itself included */
    int64_t inherits; /* as in struct search_job */
};

/* The results that proposals see, by rung. */
struct search__rungs {
    int count; /* at least 1 */
    double eta;
    struct search__levels levels[STORE_MAX_RUNGS];
    size_t results[STORE_MAX_RUNGS];
    size_t promoted[STORE_MAX_RUNGS]; /* from it, seen or not: kept by the caller */
    struct search__order order;
};

#define SEARCH_NONE SIZE_MAX

void search__rungs_init(struct search__rungs *rungs, const struct search_options *options);
void search__rungs_release(struct search__rungs *rungs);
/* The result of trial number `trial`, points[trial], is seen; *highest as for levels. */
rt_status search__rungs_add(struct search__rungs *rungs, const double *points, int m, size_t trial,
                            int rung, size_t *highest, struct rt_err *err);
/* The trial whose candidate goes on to the next rung now, or SEARCH_NONE: of the highest rung where
 * one may, the best that waits. place[trial] of each trial. */
rt_status search__rungs_promote(struct search__rungs *rungs, const double *points, int m,
                                const struct search__place *place, size_t *trial,
                                struct rt_err *err);
/* The rung whose results choose parents: the highest that has `enough`, else the lowest. */
int search__rungs_parents(const struct search__rungs *rungs, size_t enough);

/* ---- candidates with several seeds: seeds.c ---- */

/* Of the candidates that may be of a front, in order of their first trials: what all their seeds come
 * to. Empty unless options->replicates > 1. An objective that no seed changes (exact ones, and
 * latency, which has a record of its own) keeps the value of the first trial. */
struct search__seeds {
    int m;
    bool wanted, fixed[STORE_MAX_OBJECTIVES];
    size_t count, room;
    int64_t *first;        /* of trials */
    int *seeds;            /* successful ones */
    double *mean;          /* rows of m, as all below */
    double *origin;        /* the first trial's own */
    double *sum, *squares; /* of differences to these */
};

void search__seeds_init(struct search__seeds *seeds, const struct space *space,
                        const struct search_options *options);
void search__seeds_release(struct search__seeds *seeds);
rt_status search__seeds_add(struct search__seeds *seeds, int64_t number, const double *objectives,
                            struct rt_err *err);
/* Another seed of the candidate whose first trial is `first`. */
void search__seeds_repeat(struct search__seeds *seeds, int64_t first, const double *objectives);
/* The place of that candidate, SEARCH_NONE: it is not there. */
size_t search__seeds_find(const struct search__seeds *seeds, int64_t first);
/* How likely it is that no candidate dominates those whose first trials are number[n], by the spread
 * between seeds pooled over all; all NaN while that is not known. */
rt_status search__seeds_membership(const struct search__seeds *seeds, const int64_t *number,
                                   size_t n, double *probability, struct rt_err *err);

/* ---- the front with its hypervolume: front.c ---- */

struct search__front {
    int m;
    size_t count, room;
    int64_t *number, *removed; /* of trials; `removed` as long as `number`, and so are */
    int64_t *entered;          /* those that a repeated one lets in, */
    double *probability;       /* and search__front_membership(); NaN: unknown */
    struct search__seeds seeds;
    double *points, *scratch; /* rows of m */
    int64_t before_volume;    /* trials with objectives still to come before the box is frozen */
    double known[STORE_MAX_OBJECTIVES];
    bool exact[STORE_MAX_OBJECTIVES]; /* known of every architecture: never far off */
    double *early;                    /* rows of m, of trials before the box is frozen */
    int64_t early_count;
    double ideal[STORE_MAX_OBJECTIVES], reference[STORE_MAX_OBJECTIVES];
    double volume; /* NaN until the box is frozen */
};

void search__front_init(struct search__front *front, const struct space *space,
                        const struct search_options *options);
/* The next trial in order; `objectives` NULL when it cannot be of the front: it failed or was not
 * of the last rung. Fills in *commit, whose `removed` lives until the next call. */
rt_status search__front_add(struct search__front *front, int64_t number, const double *objectives,
                            struct store_commit *commit, struct rt_err *err);
/* The trials before `first`, all of them committed or failed, into an empty front: faults.c. */
rt_status search__front_before(const struct search_options *options,
                               const struct store_trial *trials, int64_t first,
                               struct search__front *front, struct rt_err *err);
/* front->probability, of its members. */
rt_status search__front_membership(struct search__front *front, struct rt_err *err);
/* Another seed of the candidate whose first trial is `first` has come: the front is made anew of all
 * candidates' means. */
rt_status search__front_repeat(struct search__front *front, int64_t number, int64_t first,
                               const double *objectives, struct store_commit *commit,
                               struct rt_err *err);
/* The same front in the store, whatever was there. */
rt_status search__set_front(struct store *store, struct search__front *front, struct rt_err *err);
void search__front_release(struct search__front *front);

/* ---- proposals: propose.c, anchors.c, explore.c; promotions: rungs.c ---- */

/* The model of what trials come to, learn.c, and what it promises, advise.c. */
enum {
    SEARCH_KEPT = 8,    /* children that vary further; at most SEARCH_SEATS */
    SEARCH_PENDING = 64 /* the latest trials on their way that are known of */
};
struct search__child;
struct search__advisor {
    bool ready; /* enough results were seen at the last fit */
    int rung;   /* whose results it knows */
    int features;
    struct search_points *points;
    struct search_model *model[STORE_MAX_OBJECTIVES]; /* of these; NULL: known exactly */
    struct search_model *violation;                   /* NULL: there are no constraints */
    double ceiling[STORE_MAX_OBJECTIVES];             /* no value is learned as more */
    double worst[STORE_MAX_OBJECTIVES];               /* nothing beyond is a gain; set by advise */
    double base[STORE_MAX_OBJECTIVES],
        unit[STORE_MAX_OBJECTIVES]; /* gains are of (y - base) / unit */
    size_t *trial;                  /* scratch, as all below */
    double *x, *y, *front;
    struct search__child *pool;
    int children, number;
};

/* All that proposals depend on. Trials are known in order of their number, results too. */
struct search__proposer {
    const struct space *space;
    const struct search_options *options;
    const struct space_arch *start; /* to try after the anchors; borrowed */
    int start_count;
    struct space_arch *archs; /* of trials 0..count-1 */
    double *points;           /* objectives, rows of objective_count; NaN for a failure */
    double *ranked;           /* the same for comparisons: rows of equal numbers, beyond all others,
                                 where constraints are broken */
    struct search__place *place;
    size_t count, room;
    size_t candidates;         /* trials of rung 0 */
    size_t repeats;            /* trials of further seeds */
    struct search__front seen; /* of the visible, where candidates are repeated */
    size_t results;            /* trials whose objectives are known: 0..results-1 */
    size_t visible;            /* of these, the ones that proposals have seen: 0..visible-1 */
    size_t *slots;             /* hash table of archs: the latest trial of each + 1, or 0 */
    size_t slot_count;
    int64_t size;                       /* of the space; -1: astronomical */
    struct search__rungs rungs;         /* of the visible */
    struct search__survivor *survivors; /* the `population` best of one rung, best first */
    size_t survivor_count, survivor_levels;
    int survivor_rung;
    bool stale;            /* survivors must be chosen again */
    size_t nothing_new_at; /* trial number for which no new architecture was found */
    struct search__order order;
    struct search__advisor advisor;
};

struct search__proposal {
    struct space_arch arch;
    int rung, replicate;
    size_t first; /* of a replicate: the candidate's first trial */
    int64_t inherits;
    const char *origin;
    int64_t parent_a, parent_b; /* -1: none */
    bool predicted;             /* then each objective's mean, and deviation or 0 when exact: */
    double mean[STORE_MAX_OBJECTIVES], sd[STORE_MAX_OBJECTIVES];
};

rt_status search__proposer_init(struct search__proposer *p, const struct space *space,
                                const struct search_options *options, struct rt_err *err);
void search__proposer_release(struct search__proposer *p);
/* Trial number p->count has this architecture, at rung 0 or, when it has been tried, at the rung
 * after its last; `inherits` as in struct search_job. */
rt_status search__proposer_add(struct search__proposer *p, const struct space_arch *arch,
                               int64_t inherits, struct rt_err *err);
/* Trial number p->count tries the candidate of trial `first` with one seed more. */
rt_status search__proposer_repeat(struct search__proposer *p, size_t first, struct rt_err *err);
/* Trial number p->results came to these objectives (NULL: it failed) and broke constraints by so
 * much. */
void search__proposer_result(struct search__proposer *p, const double *objectives,
                             double violation);
/* By how much trial number `trial` broke them. */
double search__violation(const struct search__proposer *p, size_t trial);
bool search__tried(const struct search__proposer *p, const struct space_arch *arch);
/* Trial p->count, which needs the results of all trials up to count - W; later ones do not matter.
 * RT_EEND: every feasible architecture has been tried, as far as can be seen. With rungs that is
 * final only when all results are known; before, ask again with more of them. */
rt_status search__propose(struct search__proposer *p, struct search__proposal *proposal,
                          struct rt_err *err);

/* Feasible, and not tried. */
bool search__acceptable(const struct search__proposer *p, const struct space_arch *arch);
/* Are children of equal layers alone proposed yet? */
bool search__equal_alone(const struct search__proposer *p);
/* A child of the survivors, or a random architecture; maybe one that was tried. */
void search__vary(const struct search__proposer *p, struct rt_rng *rng,
                  struct search__proposal *out);

/* ---- further seeds: repeat.c ---- */

/* The first trial of the candidate that is tried again now, or SEARCH_NONE. `any`: whatever share of
 * the trials that has been already. */
rt_status search__repeat(struct search__proposer *p, bool any, size_t *first, struct rt_err *err);
/* Seeds whose results are seen, of the candidate whose first trial at the last rung this is. */
int search__seeds_of(const struct search__proposer *p, size_t trial);
/* The result of trial number `trial` is seen, a replicate's. */
rt_status search__see_repeat(struct search__proposer *p, size_t trial, struct rt_err *err);

/* ---- the surrogate: learn.c ---- */

/* Does nothing when options->surrogate is none. */
rt_status search__advisor_init(struct search__advisor *a, const struct space *space,
                               const struct search_options *options, struct rt_err *err);
void search__advisor_release(struct search__advisor *a);
/* The number of seen results at which the model was last fitted, when so many are seen; 0: none. */
size_t search__advisor_due(const struct search_options *options, size_t seen);
/* One result more is seen; `due` is of all that will be. */
void search__advisor_learn(struct search__proposer *p, size_t due);
/* Forgets all points of the models but the first n. */
void search__forget_points(struct search__advisor *a, size_t n);
/* An objective of a result as the model has it: exact ones by their logarithm. */
double search__value_of(const struct search__advisor *a, size_t k, double value);
/* Looks at an architecture, for a seat of the models: what it is expected to come to. */
void search__expect(struct search__advisor *a, const struct search__proposer *p, int seat,
                    const struct space_arch *arch, double *mean);

/* ---- what it promises: advise.c ---- */

/* The new architecture that is expected to add most to the front, or an explorer in its place; none
 * when nothing would. */
rt_status search__advise(struct search__proposer *p, struct rt_rng *rng, bool *found,
                         struct search__proposal *out, struct rt_err *err);

struct search__child {
    struct search__proposal proposal;
    double gain;
    int number; /* decides between equals, so that every qsort() agrees */
};

/* A climb, on the gain that the front's `boxes` tell: it begins, anything joins it, and in each round
 * the best so far have a child each. With a `niche` these keep its choice. */
struct search__niche {
    int position, choice;
};
struct search_boxes;
void search__climb_begin(struct search__advisor *a);
void search__climb_join(struct search__proposer *p, struct search_boxes *boxes,
                        struct search__proposal *proposal, int count);
void search__climb(struct search__proposer *p, struct rt_rng *rng, struct search_boxes *boxes,
                   const struct search__niche *niche, int rounds);
/* The best, with its gain; NULL: nothing gains. */
const struct search__proposal *search__climbed(struct search__advisor *a, double *gain);
/* Gives the architecture the niche's choice. */
void search__settle(const struct space *space, const struct search__niche *niche,
                    struct space_arch *arch);

/* ---- against its word: explore.c ---- */

/* The model's best child, `out`, which promised so much, may give way to an explorer: of a choice that
 * the front lacks, for which it climbs and of which it tells whether there is one, ... */
bool search__explore_niches(struct search__proposer *p, struct rt_rng *rng,
                            struct search_boxes *boxes, double promised,
                            struct search__proposal *out);
/* ... or of layers. */
void search__explore_layers(const struct search__proposer *p, struct rt_rng *rng, double promised,
                            struct search__proposal *out);

/* The feasible architecture nearest to `target` that a bounded, deterministic search finds: itself
 * when feasible, exactly the nearest in small spaces. False when it finds none. */
bool search__nearest(const struct space *space, struct rt_rng *rng, const struct space_arch *target,
                     struct space_arch *nearest);
/* RT_EARG unless numbers are within their ranges: options.c. */
rt_status search__check_options(const struct search_options *options, struct rt_err *err);

/* ---- the log file: log.c ---- */

/* One line: UTC time, event, trial, architecture, objectives by name, seconds. What is NULL or
 * negative is left out. */
struct search__line {
    const char *event;
    int64_t number;
    const struct space_arch *arch;
    const double *objectives;
    double seconds;
    const char *text;
};
struct search__log;
rt_status search__log_open(const char *path, struct search__log **log, struct rt_err *err);
/* Waits for no disk. */
void search__log(struct search__log *log, const struct space *space,
                 const struct search_options *options, const struct search__line *line);
/* Nothing more follows. Waits until all is written, but `seconds` at most. */
void search__log_flush(struct search__log *log, double seconds);
void search__log_close(struct search__log *log); /* after that */
/* Of the first line that could not be written; NULL: none. */
const char *search__log_failure(const struct search__log *log);
#endif
