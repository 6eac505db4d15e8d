/* cli/study_recipe.c -- how students are trained: the recipes of a study, what contradicts itself
 * in them, and what its gates ask of the full one.
 */
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

/* Keys of a loss that another loss does not read. */
static rt_status check_loss(const struct assembly *a, const struct tr_recipe *recipe,
                            const char *block)
{
    const struct tr_distill *d = &recipe->distill;
    const bool plain = d->loss == TR_LOSS_MSE || d->loss == TR_LOSS_HARD;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "%s.tau_teacher", block);
    if (plain && d->tau_teacher > 0)
        return study__fail(a->yaml, key, a->err,
                           "the losses mse and hard know no temperature; give another loss, or 0");
    (void)snprintf(key, sizeof key, "%s.standardise", block);
    if (plain && d->standardise)
        return study__fail(a->yaml, key, a->err,
                           "the losses mse and hard do not standardise; give another loss, or "
                           "false");
    (void)snprintf(key, sizeof key, "%s.reg_target", block);
    if (d->reg == TR_REG_NONE && d->reg_target == TR_REG_EMA)
        return study__fail(a->yaml, key, a->err,
                           "without a regulariser it has no target; give reg: l2, or leave it out");
    (void)snprintf(key, sizeof key, "%s.reg_decay", block);
    if (d->reg_target != TR_REG_EMA && study__given(a->yaml, key))
        return study__fail(a->yaml, key, a->err,
                           "it is for reg_target: ema alone; leave it out or change the target");
    (void)snprintf(key, sizeof key, "%s.batch", block);
    if (tr_distill_needs_batch(d) && recipe->batch < 3)
        return study__fail(a->yaml, key, a->err,
                           "dist correlates the examples of a batch; give at least 3, or "
                           "dist_gamma: 0");
    return RT_OK;
}

static rt_status check_recipe(const struct assembly *a, const struct tr_recipe *recipe,
                              const char *block)
{
    const struct tr_distill *d = &recipe->distill;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "%s.micro_batch", block);
    if (recipe->micro_batch > recipe->batch)
        return study__fail(a->yaml, key, a->err, "%d is more than the batch of %d; give less or 0",
                           recipe->micro_batch, recipe->batch);
    (void)snprintf(key, sizeof key, "%s.clip_low", block);
    if (d->clip_high > 0 && d->clip_low > d->clip_high)
        return study__fail(a->yaml, key, a->err,
                           "the floor %g is above the ceiling clip_high %g; give less or 0",
                           d->clip_low, d->clip_high);
    return check_loss(a, recipe, block);
}

static rt_status check_int8(const struct assembly *a, const struct tr_recipe *recipe,
                            const char *block)
{
    const struct tr_qat *qat = &recipe->qat;
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "%s.qat.freeze", block);
    if (qat->freeze < qat->start)
        return study__fail(a->yaml, key, a->err,
                           "ranges cannot be kept from %g on when they are first seen at %g; give "
                           "at least qat.start",
                           qat->freeze, qat->start);
    (void)snprintf(key, sizeof key, "%s.qat.start", block);
    if (recipe->quantise == TR_QUANTISE_QAT && tr_layers_active(&recipe->layers, qat->start))
        return study__fail(a->yaml, key, a->err,
                           "at %g layer-wise losses are in force, which see no int8; begin later, "
                           "or give layers.intermediate up to it",
                           qat->start);
    return RT_OK;
}

/* What int8 is worth is measured only when it is asked for. */
static rt_status check_int8_objectives(const struct assembly *a)
{
    const struct search_options *search = &a->study->search;
    char key[STUDY_KEY];

    for (int i = 0; i < search->objective_count; i++) {
        const char *name = search->objectives[i];
        (void)snprintf(key, sizeof key, "search.objectives[%d]", i);
        if (a->study->recipe.quantise == TR_QUANTISE_NONE &&
            (strcmp(name, "int8_error") == 0 || strcmp(name, "int8_kl") == 0))
            return study__fail(a->yaml, key, a->err,
                               "'%s' is of students in int8; add distill.quantise: ptq or qat",
                               name);
    }
    return RT_OK;
}

