/* cli/study_rows.c -- studies of tasks with an answer a row (of the next token): what their students and
 * teachers cannot do. Teachers are asked beside the students, as trainer/teachers/live.h says.
 */
#include <stdio.h>

#include "cli/study_internal.h"

static rt_status refuse(const struct assembly *a, bool wrong, const char *key, const char *why)
{
    return wrong ? study__fail(a->yaml, key, a->err, "%s", why) : RT_OK;
}

/* Teachers answer with the students' classes, which are the tokens. */
static rt_status check_teachers(const struct assembly *a)
{
    const struct tr_ensemble_spec *spec = &a->study->teachers;
    const int vocabulary = a->study->space.vocabulary.value[0];
    char key[STUDY_KEY];

    for (int k = 0; k < spec->count; k++) {
        const struct tr_teacher_spec *teacher = &spec->teacher[k];
        (void)snprintf(key, sizeof key, "teachers.members[%d]", k);
        RT_TRY(refuse(a, !(teacher->kind->gives & TR_TRAINED_HERE), key,
                      "teachers of the next token are trained here; give train"));
        if (teacher->arch.vocabulary == vocabulary)
            continue;
        (void)snprintf(key, sizeof key, "teachers.members[%d].train.arch", k);
        return study__fail(a->yaml, key, a->err,
                           "what comes next is one of the students' %d tokens; end it with -v%d",
                           vocabulary, vocabulary);
    }
    RT_TRY(refuse(a, spec->weights != TR_RULE_GIVEN && spec->weights != TR_RULE_UNIFORM,
                  "teachers.weights",
                  "what teachers say of each token is not kept to be weighed; give weights, or "
                  "uniform"));
    RT_TRY(refuse(a, spec->calibrate, "teachers.calibrate",
                  "what teachers say of each token is not kept to be calibrated; leave it out"));
    return refuse(a, a->study->ensemble.combine != TR_COMBINE_PROB, "teachers.combine",
                  "of the next token the mean is of probabilities; give prob");
}

static rt_status check_recipe(const struct assembly *a, const struct tr_recipe *recipe,
                              const char *block)
{
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "%s.loss", block);
    RT_TRY(refuse(a, recipe->distill.loss == TR_LOSS_DIST, key,
                  "dist compares the examples of a batch, which tokens are not; give fkl"));
    (void)snprintf(key, sizeof key, "%s.init", block);
    RT_TRY(refuse(a, recipe->init == TR_INIT_PRUNE, key,
                  "students of the next token are not cut out of a teacher; give random"));
    (void)snprintf(key, sizeof key, "%s.layers", block);
    return refuse(a, tr_layers_on(&recipe->layers), key,
                  "students of the next token learn from answers, not layers; leave it out");
}

rt_status study__place_rows(const struct assembly *a)
{
    struct study *study = a->study;

    study->teachers.live = true;
    RT_TRY(refuse(a, study->own, "evaluator",
                  "of a command's students only labels are asked; give target: label"));
    RT_TRY(refuse(a, study__given(a->yaml, "space.pool"), "space.pool",
                  "each token answers, so none are pooled; leave it out"));
    RT_TRY(refuse(a, study->space.vocabulary.count != 1, "space.vocabulary",
                  "what comes next is one of so many tokens, the same for all; give one number"));
    RT_TRY(refuse(a, study->space.shape.variant.post_norm, "space.post_norm",
                  "it is for blocks of a BERT, which see what comes next; leave it out"));
    RT_TRY(check_teachers(a));
    RT_TRY(check_recipe(a, &study->recipe, "distill"));
    RT_TRY(check_recipe(a, &study->full, "full"));
    RT_TRY(refuse(a, study->search.inherit != SEARCH_INHERIT_NONE, "search.inherit",
                  "students of the next token begin from random weights; leave it out"));
    return refuse(a, study->online.mode != TR_ONLINE_OFF, "full.online",
                  "students that teach each other compare whole batches; leave it out");
}
