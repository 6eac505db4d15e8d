/* cli/meter.h -- a line on stderr that shows how a training run goes: redrawn on a terminal,
 * otherwise one a tenth of the way.
 */
#ifndef CLI_METER_H
#define CLI_METER_H

#include <stdbool.h>

struct meter {
    const char *name; /* of what is being trained */
    bool various;     /* not always optimiser steps: rows that are asked, blocks that are kept */
    double last;      /* when it was drawn, in seconds */
    int tenth;
    double start;   /* of what is timed, at the step that was told first; 0: nothing yet */
    int from, step; /* that one, and the one told last */
};
/* For struct tr_training.progress; steps at least 1. Whose steps begin anew is another run. */
void meter_step(void *meter, int step, int steps);
/* The same with a teacher's name, for struct tr_teaching.progress. */
void meter_teacher(void *meter, const char *name, int step, int steps);
#endif
