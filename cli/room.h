/* cli/room.h -- memory that workers share: a trial takes its bytes before it starts, and waits while
 * others have them.
 *
 * Bytes are known before a trial starts (trainer/measure/trial.h), so what runs side by side never
 * takes more than there is. Waiting changes when a trial runs, not what comes of it.
 * Threads  any; nobody waits who holds bytes already, so somebody always goes on.
 */
#ifndef CLI_ROOM_H
#define CLI_ROOM_H
#include <pthread.h>
#include <stddef.h>

#include "base/status.h"

struct room {
    pthread_mutex_t lock;
    pthread_cond_t given; /* back */
    double all, taken;    /* bytes */
};

/* RT_ENOMEM when not even the least that anybody will take is there. */
rt_status room_open(struct room *room, double bytes, size_t least, struct rt_err *err);
void room_close(struct room *room);
/* What is more than all of it is taken when nobody else holds any: whether that works is up to the
 * system, and not to how much this process happened to hold when it began. */
void room_take(struct room *room, size_t bytes);
void room_give(struct room *room, size_t bytes);
#endif
