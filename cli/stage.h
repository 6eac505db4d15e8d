/* cli/stage.h -- a command of this program run as a child process: a stage of a night.
 *
 * So a crash ends a stage and not the night, and each stage begins with memory of its own. What it
 * says goes into a log, whose last line tells why it failed. It dies with whoever runs it.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H
#include <stdatomic.h>

enum { STAGE_TEXT = 400 };

struct stage {
    char *const *argv;  /* the command and its arguments, ended by NULL: {"teach", STUDY} */
    const char *log;    /* begun anew */
    const char *sliver; /* not NULL: studies are slivers of themselves, kept in this folder */
    double seconds;     /* at most, then it is asked to stop; 0: any number */
    const atomic_int *stop;
};

enum stage_how {
    STAGE_DONE,
    STAGE_FAILED,  /* `text` has its last line, or the signal that ended it */
    STAGE_STOPPED, /* because *stop was set */
    STAGE_LATE     /* because its seconds were over */
};

struct stage_end {
    enum stage_how how;
    double seconds;
    char text[STAGE_TEXT]; /* "" unless it failed */
};

/* Asked to stop, it has a minute to do so. */
void stage_run(const struct stage *stage, struct stage_end *end);
#endif
