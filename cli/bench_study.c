/* cli/bench_study.c -- `retort bench STUDY`: what a trial costs.
 *
 * Students are drawn from the space as a search draws its random ones; each is timed as a trial
 * would be: single calls, some steps of training, the whole validation. The teachers need not be
 * there: numbers in their place cost the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "trainer/measure/evaluate.h"
#include "trainer/measure/trial.h"
#include "trainer/task/policy/policy.h"

enum { sample_count = 8, draws = 100000 };

struct cost {
    double seconds, train, evaluate, latency; /* of one trial */
    double act;                               /* of students that act: of a run's own episodes */
    size_t bytes;
};

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
        RT_TRY(tr_latency_measure(student, weights, &setting[i], TR_TRIAL_BLOCKS, TR_TRIAL_SECONDS,
                                  &latency, err));
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

static rt_status cost_of(const struct session *session, const struct tr_data *data,
                         const struct settings *settings, const struct space_arch *arch,
                         double seconds, struct cost *cost, struct rt_err *err)
{
    const struct tr_recipe recipe = settings_recipe(settings, &session->study.recipe, arch->width);
    const struct tr_trial trial = {.arch = arch,
                                   .shape = &session->shape,
                                   .kernels =
                                       settings_kernels(settings, session->kernels, arch->width),
                                   .data = data,
                                   .recipe = &recipe,
                                   .seed = session->study.seed};
    struct tr_network net;

    RT_TRY(tr_trial_bytes(&trial, &cost->bytes, err));
    RT_TRY(tr_network_open(&net, arch, &session->shape, trial.kernels, TR_NETWORK_TRAIN, err));
    const rt_status rc = time_trial(session, data, &net, &recipe, seconds, cost, err);
    tr_network_close(&net);
    return rc;
}

/* The next student of the space that keeps its limits. */
static bool draw(const struct space *space, struct rt_rng *rng, struct space_arch *arch)
{
    for (int i = 0; i < draws; i++) {
        space_sample(space, rng, arch);
        if (space_feasible(space, arch, NULL))
            return true;
    }
    return false;
}

static void print_sums(const struct study *study, const struct cost *costs, int count)
{
    const int workers = study->search.workers;
    double sum = 0, squares = 0, evaluate = 0, latency = 0, act = 0;
    size_t bytes = 0;

    for (int i = 0; i < count; i++) {
        sum += costs[i].seconds;
        squares += costs[i].seconds * costs[i].seconds;
        evaluate += costs[i].evaluate;
        act += costs[i].act;
        latency += costs[i].latency;
        bytes = costs[i].bytes > bytes ? costs[i].bytes : bytes;
    }
    const double mean = sum / count;
    const double se = count > 1 ? sqrt(fmax(squares / count - mean * mean, 0) / (count - 1)) : 0;

    (void)printf("\na trial takes %.2f s (standard error %.2f), of which validation %.0f %%, "
                 "latency %.0f %%\n",
                 mean, se, 100 * evaluate / sum, 100 * latency / sum);
    if (act > 0)
        (void)printf("episodes that it learns from, in which it acts, take %.0f %% of it\n",
                     100 * act / sum);
    (void)printf("%.0f trials per hour with %d workers", 3600 / mean * workers, workers);
    if (study->search.trials > 0)
        (void)printf("; %lld trials take about %.1f minutes", (long long)study->search.trials,
                     mean * (double)study->search.trials / workers / 60);
    (void)printf("\na worker takes at most %.1f MiB of these\n", (double)bytes / (1 << 20));
}

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

static rt_status bench_session(struct session *session, double seconds, struct rt_err *err)
{
    struct tr_data data = session->data;
    struct cost costs[sample_count];
    const struct tr_layers *layers = &session->study.recipe.layers;
    struct tr_knowledge knowledge;
    struct settings settings;
    struct space_arch arch;
    char text[SPACE_ARCH_TEXT];
    struct rt_rng rng;
    float *logits = NULL;
    int count = 0;
    rt_status rc = RT_OK;

    RT_TRY(settings_choose(&settings, session, err));
    if (tr_layers_on(layers)) { /* closed with the session */
        RT_TRY(tr_network_open(&session->resident,
                               &session->study.teachers.teacher[layers->teacher].arch,
                               &session->shape, session->kernels, TR_NETWORK_TRACE, err));
        tr_network_start(&session->resident, 1);
        data.resident = &session->resident;
    }
    RT_TRY(take_knowledge(session, &knowledge, &logits, err));
    data.knowledge = &knowledge;
    data.ensemble = &session->study.ensemble;
    rt_rng_init(&rng, session->study.seed, RT_STREAM_LATENCY, 2);
    (void)printf("%-32s %9s %9s %9s %8s\n", "student", "trial, s", "train, s", "valid., s", "MiB");
    while (rc == RT_OK && count < sample_count && draw(&session->study.space, &rng, &arch)) {
        struct cost *c = &costs[count];
        if ((rc = cost_of(session, &data, &settings, &arch, seconds / sample_count, c, err)))
            break;
        space_arch_print(&arch, text);
        (void)printf("%-32s %9.2f %9.2f %9.2f %8.1f\n", text, c->seconds, c->train, c->evaluate,
                     (double)c->bytes / (1 << 20));
        (void)fflush(stdout);
        count++;
    }
    if (rc == RT_OK && count > 0)
        print_sums(&session->study, costs, count);
    free(logits);
    if (knowledge.live)
        tr_knowledge_close(&knowledge);
    return rc;
}

rt_status bench_study(const char *path, double seconds, struct rt_err *err)
{
    struct session session;
    rt_status rc;

    RT_TRY(session_open(&session, path, NULL, err));
    rc = bench_session(&session, seconds, err);
    session_close(&session);
    return rc;
}
