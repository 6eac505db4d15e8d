/* trainer/teachers/live.c -- see live.h. */
#include "trainer/teachers/live.h"

#include "trainer/teachers/teachers_internal.h"

rt_status tr_live_open(struct tr_network *live, const struct tr_teaching *teaching, int k,
                       struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    rt_status rc;

    if (spec->recorded)
        return rt_fail(err, RT_EARG, "teacher '%s' is recorded logits and has no layers",
                       spec->name);
    RT_TRY(tr_network_open(live, &spec->arch, teaching->shape, teaching->kernels, TR_NETWORK_TRACE,
                           err));
    if ((rc = tr__teacher_load(teaching, spec, &live->student, live->weights.params, err))) {
        tr_network_close(live);
        return rc;
    }
    tr_weights_pack(&live->student, &live->weights);
    return RT_OK;
}
