/* cli/cmd_distill.c -- `retort distill DB CANDIDATE`: one student by the full recipe, on all cores.
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

#include "base/random.h"
#include "cli/command.h"
#include "cli/kept_study.h"
#include "cli/meter.h"
#include "cli/program.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/testing.h"
#include "trainer/export/model.h"
#include "trainer/measure/evaluate.h"
#include "trainer/measure/tune.h"
#include "trainer/net/network.h"

struct wishes {
    const char *db, *candidate, *output;
    const char *study; /* NULL: as it is kept in the database */
    int64_t steps;     /* -1: as the study says */
    bool gates;
};

/* ---- the run ---- */

struct job {
    struct session session;
    struct settings settings;
    struct space_arch arch;
    struct tr_network net[TR_ONLINE_MAX_COHORT]; /* one, or a cohort */
    struct tr_recipe recipe;
    const struct tr_kernels *kernels;
    struct tr_train_summary summary;
    int kept;                  /* which student of the cohort */
    struct tr_lineage lineage; /* what of the first weights comes from a teacher */
    struct tr_ranges ranges;   /* of int8, when the recipe asks for it */
};

static bool in_int8(const struct job *job)
{
    return job->recipe.quantise != TR_QUANTISE_NONE;
}

/* A cohort, each student with a start of its own; the first one's is that of a student alone. */
static rt_status start(struct job *job, int count, struct rt_err *err)
{
    const struct session *session = &job->session;

    for (int k = 0; k < count; k++) {
        struct tr_network *net = &job->net[k];
        uint64_t seed = session->study.seed;
        if (k > 0) {
            struct rt_rng rng;
            rt_rng_init(&rng, seed, RT_STREAM_COHORT, (uint64_t)k);
            seed = rt_rng_u64(&rng);
        }
        RT_TRY(
            tr_network_open(net, &job->arch, &session->shape, job->kernels, TR_NETWORK_TRAIN, err));
        tr_lineage_release(&job->lineage); /* the same for all */
        RT_TRY(tr_donor_start(job->recipe.init == TR_INIT_PRUNE ? session->data.donor : NULL,
                              &net->student, seed, net->weights.params, &job->lineage, err));
    }
    return RT_OK;
}

/* The student of a cohort with the least validation error; the first of equals. */
static rt_status keep_best(struct job *job, int count, struct rt_err *err)
{
    double least = INFINITY;

    for (int k = 0; k < count; k++) {
        struct tr_metrics metrics = {0};
        RT_TRY(tr_evaluate_validation(&job->net[k].student, &job->net[k].weights,
                                      &job->session.data, study_cores(&job->session.study),
                                      &metrics, err));
        const double error = tr_metrics_value(&metrics, "error");
        if (error < least) {
            least = error;
            job->kept = k;
        }
    }
    return RT_OK;
}

static const struct tr_network *kept(const struct job *job)
{
    return &job->net[job->kept];
}

