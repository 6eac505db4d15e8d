/* cli/smoke.c -- see smoke.h. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include "cli/smoke.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/after.h"
#include "cli/command.h"
#include "cli/stage.h"
#include "cli/study.h"

/* ---- stages ---- */

struct smoke {
    const char *study;
    char folder[64], db[80], log[80];
    const atomic_int *stop;
};

static int stage(const struct smoke *smoke, const char *what, char *const *argv)
{
    struct stage_end end;

    stage_run(
        &(struct stage){
            .argv = argv, .log = smoke->log, .sliver = smoke->folder, .stop = smoke->stop},
        &end);
    if (*smoke->stop)
        return command_stopped();
    (void)printf("%-5s %-8s %6.1f s%s%s\n", end.how == STAGE_DONE ? "ok" : "FAIL", what,
                 end.seconds, end.text[0] ? "  " : "", end.text);
    return end.how == STAGE_DONE ? COMMAND_DONE : COMMAND_FAILED;
}

/* All formats that `after:` names, and ONNX where it names none and there may be such a student. */
static int exports(const struct smoke *s, const struct study *study, const char *weights)
{
    static const int onnx = STUDY_ONNX;
    const struct study_after *after = &study->after;
    const bool named = after->export_count > 0;
    const int count = named ? after->export_count : !study_task_of(study)->kind->answers;
    int code = COMMAND_DONE;

    for (int i = 0; i < count && code == COMMAND_DONE; i++) {
        struct after_export e;
        after_export_words(&e, weights, named ? after->export[i] : onnx, NULL);
        code = stage(s, "export", e.argv);
    }
    return code;
}

static int stages(struct smoke *s, const struct study *whole)
{
    enum { most_words = 10 };
    const bool own = whole->own != NULL, confirmed = whole->after.controls >= 0;
    char study[RT_PATH_MAX], page[96], weights[96];
    const struct {
        const char *what;
        bool run;
        char *argv[most_words];
    } list[] = {
        {"teachers", !own, {"teach", study}},
        {"trials", true, {"search", study}},
        {"front", true, {"front", s->db}},
        {"confirm", confirmed, {"confirm", s->db, "--controls", "0", "--seconds", "0"}},
        {"distill", !own, {"distill", s->db, "--suggested", "-o", weights}},
        {"report", true, {"report", s->db, "-o", page}},
    };
    int code = COMMAND_DONE;

    (void)snprintf(study, sizeof study, "%s", s->study);
    (void)snprintf(page, sizeof page, "%s/page.html", s->folder);
    (void)snprintf(weights, sizeof weights, "%s/student.safetensors", s->folder);
    for (size_t i = 0; i < sizeof list / sizeof *list && code == COMMAND_DONE; i++)
        if (list[i].run)
            code = stage(s, list[i].what, list[i].argv);
    return code == COMMAND_DONE && !own ? exports(s, whole, weights) : code;
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
    if (snprintf(smoke.folder, sizeof smoke.folder, "%s/retort-smoke-XXXXXX",
                 parent && parent[0] ? parent : "/tmp") >= (int)sizeof smoke.folder ||
        !mkdtemp(smoke.folder)) {
        (void)rt_fail(&err, RT_EIO, "cannot make a temporary folder in '%.200s'; set TMPDIR",
                      parent && parent[0] ? parent : "/tmp");
        study_release(&study);
        return command_failed("search", &err);
    }
    (void)snprintf(smoke.db, sizeof smoke.db, "%s/smoke.db", smoke.folder);
    (void)snprintf(smoke.log, sizeof smoke.log, "%s/log", smoke.folder);
    const int code = stages(&smoke, &study);
    study_release(&study);
    (void)nftw(smoke.folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
