/* base/clock.c -- three clocks of POSIX; UTC alone may jump, so nothing is measured with it. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t rt_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t rt_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void rt_utc_text(char text[RT_UTC_TEXT])
{
    struct timespec t;
    struct tm day;
    char seconds[24];

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &day);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &day);
    snprintf(text, RT_UTC_TEXT, "%.19s.%03dZ", seconds, (int)(t.tv_nsec / 1000000));
}
