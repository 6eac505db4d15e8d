/* cli/costs.c -- see costs.h. */
#include "cli/costs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "trainer/measure/evaluate.h"
#include "trainer/measure/trial.h"
#include "trainer/task/policy/policy.h"

enum { draws = 100000 };

/* Teachers that are asked beside a student: their costs are those of any weights. */
static rt_status make_live(const struct session *session, struct tr_knowledge *knowledge,
                           struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &session->study.teachers;
    struct tr_knowledge k = {
        .key = {.teachers = spec->count, .classes = session->task->shape.classes}};
    rt_status rc = RT_OK;

    k.live = calloc((size_t)spec->count, sizeof *k.live);
    if (!k.live)
        return rt_fail(err, RT_ENOMEM, "no memory for the teachers");
    for (int i = 0; i < spec->count && rc == RT_OK; i++)
        if ((rc = tr_network_open(&k.live[i], &spec->teacher[i].arch, &session->shape,
                                  session->kernels, TR_NETWORK_INFER, err)) == RT_OK)
            tr_network_start(&k.live[i], 1);
    if (rc)
        tr_knowledge_close(&k);
    else
        *knowledge = k;
    return rc;
}

/* What the teachers say costs the same whatever it is; those who act have to, or there are no rows. */
static rt_status take_knowledge(struct session *session, struct tr_knowledge *knowledge,
                                float **logits, struct rt_err *err)
{
    const struct tr_teaching teaching = session_teaching(session, NULL);
    const struct tr_task *task = session->task;

    if (session->study.teachers.live)
        return make_live(session, knowledge, err);
    if (!task->kind->act)
        return bench_knowledge(task, session->study.teachers.count, knowledge, logits, err);
    RT_TRY(tr_teachers_gather(&teaching, session->task, false, err));
    *knowledge = (struct tr_knowledge){.key = {.teachers = session->study.teachers.count,
                                               .classes = task->shape.classes,
                                               .rows = task->rows * space_parts(&task->shape)},
                                       .logits = tr_policy_said(task, 0, 0)};
    return RT_OK;
}

/* That of trials, unless runs by the full recipe follow which alone have layer-wise losses. */
static const struct tr_recipe *layered(const struct study *study)
{
    const bool full = study->after.controls >= 0 || study->after.pick_count > 0;

    return full && !tr_layers_on(&study->recipe.layers) ? &study->full : &study->recipe;
}

rt_status costs_open(struct costs *costs, struct session *session, struct rt_err *err)
{
    const struct tr_recipe *recipe = layered(&session->study);
    const struct tr_layers *layers = &recipe->layers;
    bool keep;

    *costs = (struct costs){.session = session, .data = session->data};
    RT_TRY(settings_choose(&costs->settings, session, err));
    if (tr_layers_on(layers)) { /* closed with the session */
        RT_TRY(tr_network_open(&session->resident,
                               &session->study.teachers.teacher[layers->teacher].arch,
                               &session->shape, session->kernels, TR_NETWORK_TRACE, err));
        tr_network_start(&session->resident, 1);
        costs->data.resident = &session->resident;
        RT_TRY(session_layers_plan(&session->study, session->task, &session->resident.student,
                                   recipe, &session->kept, &keep, err));
        costs->data.kept = keep ? &session->kept : NULL;
    }
    RT_TRY(take_knowledge(session, &costs->knowledge, &costs->logits, err));
    costs->data.knowledge = &costs->knowledge;
    costs->data.ensemble = &session->study.ensemble;
    rt_rng_init(&costs->rng, session->study.seed, RT_STREAM_LATENCY, 2);
    return RT_OK;
}

void costs_close(struct costs *costs)
{
    free(costs->logits);
    if (costs->knowledge.live)
        tr_knowledge_close(&costs->knowledge);
}

bool costs_draw(struct costs *costs, struct space_arch *arch)
{
    const struct space *space = &costs->session->study.space;

    for (int i = 0; i < draws; i++) {
        space_sample(space, &costs->rng, arch);
        if (space_feasible(space, arch, NULL))
            return true;
    }
    return false;
}

/* A trial of it by that recipe, of which it points to a copy. */
static struct tr_trial trial_by(const struct costs *costs, const struct space_arch *arch,
                                const struct tr_recipe *by, struct tr_recipe *recipe)
{
    const struct session *session = costs->session;

    *recipe = settings_recipe(&costs->settings, by, arch->width);
    return (struct tr_trial){.arch = arch,
                             .shape = &session->shape,
                             .kernels =
                                 settings_kernels(&costs->settings, session->kernels, arch->width),
                             .data = &costs->data,
                             .recipe = recipe,
                             .seed = session->study.seed};
}

static struct tr_trial trial_of(const struct costs *costs, const struct space_arch *arch,
                                struct tr_recipe *recipe)
{
    return trial_by(costs, arch, &costs->session->study.recipe, recipe);
}

