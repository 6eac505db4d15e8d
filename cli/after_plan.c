/* cli/after_plan.c -- see after_plan.h. */
#include "cli/after_plan.h"

#include <math.h>
#include <sqlite3.h>
#include <unistd.h>

#include "store/store.h"

enum { usual_front = 20, notes = 65536 };

/* 0: there is none yet. */
static double front_of(const char *db)
{
    struct store *store;
    sqlite3_stmt *q = NULL;
    double members = 0;

    if (access(db, F_OK) || store_open(db, STORE_READ, NULL, &store, NULL))
        return 0;
    if (sqlite3_prepare_v2(store_handle(store), "select count(*) from front where +trial >= 0", -1,
                           &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        members = sqlite3_column_double(q, 0);
    (void)sqlite3_finalize(q);
    store_close(store);
    return members;
}

/* At most, since one student may be several picks. */
static double students_of(const struct study_after *after, double members)
{
    double count = 0;

    for (int i = 0; i < after->pick_count; i++)
        count += after->pick[i] == STUDY_PICK_FRONT ? members
                 : after->pick[i] > 0               ? after->pick[i]
                                                    : 1;
    return fmin(count, members);
}

/* Of each student its files, floats and maybe int8, and what is made of them; C is text, which takes four
 * times the bytes. A run's state is its weights and two moments. */
static double bytes_of(const struct study *study, const struct after_plan *plan)
{
    const struct study_after *after = &study->after;
    const double int8 = study->full.quantise == TR_QUANTISE_NONE ? 1 : 1.3;
    struct space_arch largest;
    struct space_cost cost;
    double student = int8;

    space_largest(&study->space, &largest);
    space_cost_of(&largest, &study->space.shape, &cost);
    for (int i = 0; i < after->export_count; i++)
        student += after->export[i] == STUDY_C             ? 4 * int8
                   : after->export[i] == STUDY_HUGGINGFACE ? 1
                                                           : int8;
    return plan->students * (student * (double)cost.bytes + notes) +
           3. * study->search.workers * (double)cost.bytes;
}

void after_plan_make(const struct study *study, const char *db, double trials,
                     struct after_plan *plan)
{
    const struct study_after *after = &study->after;

    *plan = (struct after_plan){.asked = after->controls >= 0 || after->pick_count > 0};
    if (!plan->asked)
        return;
    plan->members = front_of(db);
    plan->known = plan->members > 0;
    if (!plan->known)
        plan->members = isnan(trials) ? usual_front : fmin(usual_front, fmax(trials, 1));
    if (after->controls >= 0)
        plan->runs = (plan->members + after->controls) * after->seeds;
    plan->students = students_of(after, plan->members);
    for (int i = 0; i < after->export_count; i++)
        plan->exports +=
            plan->students *
            (study->full.quantise == TR_QUANTISE_NONE || after->export[i] == STUDY_HUGGINGFACE ? 1
                                                                                               : 2);
    plan->bytes = bytes_of(study, plan);
}
