/* trainer/env/mujoco.c -- robots of MuJoCo: hopper, half_cheetah, walker2d, swimmer,
 * inverted_double_pendulum as in Gymnasium's v5, and any model by terms of the study.
 *
 * One mjModel for all threads, which mj_step() only reads; an mjData a copy. mj_resetData() before
 * each episode clears the warm start too, so that nothing of the last one leaks in. After the inner
 * steps nothing is computed anew: places of sites are those of the last inner step's start, as there.
 * MuJoCo reports errors by a function that must not return, or the process ends and leaves a log file:
 * each call stands in a guard that it jumps out of (Debian's library, 2.2.2). */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "trainer/env/env_internal.h"
#include "trainer/env/mujoco_terms.h"

struct robot {
    const char *name;
    struct tr_mujoco_spec spec;
};

static const struct robot robots[] = {
    {"hopper",
     {4, "qpos 1:, qvel clip 10", "1 forward 0, 1 alive, -0.001 control",
      "qpos 1 within 0.7 inf, qpos 2 within -0.2 0.2, qpos 2: within -100 100, "
      "qvel within -100 100",
      .005, .005, false}},
    {"walker2d",
     {4, "qpos 1:, qvel clip 10", "1 forward 0, 1 alive, -0.001 control",
      "qpos 1 within 0.8 2, qpos 2 within -1 1", .005, .005, false}},
    {"half_cheetah", {5, "qpos 1:, qvel", "1 forward 0, -0.1 control", "", .1, .1, true}},
    {"swimmer", {4, "qpos 2:, qvel", "1 forward 0, -0.0001 control", "", .1, .1, false}},
    {"inverted_double_pendulum",
     {5, "qpos 0, sin 1:3, cos 1:3, qvel clip 10, constraint 0 clip 10",
      "10 alive, -0.01 square site_x 0, -1 square site_z 0 from 2, -0.001 square qvel 1, "
      "-0.005 square qvel 2",
      "site_z 0 within 1 inf", .1, .1, true}},
};
enum { robot_count = sizeof robots / sizeof *robots, robot_horizon = 1000 };

const char *tr__mujoco_name(int i)
{
    return i < robot_count ? robots[i].name : i == robot_count ? "mujoco" : NULL;
}

#ifdef RT_MUJOCO
#include "trainer/env/mujoco_picture.h"

struct shared {
    mjModel *model;
    struct tr_mujoco_spec spec; /* its texts are not kept */
    struct tr_mujoco_terms terms;
    double *limits;    /* low and high of the actions */
    size_t data_bytes; /* of an mjData */
};

/* ---- guards ---- */

static _Thread_local jmp_buf *guard;
static _Thread_local char complaint[256];

static void on_error(const char *text)
{
    (void)snprintf(complaint, sizeof complaint, "%s", text);
    rt_text_plain(complaint);
    if (guard)
        longjmp(*guard, 1);
}

static void on_warning(const char *text)
{
    (void)text; /* counted in mjData, where it belongs to a copy */
}

/* Runs call(argument); false when MuJoCo complained, and `complaint` says of what. */
static bool guarded(void (*call)(void *), void *argument)
{
    jmp_buf here;

    if (setjmp(here)) {
        guard = NULL;
        return false;
    }
    guard = &here;
    call(argument);
    guard = NULL;
    return true;
}

/* ---- opening ---- */

struct loading {
    const char *path;
    char why[300];
    mjModel *model;
    mjData *data; /* to know its size, and that there can be one */
};

static void load_model(void *argument)
{
    struct loading *l = argument;

    l->model = mj_loadXML(l->path, NULL, l->why, sizeof l->why);
}

static void make_data(void *argument)
{
    struct loading *l = argument;

    l->data = mj_makeData(l->model);
}

/* The compiler of models is not for several threads. */
static rt_status load(struct shared *s, const char *path, struct rt_err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct loading l = {.path = path};
    bool made;

    pthread_mutex_lock(&lock);
    mju_user_error = on_error;
    mju_user_warning = on_warning;
    made = guarded(load_model, &l);
    if (made && l.model) {
        s->model = l.model;
        made = guarded(make_data, &l) && l.data;
    }
    pthread_mutex_unlock(&lock);
    rt_text_plain(l.why);
    if (!made || !l.model)
        return rt_fail(err, RT_EFORMAT, "MuJoCo refuses the model '%s': %.200s", path,
                       !made ? complaint : l.why);
    s->data_bytes = sizeof *l.data + (size_t)l.data->nbuffer + 8 * (size_t)l.data->nstack;
    mj_deleteData(l.data);
    return RT_OK;
}

