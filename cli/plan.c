/* cli/plan.c -- see plan.h. */
#include "cli/plan.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/machine.h"
#include "cli/costs.h"
#include "cli/room.h"
#include "trainer/learn/teach.h"
#include "trainer/measure/speed.h"

enum { draws = 8 * PLAN_STUDENTS };

/* ---- teachers ---- */

static bool is_there(const struct session *session, const struct tr_teacher_spec *teacher)
{
    char path[RT_PATH_MAX + TR_TEACHER_NAME + 16];

    (void)snprintf(path, sizeof path, "%s/%s.safetensors", session->study.teachers.folder,
                   teacher->name);
    return access(path, F_OK) == 0;
}

/* One thread's steps, as they are spread over the lanes. */
static rt_status time_teacher(const struct session *session, const struct tr_teacher_spec *teacher,
                              double budget, double *seconds, struct rt_err *err)
{
    const struct tr_data data = {.task = session->task};
    const int cores = study_cores(&session->study), lanes = session->study.teachers.lanes;
    struct tr_recipe recipe;
    struct tr_network net;
    struct tr_speed speed;

    RT_TRY(tr_teacher_recipe(teacher, session->task->split.train_count, &recipe, err));
    RT_TRY(tr_network_open(&net, &teacher->arch, &session->shape, session->kernels,
                           TR_NETWORK_TRAIN, err));
    const rt_status rc =
        tr_speed_train(&net.student, &data, &recipe, budget, &net.weights, &speed, err);
    tr_network_close(&net);
    RT_TRY(rc);
    *seconds = recipe.steps * speed.step_seconds / (cores < lanes ? cores : lanes);
    return RT_OK;
}

double plan_shared_bytes(const struct session *session)
{
    const struct tr_task *task = session->task;
    const struct tr_ensemble_spec *spec = &session->study.teachers;

    return spec->live
               ? 0
               : 4.0 * task->rows * space_parts(&task->shape) * spec->count * task->shape.classes;
}

static rt_status plan_teachers(const struct session *session, double budget, struct plan *plan,
                               struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &session->study.teachers;

    plan->teachers = spec->count;
    for (int k = 0; k < spec->count; k++) {
        const struct tr_teacher_spec *teacher = &spec->teacher[k];
        double seconds = 0;
        if (teacher->kind != &tr_teacher_trained)
            continue;
        if (is_there(session, teacher))
            continue;
        RT_TRY(time_teacher(session, teacher, budget, &seconds, err));
        plan->to_train++;
        plan->teaching += seconds;
    }
    plan->shared_bytes = plan_shared_bytes(session);
    return RT_OK;
}

/* ---- trials ---- */

static rt_status plan_memory(const struct costs *costs, struct plan *plan, struct rt_err *err)
{
    const struct space *space = &costs->session->study.space;
    struct space_arch arch;
    size_t bytes;

    space_largest(space, &arch);
    RT_TRY(costs_bytes(costs, &arch, &bytes, err));
    plan->trial_bytes = (double)bytes;
    space_smallest(space, &arch);
    RT_TRY(costs_bytes(costs, &arch, &bytes, err));
    plan->smallest_bytes = (double)bytes;
    plan->room = rt_memory_room();
    return RT_OK;
}

static rt_status plan_trials(struct costs *costs, double budget, struct plan *plan,
                             struct rt_err *err)
{
    struct space_arch arch;
    double sum = 0, squares = 0, full = 0;
    struct room room;
    size_t bytes;

    RT_TRY(plan_memory(costs, plan, err));
    RT_TRY(room_open(&room, plan->room, (size_t)plan->smallest_bytes, err)); /* as a search would */
    room_close(&room);
    for (int i = 0; i < draws && plan->students < PLAN_STUDENTS && costs_draw(costs, &arch); i++) {
        struct cost c;
        RT_TRY(costs_bytes(costs, &arch, &bytes, err));
        if ((double)bytes > plan->room)
            continue;
        RT_TRY(costs_measure(costs, &arch, budget, &c, err));
        if (plan->after.asked)
            RT_TRY(costs_full(costs, &arch, budget, &full, err));
        plan->full += full;
        sum += c.seconds;
        squares += c.seconds * c.seconds;
        plan->trial_least = plan->students ? fmin(plan->trial_least, c.seconds) : c.seconds;
        plan->trial_most = fmax(plan->trial_most, c.seconds);
        plan->students++;
    }
    if (!plan->students)
        return rt_fail(err, RT_EARG,
                       "no student drawn from the space keeps its limits and fits into memory");
    const int n = plan->students;
    plan->full /= n;
    plan->trial = sum / n;
    plan->trial_error =
        n > 1 ? sqrt(fmax(squares / n - plan->trial * plan->trial, 0) / (n - 1)) : NAN;
    plan->per_hour = 3600 / plan->trial * costs->session->study.search.workers;
    return RT_OK;
}

