/* base/process.h -- a child process that is talked to in lines or in frames of bytes, or runs to its end.
 *
 * The child has its own process group, which is killed as a whole; it reads its standard
 * input, answers on its standard output, and what it says on its standard error is read along, the
 * last of it being kept for messages. A child that talks learns from the end of its input that we are
 * gone, even by kill -9; one that is `kept` is killed then, group and all.
 * Threads  one process is used by one thread; several may be started at once.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

#define RT_LINE_MAX ((size_t)1 << 20) /* bytes of a line */
#define RT_PROCESS_TAIL 2048          /* bytes of standard error that are kept */

struct rt_process {
    bool kept;    /* set before it is started: dies with us */
    double stall; /* set before it is asked: seconds without processor time after which it is taken
                   * for hung; 0: never */
    pid_t pid;    /* 0: none is running */
    pid_t keeper; /* a process that sees to that, and our end of what it listens to */
    int life;
    int in, out, err; /* our ends of its three streams */
    bool ended;       /* it closed its output */
    bool answered;    /* it has said a line since its start */
    char *line;       /* what it said, not all of it read yet; owned */
    size_t line_used, line_room;
    char tail[RT_PROCESS_TAIL + 1]; /* of its standard error, NUL-terminated */
    size_t tail_used;
    /* Called every few milliseconds while an answer is awaited; NULL: never. What it takes counts for
     * no time limit. It and its context stay from start to start. */
    void (*idle)(void *context, pid_t group);
    void *context;
};

/* Runs argv (NULL at its end; found by PATH) in a folder. RT_EIO says why it cannot be started. */
rt_status rt_process_start(struct rt_process *process, char *const *argv, const char *folder,
                           struct rt_err *err);
/* Kills the group, if one is running; returns its wait status: its own when it had ended by itself,
 * or 0. */
int rt_process_kill(struct rt_process *process);
/* Ends its input, kills it when it does not end then, and frees what it holds. */
void rt_process_release(struct rt_process *process);
/* The last line of the tail that says something, without control characters; "": none. */
const char *rt_process_last_line(struct rt_process *process);

/* Gets what a child writes, on either stream, as it comes. */
typedef void rt_process_hear(void *context, const char *text, size_t bytes);

/* Has it ended by itself within so many seconds, unasked? It is waited for later, all the same. */
bool rt_process_ends(const struct rt_process *process, double seconds);
/* Ends its input and waits for its end, `seconds` at most (0: however long it takes); what it writes on
 * both streams goes to `hear` (may be NULL) and its tail. Its wait status goes to *status. False, and it
 * is killed, when the time was over or `stop` was set meanwhile (may be NULL). */
bool rt_process_wait(struct rt_process *process, double seconds, const atomic_int *stop,
                     rt_process_hear *hear, void *context, int *status);

enum rt_said {
    RT_SAID_LINE,     /* *line has it, without its end; valid until the next call */
    RT_SAID_END,      /* it closed its output, or died */
    RT_SAID_LATE,     /* not within the time */
    RT_SAID_HUNG,     /* it used no processor time for too long */
    RT_SAID_TOO_MUCH, /* more than an answer may have */
    RT_SAID_STOP      /* `stop` was set meanwhile */
};

/* Sends one line (which ends in a newline) and waits for one in return, `seconds` at most (0: for
 * ever). */
enum rt_said rt_process_ask(struct rt_process *process, const char *request, double seconds,
                            const atomic_int *stop, char **line);

/* How many bytes an answer has, by the first `used` of it, at least 1; more than `used`: so many must
 * come first. `of` is what the caller gave along. */
typedef size_t rt_answer_size(const void *of, const char *said, size_t used);

/* The same in bytes: sends `bytes` of them, and waits for an answer that is whole by `size`; RT_SAID_LINE
 * then, and *said has *used bytes, which are more than asked for when the child said more. At most
 * `most` bytes. */
enum rt_said rt_process_exchange(struct rt_process *process, const void *request, size_t bytes,
                                 rt_answer_size *size, const void *of, size_t most, double seconds,
                                 const atomic_int *stop, char **said, size_t *used);
#endif
