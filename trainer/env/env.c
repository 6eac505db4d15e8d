/* trainer/env/env.c -- what all environments share: arrays, limits, horizon, checks. */
#include "trainer/env/env.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/env/env_internal.h"

static const struct tr__dynamics *const builtin[] = {&tr__pendulum, &tr__cartpole, &tr__acrobot,
                                                     &tr__mountain_car, &tr__pendulum_pixels};
enum { builtin_count = sizeof builtin / sizeof(const struct tr__dynamics *) };

const char *tr_env_builtin(int i)
{
    return i < builtin_count ? builtin[i]->name : NULL;
}

const char *tr_env_name(int i)
{
    return i < builtin_count ? builtin[i]->name : tr__mujoco_name(i - builtin_count);
}

static rt_status find_kind(struct tr_env *env, const struct tr_env_spec *spec, struct rt_err *err)
{
    char known[256] = "";

    if (spec->command) {
        env->kind = &tr__env_command;
        return RT_OK;
    }
    if (spec->recorded) {
        env->kind = &tr__env_recorded;
        return RT_OK;
    }
    for (int i = 0; tr_env_name(i); i++)
        if (strcmp(tr_env_name(i), spec->name) == 0) {
            env->dynamics = i < builtin_count ? builtin[i] : NULL;
            env->kind = i < builtin_count ? &tr__env_builtin : &tr__env_mujoco;
            return RT_OK;
        }
    for (int i = 0; tr_env_name(i); i++) {
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", tr_env_name(i));
    }
    return rt_fail(err, RT_EARG, "there is no environment '%s', known: %s", spec->name, known);
}

static const char *name_of(const struct tr_env_spec *spec)
{
    return spec->command ? spec->command[0] : spec->recorded ? "recorded" : spec->name;
}

/* Of the name and what its back end has hashed into info.hash already. */
static rt_status hash_env(struct tr_env_info *info, struct rt_err *err)
{
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "environment '%s': no memory", info->name);
    rt_hash_add(hash, info->name, strlen(info->name) + 1);
    rt_hash_add(hash, info->hash, strlen(info->hash));
    rt_hash_add(hash, &info->horizon, sizeof info->horizon);
    rt_hash_close(hash, info->hash);
    return RT_OK;
}

rt_status tr_env_open(struct tr_env **env, const struct tr_env_spec *spec, struct rt_err *err)
{
    struct tr_env *e;
    rt_status rc;

    if (spec->horizon < 0)
        return rt_fail(err, RT_EARG, "horizon %d: an episode has at least 1 step", spec->horizon);
    if (!(e = calloc(1, sizeof *e)))
        return rt_fail(err, RT_ENOMEM, "environment '%s': no memory", name_of(spec));
    if ((rc = find_kind(e, spec, err)) == RT_OK && (rc = e->kind->open(e, spec, err)) == RT_OK) {
        if (spec->horizon > 0)
            e->info.horizon = spec->horizon;
        rc = hash_env(&e->info, err);
    }
    if (rc != RT_OK) {
        tr_env_close(e);
        return rc;
    }
    *env = e;
    return RT_OK;
}

void tr_env_close(struct tr_env *env)
{
    if (env && env->kind && env->kind->close)
        env->kind->close(env);
    free(env);
}

const struct tr_env_info *tr_env_info(const struct tr_env *env)
{
    return &env->info;
}

static size_t frame_bytes(const struct tr_env_info *info)
{
    return (size_t)info->pixels[0] * (size_t)info->pixels[1] * (size_t)info->pixels[2];
}

/* Of one copy, in the arrays of struct tr_env_batch. */
static size_t row_bytes(const struct tr_env_info *info)
{
    return sizeof(double) *
               ((size_t)info->observation + (size_t)info->label + 1 + (size_t)info->actions) +
           sizeof(unsigned) + sizeof(int) + frame_bytes(info);
}

size_t tr_env_batch_bytes(const struct tr_env *env, int count)
{
    return sizeof(struct tr_env_batch) + (size_t)count * row_bytes(&env->info) +
           env->kind->bytes(env, count);
}

static bool allocate(struct tr_env_batch *b, const struct tr_env_info *info)
{
    const size_t n = (size_t)b->count;

    b->observation = calloc(n * (size_t)info->observation, sizeof *b->observation);
    b->label = calloc(n * (size_t)info->label + 1, sizeof *b->label);
    b->reward = calloc(n, sizeof *b->reward);
    b->flags = calloc(n, sizeof *b->flags);
    b->steps = calloc(n, sizeof *b->steps);
    b->action = calloc(n * (size_t)info->actions, sizeof *b->action);
    if (frame_bytes(info) > 0 && !(b->pixels = calloc(n, frame_bytes(info))))
        return false;
    return b->observation && b->label && b->reward && b->flags && b->steps && b->action;
}

rt_status tr_env_batch_open(struct tr_env_batch **batch, const struct tr_env *env, int count,
                            struct rt_err *err)
{
    assert(count > 0);
    struct tr_env_batch *b = calloc(1, sizeof *b);
    rt_status rc;

