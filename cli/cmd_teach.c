/* cli/cmd_teach.c -- `retort teach STUDY`. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/session.h"
#include "trainer/task/npy.h"

/* digits behind the point or, below 0, four in all; "-" where nobody knows. */
static void print_cell(int width, int digits, double value, const char *unit)
{
    char text[32] = "-";

    if (isfinite(value) && digits >= 0)
        (void)snprintf(text, sizeof text, "%.*f%s", digits, value, unit);
    else if (isfinite(value))
        (void)snprintf(text, sizeof text, "%.4g%s", value, unit);
    (void)printf(" %*s", width, text);
}

/* The task's own measures stand behind those of all tasks; params 0: unknown. */
static void print_row(const char *name, int64_t params, const struct tr_metrics *m,
                      const struct space_objective *own)
{
    const struct tr_metric *error = tr_metrics_find(m, "error");

    (void)printf("%-16.16s", name);
    print_cell(10, 0, params ? (double)params : NAN, "");
    (void)printf(" %6.2f %% +- %4.2f", 100 * error->value, 100 * error->error);
    print_cell(7, 4, tr_metrics_value(m, "nll"), "");
    print_cell(7, 4, tr_metrics_value(m, "ece"), "");
    print_cell(10, 1, 100 * tr_metrics_value(m, "agreement"), " %");
    for (; own && own->name; own++)
        print_cell(10, -1, own->factor * tr_metrics_value(m, own->name), "");
}

static rt_status print_teachers(const struct session *session, struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &session->study.teachers;
    const struct tr_ensemble *ensemble = &session->study.ensemble;
    const struct space_objective *own = session->task->kind->measures;
    int64_t total = 0;
    bool known = true; /* the parameters of all */

    (void)printf("%-16s %10s %8s %7s %7s %7s %10s", "teacher", "params", "error", "", "nll", "ece",
                 "agreement");
    for (const struct space_objective *m = own; m && m->name; m++)
        (void)printf(" %10.10s", m->title);
    (void)printf(" %6s %5s\n", "weight", "T");
    for (int k = 0; k <= spec->count; k++) {
        const bool one = k < spec->count;
        struct tr_metrics metrics = {0};
        RT_TRY(tr_teacher_measure(session->task, &session->knowledge, ensemble, k, &metrics, err));
        int64_t params = known ? total : 0;
        if (one) {
            params = tr_teacher_params(&spec->teacher[k], &session->shape);
            total += params;
            known = known && params;
        }
        print_row(one ? spec->teacher[k].name : "ensemble", params, &metrics, own);
        if (one)
            (void)printf(" %6.3f %5.2f", ensemble->weight[k], ensemble->calibration[k]);
        (void)fputs("\n", stdout);
    }
    if (!study_rows_unseen(&session->study))
        (void)printf("\n%s\n", session_rows_warning);
    return RT_OK;
}

/* Which members the names are of; false after a usage error. */
static bool find_members(const struct tr_ensemble_spec *spec, const char *const names[], int count,
                         bool retrain[TR_MAX_TEACHERS])
{
    for (int i = 0; i < count; i++) {
        int k = 0;
        while (k < spec->count && strcmp(names[i], spec->teacher[k].name) != 0)
            k++;
        if (k == spec->count || !(spec->teacher[k].kind->gives & TR_TRAINED_HERE)) {
            (void)command_usage("teach", "--retrain '%.60s': the study %s", names[i],
                                k == spec->count ? "has no teacher of that name"
                                                 : "does not train that teacher");
            return false;
        }
        retrain[k] = true;
    }
    return true;
}

/* The rows that teachers trained elsewhere must not be trained on. */
static rt_status export_rows(const struct session *session, const char *path, struct rt_err *err)
{
    const struct tr_split *split = &session->task->split;

    RT_TRY(tr_npy_write_rows(path, split->validation, split->validation_count, err));
    (void)printf("%s: %d validation rows of %d\n", path, split->validation_count,
                 session->task->rows);
    return RT_OK;
}

static rt_status teach(struct session *session, const bool retrain[TR_MAX_TEACHERS],
                       const atomic_int *stop, struct rt_err *err)
{
    const struct study *study = &session->study;
    const bool trials = tr_layers_on(&study->recipe.layers);

    RT_TRY(session_teach(session, retrain, stop, err));
    RT_TRY(session_resident_open(session, trials ? &study->recipe : &study->full, stop, err));
    RT_TRY(session_weigh(session, err));
    return print_teachers(session, err);
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {
        {"retrain", required_argument, NULL, 'r'}, {"rows", required_argument, NULL, 'R'}, {0}};
    const char *path = NULL, *rows = NULL, *names[TR_MAX_TEACHERS];
    bool retrain[TR_MAX_TEACHERS] = {false};
    struct session session;
    struct rt_err err;
    int option, count = 0;

    while ((option = command_option("teach", argc, argv, "", longs)) != -1) {
        if (option == 'R') {
            rows = optarg;
            continue;
        }
        if (option != 'r')
            return COMMAND_USAGE;
        if (count == TR_MAX_TEACHERS)
            return command_usage("teach", "--retrain may stand %d times at most", count);
        names[count++] = optarg;
    }
    if (!command_operand("teach", argc, argv, "STUDY", &path) ||
        !command_no_more("teach", argc, argv))
        return COMMAND_USAGE;
    const atomic_int *stop = command_catch_signals();
    if (session_open(&session, path, NULL, &err))
        return command_failed("teach", &err);
    if (!find_members(&session.study.teachers, names, count, retrain)) {
        session_close(&session);
        return COMMAND_USAGE;
    }
    const rt_status rc =
        rows ? export_rows(&session, rows, &err) : teach(&session, retrain, stop, &err);
    session_close(&session);
    return rc == RT_OK ? COMMAND_DONE : command_failed("teach", &err);
}

const struct command command_teach = {
    .name = "teach",
    .use = "STUDY [--retrain NAME]... [--rows FILE]",
    .summary = "train the teachers and cache what they know",
    .help =
        "Trains the teachers that are missing, on as many cores as `teachers.lanes` allows, runs\n"
        "those that are commands, once, reads those given as recorded logits, and writes the\n"
        "knowledge cache that all trials share.\n"
        "Prints how each does on the validation split, its weight in the ensemble, and the\n"
        "temperature T that calibrates it, where the study wants that. `retort search` does this\n"
        "by itself when the cache is missing; a stale cache it refuses.\n"
        "\n"
        "A teacher's weights that are there are never replaced unasked: those of another recipe "
        "or\n"
        "of other data, or damaged ones, are refused with the reason.\n"
        "  --retrain NAME   train this teacher anew, or run its command again, all the same; may\n"
        "                   be given several times\n"
        "  --rows FILE      only write the numbers of the validation rows, as .npy of int64: "
        "leave\n"
        "                   them out where you train teachers of your own, and name the file in "
        "the\n"
        "                   study (data.validation_rows)\n",
    .run = run,
};
