/* cli/cmd_replay.c -- `retort replay DB N`: a trial once more, compared with what it came to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kept_evaluator.h"
#include "cli/program.h"
#include "cli/replay.h"

struct wishes {
    const char *db, *study; /* study NULL: as it is kept in the database */
    int64_t trial;
};

/* ---- what made it ---- */

static const char *or_unknown(const char *text)
{
    return text[0] ? text : "not kept";
}

/* `own`: a command evaluates, and nothing of what multiplies here took part. */
static void print_program(const char *head, const char *host, const struct store_program *p,
                          bool own)
{
    (void)printf("%-18s retort %s, build %s", head, or_unknown(p->version), or_unknown(p->build));
    if (!own)
        (void)printf(", kernels %s, %s", or_unknown(p->kernels),
                     p->blas[0] ? p->blas : "BLAS not kept");
    (void)printf(", %s", p->libc[0] ? p->libc : "libc not kept");
    (void)printf(host[0] ? " on %s\n" : "\n", host);
}

static void print_head(const struct wishes *wishes, const struct store_record *record,
                       const struct study *study)
{
    struct store_program here;

    (void)printf("trial %" PRId64 " of %s\n%-18s %s\n%-18s %" PRIu64 "\n", wishes->trial,
                 wishes->db, "architecture", record->arch, "seed", record->seed);
    if (!study->own)
        (void)printf("%-18s %" PRId64 "\n", "steps",
                     record->budget ? record->budget : (int64_t)study->recipe.steps);
    program_query(study->own ? "none" : record->program.kernels, &here);
    print_program("made by", record->host, &record->program, study->own);
    print_program("now", "", &here, study->own);
    (void)fflush(stdout);
}

/* ---- once more ---- */

struct job {
    struct session session;
    struct settings settings;
    struct store_record record;
    struct search_job job;
    struct space_arch arch;
};

/* By the study's own command: whether that gives the same again is its affair. */
static rt_status run_outside(struct job *job, struct store_result *result, struct rt_err *err)
{
    struct study *study = &job->session.study;
    struct search_external *external;

    study->search.workers = 1;
    study->external.texts = job->settings.texts;
    RT_TRY(search_external_open(&study->external, &study->space, &study->search, &external, err));
    search_external_evaluate(external, &job->job, result);
    search_external_close(external);
    return RT_OK;
}

static rt_status run_here(struct job *job, struct store *store, struct store_result *result,
                          const atomic_int *stop, struct rt_err *err)
{
    struct kept_evaluator kept = {0};
    const rt_status rc =
        kept_evaluator_open(&kept, &job->session, &job->settings, store, false, stop, err);

    if (rc == RT_OK)
        evaluator_run(&kept.evaluator, &job->job, result);
    kept_evaluator_close(&kept);
    RT_TRY(rc);
    return result->status == RT_ESTOP ? rt_fail(err, RT_ESTOP, "stopped") : RT_OK;
}

static rt_status prepare(struct job *job, const struct wishes *wishes, struct store *store,
                         const atomic_int *stop, struct rt_err *err)
{
    const struct study *study = &job->session.study;
    const struct store_record *record = &job->record;

    if (strcmp(record->state, "committed") != 0 && strcmp(record->state, "failed") != 0)
        return rt_fail(err, RT_EARG, "trial %" PRId64 " of '%s' is %s: it has no result yet",
                       wishes->trial, wishes->db, record->state);
    RT_TRY(kept_study_open(store, wishes->study, true, &job->session, &job->settings, err));
    RT_TRY(space_parse(&study->space, record->arch, &job->arch, err));
    job->job = (struct search_job){.number = wishes->trial,
                                   .arch = &job->arch,
                                   .rung = record->rung,
                                   .budget = record->budget,
                                   .inherits = record->inherits,
                                   .seed = record->seed,
                                   .replicate = record->replicate,
                                   .stop = stop};
    return RT_OK;
}

static rt_status say(const struct wishes *wishes, struct job *job, struct store_result *now,
                     struct rt_err *err)
{
    struct replay replay;

    replay_lend_latency(&job->record.result, now);
    search_judge(&job->session.study.search, &job->session.study.space, &job->arch, now);
    replay_compare(&job->record.result, now, stdout, &replay);
    if (!replay_equal(&replay))
        return rt_fail(err, RT_EMISMATCH,
                       "trial %" PRId64 " differs: %d of %d metrics and %d of %d points of its "
                       "curves%s%s",
                       wishes->trial, replay.different_values, replay.values,
                       replay.different_points, replay.points,
                       replay.another_kind ? ", and how it ended" : "",
                       job->session.study.own ? "; that is the command's affair" : "");
    if (replay.failed_now)
        (void)printf("equal: it fails in the same way\n");
    else
        (void)printf("equal, bit for bit: %d metrics and %d points of its curves; latency aside\n",
                     replay.values, replay.points);
    return RT_OK;
}

static rt_status replay(struct job *job, const struct wishes *wishes, struct store *store,
                        const atomic_int *stop, struct rt_err *err)
{
    struct store_result now = {.status = RT_OK};
    rt_status rc;

    print_head(wishes, &job->record, &job->session.study);
    rc = job->session.study.own ? run_outside(job, &now, err)
                                : run_here(job, store, &now, stop, err);
    if (rc == RT_OK)
        rc = say(wishes, job, &now, err);
    store_result_release(&now);
    return rc;
}

/* ---- the command ---- */

static int parse(int argc, char **argv, struct wishes *w)
{
    const struct option longs[] = {{"study", required_argument, NULL, 'S'}, {0}};
    const char *trial = NULL;
    bool good = true;

    *w = (struct wishes){.trial = -1};
    for (int o; good && (o = command_option("replay", argc, argv, "", longs)) != -1;) {
        if (o == 'S')
            w->study = optarg;
        else
            good = false;
    }
    return good && command_operand("replay", argc, argv, "DB", &w->db) &&
                   command_operand("replay", argc, argv, "N", &trial) &&
                   command_no_more("replay", argc, argv) &&
                   command_int64("replay", "N", trial, 0, INT64_MAX, &w->trial)
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
    if (!(store = command_open_read("replay", wishes.db)))
        return COMMAND_FAILED;
    if ((rc = store_record_load(store, wishes.trial, &job.record, &err)) == RT_OK &&
        (rc = prepare(&job, &wishes, store, stop, &err)) == RT_OK) {
        rc = replay(&job, &wishes, store, stop, &err);
        session_close(&job.session);
    }
    store_result_release(&job.record.result);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("replay", &err);
}

const struct command command_replay = {
    .name = "replay",
    .use = "DB N [--study FILE]",
    .summary = "train trial N again and compare it with what it came to, bit for bit",
    .help =
        "Says what made the trial (version, build, kernels, BLAS, seed) and what this is, trains "
        "it\n"
        "again and compares all its metrics and curves, but for latency; exit code 1, with what\n"
        "differs, unless all are equal. Of a study with an evaluator of its own the command is\n"
        "asked again. Nothing is recorded.\n"
        "\n"
        "  --study FILE  take the places of files from this file of the same study\n",
    .run = run,
};
