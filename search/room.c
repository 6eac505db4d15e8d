/* search/room.c -- a disk that is full is waited for. */
#include <time.h>

#include "base/clock.h"
#include "search/search_internal.h"

bool search__wait_for_room(const atomic_int *stop)
{
    const struct timespec tick = {.tv_nsec = 50000000};
    const int64_t until = rt_now_ns() + SEARCH_ROOM_NS;

    while (atomic_load(stop) == 0 && rt_now_ns() < until)
        (void)nanosleep(&tick, NULL);
    return atomic_load(stop) == 0;
}
