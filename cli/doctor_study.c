/* cli/doctor_study.c -- the part of `retort doctor` that looks at a study file.
 *
 * Each check needs what the ones before it made, so the first that fails ends the list; what could
 * be looked at until then is released in one place.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/machine.h"
#include "base/process.h"
#include "cli/device.h"
#include "cli/disk.h"
#include "cli/doctor.h"
#include "cli/session.h"
#include "trainer/measure/trial.h"
#include "trainer/measure/tune.h"
#include "trainer/task/policy/policy.h"

struct checked { /* all zero: nothing loaded */
    struct study study;
    struct tr_task *train, *test;
    struct space_shape shape;
    const struct tr_kernels *kernels;
};

static void release(struct checked *c)
{
    tr_task_close(c->test);
    tr_task_close(c->train);
    study_release(&c->study);
}

static void say_task(struct doctor *doctor, const char *what, const struct study *study,
                     const struct tr_task *task)
{
    char text[96];

    study_task_of(study)->tell(task, text);
    doctor_say(doctor, VERDICT_OK, what, "%s", text);
}

/* ", 2000 to weigh the teachers on", or nothing. */
static const char *held_out(const struct tr_split *split, char text[48])
{
    text[0] = '\0';
    if (split->held_out_count)
        (void)snprintf(text, 48, ", %d to weigh the teachers on", split->held_out_count);
    return text;
}

/* "; with tie: auto 1.9e12", or nothing. */
static const char *left_out(const struct study *study, char text[64])
{
    char untied[16];

    text[0] = '\0';
    if (study_untied(study, untied))
        (void)snprintf(text, 64, "; with tie: auto %s", untied);
    return text;
}

/* What it answers about the architecture in the middle of the space, or why not. */
static void ask_evaluator(struct doctor *doctor, const struct study *study,
                          struct search_external *external)
{
    static const atomic_int never = 0;
    const struct search_options *search = &study->search;
    struct store_result result = {.status = RT_OK};
    char text[SPACE_ARCH_TEXT], said[256] = "";
    struct space_arch arch;
    size_t used = 0;

    space_middle(&study->space, &arch);
    const struct search_job job = {.arch = &arch,
                                   .budget = search->rung_budget[0],
                                   .inherits = -1,
                                   .seed = search->seed,
                                   .stop = &never};
    const int64_t began = rt_now_ns();
    search_external_evaluate(external, &job, &result);
    const double seconds = (double)(rt_now_ns() - began) * 1e-9;
    const char *kind = result.kind[0] ? result.kind : rt_status_kind(result.status);
    const bool broken = result.status == RT_ENAN || search_is_fault(kind);
    space_print(&study->space, &arch, text);
    for (int i = 0; i < result.value_count && used < sizeof said; i++)
        used += (size_t)snprintf(said + used, sizeof said - used, "%s%s %g", i ? ", " : "",
                                 result.values[i].name, result.values[i].value);
    if (result.status == RT_OK)
        doctor_say(doctor, VERDICT_OK, "trial", "%.60s: %s; %.2f s", text, said, seconds);
    else
        doctor_say(doctor, broken ? VERDICT_FAIL : VERDICT_WARN, "trial", "%.60s (%s): %s", text,
                   kind, result.error);
    store_result_release(&result);
}

/* Does it live until it is asked? One without its script, or that lacks a library, does not. It is not
 * waited for where it ends well with its input, which it can only when it came so far. */
static rt_status start_evaluator(struct doctor *doctor, const struct study *study,
                                 struct rt_err *err)
{
    enum { patience = 20 }; /* seconds */
    char *const *argv = (char *const *)study->external.argv;
    struct rt_process process = {.pid = 0};
    bool well, unasked = false;
    int status = 0;

    RT_TRY(rt_process_start(&process, argv, study->external.folder, err));
    well = rt_process_wait(&process, patience, NULL, NULL, NULL, &status) && status == 0;
    if (!well) {
        RT_TRY(rt_process_start(&process, argv, study->external.folder, err));
        unasked = rt_process_ends(&process, patience);
        rt_process_kill(&process);
    }
    const char *words = rt_process_last_line(&process);
    if (well)
        doctor_say(doctor, VERDICT_OK, "evaluator", "'%s' can be started, %d at once", argv[0],
                   study->search.workers);
    else
        doctor_say(
            doctor, unasked ? VERDICT_FAIL : VERDICT_WARN, "evaluator", "'%s' %s%s%.300s", argv[0],
            unasked ? "ends before it is asked anything" : "does not end well with its input",
            *words ? "; its last words: " : "", words);
    rt_process_release(&process);
    return RT_OK;
}

