/* cli/cmd_distill.c -- `retort distill DB CANDIDATE...`: students by the full recipe, on all cores, one
 * after the other.
 *
 * The only command besides doctor that reads the test file. The study comes from the database, as
 * it was when the search began; its relative paths are seen from where its file stood.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/exported.h"
#include "cli/program.h"
#include "cli/retrain.h"
#include "cli/testing.h"
#include "trainer/export/model.h"
#include "trainer/measure/tune.h"

struct wishes {
    struct retrain_wishes which;
    const char *output; /* of one student its file, of several a folder; NULL: none */
    int64_t steps;      /* -1: as the study says */
    bool gates;
};

/* ---- the run ---- */

static const struct tr_network *kept(const struct retrain *job)
{
    return full_run_kept(&job->run);
}

static bool in_int8(const struct retrain *job)
{
    return full_run_in_int8(&job->run);
}

/* ---- what it leaves ---- */

enum { most_notes = TR_MODEL_MOST_NOTES };

/* Metadata of the weights; values are copies. */
struct notes {
    int count;
    struct tr_metadata list[most_notes + 1]; /* the last one ends it */
};

static void note(void *to, const char *key, const char *value)
{
    struct notes *notes = to;

    assert(notes->count < most_notes);
    notes->list[notes->count++] = (struct tr_metadata){key, strdup(value)};
}

static void notes_release(struct notes *notes)
{
    for (int i = 0; i < notes->count; i++)
        free((char *)notes->list[i].value);
}

/* As floats or, given the quantised copy, in int8. */
static rt_status write_weights(const struct retrain *job, const struct tr_quantised *quantised,
                               double error, const char *path, struct rt_err *err)
{
    struct notes notes = {0};
    static const char *const pools[] = {[SPACE_POOL_CLASS] = "class",
                                        [SPACE_POOL_MEAN] = "mean",
                                        [SPACE_POOL_LAST] = "last",
                                        [SPACE_POOL_NONE] = "none"};
    const struct session *session = &job->session;
    char arch[SPACE_ARCH_TEXT], test_error[32], lanes[16], seed[32], hash[RT_HASH_TEXT];
    rt_status rc;

    space_arch_print(&job->run.arch, arch);
    (void)snprintf(test_error, sizeof test_error, "%.6f", error);
    (void)snprintf(lanes, sizeof lanes, "%d", session->study.full_lanes);
    (void)snprintf(seed, sizeof seed, "%" PRIu64, session->study.seed);
    study_hash(&session->study, hash);
    note(&notes, "format", "retort");
    note(&notes, "version", RT_VERSION);
    note(&notes, "task", session->task->kind->name);
    note(&notes, "study", hash);
    note(&notes, "seed", seed);
    note(&notes, "arch", arch);
    note(&notes, "pool", pools[session->shape.pool]);
    if (isfinite(error)) /* there is a test file with labels */
        note(&notes, "test_error", test_error);
    note(&notes, "lanes", lanes);
    session->task->kind->describe(session->task, &notes, note);
    rc = quantised
             ? tr_safetensors_write_int8(path, &kept(job)->student, quantised, notes.list, err)
             : tr_safetensors_write(path, &kept(job)->student, kept(job)->weights.params,
                                    notes.list, err);
    notes_release(&notes);
    return rc;
}

static rt_status write_int8(const struct retrain *job, double error, const char *path,
                            struct rt_err *err)
{
    struct rt_arena arena;
    struct tr_quantised quantised;
    rt_status rc;

    RT_TRY(rt_arena_init(&arena, tr_quantised_bytes(&kept(job)->student, false), err));
    rc = tr_quantised_init(&quantised, &kept(job)->student, &job->run.ranges, false, &arena, err);
    if (rc == RT_OK) {
        tr_quantised_update(&quantised, &kept(job)->student, kept(job)->weights.params);
        rc = write_weights(job, &quantised, error, path, err);
    }
    rt_arena_release(&arena);
    return rc;
}

/* student.safetensors -> student.json */
static void path_beside(const char *weights, const char *new_ending, char path[RT_PATH_MAX])
{
    static const char ending[] = ".safetensors";
    size_t length = strlen(weights), end = sizeof ending - 1;

    if (length > end && strcmp(weights + length - end, ending) == 0)
        length -= end;
    (void)snprintf(path, RT_PATH_MAX, "%.*s%s", (int)length, weights, new_ending);
}