    if (!b)
        return rt_fail(err, RT_ENOMEM, "%s: no memory for %d environments", env->info.name, count);
    b->env = env;
    b->count = count;
    rc = allocate(b, &env->info)
             ? env->kind->batch_open(b, err)
             : rt_fail(err, RT_ENOMEM, "%s: no memory for %d environments", env->info.name, count);
    if (rc != RT_OK) {
        tr_env_batch_close(b);
        return rc;
    }
    *batch = b;
    return RT_OK;
}

void tr_env_batch_close(struct tr_env_batch *batch)
{
    if (!batch)
        return;
    if (batch->state)
        batch->env->kind->batch_close(batch);
    free(batch->observation);
    free(batch->label);
    free(batch->pixels);
    free(batch->reward);
    free(batch->flags);
    free(batch->steps);
    free(batch->action);
    free(batch);
}

/* What a back end wrote into the rows of `which`. */
static rt_status check_finite(const struct tr_env_batch *b, const bool *which, struct rt_err *err)
{
    const struct tr_env_info *info = &b->env->info;

    for (int i = 0; i < b->count; i++) {
        if (!which[i])
            continue;
        if (!isfinite(b->reward[i]))
            return rt_fail(err, RT_ENAN, "%s: the reward of step %d is not finite", info->name,
                           b->steps[i]);
        for (int j = 0; j < info->observation; j++)
            if (!isfinite(b->observation[(size_t)i * (size_t)info->observation + (size_t)j]))
                return rt_fail(err, RT_ENAN, "%s: observation %d of step %d is not finite",
                               info->name, j, b->steps[i]);
        for (int j = 0; j < info->label; j++)
            if (!isfinite(b->label[(size_t)i * (size_t)info->label + (size_t)j]))
                return rt_fail(err, RT_ENAN, "%s: label %d of step %d is not finite", info->name, j,
                               b->steps[i]);
    }
    return RT_OK;
}

rt_status tr_env_reset(struct tr_env_batch *batch, const bool *which, const uint64_t *seed,
                       struct rt_err *err)
{
    for (int i = 0; i < batch->count; i++)
        if (which[i]) {
            batch->reward[i] = 0;
            batch->flags[i] = 0;
            batch->steps[i] = 0;
        }
    RT_TRY(batch->env->kind->reset(batch, which, seed, err));
    return check_finite(batch, which, err);
}

/* What is not a number becomes the lower limit. */
static double clip(double v, double low, double high)
{
    return v > low ? (v < high ? v : high) : low;
}

static void take_action(struct tr_env_batch *b, int i, const double *action)
{
    const struct tr_env_info *info = &b->env->info;

    for (int j = 0; j < info->actions; j++)
        b->action[i * info->actions + j] = info->choices
                                               ? clip(floor(action[j]), 0, info->choices - 1)
                                               : clip(action[j], info->low[j], info->high[j]);
}

rt_status tr_env_step(struct tr_env_batch *batch, const bool *live, const double *action,
                      bool labels, struct rt_err *err)
{
    const struct tr_env_info *info = &batch->env->info;

    for (int i = 0; i < batch->count; i++)
        if (live[i]) {
            assert(batch->flags[i] == 0 && "an episode that has ended is not stepped");
            take_action(batch, i, action + (size_t)i * (size_t)info->actions);
        }
    RT_TRY(batch->env->kind->step(batch, live, labels, err));
    for (int i = 0; i < batch->count; i++)
        if (live[i] && ++batch->steps[i] >= info->horizon && !(batch->flags[i] & TR_ENV_TERMINATED))
            batch->flags[i] |= TR_ENV_TRUNCATED;
    return check_finite(batch, live, err);
}

void tr_env_number_name(const struct tr_env *env, bool action, int i, char name[TR_ENV_NAME])
{
    assert(i >= 0 && i < (action ? env->info.actions : env->info.observation));
    name[0] = '\0';
    if (env->kind->name)
        env->kind->name(env, action, i, name);
    if (!name[0])
        (void)snprintf(name, TR_ENV_NAME, "%s %d", action ? "action" : "observation", i);
}

uint64_t tr_episode_seed(uint64_t seed, int stream, uint64_t index)
{
    struct rt_rng rng;

    rt_rng_init(&rng, seed, (enum rt_stream)stream, index);
    return rt_rng_u64(&rng);
}

int tr_env_state_size(const struct tr_env *env)
{
    return env->kind->state_size ? env->kind->state_size(env) : 0;
}

void tr_env_get_state(const struct tr_env_batch *batch, int i, double *state)
{
    assert(i >= 0 && i < batch->count && batch->env->kind->get_state);
    batch->env->kind->get_state(batch, i, state);
}

void tr_env_set_state(struct tr_env_batch *batch, int i, const double *state)
{
    assert(i >= 0 && i < batch->count && batch->env->kind->set_state);
    batch->reward[i] = 0;
    batch->flags[i] = 0;
    batch->steps[i] = 0;
    batch->env->kind->set_state(batch, i, state);
}

int tr_env_draw(const struct tr_env_batch *batch, int i, int room, struct tr_capsule *capsules)
{
    assert(i >= 0 && i < batch->count);
    return batch->env->kind->draw ? batch->env->kind->draw(batch, i, room, capsules) : 0;
}
