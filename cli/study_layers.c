/* cli/study_layers.c -- the `layers` blocks of a study: whether there are any, and whose layers. */
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

/* Without its block, or one above it, a recipe has no layer-wise losses. */
static void drop_layers(const struct assembly *a)
{
    const bool trials = study__given(a->yaml, "distill.layers");

    if (!trials)
        memset(a->study->recipe.layers.weight, 0, sizeof a->study->recipe.layers.weight);
    if (!trials && !study__given(a->yaml, "full.layers"))
        memset(a->study->full.layers.weight, 0, sizeof a->study->full.layers.weight);
}

static bool gives_layers(const struct tr_teacher_spec *teacher)
{
    return teacher->kind->gives & TR_GIVES_LAYERS;
}

/* The teacher of layer-wise losses: the one that is named, or the first that can be. */
static rt_status place_layers(const struct assembly *a, const char *block, const char *name,
                              struct tr_recipe *recipe)
{
    struct tr_layers *layers = &recipe->layers;
    const struct tr_ensemble_spec *spec = &a->study->teachers;
    char key[STUDY_KEY];
    int k = 0;

    if (!tr_layers_on(layers))
        return RT_OK;
    (void)snprintf(key, sizeof key, "%s.layers.relation_heads", block);
    if (layers->relation_heads && layers->attention_loss != TR_ATTENTION_RELATION)
        return study__fail(a->yaml, key, a->err,
                           "relation heads are for attention_loss: relation alone; leave them out");
    (void)snprintf(key, sizeof key, "%s.layers.teacher", block);
    while (k < spec->count &&
           (name[0] ? strcmp(spec->teacher[k].name, name) != 0 : !gives_layers(&spec->teacher[k])))
        k++;
    if (k == spec->count)
        return name[0]
                   ? study__fail(a->yaml, key, a->err,
                                 "there is no teacher '%s'; name one of teachers.members", name)
                   : study__fail(a->yaml, key, a->err,
                                 "no teacher has layers; add one with train, or leave layers out");
    if (!gives_layers(&spec->teacher[k]))
        return study__fail(a->yaml, key, a->err,
                           "teacher '%s' is %s and has no layers; name one with train", name,
                           spec->teacher[k].kind->name);
    layers->teacher = k;
    layers->matched = recipe->init == TR_INIT_PRUNE && a->study->prune.teacher == k;
    return RT_OK;
}

rt_status study__place_layers(const struct assembly *a)
{
    drop_layers(a);
    RT_TRY(place_layers(a, "distill", a->file->layers_teacher.recipe, &a->study->recipe));
    return place_layers(a, "full", a->file->layers_teacher.full, &a->study->full);
}
