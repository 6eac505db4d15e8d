/* base/process.c -- posix_spawn(), three pipes, and one poll() loop for all of them.
 *
 * A child may fill its error stream while we write to it, or stop reading while it writes to us:
 * whoever waits on one pipe alone hangs, hence one loop. pipe2() makes pipes that no other child
 * inherits, which pipe() and fcntl() cannot while other threads start children too: a stray copy of
 * an end would hide that its owner died. It and the change of folder are GNU's, hence the define.
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier) */
#include "base/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

extern char **environ;

/* ---- start ---- */

struct pipes {
    int in[2], out[2], err[2];
};

static void close_all(struct pipes *p)
{
    int *const ends[] = {p->in, p->out, p->err};

    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++)
            if (ends[i][k] >= 0)
                close(ends[i][k]);
}

static int open_all(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) == 0 && pipe2(p->out, O_CLOEXEC) == 0 &&
        pipe2(p->err, O_CLOEXEC) == 0)
        return 0;
    const int error = errno;
    close_all(p);
    return error;
}

/* The child gets the pipes as its streams, a group of its own, and no signal held or ignored. */
static int spawn(pid_t *pid, char *const *argv, const char *folder, const struct pipes *p)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error;

    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_addchdir_np(&files, folder);
    posix_spawn_file_actions_adddup2(&files, p->in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->err[1], STDERR_FILENO);
    error = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* A process that waits for the end of ours and kills the child's group then. It has to be another
 * one: who is killed kills nobody. Between fork() and _exit() it calls only what may be called while
 * other threads ran; it holds nothing of ours open, least of all locks. */
static void keep(struct rt_process *process)
{
    int ends[2];

    process->keeper = 0;
    if (!process->kept || pipe2(ends, O_CLOEXEC) != 0)
        return;
    process->keeper = fork();
    if (process->keeper == 0) {
        ssize_t said;
        char byte;
        (void)setsid(); /* out of reach of what is meant for our group */
        (void)dup2(ends[0], STDIN_FILENO);
        (void)close_range(STDIN_FILENO + 1, ~0U, 0);
        while ((said = read(STDIN_FILENO, &byte, 1)) < 0 && errno == EINTR)
            continue;
        if (said == 0)
            (void)kill(-process->pid, SIGKILL);
        _exit(0);
    }
    close(ends[0]);
    process->life = ends[1];
    if (process->keeper < 0) {
        close(process->life);
        process->keeper = 0;
    }
}

/* The child is gone. */
static void dismiss(struct rt_process *process)
{
    if (!process->keeper)
        return;
    (void)!write(process->life, "", 1);
    close(process->life);
    while (waitpid(process->keeper, NULL, 0) < 0 && errno == EINTR)
        continue;
    process->keeper = 0;
}

rt_status rt_process_start(struct rt_process *process, char *const *argv, const char *folder,
                           struct rt_err *err)
{
    struct pipes p;
    int error = open_all(&p);

    assert(!process->pid && argv[0] && folder);
    if (error)
        return rt_fail(err, RT_EIO, "cannot start '%.80s': %s", argv[0], strerror(error));
    error = spawn(&process->pid, argv, folder, &p);
    if (error) {
        process->pid = 0;
        close_all(&p);
        return rt_fail(err, RT_EIO, "cannot start '%.80s' in '%.160s': %s", argv[0], folder,
                       strerror(error));
    }
    close(p.in[0]);
    close(p.out[1]);
    close(p.err[1]);
    process->in = p.in[1];
    process->out = p.out[0];
    process->err = p.err[0];
    fcntl(process->in, F_SETFL, O_NONBLOCK);
    fcntl(process->out, F_SETFL, O_NONBLOCK);
    fcntl(process->err, F_SETFL, O_NONBLOCK);
    process->ended = process->answered = false;
    process->tail_used = 0;
    process->tail[0] = '\0';
    keep(process);
    return RT_OK;
}

/* ---- its standard error ---- */

static void keep_tail(struct rt_process *process, const char *text, size_t bytes)
{
    if (bytes > RT_PROCESS_TAIL) {
        text += bytes - RT_PROCESS_TAIL;
        bytes = RT_PROCESS_TAIL;
    }
    if (process->tail_used + bytes > RT_PROCESS_TAIL) {
        const size_t drop = process->tail_used + bytes - RT_PROCESS_TAIL;
        memmove(process->tail, process->tail + drop, process->tail_used - drop);
        process->tail_used -= drop;
    }
    assert(process->tail_used + bytes <= RT_PROCESS_TAIL);
    memcpy(process->tail + process->tail_used, text, bytes);
    process->tail_used += bytes;
    process->tail[process->tail_used] = '\0';
}