static int size_of(const mjModel *m, enum tr_quantity what)
{
    switch (what) {
    case TR_QPOS:
    case TR_SIN:
    case TR_COS: return m->nq;
    case TR_QVEL:
    case TR_CONSTRAINT: return m->nv;
    case TR_SITE_X:
    case TR_SITE_Y:
    case TR_SITE_Z: return m->nsite;
    case TR_SENSOR: return m->nsensordata;
    case TR_QUANTITIES: break;
    }
    return 0;
}

/* Ends ranges that go on to the end; RT_ESHAPE when the model has not so many. */
static rt_status fit_range(const mjModel *m, const char *path, struct tr_range *r,
                           struct rt_err *err)
{
    const int size = size_of(m, r->what);

    if (r->to < 0)
        r->to = size;
    if (r->from >= size || r->to > size)
        return rt_fail(err, RT_ESHAPE, "'%s' has %d numbers of %s, and a term wants number %d",
                       path, size, tr_quantity_name(r->what), r->to > size ? r->to - 1 : r->from);
    return RT_OK;
}

static rt_status fit_terms(struct shared *s, const char *path, int *observation, struct rt_err *err)
{
    struct tr_mujoco_terms *t = &s->terms;

    *observation = 0;
    for (int i = 0; i < t->observe_count; i++) {
        RT_TRY(fit_range(s->model, path, &t->observe[i].of, err));
        *observation += t->observe[i].of.to - t->observe[i].of.from;
    }
    for (int i = 0; i < t->reward_count; i++)
        if (t->reward[i].kind == TR_REWARD_FORWARD || t->reward[i].kind == TR_REWARD_SQUARE)
            RT_TRY(fit_range(s->model, path, &t->reward[i].of, err));
    for (int i = 0; i < t->healthy_count; i++)
        RT_TRY(fit_range(s->model, path, &t->healthy[i].of, err));
    return RT_OK;
}

static rt_status take_limits(struct tr_env_info *info, struct shared *s, const char *path,
                             struct rt_err *err)
{
    const int n = s->model->nu;

    if (n < 1)
        return rt_fail(err, RT_ESHAPE, "'%s' has no actuators, so nothing could act in it", path);
    if (!(s->limits = calloc(2 * (size_t)n, sizeof *s->limits)))
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", path);
    for (int i = 0; i < n; i++) {
        const bool limited = s->model->actuator_ctrllimited[i];
        s->limits[i] = limited ? s->model->actuator_ctrlrange[2 * (ptrdiff_t)i] : -INFINITY;
        s->limits[n + i] = limited ? s->model->actuator_ctrlrange[2 * (ptrdiff_t)i + 1] : INFINITY;
    }
    info->actions = n;
    info->low = s->limits;
    info->high = s->limits + n;
    return RT_OK;
}

/* Of the compiled model, includes and meshes in it, the terms and the library: digits differ. */
static rt_status hash_model(const struct shared *s, const struct tr_mujoco_spec *spec,
                            char text[RT_HASH_TEXT], struct rt_err *err)
{
    const int bytes = mj_sizeModel(s->model), version = mj_version();
    void *image = calloc(1, (size_t)bytes);
    struct rt_hash *hash = image ? rt_hash_open() : NULL;

    if (!hash) {
        free(image);
        return rt_fail(err, RT_ENOMEM, "no memory to hash a model");
    }
    mj_saveModel(s->model, NULL, image, bytes);
    rt_hash_add(hash, image, (size_t)bytes);
    rt_hash_add(hash, &version, sizeof version);
    rt_hash_add(hash, &spec->skip, sizeof spec->skip);
    rt_hash_add(hash, spec->observation, strlen(spec->observation) + 1);
    rt_hash_add(hash, spec->reward, strlen(spec->reward) + 1);
    rt_hash_add(hash, spec->healthy, strlen(spec->healthy) + 1);
    rt_hash_add(hash, (double[]){spec->start_qpos, spec->start_qvel, spec->start_normal},
                3 * sizeof(double));
    rt_hash_close(hash, text);
    free(image);
    return RT_OK;
}

