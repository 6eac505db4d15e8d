/* search/remote_worker.h -- a worker of a search on another machine: the other side of coordinator.h.
 *
 * It connects, and again and again when that is cut off, is given jobs by the lines of protocol.h,
 * one a slot, and keeps each answer until the search says that it has it. While nobody is there it
 * waits, works on, and delivers to whoever searches next. What a study needs comes in pieces from the
 * search when it is not here yet.
 * Threads  search_remote_work() by one; evaluate() is called in a thread of each slot, all else in the
 *          caller's.
 */
#ifndef SEARCH_REMOTE_WORKER_H
#define SEARCH_REMOTE_WORKER_H
#include <stdatomic.h>

#include "base/hash.h"
#include "search/link.h"

#define REMOTE_MAX_SLOTS 1024

struct remote_file { /* that has to be here */
    char name[32];   /* as the search knows it */
    char path[RT_PATH_MAX], hash[RT_HASH_TEXT];
};

struct remote_answer {
    char *line; /* of protocol.h, malloc'ed; NULL: it was asked to stop, and says nothing */
    char hash[RT_HASH_TEXT]; /* of the weights that the trial left; "": none */
    struct rt_err unfit;     /* a code: this machine cannot go on, and the worker ends by that */
};

struct remote_options {
    const char *address;
    const struct link_key *key;
    int slots;              /* 1..REMOTE_MAX_SLOTS */
    double wait;            /* seconds to wait for a search; 0: for ever */
    const char *hello;      /* what this worker is, JSON */
    const atomic_int *stop; /* leave */
    /* What the search says of its study, at the first welcome and at each later one. */
    rt_status (*welcome)(void *context, const char *study, struct rt_err *err);
    /* A file of the study that is not here; false: all are. */
    bool (*missing)(void *context, struct remote_file *file);
    /* They are: jobs come once *begun. Until then it is called again, many times a second. */
    rt_status (*begin)(void *context, bool *begun, struct rt_err *err);
    /* Where the weights of a trial are, or go. False: there are none. */
    bool (*weights)(void *context, int64_t trial, char path[RT_PATH_MAX]);
    /* `stop`, which is not the one above: nobody waits for the answer any more. */
    void (*evaluate)(void *context, int slot, const char *job, const atomic_int *stop,
                     struct remote_answer *answer);
    /* A line for people. */
    void (*say)(void *context, const char *text);
    void *context;
};

/* Until the search is over (RT_OK), `stop` is set (RT_ESTOP), or the worker is not wanted: RT_EMISMATCH
 * or RT_EARG with the reason, RT_EIO when nobody answers; or by what an answer said of this machine. *done: it is
 * over and all its trials are done, none of which will come again. */
rt_status search_remote_work(const struct remote_options *options, bool *done, struct rt_err *err);
#endif
