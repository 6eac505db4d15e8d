/* cli/meter.c -- no more than five lines a second on a terminal, eleven in a log. */
#include "cli/meter.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/teachers/teachers.h"

void meter_step(void *context, int step, int steps)
{
    struct meter *meter = context;
    const double now = (double)rt_now_ns() * 1e-9;
    const bool terminal = isatty(STDERR_FILENO), done = step == steps;

    assert(step >= 0 && step <= steps && steps > 0);
    const int tenth = (int)(10LL * step / steps);

    if (step <= 1) {
        meter->start = now;
        meter->tenth = 0;
    }
    if (terminal ? !done && now - meter->last < .2 : tenth == meter->tenth)
        return;
    meter->last = now;
    meter->tenth = tenth;
    (void)fprintf(stderr, "%s%s: step %d of %d, %.0f s left%s", terminal ? "\r" : "", meter->name,
                  step, steps, step ? (now - meter->start) * (steps - step) / step : 0.0,
                  terminal ? "\033[K" : "\n");
    if (terminal && done)
        (void)fputs("\n", stderr);
}

void meter_teacher(void *context, const char *name, int step, int steps)
{
    struct meter *meter = context;
    char text[TR_TEACHER_NAME + 16];

    (void)snprintf(text, sizeof text, "teacher '%s'", name);
    meter->name = text;
    meter_step(meter, step, steps);
}
