/* cli/session_teachers.c -- the teachers' weights, and what a store keeps of teachers: a row each,
 * and one of the ensemble, whose parameters are all members' since all of them run to say what it
 * says.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/evaluator.h"
#include "cli/session.h"

rt_status session_weigh(struct session *session, struct rt_err *err)
{
    return tr_teachers_weigh(&session->study.teachers, session->task, &session->knowledge,
                             &session->study.ensemble, err);
}

rt_status session_recall_weights(struct session *session, struct store *store, bool *found,
                                 struct rt_err *err)
{
    struct tr_ensemble *ensemble = &session->study.ensemble;

    return store_teacher_weights(store, session->study.teachers.count, ensemble->weight,
                                 ensemble->calibration, found, err);
}

/* Row k of the teacher table, k = K for the ensemble, whose parameters are the others' sum. */
static rt_status describe(const struct session *session, int k, char arch[SPACE_ARCH_TEXT],
                          struct store_teacher *row, struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &session->study.teachers;
    const struct tr_ensemble *ensemble = &session->study.ensemble;
    struct tr_metrics metrics = {0};

    *row = (struct store_teacher){.number = k,
                                  .name = "ensemble",
                                  .kind = "ensemble",
                                  .arch = arch,
                                  .weight = 1,
                                  .calibration = 1,
                                  .hash = session->knowledge.key.data};
    if (k < spec->count) {
        const struct tr_teacher_spec *teacher = &spec->teacher[k];
        teacher->kind->describe(teacher, &session->shape, arch, &row->params);
        row->name = teacher->name;
        row->kind = teacher->kind->name;
        row->weight = ensemble->weight[k];
        row->calibration = ensemble->calibration[k];
        row->hash = session->knowledge.key.teacher[k];
    }
    RT_TRY(tr_teacher_measure(session->task, &session->knowledge, ensemble, k, &metrics, err));
    row->value_count = evaluator_values(&metrics, row->values);
    return RT_OK;
}

const char session_rows_warning[] =
    "teachers from elsewhere may have been trained on the validation rows: then they, and the "
    "ensemble, "
    "do worse on new ones; rows that they have not seen are named by data.validation_rows";

/* An objective that is no number of the ensemble itself will be none of any student. */
static rt_status check_objectives(const struct session *session, const struct store_teacher *row,
                                  struct rt_err *err)
{
    const struct search_options *search = &session->study.search;

    for (int i = 0; i < search->objective_count; i++)
        for (int m = 0; m < row->value_count; m++)
            if (!strcmp(row->values[m].name, search->objectives[i]) &&
                !isfinite(row->values[m].value))
                return rt_fail(err, RT_EARG,
                               "objective '%s' cannot be measured: it is no number even of the "
                               "teachers themselves; 'retort doctor' says how they do",
                               search->objectives[i]);
    return RT_OK;
}

rt_status session_record_teachers(const struct session *session, struct store *store,
                                  struct rt_err *err)
{
    const int teachers = session->study.teachers.count;
    const size_t all = (size_t)teachers + 1;
    struct store_teacher *rows = calloc(all, sizeof *rows);
    char(*archs)[SPACE_ARCH_TEXT] = calloc(all, sizeof *archs);
    double *agreement = calloc(all * all, sizeof *agreement);
    rt_status rc;

    if (!rows || !archs || !agreement) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to record the teachers");
        goto done;
    }
    rc = tr_teachers_agreement(session->task, &session->knowledge, &session->study.ensemble,
                               agreement, err);
    for (int k = 0; k <= teachers && rc == RT_OK; k++) {
        rc = describe(session, k, archs[k], &rows[k], err);
        rows[k].agreement = agreement + (size_t)k * all;
        for (int i = 0; k == teachers && i < k; i++)
            rows[k].params += rows[i].params;
    }
    if (rc == RT_OK)
        rc = check_objectives(session, &rows[teachers], err);
    if (rc == RT_OK)
        rc = store_teachers(store, rows, (int)all, err);
done:
    free(rows);
    free(archs);
    free(agreement);
    return rc;
}
