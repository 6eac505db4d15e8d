/* cli/cmd_distill.c -- `retort distill DB CANDIDATE`: one student by the full recipe, on all cores.
 *
 * The only command besides doctor that reads the test file. The study comes from the database, as
 * it was when the search began; its relative paths are seen from where its file stood.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/evaluator.h"
#include "cli/lab.h"
#include "cli/settings.h"
#include "trainer/data/safetensors.h"

struct wishes {
    const char *db, *candidate, *output;
    int64_t steps; /* -1: as the study says */
};

/* ---- what the database says ---- */

static rt_status column_text(struct store *store, const char *sql, const char *value, char **text,
                             struct rt_err *err)
{
    sqlite3 *db = store_handle(store);
    sqlite3_stmt *q = NULL;
    rt_status rc = RT_OK;

    *text = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) ||
        (value && sqlite3_bind_text(q, 1, value, -1, SQLITE_STATIC)))
        rc = rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store), sqlite3_errmsg(db));
    else if (sqlite3_step(q) == SQLITE_ROW)
        *text = strdup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return rc;
}

static rt_status find_candidate(struct store *store, const char *wanted, struct space_arch *arch,
                                struct rt_err *err)
{
    char *text;
    rt_status rc;

    RT_TRY(column_text(store, "select arch from candidate where arch = ?1 or cast(id as text) = ?1",
                       wanted, &text, err));
    if (!text)
        return rt_fail(err, RT_EARG,
                       "no candidate '%.80s' in '%s'; `retort front %s` lists the best", wanted,
                       store_path(store), store_path(store));
    rc = space_arch_parse(text, arch, err);
    free(text);
    return rc;
}

static rt_status read_study(struct store *store, struct lab *lab, struct settings *settings,
                            struct rt_err *err)
{
    char *yaml = NULL, *text = NULL;
    bool weighed = false; /* always so where there is a candidate */
    rt_status rc;

    if ((rc = column_text(store, "select yaml from study", NULL, &yaml, err)) == RT_OK &&
        (rc = store_settings(store, &text, err)) == RT_OK &&
        (rc = settings_parse(settings, text, err)) == RT_OK &&
        (rc = lab_open(lab, settings->study, yaml, err)) == RT_OK &&
        ((rc = lab_recall_weights(lab, store, &weighed, err)) || !weighed)) {
        rc = rc ? rc : rt_fail(err, RT_EDB, "'%s' knows no teachers", store_path(store));
        lab_close(lab);
    }
    free(yaml);
    free(text);
    return rc;
}

/* ---- the run ---- */

struct job {
    struct lab lab;
    struct settings settings;
    struct space_arch arch;
    struct tr_student student;
    struct rt_arena model;
    struct tr_weights weights;
    struct tr_recipe recipe;
    const struct tr_kernels *kernels;
    struct tr_train_summary summary;
    double inherited; /* share of the first weights that come from a teacher */
};

static rt_status train(struct job *job, const atomic_int *stop, struct rt_err *err)
{
    const struct lab *lab = &job->lab;
    const int threads = lab->study.search.workers;
    struct lab_meter meter = {.name = "student"};
    const struct tr_training training = {.student = &job->student,
                                         .data = &lab->data,
                                         .recipe = &job->recipe,
                                         .seed = lab->study.seed,
                                         .lanes = TR_LANES,
                                         .threads = threads < TR_LANES ? threads : TR_LANES,
                                         .stop = stop,
                                         .progress = lab_meter_step,
                                         .progress_context = &meter};

    RT_TRY(tr_student_init(&job->student, &job->arch, &lab->shape, job->kernels, err));
    RT_TRY(rt_arena_init(&job->model, tr_weights_bytes(&job->student, true), err));
    RT_TRY(tr_weights_init(&job->weights, &job->student, true, &job->model, err));
    RT_TRY(tr_ancestor_start(job->recipe.init == TR_INIT_PRUNE ? lab->data.ancestor : NULL,
                             &job->student, lab->study.seed, job->weights.params, &job->inherited,
                             err));
    return tr_train(&training, &job->weights, &job->summary, err);
}

/* ---- the report ---- */

struct exam { /* student and ensemble on the test file */
    struct tr_fidelity student, ensemble;
};