static rt_status write_files(const struct retrain *job, const struct test_result *result,
                             const struct store_distillation *run, struct rt_err *err)
{
    char json[RT_PATH_MAX], int8[RT_PATH_MAX];

    if (!run->weights[0])
        return RT_OK;
    path_beside(run->weights, ".json", json);
    path_beside(run->weights, ".int8.safetensors", int8);
    RT_TRY(
        write_weights(job, NULL, tr_metrics_value(&result->student, "error"), run->weights, err));
    RT_TRY(test_write(run, result, json, err));
    if (in_int8(job))
        RT_TRY(write_int8(job, tr_metrics_value(&result->int8, "error"), int8, err));
    (void)printf("\nweights            %s\nmeasurements       %s\n", run->weights, json);
    if (in_int8(job))
        (void)printf("weights in int8    %s\n", int8);
    return RT_OK;
}

/* What can be done with the weights; db: where an export of them is recorded, or NULL. */
static void say_next(const struct retrain *job, const char *weights, const char *db)
{
    const bool next = job->session.shape.pool == SPACE_POOL_NONE;
    char runs[RT_PATH_MAX];

    if (in_int8(job))
        path_beside(weights, ".int8.safetensors", runs);
    else
        (void)snprintf(runs, sizeof runs, "%s", weights);
    if (next)
        (void)printf("to run it          retort sample %s --prompt TEXT\n", runs);
    else if (study_task_of(&job->session.study)->open_examples)
        (void)printf("to run it          retort predict %s FILE -o logits.npy\n", runs);
    if (!next)
        (void)printf("to export it       retort export %s%s%s -o student.onnx, or student.c\n",
                     runs, db ? " --db " : "", db ? db : "");
}

/* The files of weights, of a run that is recorded. */
static rt_status record_files(const struct retrain *job, struct store *store, const char *weights,
                              struct rt_err *err)
{
    char arch[SPACE_ARCH_TEXT], int8[RT_PATH_MAX];

    if (!weights[0])
        return RT_OK;
    space_arch_print(&job->run.arch, arch);
    path_beside(weights, ".int8.safetensors", int8);
    RT_TRY(exported_record(store, arch, "safetensors", false, weights, err));
    return in_int8(job) ? exported_record(store, arch, "safetensors", true, int8, err) : RT_OK;
}

/* A database that cannot be written is no reason to lose the student. */
static bool record(const struct retrain *job, const char *db, struct store_distillation *run,
                   const atomic_int *stop)
{
    struct rt_machine machine;
    struct store *store = NULL;
    struct rt_err err;
    bool told = false;
    rt_status rc;

    rt_machine_query(&machine);
    if ((rc = store_open(db, STORE_APPEND, NULL, &store, &err)) == RT_OK &&
        (rc = store_host(store, &machine, tr_kernels_name(job->run.kernels), &run->host, &err)) ==
            RT_OK &&
        (rc = program_record(store, tr_kernels_name(job->run.kernels), &err)) == RT_OK)
        while ((rc = store_distillation(store, run, &err)) == RT_EFULL &&
               command_wait_for_room("distill", &err, stop, &told))
            continue;
    if (rc == RT_OK)
        rc = record_files(job, store, run->weights, &err);
    store_close(store);
    if (rc != RT_OK)
        command_warn("distill", "not recorded: %s", err.text);
    return rc == RT_OK;
}

static bool in_folder(const struct retrain *job, const struct wishes *wishes)
{
    return job->count > 1 || wishes->which.front;
}

/* The student's file, "" when none is wanted: FOLDER/ARCHITECTURE.safetensors of several
 * and of a front, however many that has. */
static rt_status path_of(const struct retrain *job, const struct wishes *wishes, int i,
                         char path[RT_PATH_MAX], struct rt_err *err)
{
    enum { most = 200 }; /* bytes of a file's name that any file system takes */
    char arch[SPACE_ARCH_TEXT];
    int length;

    if (!wishes->output || !in_folder(job, wishes)) {
        length = snprintf(path, RT_PATH_MAX, "%s", wishes->output ? wishes->output : "");
    } else {
        space_arch_print(&job->arch[i], arch);
        if (strlen(arch) > most)
            (void)snprintf(arch, sizeof arch, "student-%d", i + 1);
        length = snprintf(path, RT_PATH_MAX, "%s/%s.safetensors", wishes->output, arch);
    }
    return length < RT_PATH_MAX
               ? RT_OK
               : rt_fail(err, RT_EIO, "the path '%.80s...' is too long", wishes->output);
}

/* What of gates came of all students so far. */
struct tally {
    int gates, failed;
};

static rt_status report(const struct retrain *job, const struct wishes *wishes, const char *path,
                        const struct test_result *result, const atomic_int *stop,
                        struct tally *tally, struct rt_err *err)
{
    struct store_distillation run = {.arch = &job->run.arch,
                                     .steps = job->run.recipe.steps,
                                     .batch = job->run.recipe.batch,
                                     .seed = job->session.study.seed,
                                     .seconds = job->run.summary.seconds,
                                     .weights = path};
    char arch[SPACE_ARCH_TEXT];
    bool told = false;
    rt_status written;

