/* cli/room.c -- see room.h. */
#include "cli/room.h"

#include <assert.h>

static const double mib = 1 << 20;

rt_status room_open(struct room *room, double bytes, size_t least, struct rt_err *err)
{
    if ((double)least > bytes)
        return rt_fail(err, RT_ENOMEM,
                       "the smallest student's trial needs %.1f MiB beside the data, and this "
                       "process may take %.1f more; allow it more (ulimit -v, the container's "
                       "limit), or lower distill.micro_batch",
                       (double)least / mib, bytes / mib);
    *room = (struct room){.all = bytes};
    (void)pthread_mutex_init(&room->lock, NULL);
    (void)pthread_cond_init(&room->given, NULL);
    return RT_OK;
}

void room_close(struct room *room)
{
    assert(room->taken == 0);
    (void)pthread_cond_destroy(&room->given);
    (void)pthread_mutex_destroy(&room->lock);
}

void room_take(struct room *room, size_t bytes)
{
    (void)pthread_mutex_lock(&room->lock);
    while (room->taken > 0 && room->taken + (double)bytes > room->all)
        (void)pthread_cond_wait(&room->given, &room->lock);
    room->taken += (double)bytes;
    (void)pthread_mutex_unlock(&room->lock);
}

void room_give(struct room *room, size_t bytes)
{
    (void)pthread_mutex_lock(&room->lock);
    room->taken -= (double)bytes;
    (void)pthread_cond_broadcast(&room->given);
    (void)pthread_mutex_unlock(&room->lock);
}