/* A study whose own command evaluates: is there something to choose, can it be started, and does it
 * answer? */
static rt_status check_external(struct doctor *doctor, const struct study *study, bool ask,
                                struct rt_err *err)
{
    struct search_external *external;
    char *size = space_size_text(&study->space), untied[64];

    if (!size)
        return rt_fail(err, RT_ENOMEM, "no memory to count the space");
    doctor_say(doctor, VERDICT_OK, "space", "%.60s architectures%s", size, left_out(study, untied));
    free(size);
    RT_TRY(start_evaluator(doctor, study, err));
    if (ask) {
        RT_TRY(
            search_external_open(&study->external, &study->space, &study->search, &external, err));
        ask_evaluator(doctor, study, external);
        search_external_close(external);
    }
    doctor_disk(doctor, study, NULL, NULL);
    return RT_OK;
}

static void say_finding(void *to, bool warning, const char *what, const char *text)
{
    doctor_say(to, warning ? VERDICT_WARN : VERDICT_OK, what, "%s", text);
}

static rt_status look_at_data(struct doctor *doctor, const struct checked *c, struct rt_err *err)
{
    const struct study_task *task = study_task_of(&c->study);

    return task->look ? task->look(c->train, c->test, say_finding, doctor, err) : RT_OK;
}

/* A class that nobody can learn: labels that begin with 1, or a folder that is empty. */
static rt_status check_classes(struct doctor *doctor, const struct tr_task *task,
                               struct rt_err *err)
{
    const int classes = task->shape.classes;
    int *count = calloc((size_t)classes, sizeof *count), empty = 0, first = 0;

    if (!count)
        return rt_fail(err, RT_ENOMEM, "no memory to count %d classes", classes);
    for (int i = 0; i < task->split.train_count; i++)
        count[task->label[task->split.train[i]]]++;
    for (int k = classes - 1; k >= 0; k--)
        if (!count[k])
            empty++, first = k;
    free(count);
    if (empty)
        doctor_say(doctor, VERDICT_WARN, "classes",
                   "%d of %d have no row to train on, the first is number %d: labels count from 0 "
                   "without gaps, and a folder without pictures is a class, too",
                   empty, classes, first);
    return RT_OK;
}

static rt_status check_data(struct doctor *doctor, struct checked *c, struct rt_err *err)
{
    const struct tr_split *split;
    char text[48];

    RT_TRY(session_open_task(&c->study, &c->train, err));
    say_task(doctor, "train data", &c->study, c->train);
    if (c->train->kind->act)
        return look_at_data(doctor, c, err); /* rows and tests come of acting */
    split = &c->train->split;
    doctor_say(doctor, VERDICT_OK, "split", "%d to train on, %d to validate%s", split->train_count,
               split->validation_count, held_out(split, text));
    if (!c->train->kind->answers)
        RT_TRY(check_classes(doctor, c->train, err));
    if (!study_task_of(&c->study)->has_test(c->study.block)) {
        doctor_say(doctor, VERDICT_WARN, "test data",
                   "none: 'retort distill' cannot report a test "
                   "accuracy");
        return look_at_data(doctor, c, err);
    }
    RT_TRY(session_open_test(&c->study, c->train, &c->test, err));
    say_task(doctor, "test data", &c->study, c->test);
    return look_at_data(doctor, c, err);
}

static rt_status check_space(struct doctor *doctor, struct checked *c, struct rt_err *err)
{
    struct space *space = &c->study.space;
    struct space_cost small, large;
    struct space_arch arch;

    RT_TRY(study_bind_shape(&c->study, &c->train->shape, err));
    c->shape = space->shape;
    char *size = space_size_text(space), untied[64];
    if (!size)
        return rt_fail(err, RT_ENOMEM, "no memory to count the space");
    space_smallest(space, &arch);
    space_cost_of(&arch, &c->shape, &small);
    space_largest(space, &arch);
    space_cost_of(&arch, &c->shape, &large);
    doctor_say(doctor, VERDICT_OK, "space",
               "%s architectures before limits%s, %lld to %lld parameters", size,
               left_out(&c->study, untied), (long long)small.params, (long long)large.params);
    free(size);
    return RT_OK;
}

