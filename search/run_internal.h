/* search/run_internal.h -- a search that runs: what scheduler.c, resume.c, running.c, telling.c and
 * timing.c share. */
#ifndef SEARCH_RUN_INTERNAL_H
#define SEARCH_RUN_INTERNAL_H
#include <pthread.h>

#include "search/running.h"
#include "search/search_internal.h"

enum state { PROPOSED, RUNNING, DONE, COMMITTED };

struct slot {
    enum state state;
    bool failed;
    bool fault;                   /* failed by the evaluator's fault */
    bool outside;                 /* taken by search_take() or search_claim() */
    int64_t started_ns, ended_ns; /* of its evaluation in this run; 0: not yet */
    double objectives[STORE_MAX_OBJECTIVES];
    double violation; /* of constraints */
    int64_t gained;   /* the latest trial, up to this one, that added to the hypervolume; -1: it is
                         not defined */
};

struct run {
    const struct space *space;
    const struct search_options *options;
    const struct search_evaluator *evaluator;
    struct store *store;
    const atomic_int *stop;
    struct search__outlet *screen; /* of progress; NULL: nobody listens */
    struct search__log *log;       /* NULL: none */
    int64_t started_ns;

    pthread_mutex_t lock; /* guards all below and the store, but for the proposer while somebody
                             proposes: then nobody writes to it */
    pthread_cond_t changed;
    struct search__proposer proposer;
    struct search__front front;
    struct slot *slots; /* one a trial; as many as the proposer knows */
    size_t room;
    int64_t committed, committed_before, failed, running;
    int64_t outside;   /* of those that run */
    int64_t handed;    /* results that the proposer was given */
    bool proposing;    /* a worker, without the lock */
    int64_t faults;    /* of the evaluator, committed last, without another result between them */
    char fault[256];   /* the latest, in words */
    char dirty[384];   /* what of the first RT_EDIRTY said; "": there was none */
    char trouble[160]; /* of struct search_progress: the disk is full, */
    char worry[160];   /* or else what search_trouble() said */
    bool stopped, late, exhausted, broken;
    size_t timed; /* measurements taken again; each is of the next member of the front */
    rt_status rc; /* the first error; ends the search */
    struct rt_err err;
};

static inline int64_t search__count(const struct run *run)
{
    return (int64_t)run->proposer.count;
}

/* ---- the history in memory: scheduler.c; the lock is held ---- */

/* Of a new candidate or rung, or, with `first` not SEARCH_NONE, of one more seed of that trial's. */
rt_status search__add_slot(struct run *run, const struct space_arch *arch, int64_t inherits,
                           size_t first, struct rt_err *err);
/* Trial number run->committed takes its turn: in memory, and in the store unless it was there. */
rt_status search__commit_next(struct run *run, bool stored, struct rt_err *err);
/* What is at its turn is committed; faults of the evaluator only when something else follows them,
 * or when all is that ever comes. */
rt_status search__commit_due(struct run *run, bool all, struct rt_err *err);
/* What is learnt from was written into by others: nothing is begun any more. */
void search__void(struct run *run, const char *why);
/* An event of the search, and a line of its log. */
rt_status search__note(struct run *run, const char *text, struct rt_err *err);

/* Is nothing begun any more? Not so while a trial that is out may come back without a result. */
bool search__is_over(struct run *run);
enum search__step { SEARCH__START, SEARCH__AGAIN, SEARCH__WAIT, SEARCH__LEAVE };
/* What who is free does now; on START trial *number runs, in the store too. */
enum search__step search__next_step(struct run *run, const struct search_hand *hand,
                                    int64_t *number);
/* The same for trial `number`, which waits and is in the window. */
rt_status search__start(struct run *run, const struct search_hand *hand, int64_t number);
/* The job of a trial that was started, which from now on counts as running. */
void search__begin(struct run *run, const struct search_hand *hand, int64_t number,
                   struct search_trial *trial);
/* Its result; releases it. */
void search__end(struct run *run, int64_t number, struct store_result *result);

/* ---- what the store knows: resume.c ---- */

rt_status search__resume(struct run *run, struct rt_err *err);
/* Faults of the evaluator that got no turn: their trials are to be tried again. */
rt_status search__reopen_faults(struct run *run, struct rt_err *err);

/* ---- what it says: telling.c; the lock is held ---- */

/* Progress, to whoever listens. */
void search__tell(struct run *run);
void search__log_trial(struct run *run, const char *event, int64_t number, const double *objectives,
                       double seconds, const char *text);
void search__log_text(struct run *run, const char *event, const char *text);
/* The store's disk is full: says so, and sleeps for a while; others who have results wait too. False:
 * asked to stop. */
bool search__wait_for_room(struct run *run);
void search__room_again(struct run *run);

/* Sets `rc` to the status of a call that writes to the store, made as often as the disk is full. */
#define WITH_ROOM(run, rc, call)                                                                   \
    do {                                                                                           \
        while (((rc) = (call)) == RT_EFULL && search__wait_for_room(run))                          \
            continue;                                                                              \
        search__room_again(run);                                                                   \
    } while (0)
#define TRY_WITH_ROOM(run, call)                                                                   \
    do {                                                                                           \
        rt_status room_rc_;                                                                        \
        WITH_ROOM(run, room_rc_, call);                                                            \
        RT_TRY(room_rc_);                                                                          \
    } while (0)

/* ---- latency, measured again: timing.c ---- */

/* By a worker that would wait, holding the lock, which it gives away meanwhile: one member of the
 * front whose latency is unsure. False: none is, and nothing was done. */
bool search__time_again(struct run *run);
/* What measuring took so far, into the store. */
rt_status search__note_timing(struct run *run, struct rt_err *err);
/* The workers having left, with the lock held: members that are unsure, for a short while; then what
 * all measurements come to, and the front by that. */
rt_status search__finish_timing(struct run *run, struct rt_err *err);
#endif