/* A gate on sizes needs the size of every teacher, one on int8 an int8 student. */
static rt_status check_gates(const struct assembly *a)
{
    static const char *const sizes[] = {"gates.params_reduction", "gates.bytes_reduction",
                                        "gates.compression_ratio", "gates.int8_bytes_reduction"};
    const struct study_gates *g = &a->study->gates;
    const double wanted[] = {g->params_reduction, g->bytes_reduction, g->compression_ratio,
                             g->int8_bytes_reduction};
    const bool int8 = g->int8_accuracy_retention > 0 || g->int8_bytes_reduction > 0;

    if (int8 && a->study->full.quantise == TR_QUANTISE_NONE)
        return study__fail(
            a->yaml, g->int8_bytes_reduction > 0 ? sizes[3] : "gates.int8_accuracy_retention",
            a->err, "the full recipe makes no int8 student; add quantise: ptq or qat to it");
    for (int i = 0; i < 4; i++)
        for (int k = 0; wanted[i] > 0 && k < a->study->teachers.count; k++) {
            const struct tr_teacher_spec *teacher = &a->study->teachers.teacher[k];
            if (!(teacher->kind->gives & TR_COUNTS_PARAMS) && !teacher->params)
                return study__fail(a->yaml, sizes[i], a->err,
                                   "the size of the %s teacher '%s' is not known; give its %s, or "
                                   "leave the gate out",
                                   teacher->kind->name, teacher->name,
                                   teacher->command[0][0] ? "params" : "logits.params");
        }
    return RT_OK;
}

/* A micro-batch that the file does not give is never larger than the batch. */
static void fit_micro_batch(const struct assembly *a, const char *key, struct tr_recipe *recipe)
{
    if (!study__given(a->yaml, key) && recipe->micro_batch > recipe->batch)
        recipe->micro_batch = recipe->batch;
}

/* Blocks and keys that neither recipe reads; the full one inherits what trials say. */
static rt_status check_used(const struct assembly *a)
{
    const struct tr_recipe *trial = &a->study->recipe, *full = &a->study->full;
    const bool prune = trial->init == TR_INIT_PRUNE || full->init == TR_INIT_PRUNE;
    const bool full_qat = full->quantise == TR_QUANTISE_QAT;
    const bool full_ptq = full->quantise == TR_QUANTISE_PTQ;
    const bool qat = trial->quantise == TR_QUANTISE_QAT || full_qat;
    const bool ptq = trial->quantise == TR_QUANTISE_PTQ || full_ptq;
    const struct {
        const char *key;
        bool used;
        const char *why, *mend;
    } all[] = {{"prune", prune, "no recipe starts from a teacher", "init: prune"},
               {"distill.qat", qat, "no recipe trains in int8", "quantise: qat"},
               {"full.qat", full_qat, "no recipe trains in int8", "quantise: qat"},
               {"distill.ptq_rows", ptq, "no recipe calibrates on rows", "quantise: ptq"},
               {"full.ptq_rows", full_ptq, "no recipe calibrates on rows", "quantise: ptq"}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i].used && study__given(a->yaml, all[i].key))
            return study__fail(a->yaml, all[i].key, a->err, "%s; add %s, or leave it out",
                               all[i].why, all[i].mend);
    return RT_OK;
}

rt_status study__place_recipes(const struct assembly *a)
{
    struct study *study = a->study;
    const bool epochs = study__given(a->yaml, "full.epochs");
    const bool steps = study__given(a->yaml, "full.steps");

    RT_TRY(check_gates(a));
    if (epochs && steps)
        return study__fail(a->yaml, "full.steps", a->err,
                           "both epochs and steps are given; leave one out");
    if (!epochs)
        study->full_epochs = steps ? 0 : 20;
    fit_micro_batch(a, "distill.micro_batch", &study->recipe);
    fit_micro_batch(a, "full.micro_batch", &study->full);
    RT_TRY(study__place_layers(a));
    RT_TRY(check_recipe(a, &study->recipe, "distill"));
    RT_TRY(check_recipe(a, &study->full, "full"));
    if (study__given(a->yaml, "full.online") && !study__given(a->yaml, "full.online.mode"))
        return study__fail(a->yaml, "full.online", a->err,
                           "without a mode nobody learns from anybody; give mode: dml, or mode: "
                           "off");
    if (study->online.mode != TR_ONLINE_OFF && study->full.init == TR_INIT_PRUNE)
        return study__fail(a->yaml, "full.online", a->err,
                           "students cut out of one teacher begin alike and have nothing to tell "
                           "each other; give full init: random, or mode: off");
    RT_TRY(check_int8(a, &study->recipe, "distill"));
    RT_TRY(check_int8(a, &study->full, "full"));
    RT_TRY(check_int8_objectives(a));
    return check_used(a);
}