static const struct tr_mujoco_spec *spec_of(const struct tr_env_spec *spec)
{
    for (int i = 0; i < robot_count; i++)
        if (strcmp(robots[i].name, spec->name) == 0)
            return &robots[i].spec;
    return spec->mujoco;
}

static rt_status check_spec(const struct tr_env_spec *spec, const struct tr_mujoco_spec *m,
                            struct rt_err *err)
{
    if (!spec->model)
        return rt_fail(err, RT_EARG,
                       "environment '%s' needs `model`, its MJCF file, such as "
                       "examples/policy/hopper.xml",
                       spec->name);
    if (!m || !m->observation || !m->reward || !m->healthy)
        return rt_fail(err, RT_EARG,
                       "environment 'mujoco' needs terms of `observation` and `reward`");
    if (m != spec->mujoco && spec->mujoco)
        return rt_fail(err, RT_EARG,
                       "environment '%s' has terms of its own: name 'mujoco' to give others",
                       spec->name);
    if (m->skip < 1 || !(m->start_qpos >= 0) || !(m->start_qvel >= 0) || isinf(m->start_qpos) ||
        isinf(m->start_qvel))
        return rt_fail(err, RT_EARG, "environment '%s': skip is at least 1, noise at least 0",
                       spec->name);
    return RT_OK;
}

static rt_status mujoco_open(struct tr_env *env, const struct tr_env_spec *spec, struct rt_err *err)
{
    const struct tr_mujoco_spec *m = spec_of(spec);
    struct tr_env_info *info = &env->info;
    struct shared *s;

    RT_TRY(check_spec(spec, m, err));
    if (!(s = calloc(1, sizeof *s)))
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", spec->model);
    env->shared = s;
    s->spec = *m;
    RT_TRY(tr_mujoco_terms_parse(m->observation, m->reward, m->healthy, &s->terms, err));
    RT_TRY(load(s, spec->model, err));
    RT_TRY(fit_terms(s, spec->model, &info->observation, err));
    RT_TRY(take_limits(info, s, spec->model, err));
    (void)snprintf(info->name, sizeof info->name, "%s", spec->name);
    info->horizon = robot_horizon;
    info->seconds = m->skip * s->model->opt.timestep;
    return hash_model(s, m, info->hash, err);
}

static void mujoco_close(struct tr_env *env)
{
    struct shared *s = env->shared;

    if (!s)
        return;
    if (s->model)
        mj_deleteModel(s->model);
    free(s->limits);
    free(s);
}

/* ---- batches ---- */

static const struct shared *shared_of(const struct tr_env_batch *batch)
{
    return batch->env->shared;
}

static mjData *data_of(const struct tr_env_batch *batch, int i)
{
    return ((mjData **)batch->state)[i];
}

static size_t mujoco_bytes(const struct tr_env *env, int count)
{
    return (size_t)count * (sizeof(mjData *) + ((const struct shared *)env->shared)->data_bytes);
}

static void mujoco_batch_close(struct tr_env_batch *batch)
{
    for (int i = 0; i < batch->count; i++)
        if (data_of(batch, i))
            mj_deleteData(data_of(batch, i));
    free(batch->state);
}

static rt_status mujoco_batch_open(struct tr_env_batch *batch, struct rt_err *err)
{
    struct loading l = {.model = shared_of(batch)->model};

    if (!(batch->state = calloc((size_t)batch->count, sizeof(mjData *))))
        return rt_fail(err, RT_ENOMEM, "%s: no memory for %d environments", batch->env->info.name,
                       batch->count);
    for (int i = 0; i < batch->count; i++) {
        if (!guarded(make_data, &l) || !l.data)
            return rt_fail(err, RT_ENOMEM, "%s: no memory for %d environments",
                           batch->env->info.name, batch->count);
        ((mjData **)batch->state)[i] = l.data;
    }
    return RT_OK;
}

static double number_of(const mjData *d, enum tr_quantity what, int i)
{
    switch (what) {
    case TR_QPOS: return d->qpos[i];
    case TR_QVEL: return d->qvel[i];
    case TR_SIN: return sin(d->qpos[i]);
    case TR_COS: return cos(d->qpos[i]);
    case TR_SITE_X: return d->site_xpos[3 * (ptrdiff_t)i];
    case TR_SITE_Y: return d->site_xpos[3 * (ptrdiff_t)i + 1];
    case TR_SITE_Z: return d->site_xpos[3 * (ptrdiff_t)i + 2];
    case TR_CONSTRAINT: return d->qfrc_constraint[i];
    case TR_SENSOR: return d->sensordata[i];
    case TR_QUANTITIES: break;
    }
    return 0;
}

