/* cli/retrain.c -- see retrain.h. */
#include "cli/retrain.h"

#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kept_study.h"
#include "reports/report.h"
#include "trainer/task/text/text.h"

bool retrain_operands(const char *command, int argc, char **argv, int most,
                      struct retrain_wishes *w)
{
    const char *first;

    if (!command_operand(command, argc, argv, "DB", &w->db))
        return false;
    w->name = argv + optind;
    w->names = argc - optind;
    if (w->front + w->suggested + (w->names > 0) > 1) {
        (void)command_usage(command, "give candidates, --front or --suggested: one of them");
        return false;
    }
    if (w->front || w->suggested)
        return true;
    if (!command_operand(command, argc, argv, "CANDIDATE", &first))
        return false;
    if (w->names <= most) {
        optind = argc;
        return true;
    }
    return command_no_more(command, argc, argv);
}

/* ---- which students ---- */

static bool is_named(const struct retrain *job, const struct space_arch *arch)
{
    for (int i = 0; i < job->count; i++)
        if (space_arch_equal(&job->arch[i], arch))
            return true;
    return false;
}

/* Each once, however often and by whatever name. */
static rt_status take_names(struct retrain *job, struct store *store, char *const *name, int names,
                            struct rt_err *err)
{
    for (int i = 0; i < names; i++) {
        struct space_arch *arch = &job->arch[job->count];
        const rt_status rc = kept_study_candidate(store, name[i], arch, err);
        if (rc != RT_EARG || space_arch_parse(name[i], arch, NULL) != RT_OK)
            RT_TRY(rc); /* no candidate's, but one of its own */
        job->count += !is_named(job, arch);
    }
    return RT_OK;
}

static rt_status take_front(struct retrain *job, struct store *store, bool suggested,
                            struct report_members *members, struct rt_err *err)
{
    RT_TRY(report_members(store, suggested, members, err));
    job->arch = calloc((size_t)members->count, sizeof *job->arch);
    if (!job->arch)
        return rt_fail(err, RT_ENOMEM, "no memory for %d students", members->count);
    for (; job->count < members->count; job->count++)
        RT_TRY(space_arch_parse(members->arch[job->count], &job->arch[job->count], err));
    return RT_OK;
}

static rt_status choose(struct retrain *job, struct store *store, const struct retrain_wishes *w,
                        struct rt_err *err)
{
    struct report_members members = {0};
    rt_status rc;

    if (w->front || w->suggested) {
        rc = take_front(job, store, w->suggested, &members, err);
        report_members_release(&members);
        return rc;
    }
    job->arch = calloc((size_t)w->names, sizeof *job->arch);
    if (!job->arch)
        return rt_fail(err, RT_ENOMEM, "no memory for %d students", w->names);
    return take_names(job, store, w->name, w->names, err);
}

/* ---- the frame of a command ---- */

/* An architecture that is no candidate's has to fit, too, and to read tokens that the texts were cut
 * into. */
static rt_status check_shapes(const struct retrain *job, struct rt_err *err)
{
    for (int i = 0; i < job->count; i++) {
        const int vocabulary = job->arch[i].vocabulary; /* 0: of no text */
        RT_TRY(space_arch_check(&job->arch[i], &job->session.shape, err));
        if (vocabulary && !tr_text_has_vocabulary(job->session.task, vocabulary))
            return rt_fail(err, RT_EARG,
                           "the study has no vocabulary of %d tokens; give one of space.vocabulary",
                           vocabulary);
    }
    return RT_OK;
}

static void close_job(struct retrain *job)
{
    full_run_close(&job->run);
    session_close(&job->session);
}

int retrain_command(const char *command, const struct retrain_wishes *which, retrain_work *work,
                    const void *wishes)
{
    struct retrain job = {.meter = {.name = "student"}};
    const atomic_int *stop = command_catch_signals();
    struct store *store = command_open_read(command, which->db);
    struct rt_err err;
    rt_status rc;

    if (!store)
        return COMMAND_FAILED;
    if ((rc = choose(&job, store, which, &err)) == RT_OK)
        rc = kept_study_open(store, which->study, false, &job.session, &job.settings, &err);
    store_close(store);
    if (rc == RT_OK) {
        if ((rc = check_shapes(&job, &err)) == RT_OK)
            rc = work(&job, wishes, stop, &err);
        close_job(&job);
    }
    free(job.arch);
    return rc == RT_OK ? COMMAND_DONE : command_failed(command, &err);
}

rt_status retrain_teachers(struct retrain *job, const struct tr_recipe *recipe,
                           const atomic_int *stop, struct rt_err *err)
{
    struct session *session = &job->session;

    RT_TRY(tr_teachers_cached(&session->study.teachers) ? session_teachers_open(session, err)
                                                        : session_teach(session, NULL, stop, err));
    RT_TRY(session_donor_open(session, err));
    return session_resident_open(session, recipe, stop, err);
}

void retrain_begin(struct retrain *job, const struct space_arch *arch,
                   const struct tr_recipe *recipe, const atomic_int *stop)
{
    const struct session *session = &job->session;

    full_run_close(&job->run);
    job->run = (struct full_run){
        .session = session,
        .arch = *arch,
        .recipe = settings_recipe(&job->settings, recipe, arch->width),
        .kernels = settings_kernels(&job->settings, session->kernels, arch->width),
        .seed = session->study.seed,
        .threads = study_cores(&session->study),
        .stop = stop,
        .progress = meter_step,
        .progress_context = &job->meter};
}
