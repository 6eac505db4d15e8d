/* cli/after.c -- see after.h. */
#include "cli/after.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/checkpoints.h"
#include "cli/command.h"
#include "cli/stage.h"
#include "reports/report.h"
#include "store/afterwards.h"

enum { most_basis = 96, most_words = 14 };

struct after {
    const struct study *study;
    const struct after_wishes *wishes;
    char folder[RT_PATH_MAX];
    char full[RT_HASH_TEXT]; /* of the full recipe */
    int64_t start_ns;
    int done, failed;
    bool over; /* stopped, or out of time */
};

/* A stage before it is run. */
struct step {
    const char *name, *what; /* as in struct store_stage */
    char basis[most_basis];
    const char *makes; /* a file that is there when it was done; "": none */
    char log[RT_PATH_MAX];
    char *const *argv;
};

/* ---- one stage ---- */

static rt_status was_done(const struct after *after, const struct step *step, bool *done,
                          struct rt_err *err)
{
    struct store *store;

    RT_TRY(store_open(after->wishes->db, STORE_READ, NULL, &store, err));
    const rt_status rc = store_stage_is_done(store, step->name, step->what, step->basis, done, err);
    store_close(store);
    *done = *done && (!step->makes[0] || access(step->makes, F_OK) == 0);
    return rc;
}

static rt_status record(const struct after *after, const struct step *step,
                        const struct stage_end *end, struct rt_err *err)
{
    const struct store_stage row = {.name = step->name,
                                    .what = step->what,
                                    .basis = step->basis,
                                    .done = end->how == STAGE_DONE,
                                    .seconds = end->seconds,
                                    .message = end->text};
    struct store *store;
    bool told = false;
    rt_status rc;

    RT_TRY(store_open(after->wishes->db, STORE_APPEND, NULL, &store, err));
    while ((rc = store_stage(store, &row, err)) == RT_EFULL &&
           command_wait_for_room("search", err, after->wishes->stop, &told))
        continue;
    store_close(store);
    return rc;
}

static double seconds_left(const struct after *after)
{
    const double hours = after->study->after.hours;
    const double gone = (double)(rt_now_ns() - after->start_ns) * 1e-9;

    return hours > 0 ? 3600 * hours - gone : 1e12;
}

static void tell(const struct step *step, const struct stage_end *end)
{
    static const char *const words[] = {[STAGE_DONE] = "ok",
                                        [STAGE_FAILED] = "FAIL",
                                        [STAGE_STOPPED] = "stopped",
                                        [STAGE_LATE] = "out of time"};

    (void)printf("after: %s%s%s: %s, %.1f s%s%s\n", step->name, step->what[0] ? " " : "",
                 step->what, words[end->how], end->seconds, end->text[0] ? ": " : "", end->text);
    (void)fflush(stdout);
}

/* *done: it is now, or was before. */
static rt_status run_step(struct after *after, struct step *step, bool *done, struct rt_err *err)
{
    struct stage_end end;

    RT_TRY(was_done(after, step, done, err));
    if (*done || after->over)
        return RT_OK;
    if (*after->wishes->stop || seconds_left(after) <= 0) {
        after->over = true;
        return RT_OK;
    }
    (void)fprintf(stderr, "after: %s%s%s begins; its words go to '%s'\n", step->name,
                  step->what[0] ? " " : "", step->what, step->log);
    stage_run(&(struct stage){.argv = step->argv,
                              .log = step->log,
                              .seconds = seconds_left(after),
                              .stop = after->wishes->stop},
              &end);
    tell(step, &end);
    *done = end.how == STAGE_DONE;
    after->done += end.how == STAGE_DONE;
    after->failed += end.how == STAGE_FAILED;
    after->over = end.how == STAGE_STOPPED || end.how == STAGE_LATE;
    return after->over ? RT_OK : record(after, step, &end, err);
}

/* ---- which stages ---- */

static rt_status place(char path[RT_PATH_MAX], const char *stem, const char *ending,
                       struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s%s", stem, ending) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", stem);
}

/* Adds words to argv, which they must outlive. */
static void add(char **argv, const char *const *words)
{
    int at = 0;

    while (argv[at])
        at++;
    for (; *words; words++) {
        assert(at < most_words);
        argv[at++] = (char *)*words;
    }
}

#define ADD(argv, ...) add(argv, (const char *const[]){__VA_ARGS__, NULL})

