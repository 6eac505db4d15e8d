/* cli/quantities.c -- titles, labels and units of what a study measures.
 *
 * The one place that says what a name means to people: the store keeps it with the study, and
 * reports read it from there.
 */
#include "cli/quantities.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "space/objectives.h"

/* In the order of every report. */
static const struct shown {
    const char *name;
    enum store_detail detail;
    bool if_asked; /* measured as an objective alone */
} shown[] = {
    {"error", STORE_IN_ALL, false},
    {"kl", STORE_IN_WIDE, false},
    {"agreement", STORE_IN_WIDE, false},
    {NULL, STORE_IN_WIDE, false}, /* here stand the task's own measures */
    {"int8_error", STORE_IN_WIDE, true},
    {"int8_kl", STORE_IN_WIDE, true},
    {"latency", STORE_IN_ALL, false},
    {"params", STORE_IN_ALL, false},
    {"bytes", STORE_IN_WIDE, false},
    {"int8_bytes", STORE_IN_WIDE, true},
    {"macs", STORE_IN_WIDE, false},
    {"memory", STORE_IN_WIDE, false},
    {"nll", STORE_BESIDE, false},
    {"ece", STORE_BESIDE, false},
    {"accuracy_retention", STORE_AFTERWARDS, false},
    {"params_reduction", STORE_AFTERWARDS, false},
    {"bytes_reduction", STORE_AFTERWARDS, false},
    {"compression_ratio", STORE_AFTERWARDS, false},
};

/* Those of them that are no objectives, which are in space/objectives.h. */
static const struct space_objective others[] = {
    {"agreement", "agreement", "agreement with the ensemble", "%", 100, 2, false, false, NAN, true},
    {"nll", "NLL", "negative log-likelihood", "", 1, 4, false, false, NAN, true},
    {"ece", "ECE", "expected calibration error", "", 1, 4, false, false, NAN, true},
    {"accuracy_retention", "accuracy kept", "share of the ensemble's accuracy", "", 1, 4, false,
     false, NAN, true},
    {"params_reduction", "fewer params", "parameters saved, as a share", "", 1, 4, false, false,
     NAN, true},
    {"bytes_reduction", "fewer bytes", "bytes saved, as a share", "", 1, 4, false, false, NAN,
     true},
    {"control_rate", "control rate", "steps of control a second", "Hz", 1, 0, true, false, NAN,
     true},
    {"compression_ratio", "times smaller", "times smaller than the ensemble", "", 1, 2, false,
     false, NAN, true},
};

static const struct store_series series[] = {
    {"ce", "cross-entropy", false},
    {"soft", "distillation loss", false},
    {"loss", "loss that was minimised", false},
    {"validation_error", "validation error", false},
    {"grad_norm", "norm of the gradient", false},
    {"temperature", "temperature", true},
    {"learning_rate", "learning rate", true},
    {"ce_weight", "weight of the cross-entropy", true},
    {"validation_kl", "validation KL", true},
};

/* Of students that act: there are no labels. */
static const struct store_series acting_series[] = {
    {"soft", "distillation loss", false},
    {"loss", "loss that was minimised", false},
    {"round_return", "mean return of the rounds", false},
    {"validation_kl", "validation KL", true},
    {"validation_error", "validation error", false},
    {"return", "return at the end", false},
    {"grad_norm", "norm of the gradient", false},
    {"temperature", "temperature", true},
    {"learning_rate", "learning rate", true},
    {"ce_weight", "weight of the cross-entropy", true},
};

static bool is_objective(const struct study *study, const char *name)
{
    for (int i = 0; i < study->search.objective_count; i++)
        if (strcmp(study->search.objectives[i], name) == 0)
            return true;
    return false;
}

static struct store_quantity of_measure(const struct space_objective *m, enum store_detail detail)
{
    return (struct store_quantity){.name = m->name,
                                   .title = m->title,
                                   .label = m->label,
                                   .unit = m->unit,
                                   .factor = m->factor,
                                   .digits = m->digits,
                                   .logarithmic = m->logarithmic,
                                   .exact = m->exact,
                                   .best = m->best,
                                   .detail = detail};
}

/* Whatever a command measures is shown as it is, but for the scale of what is called like a cost. */
static struct store_quantity of_command(const char *name)
{
    const struct space_objective *o = space_objective_named(name);

    return (struct store_quantity){.name = name,
                                   .title = name,
                                   .label = name,
                                   .unit = "",
                                   .factor = 1,
                                   .digits = -1,
                                   .logarithmic = o && o->logarithmic,
                                   .exact = o && o->exact,
                                   .best = o ? o->best : (double)NAN};
}