static void observe(struct tr_env_batch *batch, int i)
{
    const struct tr_mujoco_terms *t = &shared_of(batch)->terms;
    double *o = batch->observation + (ptrdiff_t)i * batch->env->info.observation;

    for (int k = 0; k < t->observe_count; k++)
        for (int j = t->observe[k].of.from; j < t->observe[k].of.to; j++) {
            const double v = number_of(data_of(batch, i), t->observe[k].of.what, j);
            const double clip = t->observe[k].clip;
            *o++ = v > clip ? clip : v < -clip ? -clip : v; /* NaN stays, and is found */
        }
}

static bool healthy(const struct tr_mujoco_terms *t, const mjData *d)
{
    for (int k = 0; k < t->healthy_count; k++)
        for (int j = t->healthy[k].of.from; j < t->healthy[k].of.to; j++) {
            const double v = number_of(d, t->healthy[k].of.what, j);
            if (!(t->healthy[k].low < v && v < t->healthy[k].high))
                return false;
        }
    return true;
}

/* before: of the number whose change FORWARD is, for each term. */
static double reward_of(const struct tr_env_batch *batch, int i, const double *before, bool alive)
{
    const struct shared *s = shared_of(batch);
    const mjData *d = data_of(batch, i);
    const double *action = batch->action + (ptrdiff_t)i * batch->env->info.actions;
    const double seconds = s->spec.skip * s->model->opt.timestep;
    double sum = 0;

    for (int k = 0; k < s->terms.reward_count; k++) {
        const struct tr_reward_term *t = &s->terms.reward[k];
        double v = alive;
        if (t->kind == TR_REWARD_FORWARD) {
            v = (d->qpos[t->of.from] - before[k]) / seconds;
        } else if (t->kind == TR_REWARD_CONTROL) {
            v = 0;
            for (int j = 0; j < batch->env->info.actions; j++)
                v += action[j] * action[j];
        } else if (t->kind == TR_REWARD_SQUARE) {
            v = number_of(d, t->of.what, t->of.from) - t->target;
            v *= v;
        }
        sum += t->weight * v;
    }
    return sum;
}

struct moving {
    struct tr_env_batch *batch;
    const bool *which;
    const uint64_t *seed;
};

static void start_one(const struct shared *s, mjData *d, uint64_t seed)
{
    const mjModel *m = s->model;
    struct rt_rng rng;

    rt_rng_init(&rng, seed, RT_STREAM_START, 0);
    mj_resetData(m, d);
    for (int j = 0; j < m->nq; j++)
        d->qpos[j] += s->spec.start_qpos * (2 * rt_rng_uniform(&rng) - 1);
    for (int j = 0; j < m->nv; j++)
        d->qvel[j] += s->spec.start_qvel *
                      (s->spec.start_normal ? rt_rng_normal(&rng) : 2 * rt_rng_uniform(&rng) - 1);
    mj_forward(m, d);
}

static void reset_all(void *argument)
{
    const struct moving *r = argument;

    for (int i = 0; i < r->batch->count; i++)
        if (r->which[i]) {
            start_one(shared_of(r->batch), data_of(r->batch, i), r->seed[i]);
            observe(r->batch, i);
        }
}

static rt_status complain(const struct tr_env_batch *batch, struct rt_err *err)
{
    return rt_fail(err, RT_EFORMAT, "%s: MuJoCo gave up: %.200s", batch->env->info.name, complaint);
}

static rt_status mujoco_reset(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                              struct rt_err *err)
{
    struct moving r = {batch, which, seed};

    return guarded(reset_all, &r) ? RT_OK : complain(batch, err);
}

/* Warnings that mean the state broke and was reset by the library. */
static int broken(const mjData *d)
{
    return d->warning[mjWARN_BADQPOS].number + d->warning[mjWARN_BADQVEL].number +
           d->warning[mjWARN_BADQACC].number + d->warning[mjWARN_BADCTRL].number;
}

