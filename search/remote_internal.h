/* search/remote_internal.h -- what the parts of a remote worker share: remote_worker.c is the loop,
 * remote_slots.c the threads that evaluate. */
#ifndef SEARCH_REMOTE_INTERNAL_H
#define SEARCH_REMOTE_INTERNAL_H
#include <pthread.h>

#include "search/remote_worker.h"

enum slot_state {
    SLOT_IDLE,
    SLOT_FETCHING, /* the weights of its job's parent are not here */
    SLOT_WORKING,
    SLOT_DONE /* its answer is to be fetched */
};

struct remote_slots;

struct remote_slot {
    struct remote_slots *of;
    int index;
    pthread_t thread;
    enum slot_state state; /* by the lock */
    bool announced;        /* the search knows that it is idle */
    int64_t number;
    uint64_t key;
    uint32_t attempt;
    char *job; /* owned */
    struct remote_file parent;
    struct remote_answer answer;
};

struct remote_slots {
    const struct remote_options *o;
    pthread_mutex_t lock; /* guards the states */
    pthread_cond_t changed;
    int wake[2];        /* a pipe: a byte for each answer */
    atomic_int stop;    /* what is at work is told so */
    bool leaving;       /* threads end */
    int count, started; /* threads */
    struct remote_slot *slot;
};

rt_status remote__slots_open(struct remote_slots *slots, const struct remote_options *options,
                             struct rt_err *err);
/* Stops those at work, and waits for them. */
void remote__slots_close(struct remote_slots *slots);
enum slot_state remote__state(struct remote_slots *slots, const struct remote_slot *slot);
/* From SLOT_IDLE or SLOT_FETCHING; starts the thread when that is its first. */
void remote__start(struct remote_slots *slots, struct remote_slot *slot);
/* From SLOT_DONE or SLOT_FETCHING; the answer, if any, has been taken. */
void remote__make_idle(struct remote_slots *slots, struct remote_slot *slot);
/* What woke whoever polls wake[0]. */
void remote__heard(struct remote_slots *slots);
#endif