static rt_status trial_bytes(const struct checked *c, const struct space_arch *arch,
                             const struct tr_recipe *recipe, size_t *bytes, struct rt_err *err)
{
    const struct tr_layers *layers = &recipe->layers;
    struct tr_network resident = {0}; /* the teacher of layer-wise losses: its shapes are enough */
    struct tr_network live[TR_MAX_TEACHERS] = {0}; /* likewise, of those asked beside a student */
    const struct tr_ensemble_spec *spec = &c->study.teachers;
    const struct tr_knowledge said = {.key = {.teachers = spec->count, .classes = c->shape.classes},
                                      .live = spec->live ? live : NULL};
    const struct tr_data data = {.task = c->train,
                                 .knowledge = &said,
                                 .ensemble = &c->study.ensemble,
                                 .resident = &resident};
    const struct tr_trial trial = {.arch = arch,
                                   .shape = &c->shape,
                                   .kernels = c->kernels,
                                   .data = &data,
                                   .recipe = recipe,
                                   .seed = c->study.seed};

    if (tr_layers_on(layers))
        RT_TRY(tr_network_plan(&resident, &c->study.teachers.teacher[layers->teacher].arch,
                               &c->shape, c->kernels, TR_NETWORK_TRACE, err));
    rt_status rc = RT_OK;
    for (int k = 0; k < spec->count && spec->live && rc == RT_OK; k++)
        rc = tr_network_plan(&live[k], &spec->teacher[k].arch, &c->shape, c->kernels,
                             TR_NETWORK_INFER, err);
    if (rc == RT_OK)
        rc = tr_trial_bytes(&trial, bytes, err);
    tr_network_close(&resident);
    for (int k = 0; k < TR_MAX_TEACHERS; k++)
        tr_network_close(&live[k]);
    return rc;
}

/* What inner layers of a large teacher say: is it kept, and how much is it? */
static rt_status check_layers(struct doctor *doctor, const struct checked *c, struct rt_err *err)
{
    const bool trials = tr_layers_on(&c->study.recipe.layers);
    const struct tr_recipe *recipe = trials ? &c->study.recipe : &c->study.full;
    const struct tr_teacher_spec *teacher = &c->study.teachers.teacher[recipe->layers.teacher];
    struct tr_kept_layers kept = {0};
    struct tr_network network;
    char size[16];
    bool keep;

    if (!tr_layers_on(&recipe->layers))
        return RT_OK;
    RT_TRY(tr_network_plan(&network, &teacher->arch, &c->shape, c->kernels, TR_NETWORK_TRACE, err));
    const rt_status rc =
        session_layers_plan(&c->study, c->train, &network.student, recipe, &kept, &keep, err);
    if (rc == RT_OK && keep)
        doctor_say(doctor, VERDICT_OK, "layers", "of '%s' are kept once, in %s on disk",
                   teacher->name, disk_bytes((double)kept.bytes, size));
    else if (rc == RT_OK && kept.width)
        doctor_say(doctor, VERDICT_WARN, "layers",
                   "of '%s' take %s, more than teachers.layers_limit: it runs beside students in "
                   "each trial",
                   teacher->name, disk_bytes((double)kept.bytes, size));
    else if (rc == RT_OK)
        doctor_say(doctor, VERDICT_OK, "layers",
                   "of '%s', which runs beside students in each trial", teacher->name);
    tr_kept_layers_close(&kept);
    tr_network_close(&network);
    return rc;
}

/* The largest architecture's trial, on all workers at once: nothing in the space needs more. */
static rt_status check_memory(struct doctor *doctor, struct checked *c, struct rt_err *err)
{
    struct tr_recipe recipe = c->study.recipe;
    const int workers = c->study.search.workers;
    struct space_arch arch;
    struct tr_student student;
    struct rt_machine machine;
    struct rt_err too_many;
    size_t bytes = 0;
    char one[16], all[16], there[16];

    space_largest(&c->study.space, &arch);
    if (recipe.micro_batch == 0) {
        struct tr_tuning tuning = {0};
        RT_TRY(tr_student_init(&student, &arch, &c->shape, c->kernels, err));
        const rt_status rc = tr_tune(&student, recipe.batch, &tuning, err);
        tr_student_release(&student);
        RT_TRY(rc);
        recipe.micro_batch = tuning.micro_batch;
    }
    RT_TRY(trial_bytes(c, &arch, &recipe, &bytes, err));
    rt_machine_query(&machine);
    const double total = (double)bytes * workers;
    const bool beyond_limit = c->study.worker_memory > 0 && bytes > (size_t)c->study.worker_memory;
    doctor_say(doctor,
               total > .8 * (double)machine.memory || beyond_limit ? VERDICT_WARN : VERDICT_OK,
               "memory", "at most %s a trial, %s for %d workers of the machine's %s%s",
               disk_bytes((double)bytes, one), disk_bytes(total, all), workers,
               disk_bytes((double)machine.memory, there),
               beyond_limit ? "; beyond the study's limit, so the largest will be refused" : "");
    if (study_check_cores(&c->study, machine.cores, &too_many))
        doctor_say(doctor, VERDICT_FAIL, "workers", "%s", too_many.text);
    return RT_OK;
}

