/* cli/cmd_confirm.c -- `retort confirm DB`: full runs that tell what short ones are worth. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/random.h"
#include "cli/command.h"
#include "cli/confirm_plan.h"
#include "cli/confirm_runs.h"
#include "cli/formats.h"
#include "cli/kept_study.h"
#include "cli/program.h"
#include "cli/time_again.h"
#include "reports/report.h"

struct wishes {
    const char *db, *study;                  /* study NULL: as it is kept in the database */
    int64_t controls, seeds, steps, workers; /* steps, workers -1: as the study says */
    enum report_format format;
    double seconds; /* for latencies that are not clear */
    bool show;
};

struct job {
    struct session session;
    struct settings settings;
    struct tr_recipe recipe;
    int64_t host;
};

/* ---- the plan ---- */

/* All picks with the first seed, then all with the second, and so on. */
static rt_status plan_picks(const struct job *job, const struct wishes *wishes, const char *recipe,
                            const struct confirm_pick *pick, int count, struct store *store,
                            int *added, struct rt_err *err)
{
    const size_t rows = (size_t)count * (size_t)wishes->seeds;
    struct store_confirmation *plan = calloc(rows + 1, sizeof *plan);

    if (!plan)
        return rt_fail(err, RT_ENOMEM, "no memory to plan %zu full runs", rows);
    for (size_t i = 0; i < rows; i++)
        plan[i] = (struct store_confirmation){
            .candidate = pick[i % (size_t)count].candidate,
            .stratum = pick[i % (size_t)count].stratum,
            .seed = rt_replicate_seed(job->session.study.seed, (int)(i / (size_t)count)),
            .steps = job->recipe.steps,
            .batch = job->recipe.batch};
    const rt_status rc = store_confirm_plan(store, recipe, plan, (int)rows, added, err);
    free(plan);
    return rc;
}

static rt_status plan(const struct job *job, const struct wishes *wishes, const char *recipe,
                      struct store *store, struct store_confirmation **open, int *count,
                      struct rt_err *err)
{
    struct store_confirmable *list;
    struct confirm_pick *pick;
    int candidates, picked, added = 0;
    rt_status rc;

    RT_TRY(store_confirmables(store, &list, &candidates, err));
    rc = confirm_plan(list, candidates, (int)wishes->controls, job->session.study.seed, &pick,
                      &picked, err);
    free(list);
    RT_TRY(rc);
    if (!picked)
        rc = rt_fail(err, RT_EARG, "'%s' has no results to confirm; retort search makes some",
                     wishes->db);
    else
        rc = plan_picks(job, wishes, recipe, pick, picked, store, &added, err);
    free(pick);
    RT_TRY(rc);
    RT_TRY(store_confirm_open(store, recipe, open, count, err));
    (void)fprintf(stderr,
                  "confirm: %d candidates, %lld seeds each: %d full runs of %d steps to do\n",
                  picked, (long long)wishes->seeds, *count, job->recipe.steps);
    return RT_OK;
}

/* ---- the runs ---- */

static rt_status prepare(struct job *job, const struct wishes *wishes, struct store *store,
                         const atomic_int *stop, struct rt_err *err)
{
    struct session *session = &job->session;
    struct rt_machine machine;

    rt_machine_query(&machine);
    RT_TRY(settings_check(&job->settings, session, err));
    RT_TRY(tr_teachers_cached(&session->study.teachers) ? session_teachers_open(session, err)
                                                        : session_teach(session, NULL, stop, err));
    RT_TRY(session_donor_open(session, err));
    RT_TRY(session_resident_open(session, &session->study.full, stop, err));
    job->recipe = study_full_recipe(&session->study, session->task->split.train_count);
    if (!job->recipe.micro_batch) /* one that is timed anew each time would change last bits */
        job->recipe.micro_batch = session->study.recipe.micro_batch;
    if (wishes->steps > 0)
        job->recipe.steps = (int)wishes->steps;
    if (wishes->workers > 0)
        session->study.search.workers = (int)wishes->workers;
    RT_TRY(program_record(store, job->settings.kernels, err));
    return store_host(store, &machine, job->settings.kernels, &job->host, err);
}

