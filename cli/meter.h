/* cli/meter.h -- a line on stderr that shows how a training run goes: redrawn on a terminal,
 * otherwise one a tenth of the way.
 */
#ifndef CLI_METER_H
#define CLI_METER_H

struct meter {
    const char *name; /* of what is being trained */
    double last;      /* when it was drawn, in seconds */
    int tenth;
    double start;
};
/* For struct tr_training.progress; steps at least 1. */
void meter_step(void *meter, int step, int steps);
/* The same with a teacher's name, for struct tr_teaching.progress. */
void meter_teacher(void *meter, const char *name, int step, int steps);
#endif
