/* trainer/learn/teach.c -- see teach.h. */
#include "trainer/learn/teach.h"

enum { teacher_micro_batch = 8, most_steps = 1000000000 };

struct naming { /* hands training progress on with the teacher's name */
    const struct tr_teaching *teaching;
    const char *name;
};

static void name_progress(void *context, int step, int steps)
{
    const struct naming *n = context;
    if (n->teaching->progress)
        n->teaching->progress(n->teaching->progress_context, n->name, step, steps);
}

rt_status tr_teacher_recipe(const struct tr_teacher_spec *spec, int train_count,
                            struct tr_recipe *recipe, struct rt_err *err)
{
    const double steps = spec->epochs * train_count / spec->batch;

    *recipe = (struct tr_recipe){
        .steps = !(steps < most_steps) ? 0
                 : steps < 1           ? 1
                                       : (int)(steps + .5),
        .batch = spec->batch,
        .micro_batch = spec->batch < teacher_micro_batch ? spec->batch : teacher_micro_batch,
        .learning_rate = spec->learning_rate,
        .warmup = spec->warmup,
        .weight_decay = spec->weight_decay,
    };
    if (recipe->steps < 1)
        return rt_fail(err, RT_EARG, "teacher '%s' would train for %.3g steps, want below %d",
                       spec->name, steps, most_steps);
    tr_distill_defaults(&recipe->distill);
    return RT_OK;
}

rt_status tr_train_teacher(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                           struct tr_network *net, struct rt_err *err)
{
    const int lanes = teaching->spec->lanes;
    const struct tr_data data = {.task = teaching->task};
    struct tr_recipe recipe;
    struct naming naming = {teaching, spec->name};
    struct tr_train_summary summary;

    RT_TRY(tr_teacher_recipe(spec, teaching->task->split.train_count, &recipe, err));
    const struct tr_training training = {
        .student = &net->student,
        .data = &data,
        .recipe = &recipe,
        .seed = spec->seed,
        .lanes = lanes,
        .threads = teaching->threads < lanes ? teaching->threads : lanes,
        .stop = teaching->stop,
        .progress = name_progress,
        .progress_context = &naming,
    };
    return tr_train(&training, &net->weights, &summary, err);
}