/* ---- latency ---- */

static bool is_timed(const struct study *study)
{
    for (int i = 0; i < study->search.objective_count; i++)
        if (study_is_latency(study, study->search.objectives[i]))
            return true;
    for (int i = 0; i < study->search.constraint_count; i++)
        if (study_is_latency(study, study->search.constraint[i].metric))
            return true;
    return false;
}

/* Of whom there are full runs: arch[*count]; the caller frees the texts and the list. */
static rt_status list_confirmed(struct store *store, char ***arch, int *count, struct rt_err *err)
{
    static const char sql[] =
        "select distinct c.arch from confirmation r join candidate c on c.id ="
        " r.candidate where r.state = 'done' order by c.id";
    sqlite3 *db = store_handle(store);
    sqlite3_stmt *q = NULL;
    int code = SQLITE_ERROR;

    *arch = NULL;
    *count = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK)
        while ((code = sqlite3_step(q)) == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(q, 0);
            char **more = realloc(*arch, (size_t)(*count + 1) * sizeof *more);
            *arch = more ? more : *arch;
            if (!text || !more || !(more[*count] = strdup(text)))
                break;
            ++*count;
        }
    (void)sqlite3_finalize(q);
    if (code == SQLITE_ROW)
        return rt_fail(err, RT_ENOMEM, "no memory for the candidates");
    return code == SQLITE_DONE ? RT_OK
                               : rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store),
                                         sqlite3_errmsg(db));
}

/* By clear figures, now that all cores are at rest; what is clear already is left alone. */
static rt_status time_confirmed(struct job *job, double seconds, struct store *store,
                                const atomic_int *stop, struct rt_err *err)
{
    struct time_again again = {.store = store,
                               .session = &job->session,
                               .settings = &job->settings,
                               .seconds = seconds,
                               .unsure_alone = true,
                               .stop = stop};
    char **arch;
    rt_status rc;

    if (!is_timed(&job->session.study))
        return RT_OK;
    rc = list_confirmed(store, &arch, &again.count, err);
    again.arch = arch;
    if (rc == RT_OK && again.count)
        rc = time_again(&again, err);
    time_again_close(&again);
    for (int i = 0; arch && i < again.count; i++)
        free(arch[i]);
    free(arch);
    return rc;
}

static rt_status confirm(struct job *job, const struct wishes *wishes, struct store *store,
                         const atomic_int *stop, bool *stopped, struct rt_err *err)
{
    struct store_confirmation *open = NULL;
    char recipe[RT_HASH_TEXT];
    int count = 0;
    rt_status rc;

    RT_TRY(prepare(job, wishes, store, stop, err));
    study_full_hash(&job->session.study, &job->recipe, recipe);
    RT_TRY(plan(job, wishes, recipe, store, &open, &count, err));
    rc = confirm_runs(&(struct confirm_runs){.session = &job->session,
                                             .settings = &job->settings,
                                             .store = store,
                                             .host = job->host,
                                             .workers = job->session.study.search.workers,
                                             .recipe = &job->recipe,
                                             .run = open,
                                             .count = count,
                                             .stop = stop},
                      stopped, err);
    free(open);
    return rc == RT_OK && !*stopped ? time_confirmed(job, wishes->seconds, store, stop, err) : rc;
}

