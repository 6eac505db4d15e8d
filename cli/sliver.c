/* cli/sliver.c -- see sliver.h. */
#include "cli/sliver.h"

#include <math.h>
#include <stdio.h>

#include "cli/study.h"

enum { few_steps = 5, few_trials = 4, most_trials = 64 };

static const char *folder; /* NULL: studies are whole */

void sliver_begin(const char *where)
{
    folder = where;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Enough trials for one to reach the last rung. */
static int64_t trials(const struct search_options *search)
{
    double n = few_trials;

    for (int i = 1; i < search->rung_count; i++)
        n *= ceil(search->eta);
    return n < most_trials ? (int64_t)n : most_trials;
}

static void sliver_of_search(struct search_options *search)
{
    search->trials = trials(search);
    search->hours = 0;
    search->patience = 0;
    search->constraint_count = 0; /* nobody learns enough to keep them */
}

static void sliver_of_teachers(struct tr_ensemble_spec *spec)
{
    if (tr_teachers_cached(spec))
        return;
    (void)snprintf(spec->folder, sizeof spec->folder, "%s/teachers", folder);
    for (int k = 0; k < spec->count; k++) {
        struct tr_teacher_spec *teacher = &spec->teacher[k];
        teacher->epochs = 1e-9; /* a step */
        teacher->ppo.steps = (int64_t)teacher->ppo.copies * teacher->ppo.steps_each;
    }
}

void sliver_apply(struct study *study)
{
    struct search_options *search = &study->search;

    if (!folder)
        return;
    (void)snprintf(study->store, sizeof study->store, "%s/smoke.db", folder);
    sliver_of_search(search);
    study->after = (struct study_after){.controls = -1}; /* stages of smoke.c */
    if (study->own)
        return;
    sliver_of_teachers(&study->teachers);
    for (int i = 0; i < search->rung_count; i++)
        search->rung_budget[i] = few_steps + i;
    study->recipe.steps = search->rung_count ? few_steps + search->rung_count - 1
                                             : least(study->recipe.steps, few_steps);
    study->full_epochs = 0;
    study->full.steps = few_steps;
    study->latency.samples = least(study->latency.samples, few_steps);
}