/* What is left to do by trials, by hours, or by the one that ends first. Teaching goes before. */
static void plan_budget(const struct search_options *search, struct plan *plan)
{
    const double teaching = plan->teaching / 3600;

    plan->bounded = search->trials > 0 || search->hours > 0;
    plan->trials = search->trials > 0 ? fmax((double)search->trials - plan->done, 0) : INFINITY;
    if (search->hours > 0)
        plan->trials = fmin(plan->trials, plan->per_hour * search->hours);
    plan->hours = plan->bounded ? teaching + plan->trials / plan->per_hour : NAN;
    if (!plan->bounded)
        plan->trials = NAN;
}

/* ---- what is there ---- */

static void ask(struct store *store, const char *sql, double value[2])
{
    sqlite3_stmt *q = NULL;

    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
        for (int i = 0; i < sqlite3_column_count(q) && i < 2; i++)
            value[i] = sqlite3_column_double(q, i);
    (void)sqlite3_finalize(q);
}

/* Of a database that goes on: its trials, and its least validation error. */
static rt_status plan_store(const struct study *study, struct plan *plan, struct rt_err *err)
{
    char hash[RT_HASH_TEXT];
    double done[2] = {0}, least[2] = {NAN, NAN};
    struct store *store;

    if (access(study->store, F_OK))
        return RT_OK;
    study_hash(study, hash);
    RT_TRY(store_open(study->store, STORE_READ, hash, &store, err));
    ask(store, "select count(*) from trial where state in ('committed', 'failed')", done);
    ask(store,
        "select value, stderr from metric where name = 'error' and value is not null order by value"
        " limit 1",
        least);
    store_close(store);
    plan->done = done[0];
    if (least[1] > 0) {
        plan->error = least[0];
        plan->error_error = least[1];
    }
    return RT_OK;
}

/* Of an error that is a mean of `rows` zeros and ones, when no database tells better. */
static void plan_ranking(const struct session *session, struct plan *plan)
{
    plan->rows = session->task->split.validation_count;
    plan->error = .1;
    plan->error_error = sqrt(.1 * .9 / fmax(plan->rows, 1));
}

/* What follows the search: full runs a worker each, students on all cores, exports in a second. */
static void plan_after(const struct study *study, struct plan *plan)
{
    const int cores = study_cores(study), lanes = study->full_lanes;

    after_plan_make(study, study->store, plan->done + plan->trials, &plan->after);
    plan->confirm = ceil(plan->after.runs / study->search.workers) * plan->full;
    plan->distill =
        plan->after.students * plan->full / (cores < lanes ? cores : lanes) + plan->after.exports;
}

static rt_status plan_disk(const struct session *session, struct plan *plan, struct rt_err *err)
{
    const struct study *study = &session->study;
    double total;

    RT_TRY(disk_estimate(study, study->store, session->task, session->kernels,
                         plan->bounded ? plan->trials : NAN, &plan->disk, err));
    RT_TRY(disk_tell(&plan->disk, study, study->store, plan->disk_text, &plan->disk_fits, err));
    return rt_disk_room(study->store, &plan->disk_room, &total, err);
}

rt_status plan_make(struct session *session, double seconds, struct plan *plan, struct rt_err *err)
{
    const struct study *study = &session->study;
    struct costs costs;

    assert(seconds > 0 && session->task);
    *plan = (struct plan){0};
    after_plan_make(study, study->store, NAN, &plan->after); /* is there anything? */
    rt_status rc = costs_open(&costs, session, err);
    if (rc == RT_OK)
        rc = plan_trials(&costs, seconds / PLAN_STUDENTS, plan, err);
    costs_close(&costs);
    RT_TRY(rc);
    RT_TRY(plan_teachers(session, seconds / PLAN_STUDENTS, plan, err));
    plan_ranking(session, plan);
    RT_TRY(plan_store(study, plan, err));
    plan_budget(&study->search, plan);
    plan_after(study, plan);
    return plan_disk(session, plan, err);
}