static rt_status train(struct job *job, const atomic_int *stop, struct rt_err *err)
{
    const struct session *session = &job->session;
    const int threads = study_cores(&session->study), lanes = session->study.full_lanes;
    struct meter meter = {.name = "student"};
    struct tr_ranges ranges[TR_ONLINE_MAX_COHORT];
    const struct tr_training training = {.student = &job->net->student,
                                         .data = &session->data,
                                         .recipe = &job->recipe,
                                         .seed = session->study.seed,
                                         .lineage = &job->lineage,
                                         .ranges = ranges,
                                         .lanes = lanes,
                                         .threads = threads < lanes ? threads : lanes,
                                         .stop = stop,
                                         .progress = meter_step,
                                         .progress_context = &meter};

    const struct tr_online *online = &session->study.online;
    const int count = online->mode == TR_ONLINE_OFF ? 1 : online->cohort;
    struct tr_weights cohort[TR_ONLINE_MAX_COHORT];
    struct tr_train_summary summaries[TR_ONLINE_MAX_COHORT];

    RT_TRY(start(job, count, err));
    for (int k = 0; k < count; k++)
        cohort[k] = job->net[k].weights; /* which are trained in place */
    RT_TRY(count == 1 ? tr_train(&training, cohort, summaries, err)
                      : tr_train_cohort(&training, online, cohort, summaries, err));
    job->summary = summaries[0];
    if (count > 1)
        RT_TRY(keep_best(job, count, err));
    job->ranges = ranges[job->kept];
    return in_int8(job) ? tr_int8_ranges(&kept(job)->student, &kept(job)->weights, &session->data,
                                         &job->recipe, session->study.seed, &job->ranges, err)
                        : RT_OK;
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
static rt_status write_weights(const struct job *job, const struct tr_quantised *quantised,
                               double error, const char *path, struct rt_err *err)
{
    struct notes notes = {0};
    const struct session *session = &job->session;
    char arch[SPACE_ARCH_TEXT], test_error[32], lanes[16], seed[32], hash[RT_HASH_TEXT];
    rt_status rc;

    space_arch_print(&job->arch, arch);
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
    note(&notes, "pool", session->shape.pool == SPACE_POOL_CLASS ? "class" : "mean");
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

static rt_status write_int8(const struct job *job, double error, const char *path,
                            struct rt_err *err)
{
    struct rt_arena arena;
    struct tr_quantised quantised;
    rt_status rc;

    RT_TRY(rt_arena_init(&arena, tr_quantised_bytes(&kept(job)->student, false), err));
    rc = tr_quantised_init(&quantised, &kept(job)->student, &job->ranges, false, &arena, err);
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

static rt_status write_files(const struct job *job, const struct test_result *result,
                             const struct store_distillation *run, struct rt_err *err)
{
    char json[RT_PATH_MAX], int8[RT_PATH_MAX];

    if (!run->weights[0])
        return RT_OK;
    path_beside(run->weights, ".json", json);
    path_beside(run->weights, ".int8.safetensors", int8);
    RT_TRY(
        write_weights(job, NULL, tr_metrics_value(&result->student, "error"), run->weights, err));
    RT_TRY(test_write(run, json, err));
    if (in_int8(job))
        RT_TRY(write_int8(job, tr_metrics_value(&result->int8, "error"), int8, err));
    (void)printf("\nweights            %s\nmeasurements       %s\n", run->weights, json);
    if (in_int8(job))
        (void)printf("weights in int8    %s\n", int8);
    (void)printf("to run it          retort export %s -o student.onnx, or student.c\n",
                 in_int8(job) ? int8 : run->weights);
    return RT_OK;
}

/* A database that cannot be written is no reason to lose the student. */
static void record(const struct job *job, const char *db, struct store_distillation *run)
{
    struct rt_machine machine;
    struct store *store = NULL;
    struct rt_err err;
    rt_status rc;

    rt_machine_query(&machine);
    if ((rc = store_open(db, STORE_APPEND, NULL, &store, &err)) == RT_OK &&
        (rc = store_host(store, &machine, tr_kernels_name(job->kernels), &run->host, &err)) ==
            RT_OK &&
        (rc = program_record(store, tr_kernels_name(job->kernels), &err)) == RT_OK)
        rc = store_distillation(store, run, &err);
    store_close(store);
    if (rc != RT_OK)
        command_warn("distill", "not recorded: %s", err.text);
}

static rt_status report(const struct job *job, const struct wishes *wishes,
                        const struct test_result *result, struct rt_err *err)
{
    struct store_distillation run = {.arch = &job->arch,
                                     .steps = job->recipe.steps,
                                     .batch = job->recipe.batch,
                                     .seed = job->session.study.seed,
                                     .seconds = job->summary.seconds,
                                     .weights = wishes->output ? wishes->output : ""};
    char arch[SPACE_ARCH_TEXT];
    int failed = 0;

    space_arch_print(&job->arch, arch);
    (void)printf("student            %s\ntraining           %d steps of %d, %.0f s\n", arch,
                 run.steps, run.batch, run.seconds);
    if (job->recipe.init == TR_INIT_PRUNE)
        (void)printf("start              %.1f %% of the weights cut out of teacher '%s'\n",
                     100 * (double)job->lineage.inherited / (double)kept(job)->student.param_count,
                     job->session.study.teachers.teacher[job->session.study.prune.teacher].name);
    if (job->session.study.online.mode != TR_ONLINE_OFF)
        (void)printf("cohort             student %d of %d kept, the best on validation\n",
                     job->kept + 1, job->session.study.online.cohort);
    test_print(result);
    run.value_count = test_values(result, run.values);
    if (wishes->gates) {
        run.gate_count = test_gates(result, &job->session.study.gates, run.gates);
        test_print_gates(run.gates, run.gate_count);
    }
    const rt_status written = write_files(job, result, &run, err);
    if (written != RT_OK)
        run.weights = "";
    record(job, wishes->db, &run);
    RT_TRY(written);
    for (int i = 0; i < run.gate_count; i++)
        failed += !run.gates[i].passed;
    return failed ? rt_fail(err, RT_EARG, "%d of %d gates failed", failed, run.gate_count) : RT_OK;
}

/* Can that file be written? Asked before hours are spent on what it is for. */
static rt_status check_output(const char *path, struct rt_err *err)
{
    struct rt_writer writer;

    if (!path)
        return RT_OK;
    RT_TRY(rt_writer_open(&writer, path, err));
    rt_writer_abandon(&writer);
    return RT_OK;
}

/* Micro-batch and kernels: those of the trials or, when the full recipe alone asks for it, what is
 * the fastest for this student. */
static rt_status choose(struct job *job, const struct tr_recipe *full, struct rt_err *err)
{
    const struct session *session = &job->session;
    struct tr_tuning tuning;
    struct tr_student student;

    if (full->micro_batch || !session->study.recipe.micro_batch) {
        job->recipe = settings_recipe(&job->settings, full, job->arch.width);
        job->kernels = settings_kernels(&job->settings, session->kernels, job->arch.width);
        return RT_OK;
    }
    RT_TRY(tr_student_init(&student, &job->arch, &session->shape, session->kernels, err));
    const rt_status rc = tr_tune(&student, full->batch, &tuning, err);
    tr_student_release(&student);
    RT_TRY(rc);
    job->recipe = *full;
    job->recipe.micro_batch = tuning.micro_batch;
    job->kernels = tuning.openblas ? tr_kernels_with_openblas(session->kernels) : session->kernels;
    (void)printf("micro-batch        %d by '%s', the fastest of those timed now\n",
                 tuning.micro_batch, tr_kernels_name(job->kernels));
    return RT_OK;
}

static rt_status distil(struct job *job, const struct wishes *wishes, const atomic_int *stop,
                        struct rt_err *err)
{
    struct session *session = &job->session;
    struct store_gate set[STORE_MAX_GATES];
    struct test_result result = {0};
    rt_status rc;

    if (wishes->gates && !test_gates(&result, &session->study.gates, set))
        return rt_fail(
            err, RT_EARG,
            "'%.200s' sets no gates; add a block `gates`, and name the file with --study",
            session->study.path);
    RT_TRY(check_output(wishes->output, err));
    RT_TRY(tr_teachers_cached(&session->study.teachers) ? session_teachers_open(session, err)
                                                        : session_teach(session, NULL, stop, err));
    RT_TRY(session_donor_open(session, err));
    RT_TRY(session_resident_open(session, &session->study.full, err));
    const struct tr_recipe full =
        study_full_recipe(&session->study, session->task->split.train_count);
    RT_TRY(choose(job, &full, err));
    if (wishes->steps > 0)
        job->recipe.steps = (int)wishes->steps;
    struct test_answers answers;
    RT_TRY(test_open(session, &answers, err));
    if ((rc = train(job, stop, err)) == RT_OK &&
        (rc = test_student(session, &answers, &kept(job)->student, &kept(job)->weights,
                           in_int8(job) ? &job->ranges : NULL, &result, err)) == RT_OK)
        rc = report(job, wishes, &result, err);
    test_close(&answers);
    return rc;
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"output", required_argument, NULL, 'o'},
                                   {"steps", required_argument, NULL, 's'},
                                   {"study", required_argument, NULL, 'S'},
                                   {"gates", no_argument, NULL, 'g'},
                                   {0}};
    bool good = true;

    *w = (struct wishes){.steps = -1};
    for (int o; good && (o = command_option("distill", argc, argv, "o:", longs)) != -1;) {
        switch (o) {
        case 'o': w->output = optarg; break;
        case 'S': w->study = optarg; break;
        case 'g': w->gates = true; break;
        case 's':
            good = command_int64("distill", "--steps", optarg, 1, INT32_MAX, &w->steps);
            break;
        default: good = false;
        }
    }
    return good && command_operand("distill", argc, argv, "DB", &w->db) &&
                   command_operand("distill", argc, argv, "CANDIDATE", &w->candidate) &&
                   command_no_more("distill", argc, argv)
               ? COMMAND_DONE
               : COMMAND_USAGE;
}

static int run(int argc, char **argv)
{
    struct wishes wishes;
    struct store *store;
    struct job job = {0};
    struct rt_err err;
    rt_status rc;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    const atomic_int *stop = command_catch_signals();
    if (!(store = command_open_read("distill", wishes.db)))
        return COMMAND_FAILED;
    if ((rc = kept_study_candidate(store, wishes.candidate, &job.arch, &err)) == RT_OK)
        rc = kept_study_open(store, wishes.study, false, &job.session, &job.settings, &err);
    store_close(store);
    if (rc == RT_OK) {
        rc = distil(&job, &wishes, stop, &err);
        tr_lineage_release(&job.lineage);
        for (int k = 0; k < TR_ONLINE_MAX_COHORT; k++)
            tr_network_close(&job.net[k]);
        session_close(&job.session);
    }
    return rc == RT_OK ? COMMAND_DONE : command_failed("distill", &err);
}

const struct command command_distill = {
    .name = "distill",
    .use = "DB CANDIDATE [-o FILE.safetensors] [--steps N] [--study FILE] [--gates]",
    .summary = "train one student by the full recipe and test it",
    .help =
        "CANDIDATE is a candidate's number or its architecture, as `retort front` shows them.\n"
        "Trains it by the study's `full` recipe on all cores, measures it on the test file, its\n"
        "accuracy, calibration, agreement with the ensemble and how much smaller it is, prints\n"
        "that with standard errors, and records it in the database (view `distillations`).\n"
        "\n"
        "  -o, --output FILE  write the weights, in safetensors format, and beside them the\n"
        "                     measurements as .json and, when the recipe says `quantise`, the\n"
        "                     int8 weights as .int8.safetensors\n"
        "  --steps N          optimiser steps, in place of the study's\n"
        "  --study FILE       take `full`, `gates` and the places of files from this file of the\n"
        "                     same study, in place of the study as it was when the search began\n"
        "  --gates            check the study's `gates`: exit code 1 unless all pass\n",
    .run = run,
};
