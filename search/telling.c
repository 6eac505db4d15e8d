/* search/telling.c -- what a search says while it runs, and waiting for room on its disk. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "search/outlet.h"
#include "search/run_internal.h"

#define ROOM_NS INT64_C(1000000000) /* between two looks whether there is room again */

/* Of the limits, the one that comes first. */
static double seconds_left(const struct run *run, double seconds, double rate)
{
    const struct search_options *o = run->options;
    double left = NAN;

    if (o->trials > 0 && rate > 0)
        left = fmax(0, (double)(o->trials - run->committed) / rate);
    if (o->hours > 0)
        left = fmin(left, fmax(0, o->hours * 3600 - seconds));
    return left;
}

void search__tell(struct run *run)
{
    const double seconds = (double)(rt_now_ns() - run->started_ns) * 1e-9;
    const double done = (double)(run->committed - run->committed_before);
    const double rate = seconds > 0 ? done / seconds : 0;
    struct search_progress *now = run->screen ? malloc(sizeof *now) : NULL;

    if (!now)
        return;
    *now = (struct search_progress){.committed = run->committed,
                                    .failed = run->failed,
                                    .running = run->running,
                                    .wanted = run->options->trials,
                                    .front_size = (int)run->front.count,
                                    .hypervolume = run->front.volume,
                                    .seconds = seconds,
                                    .trials_per_hour = rate * 3600,
                                    .seconds_left = seconds_left(run, seconds, rate)};
    memcpy(now->trouble, run->trouble, sizeof now->trouble);
    if (!now->trouble[0] && run->log && search__log_failure(run->log))
        snprintf(now->trouble, sizeof now->trouble, "lines are missing in the log '%.60s': %.60s",
                 run->options->log, search__log_failure(run->log));
    if (!now->trouble[0])
        memcpy(now->trouble, run->worry, sizeof now->trouble);
    search__outlet_put(run->screen, now);
}

static void log_line(struct run *run, const struct search__line *line)
{
    if (run->log)
        search__log(run->log, run->space, run->options, line);
}

void search__log_trial(struct run *run, const char *event, int64_t number, const double *objectives,
                       double seconds, const char *text)
{
    log_line(run, &(struct search__line){event, number, &run->proposer.archs[number], objectives,
                                         seconds, text});
}

void search__log_text(struct run *run, const char *event, const char *text)
{
    log_line(run,
             &(struct search__line){.event = event, .number = -1, .seconds = -1, .text = text});
}

bool search__wait_for_room(struct run *run)
{
    const struct timespec tick = {.tv_nsec = 50000000};
    const int64_t until = rt_now_ns() + ROOM_NS;

    if (!run->trouble[0]) {
        snprintf(run->trouble, sizeof run->trouble,
                 "the disk of '%.80s' is full; the search goes on when there is room",
                 store_path(run->store));
        search__tell(run);
    }
    store_make_room(run->store);
    while (atomic_load(run->stop) == 0 && rt_now_ns() < until)
        (void)nanosleep(&tick, NULL);
    return atomic_load(run->stop) == 0;
}

void search__room_again(struct run *run)
{
    if (run->trouble[0]) {
        run->trouble[0] = '\0';
        search__log_text(run, "search", "waited for room on the disk");
        search__tell(run);
    }
}