/* Depends on the trials that there are; which of its runs are done it knows itself. */
static rt_status confirm(struct after *after, struct rt_err *err)
{
    const struct study_after *want = &after->study->after;
    struct step step = {.name = "confirm", .what = "", .makes = ""};
    char controls[16], seeds[16], workers[16], *argv[most_words + 1] = {0};
    struct store *store;
    int64_t trials = 0;
    bool done;

    RT_TRY(store_open(after->wishes->db, STORE_READ, NULL, &store, err));
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(store_handle(store),
                           "select count(*) from trial where state = 'committed'", -1, &q,
                           NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        trials = sqlite3_column_int64(q, 0);
    (void)sqlite3_finalize(q);
    store_close(store);
    (void)snprintf(step.basis, sizeof step.basis, "%s %lld trials %d controls %d seeds",
                   after->full, (long long)trials, want->controls, want->seeds);
    (void)snprintf(controls, sizeof controls, "%d", want->controls);
    (void)snprintf(seeds, sizeof seeds, "%d", want->seeds);
    (void)snprintf(workers, sizeof workers, "%d", after->wishes->workers);
    ADD(argv, "confirm", "--controls", controls, "--seeds", seeds, "--workers", workers);
    if (after->wishes->study)
        ADD(argv, "--study", after->wishes->study);
    ADD(argv, "--", after->wishes->db);
    step.argv = argv;
    RT_TRY(place(step.log, after->folder, "/confirm.log", err));
    return run_step(after, &step, &done, err);
}

static rt_status hash_of(const char *path, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    struct rt_map map;

    RT_TRY(rt_map_open(&map, path, err));
    rt_hash_bytes(map.data, map.bytes, hash);
    rt_map_close(&map);
    return RT_OK;
}

/* Of one file of weights, in all formats. */
static rt_status export(struct after *after, const char *weights, bool int8, struct rt_err *err)
{
    const struct study_after *want = &after->study->after;
    char hash[RT_HASH_TEXT];

    RT_TRY(hash_of(weights, hash, err));
    for (int i = 0; i < want->export_count; i++) {
        struct after_export e;
        const char *slash;
        bool done;
        if (int8 && want->export[i] == STUDY_HUGGINGFACE)
            continue; /* which knows floats alone */
        after_export_words(&e, weights, want->export[i], after->wishes->db);
        slash = strrchr(e.output, '/');
        struct step step = {.name = "export", .what = slash + 1, .makes = e.output, .argv = e.argv};
        (void)snprintf(step.basis, sizeof step.basis, "%s", hash);
        RT_TRY(place(step.log, e.output, ".log", err));
        RT_TRY(run_step(after, &step, &done, err));
    }
    return RT_OK;
}

/* FOLDER/ARCHITECTURE, or a hash of one that is too long for a file's name. */
static rt_status stem_of(const struct after *after, const char *arch, char stem[RT_PATH_MAX],
                         struct rt_err *err)
{
    enum { most = 200 };
    char hash[RT_HASH_TEXT];

    rt_hash_bytes(arch, strlen(arch), hash);
    if (snprintf(stem, RT_PATH_MAX, "%s/%s%s", after->folder, strlen(arch) > most ? "student-" : "",
                 strlen(arch) > most ? hash : arch) < RT_PATH_MAX)
        return RT_OK;
    return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", after->folder);
}

static rt_status distill(struct after *after, const char *arch, struct rt_err *err)
{
    char stem[RT_PATH_MAX], weights[RT_PATH_MAX], int8[RT_PATH_MAX], *argv[most_words + 1] = {0};
    struct step step = {.name = "distill", .what = arch, .makes = weights, .argv = argv};
    bool done;

    RT_TRY(stem_of(after, arch, stem, err));
    RT_TRY(place(weights, stem, ".safetensors", err));
    RT_TRY(place(int8, stem, ".int8.safetensors", err));
    RT_TRY(place(step.log, stem, ".log", err));
    (void)snprintf(step.basis, sizeof step.basis, "%s", after->full);
    ADD(argv, "distill", "-o", weights);
    if (after->wishes->study)
        ADD(argv, "--study", after->wishes->study);
    ADD(argv, "--", after->wishes->db, arch);
    RT_TRY(run_step(after, &step, &done, err));
    if (!done || !after->study->after.export_count)
        return RT_OK;
    RT_TRY(export(after, weights, false, err));
    return access(int8, F_OK) ? RT_OK : export(after, int8, true, err);
}

/* Which member the i-th of `many` is: from end to end. */
static int spread(int i, int many, int count)
{
    return many == 1 ? count / 2 : (int)((double)i * (count - 1) / (many - 1) + .5);
}

/* All members that a pick means. */
static void take_pick(int pick, const struct report_members *front, const char *suggested,
                      bool *taken)
{
    const int all = front->count;
    const int many = pick == STUDY_PICK_FRONT || pick > all ? all : pick;

    if (pick == STUDY_PICK_BEST)
        taken[0] = true; /* they stand in that order */
    for (int i = 0; i < all && pick == STUDY_PICK_SUGGESTED; i++)
        taken[i] = taken[i] || strcmp(front->arch[i], suggested) == 0;
    for (int i = 0; i < many; i++)
        taken[spread(i, many, all)] = true;
}

static rt_status distill_picked(struct after *after, const struct report_members *front,
                                const char *suggested, struct rt_err *err)
{
    const struct study_after *want = &after->study->after;
    bool *taken = calloc((size_t)front->count, sizeof *taken);
    rt_status rc = taken ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for the students");

    for (int i = 0; i < want->pick_count && taken; i++)
        take_pick(want->pick[i], front, suggested, taken);
    for (int i = 0; i < front->count && rc == RT_OK && taken; i++)
        if (taken[i])
            rc = distill(after, front->arch[i], err);
    free(taken);
    return rc;
}

static rt_status distill_all(struct after *after, struct rt_err *err)
{
    struct report_members front = {0}, suggested = {0};
    struct store *store;
    rt_status rc;

    if (!after->study->after.pick_count)
        return RT_OK;
    RT_TRY(store_open(after->wishes->db, STORE_READ, NULL, &store, err));
    rc = report_members(store, false, &front, err);
    if (rc == RT_OK)
        rc = report_members(store, true, &suggested, err);
    store_close(store);
    if (rc == RT_OK)
        rc = distill_picked(after, &front, suggested.arch[0], err);
    report_members_release(&front);
    report_members_release(&suggested);
    return rc;
}

/* ---- all ---- */

static int say_end(const struct after *after)
{
    struct rt_err err;

    if (*after->wishes->stop)
        return command_stopped();
    if (after->failed) {
        (void)rt_fail(&err, RT_EIO,
                      "%d stages of `after` failed; when that is mended, the same command tries "
                      "them again",
                      after->failed);
        return command_failed("search", &err);
    }
    (void)printf("%s: %s\n", after->wishes->db,
                 after->over ? "the hours of `after` are over; run the same command again to go on"
                             : "all that `after` asks for is done");
    return COMMAND_DONE;
}

int after_run(const struct study *study, const struct after_wishes *wishes)
{
    struct after after = {.study = study, .wishes = wishes, .start_ns = rt_now_ns()};
    struct rt_err err;
    rt_status rc;

    if (study->after.controls < 0 && !study->after.pick_count)
        return COMMAND_DONE;
    study_full_hash(study, &study->full, after.full);
    rc = checkpoints_beside(wishes->db, "students", after.folder, &err);
    if (rc == RT_OK)
        rc = rt_folder_make(after.folder, &err);
    if (rc == RT_OK && study->after.controls >= 0)
        rc = confirm(&after, &err);
    if (rc == RT_OK)
        rc = distill_all(&after, &err);
    return rc == RT_OK ? say_end(&after) : command_failed("search", &err);
}

/* ---- words ---- */

void after_export_words(struct after_export *e, const char *weights, enum study_export format,
                        const char *db)
{
    static const char *const endings[] = {[STUDY_ONNX] = "onnx",
                                          [STUDY_C] = "c",
                                          [STUDY_TORCH] = "torch",
                                          [STUDY_HUGGINGFACE] = "huggingface"};
    static const char ending[] = ".safetensors";
    const size_t length = strlen(weights), end = sizeof ending - 1;

    assert(length > end && strcmp(weights + length - end, ending) == 0);
    *e = (struct after_export){.output = ""};
    (void)snprintf(e->output, sizeof e->output, "%.*s.%s", (int)(length - end), weights,
                   endings[format]);
    ADD(e->argv, "export", "-o", e->output);
    if (format == STUDY_C)
        ADD(e->argv, "--name", "student");
    if (format == STUDY_TORCH || format == STUDY_HUGGINGFACE)
        ADD(e->argv, "--format", endings[format]);
    if (db)
        ADD(e->argv, "--db", db);
    ADD(e->argv, "--", weights);
}
