/* cli/stage.c -- see stage.h. */
#include "cli/stage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/sliver.h"

/* The file that runs now, also when another one, of a later build, has taken its place. */
static const char itself[] = "/proc/self/exe";

enum { most_words = 16, patience = 60, look_ms = 20 };

/* ---- in the child ---- */

static _Noreturn void run_here(const struct stage *stage)
{
    int argc = 0;

    while (stage->argv[argc])
        argc++;
    sliver_begin(stage->sliver);
    optind = 0;
    const int code = command_find(stage->argv[0])->run(argc, (char **)stage->argv);
    (void)fflush(NULL);
    _exit(code);
}

/* Only what may be called after fork() while there were threads, unless it is a sliver's, which is
 * begun before there are any. A group of its own keeps Ctrl-C from reaching it twice. */
static _Noreturn void become(const struct stage *stage, char *const *argv, pid_t parent)
{
    const int log = open(stage->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    (void)setpgid(0, 0);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(COMMAND_FAILED);
    if (stage->sliver)
        run_here(stage);
    (void)execv(itself, argv);
    _exit(COMMAND_FAILED);
}

/* ---- and beside it ---- */

/* Until it ends; *how tells why it was asked to. */
static int wait_for(pid_t child, const struct stage *stage, int64_t start, enum stage_how *how)
{
    int64_t asked = 0;
    int status = 0;

    for (pid_t ended = 0; (ended = waitpid(child, &status, WNOHANG)) != child;) {
        const int64_t now = rt_now_ns();
        const bool late = stage->seconds > 0 && (double)(now - start) * 1e-9 >= stage->seconds;
        if (ended < 0 && errno != EINTR)
            return 1 << 8;
        if (!asked && (*stage->stop || late)) {
            *how = *stage->stop ? STAGE_STOPPED : STAGE_LATE;
            (void)kill(child, *stage->stop ? *stage->stop : SIGTERM);
            asked = now;
        } else if (asked && now - asked > INT64_C(1000000000) * patience)
            (void)kill(child, SIGKILL);
        (void)poll(NULL, 0, look_ms);
    }
    return status;
}

/* The last line that says anything; of a line that was drawn over and over, what was drawn last. */
static void last_line(const char *path, char text[STAGE_TEXT])
{
    char line[STAGE_TEXT];
    FILE *file = fopen(path, "r");

    (void)snprintf(text, STAGE_TEXT, "it said nothing");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        const char *from = strrchr(line, '\r');
        from = from ? from + 1 : line;
        if (*from)
            memmove(text, from, strlen(from) + 1);
    }
    if (file)
        (void)fclose(file);
    rt_text_plain(text);
}

static void say_failure(const struct stage *stage, int status, char text[STAGE_TEXT])
{
    char line[STAGE_TEXT];

    last_line(stage->log, line);
    if (WIFSIGNALED(status))
        (void)snprintf(text, STAGE_TEXT, "signal %d (%s); it said last: %.300s", WTERMSIG(status),
                       strsignal(WTERMSIG(status)), line);
    else
        memcpy(text, line, sizeof line);
}

void stage_run(const struct stage *stage, struct stage_end *end)
{
    const int64_t start = rt_now_ns();
    const pid_t parent = getpid();
    char name[] = "retort", *argv[most_words + 2] = {name};

    assert(stage->argv[0] && command_find(stage->argv[0]) && stage->stop);
    for (int i = 0; i < most_words && stage->argv[i]; i++)
        argv[i + 1] = stage->argv[i];
    *end = (struct stage_end){.how = STAGE_DONE};
    (void)fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        become(stage, argv, parent);
    const int status = child > 0 ? wait_for(child, stage, start, &end->how) : 1 << 8;
    end->seconds = (double)(rt_now_ns() - start) * 1e-9;
    if (status == 0)
        end->how = STAGE_DONE; /* also when it was asked to stop and had just ended */
    else if (end->how == STAGE_DONE)
        end->how = STAGE_FAILED;
    if (end->how == STAGE_FAILED)
        say_failure(stage, status, end->text);
}