struct sheets { /* what both wrote; n rows */
    float *student, *teachers, *ensemble;
    double *target;
    int *rows;
};

static void sheets_release(struct sheets *s)
{
    free(s->student);
    free(s->teachers);
    free(s->ensemble);
    free(s->target);
    free(s->rows);
}

static rt_status sheets_init(struct sheets *s, size_t n, size_t classes, size_t teachers,
                             struct rt_err *err)
{
    *s = (struct sheets){malloc(n * classes * sizeof(float)),
                         malloc(n * classes * teachers * sizeof(float)),
                         malloc(n * classes * sizeof(float)), malloc(n * classes * sizeof(double)),
                         malloc(n * sizeof(int))};
    if (s->student && s->teachers && s->ensemble && s->target && s->rows)
        return RT_OK;
    return rt_fail(err, RT_ENOMEM, "no memory to evaluate %zu test examples", n);
}

static rt_status grade(const struct job *job, const struct tr_images *test, struct sheets *s,
                       struct exam *exam, struct rt_err *err)
{
    const struct lab *lab = &job->lab;
    const struct tr_distill *distill = &job->recipe.distill;
    const int classes = test->classes, teachers = lab->study.teachers.count;
    const struct tr_teaching teaching = lab_teaching(lab, NULL);
    const struct tr_knowledge said = {
        .key = {.teachers = teachers, .classes = classes, .rows = test->count},
        .logits = s->teachers};

    for (int i = 0; i < test->count; i++)
        s->rows[i] = i;
    RT_TRY(tr_teachers_predict(&teaching, test, s->teachers, err));
    RT_TRY(tr_predict(&job->student, &job->weights, test, &lab->split, s->rows, test->count,
                      lab->study.search.workers, s->student, err));
    tr_ensemble_rows(distill, &said, s->rows, test->count, s->target);
    tr_log_of(s->target, (size_t)test->count * classes, s->ensemble);
    RT_TRY(tr_fidelity_measure(s->student, s->target, test->labels, test->count, classes,
                               &exam->student, err));
    return tr_fidelity_measure(s->ensemble, s->target, test->labels, test->count, classes,
                               &exam->ensemble, err);
}

static rt_status examine(const struct job *job, struct exam *exam, struct rt_err *err)
{
    struct tr_images test;
    struct sheets sheets;
    rt_status rc;

    RT_TRY(lab_test_images(&job->lab, &test, err));
    rc = sheets_init(&sheets, (size_t)test.count, (size_t)test.classes,
                     (size_t)job->lab.study.teachers.count, err);
    if (rc == RT_OK)
        rc = grade(job, &test, &sheets, exam, err);
    sheets_release(&sheets);
    tr_images_release(&test);
    return rc;
}

static int64_t ensemble_params(const struct lab *lab)
{
    int64_t sum = 0;

    for (int k = 0; k < lab->study.teachers.count; k++)
        sum += tr_teacher_params(&lab->study.teachers.teacher[k], &lab->shape);
    return sum;
}

static void print_exam(const struct job *job, const struct exam *exam)
{
    const struct tr_fidelity *s = &exam->student, *e = &exam->ensemble;
    const double params = (double)job->student.param_count;
    const double teachers = (double)ensemble_params(&job->lab);
    char arch[SPACE_ARCH_TEXT];

    space_arch_print(&job->arch, arch);
    (void)printf("student            %s\n", arch);
    (void)printf("training           %d steps of %d, %.0f s\n", job->recipe.steps,
                 job->recipe.batch, job->summary.seconds);
    if (job->recipe.init == TR_INIT_PRUNE)
        (void)printf("start              %.1f %% of the weights cut out of teacher '%s'\n",
                     100 * job->inherited,
                     job->lab.study.teachers.teacher[job->lab.study.prune.teacher].name);
    (void)printf("test accuracy      %.2f %% +- %.2f\n", 100 * (1 - s->error), 100 * s->error_se);
    (void)printf("ensemble accuracy  %.2f %% +- %.2f\n", 100 * (1 - e->error), 100 * e->error_se);
    (void)printf("retained           %.2f %% of the ensemble's accuracy\n",
                 100 * (1 - s->error) / (1 - e->error));
    (void)printf("agreement          %.2f %% +- %.2f with the ensemble\n", 100 * s->agreement,
                 100 * s->agreement_se);
    (void)printf("KL to the ensemble %.4f +- %.4f\n", s->kl, s->kl_se);
    (void)printf("parameters         %.0f (%.0f bytes)\n", params, 4 * params);
    if (teachers > 0)
        (void)printf("compression        %.2f %% smaller than the ensemble, %.1fx\n",
                     100 * (1 - params / teachers), teachers / params);
}

