/* search/process.h -- a child process that is talked to in lines.
 *
 * The child has its own process group, which is killed as a whole; it reads lines on its standard
 * input, answers on its standard output, and what it says on its standard error is read along, the
 * last of it being kept for messages.
 * Threads  one process is used by one thread; several may be started at once.
 */
#ifndef SEARCH_PROCESS_H
#define SEARCH_PROCESS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

#define SEARCH_LINE_MAX ((size_t)1 << 20) /* bytes of an answer */
#define SEARCH_TAIL 2048                  /* bytes of standard error that are kept */

struct search_process {
    pid_t pid;        /* 0: none is running */
    int in, out, err; /* our ends of its three streams */
    bool ended;       /* it closed its output */
    bool answered;    /* it has said a line since its start */
    char *line;       /* what it said, not all of it read yet; owned */
    size_t line_used, line_room;
    char tail[SEARCH_TAIL + 1]; /* of its standard error, NUL-terminated */
    size_t tail_used;
};

/* Runs argv (NULL at its end; found by PATH) in a folder. RT_EIO says why it cannot be started. */
rt_status search_process_start(struct search_process *process, char *const *argv,
                               const char *folder, struct rt_err *err);
/* Kills the group, if one is running; returns its wait status: its own when it had ended by itself,
 * or 0. */
int search_process_kill(struct search_process *process);
/* Ends its input, kills it when it does not end then, and frees what it holds. */
void search_process_release(struct search_process *process);

enum search_said {
    SEARCH_SAID_LINE,     /* *line has it, without its end; valid until the next call */
    SEARCH_SAID_END,      /* it closed its output, or died */
    SEARCH_SAID_LATE,     /* not within the time */
    SEARCH_SAID_TOO_MUCH, /* more than SEARCH_LINE_MAX in one line */
    SEARCH_SAID_STOP      /* `stop` was set meanwhile */
};

/* Sends one line (which ends in a newline) and waits for one in return, `seconds` at most (0: for
 * ever). */
enum search_said search_process_ask(struct search_process *process, const char *request,
                                    double seconds, const atomic_int *stop, char **line);
#endif
