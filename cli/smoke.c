/* cli/smoke.c -- see smoke.h. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include "cli/smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/sliver.h"
#include "cli/study.h"

enum { line_bytes = 400 };

/* ---- stages ---- */

struct smoke {
    const char *study;
    char folder[64], db[80], log[80];
    const atomic_int *stop;
};

/* In the child: all that the command says goes into the log. */
static _Noreturn void become(const struct smoke *smoke, int argc, char **argv)
{
    const int log = open(smoke->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(COMMAND_FAILED);
    sliver_begin(smoke->folder);
    optind = 0;
    const int code = command_find(argv[0])->run(argc, argv);
    (void)fflush(NULL);
    _exit(code);
}

/* Hands a signal on that this process got alone. */
static int wait_for(pid_t child, const atomic_int *stop)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        if (*stop)
            (void)kill(child, *stop);
    return status;
}

/* The last line that says anything. */
static void last_line(const char *path, char text[line_bytes])
{
    char line[line_bytes];
    FILE *file = fopen(path, "r");

    (void)snprintf(text, line_bytes, "it said nothing");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            (void)snprintf(text, line_bytes, "%s", line);
    }
    if (file)
        (void)fclose(file);
}

static int stage(const struct smoke *smoke, const char *what, int argc, char **argv)
{
    const int64_t start = rt_now_ns();
    char text[line_bytes];

    (void)fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        become(smoke, argc, argv);
    const int status = child > 0 ? wait_for(child, smoke->stop) : 1 << 8;
    if (*smoke->stop)
        return command_stopped();
    const double seconds = (double)(rt_now_ns() - start) * 1e-9;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        (void)printf("ok    %-8s %6.1f s\n", what, seconds);
        return COMMAND_DONE;
    }
    last_line(smoke->log, text);
    if (WIFSIGNALED(status))
        (void)printf("FAIL  %-8s %6.1f s  signal %d (%s); it said last: %s\n", what, seconds,
                     WTERMSIG(status), strsignal(WTERMSIG(status)), text);
    else
        (void)printf("FAIL  %-8s %6.1f s  %s\n", what, seconds, text);
    return COMMAND_FAILED;
}

enum { most_words = 6 };

static int stages(struct smoke *s, bool own)
{
    char study[RT_PATH_MAX], page[96], weights[96], onnx[96];
    struct {
        const char *what;
        bool trained; /* of students that are trained here */
        char *argv[most_words];
    } const list[] = {
        {"teachers", true, {"teach", study}},
        {"trials", false, {"search", study}},
        {"front", false, {"front", s->db}},
        {"report", false, {"report", s->db, "-o", page}},
        {"distill", true, {"distill", s->db, "--suggested", "-o", weights}},
        {"export", true, {"export", weights, "-o", onnx}},
    };
    int code = COMMAND_DONE;

    (void)snprintf(study, sizeof study, "%s", s->study);
    (void)snprintf(page, sizeof page, "%s/page.html", s->folder);
    (void)snprintf(weights, sizeof weights, "%s/student.safetensors", s->folder);
    (void)snprintf(onnx, sizeof onnx, "%s/student.onnx", s->folder);
    for (size_t i = 0; i < sizeof list / sizeof *list && code == COMMAND_DONE; i++) {
        char *argv[most_words + 1] = {0};
        int argc = 0;
        while (argc < most_words && (argv[argc] = list[i].argv[argc]))
            argc++;
        if (!list[i].trained || !own)
            code = stage(s, list[i].what, argc, argv);
    }
    return code;
}

/* ---- the whole ---- */

static int drop(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

int smoke_run(const char *path)
{
    const char *parent = getenv("TMPDIR");
    struct smoke smoke = {.study = path, .stop = command_catch_signals()};
    struct study study;
    struct rt_err err;

    if (study_load(path, &study, &err))
        return command_failed("search", &err);
    const bool own = study.own != NULL;
    study_release(&study);
    if (snprintf(smoke.folder, sizeof smoke.folder, "%s/retort-smoke-XXXXXX",
                 parent && parent[0] ? parent : "/tmp") >= (int)sizeof smoke.folder ||
        !mkdtemp(smoke.folder)) {
        (void)rt_fail(&err, RT_EIO, "cannot make a temporary folder in '%.200s'; set TMPDIR",
                      parent && parent[0] ? parent : "/tmp");
        return command_failed("search", &err);
    }
    (void)snprintf(smoke.db, sizeof smoke.db, "%s/smoke.db", smoke.folder);
    (void)snprintf(smoke.log, sizeof smoke.log, "%s/log", smoke.folder);
    const int code = stages(&smoke, own);
    (void)nftw(smoke.folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