    space_arch_print(&job->run.arch, arch);
    (void)printf("student            %s\ntraining           %d steps of %d, %.0f s\n", arch,
                 run.steps, run.batch, run.seconds);
    if (job->run.summary.resumed)
        (void)printf("gone on            at step %d\n", job->run.summary.resumed);
    if (job->run.recipe.init == TR_INIT_PRUNE)
        (void)printf("start              %.1f %% of the weights cut out of teacher '%s'\n",
                     100 * (double)job->run.lineage.inherited /
                         (double)kept(job)->student.param_count,
                     job->session.study.teachers.teacher[job->session.study.prune.teacher].name);
    if (job->session.study.online.mode != TR_ONLINE_OFF)
        (void)printf("cohort             student %d of %d kept, the best on validation\n",
                     job->run.kept + 1, job->session.study.online.cohort);
    test_print(result);
    run.value_count = test_values(result, run.values);
    struct store_cell *const details = test_details(result, &run.detail_count);
    run.detail = details;
    run.gate_count = test_gates(result, &job->session.study.gates, run.gates);
    if (run.gate_count)
        test_print_gates(run.gates, run.gate_count);
    while ((written = write_files(job, result, &run, err)) == RT_EFULL &&
           command_wait_for_room("distill", err, stop, &told))
        continue;
    if (written != RT_OK)
        run.weights = "";
    const bool recorded = record(job, wishes->which.db, &run, stop);
    if (run.weights[0])
        say_next(job, run.weights, recorded ? wishes->which.db : NULL);
    free(details);
    tally->gates += run.gate_count;
    for (int i = 0; i < run.gate_count; i++)
        tally->failed += !run.gates[i].passed;
    return written;
}

/* Can the files be written, and have they room? Asked before hours are spent on what they are for. */
static rt_status check_output(const struct retrain *job, const struct wishes *wishes,
                              struct rt_err *err)
{
    char path[RT_PATH_MAX];
    struct rt_writer writer;
    struct space_cost cost;
    double room, total, need = 0;

    if (!wishes->output)
        return RT_OK;
    if (in_folder(job, wishes))
        RT_TRY(rt_folder_make(wishes->output, err));
    for (int i = 0; i < job->count; i++) {
        RT_TRY(path_of(job, wishes, i, path, err));
        RT_TRY(rt_writer_open(&writer, path, err));
        rt_writer_abandon(&writer);
        space_cost_of(&job->arch[i], &job->session.shape, &cost);
        need += 1.3 * (double)cost.bytes + 65536; /* floats, maybe int8, and notes */
    }
    RT_TRY(rt_disk_room(path, &room, &total, err));
    if (room < need)
        return rt_fail(err, RT_EFULL,
                       "the disk of '%.200s' has %.0f kB free and the student's files take up to "
                       "%.0f kB; free some space there or choose another place",
                       path, room / 1e3, need / 1e3);
    return RT_OK;
}

/* Micro-batch and kernels: those of the trials, as they are, or, when the full recipe alone asks for it,
 * what is the fastest for this student. */
static rt_status choose(struct retrain *job, const struct tr_recipe *full, struct rt_err *err)
{
    const struct session *session = &job->session;
    struct tr_tuning tuning;
    struct tr_student student;

    if (full->micro_batch || !session->study.recipe.micro_batch)
        return RT_OK;
    RT_TRY(tr_student_init(&student, &job->run.arch, &session->shape, session->kernels, err));
    const rt_status rc = tr_tune(&student, full->batch, &tuning, err);
    tr_student_release(&student);
    RT_TRY(rc);
    job->run.recipe = *full;
    job->run.recipe.micro_batch = tuning.micro_batch;
    job->run.kernels =
        tuning.openblas ? tr_kernels_with_openblas(session->kernels) : session->kernels;
    (void)printf("micro-batch        %d by '%s', the fastest of those timed now\n",
                 tuning.micro_batch, tr_kernels_name(job->run.kernels));
    return RT_OK;
}

