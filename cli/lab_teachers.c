/* cli/lab_teachers.c -- the teachers' weights, and what a store keeps of teachers; see lab.h. */
#include <stdlib.h>
#include <string.h>

#include "cli/evaluator.h"
#include "cli/lab.h"

/* The full recipe has the ensemble of the trials. */
static void share_ensemble(struct lab *lab)
{
    const struct tr_distill *from = &lab->study.recipe.distill;
    struct tr_distill *to = &lab->study.full.distill;

    memcpy(to->weight, from->weight, sizeof to->weight);
    memcpy(to->calibration, from->calibration, sizeof to->calibration);
}

rt_status lab_weigh(struct lab *lab, struct rt_err *err)
{
    RT_TRY(tr_teachers_weigh(&lab->study.teachers, &lab->data, &lab->study.recipe.distill, err));
    share_ensemble(lab);
    return RT_OK;
}

rt_status lab_recall_weights(struct lab *lab, struct store *store, bool *found, struct rt_err *err)
{
    struct tr_distill *distill = &lab->study.recipe.distill;

    RT_TRY(store_teacher_weights(store, lab->study.teachers.count, distill->weight,
                                 distill->calibration, found, err));
    share_ensemble(lab);
    return RT_OK;
}

/* Row k of the teacher table, k = K for the ensemble, whose parameters are the others' sum. */
static rt_status describe(const struct lab *lab, int k, char arch[SPACE_ARCH_TEXT],
                          struct store_teacher *row, struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &lab->study.teachers;
    const struct tr_distill *distill = &lab->study.recipe.distill;
    struct tr_fidelity fidelity;

    *row = (struct store_teacher){.number = k,
                                  .name = "ensemble",
                                  .kind = "ensemble",
                                  .arch = arch,
                                  .weight = 1,
                                  .calibration = 1,
                                  .hash = lab->knowledge.key.data};
    if (k < spec->count) {
        const struct tr_teacher_spec *teacher = &spec->teacher[k];
        if (!teacher->recorded)
            space_arch_print(&teacher->arch, arch);
        row->name = teacher->name;
        row->kind = teacher->recorded ? "recorded" : "trained";
        row->params = tr_teacher_params(teacher, &lab->shape);
        row->weight = distill->weight[k];
        row->calibration = distill->calibration[k];
        row->hash = lab->knowledge.key.teacher[k];
    }
    RT_TRY(tr_teacher_fidelity(&lab->data, distill, k, &fidelity, err));
    row->value_count = evaluator_values(&fidelity, true, row->values);
    return RT_OK;
}

rt_status lab_record_teachers(const struct lab *lab, struct store *store, struct rt_err *err)
{
    const int teachers = lab->study.teachers.count;
    const size_t all = (size_t)teachers + 1;
    struct store_teacher *rows = calloc(all, sizeof *rows);
    char(*archs)[SPACE_ARCH_TEXT] = calloc(all, sizeof *archs);
    double *agreement = calloc(all * all, sizeof *agreement);
    rt_status rc;

    if (!rows || !archs || !agreement) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to record the teachers");
        goto done;
    }
    rc = tr_teachers_agreement(&lab->data, &lab->study.recipe.distill, agreement, err);
    for (int k = 0; k <= teachers && rc == RT_OK; k++) {
        rc = describe(lab, k, archs[k], &rows[k], err);
        rows[k].agreement = agreement + (size_t)k * all;
        for (int i = 0; k == teachers && i < k; i++)
            rows[k].params += rows[i].params;
    }
    if (rc == RT_OK)
        rc = store_teachers(store, rows, (int)all, err);
done:
    free(rows);
    free(archs);
    free(agreement);
    return rc;
}
