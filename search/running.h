/* search/running.h -- a search that runs, seen by who evaluates its trials elsewhere.
 *
 * What the search's own workers do with a trial, step by step: take it, evaluate it, give its result.
 * So trials, their order and their rows are those of any other number of workers. Whoever takes
 * trials may also return one without a result: it waits again, for whoever comes first.
 * Threads  all functions, by any thread between the beginning and the end of search_elsewhere.serve();
 *          they take the search's lock, and a search that proposes meanwhile may hold it for a while.
 */
#ifndef SEARCH_RUNNING_H
#define SEARCH_RUNNING_H
#include "search/search.h"

struct run; /* the search */

/* Who works: a row of `host`, a number, and what computes there. */
struct search_hand {
    int64_t host;
    int worker;
    int64_t program; /* what computes there, of store_program_of(); 0: what this process is */
};

struct search_trial {
    struct search_job job; /* points into this struct, or to what the search keeps */
    struct space_arch arch;
};

enum search_turn {
    SEARCH_TAKEN,
    SEARCH_WAIT, /* nothing may be begun now: the window is full, or somebody proposes */
    SEARCH_LAST, /* nothing is begun any more; what is out may be finished */
    SEARCH_LEAVE /* return what is out, at once */
};

/* The next trial into *trial, which must not move while its job is used. */
enum search_turn search_take(struct run *run, const struct search_hand *hand,
                             struct search_trial *trial);
/* What search_take() would say, but nothing is taken: SEARCH_WAIT where something may be. */
enum search_turn search_look(struct run *run);
/* Behind SEARCH_LAST: are all trials begun, so that the same command has none to do? False where the time, or
 * faults, ended it. */
bool search_all_begun(struct run *run);
/* That very trial, if it waits and may be begun. */
bool search_claim(struct run *run, int64_t number, const struct search_hand *hand,
                  struct search_trial *trial);
/* Of a trial that was taken, once. Releases the result. */
void search_give(struct run *run, int64_t number, struct store_result *result);
/* A trial that was taken waits again; `why` goes into an event of that kind. */
void search_return(struct run *run, int64_t number, const char *kind, const char *why);

/* An event of no trial, and a line of the log. */
void search_event(struct run *run, const char *kind, const char *text);
/* What someone should see to, with the progress; "": nothing. */
void search_trouble(struct run *run, const char *text);
/* Writes to the store as the search does: no one else writes meanwhile. Errors end the search. */
void search_write(struct run *run, rt_status (*write)(void *, struct store *, struct rt_err *),
                  void *context);
/* What is learnt from was written into by others, in these words: the search ends by RT_EDIRTY when what is out has
 * come back, as when a trial says so. */
void search_void(struct run *run, const char *why);
/* Ends the search with an error, unless another came first. */
void search_fail(struct run *run, rt_status rc, const char *text);
#endif
