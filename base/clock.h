/* base/clock.h -- time: monotonic nanoseconds to measure with, UTC text to record. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdint.h>

#define RT_UTC_TEXT 25 /* "2026-11-24T04:16:22.123Z" and the NUL */

int64_t rt_now_ns(void);        /* CLOCK_MONOTONIC */
int64_t rt_thread_cpu_ns(void); /* CPU time of the calling thread */
void rt_utc_text(char text[RT_UTC_TEXT]);
/* Seconds since 1970 of such a text; NaN for any other. */
double rt_utc_seconds(const char *text);
#endif