/* What is there now, but no more than a pipe holds, as some write faster than anyone reads; false
 * when the stream has ended. */
static bool read_tail(struct rt_process *process)
{
    char text[4096];
    ssize_t got = 1;

    for (int i = 0; i < 16 && (got = read(process->err, text, sizeof text)) > 0; i++)
        keep_tail(process, text, (size_t)got);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ---- end ---- */

/* Closes its standard input, which keeps its number until finish(). */
static void shutdown_input(struct rt_process *process)
{
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null < 0)
        return;
    dup3(null, process->in, O_CLOEXEC);
    close(null);
}

/* It alone: a child of its own may hold its pipes open for ever. */
static bool is_dead(const struct rt_process *process)
{
    siginfo_t ended = {.si_pid = 0};

    waitid(P_PID, (id_t)process->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    return ended.si_pid != 0;
}

/* Gives it so many milliseconds to end by itself; whatever is left of its group is killed. */
static int finish(struct rt_process *process, int patience)
{
    siginfo_t ended = {.si_pid = 0};
    int status = 0;

    if (!process->pid)
        return 0;
    for (; patience > 0 && ended.si_pid == 0; patience -= 10) {
        waitid(P_PID, (id_t)process->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
        if (ended.si_pid == 0)
            poll(NULL, 0, 10);
    }
    dismiss(process);
    kill(-process->pid, SIGKILL); /* its number is its own until it is waited for */
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    read_tail(process);
    close(process->in);
    close(process->out);
    close(process->err);
    process->pid = 0;
    return status;
}

int rt_process_kill(struct rt_process *process)
{
    return finish(process, process->ended ? 500 : 0);
}

void rt_process_release(struct rt_process *process)
{
    if (process->pid) { /* nothing more will be asked */
        shutdown_input(process);
        finish(process, 1000);
    }
    free(process->line);
    process->line = NULL;
    process->line_room = 0;
}

/* ---- running to its end ---- */

/* Reads what one stream has now; its number becomes -1 when it has ended. */
static void hear_stream(struct rt_process *process, int *fd, rt_process_hear *hear, void *context)
{
    char text[4096];
    ssize_t got = 1;

    for (int i = 0; i < 16 && (got = read(*fd, text, sizeof text)) > 0; i++) {
        keep_tail(process, text, (size_t)got);
        if (hear)
            hear(context, text, (size_t)got);
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        *fd = -1;
}

bool rt_process_ends(const struct rt_process *process, double seconds)
{
    const int64_t start = rt_now_ns();

    while (!is_dead(process)) {
        if ((double)(rt_now_ns() - start) * 1e-9 >= seconds)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

bool rt_process_wait(struct rt_process *process, double seconds, const atomic_int *stop,
                     rt_process_hear *hear, void *context, int *status)
{
    const int64_t start = rt_now_ns();
    int out = process->out, err = process->err;
    bool dead = false, stopped = false;

    assert(process->pid);
    shutdown_input(process);
    while (!dead && !stopped) {
        struct pollfd fds[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
        dead = is_dead(process); /* before its last words are read */
        poll(fds, 2, dead ? 0 : 100);
        if (out >= 0)
            hear_stream(process, &out, hear, context);
        if (err >= 0)
            hear_stream(process, &err, hear, context);
        stopped = !dead && ((stop && atomic_load(stop)) ||
                            (seconds > 0 && (double)(rt_now_ns() - start) * 1e-9 >= seconds));
    }
    *status = finish(process, 0);
    return !stopped;
}

const char *rt_process_last_line(struct rt_process *process)
{
    size_t end = strlen(process->tail);

    while (end > 0 && (unsigned char)process->tail[end - 1] <= ' ')
        process->tail[--end] = '\0';
    char *line = strrchr(process->tail, '\n');
    line = line ? line + 1 : process->tail;
    rt_text_plain(line);
    return line;
}

/* ---- talk ---- */

struct talk {
    struct rt_process *process;
    const char *left; /* of the request */
    size_t left_bytes;
    rt_answer_size *size;
    const void *of;
    size_t most;         /* bytes of an answer */
    int64_t deadline_ns; /* 0: none */
    const atomic_int *stop;
    int64_t work_ns, moved_ns; /* processor time of the child, and when it last grew */
};

/* Room for more of the answer and a NUL; false when it would be too long, or memory is gone. */
static bool grow(struct rt_process *process, size_t most)
{
    if (process->line_used + 1 < process->line_room)
        return true;
    const size_t room = process->line_room ? 2 * process->line_room : 4096;
    if (process->line_room > most)
        return false;
    char *line = realloc(process->line, room);
    if (!line)
        return false;
    process->line = line;
    process->line_room = room;
    return true;
}

/* Reads what is there; *said tells when that settles it. */
static bool hear(const struct talk *t, enum rt_said *said)
{
    struct rt_process *process = t->process;

    for (;;) {
        if (!grow(process, t->most)) {
            *said = RT_SAID_TOO_MUCH;
            return true;
        }
        const ssize_t got = read(process->out, process->line + process->line_used,
                                 process->line_room - process->line_used - 1);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (got <= 0) {
            process->ended = true;
            *said = RT_SAID_END;
            return true;
        }
        process->line_used += (size_t)got;
        if (t->size(t->of, process->line, process->line_used) <= process->line_used) {
            process->answered = true;
            *said = process->line_used > t->most ? RT_SAID_TOO_MUCH : RT_SAID_LINE;
            return true;
        }
    }
}

static void say(struct talk *t)
{
    const ssize_t sent = write(t->process->in, t->left, t->left_bytes);

    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        t->left_bytes = 0; /* it reads no more: its output will end, or the time */
    else if (sent > 0) {
        t->left += sent;
        t->left_bytes -= (size_t)sent;
    }
}

/* Milliseconds that may be slept: it looks for `stop` ten times a second. */
static int patience(const struct talk *t)
{
    const int64_t most = t->process->idle ? 5 : 100;
    const int64_t left = t->deadline_ns ? (t->deadline_ns - rt_now_ns()) / 1000000 + 1 : most;
    return left < 0 ? 0 : left < most ? (int)left : (int)most;
}

static void call_idle(struct talk *t)
{
    const int64_t before = rt_now_ns();

    t->process->idle(t->process->context, t->process->pid);
    const int64_t stood = rt_now_ns() - before;
    t->moved_ns += stood;
    t->deadline_ns += t->deadline_ns ? stood : 0;
}

/* Stopped, in a deadlock, or on a disk that does not answer: whatever works uses the processor. */
static bool is_hung(struct talk *t)
{
    const int64_t now = rt_now_ns();
    struct timespec used;
    clockid_t clock;

    if (t->process->stall <= 0 || clock_getcpuclockid(t->process->pid, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return false;
    const int64_t work = (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
    if (work != t->work_ns) {
        t->work_ns = work;
        t->moved_ns = now;
    }
    return (double)(now - t->moved_ns) > t->process->stall * 1e9;
}

enum rt_said rt_process_exchange(struct rt_process *process, const void *request, size_t bytes,
                                 rt_answer_size *size, const void *of, size_t most, double seconds,
                                 const atomic_int *stop, char **said, size_t *used)
{
    struct talk t = {process, request, bytes, size, of, most, 0, stop, -1, 0};
    bool has_err = true;
    enum rt_said how;

    assert(process->pid && bytes > 0);
    if (seconds > 0)
        t.deadline_ns = rt_now_ns() + (int64_t)(seconds * 1e9);
    process->line_used = 0;
    for (;;) {
        struct pollfd fds[] = {{process->out, POLLIN, 0},
                               {has_err ? process->err : -1, POLLIN, 0},
                               {t.left_bytes > 0 ? process->in : -1, POLLOUT, 0}};
        if (atomic_load(stop))
            return RT_SAID_STOP;
        if (t.deadline_ns && rt_now_ns() >= t.deadline_ns)
            return RT_SAID_LATE;
        if (process->idle)
            call_idle(&t);
        if (is_hung(&t))
            return RT_SAID_HUNG;
        const bool dead = is_dead(process); /* before its last words are read */
        poll(fds, 3, dead ? 0 : patience(&t));
        if (fds[2].revents)
            say(&t);
        if (fds[1].revents)
            has_err = read_tail(process);
        if (fds[0].revents && hear(&t, &how)) {
            *said = process->line;
            *used = process->line_used;
            return how;
        }
        if (dead) {
            process->ended = true;
            return RT_SAID_END;
        }
    }
}

static size_t line_size(const void *of, const char *said, size_t used)
{
    (void)of;
    return memchr(said, '\n', used) ? used : used + 1;
}

enum rt_said rt_process_ask(struct rt_process *process, const char *request, double seconds,
                            const atomic_int *stop, char **line)
{
    size_t used;

    assert(request[0] && request[strlen(request) - 1] == '\n');
    const enum rt_said said =
        rt_process_exchange(process, request, strlen(request), line_size, NULL, 2 * RT_LINE_MAX,
                            seconds, stop, line, &used);
    if (said != RT_SAID_LINE)
        return said;
    char *end = memchr(*line, '\n', used);
    assert(end);
    *end = '\0';
    return (size_t)(end - *line) > RT_LINE_MAX ? RT_SAID_TOO_MUCH : RT_SAID_LINE;
}