static struct store_quantity of_student(const struct shown *row)
{
    const struct space_objective *m = space_objective_named(row->name);
    size_t i = 0;

    while (!m && i + 1 < sizeof others / sizeof *others && strcmp(others[i].name, row->name) != 0)
        i++;
    assert(m || strcmp(others[i].name, row->name) == 0);
    return of_measure(m ? m : &others[i], row->detail);
}

static void add_own(const struct space_objective *m, enum store_detail detail,
                    struct quantities *quantities)
{
    for (; m && m->name; m++)
        quantities->row[quantities->count++] = of_measure(m, detail);
}

/* Settings of latency, the first of which has a row; all say what machine they are of, when it is
 * another one. Of students that act the time of one step is followed by its rate. */
static void add_settings(const struct study *study, struct quantities *quantities)
{
    struct tr_latency_options setting[STUDY_LATENCIES];
    const int count = study_latencies(study, setting);
    const char *host = study->latency.host, *on = host[0] ? " on " : "";

    assert(quantities->count >= 1);
    if (host[0]) {
        (void)snprintf(quantities->text[0][1], sizeof *quantities->text[0], "latency on %s", host);
        quantities->row[quantities->count - 1].label = quantities->text[0][1];
    }
    if (study_task_of(study)->kind->act && setting[0].batch == 1)
        quantities->row[quantities->count++] =
            of_student(&(struct shown){"control_rate", STORE_IN_ALL, false});
    for (int i = 1; i < count && quantities->count < STORE_MAX_QUANTITIES; i++) {
        struct store_quantity *q = &quantities->row[quantities->count];
        char(*text)[sizeof *quantities->text[0]] = quantities->text[i];
        study_latency_name(&setting[i], false, text[0]);
        (void)snprintf(text[1], sizeof text[1], "latency%s%s, %d threads, batch %d", on, host,
                       setting[i].threads, setting[i].batch);
        *q = of_measure(space_objective_named("latency"), STORE_IN_WIDE);
        q->name = q->title = text[0];
        q->label = text[1];
        quantities->count++;
    }
}

/* Of students that act: what comes of it, before what they answer. */
static void choose_acting(const struct study *study, struct quantities *quantities)
{
    add_own(study_task_of(study)->kind->measures, STORE_IN_WIDE, quantities);
    assert(quantities->count >= 2);
    quantities->row[0].detail = quantities->row[1].detail = STORE_IN_ALL;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (shown[i].name && (!shown[i].if_asked || is_objective(study, shown[i].name))) {
            quantities->row[quantities->count] = of_student(&shown[i]);
            if (strcmp(shown[i].name, "error") == 0)
                quantities->row[quantities->count].detail = STORE_IN_WIDE;
            quantities->count++;
            if (strcmp(shown[i].name, "latency") == 0)
                add_settings(study, quantities);
        }
}

static void choose(const struct study *study, struct quantities *quantities)
{
    quantities->count = 0;
    if (!study->own && study_task_of(study)->kind->act) {
        choose_acting(study, quantities);
        return;
    }
    for (int i = 0; i < study->search.objective_count && study->own; i++)
        quantities->row[quantities->count++] = of_command(study->search.objectives[i]);
    for (size_t i = 0; i < sizeof shown / sizeof *shown && !study->own; i++) {
        if (!shown[i].name)
            add_own(study_task_of(study)->kind->measures, shown[i].detail, quantities);
        else if (!shown[i].if_asked || is_objective(study, shown[i].name))
            quantities->row[quantities->count++] = of_student(&shown[i]);
        if (shown[i].name && strcmp(shown[i].name, "latency") == 0)
            add_settings(study, quantities);
    }
}

static const char of_answers[] =
    "Error, agreement and KL are taken on the validation split at temperature 1 after a short "
    "distillation run; ± is one standard error over its examples. The test split was not looked "
    "at.";

void quantities_place(const struct study *study, struct quantities *quantities,
                      struct store_study *row)
{
    choose(study, quantities);
    row->quantity = quantities->row;
    row->quantity_count = quantities->count;
    if (study->own) {
        row->task = "";
        row->noun = "architecture";
        row->method = "All values are what the study's own command answered.";
        return;
    }
    row->series = study_task_of(study)->kind->act ? acting_series : series;
    row->series_count = study_task_of(study)->kind->act
                            ? sizeof acting_series / sizeof *acting_series
                            : sizeof series / sizeof *series;
    row->task = study_task_of(study)->name;
    row->noun = "student";
    row->method = study_task_of(study)->method ? study_task_of(study)->method : of_answers;
}