/* ---- the command ---- */

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"controls", required_argument, NULL, 'c'},
                                   {"seeds", required_argument, NULL, 'r'},
                                   {"steps", required_argument, NULL, 's'},
                                   {"workers", required_argument, NULL, 'w'},
                                   {"study", required_argument, NULL, 'S'},
                                   {"format", required_argument, NULL, 'f'},
                                   {"seconds", required_argument, NULL, 'l'},
                                   {"show", no_argument, NULL, 'o'},
                                   {0}};
    bool good = true;

    *w = (struct wishes){.controls = 10, .seeds = 1, .steps = -1, .workers = -1, .seconds = 60};
    for (int o; good && (o = command_option("confirm", argc, argv, "", longs)) != -1;) {
        switch (o) {
        case 'c':
            good = command_int64("confirm", "--controls", optarg, 0, 10000, &w->controls);
            break;
        case 'r': good = command_int64("confirm", "--seeds", optarg, 1, 100, &w->seeds); break;
        case 's':
            good = command_int64("confirm", "--steps", optarg, 1, INT32_MAX, &w->steps);
            break;
        case 'w': good = command_int64("confirm", "--workers", optarg, 1, 1024, &w->workers); break;
        case 'l': good = command_double("confirm", "--seconds", optarg, 0, 1e6, &w->seconds); break;
        case 'S': w->study = optarg; break;
        case 'o': w->show = true; break;
        case 'f': good = format_option("confirm", optarg, &w->format); break;
        default: good = false;
        }
    }
    return good && command_operand("confirm", argc, argv, "DB", &w->db) &&
                   command_no_more("confirm", argc, argv)
               ? COMMAND_DONE
               : COMMAND_USAGE;
}

static int show(const struct wishes *wishes)
{
    struct store *store = command_open_read("confirm", wishes->db);
    struct rt_err err;

    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = report_confirm(store, wishes->format, stdout, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("confirm", &err);
}

static int run(int argc, char **argv)
{
    struct wishes wishes;
    struct store *store;
    struct job job = {0};
    struct rt_err err;
    bool stopped = false;
    rt_status rc;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (wishes.show)
        return show(&wishes);
    const atomic_int *stop = command_catch_signals();
    if (store_open(wishes.db, STORE_WRITE, NULL, &store, &err))
        return command_failed("confirm", &err);
    if ((rc = kept_study_open(store, wishes.study, false, &job.session, &job.settings, &err)) ==
        RT_OK) {
        rc = confirm(&job, &wishes, store, stop, &stopped, &err);
        session_close(&job.session);
    }
    store_close(store);
    if (rc == RT_ESTOP || (rc == RT_OK && stopped)) {
        (void)printf("%s: stopped; run the same command again to go on\n", wishes.db);
        return command_stopped();
    }
    return rc == RT_OK ? show(&wishes) : command_failed("confirm", &err);
}

const struct command command_confirm = {
    .name = "confirm",
    .use = "DB [--controls N] [--seeds N] [--steps N] [--workers N] [--show] [OPTION...]",
    .summary = "full runs of the front and of controls: are the short runs to be believed",
    .help =
        "Trains the front and N other students, drawn from all sizes, by the study's `full` "
        "recipe,\n"
        "each on one core and as many at once as the study has workers; measures them on the\n"
        "validation rows and the test file, and says how well the short runs of the search ranked\n"
        "them: Kendall's tau-b, Spearman's rho, the best in common, what is lost by believing "
        "them,\n"
        "over all and among students of equal cost, and which budget would have been enough. All\n"
        "runs are recorded (view `confirmations`). SIGINT or SIGTERM ends it; the same command\n"
        "goes on, also after a crash, and only does what is missing.\n"
        "\n"
        "  --controls N  students beside the front, one of each part of the range of costs; 10\n"
        "  --seeds N     runs of each student, with further seeds; 1\n"
        "  --steps N     optimiser steps, in place of the study's\n"
        "  --workers N   runs at once, each on one core, in place of the study's\n"
        "  --seconds S   where latency is an objective or constrained: time, in the end, to "
        "measure\n"
        "                that of these students until it is clear (docs/latency.md); 60\n"
        "  --study FILE  take `full` and the places of files from this file of the same study\n"
        "  --show        say what the runs that are there come to, and train nothing\n"
        "  --format F    table, csv or json\n",
    .run = run,
};
