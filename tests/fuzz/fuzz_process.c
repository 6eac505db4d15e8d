/* Whatever a child says is cut into lines that are none, or lines without an end in them; what it says on
 * its error stream has a last line that can be printed. The input's first two bytes say how many of the
 * rest come on the error stream; what is left is the output, and its lines are taken as answers. */
#define _GNU_SOURCE /* pipe2() */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/process.h"
#include "search/protocol.h"

enum { MOST = 60000 }; /* a pipe holds 65536 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A child that is asked whether it lives; it says nothing itself. */
static pid_t child(void)
{
    static pid_t pid;

    if (pid)
        return pid;
    pid = fork();
    if (pid < 0)
        abort();
    while (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
    }
    return pid;
}

/* The end that reads what was said, and then its end. */
static int said(const uint8_t *data, size_t size)
{
    int ends[2];

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) || write(ends[1], data, size) != (ssize_t)size)
        abort();
    close(ends[1]);
    return ends[0];
}

static void take(char *line, int64_t number)
{
    struct store_result result = {.status = RT_OK};

    if (strchr(line, '\n') || strlen(line) > RT_LINE_MAX)
        abort();
    if (search_protocol_answer(line, number, &result) != RT_OK && !result.error[0])
        abort();
    store_result_release(&result);
}

static void check_last(struct rt_process *process)
{
    const char *last = rt_process_last_line(process);

    for (const char *c = last; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const atomic_int stop;
    struct rt_process process = {.pid = child()};
    int nobody[2];
    char *line;

    if (size < 2 || size > MOST)
        return 0;
    const size_t rest = size - 2, errors = (data[0] | (size_t)data[1] << 8) % (rest + 1);
    if (pipe2(nobody, O_NONBLOCK | O_CLOEXEC))
        abort();
    process.in = nobody[1];
    process.err = said(data + 2, errors);
    process.out = said(data + 2 + errors, rest - errors);
    for (int64_t n = 0; n < 4; n++) {
        const enum rt_said how = rt_process_ask(&process, "{}\n", 5, &stop, &line);
        if (how == RT_SAID_LINE)
            take(line, n);
        else if (how == RT_SAID_LATE || how == RT_SAID_STOP)
            abort();
        else
            break;
    }
    check_last(&process);
    close(process.err);
    close(process.out);
    close(nobody[0]);
    close(nobody[1]);
    free(process.line);
    return 0;
}