static rt_status write_weights(const struct job *job, const struct exam *exam, const char *path,
                               struct rt_err *err)
{
    char arch[SPACE_ARCH_TEXT], error[32], mean[32], sd[32];
    const struct tr_metadata metadata[] = {
        {"format", "retort"},
        {"arch", arch},
        {"pool", job->lab.shape.pool == SPACE_POOL_CLASS ? "class" : "mean"},
        {"test_error", error},
        {"pixel_mean", mean},
        {"pixel_sd", sd},
        {NULL, NULL}};

    space_arch_print(&job->arch, arch);
    (void)snprintf(error, sizeof error, "%.6f", exam->student.error);
    (void)snprintf(mean, sizeof mean, "%.9g", (double)job->lab.split.mean);
    (void)snprintf(sd, sizeof sd, "%.9g", (double)job->lab.split.sd);
    RT_TRY(tr_safetensors_write(path, &job->student, job->weights.params, metadata, err));
    (void)printf("weights            %s\n", path);
    return RT_OK;
}

static rt_status distil(struct job *job, const struct wishes *wishes, const atomic_int *stop,
                        struct rt_err *err)
{
    struct lab *lab = &job->lab;
    struct exam exam;

    RT_TRY(tr_teachers_cached(&lab->study.teachers) ? lab_teachers_open(lab, err)
                                                    : lab_teach(lab, stop, err));
    RT_TRY(lab_live_open(lab, &lab->study.full, err));
    const struct tr_recipe full = study_full_recipe(&lab->study, lab->split.train_count);
    const struct evaluator context = {
        .recipe = &full, .kernels = lab->kernels, .tunings = &job->settings.tunings};
    job->recipe = evaluator_recipe(&context, job->arch.width);
    job->kernels = evaluator_kernels(&context, job->arch.width);
    if (wishes->steps > 0)
        job->recipe.steps = (int)wishes->steps;
    RT_TRY(train(job, stop, err));
    RT_TRY(examine(job, &exam, err));
    print_exam(job, &exam);
    return wishes->output ? write_weights(job, &exam, wishes->output, err) : RT_OK;
}

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {
        {"output", required_argument, NULL, 'o'}, {"steps", required_argument, NULL, 's'}, {0}};
    bool good = true;

    *w = (struct wishes){.steps = -1};
    for (int o; good && (o = command_option("distill", argc, argv, "o:", longs)) != -1;) {
        if (o == 'o')
            w->output = optarg;
        else
            good = o == 's' && command_int64("distill", "--steps", optarg, 1, INT32_MAX, &w->steps);
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
    if ((rc = find_candidate(store, wishes.candidate, &job.arch, &err)) == RT_OK)
        rc = read_study(store, &job.lab, &job.settings, &err);
    store_close(store);
    if (rc == RT_OK) {
        rc = distil(&job, &wishes, stop, &err);
        rt_arena_release(&job.model);
        tr_student_release(&job.student);
        lab_close(&job.lab);
    }
    return rc == RT_OK ? COMMAND_DONE : command_failed("distill", &err);
}

const struct command command_distill = {
    .name = "distill",
    .use = "DB CANDIDATE [-o FILE.safetensors] [--steps N]",
    .summary = "train one student by the full recipe and test it",
    .help = "CANDIDATE is a candidate's number or its architecture, as `retort front` shows them.\n"
            "Trains it by the study's `full` recipe on all cores, and prints its accuracy on the\n"
            "test file, its agreement with the ensemble, and how much smaller it is.\n"
            "\n"
            "  -o, --output FILE  write the weights, in safetensors format\n"
            "  --steps N          optimiser steps, in place of the study's\n",
    .run = run,
};
