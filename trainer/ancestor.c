/* trainer/ancestor.c -- see ancestor.h. */
#include "trainer/ancestor.h"

#include <stdlib.h>

#include "trainer/teachers/teachers_internal.h"

static rt_status open_network(struct tr_ancestor *a, const struct tr_teaching *teaching,
                              const struct tr_teacher_spec *spec, struct rt_err *err)
{
    RT_TRY(tr_student_init(&a->network, &spec->arch, teaching->shape, teaching->kernels, err));
    RT_TRY(rt_arena_init(&a->model, tr_weights_bytes(&a->network, true), err));
    RT_TRY(tr_weights_init(&a->weights, &a->network, true, &a->model, err));
    RT_TRY(tr__teacher_load(teaching, spec, &a->network, a->weights.params, err));
    tr_weights_pack(&a->network, &a->weights);
    return RT_OK;
}

static rt_status measure(struct tr_ancestor *a, const struct tr_prune *prune,
                         const struct tr_data *data, uint64_t seed, struct rt_err *err)
{
    int *rows, n;

    RT_TRY(tr_calibration_rows(data->split, seed, prune->calibration, &rows, &n, err));
    const rt_status rc = tr_importance_measure(&a->scores, prune->importance, &a->network,
                                               &a->weights, data, rows, n, err);
    free(rows);
    return rc;
}

rt_status tr_ancestor_open(struct tr_ancestor *ancestor, const struct tr_teaching *teaching,
                           const struct tr_prune *prune, const struct tr_data *data, uint64_t seed,
                           struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[prune->teacher];
    rt_status rc;

    *ancestor = (struct tr_ancestor){.options = prune->inherit};
    if ((rc = open_network(ancestor, teaching, spec, err)) ||
        (rc = measure(ancestor, prune, data, seed, err)))
        tr_ancestor_close(ancestor);
    return rc;
}

void tr_ancestor_close(struct tr_ancestor *ancestor)
{
    tr_importance_release(&ancestor->scores);
    rt_arena_release(&ancestor->model);
    tr_student_release(&ancestor->network);
}

rt_status tr_ancestor_start(const struct tr_ancestor *ancestor, const struct tr_student *student,
                            uint64_t seed, float *params, struct tr_lineage *lineage,
                            struct rt_err *err)
{
    *lineage = (struct tr_lineage){0};
    tr_student_init_params(student, seed, params);
    if (!ancestor)
        return RT_OK;
    return tr_inherit(student, params, &ancestor->network, ancestor->weights.params,
                      &ancestor->scores, &ancestor->options, lineage, err);
}
