/* trainer/teachers/live.c -- see live.h. */
#include "trainer/teachers/live.h"

#include "trainer/net/student_internal.h"
#include "trainer/teachers/teachers_internal.h"

rt_status tr_live_plan(struct tr_live *live, const struct space_arch *arch,
                       const struct space_shape *shape, const struct tr_kernels *kernels,
                       struct rt_err *err)
{
    *live = (struct tr_live){0};
    return tr__student_init(&live->student, arch, shape, kernels, false, err);
}

static rt_status weights_init(struct tr_live *live, struct rt_err *err)
{
    RT_TRY(rt_arena_init(&live->model, tr_weights_bytes(&live->student, false), err));
    return tr_weights_init(&live->weights, &live->student, false, &live->model, err);
}

rt_status tr_live_make_up(struct tr_live *live, const struct space_arch *arch,
                          const struct space_shape *shape, const struct tr_kernels *kernels,
                          struct rt_err *err)
{
    rt_status rc;

    RT_TRY(tr_live_plan(live, arch, shape, kernels, err));
    if ((rc = weights_init(live, err))) {
        tr_live_close(live);
        return rc;
    }
    tr_student_init_params(&live->student, 1, live->weights.params);
    tr_weights_pack(&live->student, &live->weights);
    return RT_OK;
}

static rt_status load(struct tr_live *live, const struct tr_teaching *teaching,
                      const struct tr_teacher_spec *spec, struct rt_err *err)
{
    RT_TRY(weights_init(live, err));
    RT_TRY(tr__teacher_load(teaching, spec, &live->student, live->weights.params, err));
    tr_weights_pack(&live->student, &live->weights);
    return RT_OK;
}

rt_status tr_live_open(struct tr_live *live, const struct tr_teaching *teaching, int k,
                       struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    rt_status rc;

    if (spec->recorded)
        return rt_fail(err, RT_EARG, "teacher '%s' is recorded logits and has no layers",
                       spec->name);
    RT_TRY(tr_live_plan(live, &spec->arch, teaching->shape, teaching->kernels, err));
    if ((rc = load(live, teaching, spec, err)))
        tr_live_close(live);
    return rc;
}

void tr_live_close(struct tr_live *live)
{
    rt_arena_release(&live->model);
    tr_student_release(&live->student);
    *live = (struct tr_live){0};
}
