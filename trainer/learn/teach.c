/* trainer/learn/teach.c -- see teach.h. */
#include "trainer/learn/teach.h"

#include <stdio.h>

#include "base/build.h"
#include "trainer/learn/resume.h"

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

/* Of the first weights, the recipe, the rows and this program. */
static rt_status made_of(const struct tr_teaching *teaching, const struct tr_recipe *recipe,
                         const struct tr_network *net, char text[RT_HASH_TEXT], struct rt_err *err)
{
    const struct tr_split *split = &teaching->task->split;
    struct rt_hash *hash = rt_hash_open();
    struct rt_build build;
    char line[256];

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash a teacher's run");
    rt_build_query(&build);
    const int n =
        snprintf(line, sizeof line, "%s %.17g %.17g %.17g %s", build.hash, recipe->learning_rate,
                 recipe->warmup, recipe->weight_decay, teaching->task->hash);
    rt_hash_add(hash, line, (size_t)n);
    rt_hash_add(hash, split->train, (size_t)split->train_count * sizeof *split->train);
    rt_hash_add(hash, net->weights.params, net->student.param_count * sizeof(float));
    rt_hash_close(hash, text);
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
    struct tr_resume resume = {.every = 0};

    RT_TRY(tr_teacher_recipe(spec, teaching->task->split.train_count, &recipe, err));
    RT_TRY(tr_teacher_state(teaching, spec, resume.path, err));
    RT_TRY(made_of(teaching, &recipe, net, resume.made_of, err));
    const struct tr_training training = {
        .student = &net->student,
        .data = &data,
        .recipe = &recipe,
        .seed = spec->seed,
        .lanes = lanes,
        .threads = teaching->threads < lanes ? teaching->threads : lanes,
        .stop = teaching->stop,
        .resume = &resume,
        .progress = name_progress,
        .progress_context = &naming,
    };
    return tr_train(&training, &net->weights, &summary, err);
}