/* Each teacher's weight and temperature. What was fitted is fitted here too, and equal. */
static rt_status show_weights(struct doctor *doctor, struct checked *c,
                              const struct tr_knowledge *knowledge, struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &c->study.teachers;
    struct tr_ensemble *ensemble = &c->study.ensemble;

    RT_TRY(tr_teachers_weigh(spec, c->train, knowledge, ensemble, err));
    for (int k = 0; k < spec->count; k++)
        doctor_say(doctor, VERDICT_OK, "weight", "%.4f of '%s', at a temperature of %.3f",
                   ensemble->weight[k], spec->teacher[k].name, ensemble->calibration[k]);
    return RT_OK;
}

/* What was brought along of teachers: read as search and distill will. */
static void check_brought(struct doctor *doctor, const struct checked *c,
                          const struct tr_teaching *teaching)
{
    const struct tr_ensemble_spec *spec = teaching->spec;
    const bool fitted = spec->calibrate || tr_rule_needs_rows(spec->weights);

    for (int k = 0; k < spec->count; k++) {
        const struct tr_teacher_spec *teacher = &spec->teacher[k];
        struct rt_err err;
        if (!teacher->kind->check)
            continue;
        const rt_status rc = tr_teacher_check(teaching, k, c->test, &err);
        if (rc == RT_EIO && teacher->command[0][0])
            doctor_say(doctor, VERDICT_OK, "teacher", "'%s' is a command, not yet run",
                       teacher->name);
        else if (rc != RT_OK)
            doctor_say(doctor, VERDICT_FAIL, "logits", "of teacher '%s': %s", teacher->name,
                       err.text);
        else if (teacher->train_logits[0] || teacher->command[0][0])
            doctor_logits(doctor, teaching, k, c->test);
        else
            doctor_say(doctor, VERDICT_OK, "teacher", "'%s' can be run on this data",
                       teacher->name);
        if (fitted)
            doctor_say(doctor, VERDICT_WARN, "weight",
                       "'%s' comes from elsewhere: if it was trained on the held-out rows, it is "
                       "overrated",
                       teacher->name);
    }
    if (!study_rows_unseen(&c->study))
        doctor_say(doctor, VERDICT_WARN, "validation", "%s", session_rows_warning);
}

/* Of a task whose rows come from acting: can its teachers act? */
static bool check_acting(struct doctor *doctor, const struct checked *c,
                         const struct tr_teaching *teaching)
{
    const bool untrained = tr_teachers_untrained(teaching);
    struct rt_err err;

    if (tr_teachers_gather(teaching, c->train, false, &err) == RT_OK) {
        doctor_acting(doctor, &c->study, c->train);
        return true;
    }
    doctor_say(doctor, untrained ? VERDICT_WARN : VERDICT_FAIL, "teachers", "%s", err.text);
    return untrained && !tr_teachers_cached(teaching->spec);
}

/* What could not be used fails here as it will in a search. */
static void check_teachers(struct doctor *doctor, struct checked *c)
{
    const struct tr_ensemble_spec *spec = &c->study.teachers;
    const struct tr_teaching teaching = {
        .spec = spec, .shape = &c->shape, .task = c->train, .kernels = c->kernels, .threads = 1};
    struct tr_knowledge knowledge;
    struct rt_err err;

    check_brought(doctor, c, &teaching);
    if (c->train->kind->act && !check_acting(doctor, c, &teaching))
        return;
    if (!tr_teachers_cached(spec)) {
        doctor_say(doctor, VERDICT_OK, "teachers",
                   "%d, not yet taught: 'retort search' begins with that", spec->count);
    } else if (tr_teachers_open(&teaching, &knowledge, &err) != RT_OK) {
        doctor_say(doctor, VERDICT_FAIL, "teachers", "%s", err.text);
    } else {
        doctor_say(doctor, VERDICT_OK, "teachers",
                   spec->live ? "%d, kept in '%s' and asked beside the students"
                              : "%d, and what they say is cached in '%s'",
                   spec->count, spec->folder);
        if (show_weights(doctor, c, &knowledge, &err) != RT_OK)
            doctor_say(doctor, VERDICT_WARN, "teachers", "%s", err.text);
        tr_knowledge_close(&knowledge);
    }
}

