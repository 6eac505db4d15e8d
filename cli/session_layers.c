/* cli/session_layers.c -- the teacher of layer-wise losses, and whether what its layers say is kept. */
#include "cli/meter.h"
#include "cli/session.h"

/* Adds what a recipe's losses read of that teacher, for all students of the space. */
static void add_parts(const struct space *space, const struct tr_layers *layers, int teacher,
                      int depth, struct tr_layer_parts *parts)
{
    for (int i = 0; tr_layers_on(layers) && layers->teacher == teacher && i < space->depth.count;
         i++)
        if (space->depth.value[i] <= depth)
            tr_layers_read(layers, space->depth.value[i], depth, parts);
}

rt_status session_layers_plan(const struct study *study, const struct tr_task *task,
                              const struct tr_student *network, const struct tr_recipe *recipe,
                              struct tr_kept_layers *kept, bool *keep, struct rt_err *err)
{
    const struct space_choices *vocabulary = &study->space.vocabulary;
    const int k = recipe->layers.teacher;
    struct tr_layer_parts parts = {0};

    *kept = (struct tr_kept_layers){0};
    *keep = false;
    if (!tr_layers_on(&recipe->layers) || vocabulary->count > 1 ||
        !(study->teachers.teacher[k].kind->gives & TR_KEEPS_LAYERS))
        return RT_OK;
    add_parts(&study->space, &study->recipe.layers, k, network->arch.depth, &parts);
    add_parts(&study->space, &study->full.layers, k, network->arch.depth, &parts);
    RT_TRY(tr_kept_layers_plan(kept, task, network, vocabulary->count ? vocabulary->value[0] : 0,
                               &parts, err));
    *keep = kept->width > 0 && (double)kept->bytes <= study->layers_limit;
    return RT_OK;
}

/* One network may be asked for by two recipes in turn. */
rt_status session_resident_open(struct session *session, const struct tr_recipe *recipe,
                                const atomic_int *stop, struct rt_err *err)
{
    struct tr_teaching teaching = session_teaching(session, stop);
    struct meter meter = {0};
    const int k = recipe->layers.teacher;
    bool keep;

    if (!tr_layers_on(&recipe->layers))
        return RT_OK;
    RT_TRY(tr_teacher_open(&session->resident, &teaching, k, TR_NETWORK_TRACE, err));
    session->data.resident = &session->resident;
    RT_TRY(session_layers_plan(&session->study, session->task, &session->resident.student, recipe,
                               &session->kept, &keep, err));
    if (!keep)
        return RT_OK;
    teaching.progress = meter_teacher;
    teaching.progress_context = &meter;
    RT_TRY(tr_kept_layers_open(&session->kept, &teaching, k, session->knowledge.key.teacher[k],
                               &session->resident, err));
    session->data.kept = &session->kept;
    return RT_OK;
}
