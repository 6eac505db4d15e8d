/* search/remote_slots.c -- a thread a slot, which waits for a job, evaluates it, and wakes the loop. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "search/remote_internal.h"

static void *work(void *context)
{
    struct remote_slot *slot = context;
    struct remote_slots *slots = slot->of;

    (void)pthread_mutex_lock(&slots->lock);
    while (!slots->leaving) {
        if (slot->state != SLOT_WORKING) {
            (void)pthread_cond_wait(&slots->changed, &slots->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&slots->lock);
        slot->answer = (struct remote_answer){0};
        slots->o->evaluate(slots->o->context, slot->index, slot->job, &slots->stop, &slot->answer);
        (void)pthread_mutex_lock(&slots->lock);
        slot->state = SLOT_DONE;
        (void)!write(slots->wake[1], "", 1);
    }
    (void)pthread_mutex_unlock(&slots->lock);
    return NULL;
}

static bool quiet_end(int file)
{
    return fcntl(file, F_SETFD, FD_CLOEXEC) == 0 && fcntl(file, F_SETFL, O_NONBLOCK) == 0;
}

rt_status remote__slots_open(struct remote_slots *slots, const struct remote_options *options,
                             struct rt_err *err)
{
    *slots = (struct remote_slots){.o = options,
                                   .lock = PTHREAD_MUTEX_INITIALIZER,
                                   .changed = PTHREAD_COND_INITIALIZER,
                                   .wake = {-1, -1},
                                   .count = options->slots};
    assert(options->slots >= 1 && options->slots <= REMOTE_MAX_SLOTS);
    slots->slot = calloc((size_t)slots->count, sizeof *slots->slot);
    if (!slots->slot)
        return rt_fail(err, RT_ENOMEM, "no memory for %d slots", slots->count);
    if (pipe(slots->wake) || !quiet_end(slots->wake[0]) || !quiet_end(slots->wake[1]))
        return rt_fail(err, RT_EIO, "cannot make a pipe: %s", strerror(errno));
    for (int i = 0; i < slots->count; i++) {
        slots->slot[i].of = slots;
        slots->slot[i].index = i;
    }
    for (; slots->started < slots->count; slots->started++)
        if (pthread_create(&slots->slot[slots->started].thread, NULL, work,
                           &slots->slot[slots->started]))
            return rt_fail(err, RT_ENOMEM, "cannot start a thread for each of %d slots",
                           slots->count);
    return RT_OK;
}

void remote__slots_close(struct remote_slots *slots)
{
    atomic_store(&slots->stop, 1);
    (void)pthread_mutex_lock(&slots->lock);
    slots->leaving = true;
    (void)pthread_cond_broadcast(&slots->changed);
    (void)pthread_mutex_unlock(&slots->lock);
    for (int i = 0; i < slots->started; i++) {
        (void)pthread_join(slots->slot[i].thread, NULL);
        free(slots->slot[i].job);
        free(slots->slot[i].answer.line);
    }
    for (int i = 0; i < 2; i++)
        if (slots->wake[i] >= 0)
            (void)close(slots->wake[i]);
    free(slots->slot);
    (void)pthread_mutex_destroy(&slots->lock);
    (void)pthread_cond_destroy(&slots->changed);
}

enum slot_state remote__state(struct remote_slots *slots, const struct remote_slot *slot)
{
    (void)pthread_mutex_lock(&slots->lock);
    const enum slot_state state = slot->state;
    (void)pthread_mutex_unlock(&slots->lock);
    return state;
}

void remote__start(struct remote_slots *slots, struct remote_slot *slot)
{
    (void)pthread_mutex_lock(&slots->lock);
    assert(slot->state == SLOT_IDLE || slot->state == SLOT_FETCHING);
    slot->state = SLOT_WORKING;
    (void)pthread_cond_broadcast(&slots->changed);
    (void)pthread_mutex_unlock(&slots->lock);
}

void remote__make_idle(struct remote_slots *slots, struct remote_slot *slot)
{
    (void)pthread_mutex_lock(&slots->lock);
    assert(slot->state != SLOT_WORKING);
    slot->state = SLOT_IDLE;
    (void)pthread_mutex_unlock(&slots->lock);
    slot->announced = false;
    free(slot->job);
    slot->job = NULL;
    slot->answer = (struct remote_answer){0};
}

void remote__heard(struct remote_slots *slots)
{
    char bytes[64];

    while (read(slots->wake[0], bytes, sizeof bytes) > 0)
        continue;
}