static void check_store(struct doctor *doctor, const struct study *study)
{
    struct store *store = NULL;
    char hash[RT_HASH_TEXT], text[16], wal[RT_PATH_MAX + 8];
    struct rt_err err;
    double room = 0, total = 0;

    if (rt_disk_room(study->store, &room, &total, &err) != RT_OK)
        doctor_say(doctor, VERDICT_FAIL, "store", "%s", err.text);
    else
        doctor_say(doctor, room < 1 << 28 ? VERDICT_WARN : VERDICT_OK, "store",
                   "'%s', %s free there", study->store, disk_bytes(room, text));
    (void)snprintf(wal, sizeof wal, "%s-wal", study->store); /* its folder is written, too */
    doctor_writable(doctor, "store", study->store, false);
    doctor_writable(doctor, "store", wal, false);
    if (access(study->store, F_OK)) {
        doctor_say(doctor, VERDICT_OK, "database", "not there yet: 'retort search' makes it");
        return;
    }
    study_hash(study, hash);
    if (store_open(study->store, STORE_READ, hash, &store, &err) == RT_OK)
        doctor_say(doctor, VERDICT_OK, "database",
                   "of this study: 'retort search' goes on with it");
    else
        doctor_say(doctor, VERDICT_FAIL, "database", "%s", err.text);
    store_close(store);
}

/* A machine that the study names to measure latency. */
static rt_status check_device(struct doctor *doctor, const struct study *study, struct rt_err *err)
{
    const struct study_latency *l = &study->latency;
    struct latency_answer answer;
    struct device *device;

    if (!l->command[0])
        return RT_OK;
    RT_TRY(device_open(&device, l->command, l->folder, NULL, err));
    const rt_status rc = device_meet(device, l->host, study, &answer, err);
    device_close(device);
    RT_TRY(rc);
    doctor_say(doctor, VERDICT_OK, "latency", "'%s' measures: %s, kernels %s%s", l->host,
               answer.machine.cpu, answer.kernels,
               isnan(answer.measured.block[0].before) ? ", without a reference" : "");
    return RT_OK;
}

/* What a study needs to be trained here; *what names the part that failed. */
static rt_status check_trained(struct doctor *doctor, struct checked *c, const char **what,
                               struct rt_err *err)
{
    *what = "data";
    RT_TRY(check_data(doctor, c, err));
    *what = "space";
    RT_TRY(check_space(doctor, c, err));
    check_teachers(doctor, c);
    *what = "layers";
    RT_TRY(check_layers(doctor, c, err));
    *what = "memory";
    RT_TRY(check_memory(doctor, c, err));
    if (!tr_teachers_cached(&c->study.teachers))
        doctor_writable(doctor, "teachers", c->study.teachers.folder, true);
    doctor_after(doctor, &c->study, c->train,
                 c->test && tr_teachers_silent(&c->study.teachers) < 0);
    doctor_disk(doctor, &c->study, c->train, c->kernels);
    *what = "latency";
    return check_device(doctor, &c->study, err);
}

void doctor_study(struct doctor *doctor, const struct tr_kernels *kernels, const char *path,
                  bool ask)
{
    struct checked c = {.kernels = kernels};
    const char *what = "study";
    struct rt_err err;

    rt_status rc = study_load(path, &c.study, &err);
    if (rc == RT_OK)
        rc = study_as_begun(&c.study, c.study.store, &err);
    if (rc == RT_OK) {
        doctor_say(doctor, VERDICT_OK, what, "'%s' from '%s'", c.study.name, path);
        check_store(doctor, &c.study);
        what = "evaluator";
        rc = c.study.own ? check_external(doctor, &c.study, ask, &err)
             : ask       ? rt_fail(&err, RT_EARG, "--try asks a study's own evaluator; it has none")
                         : check_trained(doctor, &c, &what, &err);
    }
    if (rc != RT_OK)
        doctor_say(doctor, VERDICT_FAIL, what, "%s", err.text);
    release(&c);
}