static void step_one(struct tr_env_batch *batch, int i)
{
    const struct shared *s = shared_of(batch);
    const int n = batch->env->info.actions;
    mjData *d = data_of(batch, i);
    double before[TR_TERMS_MOST];
    const int warned = broken(d);
    bool alive;

    for (int k = 0; k < s->terms.reward_count; k++)
        before[k] =
            s->terms.reward[k].kind == TR_REWARD_FORWARD ? d->qpos[s->terms.reward[k].of.from] : 0;
    memcpy(d->ctrl, batch->action + (ptrdiff_t)i * n, (size_t)n * sizeof *d->ctrl);
    for (int k = 0; k < s->spec.skip; k++)
        mj_step(s->model, d);
    alive = healthy(&s->terms, d) && broken(d) == warned;
    batch->reward[i] = reward_of(batch, i, before, alive);
    batch->flags[i] = alive ? 0 : TR_ENV_TERMINATED;
    observe(batch, i);
}

static void step_all(void *argument)
{
    const struct moving *r = argument;

    for (int i = 0; i < r->batch->count; i++)
        if (r->which[i])
            step_one(r->batch, i);
}

static rt_status mujoco_step(struct tr_env_batch *batch, const bool *live, bool labels,
                             struct rt_err *err)
{
    struct moving r = {batch, live, NULL};

    (void)labels;
    return guarded(step_all, &r) ? RT_OK : complain(batch, err);
}

/* ---- to look at ---- */

static int mujoco_state_size(const struct tr_env *env)
{
    const mjModel *m = ((const struct shared *)env->shared)->model;

    return m->nq + m->nv;
}

static void mujoco_get_state(const struct tr_env_batch *batch, int i, double *state)
{
    const mjModel *m = shared_of(batch)->model;

    memcpy(state, data_of(batch, i)->qpos, (size_t)m->nq * sizeof *state);
    memcpy(state + m->nq, data_of(batch, i)->qvel, (size_t)m->nv * sizeof *state);
}

struct placing {
    struct tr_env_batch *batch;
    int i;
    const double *state;
};

static void place(void *argument)
{
    const struct placing *p = argument;
    const mjModel *m = shared_of(p->batch)->model;
    mjData *d = data_of(p->batch, p->i);

    mj_resetData(m, d);
    memcpy(d->qpos, p->state, (size_t)m->nq * sizeof *d->qpos);
    memcpy(d->qvel, p->state + m->nq, (size_t)m->nv * sizeof *d->qvel);
    mj_forward(m, d);
    observe(p->batch, p->i);
}

static void mujoco_set_state(struct tr_env_batch *batch, int i, const double *state)
{
    struct placing p = {batch, i, state};

    (void)guarded(place, &p);
}

static int mujoco_draw(const struct tr_env_batch *batch, int i, int room,
                       struct tr_capsule *capsules)
{
    return tr__mujoco_picture(shared_of(batch)->model, data_of(batch, i), room, capsules);
}

/* A term and its number, "qpos 1"; of actions the actuator. */
static void mujoco_name(const struct tr_env *env, bool action, int i, char name[TR_ENV_NAME])
{
    const struct shared *s = env->shared;
    const char *actuator = action ? mj_id2name(s->model, mjOBJ_ACTUATOR, i) : NULL;

    if (actuator) {
        (void)snprintf(name, TR_ENV_NAME, "%s", actuator);
        rt_text_plain(name);
    }
    for (int k = 0; !action && k < s->terms.observe_count; k++) {
        const struct tr_range *of = &s->terms.observe[k].of;
        if (i >= 0 && i < of->to - of->from)
            (void)snprintf(name, TR_ENV_NAME, "%s %d", tr_quantity_name(of->what), of->from + i);
        i -= of->to - of->from;
    }
}

const struct tr_env_kind tr__env_mujoco = {
    .open = mujoco_open,
    .close = mujoco_close,
    .bytes = mujoco_bytes,
    .batch_open = mujoco_batch_open,
    .batch_close = mujoco_batch_close,
    .reset = mujoco_reset,
    .step = mujoco_step,
    .state_size = mujoco_state_size,
    .get_state = mujoco_get_state,
    .set_state = mujoco_set_state,
    .draw = mujoco_draw,
    .name = mujoco_name,
};

#else

static rt_status mujoco_open(struct tr_env *env, const struct tr_env_spec *spec, struct rt_err *err)
{
    (void)env;
    return rt_fail(err, RT_EARG,
                   "environment '%s' needs MuJoCo, which this build was made without: install "
                   "libmujoco-dev and build again",
                   spec->name);
}

const struct tr_env_kind tr__env_mujoco = {.open = mujoco_open};
#endif