/* Student i, from its first weights to its row in the database. */
static rt_status distil_one(struct retrain *job, int i, const struct wishes *wishes,
                            const struct tr_recipe *full, struct test_answers *answers,
                            const atomic_int *stop, struct tally *tally, struct rt_err *err)
{
    struct test_result result = {0};
    struct tr_resume resume;
    char path[RT_PATH_MAX];

    RT_TRY(path_of(job, wishes, i, path, err));
    retrain_begin(job, &job->arch[i], full, stop);
    RT_TRY(choose(job, full, err));
    if (wishes->steps > 0)
        job->run.recipe.steps = (int)wishes->steps;
    RT_TRY(full_run_resume(&job->run, wishes->which.db, &resume, err));
    job->run.resume = &resume;
    rt_status rc = full_run_train(&job->run, err);
    job->run.resume = NULL;
    RT_TRY(rc);
    rc = test_student(&job->session, answers, &kept(job)->student, &kept(job)->weights,
                      in_int8(job) ? &job->run.ranges : NULL, &result, err);
    if (rc == RT_OK && i > 0)
        (void)printf("\n");
    if (rc == RT_OK)
        rc = report(job, wishes, path, &result, stop, tally, err);
    if (rc == RT_OK)
        tr_resume_forget(&resume);
    test_release(&result);
    return rc;
}

static rt_status distil(struct retrain *job, const void *of, const atomic_int *stop,
                        struct rt_err *err)
{
    struct session *session = &job->session;
    const struct wishes *wishes = of;
    struct store_gate set[STORE_MAX_GATES];
    struct test_answers answers;
    struct tally tally = {0};

    if (wishes->gates && !test_gates(&(struct test_result){0}, &session->study.gates, set))
        return rt_fail(
            err, RT_EARG,
            "'%.200s' sets no gates; add a block `gates`, and name the file with --study",
            session->study.path);
    RT_TRY(check_output(job, wishes, err));
    RT_TRY(retrain_teachers(job, &session->study.full, stop, err));
    const struct tr_recipe full =
        study_full_recipe(&session->study, session->task->split.train_count);
    RT_TRY(test_open(session, &answers, err));
    rt_status rc = RT_OK;
    for (int i = 0; i < job->count && rc == RT_OK; i++)
        rc = distil_one(job, i, wishes, &full, &answers, stop, &tally, err);
    test_close(&answers);
    if (rc == RT_OK && tally.failed && wishes->gates)
        rc = rt_fail(err, RT_EARG, "%d of %d gates failed", tally.failed, tally.gates);
    return rc;
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"output", required_argument, NULL, 'o'},
                                   {"steps", required_argument, NULL, 's'},
                                   {"study", required_argument, NULL, 'S'},
                                   {"gates", no_argument, NULL, 'g'},
                                   {"front", no_argument, NULL, 'f'},
                                   {"suggested", no_argument, NULL, 'u'},
                                   {0}};
    bool good = true;

    *w = (struct wishes){.steps = -1};
    for (int o; good && (o = command_option("distill", argc, argv, "o:", longs)) != -1;) {
        switch (o) {
        case 'o': w->output = optarg; break;
        case 'S': w->which.study = optarg; break;
        case 'g': w->gates = true; break;
        case 'f': w->which.front = true; break;
        case 'u': w->which.suggested = true; break;
        case 's':
            good = command_int64("distill", "--steps", optarg, 1, INT32_MAX, &w->steps);
            break;
        default: good = false;
        }
    }
    return good && retrain_operands("distill", argc, argv, INT32_MAX, &w->which) ? COMMAND_DONE
                                                                                 : COMMAND_USAGE;
}

static int run(int argc, char **argv)
{
    struct wishes wishes;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    return retrain_command("distill", &wishes.which, distil, &wishes);
}

const struct command command_distill = {
    .name = "distill",
    .use = "DB CANDIDATE... [-o FILE.safetensors] [--steps N] [--study FILE] [--gates]",
    .summary = "train students by the full recipe and test them",
    .help =
        "CANDIDATE is a candidate's number or its architecture, as `retort front` shows them, or\n"
        "any other architecture, which is trained but not recorded. Of several, one is trained\n"
        "after the other.\n"
        "Trains it by the study's `full` recipe on all cores, measures it on the test file, its\n"
        "accuracy, calibration, agreement with the ensemble and how much smaller it is, prints\n"
        "that with standard errors, and records it in the database (view `distillations`).\n"
        "\n"
        "  --suggested        in place of CANDIDATE: the one that `retort best --suggested` names\n"
        "  --front            in place of CANDIDATE: all students of the front\n"
        "  -o, --output FILE  write the weights, in safetensors format, and beside them the\n"
        "                     measurements as .json and, when the recipe says `quantise`, the\n"
        "                     int8 weights as .int8.safetensors. Of several students it is a\n"
        "                     folder, and their files have their architectures' names\n"
        "  --steps N          optimiser steps, in place of the study's\n"
        "  --study FILE       take `full`, `gates` and the places of files from this file of the\n"
        "                     same study, in place of the study as it was when the search began\n"
        "  --gates            exit code 1 unless all of the study's `gates` pass\n",
    .run = run,
};
