/* search/coordinator.h -- the search's side of workers on other machines.
 *
 * Workers connect, say what they are, and are given as many trials as they have slots
 * (search/remote_worker.h is their side, search/wire.h what is said). Trials, their numbers and their
 * rows are those of any other workers.
 *
 * Lease     a trial that is out is its worker's for 8 s, and for as long again with each beat that names
 *           it, however long it takes. A worker that is gone, or silent for 5 s, is lost: its trials
 *           wait again, for whoever comes first. Lost for the third time, a trial fails with the
 *           kind `lost`. What is given back is lost, too, unless the worker was asked to stop, or
 *           leaves because what it learns from was written into there. When five workers of a machine
 *           left so in a row, without a result from there between them, none of it is welcome for ten
 *           minutes: who starts them again and again would be given the same trials.
 * Late      a result is taken as long as none is there, from whomever it comes, also from one who had
 *           the trial of an earlier run of the search: the bits are the same. A failure is believed only
 *           to who has the trial now, or had it when nobody has it now. What comes twice is dropped.
 * Strangers what is no message, or none of a worker that was welcomed, is counted and dropped.
 * Threads   open and close by one; serve() is for search_elsewhere, in a thread of its own.
 */
#ifndef SEARCH_COORDINATOR_H
#define SEARCH_COORDINATOR_H
#include "search/link.h"
#include "search/running.h"

#define COORDINATOR_WHY 256 /* bytes of a reason */

struct search_coordinator_options {
    const char *address; /* to listen at; link_check() is passed */
    const struct link_key *key;
    const struct space *space;
    const struct search_options *options;
    bool texts;          /* of search_protocol_request() */
    const char *welcome; /* what workers are told of the study, JSON; at most WIRE_TEXT bytes */
    /* May this one work here? Fills in all of *remote but its name and counts, or says why not. */
    bool (*admit)(void *context, struct run *run, const char *hello, struct store_remote *remote,
                  char why[COORDINATOR_WHY]);
    /* The path of a file that workers may have by this name. */
    bool (*file)(void *context, const char *name, char path[RT_PATH_MAX]);
    /* Where the weights of a trial are, or go; false: the study keeps none. */
    bool (*weights)(void *context, int64_t trial, char path[RT_PATH_MAX]);
    /* What else belongs to a result that is RT_OK, and is made here: in a thread of its own. NULL: nothing. */
    void (*finish)(void *context, const struct search_job *job, struct store_result *result);
    /* Is what trials learn from here as it was? RT_EDIRTY ends the search. Asked each second, and when a worker leaves
     * that says why: in a thread of its own, since it may take long; when `stop` is set nobody needs the answer any more.
     * NULL: nothing is learnt from. */
    rt_status (*look)(void *context, const atomic_int *stop, struct rt_err *err);
    void *context;
    int64_t (*now)(void *context); /* the clock of leases and silence, in ns; NULL: rt_now_ns() */
};

struct search_coordinator;

/* Listens; everything handed over must stay. RT_EIO when that cannot be. */
rt_status search_coordinator_open(const struct search_coordinator_options *options,
                                  struct search_coordinator **coordinator, struct rt_err *err);
/* The address as bound. */
const char *search_coordinator_address(const struct search_coordinator *coordinator);
/* For struct search_elsewhere.serve, with a struct search_coordinator as context. */
void search_coordinator_serve(void *coordinator, struct run *run);
void search_coordinator_close(struct search_coordinator *coordinator);
#endif
