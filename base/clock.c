/* base/clock.c -- three clocks of POSIX; UTC alone may jump, so nothing is measured with it. */
#include "base/clock.h"

#include <math.h>
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

static int number(const char *digits, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++)
        value = 10 * value + digits[i] - '0';
    return value;
}

/* From 1970-01-01 on in the Gregorian calendar. A year that begins in March has its odd day at its end, and
 * 153 days in five months. */
static int64_t days_until(int year, int month, int day)
{
    const int64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

double rt_utc_seconds(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";

    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return NAN;
    const int month = number(text + 5, 2), day = number(text + 8, 2), hour = number(text + 11, 2);
    const int minute = number(text + 14, 2), second = number(text + 17, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return NAN;
    const int of_day = (hour * 60 + minute) * 60 + second;
    return (double)(days_until(number(text, 4), month, day) * 86400 + of_day) +
           number(text + 20, 3) / 1000.;
}