rt_status costs_bytes(const struct costs *costs, const struct space_arch *arch, size_t *bytes,
                      struct rt_err *err)
{
    struct tr_recipe recipe;
    const struct tr_trial trial = trial_of(costs, arch, &recipe);

    return tr_trial_bytes(&trial, bytes, err);
}

static double seconds_since(int64_t start)
{
    return (double)(rt_now_ns() - start) * 1e-9;
}

/* A run goes through up to three stretches, and tr_speed_train() times the first of a recipe: with
 * layer-wise losses, as plain distillation, and feeling int8. */
static rt_status time_training(const struct tr_data *data, const struct tr_student *student,
                               const struct tr_recipe *recipe, double seconds,
                               struct tr_weights *weights, double *train, struct rt_err *err)
{
    const struct tr_layers *layers = &recipe->layers;
    const double all_along = layers->intermediate > 0 ? layers->intermediate : 1;
    const double layered = tr_layers_on(layers) ? all_along : 0;
    const double int8 = recipe->quantise == TR_QUANTISE_QAT ? 1 - recipe->qat.start : 0;
    const double share[3] = {layered, 1 - layered - int8, int8};

    *train = 0;
    for (int i = 0; i < 3; i++) {
        struct tr_recipe part = *recipe;
        struct tr_speed speed;
        if (!(share[i] > 0))
            continue;
        part.quantise = i == 2 ? TR_QUANTISE_QAT : TR_QUANTISE_NONE;
        part.qat.start = 0;
        if (i > 0)
            memset(part.layers.weight, 0, sizeof part.layers.weight);
        RT_TRY(tr_speed_train(student, data, &part, seconds * share[i], weights, &speed, err));
        *train += share[i] * recipe->steps * speed.step_seconds;
    }
    return RT_OK;
}

static rt_status time_trial(const struct session *session, const struct tr_data *data,
                            struct tr_network *net, const struct tr_recipe *recipe, double seconds,
                            struct cost *cost, struct rt_err *err)
{
    const struct tr_student *student = &net->student;
    struct tr_weights *weights = &net->weights;
    struct tr_metrics metrics = {0};
    struct tr_latency_options setting[STUDY_LATENCIES];
    const int settings = study_latencies(&session->study, setting);
    struct tr_latency latency;

    RT_TRY(time_training(data, student, recipe, seconds, weights, &cost->train, err));
    const int64_t start = rt_now_ns();
    for (int i = 0; i < settings; i++)
        RT_TRY(tr_latency_take(&student->arch, &student->shape, student->kernels, &setting[i],
                               TR_TRIAL_BLOCKS, TR_TRIAL_SECONDS, &latency, err));
    cost->latency = seconds_since(start);
    const int64_t trained = rt_now_ns();
    RT_TRY(tr_evaluate_validation(student, weights, data, 1, &metrics, err));
    const int64_t answered = rt_now_ns();
    RT_TRY(tr_evaluate_acting(student, weights, data, false, &metrics, err));
    cost->act =
        data->task->kind->act ? seconds_since(answered) * tr_policy_rounds_share(data->task) : 0;
    cost->evaluate = seconds_since(trained);
    cost->seconds = cost->train + cost->evaluate + cost->latency + cost->act;
    return RT_OK;
}

rt_status costs_measure(const struct costs *costs, const struct space_arch *arch, double seconds,
                        struct cost *cost, struct rt_err *err)
{
    struct tr_recipe recipe;
    const struct tr_trial trial = trial_of(costs, arch, &recipe);
    struct tr_network net;

    assert(seconds > 0);
    RT_TRY(tr_trial_bytes(&trial, &cost->bytes, err));
    RT_TRY(tr_network_open(&net, arch, trial.shape, trial.kernels, TR_NETWORK_TRAIN, err));
    const rt_status rc =
        time_trial(costs->session, &costs->data, &net, &recipe, seconds, cost, err);
    tr_network_close(&net);
    return rc;
}

rt_status costs_full(const struct costs *costs, const struct space_arch *arch, double seconds,
                     double *cost, struct rt_err *err)
{
    const struct study *study = &costs->session->study;
    struct tr_recipe full = study_full_recipe(study, costs->session->task->split.train_count),
                     recipe;
    struct tr_network net;
    struct cost c = {.seconds = 0};

    full.micro_batch = full.micro_batch ? full.micro_batch : study->recipe.micro_batch;
    const struct tr_trial trial = trial_by(costs, arch, &full, &recipe);
    RT_TRY(tr_network_open(&net, arch, trial.shape, trial.kernels, TR_NETWORK_TRAIN, err));
    const rt_status rc = time_trial(costs->session, &costs->data, &net, &recipe, seconds, &c, err);
    tr_network_close(&net);
    *cost = c.seconds - c.latency;
    *cost *= study->online.mode == TR_ONLINE_OFF ? 1 : study->online.cohort;
    return rc;
}
