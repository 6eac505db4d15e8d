/* trainer/experts/ppo_state.c -- a run of PPO between two updates, as base/state.h keeps it.
 *
 * Sums that an update uses up are zero then. Environments are not asked what they hold, as most could
 * not tell: the actions since an episode's start are kept, and played again, and what a copy sees then
 * has to be what it saw: else the state is as none, as it is where they are refused.
 */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "base/state.h"
#include "trainer/experts/ppo_internal.h"

/* Of recipe and environment, program and kernels. */
static void made_of(const struct tr__ppo *p, const struct tr_ppo_run *run, char text[RT_HASH_TEXT])
{
    char line[512];
    struct rt_build build;

    rt_build_query(&build);
    const int n =
        snprintf(line, sizeof line, "%s %s %s", run->hash, build.hash, tr_kernels_name(p->kernels));
    rt_hash_bytes(line, (size_t)n, text);
}

static void walk_weights(struct rt_state *s, float *weights, size_t n)
{
    rt_state_floats(s, weights, n, -FLT_MAX, FLT_MAX);
}

static void walk_net(struct rt_state *s, struct tr__net *net)
{
    const size_t n = net->mlp.param_count;

    walk_weights(s, net->mlp.params, n);
    walk_weights(s, net->m, n);
    rt_state_floats(s, net->v, n, 0, FLT_MAX);
}

static void walk_moments(struct rt_state *s, struct tr__moments *moments, int n)
{
    rt_state_doubles(s, &moments->count, 1, 0, DBL_MAX);
    rt_state_doubles(s, moments->mean, (size_t)n, -DBL_MAX, DBL_MAX);
    rt_state_doubles(s, moments->var, (size_t)n, 0, DBL_MAX);
}

static void walk_copy(struct rt_state *s, const struct tr__ppo *p, struct tr__copy *copy)
{
    const struct tr_env_info *info = p->info;
    const size_t acted = (size_t)copy->length * (size_t)info->actions;

    rt_state_part(s, &copy->rng, sizeof copy->rng);
    rt_state_part(s, &copy->episodes, sizeof copy->episodes);
    rt_state_doubles(s, &copy->played, 1, -DBL_MAX, DBL_MAX);
    rt_state_doubles(s, &copy->discounted, 1, -DBL_MAX, DBL_MAX);
    if (info->choices)
        rt_state_floats(s, copy->acted, acted, 0, info->choices - 1);
    else
        walk_weights(s, copy->acted, acted);
    rt_state_part(s, copy->seen, sizeof copy->seen);
}

/* The lengths of episodes come first, since they tell how much there is. */
static void walk_games(struct rt_state *s, struct tr__ppo *p)
{
    for (int c = 0; c < p->recipe.copies; c++)
        rt_state_ints(s, &p->copy[c].length, 1, 0, p->info->horizon);
    for (int c = 0; c < p->recipe.copies; c++)
        walk_copy(s, p, &p->copy[c]);
}

static void walk_learnt(struct rt_state *s, struct tr__ppo *p)
{
    const size_t deviations = (size_t)p->info->actions;
    const int64_t updates = (p->recipe.steps + p->rows - 1) / p->rows;

    rt_state_longs(s, &p->behind, 1, 1, (double)updates);
    rt_state_longs(s, &p->adam_steps, 1, 0, (double)(updates * p->recipe.epochs * p->rows));
    walk_net(s, &p->actor);
    walk_net(s, &p->critic);
    if (p->log_sd) {
        walk_weights(s, p->log_sd, deviations);
        walk_weights(s, p->sd_m, deviations);
        rt_state_floats(s, p->sd_v, deviations, 0, FLT_MAX);
    }
    walk_moments(s, &p->seen, p->info->observation);
    walk_moments(s, &p->returns, 1);
}

static void walk(struct rt_state *s, void *context)
{
    walk_games(s, context);
    walk_learnt(s, context);
}

/* What a copy sees now. */
static void hash_seen(const struct tr__ppo *p, const struct tr__lane *lane, int i,
                      char text[RT_HASH_TEXT])
{
    const size_t o = (size_t)p->info->observation;

    rt_hash_bytes(lane->batch->observation + (size_t)i * o, o * sizeof(double), text);
}

void tr__ppo_keep(struct tr__ppo *p, const struct tr_ppo_run *run)
{
    char text[RT_HASH_TEXT];

    for (int c = 0; c < p->recipe.copies; c++)
        if (p->copy[c].length > p->info->horizon)
            return; /* more than is kept of it */
    for (int l = 0; l < p->lanes; l++)
        for (int i = 0; i < p->lane[l].count; i++)
            hash_seen(p, &p->lane[l], i, p->copy[p->lane[l].first + i].seen);
    made_of(p, run, text);
    (void)rt_state_write(run->state, text, walk, p);
}

