/* cli/cmd_teach.c -- `retort teach STUDY`. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/session.h"

static void print_row(const char *name, int64_t params, const struct tr_fidelity *f)
{
    (void)printf("%-16.16s %10lld %6.2f %% +- %4.2f %7.4f %7.4f %8.1f %%", name, (long long)params,
                 100 * f->error, 100 * f->error_se, f->nll, f->ece, 100 * f->agreement);
}

static rt_status print_teachers(const struct session *session, struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &session->study.teachers;
    const struct tr_distill *distill = &session->study.recipe.distill;
    int64_t total = 0;

    (void)printf("%-16s %10s %8s %7s %7s %7s %10s %6s %5s\n", "teacher", "params", "error", "",
                 "nll", "ece", "agreement", "weight", "T");
    for (int k = 0; k <= spec->count; k++) {
        const bool one = k < spec->count;
        struct tr_fidelity fidelity;
        RT_TRY(tr_teacher_fidelity(&session->data, distill, k, &fidelity, err));
        const int64_t params = one ? tr_teacher_params(&spec->teacher[k], &session->shape) : total;
        total += one ? params : 0;
        print_row(one ? spec->teacher[k].name : "ensemble", params, &fidelity);
        if (one)
            (void)printf(" %6.3f %5.2f", distill->weight[k], distill->calibration[k]);
        (void)fputs("\n", stdout);
    }
    return RT_OK;
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{0}};
    const char *path = NULL;
    struct rt_err err;
    struct session session;
    rt_status rc;

    if (command_option("teach", argc, argv, "", longs) != -1)
        return COMMAND_USAGE;
    if (!command_operand("teach", argc, argv, "STUDY", &path) ||
        !command_no_more("teach", argc, argv))
        return COMMAND_USAGE;
    const atomic_int *stop = command_catch_signals();
    if (session_open(&session, path, NULL, &err))
        return command_failed("teach", &err);
    if ((rc = session_teach(&session, stop, &err)) == RT_OK &&
        (rc = session_weigh(&session, &err)) == RT_OK)
        rc = print_teachers(&session, &err);
    session_close(&session);
    return rc == RT_OK ? COMMAND_DONE : command_failed("teach", &err);
}

const struct command command_teach = {
    .name = "teach",
    .use = "STUDY",
    .summary = "train the teachers and cache what they know",
    .help = "Trains the teachers that are missing or stale, on all cores, reads those given as\n"
            "recorded logits, and writes the knowledge cache that all trials share. Prints how\n"
            "each does on the validation split, its weight in the ensemble, and the temperature T\n"
            "that calibrates it, where the study wants that. `retort search` does this by itself\n"
            "when the cache is missing; a stale cache it refuses.\n",
    .run = run,
};
