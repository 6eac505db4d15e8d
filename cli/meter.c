/* cli/meter.c -- no more than five lines a second on a terminal, eleven in a log. */
#include "cli/meter.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "trainer/teachers/teachers.h"

/* ", 12 s left", where there is some and two steps were told. */
static void say_left(const struct meter *meter, int steps, double now, char text[32])
{
    const int gone = meter->step - meter->from;

    text[0] = '\0';
    if (gone && meter->step < steps)
        (void)snprintf(text, 32, ", %.0f s left",
                       (now - meter->start) * (steps - meter->step) / gone);
}

void meter_step(void *context, int step, int steps)
{
    struct meter *meter = context;
    const double now = (double)rt_now_ns() * 1e-9;
    const bool terminal = isatty(STDERR_FILENO), done = step == steps;
    char left[32];

    assert(step >= 0 && step <= steps && steps > 0);
    const int tenth = (int)(10LL * step / steps);

    if (meter->start == 0 || step < meter->step) {
        meter->start = now;
        meter->from = step;
        meter->tenth = 0;
    }
    meter->step = step;
    if (terminal ? !done && now - meter->last < .2 : tenth == meter->tenth)
        return;
    meter->last = now;
    meter->tenth = tenth;
    say_left(meter, steps, now, left);
    (void)fprintf(stderr, "%s%s: %s%d of %d%s%s", terminal ? "\r" : "", meter->name,
                  meter->various ? "" : "step ", step, steps, left, terminal ? "\033[K" : "\n");
    if (terminal && done)
        (void)fputs("\n", stderr);
    if (done)
        meter->start = 0;
}

void meter_teacher(void *context, const char *name, int step, int steps)
{
    struct meter *meter = context;
    char text[TR_TEACHER_NAME + 16];

    (void)snprintf(text, sizeof text, "teacher '%s'", name);
    meter->name = text;
    meter->various = true;
    meter_step(meter, step, steps);
}