/* ---- and back ---- */

/* The lengths that it tells, when all that they ask for is there, and may be. */
static bool take_lengths(struct tr__ppo *p, const unsigned char *parts, size_t bytes)
{
    const size_t copies = (size_t)p->recipe.copies;
    struct rt_state count = {0}, judge = {.from = parts, .judges = true};

    if (bytes < copies * sizeof(int))
        return false;
    for (size_t c = 0; c < copies; c++) {
        memcpy(&p->copy[c].length, parts + c * sizeof(int), sizeof(int));
        if (p->copy[c].length < 0 || p->copy[c].length > p->info->horizon)
            return false;
    }
    walk(&count, p);
    if (count.bytes != bytes)
        return false;
    walk(&judge, p);
    return !judge.bad;
}

/* All copies of a lane to where they were. False: they came to somewhere else. */
static rt_status play_again(struct tr__ppo *p, struct tr__lane *lane, bool *same,
                            struct rt_err *err)
{
    const int a = p->info->actions;
    bool live[64];
    uint64_t seed[64];
    int longest = 0;

    for (int i = 0; i < lane->count; i++) {
        const struct tr__copy *copy = &p->copy[lane->first + i];
        live[i] = true;
        seed[i] = tr__ppo_seed(p, lane->first + i, copy->episodes - 1);
        longest = copy->length > longest ? copy->length : longest;
    }
    RT_TRY(tr_env_reset(lane->batch, live, seed, err));
    for (int t = 0; t < longest; t++) {
        for (int i = 0; i < lane->count; i++) {
            const struct tr__copy *copy = &p->copy[lane->first + i];
            live[i] = t < copy->length;
            for (int k = 0; k < a && live[i]; k++)
                lane->action[i * a + k] = (double)copy->acted[(ptrdiff_t)t * a + k];
        }
        RT_TRY(tr_env_step(lane->batch, live, lane->action, false, err));
        for (int i = 0; i < lane->count; i++)
            if (lane->batch->flags[i]) { /* it would have begun another */
                *same = false;
                return RT_OK;
            }
    }
    for (int i = 0; i < lane->count; i++) {
        char seen[RT_HASH_TEXT];
        hash_seen(p, lane, i, seen);
        *same = *same && memcmp(seen, p->copy[lane->first + i].seen, sizeof seen) == 0;
    }
    return RT_OK;
}

/* The environment refused what the state says was done: a state of nobody's. Whoever did that may be gone, so another
 * takes its place, at the beginning. */
static rt_status open_again(const struct tr__ppo *p, struct tr__lane *lane, struct rt_err *err)
{
    tr_env_batch_close(lane->batch);
    lane->batch = NULL;
    return tr_env_batch_open(&lane->batch, p->env, lane->count, err);
}

/* Games first: what was learnt is not taken where they are others. */
static rt_status take(struct tr__ppo *p, const unsigned char *parts, bool *taken,
                      struct rt_err *err)
{
    struct rt_state read = {.from = parts};

    walk_games(&read, p);
    for (int i = 0; i < p->lanes && *taken; i++) {
        const rt_status rc = play_again(p, &p->lane[i], taken, err);
        if (rc == RT_ESTOP || rc == RT_ENOMEM)
            return rc;
        if (rc != RT_OK) {
            *taken = false;
            RT_TRY(open_again(p, &p->lane[i], err));
        }
    }
    if (!*taken)
        return RT_OK;
    walk_learnt(&read, p);
    tr_mlp_pack(&p->actor.mlp, true);
    tr_mlp_pack(&p->critic.mlp, true);
    return RT_OK;
}

rt_status tr__ppo_take(struct tr__ppo *p, const struct tr_ppo_run *run, bool *taken,
                       struct rt_err *err)
{
    const unsigned char *parts;
    char text[RT_HASH_TEXT];
    struct rt_map map;
    size_t bytes;
    rt_status rc = RT_OK;

    *taken = false;
    made_of(p, run, text);
    if (!rt_state_open(&map, run->state, text, &parts, &bytes))
        return RT_OK;
    *taken = take_lengths(p, parts, bytes);
    if (*taken)
        rc = take(p, parts, taken, err);
    rt_map_close(&map);
    for (int i = 0; i < p->lanes && !*taken && rc == RT_OK; i++)
        rc = tr__ppo_begin_lane(p, &p->lane[i], err);
    return rc;
}
