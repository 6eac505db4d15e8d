/* trainer/env/builtin.c -- environments whose equations are here: pendulum, with pixels too, cartpole,
 * acrobot, mountain_car. A batch is the states of its copies, one behind the other. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/env/env_internal.h"

static const struct tr__dynamics *dynamics_of(const struct tr_env_batch *batch)
{
    return batch->env->dynamics;
}

static double *state_of(const struct tr_env_batch *batch, int i)
{
    return (double *)batch->state + (ptrdiff_t)i * dynamics_of(batch)->state;
}

static void observe(struct tr_env_batch *batch, int i)
{
    const struct tr__dynamics *d = dynamics_of(batch);

    d->observe(state_of(batch, i), batch->observation + (ptrdiff_t)i * d->observation);
    if (d->render)
        d->render(state_of(batch, i),
                  batch->pixels + (ptrdiff_t)i * d->pixels[0] * d->pixels[1] * d->pixels[2]);
}

static rt_status builtin_open(struct tr_env *env, const struct tr_env_spec *spec,
                              struct rt_err *err)
{
    const struct tr__dynamics *d = env->dynamics;
    struct tr_env_info *info = &env->info;

    if (spec->model || spec->mujoco)
        return rt_fail(err, RT_EARG, "environment '%s' is not MuJoCo's: leave out `%s`", spec->name,
                       spec->model ? "model" : "reward");
    (void)snprintf(info->name, sizeof info->name, "%s", d->name);
    info->observation = d->observation;
    info->actions = 1;
    info->choices = d->choices;
    if (!d->choices) {
        info->low = &d->low;
        info->high = &d->high;
    }
    info->horizon = d->horizon;
    info->seconds = d->seconds;
    memcpy(info->pixels, d->pixels, sizeof info->pixels);
    return RT_OK;
}

static size_t builtin_bytes(const struct tr_env *env, int count)
{
    const struct tr__dynamics *d = env->dynamics;

    return (size_t)count * (size_t)d->state * sizeof(double);
}

static rt_status builtin_batch_open(struct tr_env_batch *batch, struct rt_err *err)
{
    batch->state = calloc((size_t)batch->count, (size_t)dynamics_of(batch)->state * sizeof(double));
    return batch->state ? RT_OK
                        : rt_fail(err, RT_ENOMEM, "%s: no memory for %d environments",
                                  batch->env->info.name, batch->count);
}

static void builtin_batch_close(struct tr_env_batch *batch)
{
    free(batch->state);
}

static rt_status builtin_reset(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                               struct rt_err *err)
{
    (void)err;
    for (int i = 0; i < batch->count; i++)
        if (which[i]) {
            struct rt_rng rng;
            rt_rng_init(&rng, seed[i], RT_STREAM_START, 0);
            dynamics_of(batch)->start(&rng, state_of(batch, i));
            observe(batch, i);
        }
    return RT_OK;
}

static rt_status builtin_step(struct tr_env_batch *batch, const bool *live, bool labels,
                              struct rt_err *err)
{
    (void)labels;
    (void)err;
    for (int i = 0; i < batch->count; i++)
        if (live[i]) {
            batch->reward[i] =
                dynamics_of(batch)->step(state_of(batch, i), batch->action[i], &batch->flags[i]);
            observe(batch, i);
        }
    return RT_OK;
}

static int builtin_state_size(const struct tr_env *env)
{
    return ((const struct tr__dynamics *)env->dynamics)->state;
}

static void builtin_get_state(const struct tr_env_batch *batch, int i, double *state)
{
    memcpy(state, state_of(batch, i), (size_t)dynamics_of(batch)->state * sizeof *state);
}

static void builtin_set_state(struct tr_env_batch *batch, int i, const double *state)
{
    memcpy(state_of(batch, i), state, (size_t)dynamics_of(batch)->state * sizeof *state);
    observe(batch, i);
}

static int builtin_draw(const struct tr_env_batch *batch, int i, int room,
                        struct tr_capsule *capsules)
{
    struct tr_capsule all[TR__CAPSULES];
    const int count = dynamics_of(batch)->draw(state_of(batch, i), all);

    assert(count <= TR__CAPSULES);
    memcpy(capsules, all, (size_t)(count < room ? count : room) * sizeof *all);
    return count;
}

static void builtin_name(const struct tr_env *env, bool action, int i, char name[TR_ENV_NAME])
{
    const struct tr__dynamics *d = env->dynamics;

    (void)snprintf(name, TR_ENV_NAME, "%s", action ? d->act : d->numbers[i]);
}

const struct tr_env_kind tr__env_builtin = {
    .open = builtin_open,
    .bytes = builtin_bytes,
    .batch_open = builtin_batch_open,
    .batch_close = builtin_batch_close,
    .reset = builtin_reset,
    .step = builtin_step,
    .state_size = builtin_state_size,
    .get_state = builtin_get_state,
    .set_state = builtin_set_state,
    .draw = builtin_draw,
    .name = builtin_name,
};
